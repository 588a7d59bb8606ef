"""What a scene is painted on and with: canvas, brush and colours.

Everything is painted four times as large and averaged down, so edges are smooth (supersampling). The time
of day is a light that tints all colours; things keep more of their own colour, and a rim shows them at night.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from smallworld.world.scenes import SIZE, Scene, Spot

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


class Brush:
    """Paints one thing in its own measure: x from -0.5 to 0.5 of its width, y the same unit, downwards."""

    def __init__(self, canvas: Canvas, spot: Spot, color: str):
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
