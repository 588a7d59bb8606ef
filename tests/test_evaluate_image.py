"""The measurement of the image model: every part of it, on a toy model, and the card that it fills."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_images import ToySettings, trained

from smallworld.judges import pictures as judge
from smallworld.making.evaluation import guidance, image_bench
from smallworld.making.evaluation.image import PART, measure_all, training_scenes_of
from smallworld.making.evaluation.image_bench import (
    Bench,
    Plan,
    fresh_scenes,
    measure_autoencoder,
    measure_prompts,
    scenes_like,
)
from smallworld.making.image_pipeline import encode, load_pipeline, reconstruct
from smallworld.making.images import training_scenes
from smallworld.making.models import ModelError
from smallworld.making.picture_judge import draw_all
from smallworld.world import scenes
from smallworld.world.prompts import Asked, caption_requests

TINY = Plan(1, 1, 2, 40, 8, 2, 4, 40, 60, 1, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("measured") / "model"
    return shutil.copytree(trained()["folder"] / "model", target)


@pytest.fixture(scope="module")
def bench(folder):
    return Bench(load_pipeline(folder), judge.load(), TINY, steps=2)


@pytest.fixture(scope="module")
def measured(bench, folder):
    result = measure_all(bench, training_scenes_of(folder))
    PART.store(result, folder)
    return result.numbers


def test_the_training_scenes_are_those_of_the_record(folder):
    assert training_scenes_of(folder) == training_scenes(ToySettings().scenes, 0)
    assert len(training_scenes_of(folder, 7)) == 7


def test_a_picture_depends_on_its_prompt_and_seed_alone(bench):
    asked = [Asked(text, {}) for text in ("a red balloon", "the sea at night", "snow")]
    together = bench.draw(asked, [3, 4, 5], "three").astype(int)
    alone = bench.draw(asked[1:2], [4], "one").astype(int)
    assert np.abs(together[1:2] - alone).max() <= 1
    assert np.abs(together[1:2] - bench.draw(asked[1:2], [6], "another seed")).max() > 5


def test_a_toy_model_misses_nearly_every_target_and_is_told_so(measured):
    rows = {row["what"]: row for row in measured["targets"]}
    assert len(measured["targets"]) >= 15
    for what in ("place, time and thing all right", "PSNR on held-out scenes (dB)"):
        assert not rows[what]["met"]
    assert rows["the judge on held-out drawn scenes (worst of place, time, thing)"]["value"] > 0.9
    json.dumps(measured)


def test_everything_is_measured_on_held_out_combinations(measured, bench):
    held = measured["held_out"]
    assert held["pictures"] == len(scenes.combinations("test"))
    assert measured["sentences"]["sentences"] >= 40 and measured["article"]["pictures"] == 2
    assert set(measured["schedulers"]) == {"DDIM", "Euler", "DPM-Solver++"}
    assert set(measured["steps"]) == {"2", "50", "gained_by_50"}
    assert set(measured["copying"]) == {"training_scenes", "test", "train"}
    assert type(bench.pipe.scheduler).__name__ == "DDIMScheduler"


def test_drawn_scenes_in_place_of_generated_ones_meet_the_targets(bench):
    """A perfect model would pass: the targets are not out of reach because of how they are measured."""
    plan = replace(TINY, rounds=4)
    asked = caption_requests("test", plan.rounds, 0)
    drawn = draw_all(scenes_like(asked, "test", 1))
    found = measure_prompts(bench, asked, drawn)
    assert all(found[fact]["share"] >= 0.97 for fact in ("all", "place", "time", "thing", "color", "several"))
    swapped = measure_prompts(bench, asked, drawn[::-1])
    assert swapped["all"]["share"] < 0.2 and len(swapped["misses"]) > 100


def test_the_autoencoder_is_measured_on_scenes_it_never_saw(bench, monkeypatch):
    monkeypatch.setattr(image_bench, "reconstruct", lambda pipe, pictures: pictures)
    exact, judged, _ = measure_autoencoder(bench)
    assert exact["held_out_scenes"]["value"] >= 99 and judged["most_lost"] == 0
    monkeypatch.setattr(image_bench, "reconstruct", lambda pipe, pictures: pictures // 2)
    exact, judged, _ = measure_autoencoder(bench)
    assert exact["held_out_scenes"]["value"] < 15 and judged["most_lost"] > 0.02


def test_latents_of_a_picture_decode_to_its_reconstruction(bench):
    pictures = draw_all(fresh_scenes("test", 3, 0))
    flat = torch.from_numpy(encode(bench.pipe, pictures)).reshape(3, -1, 16, 16)
    with torch.no_grad():
        decoded = bench.pipe.vae.decode(flat / bench.pipe.vae.config.scaling_factor).sample
    shown = ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().permute(0, 2, 3, 1).numpy()
    assert np.abs(shown - reconstruct(bench.pipe, pictures)).max() <= 1


def test_numbers_card_and_pictures_are_kept_beside_the_model(measured, folder):
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "Not measured yet" not in card and "**missed**" in card and "samples.png" in card
    for name in ("samples.png", "autoencoder.png", "misses.png"):
        assert (folder / name).stat().st_size > 1000
    assert f"{measured['held_out']['place']['share']:.1%}" in card
    assert measured["samples"][0]["prompt"] in card


def test_the_settings_table_uses_validation_combinations(folder, monkeypatch):
    splits = []

    def six_requests(split, rounds, seed):
        splits.append(split)
        return caption_requests(split, rounds, seed)[:6]

    monkeypatch.setattr(guidance, "caption_requests", six_requests)
    rows = guidance.settings_table(folder, [1.0, 4.0], [2], TINY)
    assert [row["guidance_scale"] for row in rows] == [1.0, 4.0] and set(splits) == {"validation"}
    assert all(0 <= row["all"] <= 1 and row["layout_ratio"] > 0 for row in rows)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--guidance", "0.5"], "--guidance must be at least 1"),
        (["--steps", "0"], "must be at least 1"),
        (["--images", "{empty}"], "There is no model in"),
    ],
)
def test_bad_input_gets_one_sentence(arguments, sentence, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        guidance.main([argument.replace("{empty}", str(tmp_path)) for argument in arguments])
    said = capsys.readouterr().err if isinstance(stopped.value.code, int) else str(stopped.value.code)
    assert sentence in said and "Traceback" not in said


def test_a_damaged_model_is_named(folder, tmp_path):
    broken = shutil.copytree(folder, tmp_path / "broken")
    weights = broken / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be read.*restore it"):
        load_pipeline(broken)
