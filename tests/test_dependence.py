"""The explained share of a variance, and mutual information, against closed forms."""

import math

import numpy as np
import pytest
import torch

from helpers import metrics
from helpers.errors import WorkbookError
from helpers.lessons.dependence import mutual_information, variance_split


def heaps(seed: int, count: int, sigma: float = 0.3) -> np.ndarray:
    """Points around eight centres on a ring: (8, count, 2). Within is 2 sigma^2, between 1."""
    turns = np.arange(8) * np.pi / 4
    centres = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    return centres[:, None] + sigma * np.random.default_rng(seed).normal(size=(8, count, 2))


@pytest.mark.parametrize("seed", range(10))
def test_variance_of_a_gaussian_mixture_splits_as_in_closed_form(seed):
    split = variance_split(heaps(seed, 125), resamples=2)
    assert split["share"][0] == pytest.approx(1 / 1.18, abs=0.02)
    assert split["within"][0] == pytest.approx(0.18, rel=0.15)
    assert split["between"][0] == pytest.approx(1, rel=0.12)


@pytest.mark.parametrize("seed", range(10))
def test_both_parts_add_up_to_a_total_that_is_estimated_from_other_points(seed):
    split = variance_split(heaps(seed, 125), seed=seed)
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
        runs.append(variance_split(centres[:, None, None] + noise, resamples=1))
    for part, value in truth.items():
        found = np.array([run[part][0] for run in runs])
        assert found.mean() == pytest.approx(value, abs=4 * found.std() / 20)


def test_a_condition_that_does_nothing_explains_nothing():
    found = [
        variance_split(np.random.default_rng(seed).normal(size=(8, 10, 3)), seed=seed)["share"]
        for seed in range(60)
    ]
    assert abs(np.mean([value for value, _, _ in found])) < 0.02
    assert sum(low < 0 < high for _, low, high in found) >= 51


def test_the_intervals_hold_the_truth_about_as_often_as_they_say():
    truth = {"within": 0.18, "between": 1.0, "share": 1 / 1.18}
    runs = [variance_split(heaps(seed, 20), seed=seed, resamples=200) for seed in range(120)]
    for part, value in truth.items():
        assert sum(run[part][1] < value < run[part][2] for run in runs) >= 0.86 * len(runs)


def test_variance_split_takes_one_number_a_sample_tensors_and_an_odd_count():
    table = np.random.default_rng(0).normal(size=(5, 7)) + 3 * np.arange(5)[:, None]
    split = variance_split(table)
    assert split == variance_split(torch.from_numpy(table)[..., None])
    assert split == variance_split(table.tolist())
    assert split != variance_split(table, seed=1)
    narrow, (value, low, high) = variance_split(table, confidence=0.5)["share"], split["share"]
    assert low < narrow[1] < value < narrow[2] < high
    shifted = variance_split(table + 1e6)  # pixels, or far from 0: the same split
    assert [part[0] for part in shifted.values()] == pytest.approx([part[0] for part in split.values()])


def test_variance_split_at_both_ends():
    same = np.repeat(np.arange(4.0)[:, None], 6, axis=1)
    assert variance_split(same)["share"] == (1, 1, 1)
    assert variance_split(same)["between"][0] == pytest.approx(1.25)
    assert math.isnan(variance_split(np.zeros((3, 4)))["share"][0])


@pytest.mark.parametrize("shape", [(8,), (1, 8), (3, 3), (2, 4, 1, 1)])
def test_variance_split_refuses_too_few(shape):
    with pytest.raises(WorkbookError, match="2 x 4 or more"):
        variance_split(np.ones(shape))


def symmetric_channel(wrong: float, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Fair bits, sent and received; of each, 1 bit minus the entropy of being wrong comes through."""
    chance = np.random.default_rng(seed)
    sent = chance.integers(0, 2, count)
    return sent, np.where(chance.random(count) < wrong, 1 - sent, sent)


@pytest.mark.parametrize("wrong", [0.5, 0.25, 0.1, 0.02])
def test_mutual_information_of_a_noisy_channel(wrong):
    truth = 1 - metrics.entropy([wrong, 1 - wrong], bits=True)
    channels = [symmetric_channel(wrong, 2000, seed) for seed in range(8)]
    found = [mutual_information(*one, bits=True) for one in channels]
    assert np.mean(found) == pytest.approx(truth, abs=0.02)
    nats = mutual_information(*channels[0])
    assert nats == pytest.approx(found[0] * math.log(2))


def test_mutual_information_is_right_at_both_ends_where_samples_are_few():
    asked = [place for place in "abcdefgh" for _ in range(6)]
    assert mutual_information(asked, [one.upper() for one in asked], bits=True) == pytest.approx(3)
    apart = [
        mutual_information(asked, np.random.default_rng(seed).integers(0, 8, 48), bits=True)
        for seed in range(60)
    ]
    assert abs(np.mean(apart)) < 0.08 and min(apart) < 0  # uncorrected it would be about 0.75
    assert mutual_information(asked, ["x"] * 48) == 0
    assert mutual_information(["x"], [None]) == 0


def test_mutual_information_is_symmetric_and_takes_any_category():
    one, two = symmetric_channel(0.2, 300, 3)
    named = [("bit", int(bit)) for bit in one]
    assert mutual_information(named, two) == pytest.approx(mutual_information(one, two))
    there, back = mutual_information(one, two), mutual_information(two, one)
    assert there == pytest.approx(back, abs=0.01)
    pairs = ["a", "ab"] * 20, ["bc", "c"] * 20  # joined, both read "abc"
    assert mutual_information(*pairs, bits=True) == pytest.approx(1)


@pytest.mark.parametrize("first, second", [([], []), ([1, 2], [1])])
def test_mutual_information_needs_pairs(first, second):
    with pytest.raises(WorkbookError, match="same length"):
        mutual_information(first, second)
