"""The melodies of notebook 07: what is heard, what is drawn, what is counted, and the exercises."""

import io
import math
import wave

import numpy as np
import pytest
import torch

from helpers import guess, plots, sound
from helpers.errors import WorkbookError
from helpers.lessons.sound import melodies, rolls, synthesis
from helpers.lessons.sound.melodies import ALL, FACTS, Obeyed
from smallworld.world.melodies import random_notes

TUNE = "D4 1 E4 1 F#4 1 | E4 2 D4 1 | F#4 1 E4 1 C#4 1 | D4 3"
CRISP = "A3 0.5 rest 0.5 C4 1 E4 1 | rest 1 D4 2 | E4 1 C4 1 B3 1 | A3 3"


def strongest(wave_: np.ndarray) -> float:
    """The frequency in Hz at which a sound is strongest."""
    strength = np.abs(np.fft.rfft(wave_ * np.hanning(len(wave_)), 8 * sound.RATE))
    return strength.argmax() / 8


# --- what is heard --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pitch", "hertz"), [(69, 440.0), (57, 220.0), (60, 261.63), (84, 1046.5)])
def test_a_tone_has_its_frequency_and_neither_clicks_nor_clips(pitch, hertz):
    assert synthesis.frequency(pitch) == pytest.approx(hertz, abs=0.01)
    samples = synthesis.tone(hertz, 0.7)
    assert len(samples) == round(0.7 * sound.RATE) and strongest(samples) == pytest.approx(hertz, rel=0.005)
    assert np.abs(samples).max() <= 1 and abs(samples.mean()) < 0.01
    assert samples[0] == 0 and abs(samples[-1]) < 0.01
    assert np.abs(np.diff(samples)).max() < 1


def test_overtones_that_the_samples_cannot_hold_are_left_out():
    samples = synthesis.tone(1_500, 1.0)
    strength = np.abs(np.fft.rfft(samples))
    heard = np.flatnonzero(strength > strength.max() / 20)
    assert {round(hertz / 1_500) for hertz in heard} == {1, 2}


@pytest.mark.parametrize("tune", [TUNE, CRISP])
def test_a_tune_is_as_long_as_its_beats_and_rests_are_silent(tune):
    samples = synthesis.render(tune)
    assert len(samples) == round(12 * synthesis.BEAT * sound.RATE)
    assert 0.1 < np.abs(samples).max() <= 1 and abs(samples.mean()) < 0.01
    silent = samples[round(0.5 * synthesis.BEAT * sound.RATE) : round(synthesis.BEAT * sound.RATE)]
    assert (not silent.any()) == (tune is CRISP)


def test_every_note_of_a_tune_is_heard_at_its_place():
    samples, start = synthesis.render(TUNE), 0.0
    notes = [note for bar in synthesis.read(TUNE) for note in bar]
    for note in notes:
        first, last = (round(beat * synthesis.BEAT * sound.RATE) for beat in (start, start + note.beats))
        assert strongest(samples[first:last]) == pytest.approx(synthesis.frequency(note.pitch), rel=0.02)
        start += note.beats


def test_onsets_can_be_counted():
    samples = np.abs(synthesis.render(TUNE))
    loud = samples[: len(samples) // 80 * 80].reshape(-1, 80).max(axis=1)  # hundredths of a second
    rises = (loud[1:] > 0.1) & (loud[:-1] <= 0.1)
    assert rises.sum() + (loud[0] > 0.1) == len(synthesis.read(TUNE)[0]) + 2 + 3 + 1


def read_wav(data: bytes) -> tuple[int, np.ndarray]:
    with wave.open(io.BytesIO(data)) as file:
        assert file.getnchannels() == file.getsampwidth() == 1
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), np.uint8)


def test_a_wav_file_is_as_loud_as_can_be_and_silence_stays_silent():
    rate, quiet = read_wav(sound.wav(0.01 * synthesis.render(TUNE)))
    assert rate == sound.RATE and max(quiet.max() - 128, 128 - int(quiet.min())) == 127
    assert abs(quiet.mean() - 128) < 1
    _, silent = read_wav(sound.wav(np.zeros(100)))
    assert set(silent) == {128} and len(silent) == 100


def test_a_player_holds_the_sound_and_does_not_start_by_itself():
    player = sound.player(synthesis.render(TUNE))
    shown = player._repr_html_()
    assert "<audio" in shown and "controls" in shown and "data:audio/wav;base64," in shown
    assert "autoplay" not in shown and "<script" not in shown


@pytest.mark.parametrize("samples", [[], [[0.1, 0.2]], [0.1, math.nan], [math.inf]])
def test_what_cannot_be_played_is_refused_in_one_sentence(samples):
    with pytest.raises(WorkbookError):
        sound.player(np.array(samples))


@pytest.mark.parametrize(
    ("tune", "message"), [("", "has no notes"), ("D4", "This is no tune"), ("x 1", "no note")]
)
def test_a_text_that_is_no_tune_is_refused_in_one_sentence(tune, message):
    with pytest.raises(WorkbookError, match=message):
        synthesis.render(tune)


# --- what is drawn --------------------------------------------------------------------------------------


def boxes(axes) -> list:
    return [patch for patch in axes.patches if patch.get_height() == 0.84]


def test_a_piano_roll_has_a_box_for_each_note_and_a_line_for_each_bar():
    figure = rolls.piano_roll({"one": TUNE, "two": CRISP}, note="Two tunes")
    first, second = figure.axes
    assert [len(boxes(axes)) for axes in figure.axes] == [9, 8]
    assert [round(box.get_x() - 0.04, 6) for box in boxes(second)][:3] == [0, 1, 2]
    assert all(len(axes.lines) == 4 for axes in figure.axes)
    assert first.get_title(loc="left") == "one" and first.get_ylim() == second.get_ylim()
    assert plots.png(figure)


def test_a_note_outside_the_key_and_a_bar_of_the_wrong_length_are_marked():
    wrong = "D4 1 F4 1 F#4 1 | E4 2 D4 2 | D4 3 | D4 3"
    (axes,) = rolls.piano_roll(wrong, key="D", metre="3/4").axes
    colours = [box.get_facecolor()[:3] for box in boxes(axes)]
    assert len(set(colours)) == 2 and colours.count(colours[1]) == 1
    assert len(axes.patches) - len(boxes(axes)) == 1
    (plain,) = rolls.piano_roll(wrong).axes
    assert len({box.get_facecolor() for box in boxes(plain)}) == 1 and len(plain.patches) == len(boxes(plain))


COUNTS = Obeyed(dict.fromkeys((*FACTS, ALL), 22), {**dict.fromkeys(FACTS, 5), ALL: 0}, 24)


def test_the_figures_of_counts_can_be_drawn():
    kept = rolls.kept({"T = 1": 23, "T = 2": 3}, 24, note="The function is your own.")
    assert kept._suptitle.get_text() == "The function is your own."
    for figure in (rolls.obeyed(COUNTS), kept, rolls.writers({"model": COUNTS, "luck": COUNTS})):
        assert plots.png(figure)
        for axes in figure.axes:
            assert axes.get_ylim() == (0, 1.05) and axes.get_xlabel()


def test_the_guesses_show_their_answers(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(guess, "choice", lambda *given, **named: asked.append((given, named)))
    rolls.guess_luck(COUNTS)
    rolls.guess_moods({"scary": CRISP, "calm": TUNE})
    (luck, luck_named), (moods, moods_named) = asked
    assert luck_named["answer"] == "at most 2" and moods_named["answer"] == "tune A"
    assert moods[0] == "Which tune is scary?" and moods[1] == ["tune A", "tune B"]
    for given in (luck, moods):
        for chosen in (None, given[1][0]):
            assert plots.png(given[2](chosen))


class Letters:
    """A tokenizer whose token n is the word "n"."""

    def decode(self, ids):
        return str(ids[0])


def test_the_next_words_are_drawn_the_likeliest_first():
    probabilities = torch.tensor([0.1, 0.6, 0.3])
    figure = rolls.next_words(Letters(), {"a": probabilities, "b": probabilities}, count=2)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["1", "2"]
    assert plots.png(figure)


# --- what is counted ------------------------------------------------------------------------------------


@pytest.fixture
def by_the_grammar(monkeypatch):
    """The grammar sings in the model's place, and random notes where nothing is asked."""

    def sing(requests, *, seed, **settings):
        tunes = random_notes(len(requests), seed)
        for number, request in enumerate(requests):
            words = request.split()[:4]
            if "any" not in words and settings.get("temperature", 1) < 2:
                tunes[number] = melodies.compose(*words, seed=seed)
        return tunes

    monkeypatch.setattr(melodies, "sing", sing)


def test_tunes_that_obey_are_counted_beside_luck(by_the_grammar):
    counts = melodies.count_obeyed(seed=0)
    assert counts.total == 24 and counts.asked["metre"] == counts.asked["key"] == 24
    assert counts.asked[ALL] >= 22 and counts.by_luck[ALL] == 0
    assert len(counts.failed) == 24 - counts.asked[ALL]


def test_three_writers_get_the_same_requests(by_the_grammar):
    counts = melodies.count_writers(seed=0, count=16)
    assert list(counts) == ["model", "counting\ntriples", "random\nnotes"]
    assert counts["model"].asked["mood"] > 12 > counts["random\nnotes"].asked["mood"]


def test_the_counting_model_writes_what_it_has_seen():
    counting = melodies.Counting(100)
    tunes = counting.write([melodies.ask("calm", "ocean", "D", "3/4")] * 3, seed=0)
    assert tunes == counting.write([melodies.ask("calm", "ocean", "D", "3/4")] * 3, seed=0)
    seen = " ".join(melodies.training_tunes(100))
    for tune in tunes:
        words = tune.split()
        assert words and all(" ".join(words[i : i + 3]) in seen for i in range(len(words) - 2))


def test_what_is_heard_is_said_in_words():
    assert melodies.heard(melodies.read(TUNE)) == "calm, ocean, D major, 3/4"
    assert melodies.heard(melodies.read("D4 1")) == "no mood, no place, no key, no metre"


def test_a_tune_that_breaks_off_can_be_played_up_to_there():
    assert melodies.playable(TUNE) == TUNE and melodies.playable("what 1") == ""
    assert melodies.playable(TUNE + " | D4 1 E4") == TUNE + " | D4 1"
    assert melodies.lengths(TUNE) == [[1, 1, 1], [2, 1], [1, 1, 1], [3]] and melodies.lengths("D4") == []


def test_a_tune_on_request_is_drawn_even_where_it_breaks_off(monkeypatch):
    for tune in (TUNE, TUNE + " | D4 1 E4", ""):
        monkeypatch.setattr(melodies, "sing", lambda requests, *, seed, tune=tune, **settings: [tune])
        figure = rolls.sung("calm", "ocean", "D", "3/4", 0.8, seed=0)
        assert figure.axes[0].get_title(loc="left").startswith("asked: calm ocean D 3/4\nheard: ")
        assert plots.png(figure)


@pytest.mark.parametrize("call", [melodies.ask, melodies.compose])
def test_an_unknown_word_is_refused_in_one_sentence(call):
    with pytest.raises(WorkbookError, match="mood 'angry' is unknown"):
        call("angry", "ocean")
