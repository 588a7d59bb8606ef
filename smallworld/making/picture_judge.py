"""Train the judge of pictures on drawings, on spoilt drawings and on pictures that were labelled by eye.

    python -m smallworld.making.picture_judge                        # minutes on two CPU cores or on a GPU
    python -m smallworld.making.picture_judge --scenes 2000 --output build/judge    # a short look

The judge itself, its two networks and how to read pictures with it, is ``smallworld.judges.pictures``; what
it learns from is made in ``judge_data``, and ``judge_exam`` holds it against the eye.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from tqdm.auto import tqdm

from smallworld.judges.intervals import interval, rounded
from smallworld.judges.pictures import (
    ANSWERS,
    COMMAND,
    FACTS,
    LAYOUT,
    SHIPPED,
    SPREADS,
    Judge,
    to_pixels,
    weights_of,
)
from smallworld.making.cards.judge import card
from smallworld.making.judge_data import (
    UNSAID,
    Examples,
    Shares,
    draw_all,
    drawn_examples,
    gather,
    sample_scenes,
    targets_of,
)
from smallworld.making.judge_exam import agreement_of_readers, choose_threshold, examine, set_threshold
from smallworld.making.judge_labels import PARTS, load_labelled
from smallworld.making.reconstructions import load_autoencoder, reconstruct
from smallworld.making.spoiling import may_be_spoilt
from smallworld.making.training import mixed_precision, settle_device
from smallworld.world.scenes import SIZE, Scene


@dataclass(frozen=True)
class Settings:
    """All that decides the result."""

    scenes: int = 32_000
    labelled_times: int = 10
    epochs: int = 12
    batch_size: int = 128
    learning_rate: float = 4e-3
    weight_decay: float = 0.02
    recolored_share: float = 0.4
    shares: Shares = field(default_factory=Shares)
    test_scenes: int = 4_000
    test_reconstructions: int = 1_000
    seed: int = 0


# ------------------------------------------------------------------ varying the pictures
def augment(pixels: Tensor, layouts: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Shift, blur or sharpen, dim or tint, and add fine and coarse noise, all mildly and by chance.

    ``pixels`` (n, 3, 64, 64) in 0 to 1; ``layouts`` (n, 4) move with the shift. ``chance`` lives on the
    device of the pixels.
    """
    device = pixels.device

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(len(pixels), *shape, device=device).uniform_(low, high, generator=chance)

    def noise(side: int) -> Tensor:
        return torch.randn((len(pixels), 3, side, side), generator=chance, device=device)

    moved = uniform(-0.05, 0.05, 2) * (uniform(0, 1, 1) < 0.7)
    same = torch.eye(2, device=device).expand(len(pixels), 2, 2)
    grid = functional.affine_grid(
        torch.cat([same, -2 * moved[:, :, None]], dim=2), list(pixels.shape), align_corners=False
    )
    pixels = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    across, down = moved.T
    layouts = layouts + torch.stack([down, across, down, torch.zeros_like(down)], dim=1)
    blurred = functional.avg_pool2d(functional.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, 1)
    pixels = pixels + (blurred - pixels) * uniform(-0.4, 1.0, 1, 1, 1) * (uniform(0, 1, 1, 1, 1) < 0.7)
    pixels = pixels * uniform(0.9, 1.1, 1, 1, 1) * uniform(0.97, 1.03, 3, 1, 1)
    pixels = pixels + uniform(-0.04, 0.04, 1, 1, 1)
    coarse = functional.interpolate(noise(8), size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    pixels = pixels + coarse * uniform(0, 0.03, 1, 1, 1) + noise(SIZE) * uniform(0, 0.04, 1, 1, 1)
    return pixels.clamp(0, 1), layouts


def vary(pixels: Tensor, labels: Tensor, layouts: Tensor, recolored: float, chance: torch.Generator):
    """A training batch, varied: half mirrored; a share recoloured, without labels for time and colour."""
    pixels, layouts = mirror(pixels, layouts, chance)
    pixels, layouts = augment(pixels, layouts, chance)
    count, labels = round(recolored * len(pixels)), labels.clone()
    pixels[:count] = recolor(pixels[:count], chance)
    for name in ("time", "color"):
        labels[:count, list(FACTS).index(name)] = UNSAID
    return pixels, labels, layouts


def mirror(pixels: Tensor, layouts: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Swap left and right in half of the pictures, by chance, and in their layouts."""
    swapped = torch.rand(len(pixels), generator=chance, device=pixels.device) < 0.5
    pixels = torch.where(swapped[:, None, None, None], pixels.flip(3), pixels)
    other = layouts.clone()
    other[:, LAYOUT.index("x")] = 1 - layouts[:, LAYOUT.index("x")]
    return pixels, torch.where(swapped[:, None], other, layouts)


def recolor(pixels: Tensor, chance: torch.Generator) -> Tensor:
    """Mix the colour channels at random and stretch the result over the whole range, picture by picture.

    Light and paint are lost, shapes stay. Without this a thing could be told from the place and the light
    alone wherever only one thing of that place occurs by that light among the training scenes.
    """
    random_mix = torch.randn((len(pixels), 3, 3), generator=chance, device=pixels.device)
    mixed = torch.einsum("nij,njhw->nihw", random_mix, pixels)
    low, high = mixed.amin((1, 2, 3), keepdim=True), mixed.amax((1, 2, 3), keepdim=True)
    return (mixed - low) / (high - low).clamp(min=1e-3)


# ------------------------------------------------------------------ training
def fact_loss(logits: dict[str, Tensor], labels: Tensor) -> Tensor:
    """Sum of the facts' cross-entropies in nats, a mean over the pictures; ``labels`` (n, facts).

    A fact that is unsaid counts as nothing.
    """
    losses = [
        functional.cross_entropy(scores.float(), labels[:, column], ignore_index=UNSAID, reduction="sum")
        for column, scores in enumerate(logits.values())
    ]
    return torch.stack(losses).sum() / len(labels)


def layout_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute error over the layout measures (n, 4) that the picture has, in units of ``SPREADS``."""
    given = ~wanted.isnan()
    return ((found.float() - wanted) / torch.tensor(SPREADS, device=found.device))[given].abs().mean()


def train(settings: Settings, device: str = "cpu") -> tuple[Judge, list]:
    """Train a judge; returns it, on the CPU, with its curve [step, fact loss, layout loss]."""
    torch.manual_seed(settings.seed)
    chance = torch.Generator(device).manual_seed(settings.seed)
    examples = training_examples(settings, device)
    judge = Judge().train().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(judge.parameters(), weight_decay=settings.weight_decay)
    total = settings.epochs * (len(examples) // settings.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total, pct_start=0.2)
    curve, sums = [], torch.zeros(2, device=device)
    steps = batches(examples, settings, device)
    bar = tqdm(steps, total=total, desc="training", unit=" steps", mininterval=2)
    for step, batch in enumerate(bar, 1):
        sums += train_step(judge, optimizer, *vary(*batch, settings.recolored_share, chance))
        schedule.step()
        if step % 50 == 0 or step == total:
            curve.append([step, *map(rounded, (sums / (step % 50 or 50)).tolist())])
            sums.zero_()
            bar.set_postfix_str(f"loss {curve[-1][1]:.3f}, layout {curve[-1][2]:.3f}", refresh=False)
    judge = judge.to("cpu", memory_format=torch.contiguous_format).eval()
    set_threshold(judge, choose_threshold(judge, load_labelled(["choose"])))
    return judge, curve


def training_examples(settings: Settings, device: str = "cpu") -> Examples:
    """Drawings of training combinations, spoilt ones among them, and labelled pictures to be fitted to."""
    scenes = sample_scenes(settings.scenes, settings.seed, even=True)
    labelled, autoencoder = load_labelled(["fit"]), load_autoencoder(device=device)
    times, workers = settings.labelled_times, os.cpu_count() or 1
    return gather(scenes, labelled, settings.shares, times, settings.seed, autoencoder, workers)


def batches(examples: Examples, settings: Settings, device: str) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Pixels, labels and layouts of each step, shuffled anew in each epoch, on the device."""
    size = settings.batch_size
    for epoch in range(settings.epochs):
        order = np.random.default_rng([settings.seed, epoch]).permutation(len(examples))
        for first in range(0, len(examples) - size + 1, size):
            chosen = order[first : first + size]
            parts = to_pixels(examples.pictures[chosen]), examples.labels[chosen], examples.layouts[chosen]
            yield tuple(part.to(device) for part in parts)


def train_step(judge: Judge, optimizer, pixels: Tensor, labels: Tensor, layouts: Tensor) -> Tensor:
    """One update of both readers on one batch; returns their losses: (2,)."""
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    with mixed_precision(pixels.device):
        losses = (
            fact_loss(judge.fact_reader(pixels), labels),
            layout_loss(judge.layout_reader(pixels), layouts),
        )
    sum(losses).backward()  # the readers share no weight, so neither loss reaches the other's
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return torch.stack(losses).detach()


# ------------------------------------------------------------------ measuring


def measure(judge: Judge, scenes: Sequence[Scene], pictures: np.ndarray) -> dict:
    """How well a judge reads pictures of known scenes: shares right, and R^2 of each layout measure."""
    readings = judge.read(pictures)
    pairs = [(scene, reading) for scene, reading in zip(scenes, readings, strict=True)]
    shown = [(scene, reading) for scene, reading in pairs if scene.thing]
    result = {"scenes": len(scenes)}
    for name in ("place", "time", "thing"):
        result[name] = interval([getattr(scene, name) == getattr(reading, name) for scene, reading in pairs])
    for name in ("color", "count"):
        result[name] = interval([getattr(scene, name) == getattr(reading, name) for scene, reading in shown])
    result["several"] = interval([(scene.count > 1) == reading.several for scene, reading in shown])
    wanted, found = np.array([targets_of(scene)[1] for scene in scenes]), judge.layout(pictures)
    for column, name in enumerate(LAYOUT):
        given = np.array([bool(scene.thing) for scene in scenes]) | (name == "horizon")
        error = (found - wanted)[given, column]
        result[f"layout_{name}_r2"] = rounded(1 - (error**2).mean() / wanted[given, column].var())
    return result


def measure_all(judge: Judge, settings: Settings) -> dict:
    """On held-out drawings, on their reconstructions, on spoilt ones, and on pictures labelled by eye."""
    scenes = sample_scenes(settings.test_scenes, settings.seed, "test")
    pictures = draw_all(scenes)
    exam = load_labelled(["exam"])
    quality = measure(judge, scenes, pictures)
    autoencoder = load_autoencoder()
    if autoencoder is not None:
        part = slice(settings.test_reconstructions)
        again = reconstruct(autoencoder, pictures[part])
        quality["reconstructed"] = measure(judge, scenes[part], again)
    return quality | {
        "spoilt": {name: measure_spoilt(judge, scenes, name, settings.seed) for name in ("light", "strong")},
        "eye": examine(judge, exam),
        "readers": agreement_of_readers(exam),
        "threshold": rounded(judge.threshold),
    }


def measure_spoilt(judge: Judge, scenes: Sequence[Scene], level: str, seed: int) -> dict:
    """The share of spoilt drawings of these scenes in which the thing is read as their label says."""
    shares = Shares(light=float(level == "light"), strong=float(level == "strong"))
    suitable = [scene for scene in scenes if may_be_spoilt(scene)]
    examples = drawn_examples(suitable, shares, seed)
    wanted = [ANSWERS["thing"][label] for label in examples.labels[:, list(FACTS).index("thing")].tolist()]
    readings = judge.read(examples.pictures)
    return interval([reading.thing == thing for reading, thing in zip(readings, wanted, strict=True)])


# ------------------------------------------------------------------ on disk
def save(judge: Judge, folder: Path, record: dict) -> None:
    """Write weights (float16 safetensors), record and model card to ``folder``."""
    write_files(weights_of(judge), folder, record, card(record))


def write_files(weights: dict[str, Tensor], folder: Path, record: dict, text: str) -> None:
    """Write a judge's weights (as float16 safetensors), record and model card to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / ".model.unfinished"
    save_file({name: value.half().contiguous() for name, value in weights.items()}, unfinished)
    unfinished.chmod(0o644)
    unfinished.replace(folder / "model.safetensors")
    (folder / "training.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(text, encoding="utf-8")


def training_record(
    judge: Judge, settings: Settings, device: str, seconds: float, curve: list, quality: dict
) -> dict:
    """What is kept with the weights: settings, time, quality and the loss curve."""
    options = [f" --{name} {getattr(settings, name)}" for name in ("scenes", "epochs", "seed")
               if getattr(settings, name) != getattr(Settings(), name)]  # fmt: skip
    cpu = f"CPU, {torch.get_num_threads()} threads"
    return {
        "settings": asdict(settings),
        "command": COMMAND + "".join(options),
        "parameters": sum(weight.numel() for weight in judge.parameters()),
        "minutes": round(seconds / 60, 1),
        "device": torch.cuda.get_device_name() if device == "cuda" else cpu,
        "versions": {"torch": torch.__version__.split("+")[0]},
        "quality": quality,
        "labelled": {part: len(load_labelled([part])) for part in PARTS},
        "curve": {"columns": ["step", "fact loss", "layout loss"], "rows": curve},
    }


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; a wrong value ends with one sentence."""
    default = Settings()
    parser = argparse.ArgumentParser(
        prog="smallworld.making.picture_judge", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--scenes", type=int, default=default.scenes)
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: as PyTorch decides)")
    parser.add_argument("--output", type=Path, default=SHIPPED, help="folder (default: weights/judge)")
    chosen = parser.parse_args(arguments)
    if chosen.scenes < 8 * default.batch_size:  # the schedule needs a few steps for its way up and down
        parser.error(f"--scenes must be at least {8 * default.batch_size}, not {chosen.scenes}.")
    if chosen.epochs < 1:
        parser.error(f"--epochs must be at least 1, not {chosen.epochs}.")
    if chosen.seed < 0:
        parser.error(f"--seed must be at least 0, not {chosen.seed}.")
    if chosen.device == "cuda" and not torch.cuda.is_available():
        parser.error("PyTorch finds no CUDA GPU here: leave --device out or say --device cpu.")
    if chosen.output.exists() and not chosen.output.is_dir():
        parser.error(f"--output {chosen.output} is a file: name a folder.")
    return chosen


def main(arguments: list[str] | None = None) -> None:
    """Train, measure on held-out scenes, and write the judge."""
    chosen = parse_arguments(arguments)
    settings = Settings(scenes=chosen.scenes, epochs=chosen.epochs, seed=chosen.seed)
    device, started = settle_device(chosen), time.monotonic()
    judge, curve = train(settings, device)
    seconds = time.monotonic() - started
    quality = measure_all(judge, settings)
    save(judge, chosen.output, training_record(judge, settings, device, seconds, curve, quality))
    print(json.dumps(quality, indent=1))
    print(f"finished: the judge is in {chosen.output}")


if __name__ == "__main__":
    main()
