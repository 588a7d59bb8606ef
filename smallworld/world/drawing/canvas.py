"""What a scene is painted on: the canvas, its sky, and the colours of the world by day and by night.

Everything is painted four times as large and averaged down, so edges are smooth (supersampling). The time
of day is a light that tints all colours; things keep more of their own colour, and a broad outline, dark by
day and pale at night, sets them off from whatever is behind them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from smallworld.world.scenes import OUTLINE, SIZE, Scene

FINE = 4  # painted pixels per pixel, each way
FULL = SIZE * FINE

Color = tuple[int, int, int]
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Piece:
    """A flat piece of a thing: its corners in shares of the picture's side, and whether it has an outline."""

    points: Points
    color: Color
    rim: bool = True


Layer = list[Piece]  # pieces under one outline


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
    "morning": (52, 44, 66),
    "noon": (30, 36, 58),
    "sunset": (36, 16, 36),
    "night": (176, 190, 232),
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


def outline(pen: ImageDraw.ImageDraw, points: Points, color: Color | int, width: float = OUTLINE) -> None:
    """Paint a polygon that is larger on all sides by ``width``, a share of the picture's side."""
    corners = [(x * FULL, y * FULL) for x, y in points]
    radius = width * FULL
    pen.polygon(corners, fill=color)
    pen.line([*corners, corners[0]], fill=color, width=round(2 * radius))
    for x, y in corners:
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=color)


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

    def polygon(self, points: Points, color: Color) -> None:
        self.pen.polygon([(x * FULL, y * FULL) for x, y in points], fill=color)

    def ellipse(self, x: float, y: float, width: float, height: float, color: Color) -> None:
        corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        self.pen.ellipse([share * FULL for share in corners], fill=color)

    def box(self, left: float, top: float, right: float, bottom: float, color: Color) -> None:
        self.pen.rectangle([left * FULL, top * FULL, right * FULL, bottom * FULL], fill=color)

    def line(self, points: Points, color: Color, width: float) -> None:
        scaled = [(x * FULL, y * FULL) for x, y in points]
        self.pen.line(scaled, fill=color, width=max(1, round(width * FULL)), joint="curve")

    def lay(self, layers: Sequence[Layer], rim: Color) -> None:
        """Paint a thing, layer by layer: the outline of all its pieces first, then the pieces."""
        for layer in layers:
            for piece in layer:
                if piece.rim:
                    outline(self.pen, piece.points, rim)
            for piece in layer:
                self.polygon(piece.points, piece.color)

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
