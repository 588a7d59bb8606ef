"""The exercises of notebook 06: reference answers, judges, hints."""

from __future__ import annotations

import math
from functools import cache
from numbers import Real
from typing import Any

from helpers.exercises import Exercise, register
from helpers.lessons.answer_checks import like

# Exercise 06.2: the held-out loss that a chosen learning rate must reach, on texts of its own.
RATE_BAR = 1.6
# Exercise 06.3: most spoilt texts that a filter may keep, and most good ones that it may lose, as shares.
MOST_KEPT, MOST_LOST = 0.1, 0.15


def mean_surprise(probabilities):
    """The mean of -log(p) over a list of probabilities; log is the natural logarithm, math.log."""
    total = 0
    for p in probabilities:
        total = total - math.log(p)
    return total / len(probabilities)


def my_rate():
    """A learning rate for a batch of 64, which the map does not show."""
    return 0.03


def is_clean(pair_counts):
    """True if a text should be kept, False if it should be thrown out.

    pair_counts: for each pair of neighbouring words in the text, how often the whole collection has it.
    """
    return pair_counts.count(1) <= 2


def stop_at(losses, patience):
    """The index of the model to keep: the lowest loss so far, once `patience` losses in a row are no lower.

    If that never happens, the index of the lowest loss of all. Among equal losses, the earliest.
    """
    best = 0  # the index of the lowest loss so far
    for i in range(len(losses)):
        if losses[i] < losses[best]:
            best = i
        if i - best == patience:
            break
    return best


def normalise(batch):
    """Give each column the mean 0 and, nearly, the variance 1.

    Subtract the column's mean; then divide by the square root of (variance + 0.00001).
    The variance is the mean of the squared differences from the mean.
    """
    differences = batch - batch.mean(dim=0)
    variance = (differences**2).mean(dim=0)
    return differences / (variance + 0.00001) ** 0.5


# Judges


def _surprise_cases() -> list[tuple]:
    return [([0.5, 0.25],), ([1.0, 1.0, 0.1],), ([0.9],), ([1 / 39] * 5,), ([0.2, 0.01, 0.7, 0.7],)]


@cache
def loss_with(rate: float, seed: int = 0) -> float:
    """The held-out loss after training with this rate, a batch of 64 and 50 steps."""
    from helpers.lessons.training import texts
    from helpers.lessons.training.laboratory import fit

    collection, held_out = texts.beginnings(800, 60 + seed), texts.beginnings(100, 80 + seed, held_out=True)
    return fit(collection, held_out, seed, rate=rate, batch_size=64, steps=50).held_out[-1]


def _judge_rate(answer: Any) -> str | None:
    if isinstance(answer, bool) or not isinstance(answer, Real):
        return "The answer is a number, such as 0.01."
    if not 0 < answer <= 1:
        return "A learning rate here is above 0 and at most 1."
    loss = loss_with(float(answer))
    if loss <= RATE_BAR:
        return None
    return (
        f"With {answer:g} the held-out loss ends at {loss:.2f}, and it should be at most {RATE_BAR}. "
        "Look at the map: which rates do the rows above and below like?"
    )


@cache
def collection_to_judge() -> tuple[tuple[tuple[int, ...], bool], ...]:
    """Of a collection that nobody sees, for each text: its pair counts, and whether it is good."""
    from helpers.lessons.training import texts

    clean = texts.beginnings(600, 5)
    dirty = texts.spoil(clean, 5)
    counts = texts.count_pairs(dirty)
    return tuple(
        (tuple(texts.pair_counts(text, counts)), text == before)
        for text, before in zip(dirty, clean, strict=True)
    )


def _judge_filter(answer: Any) -> str | None:
    kept = {True: 0, False: 0}  # good texts and spoilt ones that the answer keeps
    total = {True: 0, False: 0}
    for pair_counts, good in collection_to_judge():
        verdict = answer(list(pair_counts))
        if verdict not in (True, False):
            return f"Return True or False; for one text yours returns {str(verdict)[:40]}."
        total[good] += 1
        kept[good] += bool(verdict)
    spoilt, lost = kept[False], total[True] - kept[True]
    told = f"On another collection it keeps {spoilt} of {total[False]} spoilt texts"
    told += f" and throws out {lost} of {total[True]} good ones."
    if spoilt > MOST_KEPT * total[False]:
        return f"{told} That is too much dirt: be stricter."
    if lost > MOST_LOST * total[True]:
        return f"{told} That is too strict: keep more."
    return None


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


def _normalise_cases() -> list[tuple]:
    import torch

    tables = (
        [[1.0, 10.0], [3.0, 40.0], [8.0, 10.0]],
        [[0.0, 2.0, 5.0], [4.0, 2.0, -5.0]],
        [[0.001, 100.0], [0.004, 300.0], [0.002, -200.0], [0.009, 0.0]],
    )
    return [(torch.tensor(table, dtype=torch.float64),) for table in tables]


def _slip(batch, *, dim=0, power=0.5, less=0, outside=0.0, mean=1.0):
    """Normalisation with one slip."""
    import torch

    differences = batch - batch.mean(dim=dim, keepdim=True)
    variance = (differences**2).sum(dim=dim, keepdim=True) / (batch.shape[dim] - less)
    if mean == 0:
        differences = batch
    if outside:
        return differences / (torch.sqrt(variance) + outside)
    return differences / (variance + 0.00001) ** power


EXERCISES = (
    Exercise("06.1", "The loss by hand", like(mean_surprise, _surprise_cases, {
        "That is the sum. The mean is the sum divided by how many there are.":
            lambda ps: -sum(math.log(p) for p in ps),
        "The sign is wrong: log of a number below 1 is negative, so a minus stands before it.":
            lambda ps: sum(math.log(p) for p in ps) / len(ps),
        "First take -log of each probability, then the mean, not the other way round.":
            lambda ps: -math.log(sum(ps) / len(ps)),
        "Use the natural logarithm, math.log.": lambda ps: -sum(math.log2(p) for p in ps) / len(ps),
    }), (
        "The table above the exercise has -log(p) for single probabilities. You want the mean of several.",
        "Add up -math.log(p) for every p in the list, in a loop. Then divide by len(probabilities).",
        "total = 0; for p in probabilities: total = total - math.log(p); return total / len(probabilities).",
    ), mean_surprise,
        purpose="Your function gives the dashed line of the next figure: the loss of blind guessing.",
        shapes="A list of numbers above 0 and at most 1; the result is a number.",
        example=("round(mean_surprise([0.5, 0.25]), 2)", "1.04"),
        difficulty=1, minutes=5),
    Exercise("06.2", "A learning rate of your own", _judge_rate, (
        "64 lies between two rows of the map. Which columns are good in both of them?",
        "The larger the batch, the fewer the steps, so each step may be longer.",
        "Try 0.02 or 0.03.",
    ), my_rate,
        purpose="A model is trained with your rate, and its loss must end low on texts that it never saw. "
                "Your curve is in the next figure.",
        shapes=f"A single number. The judge trains with it for 50 steps; the held-out loss must be at most "
               f"{RATE_BAR}.",
        difficulty=2, minutes=8),
    Exercise("06.3", "A filter", _judge_filter, (
        "A spoilt text has many pairs that stand nowhere else. What is their count?",
        "pair_counts.count(1) says how many pairs of this text occur only once in the whole collection.",
        "Return True where pair_counts.count(1) is at most 2 or 3.",
    ), is_clean,
        purpose="Your filter cleans the collection, and the next figure trains a model on what it keeps.",
        shapes="pair_counts is a list of whole numbers, one for each pair of neighbours; the result is True "
               "or False. It must keep at most 10 % of the spoilt texts and lose at most 15 % of the good "
               "ones, on a collection that you do not see.",
        example=("is_clean([14, 30, 8, 21, 55])", "True"),
        difficulty=2, minutes=10),
    Exercise("06.4", "When to stop", like(stop_at, _stop_cases, {
        "That is where training ends; keep the model of the lowest loss before.": _stop_late,
        "That is the lowest of all, but by then you had stopped waiting.":
            lambda losses, patience: losses.index(min(losses)),
        "Compare with the lowest loss so far, not with the one before.": _stop_at_first_rises,
        "Among equal losses keep the earliest: an equal loss is no improvement.": _stop_latest,
        "You give up one loss too early.": _stop_one_less,
        "You wait one loss too long.": _stop_one_more,
    }), (
        "Walk through the losses and remember the index of the lowest one so far.",
        "At index i, with the lowest at index best, i - best losses have come since then.",
        "for i in range(len(losses)): if losses[i] < losses[best]: best = i; if i - best == patience: break. "
        "In the end return best.",
    ), stop_at,
        purpose="Your function chooses the model to keep in the next figure.",
        shapes="losses is a list of numbers, patience a whole number from 1; the result is an index from 0.",
        example=("stop_at([3.0, 2.0, 2.5, 2.4, 1.0], 2)", "1"),
        difficulty=2, minutes=12),
    Exercise("06.5", "Normalise a batch", like(normalise, _normalise_cases, {
        "These are the means of the rows; take those of the columns, dim=0.": lambda b: _slip(b, dim=1),
        "Divide by the square root of the variance, not by the variance.": lambda b: _slip(b, power=1),
        "The variance is a mean: divide by the number of rows, not by one less.": lambda b: _slip(b, less=1),
        "The mean has to be subtracted, too.": lambda b: _slip(b, mean=0),
        "0.00001 belongs under the root.": lambda b: _slip(b, outside=0.00001),
        "The mean is right, now divide.": lambda b: b - b.mean(dim=0),
    }), (
        "The cells above do it for one table. Now write it for any batch.",
        "differences = batch - batch.mean(dim=0); the variance is the mean of differences ** 2, again with "
        "dim=0.",
        "Return differences / (variance + 0.00001) ** 0.5.",
    ), normalise,
        purpose="Your function stands behind each of twelve layers in the next figure.",
        shapes="batch is a tensor (texts, numbers); the result has the same shape.",
        example=("normalise(torch.tensor([[1.0], [3.0]])).round(decimals=3).tolist()", "[[-1.0], [1.0]]"),
        difficulty=2, minutes=10),
)  # fmt: skip

register(*EXERCISES)
