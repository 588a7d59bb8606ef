"""Scenes of the small world: a place at a time of day, and perhaps one kind of thing, once or several times.

A scene is a few facts and a layout. ``drawing`` turns it into a 64x64 picture, ``captions`` into words.
Some place x time x thing combinations never occur among the training scenes: one in ten is kept for
validation (choosing settings), one in ten for test (reporting).
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from functools import cache

from smallworld.world.vocabulary import PLACES, SKY_THINGS, TIMES, colors_of, things_in

SIZE = 64  # of a picture, each way, in pixels
Spot = tuple[float, float, float]  # of a thing: x and y of its centre and its width, in shares of the side

SPLITS = ("train", "validation", "test")
NOTHING_SHARE, SINGLE_SHARE = 0.08, 0.55

# How far down the picture the land begins (a share of the picture's side).
HORIZONS = {
    "city": (0.60, 0.70),
    "mountains": (0.60, 0.72),
    "desert": (0.56, 0.70),
    "ocean": (0.52, 0.66),
    "forest": (0.64, 0.76),
    "meadow": (0.56, 0.70),
    "village": (0.58, 0.70),
    "snow": (0.56, 0.70),
}
# How wide a thing is drawn where there are one, two and three of it (shares of the picture's side); the
# outline comes on top, on all sides.
WIDTHS: dict[str, tuple[tuple[float, float], ...]] = {
    "balloon": ((0.29, 0.35), (0.22, 0.26), (0.19, 0.22)),
    "rocket": ((0.22, 0.27), (0.18, 0.21), (0.16, 0.18)),
    "bird": ((0.36, 0.44), (0.28, 0.33), (0.235, 0.25)),
    "flying car": ((0.42, 0.5), (0.31, 0.36), (0.24, 0.25)),
    "airship": ((0.42, 0.52), (0.31, 0.36), (0.24, 0.25)),
    "cloud": ((0.38, 0.5), (0.28, 0.34), (0.23, 0.25)),
    "house": ((0.3, 0.36), (0.24, 0.28), (0.205, 0.235)),
    "train": ((0.4, 0.48), (0.29, 0.34), (0.24, 0.25)),
    "tent": ((0.34, 0.42), (0.26, 0.31), (0.23, 0.25)),
    "windmill": ((0.32, 0.38), (0.25, 0.29), (0.21, 0.235)),
    "boat": ((0.32, 0.38), (0.26, 0.3), (0.22, 0.245)),
    "lighthouse": ((0.21, 0.26), (0.17, 0.2), (0.15, 0.17)),
    "snowman": ((0.26, 0.31), (0.21, 0.25), (0.19, 0.22)),
}
OUTLINE = 0.023  # how broad the outline of a thing is
EDGE, GAP = 0.03, 2 * OUTLINE + 0.04  # how far a thing keeps from the picture's edge, and from another thing
# Height over width of each drawing.
HEIGHTS = {
    "balloon": 1.24,
    "rocket": 1.80,
    "bird": 0.72,
    "flying car": 0.60,
    "airship": 0.60,
    "cloud": 0.56,
    "house": 0.94,
    "train": 0.76,
    "tent": 0.76,
    "windmill": 1.34,
    "boat": 1.00,
    "lighthouse": 2.00,
    "snowman": 1.48,
}


@dataclass(frozen=True)
class Scene:
    """The facts of a picture (keys of the vocabulary) and its layout, in shares of the picture's side.

    ``thing`` is "" where there is none; ``count`` is then 0, else 1, 2 or 3. ``spots`` holds (x, y, width)
    for each thing: its centre from the left and from the top, and its width. ``seed`` fixes the decoration.
    """

    place: str
    time: str
    thing: str = ""
    color: str = ""
    count: int = 0
    horizon: float = 0.65
    spots: tuple[Spot, ...] = ()
    seed: int = 0


# ------------------------------------------------------------------ combinations
@cache
def combination_split(place: str, time: str, thing: str) -> str:
    """Say which split a place x time x thing combination belongs to ("train", "validation" or "test")."""
    return _splits()[place, time, thing]


@cache
def combinations(split: str) -> tuple[tuple[str, str, str], ...]:
    """List the (place, time, thing) combinations of a split. Raises ValueError for an unknown split."""
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}; choose one of {', '.join(SPLITS)}.")
    return tuple(key for key, value in _splits().items() if value == split)


@cache
def _splits() -> dict[tuple[str, str, str], str]:
    """Give every combination its split: of each thing's, a ninth to validation and a ninth to test."""
    splits = {}
    things = {thing for place in PLACES for thing in ("", *things_in(place))}
    for thing in sorted(things):
        keys = [(p, t, thing) for p in PLACES if thing in ("", *things_in(p)) for t in TIMES]
        keys.sort(key=lambda key: hashlib.sha256("|".join(key).encode()).hexdigest())
        held = max(1, round(len(keys) / 9))
        for rank, key in enumerate(keys):
            splits[key] = SPLITS[1] if rank < held else SPLITS[2] if rank < 2 * held else SPLITS[0]
    return splits


# ------------------------------------------------------------------ sampling
def sample_scene(rng: random.Random, split: str = "train", **given) -> Scene:
    """Draw a scene of a split. ``given`` fixes facts: place, time, thing, color, count.

    Raises ValueError where no combination of the split fits what is given.
    """
    unknown = set(given) - {"place", "time", "thing", "color", "count"}
    if unknown:
        raise ValueError(f"A scene has no {', '.join(sorted(unknown))}.")
    place, time, thing = _sample_combination(rng, split, given)
    color, count = "", 0
    if thing:
        color = given.get("color") or rng.choice(colors_of(thing))
        count = given.get("count") or (1 if rng.random() < SINGLE_SHARE else rng.choice((2, 3)))
    horizon = rng.uniform(*HORIZONS[place])
    spots = _place_things(rng, thing, count, horizon) if thing else ()
    return Scene(place, time, thing, color, count, horizon, spots, rng.randrange(2**31))


def _sample_combination(rng: random.Random, split: str, given: dict) -> tuple[str, str, str]:
    """Draw place, time and thing; "nothing" as often as ``NOTHING_SHARE`` says, if it is open."""
    wanted = [given.get(name) for name in ("place", "time", "thing")]
    fitting = [
        key
        for key in combinations(split)
        if all(want in (None, have) for want, have in zip(wanted, key, strict=True))
    ]
    if "color" in given:
        fitting = [key for key in fitting if key[2] and given["color"] in colors_of(key[2])]
    if given.get("count"):
        fitting = [key for key in fitting if key[2]]
    if not fitting:
        raise ValueError(f"No {split} combination of place, time and thing fits {given}.")
    weights = [NOTHING_SHARE * 8 if not key[2] else 1 - NOTHING_SHARE for key in fitting]
    return rng.choices(fitting, weights)[0]


def _place_things(rng: random.Random, thing: str, count: int, horizon: float) -> tuple[Spot, ...]:
    """Find a spot for each thing, in the sky or on the ground, all clear of one another."""
    widths = [rng.uniform(*WIDTHS[thing][count - 1]) for _ in range(count)]
    for _ in range(50):
        lefts = [rng.uniform(EDGE, 1 - EDGE - width) for width in widths]
        spots = _spots_at(rng, thing, widths, lefts, horizon)
        if not _overlapping(spots, HEIGHTS[thing]):
            break
    else:
        spots = _spots_at(rng, thing, widths, _row(rng, widths), horizon)
    return tuple(sorted(spots, key=lambda spot: spot[1]))


def _spots_at(
    rng: random.Random, thing: str, widths: list[float], lefts: list[float], horizon: float
) -> list[Spot]:
    """Spots for things of these widths whose left ends are given."""
    return [
        (left + width / 2, _height_of(rng, thing, width * HEIGHTS[thing], horizon), width)
        for left, width in zip(lefts, widths, strict=True)
    ]


def _row(rng: random.Random, widths: list[float]) -> list[float]:
    """Left ends of things side by side; what room is left is shared out between them by chance."""
    room = 1 - 2 * EDGE - sum(widths) - GAP * (len(widths) - 1)
    cuts = sorted(rng.uniform(0, room) for _ in widths)
    starts = [sum(widths[:number]) + GAP * number for number in range(len(widths))]
    return [EDGE + start + cut for start, cut in zip(starts, cuts, strict=True)]


def _height_of(rng: random.Random, thing: str, height: float, horizon: float) -> float:
    """Draw how far down a thing's centre is: free in the sky, or with its foot on the land (or the water)."""
    if thing in SKY_THINGS:
        low = EDGE + height / 2
        above = 0.22 if thing == "cloud" else 0.08  # a low cloud looks like the crown of a tree
        return rng.uniform(low, max(low + 0.02, horizon - above - height / 2))
    foot = rng.uniform(horizon + 0.10, 1 - EDGE)
    return foot - height / 2


def _overlapping(spots: list[Spot], ratio: float) -> bool:
    """Whether two things come nearer to each other than ``GAP``; ``ratio`` is their height over width."""
    for first, (x1, y1, w1) in enumerate(spots):
        for x2, y2, w2 in spots[first + 1 :]:
            side = (w1 + w2) / 2
            if abs(x1 - x2) < side + GAP and abs(y1 - y2) < side * ratio + GAP:
                return True
    return False
