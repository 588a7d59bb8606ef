"""The exercises of notebook 02: reference answers, judges, hints."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import torch

from helpers.exercises import Exercise, register
from helpers.lessons.answer_checks import like
from helpers.session import generator

DENIED = re.compile(r"\b(no|not|never|without)\b", re.IGNORECASE)


def noise_rows(seeds, size):
    """Return noise: for each seed a row of `size` numbers, which follows from this seed alone."""
    rows = []
    for seed in seeds:
        dice = generator(seed)
        rows.append(torch.randn(size, generator=dice))
    return torch.stack(rows)


def pick(probabilities, u):
    """Return the position, from 0, of the section in which the number u lands."""
    end = 0
    for position in range(len(probabilities)):
        end = end + probabilities[position]
        if u < end:
            return position
    return position  # rounding can leave the last end a little below 1


def fair_choices(probabilities):
    """Return 2 to the power of the entropy in bits; a probability of 0 adds nothing to the entropy."""
    entropy = 0
    for p in probabilities:
        if p > 0:
            entropy = entropy + p * math.log2(1 / p)
    return 2**entropy


def impossible_request():
    """A request for a picture, in quotes, that the artist cannot fulfil."""
    return "A boat on the ocean in the desert at noon"


# Judges


def _row_cases() -> list[tuple]:
    return [([0, 1, 2], 5), ([7], 3), ([2, 0], 5), ([4, 4], 2), ([1], 17)]


def _one_stream(seeds, size):
    return torch.randn(len(seeds), size, generator=generator(seeds[0]))


def _even(seeds, size):
    return torch.stack([torch.rand(size, generator=generator(seed)) for seed in seeds])


def _judge_rows(answer: Any) -> str | None:
    before = torch.get_rng_state()
    wrong = like(noise_rows, _row_cases, {
        "The rows share one stream, so each depends on those before it: a generator for each.": _one_stream,
        "Those numbers lie between 0 and 1; noise comes from torch.randn.": _even,
        "Every row is the same: each has its own seed.": lambda s, n: noise_rows([s[0]] * len(s), n),
        "A row must not depend on its place in the list.":
            lambda s, n: noise_rows([i + seed for i, seed in enumerate(s)], n),
    })(answer)  # fmt: skip
    touched = not torch.equal(before, torch.get_rng_state())
    torch.set_rng_state(before)
    if wrong is None and touched:
        return "The rows are right, but the shared stream has moved: hand your own generator over."
    return wrong


def _pick_cases() -> list[tuple]:
    three, gaps = [0.5, 0.3, 0.2], [0.0, 0.25, 0.0, 0.75]
    numbers = (0.93, 0.62, 0.1, 0.35)
    return [(three, u) for u in numbers] + [(gaps, 0.1), (gaps, 0.9), ([1.0], 0.4), ([0.1] * 4 + [0.6], 0.27)]


def _nearest_end(probabilities, u):
    """The section whose end lies closest."""
    ends = [sum(probabilities[: i + 1]) for i in range(len(probabilities))]
    return min(range(len(ends)), key=lambda i: abs(ends[i] - u))


def _entropy(probabilities) -> float:
    return math.log2(fair_choices(probabilities))


def _natural(probabilities) -> float:
    return 2 ** (_entropy(probabilities) * math.log(2))


def _unweighted(probabilities) -> float:
    return 2 ** sum(math.log2(1 / p) for p in probabilities if p > 0)


def _judge_request(answer: Any) -> str | None:
    from smallworld.world.words import unseen

    if not isinstance(answer, str) or not answer.strip():
        return "The request is a text: write it in quotes."
    if DENIED.search(answer) or unseen(answer) or len(places(answer)) > 1 or len(times(answer)) > 1:
        return None
    return (
        "The artist knows all these words, and they do not contradict each other. Name two places or two "
        "times of day, say what must not be there, or name something that is not in the small world."
    )


def places(request: str) -> set[str]:
    """The places of the small world that a request names."""
    from smallworld.world.captions import PLACE_NAMES

    return {place for place, names in PLACE_NAMES.items() if _names_one(request, names)}


def times(request: str) -> set[str]:
    """The times of day that a request names."""
    from smallworld.world.captions import TIME_PHRASES
    from smallworld.world.checker import mentioned_keys

    named = {time for time, phrases in TIME_PHRASES.items() if _names_one(request, phrases)}
    return named | (mentioned_keys(request) & set(TIME_PHRASES))


def _names_one(text: str, names: Iterable[str]) -> bool:
    return any(re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE) for name in names)


EXERCISES = (
    Exercise("02.1", "A generator for each row", _judge_rows, (
        "As many generators as rows: make a new one for each seed, inside a loop.",
        "generator(seed) makes one; torch.randn(size, generator=...) takes `size` numbers from it. "
        "torch.stack(rows) makes one tensor of a list of rows.",
        "rows = []; for seed in seeds: dice = generator(seed); "
        "append torch.randn(size, generator=dice) to rows. After the loop, return torch.stack(rows).",
    ), noise_rows,
        purpose="Your rows are painted in the next figure.",
        shapes="seeds is a list of whole numbers; the result is a tensor of shape (number of seeds, size).",
        example=("noise_rows([7, 7], 3)",
                 "tensor([[-0.1468,  0.7861,  0.9468],\n        [-0.1468,  0.7861,  0.9468]])"),
        difficulty=2, minutes=10),
    Exercise("02.2", "One number, one word", like(pick, _pick_cases, {
        "Compare u with the end of each section, so add up the probabilities on the way.":
            lambda p, u: next((i for i, share in enumerate(p) if u < share), len(p) - 1),
        "Positions count from 0.": lambda p, u: pick(p, u) + 1,
        "u lands in a section where it is larger than the section's beginning and smaller than its end; this "
        "is the end that lies closest.": _nearest_end,
        "That is the likeliest position, whatever u is.": lambda p, u: p.index(max(p)),
    }), (
        "Where does the first section end? And the second one? Look at the drawing.",
        "Keep one number, the end of the section so far. In each round of a loop add a probability to it.",
        "end = 0; for position in range(len(probabilities)): add probabilities[position] to end; "
        "if u < end: return position. After the loop, return the last position.",
    ), pick,
        purpose="Your function draws a thousand words, and then it writes a story.",
        shapes="probabilities is a list of numbers with the sum 1; u is a number from 0 to 1; the result is "
        "a whole number.",
        example=("pick([0.5, 0.3, 0.2], 0.62)", "1"), difficulty=2, minutes=10),
    Exercise("02.3", "Fair choices", like(fair_choices, lambda: [
        ([0.5, 0.5],), ([0.5, 0.25, 0.25],), ([0.9, 0.1],), ([0.125] * 8,), ([1.0],), ([0.7, 0.3, 0.0],),
        ([0.0, 0.2, 0.8],),
    ], {
        "That is the entropy: raise 2 to this power.": _entropy,
        "Bits need the logarithm to base 2, math.log2.": _natural,
        "Each surprise counts as often as its outcome comes: multiply it by its probability.": _unweighted,
        "That is how many outcomes there are; some come more often than others.":
            lambda p: len([share for share in p if share > 0]),
        "The surprise is the logarithm of 1 / p, not of p.": lambda p: 1 / fair_choices(p),
    }), (
        "A loop adds up the entropy. What is done with it at the end?",
        "Each probability p above 0 adds p * math.log2(1 / p).",
        "entropy = 0; for p in probabilities: if p > 0: add p * math.log2(1 / p). Return 2 ** entropy.",
    ), fair_choices,
        purpose="Your function measures the coins and the curve of the next figure.",
        shapes="probabilities is a list of numbers with the sum 1, some may be 0; the result is a number.",
        example=("fair_choices([0.5, 0.25, 0.25])", f"{fair_choices([0.5, 0.25, 0.25])}"),
        difficulty=2, minutes=10),
    Exercise("02.4", "An impossible request", _judge_request, (
        "What can never be true at the same time? Or what does the small world not have?",
        "Name two places, or two times of day; or say `without`; or name an animal of the zoo.",
        "Begin like this: A lighthouse in the desert by the ocean, at ...",
    ), impossible_request,
        purpose="Your request is painted in the next figure.",
        shapes="A text.", difficulty=1, minutes=5),
)  # fmt: skip

register(*EXERCISES)
