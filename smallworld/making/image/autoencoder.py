"""The first stage of the image model's training: the autoencoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from smallworld.making.image.data import Pictures
from smallworld.making.image.model import training_precision
from smallworld.making.image.pipeline import to_bytes, to_pixels
from smallworld.making.image.settings import DIFFUSION_ONLY, TEXT_ONLY, Settings
from smallworld.making.image.stage import Stage, batch_numbers


class AutoencoderStage(Stage):
    """Pictures -> latents -> the same pictures (Kingma and Welling 2014; Rombach et al. 2022)."""

    name = "autoencoder"
    elsewhere = (*TEXT_ONLY, *DIFFUSION_ONLY)

    def __init__(
        self, settings: Settings, folder: Path, vae: nn.Module, data: Pictures, device: torch.device
    ):
        super().__init__(settings, folder, device)
        self.pictures, self.data = data, data.fingerprint
        self.set_up({"vae": vae})

    def update(self) -> dict[str, Tensor]:
        own, chance = self.settings, self.chance()
        odd = round(own.shapes_share * own.autoencoder_batch)
        scenes = batch_numbers(own.scenes, own.autoencoder_batch - odd, self.step, own.seed)
        shapes = batch_numbers(own.shapes, odd, self.step, own.seed + 1) if odd else []
        array = np.concatenate([self.pictures.scenes[scenes], self.pictures.shapes[shapes]])
        pixels = to_pixels(array, self.device)
        things = torch.from_numpy(self.pictures.things(scenes)).to(self.device)
        weights = torch.ones_like(pixels[:, :1])
        weights[: len(scenes), 0] += (own.things_weight - 1) * things
        vae = self.modules["vae"]
        with training_precision(self.device):
            latents = vae.encode(pixels).latent_dist
            noise = torch.randn(latents.mean.shape, generator=chance, device=self.device)
            again = vae.decode(latents.mean + latents.std * noise).sample
        kl = latents.kl().float().mean() / latents.mean[0].numel()
        picture, edges = picture_loss(again.float(), pixels, weights)
        self.set_rate()
        self.apply(picture + own.gradient_weight * edges + own.kl_weight * kl)
        return {"picture": picture, "edges": edges, "kl": kl}

    @torch.no_grad()
    def reconstruct(self, pictures: np.ndarray) -> np.ndarray:
        """Pictures uint8 (n, side, side, 3) after a way through the autoencoder and back."""
        vae = self.modules["vae"].eval()
        with training_precision(self.device):
            again = vae(to_pixels(pictures, self.device)).sample
        vae.train()
        return to_bytes(again.float())


def picture_loss(found: Tensor, wanted: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """How far pictures (n, 3, height, width) in -1 to 1 are apart: in colour, and in their differences.

    Colour: absolute error plus three times the squared one, weighted by ``weights`` (n, 1, height, width).
    Differences between neighbouring pixels: absolute error, which keeps edges sharp.
    """
    error = (found - wanted).abs()
    colour = (weights * (error + 3 * error.square())).sum() / weights.sum() / found.shape[1]
    edges = sum(l1_loss(found.diff(dim=axis), wanted.diff(dim=axis)) for axis in (2, 3))
    return colour, edges


@torch.no_grad()
def latent_statistics(vae: nn.Module, pictures: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each latent channel over pictures: two tensors (channels,)."""
    rows = [
        vae.encode(to_pixels(pictures[first : first + 64], device)).latent_dist.mode()
        for first in range(0, len(pictures), 64)
    ]
    latents = torch.cat(rows)
    return latents.mean((0, 2, 3)), latents.std((0, 2, 3))


@torch.no_grad()
def standardise(vae: nn.Module, means: Tensor, spreads: Tensor) -> None:
    """Shift and scale the latent channels to mean 0 and spread 1, inside the weights; pictures stay the same.

    ``means`` and ``spreads``: (channels,), as measured. The two convolutions next to the latents are 1x1, so
    that this is exact, and ``scaling_factor`` becomes 1.
    """
    moments, back, channels = vae.quant_conv, vae.post_quant_conv, len(means)
    back.bias += torch.einsum("oc,c->o", back.weight[:, :, 0, 0], means)
    back.weight *= spreads[None, :, None, None]
    moments.weight[:channels] /= spreads[:, None, None, None]
    moments.bias[:channels] = (moments.bias[:channels] - means) / spreads
    moments.bias[channels:] -= 2 * spreads.log()
    vae.register_to_config(scaling_factor=1.0)
