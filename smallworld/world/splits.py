"""Combinations that training stories never hold: place, time and character; phrases of a sentence."""

import math
import zlib
from functools import cache

from smallworld.world import grammar
from smallworld.world.grammar import SLOT
from smallworld.world.vocabulary import CHARACTERS, PLACES, TIMES

FEWEST_PAIRS = 24  # patterns with fewer pairs of phrases hold them out together with the hero


def combination_split(place: str, time: str, character: str) -> str:
    """Say whether a place x time x character combination is "train", "validation" or "test".

    One combination in eight (48 of 384) is held out: for every time and character exactly one place.
    """
    numbers = [
        list(table).index(key) for table, key in ((PLACES, place), (TIMES, time), (CHARACTERS, character))
    ]
    if (numbers[0] + 3 * numbers[1] + 5 * numbers[2]) % 8:
        return "train"
    return "test" if (numbers[1] + numbers[2] // 2) % 2 else "validation"


@cache
def combinations(split: str) -> tuple[tuple[str, str, str], ...]:
    """List the (place, time, character) combinations of a split."""
    every = ((place, time, name) for place in PLACES for time in TIMES for name in CHARACTERS)
    return tuple(combination for combination in every if combination_split(*combination) == split)


@cache
def paired_slots(text: str) -> tuple[str, ...]:
    """Name the slots of a pattern whose phrases are held out together: the two with the most phrases.

    Slots that a word list fills come before those that the story's facts fill. Where the two make fewer than
    ``FEWEST_PAIRS`` pairs, the hero comes third; () where nothing is free.
    """
    choosable = [slot for slot in dict.fromkeys(SLOT.findall(text)) if slot not in ("comma", "hero")]
    fixed = (*grammar.FACT_SLOTS - set(grammar.THING_SLOTS), "sub")
    free = [slot for slot in choosable if slot not in fixed]
    if not free:
        return ()
    sizes = {slot: len(grammar.phrases(slot)) for slot in choosable}
    largest = sorted(choosable, key=lambda slot: (slot in free, sizes[slot]), reverse=True)[:2]
    return (
        tuple(largest) if math.prod(sizes[slot] for slot in largest) >= FEWEST_PAIRS else (*largest, "name")
    )


@cache
def phrase_split(text: str, values: tuple[str, ...]) -> str:
    """Say to which split phrases together belong in a pattern: "train" (8 of 10), "validation" or "test"."""
    number = zlib.crc32("|".join((text, *values)).encode()) % 10
    return {0: "test", 1: "validation"}.get(number, "train")
