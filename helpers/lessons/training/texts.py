"""The texts of notebook 06: a small part of the world's language, and what spoils or enlarges a collection.

A tiny model that trains for seconds cannot learn whole stories. So a text here is only the *beginning* of a
story: who lives where, and the light of the hour. The sentences are patterns of the story grammar, filled
with its own words (`smallworld.world.stories`); nothing is added to the language.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from helpers.checks import check_number
from helpers.errors import WorkbookError
from smallworld.world.grammar import phrases, with_articles
from smallworld.world.stories import SLOT, capitalise, combinations, patterns, slot_options
from smallworld.world.vocabulary import CHARACTERS, PLACES

FIRST, ANY = ("open.once",), ("open.once", "open.other")  # sections of patterns that name hero and place
SNOW_WORDS = frozenset({"snow", "snowy", "valley"})  # every way to name the snowy valley has one of them
Facts = dict[str, str]


def first_sentences(count: int, seed: int) -> list[str]:
    """`count` sentences that begin with "Once upon a time": who, where, sometimes when."""
    rng = _rng("first sentences", count, seed)
    places = _facts("train", "", "")
    return [_sentence(rng, _patterns(FIRST), rng.choice(places)) for _ in range(count)]


def beginnings(
    count: int, seed: int, *, held_out: bool = False, place: str = "", without: str = ""
) -> list[str]:
    """`count` beginnings of stories, two sentences each: somebody somewhere, then the light of the hour.

    held_out: their places, times and characters come together in no other text; place: all play there;
    without: none plays there. Places are the keys of `PLACES`, such as "snow".
    """
    return [text for text, _ in with_facts(count, seed, held_out=held_out, place=place, without=without)]


def with_facts(
    count: int, seed: int, *, held_out: bool = False, place: str = "", without: str = ""
) -> list[tuple[str, Facts]]:
    """As `beginnings`, each text with its place, time and character."""
    split = "held out" if held_out else "train"
    rng, facts = _rng(f"beginnings {split} {place} {without}", count, seed), _facts(split, place, without)
    # Sentences that tell the time already would need no second one.
    opening = [pattern for pattern in _patterns(ANY) if "{at_time}" not in pattern]
    written = []
    for _ in range(count):
        chosen = rng.choice(facts)
        light = _patterns((f"light.{chosen['time']}",))
        written.append((f"{_sentence(rng, opening, chosen)} {_sentence(rng, light, chosen)}", chosen))
    return written


def words_of(text: str) -> list[str]:
    """The words and punctuation marks of a text, in order."""
    return re.findall(r"[\w'-]+|[^\w\s]", text)


def join_words(words: Sequence[str]) -> str:
    """Words as a text again: no space before a punctuation mark."""
    return re.sub(r" ([.,?!])", r"\1", " ".join(words))


# What spoils a collection


def spoil(clean: Sequence[str], seed: int, share: float = 0.5, rate: float = 0.3) -> list[str]:
    """The texts; in about a `share` of them about a `rate` of the words become words of other texts."""
    rng = random.Random(f"spoil {seed}")
    every_word = [word for text in clean for word in words_of(text)]
    spoilt = []
    for text in clean:
        words = words_of(text)
        if rng.random() < share:
            words = [rng.choice(every_word) if rng.random() < rate else word for word in words]
        spoilt.append(join_words(words))
    return spoilt


def count_pairs(collection: Sequence[str]) -> Counter:
    """How often each pair of neighbouring words occurs in the whole collection."""
    return Counter(pair for text in collection for pair in pairwise(words_of(text)))


def pair_counts(text: str, counts: Counter) -> list[int]:
    """For each pair of neighbouring words of a text, in order, how often the collection has it."""
    return [counts[pair] for pair in pairwise(words_of(text))]


# What enlarges a collection


def with_other_heroes(collection: Sequence[str]) -> list[str]:
    """Each text once for every hero who could take the part: name and kind change, "he" or "she" stays."""
    enlarged = []
    for text in collection:
        heroes = [hero for hero in CHARACTERS.values() if hero.name in words_of(text)]
        if not heroes:
            raise WorkbookError(f"Nobody of the small world is named in this text: {text[:60]}")
        others = [other for other in CHARACTERS.values() if other.pronouns == heroes[0].pronouns]
        enlarged += [_recast(text, heroes[0], other) for other in others]
    return enlarged


def _recast(text: str, hero, other) -> str:
    changed = re.sub(rf"\b{hero.name}\b", other.name, text)
    changed = re.sub(rf"\b([Aa])n? {hero.kind}\b", rf"\1 {other.kind}", changed)
    return with_articles(re.sub(rf"\b{hero.kind}\b", other.kind, changed))


# What a text says


def is_in_snow(text: str) -> bool:
    """Whether a beginning plays in the snowy valley."""
    return not SNOW_WORDS.isdisjoint(words_of(text))


def snow_share(collection: Sequence[str]) -> float:
    """The share of beginnings that play in the snowy valley."""
    return sum(map(is_in_snow, collection)) / len(collection)


def is_first_sentence(text: str) -> bool:
    """Whether the grammar could have written this text, word for word, as a `first_sentences` one."""
    return any(expression.fullmatch(text) for expression in _expressions())


def right_kind(text: str) -> bool:
    """Whether a text names one hero together with what this hero is, such as Mina and fox."""
    words = set(words_of(text))
    heroes = [hero for hero in CHARACTERS.values() if hero.name in words]
    kinds = [hero.kind for hero in CHARACTERS.values() if hero.kind in words]
    return len(heroes) == 1 and kinds == [heroes[0].kind]


# Drawing from the grammar


def _rng(name: str, count: int, seed: int) -> random.Random:
    check_number("count", count, 1, 100_000, "a whole number from 1 to 100,000")
    return random.Random(f"{name} {seed}")


def _patterns(sections: Sequence[str]) -> list[str]:
    return [pattern.text for section in sections for pattern in patterns()[section]]


def _facts(split: str, place: str, without: str) -> list[Facts]:
    """All that a text can be about: place, time and hero; one in eight of them is held out."""
    for name in (place, without):
        if name and name not in PLACES:
            raise WorkbookError(f'There is no place "{name}": choose one of {", ".join(PLACES)}.')
    splits = ("validation", "test") if split == "held out" else (split,)
    wanted = [one for split in splits for one in combinations(split)]
    return [
        {"place": where, "time": when, "character": who, "friend": who, "object": ""}
        for where, when, who in wanted
        if place in ("", where) and where != without
    ]


def _sentence(rng: random.Random, choices: Sequence[str], facts: Facts) -> str:
    return capitalise(with_articles(_fill(rng.choice(choices), facts, rng, {})))


def _fill(text: str, facts: Facts, rng: random.Random, values: Facts) -> str:
    """Fill the slots of a pattern from the facts and the word lists; a slot keeps its value in a sentence."""

    def value(slot: re.Match) -> str:
        name = slot[1]
        if name not in values:
            phrase = rng.choice(list(slot_options(name, facts)))
            values[name] = _fill(phrase, facts, rng, values)
        return values[name]

    return SLOT.sub(value, text)


@cache
def _expressions() -> tuple[re.Pattern, ...]:
    """What each pattern of a first sentence can be filled to, as a regular expression."""
    found = []
    for pattern in _patterns(FIRST):
        pieces = re.split(r"\{(\w+)\}", pattern)  # fixed words and names of slots in turn
        for i, piece in enumerate(pieces):
            choices = phrases(piece) if i % 2 else (piece,)
            pieces[i] = "(?:" + "|".join(re.escape(choice) for choice in choices) + ")"
        found.append(re.compile(re.sub(r"\\ a\\ \)", r"\\ an?\\ )", "".join(pieces))))
    return tuple(found)
