"""Draw a scene: sky and its light, a place, then the things, in 64x64 pixels."""

from __future__ import annotations

import numpy as np
from PIL import Image

from smallworld.world.drawing.canvas import FINE, Brush, Canvas
from smallworld.world.drawing.places import PLACE_PAINTERS
from smallworld.world.drawing.skies import draw_light
from smallworld.world.drawing.things import THING_PAINTERS
from smallworld.world.scenes import HEIGHTS, SIZE, Scene


def draw(scene: Scene) -> Image.Image:
    """Draw a scene: a 64x64 RGB picture, the same each time for the same scene (1 to 2 ms)."""
    canvas = Canvas(scene)
    draw_light(canvas, scene.spots)
    PLACE_PAINTERS[scene.place](canvas)
    for spot in scene.spots:
        THING_PAINTERS[scene.thing](Brush(canvas, spot, scene.color))
    return canvas.image.reduce(FINE)


def things_mask(scene: Scene) -> np.ndarray:
    """Mark the pixels of the boxes around the things: bool, (64, 64)."""
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    for x, y, width in scene.spots:
        tall = width * HEIGHTS[scene.thing]
        rows = slice(max(0, round((y - tall / 2) * SIZE)), round((y + tall / 2) * SIZE) + 1)
        mask[rows, max(0, round((x - width / 2) * SIZE)) : round((x + width / 2) * SIZE) + 1] = True
    return mask
