"""The measurement of the language model: requests, verdicts, perplexities."""

import json
import math
import random
from collections import Counter
from dataclasses import astuple, replace

import pytest
import torch
from toy import trained

from smallworld.making.evaluation.text import (
    Conditions,
    Plan,
    Request,
    continue_prompts,
    grammar_stories,
    held_out_requests,
    held_out_stories,
    judge,
    load_model,
    measure,
)
from smallworld.making.language.text_data import encode_stories
from smallworld.world import stories
from smallworld.world.checker import read_conditions
from smallworld.world.vocabulary import PLACES, TIMES

# --- requests and verdicts ------------------------------------------------------------------------------


def test_requests_go_through_all_held_out_combinations_evenly():
    requests = held_out_requests(120, seed=0)
    asked = [astuple(request.conditions) for request in requests]
    assert {stories.combination_split(*combination) for combination in asked} == {"test"}
    assert set(asked) == set(stories.combinations("test"))
    counts = Counter(asked).values()
    assert max(counts) - min(counts) <= 1
    for request in requests:
        assert request.conditions.character in request.prompt and request.prompt.endswith("\n")
    assert len({request.prompt.split(" ")[0] for request in requests}) > 2
    assert requests == held_out_requests(120, seed=0) != held_out_requests(120, seed=1)


def test_the_grammar_itself_gets_full_marks_and_a_wrong_place_none():
    requests = held_out_requests(12, seed=0)
    texts = grammar_stories(requests, seed=0)
    verdict = judge(requests, texts)
    assert verdict["passes_check"]["share"] == 1 and verdict["stories_with_fault"] == {}
    assert verdict["place_and_time_obeyed_and_mentioned"]["share"] == 1
    elsewhere = []
    for request in requests:
        place = random.Random(0).choice([place for place in PLACES if place != request.conditions.place])
        elsewhere.append(Request("", replace(request.conditions, place=place)))
    wrong = judge(elsewhere, texts)
    assert wrong["place_and_time_obeyed_and_mentioned"]["share"] == 0
    assert wrong["passes_check"]["share"] == 0 and wrong["stories_with_fault"]["place"] == 12


def test_place_and_time_count_only_where_both_are_named():
    request = held_out_requests(1, seed=0)[0]
    asked: Conditions = request.conditions
    here, now = PLACES[asked.place].within[0], TIMES[asked.time].at[0]
    for words, share in ((f"{here} {now}", 1), (here, 0), (now, 0)):
        verdict = judge([request], [f"{asked.character} sat down {words}."])
        assert verdict["place_and_time_obeyed_and_mentioned"]["share"] == share
        assert verdict["stories_with_fault"]["unfinished"] == 1


# --- the whole measurement ------------------------------------------------------------------------------

PLAN = Plan(samples=3, plain_samples=2, perplexity_stories=6, training_stories=60, card_samples=2)


@pytest.fixture(scope="module")
def run():
    return trained()


@pytest.fixture(scope="module")
def measured(run):
    return measure(run.folder / "model", PLAN).numbers


def test_everything_is_measured(measured):
    again = json.loads(json.dumps(measured))
    assert again == measured
    assert measured["held_out"]["samples"] == 3 and len(measured["samples"]) == 2
    perplexity = measured["perplexity"]
    assert perplexity["stories"] == 6
    assert 1 < perplexity["grammar_bound"] < perplexity["fivegram"] < perplexity["unigram"] < 400
    assert perplexity["model_to_bound"] == pytest.approx(
        perplexity["model"] / perplexity["grammar_bound"], rel=1e-3
    )
    assert 0 < measured["against_grammar"]["overlap_8gram"]["grammar"] < 1
    assert measured["against_grammar"]["verbatim_copies"]["grammar"] == 0
    missed = {row["what"]: row["met"] for row in measured["targets"]}
    assert missed["stories that pass the checker"] is False


def test_perplexities_are_those_of_the_definition(run, measured):
    corpus = held_out_stories(6, 0)
    assert all({"place", "time", "character"} <= read_conditions(story.prompt).keys() for story in corpus)
    documents = encode_stories(run.tokenizer, corpus)
    tokens = sum(len(run.tokenizer(story.text)["input_ids"]) + 1 for story in corpus)
    assert measured["perplexity"]["tokens"] == tokens == (documents.lengths() - documents.text_starts).sum()
    bound = math.exp(-sum(story.log_probability for story in corpus) / tokens)
    assert measured["perplexity"]["grammar_bound"] == pytest.approx(bound, abs=1e-3)


def test_the_same_seed_writes_the_same_and_leaves_global_randomness_alone(run):
    tokenizer, model = load_model(run.folder / "model", "cpu")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    prompts = ["Once upon a time", "Mina"]
    first, again, other = (
        continue_prompts(tokenizer, model, prompts, seed, longest=40) for seed in (1, 1, 2)
    )
    assert torch.equal(before, torch.get_rng_state())
    assert first == again != other
    assert not first[0].startswith("Once") and "<|endoftext|>" not in first[0]
