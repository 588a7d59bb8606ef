"""The texts of two sentences on which the small networks of notebook 06 train."""

import pytest

from helpers.lessons.training.openings import openings
from smallworld.world.sentences import split_sentences
from smallworld.world.vocabulary import CHARACTERS, PLACES


def test_a_text_has_two_sentences_a_hero_and_a_place():
    texts = openings(300, 1)
    assert texts == openings(300, 1) != openings(300, 2)
    phrases = [phrase for place in PLACES.values() for phrase in place.within]
    for text in texts:
        assert len(split_sentences(text)) == 2 and "{" not in text
        assert sum(name in text for name in CHARACTERS) == 1
        assert any(phrase in text.lower() for phrase in phrases)
    assert 30 < sum(text.startswith("Once upon a time") for text in texts) < 90


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_the_place_can_be_fixed(split):
    texts = openings(60, 0, split, "desert")
    assert all(any(phrase in text.lower() for phrase in PLACES["desert"].within) for text in texts)
