"""The story grammar: variety, agreement, consistency, held-out combinations, and its own log-probability."""

import collections
import math
import random
import re

import pytest

from smallworld.world import grammar, plots, stories, story_words
from smallworld.world.checker import read_sentence, split_sentences
from smallworld.world.vocabulary import CHARACTERS, MOODS, PLACES, SKY_THINGS, TIMES

MOOD_WORD = re.compile(r"\b(" + "|".join(MOODS) + r")\b", re.IGNORECASE)
EVERY = [pattern for group in grammar.patterns().values() for pattern in group]


@pytest.fixture(scope="module")
def thousand():
    return list(stories.corpus("train", 1000, seed=7))


def facts_for(pattern: grammar.Pattern, rng: random.Random) -> dict[str, str]:
    """Facts of a story that may contain a sentence of this pattern."""
    said = dict(pattern.facts)
    names = ("place", "time", "mood", "problem", "beginning")
    given = {name: said[name] for name in names if name in said}
    if "problem" in given:
        given.setdefault("mood", grammar.mood_of(given["problem"]) or "happy")
    facts = stories.sample_story(rng, company="friend", **given).facts
    place = facts["place"]
    options = list(SKY_THINGS if "sky" in pattern.text + pattern.group else PLACES[place].things)
    facts["thing"] = rng.choice(options)
    several = "{some_things}" in pattern.text
    facts["look"] = rng.choice(grammar.thing_phrases(place, False, several, facts["thing"]))
    return facts


def written(pattern: grammar.Pattern, rng: random.Random) -> str:
    """A sentence of the pattern."""
    text = stories._fill(pattern.text, facts_for(pattern, rng), plots.Draw(rng), {})
    return grammar.capitalise(grammar.with_articles(text))


# --- the files --------------------------------------------------------------------------------------------


def test_the_world_is_as_rich_as_promised():
    assert len(grammar.problems("happy")) == 14 and grammar.problems("happy") == grammar.problems("calm")
    assert len(EVERY) >= 1000
    assert 1500 <= len(story_words.words()) <= 3500
    for problem in grammar.problems():
        assert len(grammar.parts_of(problem, "try")) >= 4
        assert grammar.parts_of(problem, "end.alone") and grammar.parts_of(problem, "end.friend")
    for mood in MOODS:
        assert len(grammar.problems(mood)) >= 3


@pytest.mark.parametrize("file", grammar.FILES)
def test_no_section_is_begun_twice(file):
    lines = (grammar.FOLDER / f"{file}.txt").read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if line.startswith("@")]
    assert len(set(names)) == len(names)


def test_patterns_differ():
    """No two patterns of a section are the same once commas and signs are left out."""
    bare = collections.Counter((p.group, re.sub(r"\W+", " ", p.text.lower())) for p in EVERY)
    assert max(bare.values()) == 1


@pytest.mark.parametrize("pattern", EVERY, ids=lambda p: f"{p.group}: {p.text[:30]}")
def test_every_pattern_keeps_the_rules(pattern):
    rng = random.Random(pattern.text)
    for _ in range(2):
        text = written(pattern, rng)
        assert split_sentences(text) == [text], "one pattern is one sentence"
        assert text.rstrip('"').endswith((".", "!", "?"))
        assert not re.search(
            r"[{}|]|  | [.,!?]|\b[Aa] [aeiou]|\b[Aa]n (?!hour)[^aeiouAEIOU]|\b(?!had)(\w+) \1\b", text
        ), text
        if not {"mood", "turn", "after", "close"} & {pattern.role} and not dict(pattern.facts).get("mood"):
            assert not MOOD_WORD.search(text), text
        assert pattern in [reading.pattern for reading in read_sentence(text)]


@pytest.mark.parametrize("name", grammar.lists())
def test_every_list_is_used_and_without_repetition(name):
    texts = [pattern.text for pattern in EVERY]
    texts += [phrase for phrases in grammar.lists().values() for phrase in phrases]
    assert any("{" + name.split(".")[0] + "}" in text for text in texts)
    phrases = grammar.lists()[name]
    assert len(phrases) >= 2 and all(phrase == phrase.strip() for phrase in phrases)


# --- the stories ------------------------------------------------------------------------------------------


def test_stories_are_short_and_varied(thousand):
    lengths = [len(story.text.split()) for story in thousand]
    assert min(lengths) >= 60 and max(lengths) <= 155
    openings = collections.Counter(
        " ".join(text.split()[:4]).lower() for story in thousand for _, text in story.sentences
    )
    assert max(openings.values()) <= 0.03 * sum(openings.values())
    assert len({story.text for story in thousand}) == len(thousand)
    assert 0.1 <= sum(story.text.startswith("Once upon a time") for story in thousand) / 1000 <= 0.3


def test_a_quarter_of_the_stories_begin_as_people_begin(thousand):
    free = [story for story in thousand if story.facts["beginning"] in plots.BEGINNINGS]
    assert 0.25 <= len(free) / 1000 <= 0.4
    assert {story.facts["beginning"] for story in free} == set(plots.BEGINNINGS)
    wide = [story for story in free if story.facts["beginning"] in grammar.FREE_KINDS]
    assert 0.5 <= len(wide) / len(free) <= 0.7
    small = [story for story in free if story.text[0].islower()]
    assert 0.05 <= len(small) / len(free) <= 0.25
    assert not any(story.prompt for story in small)


def test_what_was_begun_is_taken_up_again(thousand):
    """Behind a beginning of many words come the hero and then the sentence that answers it."""
    for story in thousand:
        kind, roles = story.facts["beginning"], [role for role, _ in story.sentences]
        assert ("join" in roles) == (kind in grammar.FREE_KINDS)
        if kind in grammar.FREE_KINDS:
            start = roles.index("begin")
            assert roles[start : start + 3] == ["begin", "open", "join"]
            assert story.facts["character"] in dict(story.sentences)["open"]


def test_free_beginnings_are_rich():
    """As many nouns, verbs and adjectives as a child knows: counted by the words of the two files."""
    lines = [line for name in ("free", "free_words") for line in _lines(name)]
    found = {word for line in lines for word in re.findall(r"[a-z]+", grammar.SLOT.sub(" ", line))}
    assert len(found) >= 900
    begun = [p for p in EVERY if p.role == "begin" and p.group.split(".")[1] in grammar.FREE_KINDS]
    assert len(begun) >= 300


def _lines(name: str) -> list[str]:
    lines = (grammar.FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith(("#", "@"))]


def test_sentences_are_new(thousand):
    """Most sentences of held-out stories stand in no training story, though their patterns do."""
    known = {text for story in thousand for _, text in story.sentences}
    held_out = [text for story in stories.corpus("test", 100) for _, text in story.sentences]
    assert sum(text in known for text in held_out) <= 0.15 * len(held_out)


def test_the_mood_decides_what_happens(thousand):
    for story in thousand:
        mood, problem, sentences = story.facts["mood"], story.facts["problem"], dict(story.sentences)
        assert problem in grammar.problems(mood)
        if mood in grammar.PLAIN_MOODS:
            assert ("turn" if mood == "calm" else "after") in sentences
        assert mood[:4] in sentences["close"].lower(), sentences["close"]


def test_what_a_story_is_about_stays_the_same(thousand):
    """The object of the problem and the thing that is seen come again, under the same name."""
    for story in thousand:
        sentences = dict(story.sentences)
        if story.facts["look"]:
            seen = grammar.definite(story.facts["look"]).removeprefix("the ")
            assert seen in " ".join(sentences.values()) and seen in sentences["back"]


def test_what_somebody_asks_for_is_what_the_hero_was_going_to_do():
    for seed in range(40):
        story = stories.sample_story(random.Random(seed), asked=("thing",), mood=MOODS[seed % len(MOODS)])
        assert story.facts["problem"] in plots.WITH_THING
        assert bool(story.facts["errand"]) == (story.facts["mood"] not in plots.NO_ERRAND)
        assert [role for role, _ in story.sentences if role in ("view", "back")] == ["view", "back"]


def test_somebody_is_described_as_a_request_does():
    described = 0
    for seed in range(300):
        story = stories.sample_story(random.Random(seed), asked=("character",))
        if story.facts["adj"]:
            described += story.facts["adj"] in story.text.lower()
            assert story.facts["adj"] in story.prompt.lower()
    assert described >= 30


def test_only_the_first_of_two_attempts_is_called_the_first(thousand):
    for story in thousand:
        first = dict(story.sentences).get("try1", "")
        assert story.facts["try2"] or not re.match("First|At first|To begin with", first), first


def test_the_place_is_not_named_in_every_sentence(thousand):
    phrases = [phrase for place in PLACES.values() for phrase in place.within + place.names]
    named = re.compile(r"\b(" + "|".join(sorted(phrases, key=len, reverse=True)) + r")\b", re.IGNORECASE)
    running = total = 0
    for story in thousand:
        says = [bool(named.search(text)) for _, text in story.sentences]
        running += sum(one and other for one, other in zip(says, says[1:], strict=False))
        total += len(says)
    assert running <= 0.05 * total


def test_held_out_combinations_never_reach_the_training_stories(thousand):
    every = [(place, time, name) for place in PLACES for time in TIMES for name in CHARACTERS]
    held_out = [c for c in every if stories.combination_split(*c) != "train"]
    assert len(held_out) >= 0.1 * len(every)
    for split in ("validation", "test"):
        of_split = stories.combinations(split)
        assert all({c[i] for c in of_split} == {c[i] for c in every} for i in range(3))
    for story in thousand:
        names = {name for name in CHARACTERS if re.search(rf"\b{name}\b", story.prompt + story.text)}
        where, when = story.facts["place"], story.facts["time"]
        assert all(stories.combination_split(where, when, name) == "train" for name in names)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_pairs_of_phrases_belong_to_their_split(split):
    """Inside a sentence: what is said with what. Where facts leave no pair of the split, another is taken."""
    rng, right, total = random.Random(4), 0, 0
    patterns = [p for p in EVERY if stories.paired_slots(p.text)]
    for pattern in rng.sample(patterns, 150):
        draw, facts, values = plots.Draw(rng), facts_for(pattern, rng), {}
        for _ in range(60):
            values = {}
            stories._fill(pattern.text, facts, draw, values)
            pair = tuple(values.get(slot, facts["character"]) for slot in stories.paired_slots(pattern.text))
            if stories.phrase_split(pattern.text, pair) == split:
                break
        total += 1
        right += stories.phrase_split(pattern.text, pair) == split
    assert right >= (0.99 if split == "train" else 0.65) * total


def test_the_same_seed_tells_the_same_stories():
    first, again, other = (
        [story.prompt + story.text for story in stories.corpus("train", 20, seed)] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_no_training_combination_fits_a_held_out_request():
    place, time, name = stories.combinations("test")[0]
    with pytest.raises(ValueError, match="train"):
        stories.sample_story(random.Random(0), "train", place=place, time=time, character=name)


def test_log_probability_is_the_grammars_own():
    """What a prompt names costs nothing: so much more likely is a story given its prompt.

    Not the mood: a story that was asked for one has a sentence more, and that sentence has to be chosen.
    """
    facts = ("place", "time", "character")
    free = [stories.sample_story(random.Random(seed), asked=()) for seed in range(500)]
    asked = [stories.sample_story(random.Random(seed), asked=facts) for seed in range(500)]
    known = math.log(len(stories.combinations("train")))
    gap = sum(s.log_probability for s in asked) / 500 - sum(s.log_probability for s in free) / 500
    assert gap == pytest.approx(known, abs=1.5)


# --- the words --------------------------------------------------------------------------------------------


def test_training_stories_have_no_unknown_words(thousand):
    for story in thousand:
        assert story_words.unseen(story.text) == []


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("Tell me a story about a dinosaur.", ["dinosaur"]),
        ("A pizza for Mina's brother", ["pizza"]),
        ("Once upon a time", []),
        ("a story in the forrest at ngiht", []),
        ("", []),
    ],
)
def test_words_never_met_are_named(text, new):
    assert story_words.unseen(text) == new
    line = story_words.notice([text])
    assert bool(line) == bool(new) and all(f'"{word}"' in line for word in new)
    assert "\n" not in line
