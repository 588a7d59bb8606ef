"""What is counted about pictures: readings against requests, exactness, variety, copies."""

import json
import math
import random
from functools import cache

import numpy as np
import pytest

from smallworld.judges import measures
from smallworld.judges.pictures import LAYOUT, Reading
from smallworld.making.picture_judge import targets_of
from smallworld.world.drawing import draw
from smallworld.world.prompts import Asked, conditions
from smallworld.world.scenes import sample_scene

# --- readings against requests --------------------------------------------------------------------------

EVERYTHING = Asked(
    "two red boats", {"place": "ocean", "time": "night", "thing": "boat", "color": "red", "several": True}
)
NOTHING = Asked("only the desert", {"place": "desert", "thing": ""})
COLOURED = Asked("something red", {"color": "red"})


def test_each_fact_that_was_asked_is_judged():
    good = Reading("ocean", "night", "boat", "red", 3)
    assert measures.right(EVERYTHING, good) == dict.fromkeys((*EVERYTHING.facts, "all"), True)
    for wrong, missed in (
        (Reading("city", "night", "boat", "red", 3), {"place", "all"}),
        (Reading("ocean", "noon", "boat", "red", 3), {"time", "all"}),
        (Reading("ocean", "night", "", "", 0), {"thing", "color", "several", "all"}),
        (Reading("ocean", "night", "boat", "blue", 3), {"color"}),
        (Reading("ocean", "night", "boat", "red", 1), {"several"}),
    ):
        verdict = measures.right(EVERYTHING, wrong)
        assert {fact for fact, passed in verdict.items() if not passed} == missed


def test_unsaid_facts_are_not_judged():
    verdict = measures.right(NOTHING, Reading("desert", "night", "", "", 0))
    assert verdict == {"place": True, "thing": True, "all": True}
    verdict = measures.right(NOTHING, Reading("desert", "night", "bird", "blue", 2))
    assert verdict == {"place": True, "thing": False, "all": False}
    assert measures.right(COLOURED, Reading("city", "noon", "tent", "red", 1))["color"] is True


def test_accuracy_counts_a_fact_over_the_pictures_that_were_asked_for_it():
    asked = [EVERYTHING, EVERYTHING, NOTHING, NOTHING]
    read = [
        Reading("ocean", "night", "boat", "red", 2),
        Reading("ocean", "noon", "boat", "red", 1),
        Reading("desert", "night", "", "", 0),
        Reading("city", "night", "", "", 0),
    ]
    found = measures.accuracy(asked, read)
    shares = {fact: (part["pictures"], part["share"]) for fact, part in found.items() if fact != "pictures"}
    assert found["pictures"] == 4
    assert shares == {
        "place": (4, 0.75), "time": (2, 0.5), "thing": (4, 1.0), "all": (4, 0.5),
        "color": (2, 1.0), "several": (2, 0.5),
    }  # fmt: skip
    assert found["thing"] == {"pictures": 4, "share": 1.0, "low": 1.0, "high": 1.0}
    assert not {"time", "color", "several"} & measures.accuracy([NOTHING], read[2:3]).keys()


def test_pictures_of_one_prompt_are_drawn_again_together():
    read = [Reading("ocean", "night", "boat", "red", 2), Reading("ocean", "noon", "boat", "red", 2)] * 20
    asked, prompts = [EVERYTHING] * 40, [number // 2 for number in range(40)]
    assert measures.accuracy(asked, read, prompts)["time"]["low"] == 0.5
    assert measures.accuracy(asked, read)["time"]["low"] < 0.4
    with pytest.raises(ValueError, match="shorter"):
        measures.accuracy(asked, read[:3])


def test_accuracy_by_a_fact_names_its_values():
    other = Asked("a tent", {"time": "noon", "thing": "tent"})
    read = [
        Reading("ocean", "night", "boat", "blue", 2),
        Reading("city", "night", "boat", "red", 2),
        Reading("desert", "noon", "", "", 0),
        Reading("snow", "noon", "tent", "red", 1),
    ]
    asked = [EVERYTHING, EVERYTHING, NOTHING, other]
    by_thing = measures.accuracy_by("thing", asked, read)
    assert by_thing == {"boat": "1 of 2", "nothing": "1 of 1", "tent": "1 of 1"}
    assert measures.accuracy_by("place", asked, read)["unsaid"] == "1 of 1"
    assert measures.accuracy_by("several", asked, read) == {"True": "1 of 2", "unsaid": "2 of 2"}


def test_misses_tell_what_was_asked_and_what_was_read():
    read = [
        Reading("ocean", "night", "boat", "red", 2),
        Reading("ocean", "noon", "boat", "red", 1),
        Reading("desert", "night", "cloud", "grey", 1),
    ]
    found = measures.misses([EVERYTHING, EVERYTHING, NOTHING], np.array([7, 8, 9]), read)
    assert json.loads(json.dumps(found)) == found == [
        {
            "seed": 8,
            "prompt": "two red boats",
            "asked": {"time": "night", "several": True},
            "read": {"time": "noon", "several": False},
        },
        {"seed": 9, "prompt": "only the desert", "asked": {"thing": ""}, "read": {"thing": "cloud"}},
    ]  # fmt: skip


# --- exactness ------------------------------------------------------------------------------------------


def test_psnr_of_known_errors():
    plain = np.full((3, 64, 64, 3), 100, np.uint8)
    other = plain.copy()
    other[0] += 1
    other[1, :32] -= 10  # half of the pixels: mean square error 50
    found = measures.psnr(plain, other)
    assert found[:2] == pytest.approx([20 * math.log10(255), 10 * math.log10(255**2 / 50)])
    assert found[2] > 100
    assert measures.psnr(other, plain) == pytest.approx(found)
    black = np.zeros((1, 8, 8, 3), np.uint8)
    assert measures.psnr(black, black + np.uint8(255)) == pytest.approx([0.0])


def test_psnr_of_noise_is_that_of_its_deviation():
    chance = np.random.default_rng(0)
    plain = np.full((4, 64, 64, 3), 128, np.uint8)
    noisy = (plain + chance.normal(0, 5, plain.shape)).round().astype(np.uint8)
    expected = 10 * math.log10(255**2 / (25 + 1 / 12))  # rounding adds a twelfth
    assert measures.psnr(plain, noisy) == pytest.approx([expected] * 4, abs=0.15)


def test_the_summary_names_the_worst_twentieth():
    plain = np.full((100, 8, 8, 3), 100, np.uint8)
    other = plain + np.uint8(1)
    other[:10] += 9
    found = measures.psnr_summary(plain, other)
    one, ten = 20 * math.log10(255), 20 * math.log10(25.5)
    assert found["pictures"] == 100 and found["value"] == pytest.approx(0.9 * one + 0.1 * ten, abs=1e-3)
    assert found["percentile_5"] == pytest.approx(ten, abs=1e-3)
    assert found["percentile_5"] < found["low"] < found["value"] < found["high"] < one


def test_the_largest_loss_of_any_fact_is_named():
    shares = dict.fromkeys(measures.EVERY_FACT, 0.99)
    before, after = ({fact: {"share": share} for fact, share in part.items()}
                     for part in (shares, shares | {"color": 0.95, "time": 1.0}))  # fmt: skip
    found = measures.compare_readings(before, after)
    assert found["most_lost"] == found["lost"]["color"] == 0.04
    assert found["lost"]["time"] == -0.01 and found["lost"]["place"] == 0
    assert found["drawn"] == before and found["reconstructed"] == after


# --- variety --------------------------------------------------------------------------------------------


def thumbnails(scenes) -> np.ndarray:
    """Drawn scenes as rows of 8x8 coloured cells, in place of latents."""
    pictures = np.stack([np.asarray(draw(scene)) for scene in scenes])
    return (pictures.reshape(-1, 8, 8, 8, 8, 3).mean((2, 4)) / 255).reshape(len(scenes), -1).astype("float32")


@cache
def alike(seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """True layouts and thumbnails of 16 drawn scenes each for the facts of 12 test scenes."""
    rng, layouts, rows = random.Random(seed), [], []
    for one in conditions("test", 12, 0):
        facts = {name: getattr(one, name) for name in ("place", "time", "thing", "color", "count")}
        scenes = [sample_scene(rng, "test", **facts) for _ in range(16)]
        layouts.append(np.array([targets_of(scene)[1] for scene in scenes]))
        rows.append(thumbnails(scenes))
    return layouts, rows


def test_mean_distance_by_hand():
    assert measures.mean_distance(np.array([[0.0, 0], [3, 4], [0, 0]])) == pytest.approx(10 / 3)
    assert measures.mean_distance(np.ones((5, 7), np.float32)) == 0


def test_the_spread_ratio_is_that_of_the_sums():
    generated, drawn = [np.array([1.0]), np.array([3.0])], [np.array([6.0]), np.array([2.0])]
    found = measures.spread_ratio(generated, drawn, lambda rows: rows[0])
    assert found == {"value": 0.5, "low": round(1 / 6, 4), "high": 1.5}


def test_drawn_scenes_are_as_varied_as_drawn_scenes():
    (layouts, latents), (others, other_latents) = alike(0), alike(1)
    found = measures.diversity((layouts, others), (latents, other_latents))
    assert set(found) == {*LAYOUT, "layout", "latents"}
    for name, ratio in found.items():
        assert ratio["value"] == pytest.approx(1, abs=0.2), name
        assert 0.6 < ratio["low"] < ratio["value"] < ratio["high"] < 1.6, name
    assert found["latents"]["value"] == pytest.approx(1, abs=0.06)


def test_the_same_scenes_are_exactly_as_varied():
    layouts, latents = alike(0)
    found = measures.diversity((layouts, layouts), (latents, latents))
    assert all(ratio == {"value": 1.0, "low": 1.0, "high": 1.0} for ratio in found.values())


def test_repeated_pictures_have_little_variety():
    def repeat(rows):
        jitter = np.random.default_rng(0).normal(0, 0.002, rows.shape).astype(rows.dtype)
        return rows[:1] + jitter

    (layouts, latents), (others, other_latents) = alike(0), alike(1)
    found = measures.diversity(
        (list(map(repeat, layouts)), others), (list(map(repeat, latents)), other_latents)
    )
    assert all(ratio["high"] < 0.5 for ratio in found.values())


def halve(rows: np.ndarray) -> np.ndarray:
    """Rows with half their distance to their mean."""
    return rows.mean(0) + (rows - rows.mean(0)) / 2


def test_half_the_spread_is_half_the_variety():
    layouts, latents = alike(0)
    halved = [list(map(halve, rows)) for rows in (layouts, latents)]
    found = measures.diversity((halved[0], layouts), (halved[1], latents))
    assert all(ratio["value"] == pytest.approx(0.5, abs=1e-3) for ratio in found.values())


@pytest.mark.parametrize("column", range(len(LAYOUT)))
def test_each_layout_measure_counts_alike(column):
    layouts, latents = alike(0)
    one_halved = [rows.copy() for rows in layouts]
    for rows in one_halved:
        rows[:, column] = halve(rows[:, column])
    found = measures.diversity((one_halved, layouts), (latents, latents))
    ratios = [found[name]["value"] for name in (LAYOUT[column], "layout", "latents")]
    assert ratios == pytest.approx([0.5, 3.5 / 4, 1], abs=1e-3)


# --- copies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 7, 60, 61, 10_000])
def test_the_nearest_is_that_of_brute_force(chunk):
    chance = np.random.default_rng(2)
    rows, others = (chance.normal(size=(count, 24)).astype(np.float32) for count in (37, 61))
    wanted = np.sqrt(((rows[:, None] - others[None]) ** 2).sum(-1)).min(1)
    found = measures.nearest(rows, others, chunk)
    assert found.shape == (37,) and found == pytest.approx(wanted, rel=1e-3)
    assert measures.nearest(others[-3:], others, chunk) == pytest.approx([0] * 3, abs=0.01)


@cache
def distances() -> tuple[np.ndarray, np.ndarray]:
    """Training scenes as thumbnails, and how near 300 fresh ones of the same combinations come to them."""
    rng = random.Random("training scenes")
    training = thumbnails([sample_scene(rng) for _ in range(900)])
    rng = random.Random("held-out scenes")
    return training, measures.nearest(thumbnails([sample_scene(rng) for _ in range(300)]), training)


def test_fresh_scenes_pass_for_no_copies():
    training, held_out = distances()
    rng = random.Random("fresh scenes")
    fresh = thumbnails([sample_scene(rng) for _ in range(200)])
    found = measures.copying(measures.nearest(fresh, training), held_out)
    assert (found["pictures"], found["held_out_scenes"], found["below_by_chance"]) == (200, 300, 1.0)
    assert found["median_ratio"]["value"] == pytest.approx(1, abs=0.1)
    assert found["median_ratio"]["low"] < 1.05 and found["median_ratio"]["high"] > 0.95
    assert found["below"] <= 5


def test_copies_are_found():
    training, held_out = distances()
    noise = np.random.default_rng(3).normal(0, 0.002, (100, training.shape[1])).astype(np.float32)
    found = measures.copying(measures.nearest(training[:100] + noise, training), held_out)
    assert found["below"] == 100 and found["below_by_chance"] == 0.5
    assert found["median_ratio"]["high"] < 0.3
    assert found["nearest_of_all"] < found["held_out_percentile_half"]


def test_a_few_copies_among_fresh_pictures_are_counted():
    training, held_out = distances()
    copies = measures.nearest(training[:9], training)
    found = measures.copying(np.concatenate([np.sort(held_out)[50:], copies]), held_out)
    assert found["below"] == 9
    assert found["nearest_of_all"] == pytest.approx(0, abs=0.01)
    assert found["held_out_percentile_half"] == pytest.approx(np.quantile(held_out, 0.005), abs=1e-4)
    assert json.loads(json.dumps(found)) == found
