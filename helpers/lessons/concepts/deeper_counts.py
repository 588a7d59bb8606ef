"""What training Stable Diffusion v1 took, counted from its networks (notebook 11)."""

from __future__ import annotations

from collections.abc import Callable

# Pictures seen, by the side of what the UNet reads (an eighth of the picture's): batches of 2,048 pictures,
# 237,000 steps at 256 pixels, then three runs at 512. From the model card of CompVis/stable-diffusion-v1-4.
SEEN_PICTURES = {32: 2048 * 237_000, 64: 2048 * (194_000 + 515_000 + 225_000)}
STABLE_DIFFUSION_HOURS = 150_000  # of one A100, from the same card


def stable_diffusion_operations(count: Callable[[Callable[[], object]], int]) -> float:
    """Operations of training Stable Diffusion v1, and a line on each size of picture.

    count: runs a function and returns how many operations its matrix products and convolutions take. The UNet
    learns, which takes three forward passes; the encoder of the pictures does not, and takes one. The encoder
    of the prompts is left out: for its 77 tokens it takes about a fiftieth of one pass of the UNet.
    """
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    total = 0.0
    with torch.device("meta"), torch.no_grad():  # shapes without numbers: nothing is computed
        unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)
        encoder = AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * 4, block_out_channels=[128, 256, 512, 512],
            layers_per_block=2,
        ).encoder  # fmt: skip
        words, level = torch.empty(1, 77, 768), torch.tensor(1)
        for side, pictures in SEEN_PICTURES.items():
            small, picture = torch.empty(1, 4, side, side), torch.empty(1, 3, 8 * side, 8 * side)
            learning = 3 * count(lambda small=small: unet(small, level, words))
            encoding = count(lambda picture=picture: encoder(picture))
            print(f"{8 * side} pixels: learning {learning:.1e} operations a picture, encoding {encoding:.1e}")
            total += pictures * (learning + encoding)
    return total
