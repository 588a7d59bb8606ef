"""Train the small world's image model: scenes, autoencoder, text encoder, UNet -> ``weights/image``.

    python -m smallworld.making.images                     # the full run: hours on two CPU cores
    python -m smallworld.making.images --only autoencoder  # its first stage
    python -m smallworld.making.images --start-from shipped --only diffusion    # train on
    python -m smallworld.making.images --minutes 12        # end after 12 minutes, wherever it is then

Everything is decided by the settings and the seed. The run can be stopped at any moment and goes on from
its last checkpoint when the same command is given again. Ctrl-C in the last stage exports what there is to
OUTPUT/model, and never in the place of the shipped model.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from smallworld import ROOT, WEIGHTS
from smallworld.making.image import model as image_model
from smallworld.making.image.autoencoder import AutoencoderStage, latent_statistics, standardise
from smallworld.making.image.data import (
    Pictures,
    Wordings,
    learn_tokenizer,
    prepare_latents,
    prepare_pictures,
    prepare_wordings,
)
from smallworld.making.image.diffusion import DiffusionStage
from smallworld.making.image.export import Keeper, earlier_runs, export, training_record
from smallworld.making.image.looks import look_at_autoencoder, look_at_diffusion, look_at_text
from smallworld.making.image.pipeline import load_pipeline
from smallworld.making.image.settings import Settings
from smallworld.making.image.stage import Stage, train
from smallworld.making.image.text_encoder import TextStage
from smallworld.making.models import ModelError
from smallworld.making.training import (
    TrainingError,
    add_run_options,
    add_settings,
    check_run_options,
    deliver,
    prepare_output,
    require_start,
    settings_from,
    settle_device,
    start_folder,
)

SHIPPED = WEIGHTS / "image"
DEFAULT_OUTPUT = ROOT / "build" / "train-images"
STAGES = ("autoencoder", "diffusion")
# Pictures, captions or latents a second in training, as measured on two CPU cores and on one H100.
SPEEDS = {"autoencoder": {"cpu": 100, "cuda": 700}, "text": {"cpu": 600, "cuda": 8_000},
          "diffusion": {"cpu": 100, "cuda": 10_000}}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """How a run goes, apart from what decides its result.

    ``only``: one of ``STAGES`` or "" for all; ``deadline``: when to end, on ``time.monotonic``'s clock, or
    None; ``autoencoder_seconds``: how long its training may take, or None; ``keep_at``: shares of the
    diffusion stage at which averaged weights are kept; ``compiled``: by torch.compile.
    """

    only: str = ""
    device: str = "cpu"
    deadline: float | None = None
    autoencoder_seconds: float | None = None
    look_every: int = 1_000
    keep_at: tuple[float, ...] = ()
    compiled: bool = False


# ------------------------------------------------------------------ parts
def begun_from(settings: Settings) -> Path:
    """The folder of the model that training starts from."""
    return start_folder(settings.start_from, SHIPPED)


def starts_whole(settings: Settings) -> bool:
    """Whether the model that training starts from has all its parts."""
    return bool(settings.start_from) and (begun_from(settings) / "model_index.json").exists()


def build_parts(settings: Settings) -> dict:
    """Fresh vae, text encoder, tokenizer and UNet, or those of the model that training starts from.

    Where that model has finished its first stage only, it gives the vae.
    """
    torch.manual_seed(settings.seed)
    folder = begun_from(settings)
    if starts_whole(settings):
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


# ------------------------------------------------------------------ the run
def train_autoencoder(
    settings: Settings, folder: Path, vae: torch.nn.Module, pictures: Pictures, how: Run
) -> AutoencoderStage:
    """The first stage, from wherever it stands; afterwards the latents have mean 0 and spread 1."""
    device = torch.device(how.device)
    stage = AutoencoderStage(settings, folder, vae, pictures, device)
    stage.limit = how.autoencoder_seconds
    train_to_the_end(stage, look_at_autoencoder, how)
    vae.eval()
    standardise(vae, *latent_statistics(vae, pictures.scenes[:4096], device))
    return stage


def train_to_the_end(stage: Stage, look: Callable[[Stage], dict[str, float]], how: Run) -> None:
    """Train a stage that the next one needs whole: TrainingError where it was stopped."""
    train(stage, look, how.look_every)
    if stage.stopped:
        raise TrainingError(
            f"stopped at step {stage.step} of {stage.total}: the same command goes on from there."
        )


def train_diffusion(stage: DiffusionStage, how: Run) -> None:
    """The last stage, from wherever it stands; afterwards the parts hold the averaged weights."""
    if how.deadline is not None:
        stage.limit = stage.seconds + max(1.0, how.deadline - time.monotonic())
    train(stage, look_at_diffusion, how.look_every, after_step=Keeper(how.keep_at))
    stage.take_averages()
    if stage.stopped:
        print(f"stopped at step {stage.step} of {stage.total}: the same command goes on from there")


def run(settings: Settings, folder: Path, how: Run | None = None) -> dict:
    """All stages, or the one named: the parts, and the record of how they were made."""
    how = how or Run()
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.device(how.device)
    if how.only == "diffusion" and not settings.start_from:
        raise TrainingError(
            "--only diffusion needs an autoencoder: add --start-from shipped, or leave it out."
        )
    pictures, parts = prepare_pictures(settings, folder), build_parts(settings)
    parts["vae"].to(device)
    stages: list[Stage] = []
    with ThreadPoolExecutor(1) as beside:  # captions are worded while the autoencoder is trained
        if how.only != "autoencoder":
            wordings = beside.submit(prepare_wordings, settings, folder, parts["tokenizer"], pictures)
        if how.only != "diffusion":
            stages.append(train_autoencoder(settings, folder, parts["vae"], pictures, how))
    if how.only != "autoencoder":
        stages += train_after_autoencoder(settings, folder, parts, pictures, wordings.result(), how)
    earlier = earlier_runs(begun_from(settings)) if settings.start_from else []
    record = training_record(settings, stages, parts, earlier)
    return {"parts": parts, "record": record, "finished": not any(stage.stopped for stage in stages)}


def train_after_autoencoder(
    settings: Settings, folder: Path, parts: dict, pictures: Pictures, wordings: Wordings, how: Run
) -> list[Stage]:
    """The text encoder where it is new, then the UNet with it."""
    device = torch.device(how.device)
    parts["vae"].eval()
    latents = prepare_latents(settings, folder, parts["vae"], pictures, device)
    stages: list[Stage] = []
    if not starts_whole(settings):
        stages.append(TextStage(settings, folder, parts, pictures, device))
        train_to_the_end(stages[-1], look_at_text, how)
    given = parts | {"scheduler": image_model.build_scheduler()}
    stage = DiffusionStage(settings, folder, given, latents, wordings, device, how.compiled)
    train_diffusion(stage, how)
    return [*stages, stage]


# ------------------------------------------------------------------ command line
def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; a wrong value ends with one sentence."""
    parser = argparse.ArgumentParser(prog="smallworld.making.images", description=__doc__.splitlines()[0])
    add_settings(parser, Settings)
    parser.add_argument("--only", default="", choices=("", *STAGES), help="one stage")
    parser.add_argument(
        "--minutes", type=float, help="end the last stage so many minutes after the command's start"
    )
    parser.add_argument("--autoencoder-minutes", type=float, help="end the first stage after so many minutes")
    parser.add_argument("--look-every", type=int, default=1_000, help="steps between two looks: default 1000")
    parser.add_argument(
        "--keep-at", type=float, nargs="+", default=[], help="keep averaged weights at these shares (0 to 1)"
    )
    parser.add_argument("--compile", action="store_true", help="make the UNet faster by torch.compile")
    add_run_options(parser, DEFAULT_OUTPUT, "image")
    chosen = parser.parse_args(arguments)
    counts = [f"{stage}_{what}" for stage in SPEEDS for what in ("steps", "batch")]
    check_run_options(parser, chosen, ("scenes", "wordings", "look_every", *counts))
    for name in ("minutes", "autoencoder_minutes"):
        if getattr(chosen, name) is not None and not getattr(chosen, name) > 0:
            parser.error(f"--{name.replace('_', '-')} must be above 0, not {getattr(chosen, name):g}.")
    if chosen.diffusion_batch > chosen.scenes:
        parser.error(f"--diffusion-batch must be at most --scenes, {chosen.scenes}.")
    return chosen


def run_from(chosen: argparse.Namespace, started: float) -> Run:
    """The command line as ``Run``; ``started``: when the command began, on ``time.monotonic``'s clock."""
    first, whole = chosen.autoencoder_minutes, chosen.minutes
    return Run(
        only=chosen.only,
        device=settle_device(chosen),
        deadline=None if whole is None else started + 60 * whole,
        autoencoder_seconds=None if first is None else 60 * first,
        look_every=chosen.look_every,
        keep_at=tuple(chosen.keep_at),
        compiled=chosen.compile,
    )


def expected_time(settings: Settings, stages: Sequence[str]) -> str:
    """How long all steps of the stages take, on two CPU cores and on a GPU, as a sentence."""
    minutes = {}
    for device in ("cpu", "cuda"):
        seconds = [
            getattr(settings, f"{stage}_steps") * getattr(settings, f"{stage}_batch") / SPEEDS[stage][device]
            for stage in stages
        ]
        minutes[device] = sum(seconds) / 60
    return (
        f"{', '.join(stages)}: about {minutes['cpu'] / 60:.1f} hours on two CPU cores or "
        f"{minutes['cuda']:.0f} minutes on a large GPU, and a few minutes for the data"
    )


def stages_of(settings: Settings, only: str) -> list[str]:
    """Which stages a run trains."""
    after = [*([] if starts_whole(settings) else ["text"]), "diffusion"]
    return {"": ["autoencoder", *after], "autoencoder": ["autoencoder"], "diffusion": after}[only]


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on training), export to OUTPUT/model and, for a full run, to ``weights/image``."""
    started = time.monotonic()
    chosen = parse_arguments(arguments)
    how = run_from(chosen, started)
    transformers_logging.disable_progress_bar()
    diffusers_logging.disable_progress_bar()
    try:
        settings = settings_from(chosen, Settings)
        require_start(settings.start_from, begun_from(settings), "vae/config.json", "model_index.json")
        prepare_output(chosen.output, chosen.fresh, chosen.resume)
        print(expected_time(settings, stages_of(settings, how.only)), flush=True)
        if chosen.minutes:
            print(f"the last stage ends {chosen.minutes:g} minutes after the beginning, if not before")
        made = run(settings, chosen.output, how)
    except (ModelError, TrainingError) as problem:
        raise SystemExit(f"train_images: {problem}") from None
    full = settings == Settings() and not any((chosen.only, chosen.minutes, chosen.autoencoder_minutes))
    ship = made["finished"] and (full if chosen.ship is None else chosen.ship)  # never a run broken off
    deliver(lambda folder: export(made["parts"], made["record"], folder), chosen.output, SHIPPED, ship)


if __name__ == "__main__":
    main()
