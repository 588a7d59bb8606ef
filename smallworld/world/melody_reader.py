"""Read a tune back: in metre, in key, of which place and mood? By rules that a listener can follow.

The reader sees the notes alone, never the request. Metre and key are counted; the place is told by the tune's
first three notes (its call); the mood by five measures and by the scale, major or minor (``SIGNS``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from smallworld.world.melodies import (
    KEYS,
    LONGEST,
    METRES,
    MODES,
    OPEN,
    SCALES,
    SHORTEST,
    Bars,
    MelodyError,
    Note,
    Wish,
    beats_of,
    read_notes,
    sounding,
    step_of,
    steps,
)
from smallworld.world.vocabulary import PLACES

FOURTH = 5  # semitones: a move of so many is a leap
DOTTED = 1.5  # beats


@dataclass(frozen=True)
class Measures:
    """What of a tune can be measured without knowing what it was meant to be.

    beats_a_note: mean length of a note; rests: share of rests among notes and rests; dotted: share of notes
    of one and a half beats; leaps: share of the moves from note to note that are a fourth or more; span:
    semitones from the lowest to the highest note.
    """

    beats_a_note: float
    rests: float
    dotted: float
    leaps: float
    span: int


# What the measures of a mood lie between, both ends included. No tune has the signs of two moods.
SIGNS: dict[str, dict[str, tuple[float, float]]] = {
    "happy": {"beats_a_note": (0, 1.02), "rests": (0, 0.05), "dotted": (0, 0.05), "span": (3, 17)},
    "calm": {"beats_a_note": (1.03, 1.56), "rests": (0, 0.05), "dotted": (0, 0.05), "span": (2, 12)},
    "brave": {"dotted": (0.12, 1), "rests": (0, 0.05), "leaps": (0.05, 1), "span": (5, 24)},
    "sleepy": {"beats_a_note": (1.57, 4), "rests": (0, 0.05), "dotted": (0, 0.05), "span": (1, 10)},
    "sad": {"beats_a_note": (1.03, 4), "rests": (0, 0.05), "dotted": (0, 0.05), "span": (2, 14)},
    "scary": {"beats_a_note": (0, 1.02), "rests": (0.06, 1), "dotted": (0, 0.05), "span": (2, 17)},
}


@dataclass(frozen=True)
class Reading:
    """What a tune is: its bars, and what they tell.

    metre: "3/4", "4/4", or "" where the bars differ, or are not four or eight; key: the key's own note and
    its scale ("D", "major"), or ("", "") where no key holds all notes; comes_home: whether the last note is
    the key's own; place and mood: "" where nothing tells them.
    """

    bars: Bars
    metre: str = ""
    key: tuple[str, str] = ("", "")
    comes_home: bool = False
    place: str = ""
    mood: str = ""
    measures: Measures | None = None
    problem: str = ""  # why a text is no tune

    def obeys(self, wish: Wish) -> dict[str, bool]:
        """For each condition whether the tune keeps to it; what was left open asks for nothing."""
        read = Wish(self.mood, self.place, self.key[0], self.metre)
        return {
            what: bool(found) if word == OPEN else found == word
            for what, word, found in zip(Wish._fields, wish, read, strict=True)
        }


def read_melody(text: str, key: str = OPEN) -> Reading:
    """Read a tune. ``text``: its notes, with or without the request before them (which is not read).

    ``key``: where it is known, only its two scales are tried; else every key, and the last note decides
    between those that fit equally well.
    """
    try:
        bars = read_notes(text)
    except MelodyError as problem:
        return Reading((), problem=str(problem))
    notes = sounding(bars)
    if len(notes) < 3 or not all(bars):
        return Reading(bars, problem="A bar is empty, or the tune has less than three notes.")
    tonic, mode, outside = likeliest_key(notes, key)
    measures = measure(bars)
    return Reading(
        bars,
        metre_of(bars),
        ("", "") if outside else (tonic, mode),
        comes_home(notes, tonic),
        place_of(notes, tonic, mode),
        mood_of(measures, mode),
        measures,
    )


# ------------------------------------------------------------------ metre and key
def metre_of(bars: Bars) -> str:
    """The metre that every bar fills exactly, in a tune of four or eight bars; else ""."""
    lengths = {beats_of(bar) for bar in bars}
    named = {beats: name for name, beats in METRES.items()}
    if len(lengths) != 1 or len(bars) not in (SHORTEST, LONGEST):
        return ""
    return named.get(lengths.pop(), "")


def notes_outside(notes: list[Note], tonic: str, mode: str) -> int:
    """How many notes do not belong to a scale."""
    return sum((note.pitch - KEYS[tonic]) % 12 not in SCALES[mode] for note in notes)


def comes_home(notes: list[Note], tonic: str) -> bool:
    """Whether the last note is the key's own, in any octave."""
    return (notes[-1].pitch - KEYS[tonic]) % 12 == 0


def likeliest_key(notes: list[Note], key: str = OPEN) -> tuple[str, str, int]:
    """The key's own note, the scale, and the number of notes outside it, which is as low as can be.

    Between equals, a key whose own note is the last one comes first.
    """
    tonics = list(KEYS) if key == OPEN else [key]
    choices = [(tonic, mode) for tonic in tonics for mode in SCALES]

    def cost(choice: tuple[str, str]) -> tuple[int, bool]:
        return notes_outside(notes, *choice), not comes_home(notes, choice[0])

    best = min(choices, key=cost)
    return (*best, notes_outside(notes, *best))


# ------------------------------------------------------------------ place and mood
@cache
def calls() -> dict[tuple[int, int], str]:
    """The places by the two moves of their calls, in steps of the scale."""
    found = {}
    for place in PLACES:
        (call,) = steps(f"call {place}")
        first, second, third = (call * 2)[:3]
        found[second - first, third - second] = place
    return found


def place_of(notes: list[Note], tonic: str, mode: str) -> str:
    """The place whose call the first three notes are, "" for none."""
    path = [step_of(note.pitch, tonic, mode) for note in notes[:3]]
    if None in path:
        return ""
    return calls().get((path[1] - path[0], path[2] - path[1]), "")


def measure(bars: Bars) -> Measures:
    """The five measures of a tune with at least two notes."""
    notes = sounding(bars)
    rests = sum(note.pitch is None for bar in bars for note in bar)
    pitches = [note.pitch for note in notes]
    moves = [abs(after - before) for before, after in zip(pitches, pitches[1:], strict=False)]
    return Measures(
        beats_a_note=sum(note.beats for note in notes) / len(notes),
        rests=rests / (rests + len(notes)),
        dotted=sum(note.beats == DOTTED for note in notes) / len(notes),
        leaps=sum(move >= FOURTH for move in moves) / len(moves),
        span=max(pitches) - min(pitches),
    )


def missing_signs(mood: str, measures: Measures, mode: str) -> list[str]:
    """Which signs of a mood a tune lacks: "mode", or names of measures."""
    lacking = [] if MODES[mood] == mode else ["mode"]
    for name, (low, high) in SIGNS[mood].items():
        if not low <= getattr(measures, name) <= high:
            lacking.append(name)
    return lacking


def mood_of(measures: Measures, mode: str) -> str:
    """The mood of which a tune has every sign, "" for none."""
    return next((mood for mood in SIGNS if not missing_signs(mood, measures, mode)), "")
