"""Spoilt drawings: each kind changes the things and nothing else, more at more strength."""

import random
from dataclasses import replace

import numpy as np
import pytest

from smallworld.making import spoiling
from smallworld.world.drawing import draw
from smallworld.world.scenes import HEIGHTS, sample_scene

FIXED = ("blob", "texture", "merge")  # the first two know no strength; half of each thing differs most


def scene_of(thing, seed=0, **given):
    return sample_scene(random.Random(f"{thing} {seed}"), "train", thing=thing, **given)


@pytest.fixture(scope="module")
def layers():
    things = [thing for thing in HEIGHTS if thing not in spoiling.SHAPELESS]
    return [spoiling.take_apart(scene_of(thing)) for thing in things]


def changed(layers, picture):
    """The mean change of a picture in the units of its pixels."""
    return np.abs(picture - layers.picture).mean()


@pytest.mark.parametrize("thing", HEIGHTS)
def test_a_drawing_is_its_background_and_its_things(thing):
    layers = spoiling.take_apart(scene_of(thing))
    assert np.array_equal(layers.picture, np.asarray(draw(layers.scene), float))
    assert np.array_equal(layers.picture[layers.mask == 0], layers.background[layers.mask == 0])
    assert 0.01 < (layers.mask > 0.5).mean() < 0.5
    assert len(layers.boxes) == layers.scene.count and 5 < layers.size < 40
    again = spoiling.compose(layers, layers.picture, layers.mask)
    assert np.abs(again - layers.picture).max() <= 24


@pytest.mark.parametrize("name", spoiling.KINDS)
def test_each_kind_changes_the_things_strongly_and_the_rest_of_the_picture_little(name, layers):
    kind = spoiling.KINDS[name]
    for part in layers:
        picture = kind.spoil(part, kind.strong[0], np.random.default_rng(1))
        assert picture.shape == (64, 64, 3) and picture.min() >= -1 and picture.max() <= 256
        change = np.abs(picture - part.picture).mean(axis=2)
        away = spoiling.blurred(part.mask * 255, 8) < 8
        assert away.any() and change[away].mean() < 2 < change[part.mask > 0.5].mean() / 2


@pytest.mark.parametrize("name", [name for name in spoiling.KINDS if name not in FIXED])
def test_more_strength_changes_more(name, layers):
    kind = spoiling.KINDS[name]
    weak, strong = (
        np.mean([changed(part, kind.spoil(part, strength, np.random.default_rng(2))) for part in layers])
        for strength in (max(kind.light, 0.1) / 2, kind.strong[1])
    )
    assert strong > 1.5 * weak


@pytest.mark.parametrize("name", spoiling.KINDS)
def test_the_same_numbers_make_the_same_picture(name, layers):
    kind = spoiling.KINDS[name]
    first, again, *others = (
        kind.spoil(layers[0], kind.strong[0], np.random.default_rng(seed)) for seed in (3, 3, 4, 5, 6, 7)
    )
    assert np.array_equal(first, again) and not all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("name", spoiling.KINDS)
def test_between_light_and_strong_is_a_gap_that_is_never_used(name):
    kind = spoiling.KINDS[name]
    assert kind.strong[0] <= kind.strong[1] and kind.light < kind.strong[0] / 2


@pytest.mark.parametrize("strongly", [False, True])
def test_kinds_are_chosen_by_what_is_honest(strongly):
    rng = random.Random(0)
    chosen = {spoiling.choose_kind(scene_of("boat", color="red"), rng, strongly) for _ in range(400)}
    assert chosen == {name for name, kind in spoiling.KINDS.items() if strongly or kind.light}


@pytest.mark.parametrize(
    ("thing", "color", "never"),
    [
        ("balloon", "red", {"melt", "swirl"}),
        ("airship", "blue", {"melt", "smear", "swirl"}),
        ("rocket", "white", {"melt", "smear", "blob", "texture"}),
    ],
)
def test_what_would_still_be_named_or_be_a_cloud_is_not_called_unreadable(thing, color, never):
    rng = random.Random(0)
    scene = scene_of(thing, color=color)
    assert not {spoiling.choose_kind(scene, rng, strongly=True) for _ in range(400)} & never


@pytest.mark.parametrize(("thing", "may"), [("cloud", False), ("", False), ("boat", True), ("bird", True)])
def test_neither_nothing_nor_a_cloud_is_spoilt_beyond_naming(thing, may):
    assert spoiling.may_be_spoilt(scene_of(thing)) == may


def test_a_merged_thing_is_bent_too(monkeypatch):
    bent = []
    monkeypatch.setattr(spoiling, "choose_kind", lambda *given: "merge")
    monkeypatch.setattr(spoiling, "warp", lambda layers, *given: bent.append(layers) or layers.picture)
    scene = scene_of("tent")
    picture, name = spoiling.spoil(scene, random.Random(0), strongly=True)
    assert name == "merge" and len(bent) == 1
    assert not np.array_equal(picture, spoiling.take_apart(replace(scene)).picture)
