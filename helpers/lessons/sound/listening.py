"""Seeing and hearing a wave: its spectrogram and the way back, and a test by an independent ear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from helpers.lessons.sound import wavenet
from smallworld.judges import voice
from smallworld.judges.voice import Heard
from smallworld.world import speech

PIECE, HOP = 256, 64  # samples of a column of a spectrogram, and from one column to the next
PITCHES = (100.0, 120.0, 145.0, 175.0, 210.0)  # Hz, at which voices are tested


# ------------------------------------------------------------------ pictures of a sound
def spectrogram(samples: np.ndarray | Tensor) -> Tensor:
    """How strong each frequency is at each moment: (frequencies, moments), by short Fourier transforms.

    Row k stands for k * RATE / PIECE Hz; a column for PIECE samples, HOP samples after the one before.
    """
    samples = torch.as_tensor(np.asarray(samples), dtype=torch.float32)
    return torch.stft(samples, PIECE, HOP, window=torch.hann_window(PIECE), return_complex=True).abs()


def griffin_lim(strengths: Tensor, steps: int = 60, seed: int = 0) -> np.ndarray:
    """A wave with this spectrogram. None of our libraries has this, so here are its ten lines.

    A spectrogram says how strong each frequency is, but not at which point of its swing (its phase). Begin
    with any phases, make the wave, look which phases that wave really has, and take these; again and again.
    (Griffin and Lim 1984)
    """
    window = torch.hann_window(PIECE)
    draw = torch.Generator().manual_seed(seed)
    angles = 2 * torch.pi * torch.rand(strengths.shape, generator=draw)
    samples = torch.zeros(0)
    for _ in range(steps):
        samples = torch.istft(torch.polar(strengths, angles), PIECE, HOP, window=window)
        angles = torch.stft(samples, PIECE, HOP, window=window, return_complex=True).angle()
    return samples.numpy()


def likeness(wanted: Tensor, samples: np.ndarray | Tensor) -> float:
    """How well a wave has the wanted spectrogram: 1 minus the relative error; 1 is perfect."""
    found = spectrogram(samples)
    columns = min(wanted.shape[1], found.shape[1])
    wanted, found = wanted[:, :columns], found[:, :columns]
    return float(1 - (wanted - found).norm() / wanted.norm())


def mean_error(samples: np.ndarray, wanted: np.ndarray) -> float:
    """How far samples are from the wanted ones, on average, to three digits."""
    return round(float(np.abs(samples - wanted).mean()), 3)


# ------------------------------------------------------------------ a test by an independent ear
@dataclass(frozen=True)
class Answer:
    """What was asked of a voice, and what the ear heard."""

    vowel: str
    pitch: float  # Hz
    heard: Heard

    @property
    def right(self) -> bool:
        """Whether the ear heard the vowel that was asked for."""
        return self.heard.vowel == self.vowel

    @property
    def off_pitch(self) -> float:
        """How far the pitch is off, as a share of the one that was asked for; 1 if none was heard."""
        return abs(self.heard.pitch / self.pitch - 1)


def vowel_test(
    model: wavenet.WaveNet, *, seed: int = 0, temperature: float = 1.0, pitches: Sequence[float] = PITCHES,
    vowels: Sequence[str] = speech.VOWELS,
) -> list[Answer]:  # fmt: skip
    """Let a model speak every vowel at every pitch (Hz), and listen."""
    asked = [(vowel, pitch) for vowel in vowels for pitch in pitches]
    condition = torch.cat([wavenet.request(*one) for one in asked])
    draw = torch.Generator().manual_seed(seed)
    waves = wavenet.decode(wavenet.sample(model, condition, draw, temperature)).numpy()
    return [Answer(*one, voice.hear(samples)) for one, samples in zip(asked, waves, strict=True)]


def on_pitch(answers: Sequence[Answer], most: float = 0.03) -> int:
    """How many answers are off the pitch that was asked for by less than this share."""
    return sum(answer.off_pitch < most for answer in answers)


def ear_test(count: int = 100, seed: int = 1) -> list[Answer]:
    """Let the ear listen to vowels of our own synthesis, by speakers that nothing was chosen on."""
    draw = np.random.default_rng(seed)
    answers = []
    for i in range(count):
        vowel = speech.VOWELS[i % len(speech.VOWELS)]
        pitch = float(np.exp(draw.uniform(np.log(speech.LOWEST), np.log(speech.HIGHEST))))
        spoken = speech.say(vowel, pitch, draw)
        answers.append(Answer(vowel, pitch, voice.hear(spoken.samples)))
    return answers
