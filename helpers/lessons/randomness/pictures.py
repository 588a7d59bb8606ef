"""The artist of notebook 02: an image model that paints from seeds, from given noise, and over a picture."""

from __future__ import annotations

from collections.abc import Sequence

from PIL.Image import Image
from torch import Tensor

from helpers import images
from helpers.lessons.images.editing import image_to_image
from helpers.session import Session

FEW, MANY = 8, 20  # steps for a picture: for the shipped model, for a larger one
AT_ONCE = 4  # pictures in a batch, as many as `images.generate` makes at once


class Artist:
    """The image model of a session, with DPM-Solver++, which needs few steps (Lu et al. 2022).

    `steps`: how often it takes some noise away for a picture. `pipe`: the library's pipeline. `noise_size`:
    how many numbers the noise of a picture has.
    """

    def __init__(self, session: Session):
        self.pipe = images.with_scheduler(images.load(session), "dpm++")
        self.steps = FEW if session.profile == "tiny" else MANY
        self.noise_size = self.noise(0).numel()

    def paint(
        self, prompt: str, seeds: int | Sequence[int], guidance_scale: float = images.GUIDANCE_SCALE
    ) -> list[Image]:
        """A picture of the prompt for each seed, each from its seed alone.

        guidance_scale: 0, or a number from 1. The library's pipelines begin at 1, the guess with the prompt;
        the guess without it, 0, is theirs for an empty prompt. (Ho and Salimans 2022)
        """
        if guidance_scale == 0:
            prompt, guidance_scale = "", 1.0
        return images.generate(self.pipe, prompt, seed=seeds, steps=self.steps, guidance_scale=guidance_scale)

    def noise(self, seeds: int | Sequence[int]) -> Tensor:
        """The noise that `paint` begins with: (seeds, channels, height, width), normal numbers."""
        return images.noise(self.pipe, seeds)

    def paint_noise(
        self, prompt: str, noise: Tensor, guidance_scale: float = images.GUIDANCE_SCALE
    ) -> list[Image]:
        """A picture of the prompt for each row of noise, as `paint` makes it from that row.

        noise: as `noise` returns it, or the same numbers in rows (pictures, numbers).
        """
        shape = self.noise(0).shape[1:]
        latents = noise.reshape(-1, *shape).to(self.pipe.device, self.pipe.unet.dtype)
        painted = []
        for rows in latents.split(AT_ONCE):
            result = self.pipe([prompt] * len(rows), latents=rows, num_inference_steps=self.steps,
                               guidance_scale=float(guidance_scale))  # fmt: skip
            painted += result.images
        return painted

    def repaint(self, picture: Image, prompt: str, *, strength: float, seed: int) -> list[Image]:
        """A picture of the prompt, in a list, that begins with another picture, covered with noise.

        strength: how much noise, above 0 (hardly any) to 1 (nothing is left of the picture).
        (Meng et al. 2021)
        """
        return images.generate(image_to_image(self.pipe), prompt, seed=seed, steps=self.steps, image=picture,
                               strength=strength)  # fmt: skip
