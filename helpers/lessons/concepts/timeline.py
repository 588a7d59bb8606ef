"""A figure of named marks over years (notebook 01)."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from helpers import plots

FIELDS = ("text", "picture", "music", "voice", "video")


def read_systems() -> list[dict[str, str]]:
    """Known systems with their field, family, year, maker and source, from systems.csv beside this file."""
    with Path(__file__).with_name("systems.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def timeline(
    rows: Sequence[Mapping[str, str]], *, name: str = "system", level: str = "field", kind: str = "family",
    levels: Sequence[str] = FIELDS, x_label: str = "year",
) -> Figure:  # fmt: skip
    """Named marks over years: each row has a "year" and, under these three keys, a name, a level and a kind.

    levels: from bottom to top; a kind is a colour and a marker. Names of one level and of neighbouring years
    are stacked, so rows come in the order of their years.
    """
    figure, axes = plots.grid(width=8.6, height=0.95 * len(levels) + 1.0)
    kinds, stacked = list(dict.fromkeys(row[kind] for row in rows)), {}
    for i, label in enumerate(kinds):
        axes.plot([], [], plots.MARKERS[i], color=plots.PALETTE[i], label=label)
    for row in rows:
        year, line, i = int(row["year"]), levels.index(row[level]), kinds.index(row[kind])
        used = stacked.get((year, line), set()) | stacked.get((year - 1, line), set())
        floor = next(number for number in range(len(rows)) if number not in used)
        stacked.setdefault((year, line), set()).add(floor)
        height = line + 0.26 * floor
        axes.plot(year, height, plots.MARKERS[i], color=plots.PALETTE[i])
        axes.annotate(row[name], (year, height), (7, -4), textcoords="offset points", fontsize=11.5)
    years = [int(row["year"]) for row in rows]
    axes.set(xlabel=x_label, xlim=(min(years) - 0.5, max(years) + 1.5), ylim=(-0.4, len(levels) - 0.1))
    axes.set_yticks(range(len(levels)), levels)
    figure.legend(loc="outside upper left", ncols=len(kinds))
    return figure
