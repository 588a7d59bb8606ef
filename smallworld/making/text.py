"""Train the small world's language model: stories -> tokens -> GPT-2-class model -> ``weights/text``.

    python -m smallworld.making.text                      # the full run: an hour on two CPU cores
    python -m smallworld.making.text --steps 200 --output build/try    # a short look, ships nothing
    accelerate launch -m smallworld.making.text                        # a process for each GPU

Everything is decided by the settings and the seed. The run can be stopped at any moment and goes on from
its last checkpoint when the same command is given again. Several processes share each batch, so their number
changes the speed and, but for rounding, not the result.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor
from tqdm.auto import tqdm

from smallworld import ROOT
from smallworld.making.cards.text import CARD
from smallworld.making.language import run as language_run
from smallworld.making.language.text_data import (
    SHIPPED,
    Documents,
    Settings,
    fingerprint,
    prepare_data,
    training_batches,
)
from smallworld.making.language.text_model import build_model, build_optimizer, text_nats, train_step
from smallworld.making.processes import agree, is_first, wait_for_all
from smallworld.making.training import add_run_options, add_settings, check_run_options, read_checkpoint
from smallworld.world import stories

DEFAULT_OUTPUT = ROOT / "build" / "train-text"
PROMPTS = (
    "Once upon a time",
    stories.ask(place="desert", time="night", mood="calm"),
    stories.ask(place="city", time="sunset"),
)


@dataclass(kw_only=True)
class TextRun(language_run.Run):
    """A training run of the language model, with its validation stories."""

    train: dict[str, Documents]
    validation: Documents
    curve: dict[str, list] = field(default_factory=lambda: {"train": [], "validation": []})

    card = CARD
    point_every = 20
    may_change = ("minutes",)

    def batches(self) -> Iterator[tuple[Tensor, ...]]:
        return training_batches(self.train, self.settings, self.tokenizer.eos_token_id, skip=self.step)

    def update(self, *batch: Tensor) -> float:
        if self.model.device.type == "cpu":
            choose_attention(self.model, width=batch[0].shape[1])
        return train_step(self.model, self.optimizer, *batch)

    def fresh_model(self):
        model = build_model(self.settings, self.tokenizer)
        end = self.tokenizer.eos_token_id
        model.config.pad_token_id = model.generation_config.pad_token_id = end
        return model

    def training_tokens(self) -> int:
        return int(self.train["whole"].offsets[-1])

    def planned_steps(self) -> int:
        return agree(planned_steps(self), self.model.device)

    def loss_curve(self) -> list:
        return self.curve["train"]

    def look(self) -> None:
        due = self.step % self.settings.evaluate_every == 0 or self.step == self.total
        if due and is_first():
            look_at(self)

    def record(self) -> dict:
        bound = self.validation.grammar_nats_per_token()
        return super().record() | {"bound_nats_per_token": round(bound, 4)}


def start_run(settings: Settings, folder: Path, device: str = "cpu") -> TextRun:
    """A run ready to train: data prepared, model built, and the last checkpoint loaded where there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    state = read_checkpoint(folder)
    if is_first():
        prepare_data(settings, folder)
    wait_for_all()  # the first process has written the stories; now everybody reads them
    tokenizer, train, validation = prepare_data(settings, folder)
    model = build_model(settings, tokenizer).to(device).train()
    model.set_attn_implementation("sdpa")
    run = TextRun(
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


def choose_attention(model, width: int) -> None:
    """On CPUs plain matrix products are quicker for short rows, PyTorch's fused attention for long ones.

    Measured on two cores: 0.6 s against 0.8 s a step of 21 rows of 190 tokens, 1.5 s against 0.9 s of 8 rows
    of 512.
    """
    model.set_attn_implementation("sdpa" if width > 256 else "eager")


def planned_steps(run: TextRun) -> int:
    """Steps in all: as set, or fewer when the minutes would run out; fixed once the final decay has begun."""
    if run.step < 10:
        return run.settings.steps
    if run.step >= (1 - run.settings.decay_share) * run.total:
        return run.total
    left = max(0.0, 60 * run.settings.minutes - run.seconds)
    seconds_a_step = run.seconds / run.step
    return min(run.settings.steps, run.step + int(left / seconds_a_step))


# ------------------------------------------------------------------ looking at a run
def look_at(run: TextRun) -> None:
    """Validation loss, loss plot and samples, shown and written to the run's folder."""
    run.model.eval()
    nats, tokens = text_nats(run.model, run.validation, run.tokenizer.eos_token_id)
    samples = draw_samples(run)
    run.model.train()
    loss = float(nats.sum() / tokens.sum())
    run.curve["validation"].append([run.step, round(loss, 4)])
    bound = run.validation.grammar_nats_per_token()
    ratio = math.exp(loss - bound)
    lines = [
        f"step {run.step}: validation loss {loss:.4f} nats/token, perplexity {ratio:.3f} x the grammar's"
    ]
    text = "\n".join([*lines, *(f"  | {sample!r}" for sample in samples)])
    tqdm.write(text)
    with (run.folder / "samples.txt").open("a", encoding="utf-8") as file:
        file.write(text + "\n\n")
    plot_curve(run.curve, bound, run.folder / "loss.png")


@torch.no_grad()
def draw_samples(run: TextRun, seed: int = 0) -> list[str]:
    """A story without prompt and two on request, prompts included; global randomness is left untouched."""
    texts = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for prompt in PROMPTS:
            inputs = run.tokenizer(prompt, return_tensors="pt").to(run.model.device)
            room = min(run.settings.sample_tokens, run.settings.positions - inputs["input_ids"].shape[1])
            output = run.model.generate(
                **inputs, do_sample=True, temperature=0.8, top_p=0.95, top_k=0, max_new_tokens=room
            )
            texts.append(run.tokenizer.decode(output[0], skip_special_tokens=True))
    return texts


def plot_curve(curve: dict, bound: float, path: Path) -> None:
    """Training and validation loss over steps, with the grammar's own bound."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="training step", ylabel="loss (nats per token)", yscale="log")
    for (name, points), colour in zip(curve.items(), ("#56B4E9", "#D55E00"), strict=True):
        if points:
            steps, losses = zip(*points, strict=True)
            axes.plot(steps, losses, color=colour, label=name, linewidth=1.5)
    ticks = [0.2, 0.3, 0.5, 1, 2, 4, 8]
    axes.set_yticks(ticks, labels=map(str, ticks))
    axes.minorticks_off()
    axes.axhline(bound, color="black", linestyle="--", linewidth=1, label="the grammar's own bound")
    axes.legend()
    figure.savefig(path, dpi=110)


# ------------------------------------------------------------------ command line
def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; a wrong value ends with one sentence."""
    parser = argparse.ArgumentParser(prog="smallworld.making.text", description=__doc__.splitlines()[0])
    add_settings(parser, Settings)
    add_run_options(parser, DEFAULT_OUTPUT, "text")
    chosen = parser.parse_args(arguments)
    check_run_options(parser, chosen, ("minutes", "steps", "stories", "learning_rate"))
    return chosen


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on training), export to OUTPUT/model and, for a full run, to ``weights/text``."""
    language_run.carry_out(parse_arguments(arguments), Settings, SHIPPED, start_run)


if __name__ == "__main__":
    main()
