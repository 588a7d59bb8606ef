"""The figures of notebook 11: clouds of points, dots beside bands, maps, arrows, lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from helpers import plots
from helpers.lessons.concepts.ring import NEAR

GREY = "#c8c8c8"
REAL, GENERATED = "#6b6b6b", plots.PALETTE[5]  # of points, as in notebook 01
SHOWN = 1000  # points of a panel
Interval = tuple[float, float]


def clouds(
    sets: Mapping[str, torch.Tensor], centres: torch.Tensor, *, limit: float = 1.6,
    measure: Callable[[torch.Tensor], str] | None = None,
) -> Figure:  # fmt: skip
    """Each set of points (n, 2), the first 1,000, in a panel of its own, all on one scale, four in a row.

    Faint circles mark the heaps (heaps, 2); measure: says something about the points below a panel's name.
    """
    columns = min(4, len(sets))
    rows = -(-len(sets) // columns)
    side = 2.35 if measure else 2.1
    figure, panels = plots.grid(
        rows, columns, width=2.05 * columns + 0.5, height=side * rows + 0.5, sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    for axes in panels.flat[len(sets) :]:
        axes.set_axis_off()
    for axes, (name, points) in zip(panels.flat, sets.items(), strict=False):
        _circles(axes, centres)
        colour = REAL if name == "real" else GENERATED
        axes.scatter(*points[:SHOWN].T, s=4, color=colour, linewidths=0)
        axes.set_title(f"{name}\n{measure(points)}" if measure else name, fontsize=12)
        _plane(axes, limit)
        axes.label_outer()
    return figure


def _circles(axes: Axes, centres: torch.Tensor) -> None:
    """A faint circle of three standard deviations around the centre of each heap."""
    for x, y in centres.tolist():
        axes.add_patch(Circle((x, y), NEAR, facecolor="#f0f0f0", edgecolor=GREY, linewidth=0.8, zorder=0.5))


def _plane(axes: Axes, limit: float) -> None:
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    axes.set(xlabel="first number", ylabel="second number")


def path(points: torch.Tensor, walk: torch.Tensor, *, limit: float = 1.6) -> Figure:
    """Points (n, 2) in grey, and on them a walk (steps, 2) as a line of dots."""
    figure, axes = plots.grid(width=4.8, height=4.6)
    axes.scatter(*points.T, s=5, color="#999999", linewidths=0, label="generated points")
    axes.plot(*walk.T, "o-", markersize=3, linewidth=1, color=plots.PALETTE[4], label="the walk")
    _plane(axes, limit)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def strips(
    groups: Mapping[str, Sequence[float]], bands: Mapping[str, Interval], *, x_label: str, y_label: str
) -> Figure:
    """A column of dots for each group, one a value, in front of the group's band of luck."""
    figure, axes = plots.grid(height=4.0)
    for place, (name, values) in enumerate(groups.items()):
        low, high = bands[name]
        label = "95 of 100 distances of real points to real points" if place == 0 else None
        axes.fill_between([place - 0.38, place + 0.38], low, high, color=GREY, linewidth=0, label=label)
        beside = place + np.linspace(-0.26, 0.26, len(values))  # so that dots do not hide each other
        axes.plot(beside, values, "o", markersize=4, color=plots.PALETTE[0])
    axes.axhline(0, color="black", linewidth=1)
    axes.set_xticks(range(len(groups)), list(groups))
    axes.set(xlabel=x_label, ylabel=y_label)
    figure.legend(loc="outside upper left")
    return figure


def bands(
    by_chance: Mapping[int, Sequence[float]], limits: Mapping[int, Interval], guessed: str | None
) -> Figure:
    """Dots and their band for each number of points, and above them the guess, if there is one."""
    names = {count: f"{count:,}" for count in by_chance}
    figure = strips(
        {names[count]: values for count, values in by_chance.items()},
        {names[count]: band for count, band in limits.items()},
        x_label="points in each set", y_label="energy distance",
    )  # fmt: skip
    if guessed:
        figure.axes[0].set_title(f"your guess: {guessed}")
    return figure


def maps(tables: Mapping[str, torch.Tensor], edge: float) -> Figure:
    """Tables (bins, bins) of first and second number side by side, in the same colours."""
    figure, panels = plots.grid(1, len(tables), width=3.9 * len(tables), height=3.9, squeeze=False)
    brightest = max(table.max().item() for table in tables.values())
    for axes, (title, table) in zip(panels[0], tables.items(), strict=True):
        axes.imshow(
            table.T.numpy(), origin="lower", extent=(-edge, edge, -edge, edge), cmap="cividis", vmin=0,
            vmax=brightest,
        )  # fmt: skip
        axes.grid(False)
        axes.set(title=title, xlabel="first number", ylabel="second number")
        axes.label_outer()
    return figure


def arrows(places: torch.Tensor, fields: Mapping[str, torch.Tensor], centres: torch.Tensor) -> Figure:
    """At each place (n, 2) a fifth of an arrow (n, 2), in one panel for each field; the heaps as circles."""
    figure, panels = plots.grid(1, len(fields), width=4.0 * len(fields), height=4.2, sharey=True)
    for axes, (title, field) in zip(panels, fields.items(), strict=True):
        _circles(axes, centres)
        axes.quiver(
            *places.T, *field.T, color=plots.PALETTE[0], angles="xy", scale_units="xy", scale=5, width=0.005
        )
        axes.set_title(title, fontsize=12)
        _plane(axes, 1.7)
        axes.label_outer()
    return figure


def distance_lines(steps: Sequence[int], distances: Mapping[str, Sequence[float]], limit: float) -> Figure:
    """Energy distances over the number of steps, both axes logarithmic; limit: the dashed line.

    Distances below a tenth of the limit, or below 0, are drawn there.
    """
    lowest = limit / 10
    shown = {name: [max(value, lowest) for value in values] for name, values in distances.items()}
    figure = plots.lines(
        steps, shown, x_label="steps of drawing", y_label="energy distance to real points", log_x=True,
        log_y=True,
    )  # fmt: skip
    (axes,) = figure.axes
    axes.axhline(limit, color="black", linestyle="--", linewidth=1.2, label="upper end of the band of luck")
    axes.set_xticks(steps, [str(step) for step in steps])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend()
    return figure


def attention_lines(lengths: Sequence[int], shares: Mapping[str, Sequence[float]]) -> Figure:
    """Over the number of tokens, the share of a Transformer's operations that compare tokens."""
    figure = plots.lines(
        lengths, shares, x_label="tokens that are read at once", log_x=True, limits=(0, 1),
        y_label="share of operations in attention",
    )  # fmt: skip
    axis = figure.axes[0].xaxis
    axis.set_major_locator(LogLocator(subs=(1,)))
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter("{x:,.0f}")
    return figure


def reached_bars(reached: Mapping[str, float], assumed: float) -> Figure:
    """The share of the peak that each run reached, beside the share that the calculator assumes."""
    names = list(reached)
    figure = plots.bars(
        names, list(reached.values()), horizontal=True, value_format=".0%", limits=(0, 0.6),
        x_label="share of the GPU's peak that was used", y_label="training run",
    )  # fmt: skip
    for label in figure.axes[0].texts:  # readable where the line passes
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
    line = figure.axes[0].axvline(assumed, color="black", linestyle="--", linewidth=1.2, zorder=1)
    figure.legend([line], [f"what the calculator assumes, {assumed:.0%}"], loc="outside upper left")
    return figure
