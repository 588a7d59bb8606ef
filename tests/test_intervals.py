"""Shares and other statistics with bootstrap intervals."""

import math

import numpy as np
import pytest

from smallworld.judges.intervals import bootstrap, interval


@pytest.mark.parametrize(("right", "of"), [(50, 100), (10, 400), (950, 1_000)])
def test_the_interval_of_a_share_is_the_binomial_one(right, of):
    found = interval([True] * right + [False] * (of - right))
    share, deviation = right / of, math.sqrt(right * (of - right) / of**3)
    assert found["share"] == share
    for end, sign in (("low", -1), ("high", 1)):
        assert found[end] == pytest.approx(share + sign * 1.96 * deviation, abs=0.3 * deviation)


def test_a_share_that_is_always_right_or_wrong_has_no_width():
    assert interval([True] * 7) == {"share": 1.0, "low": 1.0, "high": 1.0}
    assert interval([False] * 7) == {"share": 0.0, "low": 0.0, "high": 0.0}


def test_samples_of_one_group_count_as_one():
    verdicts, groups = [True, False, True, True] * 10, [f"prompt {number}" for number in range(40)]
    alone = interval(verdicts)
    assert interval(verdicts, groups=groups)["low"] == pytest.approx(alone["low"], abs=0.05)
    times = 25
    together = interval(verdicts * times, groups=groups * times)
    assert together == interval(verdicts, groups=groups)
    apart = interval(verdicts * times)
    assert apart["high"] - apart["low"] < 0.3 * (together["high"] - together["low"])


def test_whole_groups_are_drawn_again():
    found = interval([True] * 3 + [False], groups=["a", "a", "a", "b"])
    assert found == {"share": 0.75, "low": 0.0, "high": 1.0}
    mixed = interval([True, False] * 6, groups=[1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6])
    assert mixed == {"share": 0.5, "low": 0.5, "high": 0.5}


def test_an_interval_is_repeatable_by_its_seed():
    verdicts = [True, False, False] * 30
    assert interval(verdicts, seed=1) == interval(verdicts, seed=1)
    narrow = [interval(verdicts, seed=seed, resamples=20) for seed in range(5)]
    assert len({one["low"] for one in narrow}) > 1 and len({one["share"] for one in narrow}) == 1


def test_the_bootstrap_of_a_mean_has_the_standard_error():
    sample = np.random.default_rng(0).normal(10, 3, 400)
    found, error = bootstrap(np.mean, sample), sample.std() / 20
    assert found["value"] == pytest.approx(sample.mean(), abs=1e-4)
    assert found["low"] == pytest.approx(sample.mean() - 1.96 * error, abs=0.3 * error)
    assert found["high"] == pytest.approx(sample.mean() + 1.96 * error, abs=0.3 * error)


def test_each_sample_is_drawn_again_on_its_own():
    sample = np.random.default_rng(1).normal(0, 1, 200)
    found = bootstrap(lambda a, b: a.mean() - b.mean(), sample, sample)
    assert found["value"] == 0
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * math.sqrt(2 / 200), rel=0.2)


def test_the_bootstrap_keeps_rows_whole_and_is_repeatable():
    rows = [[1.0, 2.0], [10.0, 20.0], [3.0, 6.0]]
    found = bootstrap(lambda part: part[:, 0].sum() / part[:, 1].sum(), rows)
    assert found == {"value": 0.5, "low": 0.5, "high": 0.5}
    sample = np.arange(30)
    assert bootstrap(np.median, sample) == bootstrap(np.median, sample)
    assert bootstrap(np.mean, sample) != bootstrap(np.mean, sample, seed=1)


def test_the_interval_holds_the_share_and_narrows_with_more_samples():
    assert interval([True] * 20) == {"share": 1.0, "low": 1.0, "high": 1.0}
    few, many = interval([True, False] * 20), interval([True, False] * 500)
    assert few["low"] < 0.4 < many["low"] < 0.5 < many["high"] < 0.6 < few["high"]
    assert many["high"] - many["low"] == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 1000), rel=0.15)
