"""What the trainers share: checkpoints that survive a kill, the schedule, precision, safe replacement."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import distributed

from smallworld import world

WORLD = Path(world.__file__).parent


class TrainingError(ValueError):
    """A request that cannot be carried out; the message says what to do instead."""


def mixed_precision(device: torch.device) -> torch.autocast:
    """bfloat16 autocast where the hardware computes in it (CUDA, newer CPUs), else plain float32."""
    cpu_has_it = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    quick = device.type == "cuda" or (device.type == "cpu" and cpu_has_it())
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=quick)


def scheduled_rate(step: int, total: int, peak: float, warmup: int, decay_share: float) -> float:
    """Warm-up, then constant, then linear decay to zero over the last ``decay_share`` of ``total`` steps."""
    warm = (step + 1) / max(1, warmup)
    cool = (total - step) / max(1.0, decay_share * total)
    return peak * max(0.0, min(1.0, warm, cool))


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


def fingerprint(sources: Iterable[str], settings: tuple) -> str:
    """Changes when the data would change: the named source files of the world, and what shapes the data."""
    digest, wanted = hashlib.sha256(), set(sources)
    files = [path for path in WORLD.iterdir() if path.is_file() and path.stem in wanted]
    for name in wanted:  # a source may be a folder
        files += (WORLD / name).glob("*.py")
    for path in sorted(files):
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


# ------------------------------------------------------------------ several processes
def join_processes(device: str) -> None:
    """Meet the others where ``torchrun`` or ``accelerate launch`` started several (WORLD_SIZE says so).

    Each process gets one GPU ("cuda" means its own from then on), or none. Fewer GPUs than processes, or
    no name for the meeting point: TrainingError.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return
    if not {"RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys():
        raise TrainingError("WORLD_SIZE asks for several processes: start them with accelerate launch.")
    local = int(os.environ["LOCAL_RANK"])
    if device == "cuda" and local >= torch.cuda.device_count():
        raise TrainingError(f"process {local} finds no GPU of its own: start one process for each GPU.")
    if device == "cuda":
        torch.cuda.set_device(local)
    # Imported later, this module would hold the group as the default of its functions: it would outlive
    # leave_processes, and its threads would now and then abort the end of the process.
    from torch.distributed.nn import functional  # noqa: F401

    distributed.init_process_group("nccl" if device == "cuda" else "gloo")


def place_among_processes() -> tuple[int, int]:
    """This process's number, from 0, and how many there are: (0, 1) for a process alone."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return place_among_processes()[0] == 0


def wait_for_all() -> None:
    """Go on when every process has come here."""
    if place_among_processes()[1] > 1:
        distributed.barrier()


def leave_processes() -> None:
    """End the meeting, if there was one."""
    if place_among_processes()[1] > 1:
        distributed.destroy_process_group()


def add_up(tensors: list[torch.Tensor]) -> None:
    """Replace each tensor by its sum over the processes, in one message."""
    if place_among_processes()[1] == 1:
        return
    total = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(total)
    for tensor, part in zip(tensors, total.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))


def agree(number: int, device: torch.device) -> int:
    """The first process's number, for all."""
    if place_among_processes()[1] == 1:
        return number
    told = torch.tensor(number, device=device)
    distributed.broadcast(told, src=0)
    return int(told)


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
