"""How much of what the language model writes is new: sentences that no training story holds."""

from __future__ import annotations

import re
from collections.abc import Iterable

from smallworld.judges.intervals import wilson
from smallworld.world.sentences import read_sentence, split_sentences
from smallworld.world.vocabulary import CHARACTERS

NAMES = re.compile(rf"\b(?:{'|'.join(CHARACTERS)})\b")


def sentences_of(texts: Iterable[str]) -> list[str]:
    """All sentences of some texts, in order."""
    return [sentence for text in texts for sentence in split_sentences(text)]


def skeleton(sentence: str) -> str:
    """What is left of a sentence without its slots: the pattern that writes it, or itself without names."""
    readings = read_sentence(sentence)
    return readings[0].pattern.text if readings else NAMES.sub("NAME", sentence)


def measure_novelty(texts: list[str], own: list[str], training_texts: Iterable[str], listed: int) -> dict:
    """Compare the sentences of the model (``texts``) and of the grammar (``own``) with the training stories.

    ``listed``: how many of the model's new sentences are kept, the first ones, unpicked. Shares are of
    sentences; skeletons are counted in the first 100 stories of each.
    """
    seen = set(sentences_of(training_texts))
    written = {"model": sentences_of(texts), "grammar": sentences_of(own)}
    first = {"model": sentences_of(texts[:100]), "grammar": sentences_of(own[:100])}
    new = [sentence for sentence in written["model"] if sentence not in seen]
    result = {
        "stories": len(texts),
        "sentences": {writer: len(sentences) for writer, sentences in written.items()},
        "word_for_word": {
            writer: wilson([sentence in seen for sentence in sentences])
            for writer, sentences in written.items()
        },
        "skeletons_in_100_stories": {
            writer: len(set(map(skeleton, sentences))) for writer, sentences in first.items()
        },
        "no_pattern_writes_it": wilson([not read_sentence(sentence) for sentence in written["model"]]),
    }
    return result | {"new_sentences": list(dict.fromkeys(new))[:listed]}
