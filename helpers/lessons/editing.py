"""Pictures made from pictures: the library's pipelines with a loaded model's weights (02 and 04)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline as Pipeline


def image_to_image(pipe: Pipeline):
    """The library's image-to-image pipeline with the same weights. (Meng et al. 2021)"""
    from diffusers import AutoPipelineForImage2Image

    return AutoPipelineForImage2Image.from_pipe(pipe)


def inpainting(pipe: Pipeline):
    """The library's inpainting pipeline with the same weights.

    It wants a UNet whose configuration says 4 input channels, the latents of Stable Diffusion v1. The small
    model has 8; so it gets a copy of the UNet object, weights shared, that says 4, and reads it nowhere else.
    """
    from diffusers import AutoPipelineForInpainting

    unet = copy.copy(pipe.unet)
    if unet.config.in_channels == pipe.vae.config.latent_channels != 4:
        unet.register_to_config(in_channels=4)
    return AutoPipelineForInpainting.from_pipe(pipe, unet=unet)
