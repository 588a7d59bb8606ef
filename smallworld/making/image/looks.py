"""How far a stage of the image model's training is: measured on what it never saw, and pictured."""

from __future__ import annotations

import random

import numpy as np
import torch
from tqdm.auto import tqdm

from smallworld.judges import pictures as judge
from smallworld.judges.measures import EVERY_FACT, accuracy, psnr
from smallworld.making.evaluation.image_bench import fresh_scenes
from smallworld.making.image.autoencoder import AutoencoderStage
from smallworld.making.image.diffusion import DiffusionStage
from smallworld.making.image.pipeline import as_array, generate, grid
from smallworld.making.image.text_encoder import FACTS, TextStage
from smallworld.making.picture_judge import draw_all
from smallworld.world.prompts import ARTICLE_REQUEST, caption_requests
from smallworld.world.shapes import random_picture


def held_out_pictures() -> dict[str, np.ndarray]:
    """96 validation scenes and 96 pictures of the family of shapes that is never trained on."""
    rng = random.Random("look at shapes")
    shapes = as_array([random_picture(rng, "unseen") for _ in range(96)])
    return {"scenes": draw_all(fresh_scenes("validation", 96, 0)), "shapes": shapes}


def look_at_autoencoder(stage: AutoencoderStage) -> dict[str, float]:
    """PSNR in decibels on validation scenes and on shapes never trained on, and a sheet of both."""
    result, rows = {}, []
    for name, pictures in held_out_pictures().items():
        again = stage.reconstruct(pictures)
        result[f"psnr_{name}"] = round(float(psnr(pictures, again).mean()), 3)
        rows += [pictures[:12], again[:12]]
    grid(np.concatenate(rows), columns=12).save(stage.folder / "autoencoder.png")
    return result


@torch.no_grad()
def look_at_text(stage: TextStage) -> dict[str, float]:
    """Shares of validation captions whose place, time, thing and colour, as far as said, are read."""
    asked = caption_requests("validation", 8, 0)
    logits = stage.read([request.prompt for request in asked])
    result = {}
    for name in ("place", "time", "thing", "color"):
        values = [FACTS[name][number] for number in logits[name].argmax(dim=-1).tolist()]
        pairs = zip(asked, values, strict=True)
        right = [request.facts[name] == value for request, value in pairs if name in request.facts]
        result[name] = round(float(np.mean(right)), 4)
    return result


def look_at_diffusion(stage: DiffusionStage) -> dict[str, float]:
    """The judge on validation captions drawn by the averaged weights, and a sheet of the pictures."""
    asked = [*[ARTICLE_REQUEST] * 4, *caption_requests("validation", 2, 0)]
    with stage.averaged() as pipe:
        pictures = generate(pipe, [request.prompt for request in asked], range(len(asked)))
    grid(pictures, columns=12).save(stage.folder / "diffusion.png")
    try:
        found = accuracy(asked[4:], judge.load().read(pictures[4:]))
    except judge.JudgeError as problem:  # a judge of another world is no reason to stop training
        tqdm.write(f"the pictures are not judged: {problem}")
        return {}
    return {fact: found[fact]["share"] for fact in ("all", *EVERY_FACT)}
