"""Reads a text as a story of the small world and says what is wrong with it.

Each sentence is matched against the same patterns and word lists that write the stories, and what it says
(who, where, when, which problem) is compared with the prompt and with what was said before. A sentence that
no pattern writes is reported as garbled or foreign, and still searched for names, places and times.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from smallworld.world import grammar, stories, wishes
from smallworld.world.sentences import Reading, read_sentence, split_sentences
from smallworld.world.vocabulary import CHARACTERS, MOODS, PLACES, PRONOUNS, TIMES

__all__ = [
    "Fault", "Reading", "Report", "check", "mentioned_keys", "read_conditions", "read_people",
    "read_sentence", "split_sentences",
]  # fmt: skip

PLACE_WORDS = {
    "city": "city|cityscape",
    "mountains": "mountains?",
    "desert": "deserts?",
    "ocean": "ocean|sea|seaside",
    "forest": "forests?",
    "meadow": "meadows?",
    "village": "villages?",
    "snow": "snowy valley|snowfield|white valley|in the snow|deep snow",
}
TIME_WORDS = {
    "morning": "morning|sunrise|dawn",
    "noon": "noon|midday|middle of the day|bright day|the day",
    "sunset": "sunset|evening|dusk",
    "night": "night|midnight|after dark|under the stars|in the dark",
}
REQUIRED = ("open", "problem", "end", "close")


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: its kind, the number of the sentence (from 0, -1 for the whole) and words."""

    kind: str
    sentence: int
    message: str


@dataclass
class Report:
    """What the checker found: ``faults`` (empty for a sound story) and the ``facts`` read off the text."""

    faults: list[Fault] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    mentioned: frozenset[str] = frozenset()

    @property
    def ok(self) -> bool:
        """True where nothing is wrong."""
        return not self.faults

    def mentions(self, key: str) -> bool:
        """Say whether the text names a place or a time of day ("desert", "night") in so many words."""
        return key in self.mentioned


def mentioned_keys(text: str) -> frozenset[str]:
    """Collect the places and times of day that a text names (keys of the vocabulary)."""
    return frozenset(
        key
        for table in (PLACE_WORDS, TIME_WORDS)
        for key, words in table.items()
        if re.search(rf"\b(?:{words})\b", text, re.IGNORECASE)
    )


def read_people(prompt: str) -> list[str]:
    """List the characters that a prompt names, by name or kind, in its order: the hero, then friends."""
    everyone = wishes.read(prompt)["character"]
    named = [name for name in everyone if re.search(rf"\b{name}\b", prompt)]
    return everyone if len(everyone) == 2 else named or everyone


def read_conditions(prompt: str) -> dict[str, str]:
    """Read what a prompt asks for: place, time, mood, thing, character, as far as each is named exactly once.

    ``company`` is "friend" where two characters are named or friends are asked for. Other words than the
    world's own are read, too ("the woods", "spooky", "a bunny"), and words with one wrong letter.
    """
    read, people = wishes.read(prompt), read_people(prompt)
    groups = {
        "place": read["place"],
        "time": read["time"],
        "mood": [mood for mood in MOODS if re.search(rf"\b{mood}\b", prompt, re.IGNORECASE)] or read["mood"],
        "thing": read["thing"],
        "company": ["friend"] if len(people) == 2 else read["company"],
        "character": people,
    }
    return {key: found[0] for key, found in groups.items() if len(found) == 1}


# ------------------------------------------------------------------ what a sentence claims
@cache
def _owners(slot: str, value: str) -> tuple[str, frozenset[str]]:
    """Say which fact a slot's value (in small letters) speaks of and which values of that fact allow it."""
    if slot in grammar.PLACE_SLOTS:
        field_name = grammar.PLACE_SLOTS[slot]
        return "place", _keys({k: getattr(p, field_name) for k, p in PLACES.items()}, value)
    if slot in grammar.TIME_SLOTS:
        field_name = grammar.TIME_SLOTS[slot]
        return "time", _keys({k: getattr(t, field_name) for k, t in TIMES.items()}, value)
    if slot in grammar.THING_SLOTS:
        return "thing", _keys(grammar.things_by_slot(slot), value)
    if slot in grammar.OBJECT_SLOTS:
        entries = [entry for every in grammar.objects().values() for entry in every]
        return "object", _keys({e: [grammar.object_fields(e).get(slot, "")] for e in entries}, value)
    if slot == "kin":
        return "kin", frozenset({value})
    if slot in grammar.ITEM_SLOTS:
        entries = grammar.items()[slot[:-1]]
        return "item", _keys({e: [grammar.item_fields(slot[:-1], e).get(slot, "")] for e in entries}, value)
    if slot not in grammar.FACT_SLOTS:
        lists = {name.split(".")[1]: grammar.lists()[name] for name in grammar.family(slot)}
        return "place" if set(lists) & set(PLACES) else "time", _keys(lists, value)
    return _person(slot, value)


def _keys(table: dict, value: str) -> frozenset[str]:
    """The keys whose phrases contain a value, capital letters aside."""
    return frozenset(key for key, phrases in table.items() if value in map(str.lower, phrases))


def _person(slot: str, value: str) -> tuple[str, frozenset[str]]:
    """Say whom a name, a kind or a pronoun can mean: the hero ("character") or the "friend"."""
    who = "friend" if slot.startswith("f") else "character"
    plain = {"friend": "name", "fkind": "kind"}.get(slot, slot)
    everyone = CHARACTERS.values()
    if plain == "hero":
        return who, frozenset(
            c.name for c in everyone if value in (c.name.lower(), PRONOUNS[c.pronouns]["they"])
        )
    if plain in ("name", "kind", "hands"):
        return who, frozenset(c.name for c in everyone if getattr(c, plain).lower() == value)
    pronoun = plain.removeprefix("f")
    return who, frozenset(c.name for c in everyone if PRONOUNS[c.pronouns][pronoun] == value)


def _kind_of_fault(slot: str, fact: str, value: str) -> str:
    """The kind of fault when what a slot claims is broken."""
    if slot in grammar.PRONOUN_SLOTS or (slot == "hero" and value in ("she", "he")):
        return "pronoun"
    return {"character": "name", "friend": "name"}.get(fact, fact)


def _claims(reading: Reading) -> Iterator[tuple[str, frozenset[str], str]]:
    """Yield (fact, values allowed, kind of fault when broken) for everything that a sentence says."""
    for fact, value in reading.pattern.facts:
        yield fact, frozenset({value}), fact
    for slot, value in reading.slots:
        if slot != "adj":
            fact, allowed = _owners(slot, value.lower())
            yield fact, allowed, _kind_of_fault(slot, fact, value.lower())
        if slot in grammar.THING_SLOTS:
            yield "look", frozenset({grammar.definite(value.lower().removeprefix("the "))}), "thing"


def _compare(reading: Reading, known: dict[str, frozenset[str]]) -> list[tuple[str, str]]:
    """List (kind, message) of all claims of a reading that contradict what is known."""
    faults, local = [], dict(known)
    for fact, allowed, kind in _claims(reading):
        before = local.get(fact)
        if before is not None and not before & allowed:
            faults.append((kind, f"the {fact} was {_say(before)}, here it is {_say(allowed)}"))
        else:
            local[fact] = allowed if before is None else before & allowed
    named = any(slot == "friend" for slot, _ in reading.slots)
    if named and local["friend"] == local.get("character"):
        faults.append(("name", "the friend has the hero's name"))
    return faults


def _say(values: frozenset[str]) -> str:
    return " or ".join(sorted(values)) if len(values) <= 3 else "something else"


def _learn(reading: Reading, known: dict[str, frozenset[str]]) -> None:
    """Add what a sentence claims to what is known."""
    for fact, allowed, _ in _claims(reading):
        both = known.get(fact, allowed) & allowed
        known[fact] = both or known.get(fact, allowed)


# ------------------------------------------------------------------ reading a whole text
def _foreign(sentence: str, number: int, known: dict[str, frozenset[str]]) -> Iterator[Fault]:
    """Report a sentence that no pattern writes, and what it contradicts all the same."""
    yield Fault("garbled", number, f"not a sentence of the small world: {sentence[:60]!r}")
    for name in CHARACTERS:
        others = known.get("character", {name}) | known.get("friend", {name})
        if re.search(rf"\b{name}\b", sentence) and name not in others:
            yield Fault("name", number, f"{name} comes out of nowhere")
    named = mentioned_keys(sentence)
    for fact, table in (("place", PLACES), ("time", TIMES)):
        keys = {key for key in table if key in named}
        if keys and fact in known and not keys & known[fact]:
            yield Fault(
                fact, number, f"the {fact} was {_say(known[fact])}, here it is {_say(frozenset(keys))}"
            )


def _order_faults(role: str, number: int, roles: list[str]) -> Iterator[Fault]:
    """Report a sentence that stands in the wrong place: roles come in the order of ``stories.ROLES``."""
    if role in roles:
        yield Fault("repeated", number, f"a second sentence of the kind '{role}'")
    elif roles and stories.ROLES.index(role) < max(map(stories.ROLES.index, roles)):
        yield Fault("reordered", number, f"the '{role}' sentence comes too late")


def _ending_faults(text: str, sentences: list[str], roles: list[str], known: dict) -> Iterator[Fault]:
    """Report what is missing at the end: a last full stop, a part of the story, the friend of the ending."""
    if not text.rstrip().endswith((".", "!", "?", '"')):
        yield Fault("unfinished", len(sentences) - 1, "the last sentence breaks off")
    missing = [role for role in REQUIRED if role not in roles]
    missing += [role for role in _owed(known) if role not in roles]
    if "beginning" in known and "join" not in roles:
        missing.append("what was begun")
    if "time" not in known:
        missing.append("the time of day")
    if missing:
        yield Fault("unfinished", -1, f"no sentence for: {', '.join(missing)}")
    company = known.get("company", set())
    if company == {"friend"} and "friend" not in roles:
        yield Fault("name", -1, "a friend helps who was never introduced")
    if company == {"alone"} and "friend" in roles:
        yield Fault("unfinished", -1, "a friend comes and then plays no part")


def _owed(known: dict[str, frozenset[str]]) -> list[str]:
    """Name the roles that the problem or the mood of a story makes necessary."""
    mood, problem, company = (_only(known, fact) for fact in ("mood", "problem", "company"))
    if mood in grammar.PLAIN_MOODS:
        return ["turn" if mood == "calm" else "after"]
    if not (problem and company):
        return []
    return [role for role in ("turn", "after") if grammar.section_of(problem, role, company)]


def _only(known: dict[str, frozenset[str]], fact: str) -> str:
    """The value of a fact where it is certain, else ""."""
    values = known.get(fact, frozenset())
    return next(iter(values)) if len(values) == 1 else ""


def _readings(sentence: str, first: bool) -> tuple[Reading, ...]:
    """The readings of a sentence; a story may begin in small letters."""
    return read_sentence(sentence) or (read_sentence(sentence, any_case=True) if first else ())


def check(text: str, prompt: str = "", **asked: str) -> Report:
    """Read a story (without its prompt line) and report everything that is wrong with it.

    ``prompt``: the words that asked for the story; what it names must hold. ``asked``: the same as keys
    (place="desert", time="night", mood=..., character=..., thing=...), which win over the prompt's words.
    Faults are of the kinds name, pronoun, place, time, mood, object, thing, problem, company, repeated,
    reordered, unfinished, garbled. Any text may be given; an empty one is unfinished.
    """
    people = read_people(prompt)
    pair = dict(zip(("character", "friend"), people, strict=True)) if len(people) == 2 else {}
    conditions = read_conditions(prompt) | pair | asked
    known: dict[str, frozenset[str]] = {fact: frozenset({value}) for fact, value in conditions.items()}
    faults, roles, sentences = [], [], split_sentences(text)
    thing_seen = "thing" not in conditions
    for number, sentence in enumerate(sentences):
        readings = _readings(sentence, number == 0)
        if not readings:
            faults.extend(_foreign(sentence, number, known))
            continue
        reading = min(
            readings,
            key=lambda r: len(_compare(r, known)) + len(list(_order_faults(r.pattern.role, 0, roles))),
        )
        faults += [Fault(kind, number, message) for kind, message in _compare(reading, known)]
        faults += _order_faults(reading.pattern.role, number, roles)
        roles.append(reading.pattern.role)
        thing_seen = thing_seen or any(slot in grammar.THING_SLOTS for slot, _ in reading.slots)
        _learn(reading, known)
    faults += _ending_faults(text, sentences, roles, known)
    if not thing_seen:
        faults.append(Fault("thing", -1, f"no {conditions['thing']} is seen"))
    facts = {fact: next(iter(values)) for fact, values in known.items() if len(values) == 1}
    return Report(faults, facts, mentioned_keys(text))
