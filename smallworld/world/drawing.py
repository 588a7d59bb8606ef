"""Draw a scene: sky and its light, a place, then the things, in 64x64 pixels.

Everything is painted four times as large and averaged down, so edges are smooth (supersampling). The time
of day is a light that tints all colours; things keep more of their own colour, and a rim shows them at night.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from smallworld.world.scenes import Scene

SIZE = 64
FINE = 4  # painted pixels per pixel, each way
FULL = SIZE * FINE

Color = tuple[int, int, int]
Points = Sequence[tuple[float, float]]

# Sky from top to horizon, tint of the land, tint of the things, colour of their rim.
SKIES: dict[str, tuple[Color, Color, Color]] = {
    "morning": ((150, 200, 240), (252, 218, 206), (255, 236, 190)),
    "noon": ((52, 140, 232), (110, 186, 248), (196, 230, 255)),
    "sunset": ((74, 40, 112), (214, 78, 84), (255, 172, 66)),
    "night": ((8, 12, 42), (18, 28, 76), (44, 60, 116)),
}
LAND_LIGHT = {
    "morning": (1.0, 0.92, 0.86),
    "noon": (1, 1, 1),
    "sunset": (0.82, 0.56, 0.52),
    "night": (0.26, 0.32, 0.54),
}
THING_LIGHT = {
    "morning": (1, 0.97, 0.94),
    "noon": (1, 1, 1),
    "sunset": (0.98, 0.91, 0.88),
    "night": (0.82, 0.84, 0.95),
}
RIMS: dict[str, Color] = {
    "morning": (70, 62, 84),
    "noon": (44, 50, 74),
    "sunset": (52, 26, 48),
    "night": (150, 168, 222),
}
PAINTS: dict[str, Color] = {
    "red": (222, 44, 44),
    "blue": (40, 92, 220),
    "yellow": (252, 206, 36),
    "green": (38, 166, 78),
    "white": (246, 246, 242),
    "purple": (150, 62, 200),
    "grey": (142, 148, 160),
    "pink": (250, 156, 190),
    "black": (30, 30, 36),
}
LAMP: Color = (255, 226, 130)
GLASS: Color = (196, 232, 250)


def mix(first: Color, second: Color, share: float) -> Color:
    """Blend two colours: ``share`` 0 gives the first, 1 the second."""
    return tuple(round(a + (b - a) * share) for a, b in zip(first, second, strict=True))


class Canvas:
    """A painting four times as large as the picture; positions are shares of its side."""

    def __init__(self, scene: Scene):
        self.time, self.horizon = scene.time, scene.horizon
        self.rng = random.Random(scene.seed)
        self.haze = [self.rng.uniform(0.94, 1.06) for _ in range(3)]
        self.image = _sky(scene.time, self.haze)
        self.pen = ImageDraw.Draw(self.image)

    def land(self, color: Color, far: float = 0.0) -> Color:
        """Tint a colour of the land; ``far`` (0 to 1) fades it towards the horizon's light."""
        light = zip(color, LAND_LIGHT[self.time], self.haze, strict=True)
        return mix(tuple(min(255, round(c * k * haze)) for c, k, haze in light), SKIES[self.time][2], far)

    def polygon(self, points: Points, color: Color, rim: Color | None = None) -> None:
        scaled = [(x * FULL, y * FULL) for x, y in points]
        self.pen.polygon(scaled, fill=color, outline=rim, width=3 if rim else 1)

    def ellipse(
        self, x: float, y: float, width: float, height: float, color: Color, rim: Color | None = None
    ):
        corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        box = [share * FULL for share in corners]
        self.pen.ellipse(box, fill=color, outline=rim, width=3 if rim else 1)

    def box(self, left: float, top: float, right: float, bottom: float, color: Color) -> None:
        self.pen.rectangle([left * FULL, top * FULL, right * FULL, bottom * FULL], fill=color)

    def line(self, points: Points, color: Color, width: float) -> None:
        scaled = [(x * FULL, y * FULL) for x, y in points]
        self.pen.line(scaled, fill=color, width=max(1, round(width * FULL)), joint="curve")

    def hill(self, base: float, heights: Sequence[float], color: Color) -> None:
        """A smooth ridge through evenly spaced ``heights`` above ``base``, filled down to the bottom."""
        spans = len(heights) - 1
        xs = np.linspace(0, spans, 33)
        low = np.minimum(xs.astype(int), spans - 1)
        turn = (1 - np.cos(np.pi * (xs - low))) / 2
        values = np.asarray(heights)
        ys = base - (values[low] * (1 - turn) + values[low + 1] * turn)
        self.polygon([(0, 1.01), *zip((xs / spans).tolist(), ys.tolist(), strict=True), (1, 1.01)], color)


def _sky(time: str, haze: Sequence[float]) -> Image.Image:
    """The sky's gradient, from the top of the picture to where land usually begins, and on below."""
    top, middle, bottom = (np.array(color, dtype=float) for color in SKIES[time])
    share = np.linspace(0, 1.45, FULL).clip(0, 1)[:, None]
    rows = np.where(
        share < 0.5, top + (middle - top) * share * 2, middle + (bottom - middle) * (share * 2 - 1)
    )
    rows = (rows * haze).clip(0, 255).round().astype(np.uint8)
    return Image.fromarray(np.repeat(rows[:, None], FULL, axis=1))


# ------------------------------------------------------------------ light in the sky
def draw_light(canvas: Canvas, avoid: Sequence[tuple[float, float, float]]) -> None:
    """Sun, moon and stars; the sun or moon keeps clear of the things where it can."""
    time, rng = canvas.time, canvas.rng
    if time == "night":
        for _ in range(14):
            size = rng.choice((0.014, 0.018, 0.024))
            canvas.ellipse(
                rng.random(), rng.uniform(0.02, canvas.horizon - 0.12), size, size, (236, 240, 255)
            )
    low = {"morning": canvas.horizon - 0.06, "sunset": canvas.horizon - 0.03}.get(time)
    for _ in range(12):
        x = rng.uniform(0.12, 0.88)
        y = low if low else rng.uniform(0.11, 0.17)
        if all(abs(x - sx) > width / 2 + 0.10 or abs(y - sy) > 0.3 for sx, sy, width in avoid):
            break
    if time == "noon":
        canvas.ellipse(x, y, 0.20, 0.20, (190, 226, 246))
        canvas.ellipse(x, y, 0.145, 0.145, (255, 244, 176))
    elif time == "night":
        canvas.ellipse(x, y, 0.15, 0.15, (250, 244, 214))
        dx, dy = x + 0.042, y - 0.018
        canvas.ellipse(dx, dy, 0.13, 0.13, canvas.image.getpixel((int(x * FULL), 4)))
    elif time == "sunset":
        canvas.ellipse(x, y, 0.36, 0.36, (250, 150, 74))
        canvas.ellipse(x, y, 0.25, 0.25, (255, 226, 110))
    else:
        canvas.ellipse(x, y, 0.27, 0.27, (255, 238, 206))
        canvas.ellipse(x, y, 0.18, 0.18, (255, 252, 224))


# ------------------------------------------------------------------ places
def _city(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon + 0.02
    x = -0.05
    while x < 1.0:
        width = rng.uniform(0.10, 0.15)
        canvas.box(x, base - rng.uniform(0.16, 0.36), x + width, base, canvas.land((120, 136, 170), 0.35))
        x += width
    x = rng.uniform(-0.06, 0.0)
    while x < 0.98:
        width = rng.uniform(0.13, 0.20)
        _tower(canvas, x, x + width, base - rng.uniform(0.14, 0.38), base)
        x += width + rng.uniform(0.015, 0.06)
    canvas.box(0, base, 1, 1, canvas.land((122, 126, 142)))
    canvas.box(0, base, 1, base + 0.025, canvas.land((170, 174, 186)))
    for stripe in range(4):
        left = 0.06 + stripe * 0.25
        canvas.box(left, 0.90, left + 0.12, 0.925, canvas.land((226, 222, 200)))


def _tower(canvas: Canvas, left: float, right: float, top: float, base: float) -> None:
    """One tower: a roof of its own kind and rows of windows, lit from dusk on."""
    rng = canvas.rng
    wall = canvas.land(rng.choice([(84, 104, 150), (98, 92, 142), (70, 118, 146), (112, 116, 140)]))
    middle, width = (left + right) / 2, right - left
    roof = rng.randrange(4)
    if roof == 0:
        canvas.ellipse(middle, top, width, width * 0.8, wall)
    elif roof == 1:
        canvas.polygon([(left, top), (middle, top - 0.12), (right, top)], wall)
    elif roof == 2:
        canvas.line([(middle, top), (middle, top - 0.11)], wall, 0.016)
        canvas.ellipse(middle, top - 0.035, width * 1.15, 0.05, wall)
    else:
        canvas.polygon([(left, top), (left, top - 0.07), (right, top)], wall)
    canvas.box(left, top, right, base, wall)
    lit = canvas.time in ("sunset", "night")
    window = LAMP if lit else canvas.land((206, 232, 246))
    columns = 2 if width < 0.165 else 3
    for row in range(int((base - top - 0.02) / 0.075)):
        for column in range(columns):
            if rng.random() < 0.8:
                x = left + width * (column + 0.5) / columns
                y = top + 0.045 + row * 0.075
                canvas.box(x - 0.016, y - 0.018, x + 0.016, y + 0.018, window)


def _mountains(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    _range(canvas, base, rng.uniform(0.22, 0.30), 4, canvas.land((126, 140, 178), 0.40))
    _range(canvas, base + 0.02, rng.uniform(0.17, 0.24), 3, canvas.land((98, 104, 136), 0.08))
    canvas.hill(base + 0.05, [rng.uniform(0.0, 0.06) for _ in range(5)], canvas.land((92, 142, 92)))
    canvas.hill(base + 0.17, [rng.uniform(0.0, 0.06) for _ in range(4)], canvas.land((112, 164, 96)))
    for _ in range(4):
        x, y = rng.random(), rng.uniform(base + 0.16, 0.97)
        canvas.ellipse(x, y, rng.uniform(0.06, 0.10), 0.045, canvas.land((150, 152, 160)))


def _range(canvas: Canvas, base: float, tall: float, count: int, color: Color) -> None:
    """Peaks side by side, each with a lit flank and a cap of snow."""
    rng = canvas.rng
    for number in range(-1, count + 1):
        x = (number + rng.uniform(0.3, 0.7)) / count
        height = tall * rng.uniform(0.8, 1.25)
        half = height * rng.uniform(0.75, 0.95)
        peak, foot = (x, base - height), base + 0.08
        canvas.polygon([(x - half, foot), peak, (x + half, foot)], color)
        canvas.polygon([peak, (x + half, foot), (x + half * 0.1, foot)], mix(color, (20, 24, 50), 0.18))
        cap, snow = 0.34, canvas.land((250, 252, 255), 0.05)
        left = (x - half * cap, base - height * (1 - cap))
        right = (x + half * cap, base - height * (1 - cap))
        canvas.polygon(
            [peak, right, (x + half * 0.1, base - height * 0.76), (x - half * 0.1, left[1]), left], snow
        )


def _desert(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    if rng.random() < 0.6:
        x, half = rng.uniform(0.15, 0.85), rng.uniform(0.10, 0.16)
        foot, top = base + 0.05, base - 0.13
        mesa = [(x - half, foot), (x - half * 0.7, top), (x + half * 0.7, top), (x + half, foot)]
        canvas.polygon(mesa, canvas.land((186, 104, 74), 0.15))
    shades = ((232, 190, 124), (242, 206, 140), (226, 176, 104))
    for layer, shade in enumerate(shades):
        heights = [rng.uniform(0.0, 0.10) for _ in range(4 - layer // 2)]
        canvas.hill(base + 0.05 + layer * 0.12, heights, canvas.land(shade, 0.12 - 0.06 * layer))
    for _ in range(rng.choice((2, 3))):
        foot = rng.uniform(base + 0.12, 0.96)
        _cactus(canvas, rng.uniform(0.06, 0.94), foot, rng.uniform(0.13, 0.18))


def _cactus(canvas: Canvas, x: float, foot: float, tall: float) -> None:
    color, thick = canvas.land((62, 140, 84)), 0.034
    canvas.line([(x, foot), (x, foot - tall)], color, thick)
    for side, low, high in ((-1, 0.40, 0.72), (1, 0.55, 0.88)):
        out = x + side * 0.055
        canvas.line(
            [(x, foot - tall * low), (out, foot - tall * low), (out, foot - tall * high)], color, thick * 0.8
        )
    canvas.ellipse(x, foot - tall, thick, thick, color)


def _ocean(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    for band in range(6):
        top = base + band * (1 - base) / 6
        canvas.box(
            0, top, 1, 1, canvas.land(mix((46, 128, 198), (22, 88, 164), band / 5), 0.10 - 0.02 * band)
        )
    foam = canvas.land((176, 220, 244))
    for _ in range(13):
        y = base + 0.03 + (1 - base) * rng.random() ** 1.3
        width = 0.05 + 0.10 * (y - base) / (1 - base)
        x = rng.random()
        canvas.line([(x - width / 2, y), (x, y - 0.012), (x + width / 2, y)], foam, 0.014)
    side = rng.choice((0.0, 1.0))
    canvas.ellipse(side, 1.03, rng.uniform(0.7, 1.1), rng.uniform(0.16, 0.24), canvas.land((238, 214, 158)))


def _forest(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    canvas.hill(base, [rng.uniform(0.02, 0.08) for _ in range(5)], canvas.land((54, 104, 74), 0.2))
    for number in range(9):
        x = (number + rng.uniform(0.1, 0.9)) / 9
        _fir(canvas, x, base + 0.04, rng.uniform(0.24, 0.34), canvas.land((48, 112, 84), 0.16))
    canvas.hill(base + 0.08, [rng.uniform(0.0, 0.05) for _ in range(4)], canvas.land((76, 122, 62)))
    for number in rng.sample(range(6), 4):
        x = (number + rng.uniform(0.2, 0.8)) / 6
        _fir(canvas, x, base + rng.uniform(0.08, 0.14), rng.uniform(0.34, 0.46), canvas.land((34, 94, 56)))
    for _ in range(3):
        x, y = rng.random(), rng.uniform(base + 0.18, 0.97)
        canvas.ellipse(x, y, 0.10, 0.045, canvas.land((104, 150, 76)))


def _fir(canvas: Canvas, x: float, foot: float, tall: float, color: Color) -> None:
    """A conifer of three tiers on a short trunk."""
    half = tall * 0.27
    canvas.box(x - 0.014, foot - tall * 0.12, x + 0.014, foot, canvas.land((104, 72, 50)))
    for tier in range(3):
        bottom = foot - tall * (0.10 + 0.27 * tier)
        width = half * (1 - 0.22 * tier)
        canvas.polygon([(x - width, bottom), (x, bottom - tall * 0.42), (x + width, bottom)], color)


def _meadow(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    canvas.hill(base, [rng.uniform(0.0, 0.10) for _ in range(4)], canvas.land((132, 190, 104), 0.22))
    if rng.random() < 0.55:
        x = rng.uniform(0.12, 0.88)
        canvas.box(x - 0.016, base - 0.08, x + 0.016, base + 0.06, canvas.land((120, 84, 56)))
        for dx, dy, size in ((-0.06, -0.10, 0.15), (0.06, -0.10, 0.15), (0, -0.16, 0.16)):
            canvas.ellipse(x + dx, base + dy, size, size, canvas.land((84, 152, 76)))
    canvas.hill(base + 0.10, [rng.uniform(0.0, 0.08) for _ in range(4)], canvas.land((108, 186, 84)))
    colors = ((250, 246, 240), (246, 102, 120), (252, 214, 72), (190, 126, 226))
    for _ in range(16):
        y = base + 0.13 + (0.86 - base) * rng.random()
        size = 0.035 + 0.035 * (y - base) / (1 - base)
        x = rng.random()
        canvas.ellipse(x, y, size * 1.25, size * 1.25, canvas.land(rng.choice(colors)))
        canvas.ellipse(x, y, size * 0.45, size * 0.45, canvas.land((240, 170, 40)))


def _village(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    canvas.hill(base, [rng.uniform(0.02, 0.12) for _ in range(4)], canvas.land((126, 172, 116), 0.25))
    slots = list(range(6))
    church = rng.choice(slots)
    for slot in slots:
        x = (slot + rng.uniform(0.35, 0.65)) / 6
        foot = base + rng.uniform(0.03, 0.07)
        _steeple(canvas, x, foot) if slot == church else _cottage(canvas, x, foot)
    canvas.hill(base + 0.09, [rng.uniform(0.0, 0.03) for _ in range(4)], canvas.land((150, 182, 104)))
    x, bend = rng.uniform(0.35, 0.65), rng.uniform(-0.2, 0.2)
    near, top = x + bend, base + 0.06
    way = [(x - 0.03, top), (x + 0.03, top), (near + 0.16, 1.01), (near - 0.16, 1.01)]
    canvas.polygon(way, canvas.land((214, 194, 156)))


def _cottage(canvas: Canvas, x: float, foot: float) -> None:
    rng = canvas.rng
    half, tall = rng.uniform(0.060, 0.072), rng.uniform(0.085, 0.11)
    canvas.box(x - half, foot - tall, x + half, foot, canvas.land((240, 226, 198)))
    roof = canvas.land(rng.choice([(176, 84, 62), (150, 96, 74), (164, 70, 70)]))
    eaves = foot - tall
    canvas.polygon([(x - half * 1.25, eaves), (x, eaves - 0.085), (x + half * 1.25, eaves)], roof)
    lamp = LAMP if canvas.time in ("sunset", "night") else canvas.land((126, 150, 170))
    canvas.box(x - 0.018, foot - tall * 0.72, x + 0.018, foot - tall * 0.3, lamp)


def _steeple(canvas: Canvas, x: float, foot: float) -> None:
    """The village church: a tower with a pointed roof."""
    canvas.box(x - 0.042, foot - 0.22, x + 0.042, foot, canvas.land((236, 232, 222)))
    roof = canvas.land((92, 108, 136))
    canvas.polygon([(x - 0.055, foot - 0.22), (x, foot - 0.38), (x + 0.055, foot - 0.22)], roof)
    canvas.ellipse(x, foot - 0.165, 0.04, 0.04, canvas.land((112, 100, 90)))


def _snow(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    canvas.hill(base, [rng.uniform(0.04, 0.16) for _ in range(4)], canvas.land((196, 214, 238), 0.25))
    for number in rng.sample(range(7), 5):
        x = (number + rng.uniform(0.2, 0.8)) / 7
        _snowy_fir(canvas, x, base + rng.uniform(0.02, 0.06), rng.uniform(0.20, 0.30))
    canvas.hill(base + 0.08, [rng.uniform(0.0, 0.07) for _ in range(4)], canvas.land((228, 238, 250)))
    canvas.hill(base + 0.21, [rng.uniform(0.0, 0.07) for _ in range(3)], canvas.land((248, 251, 255)))


def _snowy_fir(canvas: Canvas, x: float, foot: float, tall: float) -> None:
    """A conifer with snow on every tier."""
    _fir(canvas, x, foot, tall, canvas.land((58, 110, 112)))
    snow = canvas.land((250, 252, 255))
    for tier in range(3):
        top = foot - tall * (0.10 + 0.27 * tier) - tall * 0.42
        width, low = tall * 0.27 * (1 - 0.22 * tier) * 0.48, top + tall * 0.20
        canvas.polygon([(x - width, low), (x, top), (x + width, low)], snow)


PLACE_PAINTERS: dict[str, Callable[[Canvas], None]] = {
    "city": _city,
    "mountains": _mountains,
    "desert": _desert,
    "ocean": _ocean,
    "forest": _forest,
    "meadow": _meadow,
    "village": _village,
    "snow": _snow,
}


# ------------------------------------------------------------------ things
class Brush:
    """Paints one thing in its own measure: x from -0.5 to 0.5 of its width, y the same unit, downwards."""

    def __init__(self, canvas: Canvas, spot: tuple[float, float, float], color: str):
        self.canvas, (self.x, self.y, self.width) = canvas, spot
        self.flip = canvas.rng.choice((-1, 1))
        shade = tuple(min(255, max(0, c + canvas.rng.randint(-9, 9))) for c in PAINTS[color])
        self.white = color == "white"
        self.paint, self.rim = self.lit(shade), RIMS[canvas.time]
        self.dark = mix(self.paint, (20, 20, 40), 0.28)
        self.night = canvas.time in ("sunset", "night")

    def lit(self, color: Color) -> Color:
        """Tint a colour by the time of day, lightly."""
        return tuple(round(c * k) for c, k in zip(color, THING_LIGHT[self.canvas.time], strict=True))

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.x + self.flip * x * self.width, self.y + y * self.width

    def shape(self, points: Points, color: Color, rim: bool = True) -> None:
        self.canvas.polygon([self.at(x, y) for x, y in points], color, self.rim if rim else None)

    def oval(self, x: float, y: float, width: float, height: float, color: Color, rim: bool = True) -> None:
        edge = self.rim if rim else None
        self.canvas.ellipse(*self.at(x, y), width * self.width, height * self.width, color, edge)

    def box(self, left: float, top: float, right: float, bottom: float, color: Color) -> None:
        self.shape([(left, top), (right, top), (right, bottom), (left, bottom)], color, rim=False)

    def stroke(self, points: Points, color: Color, width: float) -> None:
        self.canvas.line([self.at(x, y) for x, y in points], color, width * self.width)


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


# ------------------------------------------------------------------ the picture
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
    from smallworld.world.scenes import HEIGHTS

    mask = np.zeros((SIZE, SIZE), dtype=bool)
    for x, y, width in scene.spots:
        tall = width * HEIGHTS[scene.thing]
        rows = slice(max(0, round((y - tall / 2) * SIZE)), round((y + tall / 2) * SIZE) + 1)
        mask[rows, max(0, round((x - width / 2) * SIZE)) : round((x + width / 2) * SIZE) + 1] = True
    return mask
