"""Measure the image model: is the prompt obeyed, the autoencoder exact, is there variety, is anything copied?

All that is reported is from test combinations; guidance and steps were chosen on validation combinations
(``guidance.py``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from smallworld.judges import pictures as judges
from smallworld.judges.intervals import rounded
from smallworld.judges.measures import EVERY_FACT, TOGETHER
from smallworld.making.cards import image as card
from smallworld.making.evaluation.image_bench import (
    Bench,
    Plan,
    measure_autoencoder,
    measure_copying,
    measure_diversity,
    measure_prompts,
    measure_sentences,
    measure_settings,
    measure_time,
)
from smallworld.making.evaluation.part import Measured, Part, check_targets
from smallworld.making.image_pipeline import BATCH, SHIPPED, encode, grid, load_pipeline
from smallworld.making.images import training_scenes
from smallworld.making.picture_judge import draw_all
from smallworld.world.prompts import ARTICLE_REQUEST, Asked, caption_requests, hand_written
from smallworld.world.scenes import Scene

QUICK = Plan(1, 1, 5, 200, 40, 4, 6, 2_000, 300, 1, 2)


def targets(measured: dict) -> list[dict]:
    """The project's targets, each with what was measured and whether it was met."""
    held_out, sentences = measured["held_out"], measured["sentences"]
    share = {fact: held_out[fact]["share"] for fact in (*EVERY_FACT, "all")}
    lost = rounded(max(share[fact] - sentences[fact]["share"] for fact in share))
    article = measured["article"]["all"]["share"]
    exact, judged = measured["autoencoder"], measured["judge"]
    drawn = min(judged["drawn"][fact]["share"] for fact in TOGETHER)
    variety = measured["diversity"]
    copies = [part for part in measured["copying"].values() if isinstance(part, dict)]
    distance = min(part["median_ratio"]["value"] for part in copies)
    nearer = sum(part["below"] for part in copies)
    gained = measured["steps"]["gained_by_50"]["value"]
    rows = [
        ("place, time and thing all right", share["all"], ">=", 0.95),
        *((f"{fact} right", share[fact], ">=", 0.97) for fact in TOGETHER),
        ("named colour right", share["color"], ">=", 0.9),
        ("single or several right", share["several"], ">=", 0.9),
        ("hand-written sentences: largest loss of any of these", lost, "<=", 0.05),
        ("the article's prompt: pictures all right", article, ">=", 0.9),
        ("PSNR on held-out scenes (dB)", exact["held_out_scenes"]["value"], ">=", 33),
        ("PSNR on unseen shapes (dB)", exact["unseen_shapes"]["value"], ">=", 28),
        ("the judge on held-out drawn scenes (worst of place, time, thing)", drawn, ">=", 0.99),
        ("the judge's largest loss on reconstructions", judged["most_lost"], "<=", 0.02),
        ("diversity of layout", variety["layout"]["value"], ">=", 0.7),
        ("diversity of latents", variety["latents"]["value"], ">=", 0.7),
        ("distance to training scenes", distance, ">=", 0.9),
        ("pictures nearer than all but 0.5 % of fresh scenes", nearer, "<=", 0),
        ("all right: gained by 50 steps", gained, "<=", 0.01),
        ("seconds for one picture", measured["one_picture"]["seconds"], "<=", 1.5),
    ]
    return check_targets(rows)


def sheets(pictures: np.ndarray, missed: Sequence[dict]) -> dict[str, Image.Image]:
    """The first 40 pictures, unpicked, and the first misses, as pictures by file name."""
    result = {"samples.png": grid(pictures[:40])}
    if missed:
        result["misses.png"] = grid(pictures[[miss["seed"] for miss in missed[:24]]])
    return result


def measure_all(bench: Bench, training: Sequence[Scene]) -> Measured:
    """All numbers about a pipeline that was trained on the ``training`` scenes."""
    started, plan = time.monotonic(), bench.plan
    requests: list[Asked] = caption_requests(bench.split, plan.rounds, plan.seed)
    pictures = bench.draw(requests, range(len(requests)), "test captions")
    exact, judged, reconstructions = measure_autoencoder(bench)
    learnt = encode(bench.pipe, draw_all(training))
    numbers = {
        "settings": {
            "steps": bench.steps,
            "guidance_scale": bench.guidance_scale,
            "seed": plan.seed,
            "scheduler": type(bench.pipe.scheduler).__name__,
            "batch_size": BATCH,
        },
        "judge": judged,
        "autoencoder": exact,
        "held_out": measure_prompts(bench, requests, pictures),
        "sentences": measure_sentences(bench, hand_written(), plan.seeds_a_sentence, "sentences"),
        "article": measure_sentences(bench, [ARTICLE_REQUEST], plan.article_seeds, "the article's prompt"),
        **measure_settings(bench, requests, pictures),
        "diversity": measure_diversity(bench),
        "copying": measure_copying(bench, learnt, requests, pictures),
        "one_picture": measure_time(bench),
    }
    numbers["targets"] = targets(numbers)
    numbers["samples"] = [
        {"seed": seed, "prompt": request.prompt} for seed, request in enumerate(requests[:40])
    ]
    numbers["seconds"] = round(time.monotonic() - started, 1)
    sheet = sheets(pictures, numbers["held_out"]["misses"])
    return Measured(numbers, sheet | {"autoencoder.png": reconstructions})


def training_scenes_of(folder: Path, count: int = 0) -> list[Scene]:
    """The scenes that the model in ``folder`` was trained on, or the first ``count`` of them."""
    settings = json.loads((folder / card.PART.record).read_text(encoding="utf-8"))["settings"]
    return training_scenes(count or settings["scenes"], settings["seed"])


def measure(folder: Path, plan: Plan) -> Measured:
    """All numbers about the image model in ``folder`` (see ``targets`` for what they are held to)."""
    bench = Bench(load_pipeline(folder), judges.load(), plan)
    return measure_all(bench, training_scenes_of(folder, plan.training_scenes))


PART = Part(
    name="image",
    folder=SHIPPED,
    files=("model_index.json", card.PART.record),
    target="train-images",
    plan=Plan(),
    quick=QUICK,
    measure=measure,
    card=card.PART,
    pictures=("samples.png", "misses.png", "autoencoder.png"),
    needs=judges.load,
)
