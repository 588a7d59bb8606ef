"""The hub's models that speak and play, with tiny stand-ins of random weights."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers import hub, registry
from helpers.errors import WorkbookError
from helpers.lessons.sound import hub_models
from helpers.session import Session
from tests.tiny_sound import save_musicgen, save_vits


@pytest.fixture(scope="module")
def voice_folder(tmp_path_factory) -> Path:
    return save_vits(tmp_path_factory.mktemp("voice"))


@pytest.fixture(scope="module")
def music_folder(tmp_path_factory) -> Path:
    return save_musicgen(tmp_path_factory.mktemp("music"))


def session(profile: str = "hub") -> Session:
    return Session(profile, "cpu", torch.float32, 0, Path(), live=False)


def test_a_voice_speaks_a_text_and_a_seed_fixes_it(voice_folder):
    tokenizer, model = hub_models.load_voice(session(), str(voice_folder))
    state = torch.get_rng_state()
    samples, rate = hub_models.speak(tokenizer, model, "Hello there", seed=1)
    again, _ = hub_models.speak(tokenizer, model, "Hello there", seed=1)
    other, _ = hub_models.speak(tokenizer, model, "Hello there", seed=2)
    assert rate == 16000 and samples.ndim == 1 and np.isfinite(samples).all() and np.abs(samples).max() <= 1
    assert np.array_equal(samples, again) and torch.equal(torch.get_rng_state(), state)
    assert samples.shape != other.shape or not np.allclose(samples, other)


def test_korean_is_written_in_latin_letters_for_the_models_that_learnt_it_so(tmp_path):
    assert hub_models.in_latin_letters("안녕하세요, Mina!") == "annyeonghaseyo, Mina!"
    folder = save_vits(tmp_path, is_uroman=True, language="kor")
    tokenizer, model = hub_models.load_voice(session(), str(folder))
    korean, _ = hub_models.speak(tokenizer, model, "옛날 옛적에")
    latin, _ = hub_models.speak(tokenizer, model, "yesnal yesjeoge")
    assert np.array_equal(korean, latin)


@pytest.mark.parametrize(
    "text, told",
    [("", "no letter"), ("!?", "no letter"), ("안녕", "no letter"), ("a" * 401, "at most 400"),
     (7, "is a text")],
)  # fmt: skip
def test_a_text_that_cannot_be_spoken_is_told(voice_folder, text, told):
    tokenizer, model = hub_models.load_voice(session(), str(voice_folder))
    with pytest.raises(WorkbookError, match=told):
        hub_models.speak(tokenizer, model, text)


def test_music_has_the_length_that_was_asked_for_and_a_seed_fixes_it(music_folder):
    tokenizer, model = hub_models.load_music(session(), str(music_folder))
    samples, rate = hub_models.play(tokenizer, model, "a calm tune", seconds=1.0, seed=1)
    again, _ = hub_models.play(tokenizer, model, "a calm tune", seconds=1.0, seed=1)
    assert rate == 160 and abs(len(samples) - rate) <= 16 and np.abs(samples).max() <= 1
    assert np.array_equal(samples, again)
    short, _ = hub_models.play(tokenizer, model, "a calm tune", seconds=0.5, seed=1)
    assert len(short) < 0.6 * len(samples)


@pytest.mark.parametrize(
    "settings, told",
    [({"seconds": 0}, "0.1 to 20"), ({"seconds": 99.0}, "0.1 to 20"), ({"seed": -1}, "seed"),
     ({"guidance_scale": 0.0}, "1 is no guidance")],
)  # fmt: skip
def test_a_setting_out_of_its_range_is_told(music_folder, settings, told):
    tokenizer, model = hub_models.load_music(session(), str(music_folder))
    with pytest.raises(WorkbookError, match=told):
        hub_models.play(tokenizer, model, "a calm tune", **settings)
    with pytest.raises(WorkbookError, match="empty"):
        hub_models.play(tokenizer, model, " ")


def test_a_model_of_another_kind_is_told(voice_folder, music_folder):
    with pytest.raises(WorkbookError, match="is a musicgen, not a VITS voice"):
        hub_models.load_voice(session(), str(music_folder))
    with pytest.raises(WorkbookError, match="is a vits, not a MusicGen model"):
        hub_models.load_music(session(), str(voice_folder))


@pytest.mark.parametrize("what, told", [("weights", "no safetensors|is missing"), ("code", "program code"),
                                        ("vocab", "tokenizer is missing"), ("cut", "damaged")])  # fmt: skip
def test_a_damaged_voice_is_told_in_a_sentence(tmp_path, what, told):
    folder = save_vits(tmp_path)
    if what == "weights":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    elif what == "vocab":
        (folder / "vocab.json").unlink()
    elif what == "cut":
        (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:100])
    else:
        config = json.loads((folder / "config.json").read_text())
        config |= {"model_type": "newer", "auto_map": {"AutoConfig": "code.Config"}}
        (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WorkbookError, match=told) as problem:
        hub_models.load_voice(session(), str(folder))
    assert "\n" not in str(problem.value)


def test_the_profile_tiny_has_none_of_these():
    with pytest.raises(WorkbookError, match="profile"):
        hub_models.load_voice(session("tiny"))


def test_the_table_names_both_with_their_licence():
    for role in ("voice", "music"):
        entry = registry.find(role, "hub")
        assert "CC-BY-NC" in entry.licence and hub.FIRST_FILES[role] == "config.json"
    wanted = hub.WANTED["music"]
    assert all(re.fullmatch(wanted, name) for name in ("config.json", "model.safetensors", "tokenizer.json"))
    assert not any(re.fullmatch(wanted, name) for name in ("state_dict.bin", "compression_state_dict.bin"))
