"""Pictures from outside the small world: random shapes, palettes and textures.

The autoencoder sees some of them in training, so that it can later show styles and subjects that the world
does not have. A second family of shapes and styles is never trained on; it measures whether that worked.
"""

from __future__ import annotations

import colorsys
import math
import random

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from smallworld.world.drawing import draw
from smallworld.world.drawing.canvas import FINE, FULL
from smallworld.world.scenes import SIZE, Scene, sample_scene

FAMILIES = ("train", "unseen")
Color = tuple[int, int, int]


def random_picture(rng: random.Random, family: str = "train") -> Image.Image:
    """Draw a 64x64 RGB picture of a family ("train" or "unseen"). Raises ValueError for another family."""
    if family not in FAMILIES:
        raise ValueError(f"There is no family {family!r}; choose one of {', '.join(FAMILIES)}.")
    painters = (_blobs, _stripes, _soft_noise, _recolored) if family == "train" else UNSEEN
    return rng.choice(painters)(rng)


# ------------------------------------------------------------------ seen in training
def _palette(rng: random.Random, size: int = 5) -> list[Color]:
    """Random colours, either any at all or light and dark tones of a few neighbouring hues."""
    start, spread = rng.random(), rng.choice((0.1, 0.3, 1.0))
    tones = [0.15 + 0.85 * (number + rng.random()) / size for number in range(size)]
    rng.shuffle(tones)
    hues = [(start + spread * rng.random()) % 1 for _ in tones]
    shares = (colorsys.hsv_to_rgb(hue, rng.random(), tone) for hue, tone in zip(hues, tones, strict=True))
    return [tuple(round(255 * share) for share in color) for color in shares]


def _ground(rng: random.Random, palette: list[Color]) -> Image.Image:
    """A background: one colour, or one that runs into another."""
    plain = Image.new("RGB", (FULL, FULL), palette[0])
    if rng.random() < 0.5:
        return plain
    ramp = Image.linear_gradient("L").resize((FULL, FULL)).rotate(rng.choice((0, 90, 180, 270)))
    return Image.composite(Image.new("RGB", (FULL, FULL), palette[1]), plain, ramp)


def _small(image: Image.Image) -> Image.Image:
    return image.reduce(FINE)


def _blobs(rng: random.Random) -> Image.Image:
    """Ellipses and polygons on top of one another, some with an outline."""
    palette = _palette(rng)
    image = _ground(rng, palette)
    pen = ImageDraw.Draw(image)
    for _ in range(rng.randint(2, 14)):
        x, y = rng.uniform(0, FULL), rng.uniform(0, FULL)
        wide, tall = rng.uniform(14, 110), rng.uniform(14, 110)
        color, edge = rng.choice(palette), rng.choice((None, rng.choice(palette)))
        if rng.random() < 0.5:
            pen.ellipse([x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2], color, edge, 4)
            continue
        turn, corners = rng.random() * 7, rng.randint(3, 6)
        angles = [turn + corner * 2 * math.pi / corners for corner in range(corners)]
        pen.polygon(
            [(x + wide / 2 * math.cos(a), y + tall / 2 * math.sin(a)) for a in angles], color, edge, 4
        )
    return _small(image)


def _stripes(rng: random.Random) -> Image.Image:
    """Parallel bands or crossing lines."""
    palette = _palette(rng)
    image = _ground(rng, palette)
    pen = ImageDraw.Draw(image)
    turn, step, width = rng.random() * math.pi, rng.uniform(18, 60), rng.uniform(5, 24)
    across, along = (math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))
    for number in range(-16, 17):
        x, y = FULL / 2 + number * step * across[0], FULL / 2 + number * step * across[1]
        ends = [(x + side * FULL * along[0], y + side * FULL * along[1]) for side in (-1, 1)]
        pen.line(ends, rng.choice(palette[2:]), round(width))
    return _small(image)


def _soft_noise(rng: random.Random) -> Image.Image:
    """Clouds: smooth noise that blends two colours, and a third over them."""
    noise = np.random.default_rng(rng.randrange(2**32))
    palette = _palette(rng)
    image = Image.new("RGB", (SIZE, SIZE), palette[0])
    for color in palette[1:3]:
        cells = rng.choice((3, 5, 9))
        coarse = Image.fromarray(noise.integers(0, 256, (cells, cells), dtype=np.uint8))
        image.paste(color, mask=coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    return image


def _recolored(rng: random.Random) -> Image.Image:
    """A training scene in other colours: hues turned, channels exchanged, bleached or with few tones."""
    image = draw(_any_scene(rng))
    kind = rng.randrange(4)
    if kind == 0:
        hue, saturation, value = image.convert("HSV").split()
        shift = rng.randrange(30, 226)
        return Image.merge("HSV", (hue.point(lambda h: (h + shift) % 256), saturation, value)).convert("RGB")
    if kind == 1:
        return Image.merge("RGB", rng.sample(image.split(), 3))
    if kind == 2:
        dark, light = sorted(_palette(rng, 2), key=sum)
        return ImageOps.colorize(ImageOps.grayscale(image), dark, light)
    return ImageOps.posterize(image, rng.choice((1, 2, 3)))


def _any_scene(rng: random.Random) -> Scene:
    return sample_scene(rng, "train")


# ------------------------------------------------------------------ never seen in training
def _rings(rng: random.Random) -> Image.Image:
    """Circles within circles."""
    palette = _palette(rng)
    image = Image.new("RGB", (FULL, FULL), palette[0])
    pen = ImageDraw.Draw(image)
    for _ in range(rng.randint(1, 3)):
        x, y, radius = rng.uniform(40, 216), rng.uniform(40, 216), rng.uniform(50, 120)
        while radius > 8:
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], rng.choice(palette))
            radius -= rng.uniform(12, 26)
    return _small(image)


def _stars(rng: random.Random) -> Image.Image:
    """Stars with five to eight points."""
    palette = _palette(rng)
    image = _ground(rng, palette)
    pen = ImageDraw.Draw(image)
    for _ in range(rng.randint(2, 7)):
        x, y, radius, points = (
            rng.uniform(20, 236),
            rng.uniform(20, 236),
            rng.uniform(24, 70),
            rng.randint(5, 8),
        )
        reach = [(radius if k % 2 else radius * 0.45, k * math.pi / points) for k in range(2 * points)]
        pen.polygon([(x + r * math.cos(a), y + r * math.sin(a)) for r, a in reach], rng.choice(palette[2:]))
    return _small(image)


def _checks(rng: random.Random) -> Image.Image:
    """A checkerboard, its cells in a few colours."""
    palette, cell = _palette(rng), rng.choice((24, 32, 48, 64))
    image = Image.new("RGB", (FULL, FULL), palette[0])
    pen = ImageDraw.Draw(image)
    for row in range(-1, FULL // cell + 1):
        for column in range(-1, FULL // cell + 1):
            if (row + column) % 2:
                corner = (column * cell, row * cell, (column + 1) * cell, (row + 1) * cell)
                pen.rectangle(corner, rng.choice(palette[1:]))
    return _small(image.rotate(rng.uniform(0, 90), Image.Resampling.BICUBIC, fillcolor=palette[0]))


def _paper_cut(rng: random.Random) -> Image.Image:
    """A scene in the style of paper cuts: few tones of one colour, with soft shadows at the edges."""
    scene = draw(_any_scene(rng)).resize((FULL, FULL), Image.Resampling.BICUBIC)
    tones = ImageOps.posterize(ImageOps.grayscale(scene.filter(ImageFilter.MedianFilter(9))), 2)
    shadow = ImageChops.offset(tones, 5, 5).filter(ImageFilter.GaussianBlur(4))
    cut = ImageChops.blend(tones, ImageChops.darker(tones, shadow), 0.5)
    dark, _, light = sorted(_palette(rng, 3), key=sum)
    return _small(ImageOps.colorize(cut, dark, light))


def _ink(rng: random.Random) -> Image.Image:
    """A scene in the style of an ink drawing: dark contours on paper, with a thin wash of the colours."""
    scene = draw(_any_scene(rng))
    edges = ImageOps.invert(ImageOps.grayscale(scene.filter(ImageFilter.FIND_EDGES))).point(
        lambda v: max(v, 30)
    )
    edges = ImageOps.crop(edges, 1).resize((SIZE, SIZE))
    paper = Image.new("RGB", (SIZE, SIZE), (246, 238, 222))
    wash = Image.blend(paper, scene.filter(ImageFilter.GaussianBlur(1.5)), 0.3)
    return ImageChops.multiply(wash, edges.convert("RGB"))


UNSEEN = (_rings, _stars, _checks, _paper_cut, _ink)
