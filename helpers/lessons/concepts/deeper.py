"""Notebook 11: what its experiments need beside their idea: counts, exact probabilities, stored results."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch.distributions import Normal

from helpers.lessons.concepts import ring

LEAST_SHARE = 0.02  # of all points: a heap with fewer points near it is not covered
# How ten GANs of each cure came out, with a generator that learns twice as fast as the discriminator.
# `make test-slow ARGS="-k table_of_cures"` prints such rows.
CURES_FILE = Path(__file__).with_name("cures.csv")


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


def limits_of(values: Sequence[float]) -> tuple[float, float]:
    """Between which limits the middle 95 of 100 values lie."""
    low, high = torch.tensor(values).quantile(torch.tensor([0.025, 0.975])).tolist()
    return low, high


def heaps_of_eight(points: torch.Tensor) -> str:
    """How many of the eight heaps are covered, in words, by points (n, 2)."""
    return f"{near_heaps(points, ring.centres(), ring.SPREAD)[0]} of 8 heaps"


def results_of_cures() -> dict[str, list[tuple[int, float, float]]]:
    """By cure, for each of the seeds 0 to 9: heaps covered, share near a heap, energy distance."""
    results: dict[str, list[tuple[int, float, float]]] = {}
    with CURES_FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            measured = int(row["heaps"]), float(row["near"]), float(row["distance"])
            results.setdefault(row["cure"], []).append(measured)
    return results
