"""What is counted about generated pictures: readings against requests, exactness, variety, copies.

Nothing here draws a picture or knows a model, so drawn scenes can stand in for generated ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import torch

from smallworld.judges.intervals import bootstrap, interval, rounded
from smallworld.judges.pictures import LAYOUT, Reading
from smallworld.world.prompts import Asked

TOGETHER = ("place", "time", "thing")
EVERY_FACT = (*TOGETHER, "color", "several")


# ------------------------------------------------------------------ are the prompts obeyed?
def right(asked: Asked, reading: Reading) -> dict[str, bool]:
    """For each fact that was asked for, whether the judge read it; "all": place, time and thing as asked."""
    verdict = {name: getattr(reading, name) == value for name, value in asked.facts.items()}
    return verdict | {"all": all(verdict[name] for name in TOGETHER if name in verdict)}


def accuracy(asked: Sequence[Asked], readings: Sequence[Reading], groups: Sequence | None = None) -> dict:
    """Shares right with bootstrap intervals, each over the pictures whose prompt says the fact.

    ``groups`` names the prompt of each picture where several pictures have one prompt.
    """
    verdicts = [right(request, reading) for request, reading in zip(asked, readings, strict=True)]
    names = range(len(verdicts)) if groups is None else groups
    result: dict = {"pictures": len(verdicts)}
    for fact in (*TOGETHER, "all", "color", "several"):
        passed, drawn_with = [], []
        for verdict, name in zip(verdicts, names, strict=True):
            if fact in verdict:
                passed.append(verdict[fact])
                drawn_with.append(name)
        if passed:
            result[fact] = {"pictures": len(passed)} | interval(passed, groups=drawn_with)
    return result


def accuracy_by(fact: str, asked: Sequence[Asked], readings: Sequence[Reading]) -> dict[str, str]:
    """Where the model is weak: "right of asked" ("all": place, time, thing) for each value of a fact."""
    counts: dict[str, list[bool]] = defaultdict(list)
    for request, reading in zip(asked, readings, strict=True):
        value = str(request.facts.get(fact, "unsaid")) or "nothing"
        counts[value].append(right(request, reading)["all"])
    return {value: f"{sum(passed)} of {len(passed)}" for value, passed in sorted(counts.items())}


def misses(asked: Sequence[Asked], seeds: Sequence[int], readings: Sequence[Reading]) -> list[dict]:
    """Every picture with a fact that is not as asked: prompt, seed, what was asked and what was read."""
    missed = []
    for request, seed, reading in zip(asked, seeds, readings, strict=True):
        verdict = right(request, reading)
        wrong = [fact for fact in request.facts if not verdict[fact]]
        if wrong:
            wanted = {fact: request.facts[fact] for fact in wrong}
            read = {fact: getattr(reading, fact) for fact in wrong}
            missed.append({"seed": int(seed), "prompt": request.prompt, "asked": wanted, "read": read})
    return missed


# ------------------------------------------------------------------ is the autoencoder exact?
def psnr(pictures: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each pair of uint8 pictures (n, height, width, 3): (n,) decibels."""
    errors = (pictures.astype(float) - others.astype(float)).reshape(len(pictures), -1)
    return 10 * np.log10(255**2 / np.maximum((errors**2).mean(1), 1e-10))


def psnr_summary(pictures: np.ndarray, others: np.ndarray) -> dict:
    """Mean over the pictures in decibels, with interval, and the value of the worst twentieth."""
    values = psnr(pictures, others)
    worst = rounded(np.quantile(values, 0.05))
    return {"pictures": len(values), **bootstrap(np.mean, values), "percentile_5": worst}


def compare_readings(drawn: dict, reconstructed: dict) -> dict:
    """The judge on drawn scenes and on their reconstructions, and the largest loss of any fact."""
    lost = {fact: rounded(drawn[fact]["share"] - reconstructed[fact]["share"]) for fact in EVERY_FACT}
    return {"drawn": drawn, "reconstructed": reconstructed, "lost": lost, "most_lost": max(lost.values())}


# ------------------------------------------------------------------ is there variety, is anything copied?
def mean_distance(rows: np.ndarray) -> float:
    """Mean Euclidean distance between two different rows of (n, size)."""
    rows = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float64))
    return float(torch.pdist(rows).mean())


def spread_ratio(
    generated: Sequence[np.ndarray], drawn: Sequence[np.ndarray], spread: Callable[[np.ndarray], float]
) -> dict:
    """How varied pictures of one prompt are against drawn scenes of the same facts, with interval.

    Each list holds an array (pictures, size) for each prompt; 1 is as varied as the drawn scenes. The prompts
    are drawn again for the interval.
    """
    pairs = [[spread(a), spread(b)] for a, b in zip(generated, drawn, strict=True)]
    return bootstrap(lambda part: part[:, 0].sum() / part[:, 1].sum(), pairs)


def diversity(layouts: Sequence[Sequence[np.ndarray]], latents: Sequence[Sequence[np.ndarray]]) -> dict:
    """``spread_ratio`` of each layout measure (standard deviation), of their mean, and of latent distances.

    ``layouts`` and ``latents``: each (generated, drawn), and each of these an array for every prompt.
    """

    def of_column(column: int) -> Callable[[np.ndarray], float]:
        return lambda rows: rows[:, column].std(ddof=1)

    def of_layout(rows: np.ndarray) -> float:
        return (rows.std(axis=0, ddof=1) / scales).mean()

    result = {name: spread_ratio(*layouts, of_column(column)) for column, name in enumerate(LAYOUT)}
    scales = np.mean([rows.std(axis=0, ddof=1) for rows in layouts[1]], axis=0)
    result["layout"] = spread_ratio(*layouts, of_layout)
    result["latents"] = spread_ratio(*latents, mean_distance)
    return result


def nearest(rows: np.ndarray, others: np.ndarray, chunk: int = 10_000) -> np.ndarray:
    """Euclidean distance of each row (n, size) to the nearest of the others (m, size): (n,)."""
    wanted = torch.from_numpy(rows)
    best = torch.full((len(rows),), float("inf"))
    for first in range(0, len(others), chunk):
        part = torch.from_numpy(others[first : first + chunk])
        best = torch.minimum(best, torch.cdist(wanted, part).min(dim=1).values)
    return best.numpy()


def copying(generated: np.ndarray, held_out: np.ndarray) -> dict:
    """Distances to the nearest training scene, of generated pictures against held-out drawn scenes.

    A model that copies comes nearer to the training scenes than fresh scenes do: a ratio of medians below 1,
    and more than one in 200 nearer than the nearest 0.5 % of the fresh ones.
    """
    low = np.quantile(held_out, 0.005)
    return {
        "pictures": len(generated),
        "held_out_scenes": len(held_out),
        "median_ratio": bootstrap(lambda a, b: np.median(a) / np.median(b), generated, held_out),
        "held_out_percentile_half": rounded(low),
        "nearest_of_all": rounded(generated.min()),
        "below": int((generated < low).sum()),
        "below_by_chance": rounded(0.005 * len(generated)),
    }
