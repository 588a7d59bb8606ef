"""The measurement of the melody model: fair comparisons, the counting model, the numbers."""

import pytest
from toy_melodies import TOY, trained

from smallworld.making.evaluation import melodies as evaluation
from smallworld.making.evaluation.melodies import Plan, examine_reader, judge, measure, threegram_tunes
from smallworld.making.language.melody_data import build_tokenizer, encode_tunes
from smallworld.world.melodies import Wish, ask, four_bars, read_notes, wishes
from smallworld.world.melody_grammar import compose, corpus


@pytest.fixture(scope="module")
def training():
    return list(corpus("train", 300, exact=False))


def test_tunes_of_the_grammar_are_judged_right_and_copies_are_found(training):
    asked = wishes("test", 32)
    texts = [compose(*wish).text for wish in asked]
    own = {phrase for text in texts for phrase in four_bars(read_notes(text))}
    result = judge(texts, asked, own)
    assert result["copied"]["share"] == result["in_key"]["share"] == result["in_metre"]["share"] == 1
    assert result["comes_home"]["share"] == result["notes_in_key"]["share"] == 1
    assert result["all"]["share"] > 0.9 and judge(texts, asked, set())["copied"]["share"] == 0
    others = judge(texts[1:] + texts[:1], asked, set())
    assert others["mood"]["share"] < 0.5 and others["all"]["share"] < 0.1


def test_what_is_no_tune_obeys_nothing():
    result = judge(["", "what"], [Wish("calm", "ocean", "D", "3/4")] * 2, set())
    assert {value["share"] for value in result.values()} == {0.0}


def test_the_counting_model_writes_only_triples_that_it_has_seen_when_its_data_are_its_own(training):
    tokenizer = build_tokenizer(TOY.positions)
    documents = encode_tunes(tokenizer, training)
    prompts = [ask(*wish) for wish in wishes("train", 6)]
    texts = threegram_tunes(tokenizer, documents, prompts, 0)
    assert texts == threegram_tunes(tokenizer, documents, prompts, 0)
    assert texts != threegram_tunes(tokenizer, documents, prompts, 1)
    assert all(len(text.split()) <= evaluation.LONGEST for text in texts) and any(texts)


def test_the_reader_is_examined_on_right_and_on_changed_tunes():
    result = examine_reader(list(corpus("test", 60)), 0)
    assert min(value["share"] for value in result["right"].values()) > 0.9
    assert min(value["share"] for value in result["noticed"].values()) > 0.8


def test_all_numbers_are_there_and_the_model_is_held_to_the_targets():
    measured = measure(trained(), Plan(tunes=12, held_out=12, training_tunes=60, samples=2)).numbers
    assert set(measured["writers"]) == {"model", "grammar", "threegram", "random", "other_request"}
    assert [row["what"] for row in measured["targets"]][:2] == ["tunes in key", "tunes in metre"]
    assert set(measured["nats_per_token"]) == {"tunes", "model", "grammar", "threegram"}
    assert len(measured["samples"]) == 2 and measured["samples"][0]["request"].endswith(":")
