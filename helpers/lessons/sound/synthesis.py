"""From notes to sound: a tone is a sum of sines that swells quickly and fades (additive synthesis)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from helpers.errors import WorkbookError
from helpers.sound import RATE
from smallworld.world.melodies import Bars, MelodyError, read_notes

BEAT = 0.35  # seconds: every tune is played equally fast, so that the notes alone make its mood
# How strong the tone itself is, and those of 2, 3, 4, 5 times its frequency.
OVERTONES = (1.0, 0.5, 0.3, 0.15, 0.08)
ATTACK, RELEASE = 0.015, 0.06  # seconds in which a tone swells, and dies away at its end
FADE = 1.6  # a tone loses so many e-foldings a second, as that of a plucked string


def frequency(pitch: int) -> float:
    """The frequency of a pitch in Hz: 69 is 440 Hz, and 12 more double it."""
    return 440 * 2 ** ((pitch - 69) / 12)


def tone(hertz: float, seconds: float, overtones: Sequence[float] = OVERTONES) -> np.ndarray:
    """A tone with its overtones: samples (seconds * RATE,), at most about 1.

    An overtone that the samples cannot hold (above RATE / 2) is left out. It begins and ends at 0, so that
    nothing clicks.
    """
    time = np.arange(round(seconds * RATE)) / RATE
    wave = np.zeros(len(time))
    for number, strength in enumerate(overtones, 1):
        if number * hertz < RATE / 2:
            wave += strength * np.sin(2 * np.pi * number * hertz * time)
    return wave * envelope(time, seconds) / max(1.0, sum(overtones))


def envelope(time: np.ndarray, seconds: float) -> np.ndarray:
    """How loud a tone is at each time, between 0 and 1: it swells, fades, and dies away at its end."""
    swell = np.minimum(1, time / ATTACK)
    end = np.clip((seconds - time) / RELEASE, 0, 1)
    return swell * np.exp(-FADE * time) * end


def render(tune: str | Bars, beat: float = BEAT) -> np.ndarray:
    """A tune, as text or as bars, as samples: one note after the other, rests as silence.

    Each note ends where the next one begins, to the sample, so that a tune never gets out of step.
    """
    bars = read(tune) if isinstance(tune, str) else tune
    notes = [note for bar in bars for note in bar]
    ends = np.round(np.cumsum([0, *(note.beats for note in notes)]) * beat * RATE).astype(int)
    samples = np.zeros(ends[-1])
    for note, first, last in zip(notes, ends[:-1], ends[1:], strict=True):
        if note.pitch is not None:
            samples[first:last] = tone(frequency(note.pitch), (last - first) / RATE)
    return samples


def read(tune: str) -> Bars:
    """The bars of a text; WorkbookError where it holds no tune that could be played."""
    try:
        bars = read_notes(tune)
    except MelodyError as problem:
        raise WorkbookError(f"This is no tune. {problem}") from None
    if not any(bars):
        raise WorkbookError("This tune has no notes: write some, such as D4 1 E4 1.")
    return bars
