"""A figure of named marks over years (notebook 01)."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from helpers import plots
from helpers.diagrams import QUIET

FIELDS = ("text", "picture", "music", "voice", "video")
BAND = "#f2f2f2"  # behind every second level
STACKED = 0.18  # how far a name is above another one, as a part of a level


def read_systems() -> list[dict[str, str]]:
    """Known systems with their field, family, year, maker and source, from systems.csv beside this file."""
    with Path(__file__).with_name("systems.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def timeline(
    rows: Sequence[Mapping[str, str]], *, name: str = "system", level: str = "field", kind: str = "family",
    levels: Sequence[str] = FIELDS, x_label: str = "year", unknown: str = "",
) -> Figure:  # fmt: skip
    """Named marks over years: each row has a "year" and, under these three keys, a name, a level and a kind.

    levels: from bottom to top; a kind is a colour and a marker. Names of one level and of up to two years
    before are stacked inside the band of their level, so rows come in the order of their years. unknown: a
    kind that is none, grey and the last one in the legend.
    """
    figure, axes = plots.grid(width=8.6, height=1.2 * len(levels) + 1.0)
    kinds, stacked = list(dict.fromkeys(row[kind] for row in rows)), {}
    looks = {label: (plots.MARKERS[i], plots.PALETTE[i]) for i, label in enumerate(kinds)}
    if unknown in looks:
        looks[unknown] = looks.pop(unknown) and ("x", QUIET)
    for label, (marker, colour) in looks.items():
        axes.plot([], [], marker, color=colour, label=label if label != unknown else f"{kind} {label}")
    for line in range(0, len(levels), 2):
        axes.axhspan(line - 0.3, line + 0.7, color=BAND, linewidth=0, zorder=0)
    for row in rows:
        year, line = int(row["year"]), levels.index(row[level])
        used = set().union(*(stacked.get((year - back, line), set()) for back in range(3)))
        floor = next(number for number in range(len(rows)) if number not in used)
        stacked.setdefault((year, line), set()).add(floor)
        height = line + STACKED * floor
        marker, colour = looks[row[kind]]
        axes.plot(year, height, marker, color=colour)
        axes.annotate(row[name], (year, height), (7, -4), textcoords="offset points", fontsize=11.5)
    years = [int(row["year"]) for row in rows]
    axes.set(xlabel=x_label, xlim=(min(years) - 0.5, max(years) + 2.2), ylim=(-0.3, len(levels) - 0.3))
    axes.set_yticks(range(len(levels)), levels)
    figure.legend(loc="outside upper left", ncols=len(kinds))
    return figure
