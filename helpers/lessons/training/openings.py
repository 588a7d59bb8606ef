"""Texts of two sentences in the world's words, simple enough for a network that trains in seconds."""

import random
from functools import cache
from pathlib import Path

from smallworld.world.grammar import capitalise, sections, with_articles
from smallworld.world.splits import combinations
from smallworld.world.vocabulary import CHARACTERS, PLACES, PRONOUNS, TIMES

FILE = Path(__file__).with_name("openings.txt")
ADJECTIVES = ("little", "young", "small")
MOODS = ("happy", "calm", "brave", "curious", "sleepy")
ONCE_SHARE = 0.2  # of the texts: those that begin with "Once upon a time"


@cache
def patterns() -> dict[str, tuple[str, ...]]:
    """The patterns of ``openings.txt`` by section ("open.once", "open.other", "mood.happy" ...)."""
    return sections(FILE)


def openings(count: int, seed: int, split: str = "train", place: str = "") -> list[str]:
    """``count`` texts about combinations of place, time and hero of a split ("train", "validation", "test").

    Each has two sentences: an opening, and how the hero feels. ``place`` fixes the place.
    """
    rng = random.Random(f"openings {split} {seed}")
    every = [one for one in combinations(split) if place in ("", one[0])]
    return [_text(rng, *rng.choice(every)) for _ in range(count)]


def _text(rng: random.Random, place: str, time: str, hero: str) -> str:
    """Write one text."""
    begin = "once" if rng.random() < ONCE_SHARE else "other"
    facts = PRONOUNS[CHARACTERS[hero].pronouns] | {"name": hero, "kind": CHARACTERS[hero].kind}
    lines = []
    for section in (f"open.{begin}", f"mood.{rng.choice(MOODS)}"):
        facts |= {
            "in_place": rng.choice(PLACES[place].within),
            "at_time": rng.choice(TIMES[time].at),
            "adj": rng.choice(ADJECTIVES),
            "ground": rng.choice(PLACES[place].ground),
            "path": rng.choice(PLACES[place].path),
        }
        pattern = rng.choice(patterns()[section])
        lines.append(capitalise(with_articles(pattern.format(**facts))))
    return " ".join(lines)
