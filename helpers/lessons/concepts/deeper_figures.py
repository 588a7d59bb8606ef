"""The figures of notebook 11: clouds of points, dots beside bands, maps, arrows, lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from helpers import plots

GREY = "#c8c8c8"
Interval = tuple[float, float]


def clouds(
    sets: Mapping[str, torch.Tensor], *, limit: float = 1.6, columns: int = 4, shown: int = 1000
) -> Figure:
    """Each set of points (n, 2) in a panel of its own, all on one scale from -limit to limit."""
    columns = min(columns, len(sets))
    rows = -(-len(sets) // columns)
    figure, panels = plots.grid(
        rows, columns, width=2.05 * columns + 0.5, height=2.4 * rows + 0.4, sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    for axes in panels.flat[len(sets) :]:
        axes.set_axis_off()
    for axes, (title, points) in zip(panels.flat, sets.items(), strict=False):
        x, y = points[:shown].T
        axes.scatter(x, y, s=5, color=plots.PALETTE[0], linewidths=0, alpha=0.6)
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        axes.set_title(title, fontsize=12)
        axes.set(xlabel="first coordinate", ylabel="second coordinate")
        axes.label_outer()
    return figure


def path(points: torch.Tensor, walk: torch.Tensor, *, limit: float = 1.6) -> Figure:
    """Points (n, 2) in grey, and on them a walk (steps, 2) as a line of dots."""
    figure, axes = plots.grid(width=4.8, height=4.4)
    axes.scatter(*points.T, s=5, color="#999999", linewidths=0, label="generated points")
    axes.plot(*walk.T, "o-", markersize=3, linewidth=1, color=plots.PALETTE[4], label="the walk")
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    axes.set(xlabel="first coordinate", ylabel="second coordinate")
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
    """Tables (bins, bins) of first and second coordinate side by side, in the same colours."""
    figure, panels = plots.grid(1, len(tables), width=3.9 * len(tables), height=3.9, squeeze=False)
    brightest = max(table.max().item() for table in tables.values())
    for axes, (title, table) in zip(panels[0], tables.items(), strict=True):
        axes.imshow(
            table.T, origin="lower", extent=(-edge, edge, -edge, edge), cmap="cividis", vmin=0,
            vmax=brightest,
        )  # fmt: skip
        axes.grid(False)
        axes.set(title=title, xlabel="first coordinate", ylabel="second coordinate")
        axes.label_outer()
    return figure


def arrows(places: torch.Tensor, fields: Mapping[str, torch.Tensor], centres: torch.Tensor) -> Figure:
    """At each place (n, 2) an arrow (n, 2), in one panel for each field; the centres as orange dots."""
    figure, panels = plots.grid(1, len(fields), width=4.0 * len(fields), height=4.2, sharey=True)
    longest = max(field.norm(dim=1).max().item() for field in fields.values())
    for axes, (title, field) in zip(panels, fields.items(), strict=True):
        axes.quiver(
            *places.T, *field.T, color=plots.PALETTE[0], angles="xy", scale_units="xy", scale=5 * longest,
            width=0.005,
        )  # fmt: skip
        axes.plot(*centres.T, "o", color=plots.PALETTE[1])
        axes.set(title=title, aspect="equal", xlabel="first coordinate", ylabel="second coordinate")
        axes.label_outer()
    return figure


def cure_dots(
    results: Mapping[tuple[str, str], Sequence[tuple[int, float, float]]], limit: float
) -> Figure:
    """For each learning rate a panel, for each cure a column, in it a dot for each seed.

    results: by rate and cure, for each seed heaps covered, share near a heap, energy distance. Dots are at
    the energy distance, on a logarithmic axis, full where all heaps are covered; limit: the dashed line.
    """
    rates = list(dict.fromkeys(rate for rate, _ in results))
    cures = list(dict.fromkeys(cure for _, cure in results))
    figure, panels = plots.grid(1, len(rates), width=8.1, height=4.4, sharey=True, squeeze=False)
    for axes, rate in zip(panels[0], rates, strict=True):
        for place, cure in enumerate(cures):
            found = results[rate, cure]
            beside = place + 0.3 * (np.arange(len(found)) - (len(found) - 1) / 2) / max(1, len(found) - 1)
            for x, (heaps, _, distance) in zip(beside, found, strict=True):
                fill = plots.PALETTE[0] if heaps == 8 else "white"
                axes.plot(x, max(distance, 3e-4), "o", color=plots.PALETTE[0], markerfacecolor=fill)
        axes.axhline(limit, color="black", linestyle="--", linewidth=1.2)
        axes.set_xticks(range(len(cures)), [cure.replace(" ", "\n") for cure in cures], fontsize=10)
        axes.set(title=rate, xlim=(-0.6, len(cures) - 0.4), yscale="log", xlabel="cure")
        axes.title.set_fontsize(11)
        axes.yaxis.set_major_formatter("{x:g}")
    panels[0][0].set_ylabel("energy distance to real points")
    marks = [
        Line2D([], [], marker="o", linestyle="", color=plots.PALETTE[0], label="all eight heaps covered"),
        Line2D([], [], marker="o", linestyle="", color=plots.PALETTE[0], markerfacecolor="white",
               label="heaps missing"),
        Line2D([], [], color="black", linestyle="--", linewidth=1.2, label="real against real, upper limit"),
    ]  # fmt: skip
    figure.legend(handles=marks, loc="outside upper left", ncols=3, fontsize=10)
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
    line = figure.axes[0].axvline(assumed, color="black", linestyle="--", linewidth=1.2)
    figure.legend([line], [f"what the calculator assumes, {assumed:.0%}"], loc="outside upper left")
    return figure
