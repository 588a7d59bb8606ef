"""Train the small world's masked language model: stories -> small ModernBERT -> ``weights/fill``.

    python -m smallworld.making.fill                  # the full run: minutes on two CPU cores
    python -m smallworld.making.fill --steps 100 --output build/try-fill    # a look, ships nothing

Everything is decided by the settings and the seed: batch i depends on seed and i alone. The run can be
stopped at any moment and goes on from its last checkpoint when the same command is given again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForMaskedLM, ModernBertConfig, ModernBertForMaskedLM

from smallworld import ROOT
from smallworld.making import language_run
from smallworld.making.cards.fill import PART
from smallworld.making.fill_data import (
    IGNORED,
    SHIPPED,
    Sentences,
    Settings,
    draw_batch,
    fingerprint,
    prepare_data,
)
from smallworld.making.processes import place_among_processes
from smallworld.making.training import (
    TrainingError,
    add_run_options,
    add_settings,
    check_run_options,
    mixed_precision,
    read_checkpoint,
    require_room,
    start_folder,
)

DEFAULT_OUTPUT = ROOT / "build" / "train-fill"
ROPE = {"rope_type": "default", "rope_theta": 160_000.0}  # rotary positions, ModernBERT's own setting
FREE_BYTES = 200 << 20


def build_model(settings: Settings, tokenizer) -> ModernBertForMaskedLM:
    """A fresh ``ModernBertForMaskedLM`` of the given size, or the one named by ``settings.start_from``.

    Why not ``BertForMaskedLM``: its loss lies flat here for 500 steps, until its learned positions
    mean something; rotary positions (ModernBERT, Warner et al. 2024) tell the distance at once.
    """
    torch.manual_seed(settings.seed)
    if settings.start_from:
        folder = start_folder(settings.start_from, SHIPPED)
        return AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    config = ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=2 * settings.width,
        max_position_embeddings=settings.positions,
        # Every layer sees the whole story; the last one through a window that no story fills, as Transformers
        # 5.15 reads a ModernBERT only if it has both kinds of layer.
        layer_types=["full_attention"] * (settings.layers - 1) + ["sliding_attention"],
        local_attention=2 * settings.positions,
        rope_parameters={kind: dict(ROPE) for kind in ("full_attention", "sliding_attention")},
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
    )
    return ModernBertForMaskedLM(config)


def train_step(model, optimizer, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> float:
    """One update on one batch; returns the mean cross-entropy of the hidden tokens, in nats."""
    device = model.device
    labels = labels.to(device)
    with mixed_precision(device):
        logits = model(input_ids.to(device), attention_mask=attention_mask.to(device)).logits
    hidden = labels != IGNORED
    loss = cross_entropy(logits[hidden].float(), labels[hidden])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


@dataclass(kw_only=True)
class FillRun(language_run.Run):
    """A training run of the masked language model."""

    data: Sentences

    card = PART
    point_every = 50

    def batches(self) -> Iterator[tuple[Tensor, ...]]:
        return (draw_batch(self.data, self.tokenizer, self.settings, step) for step in count(self.step))

    def update(self, *batch: Tensor) -> float:
        return train_step(self.model, self.optimizer, *batch)

    def fresh_model(self) -> ModernBertForMaskedLM:
        return build_model(self.settings, self.tokenizer)

    def training_tokens(self) -> int:
        return len(self.data.tokens)

    def record(self) -> dict:
        return super().record() | {"word_pieces": len(self.tokenizer)}


def start_run(settings: Settings, folder: Path, device: str = "cpu") -> FillRun:
    """A run ready to train; the last checkpoint is loaded where there is one."""
    if place_among_processes()[1] > 1:
        raise TrainingError("this model is trained by one process: start it without accelerate or torchrun.")
    folder.mkdir(parents=True, exist_ok=True)
    require_room(folder, FREE_BYTES)
    state = read_checkpoint(folder)
    tokenizer, data = prepare_data(settings)
    model = build_model(settings, tokenizer).to(device).train()
    model.set_attn_implementation("eager" if device == "cpu" else "sdpa")  # the quicker one on each
    optimizer = torch.optim.AdamW(
        model.parameters(), settings.learning_rate, (0.9, 0.98), weight_decay=settings.weight_decay
    )
    run = FillRun(
        settings=settings,
        folder=folder,
        data_mark=fingerprint(settings),
        tokenizer=tokenizer,
        model=model,
        optimizer=optimizer,
        data=data,
    )
    if state:
        language_run.restore(run, state)
    return run


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; a wrong value ends with one sentence."""
    parser = argparse.ArgumentParser(prog="smallworld.making.fill", description=__doc__.splitlines()[0])
    add_settings(parser, Settings)
    add_run_options(parser, DEFAULT_OUTPUT, "fill")
    chosen = parser.parse_args(arguments)
    check_run_options(parser, chosen, ("stories", "steps", "batch", "learning_rate"))
    if not 0 < chosen.masked_share < 1:
        parser.error(f"--masked-share must be between 0 and 1, not {chosen.masked_share}.")
    return chosen


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on training), export to OUTPUT/model and, for a full run, to ``weights/fill``."""
    language_run.carry_out(parse_arguments(arguments), Settings, SHIPPED, start_run)


if __name__ == "__main__":
    main()
