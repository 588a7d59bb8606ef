"""The small WaveNet: mu-law, dilated layers, training, sampling with a memory, and the shipped voice."""

import json
import math

import numpy as np
import pytest
import torch

from helpers.errors import WorkbookError
from helpers.lessons.sound import listening, voice_card, wavenet
from helpers.lessons.sound.wavenet import LEVELS, WaveNet
from smallworld.judges import voice
from smallworld.world import speech


def small(dilations=(1, 2, 4), seed: int = 0) -> WaveNet:
    torch.manual_seed(seed)
    return WaveNet(8, 12, dilations).eval()


def inputs(batch: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    tokens = torch.randint(LEVELS, (batch, count), generator=draw)
    phones = torch.randint(len(speech.PHONES), (batch, count), generator=draw)
    return tokens, wavenet.conditions(phones, torch.full((batch, count), 150.0))


# mu-law


@pytest.mark.parametrize("levels", [256, 128, 16])
def test_levels_survive_the_way_to_samples_and_back(levels):
    numbers = torch.arange(levels)
    samples = wavenet.decode(numbers, levels)
    assert torch.equal(wavenet.encode(samples, levels), numbers)
    assert samples[0] == -1 and samples[-1] == 1 and (samples.diff() > 0).all()


def test_quiet_samples_have_finer_steps_and_loud_ones_beyond_the_range_are_cut():
    steps = wavenet.decode(torch.arange(LEVELS)).diff()
    assert steps[127] < 0.0005 and steps[-1] > 0.03
    assert wavenet.encode([-3.0, 0.0, 3.0]).tolist() == [0, 128, 255]


# What to speak


def test_a_condition_names_the_phone_and_lights_the_marks_near_the_pitch():
    condition = wavenet.conditions([1, 6], [speech.LOWEST, speech.HIGHEST])
    assert condition.shape == (2, wavenet.CONDITIONS)
    names, marks = condition.split([len(speech.PHONES), wavenet.MARKS], dim=1)
    assert names.argmax(1).tolist() == [1, 6] and names.sum() == 2
    assert marks.argmax(1).tolist() == [0, wavenet.MARKS - 1] and marks.max() == pytest.approx(1)


@pytest.mark.parametrize(
    ("word", "pitch", "told"),
    [("ka", 120.0, "begins with no phone"), ("a", 20.0, "from 90 to 240"), ("a", "high", "from 90 to 240"),
     ("a", (120.0, 900.0), "from 90 to 240"), ("a", math.nan, "from 90 to 240")],
)  # fmt: skip
def test_what_cannot_be_spoken_is_told(word, pitch, told):
    with pytest.raises(WorkbookError, match=told):
        wavenet.request(word, pitch)


# The model


def test_a_layer_is_a_dilated_convolution():
    """Two taps as two linear maps are what the library calls a Conv1d with this dilation."""
    layer = wavenet.Layer(6, 4, dilation=3)
    convolution = torch.nn.Conv1d(6, 12, kernel_size=2, dilation=3)
    with torch.no_grad():
        convolution.weight.copy_(torch.stack([layer.from_past.weight, layer.from_now.weight], dim=-1))
        convolution.bias.copy_(layer.from_now.bias)
        x = torch.randn(2, 20, 6)
        ours = layer.from_now(x) + layer.from_past(wavenet.earlier(x, 3))
        padded = torch.nn.functional.pad(x.transpose(1, 2), (3, 0))
        assert torch.allclose(ours, convolution(padded).transpose(1, 2), atol=1e-5)


@pytest.mark.parametrize("dilations", [(1, 2, 4), (1, 1, 1), (4, 2)])
def test_a_logit_depends_on_the_samples_that_it_may_see_and_on_no_other(dilations):
    model = small(dilations)
    assert model.looks_back == 1 + sum(dilations)
    tokens, condition = inputs(1, 30)
    with torch.no_grad():
        before = model(tokens, condition)
        other = tokens.clone()
        other[0, 12] = (tokens[0, 12] + 100) % LEVELS
        changed = ((model(other, condition) - before).abs().amax(-1)[0] > 1e-7).nonzero().flatten().tolist()
    assert changed[0] == 12 and changed[-1] == 12 + sum(dilations)


def test_samples_from_nowhere_are_zeros():
    x = torch.ones(1, 5, 2)
    assert wavenet.earlier(x, 2)[0, :, 0].tolist() == [0, 0, 1, 1, 1]
    assert wavenet.earlier(x, 7)[0, :, 0].tolist() == [0] * 5


# Sampling


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("dilations", [(1, 2, 4), (3, 1), (1,)])
def test_sampling_with_a_memory_gives_the_same_samples(dilations, temperature):
    model = small(dilations)
    _, condition = inputs(3, 40)  # longer than the model looks back
    draws = [torch.Generator().manual_seed(5) for _ in range(2)]
    naive = wavenet.sample_naive(model, condition, draws[0], temperature)
    cached = wavenet.sample(model, condition, draws[1], temperature)
    assert naive.shape == (3, 40) and torch.equal(naive, cached)
    assert torch.equal(draws[0].get_state(), draws[1].get_state())


def test_another_memory_that_does_the_same_gives_the_same_samples():
    model = small()
    _, condition = inputs(1, 20)

    def shift(ring, step, new):
        ring.append(new)
        return ring.pop(0)

    draws = [torch.Generator().manual_seed(5) for _ in range(2)]
    usual, other = (wavenet.sample(model, condition, draw, memory=memory)
                    for draw, memory in zip(draws, (wavenet.read_and_write, shift), strict=True))  # fmt: skip
    assert torch.equal(usual, other)


def test_a_seed_fixes_what_is_spoken_and_the_global_state_stays():
    model = small()
    torch.manual_seed(9)
    state = torch.get_rng_state()
    one, same = (wavenet.speak(model, "shi", 150.0, seed=2) for _ in range(2))
    assert np.array_equal(one, same) and torch.equal(torch.get_rng_state(), state)
    assert not np.array_equal(one, wavenet.speak(model, "shi", 150.0, seed=3))
    assert len(one) == len(wavenet.plan("shi", 150.0, 150.0)[0]) and np.abs(one).max() <= 1


# Training


def test_training_learns_to_guess_the_next_sample():
    torch.manual_seed(0)
    model = WaveNet(8, 16, (1, 2, 4, 8))
    tape = wavenet.record(["a"], 6, pitches=(115.0, 125.0))
    tokens, before, condition = wavenet.batch_of(tape, 4, 512, torch.Generator().manual_seed(1))

    def loss() -> float:
        with torch.no_grad():
            return wavenet.loss_of(model(before, condition), tokens).item()

    untrained, told = loss(), []
    how = {"batch": 2, "length": 512, "rate": 1e-2, "after": lambda *one: told.append(one)}
    losses = wavenet.train(model, tape, 60, **how)
    assert abs(untrained - math.log(LEVELS)) < 0.3 and loss() < untrained - 0.3
    assert told == list(enumerate(losses)) and not model.training


def test_a_tape_holds_words_one_after_the_other_and_a_batch_cuts_pieces_out_of_it():
    tape = wavenet.record(["a", "mi"], 5, seed=1)
    assert tape.tokens.shape == tape.phones.shape == tape.pitch.shape
    tokens, before, condition = wavenet.batch_of(tape, 3, 100, torch.Generator().manual_seed(0))
    assert torch.equal(tokens[:, :-1], before[:, 1:]) and condition.shape == (3, 100, wavenet.CONDITIONS)
    again = wavenet.record(["a", "mi"], 5, seed=1)
    assert torch.equal(tape.tokens, again.tokens)


# Kept and loaded


def test_a_voice_that_is_saved_comes_back(tmp_path):
    model = small()
    wavenet.save(model, tmp_path)
    tokens, condition = inputs(1, 20)
    with torch.no_grad():
        assert torch.allclose(model(tokens, condition), wavenet.load(tmp_path)(tokens, condition), atol=0.02)


@pytest.mark.parametrize("damage", ["missing", "cut off", "other settings", "no settings"])
def test_a_damaged_voice_is_told_in_a_sentence(tmp_path, damage):
    wavenet.save(small(), tmp_path)
    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    if damage == "missing":
        weights.unlink()
    elif damage == "cut off":
        weights.write_bytes(weights.read_bytes()[:200])
    elif damage == "other settings":
        config.write_text('{"channels": 4, "skip": 12, "dilations": [1]}')
    else:
        config.write_text("{")
    with pytest.raises(WorkbookError, match="make train-voice"):
        wavenet.load(tmp_path)


# The shipped voice


@pytest.fixture(scope="module")
def shipped() -> WaveNet:
    if not wavenet.VOICE.is_dir():
        pytest.skip("no voice here yet: make train-voice")
    return wavenet.load()


def test_the_shipped_voice_is_small(shipped):
    assert sum(weights.numel() for weights in shipped.parameters()) <= 500_000
    assert sum(path.stat().st_size for path in wavenet.VOICE.iterdir()) < 1_200_000


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_the_ear_recognises_what_the_shipped_voice_speaks(shipped, seed):
    answers = listening.vowel_test(shipped, seed=seed, temperature=0.8)
    assert sum(one.right for one in answers) >= 0.9 * len(answers)
    assert sum(one.off_pitch < 0.05 for one in answers) >= 0.9 * len(answers)


@pytest.mark.long
@pytest.mark.parametrize("word", ["mi", "sha", "mama"])
def test_what_the_shipped_voice_speaks_is_sound(shipped, word):
    samples = wavenet.speak(shipped, word, 130.0, temperature=0.8)
    assert voice.first_sound(samples) == speech.spell(word)[0]
    assert voice.onsets(samples) == 1
    found = voice.examine(samples)
    assert 0.05 < found.level < 0.5 and found.clipped < 0.001 and abs(found.offset) < 0.02


def test_the_card_says_what_the_records_say(tmp_path):
    wavenet.save(small(), tmp_path)
    training = {"steps": 10, "recordings": 20, "seed": 3, "batch": 2, "length": 700, "cpu_seconds": 44}
    shares = {"vowels": "48 of 50", "pitch": "47 of 50", "wrong": []}
    found = {"loss": 2.5, "beginnings": "19 of 20"}
    found |= {"temperature 1.0": shares, "temperature 0.8": shares}
    (tmp_path / "training.json").write_text(json.dumps(training))
    (tmp_path / "evaluation.json").write_text(json.dumps(found))
    voice_card.write(tmp_path, 12_345)
    card = (tmp_path / "README.md").read_text().lower()
    wanted = ("data", "command", "seed 3", "quality", "limit", "48 of 50", "12,345")
    assert [word for word in wanted if word not in card] == []
