"""Reads a text as a story of the small world and says what is wrong with it.

Each sentence is matched against the same patterns and vocabulary that write the stories, and what it says
(who, where, when, which problem) is compared with the prompt and with what was said before. A sentence that
no pattern writes is reported as garbled or foreign, and still searched for names, places and times.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from smallworld.world import stories
from smallworld.world.vocabulary import ADJECTIVES, CHARACTERS, MOODS, PLACES, PRONOUNS, TIMES

SENTENCE_END = re.compile(r"""(?<=[.!?])\s+(?=["A-Z])|(?<=[.!?]")\s+(?=["A-Z])""")
PLACE_WORDS = {
    "city": "city|cityscape",
    "mountains": "mountains?",
    "desert": "deserts?",
    "ocean": "ocean|sea|seaside",
    "forest": "forests?",
    "meadow": "meadows?",
    "village": "villages?",
    "snow": "snowy valley|snowfield",
}
TIME_WORDS = {
    "morning": "morning|sunrise|dawn",
    "noon": "noon|midday|middle of the day|bright day|the day",
    "sunset": "sunset|evening|dusk",
    "night": "night|after dark|under the stars|in the dark",
}
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
REQUIRED = ("open", "light", "mood", "problem", "try1", "end", "close")


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


@dataclass(frozen=True)
class Reading:
    """One way to read a sentence: the pattern it follows and what fills each slot."""

    pattern: stories.Pattern
    slots: tuple[tuple[str, str], ...]


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences; a quotation followed by a small letter goes on."""
    return [part for part in SENTENCE_END.split(text.strip()) if part]


def mentioned_keys(text: str) -> frozenset[str]:
    """Collect the places and times of day that a text names (keys of the vocabulary)."""
    return frozenset(
        key
        for table in (PLACE_WORDS, TIME_WORDS)
        for key, words in table.items()
        if re.search(rf"\b(?:{words})\b", text, re.IGNORECASE)
    )


def read_conditions(prompt: str) -> dict[str, str]:
    """Read what a prompt asks for: place, time, mood, character, as far as each is named exactly once."""
    named = mentioned_keys(prompt)
    groups = {
        "place": [key for key in PLACES if key in named],
        "time": [key for key in TIMES if key in named],
        "mood": [mood for mood in MOODS if re.search(rf"\b{mood}\b", prompt, re.IGNORECASE)],
        "character": [name for name in CHARACTERS if re.search(rf"\b{name}\b", prompt)],
    }
    return {key: found[0] for key, found in groups.items() if len(found) == 1}


# ------------------------------------------------------------------ reading one sentence
@cache
def _values(slot: str) -> tuple[str, ...]:
    """List everything that any story could put into a slot."""
    if slot in PLACE_SLOTS:
        return tuple(v for place in PLACES.values() for v in getattr(place, PLACE_SLOTS[slot]))
    if slot in TIME_SLOTS:
        return tuple(v for time in TIMES.values() for v in getattr(time, TIME_SLOTS[slot]))
    if slot in ("a_thing", "a_sky_thing", "some_things"):
        return tuple(stories.thing_phrases(None, slot == "a_sky_thing", slot == "some_things"))
    everyone = CHARACTERS.values()
    things = [thing for options in stories.objects().values() for thing in options]
    tables = {
        "name": [c.name for c in everyone],
        "friend": [c.name for c in everyone],
        "kind": [c.kind for c in everyone],
        "fkind": [c.kind for c in everyone],
        "hands": [c.hands for c in everyone],
        "adj": ADJECTIVES,
        "obj": things,
        "o": [thing.split(" ")[-1] for thing in things],
    }
    if slot not in tables:
        return tuple(dict.fromkeys(words[slot.removeprefix("f")] for words in PRONOUNS.values()))
    return tuple(dict.fromkeys(tables[slot]))


@cache
def _compiled(text: str) -> re.Pattern:
    """Compile a pattern's text to a regular expression with one group for each slot."""
    pieces, first = [], True
    for index, piece in enumerate(re.split(r"\{(\w+)\}", text)):
        if index % 2:
            values = sorted(_values(piece), key=len, reverse=True)
            values = [stories.capitalise(v) for v in values] if first else values
            pieces.append("(" + "|".join(map(re.escape, values)) + ")")
        else:
            pieces.append(re.escape(stories.capitalise(piece) if first else piece))
        first = first and piece in ("", '"')
    return re.compile("".join(pieces))


@cache
def _index() -> dict[str, list[tuple[str, stories.Pattern]]]:
    """Sort all patterns by their first letters where those are fixed ("" where a slot comes first)."""
    table: dict[str, list[tuple[str, stories.Pattern]]] = {}
    for group in stories.patterns().values():
        for pattern in group:
            literals = re.split(r"\{\w+\}", pattern.text)
            longest = max(literals[1:] or literals, key=len)
            head = stories.capitalise(literals[0])[:4]
            table.setdefault(head if len(head) == 4 else "", []).append((longest, pattern))
    return table


@cache
def read_sentence(sentence: str) -> tuple[Reading, ...]:
    """Find every pattern that writes exactly this sentence, with its slots; () where there is none."""
    found = []
    for head in (sentence[:4], ""):
        for longest, pattern in _index().get(head, ()):
            if longest in sentence or not re.search(r"\{", pattern.text):
                match = _compiled(pattern.text).fullmatch(sentence)
                if match:
                    slots = zip(stories.SLOT.findall(pattern.text), match.groups(), strict=True)
                    found.append(Reading(pattern, tuple(slots)))
    return tuple(found)


# ------------------------------------------------------------------ what a sentence claims
def _owners(slot: str, value: str) -> tuple[str, set[str]] | None:
    """Say which fact a slot's value speaks of and which values of that fact allow it; None: of nothing."""
    value = value.lower()
    if slot in PLACE_SLOTS:
        return "place", {
            k for k, p in PLACES.items() if value in map(str.lower, getattr(p, PLACE_SLOTS[slot]))
        }
    if slot in TIME_SLOTS:
        return "time", {k for k, t in TIMES.items() if value in map(str.lower, getattr(t, TIME_SLOTS[slot]))}
    if slot in ("a_thing", "a_sky_thing", "some_things"):
        sky, several = slot == "a_sky_thing", slot == "some_things"
        return "place", {k for k in PLACES if value in map(str.lower, stories.thing_phrases(k, sky, several))}
    if slot == "adj":
        return None
    if slot in ("obj", "o"):
        every = {thing for options in stories.objects().values() for thing in options}
        return "object", {t for t in every if value == (t if slot == "obj" else t.split(" ")[-1])}
    who = "friend" if slot.startswith("f") else "character"
    slot = "name" if slot == "friend" else slot.removeprefix("f") if slot != "kind" else slot
    if slot in ("name", "kind", "hands"):
        return who, {c.name for c in CHARACTERS.values() if getattr(c, slot).lower() == value}
    return who, {c.name for c in CHARACTERS.values() if PRONOUNS[c.pronouns][slot] == value}


def _claims(reading: Reading) -> Iterator[tuple[str, set[str], str]]:
    """Yield (fact, values allowed, kind of fault when broken) for everything that a sentence says."""
    for fact, value in reading.pattern.facts:
        yield fact, {value}, fact
    for slot, value in reading.slots:
        claim = _owners(slot, value)
        if claim:
            pronoun = slot.removeprefix("f") in ("they", "them", "their", "themself")
            named = {"character": "name", "friend": "name"}.get(claim[0], claim[0])
            thing = slot in ("a_thing", "a_sky_thing", "some_things")
            yield *claim, "pronoun" if pronoun else "thing" if thing else named


def _compare(reading: Reading, known: dict[str, set[str]]) -> list[tuple[str, str]]:
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


def _say(values: set[str]) -> str:
    return " or ".join(sorted(values)) if len(values) <= 3 else "something else"


def _learn(reading: Reading, known: dict[str, set[str]]) -> None:
    for fact, allowed, _ in _claims(reading):
        both = known.get(fact, allowed) & allowed
        known[fact] = both or known.get(fact, allowed)


# ------------------------------------------------------------------ reading a whole text
def _foreign(sentence: str, number: int, known: dict[str, set[str]]) -> Iterator[Fault]:
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
            yield Fault(fact, number, f"the {fact} was {_say(known[fact])}, here it is {_say(keys)}")


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
    if missing:
        yield Fault("unfinished", -1, f"no sentence for: {', '.join(missing)}")
    company = known.get("company", set())
    if company == {"friend"} and "friend" not in roles:
        yield Fault("name", -1, "a friend helps who was never introduced")
    if company == {"alone"} and "friend" in roles:
        yield Fault("unfinished", -1, "a friend comes and then plays no part")


def check(text: str, prompt: str = "", **asked: str) -> Report:
    """Read a story (without its prompt line) and report everything that is wrong with it.

    ``prompt``: the words that asked for the story; what it names must hold. ``asked``: the same as keys
    (place="desert", time="night", mood=..., character=...), which win over the prompt's words.
    Faults are of the kinds name, pronoun, place, time, mood, object, thing, problem, repeated, reordered,
    unfinished, garbled. Any text may be given; an empty one is unfinished.
    """
    conditions = read_conditions(prompt) | asked
    known: dict[str, set[str]] = {fact: {value} for fact, value in conditions.items()}
    faults, roles, sentences = [], [], split_sentences(text)
    for number, sentence in enumerate(sentences):
        readings = read_sentence(sentence)
        if not readings:
            faults.extend(_foreign(sentence, number, known))
            continue
        reading = min(readings, key=lambda r: len(_compare(r, known)))
        faults += [Fault(kind, number, message) for kind, message in _compare(reading, known)]
        faults += _order_faults(reading.pattern.role, number, roles)
        roles.append(reading.pattern.role)
        _learn(reading, known)
    faults += _ending_faults(text, sentences, roles, known)
    facts = {fact: next(iter(values)) for fact, values in known.items() if len(values) == 1}
    return Report(faults, facts, mentioned_keys(text))
