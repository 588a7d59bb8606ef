"""Pictures of requests that the artist cannot meet, and a count of those that show a sign, such as a moon.

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

from helpers.errors import WorkbookError
from helpers.lessons.randomness.pictures import Artist
from helpers.session import Session
from smallworld.judges import pictures as judges

SKY_ROWS, MOON_LIGHT = 18, 140  # of 64 rows: where a moon can be; brightness, 0 to 255, of a moon's patch


@dataclass(frozen=True)
class Look:
    """Pictures of one request, and for each of them whether a sign is seen in it."""

    request: str
    sign: str
    pictures: list[Image]
    seen: list[bool]

    @property
    def count(self) -> int:
        """In how many of the pictures the sign is seen."""
        return sum(self.seen)


def snow_seen(made: Sequence[Image]) -> list[bool]:
    """Whether the judge takes the place of each picture for the snowy valley."""
    return [reading.place == "snow" for reading in _judge().read(list(made))]


def desert_seen(made: Sequence[Image]) -> list[bool]:
    """Whether the judge takes the place of each picture for the desert."""
    return [reading.place == "desert" for reading in _judge().read(list(made))]


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


SIGNS: dict[str, Callable[[Sequence[Image]], list[bool]]] = {
    "moon": moons_seen,
    "snow": snow_seen,
    "desert": desert_seen,
}


def look(request: str, sign: str, *, seed: int, count: int = 16) -> Look:
    """Paint a request from `count` seeds, and look for a sign in each picture.

    sign: moon, snow or desert; seed: the first of the seeds, so that two requests can share theirs.
    """
    if sign not in SIGNS:
        raise WorkbookError(f'The sign is "{sign}": look for one of {", ".join(SIGNS)}.')
    made = _painted(request, seed, count)
    return Look(request, sign, made, SIGNS[sign](made))


@cache
def _painted(request: str, seed: int, count: int) -> list[Image]:
    """Pictures of a request from seeds that follow each other, kept for a second sign."""
    seeds = [(seed + i) % 2**32 for i in range(count)]
    return _artist().paint_noise(request, _artist().noise(seeds))


@cache
def _artist() -> Artist:
    """The artist that the workbook ships, on the CPU in every profile; loaded once."""
    return Artist(Session("tiny", "cpu", torch.float32, seed=0, output_folder=Path(), live=False))


@cache
def _judge():
    """The network that reads pictures, loaded once."""
    return judges.load()
