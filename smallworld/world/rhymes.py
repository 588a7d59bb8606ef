"""Stories of the small world retold in rhyme: a grammar that writes them, and a checker for their rhymes.

A poem is two to four couplets with fixed roles (who and where, the time of day, a thing that is seen, a small
event, a mood), each a hand-written one of ``rhymes.txt`` with its slots filled from ``vocabulary.py``.
Combinations of place, time and character are held out exactly as in ``stories.py``.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from smallworld.world import grammar, stories
from smallworld.world.vocabulary import CHARACTERS, MOODS, PRONOUNS, colors_of, things_in

COUPLETS_FILE = Path(__file__).with_name("rhymes.txt")
# The roles after the first two couplets, and how often each choice is made.
ENDINGS = {(): 1, ("mood",): 3, ("thing", "mood"): 3, ("tale", "mood"): 3, ("thing", "tale"): 2}
TIME_FIRST = 0.3
SPLITS = ("train", "validation", "test")
# So that "{who}" has four syllables, the last one heavy, and for some names one light syllable more.
YOUNG_OR_OLD = {"Pim": "young ", "Bram": "old ", "Nell": "young ", "Gus": "old "}
STRONG = {"bird": "small", "cloud": "big", "snowman": "big"}  # else "bright": before a colour of one syllable
WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*")


@dataclass(frozen=True)
class Poem:
    """A poem, one verse a line, and its facts (place, time, character, mood, thing; "" for what it lacks)."""

    text: str
    facts: dict[str, str]


# ------------------------------------------------------------------ the file
@cache
def couplets() -> dict[str, tuple[str, ...]]:
    """The couplets of each section ("open.city", "tale", ...), their two verses divided by " / "."""
    return {name: lines for name, lines in grammar.sections(COUPLETS_FILE).items() if name != "sounds"}


@cache
def sounds() -> dict[str, frozenset[str]]:
    """The rhyme table: each word (in small letters) with the sounds that it can end in."""
    table: dict[str, set[str]] = {}
    for line in grammar.sections(COUPLETS_FILE)["sounds"]:
        sound, words = line.split(":")
        for word in words.lower().split():
            table.setdefault(word, set()).add(sound)
    return {word: frozenset(found) for word, found in table.items()}


# ------------------------------------------------------------------ writing
def sample_poem(rng: random.Random, split: str = "train", **given: str) -> Poem:
    """Write one poem of a split ("train", "validation" or "test"); ``given`` fixes place, time or character.

    Raises ValueError where no combination of the split fits what is given.
    """
    names = ("place", "time", "character")
    fitting = [
        combination
        for combination in stories.combinations(split)
        if all(given.get(name) in (None, key) for name, key in zip(names, combination, strict=True))
    ]
    if not fitting or set(given) - set(names):
        raise ValueError(f"No {split} combination of place, time and character fits {given}.")
    facts = dict(zip(names, rng.choice(fitting), strict=True))
    roles = rng.choices(tuple(ENDINGS), tuple(ENDINGS.values()))[0]
    facts["mood"] = rng.choice(MOODS) if "mood" in roles else ""
    facts["thing"] = rng.choice(things_in(facts["place"])) if "thing" in roles else ""
    keys = {"open": "place", "time": "time", "thing": "thing", "mood": "mood"}
    first = ("time", "open") if rng.random() < TIME_FIRST else ("open", "time")
    sections = [f"{role}.{facts[keys[role]]}" if role in keys else role for role in (*first, *roles)]
    filled = (_fill(rng.choice(couplets()[section]), facts, rng) for section in sections)
    return Poem("\n".join(filled), facts)


def _fill(couplet: str, facts: dict[str, str], rng: random.Random) -> str:
    """Fill the slots of a couplet; gives its two verses, divided by a line break."""
    hero = CHARACTERS[facts["character"]]
    they = PRONOUNS[hero.pronouns]
    slots = {
        "who": f"{YOUNG_OR_OLD.get(hero.name, '')}{hero.name} the {hero.kind}",
        "name": hero.name,
        "hand": hero.hands.removesuffix("s"),
        "They": they["they"].capitalize(),
        **they,
    }
    if facts["thing"]:
        color = rng.choice(colors_of(facts["thing"]))
        short = color not in ("yellow", "purple")
        slots |= {"color": color}
        slots |= {"strong": f"{STRONG.get(facts['thing'], 'bright')} {color}" if short else color}
    text = grammar.SLOT.sub(lambda match: slots[match[1]], couplet)
    return "\n".join(grammar.capitalise(verse) for verse in text.split(" / "))


def corpus(split: str, count: int, seed: int = 0) -> Iterator[str]:
    """Yield ``count`` different poems of a split; the same split, count and seed give the same poems.

    Raises ValueError for an unknown split.
    """
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}; choose one of {', '.join(SPLITS)}.")
    rng, written = random.Random(f"rhymes {split} {seed}"), set()
    while len(written) < count:
        text = sample_poem(rng, split).text
        if text not in written:
            written.add(text)
            yield text


# ------------------------------------------------------------------ checking
def last_word(verse: str) -> str:
    """The last word of a verse, in small letters; "" where there is none."""
    words = WORD.findall(verse.lower())
    return words[-1] if words else ""


def rhyme(word: str, other: str) -> bool:
    """Whether two words rhyme by the table; no word rhymes with itself, nor one that the table lacks."""
    word, other = word.lower(), other.lower()
    return word != other and bool(sounds().get(word, frozenset()) & sounds().get(other, frozenset()))


def rhymes(text: str) -> float:
    """The share of a text's couplets that rhyme, 0 to 1: verses 1 and 2, 3 and 4, and so on.

    Empty lines do not count. A last verse without a second is a couplet that does not rhyme, so a text in one
    line, as a story is, gives 0.
    """
    verses = [line for line in text.splitlines() if line.strip()]
    if not verses:
        return 0.0
    ends = [last_word(verse) for verse in verses] + [""] * (len(verses) % 2)
    pairs = list(zip(ends[::2], ends[1::2], strict=True))
    return sum(rhyme(*pair) for pair in pairs) / len(pairs)
