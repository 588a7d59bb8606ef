"""Notebook 13: its decoders against Transformers, its lesson, its exercises against answers."""

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

from helpers.lessons.text import deeper, deeper_attention
from helpers.lessons.text import deeper_exercises as notebook_13
from helpers.session import generator
from smallworld.world import stories
from tests.notebook_code import functions

pytest_plugins = ("fixtures_text",)

NAMES = (
    "greedy", "greedy_cached", "with_temperature", "keep_top_k", "keep_top_p", "penalise_repetition",
    "sample", "beam_search", "silence",
)  # fmt: skip
TAUGHT = functions("13_text_generation_deeper", *NAMES)
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


@given(logits_of(least=2))
def test_towards_temperature_0_only_the_likeliest_is_left(logits):
    logits = logits.round()  # so that the gap to the second is 1 or more, or 0
    sharp = TAUGHT.with_temperature(logits.float(), 0.001).softmax(dim=-1)
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


def read_by_formula(prompt, new, cached):
    return prompt + new - 1 if cached else new * prompt + new * (new - 1) // 2


def read_by_loop(prompt, new, cached):
    total, length = 0, prompt
    for step in range(new):
        total += 1 if cached and step else length
        length += 1
    return total


RIGHT = {
    "13.1": [min_p_by_logarithms, min_p_by_where],
    "13.2": [perplexity_in_torch, perplexity_as_a_root],
    "13.3": [read_by_formula, read_by_loop],
    "13.4": [pad_by_loop, pad_by_tensors],
}
WRONG = {
    "13.1": [
        min_p_changes_its_input, min_p_one_bar_for_all_rows, min_p_maximum_of_columns,
        min_p_softmax_over_rows, min_p_keeps_the_wrong_side, min_p_compares_logits,
        lambda z, m: min_p_by_where(z, m).softmax(-1),
        lambda z, m: min_p_by_where(z, m).nan_to_num(neginf=0.0),
        lambda z, m: z.masked_fill(z.softmax(-1) < m, -torch.inf),
        lambda z, m: z,
    ],
    "13.2": [
        lambda logs: math.exp(sum(logs) / len(logs)),
        lambda logs: -sum(logs) / len(logs),
        lambda logs: math.exp(-sum(logs)),
        lambda logs: 2 ** (-sum(logs) / len(logs)),
        lambda logs: sum(math.exp(-log) for log in logs) / len(logs),
        lambda logs: math.exp(-max(logs)),
        lambda logs: print(perplexity_as_a_root(logs)),
    ],
    "13.3": [
        lambda prompt, new, cached: prompt + new - 1,
        lambda prompt, new, cached: read_by_loop(prompt, new + 1, cached),
        lambda prompt, new, cached: read_by_loop(0, new, cached),
        lambda prompt, new, cached: read_by_loop(prompt, new, not cached),
        lambda prompt, new, cached: new if cached else read_by_loop(prompt, new, False),
        lambda prompt, new, cached: prompt + new if cached else new * (prompt + new),
        lambda prompt, new, cached: None,
    ],
    "13.4": [
        pad_on_the_right, pad_left_mask_right, pad_mask_turned_round, pad_mask_from_the_ids,
        pad_with_0_always, pad_without_mask, pad_changes_the_callers_rows, pad_one_too_many, pad_mask_first,
    ],
}  # fmt: skip


@settings(max_examples=50)
@given(logits_of(), st.floats(0.01, 1))
def test_the_min_p_solution_equals_the_library(logits, min_p):
    from transformers import MinPLogitsWarper

    ours = notebook_13.keep_min_p(logits, min_p)
    assert same(ours, MinPLogitsWarper(min_p)(None, logits.clone()), logits, logits)


# The lesson


@pytest.mark.parametrize("beams", [1, 2, 3])
def test_the_tree_of_beams_ends_where_beam_search_ends(beams, shipped):
    tokenizer, model = shipped
    prompt = "Once upon a time,"
    branches = dict(deeper.beam_branches(tokenizer, model, prompt, beams=beams, steps=2))
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    ours, total = TAUGHT.beam_search(model, ids, beams, 2, tokenizer.eos_token_id)
    path = tuple(tokenizer.decode([i]) for i in ours[0, ids.shape[1] :].tolist())
    assert math.log(branches[path[:1]] * branches[path]) == pytest.approx(total, abs=1e-3)
    products = [branches[words[:1]] * chance for words, chance in branches.items() if len(words) == 2]
    assert branches[path[:1]] * branches[path] == pytest.approx(max(products))


def test_a_story_obeys_only_its_own_request():
    wanted, elsewhere, at_noon = (
        ("desert", "night", "Mina"), ("ocean", "night", "Mina"), ("desert", "noon", "Mina"),
    )  # fmt: skip
    story = next(
        story.text for story in stories.corpus("train", 3000)
        if (story.facts["place"], story.facts["time"], story.facts["character"]) == wanted
        and deeper.count_obeyed([story.text], [wanted])
    )  # fmt: skip
    assert deeper.count_obeyed([story, story, story], [wanted, elsewhere, at_noon]) == 1
    assert deeper.count_obeyed(["The fox ran home."], [wanted]) == 0


def test_pairs_of_triples():
    assert deeper.pairs_of([("city", "noon", "Odo")]) == {("city", "noon"), ("city", "Odo"), ("noon", "Odo")}
    assert deeper.pairs_of(stories.combinations("test")) <= deeper.pairs_of(stories.combinations("train"))


def test_beginnings_are_counted():
    assert deeper.count_beginnings(["a b c d e", "a b c d f", "a b", "a b c"]) == 3


def test_a_renamed_hero_is_another_one_the_last_time_only():
    assert deeper.rename_last("Mina met Pim. Mina left.", "Mina") == "Mina met Pim. Bram left."


def test_padding_is_counted_with_and_without_filler(capsys):
    alone = torch.tensor([[1, 2], [3, 4], [5, 6]])
    spoilt = alone.clone()
    spoilt[0, 1] = 9
    filler = torch.tensor([True, True, False])
    assert deeper.print_unchanged({"a": alone, "b": spoilt}, alone, filler) == {"a": 3, "b": 2}
    assert "b                  1 of 2 with filler, 1 of 1 without" in capsys.readouterr().out


def test_count_bars_have_intervals_with_a_width():
    figure = deeper.count_bars({"asked": (18, 18), "not": (0, 18)}, "group", "share")
    segments = figure.axes[0].collections[0].get_segments()
    assert [round(float(high[1] - low[1]), 2) for low, high in segments] == [0.18, 0.18]
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["asked\n18 of 18", "not\n0 of 18"]


def test_maps_share_one_scale():
    figure = deeper.two_maps({"sound": [[1, 2]], "varied": [[3, 4]]}, (1.0,), (0.5, 1.0), trials=9)
    limits = [axes.images[0].get_clim() for axes in figure.axes if axes.images]
    assert limits == [(0, 9), (0, 9)]


@pytest.mark.parametrize("place", stories.PLACES)
def test_a_probe_stops_right_before_the_place(place, shipped):
    tokenizer, model = shipped
    probe = deeper_attention.place_probe(tokenizer, place)
    assert probe.words[-1] == probe.words[probe.article] == " the" and probe.words[probe.name] == " Mina"
    assert probe.words[probe.asked] == tokenizer.decode([probe.answer])
    assert probe.asked < probe.story and probe.words[probe.story] == "There"
    assert probe.words[probe.asked].strip() in stories.PLACES[place].within[0]
    assert deeper_attention.chances_of_place(model, [probe]).item() > 0.1
    assert probe.elsewhere[0, : probe.story].equal(probe.ids[0, : probe.story])


def test_a_silenced_head_says_nothing_and_speaks_again(shipped):
    tokenizer, model = shipped
    ids = deeper_attention.place_probe(tokenizer, "desert").ids
    size = model.config.n_embd // model.config.n_head
    seen = {}
    layer = model.transformer.h[2].attn.c_proj
    with torch.no_grad():
        before = model(ids).logits
        silencer = TAUGHT.silence(model, 2, 1)
        hook = layer.register_forward_pre_hook(lambda _, inputs: seen.update(given=inputs[0]))
        changed = model(ids).logits
        hook.remove()
        silencer.remove()
        assert torch.equal(model(ids).logits, before) and not torch.allclose(changed, before)
    assert (seen["given"][..., size : 2 * size] == 0).all()
    assert (seen["given"][..., :size] != 0).any() and (seen["given"][..., 2 * size :] != 0).any()


def test_looks_are_read_at_the_right_places(shipped):
    probe = deeper_attention.place_probe(shipped[0], "forest")
    count = len(probe.words)
    weights = torch.zeros(count, count)
    weights[-1, probe.asked], weights[-1, probe.article], weights[-1, probe.name] = 0.5, 0.25, 0.125
    weights[probe.story : -1, probe.asked] = 0.0625
    weights[: probe.story, probe.asked] = 9.0  # the request itself does not count
    elsewhere = torch.zeros(count, count)
    elsewhere[-1, probe.asked] = 0.75
    looks = deeper_attention.looks(probe, weights, elsewhere)
    assert list(looks.values()) == [0.5, 0.25, 0.125, 0.0625, 0.75]


def test_functions_come_with_what_they_use(model, prompts):
    alone = functions("13_text_generation_deeper", "sample")
    assert vars(alone).keys() == {"sample"}
    assert alone.sample(model, prompts[0], 2, generator(0)).shape == (1, prompts[0].shape[1] + 2)
    assert not TAUGHT.greedy(model, prompts[0], 1).requires_grad
