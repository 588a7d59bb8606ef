"""The brush that things are made with: flat pieces in the thing's own measure, collected layer by layer."""

from __future__ import annotations

import math
import random

from smallworld.world.drawing.canvas import PAINTS, RIMS, THING_LIGHT, Color, Layer, Piece, Points, mix
from smallworld.world.scenes import Spot

CORNERS = 40  # of the polygon that stands for an oval
DARK_RIM: Color = (94, 112, 196)  # of white things at night: the usual one is too pale for them
Point = tuple[float, float]


class Brush:
    """Collects the pieces of one thing: x from -0.5 to 0.5 of its width, y the same unit, downwards.

    ``seed`` fixes what is left to chance: which side the thing faces, and its shade.
    """

    def __init__(self, time: str, spot: Spot, color: str, seed: int):
        self.time, (self.x, self.y, self.width) = time, spot
        self.rng = random.Random(f"{seed} {self.x} {self.y}")
        self.flip = self.rng.choice((-1, 1))
        shade = tuple(min(255, max(0, c + self.rng.randint(-9, 9))) for c in PAINTS[color])
        self.white, self.yellow = color == "white", color == "yellow"
        self.rim = DARK_RIM if self.white and time == "night" else RIMS[time]
        self.dusky = time in ("sunset", "night")
        self.layers: list[Layer] = [[]]
        self.dye(shade)

    def dye(self, color: Color) -> None:
        """Take another colour for the thing, with its darker and lighter shade."""
        self.paint = self.lit(color)
        self.dark = mix(self.paint, (20, 20, 40), 0.30)
        self.light = mix(self.paint, (255, 255, 255), 0.35)

    def lit(self, color: Color) -> Color:
        """Tint a colour by the time of day, lightly."""
        return tuple(round(c * k) for c, k in zip(color, THING_LIGHT[self.time], strict=True))

    def next_layer(self) -> None:
        """Begin a layer, which has an outline of its own and hides what is below."""
        self.layers.append([])

    def shape(self, points: Points, color: Color, rim: bool = True) -> None:
        """A polygon."""
        placed = [(self.x + self.flip * x * self.width, self.y + y * self.width) for x, y in points]
        self.layers[-1].append(Piece(placed, color, rim))

    def oval(self, x: float, y: float, width: float, height: float, color: Color, rim: bool = True) -> None:
        """An ellipse around (x, y)."""
        angles = [corner * 2 * math.pi / CORNERS for corner in range(CORNERS)]
        points = [(x + width / 2 * math.cos(a), y + height / 2 * math.sin(a)) for a in angles]
        self.shape(points, color, rim)

    def box(
        self, left: float, top: float, right: float, bottom: float, color: Color, rim: bool = True
    ) -> None:
        """A rectangle."""
        self.shape([(left, top), (right, top), (right, bottom), (left, bottom)], color, rim)

    def bar(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        width: float,
        color: Color,
        rim: bool = True,
    ) -> None:
        """A straight bar from one point to another."""
        (x1, y1), (x2, y2) = start, end
        length = math.hypot(x2 - x1, y2 - y1)
        across, down = -(y2 - y1) / length * width / 2, (x2 - x1) / length * width / 2
        corners = [(x1 + across, y1 + down), (x2 + across, y2 + down), (x2 - across, y2 - down)]
        self.shape([*corners, (x1 - across, y1 - down)], color, rim)
