"""The checker: passes every sound story, rejects spoiled ones, reads the facts, and bears any text."""

import random

import pytest
from corruptions import REQUIRED_SHARE
from hypothesis import given, settings
from hypothesis import strategies as st

from smallworld.world import stories
from smallworld.world.checker import check, read_conditions, read_sentence, split_sentences


@pytest.fixture(scope="module")
def held_out():
    return list(stories.corpus("validation", 150, seed=11)) + list(stories.corpus("test", 150, seed=11))


def test_every_held_out_story_passes_and_is_read_right(held_out):
    for story in held_out:
        report = check(story.text, story.prompt)
        assert report.ok, (report.faults, story.text)
        facts = ("place", "time", "mood", "character", "problem")
        assert {fact: report.facts[fact] for fact in facts} == {fact: story.facts[fact] for fact in facts}
        assert report.mentions(story.facts["place"]) and report.mentions(story.facts["time"])


def test_every_sentence_has_exactly_one_reading(held_out):
    """One text, one derivation: so the log-probability of the choices is that of the text."""
    for story in held_out:
        assert split_sentences(story.text) == [text for _, text in story.sentences]
        assert all(len(read_sentence(text)) == 1 for _, text in story.sentences)


@pytest.mark.parametrize("spoil", REQUIRED_SHARE, ids=lambda spoil: spoil.__name__)
def test_spoiled_stories_are_rejected(spoil, held_out):
    rng = random.Random(3)
    spoiled = [(story, spoil(story, held_out, rng)) for story in held_out]
    spoiled = [text for story, text in spoiled if text not in (None, story.text)]
    assert len(spoiled) >= 0.8 * len(held_out)
    rejected = sum(not check(text).ok for text in spoiled)
    assert rejected >= REQUIRED_SHARE[spoil] * len(spoiled)


def test_the_fault_is_named(held_out):
    story = next(s for s in held_out if s.facts["place"] == "desert")
    assert {"place"} <= {fault.kind for fault in check(story.text, stories.ask(place="forest")).faults}
    assert {"time"} <= {fault.kind for fault in check(story.text, time="no such hour").faults}
    other = "Pim" if story.facts["character"] != "Pim" else "Bram"
    assert {"name"} <= {fault.kind for fault in check(story.text, character=other).faults}
    assert {"unfinished"} == {fault.kind for fault in check(story.text[:-1]).faults} - {"garbled"}


def test_prompts_are_read():
    for wording in range(100):
        asked = read_conditions(stories.ask("ocean", "sunset", "brave", "Pim", wording))
        assert asked == {"place": "ocean", "time": "sunset", "mood": "brave", "character": "Pim"}
    assert read_conditions("Once upon a time") == {}


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_read(text):
    report = check(text, text)
    assert not report.ok and all(fault.message for fault in report.faults)
