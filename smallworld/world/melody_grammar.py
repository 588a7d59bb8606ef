"""The grammar of the tunes: phrases of two bars, joined to four or eight, each with its exact probability.

A tune is an opening (the place's call, in a rhythm of the mood) and a cadence that comes home to the key's
own note. Longer tunes have between them, in either order, an answer to the opening and a continuation, which
wanders as the mood does and stops half-way. Rhythms, walks, calls and cadences stand in melodies.txt. In
steps of the scale, 0 is the key's own note.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from smallworld.world.melodies import (
    CHOICES,
    METRES,
    MODES,
    Bars,
    MelodyError,
    Note,
    Wish,
    ask,
    combinations,
    pitch_of,
    step_of,
    steps,
    table,
    write_notes,
)

# The shapes of a tune, and their shares: opening (O), answer to it (A), continuation (K), cadence (C).
FORMS = {"OC": 0.2, "OKAC": 0.4, "OAKC": 0.4}
ANSWERS = ("repeated", "a step higher", "a step lower", "mirrored", "turned")
STARTS = (-3, 0, 2, 4, 7)  # a call begins on a note of the key's chord
HALF_WAY = (-3, 1, 4)  # where a continuation stops: on a note of the fifth's chord
WIDEST = 4  # the widest leap, in steps, to where a cadence's last bar begins, if there is another choice
OPENED = 0.3  # of the training requests: that something is left open
Contour = tuple[int, ...]
Chances = dict[Contour, float]
Rhythms = tuple[tuple[float, ...], tuple[float, ...]]  # of the two bars of a phrase


@dataclass(frozen=True)
class Tune:
    """A tune, what it is (``facts``), what it is asked for, and its log-probability given the facts."""

    facts: Wish
    wish: Wish
    bars: Bars
    log_probability: float

    @property
    def prompt(self) -> str:
        """The request, as the model reads it."""
        return ask(*self.wish)

    @property
    def text(self) -> str:
        """The notes, as the model writes them."""
        return write_notes(self.bars)


# ------------------------------------------------------------------ how many notes, and which steps
def count_notes(rhythm: tuple[float, ...]) -> int:
    """The notes of a rhythm, without its rests."""
    return sum(length > 0 for length in rhythm)


def rhythms(mood: str, metre: str, part: str) -> tuple[tuple[float, ...], ...]:
    """The rhythms of a bar that is the first ("open"), the second ("close") or the last of its phrases."""
    return table(f"{mood} {metre} {part}")


def shares(contours: list[Contour], mood: str) -> Chances:
    """Each of the contours within the mood's limits with its share; several ways to one are added up."""
    ((low, high),) = steps(f"limits {mood}")
    inside = [contour for contour in contours if low <= min(contour) and max(contour) <= high]
    return {contour: number / len(inside) for contour, number in Counter(inside).items()}


def walk(start: int, cycle: Contour, count: int, mood: str) -> Contour:
    """``count`` steps after ``start`` by the moves of ``cycle``, turned at the mood's limits."""
    ((low, high),) = steps(f"limits {mood}")
    path, here = [], start
    for number in range(count):
        move = cycle[number % len(cycle)]
        here += move if low <= here + move <= high else -move
        path.append(min(high, max(low, here)))
        here = path[-1]
    return tuple(path)


@cache
def openings(mood: str, place: str, first: int, second: int) -> Chances:
    """Contours of an opening with so many notes in its two bars: the place's call.

    The second bar goes on with the call, or begins it anew, perhaps a step higher or lower; the last note may
    move by a step. Neither touches the first three notes.
    """
    (call,) = steps(f"call {place}")
    found = []
    for start in STARTS:
        shift = start - call[0]
        on = [shift + call[number % len(call)] for number in range(first + second)]
        contours = [on]
        if first >= 3:
            contours += [on[:first] + [step + more for step in on[:second]] for more in (0, 1, -1)]
        for contour in contours:
            ends = (0, 0, 1, -1) if first + second > 3 else (0,)
            found += [tuple([*contour[:-1], contour[-1] + end]) for end in ends]
    return shares(found, mood)


def answer(kind: str, opening: Contour, first: int, mood: str) -> list[Contour]:
    """The contours of one kind of answer to an opening with ``first`` notes in its first bar."""
    if kind == "repeated":
        return [opening]
    if kind == "mirrored":
        return [tuple(2 * opening[0] - step for step in opening)]
    if kind == "turned":
        cycles = steps(f"walk {mood}")
        return [opening[:first] + walk(opening[first - 1], c, len(opening) - first, mood) for c in cycles]
    more = 1 if kind == "a step higher" else -1
    return [tuple(step + more for step in opening)]


def held_out(rhythm: tuple[float, ...], kind: str, mood: str, metre: str) -> bool:
    """Whether no training tune answers an opening that begins with this rhythm in this way."""
    number = rhythms(mood, metre, "open").index(rhythm)
    return (number + ANSWERS.index(kind)) % len(ANSWERS) == 0


@cache
def answers(opening: Contour, first: int, mood: str, kinds: tuple[str, ...]) -> Chances:
    """Contours of an answer; the kinds that stay in the limits are equally frequent."""
    total: Counter[Contour] = Counter()
    possible = [found for kind in kinds if (found := shares(answer(kind, opening, first, mood), mood))]
    for found in possible:
        for contour, share in found.items():
            total[contour] += share / len(possible)
    return dict(total)


@cache
def continuations(mood: str, start: int, first: int, second: int) -> Chances:
    """Contours of a continuation after the step ``start``: two walks, then the nearest place to stop."""
    found = []
    for entry in (-1, 1):
        for one in steps(f"walk {mood}"):
            head = walk(start, (entry, *one * 3), first, mood)
            for other in steps(f"walk {mood}"):
                path = head + walk(head[-1], other, second, mood)
                stop = min(HALF_WAY, key=lambda step, last=path[-1]: (abs(step - last), step))
                found.append((*path[:-1], stop))
    return shares(found, mood)


@cache
def cadences(mood: str, start: int, first: int, second: int) -> Chances:
    """Contours of the last phrase after the step ``start``: a walk, then a way home from not far off."""
    ways, found = steps(f"cadence {second}"), []
    for entry in (-1, 1):
        for one in steps(f"walk {mood}"):
            head = walk(start, (entry, *one * 3), first, mood)
            leaps = [abs(way[0] - head[-1]) for way in ways]
            widest = max(WIDEST, min(leaps))
            found += [head + way for way, leap in zip(ways, leaps, strict=True) if leap <= widest]
    return shares(found, mood)


# ------------------------------------------------------------------ phrases
def phrase_rhythms(part: str, mood: str, metre: str, opening: Rhythms | None) -> list[Rhythms]:
    """The rhythms that a phrase can have; an answer keeps those of the opening."""
    if part == "A":
        return [opening]
    ends = rhythms(mood, metre, "last" if part == "C" else "close")
    return [(one, other) for one in rhythms(mood, metre, "open") for other in ends]


def phrase_contours(
    part: str, facts: Wish, rhythm: Rhythms, before: int, opening: tuple[Rhythms, Contour] | None, split: str
) -> Chances:
    """The contours of a phrase with this rhythm after the step ``before`` (of no matter for an opening)."""
    first, second = map(count_notes, rhythm)
    if part == "O":
        return openings(facts.mood, facts.place, first, second)
    if part == "K":
        return continuations(facts.mood, before, first, second)
    if part == "C":
        return cadences(facts.mood, before, first, second)
    kinds = [
        kind for kind in ANSWERS
        if split != "train" or not held_out(rhythm[0], kind, facts.mood, facts.metre)
    ]  # fmt: skip
    return answers(opening[1], first, facts.mood, tuple(kinds))


def join(rhythm: Rhythms, contour: Contour, facts: Wish) -> Bars:
    """The two bars of a phrase."""
    waiting = iter(contour)
    mode = MODES[facts.mood]
    return tuple(
        tuple(
            Note(pitch_of(next(waiting), facts.key, mode) if length > 0 else None, abs(length))
            for length in bar
        )
        for bar in rhythm
    )


# ------------------------------------------------------------------ drawing a tune, and its probability
def draw(facts: Wish, rng: random.Random, split: str = "train") -> Bars:
    """A tune of this mood, place, key and metre."""
    (form,) = rng.choices(list(FORMS), list(FORMS.values()))
    bars: Bars = ()
    opening, before = None, 0
    for part in form:
        rhythm = rng.choice(phrase_rhythms(part, facts.mood, facts.metre, opening and opening[0]))
        chances = phrase_contours(part, facts, rhythm, before, opening, split)
        (contour,) = rng.choices(list(chances), list(chances.values()))
        bars += join(rhythm, contour, facts)
        opening, before = opening or (rhythm, contour), contour[-1]
    return bars


def log_probability(bars: Bars, facts: Wish, split: str = "train") -> float:
    """The natural logarithm of a tune's probability given its facts; -inf where the grammar never writes it.

    Exact: all ways to write the same notes are added up.
    """
    read = [read_phrase(bars[first : first + 2], facts) for first in range(0, len(bars), 2)]
    if None in read or len(bars) % 2:
        return -math.inf
    total = sum(
        share * form_probability(form, read, facts, split)
        for form, share in FORMS.items()
        if len(form) == len(read)
    )
    return math.log(total) if total else -math.inf


def read_phrase(bars: Bars, facts: Wish) -> tuple[Rhythms, Contour] | None:
    """Rhythm and contour of two bars; None where a note lies beside the scale."""
    rhythm = tuple(tuple(-note.beats if note.pitch is None else note.beats for note in bar) for bar in bars)
    notes = [note.pitch for bar in bars for note in bar if note.pitch is not None]
    contour = tuple(step_of(pitch, facts.key, MODES[facts.mood]) for pitch in notes)
    return None if None in contour or not contour else (rhythm, contour)


def form_probability(form: str, read: list[tuple[Rhythms, Contour]], facts: Wish, split: str) -> float:
    """The probability of these phrases, given the form."""
    result, before = 1.0, 0
    for part, (rhythm, contour) in zip(form, read, strict=True):
        possible = phrase_rhythms(part, facts.mood, facts.metre, read[0][0])
        result *= possible.count(rhythm) / len(possible)
        if not result:
            return 0.0
        chances = phrase_contours(part, facts, rhythm, before, read[0], split)
        result *= chances.get(contour, 0.0)
        before = contour[-1]
    return result


# ------------------------------------------------------------------ the corpus
def compose(mood: str, place: str, key: str, metre: str, seed: int = 0, split: str = "test") -> Tune:
    """A tune by the grammar itself. MelodyError where a condition is unknown or left open."""
    facts = Wish(mood, place, key, metre)
    for what, word, known in zip(Wish._fields, facts, CHOICES, strict=True):
        if word not in known:
            raise MelodyError(f"The {what} {word!r} is unknown: choose one of {', '.join(known)}.")
    bars = draw(facts, random.Random(f"{facts}-{seed}"), split)
    return Tune(facts, facts, bars, log_probability(bars, facts, split))


def corpus(split: str, count: int, seed: int = 0, exact: bool = True) -> Iterator[Tune]:
    """Yield ``count`` tunes of a split; the same split, count and seed give the same tunes.

    In the training split some requests leave something open. ``exact`` False saves the time that the
    log-probabilities take: they are nan.
    """
    rng = random.Random(f"melody-{split}-{seed}")
    for _ in range(count):
        mood, place = rng.choice(combinations(split))
        facts = Wish(mood, place, rng.choice(CHOICES.key), rng.choice(list(METRES)))
        bars = draw(facts, rng, split)
        wish = leave_open(facts, rng) if split == "train" else facts
        probability = log_probability(bars, facts, split) if exact else math.nan
        yield Tune(facts, wish, bars, probability)


def leave_open(facts: Wish, rng: random.Random) -> Wish:
    """The request for a tune: in full, or with about half of its conditions left open."""
    if rng.random() >= OPENED:
        return facts
    return Wish(*(word if rng.random() < 0.5 else "any" for word in facts))
