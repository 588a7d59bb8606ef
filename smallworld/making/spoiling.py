"""Drawings whose things are spoilt, so that a judge can learn what nobody could name.

A scene is drawn twice, with its things and without them. What differs are the things; only they are bent,
torn, melted or replaced, and the rest of the picture stays as it was drawn. How strong a spoiling is goes
from 0 to 1. ``KINDS`` says for each kind up to where a thing can still be named and from where on nobody can
name it; what lies between is never used. These limits were set by looking at sheets of spoilt drawings.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch.nn import functional

from smallworld.world.drawing import draw
from smallworld.world.drawing.canvas import FINE, Canvas
from smallworld.world.drawing.places import PLACE_PAINTERS
from smallworld.world.drawing.skies import draw_light
from smallworld.world.scenes import HEIGHTS, SIZE, Scene
from smallworld.world.shapes import random_picture
from smallworld.world.vocabulary import SKY_THINGS, colors_of

SHAPELESS = ("cloud",)  # any soft heap is still a cloud, so a spoilt one has no honest label
CLOUD_COLORS = ("white", "grey", "pink")  # a heap of these colours in the sky is read as a cloud


@dataclass(frozen=True)
class Layers:
    """A drawing taken apart: float arrays (64, 64, 3) in 0 to 255 and the things' mask (64, 64) in 0 to 1.

    ``boxes`` holds left, top, width and height of each thing in pixels.
    """

    scene: Scene
    picture: np.ndarray
    background: np.ndarray
    mask: np.ndarray
    boxes: tuple[tuple[float, float, float, float], ...]

    @property
    def size(self) -> float:
        """Typical size of a thing in pixels: the root of its box's area, a mean over the things."""
        return float(np.mean([math.sqrt(width * height) for _, _, width, height in self.boxes]))


# ------------------------------------------------------------------ taking a drawing apart
def draw_background(scene: Scene) -> np.ndarray:
    """The scene without its things: float (64, 64, 3) in 0 to 255."""
    canvas = Canvas(scene)
    draw_light(canvas, scene.spots)
    PLACE_PAINTERS[scene.place](canvas)
    return np.asarray(canvas.image.reduce(FINE), float)


def take_apart(scene: Scene) -> Layers:
    """Draw a scene and tell its things from the rest. The scene must have a thing."""
    picture, background = np.asarray(draw(scene), float), draw_background(scene)
    difference = np.abs(picture - background).max(axis=2)
    mask = np.clip(difference / 24, 0, 1)
    ratio = HEIGHTS[scene.thing]
    boxes = tuple(
        ((x - width / 2) * SIZE, (y - width * ratio / 2) * SIZE, width * SIZE, width * ratio * SIZE)
        for x, y, width in scene.spots
    )
    return Layers(scene, picture, background, mask, boxes)


def compose(layers: Layers, things: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Lay things (64, 64, 3) through a mask (64, 64) in 0 to 1 upon the background."""
    share = mask[..., None]
    return layers.background * (1 - share) + things * share


# ------------------------------------------------------------------ tools
def waves(noise: np.random.Generator, cells: int, channels: int = 1) -> np.ndarray:
    """Smooth noise with spread about 1: (channels, 64, 64); more ``cells`` make finer waves."""
    coarse = torch.from_numpy(noise.normal(0, 1, (1, channels, cells, cells)))
    return functional.interpolate(coarse, (SIZE, SIZE), mode="bicubic", align_corners=False)[0].numpy()


def sample_at(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """An image (64, 64) or (64, 64, 3) read at other places, in pixels, between pixels linearly."""
    planes = torch.from_numpy(image if image.ndim == 3 else image[..., None]).permute(2, 0, 1)[None]
    grid = torch.from_numpy(np.stack([columns, rows], axis=-1))[None] * 2 / (SIZE - 1) - 1
    moved = functional.grid_sample(planes, grid, padding_mode="border", align_corners=True)
    return moved[0].permute(1, 2, 0).numpy().reshape(image.shape)


def blurred(image: np.ndarray, radius: float) -> np.ndarray:
    """Gaussian blur of an image (64, 64) or (64, 64, 3) in 0 to 255."""
    smooth = Image.fromarray(image.round().clip(0, 255).astype(np.uint8))
    return np.asarray(smooth.filter(ImageFilter.GaussianBlur(radius)), float)


def near_things(layers: Layers) -> np.ndarray:
    """1 around the things, falling to 0 a few pixels away: (64, 64)."""
    return np.clip(blurred(layers.mask * 255, 3) / 64, 0, 1)


def bend(layers: Layers, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The things read at other places: ``rows`` and ``columns`` (64, 64) in pixels."""
    return compose(layers, sample_at(layers.picture, rows, columns), sample_at(layers.mask, rows, columns))


# ------------------------------------------------------------------ the kinds of spoiling
def warp(layers: Layers, strength: float, noise: np.random.Generator) -> np.ndarray:
    """Bend the things by smooth waves, up to two fifths of their size."""
    cells = int(noise.integers(9, 17))
    shift = waves(noise, cells, 2) * strength * 0.3 * layers.size
    rows, columns = np.indices((SIZE, SIZE), float) + shift
    return bend(layers, rows, columns)


def swirl(layers: Layers, strength: float, noise: np.random.Generator) -> np.ndarray:
    """Turn the things' middle against their edge, up to a whole turn."""
    rows, columns = np.indices((SIZE, SIZE), float)
    moved_rows, moved_columns = rows.copy(), columns.copy()
    for left, top, width, height in layers.boxes:
        across = (columns - left - width / 2) / max(width, 1)
        down = (rows - top - height / 2) / max(height, 1)
        angle = strength * 2 * math.pi * noise.choice((-1, 1)) * np.exp(-3 * np.hypot(across, down))
        inside = np.hypot(across, down) < 0.8
        turned_across = across * np.cos(angle) - down * np.sin(angle)
        turned_down = across * np.sin(angle) + down * np.cos(angle)
        moved_columns[inside] = (turned_across * width + left + width / 2)[inside]
        moved_rows[inside] = (turned_down * height + top + height / 2)[inside]
    return bend(layers, moved_rows, moved_columns)


def erase(layers: Layers, strength: float, noise: np.random.Generator) -> np.ndarray:
    """Take a share of each thing away, in bites with soft edges; ``strength`` is the share."""
    kept = pieces(noise, 1 - strength, layers.mask > 0.5)
    return compose(layers, layers.picture, layers.mask * kept)


def merge(layers: Layers, strength: float, noise: np.random.Generator) -> np.ndarray:
    """Put a share of another kind of thing into each thing's place, in patches."""
    scene = layers.scene
    kinds = [kind for kind in HEIGHTS if kind not in (scene.thing, *SHAPELESS)]
    other = kinds[noise.integers(len(kinds))]
    ratio = HEIGHTS[scene.thing] / HEIGHTS[other]
    spots = tuple((x, y, width * math.sqrt(ratio)) for x, y, width in scene.spots)
    color = scene.color if scene.color in colors_of(other) else colors_of(other)[0]
    guest = take_apart(replace(scene, thing=other, color=color, spots=spots))
    share = pieces(noise, strength, np.maximum(layers.mask, guest.mask) > 0.1)
    things = layers.picture * (1 - share[..., None]) + guest.picture * share[..., None]
    return compose(layers, things, layers.mask * (1 - share) + guest.mask * share)


def smear(layers: Layers, strength: float, noise: np.random.Generator) -> np.ndarray:
    """Draw the things out in one direction, up to their whole size."""
    angle, length = noise.uniform(0, math.pi), strength * layers.size
    rows, columns = np.indices((SIZE, SIZE), float)
    shares = np.linspace(-0.5, 0.5, 17)
    places = [(rows + length * share * math.sin(angle), columns + length * share * math.cos(angle))
              for share in shares]  # fmt: skip
    weights = [sample_at(layers.mask, *place) for place in places]
    total = np.sum(weights, axis=0)
    things = np.sum([sample_at(layers.picture, *place) * weight[..., None]
                     for place, weight in zip(places, weights, strict=True)], axis=0)  # fmt: skip
    mask = np.clip(total / len(shares) * 2.2, 0, 1)
    return compose(layers, things / np.maximum(total, 1e-6)[..., None], mask)


def double(layers: Layers, strength: float, noise: np.random.Generator) -> np.ndarray:
    """Lay turned pieces of each thing upon one another; more pieces, up to six, and less of the whole."""
    area = near_things(layers) > 0.5
    part = pieces(noise, 1 - 0.5 * strength, area)
    result = compose(layers, layers.picture, layers.mask * part)
    for _ in range(max(1, round(strength * 6))):
        away, angle = noise.uniform(0.05, 0.3) * layers.size, noise.uniform(0, 2 * math.pi)
        rows, columns = turned_places(layers, noise.uniform(-math.pi, math.pi))
        rows, columns = rows + away * math.sin(angle), columns + away * math.cos(angle)
        mask = sample_at(layers.mask, rows, columns) * pieces(noise, 0.5, area)
        things = sample_at(layers.picture, rows, columns)
        result = compose(replace(layers, background=result), things, mask)
    return result


def pieces(noise: np.random.Generator, share: float, area: np.ndarray) -> np.ndarray:
    """Patches with soft edges that cover a share of an area (64, 64): 0 to 1, and 0 outside the area."""
    field = waves(noise, int(noise.integers(9, 14)))[0]
    limit = np.quantile(field[area], 1 - share)
    return area / (1 + np.exp(-(field - limit) * 6))


def turned_places(layers: Layers, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (64, 64) from which the picture, turned around the nearest thing, is read."""
    rows, columns = np.indices((SIZE, SIZE), float)
    middles = np.array([(top + height / 2, left + width / 2) for left, top, width, height in layers.boxes])
    distances = np.hypot(rows[..., None] - middles[:, 0], columns[..., None] - middles[:, 1])
    nearest = middles[distances.argmin(axis=-1)]
    down, across = rows - nearest[..., 0], columns - nearest[..., 1]
    turned_down = across * math.sin(angle) + down * math.cos(angle)
    turned_across = across * math.cos(angle) - down * math.sin(angle)
    return turned_down + nearest[..., 0], turned_across + nearest[..., 1]


def melt(layers: Layers, strength: float, noise: np.random.Generator) -> np.ndarray:
    """Let the things run: blur their shape and paint, bend both, and cut the shape out again."""
    radius = strength * 0.3 * layers.size
    paint = blurred(layers.picture * layers.mask[..., None], radius)
    weight = blurred(layers.mask * 255, radius)
    things = paint / np.maximum(weight / 255, 1e-3)[..., None]
    shift = waves(noise, int(noise.integers(7, 13)), 2) * strength * 0.16 * layers.size
    rows, columns = np.indices((SIZE, SIZE), float) + shift
    shape = sample_at(weight, rows, columns)
    level = 0.45 * np.quantile(shape[layers.mask > 0.5], 0.9)
    mask = 1 / (1 + np.exp(-(shape - level) / noise.uniform(4, 14)))
    return compose(layers, sample_at(things, rows, columns).clip(0, 255), mask)


def scatter(layers: Layers, strength: float, noise: np.random.Generator) -> np.ndarray:
    """Cut each thing into tiles and move every tile on its own."""
    tile = max(3.0, layers.size / noise.uniform(2.5, 4.0))
    rows, columns = np.indices((SIZE, SIZE), float)
    tiles = int(SIZE / tile) + 2
    down, across = (rows / tile).astype(int), (columns / tile).astype(int)
    shift = noise.uniform(-1, 1, (2, tiles, tiles)) * strength * 0.7 * layers.size
    return bend(layers, rows + shift[0][down, across], columns + shift[1][down, across])


def blob(layers: Layers, strength: float, noise: np.random.Generator) -> np.ndarray:
    """Put a random shape of the thing's size and colours in its place; not less at less strength."""
    rows, columns = np.indices((SIZE, SIZE), float)
    shape = np.full((SIZE, SIZE), -9.0)
    for left, top, width, height in layers.boxes:
        across = (columns - left - width / 2) / max(width, 1) * 2
        down = (rows - top - height / 2) / max(height, 1) * 2
        shape = np.maximum(shape, 1 - np.hypot(across, down))
    shape = shape + waves(noise, int(noise.integers(9, 17)))[0] * 0.55
    mask = 1 / (1 + np.exp(-shape * 8))
    return compose(layers, paint_of(layers, noise), mask)


def paint_of(layers: Layers, noise: np.random.Generator) -> np.ndarray:
    """Patches in the colours that the things have, with a dark or a light rim here and there: (64, 64, 3)."""
    colors = layers.picture[layers.mask > 0.9]
    chosen = colors[noise.integers(len(colors), size=4)]
    chosen[0] = np.median(colors, axis=0)
    fields = waves(noise, int(noise.integers(8, 18)), 4)
    fields[0] += 0.8
    paint = chosen[fields.argmax(axis=0)]
    return blurred(paint, noise.uniform(0.4, 1.0))


def texture(layers: Layers, strength: float, noise: np.random.Generator) -> np.ndarray:
    """Put a piece of some pattern in each thing's place; not less at less strength."""
    pattern = random_picture(random.Random(int(noise.integers(2**31))))
    drawn = np.asarray(pattern, float)
    tinted = (drawn + np.median(layers.picture[layers.mask > 0.9], axis=0)) / 2
    shape = near_things(layers) * 2.6 - 1.6 + waves(noise, 12)[0] * 0.5
    return compose(layers, tinted, 1 / (1 + np.exp(-shape * 8)))


@dataclass(frozen=True)
class Kind:
    """A kind of spoiling with its limits: nameable up to ``light``, not nameable within ``strong``.

    ``keeps`` names the facts of the thing that a strongly spoilt picture still shows.
    """

    spoil: Callable[[Layers, float, np.random.Generator], np.ndarray]
    light: float
    strong: tuple[float, float]
    weight: float = 1.0
    keeps: tuple[str, ...] = ()


KINDS = {
    "warp": Kind(warp, 0.24, (0.55, 1.0), 2.0, ("color", "count")),
    "swirl": Kind(swirl, 0.14, (0.65, 1.0), 0.7, ("color", "count")),
    "erase": Kind(erase, 0.25, (0.7, 0.82), 0.5, ("color",)),
    "merge": Kind(merge, 0.1, (0.45, 0.6), 1.0, ("count",)),
    "smear": Kind(smear, 0.2, (0.9, 1.3), 0.7),
    "double": Kind(double, 0.0, (0.5, 1.0), 1.5, ("color",)),
    "melt": Kind(melt, 0.18, (0.5, 0.9), 1.0),
    "scatter": Kind(scatter, 0.1, (0.6, 1.0), 1.0, ("color",)),
    "blob": Kind(blob, 0.0, (1.0, 1.0), 1.5),
    "texture": Kind(texture, 0.0, (1.0, 1.0), 0.4),
}
ROUND = {"balloon": ("melt", "swirl"), "airship": ("melt", "smear", "swirl")}  # still told by their outline
NEVER_ALONE = ("merge", "double")  # where chance leaves one thing nearly whole, a warp must follow


def spoil(scene: Scene, rng: random.Random, strongly: bool) -> tuple[np.ndarray, str]:
    """A drawing spoilt a little or beyond naming, float (64, 64, 3) in 0 to 255, and the kind's name.

    The scene must have a thing; strongly spoilt, one that ``may_be_spoilt``.
    """
    layers, noise = take_apart(scene), np.random.default_rng(rng.randrange(2**32))
    name = choose_kind(scene, rng, strongly)
    kind = KINDS[name]
    limits = kind.strong if strongly else (0.3 * kind.light, kind.light)
    picture = kind.spoil(layers, rng.uniform(*limits), noise)
    if strongly and name in NEVER_ALONE:
        changed = np.abs(picture - layers.background).max(axis=2)
        picture = warp(replace(layers, picture=picture, mask=np.clip(changed / 24, 0, 1)), 0.4, noise)
    return picture, name


def choose_kind(scene: Scene, rng: random.Random, strongly: bool) -> str:
    """The name of a kind that suits the scene's thing, by the kinds' weights."""
    left_out = () if not strongly else ROUND.get(scene.thing, ())
    if strongly and scene.thing in SKY_THINGS and scene.color in CLOUD_COLORS:
        left_out = (*left_out, "melt", "smear", "blob", "texture")
    names = [name for name, kind in KINDS.items() if (strongly or kind.light) and name not in left_out]
    return rng.choices(names, [KINDS[name].weight for name in names])[0]


def may_be_spoilt(scene: Scene) -> bool:
    """Whether a strongly spoilt picture of the scene has an honest label."""
    return bool(scene.thing) and scene.thing not in SHAPELESS
