"""A figure of named marks over years (notebook 01)."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from helpers import plots

FIELDS = ("text", "image", "music", "speech")


def read_systems() -> list[dict[str, str]]:
    """Known systems with their field, family, year, maker and source, from systems.csv beside this file."""
    with Path(__file__).with_name("systems.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def timeline(
    rows: Sequence[Mapping[str, str]], *, name: str = "system", level: str = "field", kind: str = "family",
    levels: Sequence[str] = FIELDS, x_label: str = "year",
) -> Figure:  # fmt: skip
    """Named marks over years: each row has a "year" and, under these three keys, a name, a level and a kind.

    levels: from bottom to top; names of one level and year are stacked; a kind is a colour and a marker.
    """
    figure, axes = plots.grid(width=9.6, height=1.2 * len(levels) + 0.8)
    kinds, stacked = list(dict.fromkeys(row[kind] for row in rows)), {}
    for i, label in enumerate(kinds):
        axes.plot([], [], plots.MARKERS[i], color=plots.PALETTE[i], label=label)
    for row in rows:
        year, line, i = int(row["year"]), levels.index(row[level]), kinds.index(row[kind])
        height = line + 0.22 * stacked.setdefault((year, line), 0)
        stacked[year, line] += 1
        axes.plot(year, height, plots.MARKERS[i], color=plots.PALETTE[i])
        axes.annotate(row[name], (year, height), (6, -3), textcoords="offset points", fontsize=9)
    years = [int(row["year"]) for row in rows]
    axes.set(xlabel=x_label, xlim=(min(years) - 0.5, max(years) + 1.5), ylim=(-0.4, len(levels) - 0.1))
    axes.set_yticks(range(len(levels)), levels)
    figure.legend(loc="outside upper left", ncols=len(kinds))
    return figure
