"""The figures of notebook 01: points, what a classifier says of them, four fields, collapse, and costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from helpers import guess, plots
from helpers.diagrams import INK, PALE, QUIET
from helpers.lessons.concepts import costs
from helpers.lessons.concepts.ring import SIZES, centres, share_near
from helpers.lessons.concepts.timeline import read_systems, timeline

WIDTH = 8.1  # inches, as wide as a page
SHOWN = 700  # points of a panel: enough to see their shape, few enough for a small file
BLUE, ORANGE, GREEN = plots.PALETTE[0], plots.PALETTE[1], plots.PALETTE[5]
COLOURS = {"real": QUIET, "orange": ORANGE}  # of a cloud with this name; all others are green
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
    axes.scatter(*points[:300].T, s=16, c=inks, edgecolors="white", linewidths=0.5)
    figure.colorbar(shown, ax=axes, label="probability of orange", ticks=(0, 0.5, 1))
    _plane(axes, 4)
    return figure


def clouds(
    panels: Mapping[str, torch.Tensor], *, limit: float = 1.6, note: str = "",
    measure: Callable[[torch.Tensor], str] | None = None,
) -> Figure:  # fmt: skip
    """Points (n, 2), the first 700, a panel for each entry, at most four in a row, all on one scale.

    measure: says something about the points of a panel, in its title; note: a line above all panels.
    """
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    side = min(3.4, WIDTH / columns)
    height = rows * (side + (0.85 if measure else 0.55)) + (0.4 if note else 0)
    figure, grid = plots.grid(rows, columns, width=max(4.2, columns * side), height=height, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes, (name, points) in zip(grid.flat, panels.items(), strict=False):
        points = torch.as_tensor(points)
        colour = COLOURS.get(name, GREEN)
        axes.scatter(*points[:SHOWN].T, s=4, c=colour, linewidths=0, antialiaseds=False)
        axes.set_title(f"{name}\n{measure(points)}" if measure else name, fontsize=12)
        _plane(axes, limit)
        axes.label_outer()
    if note:
        figure.suptitle(note, fontsize=12, x=0.02, ha="left")
    return figure


def near(points: torch.Tensor) -> str:
    """A measure for `clouds`: the share of points near the middle of a heap."""
    return f"{share_near(points):.0%} near a heap"


def four_fields(tokens: Sequence[str], picture, notes: Sequence[tuple[int, int]], samples) -> Figure:
    """The pieces of a text, a picture, a melody and a voice, each with the next piece in orange."""
    figure, grid = plots.grid(2, 2, width=WIDTH, height=6.4)
    (text, image), (music, wave) = grid
    _tokens(text, tokens)
    _pixels(image, picture)
    _notes(music, notes)
    shown = np.asarray(samples)[-200:]
    wave.plot(range(len(shown)), shown, color=BLUE)
    wave.axvspan(len(shown), len(shown) + 12, color=ORANGE)
    wave.set(title="voice: the next sample", xlabel="sample", ylabel="loudspeaker", yticks=[])
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
    """The upper part of a picture, and the pixel that comes next."""
    pixels = np.array(picture.convert("RGB"))
    height, width, _ = pixels.shape
    row, column, size = height * 5 // 8, width // 2, max(1, width // 32)
    pixels[row + size :] = 255
    pixels[row : row + size, column:] = 255
    axes.imshow(pixels, interpolation="nearest")
    axes.add_patch(_square(column, row, size))
    axes.set_title("picture: the next pixel")
    axes.set_axis_off()


def _square(x: float, y: float, size: float):
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.5, y - 0.5), size, size, facecolor=ORANGE, edgecolor=INK, linewidth=0.8)


def _notes(axes: Axes, notes: Sequence[tuple[int, int]]) -> None:
    begin = 0
    for pitch, beats in notes:
        axes.barh(pitch, beats - 0.1, left=begin, height=0.8, align="center", color=BLUE)
        begin += beats
    pitches = [pitch for pitch, _ in notes]
    axes.text(begin + 0.2, sum(pitches) / len(pitches), "?", color=INK, fontsize=16, va="center",
              bbox={"facecolor": ORANGE, "edgecolor": "none"})  # fmt: skip
    axes.set(title="melody: the next note", xlabel="time (beats)", ylabel="pitch", xlim=(0, begin + 2))


def map_of_systems() -> Figure:
    """Known systems by the year of their publication and by field, a colour for each family."""
    return timeline(read_systems())


def guess_cure(results: Mapping[str, torch.Tensor], count: Callable[[torch.Tensor], int], whose: str) -> None:
    """Guess first: which single change brings the most heaps back? Then see all of them.

    results: generated points by the name of the change; count: how many heaps they cover.
    """
    covered = {name: count(points) for name, points in results.items()}
    best = max(covered.values())

    def draw(chosen: str | None) -> Figure:
        mine = f"You guessed: {chosen}. " if chosen else ""
        return collapse(results, count, f"{mine}The count is {whose}.")

    guess.choice(
        "Which change brings the lost heaps back?", list(results), draw,
        answer=[name for name, number in covered.items() if number == best],
        alt=f"Generated points after each change alone: {', '.join(results)}.",
    )  # fmt: skip


def collapse(
    results: Mapping[str, torch.Tensor], count: Callable[[torch.Tensor], int], note: str = ""
) -> Figure:
    """Generated points, a panel for each game, with the number of heaps that they cover."""
    return clouds(results, limit=2.2, note=note, measure=lambda points: f"{count(points)} of 8 heaps")


def published(estimate: Callable[[float, float], float], note: str = "") -> Figure:
    """Hours by a rule, as a share of the hours that the makers of known models published.

    estimate: takes parameters and tokens and gives hours of one A100.
    """
    ratios = {run.name: estimate(run.parameters, run.tokens) / run.hours for run in costs.RUNS}
    known = costs.GPT_3  # its makers published operations
    ratios["GPT-3"] = estimate(known["parameters"], known["tokens"]) / costs.gpu_hours(known["flops"])
    figure = plots.bars(list(ratios), list(ratios.values()), horizontal=True, value_format=".2f",
                        x_label="hours by our rule / published hours", y_label="model",
                        limits=(0, 1.8))  # fmt: skip
    figure.axes[0].axvline(1, color=INK, linestyle="--", linewidth=1, zorder=0, label="exactly right")
    figure.axes[0].legend(loc="lower right")
    figure.suptitle(note, fontsize=12, x=0.02, ha="left")
    return figure


def bill(billions: float, tokens: float, gpu: str, price: float, currency: str) -> Figure:
    """What it takes to train a model: GPU hours, money, memory.

    billions, tokens: parameters and tokens of the training text, both in billions; price: of an hour of one
    GPU, in the currency.
    """
    hours = costs.gpu_hours(costs.training_flops(billions * 1e9, tokens * 1e9), gpu)
    gigabytes = sum(costs.training_memory(billions * 1e9).values()) / 1e9
    lines = {
        "parameters": f"{billions:g} billion", "tokens": f"{tokens:,.0f} billion",
        f"hours of one {gpu}": f"{hours:,.0f}", "memory for training": f"{gigabytes:,.0f} GB",
        "price": f"{costs.money(hours, price):,.0f} {currency}",
    }  # fmt: skip
    figure, axes = plots.grid(width=5.4, height=3.4)
    axes.set(xlim=(0, 1), ylim=(-len(lines) + 0.2, 0.8), title="The bill")
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
