"""Listens to a voice: its pitch, its formants, its vowel, and whether the recording is sound.

It knows nothing of how the voice was made. Pitch by autocorrelation; formants by linear prediction, which
finds the filter that explains a frame best, and whose resonances are the roots of a polynomial. (Atal and
Hanauer 1971; Markel and Gray 1976, Linear prediction of speech)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallworld.world import speech
from smallworld.world.sounds import RATE

FRAME, HOP = 320, 80  # samples: 40 and 10 ms
LAGS = (int(RATE / 320), int(RATE / 70))  # samples: pitches from 70 to 320 Hz
VOICED = 0.6  # least correlation of a period with the next one
QUIET = 0.12  # frames below this share of the loudest one are not listened to
ORDER = 10  # of the linear prediction: two for each formant below 4 kHz, and two for the buzz
FULL = 0.99  # a sample beyond is clipped


@dataclass(frozen=True)
class Heard:
    """What a voice says: "" and 0 where nothing is heard."""

    vowel: str
    pitch: float  # Hz, the median
    formants: tuple[float, float]  # the first two, in Hz, medians


@dataclass(frozen=True)
class Recording:
    """How sound a recording is."""

    level: float  # root of the mean square, 0 to 1
    peak: float
    clipped: float  # share of samples
    offset: float  # the mean (DC)


def frames(samples: np.ndarray, size: int = FRAME, hop: int = HOP) -> np.ndarray:
    """Overlapping pieces of the samples: (pieces, size); a short recording is filled up with zeros."""
    samples = np.asarray(samples, dtype=float)
    samples = np.pad(samples, (0, max(0, size - len(samples))))
    return np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]


def pitch_track(samples: np.ndarray) -> np.ndarray:
    """The pitch in Hz of each frame, 0 where it is not voiced or nearly silent: (frames,)."""
    pieces = frames(samples)
    loud = _loudness(pieces)
    return np.array([pitch_of(piece) if loud[i] else 0.0 for i, piece in enumerate(pieces)])


def pitch_of(frame: np.ndarray) -> float:
    """The pitch of a frame in Hz; 0 if no lag repeats it well.

    The first lag whose correlation is nearly the best one, each refined by a parabola through its neighbours.
    """
    frame = np.convolve(frame - frame.mean(), np.hanning(9), "same")  # without what is above about 1 kHz
    low, high = LAGS
    size = len(frame) - high - 1
    near = frame[:size]
    products = np.correlate(frame, near, "valid")  # with what follows after 0, 1, 2, ... samples
    energies = np.convolve(frame**2, np.ones(size), "valid")
    strength = products / np.sqrt(np.maximum(1e-12, energies[0] * energies))
    strength = strength[low - 1 : high + 2]
    inner = strength[1:-1]
    peaks = np.flatnonzero((inner >= strength[:-2]) & (inner >= strength[2:]) & (inner > VOICED))
    if not len(peaks):
        return 0.0
    left, middle, right = strength[peaks], inner[peaks], strength[peaks + 2]
    bend = np.minimum(left - 2 * middle + right, -1e-9)
    shifts = 0.5 * (left - right) / bend
    heights = middle - 0.25 * (left - right) * shifts  # between two lags a peak is higher than at either
    first = int(np.argmax(heights >= 0.9 * heights.max()))
    return float(RATE / (low + peaks[first] + shifts[first]))


def formants_of(frame: np.ndarray, order: int = ORDER) -> np.ndarray:
    """The resonances of a frame in Hz, the lowest first: the narrow ones of its linear predictor."""
    sharper = np.append(frame[0], frame[1:] - 0.95 * frame[:-1]) * np.hamming(len(frame))
    weights = predictor(sharper, order)
    roots = np.roots(np.concatenate([[1.0], -weights]))
    roots = roots[roots.imag > 0]
    hertz = np.angle(roots) * RATE / (2 * np.pi)
    width = -np.log(np.abs(roots)) * RATE / np.pi
    return np.sort(hertz[(width < 500) & (hertz > 150) & (hertz < 3900)])


def predictor(frame: np.ndarray, order: int) -> np.ndarray:
    """The weights (order,) by which the samples before one predict it best: the autocorrelation method."""
    correlation = np.correlate(frame, frame, "full")[len(frame) - 1 : len(frame) + order]
    places = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    table = correlation[places] + 1e-6 * (correlation[0] + 1e-9) * np.eye(order)
    return np.linalg.solve(table, correlation[1:])


def hear(samples: np.ndarray) -> Heard:
    """The vowel, pitch and first two formants of a recording with a single vowel.

    Medians over its loud, voiced frames; the vowel is the one whose formants are nearest, as ratios, among
    those of a speaker with this pitch.
    """
    pieces = frames(samples)
    track = pitch_track(samples)
    found = [formants_of(piece) for piece, hertz in zip(pieces, track, strict=True) if hertz]
    found = [row[:2] for row in found if len(row) >= 2]
    if not found:
        return Heard("", 0.0, (0.0, 0.0))
    pitch = float(np.median(track[track > 0]))
    first, second = (float(value) for value in np.median(found, axis=0))
    return Heard(nearest_vowel(first, second, pitch), pitch, (first, second))


def nearest_vowel(first: float, second: float, pitch: float) -> str:
    """The vowel whose first two formants are nearest to these (Hz), as ratios."""
    place = np.log([first, second])

    def distance(vowel: str) -> float:
        return float(np.linalg.norm(place - np.log(speech.formants(vowel, pitch)[:2])))

    return min(speech.VOWELS, key=distance)


def first_sound(samples: np.ndarray) -> str:
    """How a syllable begins: "sh" (a hiss), "m" (a quiet hum before it gets loud) or "" (neither)."""
    pieces = frames(samples, 160, 40)
    energy = np.sqrt((pieces**2).mean(axis=1))
    heard = np.flatnonzero(energy > 0.04 * energy.max())
    if not len(heard):
        return ""
    start = 40 * int(heard[0])
    beginning = np.append(samples[start:], np.zeros(2 * FRAME))[: 2 * FRAME]
    turns = (np.diff(np.signbit(beginning[:FRAME])) != 0).mean()
    pitches = [pitch_of(beginning[i : i + FRAME]) for i in (0, FRAME // 2, FRAME)]
    steady = min(pitches) > 0.9 * max(pitches) > 0  # a hiss may seem to have a pitch, but another each time
    if turns > 0.35 and not steady:
        return "sh"
    until_loud = int(np.argmax(energy > 0.6 * energy.max())) - int(heard[0])
    return "m" if until_loud * 40 / RATE > 0.05 else ""


def onsets(samples: np.ndarray) -> int:
    """How often a sound begins after a silence."""
    loud = _loudness(frames(samples, 160, 40))
    return int(np.count_nonzero(np.diff(np.concatenate([[False], loud]).astype(int)) == 1))


def examine(samples: np.ndarray) -> Recording:
    """Level, peak, clipping and offset of a recording."""
    samples = np.asarray(samples, dtype=float)
    size = np.abs(samples)
    level = float(np.sqrt((samples**2).mean()))
    return Recording(level, float(size.max()), float((size >= FULL).mean()), float(samples.mean()))


def _loudness(pieces: np.ndarray) -> np.ndarray:
    """Whether each frame is loud enough to be listened to."""
    energy = np.sqrt((pieces**2).mean(axis=1))
    return energy > max(1e-4, QUIET * energy.max())
