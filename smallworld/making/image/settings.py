"""All that decides how the image model turns out: the trainer's settings, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """All that decides the result, apart from the vocabulary, the drawings and the captions of the world."""

    scenes: int = 60_000
    hard_weight: float = 2.0
    shapes: int = 12_000
    wordings: int = 16
    seed: int = 0
    latent_channels: int = 8
    autoencoder_steps: int = 24_000
    autoencoder_batch: int = 8
    autoencoder_rate: float = 3e-3
    shapes_share: float = 0.25
    things_weight: float = 2.0
    gradient_weight: float = 0.5
    kl_weight: float = 2e-4
    text_steps: int = 1_500
    text_batch: int = 64
    text_rate: float = 2e-3
    text_odd_share: float = 0.3
    diffusion_steps: int = 25_000
    diffusion_batch: int = 64
    diffusion_rate: float = 1e-3
    diffusion_things_weight: float = 4.0
    no_caption_share: float = 0.1
    focus: float = 0.6
    ema_decay: float = 0.999
    warmup: int = 200
    decay_share: float = 0.7
    weight_decay: float = 0.01
    start_from: str = ""


# How the names of settings begin that concern one stage alone.
AUTOENCODER_ONLY = ("autoencoder", "shapes", "things_weight", "gradient_weight", "kl_weight")
TEXT_ONLY = ("text",)
DIFFUSION_ONLY = ("diffusion", "wordings", "no_caption_share", "focus", "ema_decay")
