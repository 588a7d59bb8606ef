"""Notebook 07: what its cells teach, whose answers they use, its exercises, what it says of its counts."""

import contextlib
import io
import math
import re
import time

import numpy as np
import pytest
import torch

from helpers import exercises, parameters, sound, text
from helpers.lessons.sound import (
    listening,
    melodies,
    rolls,
    speech_figures,
    synthesis,
    wavenet,
)
from helpers.session import Session, generator
from smallworld.world import speech
from smallworld.world.melody_reader import read_melody
from tests.notebook_code import cells, functions

STEM = "07_music_and_speech"
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))]
shipped_melodies = pytest.mark.skipif(
    not (melodies.FOLDER / "config.json").is_file(), reason="no melody model here yet: make train-melodies"
)
shipped_voice = pytest.mark.skipif(
    not wavenet.VOICE.is_dir(), reason="no voice here yet: make train-voice"
)  # fmt: skip


def cell(piece: str) -> str:
    """The one code cell with this piece of source."""
    (source,) = (source for source in cells(STEM) if piece in source)
    return source


def session(tmp_path, seed: int = 0) -> Session:
    return Session("tiny", "cpu", torch.float32, seed, tmp_path, live=False)


# What the cells teach


def test_the_moods_and_places_to_choose_from_are_those_of_the_world():
    declared = parameters.declared(cell('profile: str = "tiny"'))
    assert declared["mood"].choices == melodies.MOODS and declared["place"].choices == melodies.PLACES


def test_the_composed_tunes_are_short_and_are_what_the_notebook_says():
    made = functions(STEM, "tune", "pair", melodies=melodies)
    for tune, mood, place in ((made.tune, "calm", "ocean"), *((made.pair[m], m, "snow") for m in made.pair)):
        reading = read_melody(tune, "D")
        assert len(reading.bars) == 4 and (reading.mood, reading.place, reading.metre) == (mood, place, "3/4")
    assert made.tune.startswith("D4 1 E4 1 F#4 1 | E4 2 D4 1 |") and "rest" not in made.tune
    assert list(made.pair) == ["happy", "sad"]


@shipped_melodies
def test_next_probabilities_are_the_model_s_own(tmp_path):
    tokenizer, model = melodies.load(session(tmp_path))
    seen = {"tokenizer": tokenizer, "melody_model": model}
    next_probabilities = functions(STEM, "next_probabilities", **seen).next_probabilities
    with torch.no_grad():
        for words in ("calm ocean D 3/4 :", "calm ocean D 3/4 : D4"):
            theirs = text.next_token_probabilities(model, tokenizer, words)
            assert torch.allclose(next_probabilities(words), theirs, atol=1e-6)


@shipped_melodies
@pytest.mark.parametrize("seed", SEEDS)
def test_the_loop_writes_a_tune_that_can_be_played(seed, tmp_path):
    started = session(tmp_path, seed)
    tokenizer, model = melodies.load(started)
    space = {"torch": torch, "tokenizer": tokenizer, "melody_model": model, "generator": generator}
    space |= {"session": started, "request": "calm ocean D 3/4 :", "print": lambda *_: None}
    space |= {"rolls": rolls, "show": lambda *_: None}
    with torch.no_grad():
        exec(cell("def next_probabilities"), space)
        exec(cell("own_tune = "), space)
    tune = melodies.playable(space["own_tune"])
    assert len(synthesis.render(tune)) > 4 * sound.RATE / 2 and len(read_melody(tune).bars) >= 4


def little_model() -> wavenet.WaveNet:
    torch.manual_seed(0)
    return wavenet.WaveNet(4, 4).eval()


def speak_slowly(space: dict) -> None:
    """Run the slow loop of section 6 in these names."""
    with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        exec(cell("slow_levels = "), space)


def memory_names(tmp_path) -> dict:
    names = {"wavenet": wavenet, "generator": generator, "torch": torch, "time": time}
    names |= {"session": session(tmp_path), "little": little_model()}
    speak_slowly(names)
    return names


def test_the_slow_loop_draws_what_the_naive_sampler_draws(tmp_path):
    names = memory_names(tmp_path)
    condition = names["condition"]
    vowel = speech.PHONES.index("a")
    assert condition.shape[1] == 200 and (condition[0, :, vowel] == 1).all()
    naive = wavenet.sample_naive(names["little"], condition, generator(0))
    assert torch.equal(naive, names["slow_levels"])


def test_the_numbers_of_the_prose_are_right():
    prose = "\n".join(cells(STEM, kind="markdown"))
    assert sum(range(1, 201)) == 20_100 and "20{,}100" in prose
    assert 1 + sum((1, 2, 4, 8)) == 16 and "= 16$" in prose
    assert 1 + sum(2**i for i in range(6)) == 64 and "= 64$" in prose
    assert len(melodies.PLACES) == 8 and "eight places" in prose
    assert little_model().looks_back == 256


def test_the_piece_that_the_model_guesses_lies_inside_the_vowel():
    for seed in range(1000, 1010):
        fresh = wavenet.record(["a"], 1, seed=seed, pitches=(110.0, 130.0))
        assert (fresh.phones[1300 - 256 : 1301] == speech.PHONES.index("a")).all()


def test_mu_law_is_nearer_to_the_voice_than_equal_steps():
    voice = speech.say("a", 120.0).samples
    even = np.round((voice + 1) / 2 * 15) / 15 * 2 - 1
    mu = wavenet.decode(wavenet.encode(voice, 16), 16).numpy()
    assert listening.mean_error(mu, voice) < listening.mean_error(even, voice) > 0


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_the_live_training_learns_in_its_few_steps(seed, tmp_path):
    space = {"wavenet": wavenet, "torch": torch, "session": session(tmp_path, seed)}
    space |= {"speech_figures": speech_figures, "show": lambda *_: None, "print": lambda *_: None}
    enabled = torch.is_grad_enabled()
    exec(cell("losses = wavenet.train"), space)
    torch.set_grad_enabled(enabled)
    assert np.mean(space["losses"][-10:]) < math.log(wavenet.LEVELS) - 1


# What is said of the counts


@shipped_melodies
@pytest.mark.parametrize("seed", SEEDS)
def test_a_high_temperature_costs_the_metre(seed):
    counts = {}
    for temperature in (0.5, 2.0):
        requests = [melodies.ask(metre="3/4")] * 16
        tunes = melodies.sing(requests, seed=seed, temperature=temperature, top_p=1.0)
        counts[temperature] = sum(keeps_by_all(melodies.lengths(tune), 3) for tune in tunes)
    assert counts[0.5] >= 14 and counts[2.0] <= counts[0.5] - 8


@shipped_melodies
@pytest.mark.parametrize("seed", SEEDS)
def test_the_model_keeps_the_mood_more_often_than_a_count_of_triples(seed):
    counts = melodies.count_writers(seed=seed)
    moods = {name: count.asked["mood"] for name, count in counts.items()}
    assert moods["model"] > moods["counting\ntriples"] + 4 and moods["random\nnotes"] <= 4


@shipped_voice
@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_the_ear_hears_the_vowels_and_the_pitch_that_were_asked_for(seed):
    answers = listening.vowel_test(wavenet.load(), seed=seed, temperature=0.8)
    assert sum(answer.right for answer in answers) >= 20 and listening.on_pitch(answers) > 15


# Whose answer the cell after an exercise uses


def run_after(id: str, answer, **names) -> str:
    """What the cell after an exercise prints, and the notes of its figures, with this answer."""
    notes = []

    def show(figure, _):
        notes.append(figure._suptitle.get_text() if figure._suptitle else "")

    space = {"use": exercises.use, "torch": torch, "np": np, "sound": sound, "show": show, "rolls": rolls}
    space |= {"speech_figures": speech_figures, exercises.of("07")[id].reference.__name__: answer} | names
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), torch.no_grad():
        exec(cell(f'use("{id}"'), space)
    return printed.getvalue() + " ".join(notes)


class Grammar:
    """Sings by the grammar, and off beat at a high temperature."""

    ask, lengths = staticmethod(melodies.ask), staticmethod(melodies.lengths)

    @staticmethod
    def sing(requests, *, seed, temperature, top_p):
        tune = melodies.compose("calm", "ocean", seed=seed)
        return [tune if temperature < 1.2 else tune + " D4 1"] * len(requests)


def names_for(id: str, tmp_path) -> dict:
    if id == "07.2":
        return {"session": session(tmp_path), "melodies": Grammar}
    if id == "07.3":
        return {"a_voice": speech.say("a", 120.0).samples}
    return memory_names(tmp_path) if id == "07.4" else {}


@pytest.mark.parametrize(
    ("kind", "whose"),
    [("missing", "the reference answer"), ("wrong", "the reference answer"), ("right", "your own")],
)
@pytest.mark.parametrize("id", ["07.1", "07.2", "07.3", "07.4"])
def test_the_next_cell_says_whose_answer_it_used(id, kind, whose, tmp_path):
    answers = {"missing": ..., "wrong": WRONG[id][0], "right": RIGHT[id][0]}
    said = run_after(id, answers[kind], **names_for(id, tmp_path))
    assert re.search(rf"\bThe function is {whose}", said), said


def test_the_tunes_that_keep_their_metre_are_counted(tmp_path):
    drawn = {}

    class Rolls:
        @staticmethod
        def kept(counts, total, note):
            drawn.update(counts)
            return rolls.kept(counts, total, note)

    run_after("07.2", ..., **names_for("07.2", tmp_path), **{"rolls": Rolls})
    assert drawn == {"T = 0.5": 16, "T = 1.0": 16, "T = 1.5": 0, "T = 2.0": 0}


# The exercises: for each, answers that are wrong in the usual ways, and other ways of being right


def octaves(pitch):
    result = 440.0
    for _ in range(abs(pitch - 69)):
        result = result * 2 ** (1 / 12) if pitch > 69 else result / 2 ** (1 / 12)
    return result


def by_exp(pitch):
    return 440 * math.exp(math.log(2) * (pitch - 69) / 12)


def keeps_by_all(bars, beats):
    return len(bars) > 0 and all(sum(lengths) == beats for lengths in bars)


def keeps_by_flag(bars, beats):
    right = bool(bars)
    for lengths in bars:
        total = 0
        for length in lengths:
            total += length
        right = right and total == beats
    return right


def level_by_search(sample, levels):
    values = [2 * i / (levels - 1) - 1 for i in range(levels)]
    distances = [abs(value - sample) for value in values]
    return distances.index(min(distances))


def level_by_half(sample, levels):
    return int((sample + 1) / 2 * (levels - 1) + 0.5)


def ring_by_swap(ring, step, new):
    place = step % len(ring)
    new, ring[place] = ring[place], new
    return new


def ring_by_loop(ring, step, new):
    place = 0
    for _ in range(step):
        place = place + 1 if place + 1 < len(ring) else 0
    oldest = ring[place]
    ring[place] = new
    return oldest


def ring_writes_first(ring, step, new):
    ring[step % len(ring)] = new
    return ring[step % len(ring)]


def ring_only_reads(ring, step, new):
    return ring[step % len(ring)]


def ring_returns_nothing(ring, step, new):
    ring[step % len(ring)] = new


def ring_grows(ring, step, new):
    ring.append(new)
    return ring[step]


def ring_shifts(ring, step, new):
    ring.append(new)
    return ring.pop(0)


def ring_first_place(ring, step, new):
    oldest, ring[0] = ring[0], new
    return oldest


def ring_next_place(ring, step, new):
    place = (step + 1) % len(ring)
    oldest, ring[place] = ring[place], new
    return oldest


def ring_returns_all(ring, step, new):
    ring[step % len(ring)] = new
    return ring


def ring_without_rest(ring, step, new):
    oldest, ring[step] = ring[step], new
    return oldest


RIGHT = {
    "07.1": [octaves, by_exp],
    "07.2": [keeps_by_all, keeps_by_flag],
    "07.3": [level_by_search, level_by_half],
    "07.4": [ring_by_swap, ring_by_loop],
}
WRONG = {
    "07.1": [
        lambda pitch: 440 + 440 * (pitch - 69) / 12,
        lambda pitch: 440 * 2 ** (pitch - 69),
        lambda pitch: 440 * 2 ** (pitch / 12),
        lambda pitch: 440 * 2 ** ((69 - pitch) / 12),
        lambda pitch: 440 * 2 ** ((pitch - 69) // 12),
        lambda pitch: print(pitch),
    ],
    "07.2": [
        lambda bars, beats: sum(bars[0]) == beats if bars else False,
        lambda bars, beats: any(sum(bar) == beats for bar in bars),
        lambda bars, beats: bool(bars) and sum(map(sum, bars)) == beats * len(bars),
        lambda bars, beats: bool(bars) and all(len(bar) == beats for bar in bars),
        lambda bars, beats: all(sum(bar) == beats for bar in bars),
        lambda bars, beats: bool(bars) and all(sum(bar) <= beats for bar in bars),
        lambda bars, beats: True,
    ],
    "07.3": [
        lambda sample, levels: round((sample + 1) / 2 * levels),
        lambda sample, levels: int((sample + 1) / 2 * (levels - 1)),
        lambda sample, levels: round(sample / 2 * (levels - 1)),
        lambda sample, levels: round((sample + 1) * (levels - 1)),
        lambda sample, levels: (sample + 1) / 2 * (levels - 1),
        lambda sample, levels: round(sample * levels),
        lambda sample, levels: math.ceil((sample + 1) / 2 * (levels - 1)),
        lambda sample, levels: print(sample),
    ],
    "07.4": [
        ring_writes_first, ring_only_reads, ring_returns_nothing, ring_grows, ring_shifts, ring_first_place,
        ring_next_place, ring_returns_all, ring_without_rest,
    ],
}  # fmt: skip


def complaint(id: str, answer) -> str:
    try:
        return exercises.of("07")[id].judge(answer) or ""
    except Exception as error:
        return str(error)


@pytest.mark.parametrize("id", WRONG)
def test_most_mistakes_are_named_by_a_sentence_of_their_own(id):
    said = [complaint(id, answer) for answer in WRONG[id]]
    assert all(said) and len(set(said)) >= len(said) - 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [(ring_writes_first, "Read before you write"), (ring_only_reads, "nothing was written"),
     (ring_returns_nothing, "returns nothing"), (ring_grows, "now has 5"),
     (ring_shifts, "must stay where they are"), (ring_returns_all, "not the whole ring")],
)  # fmt: skip
def test_the_judge_of_the_ring_says_what_is_wrong(answer, said):
    assert said in complaint("07.4", answer)


@pytest.mark.parametrize("id", RIGHT)
def test_an_exercise_has_three_hints_and_its_example_is_true(id):
    exercise = exercises.of("07")[id]
    assert len(set(exercise.hints)) == 3 and exercise.minutes and exercise.purpose and exercise.shapes
    *before, call = exercise.example[0].splitlines()
    space = {exercise.reference.__name__: exercise.reference}
    exec("\n".join(before), space)
    assert str(eval(call, space)) == exercise.example[1]
