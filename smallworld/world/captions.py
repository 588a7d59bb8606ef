"""Caption a scene in plain words: many wordings of the same facts, and sentences of the story world.

A caption never gives a wrong place, time, thing, colour or number. It may leave something out, as people do.
Function words are sometimes dropped and phrases change places, so that a model learns to read the words and
not one form. Sentences of the story world are among the captions, so that a story can be illustrated; whoever
they tell about is left to the reader's imagination.
"""

from __future__ import annotations

import random
import re
from functools import cache

from smallworld.world import stories
from smallworld.world.scenes import Scene
from smallworld.world.vocabulary import (
    ADJECTIVES,
    CHARACTERS,
    COLORS,
    PLACES,
    SKY_THINGS,
    THING_COLORS,
    plural,
)

MOST_WORDS = 40
STORY_SHARE, BARE_SHARE = 0.2, 0.12  # captions made of story sentences; captions without function words

# Names of a place ("the" and adjectives come on top), and a view of it to begin a caption with.
PLACE_NAMES: dict[str, tuple[str, ...]] = {
    "city": ("city", "futuristic city", "futuristic cityscape", "cityscape", "skyline", "city of tall towers",
             "big city", "city street"),
    "mountains": ("mountains", "high mountains", "mountain range", "mountain peaks", "rocky mountains",
                  "peaks"),
    "desert": ("desert", "sandy desert", "wide desert", "dunes", "desert dunes", "dry desert with cacti"),
    "ocean": ("ocean", "sea", "blue sea", "blue ocean", "waves", "open sea", "water"),
    "forest": ("forest", "woods", "green forest", "pine forest", "deep forest", "fir trees"),
    "meadow": ("meadow", "flowery meadow", "green meadow", "field of flowers", "grassy field", "flowers"),
    "village": ("village", "little village", "quiet village", "village with a church", "small village"),
    "snow": ("snow", "snowy valley", "white valley", "snowy hills", "winter landscape", "snowy landscape"),
}  # fmt: skip
PLURAL_PLACES = {"mountains", "mountain peaks", "rocky mountains", "high mountains", "peaks", "dunes",
                 "desert dunes", "waves", "fir trees", "flowers", "snowy hills", "woods"}  # fmt: skip
MASS_PLACES = {"snow", "water"}

TIME_PHRASES: dict[str, tuple[str, ...]] = {
    "morning": ("at sunrise", "in the morning", "early in the morning", "at dawn", "in the early morning",
                "in the pale morning light", "as the sun rises", "in the first light of the day"),
    "noon": ("at noon", "at midday", "in the middle of the day", "by day", "under a blue sky",
             "in bright sunshine", "on a sunny day", "in the daytime", "under the noon sun"),
    "sunset": ("at sunset", "in the evening", "at dusk", "as the sun goes down", "in the evening light",
               "under an orange sky", "at twilight", "under a red evening sky"),
    "night": ("at night", "after dark", "under the stars", "under the moon", "at midnight", "in the dark",
              "by moonlight", "under a starry sky", "in the moonlight"),
}  # fmt: skip
TIME_ADJECTIVES = {
    "morning": ("early morning", "morning", "dawn"),
    "noon": ("sunny", "bright"),
    "sunset": ("evening", "sunset"),
    "night": ("night", "dark", "moonlit", "starry"),
}
THING_NAMES: dict[str, tuple[str, ...]] = {
    "balloon": ("balloon", "hot-air balloon", "hot air balloon"),
    "rocket": ("rocket", "space rocket"),
    "bird": ("bird",),
    "flying car": ("flying car",),
    "airship": ("airship", "zeppelin"),
    "cloud": ("cloud",),
    "house": ("house", "cottage"),
    "train": ("train",),
    "tent": ("tent",),
    "windmill": ("windmill",),
    "boat": ("boat", "sailing boat", "sailboat"),
    "lighthouse": ("lighthouse",),
    "snowman": ("snowman",),
}
NUMBERS = {1: ("a", "a", "a", "one", "a single", "the"), 2: ("two", "a pair of"), 3: ("three",)}
SEVERAL = {2: ("several", "some", "a few", "", ""), 3: ("several", "some", "a few", "", "", "many")}
SKY_VERBS = (
    ("flies", "floats", "hangs", "drifts", "hovers", "is"),
    ("fly", "float", "hang", "drift", "hover", "are"),
)
GROUND_VERBS = (("stands", "can be seen", "waits", "is"), ("stand", "can be seen", "wait", "are"))
OVER = ("over", "above", "high above", "in the sky over", "in the air above")
OPENINGS = ("a picture of", "an image of", "a drawing of", "please draw", "show me", "I see", "we see",
            "draw", "I would like to see", "look at", "a view of", "paint", "imagine")  # fmt: skip
EMPTY = ("nothing but", "only", "the empty sky over", "just", "a wide view of")
SMALL_WORDS = frozenset(
    ["a", "an", "the", "of", "in", "at", "with", "and", "is", "are", "as", "on", "by", "to", "there", "that"]
)


def caption(scene: Scene, rng: random.Random) -> str:
    """Word a scene. ``rng`` chooses the form: the same state of the generator gives the same words."""
    if rng.random() < STORY_SHARE:
        return _story_caption(scene, rng)
    text = _compose(scene, rng)
    if rng.random() < BARE_SHARE:
        text = " ".join(word for word in text.split() if word.strip(",.:") not in SMALL_WORDS)
    if rng.random() < 0.3:
        text = text[:1].upper() + text[1:] + rng.choice((".", ".", "", "!"))
    return text


# ------------------------------------------------------------------ phrases
def _article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def _place_phrase(place: str, time: str, rng: random.Random) -> str:
    """Name a place, with or without an article; ``time`` adds an adjective ("a moonlit village")."""
    name = rng.choice(PLACE_NAMES[place])
    full = f"{rng.choice(TIME_ADJECTIVES[time])} {name}" if time else name
    kind = rng.random()
    if kind < 0.15 or (kind < 0.5 and name in PLURAL_PLACES | MASS_PLACES):
        return full
    if kind < 0.6 and name not in PLURAL_PLACES | MASS_PLACES:
        return _article(full)
    return "the " + full


def _thing_phrase(scene: Scene, rng: random.Random) -> str:
    """Name the things with their number and, seven times in ten, their colour."""
    many = scene.count > 1
    noun = rng.choice(THING_NAMES[scene.thing])
    noun = plural(noun) if many else noun
    colored = rng.random() < 0.7
    if colored and rng.random() < 0.06:
        noun += f" that {'are' if many else 'is'} {scene.color}"
    elif colored:
        noun = f"{scene.color} {noun}"
    number = rng.choice(NUMBERS[scene.count] if not many or rng.random() < 0.5 else SEVERAL[scene.count])
    return _article(noun) if number == "a" else f"{number} {noun}".strip()


def _where(scene: Scene, rng: random.Random) -> str:
    """Say where the things are: over, in, on or among the place."""
    name = _place_phrase(scene.place, "", rng)
    if scene.thing in SKY_THINGS:
        return f"{rng.choice(OVER)} {name}"
    if scene.place == "ocean":
        return f"{rng.choice(('on', 'by', 'at'))} {name}"
    among = ("among", "in front of", "near") if name.removeprefix("the ") in PLURAL_PLACES else ("in", "near")
    return f"{rng.choice(among)} {name}"


def _compose(scene: Scene, rng: random.Random) -> str:
    """Put thing, place and time together in one of the forms; time or place is sometimes left out."""
    when = rng.choice(TIME_PHRASES[scene.time]) if rng.random() < 0.9 else ""
    if not scene.thing:
        return _compose_empty(scene, when, rng)
    what = _thing_phrase(scene, rng)
    adjective = scene.time if when and rng.random() < 0.3 else ""
    view = _place_phrase(scene.place, adjective, rng)
    after = "" if adjective else f" {when}"
    verb = rng.choice((SKY_VERBS if scene.thing in SKY_THINGS else GROUND_VERBS)[scene.count > 1])
    be = "are" if scene.count > 1 else "is"
    listed = [view, what] if adjective else [view, what, when]
    rng.shuffle(listed)
    forms = (
        f"{what} {_where(scene, rng)} {when}",
        f"{what} {_where(scene, rng)} {when}",
        f"{view} with {what}{after}",
        f"{view}{after} with {what}",
        f"{rng.choice(OPENINGS)} {view} with {what}{after}",
        f"{rng.choice(OPENINGS)} {what} {_where(scene, rng)} {when}",
        f"{when}, {what} {verb} {_where(scene, rng)}",
        f"{what} {verb} {_where(scene, rng)} {when}",
        f"{_where(scene, rng)}, {what} {verb} {when}",
        f"there {be} {what} {_where(scene, rng)} {when}",
        f"{when} there {be} {what} {_where(scene, rng)}",
        ", ".join(part for part in listed if part),
        " ".join(part for part in listed if part),
        f"{what} {when}" if when else f"{what} {verb} {_where(scene, rng)}",
    )
    return re.sub(r"\s+", " ", rng.choice(forms)).strip(" ,")


def _compose_empty(scene: Scene, when: str, rng: random.Random) -> str:
    """Word a scene without things."""
    adjective = scene.time if when and rng.random() < 0.3 else ""
    view = _place_phrase(scene.place, adjective, rng)
    after = "" if adjective else f" {when}"
    forms = (
        f"{view}{after}",
        f"{view}{after}",
        f"{rng.choice(OPENINGS)} {view}{after}",
        f"{rng.choice(EMPTY)} {view}{after}",
        f"{'' if adjective else when}, {view}",
        f"it is {when.split(' ')[-1]}, {view}"
        if when.startswith("at ") and not adjective
        else f"{view}{after}",
    )
    return re.sub(r"\s+", " ", rng.choice(forms)).strip(" ,")


# ------------------------------------------------------------------ sentences of the story world
@cache
def _story_patterns() -> dict[str, tuple[str, ...]]:
    """Give the story patterns, by section, that say something about a scene without naming a thing."""
    named = re.compile(r"\b(" + "|".join(THING_NAMES) + r")s?\b|\btrams?\b|\b(sledge|horse)\b")
    wanted = {
        section: tuple(p.text for p in listed if not named.search(p.text.lower()))
        for section, listed in stories.patterns().items()
        if section.split(".")[0] in ("open", "light", "view")
    }
    return {section: texts for section, texts in wanted.items() if texts}


@cache
def _with_slot(section: str, *slots: str) -> tuple[str, ...]:
    """List the patterns of a section that have one of the slots."""
    return tuple(t for t in _story_patterns()[section] if any("{" + slot + "}" in t for slot in slots))


def _story_caption(scene: Scene, rng: random.Random) -> str:
    """Up to three story sentences about the scene: place and time, and the things where there are any."""
    who = rng.choice(tuple(CHARACTERS))
    facts = {"place": scene.place, "time": scene.time, "character": who, "friend": who, "object": ""}
    light = f"light.{scene.time}"
    chosen = [rng.choice(_with_slot(light, "the_place", "in_place"))]
    if rng.random() < 0.4:
        opening = rng.choice(("open.once", "open.other"))
        chosen = [rng.choice(_with_slot(opening, "in_place")), rng.choice(_story_patterns()[light])]
    elif rng.random() < 0.3:
        chosen.append(rng.choice(_story_patterns()[f"view.{scene.place}"]))
    if scene.thing:
        in_sky = scene.thing in SKY_THINGS
        one = ("a_thing", "a_sky_thing") if in_sky else ("a_thing",)
        slots = ("some_things",) if scene.count > 1 else one
        chosen.insert(rng.randrange(1, len(chosen) + 1), rng.choice(_with_slot("view.thing", *slots)))
    text = " ".join(_fill(sentence, scene, facts, rng) for sentence in chosen)
    return text if len(text.split()) <= MOST_WORDS else _story_caption(scene, rng)


def _fill(text: str, scene: Scene, facts: dict[str, str], rng: random.Random) -> str:
    """Fill the slots of a pattern with the scene's facts."""

    def choose(match: re.Match) -> str:
        if match[1] in ("a_thing", "a_sky_thing", "some_things"):
            number = {1: "a", 2: "two", 3: "three"}[scene.count]
            return f"{number} {scene.color} {plural(scene.thing) if scene.count > 1 else scene.thing}"
        return rng.choice(stories.slot_options(match[1], facts))

    return stories.capitalise(stories.SLOT.sub(choose, text))


# ------------------------------------------------------------------ the words
@cache
def words() -> frozenset[str]:
    """Collect every word, in small letters, that a caption can contain."""
    texts = [*OPENINGS, *OVER, *EMPTY, *COLORS, *ADJECTIVES, *SMALL_WORDS]
    texts += ["near", "among", "in front of", "it is", "there are"]
    for table in (PLACE_NAMES, TIME_PHRASES, TIME_ADJECTIVES, THING_NAMES, NUMBERS, SEVERAL, THING_COLORS):
        texts += [phrase for phrases in table.values() for phrase in phrases]
    texts += [verb for table in (SKY_VERBS, GROUND_VERBS) for verbs in table for verb in verbs]
    texts += [plural(name) for names in THING_NAMES.values() for name in names]
    texts += [re.sub(r"\{\w+\}", " ", text) for listed in _story_patterns().values() for text in listed]
    slots = {
        slot
        for listed in _story_patterns().values()
        for text in listed
        for slot in stories.SLOT.findall(text)
    }
    for place in PLACES:
        for number, who in enumerate(CHARACTERS):
            time = tuple(TIME_PHRASES)[number % len(TIME_PHRASES)]
            facts = {"place": place, "time": time, "character": who, "friend": who, "object": ""}
            texts += [option for slot in slots for option in stories.slot_options(slot, facts)]
    return frozenset(word for text in texts for word in split_words(text))


def split_words(text: str) -> list[str]:
    """Split a text into its words in small letters; hyphens and apostrophes inside a word stay."""
    return re.findall(r"[a-z0-9]+(?:['-][a-z0-9]+)*", text.lower())
