"""A new subject: the strix, one particular hot-air balloon that the image model has never seen.

It is painted like an owl: turquoise, with an orange mask around two huge eyes, ear tufts and a beak. The
class that prior preservation keeps is "balloon" (DreamBooth, Ruiz et al. 2023): balloons fly over every
place, so the strix can be put into any scene.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from PIL import Image

from smallworld.world import drawing
from smallworld.world.drawing.brush import Brush
from smallworld.world.drawing.canvas import PAINTS, Canvas, Color
from smallworld.world.drawing.things import THING_PAINTERS
from smallworld.world.scenes import EDGE, GAP, HEIGHTS, Scene, Spot, sample_scene
from smallworld.world.vocabulary import PLACES, TIMES

WORD, CLASS = "strix", "balloon"  # the new word, and the class of the world that it belongs to
WIDTHS, HEIGHT = (0.32, 0.45), 1.34  # width in shares of the picture's side, and height over width
LOWEST = 0.90  # how far down its basket may be
TURQUOISE, ORANGE, CREAM = (0, 168, 160), (255, 136, 20), (255, 248, 222)
OTHER_COLORS = [PAINTS[name] for name in ("red", "purple", "white", "yellow", "black", "pink", "grey")]


def paint(brush: Brush, body: Color = TURQUOISE, mask: Color = ORANGE, face: bool = True) -> None:
    """Paint the balloon: the shape of every balloon, with two tufts, and on it the face of an owl.

    In other colours, or without its face, it is not the subject: ``decoy`` paints such ones.
    """
    body, mask, pale = brush.lit(body), brush.lit(mask), brush.lit(CREAM)
    for side in (-1, 1):
        brush.shape([(side * 0.10, -0.58), (side * 0.42, -0.68), (side * 0.44, -0.30)], body)
    brush.shape([(-0.40, 0.05), (0.40, 0.05), (0.12, 0.42), (-0.12, 0.42)], body)
    brush.oval(0, -0.15, 1.0, 1.0, body)
    brush.oval(0, -0.19, 0.92, 0.50, mask, rim=False)
    if face:
        _face(brush, mask, pale)
    brush.next_layer()
    brush.box(-0.15, 0.44, 0.15, 0.64, mask)


def _face(brush: Brush, beak: Color, pale: Color) -> None:
    """Two huge eyes and a beak."""
    for side in (-1, 1):
        brush.oval(side * 0.22, -0.20, 0.40, 0.42, pale, rim=False)
        brush.oval(side * 0.19, -0.19, 0.19, 0.22, (16, 16, 28), rim=False)
    brush.shape([(-0.09, -0.06), (0.09, -0.06), (0, 0.14)], beak, rim=False)


def decoy(brush: Brush) -> None:
    """Paint what resembles the strix: one without a face or in other colours, or a balloon in its colours."""
    kind = brush.rng.randrange(4)
    if kind == 0:
        paint(brush, face=False)
    elif kind == 1:
        body, mask = brush.rng.sample(OTHER_COLORS, 2)
        paint(brush, body, mask)
    else:
        brush.dye((TURQUOISE, ORANGE)[brush.rng.randrange(2)])
        THING_PAINTERS["balloon" if kind == 2 else "bird"](brush)


def draw(scene: Scene, spot: Spot, painter: Callable[[Brush], None] = paint) -> Image.Image:
    """Draw a scene with the subject at ``spot`` (x, y, width): a 64x64 RGB picture, always the same."""
    brush = Brush(scene.time, spot, "blue", scene.seed)
    painter(brush)
    return drawing.paint(Canvas(scene), scene, [(spot, brush)])


def sample_spot(rng: random.Random, scene: Scene) -> Spot:
    """Find the subject a spot inside the picture, clear of the scene's things where there is room."""
    spot = (0.5, 0.5, WIDTHS[0])
    for _ in range(60):
        width = rng.uniform(*WIDTHS)
        half = width * HEIGHT / 2
        x = rng.uniform(EDGE + width / 2, 1 - EDGE - width / 2)
        y = rng.uniform(EDGE + half, LOWEST - half)
        spot = (x, y, width)
        if is_clear(spot, scene):
            break
    return spot


def is_clear(spot: Spot, scene: Scene) -> bool:
    """Whether the subject at ``spot`` is clear of all the scene's things."""
    return not any(_touching(spot, other, scene.thing) for other in scene.spots)


def _touching(spot: Spot, other: Spot, thing: str) -> bool:
    (x, y, width), (x2, y2, width2) = spot, other
    side, tall = (width + width2) / 2, (width * HEIGHT + width2 * HEIGHTS[thing]) / 2
    return abs(x - x2) < side + GAP and abs(y - y2) < tall + GAP


def sample(rng: random.Random, split: str = "train", **given) -> tuple[Scene, Spot]:
    """Draw a scene of a split and a spot for the subject; without ``thing`` in ``given``, it is alone.

    Raises ValueError where no combination of the split fits what is given.
    """
    for _ in range(20):  # things may leave no room for the subject
        scene = sample_scene(rng, split, **{"thing": "", **given})
        spot = sample_spot(rng, scene)
        if is_clear(spot, scene):
            break
    return scene, spot


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

    Times of day take turns, and so do places, as far as the split has their combinations: six pictures show
    the subject at every time of day. The same split, count and seed give the same ones.
    """
    rng = random.Random(f"{WORD} {split} {seed}")
    places, times = rng.sample(list(PLACES), len(PLACES)), rng.sample(list(TIMES), len(TIMES))
    for number in range(count):
        lap, turn = divmod(number, len(places))
        place, time = places[turn], times[(turn + lap) % len(times)]
        for given in ({"place": place, "time": time}, {"time": time}, {}):
            try:
                scene, spot = sample(rng, split, **given)
                break
            except ValueError:  # not a combination of this split
                continue
        yield scene, draw(scene, spot), prompt(scene.place, scene.time, wording=number)
