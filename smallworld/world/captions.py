"""Caption a scene in plain words: many wordings of the same facts, and sentences of the story world.

A caption never gives a wrong place, time, thing, colour or number. It may leave something out, as people do.
Whole sentences, lists, fragments and bare words are among the captions, in any order, so that a model learns
to read the words and not one form. Sentences of the story world are among them too, so that a story can be
illustrated; whoever they tell about is left to the reader's imagination.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache

from smallworld.world import stories, wordings
from smallworld.world.scenes import Scene
from smallworld.world.vocabulary import ADJECTIVES, CHARACTERS, COLORS, PLACES, SKY_THINGS, plural
from smallworld.world.wordings import (
    ANY_ADJECTIVES,
    MASS_PLACES,
    NUMBERS,
    PLACE_ADJECTIVES,
    PLACE_NAMES,
    PLURAL_PLACES,
    SEVERAL,
    SHADES,
    THING_NAMES,
    TIME_ADJECTIVES,
    TIME_NOUNS,
    TIME_PHRASES,
)

WORDINGS = ("train", "unseen")
MOST_WORDS = 40
# Captions made of story sentences, of fragments in any order, and captions without function words.
STORY_SHARE, FRAGMENT_SHARE, BARE_SHARE = 0.18, 0.18, 0.10
ADJECTIVE_SHARE = 0.35  # place names with an adjective, where none says the time

SKY_VERBS = (
    ("flies", "floats", "hangs", "drifts", "hovers", "is"),
    ("fly", "float", "hang", "drift", "hover", "are"),
)
GROUND_VERBS = (("stands", "can be seen", "waits", "is"), ("stand", "can be seen", "wait", "are"))
OVER = ("over", "above", "high above", "in the sky over", "in the air above")
OPENINGS = ("a picture of", "an image of", "a drawing of", "please draw", "show me", "I see", "we see",
            "draw", "I would like to see", "look at", "a view of", "paint", "imagine", "make me a picture of",
            "a painting of", "create", "can you draw", "I want")  # fmt: skip
EMPTY = ("nothing but", "only", "the empty sky over", "just", "a wide view of")
SMALL_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "in",
        "at",
        "with",
        "and",
        "is",
        "are",
        "as",
        "on",
        "by",
        "to",
        "there",
        "that",
        "which",
    ]
)


@dataclass(frozen=True)
class Parts:
    """The phrases that a caption is put together from; "" where something is left out.

    ``view`` names the place ("the wide desert"), ``where`` says in or over which place the things are,
    ``when`` the time, ``after`` the same, or "" where an adjective of the view says it. ``place`` and
    ``time`` are nouns for fragments.
    """

    what: str
    view: str
    where: str
    when: str
    after: str
    place: str
    time: str
    verb: str
    be: str


def caption(scene: Scene, rng: random.Random, wording: str = "train") -> str:
    """Word a scene. ``rng`` chooses the form: the same state of the generator gives the same words.

    With the wording "unseen", place and time are named in words that captions to learn from never use.
    Raises ValueError for another wording.
    """
    if wording not in WORDINGS:
        raise ValueError(f"There is no wording {wording!r}; choose one of {', '.join(WORDINGS)}.")
    if wording == "train" and rng.random() < STORY_SHARE:
        return _story_caption(scene, rng)
    parts = _unseen_parts(scene, rng) if wording == "unseen" else _parts(scene, rng)
    text = _fragments(parts, rng) if rng.random() < FRAGMENT_SHARE else _sentence(parts, rng)
    if wording == "train" and rng.random() < BARE_SHARE:
        text = " ".join(word for word in text.split() if word.strip(",.:") not in SMALL_WORDS)
    if rng.random() < 0.3:
        text = text[:1].upper() + text[1:] + rng.choice((".", ".", "", "!"))
    return text


# ------------------------------------------------------------------ phrases
def _article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def _described(place: str, name: str, rng: random.Random) -> str:
    """Put an adjective before a place's name, unless they share a word."""
    adjective = rng.choice(ANY_ADJECTIVES if rng.random() < 0.3 else PLACE_ADJECTIVES[place])
    if set(adjective.split()) & set(name.split()):
        return name
    return f"{adjective} {name}"


def time_adjectives(time: str, name: str) -> tuple[str, ...]:
    """Adjectives that say the time of day before a place's name; "dark" says none before a colour."""
    colored = name.split()[0] in COLORS
    return tuple(adjective for adjective in TIME_ADJECTIVES[time] if not (colored and adjective in SHADES))


def _place_phrase(place: str, time: str, rng: random.Random) -> str:
    """Name a place, with or without an article; ``time`` adds an adjective ("a moonlit village")."""
    name = rng.choice(PLACE_NAMES[place])
    full = name
    if time:
        full = f"{rng.choice(time_adjectives(time, name))} {name}"
    elif rng.random() < ADJECTIVE_SHARE:
        full = _described(place, name, rng)
    return _with_article(name, full, rng)


def _with_article(name: str, full: str, rng: random.Random) -> str:
    """An article, or none, before a place's name with its adjectives."""
    countless = name in PLURAL_PLACES | MASS_PLACES
    kind = rng.random()
    if kind < 0.15 or (kind < 0.5 and countless):
        return full
    if kind < 0.6 and not countless:
        return _article(full)
    return "the " + full


def _thing_phrase(scene: Scene, rng: random.Random) -> str:
    """Name the things with their number and, seven times in ten, their colour."""
    many = scene.count > 1
    noun = rng.choice(THING_NAMES[scene.thing])
    noun = plural(noun) if many else noun
    number = rng.choice(NUMBERS[scene.count] if not many or rng.random() < 0.7 else SEVERAL[scene.count])
    colored, form = rng.random() < 0.7, rng.random()
    after = ""
    if colored and form < 0.12:
        be = "are" if many else "is"
        after = " " + rng.choice(
            (f"that {be} {scene.color}", f"which {be} {scene.color}", f"in {scene.color}")
        )
    elif colored:
        noun = f"{scene.color} {noun}"
    if many and number in ("two", "three") and rng.random() < 0.15:
        return f"{noun}{after}, {number} of them,"
    start = _article(noun) if number == "a" else f"{number} {noun}".strip()
    return start + after


def _where(scene: Scene, name: str, bare_name: str, rng: random.Random) -> str:
    """Say where the things are: over, in, on or among the place."""
    if scene.thing in SKY_THINGS:
        return f"{rng.choice(OVER)} {name}"
    if scene.place == "ocean":
        return f"{rng.choice(('on', 'by', 'at'))} {name}"
    among = ("among", "in front of", "near") if bare_name in PLURAL_PLACES else ("in", "near")
    return f"{rng.choice(among)} {name}"


def _parts(scene: Scene, rng: random.Random) -> Parts:
    """Choose the phrases of a caption; the time is left out now and then."""
    when = rng.choice(TIME_PHRASES[scene.time]) if rng.random() < 0.92 else ""
    adjective = scene.time if when and rng.random() < 0.25 else ""
    name = rng.choice(PLACE_NAMES[scene.place])
    full = _described(scene.place, name, rng) if rng.random() < ADJECTIVE_SHARE else name
    return _join(
        scene,
        rng,
        view=_place_phrase(scene.place, adjective, rng),
        where=_where(scene, _with_article(name, full, rng), name, rng) if scene.thing else "",
        when=when,
        after="" if adjective else when,
        place=rng.choice(PLACE_NAMES[scene.place]),
        time=rng.choice(TIME_NOUNS[scene.time]),
    )


def _unseen_parts(scene: Scene, rng: random.Random) -> Parts:
    """Choose the phrases of a caption among those that are kept out of training."""
    name = rng.choice(wordings.UNSEEN_PLACES[scene.place])
    when = rng.choice(wordings.UNSEEN_TIMES[scene.time])
    return _join(
        scene,
        rng,
        view=_with_article(name, name, rng),
        where=_where(scene, "the " + name, name, rng) if scene.thing else "",
        when=when,
        after=when,
        place=name,
        time=when,
    )


def _join(scene: Scene, rng: random.Random, **phrases: str) -> Parts:
    """Add the words for the things to the phrases for place and time."""
    many = scene.count > 1
    verbs = SKY_VERBS if scene.thing in SKY_THINGS else GROUND_VERBS
    return Parts(
        what=_thing_phrase(scene, rng) if scene.thing else "",
        verb=rng.choice(verbs[many]),
        be="are" if many else "is",
        **phrases,
    )


# ------------------------------------------------------------------ forms
def _clean(text: str) -> str:
    """One space between words, and no comma twice, at the ends or before another mark."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"[ ,]*([,.:;])[ ,]*", r"\1 ", text)
    return text.strip(" ,.:;")


def _sentence(parts: Parts, rng: random.Random) -> str:
    """Put thing, place and time together in a sentence or a phrase."""
    p = parts
    if not p.what:
        return _empty_sentence(p, rng)
    listed = [p.view, p.what, p.after]
    rng.shuffle(listed)
    forms = (
        f"{p.what} {p.where} {p.when}",
        f"{p.what} {p.where} {p.when}",
        f"{p.what} {p.where}, {p.when}",
        f"{p.view} with {p.what} {p.after}",
        f"{p.view} {p.after} with {p.what}",
        f"{p.view}, {p.after}, with {p.what}",
        f"{p.after}, {p.view} with {p.what}",
        f"{rng.choice(OPENINGS)} {p.view} with {p.what} {p.after}",
        f"{rng.choice(OPENINGS)} {p.what} {p.where} {p.when}",
        f"{p.when}, {p.what} {p.verb} {p.where}",
        f"{p.what} {p.verb} {p.where} {p.when}",
        f"{p.where}, {p.what} {p.verb} {p.when}",
        f"{p.where} {p.when} {p.be} {p.what}",
        f"there {p.be} {p.what} {p.where} {p.when}",
        f"{p.when} there {p.be} {p.what} {p.where}",
        f"{p.what} {p.when} {p.where}",
        f"{p.view} and {p.what} {p.after}",
        ", ".join(part for part in listed if part),
        " ".join(part for part in listed if part),
        f"{p.what} {p.when}" if p.when else f"{p.what} {p.verb} {p.where}",
    )
    return _clean(rng.choice(forms))


def _empty_sentence(parts: Parts, rng: random.Random) -> str:
    """Word a scene without things."""
    p = parts
    forms = (
        f"{p.view} {p.after}",
        f"{p.view}, {p.after}",
        f"{rng.choice(OPENINGS)} {p.view} {p.after}",
        f"{rng.choice(EMPTY)} {p.view} {p.after}",
        f"{p.after}, {p.view}",
        f"{p.after} {p.view}",
    )
    return _clean(rng.choice(forms))


def _fragments(parts: Parts, rng: random.Random) -> str:
    """Name thing, place and time in any order, without a sentence around them."""
    pieces = [rng.choice((parts.place, parts.view)), rng.choice((parts.time, parts.after or parts.time))]
    if parts.what:
        pieces.append(parts.what)
    if not parts.when:  # the time is left out
        del pieces[1]
    rng.shuffle(pieces)
    mark = rng.choice((", ", ", ", ". ", " ", ": ", "; "))
    return _clean(mark.join(pieces))


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
        single = ("a_thing", "a_sky_thing") if scene.thing in SKY_THINGS else ("a_thing",)
        slots = ("some_things",) if scene.count > 1 else single
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
    """Collect every word, in small letters, that a caption to learn from can contain."""
    colors = wordings.color_names()
    texts = [*OPENINGS, *OVER, *EMPTY, *colors, *ADJECTIVES, *SMALL_WORDS, *ANY_ADJECTIVES]
    texts += ["near", "among", "in front of", "there are", "two of them", "which"]
    tables = (PLACE_NAMES, PLACE_ADJECTIVES, TIME_PHRASES, TIME_NOUNS, TIME_ADJECTIVES, THING_NAMES, NUMBERS)
    for table in (*tables, SEVERAL):
        texts += [phrase for phrases in table.values() for phrase in phrases]
    texts += [verb for table in (SKY_VERBS, GROUND_VERBS) for verbs in table for verb in verbs]
    texts += [plural(name) for names in THING_NAMES.values() for name in names]
    texts += _story_texts()
    return frozenset(word for text in texts for word in split_words(text))


def _story_texts() -> list[str]:
    """The story patterns that captions use, and all that can fill their slots."""
    patterns = [text for listed in _story_patterns().values() for text in listed]
    slots = {slot for text in patterns for slot in stories.SLOT.findall(text)}
    texts = [re.sub(r"\{\w+\}", " ", text) for text in patterns]
    times = tuple(TIME_PHRASES)
    for place in PLACES:
        for number, who in enumerate(CHARACTERS):
            time = times[number % len(times)]
            facts = {"place": place, "time": time, "character": who, "friend": who, "object": ""}
            texts += [option for slot in slots for option in stories.slot_options(slot, facts)]
    return texts


def split_words(text: str) -> list[str]:
    """Split a text into its words in small letters; hyphens and apostrophes inside a word stay."""
    return re.findall(r"[a-z0-9]+(?:['-][a-z0-9]+)*", text.lower())
