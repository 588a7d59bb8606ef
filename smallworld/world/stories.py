"""Stories of the small world: a grammar that writes them; ``checker.py`` reads them back.

A story is a chain of sentences with fixed roles: what kind of story it is, a beginning, the hero, what
comes of what was begun (``freely.py``), the light, a view, a problem, attempts, a friend, a turn, an ending
and what comes of it, a close. The mood decides what happens: happy and calm stories have an everyday
problem, the other moods have problems of their own. A thing that a request asks for is what the hero was on
the way to, before the problem came (``errand``); another thing is seen on the way and greeted once more.
Each sentence is a pattern of the folder ``patterns`` with its slots filled; every random choice is counted,
so each story carries the log-probability of its choices. That gives the lowest perplexity which a model can
reach on average that knows the grammar, but not what was held out (Shannon 1948; a little less where two
chains write the same text).

Two kinds of combinations are held out from the training stories: place x time x character, and, inside a
sentence, pairs of phrases ("hopped like a frog" with "out of reach"), see ``phrase_split``.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from smallworld.world import grammar
from smallworld.world.grammar import (
    SLOT,
    Pattern,
    capitalise,
    objects,
    parts_of,
    patterns,
    problems,
    sections,
    slot_options,
    thing_phrases,
    with_articles,
)
from smallworld.world.plots import Draw, draw_asked, draw_facts, plan_of
from smallworld.world.splits import combination_split, combinations, paired_slots, phrase_split
from smallworld.world.vocabulary import CHARACTERS, MOODS, NUMBERS, PLACES, SKY_THINGS, TIMES
from smallworld.world.wishes import ASKABLE, adjectives, ask, colour, wish

__all__ = [
    "ASKABLE", "CHARACTERS", "MOODS", "PLACES", "SLOT", "TIMES", "Pattern", "Story", "ask", "capitalise",
    "combination_split", "combinations", "corpus", "draw_asked", "objects", "paired_slots", "parts_of",
    "patterns", "phrase_split", "problems", "sample_story", "sections", "slot_options", "thing_phrases",
]  # fmt: skip

ROLES = (
    "announce", "cry", "begin", "open", "join", "light", "view", "mood", "problem", "try1", "feel", "try2",
    "friend", "turn", "end", "after", "back", "close",
)  # fmt: skip
SMALL_SHARE = 0.4  # of free beginnings that answer no request: typed in small letters
MAX_WORDS = 155  # one story in ten is longer and is written again


@dataclass
class Story:
    """A story, the words that asked for it (or ""), its facts, and log p(text | prompt) in nats."""

    prompt: str
    text: str
    facts: dict[str, str]
    log_probability: float
    sentences: list[tuple[str, str]] = field(default_factory=list)


# ------------------------------------------------------------------ writing
@cache
def _fitting(section: str, thing: str, several: bool) -> tuple[Pattern, ...]:
    """The patterns of a section that can show the thing of the story, one or several of it."""
    wrong = ["{a_thing}", "{a_sky_thing}"] if several else ["{some_things}"]
    if thing and thing not in SKY_THINGS:
        wrong.append("{a_sky_thing}")
    listed = patterns()[section]
    if not thing:
        return tuple(listed)
    return tuple(p for p in listed if not any(slot in p.text for slot in wrong))


SHE_OR_HE = r"\{(?:they|them|their|themself)\}"
SOMEBODY = re.compile(
    r"\b(?:baker|postman|miller|teacher|gardener|shoemaker|farmer|captain|tinker|clockmaker|aunt|uncle|mother|"
    r"father|grandmother|grandfather|sister|brother|cousin|boy|girl|nurse|godfather|godmother|man|woman)\b"
)


@dataclass(frozen=True)
class _Traits:
    """What the text of a pattern says, as far as another sentence must fit it."""

    place: bool  # names the place
    adjective: bool  # describes somebody
    friendship: bool  # speaks of friends
    pronoun_first: bool  # says "he" or "she" before it names the hero
    inverted: bool  # says "said {sub}", which does not go with "he" or "she"
    two_pronouns: bool  # names the friend, and the hero only by "he" or "she"


@cache
def _traits(text: str) -> _Traits:
    """Read the traits of a pattern off its text."""
    first, named = re.search(SHE_OR_HE, text), re.search(r"\{(?:name|hero)\}", text)
    return _Traits(
        place="{in_place}" in text or "{the_place}" in text,
        adjective="{adj}" in text,
        friendship=bool(re.search(r"\bfriends?\b(?!\})", text)),
        pronoun_first=bool(first and not (named and named.start() < first.start())),
        inverted=bool(re.search(r"(?:said|said_sad|asked|cried|thought)\}? \{sub\}", text)),
        two_pronouns=bool("{friend}" in text and first and not named),
    )


@dataclass
class _Told:
    """What the sentences so far have said, as far as the next one must fit them."""

    place: bool = False  # the last sentence named the place
    somebody: bool = False  # the last sentence spoke of somebody that "he" or "she" could mean
    within: str = ""  # how the place was named last
    phrases: set[str] = field(default_factory=set)

    def add(self, text: str, values: dict[str, str], facts: dict[str, str]) -> None:
        """Take note of a sentence and of what filled its slots."""
        self.place = "in_place" in values or "the_place" in values
        self.within = values.get("in_place", self.within)
        others = facts["friend"] != facts["character"] and facts["friend"] in text
        kind = CHARACTERS[facts["character"]].kind
        self.somebody = others or bool(SOMEBODY.search(text.replace(f" {kind}", "")))
        self.phrases |= {
            value for slot, value in values.items() if slot == "hide" or slot not in grammar.FACT_SLOTS
        }


def _choices(role: str, section: str, facts: dict[str, str], told: _Told) -> list[Pattern]:
    """The patterns of a section that go best with what was told and what was asked for."""
    one_voice = CHARACTERS[facts["character"]].pronouns == CHARACTERS[facts["friend"]].pronouns
    described = facts["adj"] if role in ("begin", "open") else facts["fadj"] if role == "friend" else ""
    friendly = facts["asked_friend"] and role in ("begin", "friend")
    options = list(_fitting(section, facts["thing"], facts["look"].startswith(NUMBERS)))
    for needed, trait, wanted in (
        (described, "adjective", True),
        (friendly, "friendship", True),
        (told.place, "place", False),
        (told.somebody, "pronoun_first", False),
        (facts["naming"] == "pronoun", "inverted", False),
        (one_voice, "two_pronouns", False),
    ):
        if needed:
            options = [p for p in options if getattr(_traits(p.text), trait) == wanted] or options
    return options


@cache
def _pieces(text: str) -> tuple[str, ...]:
    """Cut a text at its slots: fixed words and names of slots in turn."""
    return tuple(re.split(r"\{(\w+)\}", text))


def _options(slot: str, facts: dict[str, str], told: _Told, values: dict[str, str]) -> Sequence[str]:
    """What may fill a slot: nothing that was said before, and no "he" or "she" that could be another."""
    options = slot_options(slot, facts)
    if slot == "hero":
        return options[:1] if told.somebody else options
    if slot == "in_place":
        return [option for option in options if option != told.within]
    if slot in grammar.FACT_SLOTS - {"hide"}:
        return options
    said = told.phrases.union(values.values())
    return [option for option in options if option not in said] or options


def _fill(
    text: str, facts: dict[str, str], draw: Draw, values: dict[str, str], told: _Told | None = None
) -> str:
    """Fill the slots of a pattern; ``values`` keeps what each slot was filled with."""
    told, pieces = told or _Told(), list(_pieces(text))
    for number in range(1, len(pieces), 2):
        slot = pieces[number]
        if slot not in values:
            phrase = draw.choose(_options(slot, facts, told, values))
            values[slot] = _fill(phrase, facts, draw, values, told) if "{" in phrase else phrase
        pieces[number] = values[slot]
    return "".join(pieces)


def _sentence(pattern: Pattern, facts: dict[str, str], draw: Draw, split: str, told: _Told) -> str:
    """Write one sentence whose pair of phrases belongs to the split (as far as sixty tries find one)."""
    pair, before = paired_slots(pattern.text), draw.log_probability
    if pattern.role not in ("begin", "open"):
        facts = facts | {"adj": facts["fadj"] if pattern.role == "friend" else ""}
    for _ in range(60):
        values: dict[str, str] = {}
        draw.log_probability = before
        text = _fill(pattern.text, facts, draw, values, told)
        named = tuple(values.get(slot, facts["character"]) for slot in pair)
        if not pair or phrase_split(pattern.text, named) == split:
            break
    told.add(text, values, facts)
    return capitalise(with_articles(text))


def _in_small_letters(sentence: str, rng: random.Random) -> str:
    """Write the first words of a sentence, up to all of them, in small letters, as people type."""
    words = sentence.split(" ")
    count = rng.randrange(1, len(words) + 1)
    return " ".join([word.lower() for word in words[:count]] + words[count:])


def _write(draw: Draw, facts: dict[str, str], split: str, typed: bool) -> list[tuple[str, str]]:
    """Write the sentences: a list of (role, sentence); ``typed``: the first may be in small letters."""
    sentences, time_is_told, told = [], False, _Told()
    for role, section in plan_of(facts, draw):
        if time_is_told and section.startswith("light"):
            continue
        pattern = draw.choose(_choices(role, section, facts, told))
        tells_time = "{at_time}" in pattern.text or "{daytime}" in pattern.text
        time_is_told = time_is_told or tells_time or ("time", facts["time"]) in pattern.facts
        sentences.append((role, _sentence(pattern, facts, draw, split, told)))
    if typed and facts["beginning"] not in ("once", "other") and draw.flip(SMALL_SHARE):
        role, first = sentences[0]
        sentences[0] = (role, _in_small_letters(first, draw.rng))
    return sentences


def sample_story(
    rng: random.Random, split: str = "train", *, asked: Sequence[str] | None = None, **given: str
) -> Story:
    """Write one story of a split ("train", "validation" or "test").

    ``asked`` lists the facts that the prompt names (of ``ASKABLE``; ``()`` for no prompt; None draws them);
    ``given`` fixes facts. The story's ``log_probability`` is that of its text given prompt and ``given``.
    Raises ValueError where no combination of the split fits what is given.
    """
    fields = draw_asked(rng) if asked is None else tuple(asked)
    wanted = dict(given)
    if "friend" in fields:
        fields = tuple(dict.fromkeys((*fields, "character")))
    if "company" in fields or "friend" in fields:
        wanted["company"] = "friend"
    chosen = draw_facts(Draw(rng), split, wanted)
    if "thing" in fields and "thing" not in wanted:
        ground = rng.random() < 0.5
        chosen["thing"] = rng.choice(PLACES[chosen["place"]].things if ground else SKY_THINGS)
    known = wanted | {name: chosen[name] for name in fields}
    prompt = wish(rng, {name: chosen[name] for name in fields}) if fields else ""
    known |= adjectives(prompt) | {"colour": colour(prompt)}
    if "company" in fields:
        known["asked_friend"] = "yes"
    if "mood" in fields:
        known["asked_mood"] = "yes"
    sentences: list[tuple[str, str]] = []
    while not sentences or sum(len(text.split()) for _, text in sentences) > MAX_WORDS:
        draw = Draw(rng)
        facts = draw_facts(draw, split, known)
        sentences = _write(draw, facts, split, typed=not fields)
    return Story(prompt, " ".join(text for _, text in sentences), facts, draw.log_probability, sentences)


def corpus(split: str, count: int, seed: int = 0) -> Iterator[Story]:
    """Yield ``count`` stories of a split; the same split, count and seed give the same stories."""
    rng = random.Random(f"{split}-{seed}")
    for _ in range(count):
        yield sample_story(rng, split)
