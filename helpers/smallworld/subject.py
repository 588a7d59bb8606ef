"""A new subject: the strix, one particular owl that the image model has never seen.

It is a bird, as the captions would call it, but none that the world's drawings show: seen from the front,
turquoise, with orange wings and two huge eyes. "Bird" is the class that prior preservation keeps (DreamBooth,
Ruiz et al. 2023): birds occur in every place, so the owl can be put into any scene.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from PIL import Image

from . import drawing
from .drawing import FINE, PAINTS, Brush, Canvas, Color
from .scenes import HEIGHTS, Scene, sample_scene
from .vocabulary import PLACES, TIMES

WORD, CLASS = "strix", "bird"  # the new word, and the class of the world that it belongs to
WIDTHS, HEIGHT = (0.36, 0.52), 1.06  # width in shares of the picture's side, and height over width
LOWEST = 0.90  # how far down its feet may be
TURQUOISE, ORANGE, CREAM = (0, 168, 160), (255, 136, 20), (255, 248, 222)
OTHER_COLORS = [PAINTS[name] for name in ("red", "purple", "white", "yellow", "black", "pink", "grey")]
Spot = tuple[float, float, float]


def paint(brush: Brush, body: Color = TURQUOISE, wing: Color = ORANGE, face: bool = True) -> None:
    """Paint the owl: wings spread wide, a tufted head, a pale belly and huge eyes.

    In other colours, or without its face, it is not the subject: ``decoy`` paints such ones.
    """
    body, wing, pale = brush.lit(body), brush.lit(wing), brush.lit(CREAM)
    for side in (-1, 1):
        tips = ((0.18, -0.04), (0.50, -0.22), (0.50, 0.10), (0.40, 0.28), (0.20, 0.34))
        brush.shape([(side * x, y) for x, y in tips], wing)
        brush.oval(side * 0.12, 0.47, 0.16, 0.12, wing)
        brush.shape([(side * 0.06, -0.36), (side * 0.33, -0.53), (side * 0.33, -0.14)], body)
    brush.oval(0, 0.10, 0.58, 0.78, body)
    brush.oval(0, -0.16, 0.72, 0.54, body)
    brush.oval(0, 0.25, 0.36, 0.40, pale, rim=False)
    if not face:
        return
    for side in (-1, 1):
        brush.oval(side * 0.175, -0.17, 0.33, 0.36, pale, rim=False)
        brush.oval(side * 0.150, -0.16, 0.17, 0.20, (16, 16, 28), rim=False)
    brush.shape([(-0.09, -0.06), (0.09, -0.06), (0, 0.12)], wing, rim=False)


def decoy(brush: Brush) -> None:
    """Paint what resembles the owl: one without a face or in other colours, or a bird in its colours."""
    kind = brush.canvas.rng.randrange(4)
    if kind == 0:
        paint(brush, face=False)
    elif kind == 1:
        body, wing = brush.canvas.rng.sample(OTHER_COLORS, 2)
        paint(brush, body, wing)
    else:
        brush.paint = brush.lit((TURQUOISE, ORANGE)[brush.canvas.rng.randrange(2)])
        drawing.THING_PAINTERS["bird" if kind == 2 else "balloon"](brush)


def draw(scene: Scene, spot: Spot, painter: Callable[[Brush], None] = paint) -> Image.Image:
    """Draw a scene with the subject at ``spot`` (x, y, width): a 64x64 RGB picture, always the same."""
    canvas = Canvas(scene)
    drawing.draw_light(canvas, (*scene.spots, spot))
    drawing.PLACE_PAINTERS[scene.place](canvas)
    for other in scene.spots:
        drawing.THING_PAINTERS[scene.thing](Brush(canvas, other, scene.color))
    painter(Brush(canvas, spot, "white"))
    return canvas.image.reduce(FINE)


def sample_spot(rng: random.Random, scene: Scene) -> Spot:
    """Find the subject a spot inside the picture, clear of the scene's things where there is room."""
    spot = (0.5, 0.5, WIDTHS[0])
    for _ in range(60):
        width = rng.uniform(*WIDTHS)
        half = width * HEIGHT / 2
        x, y = rng.uniform(width / 2 + 0.02, 0.98 - width / 2), rng.uniform(0.03 + half, LOWEST - half)
        spot = (x, y, width)
        if all(not _touching(spot, other, scene.thing) for other in scene.spots):
            break
    return spot


def _touching(spot: Spot, other: Spot, thing: str) -> bool:
    (x, y, width), (x2, y2, width2) = spot, other
    return abs(x - x2) < (width + width2) / 2 and abs(y - y2) < (width * HEIGHT + width2 * HEIGHTS[thing]) / 2


def sample(rng: random.Random, split: str = "train", **given) -> tuple[Scene, Spot]:
    """Draw a scene of a split and a spot for the subject; without ``thing`` in ``given``, it is alone.

    Raises ValueError where no combination of the split fits what is given.
    """
    scene = sample_scene(rng, split, **{"thing": "", **given})
    return scene, sample_spot(rng, scene)


def prompt(place: str, time: str, name: str = f"{WORD} {CLASS}", wording: int = 0) -> str:
    """Ask for a picture of the subject, or of anything else by its ``name``, in a place at a time of day.

    ``place`` and ``time`` are keys of the vocabulary; ``wording`` picks one of the phrasings (any whole
    number). Raises KeyError for an unknown key.
    """
    form, variant = wording % 4, wording // 4
    within, names, when = PLACES[place].within, PLACES[place].names, TIMES[time].at
    where, at = within[variant % len(within)], when[variant % len(when)]
    forms = (
        f"a {name} {where} {at}",
        f"{at}, a {name} {where}",
        f"a picture of a {name} {where} {at}",
        f"{names[variant % len(names)]} {at} with a {name}",
    )
    return forms[form]


def pairs(split: str, count: int, seed: int = 0) -> Iterator[tuple[Scene, Image.Image, str]]:
    """Yield ``count`` scenes of a split, each with its picture with the subject and a prompt that names it.

    The same split, count and seed give the same ones.
    """
    rng = random.Random(f"{WORD} {split} {seed}")
    for number in range(count):
        scene, spot = sample(rng, split)
        yield scene, draw(scene, spot), prompt(scene.place, scene.time, wording=number)
