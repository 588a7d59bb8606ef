"""Yardsticks for the language model: models that only count, and how much of a text was seen before."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies

from smallworld.making import ngrams


def arrays(*documents):
    return [np.array(document, dtype=np.uint16) for document in documents]


def test_kneser_ney_on_counts_done_by_hand():
    model = ngrams.KneserNey(arrays([1, 2, 0], [1, 1, 0]), order=2, vocabulary=4, end=0)
    # bigrams, an end before each document: 01 twice; 12, 20, 11, 10 once -> D = 4 / (4 + 2 * 1)
    # tokens by different predecessors: 0 after {2, 1}, 1 after {0, 1}, 2 after {1} -> D = 1 / (1 + 2 * 2)
    spare = 0.2 * 3 / 5 / 4
    alone = {0: 1.8 / 5 + spare, 1: 1.8 / 5 + spare, 2: 0.8 / 5 + spare, 3: spare}
    expected = {
        (0, 1): (2 - 2 / 3) / 2 + 2 / 3 / 2 * alone[1],
        (0, 2): 2 / 3 / 2 * alone[2],
        (1, 2): (1 - 2 / 3) / 3 + 2 / 3 * alone[2],
        (2, 0): (1 - 2 / 3) / 1 + 2 / 3 * alone[0],
    }
    expected[0, 3] = 2 / 3 / 2 * alone[3]
    assert expected[0, 1] == pytest.approx(2 / 3 + 0.39 / 3)
    for (before, token), probability in expected.items():
        packed = np.array([before << model.bits | token])
        assert model.probabilities(packed)[0] == pytest.approx(probability)
    nats = model.nats(np.array([1, 2, 0]))
    assert nats == pytest.approx([-math.log(expected[pair]) for pair in ((0, 1), (1, 2), (2, 0))])


@settings(max_examples=30, deadline=None)
@given(
    strategies.lists(
        strategies.lists(strategies.integers(0, 6), min_size=1, max_size=12), min_size=1, max_size=6
    ),
    strategies.lists(strategies.integers(0, 6), min_size=2, max_size=2),
    strategies.integers(1, 3),
)
def test_kneser_ney_probabilities_sum_to_one_in_any_context(documents, context, order):
    model = ngrams.KneserNey(arrays(*documents), order=order, vocabulary=7, end=0)
    packed = np.array(
        [(context[0] << 2 * model.bits) | (context[1] << model.bits) | token for token in range(7)]
    )
    probabilities = model.probabilities(packed & ((1 << model.bits * order) - 1))
    assert probabilities.sum() == pytest.approx(1) and (probabilities > 0).all()


def test_five_grams_learn_what_unigrams_cannot():
    documents = arrays(*[[1, 2, 3, 4, 5, 0], [1, 2, 3, 5, 4, 0]] * 50)
    unigram = ngrams.unigram_nats(documents, 6)
    fivegram = ngrams.KneserNey(documents, 5, 6, 0)
    per_token = fivegram.nats(documents[0])
    assert unigram[documents[0]].mean() == pytest.approx(math.log(6))
    assert per_token[[0, 1, 2, 4, 5]].max() < 0.05 and per_token[3] == pytest.approx(math.log(2), abs=0.05)


def test_orders_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="lower the order"):
        ngrams.KneserNey(arrays([1, 2]), order=6, vocabulary=2048, end=0)


WORDS = strategies.lists(strategies.sampled_from(["a", "bear", "saw", "the", "sea"]), max_size=14).map(
    " ".join
)


@settings(max_examples=50, deadline=None)
@given(strategies.lists(WORDS, min_size=1, max_size=5), strategies.lists(WORDS, min_size=1, max_size=5))
def test_overlap_equals_counting_with_sets(known, told):
    def grams(text):
        split = text.split()
        return [tuple(split[i : i + 3]) for i in range(len(split) - 2)]

    seen = {gram for text in known for gram in grams(text)}
    wanted = [gram in seen for text in told for gram in grams(text)]
    share = ngrams.SeenNgrams(known, 3).share(told)
    assert math.isnan(share) if not wanted else share == pytest.approx(np.mean(wanted))


def test_overlap_ignores_case_and_punctuation_but_not_order():
    seen = ngrams.SeenNgrams(["One two three, four five six seven eight."], 8)
    assert seen.share(["one TWO three four; five six seven eight!"]) == 1
    assert seen.share(["two one three four five six seven eight"]) == 0
    assert seen.share(["one two three four five six seven nine"]) == 0


def test_distinct_counts_different_ngrams():
    assert ngrams.distinct(["a b a b"], 1) == 0.5
    assert ngrams.distinct(["a b a b", "a b"], 2) == pytest.approx(2 / 4)
    assert math.isnan(ngrams.distinct(["a"], 2))
