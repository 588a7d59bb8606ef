"""Two small judges for fine-tuned image models: is a picture a paper-cut, and is the strix in it?

``smallworld.making.style_judges`` trains them on drawn training scenes only, never on pictures that went
through an autoencoder or came from a model. The facts of a picture are for the large judge
(``judges.pictures``) to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from smallworld import WEIGHTS
from smallworld.judges.pictures import BATCH, JudgeError, as_array, to_pixels

SHIPPED = WEIGHTS / "style_judge"
COMMAND = "python -m smallworld.making.style_judges"
SUBJECTS = ("style", "subject")


def _block(channels: int, wider: int, stride: int, side: int) -> nn.Sequential:
    """Convolution, batch normalisation (Ioffe and Szegedy 2015), ReLU."""
    convolution = nn.Conv2d(channels, wider, side, stride, side // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(wider), nn.ReLU(inplace=True))


class Reader(nn.Module):
    """Pictures (n, 3, 64, 64) in 0 to 1 -> logits (n,) of one yes-or-no question."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            _block(3, 16, 2, 5), _block(16, 24, 2, 3), _block(24, 32, 1, 3), _block(32, 32, 1, 3)
        )
        self.answer = nn.Linear(64, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.features(pixels * 2 - 1)
        return self.answer(torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1))[:, 0]


class StyleJudge(nn.Module):
    """Both readers; they share nothing."""

    def __init__(self):
        super().__init__()
        self.readers = nn.ModuleDict({name: Reader() for name in SUBJECTS})

    @torch.no_grad()
    def probabilities(self, images: Sequence[Image.Image] | np.ndarray, question: str) -> np.ndarray:
        """How sure a reader is of yes, picture by picture: (n,) in 0 to 1.

        ``images``: 64x64 RGB pictures (PIL, or uint8 of shape (n, 64, 64, 3)); ``question``: "style" or
        "subject". Raises JudgeError for another size, number type or question.
        """
        if question not in SUBJECTS:
            raise JudgeError(f"There is no question {question!r}; choose one of {', '.join(SUBJECTS)}.")
        array = as_array(images)
        parts = [array[first : first + BATCH] for first in range(0, len(array), BATCH)]
        rows = [self.readers[question](to_pixels(part)).sigmoid().numpy() for part in parts]
        return np.concatenate(rows) if rows else np.empty(0, np.float32)

    def is_paper_cut(self, images: Sequence[Image.Image] | np.ndarray) -> np.ndarray:
        """Which pictures are paper-cuts: bool (n,)."""
        return self.probabilities(images, "style") > 0.5

    def has_subject(self, images: Sequence[Image.Image] | np.ndarray) -> np.ndarray:
        """In which pictures the strix is to be seen: bool (n,)."""
        return self.probabilities(images, "subject") > 0.5


def weights_of(judge: StyleJudge) -> dict[str, Tensor]:
    """All that is needed to judge (batch normalisation's step counter is not)."""
    return {name: value for name, value in judge.state_dict().items() if value.is_floating_point()}


def load(folder: Path = SHIPPED) -> StyleJudge:
    """The judges of a folder, in float32. Raises JudgeError where they are missing or damaged."""
    path = Path(folder) / "model.safetensors"
    if not path.exists():
        raise JudgeError(f"There is no style judge in {folder}: run `{COMMAND}` first.")
    judge = StyleJudge()
    try:
        weights = {name: value.float() for name, value in load_file(path).items()}
        assert set(weights) == set(weights_of(judge)) and all(v.isfinite().all() for v in weights.values())
        judge.load_state_dict(weights, strict=False)
    except (SafetensorError, AssertionError, RuntimeError):
        raise JudgeError(f"{path} is damaged: restore it from the repository, or run `{COMMAND}`.") from None
    return judge.eval().requires_grad_(False)
