"""Speech of the small world: five vowels and two consonants, spoken by a source and a filter.

The source is the buzz of the vocal folds (a pulse for each period of the pitch) or a hiss; the filter is the
mouth, which strengthens a few frequencies, its formants. (Fant 1960, Acoustic theory of speech production;
the resonators are those of Klatt 1980, Software for a cascade/parallel formant synthesizer.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from smallworld.world.sounds import RATE

VOWELS = ("a", "e", "i", "o", "u")  # as in father, bed, see, saw, moon
PHONES = ("_", *VOWELS, "m", "sh")  # "_" is silence
# The first three formants in Hz: means of the men and of the women of Peterson and Barney 1952, Control
# methods used in a study of the vowels. The fourth, and all of an m, are rounded guesses.
MEN = {
    "a": (730, 1090, 2440, 3500), "e": (530, 1840, 2480, 3500), "i": (270, 2290, 3010, 3600),
    "o": (570, 840, 2410, 3400), "u": (300, 870, 2240, 3300), "m": (250, 1000, 2200, 3300),
}  # fmt: skip
WOMEN = {
    "a": (850, 1220, 2810, 3800), "e": (610, 2330, 2990, 3800), "i": (310, 2790, 3310, 3850),
    "o": (590, 920, 2710, 3700), "u": (370, 950, 2670, 3700), "m": (280, 1100, 2500, 3700),
}  # fmt: skip
PITCH_OF_MEN, PITCH_OF_WOMEN = 132.0, 223.0  # Hz, means of the same speakers
LOWEST, HIGHEST = 90.0, 240.0  # pitches in Hz that are spoken here
WIDTHS = (70.0, 100.0, 160.0, 250.0)  # of the formants, in Hz: rounded guesses
HISS = ((2700.0, 300.0), (3500.0, 500.0))  # (centre, width) of the hiss of sh, in Hz: rounded guesses
SECONDS = {"_": 0.05, "m": 0.12, "sh": 0.14} | dict.fromkeys(VOWELS, 0.30)
# How loud the buzz and the hiss are.
BUZZ = {"_": 0.0, "m": 0.5, "sh": 0.0} | dict.fromkeys(VOWELS, 1.0)
OPENING, CLOSING = 0.40, 0.16  # shares of a period (Rosenberg 1971, his pulse C)
PEAK = 0.7  # the loudest sample


@dataclass(frozen=True)
class Speech:
    """What is spoken, sample by sample; three arrays of one length."""

    samples: np.ndarray  # between -1 and 1
    phones: np.ndarray  # positions in PHONES
    pitch: np.ndarray  # in Hz


def spell(word: str) -> list[str]:
    """The phones of a word: "shi" is ["sh", "i"]. Raises ValueError for what is none of PHONES."""
    phones = []
    while word:
        phone = next((phone for phone in ("sh", *PHONES) if word.startswith(phone)), "")
        if not phone:
            raise ValueError(f"{word!r} begins with no phone of this world: {' '.join(PHONES)}.")
        phones.append(phone)
        word = word.removeprefix(phone)
    return phones


def formants(phone: str, pitch: float) -> np.ndarray:
    """Four formants in Hz: a man's for a low pitch (Hz), a woman's for a high one, else in between."""
    share = np.log(pitch / PITCH_OF_MEN) / np.log(PITCH_OF_WOMEN / PITCH_OF_MEN)
    share = np.clip(share, 0, 1)
    return np.array(MEN[phone]) ** (1 - share) * np.array(WOMEN[phone]) ** share


def say(
    word: str, pitch: float | tuple[float, float] = 120.0, generator: np.random.Generator | None = None,
    variation: float = 1.0,
) -> Speech:  # fmt: skip
    """Speak a word, with a short silence before and after it.

    pitch: in Hz, or where it begins and where it ends. generator: of the hiss and of the variation of
    speakers (formants by about 4 %, lengths by 20 %, the pitch by 1 %); one with the seed 0 if none is given.
    """
    generator = np.random.default_rng(0) if generator is None else generator
    names = ["_", *spell(word), "_"]
    low, high = pitch if isinstance(pitch, tuple) else (pitch, pitch)
    lengths = [int(RATE * SECONDS[name] * (1 + 0.2 * variation * generator.uniform(-1, 1))) for name in names]
    phones = np.repeat([PHONES.index(name) for name in names], lengths)
    count = len(phones)
    slow = RATE // 5
    waver = np.convolve(generator.normal(size=count + slow - 1), np.ones(slow) / np.sqrt(slow), "valid")
    hertz = low * (high / low) ** np.linspace(0, 1, count) * (1 + 0.01 * variation * waver)
    mouth = _mouth(names, lengths, float(np.sqrt(low * high)), generator, variation)
    voiced = smooth(np.array([BUZZ[PHONES[phone]] for phone in phones]), RATE // 40)
    buzz = pulses(hertz) * voiced + 0.003 * generator.normal(size=count) * voiced
    hissing = smooth((phones == PHONES.index("sh")).astype(float), RATE // 40)
    voice = resonate(buzz, mouth, WIDTHS)
    hiss = resonate(generator.normal(size=count) * hissing, *zip(*HISS, strict=True))
    loudest = np.abs(voice).max() or 1.0
    samples = voice / loudest + 0.3 * hiss / (np.abs(hiss).max() or 1.0)
    return Speech(PEAK * samples / np.abs(samples).max(), phones, hertz)


def pulses(pitch: np.ndarray) -> np.ndarray:
    """The buzz of vocal folds that open and close once a period; pitch: in Hz for each sample.

    It is the change of the flow of air from sample to sample, since that is what a listener's ear gets.
    (Rosenberg 1971)
    """
    phase = np.cumsum(pitch / RATE) % 1  # 0 to 1 in each period
    opening = 0.5 - 0.5 * np.cos(np.pi * phase / OPENING)
    closing = np.cos(0.5 * np.pi * (phase - OPENING) / CLOSING)
    flow = np.where(phase < OPENING, opening, np.where(phase < OPENING + CLOSING, closing, 0.0))
    return np.diff(flow, prepend=flow[:1])


def resonate(source: np.ndarray, centres: Iterable, widths: Iterable[float]) -> np.ndarray:
    """The source after one resonator for each centre, one after the other.

    centres: in Hz, a number or an array (samples,) for each; widths: in Hz. Each new value is a weighted sum
    of the source and of the two values before it. (Klatt 1980, equation 1)
    """
    wave = source
    for centre, width in zip(centres, widths, strict=True):
        older = -np.exp(-2 * np.pi * width / RATE)
        newer = 2 * np.exp(-np.pi * width / RATE) * np.cos(2 * np.pi * np.asarray(centre) / RATE)
        newer = np.broadcast_to(newer, wave.shape)
        wave = _recursion(wave * (1 - newer - older), newer.tolist(), float(older))
    return wave


def smooth(values: np.ndarray, width: int) -> np.ndarray:
    """A moving average over `width` values, as long as it was; the ends go on as they are."""
    longer = np.pad(values, width // 2, mode="edge")
    sums = np.cumsum(np.concatenate([[0.0], longer]))
    return ((sums[width:] - sums[:-width]) / width)[: len(values)]


def _mouth(
    names: list[str], lengths: list[int], pitch: float, generator: np.random.Generator, variation: float
) -> list[np.ndarray]:
    """Four formants for each sample, gliding from phone to phone; a silence has those of its neighbour."""
    size = np.exp(0.03 * variation * generator.normal())  # of the mouth
    targets = {}
    for name in names:
        if name in MEN and name not in targets:
            targets[name] = formants(name, pitch) * size * np.exp(0.02 * variation * generator.normal(size=4))
    shapes = [targets.get(name) for name in names]
    for i in range(len(shapes) - 2, -1, -1):  # before a vowel as in it
        shapes[i] = shapes[i + 1] if shapes[i] is None else shapes[i]
    for i in range(1, len(shapes)):  # and after it
        shapes[i] = shapes[i - 1] if shapes[i] is None else shapes[i]
    if shapes[0] is None:
        shapes = [formants("e", pitch)] * len(shapes)
    track = np.repeat(np.array(shapes), lengths, axis=0)
    return [np.minimum(smooth(column, RATE // 20), 0.49 * RATE) for column in track.T]


def _recursion(source: np.ndarray, newer: list[float], older: float) -> np.ndarray:
    wave, last, before = [], 0.0, 0.0
    for value, weight in zip(source.tolist(), newer, strict=True):
        last, before = value + weight * last + older * before, last
        wave.append(last)
    return np.array(wave)
