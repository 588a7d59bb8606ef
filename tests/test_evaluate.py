"""The measurement of the text model: counting models, overlap, verdicts, the card."""

import json
import math
import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies
from toy import trained

from smallworld.making import ngrams
from smallworld.making import text as train_text
from smallworld.making.cards import text as model_card
from smallworld.making.evaluation import text as evaluate
from smallworld.world import stories
from smallworld.world.vocabulary import PLACES, TIMES

# --- counting models ------------------------------------------------------------------------------------


def arrays(*documents):
    return [np.array(document, dtype=np.uint16) for document in documents]


def test_kneser_ney_on_counts_done_by_hand():
    model = ngrams.KneserNey(arrays([1, 2, 0], [1, 1, 0]), order=2, vocabulary=4, end=0)
    # bigrams, an end before each document: 01 twice; 12, 20, 11, 10 once -> D = 4 / (4 + 2 * 1)
    # tokens by different predecessors: 0 after {2, 1}, 1 after {0, 1}, 2 after {1} -> D = 1 / (1 + 2 * 2)
    spare = 0.2 * 3 / 5 / 4
    alone = {0: 1.8 / 5 + spare, 1: 1.8 / 5 + spare, 2: 0.8 / 5 + spare, 3: spare}
    expected = {
        (0, 1): (2 - 2 / 3) / 2 + 2 / 3 / 2 * alone[1],
        (0, 2): 2 / 3 / 2 * alone[2],
        (1, 2): (1 - 2 / 3) / 3 + 2 / 3 * alone[2],
        (2, 0): (1 - 2 / 3) / 1 + 2 / 3 * alone[0],
    }
    expected[0, 3] = 2 / 3 / 2 * alone[3]
    assert expected[0, 1] == pytest.approx(2 / 3 + 0.39 / 3)
    for (before, token), probability in expected.items():
        packed = np.array([before << model.bits | token])
        assert model.probabilities(packed)[0] == pytest.approx(probability)
    nats = model.nats(np.array([1, 2, 0]))
    assert nats == pytest.approx([-math.log(expected[pair]) for pair in ((0, 1), (1, 2), (2, 0))])


@settings(max_examples=30, deadline=None)
@given(
    strategies.lists(
        strategies.lists(strategies.integers(0, 6), min_size=1, max_size=12), min_size=1, max_size=6
    ),
    strategies.lists(strategies.integers(0, 6), min_size=2, max_size=2),
    strategies.integers(1, 3),
)
def test_kneser_ney_probabilities_sum_to_one_in_any_context(documents, context, order):
    model = ngrams.KneserNey(arrays(*documents), order=order, vocabulary=7, end=0)
    packed = np.array(
        [(context[0] << 2 * model.bits) | (context[1] << model.bits) | token for token in range(7)]
    )
    probabilities = model.probabilities(packed & ((1 << model.bits * order) - 1))
    assert probabilities.sum() == pytest.approx(1) and (probabilities > 0).all()


def test_five_grams_learn_what_unigrams_cannot():
    documents = arrays(*[[1, 2, 3, 4, 5, 0], [1, 2, 3, 5, 4, 0]] * 50)
    unigram = ngrams.unigram_nats(documents, 6)
    fivegram = ngrams.KneserNey(documents, 5, 6, 0)
    per_token = fivegram.nats(documents[0])
    assert unigram[documents[0]].mean() == pytest.approx(math.log(6))
    assert per_token[[0, 1, 2, 4, 5]].max() < 0.05 and per_token[3] == pytest.approx(math.log(2), abs=0.05)


def test_orders_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="lower the order"):
        ngrams.KneserNey(arrays([1, 2]), order=6, vocabulary=2048, end=0)


WORDS = strategies.lists(strategies.sampled_from(["a", "bear", "saw", "the", "sea"]), max_size=14).map(
    " ".join
)


@settings(max_examples=50, deadline=None)
@given(strategies.lists(WORDS, min_size=1, max_size=5), strategies.lists(WORDS, min_size=1, max_size=5))
def test_overlap_equals_counting_with_sets(known, told):
    def grams(text):
        split = text.split()
        return [tuple(split[i : i + 3]) for i in range(len(split) - 2)]

    seen = {gram for text in known for gram in grams(text)}
    wanted = [gram in seen for text in told for gram in grams(text)]
    share = ngrams.SeenNgrams(known, 3).share(told)
    assert math.isnan(share) if not wanted else share == pytest.approx(np.mean(wanted))


def test_overlap_ignores_case_and_punctuation_but_not_order():
    seen = ngrams.SeenNgrams(["One two three, four five six seven eight."], 8)
    assert seen.share(["one TWO three four; five six seven eight!"]) == 1
    assert seen.share(["two one three four five six seven eight"]) == 0
    assert seen.share(["one two three four five six seven nine"]) == 0


def test_distinct_counts_different_ngrams():
    assert ngrams.distinct(["a b a b"], 1) == 0.5
    assert ngrams.distinct(["a b a b", "a b"], 2) == pytest.approx(2 / 4)
    assert math.isnan(ngrams.distinct(["a"], 2))


def test_the_interval_holds_the_share_and_narrows_with_more_samples():
    assert evaluate.interval([True] * 20) == {"share": 1.0, "low": 1.0, "high": 1.0}
    few, many = evaluate.interval([True, False] * 20), evaluate.interval([True, False] * 500)
    assert few["low"] < 0.4 < many["low"] < 0.5 < many["high"] < 0.6 < few["high"]
    assert many["high"] - many["low"] == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 1000), rel=0.15)


# --- requests and verdicts ------------------------------------------------------------------------------


def test_requests_go_through_all_held_out_combinations_evenly():
    requests = evaluate.held_out_requests(120, seed=0)
    asked = [(one.place, one.time, one.character) for one in requests]
    assert {stories.combination_split(*one) for one in asked} == {"test"}
    assert set(asked) == set(stories.combinations("test"))
    counts = [asked.count(one) for one in set(asked)]
    assert max(counts) - min(counts) <= 1
    assert all(one.character in one.prompt and one.prompt.endswith("\n") for one in requests)
    assert len({one.prompt.split(" ")[0] for one in requests}) > 2
    assert requests == evaluate.held_out_requests(120, seed=0) != evaluate.held_out_requests(120, seed=1)


def test_the_grammar_itself_gets_full_marks_and_a_wrong_place_none():
    requests = evaluate.held_out_requests(12, seed=0)
    texts = evaluate.grammar_stories(requests, seed=0)
    verdict = evaluate.judge(requests, texts)
    assert verdict["passes_check"]["share"] == 1 and verdict["stories_with_fault"] == {}
    assert verdict["place_and_time_obeyed_and_mentioned"]["share"] == 1
    elsewhere = [
        evaluate.Asked(
            "", random.Random(0).choice([p for p in PLACES if p != one.place]), one.time, one.character
        )
        for one in requests
    ]
    wrong = evaluate.judge(elsewhere, texts)
    assert wrong["place_and_time_obeyed_and_mentioned"]["share"] == 0
    assert wrong["passes_check"]["share"] == 0 and wrong["stories_with_fault"]["place"] == 12


def test_place_and_time_count_only_where_both_are_named():
    asked = evaluate.held_out_requests(1, seed=0)[0]
    here, now = PLACES[asked.place].within[0], TIMES[asked.time].at[0]
    for words, share in ((f"{here} {now}", 1), (here, 0), (now, 0)):
        verdict = evaluate.judge([asked], [f"{asked.character} sat down {words}."])
        assert verdict["place_and_time_obeyed_and_mentioned"]["share"] == share
        assert verdict["stories_with_fault"]["unfinished"] == 1


# --- the whole measurement ------------------------------------------------------------------------------

PLAN = evaluate.Plan(samples=3, plain_samples=2, perplexity_stories=6, training_stories=60, card_samples=2)


@pytest.fixture(scope="module")
def run():
    return trained()


@pytest.fixture(scope="module")
def measured(run):
    return evaluate.evaluate_text(run.folder / "model", PLAN)


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
    assert 0.01 < measured["against_grammar"]["overlap_8gram"]["grammar"] < 1
    assert measured["against_grammar"]["verbatim_copies"]["grammar"] == 0
    missed = {row["what"]: row["met"] for row in measured["targets"]}
    assert missed["stories that pass the checker"] is False


def test_perplexities_are_those_of_the_definition(run, measured):
    told = evaluate.held_out_stories(6, 0)
    assert all(" the " in story.prompt for story in told)
    documents = train_text.encode_stories(run.tokenizer, told)
    tokens = sum(len(run.tokenizer(story.text)["input_ids"]) + 1 for story in told)
    assert measured["perplexity"]["tokens"] == tokens == (documents.lengths() - documents.text_starts).sum()
    bound = math.exp(-sum(story.log_probability for story in told) / tokens)
    assert measured["perplexity"]["grammar_bound"] == pytest.approx(bound, abs=1e-3)


def test_the_same_seed_writes_the_same_and_leaves_global_randomness_alone(run):
    tokenizer, model = evaluate.load_model(run.folder / "model", "cpu")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    told = [
        evaluate.continue_prompts(tokenizer, model, ["Once upon a time", "Mina"], seed, longest=40)
        for seed in (1, 1, 2)
    ]
    assert torch.equal(before, torch.get_rng_state())
    assert told[0] == told[1] != told[2]
    assert not told[0][0].startswith("Once") and "<|endoftext|>" not in told[0][0]


def test_the_card_tells_what_was_measured_and_what_was_missed(run, measured, tmp_path):
    folder = Path(shutil.copytree(run.folder / "model", tmp_path / "model"))
    (folder / "evaluation.json").write_text(json.dumps(measured), encoding="utf-8")
    model_card.write_card(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "**missed**" in card and "Not measured yet" not in card
    assert f"| {measured['perplexity']['fivegram']:.3f} |" in card
    assert card.count("**Seed ") == 2 and str(run.folder) not in card
    assert not re.search(r"\{[a-z_]+\}", card)


def test_a_model_that_is_not_there_yet_is_left_out_unless_it_is_asked_for(run, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(evaluate, "evaluate_text", lambda folder, plan: {})
    common = ["--model", str(run.folder / "model"), "--images", str(tmp_path)]
    common += ["--fill", str(tmp_path)]
    evaluate.main(common)
    said = capsys.readouterr()
    assert json.loads(said.out) == {"quick": False, "text": {}} and "no image model" in said.err
    assert "no fill model" in said.err
    with pytest.raises(SystemExit, match="There is no image model in"):
        evaluate.main([*common, "--only", "image"])
    with pytest.raises(SystemExit, match="make train-fill"):
        evaluate.main([*common, "--only", "fill"])


def test_stdout_is_json_and_nothing_else(run, monkeypatch, capsys):
    monkeypatch.setattr(evaluate, "evaluate_text", lambda folder, plan: {"plan": plan.samples})
    evaluate.main(["--only", "text", "--samples", "7", "--model", str(run.folder / "model")])
    assert json.loads(capsys.readouterr().out) == {"quick": False, "text": {"plan": 7}}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--samples", "0"], "--samples must be at least 1"),
        (["--model", "{empty}"], "There is no model in"),
        (["--quick", "--card"], "leave --quick out"),
    ],
)
def test_bad_input_gets_one_sentence(arguments, sentence, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        evaluate.main([argument.replace("{empty}", str(tmp_path)) for argument in arguments])
    said = capsys.readouterr().err if isinstance(stopped.value.code, int) else str(stopped.value.code)
    assert sentence in said
