"""Ways to spoil a story, each returning the spoiled text (or None where the story offers no place for it)."""

import random
import re

from smallworld.world.checker import split_sentences
from smallworld.world.stories import Story
from smallworld.world.vocabulary import CHARACTERS, PLACES

PRONOUN_SWAPS = {
    "he": "she",
    "she": "he",
    "his": "her",
    "him": "her",
    "her": "his",
    "himself": "herself",
    "herself": "himself",
}
TIME_OF_WORD = {
    "morning": "morning",
    "sunrise": "morning",
    "dawn": "morning",
    "noon": "noon",
    "midday": "noon",
    "sunset": "sunset",
    "evening": "sunset",
    "dusk": "sunset",
    "night": "night",
    "midnight": "night",
}
PLACE_WORDS = ("city", "mountains", "desert", "ocean", "forest", "meadow", "village", "snowy valley")


def _replace_one(text: str, words, replacement, rng: random.Random) -> str | None:
    """Replace one whole-word occurrence of one of ``words``, chosen at random; None where there is none."""
    hits = list(re.finditer(r"\b(?:" + "|".join(map(re.escape, words)) + r")\b", text))
    if not hits:
        return None
    hit = rng.choice(hits)
    return text[: hit.start()] + replacement(hit[0]) + text[hit.end() :]


def swapped_name(story: Story, others: list[Story], rng: random.Random) -> str | None:
    """One mention of a character becomes another character's name."""
    return _replace_one(
        story.text, CHARACTERS, lambda old: rng.choice([n for n in CHARACTERS if n != old]), rng
    )


def swapped_pronoun(story: Story, others: list[Story], rng: random.Random) -> str | None:
    """One pronoun changes its gender."""

    def swap(word: str) -> str:
        new = PRONOUN_SWAPS[word.lower()]
        return new.capitalize() if word[0].isupper() else new

    return _replace_one(story.text, [*PRONOUN_SWAPS, *map(str.capitalize, PRONOUN_SWAPS)], swap, rng)


def swapped_place(story: Story, others: list[Story], rng: random.Random) -> str | None:
    """One mention of the place becomes another place, by a word or by a whole phrase."""
    if rng.random() < 0.5:
        return _replace_one(
            story.text, PLACE_WORDS, lambda old: rng.choice([p for p in PLACE_WORDS if p != old]), rng
        )
    own = PLACES[story.facts["place"]].within
    foreign = [phrase for place in PLACES.values() for phrase in place.within if phrase not in own]
    return _replace_one(story.text, own, lambda old: rng.choice(foreign), rng)


def swapped_time(story: Story, others: list[Story], rng: random.Random) -> str | None:
    """One of several mentions of the time of day, or of mention and light, becomes another time of day."""
    mentions = re.findall(rf"\b(?:{'|'.join(TIME_OF_WORD)})\b", story.text, re.IGNORECASE)
    if len(mentions) < 2 and "light" not in dict(story.sentences):
        return None
    return _replace_one(
        story.text,
        TIME_OF_WORD,
        lambda old: rng.choice([w for w in TIME_OF_WORD if TIME_OF_WORD[w] != TIME_OF_WORD[old]]),
        rng,
    )


def foreign_sentence(story: Story, others: list[Story], rng: random.Random) -> str:
    """A sentence of another story is put in somewhere."""
    sentences = split_sentences(story.text)
    sentences.insert(rng.randrange(len(sentences) + 1), rng.choice(rng.choice(others).sentences)[1])
    return " ".join(sentences)


def exchanged_sentences(story: Story, others: list[Story], rng: random.Random) -> str:
    """Two sentences change places."""
    sentences = split_sentences(story.text)
    first, second = rng.sample(range(len(sentences)), 2)
    sentences[first], sentences[second] = sentences[second], sentences[first]
    return " ".join(sentences)


def foreign_ending(story: Story, others: list[Story], rng: random.Random) -> str:
    """The ending is that of another kind of problem, with this story's names in it."""
    other = rng.choice([o for o in others if o.facts["problem"] != story.facts["problem"]])
    ending = dict(other.sentences)["end"]
    for role in ("character", "friend"):
        ending = ending.replace(other.facts[role], story.facts[role])
    return " ".join(ending if role == "end" else text for role, text in story.sentences)


def exchanged_words(story: Story, others: list[Story], rng: random.Random) -> str:
    """Two different words change places."""
    words = story.text.split()
    first, second = rng.sample(range(len(words)), 2)
    while words[first] == words[second]:
        first, second = rng.sample(range(len(words)), 2)
    words[first], words[second] = words[second], words[first]
    return " ".join(words)


def cut_short(story: Story, others: list[Story], rng: random.Random) -> str:
    """The text stops at a random character."""
    return story.text[: rng.randrange(1, len(story.text) - 1)]


REQUIRED_SHARE = {
    swapped_name: 0.99,
    swapped_pronoun: 0.99,
    swapped_place: 0.99,
    swapped_time: 0.99,
    foreign_sentence: 0.99,
    exchanged_sentences: 0.99,
    foreign_ending: 0.99,
    exchanged_words: 0.95,
    cut_short: 0.99,
}
