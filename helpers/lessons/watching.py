"""An image model at work, watched from step to step (notebook 04)."""

from __future__ import annotations

import copy
import functools
from collections import namedtuple
from typing import TYPE_CHECKING

import torch

from helpers import images
from helpers.errors import WorkbookError

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline as Pipeline

Trajectory = namedtuple("Trajectory", "timesteps noisy predicted picture")


def record(pipe: Pipeline, prompt: str, *, seed: int, **settings) -> Trajectory:
    """One picture as `images.generate` makes it; at each timestep x_t (noisy) and the predicted x_0.

    Both are latents on the UNet's scale (steps, channels, height, width), for `images.decode`.
    """
    if type(pipe.scheduler).__name__ not in images.SCHEDULERS.values():
        known = ", ".join(images.SCHEDULERS)
        raise WorkbookError(f"Only {known} can be recorded: choose one by with_scheduler.")
    texts = [prompt, settings.get("negative_prompt", "")]
    if isinstance(seed, (list, tuple, range)) or not all(isinstance(text, str) for text in texts):
        raise WorkbookError("One picture is recorded at a time: give one prompt and one seed.")
    watched, scheduler, seen = copy.copy(pipe), copy.deepcopy(pipe.scheduler), []
    library_step = scheduler.step

    @functools.wraps(library_step)  # the pipeline asks for the signature
    def step(model_output, timestep, sample, **options):
        noisy = scheduler.scale_model_input(sample, timestep)
        result = library_step(model_output, timestep, sample, **options | {"return_dict": True})
        predicted = getattr(result, "pred_original_sample", None)
        if predicted is None:
            predicted = scheduler.model_outputs[-1]
        seen.append((int(timestep), noisy, predicted))
        return (result.prev_sample,)

    watched.scheduler, scheduler.step = scheduler, step
    (picture,) = images.generate(watched, prompt, seed=seed, **settings)
    timesteps, noisy, predicted = zip(*seen, strict=True)
    return Trajectory(list(timesteps), torch.cat(noisy), torch.cat(predicted), picture)
