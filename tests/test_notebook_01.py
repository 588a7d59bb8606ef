"""Notebook 01: its counts against the classifier, its three families, its figures, its exercises."""

import contextlib
import io
import re

import numpy as np
import pytest
import torch

from helpers import exercises
from helpers.errors import WorkbookError
from helpers.lessons.concepts import costs, families, fields, figures, ring, timeline
from helpers.lessons.concepts import exercises as notebook_01
from smallworld.world import sounds
from tests.notebook_code import cells, functions

STEM = "01_concepts"
COUNTED = [0.0, 0.5, 0.75, 1.0]  # the share of orange points in each heap of section 2


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# Points


@pytest.mark.parametrize("times", [1, 100])
def test_coloured_points_have_the_counts_that_the_notebook_names(times):
    points, heaps, colours = ring.twenty_points() if times == 1 else ring.many_points(seed=4)
    assert points.shape == (20 * times, 2) and len(heaps) == len(colours) == 20 * times
    counts = [(heaps == heap).sum().item() // times for heap in range(4)]
    orange = [((heaps == heap) & (colours == 1)).sum().item() // times for heap in range(4)]
    assert counts == [8, 6, 4, 2] and orange == [0, 3, 3, 2]
    distances = (points - ring.centres(4)[heaps]).norm(dim=1)
    assert distances.max() < 0.8  # half the way to the next heap is 0.7
    assert notebook_01.shares(heaps.tolist(), 4) == [0.4, 0.3, 0.2, 0.1]


def test_no_point_of_the_twenty_hides_another_one():
    points, _, _ = ring.twenty_points()
    assert torch.pdist(points).min() > 0.12


def test_the_first_of_many_points_come_from_all_heaps():
    _, heaps, _ = ring.many_points(seed=0)
    assert set(heaps[:40].tolist()) == {0, 1, 2, 3}


def test_points_of_eight_heaps_are_near_their_heaps_and_equally_many():
    points = ring.eight_heaps(4000, seed=3)
    numbers = ring.nearest_heaps(points)
    counts = [numbers.count(heap) for heap in range(8)]
    assert min(counts) > 400 and ring.share_near(points) > 0.97
    assert torch.equal(points, ring.eight_heaps(4000, seed=3))
    assert not torch.equal(points, ring.eight_heaps(4000, seed=4))


@pytest.mark.parametrize("heaps", [range(8), (0, 3), ()])
def test_a_heap_is_found_if_two_percent_of_the_points_lie_in_it(heaps):
    middles = ring.centres()[list(heaps)].repeat_interleave(40, dim=0)
    few = ring.centres().repeat_interleave(39 if not heaps else 0, dim=0)  # one too few in each heap
    points = torch.cat([middles, few, torch.zeros(2000 - len(middles) - len(few), 2)])
    assert ring.heaps_found(points) == len(heaps) == heaps_of(points)


@pytest.mark.parametrize("seed", [0, 4])
def test_a_plain_ring_reaches_all_heaps_with_three_quarters_of_its_points(seed):
    points = ring.plain_ring(2000, seed)
    assert points.shape == (2000, 2) and torch.allclose(points.norm(dim=1), torch.ones(2000))
    assert ring.heaps_found(points) == 8 and 0.73 < ring.share_near(points) < 0.8
    assert torch.equal(points, ring.plain_ring(2000, seed))
    assert not torch.equal(points, ring.plain_ring(2000, seed + 1))


def test_a_point_lies_in_the_nearest_heap_or_in_none():
    points = torch.tensor([[1.0, 0.1], [0.0, -1.29], [0.0, 0.0], [5.0, 5.0], [-1.0, 0.0]])
    assert ring.nearest_heaps(points) == [0, 6, -1, -1, 4] and ring.share_near(points) == pytest.approx(0.6)


# The cells of section 2, run one after another


def run_cells(first: str, last: str, **names) -> dict:
    """What the code cells from the one with `first` to the one with `last` in it leave behind."""
    sources = cells(STEM)
    begin = next(i for i, source in enumerate(sources) if first in source)
    end = next(i for i, source in enumerate(sources) if last in source)
    space = {"torch": torch, "ring": ring, "figures": figures, "show": lambda *_: None, **names}
    with contextlib.redirect_stdout(io.StringIO()):
        for source in sources[begin : end + 1]:
            if not source.startswith("diagrams."):
                exec(source, space)
    return space


@pytest.mark.parametrize("seed", range(10))
def test_the_classifier_says_what_was_counted(seed):
    space = run_cells("many_points(", "figures.border", seed=seed)
    assert torch.allclose(space["orange"].detach(), torch.tensor(COUNTED), atol=0.12)
    assert space["counted"] == COUNTED and 0.25 < space["losses"][-1] < 0.4 < space["losses"][0]
    far = torch.tensor([[3.5, -3.5], [-3.5, 3.5], [3.5, 3.5], [-3.5, -3.5]])
    with torch.no_grad():
        surest = space["classifier"](far).softmax(dim=1).max(dim=1).values
    assert (surest > 0.9).sum() >= 2  # "the network is sure"


def test_drawn_points_follow_the_shares():
    import random

    draw_point = functions(STEM, "draw_point", dice=random.Random(0), middles=ring.centres(4)).draw_point
    points = torch.tensor([draw_point([0.5, 0.5, 0.0, 0.0]) for _ in range(400)])
    nearest = torch.cdist(points, ring.centres(4)).argmin(dim=1)
    assert set(nearest.tolist()) == {0, 1} and 150 < (nearest == 0).sum() < 250
    assert torch.cdist(points, ring.centres(4)).min(dim=1).values.max() < 0.8


# Fields


def test_a_tune_goes_on_only_with_notes_that_followed():
    import random

    found = functions(STEM, "continue_with", dice=random.Random(1), followed=notebook_01.what_followed)
    tune = fields.tune()
    notes = found.continue_with(tune, 30)
    circle = tune + tune[:1]
    pairs = set(zip(circle, circle[1:], strict=False))
    assert len(notes) == 31 and notes[0] == tune[0]
    assert set(zip(notes, notes[1:], strict=False)) <= pairs and len(set(notes)) > 4


def test_the_words_are_those_of_the_training_stories():
    from smallworld.world.stories import corpus

    words = fields.story_words(3)
    first = next(iter(corpus("train", 1))).text.split()
    assert words[: len(first)] == first and len(words) > 2 * len(first) / 3
    assert fields.story_words(2) == words[: len(fields.story_words(2))]


def test_the_voice_goes_on_as_the_singer_would():
    voice = fields.voice()
    longer = fields.continued_voice(voice, 4000)
    sung = sounds.vowel((len(voice) + 4000) / sounds.RATE)
    assert np.allclose(longer[: len(voice)], voice, atol=0.001) and len(longer) == len(sung)
    assert np.abs(longer[len(voice) :]).max() < 1.2 * np.abs(voice).max()
    assert np.corrcoef(longer[len(voice) :], sung[len(voice) :])[0, 1] > 0.99


def test_a_voice_that_is_too_short_is_refused():
    with pytest.raises(WorkbookError, match="The voice has 80 samples"):
        fields.continued_voice(np.zeros(80), 5)


def test_the_systems_have_a_field_a_family_a_year_and_a_source():
    rows = timeline.read_systems()
    named = " ".join(row["system"] + row["maker"] for row in rows)
    for name in (
        "GPT-3", "ChatGPT", "DALL·E", "Stable Diffusion", "Magenta", "Jukebox", "WaveNet", "ElevenLabs",
    ):  # fmt: skip
        assert name in named
    assert {"BERT", "GAN", "StyleGAN"} <= {row["system"] for row in rows}
    families_ = {"autoregressive", "GAN", "diffusion", "masked", "not published"}
    for row in rows:
        assert row["field"] in timeline.FIELDS and row["family"] in families_
        assert 2014 <= int(row["year"]) <= 2026 and row["maker"] and row["source"].startswith("https://")


# The three families


def heaps_of(points: torch.Tensor) -> int:
    return notebook_01.heaps_covered(ring.nearest_heaps(points), 40)


def test_a_point_is_written_as_begin_number_comma_number():
    points = torch.tensor([[0.0, -1.5], [9.0, 1.499]])
    assert families.written(points).tolist() == [
        [families.BEGIN, 32, families.COMMA, 0], [families.BEGIN, 63, families.COMMA, 63],
    ]  # fmt: skip


@pytest.mark.parametrize("attention", [True, False])
def test_a_piece_sees_those_before_it_only_with_attention(attention):
    torch.manual_seed(0)
    model = families.Transformer(attention)
    text = torch.tensor([[families.BEGIN, 10, families.COMMA]])
    other = torch.tensor([[families.BEGIN, 50, families.COMMA]])
    with torch.no_grad():
        logits, changed = model(text), model(other)
    assert logits.shape == (1, 3, families.BINS + 1)
    assert torch.allclose(logits[:, 0], changed[:, 0])  # nobody sees what comes later
    assert torch.allclose(logits[:, 2], changed[:, 2]) != attention


FAMILIES = {
    "Transformer": lambda seed: families.transformer(seed=seed, steps=3),
    "GAN": lambda seed: families.gan(3, seed=seed)[3],
    "GAN, packing": lambda seed: families.gan(3, seed=seed, together=2)[3],
    "diffusion": lambda seed: families.diffusion(2, seed=seed)[-1],
}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_seed_gives_the_same_points_and_leaves_the_global_state(name, monkeypatch):
    monkeypatch.setattr(families, "trained_denoiser", untrained)
    before = torch.random.get_rng_state()
    first, again, other = (FAMILIES[name](seed) for seed in (1, 1, 2))
    assert first.shape == (families.COUNT, 2) and first.isfinite().all() and not first.requires_grad
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


def untrained(seed: int):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return families.Denoiser()


def test_a_denoiser_is_trained_once_and_learns():
    families.trained_denoiser.cache_clear()
    first = families.trained_denoiser(5, 60)
    assert families.trained_denoiser(5, 60) is first
    real = ring.eight_heaps(500, seed=0)
    levels = torch.zeros(500, dtype=torch.long)  # hardly any noise
    with torch.no_grad():
        learnt = (first(real, levels) - real).square().mean()
        fresh = (untrained(5)(real, levels) - real).square().mean()
    assert learnt < fresh / 2


@pytest.mark.parametrize("steps", [1, 7, 50])
def test_with_the_right_guess_the_loop_goes_straight_to_the_point(steps, monkeypatch):
    """A denoiser that knows the only real point; the noise that is left must shrink in each step."""
    point = torch.tensor([0.3, -0.8])
    knows = lambda points, levels: point.expand(len(points), 2)  # noqa: E731
    monkeypatch.setattr(families, "trained_denoiser", lambda seed: knows)
    moments = families.diffusion(steps, seed=0)
    assert len(moments) == steps + 1
    assert torch.allclose(moments[-1], point.expand(families.COUNT, 2), atol=1e-5)
    spreads = [moment.std(dim=0).max() for moment in moments]
    assert all(later < before for before, later in zip(spreads, spreads[1:], strict=False))


def test_moments_of_the_game_are_those_that_were_asked_for():
    moments = families.gan(5, seed=0, every=2)
    assert list(moments) == [0, 2, 4, 5]
    longer = families.gan(6, seed=0, every=2)
    assert torch.equal(moments[4], longer[4])


def test_a_discriminator_that_is_right_has_a_small_loss():
    real, generated = torch.full((10, 1), 9.0), torch.full((10, 1), -9.0)
    right, wrong = (lambda x: x), (lambda x: -x)
    small = families.discriminator_loss(right, real, generated)
    assert small < 0.001 < 10 < families.discriminator_loss(wrong, real, generated)


def claims(seed: int) -> dict[str, tuple[int, float]]:
    """Heaps covered and share near a heap for all that the notebook trains."""
    hasty = families.gan(3000, generator_rate=0.004, seed=seed)
    found = {
        "attention": families.transformer(True, seed=seed),
        "no attention": families.transformer(False, seed=seed),
        "GAN": families.gan(2000, seed=seed)[2000],
        "hasty": hasty[1500],
        "more rounds": hasty[3000],
        "packing": families.gan(1500, generator_rate=0.004, together=2, seed=seed)[1500],
    }
    for steps in (1, 3, 10, 50):
        found[f"{steps} steps"] = families.diffusion(steps, seed=seed)[-1]
    return {name: (heaps_of(points), ring.share_near(points)) for name, points in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_what_the_notebook_says_of_the_three_families_holds_for_every_seed(seed, capsys):
    found = claims(seed)
    with capsys.disabled():
        table = ", ".join(f"{name} {heaps} heaps {near:.0%} near" for name, (heaps, near) in found.items())
        print(f"\nseed {seed}: {table}")
    heaps = {name: count for name, (count, _) in found.items()}
    near = {name: share for name, (_, share) in found.items()}
    assert heaps["attention"] == 8 and near["attention"] > 0.9 > 0.75 > near["no attention"]
    assert heaps["GAN"] >= 7
    ring_alone = ring.share_near(ring.plain_ring(2000, seed))
    assert near["attention"] > max(near["GAN"], near["50 steps"]) and near["50 steps"] > ring_alone
    assert heaps["50 steps"] == 8 and near["50 steps"] > 0.85 > 0.7 > near["3 steps"] > near["1 steps"] + 0.1
    assert near["1 steps"] < 0.1
    assert heaps["hasty"] <= 3 and heaps["packing"] >= 7


# Figures


def titles(figure) -> list[str]:
    return [axes.get_title() or axes.get_title(loc="left") for axes in figure.axes]


def note(figure) -> str:
    return figure._suptitle.get_text() if figure._suptitle else ""


def test_clouds_share_a_scale_and_say_their_measure():
    points = ring.eight_heaps(500, seed=0)
    panels = {"real": points, "a": 0 * points, "b": points, "c": points, "d": points.tolist()}
    figure = figures.clouds(panels, measure=figures.found_and_near, note="a note", circles=ring.centres())
    shown = [axes for axes in figure.axes if axes.axison]
    assert len(shown) == 5 and note(figure) == "a note"
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in shown}) == 1
    texts = [axes.title.get_text() + axes._left_title.get_text() for axes in shown]
    assert texts[1] == "a\n0 of 8 heaps\n0% near a heap"
    assert re.fullmatch(r"real\n8 of 8 heaps\n(9\d|100)% near a heap", texts[0])
    assert [len(axes.patches) for axes in shown] == [8] * 5
    assert len(shown[0].collections[0].get_offsets()) == 500  # all of them


def test_the_figure_of_the_judge_shows_both_numbers():
    network = torch.tensor([0.01, 0.52, 0.7, 0.98], requires_grad=True)
    figure = figures.judged(COUNTED, network)
    shown = [text.get_text() for text in figure.axes[0].texts]
    assert shown == ["0.00", "0.50", "0.75", "1.00", "0.01", "0.52", "0.70", "0.98"]


def test_the_best_cure_is_the_right_guess(monkeypatch):
    asked = []
    monkeypatch.setattr(figures.guess, "choice", lambda *given, **named: asked.append((given, named)))
    results = {"nothing": torch.zeros(3, 2), "cure": torch.ones(3, 2), "other": torch.ones(3, 2)}
    figures.guess_cure(results, lambda points: int(points.sum()), "your own")
    ((question, options, draw), named) = asked[0]
    assert options == list(results) and named["answer"] == ["cure", "other"]
    figure = draw("nothing")
    assert note(figure) == "You guessed: nothing. The function that counts is your own."
    assert [axes.title.get_text() + axes._left_title.get_text() for axes in figure.axes] == [
        f"{name}\n{count} of 8 heaps\n0% near a heap"
        for name, count in (("nothing", 0), ("cure", 6), ("other", 6))
    ]


def test_the_bars_of_published_runs_are_the_ratios_that_costs_are_tested_with():
    figure = figures.published(notebook_01.training_hours, "a note")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert labels == [run.name for run in costs.RUNS] and 0.75 < min(widths) < max(widths) < 1.25
    shown = [text.get_text() for text in figure.axes[0].texts]
    assert shown == [
        f"{width:.2f} × {run.hours:,} hours" for width, run in zip(widths, costs.RUNS, strict=True)
    ]


def test_fine_tuning_costs_what_the_notebook_says():
    assert f"{2 * notebook_01.training_hours(7e9, 10e6):.2f}" == "1.87"  # two dollars an hour


@pytest.mark.parametrize(("parameters", "tokens", "values"), [
    (0.124, 10, ["17", "33 euros", "2 GB", "1"]),
    (7, 1000, ["93,483", "186,966 euros", "112 GB", "2"]),  # the notebook names them
    (70, 1000, ["934,829", "1,869,658 euros", "1,120 GB", "14"]),
])  # fmt: skip
def test_a_bill_names_hours_price_memory_and_gpus(parameters, tokens, values):
    names = {"hours_of": notebook_01.training_hours, "figures": figures, "price": 2.0, "currency": "euros"}
    figure = functions(STEM, "bill", **names).bill(parameters, tokens)
    assert titles(figure) == [f"{parameters} billion parameters,\n{tokens:,} billion tokens"]
    shown = [text.get_text() for text in figure.axes[0].texts]
    labels = ["hours of one A100", "price", "memory, at least", "A100 of 80 GB for it"]
    assert (shown[::2], shown[1::2]) == (labels, values)


def test_the_fields_show_every_token_and_the_place_of_the_next():
    from PIL import Image

    black = Image.new("RGB", (64, 64))
    figure = figures.four_fields([" fox", "\n", "$x$"], black, fields.tune(), fields.voice())
    text, picture, melody, _ = figure.axes
    assert [shown.get_text() for shown in text.texts] == [" fox", "\n", "$x$", "?"]
    assert len(melody.patches) == len(fields.tune()) + 1 and len(picture.patches) == 1  # one for the next
    assert all(title.endswith(("token", "pixel", "note", "sample")) for title in titles(figure))


def test_the_end_of_the_given_voice_parts_two_colours():
    figure = figures.where_it_ends(np.arange(1000.0), 600)
    given, added = figure.axes[0].lines
    assert (given.get_xdata()[0], given.get_xdata()[-1]) == (500, 600)
    assert (added.get_xdata()[0], added.get_xdata()[-1]) == (600, 699)


def test_the_given_voice_ends_in_a_calm_place():
    samples = fields.continued_voice(fields.voice(), 100)
    jumps = np.abs(np.diff(samples))
    assert jumps[len(fields.voice()) - 10 :][:20].max() < 0.25 * jumps.max()


# Whose answer the cell after an exercise uses


def run_after(id: str, answer, **names) -> str:
    """What the cells from `use` to the figure print and note, with this answer."""
    (position,) = [i for i, source in enumerate(cells(STEM)) if f'use("{id}"' in source]
    notes = []
    name = exercises.of("01")[id].reference.__name__
    space = {"use": exercises.use, "torch": torch, "figures": figures, "ring": ring, "fields": fields}
    space |= {"show": lambda figure, alt: notes.append(note(figure)), name: answer} | names
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for source in cells(STEM)[position:]:
            exec(source, space)
            if "whose" in source:
                break
    return printed.getvalue() + " ".join(notes)


def names_for(id: str) -> dict:
    import random
    import textwrap

    heaps = torch.tensor([0, 1, 2, 3])
    sections = {
        "01.1": {"heaps": heaps, "colours": heaps % 2, "seed": 0, "random": random,
                 "points": torch.zeros(4, 2), "middles": ring.centres(4)},
        "01.2": {"dice": random.Random(0), "textwrap": textwrap},
        "01.3": {"collapsed": {1500: torch.zeros(50, 2), 3000: torch.zeros(50, 2)},
                 "packing": {1500: ring.eight_heaps(2000, 0)}},
        "01.4": {"parameters": 124e6, "tokens": 10e9, "price": 2.0, "currency": "US dollars"},
    }  # fmt: skip
    return sections[id]


@pytest.mark.parametrize(
    ("kind", "whose"),
    [("missing", "the reference answer"), ("wrong", "the reference answer"), ("right", "your own")],
)
@pytest.mark.parametrize("id", ["01.1", "01.2", "01.3", "01.4"])
def test_the_next_cells_say_whose_answer_they_used(id, kind, whose, monkeypatch):
    noted = []

    def choice(question, options, draw, **named):
        noted.append(note(draw(None)))

    monkeypatch.setattr(figures.guess, "choice", choice)
    answers = {"missing": ..., "wrong": WRONG[id][0], "right": RIGHT[id][0]}
    said = run_after(id, answers[kind], **names_for(id)) + " ".join(noted)
    assert re.search(rf"\b(counts|inside|count|rule) is {whose}", said), said


def test_every_named_slip_is_told():
    for exercise in exercises.of("01").values():
        inside = dict(zip(exercise.judge.__code__.co_freevars, exercise.judge.__closure__, strict=True))
        for why, slip in inside["slips"].cell_contents.items():
            assert exercise.judge(slip) == why


# The exercises: for each, answers that are wrong in the usual ways, and other ways of being right


def shares_by_counter(numbers, count):
    from collections import Counter

    found = Counter(numbers)
    return [found[heap] / len(numbers) for heap in range(count)]


def shares_in_torch(numbers, count):
    return torch.bincount(torch.tensor(numbers), minlength=count).double() / len(numbers)


def shares_of_those_that_occur(numbers, count):
    return [numbers.count(heap) / len(numbers) for heap in sorted(set(numbers))]


def shares_change_their_input(numbers, count):
    result = shares_by_counter(numbers, count)
    numbers.sort()
    return result


def followed_by_pairs(pieces, piece):
    return [after for before, after in zip(pieces, pieces[1:], strict=False) if before == piece]


def followed_by_while(pieces, piece):
    found, i = [], 1
    while i < len(pieces):
        if pieces[i - 1] == piece:
            found.append(pieces[i])
        i += 1
    return tuple(found)


def followed_in_a_circle(pieces, piece):
    return [pieces[(i + 1) % len(pieces)] for i in range(len(pieces)) if pieces[i] == piece]


def followed_beyond_the_end(pieces, piece):
    return [pieces[i + 1] for i in range(len(pieces)) if pieces[i] == piece]


def followed_by_index(pieces, piece):
    return [pieces[pieces.index(piece) + 1]]


def covered_by_counter(numbers, least):
    from collections import Counter

    return len([heap for heap, times in Counter(numbers).items() if heap >= 0 and times >= least])


def covered_by_loop(numbers, least):
    total = 0
    for heap in range(8):
        times = 0
        for number in numbers:
            times += number == heap
        total += times >= least
    return int(total)


def hours_in_two_steps(parameters, tokens):
    seconds = parameters * tokens * 6 / (0.4 * 312e12)
    return seconds / 60 / 60


RIGHT = {
    "01.1": [shares_by_counter, shares_in_torch],
    "01.2": [followed_by_pairs, followed_by_while],
    "01.3": [covered_by_counter, covered_by_loop],
    "01.4": [hours_in_two_steps, lambda n, d: n * d / 2.08e13 / 3600],
}
WRONG = {
    "01.1": [
        shares_of_those_that_occur, shares_change_their_input,
        lambda numbers, count: [numbers.count(heap) for heap in range(count)],
        lambda numbers, count: [numbers.count(heap) / count for heap in range(count)],
        lambda numbers, count: [1 / count] * count,
        lambda numbers, count: shares_by_counter(numbers, count + 1),
        lambda numbers, count: None,
    ],
    "01.2": [
        followed_in_a_circle, followed_beyond_the_end, followed_by_index,
        lambda pieces, piece: followed_by_pairs(pieces, piece)[:1],
        lambda pieces, piece: sorted(set(followed_by_pairs(pieces, piece))),
        lambda pieces, piece: followed_by_pairs(pieces[::-1], piece)[::-1],
        lambda pieces, piece: [piece, *followed_by_pairs(pieces, piece)],
        lambda pieces, piece: len(followed_by_pairs(pieces, piece)),
    ],
    "01.3": [
        lambda numbers, least: len(set(numbers)),
        lambda numbers, least: len(set(numbers) - {-1}),
        lambda numbers, least: covered_by_loop(numbers, least + 1),
        lambda numbers, least: sum(numbers.count(heap) >= least for heap in set(numbers)),
        lambda numbers, least: sum(number >= 0 for number in numbers),
        lambda numbers, least: covered_by_loop(numbers, 2),
        lambda numbers, least: 8,
    ],
    "01.4": [
        lambda n, d: 6 * n * d,
        lambda n, d: 6 * n * d / 312e12 / 3600,
        lambda n, d: 6 * n * d / (312e12 * 0.4),
        lambda n, d: n * d / (312e12 * 0.4) / 3600,
        lambda n, d: 6 * n * d / 312e12 * 0.4 / 3600,
        lambda n, d: 6 * (n + d) / (312e12 * 0.4) / 3600,
        lambda n, d: 16.56,
    ],
}  # fmt: skip
