"""Exercises on measured randomness: reference answers, judges, hints.

They belong to notebook 12, which registers them when it is written.
"""

from __future__ import annotations

import math

from helpers.exercises import Exercise
from helpers.lessons.answer_checks import like


def expected_different(p, draws):
    """A result has come unless all draws missed it; expectations add up."""
    return sum(1 - (1 - one) ** draws for one in p)


def explained_share(pairs):
    """Between by the sum of between and within, each from the pairs by itself (Sobol 1993)."""
    count = len(pairs)
    x_mean, y_mean = (sum(pair[i] for pair in pairs) / count for i in (0, 1))
    within = sum((x - y) ** 2 / 2 for x, y in pairs) / count
    between = sum((x - x_mean) * (y - y_mean) for x, y in pairs) / count
    return between / (within + between)


def information(counts):
    """Mutual information in bits of a table of counts, rows by columns (Shannon 1948)."""
    total = sum(map(sum, counts))
    rows = [sum(row) / total for row in counts]
    columns = [sum(column) / total for column in zip(*counts, strict=True)]
    return sum(
        n / total * math.log2(n / total / rows[i] / columns[j])
        for i, row in enumerate(counts)
        for j, n in enumerate(row)
        if n
    )


def guide(p_any, p_asked, w):
    """Classifier-free guidance of one distribution (Ho and Salimans 2022)."""
    pairs = zip(p_any, p_asked, strict=True)
    weights = [0.0 if w > 0 and b == 0 else a ** (1 - w) * b**w for a, b in pairs]
    return [weight / sum(weights) for weight in weights]


# Judges


def _mean_square(pairs) -> tuple[float, float]:
    """The variance of the pairs' means, and half the mean squared difference."""
    means = [(x + y) / 2 for x, y in pairs]
    middle = sum(means) / len(means)
    within = sum((x - y) ** 2 for x, y in pairs) / 2 / len(pairs)
    return sum((mean - middle) ** 2 for mean in means) / len(means), within


def _of_means(pairs) -> float:
    between, within = _mean_square(pairs)
    return between / (between + within)


def _one_less(pairs) -> float:
    share, count = explained_share(pairs), len(pairs)
    return share * count / (share * count + (1 - share) * (count - 1))


def _by_within(pairs) -> float:
    share = explained_share(pairs)
    return share / (1 - share) if share < 1 else math.inf


def _whole_difference(pairs) -> float:
    share = explained_share(pairs)
    return share / (share + 2 * (1 - share))


def _table_cases() -> list[tuple]:
    return [([[5, 0], [0, 5]],), ([[2, 2], [4, 4]],), ([[3, 1, 0], [0, 2, 6]],), ([[1, 2], [3, 4], [0, 9]],)]


def _entropy(shares) -> float:
    return -sum(one * math.log2(one) for one in shares if one)


def _left_open(counts) -> float:
    """What is open about the result once the condition is known."""
    columns = [sum(column) / sum(map(sum, counts)) for column in zip(*counts, strict=True)]
    return _entropy(columns) - information(counts)


def _joint(counts) -> float:
    total = sum(map(sum, counts))
    return _entropy([n / total for row in counts for n in row])


def _even_rows(counts) -> float:
    return information([[n / sum(row) for n in row] for row in counts])


def _guide_cases() -> list[tuple]:
    one, two = [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]
    three, four = [0.25, 0.25, 0.5, 0.0], [0.5, 0.0, 0.5, 0.0]
    return [(one, two, w) for w in (0.25, 0.0, 1.0, 3.0)] + [(three, four, w) for w in (1.0, 2.0, 0.5)]


def _straight(p_any, p_asked, w) -> list[float]:
    return [a + w * (b - a) for a, b in zip(p_any, p_asked, strict=True)]


def _raw(p_any, p_asked, w) -> list[float]:
    pairs = zip(p_any, p_asked, strict=True)
    return [0.0 if w > 0 and b == 0 else a ** (1 - w) * b**w for a, b in pairs]


def _product(p_any, p_asked, w) -> list[float]:
    weights = [a * b**w for a, b in zip(p_any, p_asked, strict=True)]
    return [weight / sum(weights) for weight in weights]


def _swapped(p_any, p_asked, w) -> list[float]:
    return guide(p_any, p_asked, 1 - w) if w <= 1 else []


EXERCISES = (
    Exercise("12.1", "Expected coverage", like(expected_different, lambda: [
        ([0.7, 0.2, 0.1], 2), ([0.5, 0.5], 1), ([0.5, 0.5], 3), ([0.7, 0.2, 0.1], 50), ([1.0, 0.0], 4),
        ([0.25] * 4, 0),
    ], {
        "That is how many are still missing.": lambda p, n: sum((1 - one) ** n for one in p),
        "Results are not equally likely: treat each by its own p.":
            lambda p, n: len(p) * (1 - (1 - 1 / len(p)) ** n),
        "That is how many there can be at most: chance repeats itself.": lambda p, n: float(min(n, len(p))),
        "p ** draws is the probability that every draw gives this result.":
            lambda p, n: sum(1 - one**n for one in p),
        "draws * p is how often a result comes, and a second time adds nothing new.":
            lambda p, n: sum(min(1, n * one) for one in p),
    }), (
        "Add up, over the results, the probability that each has come at least once.",
        "It has come unless all draws missed it; one draw misses with probability 1 - p.",
        "sum(1 - (1 - one) ** draws for one in p).",
    ), expected_different),
    Exercise("12.2", "The explained share", like(explained_share, lambda: [
        ([(1.0, 2.0), (4.0, 3.0), (7.0, 9.0)],), ([(0.0, 1.0), (1.0, 0.0), (2.0, 4.0), (5.0, 3.0)],),
        ([(1.0, 1.0), (2.0, 2.0), (4.0, 4.0)],), ([(0.0, 3.0), (1.0, -1.0)],),
    ], {
        "The means of two differ by chance, too: take the covariance of first and second ones.": _of_means,
        "Halve the squared differences: each has the chance of two results in it.": _whole_difference,
        "That is the share left to chance.": lambda pairs: 1 - explained_share(pairs),
        "That is between by within: divide by the sum of both.": _by_within,
        "Between is a mean over all pairs, as within is: divide by their number, not by one less.": _one_less,
    }), (
        "Two numbers: within from the differences inside the pairs, between from what pairs have in common.",
        "For between, the first ones and the second ones each have their own mean.",
        "within = mean of (x - y) ** 2 / 2; between = mean of (x - x_mean) * (y - y_mean); divide.",
    ), explained_share),
    Exercise("12.3", "Mutual information", like(information, _table_cases, {
        "These are nats: bits need the logarithm to base 2.": lambda c: information(c) * math.log(2),
        "That is the joint entropy; it lacks the comparison with rows and columns.": _joint,
        "That is what is still open once the condition is known; you want what has become known.": _left_open,
        "Rows with more counts weigh more: divide by the total, not by each row's sum.": _even_rows,
        "The sign: a known condition can only help.": lambda c: -information(c),
    }), (
        "First turn counts into shares, then get the shares of rows and of columns.",
        "Skip cells that are 0: their logarithm is infinite, but they add nothing.",
        "Sum n / total * math.log2(n / total / rows[i] / columns[j]) over all cells with n > 0.",
    ), information),
    Exercise("12.4", "Guidance for words", like(guide, _guide_cases, {
        "That mixes the probabilities themselves; it can leave the range from 0 to 1.": _straight,
        "The weights do not add up to 1 yet: divide by their sum.": _raw,
        "p_any has an exponent as well, 1 - w.": _product,
        "The two are swapped: w = 1 is p_asked.": _swapped,
    }), (
        "Two powers, multiplied, for each outcome; then make them add up to 1.",
        "0 to a negative power is an error, so treat outcomes with p_asked 0 first.",
        "weights = [0 if w > 0 and b == 0 else a ** (1 - w) * b ** w for a, b in zip(p_any, p_asked)].",
    ), guide),
)  # fmt: skip
