"""The language model's settings and what it reads: stories -> tokens -> rows -> batches."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor
from tqdm.auto import tqdm
from transformers import AutoTokenizer, GPT2Tokenizer

from smallworld import WEIGHTS
from smallworld.making import training
from smallworld.world import stories
from smallworld.world.stories import Story

SHIPPED = WEIGHTS / "text"
END = "<|endoftext|>"
IGNORED = -100  # label of a position without a target (padding, requests)
START = -1  # in a row: a lone end-of-text token before the first document
SHORT_A_STEP = 40  # stories with short openings written for each of their steps
FREE_BYTES = 300 << 20  # tokens, two checkpoints and the model, with room to spare


@dataclass(frozen=True)
class Settings:
    """All that decides the result."""

    stories: int = 100_000
    steps: int = 8_000
    minutes: float = field(default=75.0, metadata={"help": "a limit: reached, the final decay comes sooner"})
    seed: int = 0
    vocabulary: int = 2_560
    positions: int = 512
    layers: int = 6
    width: int = 192
    heads: int = 6
    batch_tokens: int = 4_096
    learning_rate: float = 2.5e-3
    warmup: int = 100
    decay_share: float = 0.7
    weight_decay: float = 0.1
    packed_share: float = 0.2
    short_steps: int = field(default=1_000, metadata={"help": "first steps, on stories with short openings"})
    validation_stories: int = 128
    evaluate_every: int = 500
    sample_tokens: int = 240
    start_from: str = ""


# ------------------------------------------------------------------ tokens
def train_tokenizer(texts: Iterator[str], vocabulary: int = 2_048, positions: int = 512) -> GPT2Tokenizer:
    """A byte-level BPE tokenizer learnt from ``texts``: any text survives encoding and decoding unchanged.

    Words keep their leading space, as in GPT-2 (Radford et al. 2019); ``<|endoftext|>`` is beginning, end,
    padding and unknown token at once.
    """
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    learner.train_from_iterator(texts, trainer)
    model = json.loads(learner.to_str())["model"]
    return GPT2Tokenizer(
        vocab=model["vocab"],
        merges=[tuple(pair) for pair in model["merges"]],
        bos_token=END,
        eos_token=END,
        pad_token=END,
        unk_token=END,
        model_max_length=positions,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


@dataclass
class Documents:
    """Tokenised stories, end to end: prompt + text + end token.

    ``tokens``: (all tokens,) uint16; ``offsets``: (documents + 1,); ``text_starts``: (documents,) number of
    prompt tokens; ``log_probabilities``: (documents,) nats of each text given its prompt, under the grammar.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    text_starts: np.ndarray
    log_probabilities: np.ndarray

    def __len__(self) -> int:
        return len(self.text_starts)

    def __getitem__(self, number: int) -> np.ndarray:
        return self.tokens[self.offsets[number] : self.offsets[number + 1]]

    def lengths(self) -> np.ndarray:
        """Tokens of each document, its end token included."""
        return np.diff(self.offsets)

    def grammar_nats_per_token(self) -> float:
        """What the grammar itself needs for these texts, in nats: no model can do better on average."""
        tokens = self.lengths() - self.text_starts
        return float(-self.log_probabilities.sum() / tokens.sum())


def encode_stories(tokenizer, corpus: list[Story]) -> Documents:
    """Turn stories into ``Documents``; prompt and text are split exactly at the prompt's last character."""
    end = tokenizer.eos_token_id
    tokens, offsets, text_starts = [], [0], []
    for first in range(0, len(corpus), 1000):
        part = corpus[first : first + 1000]
        prompts = tokenizer([story.prompt or " " for story in part])["input_ids"]
        texts = tokenizer([story.text for story in part])["input_ids"]
        for story, prompt, text in zip(part, prompts, texts, strict=True):
            prompt = prompt if story.prompt else []
            tokens.append(np.array([*prompt, *text, end], dtype=np.uint16))
            text_starts.append(len(prompt))
            offsets.append(offsets[-1] + len(tokens[-1]))
    log_probabilities = np.array([story.log_probability for story in corpus])
    return Documents(np.concatenate(tokens), np.array(offsets), np.array(text_starts), log_probabilities)


def write_stories(split: str, number: int, seed: int) -> list[Story]:
    """``number`` stories of a split, with a progress bar."""
    corpus = stories.corpus(split, number, seed)
    return list(tqdm(corpus, total=number, desc=f"writing {split} stories", unit=" stories", mininterval=2))


def write_short_stories(part: str, number: int, seed: int) -> list[Story]:
    """Training stories; three in five answer a request for a mood and lack ("all" or "some" of) the opening.

    In a whole story a request and the event that shows its mood stand some eighty tokens apart, and the model
    overlooks that they belong together; side by side it finds out, and then keeps it. Easy examples first are
    a curriculum (Bengio et al. 2009). ``part``: "all" (a story begins with its problem) or "some".
    """
    rng = random.Random(f"short-{part}-{seed}")
    corpus = []
    for index in tqdm(range(number), desc="writing short stories", unit=" stories", mininterval=2):
        if index % 5 < 2:
            corpus.append(stories.sample_story(rng))
            continue
        story = stories.sample_story(rng, asked=stories.draw_asked(rng, "mood"))
        roles = [role for role, _ in story.sentences]
        last = min(roles.index(role) for role in ("mood", "problem") if role in roles)
        first = 1 if roles[0] == "announce" else 0
        start = last if part == "all" else rng.randint(first, last)
        kept = story.sentences[:first] + story.sentences[start:]
        corpus.append(replace(story, text=" ".join(text for _, text in kept), sentences=kept))
    return corpus


# ------------------------------------------------------------------ on disk
def fingerprint(settings: Settings) -> str:
    """Changes when the corpus would change: the world's source files and the settings that shape the data."""
    names = ("stories", "seed", "vocabulary", "positions", "validation_stories", "short_steps", "start_from")
    sources = ("stories", "plots", "splits", "grammar", "wishes", "vocabulary", "patterns")
    return training.fingerprint(sources, tuple(getattr(settings, name) for name in names))


def prepare_data(settings: Settings, folder: Path) -> tuple[GPT2Tokenizer, dict[str, Documents], Documents]:
    """The tokenizer, the training documents by phase ("all" and "some" of the openings left out, "whole") and
    the validation documents; made once, then read from ``folder``.
    """
    training.require_room(folder, FREE_BYTES)
    cache = folder / f"data-{fingerprint(settings)}"
    if not cache.exists():
        unfinished = folder / "data-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        store_data(settings, unfinished)
        os.replace(unfinished, cache)
    tokenizer = AutoTokenizer.from_pretrained(cache / "tokenizer", trust_remote_code=False)
    train = {phase: Documents(**np.load(cache / f"{phase}.npz")) for phase, _ in phases(settings)}
    validation = Documents(**np.load(cache / "validation.npz"))
    return tokenizer, train, validation


def store_data(settings: Settings, folder: Path) -> None:
    """Write and tokenise the stories, and keep tokenizer and tokens in ``folder``."""
    corpora = {
        phase: write_short_stories(phase, SHORT_A_STEP * steps, settings.seed)
        for phase, steps in phases(settings)
        if steps
    }
    corpora |= {
        "whole": write_stories("train", settings.stories, settings.seed),
        "validation": write_stories("validation", settings.validation_stories, settings.seed),
    }
    if settings.start_from:
        start = training.start_folder(settings.start_from, SHIPPED)
        tokenizer = AutoTokenizer.from_pretrained(start, trust_remote_code=False)
    else:
        texts = (story.prompt + story.text for story in corpora["whole"])
        tokenizer = train_tokenizer(texts, settings.vocabulary, settings.positions)
    tokenizer.save_pretrained(folder / "tokenizer")
    for split, corpus in corpora.items():
        np.savez(folder / f"{split}.npz", **vars(encode_stories(tokenizer, corpus)))


# ------------------------------------------------------------------ batches
def phases(settings: Settings) -> list[tuple[str, int]]:
    """The phases of a training and their steps; the last one, on whole stories, lasts to the end (0).

    Short stories are at most a quarter of the planned steps.
    """
    short = min(settings.short_steps, settings.steps // 4)
    some = short * 2 // 5
    every = [("all", short - some), ("some", some)]
    return [(phase, steps) for phase, steps in every if steps] + [("whole", 0)]


def arrange_rows(lengths: np.ndarray, settings: Any, epoch: int) -> list[list[int]]:
    """The rows of one epoch: each a list of document numbers, shuffled by seed and epoch.

    Most rows hold one document, the others as many as fill all positions, so that late positions are
    trained too. Half of the rows begin with an end-of-text token: a story may start with it or without.
    """
    random = np.random.default_rng([settings.seed, epoch])
    order = [int(number) for number in random.permutation(len(lengths))]
    packed = int(settings.packed_share * len(order))
    rows, row, filled = [], [], 0
    for number in order[:packed]:
        row.append(number)
        filled += lengths[number]
        if filled >= settings.positions:
            rows.append(row)
            row, filled = [], 0
    if row:
        rows.append(row)
    rows += [[number] for number in order[packed:]]
    starts = random.random(len(rows)) < 0.5
    return [[START, *row] if start else row for row, start in zip(rows, starts, strict=True)]


def plan_epoch(lengths: np.ndarray, settings: Any, epoch: int) -> list[list[list[int]]]:
    """Batches of rows of similar length (hardly any padding), at most ``batch_tokens`` each, shuffled."""
    rows = arrange_rows(lengths, settings, epoch)
    widths = [sum(1 if number == START else int(lengths[number]) for number in row) for row in rows]
    batches, batch = [], []
    for index in sorted(range(len(rows)), key=widths.__getitem__):
        width = min(widths[index], settings.positions)
        if batch and (len(batch) + 1) * width > settings.batch_tokens:
            batches.append(batch)
            batch = []
        batch.append(rows[index])
    batches.append(batch)
    order = np.random.default_rng([settings.seed, epoch, 1]).permutation(len(batches))
    return [batches[number] for number in order]


def collate(rows: list[list[int]], documents: Documents, positions: int, end: int) -> tuple[Tensor, Tensor]:
    """A batch: (input_ids, labels), both (rows, longest row) int64; padding has the label ``IGNORED``."""
    lone_end = np.array([end], dtype=np.uint16)
    pieces = []
    for row in rows:
        parts = [lone_end if number == START else documents[number] for number in row]
        pieces.append(np.concatenate(parts)[:positions])
    width = max(len(piece) for piece in pieces)
    input_ids = torch.full((len(pieces), width), end)
    labels = torch.full((len(pieces), width), IGNORED)
    for index, piece in enumerate(pieces):
        values = torch.from_numpy(piece.astype(np.int64))
        input_ids[index, : len(piece)] = values
        labels[index, : len(piece)] = values
    return input_ids, labels


def hide_requests(rows: list[list[int]], documents: Documents, labels: Tensor) -> Tensor:
    """The labels with ``IGNORED`` at the tokens of requests, in place: a model learns to answer, not to ask.

    As in instruction tuning; requests come in so many wordings that they would be a third of the loss. The
    last token of a request counts, so that after a request without its line break comes a line break.
    """
    for index, row in enumerate(rows):
        place = 0
        for number in row:
            if number == START:
                place += 1
                continue
            labels[index, place : place + max(0, int(documents.text_starts[number]) - 1)] = IGNORED
            place += len(documents[number])
    return labels


def training_batches(
    train: dict[str, Documents], settings: Settings, end: int, skip: int = 0
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of all phases, the last one without end; ``skip`` leaves out the first ones."""
    for phase, steps in phases(settings):
        drawn = phase_batches(train[phase], settings, end, skip)
        yield from islice(drawn, max(0, steps - skip)) if steps else drawn
        skip = max(0, skip - steps)


def phase_batches(
    documents: Documents, settings: Any, end: int, skip: int = 0
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches, epoch after epoch; ``skip`` leaves out the first ones (those of an earlier run)."""
    lengths = documents.lengths()
    for epoch in count():
        plan = plan_epoch(lengths, settings, epoch)
        for rows in plan[skip:]:
            input_ids, labels = collate(rows, documents, settings.positions, end)
            yield input_ids, hide_requests(rows, documents, labels)
        skip = max(0, skip - len(plan))
