"""A small WaveNet: it reads a wave sample by sample and says how likely each next sample is.

Everything is written out: mu-law, the layers, training, and two ways to sample. (van den Oord et al. 2016,
WaveNet: a generative model for raw audio)
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers.checks import check_number
from helpers.errors import WorkbookError
from smallworld import WEIGHTS
from smallworld.world import speech
from smallworld.world.sounds import RATE

LEVELS = 256  # so that a sample is one byte
MARKS = 16  # on the ruler of pitches
CONDITIONS = len(speech.PHONES) + MARKS  # numbers that say what to speak, for each sample
VOICE = WEIGHTS / "voice"


# ------------------------------------------------------------------ mu-law
def encode(samples: np.ndarray | Tensor, levels: int = LEVELS) -> Tensor:
    """The level of each sample, a whole number from 0 to levels - 1; samples lie between -1 and 1.

    Quiet samples get finer steps than loud ones, as an ear wants it: mu-law. (ITU-T G.711)
    """
    samples = torch.as_tensor(samples, dtype=torch.float32).clamp(-1, 1)
    mu = levels - 1
    squeezed = samples.sign() * torch.log(1 + mu * samples.abs()) / math.log(1 + mu)
    return ((squeezed + 1) / 2 * mu).round().long()


def decode(tokens: Tensor, levels: int = LEVELS) -> Tensor:
    """The sample in the middle of each level, between -1 and 1: the way back from `encode`."""
    mu = levels - 1
    squeezed = 2 * tokens / mu - 1
    return squeezed.sign() * ((1 + mu) ** squeezed.abs() - 1) / mu


# ------------------------------------------------------------------ what to speak
def conditions(phones: np.ndarray | Tensor, pitch: np.ndarray | Tensor) -> Tensor:
    """What to speak, as numbers for each sample: (..., samples, CONDITIONS).

    phones: positions in speech.PHONES; one number for each phone, 1 for the one that is spoken. pitch: in Hz;
    one number for each mark on a ruler of pitches, near 1 for the marks that are close.
    """
    phones = torch.as_tensor(phones)
    pitch = torch.as_tensor(pitch, dtype=torch.float32)
    names = functional.one_hot(phones.long(), len(speech.PHONES)).float()
    marks = torch.linspace(math.log(speech.LOWEST), math.log(speech.HIGHEST), MARKS)
    apart = marks[1] - marks[0]
    distance = (pitch.log().unsqueeze(-1) - marks) / apart
    return torch.cat([names, torch.exp(-(distance**2))], dim=-1)


def request(word: str, pitch: float | tuple[float, float] = 120.0) -> Tensor:
    """What to speak for a word such as "shi", as `conditions` gives it: (1, samples, CONDITIONS).

    pitch: in Hz, or where it begins and where it ends.
    """
    ends = pitch if isinstance(pitch, tuple) else (pitch,)
    for value in ends:
        check_number("pitch", value, speech.LOWEST, speech.HIGHEST,
                     f"a number from {speech.LOWEST:.0f} to {speech.HIGHEST:.0f} (Hz)")  # fmt: skip
    phones, hertz = plan(word, float(ends[0]), float(ends[-1]))
    return conditions(phones, hertz).unsqueeze(0)


def plan(word: str, start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
    """For each sample of a word its phone and its pitch (Hz), which glides from `start` to `end`."""
    try:
        names = ["_", *speech.spell(word), "_"]
    except ValueError as error:
        raise WorkbookError(str(error)) from None
    lengths = [int(RATE * speech.SECONDS[name]) for name in names]
    phones = np.repeat([speech.PHONES.index(name) for name in names], lengths)
    return phones, start * (end / start) ** np.linspace(0, 1, len(phones))


# ------------------------------------------------------------------ the model
class Layer(nn.Module):
    """One dilated layer: it looks at two moments, now and `dilation` samples ago, and at what to speak."""

    def __init__(self, channels: int, skip: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.from_now = nn.Linear(channels, 2 * channels)
        self.from_past = nn.Linear(channels, 2 * channels, bias=False)
        self.from_condition = nn.Linear(CONDITIONS, 2 * channels, bias=False)
        self.to_next_layer = nn.Linear(channels, channels)
        self.to_output = nn.Linear(channels, skip)

    def forward(self, now: Tensor, past: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """What the next layer sees, and what goes straight to the output.

        now, past: (batch, samples, channels); condition: (batch, samples, CONDITIONS).
        """
        both = self.from_now(now) + self.from_past(past) + self.from_condition(condition)
        content, gate = both.chunk(2, dim=-1)
        gated = torch.tanh(content) * torch.sigmoid(gate)  # the gate lets through between 0 and all of it
        return now + self.to_next_layer(gated), self.to_output(gated)


class WaveNet(nn.Module):
    """Layers with dilations 1, 2, 4, ...: each doubles how far back the model looks."""

    def __init__(
        self, channels: int = 32, skip: int = 64, dilations: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128)
    ) -> None:
        super().__init__()
        self.settings = {"channels": channels, "skip": skip, "dilations": list(dilations)}
        self.enter = nn.Linear(2, channels)
        self.layers = nn.ModuleList(Layer(channels, skip, dilation) for dilation in dilations)
        self.leave = nn.Sequential(nn.ReLU(), nn.Linear(skip, skip), nn.ReLU(), nn.Linear(skip, LEVELS))

    @property
    def looks_back(self) -> int:
        """How many samples before a sample can change its probabilities."""
        return 1 + sum(layer.dilation for layer in self.layers)

    def forward(self, before: Tensor, condition: Tensor) -> Tensor:
        """The logits of every sample, (batch, samples, LEVELS), from the levels of the samples before it.

        before: (batch, samples), the level one sample earlier; condition: what to speak at each sample.
        """
        now = self.enter(as_numbers(before))
        total = 0
        for layer in self.layers:
            past = earlier(now, layer.dilation)
            now, skipped = layer(now, past, condition)
            total = total + skipped
        return self.leave(total)


def as_numbers(tokens: Tensor) -> Tensor:
    """Two numbers for each level, (..., 2): its height on the mu-law ruler, and its sample; -1 to 1."""
    return torch.stack([2 * tokens / (LEVELS - 1) - 1, decode(tokens)], dim=-1)


def earlier(values: Tensor, steps: int) -> Tensor:
    """The values (batch, samples, channels) as they were `steps` samples ago; zeros before the first."""
    kept = values[:, : max(0, values.shape[1] - steps)]
    return functional.pad(kept, (0, 0, min(steps, values.shape[1]), 0))


# ------------------------------------------------------------------ training
@dataclass(frozen=True)
class Tape:
    """Recordings one after the other, with what is spoken at each sample; three tensors (samples,)."""

    tokens: Tensor  # levels
    phones: Tensor  # positions in speech.PHONES
    pitch: Tensor  # in Hz


def record(
    words: Sequence[str], count: int, seed: int = 0, pitches: tuple[float, float] | None = None
) -> Tape:
    """A tape of `count` words, each drawn at random and spoken by another speaker of our world.

    pitches: the lowest and the highest, in Hz; all of the world's if None. One word in three glides from one
    pitch to another.
    """
    draw = np.random.default_rng(seed)
    low, high = np.log(pitches or (speech.LOWEST, speech.HIGHEST))
    spoken = []
    for _ in range(count):
        start, end = np.exp(draw.uniform(low, high, 2))
        glides = draw.random() < 1 / 3
        word = str(draw.choice(words))
        spoken.append(speech.say(word, (float(start), float(end if glides else start)), draw))
    samples = np.concatenate([one.samples for one in spoken])
    phones = np.concatenate([one.phones for one in spoken])
    pitch = np.concatenate([one.pitch for one in spoken])
    return Tape(encode(samples), torch.as_tensor(phones), torch.as_tensor(pitch).float())


def batch_of(tape: Tape, size: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Random pieces of a tape: the levels, the levels one sample earlier, and what is spoken."""
    starts = torch.randint(1, len(tape.tokens) - length, (size, 1), generator=generator)
    places = starts + torch.arange(length)
    return tape.tokens[places], tape.tokens[places - 1], conditions(tape.phones[places], tape.pitch[places])


def train(
    model: WaveNet, tape: Tape, steps: int, *, seed: int = 0, batch: int = 4, length: int = 2048,
    rate: float = 4e-3, after: Callable[[int, float], None] | None = None,
) -> list[float]:  # fmt: skip
    """Teach the model to guess each next sample; returns the loss (nats a sample) of every step.

    batch, length: pieces, and samples of a piece, in each step; rate: of AdamW, which rises for a moment and
    then falls to zero; after: is told each step and its loss.
    """
    draw = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    losses = []
    model.train()
    for step in range(steps):
        tokens, before, condition = batch_of(tape, batch, length, draw)
        loss = loss_of(model(before, condition), tokens)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if after:
            after(step, losses[-1])
    model.eval()
    return losses


def loss_of(logits: Tensor, tokens: Tensor) -> Tensor:
    """The mean of -log(probability of the true level), in nats."""
    return functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())


# ------------------------------------------------------------------ sampling
def draw_level(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """Draw one level for each row of logits (batch, LEVELS): (batch, 1)."""
    probabilities = torch.softmax(logits / temperature, dim=-1)
    return torch.multinomial(probabilities, 1, generator=generator)


@torch.no_grad()
def sample_naive(
    model: WaveNet, condition: Tensor, generator: torch.Generator, temperature: float = 1.0
) -> Tensor:
    """Draw sample after sample, (batch, samples) levels; each time the model reads all that it can see again.

    condition: what to speak, (batch, samples, CONDITIONS).
    """
    batch, count, _ = condition.shape
    tokens = torch.full((batch, 1), LEVELS // 2)  # silence before the first sample
    for t in range(count):
        first = max(0, t + 1 - model.looks_back)
        logits = model(tokens[:, first:], condition[:, first : t + 1])
        new = draw_level(logits[:, -1], temperature, generator)
        tokens = torch.cat([tokens, new], dim=1)
    return tokens[:, 1:]


def read_and_write(ring: list, step: int, new):
    """Return the oldest value of a ring, and write `new` into its place; all other values stay.

    The oldest value stands at the place `step % len(ring)`.
    """
    place = step % len(ring)
    oldest = ring[place]
    ring[place] = new
    return oldest


@torch.no_grad()
def sample(
    model: WaveNet, condition: Tensor, generator: torch.Generator, temperature: float = 1.0,
    memory: Callable[[list[Tensor], int, Tensor], Tensor] = read_and_write,
) -> Tensor:  # fmt: skip
    """The same with a memory: each layer keeps what it saw in the last `dilation` samples.

    memory: as `read_and_write`, which holds them in a ring. (Le Paine et al. 2016, Fast WaveNet generation
    algorithm)
    """
    batch, count, _ = condition.shape
    silence = torch.zeros(batch, 1, model.settings["channels"])
    rings = [[silence] * layer.dilation for layer in model.layers]
    new = torch.full((batch, 1), LEVELS // 2)
    tokens = []
    for t in range(count):
        now = model.enter(as_numbers(new))
        total = 0
        for layer, ring in zip(model.layers, rings, strict=True):
            past = memory(ring, t, now)
            now, skipped = layer(now, past, condition[:, t : t + 1])
            total = total + skipped
        new = draw_level(model.leave(total)[:, -1], temperature, generator)
        tokens.append(new)
    return torch.cat(tokens, dim=1)


def speak(
    model: WaveNet, word: str, pitch: float | tuple[float, float] = 120.0, *, seed: int = 0,
    temperature: float = 1.0,
) -> np.ndarray:  # fmt: skip
    """A word such as "shi" in the model's voice: samples between -1 and 1, RATE a second."""
    generator = torch.Generator().manual_seed(seed)
    return decode(sample(model, request(word, pitch), generator, temperature))[0].numpy()


# ------------------------------------------------------------------ the shipped voice
def load(folder: Path = VOICE) -> WaveNet:
    """The shipped model, or one that `save` has left in a folder."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        model = WaveNet(**settings)
        weights = load_file(folder / "model.safetensors")
        model.load_state_dict({name: values.float() for name, values in weights.items()})
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise WorkbookError(
            f"The voice in {folder} cannot be read ({type(error).__name__}): restore it "
            "(`git checkout -- smallworld/weights`) or train it (`make train-voice`)."
        ) from None
    return model.eval()


def save(model: WaveNet, folder: Path) -> None:
    """Settings and weights (float16) in a folder."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(model.settings) + "\n", encoding="utf-8")
    weights = {name: values.half().contiguous() for name, values in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
