"""How many threads to compute with on a machine whose cores others use, too."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

STATISTICS = Path("/proc/stat")  # Linux: what each core did since the start, in ticks
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # Linux: what a container may use
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
    wanted = threads(min(torch.get_num_threads(), _quota()), idle_cores())
    if wanted < torch.get_num_threads():
        torch.set_num_threads(wanted)


def threads(allowed: float, idle: float) -> int:
    """Threads for so many allowed cores of which so many are idle; at least one."""
    return max(1, int(min(allowed, idle) + 1 - FREE))


def idle_cores(samples: int = 3) -> float:
    """How many of this process's cores are idle, by the quietest of a few samples; infinite if unknown."""
    counts = [_ticks()]
    for _ in range(samples):
        time.sleep(SAMPLE)
        counts.append(_ticks())
    if not counts[0]:
        return math.inf
    return max(_idle(before, after) for before, after in zip(counts, counts[1:], strict=False))


def _ticks() -> dict[str, tuple[int, int]]:
    """For each core of this process its idle ticks and all its ticks; empty where the system is silent."""
    try:
        rows = [line.split() for line in STATISTICS.read_text(encoding="ascii").splitlines()]
        names = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    except (OSError, ValueError, AttributeError):
        return {}
    counts = {row[0]: [int(number) for number in row[1:9]] for row in rows if row[:1] and row[0] in names}
    return {name: (ticks[3] + ticks[4], sum(ticks)) for name, ticks in counts.items()}  # idle, disk too


def _idle(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> float:
    """The idle shares of all cores between two counts, added."""
    shares = 0.0
    for core in before.keys() & after.keys():
        idle, total = after[core][0] - before[core][0], after[core][1] - before[core][1]
        shares += idle / total if total > 0 else 1.0
    return shares


def _quota() -> float:
    """The cores that the container's quota comes to; infinite without one."""
    try:
        quota, period = QUOTA.read_text(encoding="ascii").split()
        return float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):  # without a quota it says "max"
        return math.inf
