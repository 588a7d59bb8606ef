"""The figures of notebook 05: texts side by side, losses, counts, changed pictures with an arrow."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL.Image import Image

from helpers import guess, metrics, plots
from helpers.diagrams import visible
from helpers.lessons.tuning.examples import Couplets

WIDTH = 8.1  # inches, as wide as a page
LINES = 14  # of a text in a figure; longer ones end in three dots
RED = plots.PALETTE[4]


def texts(columns: Mapping[str, str], note: str = "") -> Figure:
    """Texts side by side, each under its name; lines keep their breaks, long ones are wrapped.

    columns: one to three texts by name; note: a line above all.
    """
    letters = {1: 84, 2: 40, 3: 26}[len(columns)]
    pages = {name: _page(words, letters) for name, words in columns.items()}
    height = 0.235 * max(page.count("\n") + 1 for page in pages.values()) + 0.75 + (0.35 if note else 0)
    figure, panels = plots.grid(1, len(columns), width=WIDTH, height=height, squeeze=False)
    for axes, (name, page) in zip(panels[0], pages.items(), strict=True):
        axes.set(xticks=[], yticks=[], facecolor="#f6f4ee")
        axes.spines[:].set_visible(False)
        axes.set_title(name, fontsize=12)
        axes.text(0.03, 0.97, page, va="top", fontsize=11, linespacing=1.45, transform=axes.transAxes)
    if note:
        figure.suptitle(note, fontsize=12, x=0.02, ha="left")
    return figure


def losses(curves: Mapping[str, Sequence[float]]) -> Figure:
    """The loss of each training step, a line for each model, as the mean of up to five steps."""
    figure, axes = plots.grid(width=WIDTH, height=4.0)
    for i, (name, values) in enumerate(curves.items()):
        axes.plot(range(1, len(values) + 1), _smooth(values), color=plots.PALETTE[i], label=name)
    axes.legend()
    axes.set(xlabel="training step (8 pieces each)", ylabel="loss on the training poems",
             title="Lower is better")  # fmt: skip
    axes.set_ylim(bottom=0)
    return figure


def guess_rhymes(counts: Mapping[str, Couplets]) -> None:
    """Guess first: how many couplets of the last model rhyme? Then see the counts of all."""
    name, count = list(counts.items())[-1]
    third = count.total // 3
    limits = {f"at most {third}": third, f"{third + 1} to {2 * third}": 2 * third,
              f"{2 * third + 1} or more": count.total}  # fmt: skip
    answer = next(words for words, most in limits.items() if count.rhyming <= most)
    guess.choice(
        f"How many of {count.total} couplets rhyme? The model: {name}.", list(limits),
        lambda chosen: rhyme_bars(counts, chosen or ""), answer=answer,
        alt="Bars of rhyming couplets: none or hardly any before, and most of them after fine-tuning.",
    )  # fmt: skip


def rhyme_bars(counts: Mapping[str, Couplets], chosen: str = "") -> Figure:
    """The share of couplets that rhyme, with 95 % intervals; the part that is new is hatched.

    chosen: what somebody guessed, to be named.
    """
    labels = [f"{name}\n{count.rhyming} of {count.total}" for name, count in counts.items()]
    shares = [count.rhyming / count.total for count in counts.values()]
    intervals = [metrics.wilson_interval(count.rhyming, count.total) for count in counts.values()]
    figure, axes = plots.grid(width=WIDTH, height=4.0)
    plots.bars(
        labels, shares, errors=intervals, limits=(0, 1.05), axes=axes,
        title="Couplets that rhyme" + (f" (you guessed {chosen})" if chosen else ""),
        x_label="model", y_label="share of all couplets",
    )  # fmt: skip
    new = [count.new / count.total for count in counts.values()]
    hatched = {"fill": False, "hatch": "//", "edgecolor": "white", "label": "in no training poem"}
    axes.bar(range(len(new)), new, 0.72, **hatched)
    axes.legend(loc="upper left", facecolor="#999999", frameon=True)
    return figure


def surprise(tokens: Sequence[str], chances: Mapping[str, Sequence[float]], note: str = "") -> Figure:
    """How likely a model found each token of a verse: a panel for each model, on one scale."""
    height = 0.36 * len(tokens) + 1.6 + (0.4 if note else 0)
    figure, panels = plots.grid(1, len(chances), width=WIDTH, height=height, squeeze=False)
    names = [visible(token) for token in tokens]
    for axes, (name, values) in zip(panels[0], chances.items(), strict=True):
        plots.bars(names, list(values), horizontal=True, value_format=".2f", limits=(0, 1.2), axes=axes,
                   x_label="probability", y_label="token that comes next", title=name)  # fmt: skip
    for axes in panels[0][1:]:
        axes.set_yticklabels([])
        axes.set_ylabel("")
    if note:
        figure.suptitle(note, fontsize=12, x=0.02, ha="left")
    return figure


def sizes(numbers: Mapping[str, int], note: str = "") -> Figure:
    """How many numbers are trained, a bar for each way, with the number beside it."""
    figure = plots.bars(
        list(numbers), list(numbers.values()), horizontal=True, value_format=",.0f", axes=None,
        x_label="numbers that are trained, in one layer", y_label="what is trained", title=note,
    )  # fmt: skip
    figure.axes[0].title.set_fontsize(12)
    return figure


def skills(points: Mapping[str, tuple[float, float]], chosen: str | None = None) -> Figure:
    """The old skill against the new one: a named dot for each model; a guessed one is marked.

    points: by name the loss on new poems and the loss on old stories.
    """
    figure, axes = plots.grid(width=WIDTH, height=4.8)
    for i, (name, (new, old)) in enumerate(points.items()):
        axes.plot(new, old, plots.MARKERS[i % 8], color=plots.PALETTE[i % 8], markersize=11)
        words = f"{name} (your guess)" if name == chosen else name
        axes.annotate(words, (new, old), xytext=(10, 8), textcoords="offset points", fontsize=12)
    across = max(new for new, _ in points.values())
    up = max(old for _, old in points.values())
    axes.set(
        xlim=(0, 1.3 * across), ylim=(0, 1.18 * up), title="Best is the corner at the bottom left",
        xlabel="loss on new poems (lower: the new skill is learnt)",
        ylabel="loss on old stories\n(lower: the old skill is kept)",
    )  # fmt: skip
    return figure


def guess_kept(points: Mapping[str, tuple[float, float]]) -> None:
    """Guess first: which trained model keeps the old skill best? Then see all of them.

    points: as of `skills`; the first is the model before training.
    """
    trained = list(points)[1:]
    best = min(trained, key=lambda name: points[name][1])
    guess.choice(
        "Which of the trained models has the lowest loss on old stories?", trained,
        lambda chosen: skills(points, chosen), answer=best,
        alt="Five dots. Before training: bad on poems, good on stories. All others are better on poems. "
            "Full training at the high rate is worst on stories; the one with replay is good on both.",
    )  # fmt: skip


def pairs(above: Sequence[Image], below: Sequence[Image], names: tuple[str, str]) -> Figure:
    """Large pictures in two rows, three or four in each."""
    side = (WIDTH - 1.1) / len(above) - 0.06
    return plots.pictures([*above, *below], columns=len(above), rows=names, side=side)


def named(pictures: Sequence[Image], captions: Sequence[str]) -> Figure:
    """Up to four large pictures in a row, each under its caption."""
    side = WIDTH / len(pictures) - 0.06
    wrapped = [textwrap.fill(caption, int(11 * side)) for caption in captions]
    figure = plots.pictures(pictures, wrapped, side=min(side, 2.5))
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.2)  # room for the upper edge of long captions
    return figure


def changed(before: Sequence[Image], after: Sequence[Image], find: Callable) -> Figure:
    """Pictures before and after, with an arrow to the place that has changed most.

    find: of two arrays (height, width, 3), the row and the column of that place, in blocks of an eighth of
    the picture's side; as exercise 05.4 defines it.
    """
    figure = pairs(before, after, ("before", "after"))
    for i, (old, new) in enumerate(zip(before, after, strict=True)):
        row, column = find(np.asarray(old, dtype=float), np.asarray(new, dtype=float))
        _arrow(figure.axes[i], old.size, row, column)
        _arrow(figure.axes[len(before) + i], new.size, row, column)
    return figure


def paper_cuts(counts: Mapping[str, tuple[int, int]]) -> Figure:
    """How many pictures are called paper-cuts, as shares with 95 % intervals; (number, total) by name."""
    labels = [f"{name}\n{number} of {total}" for name, (number, total) in counts.items()]
    shares = [number / total for number, total in counts.values()]
    intervals = [metrics.wilson_interval(number, total) for number, total in counts.values()]
    figure, axes = plots.grid(width=WIDTH, height=3.8)
    return plots.bars(labels, shares, errors=intervals, limits=(0, 1.05), axes=axes,
                      title="Called a paper-cut by a network that judges", x_label="pictures",
                      y_label="share of pictures")  # fmt: skip


def _arrow(axes: Axes, size: tuple[int, int], row: int, column: int) -> None:
    """An arrow to the middle of a block, from the side that has more room."""
    x, y = (column + 0.5) * size[0] / 8, (row + 0.5) * size[1] / 8
    reach = size[0] * (0.3 if column < 4 else -0.3)
    drop = size[1] * (0.2 if row < 4 else -0.2)
    for colour, thick in (("white", 6), (RED, 3)):  # white around it, so that it is seen on any ground
        axes.annotate(
            "", xy=(x, y), xytext=(x + reach, y + drop),
            arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": thick, "mutation_scale": 22},
        )  # fmt: skip


def _smooth(values: Sequence[float], width: int = 5) -> list[float]:
    """Each value replaced by the mean of itself and up to four before it."""
    return [float(np.mean(values[max(0, i - width + 1) : i + 1])) for i in range(len(values))]


def _page(words: str, letters: int) -> str:
    """A text in lines of so many letters, at most LINES of them."""
    lines = []
    for line in words.strip("\n").splitlines() or [""]:
        lines += textwrap.wrap(line, letters) or [""]
    return "\n".join(lines if len(lines) <= LINES else [*lines[:LINES], "…"])
