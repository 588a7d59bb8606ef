"""Draw a scene: sky and its light, a place, then the things, in 64x64 pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from smallworld.world.drawing.brush import Brush
from smallworld.world.drawing.canvas import FINE, FULL, Canvas, outline
from smallworld.world.drawing.places import PLACE_PAINTERS
from smallworld.world.drawing.skies import draw_light
from smallworld.world.drawing.things import make_thing
from smallworld.world.scenes import SIZE, Scene, Spot


def draw(scene: Scene) -> Image.Image:
    """Draw a scene: a 64x64 RGB picture, the same each time for the same scene (1 to 2 ms)."""
    return paint(Canvas(scene), scene)


def paint(canvas: Canvas, scene: Scene, more: Sequence[tuple[Spot, Brush]] = ()) -> Image.Image:
    """Paint a scene, and ``more`` things made elsewhere, on a canvas of any style; the picture is 64x64."""
    things = [(spot, make_thing(scene, spot)) for spot in scene.spots]
    things += more
    draw_light(canvas, [spot for spot, _ in things])
    PLACE_PAINTERS[scene.place](canvas)
    for _, thing in things:
        canvas.lay(thing.layers, thing.rim)
    return canvas.image.reduce(FINE)


def things_mask(scene: Scene) -> np.ndarray:
    """Mark the pixels that the things, with their outlines, cover by half or more: bool, (64, 64)."""
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    for spot in scene.spots:
        mask |= thing_mask(scene, spot)
    return mask


def thing_mask(scene: Scene, spot: Spot) -> np.ndarray:
    """Mark the pixels of the thing at one spot: bool, (64, 64)."""
    image = Image.new("L", (FULL, FULL))
    pen = ImageDraw.Draw(image)
    for layer in make_thing(scene, spot).layers:
        for piece in layer:
            if piece.rim:
                outline(pen, piece.points, 255)
    return np.asarray(image.reduce(FINE)) >= 128
