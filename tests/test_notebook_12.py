"""Notebook 12: its recipes, its estimators where the truth is known, its exercises against answers."""

import math
import random
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import metrics
from helpers.errors import WorkbookError
from helpers.lessons.randomness import deeper_exercises as tasks
from helpers.lessons.randomness import dependence, measured, measured_figures, measured_models
from helpers.lessons.randomness import measured_ring as ring
from helpers.lessons.randomness.dependence import mutual_information, variance_split
from helpers.session import generator
from smallworld.judges import pictures as judges
from smallworld.world import stories
from smallworld.world.drawing import draw
from tests.notebook_code import functions

STEM = "12_randomness_and_conditionality_deeper"
NAMES = (
    "inverse_cdf", "gumbel_max", "chance_of_new", "plain_share", "try_split", "shares_of_bits",
    "expected_noise", "denoise",
)  # fmt: skip
TAUGHT = functions(STEM, *NAMES, Counter=Counter, np=np, ring=ring, measured=measured, dependence=dependence)
EXERCISES = {exercise.id: exercise for exercise in tasks.EXERCISES}
REPEATED = 200  # times that each estimate is made where the truth is known


# Drawing


@pytest.mark.parametrize("recipe", [TAUGHT.inverse_cdf, TAUGHT.gumbel_max])
@pytest.mark.parametrize("shares", [[0.5, 0.3, 0.2], [0.0, 0.6, 0.0, 0.39, 0.01], [1.0]])
def test_a_recipe_draws_the_given_distribution(recipe, shares):
    p, count = torch.tensor(shares, dtype=torch.float64), 20_000
    counts = torch.bincount(recipe(p, count, generator(0)), minlength=len(p))
    possible = p > 0
    assert counts[~possible].sum() == 0
    expected = count * p[possible]
    chi_square = float(((counts[possible] - expected) ** 2 / expected).sum())
    freedom = int(possible.sum()) - 1
    assert abs(chi_square - freedom) <= 5 * (2 * freedom) ** 0.5


def test_from_one_seed_the_library_draws_what_the_inverse_cdf_draws():
    p = torch.randn(50, generator=generator(1), dtype=torch.float64).softmax(dim=0)
    ours = TAUGHT.inverse_cdf(p, 2000, generator(5))
    library = torch.multinomial(p, 2000, replacement=True, generator=generator(5))
    assert (ours == library).double().mean() > 0.99
    assert (TAUGHT.gumbel_max(p, 2000, generator(5)) == ours).double().mean() < 0.5


def test_rounding_leaves_no_number_without_a_section():
    p = torch.full((3,), 0.33, dtype=torch.float64)  # their sum is 0.99
    assert TAUGHT.inverse_cdf(p, 5000, generator(0)).max() == 2


def test_what_came_once_is_counted():
    assert TAUGHT.chance_of_new(list("abacda")) == 0.5 and TAUGHT.chance_of_new(["a", "a"]) == 0


# The ring


@pytest.mark.parametrize("sigma", [0.1, 0.3, 0.5, 1.0])
def test_what_is_exact_of_the_ring_agrees_with_many_points(sigma):
    points = ring.points(20_000, generator(1), sigma)
    heaps = (ring.nearest(points) - torch.arange(8)[:, None]) % 8
    counted = torch.bincount(heaps.flatten(), minlength=8) / heaps.numel()
    assert np.allclose(counted, ring.arrival(sigma), atol=0.006)
    first = points[..., 0]
    share = float(first.mean(dim=1).var(correction=0) / first.var(correction=0))
    assert share == pytest.approx(ring.exact_share(sigma), abs=0.01)
    asked = torch.arange(8).repeat_interleave(20_000)
    counts = np.bincount(asked * 8 + ring.nearest(points).flatten(), minlength=64).reshape(8, 8)
    assert tasks.information(counts.tolist()) == pytest.approx(ring.exact_information(sigma), abs=0.02)


def test_the_region_of_orange_points_holds_99_in_100_of_them():
    points = ring.points(5000, generator(3), middles=ring.ORANGE).flatten(0, 1)
    assert ring.is_outside(points).double().mean() == pytest.approx(0.01, abs=0.004)
    assert ring.is_outside(torch.tensor([[0.0, 0.0], [3.0, 0.0]], dtype=torch.float64)).all()
    assert ring.is_right(ring.ORANGE).all() and not ring.is_right(ring.CENTRES[::2]).any()


def test_shuffled_pairs_are_the_same_numbers():
    pairs = ring.pairs(3, generator(0), 1.0)
    mixed = ring.shuffled(pairs, generator(1))
    assert len(pairs) == len(mixed) == 24 and pairs != mixed
    assert sorted(np.ravel(pairs)) == sorted(np.ravel(mixed))


def test_a_shuffled_share_from_pairs_is_0_on_average():
    dice = generator(2)
    pairs = ring.pairs(10, dice, 1.0)
    found = [tasks.explained_share(ring.shuffled(pairs, dice)) for _ in range(1500)]
    assert abs(np.mean(found)) < 4 * np.std(found) / 1500**0.5


def test_the_split_of_few_results_is_tried_and_printed(capsys):
    dice = generator(3)
    tables = [ring.points(8, dice, 1.0)[..., 0].numpy() for _ in range(8)]
    TAUGHT.try_split(tables, 1 / 3)
    printed = capsys.readouterr().out
    assert printed.startswith("truth 0.33: plain 0.") and "of 100 intervals" in printed


def test_cells_are_as_likely_as_the_points_in_them():
    grid = ring.cells()
    chances = torch.tensor(ring.cell_chances(ring.ORANGE, grid), dtype=torch.float64)
    assert chances.sum() == pytest.approx(1)
    points = ring.points(5000, generator(0), middles=ring.ORANGE).flatten(0, 1)
    for values, drawn in (
        (ring.is_right(grid), ring.is_right(points)),
        (grid.norm(dim=1), points.norm(dim=1)),
    ):
        assert float(chances @ values.double()) == pytest.approx(float(drawn.double().mean()), abs=0.01)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 1.0])
def test_the_expected_noise_is_the_slope_of_the_noisy_density(share):
    """noise = -sqrt(1 - s) * d/dx log p_s(x) (Tweedie's formula), with the slope from autograd."""
    s = torch.tensor(share, dtype=torch.float64)
    x = torch.randn(50, 2, generator=generator(0), dtype=torch.float64).requires_grad_()
    sigma = (s * ring.SIGMA**2 + 1 - s).sqrt()
    with torch.enable_grad():
        density = ring.log_density(x, s.sqrt() * ring.CENTRES, float(sigma))
        (slope,) = torch.autograd.grad(density.sum(), x)
    found = TAUGHT.expected_noise(x.detach(), ring.CENTRES, s)
    assert torch.allclose(found, -(1 - s).sqrt() * slope)


@pytest.mark.parametrize("seed", range(10))
def test_only_guidance_1_makes_true_orange_points(seed):
    angles = torch.linspace(0.999, 0, 61, dtype=torch.float64) * torch.pi / 2
    z = torch.randn(2000, 2, generator=generator(seed), dtype=torch.float64)
    right, outside, distance = {}, {}, {}
    for w in (0, 1, 2, 4, 16):
        made = TAUGHT.denoise(z, angles.cos() ** 2, w)
        right[w] = float(ring.is_right(made).double().mean())
        outside[w] = float(ring.is_outside(made).double().mean())
        distance[w] = float(made.norm(dim=1).mean())
    assert right[0] == pytest.approx(0.5, abs=0.05) and right[1] == pytest.approx(0.79, abs=0.04)
    assert right[2] > 0.92 and right[4] > 0.98  # the formula has 0.92 and 0.98
    assert outside[1] < 0.02 and outside[4] < 0.02 and 0.05 < outside[16] < 0.2
    assert distance[1] == pytest.approx(1.04, abs=0.04) and distance[16] > 1.35


def test_the_formula_of_guidance_overshoots_less():
    grid = ring.cells(48)
    lists = [ring.cell_chances(middles, grid) for middles in (ring.CENTRES, ring.ORANGE)]
    bent = torch.tensor(tasks.guide(*lists, 16), dtype=torch.float64)
    assert bent.isfinite().all() and bent.sum() == pytest.approx(1)
    assert float(bent @ ring.is_outside(grid).double()) < 0.03


# Estimators against the truth


def estimates_on_the_ring(seed: int) -> dict[str, tuple[list[float], float]]:
    """Of each estimator 200 estimates and the exact value."""
    dice = generator(seed)
    names = ("share, plain", "share, from pairs", "share, two halves", "share of nothing, plain",
             "share of nothing, from pairs", "bits, counted, 5 a heap", "bits, corrected, 5 a heap",
             "bits, counted, 80 a heap", "bits, corrected, 80 a heap", "different heaps",
             "chance of a new heap")  # fmt: skip
    found = {name: [] for name in names}
    weights = 1 / torch.arange(1, 9, dtype=torch.float64) ** 2
    p = weights / weights.sum()
    unseen = []
    for _ in range(REPEATED):
        pairs = ring.pairs(10, dice, 1.0)
        mixed = ring.shuffled(pairs, dice)
        found["share, plain"].append(TAUGHT.plain_share(pairs))
        found["share, from pairs"].append(tasks.explained_share(pairs))
        halves = ring.points(20, dice, 1.0)[..., 0]
        found["share, two halves"].append(variance_split(halves, resamples=1)["share"][0])
        found["share of nothing, plain"].append(TAUGHT.plain_share(mixed))
        found["share of nothing, from pairs"].append(tasks.explained_share(mixed))
        for size in (5, 80):
            asked = np.repeat(np.arange(8), size).tolist()
            seen = ring.nearest(ring.points(size, dice, 0.5)).flatten().tolist()
            counts = measured.counts_of(asked, seen)
            found[f"bits, counted, {size} a heap"].append(tasks.information(counts))
            found[f"bits, corrected, {size} a heap"].append(mutual_information(asked, seen, bits=True))
        heaps = TAUGHT.inverse_cdf(p, 12, dice)
        found["different heaps"].append(len(set(heaps.tolist())))
        found["chance of a new heap"].append(TAUGHT.chance_of_new(heaps.tolist()))
        unseen.append(1 - float(p[heaps.unique()].sum()))
    bits = ring.exact_information(0.5)
    truths = [1 / 3, 1 / 3, 1 / 3, 0.0, 0.0, bits, bits, bits, bits,
              tasks.expected_different(p.tolist(), 12), float((p * (1 - p) ** 12).sum())]  # fmt: skip
    assert np.mean(unseen) == pytest.approx(truths[-1], abs=0.01)
    return {name: (found[name], truth) for name, truth in zip(names, truths, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_the_estimators_have_the_bias_and_the_spread_that_the_notebook_tells(seed, capsys):
    """Prints the table of 200 repetitions; the limits are wide against the spread of a mean of 200."""
    table = estimates_on_the_ring(seed)
    with capsys.disabled():
        print()
        measured.print_errors({name: values for name, (values, _) in table.items()},
                              {name: truth for name, (_, truth) in table.items()})  # fmt: skip
    bias = {name: float(np.mean(values)) - truth for name, (values, truth) in table.items()}
    assert bias["share, plain"] > 0.25 and bias["share of nothing, plain"] > 0.4
    for name in ("share, from pairs", "share, two halves", "share of nothing, from pairs"):
        assert abs(bias[name]) < 0.04
    assert bias["bits, counted, 5 a heap"] > 0.3 > bias["bits, counted, 80 a heap"]
    assert -0.3 < bias["bits, corrected, 5 a heap"] < 0 and abs(bias["bits, corrected, 80 a heap"]) < 0.03
    assert abs(bias["different heaps"]) < 0.3 and 0 <= bias["chance of a new heap"] + 0.02 < 0.08


@pytest.mark.slow
@pytest.mark.parametrize("size", [8, 12])
def test_the_interval_of_a_share_of_bits_holds_the_truth_about_as_often_as_it_says(size, capsys):
    dice, truth = generator(0), ring.exact_information(0.3) / 3
    asked = np.repeat(np.arange(8), size).tolist()
    held = 0
    for _ in range(REPEATED):
        seen = ring.nearest(ring.points(size, dice, 0.3)).flatten().tolist()
        _, low, high = measured.information_share(asked, seen)
        held += low <= truth <= high
    with capsys.disabled():
        print(f"\n{size} results for each condition: {held} of {REPEATED} intervals hold the truth")
    assert held >= 0.82 * REPEATED


@pytest.mark.slow
@pytest.mark.parametrize("truth", [1 / 3, 0.0])
def test_the_interval_of_an_explained_share_holds_the_truth_with_halves_of_four(truth):
    dice, held = generator(4), 0
    for _ in range(100):
        results = ring.points(8, dice, 1.0)[..., 0]
        if truth == 0:
            results = results.flatten()[torch.randperm(64, generator=dice)].reshape(8, 8)
        _, low, high = variance_split(results, resamples=100)["share"]
        held += low <= truth <= high
    assert held >= 86


def test_shares_of_bits_come_with_what_chance_reaches_at_each_setting():
    names = [place for place in "abcd" for _ in range(8)]
    trial = SimpleNamespace(
        facts=("place",), asked=lambda fact: names, seen=lambda fact, results: list(results)
    )
    mixed = random.Random(0).sample(names, len(names))
    arrived, chance = TAUGHT.shares_of_bits(trial, [names, mixed])
    (whole, none), bounds = arrived["place"], chance["place"]
    assert whole == pytest.approx((1, 1, 1)) and none[0] < 0.4
    assert len(bounds) == 2 and all(0 < bound < 0.4 for bound in bounds)


def test_shares_of_bits_at_both_ends():
    asked = [place for place in "abcdefgh" for _ in range(8)]
    assert measured.information_share(asked, [place.upper() for place in asked]) == pytest.approx((1, 1, 1))
    apart = [random.Random(seed).choices("abcdefgh", k=64) for seed in range(20)]
    values = [measured.information_share(asked, seen)[0] for seen in apart]
    bound = measured.shares_by_chance(asked, apart[0])
    assert abs(np.mean(values)) < 0.05 and 0 < bound < 0.3
    assert sum(value > bound for value in values) <= 5
    with pytest.raises(WorkbookError, match="conditions that differ"):
        measured.information_share(["a", "a"], ["b", "c"])


def test_counts_are_a_table():
    assert measured.counts_of(["a", "b", "b"], [1, 1, 2]) == [[1, 0], [1, 1]]


def test_a_share_comes_with_wilson_s_interval():
    share, low, high = measured.share_of(torch.tensor([True] * 18))
    assert share == 1 and 0.8 < low < 0.85 and high == 1


# The two experiments


@pytest.fixture(scope="module")
def picture_trial():
    """The trial with drawn pictures in place of painted ones."""
    trial = measured_models.PictureTrial.__new__(measured_models.PictureTrial)
    chance = random.Random(0)
    keys = chance.sample([key for key in measured_models.combinations("test") if key[2]], 8)
    trial.scenes = [
        measured_models.sample_scene(chance, "test", place=p, time=t, thing=x) for p, t, x in keys
    ]
    trial.judge, trial.times = judges.load(), 3
    return trial


def test_drawn_pictures_obey_their_own_requests_only(picture_trial):
    drawn = [draw(scene) for scene in picture_trial.scenes for _ in range(3)]
    assert len(picture_trial.asked("place")) == 24
    assert sum(picture_trial.obeyed(drawn)) >= 20
    assert sum(picture_trial.obeyed(drawn[3:] + drawn[:3])) <= 3
    hits = zip(picture_trial.asked("time"), picture_trial.seen("time", drawn), strict=True)
    assert sum(asked == seen for asked, seen in hits) >= 22
    assert picture_trial.layout(drawn).shape == (8, 3, 4)
    ratio = picture_trial.layout(drawn) / picture_trial.usual_layout(drawn)
    assert np.allclose(ratio, judges.SPREADS)


def test_a_picture_names_the_facts_that_it_misses(picture_trial):
    drawn = [draw(scene) for scene in picture_trial.scenes for _ in range(3)]
    first, other = picture_trial.scenes[:2]
    facts = [fact for fact in picture_trial.facts if fact != "number"]
    differ = {fact for fact in facts if getattr(first, fact) != getattr(other, fact)}
    assert differ <= set(picture_trial.missed(drawn[3:] + drawn[:3])[0])
    assert set(picture_trial.asked("number")) <= {"one", "several"}


def test_guidance_0_asks_for_nothing(picture_trial, monkeypatch):
    calls = []
    monkeypatch.setattr(measured_models.images, "generate", lambda _, *args, **kw: calls.append((args, kw)))
    picture_trial.pipe, picture_trial.requests, picture_trial.seeds = None, ["a", "b"], [1, 2]
    picture_trial.paint(0)
    picture_trial.paint(3)
    assert calls[0][0][0] == [""] * 6 and calls[0][1]["guidance_scale"] == 1
    assert calls[1][0][0] == ["a"] * 3 + ["b"] * 3 and calls[1][1]["guidance_scale"] == 3
    assert calls[0][1]["seed"] == calls[1][1]["seed"]


def test_stories_of_the_grammar_obey_their_own_requests_only():
    chance = random.Random(1)
    asked = ("place", "time", "character")
    written = [stories.sample_story(chance, "test", asked=asked) for _ in range(12)]
    trial = measured_models.StoryTrial.__new__(measured_models.StoryTrial)
    trial.wanted = [tuple(story.facts[fact] for fact in asked) for story in written]
    trial.times = 1
    told = [story.text for story in written]
    assert sum(trial.obeyed(told)) >= 11
    trial.wanted = [("desert", "noon", "Odo"), *trial.wanted[:-1]]
    assert sum(trial.obeyed(told)) <= 3
    assert trial.asked("time")[0] == "noon" and len(trial.seen("place", told)) == 12


def test_words_are_noted_request_by_request():
    trial = SimpleNamespace(wanted=[0, 1], times=2)
    used = measured_models.StoryTrial.words_used(trial, ["A fox.", "a fox, a fox", "Owl", "owl's a"])
    assert used.shape == (2, 2, 4)  # a, fox, owl, owl's
    assert used[0].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0]] and used[1].tolist() == [
        [0, 0, 1, 0],
        [1, 0, 0, 1],
    ]


def test_stories_that_name_nobody_are_no_results():
    results = measured_models.views(["Mina the fox was in the desert.", "It rained."])
    assert results["character and place"] == [("Mina", "desert")] and len(results["text"]) == 1


# Figures


def test_figures_say_whose_answer_they_show():
    coverage = measured_figures.coverage([1, 2], [1, 1.6], [[1, 2], [1, 1]], "your own")
    assert "expected (your own)" in [text.get_text() for text in coverage.axes[0].get_legend().texts]
    dots = measured_figures.repetitions({"a": [0.1, 0.2]}, {"a": 0.1}, "share", "the reference answer")
    assert "the reference answer" in dots.axes[0].get_xlabel()


def test_no_interval_of_a_share_is_cut():
    figure = measured_figures.share_dots({"horizon": [(0.6, 0.5, 0.8), (-0.1, -1.4, 0.3)]}, ["asked", "not"])
    low, high = figure.axes[0].get_xlim()
    assert low < -1.4 and high > 0.8


def test_chance_is_grey_at_each_setting():
    estimates = dict.fromkeys(["place", "time"], [(0.1, 0.0, 0.2), (0.9, 0.8, 1.0)])
    chance = {"place": [0.05, 0.1], "time": [0.2, 0.1]}
    figure = measured_figures.bits_arrived(estimates, chance, [0, 1], "guidance w")
    tops = [bar.get_y() + bar.get_height() for bar in figure.axes[0].patches]
    assert tops == pytest.approx([0.05, 0.1])


def test_a_point_of_a_trade_has_intervals_with_a_width():
    figure = measured_figures.trade(["a", "b"], [(1, 0.5, 1.5), (2, 1.5, 2.5)], [(8, 8), (0, 8)], "variety")
    _, _, (across, up) = figure.axes[0].containers[0]
    assert all(part[1, 0] - part[0, 0] == 1 for part in across.get_segments())
    assert all(part[1, 1] - part[0, 1] > 0.3 for part in up.get_segments())


def test_the_names_of_neighbours_stand_nearest_to_their_own_dots():
    names = ["T = 0.2", "T = 0.6", "T = 1", "T = 1.5", "T = 2"]
    variety = [(value, value - 2, value + 2) for value in (23.5, 33, 33.8, 34.7, 39.2)]
    figure = measured_figures.trade(names, variety, [(79, 96), (95, 96), (90, 96), (72, 96), (32, 96)], "x")
    (axes,) = figure.axes
    texts = {text.get_text(): text for text in axes.texts}
    assert list(sorted(texts)) == sorted(names)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in texts.values()]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
    above, below = (texts[name].get_position()[1] for name in ("T = 1", "T = 1.5"))
    assert above > below and texts["T = 0.6"].get_position()[0] < 33 < 33.8 < texts["T = 1"].get_position()[0]


def test_lost_pictures_come_first_and_others_fill_the_row():
    painted = {3: [Image.new("RGB", (8, 8), (i, 0, 0)) for i in range(4)]}
    painted[15] = painted[3]
    missed = {3: [[]] * 4, 15: [[], [], ["color"], []]}
    figure = measured_figures.lost_and_kept(painted, missed, ["a", "b"], 2)
    captions = [axes.get_title() for axes in figure.axes]
    assert captions[0] == "b\nobeys" and captions[4] == "misses colour" and captions[1] == "a\nobeys"
    assert np.asarray(figure.axes[0].images[0].get_array())[0, 0, 0] == 2


# Exercises


def different_by_product(p, draws):
    missed = [math.prod([1 - one] * draws) for one in p]
    return len(p) - sum(missed)


def different_draw_by_draw(p, draws):
    """Each draw is new with the probability that it is a result not yet seen."""
    return sum(one * (1 - one) ** n for n in range(draws) for one in p)


def share_with_numpy(pairs):
    import numpy as np

    x, y = np.array(pairs, dtype=float).T
    between, within = np.cov(x, y, bias=True)[0, 1], ((x - y) ** 2).mean() / 2
    return between / (between + within)


def share_without_means(pairs):
    n = len(pairs)
    xs, ys = zip(*pairs, strict=True)
    between = sum(x * y for x, y in pairs) / n - sum(xs) / n * sum(ys) / n
    within = sum(x * x + y * y - 2 * x * y for x, y in pairs) / (2 * n)
    return between / (within + between)


def share_by_correlation(pairs):
    return float(torch.corrcoef(torch.tensor(pairs, dtype=torch.float64).T)[0, 1])


def information_from_entropies(counts):
    p = torch.tensor(counts, dtype=torch.float64) / sum(map(sum, counts))
    return sum(
        sign * metrics.entropy(part, bits=True)
        for sign, part in ((1, p.sum(dim=1)), (1, p.sum(dim=0)), (-1, p.flatten()))
    )


def information_as_divergence(counts):
    p = torch.tensor(counts, dtype=torch.float64) / sum(map(sum, counts))
    apart = p.sum(dim=1, keepdim=True) * p.sum(dim=0, keepdim=True)
    return float(torch.where(p > 0, p * (p / apart).log2(), 0.0).sum())


def information_that_minds_no_zeros(counts):
    p = torch.tensor(counts, dtype=torch.float64) / sum(map(sum, counts))
    return float((p * (p / p.sum(1, keepdim=True) / p.sum(0, keepdim=True)).log2()).sum())


def information_with_a_correction(counts):
    filled = sum(n > 0 for row in counts for n in row)
    spare = len(counts) + len(counts[0]) - filled - 1
    return information_from_entropies(counts) + spare / (2 * sum(map(sum, counts))) / math.log(2)


def guide_in_logs(p_any, p_asked, w):
    a, b = (torch.tensor(p, dtype=torch.float64) for p in (p_any, p_asked))
    logs = torch.where(
        (b == 0) & (w > 0), -torch.inf, a.log() + w * (b.log() - a.log()).nan_to_num(posinf=0.0)
    )
    return logs.softmax(dim=0)


def guide_by_ratio(p_any, p_asked, w):
    parts = []
    for a, b in zip(p_any, p_asked, strict=True):
        parts.append(0.0 if a == 0 else a * (b / a) ** w)
    return [part / sum(parts) for part in parts]


def guide_that_divides_by_0(p_any, p_asked, w):
    parts = [a ** (1 - w) * b**w for a, b in zip(p_any, p_asked, strict=True)]
    return [part / sum(parts) for part in parts]


def guide_straight(p_any, p_asked, w):
    return [a + w * (b - a) for a, b in zip(p_any, p_asked, strict=True)]


def guide_cut_at_0(p_any, p_asked, w):
    parts = [max(0.0, part) for part in guide_straight(p_any, p_asked, w)]
    return [part / sum(parts) for part in parts]


RIGHT = {
    "12.1": [different_by_product, different_draw_by_draw],
    "12.2": [share_with_numpy, share_without_means],
    "12.3": [information_from_entropies, information_as_divergence],
    "12.4": [guide_in_logs, guide_by_ratio],
}  # fmt: skip
WRONG = {
    "12.1": [lambda p, n: sum((1 - one) ** n for one in p), lambda p, n: float(min(n, len(p))),
             lambda p, n: len(p) * (1 - (1 - 1 / len(p)) ** n), lambda p, n: sum(1 - one**n for one in p),
             lambda p, n: sum(min(1, n * one) for one in p), lambda p, n: n, lambda p, n: len(p),
             lambda p, n: 1 - math.prod((1 - one) ** n for one in p)],
    "12.2": [share_by_correlation, tasks._of_means, tasks._whole_difference, tasks._one_less,
             tasks._by_within, lambda pairs: 0.5, lambda pairs: 1 - share_with_numpy(pairs),
             lambda pairs: max(0.0, share_with_numpy(pairs)),
             lambda pairs: share_with_numpy(pairs) ** 2],
    "12.3": [lambda c: information_from_entropies(c) * math.log(2), tasks._joint, tasks._left_open,
             tasks._even_rows, lambda c: -information_as_divergence(c), information_that_minds_no_zeros,
             information_with_a_correction, lambda c: 0.0],
    "12.4": [guide_straight, guide_cut_at_0, guide_that_divides_by_0, tasks._raw,
             tasks._product, tasks._swapped,
             lambda a, b, w: guide_by_ratio(b, a, w), lambda a, b, w: list(b),
             lambda a, b, w: [x ** (1 - w) * y**w for x, y in zip(a, b, strict=True)],
             lambda a, b, w: guide_by_ratio(a, b, w + 1)],
}  # fmt: skip


def test_guidance_of_lists_without_a_common_outcome_is_refused_in_words():
    with pytest.raises(ValueError, match="No outcome is possible in both"):
        tasks.guide([1.0, 0.0], [0.0, 1.0], 2.0)
    assert tasks.guide([1.0, 0.0], [0.5, 0.5], 3.0) == [1.0, 0.0]


def test_every_named_slip_is_named():
    slips = {"12.2": tasks._of_means, "12.3": tasks._joint, "12.4": guide_straight}
    named = {id: EXERCISES[id].judge(wrong) for id, wrong in slips.items()}
    assert "differ by chance" in named["12.2"] and "joint" in named["12.3"] and "range" in named["12.4"]
