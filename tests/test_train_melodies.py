"""The trainer of the melody model: tokenizer, documents, stopping at any moment, export."""

import json
from dataclasses import replace

import pytest
import torch
from toy_melodies import TOY, trained
from transformers import AutoModelForCausalLM, AutoTokenizer

from smallworld.making.language.melody_data import END, UNKNOWN, build_tokenizer, encode_tunes, fingerprint
from smallworld.making.language.run import train
from smallworld.making.language.text_data import IGNORED
from smallworld.making.melodies import main, parse_arguments, start_run
from smallworld.making.training import TrainingError
from smallworld.world import melodies
from smallworld.world.melody_grammar import corpus


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(TOY.positions)


@pytest.fixture(scope="module")
def tunes():
    return list(corpus("train", 60))


def test_each_word_of_a_tune_is_one_token_and_comes_back(tokenizer, tunes):
    assert len(tokenizer) == len(melodies.words()) + 2
    for tune in tunes:
        text = f"{tune.prompt} {tune.text}"
        ids = tokenizer(text).input_ids
        assert len(ids) == len(text.split()) and tokenizer.decode(ids) == text
        assert tokenizer.unk_token_id not in ids
    assert tokenizer("calm moon").input_ids[1] == tokenizer.convert_tokens_to_ids(UNKNOWN)
    assert tokenizer.eos_token == tokenizer.bos_token == tokenizer.pad_token == END


def test_a_document_is_request_notes_and_end(tokenizer, tunes):
    documents = encode_tunes(tokenizer, tunes)
    for number, tune in enumerate(tunes):
        ids = documents[number].tolist()
        assert ids[-1] == tokenizer.eos_token_id and len(ids) <= TOY.positions
        assert tokenizer.decode(ids[: documents.text_starts[number]]) == tune.prompt
        assert tokenizer.decode(ids[documents.text_starts[number] : -1]) == tune.text
        assert documents.log_probabilities[number] == tune.log_probability


def test_the_longest_tune_and_an_end_token_before_it_fit_into_the_positions(tokenizer):
    longest = max(len(tokenizer(f"{tune.prompt} {tune.text}").input_ids) for tune in corpus("train", 600))
    assert longest + 2 <= TOY.positions


def test_the_request_is_not_part_of_the_loss(tmp_path):
    run = start_run(TOY, tmp_path)
    input_ids, labels = next(run.batches())
    start = run.tokenizer.convert_tokens_to_ids(melodies.START)
    for row, wanted in zip(input_ids, labels, strict=True):
        place = row.tolist().index(start)
        first = int(row[0] == run.tokenizer.eos_token_id)
        assert wanted[first:place].eq(IGNORED).all() and wanted[place:].ne(IGNORED).any()


def test_a_stopped_run_goes_on_as_if_never_stopped(tmp_path):
    whole = train(start_run(TOY, tmp_path / "whole"))
    train(start_run(TOY, tmp_path / "parts"), stop_at=3)
    resumed = start_run(TOY, tmp_path / "parts")
    assert resumed.step == 3
    train(resumed)
    for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    assert [step for step, _ in whole.curve["validation"]] == [4, 8]
    with pytest.raises(TrainingError, match="the world's tunes|seed"):
        start_run(replace(TOY, seed=1), tmp_path / "parts")


def test_training_lowers_the_loss(tmp_path):
    run = train(start_run(replace(TOY, steps=60), tmp_path))
    (_, early), (_, late) = run.curve["train"][0], run.curve["train"][-1]
    assert late < early - 0.2


def test_the_export_loads_as_it_should():
    folder = trained()
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    assert model.dtype == torch.float16 and model.config.vocab_size == len(tokenizer)
    assert tokenizer.padding_side == "left" and tokenizer.decode(tokenizer("D4 1 |").input_ids) == "D4 1 |"
    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert record["steps"] == TOY.steps and record["words"] == len(tokenizer)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "Not measured yet" in card and "make train-melodies" in card


def test_the_fingerprint_knows_what_shapes_the_data():
    assert fingerprint(TOY) == fingerprint(replace(TOY, steps=9)) != fingerprint(replace(TOY, tunes=9))


def test_wrong_requests_end_with_one_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit):
        parse_arguments(["--steps", "0"])
    assert "--steps must be above 0" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="there is no model"):
        main(["--start-from", str(tmp_path / "none"), "--output", str(tmp_path / "run")])
