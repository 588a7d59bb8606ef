"""Sounds of the small world: a tune in notes, and a vowel made from its overtones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RATE = 8_000  # samples a second
BEAT = 0.25  # seconds
# A tune as (pitch, beats): pitches are MIDI numbers, 69 is 440 Hz and 12 more are an octave.
TUNE = (
    (67, 1), (71, 1), (74, 2), (72, 1), (71, 1), (69, 2), (67, 1), (69, 1), (71, 1), (74, 1), (72, 1),
    (69, 1), (67, 3),
)  # fmt: skip
# The a of "father" from a man's mouth: (centre, width) of the formants in Hz. The centres are the means of
# Peterson and Barney 1952, the widths are rounded guesses.
FORMANTS = ((730.0, 90.0), (1090.0, 110.0), (2440.0, 170.0))


def tone(pitch: int, beats: float) -> np.ndarray:
    """A plucked note of a MIDI pitch: samples (beats * BEAT * RATE,) between -1 and 1."""
    time = np.arange(int(beats * BEAT * RATE)) / RATE
    return np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time) * np.exp(-4 * time)


def play(tune: Sequence[tuple[int, float]] = TUNE) -> np.ndarray:
    """A tune of (pitch, beats) as samples, one note after the other."""
    return np.concatenate([tone(*note) for note in tune])


def vowel(
    seconds: float = 0.6, pitch: float = 120.0, formants: Sequence[tuple[float, float]] = FORMANTS
) -> np.ndarray:
    """A sung vowel: samples (seconds * RATE,) between -1 and 1.

    A buzz, all overtones of `pitch` (Hz), of which the throat strengthens those near its formants: the
    source-filter model. (Fant 1960)
    """
    time = np.arange(int(seconds * RATE)) / RATE
    overtones = np.arange(pitch, RATE / 2, pitch)
    strength = sum(1 / (1 + ((overtones - centre) / width) ** 2) for centre, width in formants)
    strength = strength * pitch / overtones  # high overtones of a voice are weaker, by 6 dB an octave
    wave = (strength[:, None] * np.sin(2 * np.pi * overtones[:, None] * time)).sum(axis=0)
    return wave / np.abs(wave).max()
