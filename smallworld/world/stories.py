"""Stories of the small world: a grammar that writes them and a checker that reads them back.

A story is a chain of sentences with fixed roles (opening, light, view, mood, problem, attempts, a friend,
ending, close). Each sentence is one hand-written pattern of ``patterns.txt`` with its slots filled from
``vocabulary.py``; every random choice is counted, so each story carries its own log-probability. That gives
the lowest perplexity that any language model of these stories can reach on average (Shannon 1948).
"""

import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from smallworld.world.vocabulary import (
    ADJECTIVES,
    CHARACTERS,
    MOODS,
    NUMBERS,
    PLACES,
    PRONOUNS,
    SKY_THINGS,
    TIMES,
    colors_of,
    plural,
    things_in,
)

PATTERNS_FILE = Path(__file__).with_name("patterns.txt")
ROLES = ("open", "light", "view", "mood", "problem", "try1", "feel", "try2", "friend", "end", "close")
OPTIONAL = {"view": 0.75, "feel": 0.5, "try2": 0.6, "friend": 0.55}
PROMPT_SHARE, ONCE_SHARE, THING_SHARE = 0.7, 0.2, 0.6
ASKABLE = ("place", "time", "mood", "character")
MAX_WORDS = 150  # one story in 600 is longer and is written again
SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Pattern:
    """One hand-written sentence with slots; ``facts`` is what using it says about the story."""

    role: str
    text: str
    facts: tuple[tuple[str, str], ...]
    group: str


@dataclass
class Story:
    """A story, the words that asked for it (or ""), its facts, and log p(text | prompt) in nats."""

    prompt: str
    text: str
    facts: dict[str, str]
    log_probability: float
    sentences: list[tuple[str, str]] = field(default_factory=list)


# ------------------------------------------------------------------ the patterns
def _pattern(section: str, text: str) -> Pattern:
    """Turn a line under ``@section`` into a pattern with its role and facts."""
    parts = section.split(".")
    if parts[0] in ("open", "feel", "friend"):
        return Pattern(parts[0], text, (), section)
    if parts[0] in ("light", "mood", "close", "view"):
        fact = {"light": "time", "mood": "mood", "close": "mood", "view": "place"}[parts[0]]
        facts = () if parts[1] == "thing" else ((fact, parts[1]),)
        return Pattern(parts[0], text, facts, section)
    problem, part = parts[:2]
    facts = (("problem", problem),)
    if part == "try":
        return Pattern("try" + parts[3], text, facts + (("try" + parts[3], parts[2]),), section)
    if part == "end":
        return Pattern("end", text, facts + (("company", parts[2]), ("end", parts[3])), section)
    return Pattern(part, text, facts, section)


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
def patterns() -> dict[str, list[Pattern]]:
    """Read ``patterns.txt``: section name to its patterns, in file order."""
    found = sections(PATTERNS_FILE).items()
    return {
        name: [_pattern(name, line) for line in lines]
        for name, lines in found
        if not name.endswith(".objects")
    }


@cache
def objects() -> dict[str, tuple[str, ...]]:
    """Name the objects of each problem that has one ("kite" -> "red kite", ...)."""
    text = PATTERNS_FILE.read_text(encoding="utf-8")
    found = re.findall(r"^@(\w+)\.objects\n(.+)$", text, re.MULTILINE)
    return {problem: tuple(part.strip() for part in line.split("|")) for problem, line in found}


@cache
def problems() -> tuple[str, ...]:
    """Name the kinds of problem, in file order."""
    return tuple(name.split(".")[0] for name in patterns() if name.endswith(".problem"))


@cache
def parts_of(problem: str, part: str) -> tuple[str, ...]:
    """Name the attempts (``part="try"``) or endings (``"end.alone"``, ``"end.friend"``) of a problem."""
    prefix = f"{problem}.{part}."
    return tuple(
        dict.fromkeys(name[len(prefix) :].split(".")[0] for name in patterns() if name.startswith(prefix))
    )


# ------------------------------------------------------------------ held-out combinations
def combination_split(place: str, time: str, character: str) -> str:
    """Say whether a place x time x character combination is "train", "validation" or "test".

    One combination in eight (48 of 384) is held out: for every time and character exactly one place.
    """
    numbers = [
        list(table).index(key) for table, key in ((PLACES, place), (TIMES, time), (CHARACTERS, character))
    ]
    if (numbers[0] + 3 * numbers[1] + 5 * numbers[2]) % 8:
        return "train"
    return "test" if (numbers[1] + numbers[2]) % 2 else "validation"


@cache
def combinations(split: str) -> tuple[tuple[str, str, str], ...]:
    """List the (place, time, character) combinations of a split."""
    every = ((place, time, name) for place in PLACES for time in TIMES for name in CHARACTERS)
    return tuple(combination for combination in every if combination_split(*combination) == split)


# ------------------------------------------------------------------ slots
@cache
def thing_phrases(place: str | None, sky: bool, several: bool) -> tuple[str, ...]:
    """List the phrases for things ("a red balloon", "two white birds") seen in a place (None: anywhere)."""
    kinds = (
        SKY_THINGS if sky else sorted({t for key in ([place] if place else PLACES) for t in things_in(key)})
    )
    if several:
        return tuple(f"{n} {c} {plural(thing)}" for thing in kinds for c in colors_of(thing) for n in NUMBERS)
    return tuple(f"a {c} {thing}" for thing in kinds for c in colors_of(thing))


def slot_options(slot: str, facts: dict[str, str]) -> Sequence[str]:
    """List what may fill a slot, given the story's facts (place, time, character, friend, object).

    Raises KeyError for a slot that does not exist.
    """
    hero, friend = CHARACTERS[facts["character"]], CHARACTERS[facts["friend"]]
    place, time = PLACES[facts["place"]], TIMES[facts["time"]]
    if slot in ("a_thing", "a_sky_thing", "some_things"):
        return thing_phrases(facts["place"], slot == "a_sky_thing", slot == "some_things")
    table = {
        "name": (hero.name,),
        "kind": (hero.kind,),
        "hands": (hero.hands,),
        "adj": ADJECTIVES,
        "friend": (friend.name,),
        "fkind": (friend.kind,),
        "in_place": place.within,
        "the_place": place.names,
        "at_time": time.at,
        "the_time": time.names,
        "obj": (facts["object"],),
        "o": (facts["object"].split(" ")[-1],),
    }
    table |= {key: (word,) for key, word in PRONOUNS[hero.pronouns].items()}
    table |= {"f" + key: (word,) for key, word in PRONOUNS[friend.pronouns].items()}
    table |= {key: getattr(place, key) for key in ("high", "path", "hide", "ground", "shelter")}
    return table[slot]


class _Draw:
    """A random source that adds up the log-probability of everything it chooses."""

    def __init__(self, rng: random.Random):
        self.rng, self.log_probability = rng, 0.0

    def choose(self, options: Sequence):
        self.log_probability -= math.log(len(options))
        return options[int(self.rng.random() * len(options))]

    def flip(self, probability: float) -> bool:
        yes = self.rng.random() < probability
        self.log_probability += math.log(probability if yes else 1 - probability)
        return yes


def capitalise(sentence: str) -> str:
    """Write the first letter large, also after an opening quotation mark."""
    start = 1 if sentence.startswith('"') else 0
    return sentence[:start] + sentence[start : start + 1].upper() + sentence[start + 1 :]


# ------------------------------------------------------------------ prompts
WORDINGS = (
    "Tell a{mood} story{about}{where}{when}.",
    "A{mood} story{about}{where}{when}:",
    "Please write a{mood} story{about}{where}{when}.",
    "I would like to hear a{mood} story{about}{where}{when}.",
    "Can you tell me a{mood} story{about}{where}{when}?",
    "Write a short,{mood} tale{about}{when}{where}.",
    "Story wanted:{mood} and new{about}{where}{when}.",
    "Let us have a{mood} story{about}{where}{when}.",
)


def ask(
    place: str | None = None,
    time: str | None = None,
    mood: str | None = None,
    character: str | None = None,
    wording: int = 0,
) -> str:
    """Ask for a story in plain words; the line ends in a newline, after which the story begins.

    ``place``, ``time``, ``mood`` and ``character`` are keys of the vocabulary; what is None is left open.
    ``wording`` picks one of the phrasings (any whole number). Raises ValueError for an unknown key.
    """
    for key, table in ((place, PLACES), (time, TIMES), (mood, MOODS), (character, CHARACTERS)):
        if key is not None and key not in table:
            raise ValueError(f"{key!r} is not in the small world; choose one of {', '.join(table)}.")
    form, variant = wording % len(WORDINGS), wording // len(WORDINGS)
    within = PLACES[place].within if place else ("",)
    at = TIMES[time].at if time else ("",)
    line = WORDINGS[form].format(
        mood=f" {mood}" if mood else "",
        about=f" about {character} the {CHARACTERS[character].kind}" if character else "",
        where=f" {within[variant % len(within)]}" if place else "",
        when=f" {at[variant // len(within) % len(at)]}" if time else "",
    )
    return line.replace("short, tale", "short tale").replace("wanted: and new", "wanted") + "\n"


def _asked_fields(rng: random.Random) -> tuple[str, ...]:
    """Draw which facts a prompt names: often place and time together, sometimes fewer or more."""
    if rng.random() >= PROMPT_SHARE:
        return ()
    both = rng.random() < 0.5
    fields = [name for name in ASKABLE if rng.random() < 0.45 or (both and name in ("place", "time"))]
    return tuple(fields) or (rng.choice(ASKABLE),)


# ------------------------------------------------------------------ writing
def _draw_facts(draw: _Draw, split: str, given: dict[str, str]) -> dict[str, str]:
    """Draw the facts of a story; what is given costs no probability."""
    options = _matching(split, *(given.get(name) for name in ("place", "time", "character")))
    if not options:
        raise ValueError(f"No {split} combination of place, time and character fits {given}.")
    facts = dict(zip(("place", "time", "character"), draw.choose(options), strict=True))
    facts["mood"] = given.get("mood") or draw.choose(MOODS)
    facts["problem"] = draw.choose(problems())
    facts["company"] = "friend" if draw.flip(OPTIONAL["friend"]) else "alone"
    facts["object"] = draw.choose(objects()[facts["problem"]]) if facts["problem"] in objects() else ""
    facts["try1"] = draw.choose(parts_of(facts["problem"], "try"))
    facts["try2"] = ""
    if draw.flip(OPTIONAL["try2"]):
        facts["try2"] = draw.choose([t for t in parts_of(facts["problem"], "try") if t != facts["try1"]])
    facts["end"] = draw.choose(parts_of(facts["problem"], "end." + facts["company"]))
    facts["friend"] = facts["character"]
    if facts["company"] == "friend":
        facts["friend"] = draw.choose(_friends(facts["place"], facts["time"], facts["character"], split))
    return facts


@cache
def _matching(split: str, *given: str | None) -> tuple[tuple[str, str, str], ...]:
    """List the combinations of a split that agree with what is given (None: anything)."""
    return tuple(
        combination
        for combination in combinations(split)
        if all(want in (None, have) for want, have in zip(given, combination, strict=True))
    )


@cache
def _friends(place: str, time: str, hero: str, split: str) -> tuple[str, ...]:
    """List who may come to help: of the other pronoun, so that "she" and "he" stay clear; in training stories
    never a held-out combination."""
    others = [name for name, one in CHARACTERS.items() if one.pronouns != CHARACTERS[hero].pronouns]
    return tuple(n for n in others if split != "train" or combination_split(place, time, n) == "train")


def _section(role: str, facts: dict[str, str], draw: _Draw) -> str:
    """Pick the section of ``patterns.txt`` that a role draws its sentence from."""
    problem = facts["problem"]
    if role == "open":
        return "open.once" if draw.flip(ONCE_SHARE) else "open.other"
    if role == "view":
        return "view.thing" if draw.flip(THING_SHARE) else f"view.{facts['place']}"
    if role in ("try1", "try2"):
        return f"{problem}.try.{facts[role]}.{role[-1]}"
    fixed = {
        "light": f"light.{facts['time']}",
        "mood": f"mood.{facts['mood']}",
        "close": f"close.{facts['mood']}",
        "problem": f"{problem}.problem",
        "end": f"{problem}.end.{facts['company']}.{facts['end']}",
    }
    return fixed.get(role, role)


def _present(role: str, facts: dict[str, str], written: set[str], draw: _Draw) -> bool:
    """Decide whether an optional role gets a sentence; at most ten sentences keep a story under 150 words."""
    if role == "try2":
        return bool(facts["try2"])
    if role == "friend":
        return facts["company"] == "friend"
    if role == "feel" and "view" in written and facts["try2"] and facts["company"] == "friend":
        return False
    return draw.flip(OPTIONAL[role]) if role in OPTIONAL else True


def _write(draw: _Draw, facts: dict[str, str]) -> list[tuple[str, str]]:
    """Write the sentences: a list of (role, sentence)."""
    sentences = []
    for role in ROLES:
        if not _present(role, facts, {written for written, _ in sentences}, draw):
            continue
        pattern = draw.choose(patterns()[_section(role, facts, draw)])
        filled = SLOT.sub(lambda match: draw.choose(slot_options(match[1], facts)), pattern.text)
        sentences.append((role, capitalise(filled)))
    return sentences


def sample_story(
    rng: random.Random, split: str = "train", *, asked: Sequence[str] | None = None, **given: str
) -> Story:
    """Write one story of a split ("train", "validation" or "test").

    ``asked`` lists the facts that the prompt names (of place, time, mood, character; ``()`` for no prompt;
    None draws them); ``given`` fixes facts. The story's ``log_probability`` is that of its text given its
    prompt (and ``given``). Raises ValueError where no combination of the split fits what is given.
    """
    fields = _asked_fields(rng) if asked is None else tuple(asked)
    free = _Draw(rng)
    known = dict(given)
    chosen = _draw_facts(free, split, given)
    known |= {name: chosen[name] for name in fields}
    prompt = ask(**{name: chosen[name] for name in fields}, wording=rng.randrange(10_000)) if fields else ""
    sentences: list[tuple[str, str]] = []
    while not sentences or sum(len(text.split()) for _, text in sentences) > MAX_WORDS:
        draw = _Draw(rng)
        facts = _draw_facts(draw, split, known)
        sentences = _write(draw, facts)
    return Story(prompt, " ".join(text for _, text in sentences), facts, draw.log_probability, sentences)


def corpus(split: str, count: int, seed: int = 0) -> Iterator[Story]:
    """Yield ``count`` stories of a split; the same split, count and seed give the same stories."""
    rng = random.Random(f"{split}-{seed}")
    for _ in range(count):
        yield sample_story(rng, split)
