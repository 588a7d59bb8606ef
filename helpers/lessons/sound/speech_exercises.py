"""The exercises of notebook 07 about speech: reference answers, judges, hints.

``EXERCISES`` is registered where the package is imported, together with those about melodies.
"""

from __future__ import annotations

import math
from typing import Any

from helpers.exercises import Exercise
from helpers.lessons.answer_checks import like
from helpers.lessons.sound.wavenet import read_and_write


def nearest_level(sample, levels):
    """Return the number of the level that is nearest to a sample; the levels have equal steps.

    The first level, number 0, is the sample -1; the last one, number `levels` - 1, is the sample 1.
    """
    share = (sample + 1) / 2  # from 0 to 1
    return round(share * (levels - 1))


# Judges


def _samples() -> list[tuple]:
    """No sample lies in the middle between two levels, where both would be right."""
    return [(-1.0, 16), (1.0, 16), (0.3, 5), (-0.61, 5), (0.26, 4), (-0.2, 2), (-0.45, 9), (0.98, 256),
            (0.0, 3)]  # fmt: skip


def _judge_memory(answer: Any) -> str | None:
    """Rings of three lengths, turned three times; the values go up and down, so that none tells its age."""
    news = (5, 2, 9, 4, 7, 1, 8, 3, 6, 12, 10, 11)
    for length in (4, 3, 1):
        ring, wanted = [0] * length, [0] * length
        for step in range(3 * length):
            before, new = list(ring), news[step]
            oldest = read_and_write(wanted, step, new)
            result = answer(ring, step, new)
            if problem := _slip(before, ring, wanted, oldest, result, step, new):
                return problem
    return None


def _slip(before: list, ring: list, wanted: list, oldest: int, result: Any, step: int, new: int) -> str:
    """What is wrong at one step, "" if nothing is."""
    if result is None:
        return "Return the oldest value: the function returns nothing."
    if len(ring) != len(wanted):
        return f"The ring had {len(wanted)} values and now has {len(ring)}: replace one, and add none."
    if isinstance(result, list):
        return "Return one value, the oldest, not the whole ring."
    if ring == before:
        return f"At step {step} nothing was written: put `new` into the place of the oldest value."
    if result == new and ring == wanted:
        return "Read before you write: the value that comes back is `new` itself."
    if sorted(ring) == sorted(wanted) and ring != wanted:
        return "All other values must stay where they are: write into the place step % len(ring) alone."
    if result != oldest or ring != wanted:
        return (f"At step {step} the ring {before} should give {oldest} and become {wanted}; yours gives "
                f"{result} and becomes {ring}.")  # fmt: skip
    return ""


EXERCISES = (
    Exercise("07.3", "From a sample to a level", like(nearest_level, _samples, {
        "The last level is number levels - 1, because they are counted from 0.":
            lambda sample, levels: round((sample + 1) / 2 * levels),
        "Take the nearest level: round the number, do not cut it off.":
            lambda sample, levels: int((sample + 1) / 2 * (levels - 1)),
        "Take the nearest level, which is not always the one above: round the number.":
            lambda sample, levels: math.ceil((sample + 1) / 2 * (levels - 1)),
        "The sample -1 is level 0: add 1 to the sample first.":
            lambda sample, levels: round(sample / 2 * (levels - 1)),
        "From -1 to 1 the distance is 2: divide by 2.":
            lambda sample, levels: round((sample + 1) * (levels - 1)),
        "A level is a whole number: round the result.":
            lambda sample, levels: (sample + 1) / 2 * (levels - 1),
    }), (
        "First change the sample, so that it goes from 0 to 1 instead of from -1 to 1.",
        "share = (sample + 1) / 2 goes from 0 to 1. The number of a level goes from 0 to levels - 1. `round` "
        "gives the nearest whole number.",
        "return round(share * (levels - 1)), where share = (sample + 1) / 2.",
    ), nearest_level,
        purpose="Your function makes a voice coarser and coarser; you hear it in the next cell.",
        shapes="sample is a number from -1 to 1; levels is a whole number from 2; so is the result, from 0.",
        example=("nearest_level(0.3, 5)", "3"), difficulty=1, minutes=10),
    Exercise("07.4", "A memory that is a ring", _judge_memory, (
        "The drawing shows the order: first read, then write. Which place is it?",
        "place = step % len(ring). Keep ring[place] under another name before you change it.",
        "oldest = ring[place]; ring[place] = new; return oldest.",
    ), read_and_write,
        purpose="With your function the model speaks without computing anything twice.",
        shapes="ring is a list; step is a whole number from 0; new is a value, and so is the result.",
        example=("ring = [7, 8, 9]\nread_and_write(ring, 4, 5)", "8"), difficulty=2, minutes=10),
)  # fmt: skip
