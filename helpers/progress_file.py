"""What was tried and solved, kept in build/progress.json: a help, and never a reason to fail.

The file is read and written only where somebody sits in front of the notebook. A headless run (papermill,
nbval, CI) leaves it alone, so that its outputs do not depend on what was solved before. Where the file cannot
be used (a read-only folder, a full disk, a damaged file) the results stay in memory, and each later result
tries to save them again. Answers are never stored. To start over: delete the file, restart the kernel.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from helpers.session import build_folder, is_live

LARGEST_FILE = 1_000_000  # bytes; what is longer was not written here
KEY = re.compile(r"[0-9]{2}\.[0-9]{1,2} \w{1,80}")
DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})?")
PATIENCE = 5  # seconds for which another kernel may hold the file


@dataclass(frozen=True)
class Record:
    """attempts: up to the first right one; solved: its date, such as "2026-11-30", "" until then."""

    attempts: int = 0
    solved: str = ""


Records = dict[str, Record]  # by exercise: "03.2 keep_top_k"
_saved: Records = {}  # what this process knows to be in the file
_unsaved: list[tuple[str, bool, str]] = []  # exercise, whether right, date


def add_attempt(key: str, right: bool) -> Record:
    """Count an attempt at an exercise, save it if that is possible, and return what stands there now."""
    _unsaved.append((key, right, date.today().isoformat()))
    if is_live():
        with contextlib.suppress(OSError):
            _save(place())
    return recall()[key]


def recall() -> Records:
    """What is solved and tried: in the file, if somebody sits here, and in this process."""
    stored: Records = {}
    if is_live():
        with contextlib.suppress(OSError):
            stored, _ = read(place())
    return _with_unsaved(_merged(stored, _saved))


def is_kept() -> bool:
    """Whether the file holds everything that this process has to save."""
    return not _unsaved


def place() -> Path:
    """Where the file lies, or would lie."""
    return build_folder() / "progress.json"


def read(path: Path) -> tuple[Records, bool]:
    """The records in a file, and whether all of it is sound; no file is a sound one without records.

    Raises OSError where there is something that cannot be read.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return {}, True
    if not path.is_file():
        raise IsADirectoryError(path)
    if size > LARGEST_FILE:
        return {}, False
    try:
        entries = json.loads(path.read_bytes())["exercises"]
        records = {key: Record(**entry) for key, entry in entries.items() if _is_sound(key, entry)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}, False
    return records, len(records) == len(entries)


def _is_sound(key: str, entry: object) -> bool:
    """Whether this is an exercise with its number of attempts and a date or none."""
    if not isinstance(entry, dict) or set(entry) != {"attempts", "solved"} or not KEY.fullmatch(key):
        return False
    attempts, solved = entry["attempts"], entry["solved"]
    if type(attempts) is not int or not isinstance(solved, str):
        return False
    return 0 < attempts < 1_000_000 and DAY.fullmatch(solved) is not None


def _save(path: Path) -> None:
    """Add what is not saved yet to the file, in one step; other kernels' results and a damaged file stay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        stored, sound = read(path)
        records = _with_unsaved(_merged(stored, _saved))
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            content = {"exercises": {key: asdict(records[key]) for key in sorted(records)}}
            draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            if not sound:
                os.replace(path, path.with_name("progress.damaged.json"))
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    _saved.update(records)
    _unsaved.clear()


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other kernels out; go on without a lock where there can be none (some network drives)."""
    from filelock import FileLock

    lock = FileLock(path.with_name(f".{path.name}.lock"))
    with contextlib.suppress(OSError, NotImplementedError):
        lock.acquire(timeout=PATIENCE)
    try:
        yield
    finally:
        lock.release()


def _merged(first: Records, second: Records) -> Records:
    """Both together; of two records of an exercise the solved one counts, else the one with more attempts."""
    merged = dict(first)
    for key, record in second.items():
        other = merged.get(key, Record())
        merged[key] = max(other, record, key=lambda either: (bool(either.solved), either.attempts))
    return merged


def _with_unsaved(records: Records) -> Records:
    """The records after the attempts that are not saved yet; after the first right one nothing counts."""
    records = dict(records)
    for key, right, day in _unsaved:
        before = records.get(key, Record())
        if not before.solved:
            records[key] = Record(before.attempts + 1, day if right else "")
    return records
