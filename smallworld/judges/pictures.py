"""The judge: reads place, time, thing, colour and number, and the layout, from a 64x64 picture.

Two small convolutional networks. One reads the facts, or says that something is there which nobody could
name: it learns that from spoilt drawings and from pictures of image models that were labelled by eye. The
other reads the layout (horizon, position and size of the things); it is never told a fact, so that variety
can be measured without them. ``smallworld.making.picture_judge`` trains both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from smallworld import WEIGHTS
from smallworld.judges.intervals import rounded
from smallworld.world.scenes import SIZE
from smallworld.world.vocabulary import COLORS, PLACES, SKY_THINGS, THING_COLORS, TIMES

SHIPPED = WEIGHTS / "judge"
COMMAND = "python -m smallworld.making.picture_judge"
BATCH = 256

_GROUND_THINGS = tuple(thing for place in PLACES.values() for thing in place.things)
_OTHER_COLORS = tuple(color for colors in THING_COLORS.values() for color in colors)
FACTS: dict[str, tuple] = {
    "place": tuple(PLACES),
    "time": tuple(TIMES),
    "thing": ("", *dict.fromkeys(SKY_THINGS + _GROUND_THINGS)),
    "color": tuple(dict.fromkeys(COLORS + _OTHER_COLORS)),
    "count": (1, 2, 3),
}
UNREADABLE = "unreadable"  # a reading's thing where something is there that nobody could name
ANSWERS: dict[str, tuple] = FACTS | {"thing": (*FACTS["thing"], UNREADABLE)}
LAYOUT = ("horizon", "x", "y", "size")
SPREADS = (0.05, 0.2, 0.2, 0.1)  # of the layout measures, roughly, so that each counts alike in training


class JudgeError(ValueError):
    """A request that cannot be carried out; the message says what to do instead."""


@dataclass(frozen=True)
class Reading:
    """What a picture shows: keys of the vocabulary; thing "" (nothing) goes with color "" and count 0.

    ``thing`` is ``UNREADABLE`` where something is there that nobody could name; color and count then say what
    it resembles most. ``probabilities`` says for each fact how sure the judge is of it (softmax), and
    ``unreadable`` how likely it is that nobody could name the thing.
    """

    place: str
    time: str
    thing: str
    color: str
    count: int
    probabilities: dict[str, float] = field(default_factory=dict, compare=False)
    unreadable: float = field(default=0.0, compare=False)

    @property
    def readable(self) -> bool:
        """Whether the picture shows nothing, or a thing that can be named."""
        return self.thing != UNREADABLE

    @property
    def several(self) -> bool:
        """Whether there are two or three of the thing."""
        return self.count > 1


# ------------------------------------------------------------------ networks
def _block(channels: int, wider: int, stride: int = 1, side: int = 3) -> nn.Sequential:
    """Convolution, batch normalisation (Ioffe and Szegedy 2015), ReLU."""
    convolution = nn.Conv2d(channels, wider, side, stride, side // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(wider), nn.ReLU(inplace=True))


class FactReader(nn.Module):
    """Pictures (n, 3, 64, 64) in 0 to 1 -> logits (n, number of ``ANSWERS``) of each fact.

    Things are told by their parts, so the maps of 16x16 cells are read beside the coarse ones.
    """

    def __init__(self):
        super().__init__()
        self.parts = nn.Sequential(
            _block(3, 32, stride=2, side=5), _block(32, 48), nn.MaxPool2d(2),
            _block(48, 64), _block(64, 64), _block(64, 64),
        )  # fmt: skip
        self.wholes = nn.Sequential(nn.MaxPool2d(2), _block(64, 128), _block(128, 128))
        self.heads = nn.ModuleDict({name: nn.Linear(384, len(values)) for name, values in ANSWERS.items()})

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        parts = self.parts(pixels * 2 - 1)
        wholes = self.wholes(parts)
        pooled = [maps.flatten(2) for maps in (parts, wholes)]
        features = torch.cat([pooling for maps in pooled for pooling in (maps.mean(2), maps.amax(2))], dim=1)
        return {name: head(features) for name, head in self.heads.items()}


class LayoutReader(nn.Module):
    """Pictures (n, 3, 64, 64) in 0 to 1 -> (n, 4): ``LAYOUT``, in shares of the picture's side.

    Attention over 16x16 cells finds the things; x and y are its centre (soft-argmax).
    """

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            _block(3, 24, stride=2, side=5), _block(24, 40, stride=2),
            _block(40, 48), _block(48, 48), _block(48, 48),
        )  # fmt: skip
        self.attention = nn.Conv2d(48, 1, 1)
        self.size = nn.Linear(3 * 48, 1)
        self.horizon = nn.Linear(16 * 48, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.features(pixels * 2 - 1).float()
        weights = self.attention(maps).flatten(1).softmax(-1).unflatten(1, maps.shape[2:])  # (n, 16, 16)
        cells = (torch.arange(maps.shape[2], device=maps.device) + 0.5) / maps.shape[2]
        x, y = weights.sum(1) @ cells, weights.sum(2) @ cells
        there = torch.einsum("nchw,nhw->nc", maps, weights)
        size = self.size(torch.cat([there, maps.mean((2, 3)), maps.amax((2, 3))], dim=1))
        horizon = self.horizon(maps.mean(3).flatten(1))
        return torch.cat([horizon, x[:, None], y[:, None], size], dim=1)


class Judge(nn.Module):
    """Both readers. They share nothing, neither weights nor targets.

    Above ``threshold``, the probability that nobody could name the thing decides; it is chosen on pictures
    that were labelled by eye.
    """

    def __init__(self):
        super().__init__()
        self.fact_reader, self.layout_reader = FactReader(), LayoutReader()
        self.register_buffer("threshold", torch.tensor(0.5))

    @torch.no_grad()
    def read(self, images: Sequence[Image.Image] | np.ndarray) -> list[Reading]:
        """Read the facts of 64x64 RGB pictures (PIL, or uint8 of shape (n, 64, 64, 3))."""
        readings: list[Reading] = []
        for pixels in _batches(images):
            logits = self.fact_reader(pixels)
            shares = {name: scores.softmax(dim=1) for name, scores in logits.items()}
            readings += [
                self._reading({name: rows[number] for name, rows in shares.items()})
                for number in range(len(pixels))
            ]
        return readings

    def _reading(self, shares: dict[str, Tensor]) -> Reading:
        """One picture's reading from the probabilities of each fact's answers."""
        unreadable = shares["thing"][-1]
        nameable = dict(shares, thing=shares["thing"][:-1])
        best = {name: row.max(dim=0) for name, row in nameable.items()}
        facts = {name: FACTS[name][int(choice.indices)] for name, choice in best.items()}
        sure = {name: rounded(choice.values) for name, choice in best.items()}
        if unreadable > self.threshold:
            facts["thing"], sure["thing"] = UNREADABLE, rounded(unreadable)
        elif not facts["thing"]:
            facts |= {"color": "", "count": 0}
        return Reading(**facts, probabilities=sure, unreadable=rounded(unreadable))

    @torch.no_grad()
    def layout(self, images: Sequence[Image.Image] | np.ndarray) -> np.ndarray:
        """Measure the layout of pictures: (n, 4) horizon, mean x, mean y, mean width of the things.

        Where there is nothing, the width is about 0, and x and y mean nothing.
        """
        rows = [self.layout_reader(pixels).numpy() for pixels in _batches(images)]
        return np.concatenate(rows) if rows else np.empty((0, len(LAYOUT)), np.float32)


def as_array(images: Sequence[Image.Image] | np.ndarray) -> np.ndarray:
    """Pictures as uint8 of shape (n, 64, 64, 3). Raises JudgeError for another size or number type."""
    if not isinstance(images, np.ndarray):
        sizes = {image.size for image in images} - {(SIZE, SIZE)}
        if sizes:
            wrong = "x".join(map(str, sizes.pop()))
            raise JudgeError(f"The judge reads pictures of {SIZE}x{SIZE} pixels, not {wrong}: resize them.")
        listed = [np.asarray(image.convert("RGB")) for image in images]
        images = np.stack(listed) if listed else np.empty((0, SIZE, SIZE, 3), np.uint8)
    if images.dtype != np.uint8 or images.shape[1:] != (SIZE, SIZE, 3):
        shape = f"(n, {SIZE}, {SIZE}, 3)"
        raise JudgeError(f"The judge reads uint8 arrays of shape {shape}, not {images.dtype} {images.shape}.")
    return images


def _batches(images: Sequence[Image.Image] | np.ndarray) -> Iterator[Tensor]:
    """Pictures as float batches (at most 256, 3, 64, 64) in 0 to 1."""
    array = as_array(images)
    for first in range(0, len(array), BATCH):
        yield to_pixels(array[first : first + BATCH])


def to_pixels(array: np.ndarray) -> Tensor:
    """uint8 pictures (n, 64, 64, 3) as floats (n, 3, 64, 64) in 0 to 1."""
    return torch.from_numpy(np.ascontiguousarray(array)).permute(0, 3, 1, 2).float() / 255


# ------------------------------------------------------------------ on disk
def load(folder: Path = SHIPPED) -> Judge:
    """The judge of a folder, in float32, ready to read. Raises JudgeError where it is missing or damaged."""
    path = Path(folder) / "model.safetensors"
    if not path.exists():
        raise JudgeError(f"There is no judge in {folder}: run `{COMMAND}` first.")
    judge = Judge()
    try:
        weights = {name: value.float() for name, value in load_file(path).items()}
        assert set(weights) == set(weights_of(judge)) and all(v.isfinite().all() for v in weights.values())
        judge.load_state_dict(weights, strict=False)
    except (SafetensorError, AssertionError, RuntimeError):
        raise JudgeError(f"{path} is damaged: restore it with git, or run `{COMMAND}`.") from None
    return judge.eval().requires_grad_(False)


def weights_of(judge: Judge) -> dict[str, Tensor]:
    """All that is needed to read (batch normalisation's step counter is not)."""
    return {name: value for name, value in judge.state_dict().items() if value.is_floating_point()}
