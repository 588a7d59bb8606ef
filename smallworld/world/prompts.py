"""Requests to the image model, each a prompt with the facts that it says, to hold pictures against."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from smallworld.world import captions, wordings
from smallworld.world.reader import read_places_and_times, read_prompt, read_things
from smallworld.world.scenes import Scene, combinations, sample_scene
from smallworld.world.vocabulary import PLACES, SKY_THINGS, TIMES, colors_of, plural

HAND_WRITTEN = Path(__file__).with_name("prompts.txt")
ARTICLE = "A futuristic cityscape with flying cars at sunset"
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
def said(scene: Scene, text: str) -> dict[str, str | bool]:
    """The scene's facts that one of its captions says for certain (captions never say a wrong one)."""
    true = {"place": scene.place, "time": scene.time, "thing": scene.thing}
    true |= {"color": scene.color, "several": scene.count > 1} if scene.thing else {}
    read = read_prompt(text)
    facts = {name: value for name, value in true.items() if read.get(name) == value}
    if not scene.thing:
        facts["thing"] = ""
    elif "thing" not in facts:
        facts = {name: value for name, value in facts.items() if name in ("place", "time")}
    return facts


def caption_requests(split: str, rounds: int, seed: int, wording: str = "train") -> list[Asked]:
    """``rounds`` captions for each combination of the split; each says place, time and thing.

    With the wording "unseen", they name place and time in words that no caption to learn from has.
    """
    rng, asked = random.Random(f"captions {split} {seed}"), []
    for _ in range(rounds):
        for place, time, thing in combinations(split):
            scene = sample_scene(rng, split, place=place, time=time, thing=thing)
            text = captions.caption(scene, rng, wording)
            while not {"place", "time", "thing"} <= said(scene, text).keys():
                text = captions.caption(scene, rng, wording)
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
    places, times = read_places_and_times(text)
    facts: dict[str, str | int] = {
        name: keys.pop() for name, keys in (("place", places), ("time", times)) if len(keys) == 1
    }
    whole = {each for each in read_things(text) if each.color in colors_of(each.thing) and each.count}
    if len(whole) == 1:
        (named,) = whole
        facts |= {"thing": named.thing, "color": named.color, "count": named.count}
    return facts


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
    known = {
        "place": PLACES,
        "time": TIMES,
        "thing": {"nothing", *wordings.THING_NAMES},
        "color": wordings.color_names(),
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
