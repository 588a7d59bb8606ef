"""The figures of notebook 06: losses on the way, maps, and bars; and the questions that are guessed first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers import guess, metrics, plots
from helpers.lessons.training import texts
from helpers.lessons.training.experiments import Balance, Shape
from helpers.lessons.training.laboratory import Run

WIDTH = 8.1  # inches, as wide as a page
LOSS = "loss (nats per word)"
HELD_OUT = "held-out loss (nats per word)"
BLUE, ORANGE, BLACK, RED = plots.PALETTE[0], plots.PALETTE[1], plots.PALETTE[2], plots.PALETTE[4]

# ------------------------------------------------------------------ section 1


def learning_curve(losses: Sequence[float], moments: Sequence[int], blind: float, note: str = "") -> Figure:
    """The loss of every step; dots where the model wrote, a dashed line for blind guessing.

    losses: one for each step, in nats per letter; blind: the loss of a model that finds all letters equally
    likely; note: a line above the figure.
    """
    figure, axes = _one(4.0, note)
    steps = range(1, len(losses) + 1)
    axes.plot(steps, losses, color=BLUE, linewidth=1)
    chosen = [moment for moment in moments if moment <= len(losses)]
    axes.plot(chosen, [losses[moment - 1] for moment in chosen], "o", color=ORANGE, label="here it writes")
    _dashed(axes, blind, "all letters equally likely")
    axes.set(xscale="log", ylim=(0, 1.15 * max(blind, max(losses))), xlabel="training step",
             ylabel="loss (nats per letter)", title="The loss falls, fast at first")  # fmt: skip
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(loc="lower left")
    return figure


SIGNS = {
    "real words": "words that exist, of all words",
    "right kind": "lines that know who is what",
    "whole sentence": "lines that the grammar could have written",
}


def signs_of_learning(written: Mapping[int, Sequence[str]], known_words: set[str]) -> dict[str, list[float]]:
    """For each step the share of real words, of lines that name a hero's right kind, of whole sentences."""
    shares: dict[str, list[float]] = {name: [] for name in SIGNS}
    for lines in written.values():
        words = [word for line in lines for word in texts.words_of(line)]
        shares["real words"].append(sum(word in known_words for word in words) / max(1, len(words)))
        shares["right kind"].append(sum(map(texts.right_kind, lines)) / len(lines))
        shares["whole sentence"].append(sum(map(texts.is_first_sentence, lines)) / len(lines))
    return shares


def guess_order(written: Mapping[int, Sequence[str]], known_words: set[str]) -> None:
    """Guess first: what does the model learn last? Then see the share of each sign, step by step."""
    shares = signs_of_learning(written, known_words)
    sums = {name: sum(values) for name, values in shares.items()}
    fewest = min(sums.values())
    guess.choice(
        "Which of these comes last?", list(shares),
        lambda chosen: learnt(list(written), shares, chosen),
        answer=[name for name, number in sums.items() if number == fewest],
        alt=f"Three rising lines, shares by training step: {', '.join(shares)}.",
    )  # fmt: skip


def learnt(steps: Sequence[int], shares: Mapping[str, Sequence[float]], chosen: str | None = None) -> Figure:
    """The share of each sign of learning, by training step; the guess is named below."""
    figure, axes = _one(4.0)
    plots.lines(range(len(steps)), shares, x_label=_guessed("training step", chosen), axes=axes,
                y_label="share", title="Words first, sense later", limits=(-0.03, 1.03))  # fmt: skip
    axes.set_xticks(range(len(steps)), [f"{step:,}" for step in steps])
    axes.legend([f"{name}: {SIGNS[name]}" for name in shares], loc="upper left", fontsize=10.5)
    return figure


# ------------------------------------------------------------------ section 2


def guess_rate(table: Mapping[int, Mapping[float, float]], size: int) -> None:
    """Guess first: which learning rate is best at this batch size? Then see the whole map."""
    row = table[size]
    names = {f"{rate:g}": loss for rate, loss in row.items()}
    guess.choice(
        f"Which learning rate gives the lowest loss with a batch of {size}?", list(names),
        lambda chosen: rate_map(table, chosen), answer=min(names, key=names.get),
        alt="A map of held-out losses: rows are batch sizes, columns are learning rates. On the left and on "
        "the right the losses are high, between them lies a valley.",
    )  # fmt: skip


def rate_map(table: Mapping[int, Mapping[float, float]], chosen: str | None = None) -> Figure:
    """Held-out losses by batch size and learning rate; the best of each row is framed."""
    rates = list(next(iter(table.values())))
    values = np.array([[row[rate] for rate in rates] for row in table.values()])
    figure, axes = plots.grid(width=WIDTH, height=3.6)
    plots.heatmap(
        np.minimum(values, 9.99), rows=list(table), columns=[f"{rate:g}" for rate in rates],
        x_label=_guessed("learning rate at the first step", chosen), y_label="batch size",
        value_label=HELD_OUT, title="A valley between too slow and too wild (best of a row: framed)",
        axes=axes,
    )  # fmt: skip
    for row, losses in enumerate(values):
        best = (int(losses.argmin()) - 0.5, row - 0.5)
        axes.add_patch(_frame(best, ORANGE))
    return figure


def rate_curves(runs: Mapping[str, Run], note: str = "") -> Figure:
    """The held-out loss on the way for a few learning rates."""
    figure, axes = _one(4.0, note)
    steps = next(iter(runs.values())).steps
    top = max(run.held_out[0] for run in runs.values())
    plots.lines(steps, {name: run.held_out for name, run in runs.items()}, x_label="training step",
                y_label=HELD_OUT, limits=(0, 1.1 * top), axes=axes,
                title="Too small crawls, too large jumps about")  # fmt: skip
    return figure


# ------------------------------------------------------------------ section 3


def guess_collection(losses: Mapping[str, float], note: str = "") -> None:
    """Guess first: from which collection does a model learn best? Then see the held-out losses."""

    def draw(chosen: str | None) -> Figure:
        return collections(losses, note, chosen)

    guess.choice("From which collection does the model learn best?", list(losses), draw,
                 answer=min(losses, key=losses.get),
                 alt=f"Bars of the held-out loss after training on: {', '.join(losses)}.")  # fmt: skip


def collections(losses: Mapping[str, float], note: str = "", chosen: str | None = None) -> Figure:
    """The held-out loss for each collection of texts; the chosen bar is orange."""
    figure, axes = _one(4.0, note)
    plots.bars([name.replace(": ", ":\n") for name in losses], list(losses.values()), value_format=".2f",
               highlight=[i for i, name in enumerate(losses) if name == chosen], axes=axes,
               x_label=_guessed("what the model learnt from", chosen), y_label=HELD_OUT,
               title="Lower is better")  # fmt: skip
    return figure


def balance(found: Mapping[str, Balance], shares: Mapping[str, float]) -> Figure:
    """How often the models speak of the snow, with 95 % intervals, and how well: their loss there.

    shares: the share of texts in the snow that each collection has, drawn as a short line.
    """
    figure, (left, right) = plots.grid(1, 2, width=WIDTH, height=4.0)
    rates = [one.snow / one.total for one in found.values()]
    intervals = [metrics.wilson_interval(one.snow, one.total) for one in found.values()]
    labels = list(found)
    plots.bars(labels, rates, errors=intervals, x_label="what it learnt from", axes=left,
               y_label="texts in the snow (share)", title="How often it tells of snow",
               limits=(0, 0.25))  # fmt: skip
    for i, name in enumerate(found):
        left.plot([i - 0.42, i + 0.42], [shares[name]] * 2, color=BLACK, linestyle="--", linewidth=1.5,
                  label="share in the collection" if i == 0 else None)  # fmt: skip
    left.legend(loc="upper left", fontsize=10.5)
    plots.bars(labels, [one.loss for one in found.values()], x_label="what it learnt from", axes=right,
               y_label="loss in the snow (nats per word)", title="How badly it does there",
               value_format=".2f")  # fmt: skip
    for axes in (left, right):
        axes.tick_params(axis="x", labelsize=10)
    return figure


# ------------------------------------------------------------------ section 4


def both_losses(run: Run, stop: int, note: str = "") -> Figure:
    """Training and held-out loss; the place where early stopping would stop is marked and named.

    stop: the index of the measurement to keep.
    """
    figure, axes = _one(4.2, note)
    _both(axes, run, "It gets better at its own texts, and worse at all others")
    step, loss = run.steps[stop], run.held_out[stop]
    axes.axvline(step, color=BLACK, linestyle="--", linewidth=1.2)
    axes.plot([step], [loss], "*", color=BLACK, markersize=16)
    axes.annotate("early stopping\nkeeps this model", (step, loss), (12, 22), textcoords="offset points",
                  fontsize=11)  # fmt: skip
    axes.legend(loc="upper right")
    return figure


def guess_cure(runs: Mapping[str, Run], early: float) -> None:
    """Guess first: which cure leaves the lowest held-out loss at the end? Then see all curves."""
    ends = {name: run.held_out[-1] for name, run in runs.items() if name != "no cure"}
    guess.choice(
        "Which change leaves the lowest held-out loss at the end?", list(ends),
        lambda chosen: cures(runs, early, chosen), answer=min(ends, key=ends.get),
        alt="Four panels of training and held-out loss: without a cure, with dropout, with augmentation, "
        "with more texts. A dashed line marks what early stopping reaches.",
    )  # fmt: skip


def cures(runs: Mapping[str, Run], early: float, chosen: str | None = None) -> Figure:
    """Training and held-out loss with each cure, on one scale; dashed: what early stopping reaches alone."""
    figure, rows = plots.grid(2, 2, width=WIDTH, height=6.2, sharex=True, sharey=True)
    for axes, (name, run) in zip(rows.flat, runs.items(), strict=True):
        _both(axes, run, f"{name}: {run.held_out[-1]:.2f}" + (" (your guess)" if name == chosen else ""))
        axes.axhline(early, color=BLACK, linestyle="--", linewidth=1.2, label="early stopping")
        axes.label_outer()
    rows[0, 0].legend(loc="upper left", fontsize=10.5)
    return figure


def _both(axes: Axes, run: Run, title: str) -> None:
    axes.plot(run.steps, run.held_out, color=RED, label="held-out texts")
    axes.plot(run.steps, run.training, color=BLUE, label="its own texts")
    top = max(5.0, 1.1 * max(run.held_out[1:]))
    axes.set(xlabel="training step", ylabel=LOSS, title=title, ylim=(0, top))


# ------------------------------------------------------------------ section 5


def deep(right: Mapping[str, Sequence[float]], chance: float, note: str = "") -> Figure:
    """The share of right answers after each step, for each network; dashed: guessing."""
    figure, axes = _one(4.0, note)
    steps = range(1, len(next(iter(right.values()))) + 1)
    plots.lines(steps, right, x_label="training step", y_label="right, of held-out texts (share)",
                limits=(0, 1.05), axes=axes,
                title="Twelve layers, with and without normalisation")  # fmt: skip
    _dashed(axes, chance, "guessing")
    axes.legend(loc="center right")
    return figure


# ------------------------------------------------------------------ section 6


def guess_shape(found: Sequence[Shape]) -> None:
    """Guess first: what costs more, attention or layers? Then see all six losses."""
    with_ = [shape.with_attention for shape in found]
    without = [shape.without_attention for shape in found]
    attention, layers = without[0] - with_[0], with_[0] - min(with_)
    options = ["one layer instead of the best depth", "no attention"]
    guess.choice(
        "What makes the loss worse?", options, lambda chosen: shapes(found, chosen),
        answer=options[int(attention > layers)],
        alt="Two lines over the number of layers: the held-out loss without attention and with attention.",
    )  # fmt: skip


def shapes(found: Sequence[Shape], chosen: str | None = None) -> Figure:
    """The held-out loss by number of layers, with attention and without; all have about one size."""
    figure, axes = _one(4.0)
    series = {
        "without attention": [shape.without_attention for shape in found],
        "with attention": [shape.with_attention for shape in found],
    }
    plots.lines(range(len(found)), series, y_label=HELD_OUT, limits=(0, None), axes=axes,
                x_label=_guessed("layers, and parameters in all", chosen),
                title="The same number of parameters, in other shapes")  # fmt: skip
    axes.set_xticks(range(len(found)), [f"{shape.layers}\n{shape.parameters:,}" for shape in found])
    for values in series.values():
        for place, value in enumerate(values):
            axes.annotate(f"{value:.2f}", (place, value), (0, 8), textcoords="offset points", ha="center")
    return figure


# ------------------------------------------------------------------ tools


def _one(height: float, note: str = "") -> tuple[Figure, Axes]:
    """A figure with one panel, and a line above it if there is one."""
    figure, axes = plots.grid(width=WIDTH, height=height + (0.4 if note else 0))
    if note:
        figure.suptitle(note, fontsize=12, x=0.02, ha="left")
    return figure, axes


def _dashed(axes: Axes, height: float, name: str) -> None:
    axes.axhline(height, color=BLACK, linestyle="--", linewidth=1.2, label=name)


def _guessed(label: str, chosen: str | None) -> str:
    return f"{label} (you guessed: {chosen})" if chosen else label


def _frame(corner: tuple[float, float], colour: str):
    from matplotlib.patches import Rectangle

    return Rectangle(corner, 1, 1, fill=False, edgecolor=colour, linewidth=3)
