"""The tune and the vowel: length, pitch, spectrum."""

import numpy as np

from smallworld.world import sounds


def spectrum(wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz, and how strong each is."""
    return np.fft.rfftfreq(len(wave), 1 / sounds.RATE), np.abs(np.fft.rfft(wave))


def test_a_note_has_its_pitch_and_length():
    for pitch, hertz in {69: 440.0, 81: 880.0, 60: 261.63}.items():
        wave = sounds.tone(pitch, 4)
        frequencies, strength = spectrum(wave)
        assert len(wave) == sounds.RATE and abs(frequencies[strength.argmax()] - hertz) < 2


def test_a_tune_is_its_notes_one_after_the_other():
    wave = sounds.play()
    beats = sum(length for _, length in sounds.TUNE)
    assert len(wave) == beats * sounds.BEAT * sounds.RATE and np.abs(wave).max() <= 1
    assert np.array_equal(wave[: sounds.RATE // 4], sounds.tone(*sounds.TUNE[0]))


def test_a_vowel_repeats_with_its_pitch_and_is_strong_at_its_formants():
    wave = sounds.vowel(1.0, pitch=100.0)
    assert np.abs(wave).max() == 1 and np.allclose(wave[:80], wave[80:160], atol=1e-6)
    frequencies, strength = spectrum(wave)
    heard = frequencies[strength > strength.max() / 100]
    assert np.allclose(heard % 100, 0)
    assert abs(frequencies[strength.argmax()] - 730) <= 50
    assert strength[1100] > 5 * strength[1700]
