"""Numbers that describe distributions and texts. Words are what `str.split()` finds, punctuation included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from helpers.errors import WorkbookError


def perplexity(log_probs) -> float:
    """exp of a token's mean negative log-probability: how many equally likely tokens would puzzle as much.

    log_probs: natural logs, one 1-d tensor, array or list, or a list of them (pooled token by token).
    Bias: over a sample of texts it comes out too high on average (Jensen), the more the fewer tokens.
    Comparable only between models with the same tokenizer. (Jelinek et al. 1977)
    """
    pooled = np.concatenate([np.ravel(_array(part)) for part in _parts(log_probs)] or [np.empty(0)])
    if pooled.size == 0:
        raise WorkbookError("Perplexity needs at least one token: give longer texts.")
    return float(np.exp(-pooled.mean()))


def entropy(probs, *, bits: bool = False) -> float:
    """Entropy of one distribution (outcomes,), in nats, or in bits when asked for.

    Exact for the distribution that is given, so no bias; of frequencies counted in a sample it would be too
    low by about (outcomes - 1) / (2 * sample size) nats. (Shannon 1948; Miller 1955)
    """
    p = _distribution(probs)
    p = p[p > 0]
    nats = max(0.0, float(-(p * np.log(p)).sum()))
    return nats / float(np.log(2)) if bits else nats


def nucleus_size(probs, p: float) -> int:
    """How many of the likeliest outcomes it takes to reach probability p (0 to 1; at least one outcome).

    Exact, no bias: the number of tokens that top-p sampling keeps. (Holtzman et al. 2020)
    """
    if not 0 <= p <= 1:
        raise WorkbookError(f"p is {p}: give a probability from 0 to 1.")
    ordered = np.sort(_distribution(probs))[::-1]
    if p == 1:
        return int((ordered > 0).sum())
    return int((np.cumsum(ordered) < p - 1e-9).sum()) + 1


def distinct_n(texts: Sequence[str], n: int) -> float:
    """Different word n-grams divided by all word n-grams, over the texts together (0 to 1).

    Bias: falls as the texts get more or longer, because words run out; compare only samples of equal size.
    0 when no text has n words. (Li et al. 2016)
    """
    grams = [gram for text in texts for gram in _ngrams(text.split(), n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def repetition(texts: Sequence[str], n: int = 4) -> float:
    """Share of a text's word n-grams that occurred earlier in the same text (0 to 1), mean over the texts.

    Bias: grows with length even in good prose; compare texts of equal length. Texts shorter than n words do
    not count. (rep-n, Welleck et al. 2020)
    """
    shares = [1 - distinct_n([text], n) for text in texts if len(text.split()) >= n]
    return float(np.mean(shares)) if shares else 0.0


def longest_overlap(text: str, corpus_texts: Iterable[str]) -> int:
    """Length, in words, of the longest run that the text shares verbatim with any one corpus text.

    Bias: a lower bound when the corpus is a sample of what the model was trained on. One pass, so a generator
    will do.
    """
    words, best = text.split(), 0
    grams = set(_ngrams(words, 1))
    for other in corpus_texts:
        theirs = other.split()
        while grams and not grams.isdisjoint(_ngrams(theirs, best + 1)):
            best += 1
            grams = set(_ngrams(words, best + 1))
    return best


def ngram_overlap(texts: Sequence[str], corpus_texts: Iterable[str], n: int = 8) -> float:
    """Share of the texts' word n-grams, repeats counted, that occur somewhere in the corpus (0 to 1).

    Bias: a lower bound when the corpus is a sample; judge it beside the overlap of texts that are
    known to be new.
    """
    grams = [gram for text in texts for gram in _ngrams(text.split(), n)]
    wanted, seen = set(grams), set()
    for other in corpus_texts:
        seen.update(wanted.intersection(_ngrams(other.split(), n)))
    return sum(gram in seen for gram in grams) / len(grams) if grams else 0.0


def bootstrap_interval(
    values: Sequence[float],
    statistic: Callable[[np.ndarray], float] = np.mean,
    *,
    seed: int = 0,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> tuple[float, float]:
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
    table = _array(values)
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

    def plain(other: np.ndarray) -> float:
        return _counted(a) + _counted(other) - _counted(a * (b.max() + 1) + other)

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
    return entropy(np.unique(labels, return_counts=True)[1] / len(labels))


def _ngrams(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    if n < 1:
        raise WorkbookError(f"n is {n}: an n-gram has at least 1 word.")
    return zip(*(words[i:] for i in range(n)), strict=False)


def _array(values) -> np.ndarray:
    """Numbers as float64; torch tensors come off their device first."""
    values = values.detach().double().cpu().numpy() if hasattr(values, "detach") else values
    return np.asarray(values, dtype=float)


def _parts(log_probs) -> list:
    """A list of tensors stays one; anything else is one part."""
    nested = isinstance(log_probs, (list, tuple)) and log_probs and not np.isscalar(log_probs[0])
    return list(log_probs) if nested else [log_probs]


def _distribution(probs) -> np.ndarray:
    """One distribution, checked and made to sum to exactly 1."""
    p = _array(probs)
    if p.ndim != 1 or p.size == 0 or not (p >= 0).all() or abs(p.sum() - 1) > 1e-3:
        raise WorkbookError("Give one list of probabilities: none negative, their sum 1.")
    return p / p.sum()
