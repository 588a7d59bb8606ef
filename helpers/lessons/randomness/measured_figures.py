"""The figures of notebook 12: draws, coverage, repeated estimates, shares, guidance, control and variety."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL.Image import Image
from torch import Tensor

from helpers import metrics, plots
from helpers.lessons.randomness import measured_ring as ring

BLUE, ORANGE, BLACK, RED = plots.PALETTE[0], plots.PALETTE[1], plots.PALETTE[2], plots.PALETTE[4]
WIDE = 8.1  # inches, as wide as a page
Estimate = tuple[float, float, float]  # value, low, high


def gumbel_arrows(words: Sequence[str], logs: Sequence[float], noise: Sequence[float]) -> Figure:
    """For each word a dot at log p and an arrow, as long as its noise, to the sum; the largest sum wins."""
    sums = [float(log) + float(push) for log, push in zip(logs, noise, strict=True)]
    figure, axes = plots.grid(width=7.2, height=2.7)
    for row, (log, total) in enumerate(zip(logs, sums, strict=True)):
        colour = RED if total == max(sums) else BLUE
        axes.annotate(
            "", (total, row), (float(log), row), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2.2}
        )
        axes.plot(float(log), row, "o", color=colour, ms=9)
        axes.text(total, row - 0.22, "largest: drawn" if colour == RED else "", color=RED, ha="right")
    both = [*map(float, logs), *sums]
    axes.set_yticks(range(len(words)), words)
    axes.set(
        xlabel="log p (dot), and log p + noise (end of the arrow)",
        xlim=(min(both) - 0.4, max(both) + 0.4),
        ylim=(len(words) - 0.5, -0.6),
    )
    return figure


def recipe_dots(names: Sequence[str], off: Mapping[str, Sequence[float]]) -> Figure:
    """How far each share lies from its probability, in standard errors, for each recipe; 0 is exact."""
    figure, axes = plots.grid(width=WIDE, height=4.2)
    axes.axhspan(-2, 2, color="#e8eef4")
    axes.axhline(0, color="#8a8a8a", lw=1)
    for i, (recipe, values) in enumerate(off.items()):
        places = np.arange(len(values)) + 0.18 * (i - (len(off) - 1) / 2)
        axes.plot(places, values, plots.MARKERS[i], color=plots.PALETTE[i], ms=9, label=recipe)
    reach = max(3.5, 1.1 * max(abs(float(value)) for values in off.values() for value in values))
    axes.set_xticks(range(len(names)), names)
    axes.set(xlabel="next token", ylabel="drawn share minus p,\nin standard errors", ylim=(-reach, reach))
    figure.legend(loc="outside lower center", ncols=len(off))
    return figure


def coverage(
    draws: Sequence[int], expected: Sequence[float], runs: Sequence[Sequence[int]], whose: str
) -> Figure:
    """Different results over draws: the expected number, one counted run, and the middle 95 % of all runs."""
    low, high = np.quantile(np.asarray(runs), [0.025, 0.975], axis=0)
    figure, axes = plots.grid(width=7.2, height=4.2)
    axes.fill_between(
        draws, low, high, color=BLUE, alpha=0.2, linewidth=0, label=f"the middle 95 % of {len(runs)} runs"
    )
    axes.plot(draws, runs[0], "o", color=BLUE, label="the first run, counted")
    axes.plot(draws, expected, "--", color=BLACK, label=f"expected ({whose})")
    axes.set(xlabel="tokens drawn", ylabel="different tokens", ylim=(0, None))
    axes.legend(loc="lower right")
    return figure


def growth(results: Mapping[str, Sequence], every: int = 10) -> Figure:
    """How many different results there are among the first so many, a line for each way to look at them."""
    longest = max(len(part) for part in results.values())
    counts = [1, *range(every, longest + 1, every)]
    curves = {name: [len(set(part[:count])) for count in counts] for name, part in results.items()}
    figure = plots.lines(counts, curves, x_label="stories drawn", y_label="different ones", limits=(0, None))
    figure.axes[0].legend(loc="upper left")
    return figure


def repetitions(
    estimates: Mapping[str, Sequence[float]], truths: Mapping[str, float], x_label: str, whose: str
) -> Figure:
    """Repeated estimates as pale dots, a row for each estimator: their mean a diamond, the truth a line."""
    figure, axes = plots.grid(width=WIDE, height=0.85 * len(estimates) + 1.5)
    chance = np.random.default_rng(0)
    for row, (name, values) in enumerate(estimates.items()):
        colour = plots.PALETTE[row % 2]
        axes.plot(values, row + chance.uniform(-0.22, 0.22, len(values)), ".", color=colour, alpha=0.35, ms=6)
        axes.plot(np.mean(values), row, "D", color=colour, mec="white", mew=1.5, ms=12)
        axes.plot([truths[name]] * 2, [row - 0.38, row + 0.38], color=BLACK, lw=3)
    axes.set_yticks(range(len(estimates)), estimates)
    axes.invert_yaxis()
    note = f"black line: the truth; diamond: the mean of {len(values)}"
    axes.set(xlabel=f"{x_label} (from pairs: {whose})\n{note}")
    axes.grid(False, axis="y")
    return figure


def share_dots(shares: Mapping[str, Sequence[Estimate]], names: Sequence[str]) -> Figure:
    """Explained shares with intervals: a row for each feature, in it a dot for each of the named cases."""
    figure, axes = plots.grid(width=WIDE, height=0.75 * len(shares) + 1.7)
    axes.axvline(0, color="#8a8a8a", lw=1)
    for i, name in enumerate(names):
        rows = np.arange(len(shares)) + 0.24 * (i - (len(names) - 1) / 2)
        found = np.array([estimates[i] for estimates in shares.values()])
        _with_intervals(
            axes, found, rows, horizontal=True, fmt=plots.MARKERS[i], color=plots.PALETTE[i], label=name
        )
    axes.set_yticks(range(len(shares)), shares)
    axes.invert_yaxis()
    axes.set(xlabel="explained share of this feature", xlim=(min(-0.3, axes.get_xlim()[0]), 1.04))
    figure.legend(loc="outside lower center", ncols=len(names))
    return figure


def few_counts(
    sizes: Sequence[int],
    plain: Sequence[Sequence[float]],
    corrected: Sequence[Sequence[float]],
    truth: float,
    whose: str,
) -> Figure:
    """Estimated bits over the results for each condition: means with the middle 95 %, and the exact value."""
    figure, axes = plots.grid(width=7.2, height=4.2)
    named = ((f"counted ({whose})", plain, -0.08), ("corrected for chance", corrected, 0.08))
    lowest = 0.0
    for i, (label, values, shift) in enumerate(named):
        table = np.asarray(values)  # (sizes, repetitions)
        low, high = np.quantile(table, [0.025, 0.975], axis=1)
        found = np.stack([table.mean(axis=1), low, high], axis=1)
        lowest = min(lowest, low.min())  # corrected bits can fall below 0
        places = np.arange(len(sizes)) + shift
        _with_intervals(axes, found, places, fmt=plots.MARKERS[i], color=plots.PALETTE[i], label=label)
    axes.axhline(truth, color=BLACK, ls="--", label="exact")
    axes.set_xticks(range(len(sizes)), [str(size) for size in sizes])
    axes.set(xlabel="points from each heap", ylabel="mutual information (bits)", ylim=(lowest - 0.1, 3.05))
    axes.legend(loc="upper right")
    return figure


def bits_arrived(
    arrived: Mapping[str, Sequence[Estimate]],
    chance: Mapping[str, Sequence[float]],
    settings: Sequence[float],
    x_label: str,
) -> Figure:
    """The share of the asked bits that arrives, a panel for each fact, over a setting; grey: chance alone.

    arrived, chance: for each fact a share and what chance reaches, at each setting.
    """
    figure, panels = plots.grid(1, len(arrived), width=8.2, height=3.3, sharey=True, sharex=True)
    ends = [low for estimates in arrived.values() for _, low, _ in estimates]
    floor = min(-0.15, min(ends) - 0.03)
    for axes, (fact, estimates) in zip(panels, arrived.items(), strict=True):
        places, bounds = np.arange(len(settings)), np.array(chance[fact])
        axes.bar(places, bounds - floor, bottom=floor, width=0.9, color="#dcdcdc")
        _with_intervals(axes, np.array(estimates), places, fmt="o-", color=BLUE)
        axes.set_xticks(range(len(settings)), [f"{setting:g}" for setting in settings])
        axes.set(title=fact.replace("color", "colour"), ylim=(floor, 1.08))
    figure.supxlabel(x_label, fontsize=13)
    panels[0].set_ylabel("share of the asked bits")
    return figure


# Pictures


def picture_rows(rows: Mapping[str, Sequence[Image]], captions: Sequence[str] = ()) -> Figure:
    """Pictures in named rows, all of one length."""
    columns = len(next(iter(rows.values())))
    side = min(1.6, (WIDE - 1.3) / columns - 0.06)
    every = [picture for row in rows.values() for picture in row]
    names = [textwrap.fill(name, 14) for name in rows]
    return plots.pictures(every, captions, columns=columns, rows=names, side=side)


def lost_and_kept(
    painted: Mapping[float, Sequence[Image]],
    missed: Mapping[float, Sequence[Sequence[str]]],
    requests: Sequence[str],
    times: int,
    most: int = 4,
) -> Figure:
    """Pictures that obey at the first of two scales and not at the second, above what they became.

    missed: for each picture the facts that are not as asked; none, if it obeys. Each picture names its own.
    One of each request first; where there are fewer than `most`, others follow.
    """
    (first, second), count = painted, len(requests) * times
    lost = [i for i in range(count) if not missed[first][i] and missed[second][i]]
    of_request = {i // times: i for i in reversed(lost)}  # the first lost picture of each request
    ranked = dict.fromkeys([*sorted(of_request.values()), *lost, *range(count)])
    chosen = list(ranked)[:most]
    shown = [painted[scale][i] for scale in (first, second) for i in chosen]
    captions = []
    for scale in (first, second):
        for i in chosen:
            request = textwrap.fill(requests[i // times], 18) + "\n" if scale == first else ""
            facts = ", ".join(missed[scale][i]).replace("color", "colour")
            captions.append(request + (textwrap.fill(f"misses {facts}", 18) if facts else "obeys"))
    rows = [f"guidance {scale:g}" for scale in (first, second)]
    return plots.pictures(shown, captions, columns=len(chosen), rows=rows, side=1.65)


# Guidance on the ring


def ring_points(made: Mapping[float, Tensor], shown: int = 700) -> Figure:
    """Points made at each guidance scale: orange where orange is more probable, else blue."""
    figure, panels = plots.grid(1, len(made), width=8.2, height=3.1, sharey=True)
    for axes, (scale, points) in zip(panels, made.items(), strict=True):
        some = points[:shown]
        right = ring.is_right(some)
        for colour, part in ((BLUE, some[~right]), (ORANGE, some[right])):
            axes.plot(*part.T, ".", ms=3, color=colour)
        for marker, middles, colour in (("+", ring.CENTRES[::2], BLUE), ("x", ring.ORANGE, BLACK)):
            axes.plot(*middles.T, marker, ms=13, mew=5, color="white")  # seen on a crowd of points, too
            axes.plot(*middles.T, marker, ms=11, mew=2.2, color=colour)
        axes.set(title=f"w = {scale:g}", xlabel="x₁", xlim=(-2.4, 2.4), ylim=(-2.4, 2.4), aspect="equal")
    panels[0].set_ylabel("x₂")
    return figure


def ring_measures(
    scales: Sequence[float],
    sampled: Mapping[str, Sequence[Estimate]],
    formula: Mapping[str, Sequence[float]],
    true: Mapping[str, float],
    whose: str,
) -> Figure:
    """A panel for each measure over guidance: denoised points, what the formula says, true orange points."""
    figure, panels = plots.grid(1, len(sampled), width=8.2, height=4.2)
    places = np.arange(len(scales))
    for axes, name in zip(panels, sampled, strict=True):
        axes.axhline(true[name], color=BLACK, ls=":", label="true orange points")
        axes.plot(places, formula[name], "s--", color=ORANGE, label=f"formula ({whose})")
        found = np.array(sampled[name])
        _with_intervals(axes, found, places, fmt="o-", color=BLUE, label="denoised points")
        axes.set_xticks(places, [f"{scale:g}" for scale in scales])
        axes.set(title=name, xlabel="guidance w")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


# Control against variety


def trade(
    names: Sequence[str], variety: Sequence[Estimate], control: Sequence[tuple[int, int]], x_label: str
) -> Figure:
    """One experiment: a point for each setting, joined in their order, with intervals both ways."""
    figure, axes = plots.grid(width=7.4, height=4.9)
    x = np.array(variety)
    y = np.array([(hits / trials, *metrics.wilson_interval(hits, trials)) for hits, trials in control])
    axes.plot(x[:, 0], y[:, 0], color="#9a9a9a", lw=1.5)
    axes.errorbar(
        x[:, 0], y[:, 0], xerr=_reach(x), yerr=_reach(y), fmt="o", ms=9, lw=1.3, capsize=3, color=BLUE
    )
    axes.set(
        xlabel=x_label, ylabel="control (share that obeys)", xlim=(0, 1.18 * x[:, 2].max()), ylim=(-0.03, 1.1)
    )
    _names_apart(axes, names, x[:, 0], y[:, 0])
    return figure


def _names_apart(axes: Axes, names: Sequence[str], x: np.ndarray, y: np.ndarray) -> None:
    """A name for each dot, to its right or left, with a thin line to it where it had to move up or down.

    From the top down the names to the right are 0.075 apart, a little above their dots, or below where the
    line to the next dot rises. A dot whose nearest neighbour is to the right at about the same height has its
    name on the left, and one with neighbours on both sides above it.
    """
    low, high = axes.get_xlim()
    near = 0.14 * (high - low)
    left = [bool(((x > x[i]) & (x - x[i] < near) & (abs(y - y[i]) < 0.12)).any()) for i in range(len(x))]
    crowded = [bool(((x < x[i]) & (x[i] - x < near) & (abs(y - y[i]) < 0.12)).any()) for i in range(len(x))]
    rises = [bool(i + 1 < len(x) and x[i + 1] > x[i] and y[i + 1] > y[i]) for i in range(len(x))]
    for side in (True, False):
        last = np.inf
        for i in sorted((i for i in range(len(x)) if left[i] == side), key=lambda i: -y[i]):
            if side and crowded[i]:
                axes.annotate(names[i], (x[i], y[i] + 0.065), ha="center", va="center", fontweight="bold")
                continue
            last = min(float(y[i]) + (-0.045 if rises[i] else 0.045), last - 0.075)
            place = x[i] + (-0.025 if side else 0.025) * (high - low), last
            line = {"arrowstyle": "-", "color": "#6a6a6a", "lw": 0.8, "shrinkA": 0, "shrinkB": 4}
            axes.annotate(
                names[i], (x[i], y[i]), place, ha="right" if side else "left", va="center",
                fontweight="bold", arrowprops=line if abs(last - y[i]) > 0.06 else None,
            )  # fmt: skip


def _with_intervals(
    axes: Axes, found: np.ndarray, places: np.ndarray, *, horizontal: bool = False, **style
) -> None:
    """Estimates (n, 3), value, low, high, as dots with lines, at places (n,) of the other axis."""
    values, reach = found[:, 0], _reach(found)
    style = {"ms": 8, "lw": 1.5, "capsize": 3} | style
    if horizontal:
        axes.errorbar(values, places, xerr=reach, **style)
    else:
        axes.errorbar(places, values, yerr=reach, **style)


def _reach(found: np.ndarray) -> np.ndarray:
    """How far intervals reach below and above their values: (2, n), never below 0."""
    return np.maximum([found[:, 0] - found[:, 1], found[:, 2] - found[:, 0]], 0)
