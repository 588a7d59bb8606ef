"""The language of the stories: sentence patterns with slots, and the word lists that fill the slots.

The files of the folder ``patterns`` hold sections. "@name" begins a section of sentence patterns, one a line;
"@=name" begins a list of phrases, divided by " | "; "@problem.objects" lists what a problem is about, and
"@kind.items" what a free beginning of a kind is about (``freely.py``).
A ``{slot}`` in a pattern is filled from the story's facts ({name}, {in_place}), or from the list of that
name. A list "name.key" belongs to the place or time ``key``. Within one sentence a slot keeps its value.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from smallworld.world import freely
from smallworld.world.freely import FREE_KINDS, FREE_SLOTS, ITEM_SLOTS, item_fields
from smallworld.world.spelling import WRONG_ARTICLE, capitalise, with_articles
from smallworld.world.vocabulary import (
    ADJECTIVES,
    ASKED_ADJECTIVES,
    CHARACTERS,
    MOODS,
    PLACES,
    PRONOUNS,
    SKY_THINGS,
    TIMES,
    thing_phrase,
    things_in,
)

__all__ = [
    "FACT_SLOTS", "FREE_KINDS", "ITEM_SLOTS", "OBJECT_SLOTS", "PLACE_SLOTS", "PLAIN_MOODS", "PRONOUN_SLOTS",
    "SLOT", "THING_SLOTS", "TIME_SLOTS", "WRONG_ARTICLE", "Pattern", "capitalise", "definite", "family",
    "item_fields", "items", "lists", "mood_of", "object_fields", "objects", "parts_of", "patterns", "phrases",
    "problems", "section_of", "sections", "slot_options", "thing_phrases", "things_by_slot", "with_articles",
]  # fmt: skip

FOLDER = Path(__file__).with_name("patterns")
PLAIN_MOODS = ("happy", "calm")  # they go with every everyday problem; other moods have problems of their own
FILES = (
    "lists",
    "openings",
    "free",
    "free_words",
    "scenery",
    "moods",
    "announce",
    "mood_words",
    "steps",
    "problems_1",
    "problems_2",
    "problems_3",
)
FILES += tuple(f"mood_{mood}" for mood in MOODS if mood not in PLAIN_MOODS)
SLOT = re.compile(r"\{(\w+)\}")
PRONOUN_SLOTS = tuple(PRONOUNS["she"]) + tuple("f" + slot for slot in PRONOUNS["she"])
PLACE_SLOTS = {
    "in_place": "within",
    "the_place": "names",
    "high": "high",
    "path": "path",
    "hide": "hide",
    "ground": "ground",
    "shelter": "shelter",
}
TIME_SLOTS = {"at_time": "at", "the_time": "names"}
THING_SLOTS = ("a_thing", "a_sky_thing", "some_things", "the_thing")
WHO_SLOTS = ("name", "kind", "hands", "hero", "friend", "fkind")
OBJECT_SLOTS = ("obj", "o", "m1", "m2", "m3", "mt")
FACT_SLOTS = frozenset(
    (*FREE_SLOTS, *PLACE_SLOTS, *TIME_SLOTS, *THING_SLOTS, *WHO_SLOTS, *PRONOUN_SLOTS, *OBJECT_SLOTS, "adj")
)


@dataclass(frozen=True)
class Pattern:
    """One hand-written sentence with slots; ``facts`` is what using it says about the story."""

    role: str
    text: str
    facts: tuple[tuple[str, str], ...]
    group: str


# ------------------------------------------------------------------ the files
@cache
def sections(path: Path) -> dict[str, tuple[str, ...]]:
    """Read a file of sections, each begun by "@name": name to lines, in file order, without "#" comments."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("@"):
            name = line[1:]
        elif line and not line.startswith("#"):
            found.setdefault(name, []).append(line)
    return {name: tuple(lines) for name, lines in found.items()}


@cache
def _every_section() -> dict[str, tuple[str, ...]]:
    """The sections of all pattern files. Raises ValueError for a name that is used twice."""
    result: dict[str, tuple[str, ...]] = {}
    for file in FILES:
        part = sections(FOLDER / f"{file}.txt")
        twice = result.keys() & part.keys()
        if twice:
            raise ValueError(f"{file}.txt repeats {', '.join(sorted(twice))}.")
        result |= part
    return result


def _entries(lines: Sequence[str]) -> tuple[str, ...]:
    """The phrases of a list; "a, b x c, d" on a line stands for every pair, "a c", "a d", "b c", "b d"."""
    result: list[str] = []
    for line in lines:
        if " x " in line:
            firsts, seconds = (part.split(", ") for part in line.split(" x "))
            result += [f"{first} {second}" for first in firsts for second in seconds]
        else:
            result += [part.strip() for part in line.split(" | ")]
    return tuple("" if entry == "_" else entry for entry in result)


@cache
def lists() -> dict[str, tuple[str, ...]]:
    """The word lists: name to phrases."""
    return {name[1:]: _entries(lines) for name, lines in _every_section().items() if name.startswith("=")}


@cache
def objects() -> dict[str, tuple[str, ...]]:
    """Name the objects of each problem that has some ("kite" -> "red kite", ...)."""
    ending = ".objects"
    found = _every_section().items()
    return {name.removesuffix(ending): _entries(lines) for name, lines in found if name.endswith(ending)}


@cache
def items() -> dict[str, tuple[str, ...]]:
    """What each kind of free beginning can be about ("found" -> "red ball", ...)."""
    return {
        kind: _entries(_every_section()[f"{kind}.items"])
        for kind in FREE_KINDS
        if f"{kind}.items" in _every_section()
    }


@cache
def patterns() -> dict[str, list[Pattern]]:
    """The sentence patterns: section name to its patterns, in file order.

    A section "problem.try.name" gives three: "problem.try.name.only" for an only attempt, and
    "problem.try.name.1" and "problem.try.name.2" for a first and a second one. Lines that begin with "1:" are
    for an only or a first attempt, those with "2:" for a second one.
    """
    result: dict[str, list[Pattern]] = {}
    for name, lines in _every_section().items():
        if name.startswith("=") or name.endswith((".objects", ".problems", ".items")):
            continue
        if ".try." in name:
            for turn, words in (("only", "{name}"), ("1", "{first} {hero}"), ("2", "{next} {hero}")):
                other = "1:" if turn == "2" else "2:"
                kept = [re.sub("^[12]: ", "", line) for line in lines if not line.startswith(other)]
                if turn == "1":  # with an ordinal only, so that no sentence is read in two ways
                    kept = [line for line in kept if "{ord}" in line] or kept
                texts = [line.replace("{ord} {hero}", words) for line in kept]
                result[f"{name}.{turn}"] = [_pattern(f"{name}.{turn}", text) for text in texts]
        else:
            result[name] = [_pattern(name, text) for line in lines for text in freely.opened(line)]
    return result


def _pattern(section: str, text: str) -> Pattern:
    """Turn a line under ``@section`` into a pattern with its role and facts."""
    parts = section.split(".")
    if parts[0] in freely.ROLES and parts[1] in FREE_KINDS:
        return Pattern(freely.ROLES[parts[0]], text, freely.facts_of(parts[1]), section)
    if parts[0] in ("open", "start", "after"):
        facts = (("time", parts[2]),) if parts[1] == "time" else ()
        return Pattern("open", text, facts, section)
    if parts[0] == "errand":
        return Pattern("view", text, (), section)
    if parts[0] in ("begin", "feel", "friend", "back", "kept"):
        facts = (("company", "friend"),) if section.startswith(("begin.two", "friend.here")) else ()
        return Pattern("back" if parts[0] == "kept" else parts[0], text, facts, section)
    if parts[0] in OF_A_PLACE_TIME_OR_MOOD:
        role, fact = OF_A_PLACE_TIME_OR_MOOD[parts[0]]
        return Pattern(role, text, () if parts[1] == "thing" else ((fact, parts[1]),), section)
    return _problem_pattern(parts, section, text)


def _problem_pattern(parts: list[str], section: str, text: str) -> Pattern:
    """The pattern of a line in a problem's section, such as "kite.end.alone.wind"."""
    problem, part, *more = parts
    facts = (("problem", problem),)
    if mood_of(problem):
        facts += (("mood", mood_of(problem)),)
    if part == "try":
        role = "try2" if more[1] == "2" else "try1"
        return Pattern(role, text, facts + ((role, more[0]),), section)
    if more:
        facts += (("company", more[0]),)
    if part == "end":
        facts += (("end", more[1]),)
    return Pattern(part, text, facts, section)


# The sections that belong to a place, a time of day or a mood: the role of their sentences, and the fact.
OF_A_PLACE_TIME_OR_MOOD = {
    "light": ("light", "time"),
    "dull": ("light", "time"),
    "view": ("view", "place"),
    "announce": ("announce", "mood"),
    "mood": ("mood", "mood"),
    "deed": ("turn", "mood"),
    "joy": ("after", "mood"),
    "close": ("close", "mood"),
}


@cache
def mood_of(problem: str) -> str:
    """The one mood that a problem belongs to ("footsteps" -> "scary"); "" where it is an everyday problem."""
    for mood in MOODS:
        for line in _every_section().get(f"{mood}.problems", ()):
            if problem in line.split(" | "):
                return mood
    return ""


@cache
def problems(mood: str = "") -> tuple[str, ...]:
    """Name the kinds of problem, in file order: all of them, or those that suit a mood."""
    every = [name.split(".")[0] for name in patterns() if name.endswith(".problem")]
    if not mood:
        return tuple(every)
    wanted = "" if mood in PLAIN_MOODS else mood
    return tuple(problem for problem in every if mood_of(problem) == wanted)


@cache
def section_of(problem: str, part: str, company: str) -> str:
    """Name the section for a part that not every problem has ("turn", "after", "friend", "feel"); "": none.

    A part that depends on the company has two sections, "problem.part.alone" and "problem.part.friend".
    """
    for name in (f"{problem}.{part}.{company}", f"{problem}.{part}"):
        if name in patterns():
            return name
    return ""


@cache
def parts_of(problem: str, part: str) -> tuple[str, ...]:
    """Name the attempts (``part="try"``) or endings (``"end.alone"``, ``"end.friend"``) of a problem."""
    prefix = f"{problem}.{part}."
    names = [name[len(prefix) :].split(".")[0] for name in patterns() if name.startswith(prefix)]
    return tuple(dict.fromkeys(names))


# ------------------------------------------------------------------ slots
@cache
def thing_phrases(place: str | None, sky: bool, several: bool, kind: str = "") -> tuple[str, ...]:
    """List the phrases for things ("a red balloon", "two white birds") seen in a place (None: anywhere)."""
    everything = sorted({thing for key in ([place] if place else PLACES) for thing in things_in(key)})
    kinds = SKY_THINGS if sky else everything
    chosen = [thing for thing in kinds if kind in ("", thing)]
    return tuple(phrase for thing in chosen for phrase in thing_phrase(thing, several))


@cache
def things_by_slot(slot: str) -> dict[str, tuple[str, ...]]:
    """For each thing, all phrases that a slot of ``THING_SLOTS`` could name it by."""
    kinds = SKY_THINGS if slot == "a_sky_thing" else sorted({k for place in PLACES for k in things_in(place)})
    single = {kind: thing_phrases(None, False, False, kind) for kind in kinds}
    several = {kind: thing_phrases(None, False, True, kind) for kind in kinds}
    if slot == "the_thing":
        return {kind: tuple(map(definite, single[kind] + several[kind])) for kind in kinds}
    return several if slot == "some_things" else single


def object_fields(entry: str) -> dict[str, str]:
    """The forms of what a problem is about.

    "red kite" fills {obj}, and {o} with its last word. "a box / opened the box" also fills {m1} and {m2}, and
    {mt} with "the box".
    """
    forms = entry.split(" / ")
    fields = {f"m{number}": form for number, form in enumerate(forms, 1)}
    return fields | {"mt": re.sub(r"^an? ", "the ", forms[0]), "obj": entry, "o": entry.split(" ")[-1]}


def definite(phrase: str) -> str:
    """Name a thing again that was seen ("a balloon" -> "the balloon", "two birds" -> "the two birds")."""
    return "the " + re.sub(r"^an? ", "", phrase)


@lru_cache(maxsize=100_000)
def _fact_options(
    slot: str, place: str, time: str, character: str, friend: str, obj: str, look: str
) -> tuple[str, ...]:
    """The options of a slot that is filled from facts."""
    hero, helper = CHARACTERS[character], CHARACTERS[friend]
    if slot in THING_SLOTS:
        return (definite(look) if slot == "the_thing" else look,)
    if slot in PLACE_SLOTS:
        return getattr(PLACES[place], PLACE_SLOTS[slot])
    if slot in TIME_SLOTS:
        return getattr(TIMES[time], TIME_SLOTS[slot])
    if slot in PRONOUN_SLOTS:
        who = helper if slot.startswith("f") else hero
        return (PRONOUNS[who.pronouns][slot.removeprefix("f")],)
    table = {
        "name": (hero.name,),
        "kind": (hero.kind,),
        "hands": (hero.hands,),
        "hero": (hero.name, PRONOUNS[hero.pronouns]["they"]),
        "adj": ADJECTIVES,
        "friend": (helper.name,),
        "fkind": (helper.kind,),
    }
    return table[slot] if slot in table else (object_fields(obj)[slot],)


def slot_options(slot: str, facts: dict[str, str]) -> Sequence[str]:
    """List what may fill a slot, given the story's facts (place, time, character, friend, object).

    A phrase of a word list may hold slots of its own. Raises KeyError for a slot that does not exist.
    """
    every = lists()
    if slot == "sub" and facts["naming"] in freely.SUBJECTS:
        return (freely.SUBJECTS[facts["naming"]],)
    if slot in every:
        return every[slot]
    if slot == "kin":
        return (facts["kin"],)
    if slot in ITEM_SLOTS:
        return (item_fields(slot[:-1], facts["item"])[slot],)
    if slot == "adj" and facts.get("adj"):
        return (facts["adj"],)
    if slot in FACT_SLOTS:
        given = (facts["place"], facts["time"], facts["character"], facts["friend"], facts["object"])
        return _fact_options(slot, *given, facts.get("look", ""))
    by_place = f"{slot}.{facts['place']}"
    return every[by_place] if by_place in every else every[f"{slot}.{facts['time']}"]


@cache
def phrases(slot: str) -> tuple[str, ...]:
    """List everything that any story could put into a slot (word lists may still hold slots of their own)."""
    if slot in PLACE_SLOTS:
        found = [phrase for place in PLACES.values() for phrase in getattr(place, PLACE_SLOTS[slot])]
    elif slot in TIME_SLOTS:
        found = [phrase for time in TIMES.values() for phrase in getattr(time, TIME_SLOTS[slot])]
    elif slot in THING_SLOTS:
        found = [phrase for phrases in things_by_slot(slot).values() for phrase in phrases]
    elif slot in PRONOUN_SLOTS:
        found = [words[slot.removeprefix("f")] for words in PRONOUNS.values()]
    elif slot in OBJECT_SLOTS:
        entries = [entry for every in objects().values() for entry in every]
        found = [object_fields(entry)[slot] for entry in entries if slot in object_fields(entry)]
    elif slot == "kin":
        found = lists()["relative"]
    elif slot in ITEM_SLOTS:
        fields = [item_fields(slot[:-1], entry) for entry in items().get(slot[:-1], ())]
        found = [field[slot] for field in fields if slot in field]
    elif slot in FACT_SLOTS:
        found = _people_phrases(slot)
    elif slot in lists():
        found = [*lists()[slot], *(freely.SUBJECTS.values() if slot == "sub" else ())]
    else:
        found = [phrase for name in family(slot) for phrase in lists()[name]]
    return tuple(dict.fromkeys(found))


def _people_phrases(slot: str) -> list[str]:
    """Everything that can fill a slot about the hero or the friend, pronouns left out."""
    everyone = CHARACTERS.values()
    if slot == "adj":
        return [*ADJECTIVES, *ASKED_ADJECTIVES]
    if slot == "hero":
        return [c.name for c in everyone] + [words["they"] for words in PRONOUNS.values()]
    field = {"friend": "name", "fkind": "kind"}.get(slot, slot)
    return [getattr(c, field) for c in everyone]


@cache
def family(slot: str) -> tuple[str, ...]:
    """Name the lists of a slot whose words depend on the place or the time ("sight" -> "sight.city", ...)."""
    names = tuple(name for name in lists() if name.startswith(slot + "."))
    if not names:
        raise KeyError(f"There is no list for the slot {slot!r}.")
    return names
