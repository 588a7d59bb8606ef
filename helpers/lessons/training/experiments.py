"""The experiments of notebook 06: each trains a few small models that differ in one thing, and measures them.

All of them use `laboratory.fit`. A loss is always the held-out loss: on texts that no model learnt from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from tqdm.auto import tqdm

from helpers.lessons.training import texts
from helpers.lessons.training.laboratory import TinyGPT, fit, vocabulary, write_texts
from helpers.lessons.training.memorised import longest_overlap

Collections = Mapping[str, Sequence[str]]
READ = 3200  # windows that every model of the map reads, whatever its batch size
RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
BATCH_SIZES = (8, 32, 128)
EXAM = {"batch_size": 64, "steps": 50}  # exercise 06.2: also 3,200 windows
PARAMETERS = 60_000  # of every model in the comparison of shapes
DEPTHS = (1, 2, 4)


def compare(collections: Collections, held_out: Sequence[str], seed: int, **settings) -> dict[str, float]:
    """Train one model on each collection, with the same settings; the held-out loss of each."""
    return {
        name: fit(collection, held_out, seed, **settings).held_out[-1]
        for name, collection in collections.items()
    }


# Learning rate and batch size


def rate_map(collection: Sequence[str], held_out: Sequence[str], seed: int) -> dict[int, dict[float, float]]:
    """Held-out losses by batch size and by learning rate; all models read the same number of windows."""
    table: dict[int, dict[float, float]] = {size: {} for size in BATCH_SIZES}
    settings = [(size, rate) for size in BATCH_SIZES for rate in RATES]
    for size, rate in tqdm(settings, desc="models", leave=False):
        run = fit(collection, held_out, seed, steps=READ // size, batch_size=size, rate=rate)
        table[size][rate] = run.held_out[-1]
    return table


# Balance


@dataclass(frozen=True)
class Balance:
    """Of `total` texts that a model wrote, how many play in the snow; and its loss on new texts that do."""

    snow: int
    total: int
    loss: float


def snow(collections: Collections, seed: int, total: int = 600) -> dict[str, Balance]:
    """Train on each collection; count how often the model speaks of snow, and measure how well."""
    in_snow = texts.beginnings(150, seed, held_out=True, place="snow")
    found = {}
    for name, collection in collections.items():
        run = fit(collection, in_snow, seed)
        # The place stands in the first sentence, so the beginning of a text is enough.
        written = write_texts(run.model, total, seed, limit=20)
        count = sum(texts.is_in_snow(text) for text in written)
        found[name] = Balance(count, total, run.held_out[-1])
    return found


# Learning by heart


def mean_overlap(written: Sequence[str], source: Sequence[str]) -> float:
    """The mean, over the texts, of the longest run of words that also stands in one of the source texts."""
    runs = [longest_overlap(text, source) for text in written]
    return round(sum(runs) / len(runs), 1)


def most_similar(text: str, source: Sequence[str]) -> str:
    """The source text that shares the longest run of words with this text."""
    return max(source, key=lambda other: longest_overlap(text, [other]))


# Depth and attention


def width_for(layers: int, parameters: int = PARAMETERS) -> int:
    """The width, a multiple of 4, at which a model of so many layers comes closest to this size."""
    words = len(vocabulary())

    def distance(width: int) -> int:
        with torch.device("meta"):  # only the sizes, no numbers
            return abs(TinyGPT(words, width=width, layers=layers).parameter_count() - parameters)

    return min(range(4, 100, 4), key=distance)


@dataclass(frozen=True)
class Shape:
    """A model of this depth and width, with its number of parameters and its held-out losses."""

    layers: int
    width: int
    parameters: int
    with_attention: float
    without_attention: float


def shapes(collection: Sequence[str], held_out: Sequence[str], seed: int) -> list[Shape]:
    """Models with 1, 2 and 4 layers and about the same number of parameters, with attention and without."""
    found = []
    for layers in tqdm(DEPTHS, desc="depths", leave=False):
        form = {"layers": layers, "width": width_for(layers)}
        runs = [fit(collection, held_out, seed, attention=on, **form) for on in (True, False)]
        losses = [run.held_out[-1] for run in runs]
        found.append(Shape(**form, parameters=runs[0].model.parameter_count(),
                           with_attention=losses[0], without_attention=losses[1]))  # fmt: skip
    return found
