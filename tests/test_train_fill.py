"""The trainer of the masked language model: tokenizer, batches, stopping at any moment, export."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_fill import TOY, trained
from transformers import AutoModelForMaskedLM

from smallworld.making.fill import build_model, main, parse_arguments, start_run
from smallworld.making.fill_data import IGNORED, SHIPPED, SPECIAL, draw_batch, mask, prepare_data
from smallworld.making.language_run import train
from smallworld.making.training import TrainingError
from smallworld.world import stories


@pytest.fixture(scope="module")
def data():
    return prepare_data(TOY)


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
    first, again = (draw_batch(encoded, tokenizer, TOY, 3) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    others = draw_batch(encoded, tokenizer, TOY, 4), draw_batch(encoded, tokenizer, replace(TOY, seed=1), 3)
    assert not any(torch.equal(first[0], other[0]) for other in others)


def test_masking_asks_for_the_share_it_should_and_never_for_special_tokens(data):
    tokenizer, _ = data
    ids = np.random.default_rng(0).integers(0, len(tokenizer), (200, 200))
    inputs, labels = mask(ids, tokenizer, 0.2, np.random.default_rng(1))
    asked, special = labels != IGNORED, ids < len(SPECIAL)
    assert not asked[special].any() and (labels[asked] == ids[asked]).all()
    assert (inputs[~asked] == ids[~asked]).all()
    assert abs(asked[~special].mean() - 0.2) < 0.01
    masked = inputs[asked] == tokenizer.mask_token_id
    kept = inputs[asked] == ids[asked]
    assert abs(masked.mean() - 0.8) < 0.02 and abs(kept.mean() - 0.1) < 0.02


def test_a_stopped_run_goes_on_as_if_never_stopped(tmp_path):
    whole = train(start_run(TOY, tmp_path / "whole"))
    train(start_run(TOY, tmp_path / "parts"), stop_at=3)
    resumed = start_run(TOY, tmp_path / "parts")
    assert resumed.step == 3
    train(resumed)
    for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    with pytest.raises(TrainingError, match="--fresh"):
        start_run(replace(TOY, seed=1), tmp_path / "parts")


def test_training_lowers_the_loss(tmp_path):
    run = train(start_run(replace(TOY, steps=100), tmp_path))
    (_, early), (_, late) = run.curve[0], run.curve[-1]
    assert late < early - 0.2


def test_the_export_loads_as_it_should():
    from transformers import pipeline

    folder = trained()
    fill = pipeline("fill-mask", model=str(folder), device="cpu")
    assert len(fill("Mina the [MASK] lived in the desert.")) == 5
    model = AutoModelForMaskedLM.from_pretrained(folder)
    assert model.dtype == torch.float16 and model.num_parameters() < 2e6
    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert record["steps"] == TOY.steps and record["word_pieces"] == fill.tokenizer.vocab_size


def test_wrong_requests_end_with_one_sentence(tmp_path, capsys):
    for arguments, words in {
        ("--steps", "0"): "--steps must be above 0",
        ("--masked-share", "1.5"): "--masked-share must be between 0 and 1",
    }.items():
        with pytest.raises(SystemExit):
            parse_arguments(list(arguments))
        assert words in capsys.readouterr().err
    with pytest.raises(SystemExit, match="there is no model"):
        main(["--start-from", str(tmp_path / "none"), "--output", str(tmp_path / "run")])


def test_both_kinds_of_layer_occur_as_transformers_5_15_wants_and_each_sees_everything(data):
    tokenizer, _ = data
    shipped = AutoModelForMaskedLM.from_pretrained(SHIPPED, dtype=torch.float32)
    for model in (shipped, build_model(replace(TOY, layers=2), tokenizer)):
        config = model.config
        assert set(config.layer_types) == set(config.rope_parameters)
        settings = config.to_dict() | {"layer_types": ["full_attention"] * config.num_hidden_layers}
        whole = type(model)(type(config).from_dict(settings)).eval()
        whole.load_state_dict(model.state_dict())
        g = torch.Generator().manual_seed(0)
        ids = torch.randint(5, len(tokenizer), (2, config.max_position_embeddings), generator=g)
        with torch.no_grad():
            assert torch.equal(model.eval()(ids).logits, whole(ids).logits)
