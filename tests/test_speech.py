"""The synthesis of speech, and the judge that listens: pitch, formants, vowels, beginnings, faults."""

import numpy as np
import pytest

from helpers.lessons.sound import listening
from smallworld.judges import voice
from smallworld.world import speech
from smallworld.world.sounds import RATE


def saw(pitch: float, seconds: float = 0.2) -> np.ndarray:
    return 2 * (np.arange(int(seconds * RATE)) * pitch / RATE % 1) - 1


# The synthesis


def test_a_word_is_spelt_in_phones():
    assert speech.spell("shima") == ["sh", "i", "m", "a"]
    assert speech.spell("") == []
    with pytest.raises(ValueError, match="'ka' begins with no phone"):
        speech.spell("maka")


def test_the_generator_alone_decides_how_a_word_sounds():
    def spoken(seed):
        return speech.say("mosha", 130.0, np.random.default_rng(seed))

    one, same, other = spoken(3), spoken(3), spoken(4)
    assert np.array_equal(one.samples, same.samples) and np.array_equal(one.pitch, same.pitch)
    assert len(one.samples) != len(other.samples) or not np.allclose(one.samples, other.samples)


@pytest.mark.parametrize("word", ["a", "i", "mu", "she", "mama", "m", "sh"])
def test_a_recording_has_one_phone_and_one_pitch_for_each_sample_and_begins_in_silence(word):
    spoken = speech.say(word, (200.0, 100.0))
    assert spoken.samples.shape == spoken.phones.shape == spoken.pitch.shape
    assert np.abs(spoken.samples).max() == pytest.approx(speech.PEAK)
    assert np.abs(spoken.samples[: RATE // 50]).max() < 0.02
    said = [speech.PHONES[phone] for phone in spoken.phones[1:][np.diff(spoken.phones) != 0]]
    assert speech.PHONES[spoken.phones[0]] == "_" and said == [*speech.spell(word), "_"]
    assert spoken.pitch[0] > 1.8 * spoken.pitch[-1]


def test_formants_are_the_table_s_at_its_pitches_and_between_them_else():
    for vowel in speech.VOWELS:
        assert np.allclose(speech.formants(vowel, 132.0), speech.MEN[vowel])
        assert np.allclose(speech.formants(vowel, 223.0), speech.WOMEN[vowel])
        assert np.allclose(speech.formants(vowel, 90.0), speech.MEN[vowel])
        between = speech.formants(vowel, 170.0)
        assert np.all((between > speech.MEN[vowel]) & (between < speech.WOMEN[vowel]))


@pytest.mark.parametrize("centre", [500.0, 1500.0, 3000.0])
def test_a_resonator_strengthens_its_frequency(centre):
    click = np.zeros(4000)
    click[0] = 1
    answer = np.abs(np.fft.rfft(speech.resonate(click, [centre], [80.0])))
    assert abs(np.fft.rfftfreq(4000, 1 / RATE)[answer.argmax()] - centre) < 20
    half = np.flatnonzero(answer > answer.max() / np.sqrt(2))
    assert 50 < np.ptp(half) * RATE / 4000 < 120  # its width


def test_pulses_come_once_a_period_and_bring_no_offset():
    buzz = speech.pulses(np.full(RATE, 100.0))
    assert np.allclose(buzz[80:160], buzz[160:240], atol=1e-9) and abs(buzz.mean()) < 1e-3


# The judge


@pytest.mark.parametrize("pitch", [75.0, 100.0, 163.0, 220.0, 310.0])
def test_the_ear_finds_the_pitch_of_a_saw(pitch):
    assert voice.pitch_of(saw(pitch)[: voice.FRAME]) == pytest.approx(pitch, rel=0.02)


def test_the_ear_hears_no_pitch_in_noise_and_nothing_in_silence():
    noise = np.random.default_rng(0).normal(size=RATE)
    assert np.mean(voice.pitch_track(noise) > 0) < 0.1
    for silence in (np.zeros(RATE), np.zeros(10)):
        assert voice.hear(silence) == voice.Heard("", 0.0, (0.0, 0.0))


def test_a_linear_predictor_finds_the_filter_that_made_a_wave():
    wave = speech.resonate(np.random.default_rng(1).normal(size=RATE), [700.0, 1800.0], [90.0, 120.0])
    found = voice.formants_of(wave[:2000], order=8)[:2]
    assert np.allclose(found, [700, 1800], rtol=0.05)


def test_the_ear_hears_nearly_all_vowels_of_speakers_it_was_not_tuned_on():
    answers = listening.ear_test(100, seed=7)
    assert sum(one.right for one in answers) >= 95
    assert np.median([one.off_pitch for one in answers]) < 0.02


def test_the_ear_is_not_told_what_was_asked():
    """A vowel is heard as what it is, whatever the answer claims; and noise is no vowel."""
    spoken = speech.say("i", 120.0).samples
    assert voice.hear(spoken).vowel == "i"
    assert voice.hear(np.random.default_rng(0).normal(size=4000) * 0.1).vowel == ""


@pytest.mark.parametrize("pitch", [110.0, 200.0])
@pytest.mark.parametrize("word", ["ma", "mi", "mu", "sha", "shi", "sho", "a", "o", "e"])
def test_the_ear_tells_how_a_syllable_begins(word, pitch):
    for seed in range(3):
        spoken = speech.say(word, pitch, np.random.default_rng(seed)).samples
        assert voice.first_sound(spoken) == (speech.spell(word)[0] if len(word) > 1 else "")


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_onsets_are_counted(count):
    word, pause = speech.say("a").samples, np.zeros(RATE // 10)
    assert voice.onsets(np.concatenate([pause, *[word, pause] * count])) == count


def test_faults_of_a_recording_are_measured():
    wave = 0.5 * np.sin(np.arange(RATE))
    sound = voice.examine(wave)
    assert sound.level == pytest.approx(0.354, abs=0.01) and sound.clipped == 0 and abs(sound.offset) < 0.01
    assert voice.examine(wave + 0.2).offset == pytest.approx(0.2, abs=0.01)
    assert voice.examine(np.clip(4 * wave, -1, 1)).clipped > 0.5
