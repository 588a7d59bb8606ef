"""The exercises of notebook 06: reference answers, judges, hints."""

from __future__ import annotations

import math
from collections import Counter

from helpers.exercises import Exercise, register
from helpers.lessons.judging import like


def rate(step, total, peak, warmup):
    """Warm-up in equal parts, then a straight line to 0."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (total - step) / (total - warmup + 1)


def sampling_weights(labels):
    """Each label gets the same total, shared equally among its texts."""
    counts = Counter(labels)
    return [1 / len(counts) / counts[label] for label in labels]


def stop_at(losses, patience):
    """The best place so far, once so many losses in a row have not been lower (Prechelt 1998)."""
    best = 0
    for place, loss in enumerate(losses):
        if loss < losses[best]:
            best = place
        if place - best == patience:
            break
    return best


def batch_norm(rows, eps):
    """Each column with mean 0 and, but for eps, variance 1 (Ioffe and Szegedy 2015)."""
    columns = []
    for column in zip(*rows, strict=True):
        mean = sum(column) / len(column)
        variance = sum((one - mean) ** 2 for one in column) / len(column)
        columns.append([(one - mean) / (variance + eps) ** 0.5 for one in column])
    return [list(row) for row in zip(*columns, strict=True)]


def foretold(small, large, target):
    """The straight line through two points with logarithmic axes, extended."""
    (size, loss), (larger, lower) = small, large
    exponent = math.log(loss / lower) / math.log(larger / size)
    return loss * (size / target) ** exponent


def batch_loss(losses, tokens):
    """The mean over tokens: each share weighs as much as it has tokens."""
    total = sum(loss * count for loss, count in zip(losses, tokens, strict=True) if count)
    return total / sum(tokens)


# Judges


def _rate(step, total, peak, warmup, *, early=0, flat=False, to_warmup=False, late=False) -> float:
    """The schedule, with one of four slips."""
    if step < warmup:
        return peak * (step + 1 - early) / warmup
    if flat:
        return peak
    if to_warmup:
        return peak * (total - step) / total
    return peak * (total - step) / (total - warmup + (0 if late else 1))


def _rate_cases() -> list[tuple]:
    first = [(step, 20, 0.5, 4) for step in (2, 0, 3, 4, 12, 19, 20)]
    return [*first, (0, 10, 2.0, 1), (5, 10, 2.0, 1), (9, 10, 1.0, 5)]


def _weights_by_count(labels) -> list[float]:
    counts = Counter(labels)
    return [counts[label] / sum(counts[one] for one in labels) for label in labels]


def _stop_late(losses, patience) -> int:
    """The place at which training ends, not the one to keep."""
    best = 0
    for place, loss in enumerate(losses):
        best = place if loss < losses[best] else best
        if place - best == patience:
            return place
    return len(losses) - 1


def _stop_at_first_rises(losses, patience) -> int:
    """Counts losses above the one before, not above the lowest."""
    best, rises = 0, 0
    for place, loss in enumerate(losses):
        best = place if loss < losses[best] else best
        rises = rises + 1 if place and loss >= losses[place - 1] else 0
        if rises == patience:
            break
    return best


def _stop_latest(losses, patience) -> int:
    """Takes the last of equals, which also starts the wait anew."""
    best = 0
    for place, loss in enumerate(losses):
        best = place if loss <= losses[best] else best
        if place - best == patience:
            break
    return best


def _stop_one_less(losses, patience) -> int:
    return stop_at(losses, patience - 1) if patience > 1 else 0


def _stop_one_more(losses, patience) -> int:
    return stop_at(losses, patience + 1)


def _stop_cases() -> list[tuple]:
    dip = [3.0, 2.0, 2.5, 2.4, 1.5, 1.6, 1.7, 1.8, 1.0]
    cases = [(dip, 3), (dip, 2), (dip, 10), (dip, 1)]
    return [*cases, ([2.0, 1.0, 1.0, 1.0, 0.5], 2), ([1.0, 2.0, 3.0], 2), ([5.0, 4.0, 3.0], 1), ([1.0], 1)]


def _norm(rows, eps, *, less=0, power=0.5, outside=False, centred=True) -> list[list[float]]:
    """Batch normalisation, with one of four slips."""
    columns = []
    for column in zip(*rows, strict=True):
        mean = sum(column) / len(column)
        variance = sum((one - mean) ** 2 for one in column) / max(1, len(column) - less)
        scale = variance**power + eps if outside else (variance + eps) ** power
        columns.append([(one - mean * centred) / scale for one in column])
    return [list(row) for row in zip(*columns, strict=True)]


def _layer_norm(rows, eps) -> list[list[float]]:
    return [list(row) for row in zip(*batch_norm(list(zip(*rows, strict=True)), eps), strict=True)]


def _all_norm(rows, eps) -> list[list[float]]:
    flat = batch_norm([[one] for row in rows for one in row], eps)
    return [[one[0] for one in flat[i : i + len(rows[0])]] for i in range(0, len(flat), len(rows[0]))]


def _norm_cases() -> list[tuple]:
    return [
        ([[1.0, 10.0], [3.0, 40.0], [8.0, 10.0]], 0.5),
        ([[0.0, 2.0, 5.0], [4.0, 2.0, -5.0]], 1e-3),
        ([[7.0, -1.0]], 0.1),
    ]


def _straight(small, large, target) -> float:
    (size, loss), (larger, lower) = small, large
    return loss + (lower - loss) * (target - size) / (larger - size)


def _half_log(small, large, target) -> float:
    (size, loss), (larger, lower) = small, large
    return loss + (lower - loss) * math.log(target / size) / math.log(larger / size)


def _exponential(small, large, target) -> float:
    (size, loss), (larger, lower) = small, large
    return loss * (lower / loss) ** ((target - size) / (larger - size))


def _mean_of_counted(losses, tokens) -> float:
    counted = [loss for loss, count in zip(losses, tokens, strict=True) if count]
    return sum(counted) / len(counted)


def _weighted(losses, tokens, per: float) -> float:
    return sum(loss * count for loss, count in zip(losses, tokens, strict=True) if count) / per


EXERCISES = (
    Exercise("06.1", "A schedule", like(rate, _rate_cases, {
        "The first step must not have rate 0: it would learn nothing. Step 0 is the first of the parts.":
            lambda *case: _rate(*case, early=1),
        "After the warm-up the rate has to fall.": lambda *case: _rate(*case, flat=True),
        "The fall starts from the full peak at step warmup - 1: mind from where you count.":
            lambda *case: _rate(*case, late=True),
        "The fall has only the steps after the warm-up: a line from the peak to 0.":
            lambda *case: _rate(*case, to_warmup=True),
        "There is no warm-up yet.": lambda s, t, p, w: p * (t - s) / t,
    }), (
        "Two straight lines: one for steps below warmup, one for the others.",
        "Going up: peak * (step + 1) / warmup. Down, it is peak at step warmup - 1 and 0 at total.",
        "Down: peak * (total - step) / (total - warmup + 1).",
    ), rate),
    Exercise("06.2", "Weights for oversampling", like(sampling_weights, lambda: [
        (["city", "snow", "city", "city"],), (["a", "b", "c", "a"],), (["x", "x"],), (["q"],),
        ([2, 2, 1, 3, 3, 3],),
    ], {
        "Those weights do not add up to 1 yet.": lambda labels: [1 / labels.count(one) for one in labels],
        "All texts weigh the same here, so the rare place stays rare.":
            lambda labels: [1 / len(labels)] * len(labels),
        "That favours the frequent places: the rarer, the heavier.": _weights_by_count,
        "That is one weight for each place; you want one for each text, in order.":
            lambda labels: [1 / len(set(labels))] * len(set(labels)),
        "A place's total is to be shared among its texts.":
            lambda labels: [1 / len(set(labels))] * len(labels),
    }), (
        "First the total for each place, then share it among its texts.",
        "With k places each gets 1 / k; a text gets that, divided by how many texts its place has.",
        "counts = Counter(labels); [1 / len(counts) / counts[label] for label in labels].",
    ), sampling_weights),
    Exercise("06.3", "Early stopping", like(stop_at, _stop_cases, {
        "That is where training ends; keep the model of the lowest loss before.": _stop_late,
        "That is the lowest of all, but by then you had stopped waiting.":
            lambda losses, patience: losses.index(min(losses)),
        "Compare with the lowest loss so far, not with the one before.": _stop_at_first_rises,
        "Among equal losses keep the earliest: an equal loss is no improvement.": _stop_latest,
        "You give up one loss too early.": _stop_one_less,
        "You wait one loss too long.": _stop_one_more,
    }), (
        "Walk through the losses and remember the place of the lowest one so far.",
        "At place i the lowest was at place best; i - best losses since then have not been lower.",
        "if loss < losses[best]: best = i; if i - best == patience: break; in the end return best.",
    ), stop_at),
    Exercise("06.4", "Batch normalisation", like(batch_norm, _norm_cases, {
        "That is layer normalisation: take mean and variance over a column, not over a row.": _layer_norm,
        "Each column has a mean and a variance of its own.": _all_norm,
        "Divide by the root of the variance, not by the variance.": lambda r, e: _norm(r, e, power=1),
        "eps belongs under the root.": lambda r, e: _norm(r, e, outside=True),
        "The variance is the mean of the squares: divide by the number of rows, not by one less.":
            lambda r, e: _norm(r, e, less=1),
        "The mean has to be subtracted, too.": lambda r, e: _norm(r, e, centred=False),
        "eps is missing.": lambda r, e: _norm(r, 1e-12),
    }), (
        "zip(*rows) turns rows into columns, and columns into rows again.",
        "For each column: mean, then the mean of squared deviations, then (x - mean) / root.",
        "(x - mean) / (variance + eps) ** 0.5 for each x of a column.",
    ), batch_norm),
    Exercise("06.5", "A prediction", like(foretold, lambda: [
        ((100, 4.0), (400, 2.0), 1600), ((1e6, 3.0), (1e8, 2.5), 1e9), ((10, 2.0), (20, 2.0), 80),
        ((8, 6.0), (32, 4.5), 16),
    ], {
        "That is a straight line without logarithms; it falls below 0 in the end.": _straight,
        "Take the logarithm of the loss as well as of the size.": _half_log,
        "Take the logarithm of the size as well as of the loss.": _exponential,
        "The exponent's sign: larger models have lower losses.":
            lambda a, b, n: a[1] ** 2 / foretold(a, b, n),
        "That is the exponent; use it to get the loss at the target.":
            lambda a, b, n: math.log(a[1] / b[1]) / math.log(b[0] / a[0]),
    }), (
        "loss = a * size ** -b: two runs are enough for the two unknowns.",
        "b = log(loss_1 / loss_2) / log(size_2 / size_1).",
        "loss_1 * (size_1 / target) ** b.",
    ), foretold),
    Exercise("06.6", "The loss of a shared batch", like(batch_loss, lambda: [
        ([2.0, 4.0], [30, 10]), ([1.5, 2.5, 3.0], [10, 20, 5]), ([2.0, None], [7, 0]), ([3.0], [4]),
    ], {
        "The mean of the means counts a small share as much as a large one.": _mean_of_counted,
        "That is a sum over all tokens: divide by their number.": lambda p, n: _weighted(p, n, 1),
        "Divide by the number of tokens, not of processes.": lambda p, n: _weighted(p, n, len(n)),
        "A larger share weighs more, not less.":
            lambda p, n: sum(a / b for a, b in zip(p, n, strict=True) if b) / sum(1 / b for b in n if b),
        "The losses are means already: multiply each by its tokens first.":
            lambda p, n: sum(a for a, b in zip(p, n, strict=True) if b) / sum(n),
    }), (
        "A mean loss times its number of tokens is the sum over these tokens.",
        "Add up the sums of all shares that have tokens, and divide by all tokens.",
        "sum(loss * n for loss, n in zip(losses, tokens) if n) / sum(tokens).",
    ), batch_loss),
)  # fmt: skip

register(*EXERCISES)
