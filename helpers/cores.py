"""How many threads to compute with on a machine whose cores others use, too."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

STATISTICS = Path("/proc/stat")  # Linux: what each core did since the start, in ticks
QUOTAS = Path("/sys/fs/cgroup")  # Linux: what a container may use
FREE = 0.4  # a core counts as free if it idles for this share of the time
SAMPLE = 0.1  # seconds

_settled = False


def settle_threads() -> None:
    """Let torch compute on the cores that are free now; decided once for the process.

    The threads of one calculation wait for each other, in a loop that keeps their cores busy. If another
    program has one of the cores, each short step of a model waits until that core is free again, and two
    threads take several times as long as one. On a quiet machine nothing changes. A number in OMP_NUM_THREADS
    wins. The decision holds, since another number of threads changes the last digits of results.
    """
    global _settled
    if _settled or os.environ.get("OMP_NUM_THREADS"):
        return
    import torch

    _settled = True
    wanted = threads(allowed_cores(), idle_cores())
    if wanted < torch.get_num_threads():
        torch.set_num_threads(wanted)


def threads(allowed: float, idle: float | None) -> int:
    """Threads for so many allowed cores of which so many are idle (None: not known); at least one."""
    free = allowed if idle is None else min(allowed, idle)
    return max(1, int(free + 1 - FREE))


def allowed_cores() -> float:
    """Cores that this process may use: those it is bound to, or less where its container has a quota."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(bound, _quota())


def idle_cores(samples: int = 3) -> float | None:
    """How many of this process's cores are idle, by the quietest of a few samples; None where unknown."""
    counts = [_ticks()]
    for _ in range(samples):
        time.sleep(SAMPLE)
        counts.append(_ticks())
    if not all(counts):
        return None
    return max(_idle(before, after) for before, after in zip(counts, counts[1:], strict=False))


def _ticks() -> dict[int, tuple[int, int]]:
    """For each core of this process its idle ticks and all its ticks; empty where the system does not say."""
    try:
        lines = STATISTICS.read_text(encoding="ascii").splitlines()
        bound = os.sched_getaffinity(0)
    except (OSError, ValueError, AttributeError):
        return {}
    found = {}
    for line in lines:
        name, *numbers = line.split()
        core = name.removeprefix("cpu")
        if name.startswith("cpu") and core.isdecimal() and int(core) in bound:
            ticks = [int(number) for number in numbers[:8]]  # the ninth on are counted within the first ones
            found[int(core)] = ticks[3] + ticks[4], sum(ticks)  # idle, and waiting for a disk
    return found


def _idle(before: dict[int, tuple[int, int]], after: dict[int, tuple[int, int]]) -> float:
    """The idle shares of all cores between two counts, added."""
    shares = 0.0
    for core in before.keys() & after.keys():
        idle, all_ticks = (now - then for now, then in zip(after[core], before[core], strict=True))
        shares += idle / all_ticks if all_ticks > 0 else 1.0
    return shares


def _quota() -> float:
    """The cores that the container's quota comes to; infinite without one."""
    try:
        if (QUOTAS / "cpu.max").exists():  # version 2
            quota, period = (QUOTAS / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota = (QUOTAS / "cpu/cpu.cfs_quota_us").read_text(encoding="ascii")
            period = (QUOTAS / "cpu/cpu.cfs_period_us").read_text(encoding="ascii")
        return float(quota) / float(period) if float(quota) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):  # the word "max" is no number, either
        return math.inf
