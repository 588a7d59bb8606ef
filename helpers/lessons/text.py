"""The exercises of notebook 03: reference answers, judges, hints."""

from __future__ import annotations

import math
from typing import Any

from helpers.exercises import Exercise, register
from helpers.lessons.judging import like


def generate_until(next_token, ids, end, limit):
    """Extend a copy of ids until `end` has been written, by at most `limit` tokens."""
    ids = list(ids)
    for _ in range(limit):
        ids.append(next_token(ids))
        if ids[-1] == end:
            break
    return ids


def keep_min_p(logits, min_p):
    """Drop tokens less probable than min_p times the likeliest one (Nguyen et al. 2024)."""
    probabilities = logits.softmax(dim=-1)
    likeliest = probabilities.max(dim=-1, keepdim=True).values
    return logits.masked_fill(probabilities < min_p * likeliest, -float("inf"))


def perplexity(log_probabilities):
    """e to the average surprise; the surprise of a token is minus its log-probability (nats)."""
    import math

    surprise = -sum(log_probabilities) / len(log_probabilities)
    return math.exp(surprise)


def pad_left(rows, pad):
    """Rows made equally long with `pad` on the left, and a mask: 1 for tokens, 0 for padding."""
    width = max(len(row) for row in rows)
    ids = [[pad] * (width - len(row)) + row for row in rows]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    return ids, mask


def request():
    """Any words will do that name the four facts, each in one way only."""
    return "Tell a brave story about Odo the robot, by the ocean at sunset.\n"


# Judges


def _until_cases() -> list[tuple]:
    def next_token(ids: list[int]) -> int:
        if len(ids) > 60:
            raise RuntimeError("the list has 60 tokens by now, so the loop does not stop")
        return (sum(ids) + len(ids)) % 10

    cases = (([4, 1], 6, 6), ([2, 9], 5, 4), ([3, 8, 5], 9, 3), ([1], 7, 0), ([6, 4], 6, 5))
    return [(next_token, *case) for case in cases]


def _min_p_cases() -> list[tuple]:
    import torch

    cases = ([[0.5, 0.26, 0.19, 0.05], [0.91, 0.04, 0.03, 0.02]], 0.2), ([[0.1, 0.9], [0.4, 0.6]], 0.5)
    return [(torch.tensor(rows).log() - 1, min_p) for rows, min_p in cases]


def _judge_request(answer: Any) -> str | None:
    from smallworld.world.checker import read_conditions

    said = read_conditions(answer) if isinstance(answer, str) else {}
    for fact, key in {"character": "Odo", "mood": "brave", "place": "ocean", "time": "sunset"}.items():
        if said.get(fact) != key:
            return f"A text should name one {fact}, {key}; here it is {said.get(fact, 'none, or several')}."
    return None


EXERCISES = (
    Exercise("03.1", "A loop that stops", like(generate_until, _until_cases, {
        "Return the whole list, not only what is new.": lambda f, s, *a: generate_until(f, s, *a)[len(s):],
        "limit counts new tokens only.": lambda f, s, end, n: generate_until(f, s, end, max(0, n - len(s))),
        "The last token is missing: the end token has been written too.": lambda *a: generate_until(*a)[:-1],
    }), (
        "A for loop that can run `limit` times may still be left early.",
        "Copy the list; in each round append next_token(ids), then look at what was appended.",
        "ids = list(ids); for _ in range(limit): append next_token(ids), and break if that was end.",
    ), generate_until),
    Exercise("03.2", "Min-p", like(keep_min_p, _min_p_cases, {
        "A logit of 0 can still be drawn: use -inf.": lambda z, p: keep_min_p(z, p).nan_to_num(neginf=0),
        "Return logits, not probabilities.": lambda z, p: keep_min_p(z, p).exp() / z.exp().sum(-1, True),
        "The bar is min_p times the row's largest probability.":
            lambda z, p: z.where(z.softmax(-1) >= p, -math.inf),
    }), (
        "The bar hangs on the likeliest token: where that one is sure, few others clear it.",
        "Take the softmax along the last axis and compare it with min_p times each row's maximum.",
        "p = logits.softmax(-1); fill -torch.inf where p < min_p * p.max(dim=-1, keepdim=True).values.",
    ), keep_min_p),
    Exercise("03.3", "Perplexity", like(perplexity, lambda: [([-1.0] * 3,), ([-0.5, -2.0],), ([0.0],)], {
        "A sign is missing: the surprise is minus the log-probability.": lambda logs: 1 / perplexity(logs),
        "That is the average surprise; perplexity is e to it.": lambda logs: math.log(perplexity(logs)),
        "Average over the tokens: a sum grows with the text.": lambda logs: perplexity(logs) ** len(logs),
    }), (
        "If every token had the probability 1/4, the perplexity would be 4.",
        "The surprise is minus the log-probability. Average it, then undo the logarithm.",
        "math.exp(-sum(log_probabilities) / len(log_probabilities))",
    ), perplexity),
    Exercise("03.4", "Padding", like(pad_left, lambda: [([[5, 6, 7], [8]], 9), ([[0, 4], [3, 2, 0]], 0)], {
        "The mask has 1 for tokens and 0 for padding.": lambda rows, pad: (
            pad_left(rows, pad)[0], [[1 - bit for bit in bits] for bits in pad_left(rows, pad)[1]]),
        "A text may contain the pad token: make the mask from lengths.": lambda rows, pad: (
            pad_left(rows, pad)[0], [[int(i != pad) for i in row] for row in pad_left(rows, pad)[0]]),
    }), (
        "How long must every row become, and how many tokens does each one lack?",
        "The longest row gives the width; a new row is [pad] * missing + row.",
        "The mask of a row is [0] * missing + [1] * len(row), where missing = width - len(row).",
    ), pad_left),
    Exercise("03.5", "A request in plain words", _judge_request, (
        "Only words of the small world count: a name, a mood, a place and a time of day.",
        "Name Odo, the word brave, the ocean and sunset, and no other place or time.",
        "See what stories.ask(place=..., time=..., mood=..., character=...) makes of the keys.",
    ), request),
)  # fmt: skip

register(*EXERCISES)
