"""Read a prompt: which place, time, thing, colour and number its words name, and what nobody can draw.

Phrases are read longest first, and no word counts twice: "a dark green forest" is a forest and no night.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from smallworld.world import wordings
from smallworld.world.captions import SMALL_WORDS, split_words, time_adjectives
from smallworld.world.vocabulary import CHARACTERS, PLACES, TIMES, colors_of, plural

COUNTS: dict[str, int] = {
    **dict.fromkeys(("a", "an", "one", "single", "lone", "1"), 1),
    **dict.fromkeys(("two", "pair", "couple", "2"), 2),
    **dict.fromkeys(("three", "trio", "3"), 3),
}
TOO_MANY = (
    *("four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "twenty"),
    *("dozen", "dozens", "hundred", "hundreds", "thousand", "thousands"),
)
NEGATIONS = ("no", "not", "without", "never", "don't", "except", "minus")
# What can be seen in a picture beside places and things.
PARTS = (
    *(
        "moon",
        "sun",
        "star",
        "stars",
        "sky",
        "light",
        "lights",
        "lamp",
        "lamps",
        "window",
        "windows",
        "tower",
    ),
    *("towers", "tree", "trees", "flower", "flowers", "cactus", "cacti", "church", "beach", "road", "sand"),
    *("grass", "animals", "people", "person", "things", "thing", "colours", "colors", "buildings", "roofs"),
)
# Colours in which nothing of the small world comes.
OTHER_COLORS = (
    *("orange", "brown", "gold", "golden", "silver", "turquoise", "violet", "cyan", "magenta", "beige"),
    *("lilac", "crimson", "scarlet", "teal", "rainbow", "colourful", "colorful", "multicoloured"),
)


@dataclass(frozen=True)
class Named:
    """A thing that a prompt names: its key, and colour and number ("" and 0 where they are not said)."""

    thing: str
    several: bool
    color: str = ""
    count: int = 0


def read_prompt(text: str) -> dict[str, str | int | bool]:
    """What a prompt says of a scene: place, time, thing, color, several, count, as far as it says them.

    A fact that is named in two ways ("at noon ... at night") is left out.
    """
    places, times = read_places_and_times(text)
    facts: dict[str, str | int | bool] = {}
    if len(places) == 1:
        facts["place"] = places.pop()
    if len(times) == 1:
        facts["time"] = times.pop()
    named = read_things(text)
    if len({each.thing for each in named}) != 1:
        return facts
    facts |= {"thing": named[0].thing, "several": any(each.several for each in named)}
    for name in ("color", "count"):
        values = {getattr(each, name) for each in named} - {"", 0}
        if len(values) == 1:
            facts[name] = values.pop()
    return facts


# ------------------------------------------------------------------ places and times
def read_places_and_times(text: str) -> tuple[set[str], set[str]]:
    """The places and the times of day that a text names; where no phrase fits, bare words count."""
    words = " ".join(split_words(text))
    pattern, meanings = _phrases()
    found = [meanings[match[0]] for match in pattern.finditer(words)]
    times = {time for _, time in found if time}
    if not times:
        bare_pattern, bare_times = _bare_times()
        times = {bare_times[match[0]] for match in bare_pattern.finditer(_bare(words))}
    return {place for place, _ in found if place}, times


@cache
def _phrases() -> tuple[re.Pattern, dict[str, tuple[str, str]]]:
    """Every phrase that names a place, a time or both, as one pattern and with its meaning."""
    meanings: dict[str, tuple[str, str]] = {}
    for place in PLACES:
        for name in place_names(place):
            meanings[name] = (place, "")
            for adjective in wordings.PLACE_ADJECTIVES[place]:
                meanings[f"{adjective} {name}"] = (place, "")
            for time in TIMES:
                for adjective in time_adjectives(time, name):
                    meanings[f"{adjective} {name}"] = (place, time)
    for time in TIMES:
        for phrase in time_phrases(time):
            meanings[phrase] = ("", time)
    return _any_of(meanings), meanings


def place_names(place: str) -> tuple[str, ...]:
    """All names of a place, without an article."""
    names = [name.removeprefix("the ") for name in PLACES[place].names]
    names = [" ".join(split_words(name)) for name in names]
    return (*wordings.PLACE_NAMES[place], *wordings.UNSEEN_PLACES[place], *names)


def time_phrases(time: str) -> tuple[str, ...]:
    """All phrases and nouns for a time of day."""
    tables = (wordings.TIME_PHRASES, wordings.UNSEEN_TIMES, wordings.TIME_NOUNS)
    return (*(phrase for table in tables for phrase in table[time]), *TIMES[time].at)


@cache
def _bare_times() -> tuple[re.Pattern, dict[str, str]]:
    """Phrases for times without function words, as bare captions have them; only those that are clear."""
    meanings: dict[str, set[str]] = {}
    for time in TIMES:
        for phrase in time_phrases(time):
            meanings.setdefault(_bare(phrase), set()).add(time)
    clear = {phrase: times.pop() for phrase, times in meanings.items() if len(times) == 1}
    for vague in ("day", "sun", "dark", ""):
        clear.pop(vague, None)
    return _any_of(clear), clear


def _bare(text: str) -> str:
    """Leave out what captions sometimes leave out: function words."""
    return " ".join(word for word in split_words(text) if word not in SMALL_WORDS)


def _any_of(phrases: Iterable[str]) -> re.Pattern:
    """Any of the phrases, as whole words, the longest first; "in the dark" not before a colour."""
    ordered = sorted(phrases, key=len, reverse=True)
    listed = "|".join(re.escape(phrase) for phrase in ordered)
    colors = "|".join(wordings.color_names())
    return re.compile(rf"(?<![\w-])(?:{listed})(?![\w'-])(?!(?<=\bdark) (?:{colors})\b)")


# ------------------------------------------------------------------ things
def read_things(text: str) -> list[Named]:
    """The things that a text names, one after another, with the colour and the number that belong to each."""
    words = " ".join(split_words(text))
    return [_named(match) for match in _thing_pattern().finditer(words)]


def _named(match: re.Match) -> Named:
    """One thing from a match of the pattern."""
    thing, several = thing_forms()[match["name"]]
    color = match["before"] or match["after"] or ""
    number = match["number"] or match["later"] or ""
    return Named(thing, several, color, COUNTS.get(number, 0))


@cache
def thing_forms() -> dict[str, tuple[str, bool]]:
    """Every name of a thing, in the singular and in the plural: the thing, and whether there are several."""
    forms: dict[str, tuple[str, bool]] = {}
    for thing, names in wordings.THING_NAMES.items():
        for name in names:
            forms[name] = (thing, False)
            forms[plural(name)] = (thing, True)
    return forms


@cache
def _thing_pattern() -> re.Pattern:
    """A number, a colour and a thing; or a thing "that is red", "in red"; or things, "two of them"."""
    names = "|".join(map(re.escape, sorted(thing_forms(), key=len, reverse=True)))
    colors = "|".join((*wordings.color_names(), *OTHER_COLORS))
    numbers = "|".join((*COUNTS, *TOO_MANY, r"\d+"))
    later = rf"(?: (?:(?:that|which) (?:is|are)|in) (?P<after>{colors})\b)?"
    of_them = rf"(?: (?P<later>{numbers}) of them\b)?"
    before = rf"(?<![\w-])(?:(?P<number>{numbers})(?: of)? )?(?:(?P<before>{colors}) )?"
    return re.compile(rf"{before}(?P<name>{names})(?![\w'-]){later}{of_them}")


# ------------------------------------------------------------------ what nobody can draw
def negations(text: str) -> list[str]:
    """Words such as "no" and "without" that stand before something that could be seen."""
    words = " ".join(split_words(text))
    return _in_order(match["word"] for match in _negation_pattern().finditer(words))


@cache
def _negation_pattern() -> re.Pattern:
    """A negation, at most two words, and something that can be seen."""
    nouns = {*thing_forms(), *PARTS, *(name.split()[-1] for place in PLACES for name in place_names(place))}
    listed = "|".join(map(re.escape, sorted(nouns, key=len, reverse=True)))
    return re.compile(rf"(?<![\w-])(?P<word>{'|'.join(NEGATIONS)})(?: [\w'-]+){{0,2}} (?:{listed})(?![\w'-])")


def numbers_above_three(text: str) -> list[str]:
    """Numbers from four on that stand before a thing, or after it ("boats, five of them")."""
    names = "|".join(map(re.escape, sorted(thing_forms(), key=len, reverse=True)))
    large = rf"{'|'.join(TOO_MANY)}|0*[4-9]|0*[1-9]\d+"
    words = " ".join(split_words(text))
    before = re.finditer(rf"(?<![\w-])({large})(?: [\w'-]+){{0,2}} (?:{names})(?![\w'-])", words)
    after = re.finditer(rf"(?<![\w-])(?:{names}) ({large}) of them\b", words)
    return _in_order(match[1] for match in (*before, *after))


def impossible_colors(text: str) -> list[tuple[str, str]]:
    """Colours together with things that never have them: ("orange", "balloon")."""
    pairs = [(each.color, each.thing) for each in read_things(text) if each.color]
    return _in_order((color, thing) for color, thing in pairs if color not in colors_of(thing))


def characters(text: str) -> list[str]:
    """Those who live in the stories and are never drawn, by name or kind: "fox", "mina"."""
    everyone = {*CHARACTERS, *(who.kind for who in CHARACTERS.values())}
    known = {form for name in everyone for form in (name.lower(), plural(name.lower()))} | {"mice", "foxes"}
    return _in_order(word for word in split_words(text) if word in known)


def _in_order(found: Iterable) -> list:
    """Each once, in the order in which they came."""
    return list(dict.fromkeys(found))
