"""Requests for a story: in plain words (``ask``), as people type them (``wish``), and read back (``read``).

A request names some of the facts ``ASKABLE``. ``wishes.txt`` holds its words; those marked "*" never stand
before a training story, so that one can measure what a model understands without having met it.
"""

import random
import re
from functools import cache
from pathlib import Path

from smallworld.world.grammar import lists, patterns, sections, with_articles
from smallworld.world.vocabulary import (
    ADJECTIVES,
    ASKED_ADJECTIVES,
    CHARACTERS,
    COLORS,
    MOODS,
    PLACES,
    SKY_THINGS,
    TIMES,
    colors_of,
    plural,
)

WISHES_FILE = Path(__file__).with_name("wishes.txt")
ASKABLE = ("place", "time", "mood", "character", "thing", "company", "friend")
THINGS = tuple(dict.fromkeys((*SKY_THINGS, *(thing for place in PLACES.values() for thing in place.things))))
SMALL_SHARE, BARE_SHARE, SLIP_SHARE, PLAIN_SHARE = 0.25, 0.3, 0.1, 0.25
FRAGMENT_SHARE, POLITE_SHARE, COLOUR_SHARE = 0.25, 0.08, 0.15
WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")

PLAIN = (
    "Tell a{mood} story{about}{where}{when}.",
    "A{mood} story{about}{where}{when}:",
    "Please write a{mood} story{about}{where}{when}.",
    "I would like to hear a{mood} story{about}{where}{when}.",
    "Can you tell me a{mood} story{about}{where}{when}?",
    "Write a short{mood} tale{about}{when}{where}.",
    "Story wanted:{mood}{about}{where}{when}.",
    "Let us have a{mood} story{about}{where}{when}.",
)


# ------------------------------------------------------------------ plain requests
def ask(
    place: str | None = None,
    time: str | None = None,
    mood: str | None = None,
    character: str | None = None,
    wording: int = 0,
    *,
    thing: str | None = None,
    company: str | None = None,
    friend: str | None = None,
) -> str:
    """Ask for a story in plain words; the line ends in a newline, after which the story begins.

    All but ``wording`` are keys of the vocabulary (``company``: "friend"); what is None is left open.
    ``wording`` picks one of the phrasings (any whole number). Raises ValueError for an unknown key.
    """
    tables = ((place, PLACES), (time, TIMES), (mood, MOODS), (character, CHARACTERS), (thing, THINGS),
              (company, ("friend", "alone")), (friend, CHARACTERS))  # fmt: skip
    for key, table in tables:
        if key is not None and key not in table:
            raise ValueError(f"{key!r} is not in the small world; choose one of {', '.join(table)}.")
    form, variant = wording % len(PLAIN), wording // len(PLAIN)
    within = PLACES[place].within if place else ("",)
    at = TIMES[time].at if time else ("",)
    people = [f"{name} the {CHARACTERS[name].kind}" for name in (character, friend) if name]
    if company == "friend" and not friend:
        people = [*people, "a friend"] if people else ["two friends"]
    subjects = [*people, f"a {thing}"] if thing else people
    line = PLAIN[form].format(
        mood=f" {mood}" if mood else "",
        about=f" about {' and '.join(subjects)}" if subjects else "",
        where=f" {within[variant % len(within)]}" if place else "",
        when=f" {at[variant // len(within) % len(at)]}" if time else "",
    )
    return with_articles(line) + "\n"


# ------------------------------------------------------------------ requests as people type them
@cache
def phrasings(section: str, held_out: bool) -> tuple[str, ...]:
    """The phrases of a section of ``wishes.txt``: those of training stories, or those kept out of them."""
    every = [phrase for line in sections(WISHES_FILE)[section] for phrase in line.split(" | ")]
    return tuple(phrase.lstrip("*") for phrase in every if phrase.startswith("*") == held_out)


def _phrase(rng: random.Random, section: str, new_words: bool) -> str:
    """Draw a phrase; with ``new_words`` one that the training stories lack, where there is one."""
    return rng.choice((new_words and phrasings(section, True)) or phrasings(section, False))


def _person(rng: random.Random, name: str, new_words: bool) -> str:
    """Word a character: by the name, the kind, or both."""
    kind = CHARACTERS[name].kind
    forms = (
        name, f"{name} the {kind}", f"{name} the {kind}", f"a {kind}", f"a {kind}", f"a little {kind}",
        f"the {kind}",
        f"a small {kind}", f"a {kind} named {name}", f"a {kind} called {name}", f"a young {kind}",
        f"one {kind}",
        f"the {kind} {name}", _phrase(rng, f"{kind}.also", new_words),
    )  # fmt: skip
    return rng.choice(forms)


def _subjects(rng: random.Random, facts: dict[str, str], new_words: bool) -> tuple[str, str]:
    """Word who and what the story is about: (the people or "", the thing or "")."""
    people = ""
    if "character" in facts:
        people = _person(rng, facts["character"], new_words)
    if "friend" in facts:
        link = rng.choice((" and ", " and ", " and ", " who meets ", " and a friend, "))
        people += link + _person(rng, facts["friend"], new_words)
    elif facts.get("company") == "friend":
        friends = _phrase(rng, "company.what", new_words)
        people = f"{people} and a friend" if people else friends
    return people, _thing(rng, facts, new_words)


def _thing(rng: random.Random, facts: dict[str, str], new_words: bool) -> str:
    """Word the thing to be seen, sometimes with a colour that it has by day and by night; "" for none."""
    if "thing" not in facts:
        return ""
    if rng.random() < COLOUR_SHARE:
        colours = [colour for colour in colors_of(facts["thing"]) if colour != "pink"]
        return f"a {rng.choice(colours)} {facts['thing']}"
    return _phrase(rng, facts["thing"].replace(" ", "_") + ".what", new_words)


def _about(rng: random.Random, people: str, thing: str) -> str:
    """Say what the story is about: " about Pim and a train", or ""."""
    if people and thing:
        return rng.choice(
            (
                f" about {people} and {thing}",
                f" with {people} and {thing}",
                f" about {people} with {thing} in it",
            )
        )
    if people or thing:
        return f" {rng.choice(('about', 'about', 'about', 'with'))} {people or thing}"
    return ""


def _listed(rng: random.Random, facts: dict[str, str], parts: dict[str, str], new_words: bool) -> str:
    """Only name what is wanted: "the sea, midnight, a cat"."""
    items = [parts["people"], parts["thing"], parts["like"]]
    items += [_phrase(rng, f"{facts[key]}.what", new_words) for key in ("place", "time") if key in facts]
    items = [item for item in items if item]
    rng.shuffle(items)
    return rng.choice((", ", ", ", " and ", " ", " + ")).join(items)


def _bare(rng: random.Random, fact: str) -> str:
    """A place or a time of day in one or two words without an article: "beach", "midnight"."""
    return rng.choice(phrasings(f"{fact}.bare", False))


def _somebody(rng: random.Random, facts: dict[str, str], mood: str, new_words: bool) -> str:
    """Word who the story is about, mood first: "a brave mouse", "two brave friends"; "" for nobody."""
    if "friend" in facts:
        return _subjects(rng, facts, new_words)[0]
    if "character" in facts:
        kind = CHARACTERS[facts["character"]].kind
        forms = [f"a {mood}{kind}", f"{mood}{kind}", f"the {mood}{kind}", f"a {mood}little {kind}"]
        forms += [] if mood else [facts["character"], _phrase(rng, f"{kind}.also", new_words)]
        return rng.choice(forms) + (" and a friend" if "company" in facts else "")
    return rng.choice((f"two {mood}friends", f"{mood}friends")) if "company" in facts else ""


def _fragment(rng: random.Random, facts: dict[str, str], new_words: bool) -> str:
    """Ask in few words: "spooky forest", "beach story with a cat", "flying cars over the city at night"."""
    mood = f"{rng.choice(phrasings(facts['mood'] + '.adj', False))} " if "mood" in facts else ""
    where = " " + _phrase(rng, f"{facts['place']}.where", new_words) if "place" in facts else ""
    when = " " + _phrase(rng, f"{facts['time']}.when", new_words) if "time" in facts else ""
    thing = _thing(rng, facts, new_words)
    if thing and where and facts["thing"] in SKY_THINGS and rng.random() < 0.5:
        where = f" {rng.choice(('over', 'above'))} the {phrasings(facts['place'] + '.bare', False)[0]}"
    who = _somebody(rng, facts, "", new_words)
    lot = rng.random()
    if lot < 0.3 and not thing and "friend" not in facts:
        before = mood if who else ""
        line = _somebody(rng, facts, before, new_words) or f"{mood}story"
        return f"{line}{where}{when}"
    if lot < 0.45 and who and mood and not thing:
        return f"{who} {rng.choice(('is', 'feels', 'was'))} {mood}{where}{when}"
    with_all = "".join(f" {rng.choice(('with', 'about'))} {part}" for part in (who, thing) if part)
    if lot < 0.7 and "place" in facts:
        return f"{mood}{_bare(rng, facts['place'])} story{with_all}{when}"
    if lot < 0.7 and "time" in facts:
        return f"{mood}{_bare(rng, facts['time'])} story{with_all}{where}"
    if lot < 0.8 and "place" in facts:
        return f"{mood}{_bare(rng, facts['place'])}{when}{with_all}"
    if who and thing:
        return f"{mood and f'a {mood}story: '}{who} {_phrase(rng, 'frames.link', False)} {thing}{where}{when}"
    noun = thing or who
    if noun and not mood and lot < 0.9:
        return f"{rng.choice(('about ', '', ''))}{noun}{where}{when}"
    bare = noun.removeprefix("a ").removeprefix("an ").removeprefix("the ")
    return f"{mood}{bare} story{where}{when}" if noun else f"{mood}story{where}{when}"


def wish(rng: random.Random, facts: dict[str, str], new_words: bool = False) -> str:
    """Ask for a story as people do: commands, questions, lists, small letters, slips; ends in a newline.

    ``facts`` are the asked ones of ``ASKABLE``. ``new_words``: wherever there are words that no training
    story is asked for with, these are used.
    """
    if not new_words and rng.random() < PLAIN_SHARE:
        return ask(**facts, wording=rng.randrange(10_000))
    if rng.random() < FRAGMENT_SHARE:
        return _typed(rng, with_articles(_tidy(_fragment(rng, facts, new_words))), "") + "\n"
    people, thing = _subjects(rng, facts, new_words)
    words = {"like": "", "make": "", "who": ""}
    alone = people and not {"friend", "company"} & facts.keys()
    if "mood" in facts:
        ways = ("like", "like", "like", "make", "who") if alone else ("like", "like", "make")
        way_of_asking = rng.choice(ways)
        words[way_of_asking] = _phrase(rng, f"{facts['mood']}.{way_of_asking}", new_words)
    people = f"{people} {words['who']}".strip()
    where = " " + _phrase(rng, f"{facts['place']}.where", new_words) if "place" in facts else ""
    when = " " + _phrase(rng, f"{facts['time']}.when", new_words) if "time" in facts else ""
    like, lot = words["like"], rng.random()
    if lot < 0.35:
        parts = {"people": people, "thing": thing, "like": like}
        line = _listed(rng, facts, parts, new_words) or "a story"
    elif alone and thing and not like and lot < 0.65:
        line = rng.choice(phrasings("frames.sees", False))
    elif people and not thing and not like and lot < 0.7:
        line = rng.choice(phrasings("frames.who", False))
    else:
        line = rng.choice(phrasings("frames", False))
    filled = line.format(
        who=people,
        thing=thing,
        mood=f" {like}" if like else "",
        mood2=f", {like}" if like else "",
        about=_about(rng, people, thing),
        where=where,
        when=when,
    )
    return _typed(rng, with_articles(_tidy(filled)), " " + words["make"] if words["make"] else "") + "\n"


def _tidy(line: str) -> str:
    """Remove the commas and spaces that empty parts leave behind."""
    line = re.sub(r",(\s*,)+", ",", line.replace("wanted:,", "wanted:"))
    line = re.sub(r"\s+", " ", line).replace(" ,", ",").replace(" .", ".")
    return line.strip(" ,")


def _typed(rng: random.Random, line: str, more: str) -> str:
    """Type a line as people do: sometimes in small letters, without a full stop, or with a slip."""
    if more:
        line = (line if line[-1] in ".!?" else line.rstrip(":") + ".") + more
    if rng.random() < POLITE_SHARE:
        line = f"{_phrase(rng, 'polite.before', False)} {line}"
    if rng.random() < POLITE_SHARE:
        more_words = _phrase(rng, "polite.after", False)
        line = line.rstrip(".!?:") + ("" if more_words[0] in ",.!" else " ") + more_words
    small = rng.random() < SMALL_SHARE
    line = line.lower() if small else line[0].upper() + line[1:]
    if rng.random() < (0.6 if small else BARE_SHARE / 2):
        line = line.rstrip(".!?")
    return slip(rng, line) if rng.random() < SLIP_SHARE else line


def slip(rng: random.Random, line: str) -> str:
    """Mistype one letter of one word of five letters or more, unless that makes another known word."""
    longer = [match for match in re.finditer(r"\b[A-Za-z]{5,}\b", line)]
    if not longer:
        return line
    match = rng.choice(longer)
    word, place = match[0], rng.randrange(1, len(match[0]) - 1)
    changed = rng.choice((
        word[:place] + word[place + 1 :],
        word[:place] + word[place] + word[place:],
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        word[:place] + rng.choice("aeiourstnl") + word[place + 1 :],
    ))  # fmt: skip
    if changed.lower() in _known_words() or repaired(changed.lower()) != repaired(word.lower()):
        return line
    return line[: match.start()] + changed + line[match.end() :]


# ------------------------------------------------------------------ reading
@cache
def _described() -> re.Pattern:
    """The expression of an adjective of the stories before a word for somebody."""
    nouns = {words for key, words, _ in _keywords() if key in CHARACTERS and " " not in words}
    listed = "|".join((*ADJECTIVES, *ASKED_ADJECTIVES))
    return re.compile(rf"\b({listed}) ({'|'.join(sorted(nouns, key=len, reverse=True))})\b")


def adjectives(request: str) -> dict[str, str]:
    """Read how a request describes the hero ("adj") and the friend ("fadj"), as far as it does."""
    people, found = read(request)["character"], {}
    for adjective, noun in _described().findall(request.lower()):
        number = people.index(read(noun)["character"][0])
        if number < 2:
            found[("adj", "fadj")[number]] = adjective
    return found


def colour(request: str) -> str:
    """Read the colour that a request wants a thing to have ("a red balloon"), or ""."""
    things = "|".join(sorted((*THINGS, *map(plural, THINGS)), key=len, reverse=True))
    found = re.search(rf"\b({'|'.join(COLORS)}) (?:{things})\b", request.lower())
    return found[1] if found else ""


@cache
def _keywords() -> tuple[tuple[str, str, re.Pattern], ...]:
    """(key, words, expression) of the section "@read", the longest words first."""
    found = []
    for line in sections(WISHES_FILE)["read"]:
        key, words = line.split(": ")
        found += [(key, word) for word in words.split(", ")]
    found.sort(key=lambda pair: len(pair[1]), reverse=True)
    return tuple((key, word, re.compile(rf"\b{re.escape(word)}\b")) for key, word in found)


@cache
def _known_words() -> frozenset[str]:
    """The words that requests are read by, those of requests and stories, and others that are no slips."""
    texts = [word for _, word, _ in _keywords()]
    texts += [line for name, lines in sections(WISHES_FILE).items() if name != "read" for line in lines]
    texts += [pattern.text for group in patterns().values() for pattern in group]
    texts += [phrase for phrases in lists().values() for phrase in phrases]
    return frozenset(word for text in texts for word in WORD.findall(re.sub(r"\{\w+\}", " ", text.lower())))


@cache
def _reading_words() -> tuple[str, ...]:
    """The single words of five letters or more by which a request is read."""
    words = {part for _, phrase, _ in _keywords() for part in phrase.split() if len(part) >= 5}
    return tuple(sorted(words))


def _one_slip_apart(word: str, other: str) -> bool:
    """Whether one letter left out, doubled, exchanged or swapped makes one word of the other."""
    if abs(len(word) - len(other)) > 1 or word == other:
        return word == other
    start = 0
    while start < min(len(word), len(other)) and word[start] == other[start]:
        start += 1
    rest, other_rest = word[start:], other[start:]
    swapped = rest[1:2] + rest[:1] + rest[2:]
    return (
        rest[1:] == other_rest
        or rest == other_rest[1:]
        or rest[1:] == other_rest[1:]
        or swapped == other_rest
    )


@cache
def repaired(word: str) -> str:
    """Correct a slip: an unknown word becomes the reading word one letter apart, if there is just one."""
    if len(word) < 4 or word in _known_words():
        return word
    near = [known for known in _reading_words() if _one_slip_apart(word, known)]
    return near[0] if len(near) == 1 else word


def read(request: str) -> dict[str, list[str]]:
    """Read a request: the named keys of each of ``ASKABLE``, in the order in which they are named.

    Where a longer phrase is found ("small town"), the words in it are not read again ("town").
    """
    line = WORD.sub(
        lambda match: repaired(match[0]), request.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    )
    hits: list[tuple[int, str]] = []
    for key, words, expression in _keywords():
        if words not in line:
            continue
        for match in expression.finditer(line):
            hits.append((match.start(), key))
        line = expression.sub(lambda match: "#" * len(match[0]), line)
    tables = {
        "place": PLACES,
        "time": TIMES,
        "mood": MOODS,
        "character": CHARACTERS,
        "thing": THINGS,
        "company": ("friend",),
    }
    ordered = [key for _, key in sorted(hits)]
    return {
        name: list(dict.fromkeys(key for key in ordered if key in table)) for name, table in tables.items()
    }
