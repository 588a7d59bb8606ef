"""The language model (GPT-2), its optimiser, its loss, and one step of its training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from smallworld.making.language.text_data import IGNORED, SHIPPED, START, Documents, collate
from smallworld.making.processes import add_up, place_among_processes
from smallworld.making.training import mixed_precision, start_folder


def build_model(settings: Any, tokenizer, shipped: Path = SHIPPED) -> GPT2LMHeadModel:
    """A fresh model of the given size, or the one named by ``settings.start_from``.

    ``settings``: of the stories or of the tunes; ``shipped``: the folder that "shipped" stands for.
    """
    torch.manual_seed(settings.seed)
    if settings.start_from:
        folder = start_folder(settings.start_from, shipped)
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
        model.config.pad_token_id = None
        return model
    end = tokenizer.eos_token_id
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=settings.positions,
        n_layer=settings.layers,
        n_embd=settings.width,
        n_head=settings.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        activation_function="gelu_pytorch_tanh",  # GPT-2's own, in one fused operation
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=None,  # set on export: here the labels say what is padding
    )
    return GPT2LMHeadModel(config)


class Together:
    """Several optimizers that are used as one."""

    def __init__(self, *optimizers: torch.optim.Optimizer) -> None:
        self.optimizers = optimizers

    @property
    def param_groups(self) -> list[dict]:
        """The groups of all: a learning rate set here counts."""
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def step(self) -> None:
        """One update of all weights."""
        for optimizer in self.optimizers:
            optimizer.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none)

    def state_dict(self) -> list[dict]:
        """What a checkpoint keeps, optimizer by optimizer."""
        return [optimizer.state_dict() for optimizer in self.optimizers]

    def load_state_dict(self, states: list[dict]) -> None:
        """Put all back to where ``states`` were saved."""
        for optimizer, state in zip(self.optimizers, states, strict=True):
            optimizer.load_state_dict(state)


def build_optimizer(model, settings: Any) -> Together:
    """Muon (Jordan et al. 2024) for the layers' matrices, AdamW (Loshchilov and Hutter 2019) for the rest.

    Muon's rate is scaled as Liu et al. (2025) do, so that one learning rate serves both. Only the matrices
    and the embeddings decay. Over the first 200 steps Muon needed three quarters of the steps of AdamW alone.
    """
    embeddings = [model.get_input_embeddings().weight, model.transformer.wpe.weight]
    vectors = [weight for weight in model.parameters() if weight.ndim < 2]
    others = {id(weight) for weight in [*embeddings, *vectors]}
    layers = [weight for weight in model.parameters() if id(weight) not in others]
    groups = [
        {"params": embeddings, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    rate = settings.learning_rate
    muon = torch.optim.Muon(
        layers, lr=rate, weight_decay=settings.weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    return Together(muon, torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95)))


def next_token_loss(logits: Tensor, labels: Tensor, targets: int = 0) -> Tensor:
    """Mean cross-entropy in nats: ``logits`` (rows, length, vocabulary) at t against ``labels`` at t + 1.

    ``targets`` divides the sum by that number instead: the targets of a batch of which these rows are a part.
    """
    predictions = logits[:, :-1].float().flatten(0, 1)
    next_tokens = labels[:, 1:].flatten()
    if targets:
        return cross_entropy(predictions, next_tokens, ignore_index=IGNORED, reduction="sum") / targets
    return cross_entropy(predictions, next_tokens, ignore_index=IGNORED)


def own_rows(input_ids: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, int]:
    """This process's rows of a batch, their labels, and the targets of the whole batch (0: process alone).

    Of n processes, number i reads rows i, i + n and so on; one that is left without reads the first row, and
    has no target in it.
    """
    number, count = place_among_processes()
    if count == 1:
        return input_ids, labels, 0
    targets = int((labels[:, 1:] != IGNORED).sum())
    if number < len(labels):
        return input_ids[number::count], labels[number::count], targets
    return input_ids[:1], torch.full_like(labels[:1], IGNORED), targets


def train_step(model, optimizer, input_ids: Tensor, labels: Tensor) -> float:
    """One update on one batch, shared by all processes; returns the batch's loss in nats per token."""
    input_ids, labels, targets = own_rows(input_ids, labels)
    with mixed_precision(model.device):
        logits = model(input_ids.to(model.device), use_cache=False).logits
        loss = next_token_loss(logits, labels.to(model.device), targets)
    loss.backward()
    loss = loss.detach()
    add_up([loss, *(weight.grad for weight in model.parameters())])
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


@torch.no_grad()
def text_nats(model, documents: Documents, end: int, batch_size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Minus log-probability of each document's text (its end token included) given its prompt.

    Each document is read after a leading end-of-text token. Returns two arrays of shape (documents,):
    nats, and the number of tokens they cover.
    """
    nats, tokens = np.zeros(len(documents)), np.zeros(len(documents), dtype=int)
    order = np.argsort(documents.lengths())
    for first in range(0, len(order), batch_size):
        numbers = [int(number) for number in order[first : first + batch_size]]
        rows = [[START, number] for number in numbers]
        input_ids, labels = collate(rows, documents, model.config.n_positions, end)
        mask = (labels != IGNORED).long()
        for index, number in enumerate(numbers):
            labels[index, : 1 + documents.text_starts[number]] = IGNORED
        inputs = {"input_ids": input_ids.to(model.device), "attention_mask": mask.to(model.device)}
        logits = model(**inputs, use_cache=False).logits[:, :-1].float()
        targets = labels[:, 1:].to(model.device)
        losses = cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORED, reduction="none")
        nats[numbers] = losses.double().sum(1).cpu().numpy()
        tokens[numbers] = (labels[:, 1:] != IGNORED).sum(1).numpy()
    return nats, tokens
