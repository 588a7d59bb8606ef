"""The texts of notebook 05 (poems, old stories, invented clinical notes), and how many couplets rhyme."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from helpers.checks import check_number
from helpers.errors import WorkbookError
from smallworld.world import notes, rhymes
from smallworld.world import stories as prose

VERSES = 4  # of a poem: two couplets
NOTICE = notes.NOTICE


@dataclass(frozen=True)
class Couplets:
    """Of `total` couplets: how many rhyme, and how many of these stand in no training poem word for word."""

    rhyming: int
    new: int
    total: int


def poems(split: str, count: int, seed: int) -> list[str]:
    """Different poems of four verses; split: "train", or "test" with heroes, places and times apart."""
    _check(split, count)
    return list(islice(_short_poems(split, count, seed), count))


def stories(split: str, count: int, seed: int) -> list[str]:
    """Stories in prose, as the story model was trained on; split: "train" or "test"."""
    _check(split, count)
    return [story.text for story in prose.corpus(split, count, seed)]


def clinical_notes(split: str, count: int, seed: int) -> list[str]:
    """The first two lines (complaint, history) of invented notes; `NOTICE` belongs beside them."""
    _check(split, count)
    return ["\n".join(note.splitlines()[:2]) for note in notes.corpus(split, count, seed)]


def count_couplets(written: Sequence[str], training: Sequence[str]) -> Couplets:
    """Count the rhymes in the first two couplets of each text that a model wrote.

    training: the poems that it was trained on. A couplet that is not there counts as one that does not rhyme.
    """
    known = {couplet for poem in training for couplet in _couplets(poem)}
    rhyming = [couplet for text in written for couplet in _couplets(text) if _rhymes(couplet)]
    new = [couplet for couplet in rhyming if couplet not in known]
    return Couplets(len(rhyming), len(new), len(written) * VERSES // 2)


def _short_poems(split: str, count: int, seed: int) -> Iterator[str]:
    """The first four verses of poems, each different from those before; longer poems may begin alike."""
    seen = set()
    for poem in rhymes.corpus(split, 2 * count + 20, seed):
        short = "\n".join(poem.splitlines()[:VERSES])
        if short not in seen:
            seen.add(short)
            yield short


def _couplets(text: str) -> list[tuple[str, str]]:
    """The pairs of verses among the first four, in small letters and without spaces at their ends."""
    verses = [line.strip().lower() for line in text.splitlines() if line.strip()][:VERSES]
    return list(zip(verses[::2], verses[1::2], strict=False))


def _rhymes(couplet: tuple[str, str]) -> bool:
    return rhymes.rhymes("\n".join(couplet)) == 1


def _check(split: str, count: int) -> None:
    if split not in ("train", "test"):
        raise WorkbookError(f"The split is {split!r}: give train or test.")
    check_number("count", count, 1, 1_000, "a whole number from 1 to 1000")
