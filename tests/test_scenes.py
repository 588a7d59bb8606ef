"""The drawn world: splits, layout, drawing, captions, and the pictures from outside it."""

import random
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from smallworld.world import captions, drawing, scenes, shapes, stories, wordings
from smallworld.world.drawing.brush import Brush
from smallworld.world.drawing.canvas import FINE, Canvas
from smallworld.world.drawing.places import PLACE_PAINTERS
from smallworld.world.drawing.skies import draw_light
from smallworld.world.drawing.things import THING_PAINTERS, make_thing
from smallworld.world.vocabulary import PLACES, SKY_THINGS, TIMES, colors_of, plural, things_in

THINGS = sorted({thing for place in PLACES for thing in things_in(place)})


def many_scenes(count: int, seed: int = 0, **given) -> list[scenes.Scene]:
    rng = random.Random(seed)
    return [scenes.sample_scene(rng, **given) for _ in range(count)]


# ------------------------------------------------------------------ facts and splits
def test_the_world_is_as_large_as_promised():
    assert len(PLACES) >= 8 and len(TIMES) >= 4 and len(THINGS) >= 10


def test_every_combination_has_one_split_and_a_tenth_is_held_out_each():
    listed = {split: set(scenes.combinations(split)) for split in scenes.SPLITS}
    everything = {(p, t, x) for p in PLACES for t in TIMES for x in ("", *things_in(p))}
    assert set.union(*listed.values()) == everything
    assert sum(map(len, listed.values())) == len(everything)
    assert all(len(listed[split]) >= 0.1 * len(everything) for split in ("validation", "test"))
    assert all(scenes.combination_split(*key) == split for split in listed for key in listed[split])


@pytest.mark.parametrize("part", range(3))
def test_every_place_time_and_thing_occurs_in_training(part):
    seen = {key[part] for key in scenes.combinations("train")}
    assert seen == [set(PLACES), set(TIMES), {"", *THINGS}][part]


@pytest.mark.parametrize("split", scenes.SPLITS)
def test_scenes_keep_to_their_split(split):
    allowed = set(scenes.combinations(split))
    assert all((s.place, s.time, s.thing) in allowed for s in many_scenes(400, split=split))


def test_given_facts_are_kept_and_impossible_ones_refused():
    rng = random.Random(0)
    for _ in range(50):
        scene = scenes.sample_scene(rng, place="ocean", thing="boat", color="green", count=2)
        assert (scene.place, scene.thing, scene.color, scene.count) == ("ocean", "boat", "green", 2)
    for wrong in (
        {"place": "desert", "thing": "boat"},
        {"place": "moon"},
        {"thing": "cloud", "color": "green"},
    ):
        with pytest.raises(ValueError, match="fits"):
            scenes.sample_scene(rng, **wrong)
    with pytest.raises(ValueError, match="mood"):
        scenes.sample_scene(rng, mood="happy")
    with pytest.raises(ValueError, match="holdout"):
        scenes.sample_scene(rng, "holdout")


# ------------------------------------------------------------------ layout and drawing
def scenes_with_things(count: int, numbers: tuple[int, ...], seed: int = 0) -> list[scenes.Scene]:
    """Scenes of any split that have a thing; each thing and each number as often as any other."""
    rng = random.Random(seed)
    drawn = []
    for turn in range(count):
        given = {"thing": THINGS[turn % len(THINGS)], "count": numbers[turn // len(THINGS) % len(numbers)]}
        drawn.append(scenes.sample_scene(rng, **given))
    return drawn


def test_things_stand_inside_the_picture_and_on_the_land():
    for scene in many_scenes(1500):
        assert len(scene.spots) == scene.count
        for x, y, width in scene.spots:
            height = width * scenes.HEIGHTS[scene.thing]
            assert x - width / 2 >= scenes.OUTLINE and x + width / 2 <= 1 - scenes.OUTLINE
            assert y - height / 2 >= scenes.OUTLINE and y + height / 2 <= 1 - scenes.OUTLINE
        if scene.thing and scene.thing not in SKY_THINGS:
            assert all(y + w * scenes.HEIGHTS[scene.thing] / 2 > scene.horizon for _, y, w in scene.spots)


@pytest.mark.parametrize("thing", THINGS)
def test_a_drawing_fills_the_box_that_the_layout_keeps_for_it(thing):
    brush = Brush("noon", (0, 0, 1), colors_of(thing)[0], seed=0)
    THING_PAINTERS[thing](brush)
    points = [point for layer in brush.layers for piece in layer for point in piece.points]
    xs, ys = (np.array(values) for values in zip(*points, strict=True))
    assert -0.501 <= xs.min() < -0.48 and 0.48 < xs.max() <= 0.501
    half = scenes.HEIGHTS[thing] / 2
    assert -half - 0.001 <= ys.min() < 0.92 * -half + 0.02 and 0.86 * half - 0.02 < ys.max() <= half + 0.001


def gap(first: np.ndarray, second: np.ndarray) -> float:
    """How many free pixels lie between two masks at the nearest place."""
    one, other = np.argwhere(first), np.argwhere(second)
    return np.sqrt(((one[:, None] - other[None]) ** 2).sum(-1)).min() - 1


def test_two_or_three_things_never_touch():
    for scene in scenes_with_things(520, (2, 3)):
        masks = [drawing.thing_mask(scene, spot) for spot in scene.spots]
        gaps = [gap(a, b) for number, a in enumerate(masks) for b in masks[number + 1 :]]
        assert min(gaps) >= 2, scene


@pytest.mark.parametrize(("number", "long", "area"), [(1, 20, 240), (2, 17, 160), (3, 15, 130)])
def test_a_thing_is_large_enough_to_be_named(number, long, area):
    for scene in scenes_with_things(130, (number,)):
        for spot in scene.spots:
            mask = drawing.thing_mask(scene, spot)
            rows, columns = mask.any(axis=1).sum(), mask.any(axis=0).sum()
            assert max(rows, columns) >= long and mask.sum() >= area, (scene, spot)


def grow(mask: np.ndarray, pixels: int) -> np.ndarray:
    """A mask with a margin of some pixels."""
    for _ in range(pixels):
        wide = np.pad(mask, 1)
        mask = mask | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
    return mask


@pytest.mark.parametrize("time", TIMES)
def test_a_thing_differs_from_what_is_around_it_at_every_time(time):
    """Its outline or its inside, in the middle, is far from the colour of the two pixels around it."""
    rng = random.Random(1)
    for place, thing in [(each, thing) for each in PLACES for thing in things_in(each)]:
        for color in colors_of(thing):
            split = scenes.combination_split(place, time, thing)
            scene = scenes.sample_scene(rng, split, place=place, time=time, thing=thing, color=color, count=1)
            mask = drawing.things_mask(scene)
            inner = ~grow(~mask, 2)
            picture = np.asarray(drawing.draw(scene), float)
            around, rim, inside = (
                np.median(picture[part], axis=0) for part in (grow(mask, 2) & ~mask, mask & ~inner, inner)
            )
            differs = max(np.abs(rim - around).sum(), np.abs(inside - around).sum())
            assert differs > 75, (place, thing, color)


def test_a_drawing_is_repeatable_and_varies_with_the_scene():
    for scene in many_scenes(20):
        first, again = drawing.draw(scene), drawing.draw(scene)
        assert first.size == (64, 64) and first.mode == "RGB"
        assert first.tobytes() == again.tobytes()
    drawn = {drawing.draw(scene).tobytes() for scene in many_scenes(200)}
    assert len(drawn) == 200


@pytest.mark.parametrize("time", TIMES)
def test_a_thing_stands_out_from_the_picture_without_it_at_every_time(time):
    rng = random.Random(1)
    for thing in THINGS:
        for color in colors_of(thing):
            place = rng.choice([p for p in PLACES if thing in things_in(p)])
            split = scenes.combination_split(place, time, thing)
            scene = scenes.sample_scene(rng, split, place=place, time=time, thing=thing, color=color, count=1)
            bare = scenes.Scene(place, time, horizon=scene.horizon, seed=scene.seed)
            change = np.abs(np.asarray(drawing.draw(scene), int) - np.asarray(drawing.draw(bare), int)).sum(
                -1
            )
            inside = change[drawing.things_mask(scene)]
            assert (inside > 60).mean() > 0.15, (thing, color, place)


def test_the_mask_is_where_the_picture_changes():
    for scene in many_scenes(150):
        bare = replace(scene, thing="", color="", count=0, spots=())
        mask = drawing.things_mask(scene)
        assert mask.dtype == bool and mask.shape == (64, 64) and mask.any() == bool(scene.thing)
        canvases = [Canvas(scene), Canvas(bare)]
        for canvas in canvases:  # the sun keeps clear of the things: the same light for both
            draw_light(canvas, scene.spots)
            PLACE_PAINTERS[scene.place](canvas)
        for spot in scene.spots:
            thing = make_thing(scene, spot)
            canvases[0].lay(thing.layers, thing.rim)
        first, second = (np.asarray(canvas.image.reduce(FINE), int) for canvas in canvases)
        changed = np.abs(first - second).sum(-1) > 0
        assert not (changed & ~grow(mask, 1)).any()
        assert changed[mask].mean() > 0.98 if scene.thing else not changed.any()


def test_times_of_day_have_light_of_their_own():
    brightness = {}
    for time in TIMES:
        pictures = [np.asarray(drawing.draw(s), float) for s in many_scenes(60, time=time)]
        brightness[time] = np.mean(pictures)
    assert brightness["night"] + 40 < min(brightness[t] for t in TIMES if t != "night")


# ------------------------------------------------------------------ captions
def test_captions_vary_and_stay_short_and_within_the_words():
    rng = random.Random(2)
    texts = [captions.caption(scene, rng) for scene in many_scenes(5000, seed=3)]
    assert len(set(texts)) > 4500
    used = Counter(word for text in texts for word in captions.split_words(text))
    assert set(used) <= captions.words()
    assert len(used) > 0.9 * len(captions.words())
    assert max(len(text.split()) for text in texts) <= captions.MOST_WORDS
    assert all(text == text.strip() and "{" not in text and "  " not in text for text in texts)


def mentions(table: dict[str, tuple[str, ...]], text: str) -> set[str]:
    """The keys whose phrases a text contains, whole words only."""
    return {
        key
        for key, phrases in table.items()
        if any(re.search(rf"\b{re.escape(phrase)}\b", text.lower()) for phrase in phrases)
    }


def test_captions_never_name_a_wrong_thing_colour_or_number():
    rng = random.Random(4)
    names = {x: n + tuple(map(plural, n)) for x, n in wordings.THING_NAMES.items()}
    for scene in many_scenes(4000, seed=5):
        text = captions.caption(scene, rng).lower()
        said = mentions(names, text)
        assert said <= {scene.thing}, (scene, text)
        if scene.thing and re.search(r"\b(three|trio|pair|couple)\b", text):
            assert scene.count == (3 if re.search("three|trio", text) else 2)
        colored = re.search(rf"\b(\w+) (?:{'|'.join(names.get(scene.thing, ['-']))})\b", text)
        if colored and colored[1] in wordings.color_names():
            assert colored[1] == scene.color


def test_captions_never_name_a_wrong_place_or_time():
    """Tables alone, without the reader of prompts: no phrase of another place or time as it stands."""
    rng = random.Random(6)
    places = {p: wordings.PLACE_NAMES[p] + PLACES[p].names for p in PLACES}
    times = {t: (*wordings.TIME_PHRASES[t], *TIMES[t].at) for t in TIMES}
    allowed = {("mountains", "snow"), ("snow", "mountains")}  # snow lies on peaks, and hills in the snow
    for scene in many_scenes(4000, seed=7):
        text = captions.caption(scene, rng)
        others = mentions(places, text) - {scene.place}
        assert all((scene.place, other) in allowed for other in others), (scene, text)
        plain = re.sub(r"\bdark green\b", "green", text.lower())  # "in the dark green forest" is no night
        assert mentions(times, plain.replace("dark blue", "blue")) <= {scene.time}, (scene, text)


def test_unseen_wordings_are_never_in_captions_to_learn_from_but_their_words_are():
    rng = random.Random(11)
    kept_out = [text for table in (wordings.UNSEEN_PLACES, wordings.UNSEEN_TIMES) for each in table.values()
                for text in each]  # fmt: skip
    assert {word for text in kept_out for word in captions.split_words(text)} <= captions.words()
    learnt = "\n".join(captions.caption(scene, rng).lower() for scene in many_scenes(6000, seed=12))
    assert [text for text in kept_out if text in learnt] == []
    for scene in many_scenes(300, seed=13):
        text = captions.caption(scene, rng, "unseen").lower()
        assert any(
            name in text for name in wordings.UNSEEN_PLACES[scene.place] + wordings.UNSEEN_TIMES[scene.time]
        )
        assert set(captions.split_words(text)) <= captions.words()
    with pytest.raises(ValueError, match="holdout"):
        captions.caption(scene, rng, "holdout")


@pytest.mark.parametrize(("share", "phrase"), [
    (0.012, r"^[^.]*(dark|deep|bright) (green|blue|white) "),
    (0.01, r"\b(2|3|1) "),
    (0.008, r"(two|three) of them"),
    (0.02, r"(that|which) (is|are) "),
    (0.01, r"when the (sun|stars|day)"),
])  # fmt: skip
def test_captions_have_adjectives_numbers_and_clauses_of_many_kinds(share, phrase):
    rng = random.Random(14)
    texts = [captions.caption(scene, rng).lower() for scene in many_scenes(2000, seed=15)]
    assert np.mean([bool(re.search(phrase, text)) for text in texts]) > share


def test_most_captions_name_place_time_and_thing():
    rng = random.Random(8)
    wanted = Counter()
    for scene in many_scenes(3000, seed=9):
        text = captions.caption(scene, rng)
        wanted["thing"] += bool(scene.thing)
        names = wordings.THING_NAMES.get(scene.thing, ())
        wanted["named"] += bool(scene.thing) and any(
            n in text.lower() or plural(n) in text.lower() for n in names
        )
    assert wanted["named"] == wanted["thing"]


def test_story_sentences_are_among_the_captions():
    rng = random.Random(10)
    light = {
        p.text.split("{")[0] for t in TIMES for p in stories.patterns()[f"light.{t}"] if len(p.text) > 12
    }
    texts = [captions.caption(s, rng) for s in many_scenes(500)]
    assert 0.1 < np.mean([any(start and start in text for start in light) for text in texts]) < 0.4


# ------------------------------------------------------------------ outside the world
def test_shapes_are_repeatable_varied_and_of_two_families():
    for family in shapes.FAMILIES:
        first = [shapes.random_picture(random.Random(seed), family) for seed in range(40)]
        again = [shapes.random_picture(random.Random(seed), family) for seed in range(40)]
        assert all(a.tobytes() == b.tobytes() for a, b in zip(first, again, strict=True))
        assert all(a.size == (64, 64) and a.mode == "RGB" for a in first)
        assert len({a.tobytes() for a in first}) == 40
        assert np.mean([np.asarray(a, float).std() for a in first]) > 25
    with pytest.raises(ValueError, match="holdout"):
        shapes.random_picture(random.Random(0), "holdout")
