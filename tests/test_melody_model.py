"""The shipped melody model as notebook 07 uses it: its tunes keep the rules and the requests."""

import numpy as np
import pytest

from helpers.lessons.sound import melodies, rolls, synthesis
from helpers.lessons.sound.melodies import ALL, FOLDER
from helpers.plots import png

pytestmark = pytest.mark.skipif(
    not (FOLDER / "config.json").is_file(), reason="no melody model is shipped yet"
)
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))]


@pytest.mark.parametrize("seed", SEEDS)
def test_requests_are_obeyed_far_more_often_than_by_luck(seed):
    counts = melodies.count_obeyed(seed=seed)
    assert counts.asked["metre"] >= 23 and counts.asked["key"] >= 21
    assert counts.asked["mood"] >= 18 and counts.asked[ALL] >= 14 > 2 >= counts.by_luck[ALL]
    assert len(counts.failed) == counts.total - counts.asked[ALL]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_high_temperature_breaks_the_rules(seed):
    requests = [melodies.ask("any", "any", "D", "3/4")] * 16
    metre, key = {}, {}
    for temperature in (0.8, 1.8):
        tunes = melodies.sing(requests, seed=seed, temperature=temperature, top_p=1.0)
        readings = [melodies.read(tune, "D") for tune in tunes]
        metre[temperature] = sum(reading.metre == "3/4" for reading in readings)
        key[temperature] = sum(reading.key[0] == "D" for reading in readings)
    assert metre[0.8] > metre[1.8] and key[0.8] > key[1.8]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tune_can_be_drawn_and_played(seed):
    (tune,) = melodies.sing([melodies.ask("calm", "ocean", "D", "3/4")], seed=seed)
    samples = synthesis.render(melodies.playable(tune))
    assert np.isfinite(samples).all() and 0.1 < np.abs(samples).max() <= 1 and abs(samples.mean()) < 0.01
    assert png(rolls.piano_roll(melodies.playable(tune), key="D", metre="3/4"))


def test_the_same_seed_sings_the_same_tunes():
    requests = [melodies.ask("happy", "village"), melodies.ask(metre="4/4")]
    first = melodies.sing(requests, seed=1)
    assert first == melodies.sing(requests, seed=1) != melodies.sing(requests, seed=2)
