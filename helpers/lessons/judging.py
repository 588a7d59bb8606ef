"""Judges of exercises: an answer is called with many cases and compared with the reference answer."""

from __future__ import annotations

import copy
import reprlib
from collections.abc import Callable
from typing import Any

SHORT = reprlib.Repr()  # long lists are cut in feedback
SHORT.maxlist, SHORT.maxlevel, SHORT.maxstring = 8, 4, 80


def like(reference: Callable, cases: Callable[[], list[tuple]], slips: dict[str, Callable]) -> Callable:
    """A judge that calls an answer with each case's arguments and wants what the reference returns.

    slips: typical wrong functions, by the sentence that names the mistake.
    """

    def judge(answer: Callable) -> str | None:
        for case in cases():
            given = copy.deepcopy(case)
            got, wanted = plain(answer(*given)), plain(reference(*copy.deepcopy(case)))
            if plain(given) != plain(case):
                return "The function changes what it was given: work on a copy."
            if got != wanted:
                named = [why for why, slip in slips.items() if plain(slip(*copy.deepcopy(case))) == got]
                shown = ", ".join(getattr(part, "__name__", SHORT.repr(plain(part))) for part in case)
                result, yours = SHORT.repr(wanted), SHORT.repr(got)
                return named[0] if named else f"For {shown} the result is {result}, yours is {yours}."
        return None

    return judge


def plain(value: Any) -> Any:
    """Tensors and tuples as lists, numbers to six digits, so that equal results compare equal."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
