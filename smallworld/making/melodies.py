"""Train the small world's melody model: tunes -> tokens -> GPT-2-class model -> ``weights/melodies``.

    python -m smallworld.making.melodies                   # the full run: minutes on two CPU cores
    python -m smallworld.making.melodies --steps 100 --output build/try-melodies   # a look, ships nothing

Everything is decided by the settings and the seed. The run can be stopped at any moment and goes on from
its last checkpoint when the same command is given again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor
from tqdm.auto import tqdm

from smallworld import ROOT
from smallworld.making.cards.melodies import CARD
from smallworld.making.language import run as language_run
from smallworld.making.language.melody_data import SHIPPED, Settings, fingerprint, prepare_data
from smallworld.making.language.text_data import Documents, phase_batches
from smallworld.making.language.text_model import build_model, build_optimizer, text_nats, train_step
from smallworld.making.processes import place_among_processes
from smallworld.making.training import (
    TrainingError,
    add_run_options,
    add_settings,
    check_run_options,
    read_checkpoint,
    require_room,
)

DEFAULT_OUTPUT = ROOT / "build" / "train-melodies"
FREE_BYTES = 50 << 20


@dataclass(kw_only=True)
class MelodyRun(language_run.Run):
    """A training run of the melody model, with its validation tunes."""

    train: Documents
    validation: Documents
    curve: dict[str, list] = field(default_factory=lambda: {"train": [], "validation": []})

    card = CARD
    point_every = 25

    def batches(self) -> Iterator[tuple[Tensor, ...]]:
        return phase_batches(self.train, self.settings, self.tokenizer.eos_token_id, skip=self.step)

    def update(self, *batch: Tensor) -> float:
        return train_step(self.model, self.optimizer, *batch)

    def fresh_model(self):
        model = build_model(self.settings, self.tokenizer, SHIPPED)
        end = self.tokenizer.eos_token_id
        model.config.pad_token_id = model.generation_config.pad_token_id = end
        return model

    def training_tokens(self) -> int:
        return int(self.train.offsets[-1])

    def loss_curve(self) -> list:
        return self.curve["train"]

    def look(self) -> None:
        if self.step % self.settings.evaluate_every and self.step != self.total:
            return
        self.model.eval()
        nats, tokens = text_nats(self.model, self.validation, self.tokenizer.eos_token_id)
        self.model.train()
        loss, bound = float(nats.sum() / tokens.sum()), self.validation.grammar_nats_per_token()
        self.curve["validation"].append([self.step, round(loss, 4)])
        tqdm.write(
            f"step {self.step}: validation loss {loss:.3f} nats/token (the grammar itself: {bound:.3f})"
        )

    def record(self) -> dict:
        bound = self.validation.grammar_nats_per_token()
        return super().record() | {"bound_nats_per_token": round(bound, 4), "words": len(self.tokenizer)}


def start_run(settings: Settings, folder: Path, device: str = "cpu") -> MelodyRun:
    """A run ready to train; the last checkpoint is loaded where there is one."""
    if place_among_processes()[1] > 1:
        raise TrainingError("this model is trained by one process: start it without accelerate or torchrun.")
    folder.mkdir(parents=True, exist_ok=True)
    require_room(folder, FREE_BYTES)
    state = read_checkpoint(folder)
    tokenizer, train, validation = prepare_data(settings)
    model = build_model(settings, tokenizer, SHIPPED).to(device).train()
    model.set_attn_implementation("eager" if device == "cpu" else "sdpa")  # the quicker one on each
    run = MelodyRun(
        settings=settings,
        folder=folder,
        data_mark=fingerprint(settings),
        tokenizer=tokenizer,
        model=model,
        optimizer=build_optimizer(model, settings),
        train=train,
        validation=validation,
    )
    if state:
        language_run.restore(run, state)
    return run


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; a wrong value ends with one sentence."""
    parser = argparse.ArgumentParser(prog="smallworld.making.melodies", description=__doc__.splitlines()[0])
    add_settings(parser, Settings)
    add_run_options(parser, DEFAULT_OUTPUT, "melodies")
    chosen = parser.parse_args(arguments)
    check_run_options(parser, chosen, ("tunes", "steps", "batch_tokens", "learning_rate"))
    return chosen


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on training), export to OUTPUT/model and, for a full run, to ``weights/melodies``."""
    language_run.carry_out(parse_arguments(arguments), Settings, SHIPPED, start_run)


if __name__ == "__main__":
    main()
