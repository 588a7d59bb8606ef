"""Notebook 03: its decoders against Transformers, and its exercises against right and wrong answers."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import (
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    set_seed,
)

from helpers import exercises
from helpers.lessons.text import exercises as notebook_03
from helpers.session import generator
from tests.notebook_code import functions

pytest_plugins = ("fixtures_text",)

EXERCISES = exercises.of("03")
NAMES = (
    "softmax", "next_logits", "greedy", "with_temperature", "keep_top_k", "keep_top_p", "penalise_repetition",
    "sample", "beam_search", "greedy_cached",
)  # fmt: skip
TAUGHT = functions("03_text_generation", *NAMES)
DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


@st.composite
def logits_of(draw, least: int = 1, widest: int = 400):
    """Random logits (batch, vocabulary): four dtypes, flat to steep; with ties where they are rounded."""
    shape = draw(st.integers(1, 4)), draw(st.integers(least, widest))
    scale = draw(st.sampled_from((0.0, 0.1, 1.0, 5.0, 30.0)))
    source = generator(draw(st.integers(0, 2**32 - 1)))
    numbers = scale * torch.randn(shape, generator=source, dtype=torch.float64)
    if draw(st.booleans()):
        numbers = numbers.round()
    if draw(st.booleans()):
        numbers[:, 1:].masked_fill_(numbers[:, 1:] < -scale, -torch.inf)  # as other edits leave them
    return numbers.to(draw(st.sampled_from(DTYPES)))


def same(ours: torch.Tensor, library: torch.Tensor, before: torch.Tensor, given: torch.Tensor) -> bool:
    """Equal to the last bit (NaN where it has NaN), of one dtype, and the logits given left as they were."""
    equal = (ours == library) | (ours.isnan() & library.isnan())
    return bool(equal.all()) and ours.dtype == library.dtype and torch.equal(before, given)


# Edits of the logits


@given(logits_of(), st.floats(1e-3, 100))
def test_temperature_equals_the_library(logits, temperature):
    before = logits.clone()
    library = TemperatureLogitsWarper(temperature)(None, logits.clone())
    assert same(TAUGHT.with_temperature(logits, temperature), library, before, logits)


@given(logits_of(), st.integers(1, 500))
def test_top_k_equals_the_library(logits, k):
    before = logits.clone()
    ours = TAUGHT.keep_top_k(logits, k)
    assert same(ours, TopKLogitsWarper(k)(None, logits.clone()), before, logits)
    if k >= logits.shape[-1]:
        assert torch.equal(ours, logits)


@given(logits_of(), st.floats(0, 1) | st.sampled_from((0.0, 0.25, 0.5, 0.75, 0.9, 1.0)))
@example(torch.zeros(2, 4), 0.5)
@example(torch.zeros(2, 4, dtype=torch.float16), 1.0)
def test_top_p_equals_the_library(logits, p):
    before = logits.clone()
    ours = TAUGHT.keep_top_p(logits, p)
    assert same(ours, TopPLogitsWarper(p)(None, logits.clone()), before, logits)
    assert (ours.max(dim=-1).values == logits.max(dim=-1).values).all()


@given(logits_of(), st.floats(0.1, 10), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_repetition_penalty_equals_the_library(logits, penalty, length, seed):
    before = logits.clone()
    ids = torch.randint(logits.shape[-1], (len(logits), length), generator=generator(seed))
    library = RepetitionPenaltyLogitsProcessor(penalty)(ids, logits.clone())
    assert same(TAUGHT.penalise_repetition(logits, ids, penalty), library, before, logits)


@given(logits_of(), st.sampled_from((0.3, 1.0, 1.7)), st.integers(1, 60), st.floats(0, 1), st.floats(0.5, 2))
def test_all_edits_in_a_row_equal_the_library(logits, temperature, k, p, penalty):
    ids = torch.arange(logits.shape[-1])[None, ::3].expand(len(logits), -1)
    ours = TAUGHT.penalise_repetition(logits, ids, penalty)
    ours = TAUGHT.keep_top_p(TAUGHT.keep_top_k(TAUGHT.with_temperature(ours, temperature), k), p)
    library = logits.clone()
    for processor in (
        RepetitionPenaltyLogitsProcessor(penalty), TemperatureLogitsWarper(temperature), TopKLogitsWarper(k),
        TopPLogitsWarper(p),
    ):  # fmt: skip
        library = processor(ids, library)
    assert same(ours, library, logits, logits)


@given(logits_of())
def test_softmax_equals_torch(logits):
    """To rounding: torch adds up in float32 where the logits are shorter, and rounds once, at the end."""
    ours, library = TAUGHT.softmax(logits), logits.softmax(dim=-1)
    assert ours.dtype == logits.dtype
    steps = 8 * torch.finfo(logits.dtype).eps
    # The difference to the largest logit is rounded first, which the exponential magnifies.
    reach = 1 + (logits - logits.max(dim=-1, keepdim=True).values).nan_to_num(neginf=0).abs().double()
    tiny = torch.finfo(logits.dtype).tiny
    assert ((ours.double() - library.double()).abs() <= steps * reach * library.double() + 2 * tiny).all()


@given(logits_of(least=2))
def test_towards_temperature_0_only_the_likeliest_is_left(logits):
    logits = logits.round()  # so that the gap to the second is 1 or more, or 0
    sharp = TAUGHT.softmax(TAUGHT.with_temperature(logits.float(), 0.001))
    winners = logits == logits.max(dim=-1, keepdim=True).values
    expected = winners / winners.sum(dim=-1, keepdim=True)
    assert torch.allclose(sharp, expected)
    for cut in (TAUGHT.keep_top_k(logits, 1), TAUGHT.keep_top_p(logits, 0.0)):
        assert cut.isfinite().any(dim=-1).all() and not (cut.isfinite() & ~winners).any()


# Loops


@pytest.fixture(scope="module")
def model(shipped):
    return shipped[1]


@pytest.fixture(scope="module")
def prompts(shipped):
    """Token numbers of single prompts, and a batch of prompts of one length."""
    texts = ("Once upon a time", "Tell a story about Pim the mouse.\n", "The")
    singles = [shipped[0](text, return_tensors="pt").input_ids for text in texts]
    return singles + [torch.cat([singles[0], singles[0].flip(1)])]


def library(model, ids, count, **settings):
    """ids as generate extends them, with no token that ends a text (2**30 is none of the vocabulary)."""
    return model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, eos_token_id=2**30,
        pad_token_id=0, **settings,
    )  # fmt: skip


def test_greedy_and_greedy_cached_equal_generate(model, prompts):
    for ids in prompts:
        before, expected = ids.clone(), library(model, ids, 40, do_sample=False)
        assert torch.equal(TAUGHT.greedy(model, ids, 40), expected)
        assert torch.equal(TAUGHT.greedy_cached(model, ids, 40), expected)
        assert torch.equal(ids, before)


def test_greedy_cached_equals_greedy_to_length_120_and_for_none(model, prompts):
    assert torch.equal(TAUGHT.greedy_cached(model, prompts[0], 120), TAUGHT.greedy(model, prompts[0], 120))
    for loop in (TAUGHT.greedy, TAUGHT.greedy_cached):
        assert torch.equal(loop(model, prompts[0], 0), prompts[0])


SETTINGS = {
    "plain": (),
    "temperature": (0.7,),
    "top-k": (1.0, 20),
    "top-p": (1.0, 0, 0.9),
    "penalty": (1.0, 0, 1.0, 1.3),
    "all": (1.2, 40, 0.8, 0.9),
    "k above the vocabulary": (1.0, 9999, 0.95),
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_sample_equals_generate(settings, model, prompts):
    temperature, top_k, top_p, penalty = (*settings, *(1.0, 0, 1.0, 1.0)[len(settings) :])
    for seed, ids in enumerate((prompts[1], prompts[3])):
        ours = TAUGHT.sample(model, ids, 25, generator(seed), temperature, top_k, top_p, penalty)
        with torch.random.fork_rng():
            set_seed(seed)
            expected = library(
                model, ids, 25, do_sample=True, temperature=temperature, top_k=top_k, top_p=top_p,
                repetition_penalty=penalty,
            )  # fmt: skip
        assert torch.equal(ours, expected)


@pytest.mark.parametrize("beams", [1, 2, 4, 7])
def test_beam_search_equals_generate(beams, model, prompts):
    end = model.generation_config.eos_token_id
    for ids in prompts[:3]:
        ours, total = TAUGHT.beam_search(model, ids, beams, 20, end)
        result = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), num_beams=beams, do_sample=False,
            min_new_tokens=20, max_new_tokens=20, return_dict_in_generate=True, output_scores=True,
        )  # fmt: skip
        assert torch.equal(ours, result.sequences)
        if beams > 1:
            assert math.isclose(total, 20 * result.sequences_scores[0].item(), rel_tol=1e-4)


# The exercises: for each, answers that are wrong in the usual ways, and other ways of being right


def until_recursive(next_token, ids, end, limit):
    if limit == 0:
        return list(ids)
    token = next_token(list(ids))
    return [*ids, token] if token == end else until_recursive(next_token, [*ids, token], end, limit - 1)


def until_while(next_token, ids, end, limit):
    text, new = ids[:], None
    while new != end and len(text) < len(ids) + limit:
        new = next_token(text)
        text = text + [new]
    return text


def until_changes_the_callers_list(next_token, ids, end, limit):
    for _ in range(limit):
        ids.append(next_token(ids))
        if ids[-1] == end:
            break
    return ids


def until_drops_the_end(next_token, ids, end, limit):
    ids = list(ids)
    for _ in range(limit):
        new = next_token(ids)
        if new == end:
            break
        ids.append(new)
    return ids


def until_never_stops_early(next_token, ids, end, limit):
    ids = list(ids)
    for _ in range(limit):
        ids.append(next_token(ids))
    return ids


def until_ignores_the_limit(next_token, ids, end, limit):
    ids = list(ids)
    while ids[-1] != end:
        ids.append(next_token(ids))
    return ids


def until_reads_only_the_prompt(next_token, ids, end, limit):
    return until_while(lambda text: next_token(ids), ids, end, limit)


def until_writes_one_too_many(next_token, ids, end, limit):
    return until_while(next_token, ids, end, limit + 1)


def until_writes_one_at_least(next_token, ids, end, limit):
    return until_while(next_token, ids, end, max(1, limit))


def until_forgets_to_return(next_token, ids, end, limit):
    until_while(next_token, ids, end, limit)


def until_counts_the_prompt(next_token, ids, end, limit):
    return until_while(next_token, ids, end, limit - len(ids))


def until_returns_the_new_only(next_token, ids, end, limit):
    return until_while(next_token, ids, end, limit)[len(ids) :]


def until_stops_at_an_end_in_the_prompt(next_token, ids, end, limit):
    return list(ids) if end in ids else until_while(next_token, ids, end, limit)


def min_p_by_logarithms(logits, min_p):
    return logits.masked_fill(logits < logits.max(-1, keepdim=True).values + math.log(min_p), -torch.inf)


def min_p_by_where(logits, min_p):
    weights = (logits - logits.amax(-1, keepdim=True)).exp()
    return torch.where(weights >= min_p, logits, torch.tensor(-torch.inf))


def min_p_changes_its_input(logits, min_p):
    return logits.masked_fill_(min_p_by_where(logits, min_p).isinf(), -torch.inf)


def min_p_one_bar_for_all_rows(logits, min_p):
    p = logits.softmax(-1)
    return logits.masked_fill(p < min_p * p.max(), -torch.inf)


def min_p_maximum_of_columns(logits, min_p):
    p = logits.softmax(-1)
    return logits.masked_fill(p < min_p * p.max(0, keepdim=True).values, -torch.inf)


def min_p_softmax_over_rows(logits, min_p):
    p = logits.softmax(0)
    return logits.masked_fill(p < min_p * p.max(-1, keepdim=True).values, -torch.inf)


def min_p_keeps_the_wrong_side(logits, min_p):
    return logits.masked_fill(min_p_by_where(logits, min_p).isfinite(), -torch.inf)


def min_p_compares_logits(logits, min_p):
    return logits.masked_fill(logits < min_p * logits.max(-1, keepdim=True).values, -torch.inf)


def perplexity_in_torch(log_probabilities):
    return torch.tensor(log_probabilities, dtype=torch.float64).neg().mean().exp()


def perplexity_as_a_root(log_probabilities):
    return math.prod(math.exp(-log) for log in log_probabilities) ** (1 / len(log_probabilities))


def pad_by_loop(rows, pad):
    width, ids, mask = len(max(rows, key=len)), [], []
    for row in rows:
        filler = range(width - len(row))
        ids.append([pad for _ in filler] + list(row))
        mask.append([0 for _ in filler] + [1 for _ in row])
    return ids, mask


def pad_by_tensors(rows, pad):
    width = max(map(len, rows))
    ids, mask = torch.full((len(rows), width), pad), torch.zeros(len(rows), width, dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, width - len(row) :], mask[i, width - len(row) :] = torch.tensor(row), 1
    return ids.tolist(), mask.tolist()


def pad_on_the_right(rows, pad):
    width = max(map(len, rows))
    return [row + [pad] * (width - len(row)) for row in rows], [
        [1] * len(row) + [0] * (width - len(row)) for row in rows
    ]


def pad_left_mask_right(rows, pad):
    return pad_by_loop(rows, pad)[0], pad_on_the_right(rows, pad)[1]


def pad_mask_turned_round(rows, pad):
    ids, mask = pad_by_loop(rows, pad)
    return ids, [[1 - bit for bit in bits] for bits in mask]


def pad_mask_from_the_ids(rows, pad):
    ids, _ = pad_by_loop(rows, pad)
    return ids, [[int(i != pad) for i in row] for row in ids]


def pad_with_0_always(rows, pad):
    return pad_by_loop(rows, 0)


def pad_without_mask(rows, pad):
    return pad_by_loop(rows, pad)[0]


def pad_changes_the_callers_rows(rows, pad):
    result = pad_by_loop(rows, pad)
    for row, padded in zip(rows, result[0], strict=True):
        row[:] = padded
    return result


def pad_one_too_many(rows, pad):
    ids, mask = pad_by_loop(rows, pad)
    return [[pad, *row] for row in ids], [[0, *bits] for bits in mask]


def pad_mask_first(rows, pad):
    return pad_by_loop(rows, pad)[::-1]


RIGHT = {
    "03.1": [until_recursive, until_while],
    "03.2": [min_p_by_logarithms, min_p_by_where],
    "03.3": [perplexity_in_torch, perplexity_as_a_root],
    "03.4": [pad_by_loop, pad_by_tensors],
    "03.5": [
        "At sunset, by the ocean, let Odo be brave.",
        "Please tell me a brave story about Odo the robot. It should be by the ocean, at sunset.\n",
    ],
}
WRONG = {
    "03.1": [
        until_changes_the_callers_list, until_drops_the_end, until_never_stops_early, until_ignores_the_limit,
        until_reads_only_the_prompt, until_writes_one_too_many, until_writes_one_at_least,
        until_forgets_to_return, until_counts_the_prompt, until_returns_the_new_only,
        until_stops_at_an_end_in_the_prompt,
    ],
    "03.2": [
        min_p_changes_its_input, min_p_one_bar_for_all_rows, min_p_maximum_of_columns,
        min_p_softmax_over_rows, min_p_keeps_the_wrong_side, min_p_compares_logits,
        lambda z, m: min_p_by_where(z, m).softmax(-1),
        lambda z, m: min_p_by_where(z, m).nan_to_num(neginf=0.0),
        lambda z, m: z.masked_fill(z.softmax(-1) < m, -torch.inf),
        lambda z, m: z.masked_fill(z.softmax(-1) <= m * z.softmax(-1).max(), -torch.inf),
        lambda z, m: z,
    ],
    "03.3": [
        lambda logs: math.exp(sum(logs) / len(logs)),
        lambda logs: -sum(logs) / len(logs),
        lambda logs: math.exp(-sum(logs)),
        lambda logs: 2 ** (-sum(logs) / len(logs)),
        lambda logs: sum(math.exp(-log) for log in logs) / len(logs),
        lambda logs: math.exp(-sum(logs) / (len(logs) + 1)),
        lambda logs: math.exp(-max(logs)),
        lambda logs: math.exp(-sorted(logs)[len(logs) // 2]),
        lambda logs: print(perplexity_as_a_root(logs)),
    ],
    "03.4": [
        pad_on_the_right, pad_left_mask_right, pad_mask_turned_round, pad_mask_from_the_ids,
        pad_with_0_always, pad_without_mask, pad_changes_the_callers_rows, pad_one_too_many, pad_mask_first,
    ],
    "03.5": [
        "", "A brave story about Odo, by the ocean.", "A brave story about Odo at sunset.",
        "A story about Odo, by the ocean at sunset.", "A brave story by the ocean at sunset.",
        "A brave story about Mina, by the ocean at sunset.",
        "A brave story about Odo, by the ocean at night.",
        "A calm story about Odo, by the ocean at sunset.",
        "A brave story about Odo, in the desert at sunset.",
        "A brave story about Odo and Mina, by the ocean at sunset.",
        "A brave story about Odo, by the ocean at sunset, and in the desert at noon.",
        None, ["Odo", "brave", "ocean", "sunset"], {"character": "Odo"}, 3,
    ],
}  # fmt: skip


@settings(max_examples=50)
@given(logits_of(), st.floats(0.01, 1))
def test_the_min_p_solution_equals_the_library(logits, min_p):
    from transformers import MinPLogitsWarper

    ours = notebook_03.keep_min_p(logits, min_p)
    assert same(ours, MinPLogitsWarper(min_p)(None, logits.clone()), logits, logits)


# How the functions are taken out of the notebook


def test_missing_functions_are_named():
    with pytest.raises(KeyError, match="no function 'beam_me_up'.*greedy"):
        functions("03_text_generation", "softmax", "beam_me_up")


def test_functions_come_with_what_they_use_and_with_their_decorators(model, prompts):
    alone = functions("03_text_generation", "sample")
    assert vars(alone).keys() == {"sample"}
    assert alone.sample(model, prompts[0], 2, generator(0)).shape == (1, prompts[0].shape[1] + 2)
    assert not TAUGHT.greedy(model, prompts[0], 1).requires_grad
