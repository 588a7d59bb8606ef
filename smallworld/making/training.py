"""What all trainers share: checkpoints that survive a kill, the schedule, precision, safe replacement."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from smallworld import world

WORLD = Path(world.__file__).parent


class TrainingError(ValueError):
    """A request that cannot be carried out; the message says what to do instead."""


# ------------------------------------------------------------------ one step
def mixed_precision(device: torch.device) -> torch.autocast:
    """bfloat16 autocast where it is quicker (CUDA, CPUs with matrix units), else plain float32.

    On a CPU with AVX-512 instructions for bfloat16 but no matrix units (AMX), a step of the language model
    took two to seven times as long as in float32.
    """
    cpu_has_it = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    quick = device.type == "cuda" or (device.type == "cpu" and cpu_has_it())
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=quick)


def scheduled_rate(step: int, total: int, peak: float, warmup: int, decay_share: float) -> float:
    """Warm-up, then constant, then linear decay to zero over the last ``decay_share`` of ``total`` steps."""
    warm = (step + 1) / max(1, warmup)
    cool = (total - step) / max(1.0, decay_share * total)
    return peak * max(0.0, min(1.0, warm, cool))


def learning_rate(step: int, total: int, settings: Any) -> float:
    """``scheduled_rate`` with the peak, the warm-up and the decay of a trainer's settings."""
    return scheduled_rate(step, total, settings.learning_rate, settings.warmup, settings.decay_share)


# ------------------------------------------------------------------ on disk
def write_checkpoint(folder: Path, state: dict, name: str = "checkpoint") -> None:
    """Write all that a run needs to go on; the file before is kept, a half-written one never counts."""
    current, unfinished = folder / f"{name}.pt", folder / f"{name}.unfinished"
    torch.save(state, unfinished)
    if current.exists():
        os.replace(current, folder / f"{name}.previous.pt")
    os.replace(unfinished, current)


def read_checkpoint(folder: Path, name: str = "checkpoint") -> dict | None:
    """The newest readable checkpoint in ``folder``, or None."""
    for file in (f"{name}.pt", f"{name}.previous.pt"):
        try:
            return torch.load(folder / file, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            continue
        except Exception as problem:
            print(
                f"{file} cannot be read ({type(problem).__name__}); trying the one before it", file=sys.stderr
            )
    return None


def world_sources(names: Iterable[str]) -> list[Path]:
    """The files of ``smallworld/world`` that the names stand for, sorted.

    A name is a file without its ending ("wishes": wishes.py and wishes.txt) or a folder ("drawing": all its
    Python and text files). A name that stands for nothing is a FileNotFoundError.
    """
    sources: set[Path] = set()
    for name in names:
        candidates = [*WORLD.glob(f"{name}.*"), *(WORLD / name).rglob("*")]
        files = [path for path in candidates if path.suffix in (".py", ".txt")]
        if not files:
            raise FileNotFoundError(f"smallworld/world has no file and no folder {name}: correct its name.")
        sources.update(files)
    return sorted(sources)


def fingerprint(sources: Iterable[str], settings: tuple) -> str:
    """Changes when the data would change: the named sources of the world, and what shapes the data."""
    digest = hashlib.sha256()
    for path in world_sources(sources):
        digest.update(path.read_bytes())
    digest.update(repr(settings).encode())
    return digest.hexdigest()[:16]


def require_room(folder: Path, needed: int) -> None:
    """TrainingError where the disk of ``folder`` has less than ``needed`` bytes free."""
    if shutil.disk_usage(folder).free < needed:
        raise TrainingError(
            f"{folder} has less than {needed >> 20} MiB free: make room or name another --output."
        )


def new_folder(folder: Path) -> Path:
    """An empty folder beside ``folder``, to be filled and handed to ``replace_folder``."""
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    return new


def replace_folder(new: Path, folder: Path) -> None:
    """Put ``new`` in the place of ``folder``, whole or not at all."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(new, folder)
    shutil.rmtree(old, ignore_errors=True)


def prepare_output(output: Path, fresh: bool = False, resume: bool = False) -> None:
    """Refuse an impossible output folder; move an earlier run aside when a fresh one is wanted."""
    if output.exists() and not output.is_dir():
        raise TrainingError(f"--output {output} is a file: name a folder.")
    if resume and not list(output.glob("*.pt")):
        raise TrainingError(f"There is no checkpoint in {output}: leave --resume out to start a run.")
    if fresh and output.exists():
        old = output.with_name(output.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        os.replace(output, old)


# ------------------------------------------------------------------ the command lines
def add_run_options(parser: argparse.ArgumentParser, output: Path, weights: str) -> None:
    """The options of every trainer: where it starts, where it writes (``output``), on what it runs.

    ``weights``: the folder below ``weights/`` that a full run replaces.
    """
    parser.add_argument(
        "--start-from", default="", help="'shipped' or a model folder: continue from its weights"
    )
    parser.add_argument("--output", type=Path, default=output, help="checkpoints, pictures, model")
    parser.add_argument(
        "--fresh", action="store_true", help="begin anew; an earlier run is kept as OUTPUT.old"
    )
    parser.add_argument(
        "--resume", action="store_true", help="insist on an earlier run (it is resumed anyway)"
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: as PyTorch decides)")
    parser.add_argument(
        "--ship", action=argparse.BooleanOptionalAction, help=f"replace weights/{weights} at the end"
    )


def add_settings(parser: argparse.ArgumentParser, kind: type) -> None:
    """An option for each setting of the dataclass ``kind`` (start_from is one of ``add_run_options``).

    A setting may have a "help" among its metadata.
    """
    for setting in fields(kind):
        if setting.name != "start_from":
            option, default = f"--{setting.name.replace('_', '-')}", setting.default
            meaning = f"{setting.metadata.get('help', '')} (default: {default})".strip()
            parser.add_argument(option, type=type(default), default=default, help=meaning)


def settings_from(chosen: argparse.Namespace, kind: type) -> Any:
    """The command line as settings of the dataclass ``kind``."""
    return kind(**{setting.name: getattr(chosen, setting.name) for setting in fields(kind)})


def check_run_options(
    parser: argparse.ArgumentParser, chosen: argparse.Namespace, positive: Iterable[str]
) -> None:
    """End with one sentence for a value that cannot be; those named in ``positive`` must be above 0."""
    for name in positive:
        if not getattr(chosen, name) > 0:
            parser.error(f"--{name.replace('_', '-')} must be above 0, not {getattr(chosen, name)}.")
    if chosen.fresh and chosen.resume:
        parser.error("choose one of --fresh and --resume.")
    if chosen.device == "cuda" and not torch.cuda.is_available():
        parser.error("PyTorch finds no CUDA GPU here: leave --device out or say --device cpu.")


def start_folder(start_from: str, shipped: Path) -> Path:
    """The folder of the model that training starts from ("shipped": the one in this repository)."""
    return shipped if start_from == "shipped" else Path(start_from)


def require_start(start_from: str, folder: Path, file: str, wanted: str | None = None) -> None:
    """TrainingError where training is to start from a folder without this file; ``wanted`` names its kind."""
    if start_from and not (folder / file).exists():
        wanted = wanted or file
        raise TrainingError(
            f"--start-from: there is no model in {folder}; name a folder that holds a {wanted}."
        )


def deliver(export: Callable[[Path], None], output: Path, shipped: Path, ship: bool) -> None:
    """Write a model to OUTPUT/model and, if wanted, in the place of the shipped one; say where it is."""
    export(output / "model")
    if ship:
        export(shipped)
        print(f"finished: the model in {shipped} is replaced")
    else:
        print(f"finished: the model is in {output / 'model'} (--ship would replace the shipped one)")


def settle_device(chosen: argparse.Namespace) -> str:
    """The device to train on ("auto": a GPU where there is one); also sets the number of threads."""
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    if chosen.device != "auto":
        return chosen.device
    return "cuda" if torch.cuda.is_available() else "cpu"
