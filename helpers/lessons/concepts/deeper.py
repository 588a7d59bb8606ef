"""Notebook 11: what its experiments need beside their idea: counts, exact probabilities, tables in print."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import mean, stdev
from time import perf_counter

import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from helpers import metrics
from helpers.lessons.concepts import ring

LEAST_SHARE = 0.02  # of all points: a heap with fewer points near it is not covered
# Student's t: how many standard errors reach to the end of a 95 % interval, by the number of values.
T_VALUES = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}


def near_heaps(points: torch.Tensor, centres: torch.Tensor, spread: float) -> tuple[int, float]:
    """How many heaps are covered, and the share of points (n, 2) that lie near a heap.

    Near means: within three standard deviations (`spread`) of the nearest centre (heaps, 2). A heap is
    covered if at least 2 % of all points lie near it.
    """
    distances, heaps = torch.cdist(points, centres).min(dim=1)
    near = distances < 3 * spread
    shares = torch.bincount(heaps[near], minlength=len(centres)) / len(points)
    return int((shares >= LEAST_SHARE).sum()), near.float().mean().item()


def cell_probabilities(centres: torch.Tensor, spread: float, edges: torch.Tensor) -> torch.Tensor:
    """The true probability of each pair of bins (bins, bins): first number, second number.

    edges: where the bins end (bins + 1,); the outermost bins hold all that lies beyond them.
    """
    edges = edges.clone()
    edges[0], edges[-1] = -torch.inf, torch.inf
    below = Normal(centres[:, :, None], spread).cdf(edges)  # (heaps, 2, bins + 1)
    in_bin = below.diff(dim=-1)  # (heaps, 2, bins)
    return torch.einsum("hi,hj->ij", in_bin[:, 0], in_bin[:, 1]) / len(centres)


def measures(
    points: torch.Tensor, centres: torch.Tensor, spread: float, distance: Callable[[torch.Tensor], float]
) -> tuple[int, float, float]:
    """All three measures of points (n, 2): heaps covered, share near a heap, energy distance."""
    return *near_heaps(points, centres, spread), float(distance(points))


def faulty_sets(
    real_points: Callable[[int, torch.Generator], torch.Tensor], centres: torch.Tensor, dice: torch.Generator
) -> dict[str, torch.Tensor]:
    """Four sets of 2,000 points: real ones, and three with one known fault each.

    The fault of the first two concerns the upper right heap: no point of it, or each second one only. The
    heaps that are too wide have an additional deviation of 0.09, which makes 0.135 of the 0.1 of real ones.
    """
    real = real_points(2000, dice)
    wide = real_points(2000, dice) + 0.09 * torch.randn(2000, 2, generator=dice)
    more = real_points(3000, dice)
    rest = torch.cdist(more, centres).argmin(dim=1) != 1
    half = rest | (torch.arange(3000) % 2 == 0)
    return {
        "real again": real, "a heap missing": more[rest][:2000], "a heap halved": more[half][:2000],
        "heaps too wide": wide,
    }  # fmt: skip


def score_by_slope(
    noisy: torch.Tensor, centres: torch.Tensor, spread: float, kept: torch.Tensor
) -> torch.Tensor:
    """The score at noisy points (n, 2): the slope of the log-density of noised heaps, by automatic slopes.

    kept: what the variance of the points was multiplied by, a tensor with one number.
    """
    deviation = (kept * spread**2 + 1 - kept).sqrt()
    heaps = Independent(Normal(kept.sqrt() * centres, deviation), 1)
    mixture = MixtureSameFamily(Categorical(torch.ones(len(centres))), heaps)
    noisy = noisy.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(mixture.log_prob(noisy).sum(), noisy)
    return slopes


def limits_of(values: Sequence[float]) -> tuple[float, float]:
    """Between which limits the middle 95 of 100 values lie."""
    low, high = torch.tensor(values).quantile(torch.tensor([0.025, 0.975])).tolist()
    return low, high


def t_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of a mean of two to ten independent values, by Student's t. (Student 1908)"""
    reach = T_VALUES[len(values)] * stdev(values) / len(values) ** 0.5
    return mean(values) - reach, mean(values) + reach


def time_in_turn(
    draws: Mapping[str, Callable[[int], object]], count: int, rounds: int = 5
) -> dict[str, list[float]]:
    """Seconds that each draw(count) takes, several times, in turn, so that a slow moment hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in draws}
    for _ in range(rounds):
        for name, draw in draws.items():
            begin = perf_counter()
            draw(count)
            times[name].append(perf_counter() - begin)
    return times


def median_ratio(first: Sequence[float], second: Sequence[float]) -> float:
    """The median of first / second, pair by pair."""
    ratios = [a / b for a, b in zip(first, second, strict=True)]
    return torch.tensor(ratios).median().item()


# In print


def print_measures(
    sets: Mapping[str, torch.Tensor], centres: torch.Tensor, spread: float,
    distance: Callable[[torch.Tensor], float] | None = None,
) -> None:  # fmt: skip
    """For each set of points: heaps covered, share near a heap, and a distance if one is given."""
    for name, points in sets.items():
        heaps, share = near_heaps(points, centres, spread)
        line = f"{name:15} {heaps} heaps covered, {share:.3f} near a heap"
        if distance is not None:
            line += f", energy distance {float(distance(points)):7.4f}"
        print(line)


def print_place(name: str, distance: float, bands: Mapping[int, tuple[float, float]]) -> None:
    """Whether a distance lies in the band (low, high) of each number of points."""
    line = f"{name:15} {float(distance):7.4f}"
    for count, (low, high) in bands.items():
        place = "inside" if low <= distance <= high else "outside"
        line += f"   {place:7} the band of {count:,}"
    print(line)


def print_above(name: str, distances: Sequence[float], band: tuple[float, float]) -> None:
    """How many distances lie above a band (low, high)."""
    above = sum(distance > band[1] for distance in distances)
    print(f"{name:15} {above:2} of {len(distances)} sets above the band")


def print_prices(
    passes: Mapping[str, int], operations: Mapping[str, float], times: Mapping[str, float], unit: str
) -> None:
    """What drawing takes with each family: passes, and operations and time as multiples of the unit's."""
    for name in passes:
        more, longer = operations[name] / operations[unit], times[name] / times[unit]
        line = f"{name:12} {passes[name]:3} passes, {more:6.1f} times the {unit}'s operations"
        print(f"{line}, {longer:6.1f} times its time")


def heaps_of_eight(points: torch.Tensor) -> str:
    """How many of the eight heaps are covered, in words, by points (n, 2)."""
    return f"{near_heaps(points, ring.centres(), ring.SPREAD)[0]} of 8 heaps"


def print_cures(results: Mapping[tuple[str, str], Sequence[tuple[int, float, float]]]) -> None:
    """A line for each learning rate and cure: of how many GANs all heaps are covered, and how well.

    results: by rate and cure, for each seed heaps covered, share near a heap, energy distance. From two
    seeds on, a count has Wilson's interval, a mean Student's.
    """
    for (rate, cure), found in results.items():
        full = sum(heaps == 8 for heaps, _, _ in found)
        line = f"{rate:5} {cure:7}  all heaps: {full} of {len(found)}"
        if len(found) > 1:
            low, high = metrics.wilson_interval(full, len(found))
            line += f" [{low:.2f}, {high:.2f}]"
        for name, column in (("near", 1), ("distance", 2)):
            values = [row[column] for row in found]
            line += f"   {name} {mean(values):.3f}"
            if len(values) > 1:
                low, high = t_interval(values)
                line += f" [{low:.3f}, {high:.3f}]"
        print(line)
