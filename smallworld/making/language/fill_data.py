"""The masked language model's settings and what it reads: stories -> word pieces -> batches with gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from string import ascii_lowercase

import numpy as np
import torch
from tokenizers import normalizers, pre_tokenizers
from torch import Tensor
from transformers import AutoTokenizer, BertTokenizer

from smallworld import WEIGHTS
from smallworld.making import training
from smallworld.world import stories
from smallworld.world.stories import Story

SHIPPED = WEIGHTS / "fill"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
IGNORED = -100  # label of a token that is not asked for


@dataclass(frozen=True)
class Settings:
    """All that decides the result."""

    stories: int = 60_000
    steps: int = 4_000
    seed: int = 0
    vocabulary: int = 2_048
    positions: int = 256
    layers: int = 4
    width: int = 144
    heads: int = 6
    batch: int = 32
    masked_share: float = 0.3
    part_share: float = 0.5
    learning_rate: float = 3e-3
    warmup: int = 200
    decay_share: float = 0.7
    weight_decay: float = 0.01
    start_from: str = ""


# ------------------------------------------------------------------ word pieces
def build_tokenizer(texts: Iterable[str], vocabulary: int, positions: int) -> BertTokenizer:
    """A lower-casing ``BertTokenizer`` with the most frequent words of ``texts`` as its pieces.

    Other words are cut into the longest pieces that fit, as WordPiece does (Wu et al. 2016): in the end into
    letters, which are all there, so that any English word can be written.
    """
    pieces = [*SPECIAL, *ascii_lowercase, *(f"##{letter}" for letter in ascii_lowercase)]
    counts = count_words(texts)
    for word in sorted(counts, key=lambda word: (-counts[word], word)):
        if len(pieces) < vocabulary and word not in pieces:
            pieces.append(word)
    numbers = {piece: number for number, piece in enumerate(pieces)}
    names = ["input_ids", "attention_mask"]  # no token_type_ids: the model reads one text, not two
    return BertTokenizer(vocab=numbers, model_max_length=positions, model_input_names=names)


def count_words(texts: Iterable[str]) -> Counter[str]:
    """How often each word or mark occurs, in lower case, cut apart as BERT does."""
    normalizer = normalizers.BertNormalizer(lowercase=True)
    cutter = pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in texts:
        words = cutter.pre_tokenize_str(normalizer.normalize_str(text))
        counts.update(word for word, _ in words)
    return counts


@dataclass
class Sentences:
    """Tokenised stories, sentence by sentence, end to end.

    ``tokens``: (all tokens,) int64; ``starts``: (sentences + 1,) where each sentence begins;
    ``stories``: (stories + 1,) the number of each story's first sentence.
    """

    tokens: np.ndarray
    starts: np.ndarray
    stories: np.ndarray

    def cut(self, first: int, last: int, room: int) -> np.ndarray:
        """The tokens of sentences ``first`` to ``last - 1``, at most ``room``."""
        return self.tokens[self.starts[first] : self.starts[last]][:room]


def encode_sentences(tokenizer, corpus: list[Story]) -> Sentences:
    """Stories as ``Sentences``; each sentence keeps the marks it ends with."""
    sentences = [[sentence for _, sentence in story.sentences] for story in corpus]
    flat = [sentence for story in sentences for sentence in story]
    ids = tokenizer(flat, add_special_tokens=False).input_ids
    tokens = np.concatenate([np.array(row, dtype=np.int64) for row in ids])
    starts = np.cumsum([0, *map(len, ids)])
    firsts = np.cumsum([0, *map(len, sentences)])
    return Sentences(tokens, starts, firsts)


def fingerprint(settings: Settings) -> str:
    """Changes when the corpus would change: the world's source files and the settings that shape the data."""
    names = ("stories", "seed", "vocabulary", "positions", "start_from")
    sources = ("stories", "plots", "splits", "grammar", "wishes", "vocabulary", "patterns")
    return training.fingerprint(sources, tuple(getattr(settings, name) for name in names))


def prepare_data(settings: Settings) -> tuple[BertTokenizer, Sentences]:
    """The tokenizer and the training stories as ``Sentences``."""
    corpus = list(stories.corpus("train", settings.stories, settings.seed))
    if settings.start_from:
        start = training.start_folder(settings.start_from, SHIPPED)
        tokenizer = AutoTokenizer.from_pretrained(start, trust_remote_code=False)
    else:
        texts = (story.text for story in corpus)
        tokenizer = build_tokenizer(texts, settings.vocabulary, settings.positions)
    return tokenizer, encode_sentences(tokenizer, corpus)


# ------------------------------------------------------------------ batches
def draw_batch(data: Sentences, tokenizer, settings: Settings, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Batch number ``step``: (input_ids, attention_mask, labels), each (batch, longest row) int64.

    A row is a whole story or, with probability ``part_share``, one to three of its sentences.
    """
    random = np.random.default_rng([settings.seed, step])
    room, rows = settings.positions - 2, []
    for story in random.integers(len(data.stories) - 1, size=settings.batch):
        first, last = data.stories[story], data.stories[story + 1]
        if random.random() < settings.part_share:
            first = random.integers(first, last)
            last = min(last, first + random.integers(1, 4))
        inner = data.cut(first, last, room)
        rows.append(np.concatenate([[tokenizer.cls_token_id], inner, [tokenizer.sep_token_id]]))
    width = max(map(len, rows))
    ids = np.full((len(rows), width), tokenizer.pad_token_id)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
    inputs, labels = mask(ids, tokenizer, settings.masked_share, random)
    attention = (ids != tokenizer.pad_token_id).astype(np.int64)
    return torch.from_numpy(inputs), torch.from_numpy(attention), torch.from_numpy(labels)


def mask(
    ids: np.ndarray, tokenizer, share: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Hide a share of the tokens: (input_ids, labels), both in the shape of ``ids``.

    Of the chosen tokens 80 % become [MASK], 10 % a random token, 10 % stay (Devlin et al. 2019); labels are
    ``IGNORED`` elsewhere. [CLS], [SEP] and padding are never chosen.
    """
    chosen = (random.random(ids.shape) < share) & (ids >= len(SPECIAL))
    fate = random.random(ids.shape)
    inputs = np.where(chosen & (fate < 0.8), tokenizer.mask_token_id, ids)
    other = random.integers(len(SPECIAL), len(tokenizer), size=ids.shape)
    inputs = np.where(chosen & (fate >= 0.9), other, inputs)
    return inputs, np.where(chosen, ids, IGNORED)
