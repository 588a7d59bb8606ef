"""The figures of notebook 11: clouds of points, dots beside bands, maps, lines, cures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import NullLocator

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


def share_lines(steps: Sequence[int], shares: Mapping[str, Sequence[float]], of_real: float) -> Figure:
    """Shares of points near a heap over the number of steps; the dashed line is the share of real points."""
    figure = plots.lines(
        steps, shares, x_label="steps of drawing", y_label="share near a heap", log_x=True, limits=(0, 1.05)
    )
    (axes,) = figure.axes
    axes.axhline(of_real, color="black", linestyle="--", linewidth=1.2, label="real points", zorder=1)
    axes.set_xticks(steps, [str(step) for step in steps])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend(loc="lower right")
    return figure


def cure_dots(results: Mapping[str, Sequence[tuple[int, float, float]]], missing: float) -> Figure:
    """A dot for each seed's energy distance, hollow where not all eight heaps are covered.

    results: by cure, for each seed heaps covered, share near a heap, energy distance; missing: the distance
    of points in which one heap is missing, a dashed line. Distances below 0.001 are drawn there.
    """
    figure, axes = plots.grid(height=4.2)
    labels = {True: "all eight heaps covered", False: "not all covered"}
    for place, seeds in enumerate(results.values()):
        beside = place + np.linspace(-0.3, 0.3, len(seeds))  # seed 0 at the left
        for x, (heaps, _, distance) in zip(beside, seeds, strict=True):
            full = heaps == 8
            fill = plots.PALETTE[0] if full else "white"
            label = labels.pop(full, None)
            axes.plot(
                x, max(distance, 0.001), "o", color=plots.PALETTE[0], markerfacecolor=fill, label=label, ls=""
            )
    axes.axhline(missing, color="black", linestyle="--", linewidth=1.2, label="one heap missing")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xticks(range(len(results)), list(results))
    axes.set(xlabel="cure, with ten seeds each", ylabel="energy distance to real points")
    figure.legend(loc="outside upper left", ncols=3)
    return figure
