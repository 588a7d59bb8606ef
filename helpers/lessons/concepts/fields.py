"""Pieces of text, music and voice for notebook 01, and a voice that goes on by itself."""

from __future__ import annotations

import numpy as np
from IPython.display import Audio

from helpers import sound
from helpers.errors import WorkbookError
from smallworld.world import sounds
from smallworld.world.stories import corpus

RATE = sounds.RATE  # samples a second
VOICE_SECONDS = 36.5 / 120  # 36 and a half waves of 120 a second: it ends in a calm place between two jumps


def story_words(count: int = 200) -> list[str]:
    """All words, with their punctuation, of this many stories of the small world, one story after another.

    New texts are drawn from them word by word. (Shannon 1948, https://doi.org/10.1002/j.1538-7305.1948.tb01338.x)
    """
    words = []
    for story in corpus("train", count):
        words += story.text.split()
    return words


def tune() -> list[tuple[int, int]]:
    """A melody as (pitch, beats): pitches are MIDI numbers, 60 is the middle C and 61 the key right of it."""
    return list(sounds.TUNE)


def hear_notes(notes: list[tuple[int, int]]) -> Audio:
    """A player with the sound of notes, for the last line of a cell."""
    return hear_voice(sounds.play(notes))


def hear_voice(samples: np.ndarray) -> Audio:
    """A player with these samples, for the last line of a cell; a byte each, as over a telephone."""
    return sound.player(samples, RATE)


def voice() -> np.ndarray:
    """A sung "aah", made by a program: RATE numbers a second between -1 and 1."""
    return sounds.vowel(VOICE_SECONDS)


def continued_voice(samples: np.ndarray, count: int, looks_back: int = 80) -> np.ndarray:
    """The samples and `count` more, each guessed from the `looks_back` samples before it.

    The guess is a weighted sum, and the weights are those that would have guessed the given samples best
    (linear prediction, Atal and Hanauer 1971). To three digits, so that all machines agree.
    """
    if len(samples) <= looks_back:
        raise WorkbookError(f"The voice has {len(samples)} samples: give more than looks_back, {looks_back}.")
    before = np.lib.stride_tricks.sliding_window_view(samples, looks_back)[:-1]  # one row for each guess
    weights = np.linalg.lstsq(before, samples[looks_back:], rcond=None)[0]
    longer = list(samples)
    for _ in range(count):
        longer.append(float(np.dot(weights, longer[-looks_back:])))
    return np.round(longer, 3)
