"""Measure the image model: is the prompt obeyed, the autoencoder exact, is there variety, is anything copied?

    python -m smallworld.evaluate --only image    # everything, one JSON object
    python -m smallworld.making.evaluation.images          # what guidance and steps were chosen from

Guidance and steps are chosen from the table of the second command, which draws validation combinations only;
all that ``evaluate`` reports is from test combinations. Facts are read by the judge; variety and copies are
measured by the layout reader and by distances between latents, which know nothing of the facts.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm.auto import tqdm

from smallworld import WEIGHTS
from smallworld.judges import pictures as judges
from smallworld.judges.intervals import EvaluationError, bootstrap, check_targets, interval, rounded
from smallworld.judges.measures import (
    EVERY_FACT,
    TOGETHER,
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
from smallworld.making import image_data
from smallworld.making.picture_judge import measure
from smallworld.world.drawing import draw
from smallworld.world.prompts import (
    ARTICLE_REQUEST,
    Asked,
    caption_requests,
    conditions,
    full_prompt,
    hand_written,
)
from smallworld.world.scenes import Scene, combinations, sample_scene
from smallworld.world.shapes import random_picture

SHIPPED = WEIGHTS / "image"
STEPS, GUIDANCE_SCALE = 20, 5.0  # the default, chosen on validation combinations
BATCH = 32
SCHEDULERS = {
    "DDIM": "DDIMScheduler",
    "Euler": "EulerDiscreteScheduler",
    "DPM-Solver++": "DPMSolverMultistepScheduler",
}


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


QUICK = Plan(1, 1, 5, 200, 40, 4, 6, 2_000, 300, 1, 2)


# ------------------------------------------------------------------ pictures and latents
def require_model(folder: Path) -> None:
    """EvaluationError where there is no image model in ``folder``."""
    if not (folder / "model_index.json").exists():
        raise EvaluationError(
            f"There is no image model in {folder}: run `make train-images` first or name another --images."
        )


def load_pipeline(folder: Path = SHIPPED, device: str = "cpu"):
    """The float32 pipeline of a folder; a missing or damaged one is an ``EvaluationError``."""
    from diffusers import StableDiffusionPipeline

    require_model(folder)
    try:
        pipe = StableDiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    except Exception as problem:
        kind = type(problem).__name__
        raise EvaluationError(f"The image model in {folder} cannot be read ({kind}): restore it.") from None
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device, torch.float32)


@torch.no_grad()
def generate(
    pipe,
    prompts: Sequence[str],
    seeds: Sequence[int],
    steps: int = STEPS,
    guidance_scale: float = GUIDANCE_SCALE,
    what: str = "pictures",
) -> list[Image.Image]:
    """A picture for each prompt, from noise of its own seed (a CPU generator), in batches of ``BATCH``."""
    shape = (1, pipe.unet.config.in_channels, *[pipe.unet.config.sample_size] * 2)
    pictures: list[Image.Image] = []
    for first in tqdm(range(0, len(prompts), BATCH), desc=what, unit=" batches", leave=False):
        part = slice(first, first + BATCH)
        chances = [torch.Generator("cpu").manual_seed(int(seed)) for seed in seeds[part]]
        latents = torch.cat([torch.randn(shape, generator=chance) for chance in chances])
        pictures += pipe(
            list(prompts[part]),
            num_inference_steps=steps,
            guidance_scale=float(guidance_scale),
            latents=latents.to(pipe.device),
            generator=chances,
        ).images
    return pictures


@torch.no_grad()
def encode(pipe, pictures: np.ndarray) -> np.ndarray:
    """Latents of uint8 pictures (n, side, side, 3), scaled as the UNet takes them, flat: (n, size) float32.

    The mean of the autoencoder's distribution, so nothing is random.
    """
    rows = []
    for first in tqdm(
        range(0, len(pictures), BATCH), desc="encoding", leave=False, disable=len(pictures) < 500
    ):
        pixels = torch.from_numpy(pictures[first : first + BATCH]).permute(0, 3, 1, 2).to(pipe.device)
        latents = pipe.vae.encode(pixels.float() / 127.5 - 1).latent_dist.mode()
        rows.append((latents * pipe.vae.config.scaling_factor).flatten(1).cpu().numpy())
    return np.concatenate(rows)


@torch.no_grad()
def reconstruct(pipe, pictures: np.ndarray) -> np.ndarray:
    """Pictures (n, side, side, 3) uint8 after a way through the autoencoder and back."""
    rows = []
    for first in tqdm(range(0, len(pictures), BATCH), desc="reconstructing", leave=False):
        pixels = torch.from_numpy(pictures[first : first + BATCH]).permute(0, 3, 1, 2).to(pipe.device)
        decoded = pipe.vae.decode(pipe.vae.encode(pixels.float() / 127.5 - 1).latent_dist.mode()).sample
        bytes_ = ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        rows.append(bytes_.permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(rows)


def as_array(pictures: Sequence[Image.Image]) -> np.ndarray:
    """RGB pictures of one size as uint8 (n, height, width, 3)."""
    return np.stack([np.asarray(picture.convert("RGB")) for picture in pictures])


def grid(pictures: np.ndarray, columns: int = 8, scale: int = 2, gap: int = 4) -> Image.Image:
    """Pictures (n, side, side, 3) beside and below each other on white, enlarged without smoothing."""
    side = pictures.shape[1] * scale
    size = tuple(number * (side + gap) + gap for number in (columns, -(-len(pictures) // columns)))
    sheet = Image.new("RGB", size, "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        large = Image.fromarray(picture).resize((side, side), Image.Resampling.NEAREST)
        sheet.paste(large, (gap + column * (side + gap), gap + row * (side + gap)))
    return sheet


# ------------------------------------------------------------------ the measurement
@dataclass
class Bench:
    """What every part of the measurement needs."""

    pipe: object
    judge: judges.Judge
    plan: Plan
    split: str = "test"
    guidance_scale: float = GUIDANCE_SCALE
    steps: int = STEPS

    def draw(self, asked: Sequence[Asked], seeds: Sequence[int], what: str, **changes) -> np.ndarray:
        """Generated pictures (n, 64, 64, 3) for the requests, at the bench's settings unless changed."""
        settings = {"steps": self.steps, "guidance_scale": self.guidance_scale} | changes
        pipe = settings.pop("pipe", self.pipe)
        return as_array(generate(pipe, [one.prompt for one in asked], seeds, what=what, **settings))


def drawn(scenes: Sequence[Scene]) -> np.ndarray:
    """The scenes' own pictures (n, 64, 64, 3)."""
    return as_array([draw(scene) for scene in scenes])


def fresh_scenes(split: str, count: int, seed: int) -> list[Scene]:
    """Scenes that no training saw: of a held-out split, or of the training combinations with other seeds."""
    rng = random.Random(f"evaluate images {split} {seed}")
    return [sample_scene(rng, split) for _ in range(count)]


def scenes_like(asked: Sequence[Asked], split: str, seed: int) -> list[Scene]:
    """For each request a fresh scene of the same facts."""
    rng = random.Random(f"evaluate images like {seed}")
    scenes = []
    for one in asked:
        facts = dict(one.facts)
        if "several" in facts:
            facts["count"] = rng.choice((2, 3)) if facts.pop("several") else 1
        scenes.append(sample_scene(rng, split, **facts))
    return scenes


def measure_autoencoder(bench: Bench, keep: Path | None = None) -> tuple[dict, dict]:
    """Its exactness on held-out scenes and unseen shapes, and the judge before and after it.

    ``keep``: a folder for a picture of the first of each, above their reconstructions.
    """
    scenes = fresh_scenes(bench.split, bench.plan.judged_scenes, bench.plan.seed)
    rng = random.Random(f"evaluate images shapes {bench.plan.seed}")
    pictures = drawn(scenes), as_array([random_picture(rng, "unseen") for _ in range(bench.plan.shapes)])
    again = tuple(reconstruct(bench.pipe, part) for part in pictures)
    names = ("held_out_scenes", "unseen_shapes")
    exact = {name: psnr_summary(a, b) for name, a, b in zip(names, pictures, again, strict=True)}
    if keep:
        rows = [side[part][:10] for part in range(2) for side in (pictures, again)]
        grid(np.concatenate(rows), columns=10).save(keep / "autoencoder.png", optimize=True)
    before, after = (measure(bench.judge, scenes, part[0]) for part in (pictures, again))
    return exact, compare_readings(before, after)


def measure_prompts(bench: Bench, asked: Sequence[Asked], pictures: np.ndarray) -> dict:
    """The main numbers: a picture for each caption of a held-out combination (seed i for number i)."""
    readings = bench.judge.read(pictures)
    return accuracy(asked, readings) | {
        "by_thing": accuracy_by("thing", asked, readings),
        "by_place": accuracy_by("place", asked, readings),
        "misses": misses(asked, range(len(asked)), readings),
    }


def measure_sentences(bench: Bench, sentences: Sequence[Asked], seeds: int, what: str) -> dict:
    """Each sentence with seeds 0, 1, ...; the intervals draw sentences again, not pictures."""
    asked = [one for one in sentences for _ in range(seeds)]
    chosen = list(range(seeds)) * len(sentences)
    readings = bench.judge.read(bench.draw(asked, chosen, what))
    groups = [one.prompt for one in asked] if len(sentences) > 1 else None
    return (
        {"sentences": len(sentences)}
        | accuracy(asked, readings, groups)
        | {"misses": misses(asked, chosen, readings)}
    )


def measure_settings(bench: Bench, asked: Sequence[Asked], pictures: np.ndarray) -> dict:
    """More steps, and other samplers, for the same requests and seeds."""
    import diffusers

    default = [
        right(one, reading)["all"] for one, reading in zip(asked, bench.judge.read(pictures), strict=True)
    ]
    finer = bench.judge.read(bench.draw(asked, range(len(asked)), "50 steps", steps=50))
    fine = [right(one, reading)["all"] for one, reading in zip(asked, finer, strict=True)]
    gained = bootstrap(np.mean, np.subtract(fine, default, dtype=float))
    result = {
        "steps": {str(bench.steps): interval(default), "50": interval(fine), "gained_by_50": gained},
        "schedulers": {},
    }
    few = asked[: bench.plan.scheduler_rounds * len(combinations(bench.split))]
    own = bench.pipe.scheduler
    for name, kind in SCHEDULERS.items():
        bench.pipe.scheduler = getattr(diffusers, kind).from_config(own.config, clip_sample=False)
        readings = bench.judge.read(bench.draw(few, range(len(few)), name))
        result["schedulers"][name] = accuracy(few, readings)
    bench.pipe.scheduler = own
    return result


def measure_diversity(bench: Bench) -> dict:
    """Pictures of one prompt beside drawn scenes of the same facts, for several prompts."""
    layouts, latents, count = ([], []), ([], []), bench.plan.pictures_a_condition
    chosen = conditions(bench.split, bench.plan.conditions, bench.plan.seed)
    rng = random.Random(f"evaluate images alike {bench.plan.seed}")
    for number, scene in enumerate(chosen):
        facts = {name: getattr(scene, name) for name in ("place", "time", "thing", "color", "count")}
        alike = drawn([sample_scene(rng, bench.split, **facts) for _ in range(count)])
        asked, seeds = [Asked(full_prompt(scene), {})] * count, range(number * count, (number + 1) * count)
        for side, pictures in enumerate((bench.draw(asked, seeds, "one prompt"), alike)):
            layouts[side].append(bench.judge.layout(pictures))
            latents[side].append(encode(bench.pipe, pictures))
    return {"prompts": len(chosen), "pictures_a_prompt": count} | diversity(layouts, latents)


def measure_copying(bench: Bench, training: np.ndarray, asked: Sequence[Asked], pictures: np.ndarray) -> dict:
    """For test captions, and for captions of the combinations that were trained on."""
    plan, result = bench.plan, {"training_scenes": len(training)}
    familiar = caption_requests("train", max(1, len(asked) // len(combinations("train"))), plan.seed)[
        : len(asked)
    ]
    both = {
        bench.split: (asked, pictures),
        "train": (familiar, bench.draw(familiar, range(len(familiar)), "training captions")),
    }
    for split, (requests, shown) in both.items():
        times = -(-plan.held_out_scenes // len(requests))
        fresh = drawn(scenes_like([*requests] * times, split, plan.seed))
        distances = (nearest(encode(bench.pipe, part), training) for part in (shown, fresh))
        result[split] = copying(*distances)
    return result


def measure_time(bench: Bench) -> dict:
    """Seconds for one picture at the default settings, drawn alone (median, after one to warm up)."""
    seconds = []
    for number in range(bench.plan.timed_pictures + 1):
        started = time.perf_counter()
        generate(bench.pipe, [ARTICLE_REQUEST.prompt], [number], bench.steps, bench.guidance_scale)
        seconds.append(time.perf_counter() - started)
    return {"seconds": rounded(np.median(seconds[1:])), "threads": torch.get_num_threads(),
            "device": str(bench.pipe.device)}  # fmt: skip


def targets(measured: dict) -> list[dict]:
    """The project's targets, each with what was measured and whether it was met."""
    held, free = measured["held_out"], measured["sentences"]
    share = {fact: held[fact]["share"] for fact in (*EVERY_FACT, "all")}
    apart = max(share[fact] - free[fact]["share"] for fact in share)
    exact, judged = measured["autoencoder"], measured["judge"]
    copies = [part for part in measured["copying"].values() if isinstance(part, dict)]
    return check_targets(
        [
            ("place, time and thing all right", share["all"], ">=", 0.95),
            *((f"{name} right", share[name], ">=", 0.97) for name in TOGETHER),
            ("named colour right", share["color"], ">=", 0.9),
            ("single or several right", share["several"], ">=", 0.9),
            ("hand-written sentences: largest loss of any of these", rounded(apart), "<=", 0.05),
            ("the article's prompt: pictures all right", measured["article"]["all"]["share"], ">=", 0.9),
            ("PSNR on held-out scenes (dB)", exact["held_out_scenes"]["value"], ">=", 33),
            ("PSNR on unseen shapes (dB)", exact["unseen_shapes"]["value"], ">=", 28),
            (
                "the judge on held-out drawn scenes (worst of place, time, thing)",
                min(judged["drawn"][name]["share"] for name in TOGETHER),
                ">=",
                0.99,
            ),
            ("the judge's largest loss on reconstructions", judged["most_lost"], "<=", 0.02),
            ("diversity of layout", measured["diversity"]["layout"]["value"], ">=", 0.7),
            ("diversity of latents", measured["diversity"]["latents"]["value"], ">=", 0.7),
            ("distance to training scenes", min(c["median_ratio"]["value"] for c in copies), ">=", 0.9),
            ("pictures nearer than all but 0.5 % of fresh scenes", sum(c["below"] for c in copies), "<=", 0),
            ("all right: gained by 50 steps", measured["steps"]["gained_by_50"]["value"], "<=", 0.01),
            ("seconds for one picture", measured["one_picture"]["seconds"], "<=", 1.5),
        ]
    )


def evaluate_images(
    folder: Path = SHIPPED, plan: Plan | None = None, device: str = "cpu", keep_grids: bool = False
) -> dict:
    """All numbers about the image model in ``folder`` (see ``targets`` for what they are held to).

    ``keep_grids``: also write samples.png, misses.png and autoencoder.png to the folder.
    """
    plan = plan or Plan()
    bench = Bench(load_pipeline(folder, device), judges.load(), plan)
    training = training_scenes(folder, plan.training_scenes)
    return measure_all(bench, training, folder if keep_grids else None)


def measure_all(bench: Bench, training: Sequence[Scene], keep: Path | None = None) -> dict:
    """All numbers about a pipeline that was trained on the ``training`` scenes."""
    started, plan = time.monotonic(), bench.plan
    asked = caption_requests(bench.split, plan.rounds, plan.seed)
    pictures = bench.draw(asked, range(len(asked)), "test captions")
    exact, judged = measure_autoencoder(bench, keep)
    learnt = encode(bench.pipe, drawn(training))
    measured = {
        "settings": {"steps": bench.steps, "guidance_scale": bench.guidance_scale, "seed": plan.seed,
                     "scheduler": type(bench.pipe.scheduler).__name__, "batch_size": BATCH},
        "judge": judged,
        "autoencoder": exact,
        "held_out": measure_prompts(bench, asked, pictures),
        "sentences": measure_sentences(bench, hand_written(), plan.seeds_a_sentence, "sentences"),
        "article": measure_sentences(bench, [ARTICLE_REQUEST], plan.article_seeds, "the article's prompt"),
        **measure_settings(bench, asked, pictures),
        "diversity": measure_diversity(bench),
        "copying": measure_copying(bench, learnt, asked, pictures),
        "one_picture": measure_time(bench),
    }  # fmt: skip
    measured["targets"] = targets(measured)
    if keep:
        measured["samples"] = keep_samples(keep, asked, pictures, measured["held_out"]["misses"])
    measured["seconds"] = round(time.monotonic() - started, 1)
    return measured


def keep_samples(folder: Path, asked: Sequence[Asked], pictures: np.ndarray, missed: Sequence[dict]) -> list:
    """Write the first 40 pictures, unpicked, to samples.png and the first misses to misses.png."""
    grid(pictures[:40]).save(folder / "samples.png", optimize=True)
    (folder / "misses.png").unlink(missing_ok=True)
    if missed:
        grid(pictures[[miss["seed"] for miss in missed[:24]]]).save(folder / "misses.png", optimize=True)
    return [{"seed": seed, "prompt": one.prompt} for seed, one in enumerate(asked[:40])]


def training_scenes(folder: Path, count: int = 0) -> list[Scene]:
    """The scenes that the model in ``folder`` was trained on, or the first ``count`` of them."""
    own = json.loads((folder / "training.json").read_text(encoding="utf-8"))["settings"]
    return image_data.training_scenes(count or own["scenes"], own["seed"], own.get("hard_weight", 1.0))


# ------------------------------------------------------------------ choosing guidance and steps
def settings_table(folder: Path, guidance: Sequence[float], steps: Sequence[int], plan: Plan) -> list[dict]:
    """For each setting: what is right, how varied, on validation combinations. Rows of plain numbers."""
    bench = Bench(load_pipeline(folder), judges.load(), plan, "validation")
    asked = caption_requests("validation", plan.rounds, plan.seed)
    rows = []
    for number, scale in [(number, scale) for scale in guidance for number in steps]:
        bench = replace(bench, steps=number, guidance_scale=scale)
        readings = bench.judge.read(
            bench.draw(asked, range(len(asked)), f"{number} steps, guidance {scale:g}")
        )
        found, varied = accuracy(asked, readings), measure_diversity(bench)
        shares = {fact: found[fact]["share"] for fact in ("all", *EVERY_FACT)}
        ratios = {f"{name}_ratio": varied[name]["value"] for name in ("layout", "latents")}
        rows.append({"guidance_scale": scale, "steps": number, "pictures": len(asked)} | shares | ratios)
        tqdm.write(json.dumps(rows[-1]))
    return rows


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; a wrong value ends with one sentence."""
    parser = argparse.ArgumentParser(
        prog="smallworld.making.evaluation.images",
        description="Draw validation captions with several settings: what is right, and how varied is it?",
    )
    parser.add_argument("--images", type=Path, default=SHIPPED, help="folder of the image model")
    parser.add_argument("--guidance", type=float, nargs="+", default=[1, 2, 3, 4, 5, 6, 8])
    parser.add_argument("--steps", type=int, nargs="+", default=[STEPS])
    parser.add_argument("--rounds", type=int, default=4, help="captions for each validation combination")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    if min(chosen.guidance) < 1:
        parser.error(f"--guidance must be at least 1 (no guidance), not {min(chosen.guidance):g}.")
    if min(chosen.steps) < 1 or chosen.rounds < 1:
        parser.error("--steps and --rounds must be at least 1.")
    return chosen


def main(arguments: list[str] | None = None) -> None:
    """Print the table, as JSON."""
    chosen = parse_arguments(arguments)
    plan = Plan(rounds=chosen.rounds, pictures_a_condition=12, seed=chosen.seed)
    try:
        rows = settings_table(chosen.images, chosen.guidance, chosen.steps, plan)
    except (EvaluationError, judges.JudgeError) as problem:
        raise SystemExit(f"evaluate_images: {problem}") from None
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
