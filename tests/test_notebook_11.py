"""Notebook 11: its networks and loops, its lesson, its exercises against answers, its claims over seeds."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.flop_counter import FlopCounterMode

from helpers.lessons.concepts import costs, deeper, deeper_figures, families, ring
from helpers.lessons.concepts import deeper_exercises as notebook_11
from helpers.session import generator
from tests.notebook_code import functions

NAMES = (
    "HEAPS", "SPREAD", "angles", "CENTRES", "EDGE", "BINS", "COMMA", "BEGIN", "NOISE", "LEVELS", "KEPT",
    "CURES", "SIZES", "real_points", "written", "attention", "Transformer", "train_transformer",
    "drawn_by_pieces", "log_probabilities", "network", "train_gan", "drawn_at_once", "add_noise",
    "train_denoiser", "diffusion", "score_by_slope", "count_parameters",
)  # fmt: skip
TAUGHT = functions(
    "11_three_families", *NAMES, nn=nn, random_numbers=generator, OneCycleLR=OneCycleLR,
    cross_entropy=functional.cross_entropy, gelu=functional.gelu, mse_loss=functional.mse_loss,
    verdict_loss=functional.binary_cross_entropy_with_logits, Categorical=Categorical,
    Independent=Independent, MixtureSameFamily=MixtureSameFamily, Normal=Normal,
)  # fmt: skip
# In the notebook the exercise's own answer takes the place of its stub.
TAUGHT.train_gan.__globals__["gradient_penalty"] = notebook_11.gradient_penalty
RATES = {"half": 0.0005, "equal": 0.001, "twice": 0.002}  # of the generator; section 7 tries the last two


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# --- 11.1 energy distance
def distance_by_loops(real, generated):
    def mean_of(pairs):
        distances = [math.dist(a, b) for a, b in pairs]
        return sum(distances) / len(distances)

    between = mean_of([(a, b) for a in real.tolist() for b in generated.tolist()])
    within = []
    for points in (real.tolist(), generated.tolist()):
        others = [(a, b) for i, a in enumerate(points) for j, b in enumerate(points) if i != j]
        within.append(mean_of(others))
    return 2 * between - sum(within)


def distance_by_pdist(real, generated):
    between = (real[:, None] - generated[None]).norm(dim=-1).mean()
    return 2 * between - torch.pdist(real).mean() - torch.pdist(generated).mean()


# --- 11.2 gradient penalty
def penalty_by_vmap(discriminator, real):
    def logit(row):
        return discriminator(row[None]).sum()

    slopes = torch.stack([torch.autograd.functional.jacobian(logit, row, create_graph=True) for row in real])
    return (slopes**2).sum(dim=1).mean()


def penalty_with_outputs(discriminator, real):
    points = real.clone().detach().requires_grad_(True)
    logits = discriminator(points)
    slopes = torch.autograd.grad(
        outputs=logits, inputs=points, grad_outputs=torch.ones_like(logits), create_graph=True
    )[0]
    return slopes.norm(2, dim=1).pow(2).mean()


def penalty_without_graph(discriminator, real):
    return penalty_with_outputs(discriminator, real).detach()


def penalty_of_mean(discriminator, real):
    real = real.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(discriminator(real).mean(), real, create_graph=True)
    return slopes.square().sum(dim=1).mean()


def penalty_towards_one(discriminator, real):
    real = real.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    return (slopes.norm(dim=1) - 1).square().mean()


# --- 11.3 the best guess
def guess_by_loops(noisy, centres, spread, kept):
    kept = float(kept)
    variance = kept * spread**2 + 1 - kept
    rows = []
    for x, y in noisy.tolist():
        total, sums = 0.0, [0.0, 0.0]
        for a, b in centres.tolist():
            dx, dy = x - kept**0.5 * a, y - kept**0.5 * b
            weight = math.exp(-(dx * dx + dy * dy) / (2 * variance))
            part = kept**0.5 * spread**2 / variance
            total += weight
            sums[0] += weight * (a + part * dx)
            sums[1] += weight * (b + part * dy)
        rows.append([sums[0] / total, sums[1] / total])
    return rows


def guess_by_slope(noisy, centres, spread, kept):
    """Tweedie's formula, with the slope that PyTorch finds."""
    variance = kept * spread**2 + 1 - kept
    points = noisy.clone().requires_grad_()
    squares = (points[:, None] - kept**0.5 * centres).square().sum(-1)
    density = torch.logsumexp(-squares / (2 * variance), dim=1).sum()
    score = torch.autograd.grad(density, points)[0]
    return (noisy + (1 - kept) * score) / kept**0.5


def guess_without_root(noisy, centres, spread, kept):
    variance = kept * spread**2 + 1 - kept
    offsets = noisy[:, None] - kept**0.5 * centres
    chances = (-offsets.square().sum(-1) / (2 * variance)).softmax(dim=1)
    return (chances[..., None] * (centres + kept * spread**2 / variance * offsets)).sum(1)


def guess_with_wrong_variance(noisy, centres, spread, kept):
    variance = spread**2 + 1 - kept
    offsets = noisy[:, None] - kept**0.5 * centres
    chances = (-offsets.square().sum(-1) / (2 * variance)).softmax(dim=1)
    return (chances[..., None] * (centres + kept**0.5 * spread**2 / variance * offsets)).sum(1)


def guess_softmax_over_points(noisy, centres, spread, kept):
    variance = kept * spread**2 + 1 - kept
    offsets = noisy[:, None] - kept**0.5 * centres
    chances = (-offsets.square().sum(-1) / (2 * variance)).softmax(dim=0)
    return (chances[..., None] * (centres + kept**0.5 * spread**2 / variance * offsets)).sum(1)


# --- 11.4 operations
def operations_by_layer(layers, width, vocabulary, places):
    total = 0
    for _ in range(layers):
        for rows, columns in ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)):
            total += 2 * places * rows * columns
        total += 2 * places * places * width  # queries with keys
        total += 2 * places * places * width  # weights with values
    return total + 2 * places * width * vocabulary


def operations_in_one_line(layers, width, vocabulary, places):
    return places * (24 * layers * width**2 + 2 * vocabulary * width + 4 * layers * places * width)


RIGHT = {
    "11.1": [distance_by_loops, distance_by_pdist],
    "11.2": [penalty_by_vmap, penalty_with_outputs],
    "11.3": [guess_by_loops, guess_by_slope],
    "11.4": [operations_by_layer, operations_in_one_line],
}
WRONG = {
    "11.1": [
        lambda r, g: 2 * torch.cdist(r, g).mean() - torch.cdist(r, r).mean() - torch.cdist(g, g).mean(),
        lambda r, g: torch.cdist(r, g).mean() - torch.pdist(r).mean() - torch.pdist(g).mean(),
        lambda r, g: 2 * torch.cdist(r, g).mean(),
        lambda r, g: -distance_by_pdist(r, g),
        lambda r, g: distance_by_pdist(r, g).sqrt(),
        lambda r, g: (r.mean(0) - g.mean(0)).norm(),
        lambda r, g: 2 * torch.cdist(r, g).sum() - torch.cdist(r, r).sum() - torch.cdist(g, g).sum(),
        lambda r, g: 2 * torch.cdist(r, g, p=1).mean() - torch.pdist(r, 1).mean() - torch.pdist(g, 1).mean(),
    ],
    "11.2": [
        penalty_without_graph, penalty_of_mean, penalty_towards_one,
        lambda d, real: penalty_with_outputs(d, real).sqrt(),
        lambda d, real: penalty_with_outputs(d, real) / 2,
        lambda d, real: penalty_with_outputs(d, real) * len(real),
        lambda d, real: d(real).square().mean(),
        lambda d, real: torch.tensor(0.0, requires_grad=True),
    ],
    "11.3": [
        guess_without_root, guess_with_wrong_variance, guess_softmax_over_points,
        lambda x, c, s, k: guess_by_slope(x, c, s, k) * k**0.5,
        lambda x, c, s, k: guess_by_slope(x, c, 0.0, k),
        lambda x, c, s, k: guess_by_slope(x, c / k**0.5, s, k),
        lambda x, c, s, k: x / k**0.5,
        lambda x, c, s, k: c[torch.cdist(x, k**0.5 * c).argmin(dim=1)],
    ],
    "11.4": [
        lambda *, layers, width, vocabulary, places: 0,
        lambda layers, width, vocabulary, places: 24 * places * layers * width**2,
        lambda *sizes: operations_in_one_line(*sizes) // 2,
        lambda *sizes: 3 * operations_in_one_line(*sizes),
        lambda layers, width, vocabulary, places: operations_in_one_line(layers, width, 0, places),
        lambda layers, width, vocabulary, places: operations_in_one_line(layers, width, vocabulary, 1),
        lambda layers, width, vocabulary, places: places * (24 * layers * width**2 + 2 * vocabulary * width),
        lambda *sizes: operations_in_one_line(*sizes) - 2 * sizes[0] * sizes[3] ** 2 * sizes[1],
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("judge_of", "slips", "reference"),
    [
        ("11.1", notebook_11.DISTANCE_SLIPS, notebook_11.energy_distance),
        ("11.2", notebook_11.PENALTY_SLIPS, notebook_11.gradient_penalty),
        ("11.3", notebook_11.GUESS_SLIPS, notebook_11.exact_guess),
        ("11.4", notebook_11.OPERATION_SLIPS, notebook_11.forward_operations),
    ],
)
def test_every_named_slip_is_told(judge_of, slips, reference):
    (exercise,) = [exercise for exercise in notebook_11.EXERCISES if exercise.id == judge_of]
    assert exercise.reference is reference and len(slips) >= 4
    assert {why: exercise.judge(slip) for why, slip in slips.items()} == {why: why for why in slips}


def test_a_penalty_without_a_slope_of_its_own_is_told():
    (exercise,) = [exercise for exercise in notebook_11.EXERCISES if exercise.id == "11.2"]
    assert "create_graph" in exercise.judge(penalty_without_graph)


# The networks


@pytest.mark.parametrize("shape", [(1, 1, 1, 4), (3, 4, 5, 12), (2, 1, 9, 3)])
def test_attention_equals_the_library(shape):
    query, key, value = torch.randn((3, *shape), generator=generator(sum(shape)))
    library = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    assert torch.allclose(TAUGHT.attention(query, key, value), library, atol=1e-5)


@pytest.mark.parametrize("sizes", [(1, 8, 5, 2), (3, 24, 100, 17), (12, 768, 50_257, 1024)])
def test_parameters_and_operations_follow_from_the_sizes(sizes):
    layers, width, vocabulary, places = sizes
    with torch.device("meta"):
        model = TAUGHT.Transformer(width, layers, 4, vocabulary, places)
        with FlopCounterMode(display=False) as counter:
            model(torch.zeros(1, places, dtype=torch.long))
    assert counter.get_total_flops() == notebook_11.forward_operations(*sizes)
    counted = sum(weights.numel() for weights in model.parameters())
    assert counted == TAUGHT.count_parameters(*sizes) == costs.gpt_parameters(*sizes)


def test_sizes_of_papers_give_their_parameters():
    found = {name: TAUGHT.count_parameters(**sizes) for name, sizes in TAUGHT.SIZES.items()}
    assert found["GPT-2"] == 124_439_808
    assert found["GPT-3"] == pytest.approx(175e9, rel=0.005)
    assert found["BLOOM"] == pytest.approx(176e9, rel=0.005)


def test_no_place_sees_what_comes_later():
    torch.manual_seed(0)
    model = TAUGHT.Transformer(places=6)
    ids = torch.randint(60, (1, 6), generator=generator(0))
    changed = ids.clone()
    changed[0, 4] = 61
    before, after = model(ids), model(changed)
    assert torch.allclose(before[0, :4], after[0, :4], atol=1e-6)
    assert not torch.allclose(before[0, 4:], after[0, 4:], atol=1e-3)


def test_points_survive_the_way_through_bins():
    points = TAUGHT.real_points(500, generator(1))
    texts = TAUGHT.written(points)
    assert texts.shape == (500, 4) and texts.equal(families.written(points))
    assert (TAUGHT.BEGIN, TAUGHT.COMMA, TAUGHT.BINS) == (families.BEGIN, families.COMMA, families.BINS)
    middles = (texts[:, [1, 3]] + 0.5) / TAUGHT.BINS * 2 * TAUGHT.EDGE - TAUGHT.EDGE
    assert (middles - points).abs().max() <= TAUGHT.EDGE / TAUGHT.BINS + 1e-6


def test_points_and_levels_are_those_of_notebook_01():
    assert TAUGHT.real_points(50, generator(2)).equal(ring.real_points(50, generator(2)))
    assert TAUGHT.KEPT.equal(families.KEPT) and TAUGHT.NOISE == families.NOISE
    mine, theirs = (sum(w.numel() for w in network(8, 2).parameters())
                    for network in (TAUGHT.network, families.network))  # fmt: skip
    assert mine == theirs


def test_log_probabilities_are_those_of_the_texts():
    torch.manual_seed(0)
    model = TAUGHT.Transformer()
    table = TAUGHT.log_probabilities(model)
    assert table.shape == (64, 64) and table.exp().sum() < 1  # the rest are texts that are no points
    text = torch.tensor([[TAUGHT.BEGIN, 7, TAUGHT.COMMA, 50]])
    with torch.no_grad():
        logs = model(text[:, :-1]).log_softmax(dim=-1)
    wanted = logs[0, 0, 7] + logs[0, 1, TAUGHT.COMMA] + logs[0, 2, 50]
    assert table[7, 50].item() == pytest.approx(wanted.item(), abs=1e-4)


@pytest.mark.parametrize("change", TAUGHT.CURES.values(), ids=TAUGHT.CURES)
def test_each_cure_trains(change):
    gan = TAUGHT.train_gan(0, rounds=3, **change)
    again = TAUGHT.train_gan(0, rounds=3, **change)
    drawn = TAUGHT.drawn_at_once(gan, 10, generator(0))
    assert drawn.shape == (10, 2) and drawn.equal(TAUGHT.drawn_at_once(again, 10, generator(0)))


def test_cures_change_one_thing_at_a_time():
    nothing, penalty, packing, both = TAUGHT.CURES.values()
    assert nothing == {} and both == penalty | packing
    assert len(penalty) == len(packing) == 1


def exact(points, level):
    return notebook_11.exact_guess(points, TAUGHT.CENTRES, TAUGHT.SPREAD, TAUGHT.KEPT[level])


def test_the_exact_denoiser_draws_real_points():
    drawn = TAUGHT.diffusion(exact, 4000, generator(3))
    heaps, share = deeper.near_heaps(drawn, TAUGHT.CENTRES, TAUGHT.SPREAD)
    assert heaps == 8 and share > 0.97
    real = TAUGHT.real_points(4000, generator(4))
    assert abs(notebook_11.energy_distance(real, drawn).item()) < 0.005


@pytest.mark.parametrize("steps", [1, 7, 50])
def test_with_the_right_guess_the_loop_ends_at_the_point(steps):
    point = torch.tensor([0.3, -0.8])
    drawn = TAUGHT.diffusion(lambda points, level: point.expand(len(points), 2), 20, generator(0), steps)
    assert torch.allclose(drawn, point.expand(20, 2), atol=1e-5)


@pytest.mark.parametrize("level", [5, 15, 50, 80])
def test_the_exact_guess_is_the_score_and_the_best_one(level):
    dice = generator(level)
    points = TAUGHT.real_points(4000, dice)
    noise = torch.randn(4000, 2, generator=dice)
    noisy = TAUGHT.add_noise(points, noise, torch.full((4000,), level))
    best, kept = exact(noisy, level), TAUGHT.KEPT[level]
    score = TAUGHT.score_by_slope(noisy, kept)
    assert torch.allclose((kept.sqrt() * best - noisy) / (1 - kept), score, rtol=1e-3, atol=1e-2)
    loss = functional.mse_loss(best, points)
    for worse in (0.8 * best, 1.2 * best, best + 0.1):
        assert loss < functional.mse_loss(worse, points)


# The lesson


def test_heaps_are_counted_and_their_neighbourhood():
    real = TAUGHT.real_points(2000, generator(0))
    heaps, share = deeper.near_heaps(real, TAUGHT.CENTRES, TAUGHT.SPREAD)
    assert heaps == 8 and share == pytest.approx(1 - math.exp(-4.5), abs=0.01)  # 3 deviations in the plane
    one_heap = TAUGHT.CENTRES[:1].repeat(100, 1)
    assert deeper.near_heaps(one_heap, TAUGHT.CENTRES, TAUGHT.SPREAD) == (1, 1.0)
    assert deeper.near_heaps(torch.zeros(10, 2), TAUGHT.CENTRES, TAUGHT.SPREAD) == (0, 0.0)


def test_faulty_sets_have_the_fault_that_they_are_named_after():
    sets = deeper.faulty_sets(TAUGHT.real_points, TAUGHT.CENTRES, generator(0))
    found = {name: deeper.near_heaps(points, TAUGHT.CENTRES, TAUGHT.SPREAD) for name, points in sets.items()}
    assert {len(points) for points in sets.values()} == {2000}
    assert [heaps for heaps, _ in found.values()] == [8, 7, 8, 8]
    shares = [share for _, share in found.values()]
    assert min(shares[:3]) > 0.98 and shares[3] < 0.95


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_what_each_measure_sees_and_does_not(seed):
    dice = generator(seed)
    real = TAUGHT.real_points(2000, dice)
    sets = deeper.faulty_sets(TAUGHT.real_points, TAUGHT.CENTRES, dice)
    _, missing, halved, wide = (float(notebook_11.energy_distance(real, points)) for points in sets.values())
    bands = {}
    for count in (500, 2000):
        by_chance = [
            float(notebook_11.energy_distance(*(TAUGHT.real_points(count, dice) for _ in range(2))))
            for _ in range(100)
        ]
        bands[count] = deeper.limits_of(by_chance)[1]
    assert missing > 1.5 * bands[500] and bands[2000] < halved < 1.2 * bands[500] and wide < halved


def test_probabilities_of_bins_are_those_of_many_points():
    edges = torch.linspace(-TAUGHT.EDGE, TAUGHT.EDGE, 9)
    found = deeper.cell_probabilities(TAUGHT.CENTRES, TAUGHT.SPREAD, edges)
    points = TAUGHT.real_points(200_000, generator(0)).clamp(-1.499, 1.499)
    counted = torch.histogramdd(points, [edges, edges]).hist / len(points)
    assert found.sum().item() == pytest.approx(1, abs=1e-5)
    assert torch.allclose(found, counted, atol=0.003)


def test_limits_hold_95_of_100():
    low, high = deeper.limits_of([float(value) for value in range(1001)])
    assert (low, high) == pytest.approx((25, 975))


def test_clouds_mark_the_heaps_and_share_a_scale():
    points = ring.eight_heaps(300, seed=0)
    figure = deeper_figures.clouds(
        {"real": points, "clump": 0 * points}, TAUGHT.CENTRES, limit=2.2, measure=deeper.heaps_of_eight
    )
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes}) == 1
    assert all(len(axes.patches) == 8 for axes in figure.axes)
    titles = [axes.get_title() or axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["real\n8 of 8 heaps", "clump\n0 of 8 heaps"]


def test_stored_results_of_the_cures_are_whole():
    results = deeper.results_of_cures()
    assert list(results) == list(TAUGHT.CURES)
    assert all(len(rows) == 10 for rows in results.values())
    assert all(0 <= heaps <= 8 and 0 <= near <= 1 for rows in results.values() for heaps, near, _ in rows)


def test_cures_are_drawn_with_a_dot_for_each_seed():
    results = {"nothing": [(1, 0.4, 0.9), (8, 0.9, 0.03)], "both": [(8, 0.9, -0.001), (8, 0.9, 0.002)]}
    (axes,) = deeper_figures.cure_dots(results, 0.02).axes
    *dots, line = axes.lines
    assert [dot.get_ydata()[0] for dot in dots] == [0.9, 0.03, 0.001, 0.002]
    assert [dot.get_markerfacecolor() == "white" for dot in dots] == [True, False, False, False]
    assert line.get_ydata()[0] == 0.02 and axes.get_yscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["nothing", "both"]


def test_shares_are_drawn_beside_that_of_real_points():
    figure = deeper_figures.share_lines([1, 10], {"exact": [0.5, 0.98], "learnt": [0.5, 0.9]}, 0.989)
    (axes,) = figure.axes
    assert axes.lines[0].get_ydata() == pytest.approx([0.5, 0.98]) and axes.lines[2].get_ydata()[0] == 0.989
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "10"]


def test_each_group_stands_in_front_of_its_band():
    figure = deeper_figures.strips(
        {"a": [0.1, 0.2], "b": [0.0]}, {"a": (0, 1), "b": (0, 2)}, x_label="x", y_label="y"
    )
    (axes,) = figure.axes
    tops = [area.get_paths()[0].vertices[:, 1].max() for area in axes.collections]
    assert tops == [1, 2] and [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]
    guessed = deeper_figures.bands({500: [0.1]}, {500: (0, 1)}, "it stays").axes[0]
    assert guessed.get_title(loc="left") == "your guess: it stays"


def test_maps_share_one_scale():
    figure = deeper_figures.maps({"true": torch.eye(3), "learnt": 2 * torch.eye(3)}, 1.5)
    assert [axes.images[0].get_clim() for axes in figure.axes] == [(0, 2), (0, 2)]


# Over seeds


def measured(points: torch.Tensor, seed: int) -> tuple[int, float, float]:
    """Heaps covered, share near a heap, energy distance to fresh real points."""
    real = TAUGHT.real_points(2000, generator(1000 + seed))
    heaps, near = deeper.near_heaps(points, TAUGHT.CENTRES, TAUGHT.SPREAD)
    return heaps, near, notebook_11.energy_distance(real, points).item()


@pytest.mark.slow
def test_the_table_of_cures(capsys):
    """One change at a time, ten seeds each; printed as rows of cures.csv, which holds those of "twice"."""
    results = {}
    for rate, generator_rate in RATES.items():
        for cure, change in TAUGHT.CURES.items():
            results[rate, cure] = []
            for seed in range(10):
                gan = TAUGHT.train_gan(seed, generator_rate=generator_rate, **change)
                points = TAUGHT.drawn_at_once(gan, 2000, generator(2000 + seed))
                results[rate, cure].append(measured(points, seed))
    with capsys.disabled():
        for (rate, cure), rows in results.items():
            for seed, (count, near, distance) in enumerate(rows):
                print(f"\n{rate}: {cure},{seed},{count},{near:.4f},{distance:.5f}", end="")
    heaps = {line: [count for count, _, _ in found] for line, found in results.items()}
    assert min(heaps["half", "nothing"]) >= 6 and max(heaps["twice", "nothing"]) <= 5
    assert min(heaps["twice", "packing"]) >= 7 and min(heaps["twice", "both"]) >= 7
    assert 2 <= sum(count < 8 for count in heaps["twice", "penalty"]) <= 7
    for cure, stored in deeper.results_of_cures().items():
        full = sum(count == 8 for count, _, _ in stored)
        assert abs(heaps["twice", cure].count(8) - full) <= 2  # rounding differs between machines
    worst = min(distance for _, _, distance in results["twice", "nothing"])
    assert worst > max(distance for _, _, distance in results["twice", "both"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_the_families_learn_the_ring_with_other_seeds(seed, capsys):
    transformer = TAUGHT.train_transformer(seed)
    edges = torch.linspace(-TAUGHT.EDGE, TAUGHT.EDGE, TAUGHT.BINS + 1)
    true = deeper.cell_probabilities(TAUGHT.CENTRES, TAUGHT.SPREAD, edges)
    learnt = TAUGHT.log_probabilities(transformer)
    excess = (-(true * learnt).sum() - torch.special.entr(true).sum()).item()
    denoiser = TAUGHT.train_denoiser(seed)

    @torch.no_grad()
    def predict(points, level):
        return denoiser(points, torch.as_tensor(level).expand(len(points)))

    gan = TAUGHT.train_gan(seed, penalty=0.3)
    dice = generator(2000 + seed)
    found = {
        "Transformer": measured(TAUGHT.drawn_by_pieces(transformer, 2000, dice), seed),
        "GAN": measured(TAUGHT.drawn_at_once(gan, 2000, dice), seed),
        "diffusion": measured(TAUGHT.diffusion(predict, 2000, dice), seed),
    }
    above_floor = {}
    for level in (0, 4, 16, 48, 99):
        points = TAUGHT.real_points(4000, dice)
        noise = torch.randn(4000, 2, generator=dice)
        noisy = TAUGHT.add_noise(points, noise, torch.full((4000,), level))
        floor = functional.mse_loss(exact(noisy, level), points)
        above_floor[level] = (functional.mse_loss(predict(noisy, level), points) / floor).item()
    with capsys.disabled():
        table = ", ".join(f"{name} {h} {share:.3f} {d:.4f}" for name, (h, share, d) in found.items())
        floors = ", ".join(f"{level}: {ratio:.2f}" for level, ratio in above_floor.items())
        print(f"\nseed {seed}: {table}; excess {excess:.3f} nats")
        print(f"    loss / floor by level: {floors}")
    assert 0 < excess < 0.15 and above_floor[99] < 1.05 and above_floor[0] > 2
    assert found["Transformer"][0] == found["diffusion"][0] == 8 and found["GAN"][0] >= 7
    assert found["Transformer"][1] > max(found["GAN"][1], found["diffusion"][1])
    assert found["Transformer"][1] > 0.95 and found["diffusion"][1] > 0.84  # 0.88 to 0.93 in ten seeds
