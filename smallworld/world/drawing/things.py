"""The things, each painted in its own measure by a brush."""

from __future__ import annotations

import math
from collections.abc import Callable

from smallworld.world.drawing.canvas import GLASS, LAMP, Brush, mix


def _balloon(brush: Brush) -> None:
    white = brush.lit((252, 248, 238))
    brush.stroke([(-0.24, 0.22), (-0.10, 0.48)], brush.rim, 0.04)
    brush.stroke([(0.24, 0.22), (0.10, 0.48)], brush.rim, 0.04)
    brush.shape([(-0.40, 0.05), (0.40, 0.05), (0.12, 0.42), (-0.12, 0.42)], brush.paint)
    brush.oval(0, -0.15, 1.0, 1.0, brush.paint)
    brush.shape([(-0.38, 0.08), (0.38, 0.08), (0.10, 0.40), (-0.10, 0.40)], brush.paint, rim=False)
    brush.oval(0, -0.15, 0.36, 0.94, brush.dark if brush.white else white, rim=False)
    brush.shape([(-0.13, 0.10), (0.13, 0.10), (0.05, 0.38), (-0.05, 0.38)], white, rim=False)
    brush.shape([(-0.14, 0.46), (0.14, 0.46), (0.11, 0.65), (-0.11, 0.65)], brush.lit((150, 96, 52)))


def _rocket(brush: Brush) -> None:
    brush.shape([(-0.17, 0.60), (0, 0.88), (0.17, 0.60)], (255, 150, 40), rim=False)
    brush.shape([(-0.09, 0.60), (0, 0.76), (0.09, 0.60)], (255, 232, 120), rim=False)
    brush.shape([(-0.20, 0.18), (-0.50, 0.62), (-0.20, 0.52)], brush.dark)
    brush.shape([(0.20, 0.18), (0.50, 0.62), (0.20, 0.52)], brush.dark)
    body = [(-0.24, 0.58), (-0.28, 0.0), (-0.20, -0.42), (0, -0.86), (0.20, -0.42), (0.28, 0.0), (0.24, 0.58)]
    brush.shape(body, brush.paint)
    brush.oval(0, -0.12, 0.28, 0.28, brush.lit(GLASS))


def _bird(brush: Brush) -> None:
    belly = mix(brush.paint, (255, 255, 255), 0.25)
    brush.shape([(-0.28, 0.10), (-0.50, 0.02), (-0.48, 0.24)], brush.paint)
    brush.oval(0.02, 0.12, 0.64, 0.32, brush.paint)
    brush.shape([(-0.16, 0.06), (-0.22, -0.40), (0.02, -0.22), (0.16, 0.06)], belly)
    brush.oval(0.30, -0.02, 0.28, 0.26, brush.paint)
    brush.shape([(0.40, -0.06), (0.54, 0.0), (0.40, 0.06)], (250, 168, 40), rim=False)
    eye = (250, 250, 250) if sum(brush.paint) < 300 else (20, 20, 30)
    brush.oval(0.33, -0.05, 0.07, 0.07, eye, rim=False)


def _flying_car(brush: Brush) -> None:
    glass = LAMP if brush.canvas.time == "night" else brush.lit(GLASS)
    brush.shape([(-0.50, 0.02), (-0.66, 0.08), (-0.50, 0.14)], (255, 170, 60), rim=False)
    cabin = [(-0.30, -0.02), (-0.20, -0.24), (0.14, -0.24), (0.28, -0.02)]
    brush.shape(cabin, brush.paint)
    body = [(-0.50, 0.16), (-0.50, -0.02), (-0.42, -0.05), (0.30, -0.05), (0.48, 0.02), (0.50, 0.16)]
    brush.shape(body, brush.paint)
    brush.shape([(-0.23, -0.03), (-0.16, -0.19), (-0.04, -0.19), (-0.04, -0.03)], glass, rim=False)
    brush.shape([(0.02, -0.03), (0.02, -0.19), (0.12, -0.19), (0.21, -0.03)], glass, rim=False)
    for x in (-0.28, 0.28):
        brush.oval(x, 0.17, 0.20, 0.20, (34, 34, 42))
        brush.oval(x, 0.17, 0.09, 0.09, (120, 226, 250), rim=False)
    brush.oval(0.46, 0.06, 0.07, 0.07, LAMP, rim=False)


def _airship(brush: Brush) -> None:
    brush.shape([(-0.36, -0.04), (-0.50, -0.24), (-0.30, -0.18)], brush.dark)
    brush.shape([(-0.36, 0.0), (-0.50, 0.18), (-0.30, 0.14)], brush.dark)
    brush.shape([(-0.16, 0.10), (0.18, 0.10), (0.12, 0.25), (-0.10, 0.25)], brush.lit((122, 88, 66)))
    brush.oval(0.02, -0.03, 0.94, 0.34, brush.paint)
    light = mix(brush.paint, (255, 255, 255), 0.35)
    brush.oval(0.04, -0.08, 0.70, 0.10, light, rim=False)
    window = LAMP if brush.night else brush.lit(GLASS)
    for x in (-0.06, 0.02, 0.10):
        brush.oval(x, 0.175, 0.055, 0.055, window, rim=False)


def _cloud(brush: Brush) -> None:
    puffs = ((-0.28, 0.08, 0.40), (-0.08, -0.06, 0.46), (0.16, -0.02, 0.42), (0.32, 0.10, 0.34))
    shade = mix(brush.paint, brush.rim, 0.22)
    for x, y, size in puffs:
        brush.oval(x, y + 0.03, size, size * 0.82, shade, rim=False)
    brush.shape([(-0.40, 0.10), (0.44, 0.10), (0.38, 0.26), (-0.36, 0.26)], shade, rim=False)
    for x, y, size in puffs:
        brush.oval(x, y - 0.01, size * 0.94, size * 0.72, brush.paint, rim=False)
    brush.shape([(-0.34, 0.02), (0.36, 0.02), (0.34, 0.17), (-0.32, 0.17)], brush.paint, rim=False)


def _house(brush: Brush) -> None:
    window = LAMP if brush.night else brush.lit(GLASS)
    brush.shape([(0.18, -0.20), (0.18, -0.46), (0.30, -0.46), (0.30, -0.10)], brush.lit((120, 84, 74)))
    brush.shape([(-0.40, -0.06), (0.40, -0.06), (0.40, 0.47), (-0.40, 0.47)], brush.paint)
    brush.shape([(-0.50, -0.04), (0, -0.47), (0.50, -0.04)], brush.lit((92, 64, 62)))
    brush.box(-0.09, 0.16, 0.09, 0.47, brush.lit((82, 54, 44)))
    for x in (-0.25, 0.25):
        brush.box(x - 0.08, 0.06, x + 0.08, 0.22, window)


def _train(brush: Brush) -> None:
    window = LAMP if brush.night else brush.lit(GLASS)
    brush.shape([(-0.50, -0.13), (-0.06, -0.13), (-0.06, 0.12), (-0.50, 0.12)], brush.paint)
    engine = [(-0.02, -0.16), (0.20, -0.16), (0.20, -0.02), (0.48, -0.02), (0.50, 0.12), (-0.02, 0.12)]
    brush.shape(engine, brush.paint)
    brush.shape([(0.33, -0.02), (0.31, -0.19), (0.43, -0.19), (0.41, -0.02)], brush.dark)
    for x in (-0.40, -0.28, -0.16):
        brush.box(x - 0.04, -0.08, x + 0.04, 0.01, window)
    brush.box(0.03, -0.11, 0.15, -0.02, window)
    for x in (-0.40, -0.16, 0.08, 0.24, 0.40):
        brush.oval(x, 0.13, 0.11, 0.11, (36, 36, 44))
    brush.stroke([(-0.52, 0.20), (0.52, 0.20)], brush.lit((96, 84, 80)), 0.035)


def _tent(brush: Brush) -> None:
    light = mix(brush.paint, (255, 255, 255), 0.30)
    brush.shape([(-0.50, 0.40), (-0.12, -0.36), (0.14, -0.36), (0.50, 0.40)], brush.paint)
    brush.shape([(-0.50, 0.40), (-0.12, -0.36), (0.12, 0.40)], light)
    inside = LAMP if brush.night else brush.lit((70, 50, 50))
    brush.shape([(-0.28, 0.38), (-0.13, -0.02), (-0.02, 0.38)], inside, rim=False)
    brush.stroke([(-0.12, -0.36), (-0.16, -0.44)], brush.rim, 0.05)


def _windmill(brush: Brush) -> None:
    sail = brush.lit((250, 246, 236))
    brush.shape([(-0.20, 0.66), (-0.13, -0.20), (0.13, -0.20), (0.20, 0.66)], brush.paint)
    brush.shape([(-0.17, -0.18), (0, -0.40), (0.17, -0.18)], brush.lit((96, 70, 66)))
    turn = brush.canvas.rng.uniform(0.35, 1.2)
    for quarter in range(4):
        angle = turn + quarter * math.pi / 2
        cos, sin = math.cos(angle), math.sin(angle)
        corners = ((0.08, 0.0), (0.48, 0.0), (0.48, 0.15), (0.08, 0.11))
        brush.shape([(u * cos - v * sin, -0.20 + u * sin + v * cos) for u, v in corners], sail)
    brush.oval(0, -0.20, 0.10, 0.10, brush.lit((70, 54, 50)), rim=False)
    brush.box(-0.07, 0.42, 0.07, 0.66, brush.lit((80, 54, 46)))


def _boat(brush: Brush) -> None:
    sail = brush.lit((222, 228, 238) if brush.white else (252, 250, 242))
    brush.stroke([(-0.02, 0.26), (-0.02, -0.50)], brush.lit((104, 76, 58)), 0.06)
    brush.shape([(-0.07, 0.16), (-0.07, -0.46), (-0.44, 0.16)], sail)
    brush.shape([(0.04, 0.16), (0.04, -0.40), (0.34, 0.16)], brush.paint)
    brush.shape([(-0.50, 0.24), (0.50, 0.24), (0.34, 0.50), (-0.36, 0.50)], brush.paint)


def _lighthouse(brush: Brush) -> None:
    white = brush.lit((250, 248, 242))
    if brush.canvas.time == "night":
        brush.shape([(0, -0.66), (1.5, -0.95), (1.5, -0.45)], (110, 116, 140), rim=False)
    brush.oval(0, 0.92, 1.0, 0.34, brush.lit((112, 104, 104)))
    brush.shape([(-0.30, 0.84), (-0.20, -0.50), (0.20, -0.50), (0.30, 0.84)], brush.paint)
    band = brush.lit((200, 206, 216)) if brush.white else white
    for top in (-0.28, 0.20):
        low, wide = top + 0.22, 0.20 + (top + 0.5) * 0.075
        brush.shape([(-wide, top), (wide, top), (wide + 0.016, low), (-wide - 0.016, low)], band, rim=False)
    brush.shape([(-0.16, -0.52), (-0.16, -0.78), (0.16, -0.78), (0.16, -0.52)], LAMP)
    brush.shape([(-0.23, -0.76), (0, -0.97), (0.23, -0.76)], brush.lit((120, 50, 50)))


def _snowman(brush: Brush) -> None:
    hat, stick = (40, 40, 54), brush.lit((110, 76, 54))
    brush.stroke([(-0.22, 0.02), (-0.50, -0.14)], stick, 0.05)
    brush.stroke([(0.22, 0.02), (0.50, -0.14)], stick, 0.05)
    brush.oval(0, 0.36, 0.78, 0.64, brush.paint)
    brush.oval(0, -0.04, 0.58, 0.48, brush.paint)
    brush.oval(0, -0.33, 0.40, 0.38, brush.paint)
    brush.shape(
        [(-0.24, -0.20), (0.24, -0.20), (0.22, -0.10), (-0.22, -0.10)], brush.lit((214, 50, 56)), rim=False
    )
    brush.box(-0.24, -0.46, 0.24, -0.51, hat)
    brush.box(-0.16, -0.50, 0.16, -0.68, hat)
    brush.shape([(0, -0.34), (0.20, -0.30), (0, -0.27)], (246, 140, 40), rim=False)
    for x in (-0.08, 0.08):
        brush.oval(x, -0.38, 0.06, 0.06, (20, 20, 30), rim=False)


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
