"""The small world is also sung: tunes in notes, their text form, and what can be asked of a tune.

A tune is asked for by mood, place, key and metre, and its notes follow on the same line::

    calm ocean D 3/4 : D4 1 E4 1 F#4 1 | E4 2 D4 1 | ...

A note is a key of the piano and a length in beats; ``rest`` is silence; ``|`` begins the next bar. "any"
stands for a condition that is left open. melody_grammar.py writes tunes, melody_reader.py reads them back.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from smallworld.world.grammar import sections
from smallworld.world.vocabulary import PLACES

TABLES = Path(__file__).with_name("melodies.txt")
MOODS = ("happy", "calm", "brave", "sleepy", "sad", "scary")
MODES = dict(zip(MOODS, ("major",) * 4 + ("minor",) * 2, strict=True))
# The semitones of a scale above the key's own note (Latin: tonic).
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
# One name for each key of the piano.
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
# The key's own note as a MIDI pitch: 60 is the middle C, 12 more are an octave.
KEYS = {"C": 60, "D": 62, "E": 64, "F": 65, "G": 55, "A": 57}
METRES = {"3/4": 3, "4/4": 4}  # beats in a bar
LENGTHS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)  # of a note or rest, in beats
LOWEST, HIGHEST = 48, 84  # MIDI pitches that have a token
REST, BAR, OPEN, START = "rest", "|", "any", ":"
SHORTEST, LONGEST = 4, 8  # bars of a tune


class MelodyError(ValueError):
    """A request or a text that is no tune; the message says what to do."""


class Note(NamedTuple):
    """A MIDI pitch, or None for a rest, and a length in beats."""

    pitch: int | None
    beats: float


Bar = tuple[Note, ...]
Bars = tuple[Bar, ...]


class Wish(NamedTuple):
    """What a tune is asked for; "any" leaves it open."""

    mood: str = OPEN
    place: str = OPEN
    key: str = OPEN
    metre: str = OPEN


CHOICES = Wish(MOODS, tuple(PLACES), tuple(KEYS), tuple(METRES))


def ask(mood: str = OPEN, place: str = OPEN, key: str = OPEN, metre: str = OPEN) -> str:
    """A request, as the model reads it: "calm ocean D 3/4 :". MelodyError for an unknown word."""
    wish = Wish(mood, place, key, metre)
    for what, word, known in zip(Wish._fields, wish, CHOICES, strict=True):
        if word not in (*known, OPEN):
            raise MelodyError(f"The {what} {word!r} is unknown: choose {', '.join(known)} or {OPEN}.")
    return " ".join([*wish, START])


# ------------------------------------------------------------------ the text form
def pitch_name(pitch: int) -> str:
    """The name of a MIDI pitch: 60 is C4, 61 is C#4, 70 is Bb4."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


@cache
def pitches() -> dict[str, int]:
    """MIDI pitches by name, from the lowest to the highest."""
    return {pitch_name(pitch): pitch for pitch in range(LOWEST, HIGHEST + 1)}


def length_name(beats: float) -> str:
    """A length as a tune spells it: "0.5", "1", "3"."""
    return f"{beats:g}"


def words() -> tuple[str, ...]:
    """Every word that a tune is written with."""
    conditions = [word for known in CHOICES for word in known]
    return (*conditions, OPEN, START, BAR, REST, *pitches(), *map(length_name, LENGTHS))


def write_notes(bars: Iterable[Iterable[Note]]) -> str:
    """Bars as text: "D4 1 E4 1 F#4 1 | E4 2 D4 1"."""
    lines = []
    for bar in bars:
        names = [REST if note.pitch is None else pitch_name(note.pitch) for note in bar]
        lengths = [length_name(note.beats) for note in bar]
        lines.append(" ".join(f"{name} {length}" for name, length in zip(names, lengths, strict=True)))
    return f" {BAR} ".join(lines)


def read_notes(text: str) -> Bars:
    """The bars of a text, from a ":" on if it has one. MelodyError at the first word out of place."""
    bars: list[list[Note]] = [[]]
    waiting = iter(text.rpartition(START)[2].split())
    lengths = {length_name(beats): beats for beats in LENGTHS}
    for word in waiting:
        if word == BAR:
            bars.append([])
            continue
        if word != REST and word not in pitches():
            raise MelodyError(
                f"{word!r} is no note: write a name such as D4, {REST}, or {BAR} for a new bar."
            )
        length = next(waiting, "")
        if length not in lengths:
            raise MelodyError(f"After {word} comes its length, one of {', '.join(lengths)}, not {length!r}.")
        bars[-1].append(Note(None if word == REST else pitches()[word], lengths[length]))
    return tuple(map(tuple, bars))


def sounding(bars: Iterable[Iterable[Note]]) -> list[Note]:
    """The notes of a tune in order, without bar lines and rests."""
    return [note for bar in bars for note in bar if note.pitch is not None]


def beats_of(bar: Iterable[Note]) -> float:
    """The length of a bar in beats."""
    return sum(note.beats for note in bar)


# ------------------------------------------------------------------ scales
def pitch_of(step: int, key: str, mode: str) -> int:
    """The MIDI pitch of a step of the scale: 0 is the key's own note, 7 is an octave above it."""
    octave, place = divmod(step, 7)
    return KEYS[key] + 12 * octave + SCALES[mode][place]


def step_of(pitch: int, key: str, mode: str) -> int | None:
    """The step of the scale that a pitch is, None for a pitch between two steps."""
    octave, semitones = divmod(pitch - KEYS[key], 12)
    scale = SCALES[mode]
    return 7 * octave + scale.index(semitones) if semitones in scale else None


# ------------------------------------------------------------------ the tables and the splits
@cache
def table(name: str) -> tuple[tuple[float, ...], ...]:
    """The rows of a section of melodies.txt, as numbers."""
    lines = sections(TABLES)[name]
    return tuple(tuple(map(float, row.split())) for line in lines for row in line.split(BAR))


@cache
def steps(name: str) -> tuple[tuple[int, ...], ...]:
    """The rows of a section of melodies.txt, as steps of a scale."""
    return tuple(tuple(map(int, row)) for row in table(name))


@cache
def combinations(split: str) -> tuple[tuple[str, str], ...]:
    """The pairs (mood, place) of a split: "train", "validation" or "test".

    Each place has one mood for the test, and every second one has another for the validation: no training
    tune has the two together.
    """
    pairs = [(mood, place) for place in PLACES for mood in MOODS]
    return tuple(pair for pair in pairs if pair_split(*pair) == split)


def pair_split(mood: str, place: str) -> str:
    """The split to which a mood and a place belong together."""
    number = list(PLACES).index(place)
    distance = (MOODS.index(mood) - number) % len(MOODS)
    if distance == 0:
        return "test"
    return "validation" if distance == 3 and number % 2 == 0 else "train"


def wishes(split: str, count: int) -> list[Wish]:
    """``count`` requests for pairs of a split, evenly over moods, places, keys and metres."""
    pairs = combinations(split)
    found = []
    for number in range(count):
        turn = number // len(pairs)
        mood, place = pairs[number % len(pairs)]
        key = CHOICES.key[(number + turn) % len(KEYS)]
        found.append(Wish(mood, place, key, CHOICES.metre[(number + turn) % len(METRES)]))
    return found


def four_bars(bars: Sequence[Bar]) -> list[tuple]:
    """The phrases of four bars (the first, and of eight bars the second), in no particular key.

    Each is written as the moves from note to note in semitones, with all lengths and bar lines: equal phrases
    in two keys are the same.
    """
    phrases = []
    for first in range(0, len(bars) - SHORTEST + 1, SHORTEST):
        phrase, before = [], None
        for bar in bars[first : first + SHORTEST]:
            for pitch, beats in bar:
                move = None if pitch is None or before is None else pitch - before
                phrase.append((pitch is None, move, beats))
                before = before if pitch is None else pitch
            phrase.append(BAR)
        phrases.append(tuple(phrase))
    return phrases


def random_notes(count: int, seed: int) -> list[str]:
    """What luck writes: any pitches, any lengths, bar lines anywhere, about as long as tunes."""
    rng, names, texts = random.Random(f"random notes {seed}"), list(pitches()), []
    for _ in range(count):
        notes: list[str] = []
        for _ in range(rng.choice((12, 16, 24, 32))):
            notes += [rng.choice(names), length_name(rng.choice(LENGTHS))]
            notes += [BAR] * (rng.random() < 0.25)
        texts.append(" ".join(notes[:-1] if notes[-1] == BAR else notes))
    return texts
