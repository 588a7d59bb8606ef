"""Numbers that describe distributions and texts. Words are what `str.split()` finds, punctuation included."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import NormalDist

import numpy as np

from helpers.errors import WorkbookError


def entropy(probs, *, bits: bool = False) -> float:
    """Entropy of one distribution (outcomes,), in nats, or in bits when asked for.

    Exact for the distribution that is given, so no bias; of frequencies counted in a sample it would be too
    low by about (outcomes - 1) / (2 * sample size) nats. (Shannon 1948; Miller 1955)
    """
    p = _distribution(probs)
    p = p[p > 0]
    nats = max(0.0, float(-(p * np.log(p)).sum()))
    return nats / float(np.log(2)) if bits else nats


def distinct_n(texts: Sequence[str], n: int) -> float:
    """Different word n-grams divided by all word n-grams, over the texts together (0 to 1).

    Bias: falls as the texts get more or longer, because words run out; compare only samples of equal size.
    0 when no text has n words. (Li et al. 2016)
    """
    grams = [gram for text in texts for gram in ngrams(text.split(), n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def repetition(texts: Sequence[str], n: int = 4) -> float:
    """Share of a text's word n-grams that occurred earlier in the same text (0 to 1), mean over the texts.

    Bias: grows with length even in good prose; compare texts of equal length. Texts shorter than n words do
    not count. (rep-n, Welleck et al. 2020)
    """
    shares = [1 - distinct_n([text], n) for text in texts if len(text.split()) >= n]
    return float(np.mean(shares)) if shares else 0.0


def bootstrap_interval(
    values: Sequence[float], statistic: Callable[[np.ndarray], float] = np.mean, *, seed: int = 0,
    resamples: int = 1000, confidence: float = 0.95,
) -> tuple[float, float]:  # fmt: skip
    """Percentile bootstrap interval (low, high) of a statistic, in the values' unit.

    Bias: too narrow for few values (below about 20), blind to what never occurred in them; the values must be
    independent. (Efron 1979)
    """
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or array.size == 0:
        raise WorkbookError("A bootstrap interval needs a list of at least one number.")
    if not 0 < confidence < 1 or resamples < 1:
        raise WorkbookError("Give a confidence between 0 and 1 and at least one resample.")
    draws = np.random.default_rng(seed).integers(array.size, size=(resamples, array.size))
    estimates = [statistic(array[draw]) for draw in draws]
    low, high = np.quantile(estimates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval (low, high) for a share of successes in independent trials (0 to 1).

    It never has a width of zero: 18 of 18 gives about 0.82 to 1. (Wilson 1927)
    """
    if trials < 1 or not 0 <= successes <= trials or not 0 < confidence < 1:
        raise WorkbookError("A share needs at least one trial, from 0 to all of them successes.")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    centre = share + z * z / (2 * trials)
    reach = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def ngrams(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    """The words' n-grams, one after another."""
    if n < 1:
        raise WorkbookError(f"n is {n}: an n-gram has at least 1 word.")
    return zip(*(words[i:] for i in range(n)), strict=False)


def as_array(values) -> np.ndarray:
    """Numbers as float64; torch tensors come off their device first."""
    values = values.detach().double().cpu().numpy() if hasattr(values, "detach") else values
    return np.asarray(values, dtype=float)


def _distribution(probs) -> np.ndarray:
    """One distribution, checked and made to sum to exactly 1."""
    p = as_array(probs)
    if p.ndim != 1 or p.size == 0 or not (p >= 0).all() or abs(p.sum() - 1) > 1e-3:
        raise WorkbookError("Give one list of probabilities: none negative, their sum 1.")
    return p / p.sum()
