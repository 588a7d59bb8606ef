"""Keeping a model of notebook 08: as one file, downloaded where the notebook runs in Google Colab."""

from __future__ import annotations

import shutil
from pathlib import Path

from helpers.errors import WorkbookError


def as_zip(folder: Path) -> Path:
    """Pack a folder of build/ into one file beside it, NAME.zip; in Colab the browser downloads that file.

    Raises WorkbookError where there is no such folder, or no room for the file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise WorkbookError(f"There is no folder {folder.name} to keep: train the model first.")
    try:
        packed = Path(shutil.make_archive(str(folder), "zip", folder.parent, folder.name))
    except OSError as error:
        reason = error.strerror or "perhaps the disk is full"
        raise WorkbookError(f"{folder.name}.zip cannot be written ({reason}): make room first.") from None
    _download(packed)
    return packed


def _download(file: Path) -> None:
    """Hand a file to the browser, in Colab alone."""
    try:
        from google.colab import files
    except ImportError:
        return
    files.download(str(file))
