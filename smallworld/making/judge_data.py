"""What the judge of pictures learns from: drawings, spoilt drawings, and pictures that were labelled by eye.

Most pictures are drawings of training combinations. A part of them is spoilt a little and keeps its thing; a
part is spoilt beyond naming. Of all three a share goes through the image model's autoencoder and back, so
that neither its softness nor a spoiling's edges tell what can be named. Labelled pictures of image models
join them (``judge_labels``), each several times.
"""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from smallworld.judges.pictures import ANSWERS, FACTS, LAYOUT, UNREADABLE
from smallworld.making.judge_labels import Labelled
from smallworld.making.reconstructions import reconstruct, spoil_latents
from smallworld.making.spoiling import KINDS, may_be_spoilt, spoil
from smallworld.world.drawing import draw, things_mask
from smallworld.world.scenes import SIZE, Scene, sample_scene

UNSAID = -100  # label of a fact that a picture does not have, such as the colour of nothing, or nobody knows
NOWHERE = float("nan")
PART = 500  # scenes that a worker draws at a time


@dataclass(frozen=True)
class Shares:
    """Shares of the drawings: spoilt a little; spoilt beyond naming as drawings, and as latents where nothing
    else spoilt them; sent through the autoencoder and back."""

    light: float = 0.2
    strong: float = 0.27
    latent: float = 0.08
    reconstructed: float = 0.3


@dataclass(frozen=True)
class Examples:
    """Pictures uint8 (n, 64, 64, 3), labels (n, facts) and layouts (n, 4)."""

    pictures: np.ndarray
    labels: Tensor
    layouts: Tensor

    def __len__(self) -> int:
        return len(self.pictures)


# ------------------------------------------------------------------ drawings
def targets_of(scene: Scene) -> tuple[list[int], list[float]]:
    """A scene's fact labels (in the order of ``FACTS``) and its layout; nan where there is none."""
    values = {"place": scene.place, "time": scene.time, "thing": scene.thing}
    labels = [FACTS[name].index(value) for name, value in values.items()]
    if not scene.thing:
        return [*labels, UNSAID, UNSAID], [scene.horizon, NOWHERE, NOWHERE, 0.0]
    labels += [FACTS["color"].index(scene.color), FACTS["count"].index(scene.count)]
    return labels, [scene.horizon, *np.mean(scene.spots, axis=0).tolist()]


def sample_scenes(count: int, seed: int, split: str = "train", even: bool = False) -> list[Scene]:
    """Scenes of a split; ``even``: in every second scene each thing is as likely as any other."""
    rng = random.Random(f"judge {split} {seed}")
    return [
        sample_scene(rng, split, **({"thing": rng.choice(FACTS["thing"])} if even and number % 2 else {}))
        for number in range(count)
    ]


def draw_all(scenes: Sequence[Scene]) -> np.ndarray:
    """The scenes' pictures: uint8 (n, 64, 64, 3)."""
    pictures = np.empty((len(scenes), SIZE, SIZE, 3), np.uint8)
    for number, scene in enumerate(tqdm(scenes, desc="drawing", unit=" scenes", mininterval=2, leave=False)):
        pictures[number] = np.asarray(draw(scene))
    return pictures


def spoilt_labels(labels: Sequence[int], kind: str) -> list[int]:
    """A scene's labels after a strong spoiling: the thing is unreadable, what the kind keeps stays."""
    kept = ("place", "time", *KINDS[kind].keeps)
    named = dict(zip(FACTS, labels, strict=True))
    result = {name: label if name in kept else UNSAID for name, label in named.items()}
    result["thing"] = ANSWERS["thing"].index(UNREADABLE)
    return [result[name] for name in FACTS]


def drawn_examples(scenes: Sequence[Scene], shares: Shares, seed: int, workers: int = 1) -> Examples:
    """The scenes drawn, a share of them spoilt a little or beyond naming, with their targets.

    Several ``workers`` (processes) draw the same pictures sooner.
    """
    parts = [scenes[first : first + PART] for first in range(0, len(scenes), PART)]
    seeds = [f"spoilt {seed} {number}" for number in range(len(parts))]
    with start_workers(workers) if workers > 1 else nullcontext() as pool:
        done = (pool.map if pool else map)(draw_part, parts, repeat(shares), seeds)
        bar = tqdm(done, total=len(parts), desc="drawing", unit=f" x {PART} scenes", leave=False)
        examples = list(bar)
    return join(examples)


def start_workers(workers: int) -> ProcessPoolExecutor:
    """Processes with one thread each."""
    fresh = multiprocessing.get_context("spawn")  # a copy of a process that has computed with torch may hang
    return ProcessPoolExecutor(workers, fresh, torch.set_num_threads, (1,))


def draw_part(scenes: Sequence[Scene], shares: Shares, seed: str) -> Examples:
    """``drawn_examples`` of some scenes, with a seed of their own."""
    rng = random.Random(seed)
    pictures = np.empty((len(scenes), SIZE, SIZE, 3), np.uint8)
    labels, layouts = [], []
    for number, scene in enumerate(scenes):
        own, layout = targets_of(scene)
        fate = rng.random()
        if fate < shares.strong and may_be_spoilt(scene):
            drawn, kind = spoil(scene, rng, strongly=True)
            own = spoilt_labels(own, kind)
        elif scene.thing and shares.strong <= fate < shares.strong + shares.light:
            drawn, _ = spoil(scene, rng, strongly=False)
        else:
            drawn = np.asarray(draw(scene), float)
        pictures[number] = drawn.round().clip(0, 255)
        labels.append(own)
        layouts.append(layout)
    return Examples(pictures, torch.tensor(labels), torch.tensor(layouts))


def join(examples: Sequence[Examples]) -> Examples:
    """All examples one after another."""
    return Examples(
        np.concatenate([part.pictures for part in examples]),
        torch.cat([part.labels for part in examples]),
        torch.cat([part.layouts for part in examples]),
    )


def spoil_latents_of(examples: Examples, scenes: Sequence[Scene], chosen: np.ndarray, autoencoder: nn.Module,
                     seed: int) -> None:  # fmt: skip
    """Spoil the things of the chosen examples (numbers) in latent space, and relabel them."""
    masks = np.stack([things_mask(scenes[number]) for number in chosen])
    chance = torch.Generator().manual_seed(seed)
    examples.pictures[chosen] = reconstruct(
        autoencoder, examples.pictures[chosen], spoil_latents, masks, chance
    )
    columns = [list(FACTS).index(name) for name in ("color", "count")]
    examples.labels[np.ix_(chosen, columns)] = UNSAID
    examples.labels[chosen, list(FACTS).index("thing")] = ANSWERS["thing"].index(UNREADABLE)


# ------------------------------------------------------------------ labelled by eye
def labelled_examples(labelled: Sequence[Labelled], times: int) -> Examples:
    """Pictures with a clear verdict of the eye, each ``times`` times; what no reader said is unsaid."""
    clear = [picture for picture in labelled if picture.verdict.thing is not None] * times
    pictures = np.empty((len(clear), SIZE, SIZE, 3), np.uint8)
    labels = []
    for number, picture in enumerate(clear):
        pictures[number] = picture.pixels
        said = {name: getattr(picture.verdict, name) for name in FACTS}
        labels.append([_label(name, value) for name, value in said.items()])
    layouts = torch.full((len(clear), len(LAYOUT)), NOWHERE)
    return Examples(pictures, torch.tensor(labels, dtype=torch.long).reshape(-1, len(FACTS)), layouts)


def _label(name: str, value: str | int | None) -> int:
    """The number of an answer; ``UNSAID`` for None and for what is no answer, such as four."""
    return ANSWERS[name].index(value) if value in ANSWERS[name] else UNSAID


def gather(scenes: Sequence[Scene], labelled: Sequence[Labelled], shares: Shares, times: int, seed: int,
           autoencoder: nn.Module | None, workers: int = 1) -> Examples:  # fmt: skip
    """All that the judge learns from, drawings first."""
    drawn, by_eye = drawn_examples(scenes, shares, seed, workers), labelled_examples(labelled, times)
    if autoencoder is not None:
        lots = np.random.default_rng([seed, 1]).random(len(drawn))
        suitable = np.array([may_be_spoilt(scene) for scene in scenes])
        named = drawn.labels[:, list(FACTS).index("thing")].numpy() < ANSWERS["thing"].index(UNREADABLE)
        latent = np.flatnonzero((lots < shares.latent) & suitable & named)
        spoil_latents_of(drawn, scenes, latent, autoencoder, seed)
        again = np.flatnonzero(lots > 1 - shares.reconstructed)
        drawn.pictures[again] = reconstruct(autoencoder, drawn.pictures[again])
    return join([drawn, by_eye])
