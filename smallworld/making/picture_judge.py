"""Train the judge of pictures on drawn training scenes.

    python -m smallworld.making.picture_judge                        # minutes on two CPU cores
    python -m smallworld.making.picture_judge --scenes 2000 --output build/judge    # a short look

The judge itself, its two networks and how to read pictures with it, is ``smallworld.judges.pictures``.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from tqdm.auto import tqdm

from smallworld.judges.intervals import interval, rounded
from smallworld.judges.pictures import (
    COMMAND,
    FACTS,
    LAYOUT,
    SHIPPED,
    SPREADS,
    Judge,
    to_pixels,
    weights_of,
)
from smallworld.making.training import mixed_precision
from smallworld.world.drawing import draw
from smallworld.world.scenes import SIZE, Scene, sample_scene

UNSAID = -100  # label of a fact that a picture does not have: the colour and number of nothing


@dataclass(frozen=True)
class Settings:
    """All that decides the result."""

    scenes: int = 32_000
    epochs: int = 12
    batch_size: int = 128
    learning_rate: float = 4e-3
    weight_decay: float = 0.02
    recolored_share: float = 0.5
    test_scenes: int = 4_000
    seed: int = 0


# ------------------------------------------------------------------ data
def targets_of(scene: Scene) -> tuple[list[int], list[float]]:
    """A scene's fact labels (in the order of ``FACTS``) and its layout; nan where there is none."""
    values = {"place": scene.place, "time": scene.time, "thing": scene.thing}
    labels = [FACTS[name].index(value) for name, value in values.items()]
    if not scene.thing:
        return [*labels, UNSAID, UNSAID], [scene.horizon, float("nan"), float("nan"), 0.0]
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


def augment(pixels: Tensor, layouts: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Shift, blur or sharpen, dim or tint, and add fine and coarse noise, all mildly and by chance.

    ``pixels`` (n, 3, 64, 64) in 0 to 1; ``layouts`` (n, 4) move with the shift. Nothing is learnt here from
    any model's output; the picture is only drawn a little less cleanly.
    """

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(len(pixels), *shape).uniform_(low, high, generator=chance)

    def noise(side: int) -> Tensor:
        return torch.randn((len(pixels), 3, side, side), generator=chance)

    moved = uniform(-0.05, 0.05, 2) * (uniform(0, 1, 1) < 0.7)
    grid = functional.affine_grid(
        torch.cat([torch.eye(2).expand(len(pixels), 2, 2), -2 * moved[:, :, None]], dim=2),
        list(pixels.shape),
        align_corners=False,
    )
    pixels = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    layouts = layouts + torch.stack([moved[:, 1], moved[:, 0], moved[:, 1], torch.zeros(len(pixels))], 1)
    blurred = functional.avg_pool2d(functional.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, 1)
    pixels = pixels + (blurred - pixels) * uniform(-0.4, 1.0, 1, 1, 1) * (uniform(0, 1, 1, 1, 1) < 0.7)
    pixels = pixels * uniform(0.9, 1.1, 1, 1, 1) * uniform(0.97, 1.03, 3, 1, 1)
    pixels = pixels + uniform(-0.04, 0.04, 1, 1, 1)
    coarse = functional.interpolate(noise(8), size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    pixels = pixels + coarse * uniform(0, 0.03, 1, 1, 1) + noise(SIZE) * uniform(0, 0.04, 1, 1, 1)
    return pixels.clamp(0, 1), layouts


def vary(pixels: Tensor, labels: Tensor, layouts: Tensor, recolored: float, chance: torch.Generator):
    """A training batch, varied: a share of it recoloured, without labels for time and colour."""
    pixels, layouts = augment(pixels, layouts, chance)
    count, labels = round(recolored * len(pixels)), labels.clone()
    pixels[:count] = recolor(pixels[:count], chance)
    for name in ("time", "color"):
        labels[:count, list(FACTS).index(name)] = UNSAID
    return pixels, labels, layouts


def recolor(pixels: Tensor, chance: torch.Generator) -> Tensor:
    """Mix the colour channels at random and stretch the result over the whole range, picture by picture.

    Light and paint are lost, shapes stay. Without this a thing could be told from the place and the light
    alone wherever only one thing of that place occurs by that light among the training scenes.
    """
    mixed = torch.einsum("nij,njhw->nihw", torch.randn((len(pixels), 3, 3), generator=chance), pixels)
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
    return ((found.float() - wanted) / torch.tensor(SPREADS))[given].abs().mean()


def train(settings: Settings) -> tuple[Judge, list]:
    """Train a judge on drawn training scenes; returns it with its curve [step, fact loss, layout loss]."""
    torch.manual_seed(settings.seed)
    chance = torch.Generator().manual_seed(settings.seed)
    scenes = sample_scenes(settings.scenes, settings.seed, even=True)
    pictures = draw_all(scenes)
    labels, layouts = (torch.tensor(column) for column in zip(*map(targets_of, scenes), strict=True))
    judge = Judge().train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(judge.parameters(), weight_decay=settings.weight_decay)
    total = settings.epochs * (settings.scenes // settings.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total, pct_start=0.2)
    curve, sums, step = [], np.zeros(2), 0
    bar = tqdm(total=total, desc="training", unit=" steps", mininterval=2)
    for epoch in range(settings.epochs):
        order = np.random.default_rng([settings.seed, epoch]).permutation(settings.scenes)
        for first in range(0, settings.scenes - settings.batch_size + 1, settings.batch_size):
            chosen = order[first : first + settings.batch_size]
            batch = to_pixels(pictures[chosen]), labels[chosen], layouts[chosen]
            sums += train_step(judge, optimizer, *vary(*batch, settings.recolored_share, chance))
            schedule.step()
            bar.update()
            step += 1
            if step % 50 == 0 or step == total:
                curve.append([step, *map(rounded, sums / (step % 50 or 50))])
                sums = np.zeros(2)
                bar.set_postfix_str(f"loss {curve[-1][1]:.3f}, layout {curve[-1][2]:.3f}", refresh=False)
    bar.close()
    return judge.to(memory_format=torch.contiguous_format).eval(), curve


def train_step(judge: Judge, optimizer, pixels: Tensor, labels: Tensor, layouts: Tensor) -> tuple:
    """One update of both readers on one batch; returns their losses."""
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    with mixed_precision(pixels.device):
        losses = (
            fact_loss(judge.fact_reader(pixels), labels),
            layout_loss(judge.layout_reader(pixels), layouts),
        )
    sum(losses).backward()  # the readers share no weight, so neither loss reaches the other's
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return tuple(loss.item() for loss in losses)


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


CARD = """---
license: mit
library_name: pytorch
---

# The small world's judge

Two small convolutional networks ({parameters:,} parameters together) that read a 64x64 picture of the small
world. One reads the facts: place, time of day, thing (or nothing), its colour, and whether there are one,
two or three. The other reads the layout: how far down the land begins, mean position and mean width of the
things. They are here to measure pictures that the image model makes, so neither has ever seen such a
picture, nor one that went through an autoencoder; and the layout reader was never told a fact.

```python
from smallworld.judges import pictures as judge

reader = judge.load()
print(reader.read([picture])[0])  # Reading(place="city", time="sunset", thing="flying car", ...)
print(reader.layout([picture]))  # horizon, x, y, width in shares of the picture's side
```

## Data

{scenes:,} training scenes, drawn by `smallworld.world.drawing`; in every second one each thing is equally
likely. Combinations of place, time and thing that are held out for validation or test are not among them.
In training a picture is shifted by up to three pixels, blurred or sharpened, dimmed, tinted and given noise,
each mildly and by chance. In half of the pictures of a batch the colour channels are mixed at random, and
time and colour are not asked for: so a thing is told by its shape, not by what is common there and then.

## Training

Command: `{command}`: {epochs} epochs in batches of {batch_size}, {minutes:.1f} minutes on
{device}, drawing included; seed {seed}. AdamW, weight decay {weight_decay}, peak learning rate
{learning_rate}, one cycle. Losses: cross-entropy for the facts, mean absolute error for the layout. The
curve is in `training.json`. Versions: {versions}.

## Measured quality

On {test_scenes:,} drawn scenes of combinations held out for test; in brackets bootstrap 95 % intervals. How
well it reads reconstructions by the image model's autoencoder is in that model's card.

| fact | read right |
|---|---|
{table}

The layout reader explains this share of the variance (R^2) of the same scenes: {layout}.

## Limits

- It knows the small world alone. Shown anything else it still names a place, a time and a thing.
- It gives one thing and one colour. In a picture with two kinds of things it names the more striking one.
- It answers what a picture resembles most among drawn scenes, not whether it is well drawn.
- Colours close to each other under a coloured light (grey and white clouds at night) are where it errs most.

## Licence

The weights are under the MIT licence, like the code that made them.
"""


def card(record: dict) -> str:
    """The model card (Markdown) from the training record."""
    quality = record["quality"]
    rows = {"place": "place", "time": "time", "thing": "thing, or nothing", "color": "colour",
            "count": "number (1, 2, 3)", "several": "single or several"}  # fmt: skip
    table = [
        f"| {name} | {{share:.1%}} ({{low:.1%}} to {{high:.1%}}) |".format(**quality[key])
        for key, name in rows.items()
    ]
    layout = ", ".join(f"{name} {quality[f'layout_{name}_r2']:.3f}" for name in LAYOUT)
    return CARD.format(
        **record["settings"],
        **{key: record[key] for key in ("parameters", "minutes", "device", "command")},
        versions=", ".join(f"{name} {number}" for name, number in record["versions"].items()),
        table="\n".join(table),
        layout=layout,
    )


def training_record(judge: Judge, settings: Settings, seconds: float, curve: list, quality: dict) -> dict:
    """What is kept with the weights: settings, time, quality and the loss curve."""
    options = [f" --{name} {getattr(settings, name)}" for name in ("scenes", "epochs", "seed")
               if getattr(settings, name) != getattr(Settings(), name)]  # fmt: skip
    return {
        "settings": asdict(settings),
        "command": COMMAND + "".join(options),
        "parameters": sum(weight.numel() for weight in judge.parameters()),
        "minutes": round(seconds / 60, 1),
        "device": f"CPU, {torch.get_num_threads()} threads",
        "versions": {"torch": torch.__version__.split("+")[0]},
        "quality": quality,
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
    parser.add_argument("--output", type=Path, default=SHIPPED, help="folder (default: weights/judge)")
    chosen = parser.parse_args(arguments)
    if chosen.scenes < 8 * default.batch_size:  # the schedule needs a few steps for its way up and down
        parser.error(f"--scenes must be at least {8 * default.batch_size}, not {chosen.scenes}.")
    if chosen.epochs < 1:
        parser.error(f"--epochs must be at least 1, not {chosen.epochs}.")
    if chosen.seed < 0:
        parser.error(f"--seed must be at least 0, not {chosen.seed}.")
    if chosen.output.exists() and not chosen.output.is_dir():
        parser.error(f"--output {chosen.output} is a file: name a folder.")
    return chosen


def main(arguments: list[str] | None = None) -> None:
    """Train, measure on held-out scenes, and write the judge."""
    chosen = parse_arguments(arguments)
    settings = Settings(scenes=chosen.scenes, epochs=chosen.epochs, seed=chosen.seed)
    started = time.monotonic()
    judge, curve = train(settings)
    seconds = time.monotonic() - started
    scenes = sample_scenes(settings.test_scenes, settings.seed, "test")
    quality = measure(judge, scenes, draw_all(scenes))
    save(judge, chosen.output, training_record(judge, settings, seconds, curve, quality))
    print(json.dumps(quality, indent=1))
    print(f"finished: the judge is in {chosen.output}")


if __name__ == "__main__":
    main()
