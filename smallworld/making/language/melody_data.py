"""The melody model's settings and what it reads: tunes -> tokens, one for each word of a tune's text form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from smallworld import WEIGHTS
from smallworld.making import training
from smallworld.making.language.text_data import Documents
from smallworld.world.melodies import words
from smallworld.world.melody_grammar import Tune, corpus

SHIPPED = WEIGHTS / "melodies"
END, UNKNOWN = "<end>", "<unknown>"


@dataclass(frozen=True)
class Settings:
    """All that decides the result."""

    tunes: int = 40_000
    steps: int = 4_000
    seed: int = 0
    positions: int = 160
    layers: int = 4
    width: int = 96
    heads: int = 4
    batch_tokens: int = 2_048
    learning_rate: float = 3e-3
    warmup: int = 100
    decay_share: float = 0.7
    weight_decay: float = 0.1
    packed_share: float = 0.0
    validation_tunes: int = 200
    evaluate_every: int = 500
    start_from: str = ""


def build_tokenizer(positions: int) -> PreTrainedTokenizerFast:
    """A tokenizer with a token for each word of a tune: conditions, notes, lengths, bar line.

    ``<end>`` is beginning, end and padding at once; a word that no tune has is ``<unknown>``.
    """
    numbers = {word: number for number, word in enumerate([END, UNKNOWN, *words()])}
    inner = Tokenizer(models.WordLevel(numbers, unk_token=UNKNOWN))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token=END,
        eos_token=END,
        pad_token=END,
        unk_token=UNKNOWN,
        model_max_length=positions,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )


def load_tokenizer(settings: Settings) -> PreTrainedTokenizerFast:
    """The tokenizer of a run: that of the model from which it starts, or a new one."""
    if settings.start_from:
        start: Path = training.start_folder(settings.start_from, SHIPPED)
        return AutoTokenizer.from_pretrained(start, trust_remote_code=False)
    return build_tokenizer(settings.positions)


def encode_tunes(tokenizer, tunes: list[Tune]) -> Documents:
    """Tunes as ``Documents``: request, notes, end token."""
    end = tokenizer.eos_token_id
    prompts = tokenizer([tune.prompt for tune in tunes]).input_ids
    texts = tokenizer([tune.text for tune in tunes]).input_ids
    rows = [[*prompt, *text, end] for prompt, text in zip(prompts, texts, strict=True)]
    return Documents(
        tokens=np.concatenate([np.array(row, dtype=np.uint16) for row in rows]),
        offsets=np.cumsum([0, *map(len, rows)]),
        text_starts=np.array([len(prompt) for prompt in prompts]),
        log_probabilities=np.array([tune.log_probability for tune in tunes]),
    )


def fingerprint(settings: Settings) -> str:
    """Changes when the corpus would change: the world's source files and the settings that shape the data."""
    names = ("tunes", "seed", "positions", "validation_tunes", "start_from")
    sources = ("melodies", "melody_grammar", "vocabulary")
    return training.fingerprint(sources, tuple(getattr(settings, name) for name in names))


def prepare_data(settings: Settings) -> tuple[PreTrainedTokenizerFast, Documents, Documents]:
    """The tokenizer, the training and the validation tunes."""
    tokenizer = load_tokenizer(settings)
    train = encode_tunes(tokenizer, list(corpus("train", settings.tunes, settings.seed, exact=False)))
    validation = list(corpus("validation", settings.validation_tunes, settings.seed))
    return tokenizer, train, encode_tunes(tokenizer, validation)
