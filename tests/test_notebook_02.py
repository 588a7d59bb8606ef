"""Notebook 02: what its cells teach, its artist, its counts and figures, its exercises."""

import contextlib
import io
import math
import random
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_pipeline import build

from helpers import exercises, images, metrics, text
from helpers.errors import WorkbookError
from helpers.lessons.randomness import conditions, figures, pictures, streams
from helpers.lessons.randomness import exercises as notebook_02
from helpers.session import generator
from smallworld.world.scenes import sample_scene
from tests.notebook_code import cells, functions

pytest_plugins = ("fixtures_text",)

STEM = "02_randomness_and_conditionality"
NINE = functions(STEM, "words", "nine_probabilities")
TAUGHT = functions(STEM, "heat", "turn", math=math)
BALLOON = "A red balloon over the ocean at noon"  # the notebook's first scene
RED = Image.new("RGB", (64, 64), "red")


# What stands in for an artist


class Painter:
    """Paints red, whatever it is asked for."""

    noise_size = 32

    def paint(self, prompt, seeds, guidance_scale=5.0):
        return [RED] * len(seeds)

    def paint_noise(self, prompt, noise, guidance_scale=5.0):
        assert tuple(noise.shape) in ((3, 32), (2, 32))
        return [RED] * len(noise)


# What the cells teach


@pytest.mark.parametrize("temperature", [0.25, 1.0, 2.5])
def test_heat_divides_the_logits(temperature):
    logits = torch.randn(50, generator=generator(0), dtype=torch.float64)
    hot = TAUGHT.heat(logits.softmax(dim=0).tolist(), temperature)
    assert torch.allclose(torch.tensor(hot, dtype=torch.float64), (logits / temperature).softmax(dim=0))


def test_a_hotter_list_of_nine_words_is_worth_more_fair_choices():
    shares = NINE.nine_probabilities
    assert len(NINE.words) == len(shares) == 9 and sum(shares) == pytest.approx(1)
    worth = [notebook_02.fair_choices(TAUGHT.heat(shares, t)) for t in (0.25, 0.5, 1, 2, 4)]
    assert worth == sorted(worth) and 1 < worth[0] < 2 and 7 < worth[-1] < 9 and 4.9 < worth[2] < 5.3


@pytest.mark.parametrize("seed", range(3))
def test_turned_noise_keeps_its_size_and_begins_and_ends_where_it_should(seed):
    first, second = torch.randn(2, 4096, generator=generator(seed), dtype=torch.float64)
    for degrees in (0, 20, 45, 90):
        assert TAUGHT.turn(first, second, degrees).std().item() == pytest.approx(1, abs=0.06)
    assert torch.allclose(TAUGHT.turn(first, second, 0), first)
    assert torch.allclose(TAUGHT.turn(first, second, 90), second)
    assert (0.5 * first + 0.5 * second).std() < 0.8  # half of each


def test_a_number_type_changes_the_stream():
    narrow, wide = (torch.rand(3, generator=generator(7), dtype=d) for d in (torch.float32, torch.float64))
    assert abs(narrow[0].item() - wide[0].item()) > 0.01  # already the first number
    dice = generator(7)
    torch.rand(3, generator=dice, dtype=torch.float64)  # two pieces of the stream for each number
    assert torch.equal(torch.rand(1, generator=dice), torch.rand(7, generator=generator(7))[6:])


def test_alone_in_the_notebook_has_the_numbers_of_seed_7():
    state = torch.get_rng_state()
    torch.manual_seed(7)
    alone = torch.rand(3, generator=torch.default_generator)
    torch.set_rng_state(state)
    assert torch.equal(alone, torch.rand(3, generator=generator(7)))


def test_without_its_first_row_one_stream_moves_on_by_one_place():
    four, three = (torch.randn(count, 2048, generator=generator(0)) for count in (4, 3))
    assert torch.equal(four[:3], three) and not torch.equal(four[1:], three)
    own = notebook_02.noise_rows([0, 1, 2, 3], 2048)
    assert torch.equal(own[1:], notebook_02.noise_rows([1, 2, 3], 2048))


DRAWS = 20_000
SHARES = {
    "even": [0.125] * 8,
    "steep": [0.6, 0.25, 0.1, 0.04, 0.009, 0.001],
    "with gaps": [0.0, 0.3, 0.0, 0.0, 0.5, 0.2, 0.0],
    "sure": [1.0],
}


@pytest.mark.parametrize("name", SHARES)
def test_picking_draws_the_given_distribution(name):
    """Chi-square of the counts lies within five standard deviations of what chance makes of it."""
    shares = np.array(SHARES[name])
    numbers = torch.rand(DRAWS, generator=generator(0), dtype=torch.float64).tolist()
    drawn = [notebook_02.pick(SHARES[name], u) for u in numbers]
    counts = np.bincount(drawn, minlength=len(shares))
    possible = shares > 0
    assert counts[~possible].sum() == 0
    freedom = possible.sum() - 1
    expected = DRAWS * shares[possible]
    chi_square = ((counts[possible] - expected) ** 2 / expected).sum()
    assert abs(chi_square - freedom) <= 5 * (2 * freedom) ** 0.5


def test_picking_survives_rounding():
    assert notebook_02.pick([0.5, 0.4999], 0.99999) == 1


# The shared stream


def test_somebody_else_changes_what_the_shared_stream_gives_and_not_our_own(gpt2):
    tokenizer, model = gpt2

    def shared(disturb: bool) -> str:
        torch.manual_seed(7)
        if disturb:
            streams.take_one(model.device)
        return streams.write_shared(model, tokenizer, "A fox", max_new_tokens=12)

    state = torch.get_rng_state()
    assert shared(False) == shared(False) != shared(True)
    torch.set_rng_state(state)
    before = text.generate(model, tokenizer, "A fox", seed=7)
    streams.take_one(model.device)
    assert before == text.generate(model, tokenizer, "A fox", seed=7)


def test_an_empty_beginning_can_be_continued(gpt2):
    tokenizer, model = gpt2
    state = torch.get_rng_state()
    assert isinstance(streams.write_shared(model, tokenizer, "", max_new_tokens=3), str)
    torch.set_rng_state(state)


def test_what_the_notebook_says_of_seed_7_is_so(shipped):
    tokenizer, model = shipped
    start = "Once upon a time"
    alone = text.generate(model, tokenizer, [start], seed=7, max_new_tokens=30)
    batch = text.generate(model, tokenizer, [start + ", a bear", start], seed=7, max_new_tokens=30)
    assert alone[0] != batch[1]
    state = torch.get_rng_state()
    told = []
    for somebody in (False, True):
        torch.manual_seed(7)
        if somebody:
            streams.take_one("cpu")
        told.append(streams.write_shared(model, tokenizer, start))
    torch.set_rng_state(state)
    assert told[0] != told[1] and all(story.startswith(start) for story in told)


# The artist


@pytest.fixture(scope="module")
def small_artist():
    """An artist whose model is random and tiny."""
    artist = pictures.Artist.__new__(pictures.Artist)
    artist.pipe = images.with_scheduler(build(), "dpm++")
    artist.pipe.set_progress_bar_config(disable=True)
    artist.steps = 3
    artist.noise_size = artist.noise(0).numel()
    return artist


@pytest.fixture(scope="module")
def artist(cpu):
    """The artist of the notebook."""
    return pictures.Artist(cpu)


def apart(picture, other) -> float:
    """Mean squared difference of two pictures, in shares of the full range."""
    return float(((np.asarray(picture, float) - np.asarray(other, float)) ** 2).mean()) / 255**2


def test_pictures_from_noise_are_those_of_their_seeds_in_any_batch(small_artist):
    painted = small_artist.paint(BALLOON, [3, 4, 5])
    noise = notebook_02.noise_rows([5, 3], small_artist.noise_size)
    again = small_artist.paint_noise(BALLOON, noise)
    assert apart(again[0], painted[2]) < 1e-4 and apart(again[1], painted[0]) < 1e-4
    assert apart(painted[0], painted[1]) > 1e-3
    assert torch.equal(small_artist.noise([5, 3]).flatten(1), noise)


def test_guidance_0_ignores_the_prompt_and_1_does_not(small_artist):
    (ignored,) = small_artist.paint(BALLOON, 1, 0)
    assert apart(ignored, small_artist.paint("", 1, 1.0)[0]) == 0
    assert apart(ignored, small_artist.paint(BALLOON, 1, 1)[0]) > 0
    with pytest.raises(WorkbookError, match="guidance_scale"):
        small_artist.paint(BALLOON, 1, 0.5)


def test_a_session_s_profile_chooses_the_steps(monkeypatch, cpu):
    from dataclasses import replace

    monkeypatch.setattr(images, "load", lambda session: build())
    assert pictures.Artist(cpu).steps == 8
    assert pictures.Artist(replace(cpu, profile="hub")).steps == 20


def test_a_picture_painted_over_keeps_less_of_the_first_one_the_stronger_the_noise(artist):
    (first,) = artist.paint(BALLOON, 0)
    scene = "A red balloon over the desert at sunset"
    weak, strong = (artist.repaint(first, scene, strength=share, seed=0)[0] for share in (0.4, 1.0))
    assert apart(weak, first) < apart(strong, first)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_small_turn_changes_a_picture_less_than_a_large_one(artist, seed):
    first, second = artist.noise([seed, seed + 1]).split(1)
    turned = torch.cat([TAUGHT.turn(first, second, degrees) for degrees in (0, 5, 90)])
    start, near, far = artist.paint_noise(BALLOON, turned)
    assert apart(start, near) < apart(start, far) / 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_higher_guidance_follows_the_prompt_and_makes_pictures_alike(artist, seed):
    from smallworld.judges import pictures as judges

    scene = "Two red balloons over the snowy valley at sunset"
    seeds = range(seed, seed + 8)
    by_scale = {scale: artist.paint(scene, list(seeds), scale) for scale in (0, 5, 8)}
    judge = judges.load()
    right = {scale: sum((reading.place, reading.time) == ("snow", "sunset") for reading in judge.read(made))
             for scale, made in by_scale.items()}  # fmt: skip
    spread = {scale: np.stack([np.asarray(p, float) for p in made]).var(axis=0).mean()
              for scale, made in by_scale.items()}  # fmt: skip
    assert right[0] <= 2 < 6 <= min(right[5], right[8]) and spread[8] < spread[0] / 2


# Counts of what cannot be painted


def test_moons_are_seen_where_they_are_drawn(monkeypatch, artist):
    from smallworld.world import drawing
    from smallworld.world.drawing import skies

    rng = random.Random(0)
    scenes = [sample_scene(rng, time="night", thing="") for _ in range(40)]
    with_moon = [drawing.draw(scene) for scene in scenes]
    ellipse = skies.Canvas.ellipse

    def only_stars(canvas, x, y, width, *rest):
        if width < 0.1:
            ellipse(canvas, x, y, width, *rest)

    monkeypatch.setattr(skies.Canvas, "ellipse", only_stars)
    without_moon = [drawing.draw(scene) for scene in scenes]
    for moon, drawn in ((True, with_moon), (False, without_moon)):
        through_the_vae = images.decode(artist.pipe, images.encode(artist.pipe, drawn))
        for seen in (conditions.moons_seen(drawn), conditions.moons_seen(through_the_vae)):
            assert sum(sign == moon for sign in seen) >= 38


def test_a_sign_is_looked_for_in_pictures_of_the_same_seeds(monkeypatch):
    class Stub:
        def noise(self, seeds):
            return list(seeds)

        def paint_noise(self, prompt, noise):
            return [f"{prompt} {seed}" for seed in noise]

    def odd(made):
        return [int(words.split()[-1]) % 2 == 1 for words in made]

    monkeypatch.setattr(conditions, "_artist", Stub)
    monkeypatch.setitem(conditions.SIGNS, "moon", odd)
    found = conditions.look("a stub", "moon", seed=5, count=3)
    assert found.pictures == ["a stub 5", "a stub 6", "a stub 7"]
    assert found.seen == [True, False, True] and found.count == 2
    with pytest.raises(WorkbookError, match="moon, snow, desert"):
        conditions.look("a stub", "sun", seed=5)


def test_snow_and_deserts_are_found_in_drawn_pictures():
    from smallworld.world.drawing import draw

    rng = random.Random(1)
    snowy = [draw(sample_scene(rng, place="snow")) for _ in range(10)]
    deserts = [draw(sample_scene(rng, place="desert")) for _ in range(10)]
    assert sum(conditions.desert_seen(deserts)) >= 9 and sum(conditions.desert_seen(snowy)) <= 1
    assert sum(conditions.snow_seen(snowy)) >= 9 and sum(conditions.snow_seen(deserts)) <= 1


# Figures


def titles(figure) -> list[str]:
    return [axes.get_title(loc="center") or axes.get_title(loc="left") for axes in figure.axes]


def words_of(figure) -> str:
    """All words of a figure in one line."""
    parts = titles(figure)
    parts += [words.get_text() for axes in figure.axes for words in axes.texts]
    parts += [figure._suptitle.get_text() if figure._suptitle else ""]
    return " ".join(" ".join(parts).split())


def test_a_table_names_its_rows_and_its_columns():
    figure = figures.seed_table([RED] * 6, ["a long prompt that is broken", "b"], [3, 4, 5])
    assert titles(figure)[:3] == ["seed 3", "seed 4", "seed 5"]
    assert "a long prompt that is broken" in words_of(figure)


def test_the_room_shows_the_picture_and_the_beginning_of_a_long_story():
    figure = figures.story_and_picture("word " * 200, RED, "seed 3")
    assert "seed 3" in words_of(figure) and words_of(figure).endswith("…")
    assert "…" not in words_of(figures.story_and_picture("A short one.", RED, "seed 3"))


def test_the_room_hands_each_control_to_the_model_that_it_belongs_to():
    written, painted = [], []

    def generate(*given, seed, temperature, **_):
        written.append((given[-1], seed, temperature))
        return [" ran home."]

    class Watched(Painter):
        def paint(self, prompt, seeds, guidance_scale=5.0):
            painted.append((prompt, seeds, guidance_scale))
            return [RED]

    names = {"text": SimpleNamespace(generate=generate), "tokenizer": None, "writer": None}
    room = functions(STEM, "room", artist=Watched(), figures=figures, **names).room
    shown = words_of(room("A fox", "A city", 3, 0.5, 8.0))
    assert written == [("A fox", 3, 0.5)] and painted == [("A city", 3, 8.0)]
    assert "seed 3" in shown and "A fox ran home." in shown


def test_drawn_words_are_counted_beside_their_probabilities():
    figure = figures.drawn_words(["a", "b", "c"], [0.5, 0.3, 0.2], [0, 0, 1, 0], "your own")
    (axes,) = figure.axes
    assert [bar.get_height() for bar in axes.patches] == [0.75, 0.25, 0]
    assert list(axes.lines[-1].get_ydata()) == [0.5, 0.3, 0.2]
    assert words_of(figure).startswith("4 draws by your function")


def test_noise_is_shown_number_by_number_above_its_pictures():
    noise = torch.randn(3, 8, 16, 16, generator=generator(0))
    figure = figures.noise_and_pictures(noise, [RED] * 3, [0, 5, 90])
    assert np.allclose(figure.axes[1].images[0].get_array(), noise[1, 0])
    assert figure.axes[1].images[0].get_interpolation() == "nearest"
    assert titles(figure)[:3] == ["first noise", "turned by 5°", "turned by 90°"]


def test_a_column_has_one_scale_and_a_row_one_seed(monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "table", lambda made, **named: shown.append((made, named)))
    figures.all_seeds({0: ["a", "b"], 8: ["c", "d"]}, [3, 4])
    names = {"rows": ["seed 3", "seed 4"], "columns": ["guidance 0", "guidance 8"]}
    assert shown == [(["a", "c", "b", "d"], names)]


def look(request: str, count: int) -> conditions.Look:
    """Sixteen pictures of which the first `count` show a moon."""
    return conditions.Look(request, "moon", [RED] * 16, [i < count for i in range(16)])


@pytest.mark.parametrize(("moons", "answer"), [(4, "at most 4"), (5, "5 to 12"), (13, "more than 12")])
def test_the_guess_about_moons_is_right_where_the_count_lies(moons, answer, monkeypatch):
    asked = []
    monkeypatch.setattr(figures.guess, "choice", lambda *given, **named: asked.append((given, named)))
    figures.guess_moons(look("no moon", moons), look("a night", 15))
    ((_, options, draw), named) = asked[0]
    assert named["answer"] == answer in options
    assert f"no moon: {moons}; a night: 15" in named["alt"]
    figure = draw(options[0])
    assert f"You guessed: {options[0]}." in words_of(figure)
    names = [block._suptitle.get_text() for block in figure.subfigs]
    assert names == [f"no moon: a moon in {moons} of 16", "a night: a moon in 15 of 16"]
    rims = [axes.spines["left"].get_edgecolor() for axes in figure.axes]
    assert len(rims) == 32 and rims.count(rims[0]) == moons + 15 and rims[31] != rims[0]


def test_each_request_stands_above_its_baseline():
    figure = figures.pairs([RED] * 12, ["a unicorn at sea", "the sea", "snow", "sand"], [3, 4, 5])
    said = words_of(figure)
    assert len(figure.axes) == 12 and len(figure.subfigs) == 2 and said.count("seed 4") == 2
    assert "a unicorn at sea" in said and "baseline: sand" in said


def test_batches_without_their_first_row_leave_its_place_empty():
    figure = figures.first_dropped([RED] * 10, "your own")
    shown = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
    empty = [i for i, picture in enumerate(shown) if picture.min() == picture.max() == 1]
    assert len(shown) == 12 and empty == [3, 9] and "noise_rows is your own" in words_of(figure)
    assert words_of(figure).count("not asked for") == 2


def test_equal_pictures_have_the_same_letter():
    nearly, other = Image.new("RGB", (64, 64), (254, 0, 1)), Image.new("RGB", (64, 64), "blue")
    assert figures.letters([RED, other, nearly, other]) == ["A", "B", "A", "B"]


def test_the_prediction_stands_beside_what_to_look_for():
    test = SimpleNamespace(value=asked_for("The sea in the desert", "The sea", 1), whose="your own")
    said = words_of(figures.prediction([RED] * 4, test, [0, 1]))
    assert "The request is your own. Look for: a $5 cactus." in said.replace("\\$", "$")
    assert "Predicted: 1 of 2. Count in both rows." in said


def test_the_picture_of_the_room_keeps_its_place():
    places = []
    for story in ("short", "a long story of many words " * 9):
        figure = figures.story_and_picture(story, RED, "seed 3")
        figure.draw_without_rendering()
        places.append(figure.axes[0].get_position().bounds)
    assert places[0] == pytest.approx(places[1])


def test_four_corners_are_four_named_blocks():
    names = ["one", "two", "three", "four"]
    figure = figures.four_corners({name: [RED] * 4 for name in names})
    assert len(figure.axes) == 16 and [block._suptitle.get_text() for block in figure.subfigs] == names


# Whose answer the cells after an exercise use


def run_after(id: str, answer, **names) -> str:
    """What the cells from `use` to the next figure print and show, with this answer."""
    code = cells(STEM)
    first = next(i for i, source in enumerate(code) if f'use("{id}"' in source)
    sources = code[first : first + (2 if id == "02.1" else 1)]
    words = []
    space = {"use": exercises.use, "torch": torch, "math": math, "figures": figures,
             exercises.of("02")[id].reference.__name__: answer}  # fmt: skip
    space["show"] = lambda figure, alt: words.append(words_of(figure))
    space |= names
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for source in sources:
            exec(source, space)
    return printed.getvalue() + " ".join(words)


USED = {
    "02.1": {"artist": Painter(), "seeds": [0, 1, 2, 3], "scenes": [BALLOON] * 3, "generator": generator},
    "02.2": {"words": NINE.words, "nine_probabilities": NINE.nine_probabilities,
             "generator": generator, "session": SimpleNamespace(seed=0)},
    "02.4": {"artist": Painter(), "seeds": [0, 1, 2, 3]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "whose"),
    [("missing", "the reference answer"), ("wrong", "the reference answer"), ("right", "your own")],
)
@pytest.mark.parametrize("id", USED)
def test_the_next_figure_says_whose_answer_it_used(id, kind, whose):
    answers = {"missing": ..., "wrong": WRONG[id][0], "right": RIGHT[id][0]}
    said = run_after(id, answers[kind], **USED[id])
    assert re.search(rf"\b(are|is) {whose}", said) or figures.by(whose) in said, said


def test_the_learner_s_fair_choices_are_printed():
    shares = NINE.nine_probabilities
    said = run_after("02.3", choices_by_product, nine_probabilities=shares)
    assert "your fair_choices is used here" in said and "unfair coin: 1.38" in said


# The exercises: for each, answers that are wrong in the usual ways, and other ways of being right


def rows_in_place(seeds, size):
    rows = torch.empty(len(seeds), size)
    for row, seed in zip(rows, seeds, strict=True):
        dice = torch.Generator()
        dice.manual_seed(seed)
        row.copy_(torch.randn(1, size, generator=dice)[0])
    return rows


def rows_from_the_shared_stream(seeds, size):
    rows = []
    for seed in seeds:
        torch.manual_seed(seed)
        rows.append(torch.randn(size))  # the right numbers, at a price
    return torch.stack(rows)


def rows_from_one_generator(seeds, size):
    dice = torch.Generator()
    return torch.stack([torch.randn(size, generator=dice.manual_seed(seeds[0])) for _ in seeds])


def rows_from_one_stream(seeds, size):
    dice = torch.Generator().manual_seed(seeds[0])
    return torch.stack([torch.randn(size, generator=dice) for _ in seeds])


def pick_by_search(probabilities, u):
    ends = torch.tensor(probabilities, dtype=torch.float64).cumsum(dim=0)
    return int(torch.searchsorted(ends, torch.tensor(u, dtype=torch.float64), right=True))


def pick_by_taking_away(probabilities, u):
    position = 0
    while u >= probabilities[position]:
        u -= probabilities[position]
        position += 1
    return position


def pick_from_behind(probabilities, u):
    return len(probabilities) - 1 - notebook_02.pick(probabilities[::-1], u)


def pick_at_random(probabilities, u):
    return random.Random(u).choices(range(len(probabilities)), probabilities)[0]


def pick_changes_its_input(probabilities, u):
    for i in range(1, len(probabilities)):
        probabilities[i] += probabilities[i - 1]
    return next(i for i, end in enumerate(probabilities) if u < end)


def choices_by_product(probabilities):
    return math.prod(p**-p for p in probabilities if p > 0)


def choices_by_library(probabilities):
    return 2 ** metrics.entropy(probabilities, bits=True)


def choices_that_fail_at_0(probabilities):
    return 2 ** sum(p * math.log2(1 / p) for p in probabilities)


def asked_for(request, baseline, prediction=2, look_for="a $5 cactus"):
    """An answer to 02.4."""
    return {"request": request, "baseline": baseline, "look_for": look_for, "prediction": prediction}


RIGHT = {
    "02.1": [rows_in_place,
             lambda seeds, size: torch.cat([torch.randn(1, size, generator=generator(s)) for s in seeds])],
    "02.2": [pick_by_search, pick_by_taking_away],
    "02.3": [choices_by_product, choices_by_library],
    "02.4": [asked_for("A unicorn over the sea at noon", "The sea at noon"),
             asked_for("The desert at noon, at night", "The desert at night", 0),
             asked_for("A forest in the ocean", "a forest", 4),
             asked_for("A village at night without a moon", "A village at night."),
             asked_for("A boat on the ocean in the desert", "A boat in the desert", 1),
             asked_for("A unicorn over the sea", "The sea"),
             asked_for("In the desert in the snow", "In the desert")],
}  # fmt: skip
WRONG = {
    "02.1": [rows_from_one_generator, rows_from_the_shared_stream, rows_from_one_stream, notebook_02._even,
             lambda seeds, size: rows_in_place([i + s for i, s in enumerate(seeds)], size),
             lambda seeds, size: rows_in_place(range(len(seeds)), size),
             lambda seeds, size: rows_in_place(seeds, size).T, lambda seeds, size: torch.zeros(1, size),
             lambda seeds, size: rows_in_place(sorted(seeds), size), lambda seeds, size: None],
    "02.2": [lambda p, u: p.index(max(p)), pick_from_behind, pick_at_random, pick_changes_its_input,
             notebook_02._nearest_end, lambda p, u: notebook_02.pick(p, u) + 1, lambda p, u: 0,
             lambda p, u: int(u * len(p)), lambda p, u: p[notebook_02.pick(p, u)],
             lambda p, u: next((i for i, share in enumerate(p) if u < share), len(p) - 1),
             lambda p, u: print(notebook_02.pick(p, u))],
    "02.3": [notebook_02._entropy, notebook_02._natural, notebook_02._unweighted, choices_that_fail_at_0, len,
             lambda p: 1 / sum(share**2 for share in p), lambda p: 1 / choices_by_product(p),
             lambda p: 1 / max(p), lambda p: print(choices_by_product(p)), lambda p: 2.0],
    "02.4": [asked_for(BALLOON, "The ocean at noon"), "A unicorn over the sea", None, 3, ["a unicorn", "", 2],
             asked_for("A unicorn over the sea", "A unicorn"),
             asked_for("A unicorn over the sea", "The desert"),
             asked_for("A unicorn over the sea", ""), asked_for("A unicorn over the sea", "The sea", 5),
             asked_for("A unicorn over the sea", "The sea", "two"), lambda: "a unicorn",
             {"request": "A unicorn over the sea", "baseline": "The sea", "prediction": 1},
             asked_for("A unicorn over the sea", "Over the sea"),
             asked_for("Snow in the desert", "Snow in the"), asked_for("A unicorn over the sea", "."),
             asked_for("A unicorn over the sea", "The sea", look_for=" ?")],
}  # fmt: skip


def test_noise_from_the_shared_stream_is_told_apart_and_leaves_no_trace():
    before = torch.get_rng_state()
    said = exercises.of("02")["02.1"].judge(rows_from_the_shared_stream)
    assert "shared stream has moved" in said and torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("id", "number", "said"),
    [("02.2", 0, "likeliest"), ("02.2", 4, "closest"), ("02.2", 5, "count from 0"), ("02.2", 9, "add up"),
     ("02.3", 0, "raise 2"), ("02.3", 1, "base 2"), ("02.3", 2, "multiply it"), ("02.3", 6, "1 / p"),
     ("02.1", 2, "a generator for each"), ("02.1", 3, "torch.randn"), ("02.4", 0, "knows all words"),
     ("02.4", 5, "still impossible"), ("02.4", 6, "do not add"), ("02.4", 8, "from 0 to 4"),
     ("02.4", 11, "keys"), ("02.4", 12, "request of its own"), ("02.4", 13, "request of its own"),
     ("02.4", 15, "What you look for")],
)  # fmt: skip
def test_usual_slips_are_named(id, number, said):
    assert said in exercises.of("02")[id].judge(WRONG[id][number])


@pytest.mark.parametrize(
    ("request_", "places", "times"),
    [("A boat on the ocean in the desert at noon", {"ocean", "desert"}, {"noon"}),
     ("The city at midnight, early in the morning", {"city"}, {"night", "morning"}),
     ("A balloon", set(), set())],
)  # fmt: skip
def test_places_and_times_of_a_request_are_read(request_, places, times):
    assert (notebook_02.places(request_), notebook_02.times(request_)) == (places, times)
