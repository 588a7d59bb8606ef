"""Metrics against closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers import metrics
from helpers.errors import WorkbookError

WORDS = st.lists(st.sampled_from("abc"), max_size=12).map(" ".join)


def test_perplexity_of_a_uniform_guess_is_the_number_of_choices():
    uniform = torch.full((7,), 1 / 32).log()
    for log_probs in (uniform, [uniform, uniform[:2]], uniform.tolist(), uniform.numpy(), (uniform.half(),)):
        assert metrics.perplexity(log_probs) == pytest.approx(32, rel=1e-3)
    assert metrics.perplexity(torch.zeros(3)) == 1


def test_perplexity_pools_tokens_and_not_texts():
    short, long = torch.tensor([math.log(1 / 2)]), torch.tensor([math.log(1 / 8)] * 3)
    assert metrics.perplexity([short, long]) == pytest.approx((2 * 8**3) ** (1 / 4))
    assert metrics.perplexity([torch.zeros(0), short]) == pytest.approx(2)


@pytest.mark.parametrize("nothing", [[], torch.zeros(0), [torch.zeros(0)]])
def test_perplexity_needs_a_token(nothing):
    with pytest.raises(WorkbookError, match="at least one token"):
        metrics.perplexity(nothing)


def test_entropy_in_nats_and_bits():
    assert metrics.entropy([0.5, 0.5]) == pytest.approx(math.log(2))
    assert metrics.entropy(torch.full((8,), 1 / 8), bits=True) == pytest.approx(3)
    assert metrics.entropy([1.0, 0.0]) == 0
    assert metrics.entropy([0.9, 0.1], bits=True) == pytest.approx(0.4690, abs=1e-4)


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=20))
def test_entropy_and_perplexity_are_one_thing(weights):
    probs = np.array(weights) / sum(weights)
    assert 0 <= metrics.entropy(probs) <= math.log(len(probs)) + 1e-9
    uniform = np.full(len(probs), 1 / len(probs))
    assert metrics.perplexity(np.log(uniform)) == pytest.approx(math.exp(metrics.entropy(uniform)))


@pytest.mark.parametrize("probs", [[0.5, 0.6], [-0.1, 1.1], [], [[0.5, 0.5]], [math.nan, 1.0]])
def test_what_is_no_distribution_is_refused(probs):
    for metric in (metrics.entropy, lambda p: metrics.nucleus_size(p, 0.5)):
        with pytest.raises(WorkbookError, match="sum 1"):
            metric(probs)


@pytest.mark.parametrize("p, size", [(0, 1), (0.3, 1), (0.5, 1), (0.51, 2), (0.75, 2), (0.9, 4), (1, 4)])
def test_nucleus_size(p, size):
    assert metrics.nucleus_size([0.125, 0.5, 0, 0.25, 0.125], p) == size


def test_nucleus_size_refuses_what_is_no_probability():
    with pytest.raises(WorkbookError, match="0 to 1"):
        metrics.nucleus_size([0.5, 0.5], 1.5)


@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.5, 0.9, 0.95]))
def test_nucleus_size_is_what_the_library_keeps(seed, p):
    from transformers import TopPLogitsWarper

    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(seed))
    kept = int(TopPLogitsWarper(p)(None, logits).isfinite().sum())
    assert metrics.nucleus_size(logits[0].softmax(-1), p) == kept


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
    assert metrics.longest_overlap("then the fox ran away", corpus) == 4
    assert metrics.longest_overlap("the mouse", corpus) == 1
    assert metrics.longest_overlap("nothing shared", corpus) == metrics.longest_overlap("", corpus) == 0
    assert metrics.longest_overlap("Fox ran.", corpus) == 0
    assert metrics.longest_overlap(corpus[0], iter(corpus)) == 4


@given(WORDS, st.lists(WORDS, max_size=4))
def test_longest_overlap_is_what_a_plain_search_finds(text, corpus):
    words = text.split()
    runs = [words[i:j] for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
    shared = [run for run in runs for other in corpus if f" {' '.join(run)} " in f" {other} "]
    assert metrics.longest_overlap(text, corpus) == max(map(len, shared), default=0)


def test_ngram_overlap():
    corpus = ["a b c d", "x y z"]
    assert metrics.ngram_overlap(["a b c q"], corpus, n=2) == pytest.approx(2 / 3)
    assert metrics.ngram_overlap(["a b a b"], corpus, n=2) == pytest.approx(2 / 3)  # repeats count
    assert metrics.ngram_overlap(["d x"], corpus, n=2) == 0  # runs do not cross from text to text
    assert metrics.ngram_overlap(["a b"], corpus) == 0
    assert metrics.ngram_overlap(corpus, iter(corpus), n=3) == 1


@pytest.mark.parametrize("metric", [metrics.distinct_n, lambda t, n: metrics.ngram_overlap(t, t, n)])
def test_an_ngram_has_a_word(metric):
    with pytest.raises(WorkbookError, match="at least 1 word"):
        metric(["a b"], 0)


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


# Variance, split; mutual information


def heaps(seed: int, count: int, sigma: float = 0.3) -> np.ndarray:
    """Points around eight centres on a ring: (8, count, 2). Within is 2 sigma^2, between 1."""
    turns = np.arange(8) * np.pi / 4
    centres = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    return centres[:, None] + sigma * np.random.default_rng(seed).normal(size=(8, count, 2))


@pytest.mark.parametrize("seed", range(10))
def test_variance_of_a_gaussian_mixture_splits_as_in_closed_form(seed):
    split = metrics.variance_split(heaps(seed, 125), resamples=2)
    assert split["share"][0] == pytest.approx(1 / 1.18, abs=0.02)
    assert split["within"][0] == pytest.approx(0.18, rel=0.15)
    assert split["between"][0] == pytest.approx(1, rel=0.12)


@pytest.mark.parametrize("seed", range(10))
def test_both_parts_add_up_to_a_total_that_is_estimated_from_other_points(seed):
    split = metrics.variance_split(heaps(seed, 125), seed=seed)
    other = heaps(seed + 1000, 125).reshape(1000, 2)
    low, high = metrics.bootstrap_interval(((other - other.mean(axis=0)) ** 2).sum(axis=1), seed=seed)
    parts = split["within"], split["between"]
    assert sum(part[1] for part in parts) < high and low < sum(part[2] for part in parts)
    assert other.var(axis=0, ddof=1).sum() == pytest.approx(sum(part[0] for part in parts), rel=0.12)


def test_the_parts_are_unbiased_where_samples_are_few():
    centres, truth = 0.4 * np.arange(8), {"within": 4.0, "between": 4 * 0.16 * 63 / 12}
    runs = []
    for seed in range(400):
        noise = np.random.default_rng(seed).normal(size=(8, 6, 4))
        runs.append(metrics.variance_split(centres[:, None, None] + noise, resamples=1))
    for part, value in truth.items():
        found = np.array([run[part][0] for run in runs])
        assert found.mean() == pytest.approx(value, abs=4 * found.std() / 20)


def test_a_condition_that_does_nothing_explains_nothing():
    found = [
        metrics.variance_split(np.random.default_rng(seed).normal(size=(8, 10, 3)), seed=seed)["share"]
        for seed in range(60)
    ]
    assert abs(np.mean([value for value, _, _ in found])) < 0.02
    assert sum(low < 0 < high for _, low, high in found) >= 51


def test_the_intervals_hold_the_truth_about_as_often_as_they_say():
    truth = {"within": 0.18, "between": 1.0, "share": 1 / 1.18}
    runs = [metrics.variance_split(heaps(seed, 20), seed=seed, resamples=200) for seed in range(120)]
    for part, value in truth.items():
        assert sum(run[part][1] < value < run[part][2] for run in runs) >= 0.86 * len(runs)


def test_variance_split_takes_one_number_a_sample_tensors_and_an_odd_count():
    table = np.random.default_rng(0).normal(size=(5, 7)) + 3 * np.arange(5)[:, None]
    split = metrics.variance_split(table)
    assert split == metrics.variance_split(torch.from_numpy(table)[..., None])
    assert split == metrics.variance_split(table.tolist())
    assert split != metrics.variance_split(table, seed=1)
    narrow, (value, low, high) = metrics.variance_split(table, confidence=0.5)["share"], split["share"]
    assert low < narrow[1] < value < narrow[2] < high
    shifted = metrics.variance_split(table + 1e6)  # pixels, or far from 0: the same split
    assert [part[0] for part in shifted.values()] == pytest.approx([part[0] for part in split.values()])


def test_variance_split_at_both_ends():
    same = np.repeat(np.arange(4.0)[:, None], 6, axis=1)
    assert metrics.variance_split(same)["share"] == (1, 1, 1)
    assert metrics.variance_split(same)["between"][0] == pytest.approx(1.25)
    assert math.isnan(metrics.variance_split(np.zeros((3, 4)))["share"][0])


@pytest.mark.parametrize("shape", [(8,), (1, 8), (3, 3), (2, 4, 1, 1)])
def test_variance_split_refuses_too_few(shape):
    with pytest.raises(WorkbookError, match="2 x 4 or more"):
        metrics.variance_split(np.ones(shape))


def symmetric_channel(wrong: float, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Fair bits, sent and received; of each, 1 bit minus the entropy of being wrong comes through."""
    chance = np.random.default_rng(seed)
    sent = chance.integers(0, 2, count)
    return sent, np.where(chance.random(count) < wrong, 1 - sent, sent)


@pytest.mark.parametrize("wrong", [0.5, 0.25, 0.1, 0.02])
def test_mutual_information_of_a_noisy_channel(wrong):
    truth = 1 - metrics.entropy([wrong, 1 - wrong], bits=True)
    channels = [symmetric_channel(wrong, 2000, seed) for seed in range(8)]
    found = [metrics.mutual_information(*one, bits=True) for one in channels]
    assert np.mean(found) == pytest.approx(truth, abs=0.02)
    nats = metrics.mutual_information(*channels[0])
    assert nats == pytest.approx(found[0] * math.log(2))


def test_mutual_information_is_right_at_both_ends_where_samples_are_few():
    asked = [place for place in "abcdefgh" for _ in range(6)]
    assert metrics.mutual_information(asked, [one.upper() for one in asked], bits=True) == pytest.approx(3)
    apart = [
        metrics.mutual_information(asked, np.random.default_rng(seed).integers(0, 8, 48), bits=True)
        for seed in range(60)
    ]
    assert abs(np.mean(apart)) < 0.08 and min(apart) < 0  # uncorrected it would be about 0.75
    assert metrics.mutual_information(asked, ["x"] * 48) == 0
    assert metrics.mutual_information(["x"], [None]) == 0


def test_mutual_information_is_symmetric_and_takes_any_category():
    one, two = symmetric_channel(0.2, 300, 3)
    named = [("bit", int(bit)) for bit in one]
    assert metrics.mutual_information(named, two) == pytest.approx(metrics.mutual_information(one, two))
    there, back = metrics.mutual_information(one, two), metrics.mutual_information(two, one)
    assert there == pytest.approx(back, abs=0.01)
    pairs = ["a", "ab"] * 20, ["bc", "c"] * 20  # joined, both read "abc"
    assert metrics.mutual_information(*pairs, bits=True) == pytest.approx(1)


@pytest.mark.parametrize("first, second", [([], []), ([1, 2], [1])])
def test_mutual_information_needs_pairs(first, second):
    with pytest.raises(WorkbookError, match="same length"):
        metrics.mutual_information(first, second)
