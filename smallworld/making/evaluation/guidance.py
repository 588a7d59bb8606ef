"""The table from which the image model's guidance and steps were chosen, on validation combinations only.

python -m smallworld.making.evaluation.guidance
python -m smallworld.making.evaluation.guidance --guidance 3 5 --steps 10 20
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm.auto import tqdm

from smallworld.judges import pictures as judges
from smallworld.judges.measures import EVERY_FACT, accuracy
from smallworld.making.evaluation.image_bench import Bench, Plan, measure_diversity
from smallworld.making.image_pipeline import SHIPPED, STEPS, load_pipeline
from smallworld.making.models import ModelError
from smallworld.world.prompts import Asked, caption_requests


def settings_table(folder: Path, guidance: Sequence[float], steps: Sequence[int], plan: Plan) -> list[dict]:
    """For each setting: what is right, how varied, on validation combinations. Rows of plain numbers."""
    bench = Bench(load_pipeline(folder), judges.load(), plan, "validation")
    requests = caption_requests("validation", plan.rounds, plan.seed)
    rows = []
    for scale in guidance:
        for number in steps:
            row = measure_setting(replace(bench, steps=number, guidance_scale=scale), requests)
            tqdm.write(json.dumps(row))
            rows.append(row)
    return rows


def measure_setting(bench: Bench, requests: Sequence[Asked]) -> dict:
    """The row of one setting: shares right, and variety as a multiple of the drawn scenes'."""
    label = f"{bench.steps} steps, guidance {bench.guidance_scale:g}"
    readings = bench.judge.read(bench.draw(requests, range(len(requests)), label))
    right, varied = accuracy(requests, readings), measure_diversity(bench)
    return {
        "guidance_scale": bench.guidance_scale,
        "steps": bench.steps,
        "pictures": len(requests),
        **{fact: right[fact]["share"] for fact in ("all", *EVERY_FACT)},
        **{f"{name}_ratio": varied[name]["value"] for name in ("layout", "latents")},
    }


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; a wrong value ends with one sentence."""
    parser = argparse.ArgumentParser(
        prog="smallworld.making.evaluation.guidance",
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
    except (ModelError, judges.JudgeError) as problem:
        raise SystemExit(f"guidance: {problem}") from None
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
