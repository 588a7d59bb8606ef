"""The exercises of notebook 07 about melodies: reference answers, judges, hints.

``EXERCISES`` is registered where the package is imported, together with those about speech.
"""

from __future__ import annotations

from helpers.exercises import Exercise
from helpers.lessons.answer_checks import like


def frequency(pitch):
    """The frequency in Hz of a pitch number: 69 has 440 Hz, and 12 more double the frequency."""
    return 440 * 2 ** ((pitch - 69) / 12)


def keeps_metre(bars, beats):
    """Return True if the lengths in every bar add up to `beats`, else False.

    `bars` is a list with one list of lengths for each bar. A tune without bars keeps no metre.
    """
    kept = len(bars) > 0
    for lengths in bars:
        if sum(lengths) != beats:
            kept = False
    return kept


# Judges


def _pitches() -> list[tuple]:
    return [(69,), (81,), (57,), (60,), (70,), (45,), (96,)]


def _tunes() -> list[tuple]:
    return [  # the first ones tell typical slips apart
        ([[2, 2], [1, 1, 1]], 3), ([[1, 1, 1], [2, 2]], 3), ([[2, 2], [1, 1]], 3), ([[2, 2, 2]], 3), ([], 4),
        ([[1, 1], [1, 1, 1]], 3), ([[1, 1, 1], [2, 1]], 3), ([[0.5, 0.5, 2]], 3), ([[1, 1, 1], []], 3),
        ([[1, 1, 1, 1], [4], [1.5, 0.5, 2]], 4), ([[3], [3]], 4), ([[2, 2], [1, 1, 1, 1]], 3),
    ]  # fmt: skip


EXERCISES = (
    Exercise("07.1", "From a pitch to a frequency", like(frequency, _pitches, {
        "12 steps up must double the frequency, not add 440 Hz.": lambda p: 440 * (1 + (p - 69) / 12),
        "Each step multiplies the frequency; one step of 12 that double it is 2 ** (1 / 12).":
            lambda p: 440 * 2 ** (p - 69),
        "Pitch 69 has 440 Hz: count the steps from 69.": lambda p: 440 * 2 ** (p / 12),
        "This is the wrong way round: a higher pitch has a higher frequency.":
            lambda p: 440 * 2 ** ((69 - p) / 12),
    }), (
        "How many steps is the pitch above 69? After 12 steps the frequency has doubled, after 24 it is four "
        "times as high.",
        "The number of octaves (12 steps each) is (pitch - 69) / 12, which may be a fraction or negative. "
        "Each octave is a factor of 2.",
        "return 440 * 2 ** octaves, where octaves = (pitch - 69) / 12.",
    ), frequency,
        purpose="Your function tunes the instrument: you hear it in the next cell.",
        shapes="pitch is a number such as 60; the result is a number of Hz.",
        example=("frequency(81)", "880.0"), difficulty=1, minutes=5),
    Exercise("07.2", "Does a tune keep its metre?", like(keeps_metre, _tunes, {
        "Look at every bar, not only at the first one.": lambda bars, n: bool(bars) and sum(bars[0]) == n,
        "A bar may be too short as well as too long.":
            lambda bars, n: bool(bars) and all(sum(bar) <= n for bar in bars),
        "One bar of the right length is not enough: all must have it.":
            lambda bars, n: any(sum(bar) == n for bar in bars),
        "Each bar must be right: bars that are too long and too short do not make up for each other.":
            lambda bars, n: bool(bars) and sum(map(sum, bars)) == n * len(bars),
        "Count the beats of a bar, not its notes.":
            lambda bars, n: bool(bars) and all(len(bar) == n for bar in bars),
        "A tune without bars keeps no metre: return False for an empty list.":
            lambda bars, n: all(sum(bar) == n for bar in bars),
    }), (
        "sum(lengths) gives the beats of one bar. Which bars must be compared with `beats`?",
        "Begin with kept = True. Go through the bars with a for loop, and set kept to False where a bar is "
        "wrong. What about a tune without bars?",
        "kept = len(bars) > 0. Then: for lengths in bars: if sum(lengths) != beats: kept = False. After the "
        "loop: return kept.",
    ), keeps_metre,
        purpose="Your function counts the tunes that keep their metre at five temperatures.",
        shapes="bars is a list of lists of numbers; beats is a number; the result is True or False.",
        example=("keeps_metre([[1, 1, 1], [2, 1]], 3)", "True"), difficulty=2, minutes=10),
)  # fmt: skip
