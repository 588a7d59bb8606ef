"""Yardsticks for the text model: models that only count tokens, and how much of a text was seen before."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
FACTOR, WORD_FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)  # of the hashes


@dataclass
class Order:
    """One n-gram order: sorted packed n-grams with counts, sorted contexts with totals and followers."""

    grams: np.ndarray
    counts: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray
    followers: np.ndarray
    discount: float


def look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """``values`` at the places where sorted ``keys`` equal ``wanted``, 0 where a key is missing."""
    if not len(keys):
        return np.zeros(wanted.shape)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)


class KneserNey:
    """Interpolated Kneser-Ney n-gram model over token numbers, one discount per order.

    P(w | h) = max(c(hw) - D, 0) / c(h) + D * followers(h) / c(h) * P(w | shorter h), D = n1 / (n1 + 2 n2);
    below the highest order, c counts the different tokens seen before (Kneser and Ney 1995); the last
    back-off is uniform. Each document is preceded by end tokens. n-grams are packed into 64 bits.
    """

    def __init__(self, documents: Iterable[np.ndarray], order: int, vocabulary: int, end: int):
        self.order, self.vocabulary, self.end = order, vocabulary, end
        self.bits = max(1, (vocabulary - 1).bit_length())
        if self.bits * order > 63:
            raise ValueError(
                f"{order}-grams over {vocabulary} tokens do not fit into 63 bits: lower the order."
            )
        grams, counts = np.unique(self.pack(documents), return_counts=True)
        self.orders = [self.summarise(grams, counts)]
        for length in range(order - 1, 0, -1):
            suffix = grams & ((1 << self.bits * length) - 1)
            grams, counts = np.unique(suffix, return_counts=True)
            self.orders.append(self.summarise(grams, counts))

    def pack(self, documents: Iterable[np.ndarray]) -> np.ndarray:
        """Every token of every document with the ``order - 1`` tokens before it, as one int64 each."""
        start = np.full(self.order - 1, self.end)
        pieces = [np.concatenate([start, document]) for document in documents]
        stream = np.concatenate(pieces).astype(np.int64)
        packed = np.zeros_like(stream)
        real = np.ones(len(stream), dtype=bool)  # not the end tokens that were put before a document
        for back in range(self.order):
            packed[back:] |= stream[: len(stream) - back] << (self.bits * back)
        first = 0
        for document in documents:
            real[first : first + len(start)] = False
            first += len(start) + len(document)
        return packed[real]

    def summarise(self, grams: np.ndarray, counts: np.ndarray) -> Order:
        """Totals and followers of each context, and the discount of this order."""
        contexts, first = np.unique(grams >> self.bits, return_index=True)
        once, twice = int((counts == 1).sum()), int((counts == 2).sum())
        discount = once / (once + 2 * twice) if once and twice else 0.5
        followers = np.diff(np.append(first, len(grams)))
        return Order(grams, counts, contexts, np.add.reduceat(counts, first), followers, discount)

    def probabilities(self, packed: np.ndarray) -> np.ndarray:
        """P(last token | those before it) of packed n-grams, shape kept."""
        result = np.full(packed.shape, 1 / self.vocabulary)
        for length, order in zip(range(1, self.order + 1), reversed(self.orders), strict=True):
            grams = packed & ((1 << self.bits * length) - 1)
            total = look_up(order.contexts, order.totals, grams >> self.bits)
            count = look_up(order.grams, order.counts, grams)
            spare = order.discount * look_up(order.contexts, order.followers, grams >> self.bits)
            seen = (np.maximum(count - order.discount, 0) + spare * result) / np.maximum(total, 1)
            result = np.where(total > 0, seen, result)
        return result

    def nats(self, document: np.ndarray) -> np.ndarray:
        """Minus log-probability of each token of a document, shape (tokens,)."""
        return -np.log(self.probabilities(self.pack([document])))


def unigram_nats(documents: Iterable[np.ndarray], vocabulary: int) -> np.ndarray:
    """Minus log of each token's share of all tokens (one added to every count), shape (vocabulary,)."""
    counts = np.ones(vocabulary)
    for document in documents:
        counts += np.bincount(document, minlength=vocabulary)
    return -np.log(counts / counts.sum())


def words(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return WORD.findall(text.lower())


class SeenNgrams:
    """Which word n-grams occur in a collection of texts; kept as 64-bit hashes, 8 bytes for each."""

    def __init__(self, texts: Iterable[str], length: int = 8):
        self.length, self.numbers = length, {}
        parts = [self.hashes(text) for text in texts]
        self.seen = np.unique(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.uint64)

    def hashes(self, text: str) -> np.ndarray:
        """One uint64 for each n-gram of the text: a polynomial in the words' numbers, modulo 2**64."""
        listed = [self.numbers.setdefault(word, len(self.numbers) + 1) for word in words(text)]
        numbers = np.array(listed, dtype=np.uint64)
        count = max(0, len(numbers) - self.length + 1)
        value = np.zeros(count, dtype=np.uint64)
        for place in range(self.length):
            value = value * FACTOR + numbers[place : place + count] * WORD_FACTOR
        return value

    def share(self, texts: Iterable[str]) -> float:
        """Share of the texts' n-grams that occur in the collection, between 0 and 1 (nan without n-grams)."""
        wanted = np.concatenate([self.hashes(text) for text in texts])
        known = look_up(self.seen, np.ones(len(self.seen)), wanted)
        return float(known.mean()) if len(known) else float("nan")


def distinct(texts: Iterable[str], length: int) -> float:
    """Different word n-grams divided by all word n-grams (distinct-n, Li et al. 2016)."""
    grams = []
    for text in texts:
        listed = words(text)
        grams += [tuple(listed[first : first + length]) for first in range(len(listed) - length + 1)]
    return len(set(grams)) / len(grams) if grams else float("nan")
