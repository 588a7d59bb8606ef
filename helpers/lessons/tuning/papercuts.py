"""The pictures of notebook 05: paper-cuts with captions, prompts for new ones, and a network that judges."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from PIL.Image import Image, Resampling

from helpers import images
from helpers.own_data import Picture
from smallworld.judges import style
from smallworld.world import drawing, papercut
from smallworld.world.prompts import conditions, full_prompt

SIDE = 64  # pixels, of the pictures that the judge reads


def examples(count: int, side: int, seed: int) -> list[Picture]:
    """Paper-cuts of training scenes, side x side pixels, with captions that never name the style."""
    cuts = papercut.pairs("train", count, seed)
    return [Picture(_resized(cut, side), caption, f"{i}.png") for i, (_, cut, caption) in enumerate(cuts)]


def usual(count: int, side: int, seed: int) -> list[Image]:
    """The scenes of `examples`, drawn as the image model knows them."""
    return [_resized(drawing.draw(scene), side) for scene, *_ in papercut.pairs("train", count, seed)]


def prompts(count: int, seed: int) -> list[str]:
    """Prompts of scenes that are in no training picture, each with all its facts."""
    return [full_prompt(scene) for scene in conditions("test", count, seed)]


def count_called(pictures: Sequence[Image]) -> tuple[int, int]:
    """How many of the pictures the judge calls a paper-cut, and how many there are.

    The judge is a small network that learnt from drawings alone. It reads 64x64 pixels.
    """
    small = [_resized(picture.convert("RGB"), SIDE) for picture in pictures]
    return int(_judge().is_paper_cut(small).sum()), len(small)


def as_the_model_draws(pipe, pictures: Sequence[Image]) -> list[Image]:
    """Pictures squeezed into latents and unfolded again, so that they are as soft as a model's own."""
    return images.decode(pipe, images.encode(pipe, list(pictures)))


def side_of(pipe) -> int:
    """The side of a pipeline's pictures, in pixels."""
    return pipe.unet.config.sample_size * pipe.vae_scale_factor


def _resized(picture: Image, side: int) -> Image:
    return picture if picture.size == (side, side) else picture.resize((side, side), Resampling.LANCZOS)


@cache
def _judge():
    """The network that says whether a picture is a paper-cut, loaded once."""
    return style.load()
