"""How much of what varies comes from a condition: the explained share of a variance, mutual information."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from helpers.errors import WorkbookError
from helpers.metrics import as_array, entropy


def variance_split(values, *, seed: int = 0, resamples: int = 400, confidence: float = 0.95) -> dict:
    """Law of total variance: how much of it lies within conditions, how much between their means.

    values: (conditions, samples) or (conditions, samples, features), at least 2 x 4, conditions equally
    frequent; features are added up. Returns "within", "between" (the values' unit, squared) and "share",
    between by the sum of both (NaN where nothing varies), each as (value, low, high).
    Bias: none in the two parts, and neither comes from the other. Within: squared deviations from the mean of
    a condition's own half of the samples. Between: the covariance over conditions of the two halves' means,
    which share the condition and no chance; so it can come out below 0. The share, a ratio, has a small bias;
    with conditions that are a random choice of k, "between" is too low by a factor of (k - 1) / k. The
    bootstrap draws within each half, its deviations are taken around the estimate. (Sobol 1993; Efron 1979)
    """
    table = as_array(values)
    if table.ndim not in (2, 3) or table.shape[0] < 2 or table.shape[1] < 4:
        raise WorkbookError("Give (conditions, samples) or (conditions, samples, features): 2 x 4 or more.")
    table = table.reshape(*table.shape[:2], -1)
    halves, chance = [table[:, first::2] for first in (0, 1)], np.random.default_rng(seed)

    def again(half: np.ndarray) -> np.ndarray:
        rows = chance.integers(half.shape[1], size=(*half.shape[:2], 1))
        return np.take_along_axis(half, rows, axis=1)

    found = np.array(_parts_of_variance(*halves))
    spread = np.array([_parts_of_variance(*map(again, halves)) for _ in range(resamples)])
    wide = (1 - 1 / halves[1].shape[1]) ** -0.5  # few samples drawn again vary too little
    ends = (1 - confidence) / 2, (1 + confidence) / 2
    low, high = found + wide * np.quantile(spread - spread.mean(axis=0), ends, axis=0)
    rows = zip(("within", "between", "share"), found, low, high, strict=True)
    return {name: tuple(map(float, numbers)) for name, *numbers in rows}


def mutual_information(first: Sequence, second: Sequence, *, bits: bool = False, seed: int = 0) -> float:
    """How much knowing one category tells about the other, in nats, or in bits when asked for.

    first, second: one category a sample, told apart by `str`. From 0, independent, to the smaller entropy.
    Bias: counted frequencies alone come out too high. What they give for shuffled pairs (mean of 100) is
    taken off, and the rest stretched so that full dependence keeps its value: right at both ends, a little
    off between them; by chance it can fall below 0. (Shannon 1948; Vinh et al. 2010)
    """
    if len(first) != len(second) or len(first) == 0:
        raise WorkbookError("Mutual information needs two lists of the same length, with one entry or more.")
    a, b = (np.unique([str(one) for one in part], return_inverse=True)[1] for part in (first, second))
    most, chance = min(_counted(a), _counted(b)), np.random.default_rng(seed)

    apart = _counted(a) + _counted(b)  # which no order changes

    def plain(other: np.ndarray) -> float:
        return apart - _counted(a * (b.max() + 1) + other)

    by_chance = float(np.mean([plain(chance.permutation(b)) for _ in range(100)]))
    nats = most * (plain(b) - by_chance) / (most - by_chance) if most > by_chance else 0.0
    return nats / float(np.log(2)) if bits else nats


def _parts_of_variance(*halves: np.ndarray) -> tuple[float, float, float]:
    """Within, between and the share of two halves (conditions, samples, features)."""
    within = sum(half.var(axis=1, ddof=1).mean(axis=0).sum() for half in halves) / 2
    one, two = (half.mean(axis=1) - half.mean(axis=(0, 1)) for half in halves)
    between = (one * two).mean(axis=0).sum()
    return within, between, between / (within + between) if within + between else float("nan")


def _counted(labels: np.ndarray) -> float:
    """Entropy, in nats, of the labels' frequencies."""
    counts = np.bincount(labels)
    return entropy(counts[counts > 0] / len(labels))
