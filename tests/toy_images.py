"""An image model small enough to be trained inside a test."""

import atexit
import contextlib
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from smallworld.making import images as train_images
from smallworld.making.image import model as image_model
from smallworld.making.image.settings import Settings

full_unet = image_model.build_unet


@dataclass(frozen=True)
class ToySettings(Settings):
    """The trainer's settings with toy sizes as defaults."""

    scenes: int = 40
    shapes: int = 8
    wordings: int = 3
    autoencoder_steps: int = 6
    autoencoder_batch: int = 4
    text_steps: int = 6
    text_batch: int = 4
    diffusion_steps: int = 6
    diffusion_batch: int = 4
    warmup: int = 2


@contextlib.contextmanager
def toy_sizes():
    """A context in which the UNet is small, and a look at the last stage, else many pictures, is short."""

    def small_unet(widths=(16, 24, 32), latent_channels=8, text_width=128):
        return full_unet(widths, latent_channels, text_width)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_images, "look_at_diffusion", lambda stage: {"looked": 1.0})
        patch.setattr(image_model, "build_unet", small_unet)
        yield


@cache
def trained() -> dict:
    """A toy run of all stages, exported to result["folder"] / "model"; leave that folder as it is."""
    folder = Path(tempfile.mkdtemp(prefix="toy-images-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with toy_sizes():
        result = train_images.run(ToySettings(), folder)
    train_images.export(result["parts"], result["record"], folder / "model")
    return result | {"folder": folder}
