"""What happens in a story: its facts, and its plan, the roles and sections of its sentences."""

import math
import random
from collections.abc import Sequence
from functools import cache

from smallworld.world.freely import FREE_KINDS, HEROES
from smallworld.world.grammar import (
    PLAIN_MOODS,
    items,
    lists,
    objects,
    parts_of,
    problems,
    section_of,
    thing_phrases,
)
from smallworld.world.splits import combination_split, combinations
from smallworld.world.vocabulary import CHARACTERS, MOODS, NUMBERS, things_in
from smallworld.world.wishes import ASKABLE

OPTIONAL = {"view": 0.12, "mood": 0.5, "feel": 0.15, "try1": 0.85, "try2": 0.25, "friend": 0.45, "thing": 0.3}
SEVERAL_SHARE = 0.25  # of the things that are seen: two or three of them
ANNOUNCED_SHARE = {
    True: 0.9,
    False: 0.06,
}  # they say their mood first: where it was asked for, or not
TWO_SHARE = 0.3  # of happy and calm stories about friends: together from the start; in other moods always
ERRAND_SHARE = 0.5  # of the things that no request asked for: the hero was on the way to them
PROMPT_SHARE, ONCE_SHARE, FREE_SHARE = 0.7, 0.2, 0.34
WIDE_SHARE = 0.6  # of the free beginnings: those of many words, of free.txt and free_words.txt
NAMED_SHARE, KIND_SHARE = 0.45, 0.65  # of their heroes: by name; of the others: by kind, not as "he" or "she"
CRY_SHARE = 0.3  # of noises: heard first ("Bump!")
WHOLE = ("time", "weather", "sound", "speech", "thing", "nameless", "animal", "two", "name", "place")
BEGINNINGS = WHOLE + FREE_KINDS
TOGETHER = ("two", "pair")  # of the beginnings: a friend is there from the start
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


# ------------------------------------------------------------------ drawing
class Draw:
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


def draw_facts(draw: Draw, split: str, given: dict[str, str]) -> dict[str, str]:
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
    facts["beginning"] = given.get("beginning") or _draw_beginning(draw, given, facts)
    facts |= _draw_begun(draw, facts["beginning"], not given.get("asked_mood"))
    facts["company"] = _draw_company(draw, given, facts["beginning"])
    facts |= _draw_attempts(draw, facts["problem"])
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
        seen = [look for look in looks if not (by_night and "pink" in look)]
        wanted = given.get("colour", "")
        facts["look"] = draw.choose([look for look in seen if wanted in look] or seen)
    facts["errand"] = _draw_errand(draw, given, facts)
    asked_mood = bool(given.get("asked_mood"))
    may_announce = asked_mood or facts["beginning"] in ("once", "other")
    facts["announced"] = "yes" if may_announce and draw.flip(ANNOUNCED_SHARE[asked_mood]) else ""
    facts |= {name: given.get(name, "") for name in ("adj", "fadj", "asked_friend")}
    return facts


@cache
def _problems(mood: str, thing: bool, friends: bool) -> tuple[str, ...]:
    """The problems of a mood: those that leave time for a thing or let friends be together, if asked for."""
    options = tuple(problem for problem in problems(mood) if not thing or problem in WITH_THING)
    together = tuple(problem for problem in options if problem not in AT_HOME)
    return together if together and friends and mood not in PLAIN_MOODS else options


def _draw_begun(draw: Draw, beginning: str, first: bool) -> dict[str, str]:
    """Draw what a free beginning is about ("item"), how the hero is named, and who is there ("kin").

    Only the ``first`` sentence of a text may speak of "he" or "she" before the name.
    """
    item = draw.choose(items()[beginning]) if beginning in items() else ""
    naming = kin = ""
    if beginning in HEROES:
        kin = draw.choose(lists()["relative"])
        if draw.flip(NAMED_SHARE):
            naming = "name"
        else:
            naming = "kind" if not first or draw.flip(KIND_SHARE) else "pronoun"
    return {"item": item, "naming": naming, "kin": kin}


def _draw_attempts(draw: Draw, problem: str) -> dict[str, str]:
    """Draw what is tried in vain: nothing, one thing or two."""
    first, second, ways = "", "", parts_of(problem, "try")
    if draw.flip(OPTIONAL["try1"]):
        first = draw.choose(ways)
    if first and draw.flip(OPTIONAL["try2"]):
        second = draw.choose([way for way in ways if way != first])
    return {"try1": first, "try2": second}


def _draw_beginning(draw: Draw, given: dict[str, str], facts: dict[str, str]) -> str:
    """Draw how the story begins: "once", "other", or one of the free beginnings that suit it."""
    mood, problem = facts["mood"], facts["problem"]
    apart = problem == "lonely" or problem in AT_HOME
    if given.get("asked_friend") and not apart and (mood not in PLAIN_MOODS or draw.flip(TWO_SHARE)):
        return "two"
    if not draw.flip(FREE_SHARE):
        return "once" if draw.flip(ONCE_SHARE / (1 - FREE_SHARE)) else "other"
    never: set[str] = set()
    if given.get("company") == "alone" or apart:
        never |= set(TOGETHER)
    if problem == "lonely":
        never |= {"speech", "call", "people", "day"}
    if problem == "lost":
        never |= {"lost", "found"}
    if draw.flip(WIDE_SHARE):
        never |= {"rain"} if facts["place"] == "snow" or given.get("thing") else set()
        return draw.choose([way for way in FREE_KINDS if way not in never])
    if given.get("thing"):
        never |= {"thing", "weather"}
    elif problem not in WITH_THING:
        never.add("thing")
    return draw.choose([way for way in WHOLE if way not in never])


def _draw_company(draw: Draw, given: dict[str, str], beginning: str) -> str:
    """Draw whether the hero is "alone" or has a "friend"."""
    if beginning in TOGETHER or given.get("friend"):
        return "friend"
    return given.get("company") or ("friend" if draw.flip(OPTIONAL["friend"]) else "alone")


def _draw_thing(draw: Draw, given: dict[str, str], facts: dict[str, str]) -> str:
    """Draw the thing that is seen; "" where none is."""
    if given.get("thing"):
        return given["thing"]
    if facts["beginning"] == "thing":
        return draw.choose(things_in(facts["place"]))
    if facts["problem"] not in WITH_THING or facts["beginning"] in ("weather", "rain"):
        return ""
    return draw.choose(things_in(facts["place"])) if draw.flip(OPTIONAL["thing"]) else ""


def _draw_errand(draw: Draw, given: dict[str, str], facts: dict[str, str]) -> str:
    """Draw what the hero was going to do with the thing: the end of a section's name ("" for nothing)."""
    if not facts["thing"] or facts["beginning"] == "thing" or facts["mood"] in NO_ERRAND:
        return ""
    if not given.get("thing") and not draw.flip(ERRAND_SHARE):
        return ""
    return "picture" if facts["look"].startswith(NUMBERS) else ERRANDS.get(facts["thing"], "ride")


# ------------------------------------------------------------------ the plan
def _begin_section(facts: dict[str, str], draw: Draw) -> str:
    """The section of the beginning; weather depends on the place and the time."""
    if facts["beginning"] == "speech":
        return "begin.speech" if draw.flip(0.5) else "begin.speech.own"
    if facts["beginning"] != "weather":
        return f"begin.{facts['beginning']}"
    if facts["place"] == "snow":
        return "begin.snowfall"
    return "begin.sun" if facts["time"] in ("noon", "sunset") and draw.flip(0.5) else "begin.weather"


def _open_section(facts: dict[str, str], draw: Draw, begun: str) -> str:
    """The section of the sentence that names hero and place, after the section ``begun``."""
    beginning = facts["beginning"]
    if beginning in FREE_KINDS:
        return f"after.hero.{facts['naming']}" if facts["naming"] else f"after.{beginning}"
    if begun in ("begin.weather", "begin.snowfall", "begin.speech.own"):
        return "after.said" if begun == "begin.speech.own" else "after.weather"
    if beginning in ("once", "other"):
        return f"{'open' if draw.flip(0.4) else 'start'}.{beginning}"
    return f"start.time.{facts['time']}" if beginning == "time" else f"after.{AFTER.get(beginning, 'place')}"


def plan_of(facts: dict[str, str], draw: Draw) -> list[tuple[str, str]]:
    """List the roles of a story, in order, and the section of ``patterns`` of each."""
    mood, beginning = facts["mood"], facts["beginning"]
    plan, begun = [], ""
    if facts["announced"]:
        plan.append(("announce", f"announce.{mood}"))
    if beginning not in ("once", "other", "time"):
        begun = _begin_section(facts, draw)
        if beginning == "noise" and draw.flip(CRY_SHARE):
            plan.append(("cry", "cry.noise"))
        plan.append(("begin", begun))
    plan.append(("open", _open_section(facts, draw, begun)))
    if beginning in FREE_KINDS:
        plan.append(("join", f"join.{beginning}"))
    bad_weather = begun in ("begin.weather", "begin.snowfall", "begin.rain")
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


def _problem_plan(facts: dict[str, str], draw: Draw) -> list[tuple[str, str]]:
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
    if facts["beginning"] in TOGETHER:
        return "friend.here" if facts["mood"] in PLAIN_MOODS else f"friend.here.{facts['mood']}"
    return section_of(facts["problem"], "friend", facts["company"]) or "friend"
