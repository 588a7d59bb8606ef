"""Drawings on their way through the image model's autoencoder; their things may be spoilt as latents."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d
from tqdm.auto import tqdm

from smallworld import WEIGHTS

IMAGE_MODEL = WEIGHTS / "image"


def load_autoencoder(folder: Path = IMAGE_MODEL, device: str = "cpu") -> nn.Module | None:
    """The image model's autoencoder in float32, or None, with a line on stderr, where there is none."""
    if not (folder / "vae").exists():
        print(f"There is no autoencoder in {folder}: no drawing goes through one.", file=sys.stderr)
        return None
    from diffusers import AutoencoderKL

    autoencoder = AutoencoderKL.from_pretrained(folder / "vae", use_safetensors=True).float()
    return autoencoder.to(device, memory_format=torch.channels_last)


@torch.no_grad()
def reconstruct(
    autoencoder: nn.Module,
    pictures: np.ndarray,
    change: Callable[[Tensor, Tensor, torch.Generator], Tensor] | None = None,
    masks: np.ndarray | None = None,
    chance: torch.Generator | None = None,
    batch_size: int = 16,
) -> np.ndarray:
    """Pictures uint8 (n, 64, 64, 3) after their way through the autoencoder and back.

    On the way the latents (n, 8, 16, 16) may ``change``, by masks (n, 64, 64) of the pictures and by chance.
    """
    device, rows = next(autoencoder.parameters()).device, []
    starts = range(0, len(pictures), batch_size)
    for first in tqdm(starts, desc="reconstructing", unit=" batches", mininterval=2, leave=False):
        part = slice(first, first + batch_size)
        pixels = torch.from_numpy(pictures[part]).permute(0, 3, 1, 2).to(device)
        latents = autoencoder.encode(pixels.float() / 127.5 - 1).latent_dist.mode()
        if change is not None:
            there = torch.from_numpy(masks[part]).float()[:, None].to(device)
            latents = change(latents, max_pool2d(there, pixels.shape[-1] // latents.shape[-1]), chance)
        decoded = autoencoder.decode(latents).sample
        bytes_ = ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        rows.append(bytes_.permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(rows) if rows else pictures


def spoil_latents(latents: Tensor, mask: Tensor, chance: torch.Generator) -> Tensor:
    """Things that nobody could name, as an image model draws them: their latents blurred, or mixed up.

    ``latents`` (n, 8, 16, 16), ``mask`` (n, 1, 16, 16) of the things, ``chance`` on the CPU. Half of the
    pictures get blurred latents with noise, in the other half the cells of the things change places.
    """
    noise = torch.randn(latents.shape, generator=chance).to(latents.device)
    blurred = 1.3 * avg_pool2d(latents, 3, 1, 1, count_include_pad=False)
    mixed = torch.stack([mix_cells(*pair, chance) for pair in zip(latents, mask, strict=True)])
    share = torch.empty(len(latents), 1, 1, 1).uniform_(0.6, 0.9, generator=chance).to(latents.device)
    first = (torch.rand(len(latents), 1, 1, 1, generator=chance) < 0.5).to(latents.device)
    things = torch.where(first, blurred + 0.45 * noise, latents + (mixed - latents) * share)
    return latents * (1 - mask) + things * mask


def mix_cells(latents: Tensor, mask: Tensor, chance: torch.Generator) -> Tensor:
    """The latents (8, 16, 16) of one picture with the cells inside a mask (1, 16, 16) in a random order."""
    cells = latents.flatten(1).clone()
    inside = mask.flatten().nonzero()[:, 0]
    order = torch.randperm(len(inside), generator=chance).to(inside.device)
    cells[:, inside] = cells[:, inside[order]]
    return cells.view_as(latents)
