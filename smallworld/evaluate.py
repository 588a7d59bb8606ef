"""Measure the shipped models: one JSON object on stdout, progress on stderr.

python -m smallworld.evaluate                # everything, about half an hour on two CPU cores
python -m smallworld.evaluate --only image   # one model: text, image, fill or melodies
python -m smallworld.evaluate --quick        # fewer samples and stories: a look, not a measurement
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from smallworld.judges.pictures import JudgeError
from smallworld.making.evaluation import fill, image, melodies, text
from smallworld.making.evaluation.part import Part
from smallworld.making.models import ModelError

PARTS = {part.name: part for part in (text.PART, image.PART, fill.PART, melodies.PART)}
# Each names another folder.
OPTIONS = {"text": "--model", "image": "--images", "fill": "--fill", "melodies": "--melodies"}


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; a wrong value ends with one sentence."""
    parser = argparse.ArgumentParser(prog="smallworld.evaluate", description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, help=f"stories on request (default: {text.Plan().samples})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="few samples, stories and pictures: only a look")
    parser.add_argument("--only", choices=PARTS, help="measure one model only")
    for name, option in OPTIONS.items():
        folder = PARTS[name].folder
        parser.add_argument(option, dest=name, type=Path, default=folder, help=f"folder of the {name} model")
    parser.add_argument(
        "--card", action="store_true", help="also store the result beside each model, in its card"
    )
    chosen = parser.parse_args(arguments)
    if chosen.samples is not None and chosen.samples < 1:
        parser.error(f"--samples must be at least 1, not {chosen.samples}.")
    if chosen.quick and chosen.card:
        parser.error("--card needs the full measurement: leave --quick out.")
    return chosen


def folder_of(part: Part, chosen: argparse.Namespace) -> Path:
    """The folder of the model that a part is to measure."""
    return getattr(chosen, part.name)


def plan_of(part: Part, chosen: argparse.Namespace) -> Any:
    """How much a part is to measure."""
    plan = replace(part.quick if chosen.quick else part.plan, seed=chosen.seed)
    if part is PARTS["text"] and chosen.samples is not None:
        plan = replace(plan, samples=chosen.samples)
    return plan


def parts_to_measure(chosen: argparse.Namespace) -> list[Part]:
    """The parts of the models that are to be measured; an error for what is missing, before work starts.

    If none is named, a model that is not there yet is left out (but for the text model), as stderr tells.
    """
    if chosen.only:
        parts = [PARTS[chosen.only]]
    else:
        parts = []
        for part in PARTS.values():
            folder = folder_of(part, chosen)
            if part.name == "text" or (folder / part.files[0]).exists():
                parts.append(part)
            else:
                print(f"There is no {part.name} model in {folder} yet: it is left out.", file=sys.stderr)
    for part in parts:
        part.require(folder_of(part, chosen))
    return parts


def main(arguments: list[str] | None = None) -> None:
    """Print the shipped models' measured quality as JSON; with --card also store it beside them."""
    chosen = parse_arguments(arguments)
    result: dict[str, Any] = {"quick": chosen.quick}
    try:
        for part in parts_to_measure(chosen):
            folder = folder_of(part, chosen)
            measured = part.measure(folder, plan_of(part, chosen))
            if chosen.card:
                part.store(measured, folder)
            result[part.name] = measured.numbers
    except (ModelError, JudgeError) as problem:
        raise SystemExit(f"evaluate: {problem}") from None
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
