"""Points in heaps: the data of notebook 01, and two measures of what a model makes of them."""

from __future__ import annotations

import torch

from helpers.session import generator

HEAPS = 8
SPREAD = 0.1  # standard deviation of a heap, in each direction
NEAR = 3 * SPREAD  # so close to the middle of a heap lie 99 % of its points
# Four heaps of section 2: how many of twenty points each of them has, and how many of these are orange.
SIZES, ORANGE, WIDER = (8, 6, 4, 2), (0, 3, 3, 2), 0.15


def centres(count: int = HEAPS) -> torch.Tensor:
    """The middles of heaps on a ring with radius 1, from the right one on, against the clock: (count, 2)."""
    angles = torch.arange(count) * 2 * torch.pi / count
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def twenty_points() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Points (20, 2) of four heaps, with their heaps (20,), 0 to 3, and colours (20,): 0 is blue, 1 orange.

    No point hides another one, so that they can be counted.
    """
    heaps, colours = _heaps_and_colours(1)
    points = centres(len(SIZES))[heaps]
    for heap in range(len(SIZES)):
        number = torch.arange(SIZES[heap]) + 0.5  # a spiral, as the seeds of a sunflower lie
        turn = 2.4 * number
        points[heaps == heap] += 0.13 * number.sqrt()[:, None] * torch.stack([turn.cos(), turn.sin()], dim=1)
    return points, heaps, colours


def many_points(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The same a hundred times as large: 2,000 points with all counts times 100, in a random order."""
    dice = generator(seed)
    heaps, colours = _heaps_and_colours(100)
    order = torch.randperm(len(heaps), generator=dice)
    heaps, colours = heaps[order], colours[order]
    points = centres(len(SIZES))[heaps] + WIDER * torch.randn(len(heaps), 2, generator=dice)
    return points, heaps, colours


def _heaps_and_colours(times: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Of `times` twenty points the heaps and the colours, heap by heap."""
    heaps, colours = [], []
    for heap in range(len(SIZES)):
        heaps += times * SIZES[heap] * [heap]
        blue = SIZES[heap] - ORANGE[heap]
        colours += times * (ORANGE[heap] * [1] + blue * [0])
    return torch.tensor(heaps), torch.tensor(colours)


def eight_heaps(count: int, seed: int) -> torch.Tensor:
    """Points (count, 2) from eight heaps of equal size on a ring."""
    return real_points(count, generator(seed))


def real_points(count: int, dice: torch.Generator) -> torch.Tensor:
    """The same, drawn with random numbers that somebody else goes on with."""
    chosen = torch.randint(HEAPS, (count,), generator=dice)
    return centres()[chosen] + SPREAD * torch.randn(count, 2, generator=dice)


def nearest_heaps(points: torch.Tensor) -> list[int]:
    """For each point (n, 2) the number of the heap that it lies in, from 0; -1 for one that is near none."""
    distances, numbers = torch.cdist(points, centres()).min(dim=1)
    return numbers.where(distances < NEAR, -1).tolist()


def share_near(points: torch.Tensor) -> float:
    """The share of points (n, 2) that lie near the middle of any heap, from 0 to 1."""
    numbers = nearest_heaps(points)
    return 1 - numbers.count(-1) / len(numbers)
