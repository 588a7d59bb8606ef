"""Exercises on measured randomness, which wait for notebook 12: right and wrong answers."""

import copy
import math

import pytest
import torch

from helpers import metrics
from helpers.lessons.randomness import deeper_exercises as tasks

EXERCISES = {exercise.id: exercise for exercise in tasks.EXERCISES}


def different_by_product(p, draws):
    missed = [math.prod([1 - one] * draws) for one in p]
    return len(p) - sum(missed)


def different_draw_by_draw(p, draws):
    """Each draw is new with the probability that it is a result not yet seen."""
    return sum(one * (1 - one) ** n for n in range(draws) for one in p)


def share_with_numpy(pairs):
    import numpy as np

    x, y = np.array(pairs, dtype=float).T
    between, within = np.cov(x, y, bias=True)[0, 1], ((x - y) ** 2).mean() / 2
    return between / (between + within)


def share_without_means(pairs):
    n = len(pairs)
    xs, ys = zip(*pairs, strict=True)
    between = sum(x * y for x, y in pairs) / n - sum(xs) / n * sum(ys) / n
    within = sum(x * x + y * y - 2 * x * y for x, y in pairs) / (2 * n)
    return between / (within + between)


def share_by_correlation(pairs):
    return float(torch.corrcoef(torch.tensor(pairs, dtype=torch.float64).T)[0, 1])


def information_from_entropies(counts):
    p = torch.tensor(counts, dtype=torch.float64) / sum(map(sum, counts))
    return sum(
        sign * metrics.entropy(part, bits=True)
        for sign, part in ((1, p.sum(dim=1)), (1, p.sum(dim=0)), (-1, p.flatten()))
    )


def information_as_divergence(counts):
    p = torch.tensor(counts, dtype=torch.float64) / sum(map(sum, counts))
    apart = p.sum(dim=1, keepdim=True) * p.sum(dim=0, keepdim=True)
    return float(torch.where(p > 0, p * (p / apart).log2(), 0.0).sum())


def information_that_minds_no_zeros(counts):
    p = torch.tensor(counts, dtype=torch.float64) / sum(map(sum, counts))
    return float((p * (p / p.sum(1, keepdim=True) / p.sum(0, keepdim=True)).log2()).sum())


def information_with_a_correction(counts):
    filled = sum(n > 0 for row in counts for n in row)
    spare = len(counts) + len(counts[0]) - filled - 1
    return information_from_entropies(counts) + spare / (2 * sum(map(sum, counts))) / math.log(2)


def guide_in_logs(p_any, p_asked, w):
    a, b = (torch.tensor(p, dtype=torch.float64) for p in (p_any, p_asked))
    logs = torch.where((b == 0) & (w > 0), -torch.inf, a.log() + w * (b.log() - a.log()).nan_to_num())
    return logs.softmax(dim=0)


def guide_by_ratio(p_any, p_asked, w):
    parts = []
    for a, b in zip(p_any, p_asked, strict=True):
        parts.append(0.0 if a == 0 else a * (b / a) ** w)
    return [part / sum(parts) for part in parts]


def guide_straight(p_any, p_asked, w):
    return [a + w * (b - a) for a, b in zip(p_any, p_asked, strict=True)]


def guide_cut_at_0(p_any, p_asked, w):
    parts = [max(0.0, part) for part in guide_straight(p_any, p_asked, w)]
    return [part / sum(parts) for part in parts]


RIGHT = {
    "12.1": [different_by_product, different_draw_by_draw],
    "12.2": [share_with_numpy, share_without_means],
    "12.3": [information_from_entropies, information_as_divergence],
    "12.4": [guide_in_logs, guide_by_ratio],
}  # fmt: skip
WRONG = {
    "12.1": [lambda p, n: sum((1 - one) ** n for one in p), lambda p, n: float(min(n, len(p))),
             lambda p, n: len(p) * (1 - (1 - 1 / len(p)) ** n), lambda p, n: sum(1 - one**n for one in p),
             lambda p, n: sum(min(1, n * one) for one in p), lambda p, n: n, lambda p, n: len(p),
             lambda p, n: 1 - math.prod((1 - one) ** n for one in p)],
    "12.2": [share_by_correlation, tasks._of_means, tasks._whole_difference, tasks._one_less,
             tasks._by_within, lambda pairs: 0.5, lambda pairs: 1 - share_with_numpy(pairs),
             lambda pairs: max(0.0, share_with_numpy(pairs)),
             lambda pairs: share_with_numpy(pairs) ** 2],
    "12.3": [lambda c: information_from_entropies(c) * math.log(2), tasks._joint, tasks._left_open,
             tasks._even_rows, lambda c: -information_as_divergence(c), information_that_minds_no_zeros,
             information_with_a_correction, lambda c: 0.0],
    "12.4": [guide_straight, guide_cut_at_0, tasks._raw, tasks._product, tasks._swapped,
             lambda a, b, w: guide_by_ratio(b, a, w), lambda a, b, w: list(b),
             lambda a, b, w: [x ** (1 - w) * y**w for x, y in zip(a, b, strict=True)],
             lambda a, b, w: guide_by_ratio(a, b, w + 1)],
}  # fmt: skip


def accepted(id: str, answer) -> bool:
    """Whether the judge finds an answer right; one that breaks is wrong."""
    try:
        return EXERCISES[id].judge(copy.deepcopy(answer)) is None
    except Exception:
        return False


@pytest.mark.parametrize("id", EXERCISES)
def test_right_answers_are_accepted(id):
    answers = [EXERCISES[id].reference, *RIGHT[id]]
    assert [answer for answer in answers if not accepted(id, answer)] == []


@pytest.mark.parametrize("id", EXERCISES)
def test_wrong_answers_are_rejected(id):
    assert len(WRONG[id]) >= 5
    assert [i for i, answer in enumerate(WRONG[id]) if accepted(id, answer)] == []


def test_every_named_slip_is_named():
    slips = {"12.2": tasks._of_means, "12.3": tasks._joint, "12.4": guide_straight}
    named = {id: EXERCISES[id].judge(wrong) for id, wrong in slips.items()}
    assert "differ by chance" in named["12.2"] and "joint" in named["12.3"] and "range" in named["12.4"]
