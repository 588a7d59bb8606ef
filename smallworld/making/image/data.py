"""The data of the image model: training scenes, their pictures, latents and captions, each made once.

Scenes are sampled, drawn and worded in several processes where there are many; what a scene becomes depends
on the seed and its number alone, not on the processes.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d
from tqdm.auto import tqdm

from smallworld.making.image.model import FACTOR, train_tokenizer, training_precision
from smallworld.making.image.pipeline import to_pixels
from smallworld.making.image.settings import Settings
from smallworld.making.training import fingerprint, new_folder, require_room
from smallworld.world.captions import caption
from smallworld.world.drawing import draw, things_mask
from smallworld.world.scenes import NOTHING_SHARE, SIZE, Scene, sample_scene
from smallworld.world.shapes import random_picture
from smallworld.world.vocabulary import PLACES, SKY_THINGS

THINGS = ("", *SKY_THINGS, *dict.fromkeys(thing for place in PLACES.values() for thing in place.things))
# Things with many small parts, which take longest to learn: ``hard_weight`` times as likely as others.
HARD_THINGS = frozenset({"train", "windmill", "bird", "airship", "flying car", "snowman"})
COUNT_SHARES = {1: 0.4, 2: 0.3, 3: 0.3}  # of the scenes with things: so that counting is learnt
CHUNK = 1_000  # items that a process makes at a time
WORTHWHILE = 8  # chunks from which on it is quicker to start processes


# ------------------------------------------------------------------ in several processes
def in_chunks(make: Callable, items: Sequence, *given) -> Iterator:
    """What ``make(part, first, *given)`` returns for parts of the items, in order; ``first``: their place.

    Where there is much to do, several parts are made at a time, in processes of their own; so ``make`` is a
    function of a module.
    """
    places = range(0, len(items), CHUNK)
    parts = [items[first : first + CHUNK] for first in places]
    if (os.cpu_count() or 1) < 2 or len(parts) < WORTHWHILE:
        yield from (make(part, first, *given) for part, first in zip(parts, places, strict=True))
        return
    yield from _workers().map(make, parts, places, *([value] * len(parts) for value in given))


@cache
def _workers() -> ProcessPoolExecutor:
    """Processes that stay for all that is to be made.

    They are forked from a process without threads; where there is no such thing, each is started anew.
    """
    has_server = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if has_server else "spawn")
    if has_server:
        context.set_forkserver_preload(["smallworld.making.image.data"])
    return ProcessPoolExecutor(os.cpu_count(), context, initializer=_one_thread)


def _one_thread() -> None:
    """In a process among several, one thread is enough."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(1)


# ------------------------------------------------------------------ scenes
@lru_cache(maxsize=1)
def training_scenes(count: int, seed: int, hard_weight: float = 1.0) -> list[Scene]:
    """The scenes that the model is trained on: of the training combinations alone.

    In every second one each thing is as likely as any other, but hard ones ``hard_weight`` times as likely;
    the others take each combination alike, so that things that many places have come more often.
    """
    parts = in_chunks(_some_scenes, range(count), seed, hard_weight)
    return [scene for part in parts for scene in part]


def _some_scenes(numbers: Sequence[int], first: int, seed: int, hard_weight: float) -> list[Scene]:
    """The training scenes of these numbers."""
    weights = [hard_weight if thing in HARD_THINGS else 1.0 for thing in THINGS]
    counts, shares = list(COUNT_SHARES), list(COUNT_SHARES.values())
    scenes = []
    for number in numbers:
        rng = random.Random(f"images {seed} {number}")
        given: dict[str, str | int] = {}
        if number % 2:
            given["thing"] = rng.choices(THINGS, weights)[0]
        elif rng.random() < NOTHING_SHARE:
            given["thing"] = ""
        if given.get("thing") != "":
            given["count"] = rng.choices(counts, shares)[0]
        scenes.append(sample_scene(rng, "train", **given))
    return scenes


# ------------------------------------------------------------------ pictures
@dataclass(frozen=True)
class Pictures:
    """``scenes`` and ``shapes``: uint8 (n, 64, 64, 3); ``facts``: the scenes drawn there.

    ``masks``: uint8 (n, 64, 8), which pixels of the scenes are of things, eight to a byte.
    """

    facts: Sequence[Scene]
    scenes: np.ndarray
    masks: np.ndarray
    shapes: np.ndarray
    fingerprint: str

    def things(self, numbers: np.ndarray | slice) -> np.ndarray:
        """Which pixels of these scenes are of things: bool (numbers, 64, 64)."""
        return np.unpackbits(self.masks[numbers], axis=-1).astype(bool)


def prepare_pictures(settings: Settings, folder: Path) -> Pictures:
    """Draw the training scenes and shapes once; later calls read them from ``folder``."""
    shape = (settings.scenes, settings.hard_weight, settings.shapes, settings.seed)
    shares = (sorted(HARD_THINGS), COUNT_SHARES)
    mark = fingerprint(("vocabulary", "scenes", "drawing", "shapes"), (*shape, *shares))
    facts = training_scenes(settings.scenes, settings.seed, settings.hard_weight)
    cache = folder / f"pictures-{mark}"
    if not cache.exists():
        require_room(folder, 2 * SIZE * SIZE * 3 * (settings.scenes + settings.shapes) + (300 << 20))
        unfinished = new_folder(cache)
        scenes = in_chunks(_draw_scenes, facts)
        shapes = in_chunks(_draw_shapes, range(settings.shapes), settings.seed)
        _store(unfinished, ("scenes", "masks"), settings.scenes, scenes)
        _store(unfinished, ("shapes",), settings.shapes, shapes)
        os.replace(unfinished, cache)
    arrays = {name: np.load(cache / f"{name}.npy", mmap_mode="r") for name in ("scenes", "masks", "shapes")}
    return Pictures(facts, **arrays, fingerprint=mark)


def _draw_scenes(scenes: Sequence[Scene], first: int) -> tuple[np.ndarray, np.ndarray]:
    """Their pictures, uint8 (scenes, 64, 64, 3), and masks of their things, packed: (scenes, 64, 8)."""
    pictures = np.stack([np.asarray(draw(scene)) for scene in scenes])
    return pictures, np.packbits([things_mask(scene) for scene in scenes], axis=-1)


def _draw_shapes(numbers: Sequence[int], first: int, seed: int) -> tuple[np.ndarray]:
    """The pictures of random shapes of these numbers: uint8 (numbers, 64, 64, 3)."""
    chances = [random.Random(f"shapes {seed} {number}") for number in numbers]
    return (np.stack([np.asarray(random_picture(rng, "train")) for rng in chances]),)


def _store(folder: Path, names: Sequence[str], count: int, parts: Iterator[tuple[np.ndarray, ...]]) -> None:
    """Write arrays with ``count`` rows, given in parts, to files of these names."""
    arrays: list[np.ndarray] = []
    first = 0
    with tqdm(total=count, desc=f"drawing {names[0]}", unit=" pictures", mininterval=2) as bar:
        for part in parts:
            if not arrays:
                shapes = [(count, *rows.shape[1:]) for rows in part]
                paths = [folder / f"{name}.npy" for name in names]
                arrays = [
                    np.lib.format.open_memmap(path, "w+", np.uint8, shape)
                    for path, shape in zip(paths, shapes, strict=True)
                ]
            for array, rows in zip(arrays, part, strict=True):
                array[first : first + len(rows)] = rows
            first += len(part[0])
            bar.update(len(part[0]))
    for array in arrays:
        array.flush()


# ------------------------------------------------------------------ latents
@dataclass(frozen=True)
class Latents:
    """What the UNet is trained on.

    ``means`` and ``stds``: float16 (n, channels, 16, 16), what the autoencoder says of each scene;
    ``masks``: uint8 (n, 16, 16), the share of a latent's cell that its things cover, 0 to 255.
    """

    means: np.ndarray
    stds: np.ndarray
    masks: np.ndarray
    fingerprint: str


@torch.no_grad()
def prepare_latents(
    settings: Settings, folder: Path, vae: torch.nn.Module, pictures: Pictures, device: torch.device
) -> Latents:
    """What the finished autoencoder says of every training scene, computed once and kept in ``folder``."""
    weights = torch.cat([weight.detach().flatten().cpu() for weight in vae.parameters()])
    mark = fingerprint((), (pictures.fingerprint, weights.double().sum().item()))
    cache = folder / f"latents-{mark}"
    names = ("means", "stds", "masks")
    if not cache.exists():
        for stale in folder.glob("latents-*"):
            shutil.rmtree(stale)
        unfinished = new_folder(cache)
        arrays = _encode(vae, pictures, 512 if device.type == "cuda" else 64, device)
        for name, array in zip(names, (*arrays, things_in_cells(pictures)), strict=True):
            np.save(unfinished / f"{name}.npy", array)
        os.replace(unfinished, cache)
    return Latents(*(np.load(cache / f"{name}.npy") for name in names), mark)


def _encode(
    vae: torch.nn.Module, pictures: Pictures, batch: int, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations, float16 (n, channels, 16, 16)."""
    side, count = SIZE // FACTOR, len(pictures.scenes)
    shape = (count, vae.config.latent_channels, side, side)
    means, stds = np.empty(shape, np.float16), np.empty(shape, np.float16)
    for first in tqdm(range(0, count, batch), desc="encoding", unit=" batches", mininterval=2):
        part = slice(first, first + batch)
        with training_precision(device):
            found = vae.encode(to_pixels(pictures.scenes[part], device)).latent_dist
        means[part], stds[part] = found.mean.half().cpu(), found.std.half().cpu()
    return means, stds


def things_in_cells(pictures: Pictures) -> np.ndarray:
    """The share of each latent's cell that things, with a pixel around them, cover: uint8 (n, 16, 16)."""
    count, side = len(pictures.masks), SIZE // FACTOR
    cells = np.empty((count, side, side), np.uint8)
    for first in range(0, count, CHUNK):
        part = slice(first, first + CHUNK)
        pixels = torch.from_numpy(pictures.things(part))[:, None].float()
        wider = max_pool2d(pixels, 3, stride=1, padding=1)
        shares = avg_pool2d(wider, FACTOR)[:, 0]
        cells[part] = (shares * 255).round().to(torch.uint8).numpy()
    return cells


# ------------------------------------------------------------------ captions
@dataclass(frozen=True)
class Wordings:
    """Captions, cut into tokens.

    ``ids``: int16 (scenes, wordings, length), several captions of each scene; ``empty``: (positions,), the
    tokens of no caption at all, whose end is what fills a caption up to all positions.
    """

    ids: np.ndarray
    empty: np.ndarray


def prepare_wordings(settings: Settings, folder: Path, tokenizer, pictures: Pictures) -> Wordings:
    """Several wordings of every training scene, cut into tokens, made once and kept in ``folder``."""
    shape = (pictures.fingerprint, settings.wordings, sorted(tokenizer.get_vocab().items()))
    mark = fingerprint(("captions", "wordings", "stories", "patterns", "vocabulary"), shape)
    cache = folder / f"captions-{mark}.npy"
    if not cache.exists():
        for stale in folder.glob("captions-*.npy"):
            stale.unlink()
        parts = in_chunks(_word_scenes, pictures.facts, tokenizer, settings.wordings, settings.seed)
        chunks = -(-len(pictures.facts) // CHUNK)
        bar = tqdm(parts, desc="wording captions", total=chunks, unit=" chunks", mininterval=2)
        ids = np.concatenate(list(bar))
        longest = int((ids != tokenizer.pad_token_id).sum(axis=-1).max()) + 1
        unfinished = folder / ".captions.unfinished.npy"
        np.save(unfinished, ids[:, :, :longest])
        os.replace(unfinished, cache)
    return Wordings(np.load(cache), tokenise(tokenizer, [""])[0].numpy())


def _word_scenes(scenes: Sequence[Scene], first: int, tokenizer, wordings: int, seed: int) -> np.ndarray:
    """Token ids of several captions of each scene: int16 (scenes, wordings, positions)."""
    texts = []
    for number, scene in enumerate(scenes, first):
        rng = random.Random(f"captions {seed} {number}")
        texts += [caption(scene, rng) for _ in range(wordings)]
    return tokenise(tokenizer, texts).numpy().astype(np.int16).reshape(len(scenes), wordings, -1)


def tokenise(tokenizer, texts: Sequence[str]) -> Tensor:
    """Token ids (texts, positions) as the pipeline makes them: cut or padded to all positions."""
    return tokenizer(
        list(texts),
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    ).input_ids


def learn_tokenizer(settings: Settings):
    """The tokenizer, learnt from captions of training scenes."""
    rng = random.Random(f"tokens {settings.seed}")
    facts = training_scenes(settings.scenes, settings.seed, settings.hard_weight)
    return train_tokenizer(caption(scene, rng).lower() for scene in facts[:20_000])
