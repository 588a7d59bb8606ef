"""What training writes: checkpoints to go on from, and folders that are replaced whole or not at all.

Everything lies below build/ (or WORKBOOK_OUTPUT).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from helpers.checks import printable
from helpers.errors import WorkbookError
from helpers.session import build_folder


def below_build(folder: str | Path) -> Path:
    """A folder to write into, below build/ or WORKBOOK_OUTPUT; a relative one counts from where that lies."""
    root, name = build_folder().resolve(), printable(str(folder))
    first, *rest = Path(folder).parts or ("",)
    place = (root.joinpath(*rest) if first == "build" else root.parent / folder).resolve()
    if root not in place.parents:
        raise WorkbookError(f'"{name}" does not lie below build/: name a folder there, such as build/mine.')
    existing = next((path for path in (place, *place.parents) if path.exists()), root)
    if not existing.is_dir():
        raise WorkbookError(f'"{name}" is a file, or below one: move it away, or name another folder.')
    return place


def write(folder: Path, state: dict) -> None:
    """Write a checkpoint; the one before is kept, and a half-written one never counts."""
    current, unfinished = folder / "checkpoint.pt", folder / "checkpoint.unfinished"
    with _explaining(folder):
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(state, unfinished)
        if current.exists():
            os.replace(current, folder / "checkpoint.previous.pt")
        os.replace(unfinished, current)


def read(folder: Path, settings: dict) -> dict | None:
    """The newest checkpoint that can be read, or None; WorkbookError where its run had other settings."""
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        try:
            state = torch.load(folder / name, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            continue
        except Exception:  # half written, or damaged: each kind of damage has its own error
            print(f"{name} in {folder.name} cannot be read: going on from the one before, if there is one.")
            continue
        _check_same_run(folder, state["settings"], settings)
        return state
    return None


def _check_same_run(folder: Path, written: dict, wanted: dict) -> None:
    for name in written | wanted:
        if written.get(name) != wanted.get(name):
            values = f"{written.get(name)}, not {wanted.get(name)}"[:60]
            raise WorkbookError(
                f"The checkpoint in {folder.name} is another run's ({name}: {values}): "
                "use its values, remove that folder, or name another."
            )


def beside(folder: Path) -> Path:
    """Where the checkpoints of a run lie whose result will be this folder."""
    return folder.with_name(f"{folder.name}.unfinished")


def finish(folder: Path, *writers: Callable[[Path], None]) -> None:
    """Put what they write in the folder's place, whole or not at all, and remove the run's checkpoints."""
    new, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    with _explaining(folder):
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)
        new.mkdir(parents=True)
        for write_into in writers:
            write_into(new)
        if folder.exists():
            os.replace(folder, old)
        os.replace(new, folder)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(beside(folder), ignore_errors=True)


@contextmanager
def _explaining(folder: Path) -> Iterator[None]:
    """Turns what goes wrong in writing into a WorkbookError; what is half written goes, the rest stays."""
    try:
        yield
    except Exception as error:  # a full disk is an OSError, a RuntimeError or a SafetensorError
        for half in (*folder.glob("*.unfinished"), folder.with_name(f".{folder.name}.new")):
            half.unlink() if half.is_file() else shutil.rmtree(half, ignore_errors=True)
        reason = getattr(error, "strerror", None) or "perhaps the disk is full"
        raise WorkbookError(
            f"{folder.name} cannot be written ({reason}), and what was there is kept: make room, then run "
            "again."
        ) from None
