"""The exercises of notebook 12: reference answers, judges, hints."""

from __future__ import annotations

import math

from helpers.exercises import Exercise, register
from helpers.lessons.answer_checks import like


def expected_different(p, draws):
    """How many different results to expect from `draws` draws, when result i has the probability p[i]."""
    total = 0.0
    for probability in p:
        never = (1 - probability) ** draws  # every draw misses it
        total += 1 - never
    return total


def explained_share(pairs):
    """Between divided by the sum of between and within, each estimated from the pairs by itself."""
    count = len(pairs)
    x_mean = sum(x for x, y in pairs) / count
    y_mean = sum(y for x, y in pairs) / count
    within = sum((x - y) ** 2 / 2 for x, y in pairs) / count
    between = sum((x - x_mean) * (y - y_mean) for x, y in pairs) / count
    return between / (within + between)


def information(counts):
    """Bits that the result (column) tells about the condition (row), from a table of counts."""
    import math

    total = sum(sum(row) for row in counts)
    rows = [sum(row) / total for row in counts]
    columns = [sum(column) / total for column in zip(*counts, strict=True)]
    bits = 0.0
    for i in range(len(rows)):
        for j in range(len(columns)):
            joint = counts[i][j] / total
            if joint > 0:  # an empty cell adds nothing
                bits += joint * math.log2(joint / (rows[i] * columns[j]))
    return bits


def guide(p_any, p_asked, w):
    """Probabilities proportional to p_any ** (1 - w) * p_asked ** w, for w from 0."""
    weights = []
    for a, b in zip(p_any, p_asked, strict=True):
        if a == 0 or (b == 0 and w > 0):
            weights.append(0.0)  # impossible stays impossible
        else:
            weights.append(a ** (1 - w) * b**w)
    total = sum(weights)
    if total == 0:
        raise ValueError("No outcome is possible in both lists.")
    return [weight / total for weight in weights]


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
    five, six = [0.5, 0.3, 0.0, 0.2], [0.1, 0.4, 0.0, 0.5]  # impossible with and without the condition
    seven = [0.1, 0.4, 0.2, 0.3]  # and here possible with it alone, which no condition can do
    cases = [(one, two, w) for w in (0.25, 0.0, 1.0, 3.0)] + [(three, four, w) for w in (1.0, 2.0, 0.5, 0.0)]
    return cases + [(five, part, w) for part in (six, seven) for w in (0.5, 1.0, 3.0)]


def _straight(p_any, p_asked, w) -> list[float]:
    return [a + w * (b - a) for a, b in zip(p_any, p_asked, strict=True)]


def _raw(p_any, p_asked, w) -> list[float]:
    pairs = zip(p_any, p_asked, strict=True)
    return [0.0 if a == 0 or (b == 0 and w > 0) else a ** (1 - w) * b**w for a, b in pairs]


def _product(p_any, p_asked, w) -> list[float]:
    weights = [a * b**w for a, b in zip(p_any, p_asked, strict=True)]
    return [weight / sum(weights) for weight in weights]


def _swapped(p_any, p_asked, w) -> list[float]:
    return guide(p_any, p_asked, 1 - w) if w <= 1 else []


COVERAGE_SLIPS = {
    "That is how many are still missing.": lambda p, n: sum((1 - one) ** n for one in p),
    "Results are not equally likely: treat each by its own p.":
        lambda p, n: len(p) * (1 - (1 - 1 / len(p)) ** n),
    "That is how many there can be at most: chance repeats itself.": lambda p, n: float(min(n, len(p))),
    "p ** draws is the probability that every draw gives this result.":
        lambda p, n: sum(1 - one**n for one in p),
    "draws * p is how often a result comes, and a second time adds nothing new.":
        lambda p, n: sum(min(1, n * one) for one in p),
}  # fmt: skip
SHARE_SLIPS = {
    "The means of two differ by chance, too: take the covariance of first and second ones.": _of_means,
    "Halve the squared differences: each has the chance of two results in it.": _whole_difference,
    "That is the share left to chance.": lambda pairs: 1 - explained_share(pairs),
    "That is between by within: divide by the sum of both.": _by_within,
    "Between is a mean over all pairs, as within is: divide by their number, not by one less.": _one_less,
}
INFORMATION_SLIPS = {
    "These are nats: bits need the logarithm to base 2.": lambda c: information(c) * math.log(2),
    "That is the joint entropy; it lacks the comparison with rows and columns.": _joint,
    "That is what is still open once the condition is known; you want what has become known.": _left_open,
    "Rows with more counts weigh more: divide by the total, not by each row's sum.": _even_rows,
    "The sign: a known condition can only help.": lambda c: -information(c),
}
GUIDE_SLIPS = {
    "That mixes the probabilities themselves; it can leave the range from 0 to 1.": _straight,
    "The weights do not add up to 1 yet: divide by their sum.": _raw,
    "p_any has an exponent as well, 1 - w.": _product,
    "The two are swapped: w = 1 is p_asked.": _swapped,
}


def _coverage_cases() -> list[tuple]:
    return [([0.7, 0.2, 0.1], 2), ([0.5, 0.5], 1), ([0.5, 0.5], 3), ([0.7, 0.2, 0.1], 50), ([1.0, 0.0], 4),
            ([0.25] * 4, 0)]  # fmt: skip


def _share_cases() -> list[tuple]:
    return [
        ([(1.0, 2.0), (4.0, 3.0), (7.0, 9.0)],), ([(0.0, 1.0), (1.0, 0.0), (2.0, 4.0), (5.0, 3.0)],),
        ([(1.0, 1.0), (2.0, 2.0), (4.0, 4.0)],), ([(0.0, 3.0), (1.0, -1.0)],),
    ]  # fmt: skip


EXERCISES = (
    Exercise(
        "12.1", "Expected coverage", like(expected_different, _coverage_cases, COVERAGE_SLIPS), (
            "Add up, over the results, the probability that each has come at least once.",
            "It has come unless all draws missed it; one draw misses with probability 1 - p.",
            "The sum of 1 - (1 - p_i) ** draws over all results i.",
        ), expected_different,
        purpose="A prediction before you count. The next figure draws yours beside 200 counted runs.",
        shapes="p is a list of probabilities, some may be 0; draws is a whole number from 0. "
               "One number comes out.",
        example=("round(expected_different([0.5, 0.3, 0.2], 2), 2)", "1.62"),
        difficulty=1, minutes=8,
    ),
    Exercise(
        "12.2", "The explained share from pairs", like(explained_share, _share_cases, SHARE_SLIPS), (
            "Two numbers: within from the differences inside the pairs, between from what pairs have in "
            "common.",
            "For between, the first ones and the second ones each have their own mean.",
            "within = mean of (x - y) ** 2 / 2; between = mean of (x - x_mean) * (y - y_mean); divide "
            "between by the sum of both.",
        ), explained_share,
        purpose="An estimate that chance does not raise. The next figure tries it 200 times where the truth "
                "is known.",
        shapes="pairs is a list of (x, y), two numbers with one condition and different seeds. One number "
               "comes out, which can be below 0. Every mean divides by the number of pairs; np.cov does so "
               "only with bias=True.",
        example=("round(explained_share([(7.0, 9.0), (4.0, 6.0), (1.0, 3.0)]), 2)", "0.75"),
        difficulty=2, minutes=12,
    ),
    Exercise(
        "12.3", "Mutual information", like(information, _table_cases, INFORMATION_SLIPS), (
            "First turn counts into shares, then get the shares of rows and of columns.",
            "Skip cells that are 0: their logarithm is infinite, but they add nothing.",
            "Sum p_ij * log2(p_ij / (p_i * p_j)) over all cells with a count above 0.",
        ), information,
        purpose="Bits that a result tells about its condition. The next figure shows what few counts do to "
                "your number.",
        shapes="counts is a table, a list of rows: counts[i][j] says how often condition i came with result "
               "j. Some may be 0. One number comes out, in bits.",
        example=("round(information([[3, 1], [1, 3]]), 3)", "0.189"),
        difficulty=2, minutes=12,
    ),
    Exercise(
        "12.4", "Guidance for probabilities", like(guide, _guide_cases, GUIDE_SLIPS), (
            "Two powers, multiplied, for each outcome; then make them add up to 1.",
            "0 to a negative power is an error, so treat outcomes that are impossible first. High powers of "
            "tiny numbers can overflow; sums of logarithms, less the largest of them, cannot.",
            "weight = 0 where p_any is 0, or p_asked is 0 and w > 0; else "
            "p_any ** (1 - w) * p_asked ** w.",
        ), guide,
        purpose="What guidance is often said to do. The next figure compares it with what guidance does.",
        shapes="p_any and p_asked are lists of probabilities, without and with a condition; w is a number "
               "from 0. A list with the sum 1 comes out. What p_any gives 0 stays 0, and for w above 0 so "
               "does what p_asked gives 0.",
        example=("guide([0.5, 0.5], [0.75, 0.25], 2)", "[0.9, 0.1]"),
        difficulty=2, minutes=10,
    ),
)  # fmt: skip

register(*EXERCISES)
