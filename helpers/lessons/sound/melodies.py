"""Tunes by the shipped melody model, and how many of them keep the rules or do what was asked."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from helpers import text
from helpers.errors import WorkbookError
from helpers.session import Session
from smallworld import WEIGHTS
from smallworld.world import melodies as world
from smallworld.world import melody_grammar
from smallworld.world.melodies import MelodyError, Wish
from smallworld.world.melody_reader import Reading, read_melody

FOLDER = WEIGHTS / "melodies"
MOODS, PLACES = world.CHOICES.mood, world.CHOICES.place  # words of a request
LENGTH = 150  # tokens: longer than a tune of the small world
CALM = {"temperature": 0.8, "top_p": 0.95}  # settings that keep the rules of the small world
ANYTHING = world.ask()  # a request that asks for nothing
FACTS = ("mood", "place", "key", "metre")
ALL = "all four"


@dataclass(frozen=True)
class Obeyed:
    """Of `total` tunes: how many keep to each part of a request, and to all of them.

    asked: of tunes that answer the requests; by_luck: of tunes that answer none, compared with them; failed:
    each request that its tune does not keep to, with that tune and what the reader heard instead.
    """

    asked: dict[str, int]
    by_luck: dict[str, int]
    total: int
    failed: tuple[tuple[str, str, str], ...] = ()


def load(session: Session):
    """Tokenizer and melody model, as `text.load` gives those of a story model."""
    return text.load(session, FOLDER)


def ask(mood: str = "any", place: str = "any", key: str = "any", metre: str = "any") -> str:
    """A request, as the model reads it: "calm ocean D 3/4 :". WorkbookError for an unknown word."""
    try:
        return world.ask(mood, place, key, metre)
    except MelodyError as problem:
        raise WorkbookError(str(problem)) from None


def sing(requests: Sequence[str], *, seed: int, **settings: Any) -> list[str]:
    """A tune for each request, by the shipped model on the CPU; settings: as of `text.generate`."""
    tokenizer, model = _melody_model()
    given = {"max_new_tokens": LENGTH, **CALM, **settings}
    sung = text.generate(model, tokenizer, list(requests), seed=seed, **given)
    return [tune.strip() for tune in sung]


# ------------------------------------------------------------------ counts
def count_obeyed(*, seed: int, count: int = 24) -> Obeyed:
    """Ask for `count` tunes of pairs of mood and place that no training tune has together.

    The same number of tunes is sung without any wish, to see how often a tune fits by luck alone.
    """
    wishes = world.wishes("test", count)
    requests = [world.ask(*wish) for wish in wishes]
    asked, by_luck = sing(requests, seed=seed), sing([ANYTHING] * count, seed=seed)
    failed = []
    for request, tune, wish in zip(requests, asked, wishes, strict=True):
        reading = read_melody(tune, wish.key)
        if not all(reading.obeys(wish).values()):
            failed.append((request, tune, heard(reading)))
    return Obeyed(_count(asked, wishes), _count(by_luck, wishes), count, tuple(failed))


def count_writers(*, seed: int, count: int = 24) -> dict[str, Obeyed]:
    """The same requests for three writers: the model, one that counts triples of words, and random notes."""
    wishes = world.wishes("test", count)
    requests = [world.ask(*wish) for wish in wishes]
    written = {
        "model": sing(requests, seed=seed),
        "counting\ntriples": Counting().write(requests, seed=seed),
        "random\nnotes": world.random_notes(count, seed),
    }
    return {name: Obeyed(_count(tunes, wishes), {}, count) for name, tunes in written.items()}


def heard(reading: Reading) -> str:
    """In words what the reader found: "calm, ocean, D major, 3/4"; "no mood" where it found none."""
    found = (reading.mood, reading.place, " ".join(reading.key).strip(), reading.metre)
    return ", ".join(word or f"no {fact}" for fact, word in zip(FACTS, found, strict=True))


def read(tune: str, key: str = "any") -> Reading:
    """What the reader finds in a tune; key: where it is known."""
    return read_melody(tune, key)


def compose(mood: str, place: str, key: str = "D", metre: str = "3/4", *, seed: int = 0) -> str:
    """A tune by the grammar that wrote the training tunes, as text."""
    try:
        return melody_grammar.compose(mood, place, key, metre, seed).text
    except MelodyError as problem:
        raise WorkbookError(str(problem)) from None


def training_tunes(count: int, *, seed: int = 0) -> list[str]:
    """Request and notes of the first training tunes, one text each."""
    tunes = melody_grammar.corpus("train", count, seed, exact=False)
    return [f"{tune.prompt} {tune.text}" for tune in tunes]


def playable(tune: str) -> str:
    """The beginning of a text that is a tune: all up to the first word out of place, "" for none."""
    words = tune.split()
    for end in range(len(words), 0, -1):
        beginning = " ".join(words[:end])
        if read_melody(beginning).bars:
            return beginning
    return ""


def lengths(tune: str) -> list[list[float]]:
    """The lengths of the notes and rests in each bar, in beats; no bars for a text that is no tune."""
    return [[note.beats for note in bar] for bar in read_melody(tune).bars]


class Counting:
    """The simplest model of tunes: what came after these two words, and how often?"""

    def __init__(self, tunes: int = 2_000):
        """tunes: how many training tunes are counted."""
        self.next_words: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for tune in training_tunes(tunes):
            row = [*tune.split(), ""]  # an empty word ends a tune
            for first, second, third in zip(row, row[1:], row[2:], strict=False):
                self.next_words[first, second][third] += 1

    def write(self, requests: Sequence[str], *, seed: int) -> list[str]:
        """A tune for each request, word by word."""
        rng, tunes = random.Random(seed), []
        for request in requests:
            row = request.split()
            start = len(row)
            while len(row) < start + LENGTH and (known := self.next_words.get((row[-2], row[-1]))):
                (word,) = rng.choices(list(known), list(known.values()))
                if not word:
                    break
                row.append(word)
            tunes.append(" ".join(row[start:]))
        return tunes


def _count(tunes: Sequence[str], wishes: Sequence[Wish]) -> dict[str, int]:
    verdicts = _verdicts(tunes, wishes)
    counts: Mapping[str, int] = {fact: sum(verdict[fact] for verdict in verdicts) for fact in FACTS}
    return {**counts, ALL: sum(all(verdict.values()) for verdict in verdicts)}


def _verdicts(tunes: Sequence[str], wishes: Sequence[Wish]) -> list[dict[str, bool]]:
    return [read_melody(tune, wish.key).obeys(wish) for tune, wish in zip(tunes, wishes, strict=True)]


@cache
def _melody_model():
    """Tokenizer and model that the workbook ships, on the CPU in every profile; loaded once."""
    import torch

    return load(Session("tiny", "cpu", torch.float32, seed=0, output_folder=Path(), live=False))
