"""Notebook 12: how its measures are printed, and an interval for mutual information."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from helpers import metrics
from helpers.errors import WorkbookError
from helpers.lessons.randomness.dependence import mutual_information


def print_rows(words: Sequence[str], rows: Mapping[str, Sequence[float]]) -> None:
    """Numbers below words, a line for each row."""
    print(" " * 12, *[f"{word.strip():>7}" for word in words])
    for name, values in rows.items():
        print(f"{name:12}", *[f"{float(value):7.2f}" for value in values])


def print_errors(estimates: Mapping[str, Sequence[float]], truths: Mapping[str, float]) -> None:
    """Of repeated estimates the mean, the bias (mean minus truth) and the spread (standard deviation)."""
    print(" " * 26, *[f"{head:>8}" for head in ("truth", "mean", "bias", "spread")])
    for name, values in estimates.items():
        mean, spread = float(np.mean(values)), float(np.std(values))
        numbers = truths[name], mean, mean - truths[name], spread
        print(f"{' '.join(name.split()):26}", *[f"{number:8.3f}" for number in numbers])


def share_of(verdicts) -> tuple[float, float, float]:
    """The share of verdicts (n,), a boolean tensor, that are True, with Wilson's interval."""
    hits, trials = int(verdicts.sum()), len(verdicts)
    return hits / trials, *metrics.wilson_interval(hits, trials)


def counts_of(asked: Sequence, seen: Sequence) -> list[list[int]]:
    """How often each condition came with each result, a row for each condition."""
    rows = sorted({str(value) for value in asked})
    columns = sorted({str(value) for value in seen})
    table = [[0] * len(columns) for _ in rows]
    for condition, result in zip(asked, seen, strict=True):
        table[rows.index(str(condition))][columns.index(str(result))] += 1
    return table


def information_share(
    asked: Sequence, seen: Sequence, *, seed: int = 0, resamples: int = 200, confidence: float = 0.95
) -> tuple[float, float, float]:
    """The share of the condition's bits that can be read off the result, as (value, low, high).

    asked, seen: one category a sample. Value: mutual information, corrected for chance, by the condition's
    entropy; 0 where the result tells nothing, 1 where it gives the condition away. The interval draws the
    results of each condition again, and so describes other draws for these conditions, not other conditions.
    Redrawn counts have the bias of counts twice, so only their deviations from their mean are used,
    stretched as the correction stretches the value. (Efron 1979)
    """
    conditions, results, whole = _labels(asked, seen)
    chance = np.random.default_rng(seed)
    groups = [np.flatnonzero(conditions == number) for number in range(conditions.max() + 1)]
    spread = []
    for _ in range(resamples):
        again = np.concatenate([chance.choice(group, len(group)) for group in groups])
        spread.append(_counted(conditions[again], results[again]))
    value = mutual_information(asked, seen, bits=True, seed=seed) / whole
    _, stretch = _by_chance(conditions, results, chance, 100)
    ends = (1 - confidence) / 2, (1 + confidence) / 2
    low, high = value + stretch / whole * np.quantile(np.array(spread) - np.mean(spread), ends)
    return float(value), float(low), float(high)


def shares_by_chance(asked: Sequence, seen: Sequence, *, seed: int = 0, count: int = 200) -> float:
    """Below which share of bits 95 of 100 shuffled lists stay: what can come out where nothing arrives."""
    conditions, results, whole = _labels(asked, seen)
    shuffled, stretch = _by_chance(conditions, results, np.random.default_rng(seed), count)
    return float(stretch / whole * np.quantile(shuffled - shuffled.mean(), 0.95))


def _labels(asked: Sequence, seen: Sequence) -> tuple[np.ndarray, np.ndarray, float]:
    """Numbers in place of the categories, and the entropy of the conditions, in bits."""
    conditions, results = (
        np.unique([str(value) for value in part], return_inverse=True)[1] for part in (asked, seen)
    )
    whole = _bits(np.bincount(conditions))
    if whole == 0:
        raise WorkbookError("The share of bits needs conditions that differ: ask for two or more.")
    return conditions, results, whole


def _by_chance(
    conditions: np.ndarray, results: np.ndarray, chance: np.random.Generator, count: int
) -> tuple[np.ndarray, float]:
    """Counted bits of shuffled results, and the factor by which the correction for chance stretches bits."""
    shuffled = np.array([_counted(conditions, chance.permutation(results)) for _ in range(count)])
    most = min(_bits(np.bincount(conditions)), _bits(np.bincount(results)))
    rest = most - shuffled.mean()
    return shuffled, most / rest if rest > 1e-9 else 1.0


def _counted(conditions: np.ndarray, results: np.ndarray) -> float:
    """Mutual information of counted frequencies, in bits, without a correction."""
    joint = conditions * (results.max() + 1) + results
    return _bits(np.bincount(conditions)) + _bits(np.bincount(results)) - _bits(np.bincount(joint))


def _bits(counts: np.ndarray) -> float:
    """Entropy, in bits, of counted frequencies."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())
