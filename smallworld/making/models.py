"""A model's folder: is everything there?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class ModelError(ValueError):
    """A model that is missing or damaged; the message says what to do."""


def require_model(folder: Path, files: Iterable[str], target: str) -> None:
    """ModelError where a file is missing in ``folder``; ``target``: the ``make`` target that trains it."""
    for name in files:
        if not (folder / name).exists():
            raise ModelError(
                f"There is no model in {folder} ({name} is missing): run `make {target}` first or name "
                "another folder."
            )
