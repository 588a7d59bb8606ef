"""The figures of the sections on speech: waves, spectrograms, mu-law, learning, and what an ear heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from helpers import guess, metrics, plots
from helpers.diagrams import QUIET
from helpers.lessons.sound import listening, wavenet
from helpers.lessons.sound.listening import Answer
from smallworld.world import speech
from smallworld.world.sounds import RATE

WIDTH = 8.1  # inches, as wide as a page
LOWEST_SHOWN = -60  # decibels below the strongest


def waves(sounds: Mapping[str, Sequence[float]], first: float = 0.1, seconds: float = 0.04) -> Figure:
    """A short piece of each wave, one below the other, on one scale. first, seconds: which piece."""
    figure, rows = plots.grid(len(sounds), 1, width=WIDTH, height=1.35 * len(sounds) + 0.9, squeeze=False,
                              sharex=True, sharey=True)  # fmt: skip
    for axes, (name, samples) in zip(rows[:, 0], sounds.items(), strict=True):
        samples = np.asarray(samples, dtype=float)
        start = int(first * RATE)
        piece = samples[start : start + int(seconds * RATE)]
        axes.plot(1000 * (start + np.arange(len(piece))) / RATE, piece, linewidth=1.5, color=plots.PALETTE[0])
        axes.set_title(name, fontsize=12)
        axes.set_ylabel("sample")
    rows[-1, 0].set_xlabel("time (milliseconds)")
    return figure


def spectrograms(sounds: Mapping[str, Sequence[float]], highest: float = RATE / 2) -> Figure:
    """A spectrogram for each sound, side by side: time to the right, frequency upwards, dark is strong."""
    figure, row = plots.grid(1, len(sounds), width=WIDTH, height=3.6, squeeze=False, sharey=True)
    strengths = [listening.spectrogram(samples) for samples in sounds.values()]
    for axes, name, values in zip(row[0], sounds, strengths, strict=True):
        decibels = 20 * torch.log10(values / values.max() + 1e-9)
        seconds = values.shape[1] * listening.HOP / RATE
        axes.imshow(decibels.numpy(), origin="lower", aspect="auto", cmap="Greys", interpolation="nearest",
                    vmin=LOWEST_SHOWN, vmax=0, extent=(0, seconds, 0, RATE / 2))  # fmt: skip
        axes.grid(False)
        axes.set(title=name, xlabel="time (seconds)", ylim=(0, highest))
    row[0][0].set_ylabel("frequency (Hz)")
    return figure


def steps_of_mu_law(levels: int = 16) -> Figure:
    """Which sample each level stands for, with mu-law and with equal steps."""
    numbers = torch.arange(levels)
    even = 2 * numbers / (levels - 1) - 1
    figure, axes = plots.grid(width=WIDTH, height=3.6)
    axes.plot(numbers, wavenet.decode(numbers, levels), "o-", label="mu-law", color=plots.PALETTE[0])
    axes.plot(numbers, even, "s--", label="equal steps", color=QUIET, markersize=4, linewidth=1.2)
    axes.legend()
    axes.set(xlabel="level", ylabel="sample", title="Near 0 the steps of mu-law are small")
    return figure


def next_sample(model: wavenet.WaveNet, tape: wavenet.Tape, place: int, shown: int = 100) -> Figure:
    """The samples before a place of a tape, and beside them how likely a model finds each next sample."""
    start = max(1, place - model.looks_back)
    condition = wavenet.conditions(tape.phones[start : place + 1], tape.pitch[start : place + 1])
    with torch.no_grad():
        logits = model(tape.tokens[start - 1 : place].unsqueeze(0), condition.unsqueeze(0))[0, -1]
    samples = wavenet.decode(tape.tokens).numpy()
    figure, (left, right) = plots.grid(1, 2, width=WIDTH, height=3.4, sharey=True, width_ratios=(3, 1))
    before = np.arange(max(0, place - shown), place)
    left.plot(before - place, samples[before], ".-", linewidth=1.2, color=plots.PALETTE[0], label="before")
    left.plot([0], [samples[place]], "o", color=plots.PALETTE[1], label="the true next sample")
    left.legend(loc="upper left")
    left.set(xlabel="samples from now", ylabel="sample", title="The wave so far")
    shares = torch.softmax(logits.float(), dim=-1)
    centres = wavenet.decode(torch.arange(wavenet.LEVELS))
    right.fill_betweenx(centres, 0, shares, color=plots.PALETTE[0], step="mid")
    right.set(xlabel="probability", title="The next one")
    return figure


def learning(losses: Sequence[float], width: int = 10) -> Figure:
    """The loss of each step, as a moving average, with the loss of guessing all levels alike."""
    losses = np.asarray(losses, dtype=float)
    width = min(width, len(losses))
    smooth = np.convolve(losses, np.ones(width) / width, "valid")
    figure, axes = plots.grid(width=WIDTH, height=3.4)
    axes.plot(np.arange(len(smooth)) + width, smooth, color=plots.PALETTE[0], label="the model")
    blind = float(np.log(wavenet.LEVELS))
    axes.axhline(blind, color=QUIET, linestyle="--", linewidth=1.4, label=f"all levels alike: {blind:.2f}")
    axes.legend()
    axes.set(xlabel="step", ylabel="loss (nats a sample)", ylim=(0, None))
    axes.set_title("Learning to guess the next sample")
    return figure


def guess_first(spoken: Mapping[str, Sequence[float]]) -> None:
    """Guess first, by ear: which of two words was heard first? Then see both, with their names.

    spoken: the samples of each word, in the order in which they were played.
    """
    first, second = spoken

    def draw(chosen: str | None) -> Figure:
        note = f" (your guess: {chosen})" if chosen else ""
        return spectrograms({f"first: {first}{note}": spoken[first], f"second: {second}": spoken[second]})

    guess.choice("Which word did you hear first?", sorted(spoken), draw, answer=first,
                 alt=f"Spectrograms side by side: first {first}, then {second}.")  # fmt: skip


def recognised(results: Mapping[str, Sequence[Answer]]) -> Figure:
    """The share of vowels that the ear heard as asked, with 95 % intervals; dashed is luck."""
    shares, intervals, labels = [], [], []
    for name, answers in results.items():
        right = sum(answer.right for answer in answers)
        shares.append(right / len(answers))
        intervals.append(metrics.wilson_interval(right, len(answers)))
        labels.append(f"{name}\n{right} of {len(answers)}")
    figure, axes = plots.grid(width=WIDTH, height=3.6)
    plots.bars(labels, shares, errors=intervals, limits=(0, 1.05), axes=axes, x_label="who speaks",
               y_label="vowels heard as asked (share)", title="An independent ear listens")  # fmt: skip
    luck = 1 / len(speech.VOWELS)
    axes.axhline(luck, color=QUIET, linestyle="--", linewidth=1.4)
    axes.text(len(labels) - 0.45, luck + 0.02, f"luck: {luck:.0%}", ha="right", color=QUIET)
    return figure
