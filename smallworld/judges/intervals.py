"""Shares and other statistics with bootstrap 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np


def rounded(value: float) -> float:
    """Four digits after the point: the samples carry no more."""
    return round(float(value), 4)


def interval(
    passed: Sequence[bool], seed: int = 0, resamples: int = 2_000, groups: Sequence | None = None
) -> dict[str, float]:
    """A share with its bootstrap 95 % interval (percentile method, Efron 1979).

    ``groups`` names for each sample the group it was drawn with; then whole groups are drawn again, as
    samples of one group are alike.
    """
    values = np.array(passed, dtype=float)
    names, members = np.unique(np.arange(len(values)) if groups is None else groups, return_inverse=True)
    right, sizes = np.bincount(members, values), np.bincount(members)
    draws = np.random.default_rng(seed).integers(0, len(names), (resamples, len(names)))
    low, high = np.quantile(right[draws].sum(axis=1) / sizes[draws].sum(axis=1), (0.025, 0.975))
    return {"share": rounded(values.mean()), "low": rounded(low), "high": rounded(high)}


def bootstrap(
    statistic: Callable[..., float], *samples: Sequence, seed: int = 0, resamples: int = 1_000
) -> dict[str, float]:
    """``statistic(*samples)`` with its bootstrap 95 % interval; each sample is drawn again on its own."""
    random = np.random.default_rng(seed)
    arrays = [np.asarray(sample, dtype=float) for sample in samples]
    values = []
    for _ in range(resamples):
        drawn = [array[random.integers(0, len(array), len(array))] for array in arrays]
        values.append(statistic(*drawn))
    low, high = np.quantile(values, (0.025, 0.975))
    return {"value": rounded(statistic(*arrays)), "low": rounded(low), "high": rounded(high)}


def wilson(passed: Sequence[bool]) -> dict[str, float]:
    """A share of independent trials with its 95 % score interval (Wilson 1927).

    Unlike a bootstrap it has a width where all or none passed: 18 of 18 gives 0.82 to 1.
    Raises ValueError for an empty sequence.
    """
    count = len(passed)
    if not count:
        raise ValueError("A share needs at least one trial.")
    share, z = sum(map(bool, passed)) / count, 1.96
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    low, high = max(0, centre - half), min(1, centre + half)
    return {"share": rounded(share), "low": rounded(low), "high": rounded(high)}
