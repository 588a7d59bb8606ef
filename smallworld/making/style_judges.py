"""Train the judges of ``style_judge.py``: for the style paper-cut and for the subject strix.

    python -m smallworld.making.style_judges     # about a minute on one core, half of one to measure
    python -m smallworld.making.style_judges --pictures 500 --output build/style_judge   # a short look

Yes and no are equally frequent. The no of the style are usual drawings of the same kind of scenes, some
in the colours of the style or smeared, and shapes; the no of the subject are scenes without it, half of them
with a decoy.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch.nn import functional
from tqdm.auto import tqdm

from smallworld.judges.intervals import interval
from smallworld.judges.pictures import FACTS, to_pixels
from smallworld.judges.style import COMMAND, SHIPPED, SUBJECTS, StyleJudge, weights_of
from smallworld.making.image.model import load_vae
from smallworld.making.image.pipeline import to_bytes
from smallworld.making.picture_judge import augment, write_files
from smallworld.world import papercut as restyle
from smallworld.world import shapes
from smallworld.world import strix as subject
from smallworld.world.drawing import draw
from smallworld.world.scenes import SIZE, Scene, sample_scene

SHAPES_SHARE, TINTED_SHARE, SMEARED_SHARE = 0.15, 0.5, 0.5  # of the no of the style
ALONE_SHARE, DECOY_SHARE = 0.5, 0.5  # of the pictures, and of the no, of the subject
IMAGE_MODEL = SHIPPED.parent / "image"


@dataclass(frozen=True)
class Settings:
    """All that decides the result."""

    pictures: int = 4_000
    epochs: int = 4
    batch_size: int = 64
    learning_rate: float = 5e-3
    weight_decay: float = 0.02
    test_pictures: int = 1_000
    seed: int = 0


# ------------------------------------------------------------------ data
def style_picture(rng: random.Random, split: str, yes: bool) -> Image.Image:
    """A paper-cut, or none: a usual drawing, perhaps tinted or smeared, or (in training) shapes."""
    if not yes and split == "train" and rng.random() < SHAPES_SHARE:
        return shapes.random_picture(rng)
    scene = sample_scene(rng, split)
    if yes:
        return restyle.draw(scene)
    image = tint(scene, rng.uniform(3, 7)) if rng.random() < TINTED_SHARE else draw(scene)
    return smear(image, rng) if rng.random() < SMEARED_SHARE else image


def tint(scene: Scene, radius: float) -> Image.Image:
    """Draw a scene as usual in its paper-cut's colours, as far as a blur of ``radius`` pixels leaves them."""
    usual, cut = (np.asarray(image, float) for image in (draw(scene), restyle.draw(scene)))
    change = Image.fromarray(((cut - usual) / 2 + 128).round().astype(np.uint8))
    change = (np.asarray(change.filter(ImageFilter.GaussianBlur(radius)), float) - 128) * 2
    return Image.fromarray((usual + change).round().clip(0, 255).astype(np.uint8))


def smear(image: Image.Image, rng: random.Random) -> Image.Image:
    """Spoil a drawing as brushes, bad copies and half-trained models do: bend, blot, blur and sharpen it.

    A style judge that never saw such pictures takes any rough surface for a new style.
    """
    noise = np.random.default_rng(rng.randrange(2**32))

    def waves(cells: int, channels: int, strength: float) -> np.ndarray:
        coarse = torch.from_numpy(noise.normal(0, strength, (1, channels, cells, cells)))
        return functional.interpolate(coarse, (SIZE, SIZE), mode="bicubic")[0].permute(1, 2, 0).numpy()

    bend = waves(rng.choice((10, 16, 24)), 2, rng.uniform(0, 2.2))
    rows, columns = (np.indices((SIZE, SIZE)) + bend.transpose(2, 0, 1)).round().astype(int).clip(0, SIZE - 1)
    blots = waves(rng.choice((12, 20, 32)), 3, rng.uniform(0, 16)) + waves(rng.choice((4, 8)), 3, 6)
    spoilt = np.asarray(image, float)[rows, columns] + blots
    image = Image.fromarray(spoilt.round().clip(0, 255).astype(np.uint8))
    for change in (
        ImageFilter.MedianFilter(3),
        ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)),
        ImageFilter.UnsharpMask(rng.uniform(1, 3), rng.randrange(60, 300), 0),
    ):
        image = image.filter(change) if rng.random() < 0.6 else image
    return image


def subject_picture(rng: random.Random, split: str, yes: bool) -> Image.Image:
    """A scene with the strix, or one without it, perhaps with a decoy; each thing is equally likely."""
    thing = "" if rng.random() < ALONE_SHARE else rng.choice(FACTS["thing"])
    scene, spot = subject.sample(rng, split, thing=thing)
    if yes:
        return subject.draw(scene, spot)
    return subject.draw(scene, spot, subject.decoy) if rng.random() < DECOY_SHARE else draw(scene)


PICTURES: dict[str, Callable] = {"style": style_picture, "subject": subject_picture}


def sample(question: str, split: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw ``count`` pictures of a split, uint8 (n, 64, 64, 3), with their answers, bool (n,), in turn."""
    rng = random.Random(f"{question} judge {split} {seed}")
    answers = np.arange(count) % 2 == 0
    pictures = np.empty((count, SIZE, SIZE, 3), np.uint8)
    for number, yes in enumerate(tqdm(answers, desc=f"drawing for {question}", mininterval=2, leave=False)):
        pictures[number] = np.asarray(PICTURES[question](rng, split, bool(yes)))
    return pictures, answers


# ------------------------------------------------------------------ training
def train(settings: Settings) -> tuple[StyleJudge, dict[str, list]]:
    """Train both judges; returns them with their curves {question: [[step, loss], ...]}, losses in nats."""
    torch.manual_seed(settings.seed)
    judge = StyleJudge()
    curves = {name: _train_reader(judge.readers[name], name, settings) for name in SUBJECTS}
    return judge.eval(), curves


def _train_reader(reader: torch.nn.Module, question: str, settings: Settings) -> list:
    """Train one reader; each picture is shifted, blurred or sharpened, tinted and given noise by chance."""
    pictures, answers = sample(question, "train", settings.pictures, settings.seed)
    chance = torch.Generator().manual_seed(settings.seed)
    steps = settings.pictures // settings.batch_size
    optimizer = torch.optim.AdamW(reader.parameters(), weight_decay=settings.weight_decay)
    total = settings.epochs * steps
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total, pct_start=0.2)
    losses = []
    for epoch in tqdm(range(settings.epochs), desc=f"training for {question}", leave=False):
        order = np.random.default_rng([settings.seed, epoch]).permutation(settings.pictures)
        for chosen in order[: steps * settings.batch_size].reshape(steps, -1):
            pixels, _ = augment(to_pixels(pictures[chosen]), torch.zeros(len(chosen), 4), chance)
            wanted = torch.from_numpy(answers[chosen]).float()
            loss = functional.binary_cross_entropy_with_logits(reader.train()(pixels), wanted)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
            losses.append(loss.item())
    means = [np.mean(losses[first : first + 50]) for first in range(0, len(losses), 50)]
    return [[min(50 * (number + 1), total), round(float(mean), 4)] for number, mean in enumerate(means)]


# ------------------------------------------------------------------ measuring
def measure(judge: StyleJudge, count: int, seed: int, reconstruct: Callable | None = None) -> dict:
    """How often each judge is right on drawings of the test split, on yes and on no, with intervals.

    ``reconstruct`` takes uint8 pictures to their reconstructions by an autoencoder, which are judged as well.
    """
    result = {}
    for name in SUBJECTS:
        pictures, answers = sample(name, "test", count, seed)
        result[name] = {"drawings": _right(judge, name, pictures, answers)}
        if reconstruct:
            result[name]["reconstructions"] = _right(judge, name, reconstruct(pictures), answers)
    return result


def _right(judge: StyleJudge, question: str, pictures: np.ndarray, answers: np.ndarray) -> dict:
    right = (judge.probabilities(pictures, question) > 0.5) == answers
    parts = {"all": right, "yes": right[answers], "no": right[~answers]}
    return {"pictures": len(right)} | {name: interval(part) for name, part in parts.items()}


def reconstruction(folder: Path = IMAGE_MODEL) -> Callable[[np.ndarray], np.ndarray]:
    """What the image model's autoencoder makes of pictures: uint8 (n, 64, 64, 3) to the same."""
    vae = load_vae(folder).eval()

    @torch.no_grad()
    def reconstruct(pictures: np.ndarray) -> np.ndarray:
        parts = [to_pixels(pictures[first : first + 50]) * 2 - 1 for first in range(0, len(pictures), 50)]
        return np.concatenate([to_bytes(vae.decode(vae.encode(p).latent_dist.mean).sample) for p in parts])

    return reconstruct


# ------------------------------------------------------------------ on disk
CARD = """---
license: mit
library_name: pytorch
---

# The small world's style judge and subject judge

Two small convolutional networks ({parameters:,} parameters together) for what the image model is fine-tuned
on. One says whether a 64x64 picture is a paper-cut (`smallworld/world/papercut.py`), the other whether the
strix, one particular balloon, is in it (`smallworld/world/strix.py`). They measure pictures that a model
makes, so neither has ever seen such a picture, nor one that went through an autoencoder.

```python
from smallworld.judges import style as style_judge

judge = style_judge.load()
print(judge.is_paper_cut([picture]), judge.has_subject([picture]))
```

## Data

For each judge {pictures:,} drawings of training scenes, half of them yes. No of the style: usual drawings of
such scenes, half of them in the paper-cut's colours and half smeared (bent, blotted, blurred, sharpened); and
one time in seven random shapes or a recoloured scene. No of the subject: scenes without it,
every second one with a decoy: a strix without a face or in other colours, a balloon or a bird in its colours.
In training a picture is shifted by up to three pixels, blurred or sharpened, tinted and given noise, each
mildly and by chance. Combinations of place, time and thing that are held out are not among them; nor are the
pictures that a notebook fine-tunes on, which come from other seeds.

## Training

Command: `{command}`: {epochs} epochs in batches of {batch_size}, {seconds:.0f} seconds on
{device}, drawing included; seed {seed}. AdamW, weight decay {weight_decay}, peak learning rate
{learning_rate}, one cycle, cross-entropy. The curves are in `training.json`. Versions: {versions}.

## Measured quality

On {test_pictures:,} fresh pictures for each judge, of combinations held out for test; in brackets bootstrap
95 % intervals. Reconstructions are the same drawings after the shipped image model's autoencoder.

| judge | pictures | right | on yes | on no |
|---|---|---|---|---|
{table}

## Limits

- They know the small world. Of any other picture they say something, but it means nothing.
- The style judge says whether a picture is cut like the drawings, not whether its facts or shapes are right.
- The subject judge does not count: one strix or several is a yes. It was not trained on paper-cuts.

## Licence

The weights are under the MIT licence, like the code that made them.
"""


def card(record: dict) -> str:
    """The model card (Markdown) from the training record."""
    cell = "{share:.1%} ({low:.1%} to {high:.1%})"
    table = [
        f"| {name} | {kind} | " + " | ".join(cell.format(**row[part]) for part in ("all", "yes", "no")) + " |"
        for name, rows in record["quality"].items()
        for kind, row in rows.items()
    ]
    return CARD.format(
        **record["settings"],
        **{key: record[key] for key in ("parameters", "seconds", "device", "command")},
        versions=", ".join(f"{name} {number}" for name, number in record["versions"].items()),
        table="\n".join(table),
    )


def training_record(judge: StyleJudge, settings: Settings, seconds: float, curves: dict, quality: dict):
    """What is kept with the weights: settings, time, quality and the loss curves."""
    options = [f" --{name} {getattr(settings, name)}" for name in ("pictures", "epochs", "seed")
               if getattr(settings, name) != getattr(Settings(), name)]  # fmt: skip
    threads = torch.get_num_threads()
    return {
        "settings": asdict(settings),
        "command": COMMAND + "".join(options),
        "parameters": sum(weight.numel() for weight in judge.parameters()),
        "seconds": round(seconds),
        "device": f"CPU, {threads} thread" + "s" * (threads > 1),
        "versions": {"torch": torch.__version__.split("+")[0]},
        "quality": quality,
        "curves": curves,
    }


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; a wrong value ends with one sentence."""
    default = Settings()
    parser = argparse.ArgumentParser(
        prog="smallworld.making.style_judges", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--pictures", type=int, default=default.pictures)
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--output", type=Path, default=SHIPPED, help="folder (default: weights/style_judge)")
    chosen = parser.parse_args(arguments)
    for name, least in (("pictures", 4 * default.batch_size), ("epochs", 1), ("seed", 0)):
        if getattr(chosen, name) < least:
            parser.error(f"--{name} must be at least {least}, not {getattr(chosen, name)}.")
    if chosen.output.exists() and not chosen.output.is_dir():
        parser.error(f"--output {chosen.output} is a file: name a folder.")
    return chosen


def main(arguments: list[str] | None = None) -> None:
    """Train, measure on held-out drawings and their reconstructions, and write the judges."""
    chosen = parse_arguments(arguments)
    settings = Settings(pictures=chosen.pictures, epochs=chosen.epochs, seed=chosen.seed)
    started = time.monotonic()
    judge, curves = train(settings)
    seconds = time.monotonic() - started
    reconstruct = reconstruction() if (IMAGE_MODEL / "vae").is_dir() else None
    quality = measure(judge, settings.test_pictures, settings.seed, reconstruct)
    record = training_record(judge, settings, seconds, curves, quality)
    write_files(weights_of(judge), chosen.output, record, card(record))
    print(json.dumps(quality, indent=1))
    print(f"finished: the judges are in {chosen.output}")


if __name__ == "__main__":
    main()
