"""Conditions that the artist cannot meet, counted beside pictures that were not asked for them.

Only of the small world can a program say what a picture shows. So these counts are about the shipped artist,
whatever model the reader has chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL.Image import Image

from helpers.lessons.randomness.pictures import Artist
from helpers.session import Session
from smallworld.judges import pictures as judges

SKY_ROWS, MOON_LIGHT = 18, 140  # of 64 rows: where a moon can be; brightness, 0 to 255, of a moon's patch


@dataclass(frozen=True)
class Case:
    """A request that cannot be met, the same one without the impossible words, and what is counted."""

    name: str
    request: str
    baseline: str
    sign: str  # what is looked for in each picture
    seen: Callable[[Sequence[Image]], list[bool]]


@dataclass(frozen=True)
class Count:
    """Of `total` pictures: how many show the sign, with the impossible words and without them."""

    name: str
    sign: str
    asked: int
    not_asked: int
    total: int


def something_seen(made: Sequence[Image]) -> list[bool]:
    """Whether the judge finds a thing in each picture."""
    return [bool(reading.thing) for reading in _judge().read(list(made))]


def snow_seen(made: Sequence[Image]) -> list[bool]:
    """Whether the judge takes the place of each picture for the snowy valley."""
    return [reading.place == "snow" for reading in _judge().read(list(made))]


def moons_seen(made: Sequence[Image]) -> list[bool]:
    """Whether the sky of each night picture has a bright patch as large as a moon: 3 by 3 pixels of 64 by 64.

    Stars are smaller. Only for pictures without anything bright in the sky, such as a white cloud.
    """
    found = []
    for picture in made:
        red = np.asarray(picture.convert("RGB").resize((64, 64)), dtype=float)[:SKY_ROWS, :, 0]
        patches = np.lib.stride_tricks.sliding_window_view(red, (3, 3))
        found.append(bool(patches.mean(axis=(2, 3)).max() > MOON_LIGHT))
    return found


CASES = (
    Case("a unicorn", "A unicorn over the sea at noon", "The sea at noon", "something is seen",
         something_seen),
    Case("snow", "Snow in the desert at noon", "The desert at noon", "the place is snowy", snow_seen),
    Case("no moon", "A village at night with no moon", "A village at night", "a moon is seen", moons_seen),
)  # fmt: skip


def count_signs(*, seed: int, count: int = 16) -> list[Count]:
    """Paint each request and its baseline `count` times, from the same seeds, and count what is seen."""
    seeds = [(seed + i) % 2**32 for i in range(count)]
    counts = []
    for case in CASES:
        asked = case.seen(_artist().paint_noise(case.request, _artist().noise(seeds)))
        not_asked = case.seen(_artist().paint_noise(case.baseline, _artist().noise(seeds)))
        counts.append(Count(case.name, case.sign, sum(asked), sum(not_asked), count))
    return counts


@cache
def _artist() -> Artist:
    """The artist that the workbook ships, on the CPU in every profile; loaded once."""
    return Artist(Session("tiny", "cpu", torch.float32, seed=0, output_folder=Path(), live=False))


@cache
def _judge():
    """The network that reads pictures, loaded once."""
    return judges.load()
