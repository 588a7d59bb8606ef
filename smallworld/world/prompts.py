"""Requests to the image model, each a prompt with the facts that it says, to hold pictures against."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from smallworld.world import captions
from smallworld.world.checker import read_conditions
from smallworld.world.scenes import Scene, combinations, sample_scene
from smallworld.world.vocabulary import COLORS, PLACES, SKY_THINGS, THING_COLORS, TIMES, plural

HAND_WRITTEN = Path(__file__).with_name("prompts.txt")
ARTICLE = "A futuristic cityscape with flying cars at sunset"
COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3}
NUMBERS = {"": {}, "single": {"several": False}, "several": {"several": True}}


@dataclass(frozen=True)
class Asked:
    """One request: the prompt and the facts in it.

    Of place, time, thing ("" asks for nothing), color and several (True or False), ``facts`` holds those that
    the prompt says.
    """

    prompt: str
    facts: dict[str, str | bool]


ARTICLE_REQUEST = Asked(ARTICLE, {"place": "city", "time": "sunset", "thing": "flying car", "several": True})


# ------------------------------------------------------------------ captions
def _has(text: str, phrases: Iterable[str]) -> bool:
    """Whether one of the phrases stands in the text as whole words."""
    return any(re.search(rf"\b{re.escape(phrase)}\b", text) for phrase in phrases)


def _bare(text: str) -> str:
    """Leave out what captions sometimes leave out: function words."""
    return " ".join(word for word in captions.split_words(text) if word not in captions.SMALL_WORDS)


def said(scene: Scene, text: str) -> dict[str, str | bool]:
    """The scene's facts that one of its captions says for certain (captions never say a wrong one)."""
    text, facts = text.lower(), {}
    names = captions.PLACE_NAMES[scene.place] + PLACES[scene.place].names
    if _has(text, names):
        facts["place"] = scene.place
    phrases = captions.TIME_PHRASES[scene.time]
    adjectives = captions.TIME_ADJECTIVES[scene.time]
    described = (f"{adjective} {name}" for adjective in adjectives for name in names)
    if _has(text, (*phrases, *described)) or _has(_bare(text), set(map(_bare, phrases)) - {"day"}):
        facts["time"] = scene.time
    one = captions.THING_NAMES.get(scene.thing, ())
    many = tuple(map(plural, one))
    if not scene.thing:
        facts["thing"] = ""
    elif _has(text, one + many):
        facts |= {"thing": scene.thing, "several": _has(text, many)}
    colored = (f"{scene.color} {name}" for name in one + many)
    later = (f"{name} that {be} {scene.color}" for name in one + many for be in ("is", "are"))
    if scene.thing and _has(text, (*colored, *later)):
        facts["color"] = scene.color
    return facts


def caption_requests(split: str, rounds: int, seed: int) -> list[Asked]:
    """``rounds`` captions for each combination of the split; each says place, time and thing."""
    rng, asked = random.Random(f"captions {split} {seed}"), []
    for _ in range(rounds):
        for place, time, thing in combinations(split):
            scene = sample_scene(rng, split, place=place, time=time, thing=thing)
            text = captions.caption(scene, rng)
            while not {"place", "time", "thing"} <= said(scene, text).keys():
                text = captions.caption(scene, rng)
            asked.append(Asked(text, said(scene, text)))
    return asked


def say(place: str, time: str, thing: str = "", color: str = "", count: int = 1) -> str:
    """Say facts plainly: "two red balloons over the ocean at night"."""
    where, when = PLACES[place], TIMES[time].at[0]
    if not thing:
        return f"{where.names[0]} {when}"
    words = (("one", "two", "three")[count - 1], color, plural(thing) if count > 1 else thing)
    over = f"over {where.names[0]}" if thing in SKY_THINGS else where.within[0]
    return f"{' '.join(filter(None, words))} {over} {when}"


def full_prompt(scene: Scene) -> str:
    """Say all facts of a scene."""
    return say(scene.place, scene.time, scene.thing, scene.color, scene.count)


def read_facts(text: str) -> dict[str, str | int]:
    """What a story's sentence says of a scene: place, time; thing, color and count of "two red balloons".

    A fact that the text does not name, or names in two ways, is left out. A thing counts only with its number
    and its colour: "her red boat" may be a toy.
    """
    facts: dict[str, str | int] = {
        key: value for key, value in read_conditions(text).items() if key in ("place", "time")
    }
    found = {match.groups() for match in _thing_phrase().finditer(text.lower())}
    if len(found) == 1:
        ((number, color, thing),) = found
        facts |= {"thing": _singular()[thing], "color": color, "count": COUNTS[number]}
    return facts


@cache
def _singular() -> dict[str, str]:
    """Things by their name in the singular and in the plural."""
    names = sorted(captions.THING_NAMES)
    return {thing: thing for thing in names} | {plural(thing): thing for thing in names}


@cache
def _thing_phrase() -> re.Pattern:
    """A number, a colour and a thing, as groups."""
    colors = {*COLORS, *(color for listed in THING_COLORS.values() for color in listed)}
    parts = ("|".join(map(re.escape, sorted(words))) for words in (COUNTS, colors, _singular()))
    return re.compile(r"\b({}) ({}) ({})\b".format(*parts))


def conditions(split: str, count: int, seed: int) -> list[Scene]:
    """Up to ``count`` scenes, each of another combination with a thing: their facts are the conditions."""
    rng = random.Random(f"conditions {split} {seed}")
    with_thing = [key for key in combinations(split) if key[2]]
    chosen = rng.sample(with_thing, min(count, len(with_thing)))
    return [sample_scene(rng, split, place=p, time=t, thing=x) for p, t, x in chosen]


# ------------------------------------------------------------------ hand-written sentences
def hand_written(path: Path = HAND_WRITTEN) -> list[Asked]:
    """The sentences of ``prompts.txt``. Raises ValueError, naming the line, for a malformed one."""
    asked = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            fields = [part.strip() for part in line.split("|")]
            if len(fields) != 6 or not fields[5]:
                raise ValueError(f"{path.name}, line {number}: write five facts and a sentence.")
            asked.append(Asked(fields[5], _facts(fields[:5], f"{path.name}, line {number}")))
    return asked


def _facts(fields: list[str], where: str) -> dict[str, str | bool]:
    """The facts of a line; empty fields are left out."""
    place, time, thing, color, number = fields
    colors = {*COLORS, *(color for colors in THING_COLORS.values() for color in colors)}
    known = {
        "place": PLACES,
        "time": TIMES,
        "thing": {"nothing", *captions.THING_NAMES},
        "color": colors,
    }
    facts: dict[str, str | bool] = {}
    for (name, keys), value in zip(known.items(), (place, time, thing, color), strict=True):
        if value and value not in keys:
            raise ValueError(f"{where}: there is no {name} {value!r}.")
        if value:
            facts[name] = value.replace("nothing", "")
    if number not in NUMBERS:
        raise ValueError(f'{where}: the number is "single", "several" or empty, not {number!r}.')
    return facts | NUMBERS[number]
