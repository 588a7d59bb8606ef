"""The ring of notebook 12: eight heaps of points, for which every measured quantity is known exactly.

A heap is the condition, a point is the result. All numbers are float64.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from helpers.metrics import entropy

HEAPS = 8
SIGMA = 0.3  # standard deviation of a heap, in each direction, unless another one is named
HELD = 0.99  # the share of the orange points that lies inside their region


def centres() -> Tensor:
    """The middles of the heaps on a circle of radius 1: (8, 2); every second one, from 1 on, is orange."""
    angles = torch.arange(HEAPS, dtype=torch.float64) * 2 * torch.pi / HEAPS
    return torch.stack([angles.cos(), angles.sin()], dim=1)


CENTRES = centres()
ORANGE = CENTRES[1::2]


def points(count: int, dice: torch.Generator, sigma: float = SIGMA, middles: Tensor = CENTRES) -> Tensor:
    """`count` points of each heap: (heaps, count, 2)."""
    noise = torch.randn(len(middles), count, 2, generator=dice, dtype=torch.float64)
    return middles[:, None] + sigma * noise


def pairs(count: int, dice: torch.Generator, sigma: float) -> list[tuple[float, float]]:
    """`count` pairs of each heap; a pair is the first coordinate of two points of one heap."""
    return points(2 * count, dice, sigma)[..., 0].reshape(-1, 2).tolist()


def shuffled(given: list[tuple[float, float]], dice: torch.Generator) -> list[tuple[float, float]]:
    """The same numbers in pairs that chance has made, so that nothing joins the two of a pair."""
    numbers = torch.tensor(given, dtype=torch.float64).flatten()
    order = torch.randperm(len(numbers), generator=dice)
    return numbers[order].reshape(-1, 2).tolist()


def nearest(given: Tensor) -> Tensor:
    """The number of the heap whose middle is nearest to each point (..., 2)."""
    return torch.cdist(given, CENTRES).argmin(dim=-1)


# What is known exactly


def exact_share(sigma: float) -> float:
    """The share of the first coordinate's variance that the heap explains; 1/2 lies between the heaps."""
    return 0.5 / (0.5 + sigma**2)


def arrival(sigma: float) -> np.ndarray:
    """How likely a point of heap 0 is nearest to each heap: (8,).

    The middles lie on a circle, so the nearest one is told by the point's direction alone, whose density
    around a middle at distance a = 1 / sigma is known; it is summed up over each heap's eighth of the circle.
    (the projected normal distribution: Mardia and Jupp 2000, section 3.5.6)
    """
    steps = 2000  # of each eighth
    width = 2 * math.pi / HEAPS
    angles = (np.arange(HEAPS * steps) + 0.5) * width / steps - width / 2
    a = 1 / sigma
    along = torch.tensor(a * np.cos(angles))
    below = torch.special.ndtr(along)
    # exp(-a**2 / 2) is multiplied in at once: apart, its factor would overflow for a narrow heap
    rise = math.sqrt(2 * math.pi) * along * below * (along**2 / 2 - a**2 / 2).exp()
    density = (math.exp(-(a**2) / 2) + rise) / (2 * math.pi)
    chances = density.reshape(HEAPS, steps).sum(dim=1) * width / steps
    return chances.numpy() / float(chances.sum())


def exact_information(sigma: float) -> float:
    """The bits that the nearest heap tells about the heap a point came from, of 3 bits."""
    return math.log2(HEAPS) - entropy(arrival(sigma), bits=True)


# Densities, for guidance


def log_density(given: Tensor, middles: Tensor, sigma: float = SIGMA) -> Tensor:
    """log p of points (n, 2) under equally frequent heaps around these middles: (n,)."""
    near = -(torch.cdist(given, middles) ** 2) / (2 * sigma**2)
    return near.logsumexp(dim=1) - math.log(len(middles) * 2 * math.pi * sigma**2)


def is_right(given: Tensor) -> Tensor:
    """Whether each point is more probably orange than blue; half of all points are orange."""
    return log_density(given, ORANGE) > log_density(given, CENTRES)


def border(count: int = 50_000) -> float:
    """The log-density that 99 % of the orange points exceed, from points drawn with a seed of its own."""
    dice = torch.Generator().manual_seed(12)
    drawn = points(count // len(ORANGE), dice, middles=ORANGE).flatten(0, 1)
    return float(log_density(drawn, ORANGE).quantile(1 - HELD))


BORDER = border()


def is_outside(given: Tensor) -> Tensor:
    """Whether each point lies outside the region that holds 99 % of the orange points."""
    return log_density(given, ORANGE) < BORDER


def cells(side: int = 96, reach: float = 2.4) -> Tensor:
    """The middles of the cells of a square grid around the ring: (side * side, 2)."""
    line = (torch.arange(side, dtype=torch.float64) + 0.5) * 2 * reach / side - reach
    return torch.cartesian_prod(line, line)


def cell_chances(middles: Tensor, grid: Tensor) -> list[float]:
    """How likely a point lies in each cell of the grid, from heaps around these middles; the sum is 1."""
    return log_density(grid, middles).softmax(dim=0).tolist()
