"""The things: each one bold silhouette of a few flat pieces, always in the same pose.

A small model has to learn them from 64x64 pixels, so no piece is thinner than about two pixels, the colour
of the vocabulary covers the largest piece, and nothing depends on a fine line.
"""

from __future__ import annotations

from collections.abc import Callable

from smallworld.world.drawing.brush import Brush
from smallworld.world.drawing.canvas import GLASS, LAMP, mix
from smallworld.world.scenes import Scene, Spot

CREAM, WOOD, DOOR = (252, 246, 228), (150, 96, 52), (82, 54, 44)
BRICK, SLATE = (150, 80, 64), (136, 142, 166)
PALE_LAMP, STRONG_LAMP = (255, 248, 224), (255, 212, 92)
COAL, STEEL, HAT, FLAME = (38, 38, 46), (200, 206, 216), (60, 60, 92), (255, 150, 30)


def _window(brush: Brush) -> tuple[int, int, int]:
    """Glass by day, lamplight in the evening and at night; paler in what is yellow itself."""
    if not brush.dusky:
        return brush.lit(GLASS)
    return PALE_LAMP if brush.yellow else STRONG_LAMP


def _balloon(brush: Brush) -> None:
    stripe = brush.lit((206, 210, 222)) if brush.white else brush.lit(CREAM)
    brush.shape([(-0.36, 0.12), (0.36, 0.12), (0.13, 0.46), (-0.13, 0.46)], brush.paint)
    brush.oval(0, -0.12, 1.0, 1.0, brush.paint)
    brush.oval(0, -0.12, 0.36, 1.0, stripe, rim=False)
    brush.shape([(-0.14, 0.12), (0.14, 0.12), (0.05, 0.46), (-0.05, 0.46)], stripe, rim=False)
    brush.next_layer()
    brush.box(-0.15, 0.44, 0.15, 0.62, brush.lit(WOOD))


def _rocket(brush: Brush) -> None:
    brush.shape([(-0.24, 0.48), (0, 0.90), (0.24, 0.48)], FLAME)
    brush.next_layer()
    brush.shape([(-0.18, 0.0), (-0.50, 0.36), (-0.50, 0.60), (-0.18, 0.46)], brush.dark)
    brush.shape([(0.18, 0.0), (0.50, 0.36), (0.50, 0.60), (0.18, 0.46)], brush.dark)
    body = [(-0.24, 0.52), (-0.30, 0.0), (-0.22, -0.44), (0, -0.86), (0.22, -0.44), (0.30, 0.0), (0.24, 0.52)]
    brush.shape(body, brush.paint)
    brush.oval(0, -0.16, 0.34, 0.34, COAL, rim=False)
    brush.oval(0, -0.16, 0.22, 0.22, _window(brush), rim=False)


def _bird(brush: Brush) -> None:
    wing = mix(brush.paint, COAL, 0.20) if brush.white else mix(brush.paint, (255, 255, 255), 0.30)
    brush.shape([(-0.22, 0.04), (-0.50, -0.07), (-0.46, 0.22), (-0.22, 0.24)], brush.paint)
    brush.oval(-0.06, 0.14, 0.60, 0.42, brush.paint)
    brush.oval(0.20, -0.03, 0.34, 0.34, brush.paint)
    brush.shape([(0.32, -0.11), (0.50, 0.01), (0.32, 0.11)], (255, 160, 30))
    brush.oval(0.24, -0.06, 0.11, 0.11, (250, 250, 250) if sum(brush.paint) < 330 else COAL, rim=False)
    brush.next_layer()
    brush.shape([(-0.23, 0.15), (-0.36, -0.36), (-0.16, -0.34), (0.10, 0.10), (-0.01, 0.19)], wing)


def _flying_car(brush: Brush) -> None:
    brush.shape([(-0.31, -0.12), (-0.50, 0.03), (-0.31, 0.16)], FLAME)
    brush.next_layer()
    brush.shape([(-0.24, -0.04), (-0.15, -0.30), (0.17, -0.30), (0.32, -0.04)], brush.paint)
    brush.shape([(-0.36, 0.17), (-0.36, -0.08), (0.32, -0.08), (0.50, 0.0), (0.50, 0.17)], brush.paint)
    brush.shape([(-0.15, -0.07), (-0.09, -0.23), (0.0, -0.23), (0.0, -0.07)], _window(brush), rim=False)
    brush.shape([(0.08, -0.07), (0.08, -0.23), (0.14, -0.23), (0.24, -0.07)], _window(brush), rim=False)
    brush.next_layer()
    for x in (-0.17, 0.30):
        brush.oval(x, 0.19, 0.19, 0.19, COAL)
        brush.oval(x, 0.19, 0.09, 0.09, STEEL, rim=False)


def _airship(brush: Brush) -> None:
    brush.shape([(-0.26, -0.08), (-0.50, -0.30), (-0.32, -0.30), (-0.10, -0.16)], brush.dark)
    brush.shape([(-0.26, -0.04), (-0.50, 0.20), (-0.32, 0.20), (-0.10, 0.06)], brush.dark)
    brush.box(-0.14, 0.08, 0.24, 0.30, brush.lit(WOOD))
    brush.box(-0.08, 0.16, 0.18, 0.23, _window(brush), rim=False)
    brush.next_layer()
    brush.oval(0.03, -0.06, 0.94, 0.38, brush.paint)


def _cloud(brush: Brush) -> None:
    puffs = ((-0.28, 0.08, 0.42), (-0.06, -0.06, 0.50), (0.18, 0.0, 0.44), (0.32, 0.10, 0.36))
    shade = mix(brush.paint, brush.rim, 0.22)
    brush.rim = mix(brush.paint, brush.rim, 0.7)
    for x, y, size in puffs:
        brush.oval(x, y + 0.02, size, size * 0.82, shade)
    brush.box(-0.32, 0.08, 0.36, 0.26, shade)
    for x, y, size in puffs:
        brush.oval(x, y - 0.02, size * 0.94, size * 0.70, brush.paint, rim=False)
    brush.box(-0.32, 0.0, 0.34, 0.16, brush.paint, rim=False)


def _house(brush: Brush) -> None:
    brush.box(0.16, -0.46, 0.32, -0.14, brush.lit(BRICK))
    brush.box(-0.39, -0.12, 0.39, 0.47, brush.paint)
    brush.next_layer()
    brush.shape([(-0.50, -0.08), (0, -0.47), (0.50, -0.08)], brush.lit(SLATE))
    brush.box(-0.10, 0.15, 0.10, 0.47, brush.lit(DOOR), rim=False)
    for x in (-0.25, 0.25):
        brush.box(x - 0.10, 0.06, x + 0.10, 0.25, _window(brush), rim=False)


def _train(brush: Brush) -> None:
    brush.box(0.24, -0.38, 0.37, -0.06, COAL)
    brush.box(-0.06, -0.14, 0.44, 0.18, brush.paint)
    brush.box(-0.46, -0.32, 0.0, 0.18, brush.paint)
    brush.box(-0.50, -0.38, 0.04, -0.28, brush.dark)
    brush.box(-0.36, -0.22, -0.12, -0.02, _window(brush), rim=False)
    brush.next_layer()
    brush.shape([(0.36, 0.14), (0.44, 0.14), (0.50, 0.30), (0.36, 0.30)], COAL)
    for x in (-0.34, -0.05, 0.24):
        brush.oval(x, 0.23, 0.20, 0.20, COAL)
        brush.oval(x, 0.23, 0.10, 0.10, STEEL, rim=False)


def _tent(brush: Brush) -> None:
    inside = LAMP if brush.time == "night" else brush.lit((64, 46, 50))
    brush.shape([(-0.14, -0.38), (0.22, -0.30), (0.50, 0.38), (0.14, 0.38)], brush.dark)
    brush.next_layer()
    brush.shape([(-0.50, 0.38), (-0.14, -0.38), (0.20, 0.38)], brush.paint)
    brush.shape([(-0.30, 0.38), (-0.14, -0.06), (0.02, 0.38)], inside, rim=False)


def _windmill(brush: Brush) -> None:
    brush.shape([(-0.28, 0.66), (-0.18, -0.18), (0.18, -0.18), (0.28, 0.66)], brush.paint)
    brush.shape([(-0.20, -0.16), (0, -0.38), (0.20, -0.16)], brush.lit(SLATE))
    brush.box(-0.09, 0.40, 0.09, 0.66, brush.lit(DOOR), rim=False)
    brush.next_layer()
    sail = brush.lit((232, 196, 138))
    for x, y in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        brush.bar((0.05 * x, -0.17 + 0.05 * y), (0.44 * x, -0.17 + 0.44 * y), 0.16, sail)
    brush.oval(0, -0.17, 0.20, 0.20, COAL, rim=False)


def _boat(brush: Brush) -> None:
    sail = brush.lit((206, 212, 226) if brush.white else CREAM)
    brush.bar((-0.03, 0.26), (-0.03, -0.50), 0.09, brush.lit(WOOD))
    brush.shape([(-0.07, 0.10), (-0.07, -0.36), (-0.40, 0.10)], brush.light)
    brush.shape([(0.04, 0.10), (0.04, -0.46), (0.46, 0.10)], sail)
    brush.next_layer()
    brush.shape([(-0.50, 0.20), (0.50, 0.20), (0.34, 0.50), (-0.34, 0.50)], brush.paint)


def _lighthouse(brush: Brush) -> None:
    brush.oval(0, 0.85, 1.0, 0.30, brush.lit((112, 104, 104)))
    brush.next_layer()
    brush.shape([(-0.34, 0.84), (-0.24, -0.40), (0.24, -0.40), (0.34, 0.84)], brush.paint)
    band = brush.lit((188, 194, 208)) if brush.white else brush.lit((250, 248, 242))
    for top in (-0.14, 0.36):
        low, wide = top + 0.25, 0.24 + (top + 0.40) * 0.08
        brush.shape([(-wide, top), (wide, top), (wide + 0.02, low), (-wide - 0.02, low)], band, rim=False)
    brush.box(-0.24, -0.70, 0.24, -0.40, LAMP)
    brush.next_layer()
    brush.shape([(-0.34, -0.68), (0, -0.98), (0.34, -0.68)], brush.lit((150, 50, 50)))


def _snowman(brush: Brush) -> None:
    brush.oval(0, 0.30, 1.0, 0.76, brush.paint)
    for y in (0.24, 0.46):
        brush.oval(0, y, 0.13, 0.13, COAL, rim=False)
    brush.next_layer()
    brush.oval(0, -0.22, 0.68, 0.62, brush.paint)
    brush.shape([(0.02, -0.25), (0.36, -0.14), (0.02, -0.08)], (246, 140, 40), rim=False)
    for x in (-0.14, 0.12):
        brush.oval(x, -0.30, 0.12, 0.12, COAL, rim=False)
    brush.next_layer()
    brush.box(-0.26, 0.0, 0.26, 0.12, brush.lit((214, 50, 56)))
    brush.box(0.06, 0.0, 0.24, 0.28, brush.lit((214, 50, 56)))
    brush.next_layer()
    brush.box(-0.34, -0.52, 0.34, -0.44, brush.lit(HAT))
    brush.box(-0.20, -0.74, 0.20, -0.46, brush.lit(HAT))


THING_PAINTERS: dict[str, Callable[[Brush], None]] = {
    "balloon": _balloon,
    "rocket": _rocket,
    "bird": _bird,
    "flying car": _flying_car,
    "airship": _airship,
    "cloud": _cloud,
    "house": _house,
    "train": _train,
    "tent": _tent,
    "windmill": _windmill,
    "boat": _boat,
    "lighthouse": _lighthouse,
    "snowman": _snowman,
}


def make_thing(scene: Scene, spot: Spot) -> Brush:
    """Make the scene's thing at a spot: a brush with all its pieces."""
    brush = Brush(scene.time, spot, scene.color, scene.seed)
    THING_PAINTERS[scene.thing](brush)
    return brush
