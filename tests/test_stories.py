"""The story grammar: variety, consistency, held-out combinations, and its own log-probability."""

import collections
import math
import random
import re

import pytest

from smallworld.world import stories
from smallworld.world.checker import split_sentences
from smallworld.world.vocabulary import CHARACTERS, MOODS, PLACES, TIMES

MOOD_WORD = re.compile(r"\b(" + "|".join(MOODS) + r")\b", re.IGNORECASE)
EVERY = [pattern for group in stories.patterns().values() for pattern in group]


@pytest.fixture(scope="module")
def thousand():
    return list(stories.corpus("train", 1000, seed=7))


def test_the_world_is_as_rich_as_promised():
    assert len(stories.problems()) >= 12
    assert len(EVERY) >= 500
    for problem in stories.problems():
        assert len(stories.parts_of(problem, "try")) >= 4
        endings = [*stories.parts_of(problem, "end.alone"), *stories.parts_of(problem, "end.friend")]
        assert len(endings) >= 3


def test_patterns_differ_in_construction():
    """No two patterns are the same once slots and the words of one class are left out."""
    bare = collections.Counter(re.sub(r"\{\w+\}|\W+", " ", pattern.text.lower()) for pattern in EVERY)
    assert max(bare.values()) == 1
    openings = collections.Counter(tuple(re.sub(r"[^\w{} ]", "", p.text.lower()).split()[:5]) for p in EVERY)
    assert sum(n for n in openings.values() if n > 1) <= 0.05 * len(EVERY)


@pytest.mark.parametrize("pattern", EVERY, ids=lambda p: p.text[:40])
def test_every_pattern_keeps_the_rules_of_the_file(pattern):
    facts = stories.sample_story(random.Random(0)).facts | {"object": "red kite"}
    text = stories.SLOT.sub(lambda match: stories.slot_options(match[1], facts)[0], pattern.text)
    assert split_sentences(text) == [text], "one pattern is one sentence"
    assert text.rstrip('"').endswith((".", "!", "?"))
    if pattern.role not in ("mood", "close"):
        assert not MOOD_WORD.search(pattern.text)


def test_stories_are_short_and_varied(thousand):
    lengths = [len(story.text.split()) for story in thousand]
    assert min(lengths) >= 60 and max(lengths) <= 150
    openings = collections.Counter(
        " ".join(text.split()[:4]).lower() for story in thousand for _, text in story.sentences
    )
    assert max(openings.values()) <= 0.03 * sum(openings.values())
    assert len({story.text for story in thousand}) == len(thousand)
    assert 0.1 <= sum(story.text.startswith("Once upon a time") for story in thousand) / 1000 <= 0.3


def test_held_out_combinations_never_reach_the_training_stories(thousand):
    every = [(place, time, name) for place in PLACES for time in TIMES for name in CHARACTERS]
    held_out = [c for c in every if stories.combination_split(*c) != "train"]
    assert len(held_out) >= 0.1 * len(every)
    assert {stories.combination_split(*c) for c in every} == {"train", "validation", "test"}
    for story in thousand:
        named = {name for name in CHARACTERS if re.search(rf"\b{name}\b", story.prompt + story.text)}
        where, when = story.facts["place"], story.facts["time"]
        assert all(stories.combination_split(where, when, name) == "train" for name in named)
    for split in ("validation", "test"):
        for story in stories.corpus(split, 100):
            combination = (story.facts["place"], story.facts["time"], story.facts["character"])
            assert stories.combination_split(*combination) == split


def test_the_same_seed_tells_the_same_stories():
    first, again, other = (
        [story.prompt + story.text for story in stories.corpus("train", 20, seed)] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_a_prompt_names_what_it_is_asked_for_in_every_wording():
    for wording in range(200):
        line = stories.ask("desert", "night", "calm", "Mina", wording=wording)
        assert line.endswith("\n") and line.count("\n") == 1
        assert "desert" in line and "calm" in line and "Mina the fox" in line
        assert "  " not in line and " ," not in line
    with pytest.raises(ValueError, match="moon"):
        stories.ask(place="moon")


def test_no_training_combination_fits_a_held_out_request():
    place, time, name = stories.combinations("test")[0]
    with pytest.raises(ValueError, match="train"):
        stories.sample_story(random.Random(0), "train", place=place, time=time, character=name)


def test_log_probability_is_the_grammars_own():
    """What a prompt names costs nothing: so much more likely is a story given its prompt."""
    free = [stories.sample_story(random.Random(seed), asked=()) for seed in range(300)]
    asked = [stories.sample_story(random.Random(seed), asked=stories.ASKABLE) for seed in range(300)]
    known = math.log(len(stories.combinations("train"))) + math.log(len(MOODS))
    gap = sum(s.log_probability for s in asked) / 300 - sum(s.log_probability for s in free) / 300
    assert gap == pytest.approx(known, abs=0.6)


def test_probabilities_of_a_role_add_up():
    """For one fixed choice of facts, drawn sentence shares agree with the probability that is counted."""
    shares = collections.Counter()
    for seed in range(4000):
        draw = stories._Draw(random.Random(seed))
        shares[stories._section("open", {"problem": "kite"}, draw)] += 1
    assert shares["open.once"] / 4000 == pytest.approx(stories.ONCE_SHARE, abs=0.03)
    assert math.exp(draw.log_probability) == pytest.approx(1 - stories.ONCE_SHARE) or math.exp(
        draw.log_probability
    ) == pytest.approx(stories.ONCE_SHARE)
