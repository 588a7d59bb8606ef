"""Stories of the small world: a grammar that writes them; ``checker.py`` reads them back.

A story is a chain of sentences with fixed roles: a beginning, the hero, the light, a view, a problem,
attempts, a friend, a turn, an ending and what comes of it, a close. The mood decides what happens: happy
and calm stories have an everyday problem, the other moods have problems of their own. A thing that a request
asks for is what the hero was on the way to, before the problem came (``errand``); another thing is seen on
the way and greeted once more. Each sentence is a pattern of the folder ``patterns`` with its slots filled;
every random choice is counted, so each story carries the log-probability of its choices. That gives the
lowest perplexity which a model can reach on average that knows the grammar, but not what was held out
(Shannon 1948; a little less where two chains write the same text).

Two kinds of combinations are held out from the training stories: place x time x character, and, inside a
sentence, pairs of phrases ("hopped like a frog" with "out of reach"), see ``phrase_split``.
"""

import math
import random
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from smallworld.world import grammar
from smallworld.world.grammar import (
    PLAIN_MOODS,
    SLOT,
    Pattern,
    capitalise,
    objects,
    parts_of,
    patterns,
    problems,
    section_of,
    sections,
    slot_options,
    thing_phrases,
    with_articles,
)
from smallworld.world.vocabulary import CHARACTERS, MOODS, NUMBERS, PLACES, SKY_THINGS, TIMES, things_in
from smallworld.world.wishes import ASKABLE, adjectives, ask, wish

__all__ = [
    "ASKABLE", "CHARACTERS", "MOODS", "PLACES", "SLOT", "TIMES", "Pattern", "Story", "ask", "capitalise",
    "combination_split", "combinations", "corpus", "objects", "parts_of", "patterns", "phrase_split",
    "problems", "sample_story", "sections", "slot_options", "thing_phrases",
]  # fmt: skip

ROLES = (
    "begin", "open", "light", "view", "mood", "problem", "try1", "feel", "try2", "friend", "turn", "end",
    "after", "back", "close",
)  # fmt: skip
OPTIONAL = {"view": 0.12, "mood": 0.5, "feel": 0.15, "try1": 0.85, "try2": 0.25, "friend": 0.45, "thing": 0.3}
SEVERAL_SHARE = 0.25  # of the things that are seen: two or three of them
TWO_SHARE = 0.3  # of happy and calm stories about friends: together from the start; in other moods always
ERRAND_SHARE = 0.5  # of the things that no request asked for: the hero was on the way to them
PROMPT_SHARE, ONCE_SHARE, FREE_SHARE = 0.7, 0.2, 0.34
SMALL_SHARE = 0.4  # of free beginnings that answer no request: typed in small letters
BEGINNINGS = ("time", "weather", "sound", "speech", "thing", "nameless", "animal", "two", "name", "place")
AFTER = {"sound": "heard", "speech": "spoken", "thing": "saw", "nameless": "named", "name": "kind",
         "place": "there", "two": "two", "animal": "greeted"}  # fmt: skip
# Problems that leave time for a thing that was seen before: those out of doors, and the sleepy ones, for one
# can dream of it. The others play elsewhere, and their stories show no thing.
WITH_THING = frozenset(
    ("kite", "lost", "noise", "chick", "rock", "rescue", "truth", "trail", "secret", "copy",
     "figure", "knocking", "follower", "goodbye", "broken", "noisy", "lullaby")
)  # fmt: skip
# Problems at home: nobody is along from the start.
AT_HOME = frozenset(("cake", "roof", "plant", "noisy", "bedless", "lullaby", "missed", "chest"))
ERRANDS = {"bird": "bird", "cloud": "picture", "house": "house", "tent": "tent", "windmill": "windmill",
           "lighthouse": "lighthouse", "snowman": "snowman"}  # fmt: skip
NO_ERRAND = ("sad", "sleepy")  # in these moods nobody feels like it afterwards
MAX_WORDS = 155  # one story in ten is longer and is written again
FEWEST_PAIRS = 24  # patterns with fewer pairs of phrases hold them out together with the hero


@dataclass
class Story:
    """A story, the words that asked for it (or ""), its facts, and log p(text | prompt) in nats."""

    prompt: str
    text: str
    facts: dict[str, str]
    log_probability: float
    sentences: list[tuple[str, str]] = field(default_factory=list)


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
    free = [slot for slot in choosable if slot not in grammar.FACT_SLOTS or slot in grammar.THING_SLOTS]
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


# ------------------------------------------------------------------ drawing
class _Draw:
    """A random source that adds up the log-probability of everything it chooses."""

    def __init__(self, rng: random.Random):
        self.rng, self.log_probability = rng, 0.0

    def choose(self, options: Sequence):
        if len(options) == 1:
            return options[0]
        self.log_probability -= math.log(len(options))
        return options[int(self.rng.random() * len(options))]

    def flip(self, probability: float) -> bool:
        yes = self.rng.random() < probability
        self.log_probability += math.log(probability if yes else 1 - probability)
        return yes


def draw_asked(rng: random.Random, *always: str) -> tuple[str, ...]:
    """Draw which facts a prompt names: often place and time together, sometimes fewer or more.

    () stands for no prompt, unless some are to be named ``always``.
    """
    if not always and rng.random() >= PROMPT_SHARE:
        return ()
    both = rng.random() < 0.4
    often = [name for name in ASKABLE[:4] if rng.random() < 0.4 or (both and name in ("place", "time"))]
    seldom = [name for name in ("thing", "company", "friend") if rng.random() < 0.14]
    drawn = {*always, *often, *seldom} or {rng.choice(ASKABLE)}
    return tuple(name for name in ASKABLE if name in drawn)


@cache
def _matching(split: str, *given: str | None) -> tuple[tuple[str, str, str], ...]:
    """List the combinations that agree with the given place, time, character, thing, friend (None: any)."""
    *wanted, thing, friend = given
    return tuple(
        (place, time, name)
        for place, time, name in combinations(split)
        if all(want in (None, have) for want, have in zip(wanted, (place, time, name), strict=True))
        and (not thing or thing in things_in(place))
        and (not friend or friend in _friends(place, time, name, split))
    )


@cache
def _friends(place: str, time: str, hero: str, split: str) -> tuple[str, ...]:
    """List who may come to help; in training stories never a held-out combination."""
    others = [name for name in CHARACTERS if name != hero]
    return tuple(n for n in others if split != "train" or combination_split(place, time, n) == "train")


def _draw_facts(draw: _Draw, split: str, given: dict[str, str]) -> dict[str, str]:
    """Draw the facts of a story; what is given costs no probability."""
    options = _matching(
        split, *(given.get(name) for name in ("place", "time", "character", "thing", "friend"))
    )
    if not options:
        raise ValueError(f"No {split} combination of place, time and character fits {given}.")
    facts = dict(zip(("place", "time", "character"), draw.choose(options), strict=True))
    facts["mood"] = given.get("mood") or draw.choose(MOODS)
    facts["problem"] = given.get("problem") or draw.choose(
        _problems(facts["mood"], bool(given.get("thing")), bool(given.get("asked_friend")))
    )
    facts["object"] = draw.choose(objects()[facts["problem"]]) if facts["problem"] in objects() else ""
    facts["beginning"] = _draw_beginning(draw, given, facts["mood"], facts["problem"])
    facts["company"] = _draw_company(draw, given, facts["beginning"])
    facts["try1"] = facts["try2"] = ""
    if draw.flip(OPTIONAL["try1"]):
        facts["try1"] = draw.choose(parts_of(facts["problem"], "try"))
    if facts["try1"] and draw.flip(OPTIONAL["try2"]):
        facts["try2"] = draw.choose([t for t in parts_of(facts["problem"], "try") if t != facts["try1"]])
    facts["end"] = draw.choose(parts_of(facts["problem"], "end." + facts["company"]))
    facts["friend"] = facts["character"]
    if facts["company"] == "friend":
        friends = _friends(facts["place"], facts["time"], facts["character"], split)
        facts["friend"] = given.get("friend") or draw.choose(friends)
    facts["thing"] = _draw_thing(draw, given, facts)
    facts["look"] = ""
    if facts["thing"]:
        several = facts["beginning"] != "thing" and draw.flip(SEVERAL_SHARE)
        looks = thing_phrases(facts["place"], False, several, facts["thing"])
        by_night = facts["time"] == "night"
        facts["look"] = draw.choose([look for look in looks if not (by_night and "pink" in look)])
    facts["errand"] = _draw_errand(draw, given, facts)
    facts |= {name: given.get(name, "") for name in ("adj", "fadj", "asked_friend")}
    return facts


@cache
def _problems(mood: str, thing: bool, friends: bool) -> tuple[str, ...]:
    """The problems of a mood: those that leave time for a thing or let friends be together, if asked for."""
    options = tuple(problem for problem in problems(mood) if not thing or problem in WITH_THING)
    together = tuple(problem for problem in options if problem not in AT_HOME)
    return together if together and friends and mood not in PLAIN_MOODS else options


def _draw_beginning(draw: _Draw, given: dict[str, str], mood: str, problem: str) -> str:
    """Draw how the story begins: "once", "other", or one of the free beginnings that suit it."""
    apart = problem == "lonely" or problem in AT_HOME
    if given.get("asked_friend") and not apart and (mood not in PLAIN_MOODS or draw.flip(TWO_SHARE)):
        return "two"
    if not draw.flip(FREE_SHARE):
        return "once" if draw.flip(ONCE_SHARE / (1 - FREE_SHARE)) else "other"
    never: set[str] = set()
    if given.get("company") == "alone" or apart:
        never.add("two")
    if problem == "lonely":
        never.add("speech")
    if given.get("thing"):
        never |= {"thing", "weather"}
    elif problem not in WITH_THING:
        never.add("thing")
    return draw.choose([way for way in BEGINNINGS if way not in never])


def _draw_company(draw: _Draw, given: dict[str, str], beginning: str) -> str:
    """Draw whether the hero is "alone" or has a "friend"."""
    if beginning == "two" or given.get("friend"):
        return "friend"
    return given.get("company") or ("friend" if draw.flip(OPTIONAL["friend"]) else "alone")


def _draw_thing(draw: _Draw, given: dict[str, str], facts: dict[str, str]) -> str:
    """Draw the thing that is seen; "" where none is."""
    if given.get("thing"):
        return given["thing"]
    if facts["beginning"] == "thing":
        return draw.choose(things_in(facts["place"]))
    if facts["problem"] not in WITH_THING or facts["beginning"] == "weather":
        return ""
    return draw.choose(things_in(facts["place"])) if draw.flip(OPTIONAL["thing"]) else ""


def _draw_errand(draw: _Draw, given: dict[str, str], facts: dict[str, str]) -> str:
    """Draw what the hero was going to do with the thing: the end of a section's name ("" for nothing)."""
    if not facts["thing"] or facts["beginning"] == "thing" or facts["mood"] in NO_ERRAND:
        return ""
    if not given.get("thing") and not draw.flip(ERRAND_SHARE):
        return ""
    return "picture" if facts["look"].startswith(NUMBERS) else ERRANDS.get(facts["thing"], "ride")


# ------------------------------------------------------------------ writing
def _begin_section(facts: dict[str, str], draw: _Draw) -> str:
    """The section of the beginning; weather depends on the place and the time."""
    if facts["beginning"] == "speech":
        return "begin.speech" if draw.flip(0.5) else "begin.speech.own"
    if facts["beginning"] != "weather":
        return f"begin.{facts['beginning']}"
    if facts["place"] == "snow":
        return "begin.snowfall"
    return "begin.sun" if facts["time"] in ("noon", "sunset") and draw.flip(0.5) else "begin.weather"


def _open_section(facts: dict[str, str], draw: _Draw, begun: str) -> str:
    """The section of the sentence that names hero and place, after the section ``begun``."""
    beginning = facts["beginning"]
    if begun in ("begin.weather", "begin.snowfall", "begin.speech.own"):
        return "after.said" if begun == "begin.speech.own" else "after.weather"
    if beginning in ("once", "other"):
        return f"{'open' if draw.flip(0.4) else 'start'}.{beginning}"
    return f"start.time.{facts['time']}" if beginning == "time" else f"after.{AFTER.get(beginning, 'place')}"


def _plan(facts: dict[str, str], draw: _Draw) -> list[tuple[str, str]]:
    """List the roles of a story and the section of ``patterns`` of each."""
    mood, beginning = facts["mood"], facts["beginning"]
    plan, begun = [], ""
    if beginning not in ("once", "other", "time"):
        begun = _begin_section(facts, draw)
        plan.append(("begin", begun))
    plan.append(("open", _open_section(facts, draw, begun)))
    bad_weather = begun in ("begin.weather", "begin.snowfall")
    plan.append(("light", f"{'dull' if bad_weather else 'light'}.{facts['time']}"))
    if facts["errand"]:
        plan.append(("view", f"errand.{facts['errand']}"))
    elif facts["thing"] and beginning != "thing":
        plan.append(("view", "view.thing"))
    elif not begun and draw.flip(OPTIONAL["view"]):
        plan.append(("view", f"view.{facts['place']}"))
    if mood in PLAIN_MOODS and facts["problem"] != "lonely" and draw.flip(OPTIONAL["mood"]):
        plan.append(("mood", f"mood.{mood}"))
    plan += _problem_plan(facts, draw)
    if facts["thing"]:
        plan.append(("back", _back_section(facts)))
    return [*plan, ("close", f"close.{mood}")]


def _back_section(facts: dict[str, str]) -> str:
    """The section in which the thing comes again."""
    if facts["errand"]:
        return f"kept.{facts['errand']}"
    return f"back.{facts['mood']}" if facts["mood"] in NO_ERRAND else "back"


def _problem_plan(facts: dict[str, str], draw: _Draw) -> list[tuple[str, str]]:
    """The roles and sections from the problem to its solution and what comes of it."""
    problem, mood, company = facts["problem"], facts["mood"], facts["company"]
    plan = [("problem", f"{problem}.problem")]
    if facts["try1"]:
        plan.append(("try1", f"{problem}.try.{facts['try1']}.{'1' if facts['try2'] else 'only'}"))
        feel = section_of(problem, "feel", company) or ("feel" if mood == "happy" else "")
        if feel and draw.flip(OPTIONAL["feel"]):
            plan.append(("feel", feel))
    if facts["try2"]:
        plan.append(("try2", f"{problem}.try.{facts['try2']}.2"))
    if company == "friend":
        plan.append(("friend", _friend_section(facts)))
    turn = "deed.calm" if mood == "calm" else section_of(problem, "turn", company)
    if turn:
        plan.append(("turn", turn))
    plan.append(("end", f"{problem}.end.{company}.{facts['end']}"))
    after = "joy.happy" if mood == "happy" else section_of(problem, "after", company)
    if after:
        plan.append(("after", after))
    return plan


def _friend_section(facts: dict[str, str]) -> str:
    """The section in which the friend comes, or takes a hand if already there."""
    if facts["beginning"] == "two":
        return "friend.here" if facts["mood"] in PLAIN_MOODS else f"friend.here.{facts['mood']}"
    return section_of(facts["problem"], "friend", facts["company"]) or "friend"


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
    text: str, facts: dict[str, str], draw: _Draw, values: dict[str, str], told: _Told | None = None
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


def _sentence(pattern: Pattern, facts: dict[str, str], draw: _Draw, split: str, told: _Told) -> str:
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


def _write(draw: _Draw, facts: dict[str, str], split: str, typed: bool) -> list[tuple[str, str]]:
    """Write the sentences: a list of (role, sentence); ``typed``: the first may be in small letters."""
    sentences, time_is_told, told = [], False, _Told()
    for role, section in _plan(facts, draw):
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
    chosen = _draw_facts(_Draw(rng), split, wanted)
    if "thing" in fields and "thing" not in wanted:
        ground = rng.random() < 0.5
        chosen["thing"] = rng.choice(PLACES[chosen["place"]].things if ground else SKY_THINGS)
    known = wanted | {name: chosen[name] for name in fields}
    prompt = wish(rng, {name: chosen[name] for name in fields}) if fields else ""
    known |= adjectives(prompt)
    if "company" in fields:
        known["asked_friend"] = "yes"
    sentences: list[tuple[str, str]] = []
    while not sentences or sum(len(text.split()) for _, text in sentences) > MAX_WORDS:
        draw = _Draw(rng)
        facts = _draw_facts(draw, split, known)
        sentences = _write(draw, facts, split, typed=not fields)
    return Story(prompt, " ".join(text for _, text in sentences), facts, draw.log_probability, sentences)


def corpus(split: str, count: int, seed: int = 0) -> Iterator[Story]:
    """Yield ``count`` stories of a split; the same split, count and seed give the same stories."""
    rng = random.Random(f"{split}-{seed}")
    for _ in range(count):
        yield sample_story(rng, split)
