"""The exercises of notebook 13: reference answers, judges, hints."""

from __future__ import annotations

import math

from helpers.exercises import Exercise, register
from helpers.lessons.answer_checks import like


def keep_min_p(logits, min_p):
    """Set to -inf the logits of tokens less probable than min_p times the row's likeliest one."""
    probabilities = logits.softmax(dim=-1)
    likeliest = probabilities.max(dim=-1, keepdim=True).values
    return logits.masked_fill(probabilities < min_p * likeliest, -float("inf"))


def perplexity(log_probabilities):
    """e to the average surprise of a token; the surprise is minus the log-probability."""
    import math

    surprise = -sum(log_probabilities) / len(log_probabilities)
    return math.exp(surprise)


def tokens_read(prompt, new, cached):
    """How many tokens a model reads in all while it writes `new` tokens (at least 1) after a prompt."""
    if cached:
        return prompt + new - 1  # the first step reads the prompt, each later step one token
    return sum(prompt + step for step in range(new))  # each step reads all there is


def pad_left(rows, pad):
    """Rows made equally long with `pad` on the left, and their mask: 1 for tokens, 0 for filler."""
    width = max(len(row) for row in rows)
    ids = [[pad] * (width - len(row)) + row for row in rows]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    return ids, mask


# What the judges call an answer with, and the mistakes that they know by name


def _min_p_cases() -> list[tuple]:
    import torch

    cases = ([[0.5, 0.26, 0.19, 0.05], [0.91, 0.04, 0.03, 0.02]], 0.2), ([[0.1, 0.9], [0.4, 0.6]], 0.5)
    return [(torch.tensor(rows).log() - 1, min_p) for rows, min_p in cases]


def _zero_instead_of_infinity(logits, min_p):
    return keep_min_p(logits, min_p).nan_to_num(neginf=0)


def _probabilities_instead_of_logits(logits, min_p):
    return keep_min_p(logits, min_p).exp() / logits.exp().sum(-1, True)


def _bar_without_the_likeliest(logits, min_p):
    return logits.where(logits.softmax(-1) >= min_p, -math.inf)


MIN_P_SLIPS = {
    "A logit of 0 can still be drawn: use -inf.": _zero_instead_of_infinity,
    "Return logits, not probabilities.": _probabilities_instead_of_logits,
    "The bar is min_p times the row's largest probability.": _bar_without_the_likeliest,
}


def _perplexity_cases() -> list[tuple]:
    return [([-1.0] * 3,), ([-0.5, -2.0],), ([0.0],)]


PERPLEXITY_SLIPS = {
    "A sign is missing: the surprise is minus the log-probability.": lambda logs: 1 / perplexity(logs),
    "That is the average surprise; perplexity is e to it.": lambda logs: math.log(perplexity(logs)),
    "Average over the tokens: a sum grows with the text.": lambda logs: perplexity(logs) ** len(logs),
}


def _read_cases() -> list[tuple]:
    lengths = ((3, 2), (4, 1), (1, 5), (20, 160))
    return [(prompt, new, cached) for cached in (False, True) for prompt, new in lengths]


def _one_step_more(prompt, new, cached):
    return tokens_read(prompt, new + 1, cached)


def _prompt_left_out(prompt, new, cached):
    return tokens_read(0, new, cached)


READ_SLIPS = {
    "The last new token is written, but no step reads it.": _one_step_more,
    "The prompt is read, too.": _prompt_left_out,
}


def _pad_cases() -> list[tuple]:
    return [([[5, 6, 7], [8]], 9), ([[0, 4], [3, 2, 0]], 0)]


def _mask_turned_round(rows, pad):
    ids, mask = pad_left(rows, pad)
    return ids, [[1 - bit for bit in bits] for bits in mask]


def _mask_from_the_ids(rows, pad):
    ids, _ = pad_left(rows, pad)
    return ids, [[int(i != pad) for i in row] for row in ids]


PAD_SLIPS = {
    "The mask has 1 for tokens and 0 for filler.": _mask_turned_round,
    "A text may contain the pad token: make the mask from lengths.": _mask_from_the_ids,
}

EXERCISES = (
    Exercise(
        "13.1", "Min-p", like(keep_min_p, _min_p_cases, MIN_P_SLIPS), (
            "The bar hangs on the likeliest token: where that one is sure, few others clear it.",
            "Take the softmax along the last axis and compare it with min_p times each row's maximum.",
            "p = logits.softmax(-1); fill -torch.inf where p < min_p * p.max(dim=-1, keepdim=True).values.",
        ), keep_min_p,
        purpose="A cut that stays short when the temperature is high. The next figure sets it beside top-p.",
        shapes="logits is a tensor (rows, vocabulary), min_p a number from 0 to 1. A new tensor comes out, "
               "of the same shape; the one that was given stays as it is.",
        example=("keep_min_p(torch.tensor([[2.0, 1.0, -1.0]]), 0.2)", "tensor([[2., 1., -inf]])"),
        difficulty=1, minutes=8,
    ),
    Exercise(
        "13.2", "Perplexity", like(perplexity, _perplexity_cases, PERPLEXITY_SLIPS), (
            "If every token had the probability 1/4, the perplexity would be 4.",
            "The surprise is minus the log-probability. Average it, then undo the logarithm.",
            "math.exp(-sum(log_probabilities) / len(log_probabilities))",
        ), perplexity,
        purpose="One number for how well a model foresees a text. What follows is measured with it.",
        shapes="log_probabilities is a list with one number for each token, in nats. One number comes out.",
        example=("round(perplexity([-1.0, -1.0, -1.0]), 3)", "2.718"),
        difficulty=1, minutes=5,
    ),
    Exercise(
        "13.3", "What the cache saves", like(tokens_read, _read_cases, READ_SLIPS), (
            "Write the steps down for a prompt of 3 tokens and 2 new ones: what does each step read?",
            "Without a cache, step 0 reads the prompt and every step reads one token more than the last.",
            "With a cache: prompt + new - 1. Without: the sum of prompt + step for step in range(new).",
        ), tokens_read,
        purpose="A prediction before the measurement. The next figure draws yours beside the clock's.",
        shapes="prompt and new are numbers of tokens, new is at least 1; cached is True or False. "
               "A whole number comes out.",
        example=("tokens_read(3, 2, cached=False)", "7"),
        difficulty=2, minutes=10,
    ),
    Exercise(
        "13.4", "Padding", like(pad_left, _pad_cases, PAD_SLIPS), (
            "How long must every row become, and how many tokens does each one lack?",
            "The longest row gives the width; a new row is [pad] * missing + row.",
            "The mask of a row is [0] * missing + [1] * len(row), where missing = width - len(row).",
        ), pad_left,
        purpose="Many prompts in one batch. The model below reads the batch that your function makes.",
        shapes="rows is a list of lists of token numbers, pad is the number of the pad token. Two lists of "
               "lists come out, ids and mask, every row as long as the longest one.",
        example=("pad_left([[5, 6, 7], [8]], pad=9)", "([[5, 6, 7], [9, 9, 8]], [[1, 1, 1], [0, 0, 1]])"),
        difficulty=2, minutes=10,
    ),
)  # fmt: skip

register(*EXERCISES)
