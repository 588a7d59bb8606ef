"""The figures of notebook 01: points, what a classifier says of them, four fields, collapse, and costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from helpers import guess, plots
from helpers.diagrams import INK, PALE, QUIET
from helpers.lessons.concepts import costs
from helpers.lessons.concepts.ring import NEAR, SIZES, centres, heaps_found, share_near
from helpers.lessons.concepts.timeline import read_systems, timeline

WIDTH = 8.1  # inches, as wide as a page
ROUND = 2.2  # how far the axes of the three families go: room for the ring and for most of the noise
BLUE, ORANGE, GREEN = plots.PALETTE[0], plots.PALETTE[1], plots.PALETTE[5]
# Of clouds; others are green.
COLOURS = {"real": QUIET, "real, both colours": QUIET, "plain ring": QUIET, "generated, orange": ORANGE}
POSITION = "position of\nthe loudspeaker"
BETWEEN = LinearSegmentedColormap.from_list("from blue to orange", [BLUE, "white", ORANGE])


def coloured(points: torch.Tensor, heaps: torch.Tensor, colours: torch.Tensor) -> Figure:
    """Points (n, 2) in their colours (1 is orange), with the number beside each heap."""
    figure, axes = plots.grid(width=4.8, height=4.4)
    for colour, marker, number in ((BLUE, "o", 0), (ORANGE, "s", 1)):
        axes.scatter(*points[colours == number].T, s=50, c=colour, marker=marker)
    for heap in heaps.unique().tolist():
        x, y = 1.75 * centres(len(SIZES))[heap]
        axes.text(x, y, f"heap {heap}", ha="center", va="center")
    _plane(axes, 2.2)
    return figure


def losses(values: Sequence[float]) -> Figure:
    """The loss after each step of training."""
    return plots.lines(range(len(values)), {"loss": values}, x_label="step of training",
                       y_label="loss (how wrong)", limits=(0, None))  # fmt: skip


def judged(counted: Sequence[float], network: Sequence[float]) -> Figure:
    """For each heap the share of orange points as counted, beside the probability that the network gives."""
    figure, axes = plots.grid(width=WIDTH, height=3.6)
    places, network = np.arange(len(counted)), torch.as_tensor(network).detach().tolist()
    for shift, values, colour, label in ((-0.2, counted, PALE, "counted by hand"),
                                         (0.2, network, ORANGE, "said by the network")):  # fmt: skip
        drawn = axes.bar(places + shift, values, 0.38, color=colour, label=label)
        axes.bar_label(drawn, [f"{value:.2f}" for value in values], padding=3)
    axes.set_xticks(places, [f"heap {place}" for place in places])
    axes.set(ylabel="probability of orange", ylim=(0, 1.2), xlabel="where the point lies")
    axes.grid(False, axis="x")
    axes.legend(loc="upper left")
    return figure


def border(
    classifier: Callable[[torch.Tensor], torch.Tensor], points: torch.Tensor, colours: torch.Tensor
) -> Figure:
    """The probability of orange that a classifier gives to every place, far away from its points as well."""
    axis = torch.linspace(-4, 4, 160)
    everywhere = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        orange = classifier(everywhere).softmax(dim=1)[:, 1].reshape(160, 160).T
    figure, axes = plots.grid(width=5.6, height=4.6)
    shown = axes.contourf(axis, axis, orange, levels=np.linspace(0, 1, 11), cmap=BETWEEN)
    inks = np.array([BLUE, ORANGE])[colours[:300]]
    axes.scatter(*points[:300].T, s=18, c=inks, edgecolors=INK, linewidths=0.5)
    figure.colorbar(shown, ax=axes, label="probability of orange", ticks=(0, 0.5, 1))
    _plane(axes, 4)
    return figure


def clouds(
    panels: Mapping[str, torch.Tensor], *, limit: float = 1.6, note: str = "",
    measure: Callable[[torch.Tensor], str] | None = None, circles: torch.Tensor | None = None,
) -> Figure:  # fmt: skip
    """Points (n, 2), a panel for each entry, at most four in a row, all on one scale.

    measure: says something about the points of a panel, in its title; note: a line above all panels;
    circles: their middles (m, 2), where the real heaps are.
    """
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    side = min(3.4, WIDTH / columns)
    height = rows * (side + (1.05 if measure else 0.55)) + (0.4 if note else 0)
    figure, grid = plots.grid(rows, columns, width=max(4.2, columns * side), height=height, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes, (name, points) in zip(grid.flat, panels.items(), strict=False):
        points = torch.as_tensor(points)
        colour = COLOURS.get(name, GREEN)
        for x, y in () if circles is None else circles.tolist():
            axes.add_patch(Circle((x, y), NEAR, facecolor="none", edgecolor=PALE, linewidth=0.9, zorder=0.5))
        axes.scatter(*points.T, s=2, c=colour, linewidths=0, antialiaseds=False)
        axes.set_title(f"{name}\n{measure(points)}" if measure else name, fontsize=12)
        _plane(axes, limit)
        axes.label_outer()
    if note:
        figure.suptitle(note, fontsize=12, x=0.02, ha="left")
    return figure


def with_heaps(panels: Mapping[str, torch.Tensor]) -> Figure:
    """Points (n, 2) over circles where the eight real heaps are, with the heaps found and the share near one.

    A panel for each entry; all such figures have the same axes.
    """
    return clouds(panels, limit=ROUND, measure=found_and_near, circles=centres())


def found_and_near(points: torch.Tensor) -> str:
    """Two measures of points (n, 2): how many heaps hold 2 % of them, and the share that lies near a heap."""
    return f"{heaps_found(points)} of 8 heaps\n{share_near(points):.0%} near a heap"


def four_fields(tokens: Sequence[str], picture, notes: Sequence[tuple[int, int]], samples) -> Figure:
    """The pieces of a text, a picture, a melody and a voice, each with the next piece in orange."""
    figure, grid = plots.grid(2, 2, width=WIDTH, height=6.4)
    (text, image), (music, wave) = grid
    _tokens(text, tokens)
    _pixels(image, picture)
    _notes(music, notes)
    _samples(wave, np.asarray(samples)[-80:])
    return figure


def _tokens(axes: Axes, tokens: Sequence[str]) -> None:
    x = y = 0.0
    for token in [*tokens, "?"]:
        width = 0.027 * len(token) + 0.03
        if x + width > 1:
            x, y = 0.0, y - 0.2
        colour = ORANGE if token == "?" else "#dce9f2"
        axes.text(x, y, token, va="top", family="DejaVu Sans Mono", fontsize=11, parse_math=False,
                  bbox={"facecolor": colour, "edgecolor": "none", "pad": 3})  # fmt: skip
        x += width
    axes.set(title="text: the next token", xlim=(0, 1), ylim=(min(y, -0.6) - 0.25, 0.1))
    axes.set_axis_off()


def _pixels(axes: Axes, picture) -> None:
    """The upper part of a picture, made smaller so that its pixels are seen, and the one that comes next."""
    pixels = np.array(picture.convert("RGB").resize((24, 24)))
    row, column = 15, 12
    pixels[row + 1 :] = 255
    pixels[row, column:] = 255
    axes.imshow(pixels, interpolation="nearest")
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=ORANGE, edgecolor=INK, linewidth=0.8))
    _question(axes, column, row + 4)
    axes.plot([column, column], [row + 0.7, row + 2.6], color=INK, linewidth=1)
    axes.set_title("picture: the next pixel")
    axes.set_axis_off()


def _question(axes: Axes, x: float, y: float) -> None:
    axes.text(x, y, "?", color=INK, fontsize=14, ha="center", va="center",
              bbox={"facecolor": ORANGE, "edgecolor": "none", "pad": 3})  # fmt: skip


def _samples(axes: Axes, samples: np.ndarray) -> None:
    """Samples as dots, and the place of the one that comes next, whatever it is."""
    count = len(samples)
    axes.plot(range(count), samples, color=BLUE, linewidth=1, marker="o", markersize=3)
    axes.axvspan(count - 0.5, count + 0.5, color=ORANGE)
    _question(axes, count + 5, 0.5 * (samples.min() + samples.max()))
    axes.set(title="voice: the next sample", xlabel=f"the last {count} samples", ylabel=POSITION,
             yticks=[], xlim=(-2, count + 10))  # fmt: skip


def _notes(axes: Axes, notes: Sequence[tuple[int, int]]) -> None:
    begin = 0
    for pitch, beats in notes:
        axes.barh(pitch, beats - 0.1, left=begin, height=0.8, align="center", color=BLUE)
        begin += beats
    axes.axvspan(begin, begin + 4, color=ORANGE)  # to the edges of the panel: any pitch, any length
    _question(axes, begin + 2, 0.5 * sum(axes.get_ylim()))
    axes.set(title="melody: the next note", xlabel="time (beats)", ylabel="pitch (MIDI number)",
             xlim=(0, begin + 4))  # fmt: skip


def where_it_ends(samples: Sequence[float], given: int, around: int = 100) -> Figure:
    """Samples before and after the end of the first `given` ones, in two colours."""
    begin, end = max(0, given - around), given + around
    places, shown = np.arange(begin, end), np.asarray(samples)[begin:end]
    figure, axes = plots.grid(width=WIDTH, height=2.8)
    known = places <= given  # one more, so that the lines meet
    axes.plot(places[known], shown[known], color=BLUE, label="given")
    axes.plot(places[places >= given], shown[places >= given], color=ORANGE, label="added")
    axes.set(xlabel="sample", ylabel=POSITION, yticks=[])
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def map_of_systems() -> Figure:
    """Known systems by the year of their publication and by field, a colour for each family."""
    return timeline(read_systems(), unknown="not published")


def guess_cure(results: Mapping[str, torch.Tensor], count: Callable[[torch.Tensor], int], whose: str) -> None:
    """Guess first: with which single change are the most heaps found? Then see all of them.

    results: generated points by the name of the change; count: how many heaps they cover.
    """
    covered = {name: count(points) for name, points in results.items()}
    best = max(covered.values())

    def draw(chosen: str | None) -> Figure:
        mine = f"You guessed: {chosen}. " if chosen else ""
        return collapse(results, count, f"{mine}The function that counts is {whose}.")

    guess.choice(
        "What helps against the collapse?", list(results), draw,
        answer=[name for name, number in covered.items() if number == best],
        alt=f"Generated points after each change alone: {', '.join(results)}.",
    )  # fmt: skip


def collapse(
    results: Mapping[str, torch.Tensor], count: Callable[[torch.Tensor], int], note: str = ""
) -> Figure:
    """Generated points, a panel for each result, with the number of heaps that they cover."""

    def measure(points: torch.Tensor) -> str:
        return f"{count(points)} of 8 heaps\n{share_near(points):.0%} near a heap"

    return clouds(results, limit=ROUND, note=note, measure=measure, circles=centres())


def published(estimate: Callable[[float, float], float], note: str = "") -> Figure:
    """Hours by a rule, as a share of the hours that the makers of known models published.

    estimate: takes parameters and tokens and gives hours of one A100.
    """
    ratios = {run.name: estimate(run.parameters, run.tokens) / run.hours for run in costs.RUNS}
    figure = plots.bars(list(ratios), list(ratios.values()), horizontal=True,
                        x_label="hours by our rule / published hours", y_label="model",
                        limits=(0, 1.6))  # fmt: skip
    for i, (run, ratio) in enumerate(zip(costs.RUNS, ratios.values(), strict=True)):
        words = f"{ratio:.2f} × {run.hours:,} hours"  # inside the bars, away from the dashed line
        figure.axes[0].text(0.03, i, words, color="white", va="center")
    figure.axes[0].axvline(1, color=INK, linestyle="--", linewidth=1.4, label="exactly right")
    figure.axes[0].legend(loc="lower right")
    figure.suptitle(note, fontsize=12, x=0.02, ha="left")
    return figure


def bill(parameters: float, tokens: float, hours: float, cost: str) -> Figure:
    """The bill of a training: GPU hours, their cost as text, memory and how many A100 hold it.

    parameters, tokens: how many, of the model and of the training text; hours: of one A100.
    """
    gigabytes = sum(costs.training_memory(parameters).values()) / 1e9
    memory = costs.GPU_MEMORY["A100"]
    lines = {
        "hours of one A100": f"{hours:,.0f}",
        "price": cost,
        "memory, at least": f"{gigabytes:,.0f} GB",
        f"A100 of {memory} GB for it": f"{math.ceil(gigabytes / memory):,}",
    }
    figure, axes = plots.grid(width=6.0, height=2.7)
    title = f"{parameters / 1e9:g} billion parameters,\n{tokens / 1e9:,.0f} billion tokens"
    axes.set(xlim=(0, 1), ylim=(-len(lines) + 0.2, 0.8), title=title)
    axes.set_axis_off()
    for i, (label, value) in enumerate(lines.items()):
        weight = "bold" if label == "price" else "normal"
        axes.text(0, -i, label, va="center", fontsize=13, weight=weight)
        axes.text(1, -i, value, va="center", ha="right", fontsize=13, weight=weight)
        axes.plot([0, 1], [-i - 0.5, -i - 0.5], color=PALE, linewidth=1)
    return figure


def _plane(axes: Axes, limit: float) -> None:
    """The same scale in both directions, and the names of the two numbers of a point."""
    ticks = (-1, 0, 1) if limit < 3 else (-3, 0, 3)
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=ticks, yticks=ticks)
    axes.set(xlabel="first number", ylabel="second number")
