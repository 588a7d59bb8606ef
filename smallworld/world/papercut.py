"""The small world as a paper-cut: the same scenes, drawn in a style that the image model has never seen.

The sky is a stack of scalloped sheets, hills and roofs have a pale cut edge and a shadow, and the things are
cut out with a broad pale margin and a hard shadow. Facts and layout, towers and hills too, are those of the
usual drawing of the same scene, so the two make a pair; the colours keep to their time of day.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from smallworld.world.captions import caption
from smallworld.world.drawing import paint
from smallworld.world.drawing.canvas import FULL, SKIES, Canvas, Color, Layer, Points, mix, outline
from smallworld.world.scenes import Scene, sample_scene

EDGES: dict[str, Color] = {
    "morning": (255, 250, 240),
    "noon": (255, 255, 255),
    "sunset": (255, 226, 186),
    "night": (142, 160, 220),
}
SHADOWS: dict[str, Color] = {
    "morning": (124, 96, 112),
    "noon": (36, 66, 116),
    "sunset": (70, 22, 58),
    "night": (2, 4, 18),
}
SHEETS = (0.29, 0.42, 0.54)  # how far down the second, third and fourth sheet of the sky begin
SCALLOPS, DEPTH = 6, 0.036  # of a sheet's upper edge: how many, how deep
LARGE = 0.2  # pieces of the land that are narrower have neither edge nor shadow
EDGE, LAND_DROP = 5, 6  # in painted pixels, of which ``FINE`` make one of the picture
MARGIN, DROP = 0.022, 0.028  # around the things, in shares of the picture's side
LAND_EDGE, SHEET_EDGE, LAND_SHADOW = 0.5, 0.2, 0.4  # how strong, where 1 is that of the things


class PaperCanvas(Canvas):
    """A canvas that cuts every shape out of paper; it draws no random number that ``Canvas`` does not."""

    def __init__(self, scene: Scene):
        super().__init__(scene)
        self.edge, self.shadow = EDGES[scene.time], SHADOWS[scene.time]
        self.part = "sheet"  # what is cut: "sheet" (of the sky) or "land"
        self.top: Color | None = None  # the topmost sheet's colour: the moon's dark part is a hole
        self._lay_sheets(random.Random(f"sheets {scene.seed}"))
        self.top = self.image.getpixel((0, 0))
        self.part = "land"

    def _lay_sheets(self, chance: random.Random) -> None:
        """Cover the sky with flat sheets, each with a scalloped upper edge, brightest near the land."""
        top, middle, bottom = SKIES[self.time]
        tones = [top, mix(top, middle, 0.75), mix(middle, bottom, 0.35), bottom]
        tones = [self._in_haze(_vivid(tone)) for tone in tones]
        self.box(-0.1, -0.1, 1.1, 1.1, tones[0])
        xs = np.linspace(-0.02, 1.02, 121)
        for start, tone in zip(SHEETS, tones[1:], strict=True):
            shift, lean = chance.random(), chance.uniform(-0.03, 0.03)
            ys = start + lean * (xs - 0.5) - DEPTH * np.abs(np.sin(math.pi * (xs * SCALLOPS + shift)))
            self.polygon([(-0.1, 1.1), *zip(xs.tolist(), ys.tolist(), strict=True), (1.1, 1.1)], tone)

    def _in_haze(self, color: Color) -> Color:
        return tuple(min(255, round(c * haze)) for c, haze in zip(color, self.haze, strict=True))

    def land(self, color: Color, far: float = 0.0) -> Color:
        """Tint a colour of the land, which is stronger and fades less than in the usual drawing."""
        return super().land(_vivid(color), far * 0.6)

    def polygon(self, points: Points, color: Color) -> None:
        """Cut a shape out and lay it down."""
        xs, ys = zip(*points, strict=True)
        if min(max(xs) - min(xs), max(ys) - min(ys)) < LARGE or color == self.top:
            super().polygon(points, color)
            return
        drop = -LAND_DROP if self.part == "sheet" else LAND_DROP  # a sheet hides all that is below its edge
        self._fill(points, mix(color, self.shadow, LAND_SHADOW), drop)
        self._fill(points, color)
        share = SHEET_EDGE if self.part == "sheet" else LAND_EDGE
        self._outline(points, mix(color, self.edge, share), EDGE)

    def ellipse(self, x: float, y: float, width: float, height: float, color: Color) -> None:
        """An ellipse, as a polygon of 40 corners; the smallest ones are painted."""
        if max(width, height) * FULL < 8:
            super().ellipse(x, y, width, height, color)
            return
        angles = [corner * math.pi / 20 for corner in range(40)]
        points = [(x + width / 2 * math.cos(a), y + height / 2 * math.sin(a)) for a in angles]
        self.polygon(points, color)

    def box(self, left: float, top: float, right: float, bottom: float, color: Color) -> None:
        """A rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], color)

    def lay(self, layers: Sequence[Layer], rim: Color) -> None:
        """Lay a thing down, cut out layer by layer: a hard shadow, a broad pale margin, the pieces.

        The usual outline, ``rim``, is left out.
        """
        for layer in layers:
            edges = [piece.points for piece in layer if piece.rim]
            for points in edges:
                outline(self.pen, [(x + DROP, y + DROP) for x, y in points], self.shadow, MARGIN)
            for points in edges:
                outline(self.pen, points, self.edge, MARGIN)
            for piece in layer:
                self._fill(piece.points, piece.color)

    def _fill(self, points: Points, color: Color, drop: int = 0) -> None:
        self.pen.polygon([(x * FULL + abs(drop), y * FULL + drop) for x, y in points], fill=color)

    def _outline(self, points: Points, color: Color, width: int, drop: int = 0) -> None:
        scaled = [(x * FULL + abs(drop), y * FULL + drop) for x, y in (*points, points[0])]
        self.pen.line(scaled, fill=color, width=width, joint="curve")


def _vivid(color: Color) -> Color:
    """More saturated, as dyed paper is."""
    grey = sum(color) / 3
    return tuple(round(min(255, max(0, grey + 1.25 * (c - grey)))) for c in color)


def draw(scene: Scene) -> Image.Image:
    """Draw a scene as a paper-cut: a 64x64 RGB picture, the same each time for the same scene (5 ms)."""
    return paint(PaperCanvas(scene), scene)


def pairs(split: str, count: int, seed: int = 0) -> Iterator[tuple[Scene, Image.Image, str]]:
    """Yield ``count`` scenes of a split, each with its paper-cut and a caption, which never names the style.

    The same split, count and seed give the same ones. Raises ValueError for an unknown split.
    """
    rng = random.Random(f"paper-cut {split} {seed}")
    for _ in range(count):
        scene = sample_scene(rng, split)
        yield scene, draw(scene), caption(scene, rng)


def draw_all(scenes: Sequence[Scene]) -> np.ndarray:
    """The scenes' paper-cuts: uint8 (n, 64, 64, 3)."""
    return np.stack([np.asarray(draw(scene)) for scene in scenes])
