"""Train the small world's image model: scenes, autoencoder, text encoder, UNet -> ``weights/image``.

    python -m smallworld.making.images                     # the full run: hours on two CPU cores
    python -m smallworld.making.images --only autoencoder  # its first stage
    python -m smallworld.making.images --start-from shipped --only diffusion    # train on

Everything is decided by the settings and the seed. The run can be stopped at any moment and goes on from
its last checkpoint when the same command is given again. Ctrl-C in the last stage exports what there is to
OUTPUT/model, and never in the place of the shipped model.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from smallworld import ROOT, WEIGHTS
from smallworld.making import image_model
from smallworld.making.image_stages import (
    AutoencoderStage,
    DiffusionStage,
    Latents,
    Pictures,
    Settings,
    TextStage,
    standardise,
    to_pixels,
    train,
)
from smallworld.making.training import (
    TrainingError,
    add_run_options,
    check_run_options,
    deliver,
    fingerprint,
    mixed_precision,
    new_folder,
    prepare_output,
    replace_folder,
    require_room,
    require_start,
    settle_device,
)
from smallworld.world.captions import caption
from smallworld.world.drawing import draw
from smallworld.world.scenes import SIZE, Scene, sample_scene
from smallworld.world.shapes import random_picture
from smallworld.world.vocabulary import PLACES, SKY_THINGS

SHIPPED = WEIGHTS / "image"
DEFAULT_OUTPUT = ROOT / "build" / "train-images"
STAGES = ("autoencoder", "diffusion")
LOOK_EVERY = 1_000
THINGS = ("", *SKY_THINGS, *dict.fromkeys(thing for place in PLACES.values() for thing in place.things))


# ------------------------------------------------------------------ data
@lru_cache(maxsize=1)
def training_scenes(count: int, seed: int) -> list[Scene]:
    """The scenes that the model is trained on: of the training combinations alone.

    In every second one each thing is as likely as any other; the others take each combination alike, so that
    things that many places have come more often.
    """
    rng = random.Random(f"images {seed}")
    evenly = [rng.choice(THINGS) if number % 2 else None for number in range(count)]
    return [sample_scene(rng, "train", **({} if one is None else {"thing": one})) for one in evenly]


def prepare_pictures(settings: Settings, folder: Path) -> Pictures:
    """Draw the training scenes and shapes once; later calls read them from ``folder``."""
    shape = (settings.scenes, settings.shapes, settings.seed)
    mark = fingerprint(("vocabulary", "scenes", "drawing", "shapes"), shape)
    facts = training_scenes(settings.scenes, settings.seed)
    rng = random.Random(f"shapes {settings.seed}")
    parts = {
        "scenes": (settings.scenes, (draw(scene) for scene in facts)),
        "shapes": (settings.shapes, (random_picture(rng, "train") for _ in range(settings.shapes))),
    }
    cache = folder / f"pictures-{mark}"
    if not cache.exists():
        require_room(folder, 2 * SIZE * SIZE * 3 * (settings.scenes + settings.shapes) + (300 << 20))
        unfinished = new_folder(cache)
        for name, (count, pictures) in parts.items():
            _store(unfinished / f"{name}.npy", count, pictures, f"drawing {name}")
        os.replace(unfinished, cache)
    arrays = {name: np.load(cache / f"{name}.npy", mmap_mode="r") for name in parts}
    return Pictures(facts, **arrays, fingerprint=mark)


def _store(path: Path, count: int, pictures: Iterator, what: str) -> None:
    """Write pictures to a uint8 array (count, 64, 64, 3) on disk."""
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (count, SIZE, SIZE, 3))
    for number, picture in enumerate(tqdm(pictures, total=count, desc=what, unit=" pictures", mininterval=2)):
        array[number] = np.asarray(picture)
    array.flush()


@torch.no_grad()
def prepare_latents(settings: Settings, folder: Path, vae, pictures: Pictures, device) -> Latents:
    """What the finished autoencoder says of every training scene, computed once and kept in ``folder``."""
    weights = torch.cat([weight.detach().flatten().cpu() for weight in vae.parameters()])
    mark = fingerprint(
        ("captions", "grammar", "patterns"), (pictures.fingerprint, weights.double().sum().item())
    )
    cache = folder / f"latents-{mark}"
    if not cache.exists():
        unfinished = new_folder(cache)
        side, count = SIZE // image_model.FACTOR, settings.scenes
        shape = (count, settings.latent_channels, side, side)
        means, stds = np.empty(shape, np.float16), np.empty(shape, np.float16)
        for first in tqdm(range(0, count, 64), desc="encoding", unit=" batches", mininterval=2):
            part = slice(first, first + 64)
            with mixed_precision(device):
                found = vae.encode(to_pixels(pictures.scenes[part]).to(device)).latent_dist
            means[part], stds[part] = found.mean.float().cpu(), found.std.float().cpu()
        np.save(unfinished / "means.npy", means)
        np.save(unfinished / "stds.npy", stds)
        for stale in folder.glob("latents-*"):
            shutil.rmtree(stale)
        os.replace(unfinished, cache)
    means, stds = (np.load(cache / f"{name}.npy") for name in ("means", "stds"))
    return Latents(pictures.facts, means, stds, mark)


@torch.no_grad()
def latent_statistics(vae, pictures: np.ndarray, device) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of each latent channel over pictures: two tensors (channels,)."""
    rows = [
        vae.encode(to_pixels(pictures[first : first + 64]).to(device)).latent_dist.mode()
        for first in range(0, len(pictures), 64)
    ]
    latents = torch.cat(rows)
    return latents.mean((0, 2, 3)), latents.std((0, 2, 3))


def learn_tokenizer(settings: Settings):
    """The tokenizer, learnt from captions of training scenes."""
    rng = random.Random(f"tokens {settings.seed}")
    facts = training_scenes(settings.scenes, settings.seed)
    return image_model.train_tokenizer(caption(scene, rng).lower() for scene in facts[:20_000])


# ------------------------------------------------------------------ the run
def start_folder(settings: Settings) -> Path:
    """The folder of the model that training starts from ("shipped": the one in this repository)."""
    return SHIPPED if settings.start_from == "shipped" else Path(settings.start_from)


def starts_whole(settings: Settings) -> bool:
    """Whether the model that training starts from has all its parts."""
    return bool(settings.start_from) and (start_folder(settings) / "model_index.json").exists()


def build_parts(settings: Settings) -> dict:
    """Fresh vae, text encoder, tokenizer and UNet, or those of the model that training starts from.

    Where that model has finished its first stage only, it gives the vae.
    """
    torch.manual_seed(settings.seed)
    folder = start_folder(settings)
    if starts_whole(settings):
        from smallworld.making.image_pipeline import load_pipeline

        pipe = load_pipeline(folder)
        return {name: getattr(pipe, name) for name in ("vae", "text_encoder", "tokenizer", "unet")}
    tokenizer = learn_tokenizer(settings)
    vae = image_model.build_vae(latent_channels=settings.latent_channels)
    vae = image_model.load_vae(folder) if settings.start_from else vae
    return {
        "vae": vae,
        "text_encoder": image_model.build_text_encoder(tokenizer),
        "tokenizer": tokenizer,
        "unet": image_model.build_unet(latent_channels=settings.latent_channels),
    }


def train_autoencoder(settings: Settings, folder: Path, vae, pictures: Pictures, device) -> AutoencoderStage:
    """The first stage, from wherever it stands; afterwards the latents have mean 0 and spread 1."""
    stage = AutoencoderStage(settings, folder, vae, pictures, device)
    train_to_the_end(stage)
    vae.eval()
    standardise(vae, *latent_statistics(vae, pictures.scenes[:4096], device))
    return stage


def train_to_the_end(stage) -> None:
    """Train a stage that the next one needs whole: TrainingError where it was stopped."""
    train(stage, LOOK_EVERY)
    if stage.stopped:
        raise TrainingError(
            f"stopped at step {stage.step} of {stage.total}: the same command goes on from there."
        )


def train_diffusion(
    settings: Settings, folder: Path, parts: dict, latents: Latents, device
) -> DiffusionStage:
    """The second stage, from wherever it stands; afterwards the parts hold the averaged weights."""
    parts = parts | {"scheduler": image_model.build_scheduler()}
    stage = DiffusionStage(settings, folder, parts, latents, device)
    train(stage, LOOK_EVERY)
    for name, average in stage.averages.items():
        average.copy_to(parts[name].parameters())
    if stage.stopped:
        print(f"stopped at step {stage.step} of {stage.total}: the same command goes on from there")
    return stage


def run(settings: Settings, folder: Path, only: str = "", device: str = "cpu") -> dict:
    """All stages, or the one named: the parts, and the record of how they were made."""
    folder.mkdir(parents=True, exist_ok=True)
    where = torch.device(device)
    pictures, parts = prepare_pictures(settings, folder), build_parts(settings)
    parts["vae"].to(where)
    stages, earlier = [], earlier_runs(settings)
    if only != "diffusion":
        stages.append(train_autoencoder(settings, folder, parts["vae"], pictures, where))
    elif not settings.start_from:
        raise TrainingError(
            "--only diffusion needs an autoencoder: add --start-from shipped, or leave it out."
        )
    if only != "autoencoder":
        parts["vae"].eval()
        if not starts_whole(settings):
            stages.append(TextStage(settings, folder, parts, pictures, where))
            train_to_the_end(stages[-1])
        latents = prepare_latents(settings, folder, parts["vae"], pictures, where)
        stages.append(train_diffusion(settings, folder, parts, latents, where))
    record = training_record(settings, stages, parts, earlier)
    return {"parts": parts, "record": record, "finished": not any(stage.stopped for stage in stages)}


def earlier_runs(settings: Settings) -> list[dict]:
    """The stages that the model training starts from has behind it."""
    path = start_folder(settings) / "training.json"
    if not settings.start_from or not path.is_file():
        return []
    return json.loads(path.read_text(encoding="utf-8"))["stages"]


def training_record(settings: Settings, stages: Sequence, parts: dict, earlier: list[dict]) -> dict:
    """What is kept with the weights: settings, and of every stage its steps, time and curve."""
    import diffusers
    import transformers

    made = [
        {
            "stage": stage.name,
            "steps": stage.step,
            "minutes": round(stage.seconds / 60, 1),
            "device": "GPU" if stage.device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads",
            "started_from": "the weights before" if settings.start_from else "nothing",
            "settings": {k: v for k, v in asdict(settings).items() if k != "start_from"},
            "curve": stage.curve,
        }
        for stage in stages
    ]
    libraries = {"torch": torch, "diffusers": diffusers, "transformers": transformers}
    return {
        "settings": asdict(replace(settings, start_from=Path(settings.start_from).name)),
        "positions": parts["tokenizer"].model_max_length,
        "parameters": {k: image_model.parameters_of(v) for k, v in parts.items() if k != "tokenizer"},
        "versions": {name: library.__version__.split("+")[0] for name, library in libraries.items()},
        "stages": earlier + made,
    }


def export(parts: dict, record: dict, folder: Path) -> None:
    """Write pipeline (float16 safetensors), record and model card to ``folder``, all or nothing.

    After the first stage alone there is no pipeline yet: then the autoencoder is written.
    """
    from smallworld.making.cards.image import part_of
    from smallworld.making.cards.writer import write_card

    new = new_folder(folder)
    half = {name: part if name == "tokenizer" else _half_copy(part) for name, part in parts.items()}
    if any(made["stage"] == "diffusion" for made in record["stages"]):
        image_model.build_pipeline(**half).save_pretrained(new, safe_serialization=True)
    else:
        half["vae"].save_pretrained(new / "vae")
    for path in new.rglob("*.safetensors"):
        path.chmod(0o644)
    for path in (*new.rglob("config.json"), *new.glob("model_index.json")):
        config = json.loads(path.read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)  # where the weights before were read from
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (new / "training.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
    write_card(new, part_of(record))
    replace_folder(new, folder)


def _half_copy(module):
    """The module in float16; the original is left as it is."""
    import copy

    return copy.deepcopy(module).cpu().half().eval()


# ------------------------------------------------------------------ command line
def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; a wrong value ends with one sentence."""
    parser = argparse.ArgumentParser(
        prog="smallworld.making.images", description=__doc__.splitlines()[0]
    )
    for setting in fields(Settings):
        if setting.name != "start_from":
            name, value = f"--{setting.name.replace('_', '-')}", setting.default
            parser.add_argument(name, type=type(value), default=value, help=f"default: {value}")
    parser.add_argument("--only", default="", choices=("", *STAGES), help="one stage")
    add_run_options(parser, DEFAULT_OUTPUT, "image")
    chosen = parser.parse_args(arguments)
    counts = [
        f"{stage}_{what}" for stage in ("autoencoder", "text", "diffusion") for what in ("steps", "batch")
    ]
    check_run_options(parser, chosen, ("scenes", *counts))
    return chosen


def settings_from(chosen: argparse.Namespace) -> Settings:
    """The command line as ``Settings``; a missing ``--start-from`` folder is a TrainingError."""
    settings = Settings(**{setting.name: getattr(chosen, setting.name) for setting in fields(Settings)})
    require_start(settings.start_from, start_folder(settings), "vae/config.json", "model_index.json")
    return settings


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on training), export to OUTPUT/model and, for a full run, to ``weights/image``."""
    chosen = parse_arguments(arguments)
    device = settle_device(chosen)
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging

    logging.disable_progress_bar()
    diffusers_logging.disable_progress_bar()
    try:
        settings = settings_from(chosen)
        prepare_output(chosen.output, chosen.fresh, chosen.resume)
        made = run(settings, chosen.output, chosen.only, device)
    except TrainingError as problem:
        raise SystemExit(f"train_images: {problem}") from None
    full = settings == Settings() and not chosen.only
    ship = made["finished"] and (full if chosen.ship is None else chosen.ship)  # never a run broken off
    deliver(lambda folder: export(made["parts"], made["record"], folder), chosen.output, SHIPPED, ship)


if __name__ == "__main__":
    main()
