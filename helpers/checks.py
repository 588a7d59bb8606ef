"""Checks of single values, each with one sentence that says what to give instead."""

from __future__ import annotations

import math
import os
from numbers import Integral, Real
from pathlib import Path
from unicodedata import normalize

from helpers.errors import WorkbookError


def check_seed(seed: int | str) -> int:
    """The seed as an int from 0 to 4294967295 (what numpy and torch both take), else WorkbookError."""
    text = str(seed).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 99 and int(text) < 2**32):
        raise WorkbookError(f'The seed is "{seed}": give a whole number from 0 to 4294967295.')
    return int(text)


def check_number(name: str, value: float, low: float, high: float, wanted: str) -> None:
    """WorkbookError, saying what is wanted, unless low <= value <= high; an int as `low` wants an int."""
    kind = Integral if isinstance(low, int) else Real
    fits = isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or not low <= value <= high:
        raise WorkbookError(f"{name} is {value}: give {wanted}.")


def check_text(name: str, value: object) -> None:
    """WorkbookError for what is no text, or holds half a character (a surrogate), which no file can hold."""
    if not isinstance(value, str):
        shown = repr(value)[:60]
        raise WorkbookError(f"{name} is a text, but this one is a {type(value).__name__}: {shown}.")
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise WorkbookError(f"{name} has half a character in it ({ascii(value)[:60]}): write it anew.")


def printable(name: str) -> str:
    """The last 100 characters of a name, those that could break the output escaped."""
    shown = [c if c.isprintable() else c.encode("unicode_escape").decode() for c in name]
    return "".join(shown)[-100:]


def find_path(name: str | Path) -> Path:
    """The path that somebody means: ~ is a home, and letters match whether composed (é) or not (e and ´).

    macOS writes names apart that a keyboard types composed. Without a match the path is as it was named.
    """
    path = Path(os.path.expanduser(name))
    place = Path(path.anchor)
    for part in path.parts[len(place.parts) :]:
        if not os.path.exists(place / part) and os.path.isdir(place) and os.access(place, os.R_OK):
            wanted = normalize("NFC", part)
            part = next((other for other in os.listdir(place) if normalize("NFC", other) == wanted), part)
        place = place / part
    return place
