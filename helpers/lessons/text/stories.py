"""Stories by the shipped story model, and how many of them are sound or do what was asked.

Only in the small world can a program read a story and say what is wrong with it. So these counts are about
the story model, whatever model the reader has chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from helpers import text
from helpers.checks import check_number
from helpers.session import Session
from smallworld.world import stories
from smallworld.world.checker import check

LENGTH = 250  # tokens: longer than a story of the small world
CALM = {"temperature": 0.8, "top_p": 0.95}  # settings that write sound stories
# What a request asks for, with the kind of fault that the checker reports where a story breaks it.
FAULTS = {"place": "place", "time": "time", "character": "name"}
ALL = "all three"


@dataclass(frozen=True)
class Sound:
    """Of `total` stories: how many have no fault, and in how many ways they begin."""

    sound: int
    beginnings: int
    total: int


@dataclass(frozen=True)
class Obeyed:
    """Of `total` stories: how many keep to each fact of a request, and to all of them.

    asked: of stories that answer the requests; not_asked: of stories that answer none, held against them.
    """

    asked: dict[str, int]
    not_asked: dict[str, int]
    total: int


def tell(requests: Sequence[str], *, seed: int, **settings: Any) -> list[str]:
    """A story for each request, by the shipped story model; settings: as of `text.generate`."""
    tokenizer, model = _story_model()
    given = {"max_new_tokens": LENGTH, **CALM, **settings}
    told = text.generate(model, tokenizer, list(requests), seed=seed, **given)
    return [story.strip() for story in told]


def count_sound(settings: Mapping[str, dict], *, seed: int, count: int = 16) -> dict[str, Sound]:
    """Tell `count` stories with each of the named settings, and count those without a fault."""
    counts = {}
    for name, changed in settings.items():
        neutral = {"temperature": 1.0, "top_p": 1.0}
        told = tell([stories.ask()] * count, seed=seed, **neutral | changed)
        sound = sum(check(story).ok for story in told)
        beginnings = {first_words(story) for story in told}
        counts[name] = Sound(sound, len(beginnings), count)
    return counts


def first_words(story: str, count: int = 4) -> str:
    """The first words of a text, with the punctuation beside them."""
    return " ".join(story.split()[:count])


def count_obeyed(*, seed: int, count: int = 24) -> Obeyed:
    """Ask for `count` combinations of place, time and character that no training story has.

    The same number of stories is told without any wish, to see how often a story fits by luck alone.
    """
    wanted = combinations(count)
    requests = [stories.ask(place, time, character=who) for place, time, who in wanted]
    asked = tell(requests, seed=seed)
    not_asked = tell([stories.ask()] * len(wanted), seed=seed)
    return Obeyed(_count(asked, wanted), _count(not_asked, wanted), len(wanted))


def combinations(count: int) -> list[tuple[str, str, str]]:
    """`count` of the combinations (place, time, character) that no training story has, evenly spread."""
    held_out = stories.combinations("test")
    check_number("count", count, 1, len(held_out), f"a whole number from 1 to {len(held_out)}")
    return [held_out[i * len(held_out) // count] for i in range(count)]


def obeys(story: str, place: str, time: str, character: str) -> dict[str, bool]:
    """Which facts of a request a story keeps to: it names them, and nothing in it contradicts them."""
    report = check(story, place=place, time=time, character=character)
    broken = {fault.kind for fault in report.faults if fault.sentence >= 0}
    named = {"place": report.mentions(place), "time": report.mentions(time), "character": character in story}
    kept = {fact: named[fact] and FAULTS[fact] not in broken for fact in FAULTS}
    return kept | {ALL: all(kept.values())}


def wilson_interval(hits: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Low and high end of the 95 % confidence interval of a share, for `hits` of `trials`.

    It is honest at the ends, too: 18 of 18 gives 0.82 to 1. (Wilson 1927)
    """
    check_number("trials", trials, 1, math.inf, "a whole number from 1")
    check_number("hits", hits, 0, trials, f"a whole number from 0 to {trials}")
    share = hits / trials
    middle = share + z**2 / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    scale = 1 + z**2 / trials
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def _count(told: Sequence[str], wanted: Sequence[tuple[str, str, str]]) -> dict[str, int]:
    verdicts = [obeys(story, *facts) for story, facts in zip(told, wanted, strict=True)]
    return {fact: sum(verdict[fact] for verdict in verdicts) for fact in (*FAULTS, ALL)}


@cache
def _story_model():
    """Tokenizer and model that the workbook ships, on the CPU in every profile; loaded once."""
    import torch

    return text.load(Session("tiny", "cpu", torch.float32, seed=0, output_folder=Path(), live=False))
