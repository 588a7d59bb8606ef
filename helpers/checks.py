"""Checks of single values, each with one sentence that says what to give instead."""

from __future__ import annotations

import math
from numbers import Integral, Real

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


def printable(name: str) -> str:
    """The last 100 characters of a name, those that could break the output escaped."""
    shown = [c if c.isprintable() else c.encode("unicode_escape").decode() for c in name]
    return "".join(shown)[-100:]
