"""Several processes that train one model together, each on its share of every batch."""

from __future__ import annotations

import os

import torch
from torch import distributed

from smallworld.making.training import TrainingError


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
    message = torch.tensor(number, device=device)
    distributed.broadcast(message, src=0)
    return int(message)
