"""The rhyming stories: they rhyme, they scan, they keep to their split; and the checker can say no."""

import random
import re
from collections import Counter

import pytest

from smallworld.world import rhymes, stories
from smallworld.world.checker import mentioned_keys
from smallworld.world.vocabulary import CHARACTERS, MOODS, PLACES, TIMES, things_in

COUPLETS = [(section, line) for section, lines in rhymes.couplets().items() for line in lines]
# Where the vowels of a word mislead about its syllables.
SYLLABLES = {
    name: count
    for count, names in {
        2: "pia koa hedgehog every evening quiet flying beetle beetles breezes tired whistled",
        3: "everything curious favourite somebody's",
        4: "clickety-clack",
    }.items()
    for name in names.split()
}


def syllables(verse: str) -> int:
    """Count groups of vowels, without a silent e, es or ed at a word's end."""
    count = 0
    for word in rhymes.WORD.findall(verse.lower()):
        bare = re.sub(
            r"(?<=[^aeiouytd])ed$|(?<=[^aeiouyshgcx])es$|(?<=[^aeioul])e$|(?<=[aeiou]l)e$|'s$", "", word
        )
        count += SYLLABLES.get(word) or max(1, len(re.findall(r"[aeiouy]+", bare)))
    return count


@pytest.fixture(scope="module")
def poems():
    rng = random.Random("many poems")
    return [rhymes.sample_poem(rng) for _ in range(800)]


# --- the couplets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("section", "line"), COUPLETS, ids=lambda part: part[:40])
def test_every_couplet_is_two_verses_that_rhyme(section, line):
    first, second = line.split(" / ")
    assert rhymes.rhyme(rhymes.last_word(first), rhymes.last_word(second))
    assert second.rstrip("!?.") != second and "{who}" not in second
    assert line.startswith("{who} ") == section.startswith("open.")


@pytest.mark.parametrize(("section", "line"), COUPLETS, ids=lambda part: part[:40])
def test_a_couplet_names_no_other_place_time_or_mood(section, line):
    role, _, key = section.partition(".")
    text = line.replace(" / ", "\n")
    assert mentioned_keys(text) == ({key} if role in ("open", "time") else set())
    assert set(re.findall("|".join(MOODS), text.lower())) == ({key} if role == "mood" else set())


def test_all_that_the_world_has_can_be_told():
    sections = set(rhymes.couplets())
    assert sections >= {f"open.{key}" for key in PLACES} | {f"time.{key}" for key in TIMES}
    assert sections >= {f"mood.{key}" for key in MOODS}
    assert sections >= {f"thing.{thing}" for place in PLACES for thing in things_in(place)}
    assert len({line for _, line in COUPLETS}) == len(COUPLETS) >= 100


# --- the poems ------------------------------------------------------------------------------------------


def test_poems_are_many_short_and_different(poems):
    assert len({poem.text for poem in poems}) >= 785
    assert {len(poem.text.splitlines()) for poem in poems} == {4, 6, 8}
    assert len(set(rhymes.corpus("train", 700))) == 700
    assert max(Counter(poem.text.splitlines()[0] for poem in poems).values()) <= 45
    assert all(rhymes.rhymes(poem.text) == 1.0 for poem in poems)


def test_verses_have_four_beats_or_nearly(poems):
    counts = Counter(syllables(verse) for poem in poems for verse in poem.text.splitlines())
    total = sum(counts.values())
    assert set(counts) == {8, 9}
    assert counts[8] >= 0.75 * total


def test_a_poem_tells_its_facts(poems):
    for poem in poems:
        facts = poem.facts
        assert f"{facts['character']} the {CHARACTERS[facts['character']].kind}" in poem.text
        assert mentioned_keys(poem.text) == {facts["place"], facts["time"]}
        assert facts["mood"] in poem.text.lower() and facts["thing"] in poem.text
        assert not re.search(r"[{}/]|  ", poem.text)
        assert all(verse[0].isupper() for verse in poem.text.splitlines())
        named = {name for name in CHARACTERS if re.search(rf"\b{name}\b", poem.text)}
        assert named == {facts["character"]}
        other = {"she": r"\b(he|his|him)\b", "he": r"\b(she|her)\b"}[CHARACTERS[facts["character"]].pronouns]
        assert not re.search(other, poem.text.lower())


@pytest.mark.parametrize("split", rhymes.SPLITS)
def test_poems_keep_to_the_split_of_the_stories(split):
    rng = random.Random(2)
    for _ in range(150):
        facts = rhymes.sample_poem(rng, split).facts
        assert stories.combination_split(facts["place"], facts["time"], facts["character"]) == split


def test_the_splits_share_no_poem():
    train, *held = (set(rhymes.corpus(split, 600)) for split in rhymes.SPLITS)
    assert all(train.isdisjoint(other) for other in held) and held[0].isdisjoint(held[1])


def test_the_same_seed_writes_the_same_poems():
    first, again, other = (list(rhymes.corpus("train", 30, seed)) for seed in (1, 1, 2))
    assert first == again != other
    with pytest.raises(ValueError, match="holdout"):
        next(rhymes.corpus("holdout", 1))


def test_given_facts_are_kept_and_impossible_ones_refused():
    rng = random.Random(3)
    place, time, name = stories.combinations("test")[0]
    poem = rhymes.sample_poem(rng, "test", place=place, time=time, character=name)
    assert (poem.facts["place"], poem.facts["time"], poem.facts["character"]) == (place, time, name)
    for wrong in ({"place": place, "time": time, "character": name}, {"place": "moon"}, {"colour": "red"}):
        with pytest.raises(ValueError, match="fits"):
            rhymes.sample_poem(rng, "train", **wrong)


# --- the checker ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "other", "wanted"),
    [
        ("night", "light", True),
        ("Sky", "HIGH", True),
        ("bow", "slow", True),
        ("bow", "now", True),
        ("wind", "behind", True),
        ("slow", "now", False),
        ("night", "night", False),  # the same word is no rhyme
        ("stone", "moon", False),
        ("love", "move", False),  # for the eye alone
        ("zoom", "qwoom", False),  # not in the table
        ("", "", False),
    ],
)
def test_words_rhyme_by_sound(word, other, wanted):
    assert rhymes.rhyme(word, other) is wanted
    assert rhymes.rhyme(other, word) is wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The moon was high,\nand so was I.\n", 0.0),  # "I" is not in the table
        ("The moon was high,\nalone in the sky.", 1.0),
        ("The moon was high,\nalone in the sky.\n\nIt gave its light\nto you and me.", 0.5),
        ("It gave its light\nto you and me\nall through the night\nupon the sea.", 0.0),  # rhymes that cross
        ("The moon was high,\nalone in the sky.\nIt gave", 0.5),  # cut off
        ("The moon was high, alone in the sky.", 0.0),
        ("...\n!!!", 0.0),
        ("", 0.0),
    ],
)
def test_the_share_of_couplets_that_rhyme(text, wanted):
    assert rhymes.rhymes(text) == wanted


def test_broken_rhymes_are_found(poems):
    """Another word at the end of every second verse, or verses in another order, and the rhymes are gone."""
    rng = random.Random(4)
    for poem in poems[:200]:
        verses = poem.text.splitlines()
        broken = [verse if number % 2 else verse + " umbrella" for number, verse in enumerate(verses)]
        assert rhymes.rhymes("\n".join(broken)) == 0.0
        rolled = "\n".join([*verses[1:], verses[0]])
        assert rhymes.rhymes(rolled) < 1.0
        verses[2] = verses[2] + " " + rng.choice(("elephant", "orange", "window"))
        assert rhymes.rhymes("\n".join(verses)) == pytest.approx(1 - 2 / len(verses))
    assert all(rhymes.rhymes(story.text) == 0.0 for story in stories.corpus("train", 50))


def test_the_table_is_large_and_no_sound_stands_alone():
    table = rhymes.sounds()
    assert len(table) >= 700
    sizes = Counter(sound for found in table.values() for sound in found)
    assert min(sizes.values()) >= 2
