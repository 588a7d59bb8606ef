"""Metrics against closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers import metrics
from helpers.errors import WorkbookError
from helpers.lessons.training.memorised import longest_overlap

WORDS = st.lists(st.sampled_from("abc"), max_size=12).map(" ".join)


def test_entropy_in_nats_and_bits():
    assert metrics.entropy([0.5, 0.5]) == pytest.approx(math.log(2))
    assert metrics.entropy(torch.full((8,), 1 / 8), bits=True) == pytest.approx(3)
    assert metrics.entropy([1.0, 0.0]) == 0
    assert metrics.entropy([0.9, 0.1], bits=True) == pytest.approx(0.4690, abs=1e-4)


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=20))
def test_entropy_is_largest_for_equal_chances(weights):
    probs = np.array(weights) / sum(weights)
    uniform = np.full(len(probs), 1 / len(probs))
    assert 0 <= metrics.entropy(probs) <= metrics.entropy(uniform) + 1e-9
    assert metrics.entropy(uniform) == pytest.approx(math.log(len(probs)))


@pytest.mark.parametrize("probs", [[0.5, 0.6], [-0.1, 1.1], [], [[0.5, 0.5]], [math.nan, 1.0]])
def test_what_is_no_distribution_is_refused(probs):
    with pytest.raises(WorkbookError, match="sum 1"):
        metrics.entropy(probs)


def test_distinct_n():
    assert metrics.distinct_n(["a b a b"], 1) == 0.5
    assert metrics.distinct_n(["a b a b"], 2) == pytest.approx(2 / 3)
    assert metrics.distinct_n(["a b", "a b"], 2) == 0.5
    assert metrics.distinct_n(["a b", "c d"], 2) == 1
    assert metrics.distinct_n(["a"], 2) == metrics.distinct_n([], 1) == 0


def test_repetition():
    assert metrics.repetition(["one two three four five"]) == 0
    assert metrics.repetition(["a a a a a"]) == 0.5  # two 4-grams, the second seen before
    assert metrics.repetition(["a b a b a b"], n=2) == pytest.approx(3 / 5)
    assert metrics.repetition(["a a a", "a b c"], n=1) == pytest.approx((2 / 3 + 0) / 2)
    assert metrics.repetition(["too short", ""]) == 0


def test_longest_overlap():
    corpus = ["the fox ran home", "a mouse saw the fox ran away again"]
    assert longest_overlap("then the fox ran away", corpus) == 4
    assert longest_overlap("the mouse", corpus) == 1
    assert longest_overlap("nothing shared", corpus) == longest_overlap("", corpus) == 0
    assert longest_overlap("Fox ran.", corpus) == 0
    assert longest_overlap(corpus[0], iter(corpus)) == 4


@given(WORDS, st.lists(WORDS, max_size=4))
def test_longest_overlap_is_what_a_plain_search_finds(text, corpus):
    words = text.split()
    runs = [words[i:j] for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
    shared = [run for run in runs for other in corpus if f" {' '.join(run)} " in f" {other} "]
    assert longest_overlap(text, corpus) == max(map(len, shared), default=0)


def test_an_ngram_has_a_word():
    with pytest.raises(WorkbookError, match="at least 1 word"):
        metrics.distinct_n(["a b"], 0)


def test_bootstrap_interval_of_a_mean_is_near_the_normal_one():
    values = np.random.default_rng(1).normal(10, 2, 400)
    low, high = metrics.bootstrap_interval(values)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.04)
    assert (low, high) == metrics.bootstrap_interval(list(values))
    assert (low, high) != metrics.bootstrap_interval(values, seed=1)
    narrow = metrics.bootstrap_interval(values, confidence=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_bootstrap_interval_takes_other_statistics_and_single_values():
    assert metrics.bootstrap_interval([3.0]) == (3, 3)
    low, high = metrics.bootstrap_interval([1, 2, 100], np.median, resamples=200)
    assert low in (1, 2) and high == 100


@pytest.mark.parametrize("wrong", [{"values": []}, {"confidence": 1}, {"resamples": 0}])
def test_bootstrap_interval_refuses_what_it_cannot_do(wrong):
    with pytest.raises(WorkbookError):
        metrics.bootstrap_interval(**({"values": [1, 2]} | wrong))


# Wilson's interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(18, 18, 0.824, 1.0), (0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763), (1, 100, 0.0018, 0.0545)],
)
def test_wilson_interval_as_in_published_tables(successes, trials, low, high):
    assert metrics.wilson_interval(successes, trials) == pytest.approx((low, high), abs=6e-4)


@given(st.integers(1, 500), st.data())
def test_wilson_interval_holds_the_share_and_is_never_a_point(trials, data):
    successes = data.draw(st.integers(0, trials))
    low, high = metrics.wilson_interval(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12 and successes / trials - 1e-12 <= high <= 1
    assert high - low > 0.5 / (trials + 4)
    mirrored = metrics.wilson_interval(trials - successes, trials)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize("numbers", [(0, 0), (3, 2), (-1, 5)])
def test_what_is_no_share_is_refused(numbers):
    with pytest.raises(WorkbookError, match="at least one trial"):
        metrics.wilson_interval(*numbers)
