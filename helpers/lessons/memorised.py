"""What a model wrote that stood, word for word, in what it was trained on (notebook 06)."""

from __future__ import annotations

from collections.abc import Iterable

from helpers.metrics import ngrams


def longest_overlap(text: str, corpus_texts: Iterable[str]) -> int:
    """Length, in words, of the longest run that the text shares verbatim with any one corpus text.

    Bias: a lower bound when the corpus is a sample of what the model was trained on. One pass, so a generator
    will do.
    """
    words, best = text.split(), 0
    grams = set(ngrams(words, 1))
    for other in corpus_texts:
        theirs = other.split()
        while grams and not grams.isdisjoint(ngrams(theirs, best + 1)):
            best += 1
            grams = set(ngrams(words, best + 1))
    return best
