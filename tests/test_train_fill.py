"""The masked language model: tokenizer, batches, training, measurement, card."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM

from smallworld.judges.intervals import EvaluationError
from smallworld.making import fill as train_fill
from smallworld.making.cards import fill as fill_card
from smallworld.making.evaluation import fill as evaluate_fill
from smallworld.making.evaluation import text as evaluate
from smallworld.making.training import TrainingError
from smallworld.world import stories

TOY = train_fill.Settings(stories=60, steps=8, layers=1, width=24, heads=2, batch=4, warmup=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fill")
    run = train_fill.train(train_fill.start_run(TOY, folder))
    train_fill.export(run, folder / "model")
    return folder / "model"


@pytest.fixture(scope="module")
def data():
    return train_fill.prepare_data(TOY)


def test_the_tokenizer_reads_any_english_word_in_lower_case(data):
    tokenizer, _ = data
    assert tokenizer("Once upon a TIME").input_ids == tokenizer("once upon a time").input_ids
    assert tokenizer.decode(tokenizer("a zebra").input_ids, skip_special_tokens=True) == "a zebra"
    assert tokenizer.unk_token_id not in tokenizer("zebra quiz").input_ids
    assert tokenizer("[MASK]", add_special_tokens=False).input_ids == [tokenizer.mask_token_id]


def test_stories_are_kept_whole_and_know_their_sentences(data):
    tokenizer, encoded = data
    for number, story in enumerate(stories.corpus("train", 60, 0)):
        first, last = encoded.stories[number], encoded.stories[number + 1]
        whole = tokenizer(story.text, add_special_tokens=False).input_ids
        assert encoded.cut(first, last, 1_000).tolist() == whole
        assert last - first == len(story.sentences)


def test_a_batch_depends_on_seed_and_step_alone(data):
    tokenizer, encoded = data
    draw = train_fill.draw_batch
    first, again = (draw(encoded, tokenizer, TOY, 3) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    others = draw(encoded, tokenizer, TOY, 4), draw(encoded, tokenizer, replace(TOY, seed=1), 3)
    assert not any(torch.equal(first[0], other[0]) for other in others)


def test_masking_asks_for_the_share_it_should_and_never_for_special_tokens(data):
    tokenizer, _ = data
    ids = np.random.default_rng(0).integers(0, len(tokenizer), (200, 200))
    inputs, labels = train_fill.mask(ids, tokenizer, 0.2, np.random.default_rng(1))
    asked, special = labels != train_fill.IGNORED, ids < len(train_fill.SPECIAL)
    assert not asked[special].any() and (labels[asked] == ids[asked]).all()
    assert (inputs[~asked] == ids[~asked]).all()
    assert abs(asked[~special].mean() - 0.2) < 0.01
    masked = inputs[asked] == tokenizer.mask_token_id
    kept = inputs[asked] == ids[asked]
    assert abs(masked.mean() - 0.8) < 0.02 and abs(kept.mean() - 0.1) < 0.02


def test_a_stopped_run_goes_on_as_if_never_stopped(tmp_path):
    whole = train_fill.train(train_fill.start_run(TOY, tmp_path / "whole"))
    train_fill.train(train_fill.start_run(TOY, tmp_path / "parts"), stop_at=3)
    resumed = train_fill.start_run(TOY, tmp_path / "parts")
    assert resumed.step == 3
    train_fill.train(resumed)
    for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    with pytest.raises(TrainingError, match="--fresh"):
        train_fill.start_run(replace(TOY, seed=1), tmp_path / "parts")


def test_training_lowers_the_loss(tmp_path):
    run = train_fill.train(train_fill.start_run(replace(TOY, steps=100), tmp_path))
    (_, early), (_, late) = run.curve[0], run.curve[-1]
    assert late < early - 0.2


def test_the_export_loads_as_it_should(folder):
    from transformers import pipeline

    fill = pipeline("fill-mask", model=str(folder))
    assert len(fill("Mina the [MASK] lived in the desert.")) == 5
    _, model = evaluate_fill.load(folder)
    assert model.dtype == torch.float32 and model.num_parameters() < 2e6


def test_only_content_words_of_held_out_stories_are_asked_for(data):
    tokenizer, _ = data
    questions = evaluate_fill.ask(tokenizer, evaluate_fill.Plan(stories=20))
    told = [story.text.lower() for story in stories.corpus("test", 20, 0)]
    assert len(questions) == 160
    for question in questions:
        word = tokenizer.decode([int(question.tokens[question.place])])
        assert word in told[question.story] and word not in evaluate_fill.FUNCTION_WORDS and word.isalpha()
    assert {"the", "she", "three"} <= evaluate_fill.FUNCTION_WORDS
    assert not {"mina", "desert", "night", "red", "balloon", "calm"} & evaluate_fill.FUNCTION_WORDS


def test_the_five_gram_model_sees_only_what_is_on_the_left(data):
    tokenizer, encoded = data
    plan = evaluate_fill.Plan(stories=20)
    questions = evaluate_fill.ask(tokenizer, plan, "train")
    answers = evaluate_fill.counted_answers(tokenizer, encoded, questions)
    changed = []
    for question in questions:
        tokens = question.tokens.copy()
        tokens[question.place :] = 7
        changed.append(replace(question, tokens=tokens))
    assert (evaluate_fill.counted_answers(tokenizer, encoded, changed) == answers).all()
    wanted = [question.tokens[question.place] for question in questions]
    assert (answers == wanted).mean() > 0.5  # its own training stories


def test_the_model_does_not_see_the_word_it_is_asked_for(folder):
    tokenizer, model = evaluate_fill.load(folder)
    questions = evaluate_fill.ask(tokenizer, evaluate_fill.Plan(stories=3))
    changed = []
    for question in questions:
        tokens = question.tokens.copy()
        tokens[question.place] = 9
        changed.append(replace(question, tokens=tokens))
    answers = (evaluate_fill.model_answers(model, tokenizer, part) for part in (questions, changed))
    assert (next(answers) == next(answers)).all()


def test_what_is_measured_fills_the_card(folder):
    measured = evaluate_fill.evaluate_fill(folder, evaluate_fill.Plan(stories=10, training_stories=60))
    assert measured["words"] == 80 and measured["top1"]["share"] <= measured["top5"]["share"]
    gain = 100 * (measured["top1"]["share"] - measured["fivegram_top1"]["share"])
    assert measured["gain"]["points"] == pytest.approx(gain, abs=0.1)
    evaluate.store(measured, folder)
    fill_card.write_card(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"{100 * measured['top1']['share']:.1f} %" in card and "--stories 60" in card
    assert measured["misses"][0]["text"] in card and "{" not in card
    (folder / "evaluation.json").unlink()
    fill_card.write_card(folder)
    assert "Not measured yet" in (folder / "README.md").read_text(encoding="utf-8")
    assert json.loads((folder / "training.json").read_text(encoding="utf-8"))["steps"] == TOY.steps


def test_wrong_requests_end_with_one_sentence(tmp_path, capsys):
    for arguments, words in {
        ("--steps", "0"): "--steps must be above 0",
        ("--masked-share", "1.5"): "--masked-share must be between 0 and 1",
    }.items():
        with pytest.raises(SystemExit):
            train_fill.parse_arguments(list(arguments))
        assert words in capsys.readouterr().err
    with pytest.raises(SystemExit, match="there is no model"):
        train_fill.main(["--start-from", str(tmp_path / "none"), "--output", str(tmp_path / "run")])
    with pytest.raises(EvaluationError, match="make train-fill"):
        evaluate_fill.require_model(tmp_path)


def test_both_kinds_of_layer_occur_as_transformers_5_15_wants_and_each_sees_everything(data):
    tokenizer, _ = data
    shipped = AutoModelForMaskedLM.from_pretrained(train_fill.SHIPPED, dtype=torch.float32)
    for model in (shipped, train_fill.build_model(replace(TOY, layers=2), tokenizer)):
        config = model.config
        assert set(config.layer_types) == set(config.rope_parameters)
        settings = config.to_dict() | {"layer_types": ["full_attention"] * config.num_hidden_layers}
        whole = type(model)(type(config).from_dict(settings)).eval()
        whole.load_state_dict(model.state_dict())
        g = torch.Generator().manual_seed(0)
        ids = torch.randint(5, len(tokenizer), (2, config.max_position_embeddings), generator=g)
        with torch.no_grad():
            assert torch.equal(model.eval()(ids).logits, whole(ids).logits)
