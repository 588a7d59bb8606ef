"""The finished image model at work: prompts -> pictures, pictures -> latents and back, sheets of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from smallworld import WEIGHTS
from smallworld.making.models import ModelError, require_model

SHIPPED = WEIGHTS / "image"
STEPS, GUIDANCE_SCALE = 20, 5.0  # the default, chosen on validation combinations
BATCH = 32


def load_pipeline(folder: Path = SHIPPED, device: str = "cpu"):
    """The float32 ``StableDiffusionPipeline`` of a folder; a missing or damaged one is a ModelError."""
    from diffusers import StableDiffusionPipeline

    require_model(folder, ["model_index.json"], "train-images")
    try:
        pipe = StableDiffusionPipeline.from_pretrained(folder, use_safetensors=True, trust_remote_code=False)
    except Exception as problem:
        kind = type(problem).__name__
        raise ModelError(f"The image model in {folder} cannot be read ({kind}): restore it.") from None
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device, torch.float32)


@torch.no_grad()
def generate(
    pipe,
    prompts: Sequence[str],
    seeds: Sequence[int],
    steps: int = STEPS,
    guidance_scale: float = GUIDANCE_SCALE,
    label: str = "pictures",
) -> np.ndarray:
    """A picture for each prompt, from noise of its own seed (a CPU generator): uint8 (n, side, side, 3).

    They are drawn in batches of ``BATCH``; ``label`` stands beside the progress bar.
    """
    shape = (1, pipe.unet.config.in_channels, *[pipe.unet.config.sample_size] * 2)
    pictures: list[Image.Image] = []
    for first in tqdm(range(0, len(prompts), BATCH), desc=label, unit=" batches", leave=False):
        part = slice(first, first + BATCH)
        generators = [torch.Generator("cpu").manual_seed(int(seed)) for seed in seeds[part]]
        latents = torch.cat([torch.randn(shape, generator=generator) for generator in generators])
        pictures += pipe(
            list(prompts[part]),
            num_inference_steps=steps,
            guidance_scale=float(guidance_scale),
            latents=latents.to(pipe.device),
            generator=generators,
        ).images
    return as_array(pictures)


# ------------------------------------------------------------------ the autoencoder
def to_pixels(pictures: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """uint8 pictures (n, height, width, 3) -> float32 (n, 3, height, width) in -1 to 1, on the device."""
    values = torch.from_numpy(np.array(pictures)).to(device)
    return values.permute(0, 3, 1, 2).float() / 127.5 - 1


def to_bytes(pixels: Tensor) -> np.ndarray:
    """The reverse of ``to_pixels``; values outside -1 to 1 are clipped."""
    values = ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return values.permute(0, 2, 3, 1).cpu().numpy()


@torch.no_grad()
def encode(pipe, pictures: np.ndarray) -> np.ndarray:
    """Latents of uint8 pictures (n, side, side, 3), scaled as the UNet takes them, flat: (n, size) float32.

    The mean of the autoencoder's distribution, so nothing is random.
    """
    rows = []
    few = len(pictures) < 500
    for first in tqdm(range(0, len(pictures), BATCH), desc="encoding", leave=False, disable=few):
        pixels = to_pixels(pictures[first : first + BATCH]).to(pipe.device)
        latents = pipe.vae.encode(pixels).latent_dist.mode()
        rows.append((latents * pipe.vae.config.scaling_factor).flatten(1).cpu().numpy())
    return np.concatenate(rows)


@torch.no_grad()
def reconstruct(pipe, pictures: np.ndarray) -> np.ndarray:
    """Pictures (n, side, side, 3) uint8, through the autoencoder and back."""
    rows = []
    for first in tqdm(range(0, len(pictures), BATCH), desc="reconstructing", leave=False):
        pixels = to_pixels(pictures[first : first + BATCH]).to(pipe.device)
        latents = pipe.vae.encode(pixels).latent_dist.mode()
        rows.append(to_bytes(pipe.vae.decode(latents).sample))
    return np.concatenate(rows)


# ------------------------------------------------------------------ pictures
def as_array(pictures: Sequence[Image.Image]) -> np.ndarray:
    """RGB pictures of one size as uint8 (n, height, width, 3)."""
    return np.stack([np.asarray(picture.convert("RGB")) for picture in pictures])


def grid(pictures: np.ndarray, columns: int = 8, scale: int = 2, gap: int = 4) -> Image.Image:
    """Pictures (n, side, side, 3) beside and below each other on white, enlarged without smoothing."""
    side = pictures.shape[1] * scale
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (side + gap) + gap, rows * (side + gap) + gap), "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        large = Image.fromarray(picture).resize((side, side), Image.Resampling.NEAREST)
        sheet.paste(large, (gap + column * (side + gap), gap + row * (side + gap)))
    return sheet
