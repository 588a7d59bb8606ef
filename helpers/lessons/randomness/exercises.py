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

JOINING = {"a", "an", "and", "at", "by", "in", "no", "of", "on", "over", "the", "with", "without"}
DENIED = re.compile(r"\b(no|not|never|without)\b", re.IGNORECASE)


def noise_rows(seeds, size):
    """Return noise: for each seed a row of `size` numbers from torch.randn, with a stream of its own."""
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


def impossible():
    """A dictionary: a request that the artist cannot fulfil, its baseline, what to look for, a prediction."""
    return {
        "request": "A boat on the ocean in the desert at noon",
        "baseline": "A boat on the ocean at noon",
        "look_for": "a cactus",
        "prediction": 2,
    }


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


KEYS = {"request", "baseline", "look_for", "prediction"}


def _judge_impossible(answer: Any) -> str | None:
    if not isinstance(answer, dict) or set(answer) != KEYS:
        return 'The answer is a dictionary with the keys "request", "baseline", "look_for" and "prediction".'
    request, baseline, prediction = answer["request"], answer["baseline"], answer["prediction"]
    look_for = answer["look_for"]
    if not all(isinstance(text, str) and text.strip() for text in (request, baseline)):
        return "The request and the baseline are texts: write both in quotes."
    if not is_impossible(request):
        return (
            "The artist knows all words of the request, and they do not contradict each other. Name two "
            "places or two times of day, say what must not be there, or name something that is not in the "
            "small world."
        )
    if is_impossible(baseline):
        return "The baseline is still impossible: leave out all the impossible words."
    if not _is_shortened(baseline, request):
        return "The baseline is the request without its impossible words: do not add or change any word."
    if _is_cut_off(baseline, request):
        return 'The baseline must still be a request of its own: "The sea", not "Over the sea".'
    if not isinstance(look_for, str) or not re.search(r"\w", look_for):
        return 'What you look for is a text: name a thing that one can see in a picture, such as "a cactus".'
    if isinstance(prediction, bool) or not isinstance(prediction, int) or not 0 <= prediction <= 4:
        return "The prediction is a whole number of pictures, from 0 to 4."
    return None


def is_impossible(request: str) -> bool:
    """Whether a request contradicts itself, says what must not be there, or has a word nobody ever drew."""
    from smallworld.world.words import unseen

    contradicts = len(places(request)) > 1 or len(times(request)) > 1
    return contradicts or bool(DENIED.search(request)) or bool(unseen(request))


def _is_shortened(short: str, long: str) -> bool:
    """Whether a text is another one with some words left out; capitals and punctuation do not count."""
    rest = iter(re.findall(r"\w+", long.lower()))
    return all(word in rest for word in re.findall(r"\w+", short.lower()))


def _is_cut_off(short: str, long: str) -> bool:
    """Whether a shortened text ends with a joining word, or begins with one other than "a", "an", "the".

    A text may begin as the longer one does.
    """
    words = re.findall(r"\w+", short.lower())
    if not words:
        return True
    may_begin = {"a", "an", "the", *re.findall(r"\w+", long.lower())[:1]}
    return words[0] in JOINING - may_begin or words[-1] in JOINING


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
                 "tensor([[-0.147,  0.786,  0.947],\n        [-0.147,  0.786,  0.947]])"),
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
        "a whole number. A u on a border belongs to the section that begins there. Computers "
        "round, so the sum can be 0.9999; if u is larger than that, return the last position.",
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
    Exercise("02.4", "An impossible request", _judge_impossible, (
        "What can never be true at the same time? Or what does the small world not have?",
        "For the request, name two places or two times of day; or say `without`; or name an animal of the "
        "zoo. For the baseline, copy it and leave out these words, and look for "
        "a thing that they are about.",
        'Begin like this: {"request": "A lighthouse in the desert by the ocean", "baseline": "A lighthouse '
        'by the ocean", "look_for": "a cactus", "prediction": ...}',
    ), impossible,
        purpose="Your request and its baseline are painted in the next figure: a test of your prediction.",
        shapes='A dictionary with four keys. "request": a text; it names two places or two times of day, '
        'says no or without, or has a word that the artist does not know. "baseline": the request without '
        'its impossible words, still a request: "A unicorn over the sea" becomes "The sea". "look_for": a '
        'thing to look for in each picture, such as "a unicorn". "prediction": how many of the four pictures '
        "of the request will show this thing, a whole number from 0 to 4.", difficulty=2, minutes=8),
)  # fmt: skip

register(*EXERCISES)
