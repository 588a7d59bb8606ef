"""What is measured of an image model: obedience, samplers, autoencoder, variety, copies, speed.

Facts are read by the judge; variety and copies are measured by the layout reader and by distances between
latents, which know nothing of the facts.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from smallworld.judges.intervals import bootstrap, interval, rounded
from smallworld.judges.measures import (
    accuracy,
    accuracy_by,
    compare_readings,
    copying,
    diversity,
    misses,
    nearest,
    psnr_summary,
    right,
)
from smallworld.judges.pictures import Judge
from smallworld.making import picture_judge
from smallworld.making.image_pipeline import (
    GUIDANCE_SCALE,
    STEPS,
    as_array,
    encode,
    generate,
    grid,
    reconstruct,
)
from smallworld.making.picture_judge import draw_all
from smallworld.world.prompts import ARTICLE_REQUEST, Asked, caption_requests, conditions, full_prompt
from smallworld.world.scenes import Scene, combinations, sample_scene
from smallworld.world.shapes import random_picture

SCHEDULERS = {
    "DDIM": "DDIMScheduler",
    "Euler": "EulerDiscreteScheduler",
    "DPM-Solver++": "DPMSolverMultistepScheduler",
}
MANY_STEPS = 50  # beside the usual number: more than any picture needs


@dataclass(frozen=True)
class Plan:
    """How much is measured. ``rounds``: captions for each of the 37 test combinations."""

    rounds: int = 9
    seeds_a_sentence: int = 5
    article_seeds: int = 20
    judged_scenes: int = 2_000
    shapes: int = 300
    conditions: int = 12
    pictures_a_condition: int = 20
    training_scenes: int = 0
    held_out_scenes: int = 3_000
    scheduler_rounds: int = 4
    timed_pictures: int = 5
    seed: int = 0


@dataclass
class Bench:
    """What every part of the measurement needs."""

    pipe: Any
    judge: Judge
    plan: Plan
    split: str = "test"
    guidance_scale: float = GUIDANCE_SCALE
    steps: int = STEPS

    def draw(
        self, requests: Sequence[Asked], seeds: Sequence[int], label: str, steps: int | None = None
    ) -> np.ndarray:
        """Generated pictures (n, 64, 64, 3) for the requests, at the bench's settings unless changed."""
        prompts = [request.prompt for request in requests]
        return generate(self.pipe, prompts, seeds, steps or self.steps, self.guidance_scale, label)


# ------------------------------------------------------------------ scenes to compare with
def fresh_scenes(split: str, count: int, seed: int) -> list[Scene]:
    """Scenes that no training saw: of a held-out split, or of the training combinations with other seeds."""
    rng = random.Random(f"evaluate images {split} {seed}")
    return [sample_scene(rng, split) for _ in range(count)]


def scenes_like(requests: Sequence[Asked], split: str, seed: int) -> list[Scene]:
    """For each request a fresh scene of the same facts."""
    rng = random.Random(f"evaluate images like {seed}")
    scenes = []
    for request in requests:
        facts = dict(request.facts)
        if "several" in facts:
            facts["count"] = rng.choice((2, 3)) if facts.pop("several") else 1
        scenes.append(sample_scene(rng, split, **facts))
    return scenes


# ------------------------------------------------------------------ the parts of the measurement
def measure_autoencoder(bench: Bench) -> tuple[dict, dict, Image.Image]:
    """Its exactness on held-out scenes and unseen shapes, and the judge before and after it.

    The third is a sheet: the first ten of each, above their reconstructions.
    """
    scenes = fresh_scenes(bench.split, bench.plan.judged_scenes, bench.plan.seed)
    rng = random.Random(f"evaluate images shapes {bench.plan.seed}")
    shapes = as_array([random_picture(rng, "unseen") for _ in range(bench.plan.shapes)])
    drawn = draw_all(scenes)
    drawn_again, shapes_again = reconstruct(bench.pipe, drawn), reconstruct(bench.pipe, shapes)
    exact = {
        "held_out_scenes": psnr_summary(drawn, drawn_again),
        "unseen_shapes": psnr_summary(shapes, shapes_again),
    }
    before = picture_judge.measure(bench.judge, scenes, drawn)
    after = picture_judge.measure(bench.judge, scenes, drawn_again)
    rows = [pictures[:10] for pictures in (drawn, drawn_again, shapes, shapes_again)]
    return exact, compare_readings(before, after), grid(np.concatenate(rows), columns=10)


def measure_prompts(bench: Bench, requests: Sequence[Asked], pictures: np.ndarray) -> dict:
    """The main numbers: a picture for each caption of a held-out combination (seed i for number i)."""
    readings = bench.judge.read(pictures)
    return accuracy(requests, readings) | {
        "by_thing": accuracy_by("thing", requests, readings),
        "by_place": accuracy_by("place", requests, readings),
        "misses": misses(requests, range(len(requests)), readings),
    }


def measure_sentences(bench: Bench, sentences: Sequence[Asked], seeds: int, label: str) -> dict:
    """Each sentence with seeds 0, 1, ...; the intervals draw sentences again, not pictures."""
    requests = [sentence for sentence in sentences for _ in range(seeds)]
    chosen = list(range(seeds)) * len(sentences)
    readings = bench.judge.read(bench.draw(requests, chosen, label))
    groups = [request.prompt for request in requests] if len(sentences) > 1 else None
    return {
        "sentences": len(sentences),
        **accuracy(requests, readings, groups),
        "misses": misses(requests, chosen, readings),
    }


def all_right(bench: Bench, requests: Sequence[Asked], pictures: np.ndarray) -> list[bool]:
    """Whether place, time and thing of each picture are as asked."""
    readings = bench.judge.read(pictures)
    return [right(request, reading)["all"] for request, reading in zip(requests, readings, strict=True)]


def measure_settings(bench: Bench, requests: Sequence[Asked], pictures: np.ndarray) -> dict:
    """More steps, and other samplers, for the same requests and seeds."""
    import diffusers

    seeds = range(len(requests))
    usual = all_right(bench, requests, pictures)
    finer = bench.draw(requests, seeds, f"{MANY_STEPS} steps", steps=MANY_STEPS)
    fine = all_right(bench, requests, finer)
    gained = bootstrap(np.mean, np.subtract(fine, usual, dtype=float))
    steps = {str(bench.steps): interval(usual), str(MANY_STEPS): interval(fine)}
    few = requests[: bench.plan.scheduler_rounds * len(combinations(bench.split))]
    own, schedulers = bench.pipe.scheduler, {}
    for name, kind in SCHEDULERS.items():
        bench.pipe.scheduler = getattr(diffusers, kind).from_config(own.config, clip_sample=False)
        readings = bench.judge.read(bench.draw(few, range(len(few)), name))
        schedulers[name] = accuracy(few, readings)
    bench.pipe.scheduler = own
    return {"steps": steps | {f"gained_by_{MANY_STEPS}": gained}, "schedulers": schedulers}


def measure_diversity(bench: Bench) -> dict:
    """Pictures of one prompt beside drawn scenes of the same facts, for several prompts."""
    layouts, latents, count = ([], []), ([], []), bench.plan.pictures_a_condition
    scenes = conditions(bench.split, bench.plan.conditions, bench.plan.seed)
    rng = random.Random(f"evaluate images alike {bench.plan.seed}")
    for number, scene in enumerate(scenes):
        facts = {name: getattr(scene, name) for name in ("place", "time", "thing", "color", "count")}
        alike = draw_all([sample_scene(rng, bench.split, **facts) for _ in range(count)])
        requests = [Asked(full_prompt(scene), {})] * count
        seeds = range(number * count, (number + 1) * count)
        for side, pictures in enumerate((bench.draw(requests, seeds, "one prompt"), alike)):
            layouts[side].append(bench.judge.layout(pictures))
            latents[side].append(encode(bench.pipe, pictures))
    return {"prompts": len(scenes), "pictures_a_prompt": count} | diversity(layouts, latents)


def measure_copying(
    bench: Bench, training: np.ndarray, requests: Sequence[Asked], pictures: np.ndarray
) -> dict:
    """For test captions, and for captions of the combinations that were trained on.

    ``training``: the latents of all training scenes.
    """
    plan, count = bench.plan, len(requests)
    rounds = max(1, count // len(combinations("train")))
    familiar = caption_requests("train", rounds, plan.seed)[:count]
    familiar_pictures = bench.draw(familiar, range(len(familiar)), "training captions")
    result: dict[str, Any] = {"training_scenes": len(training)}
    splits = {bench.split: (requests, pictures), "train": (familiar, familiar_pictures)}
    for split, (asked, generated) in splits.items():
        times = -(-plan.held_out_scenes // len(asked))
        fresh = draw_all(scenes_like([*asked] * times, split, plan.seed))
        of_generated = nearest(encode(bench.pipe, generated), training)
        of_fresh = nearest(encode(bench.pipe, fresh), training)
        result[split] = copying(of_generated, of_fresh)
    return result


def measure_time(bench: Bench) -> dict:
    """Seconds for one picture at the default settings, drawn alone (median, after one to warm up)."""
    seconds = []
    for number in range(bench.plan.timed_pictures + 1):
        started = time.perf_counter()
        bench.draw([ARTICLE_REQUEST], [number], "one picture")
        seconds.append(time.perf_counter() - started)
    return {
        "seconds": rounded(np.median(seconds[1:])),
        "threads": torch.get_num_threads(),
        "device": str(bench.pipe.device),
    }
