"""Notebook 11: its networks and loops, its lesson, its exercises against answers, its claims over seeds."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.flop_counter import FlopCounterMode

from helpers.lessons.concepts import costs, deeper, deeper_counts, deeper_figures
from helpers.lessons.concepts import deeper_exercises as notebook_11
from helpers.session import generator
from tests.notebook_code import functions

NAMES = (
    "HEAPS", "SPREAD", "angles", "CENTRES", "EDGE", "BINS", "BEGIN", "BATCH", "NOISE", "LEVELS", "betas",
    "kept", "RATES", "CURES", "SIZES", "draw_real", "to_tokens", "attention", "Transformer",
    "train_transformer", "draw_by_pieces", "log_probabilities", "packed", "train_gan", "draw_at_once",
    "add_noise", "train_denoiser", "draw_from_noise", "count_parameters",
)  # fmt: skip
TAUGHT = functions(
    "11_three_families", *NAMES, nn=nn, random_source=generator, OneCycleLR=OneCycleLR,
    cross_entropy=functional.cross_entropy, gelu=functional.gelu, mse_loss=functional.mse_loss,
    silu=functional.silu, softplus=functional.softplus,
)  # fmt: skip
# In the notebook the exercise's own answer takes the place of its stub.
TAUGHT.train_gan.__globals__["gradient_penalty"] = notebook_11.gradient_penalty


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


# --- 11.3 the exact noise
def noise_by_loops(noisy, centres, spread, kept):
    kept = float(kept)
    variance = kept * spread**2 + 1 - kept
    rows = []
    for x, y in noisy.tolist():
        offsets = [(x - kept**0.5 * a, y - kept**0.5 * b) for a, b in centres.tolist()]
        weights = [math.exp(-(dx * dx + dy * dy) / (2 * variance)) for dx, dy in offsets]
        total = sum(weights)
        dx = sum(w * offset[0] for w, offset in zip(weights, offsets, strict=True)) / total
        dy = sum(w * offset[1] for w, offset in zip(weights, offsets, strict=True)) / total
        rows.append([(1 - kept) ** 0.5 * dx / variance, (1 - kept) ** 0.5 * dy / variance])
    return rows


def noise_by_slope(noisy, centres, spread, kept):
    variance = kept * spread**2 + 1 - kept
    noisy = noisy.clone().requires_grad_()
    squares = (noisy[:, None] - kept**0.5 * centres).square().sum(-1)
    density = torch.logsumexp(-squares / (2 * variance), dim=1).sum()
    return -((1 - kept) ** 0.5) * torch.autograd.grad(density, noisy)[0]


def noise_with_equal_weights(noisy, centres, spread, kept):
    return noise_by_slope(noisy, centres.mean(0, keepdim=True), spread, kept)


def noise_divided_by_root(noisy, centres, spread, kept):
    variance = kept * spread**2 + 1 - kept
    return variance**0.5 * noise_by_slope(noisy, centres, spread, kept)


def noise_softmax_over_points(noisy, centres, spread, kept):
    variance = kept * spread**2 + 1 - kept
    offsets = noisy[:, None] - kept**0.5 * centres
    chances = (-offsets.square().sum(-1) / (2 * variance)).softmax(dim=0)
    return (1 - kept) ** 0.5 * (chances[..., None] * offsets).sum(1) / variance


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
    "11.3": [noise_by_loops, noise_by_slope],
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
        noise_with_equal_weights, noise_divided_by_root, noise_softmax_over_points,
        lambda x, c, s, k: -noise_by_slope(x, c, s, k),
        lambda x, c, s, k: noise_by_slope(x, c, s, k) / (1 - k) ** 0.5,
        lambda x, c, s, k: noise_by_slope(x, c, 0.0, k),
        lambda x, c, s, k: noise_by_slope(x, c / k**0.5, s, k),
        lambda x, c, s, k: x,
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
        ("11.3", notebook_11.NOISE_SLIPS, notebook_11.exact_noise),
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
    points = TAUGHT.draw_real(500, generator(1))
    ids = TAUGHT.to_tokens(points)
    assert ids.shape == (500, 3) and (ids[:, 0] == TAUGHT.BEGIN).all() and ids[:, 1:].max() < TAUGHT.BINS
    middles = (ids[:, 1:] + 0.5) / TAUGHT.BINS * 2 * TAUGHT.EDGE - TAUGHT.EDGE
    assert (middles - points).abs().max() <= TAUGHT.EDGE / TAUGHT.BINS + 1e-6


def test_packed_rows_hold_neighbours_side_by_side():
    points = torch.arange(8.0).reshape(4, 2)
    assert TAUGHT.packed(points, 1).equal(points)
    assert TAUGHT.packed(points, 2).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize("change", TAUGHT.CURES.values(), ids=TAUGHT.CURES)
def test_each_cure_trains(change):
    gan = TAUGHT.train_gan(0, rounds=3, **change)
    again = TAUGHT.train_gan(0, rounds=3, **change)
    drawn = TAUGHT.draw_at_once(gan, 10, generator(0))
    assert drawn.shape == (10, 2) and drawn.equal(TAUGHT.draw_at_once(again, 10, generator(0)))


def test_cures_change_one_thing_at_a_time():
    nothing, penalty, packing, both = TAUGHT.CURES.values()
    assert nothing == {} and both == penalty | packing
    assert len(penalty) == len(packing) == 1


def exact(points, level):
    return notebook_11.exact_noise(points, TAUGHT.CENTRES, TAUGHT.SPREAD, TAUGHT.kept[level])


def test_the_exact_noise_draws_real_points():
    drawn = TAUGHT.draw_from_noise(exact, 4000, generator(3))
    heaps, share = deeper.near_heaps(drawn, TAUGHT.CENTRES, TAUGHT.SPREAD)
    assert heaps == 8 and share > 0.97
    real = TAUGHT.draw_real(4000, generator(4))
    assert abs(notebook_11.energy_distance(real, drawn).item()) < 0.005


@pytest.mark.parametrize("level", [0, 15, 50, 99])
def test_the_exact_noise_is_the_score_and_the_best_prediction(level):
    source = generator(level)
    noise = torch.randn(4000, 2, generator=source)
    noisy = TAUGHT.add_noise(TAUGHT.draw_real(4000, source), noise, torch.full((4000,), level))
    best = exact(noisy, level)
    score = deeper.score_by_slope(noisy, TAUGHT.CENTRES, TAUGHT.SPREAD, TAUGHT.kept[level])
    assert torch.allclose(best, -(1 - TAUGHT.kept[level]).sqrt() * score, atol=1e-3)
    loss = functional.mse_loss(best, noise)
    for worse in (0.9 * best, 1.1 * best, best + 0.1):
        assert loss < functional.mse_loss(worse, noise)


# The lesson


def test_heaps_are_counted_and_their_neighbourhood():
    real = TAUGHT.draw_real(2000, generator(0))
    heaps, share = deeper.near_heaps(real, TAUGHT.CENTRES, TAUGHT.SPREAD)
    assert heaps == 8 and share == pytest.approx(1 - math.exp(-4.5), abs=0.01)  # 3 deviations in the plane
    one_heap = TAUGHT.CENTRES[:1].repeat(100, 1)
    assert deeper.near_heaps(one_heap, TAUGHT.CENTRES, TAUGHT.SPREAD) == (1, 1.0)
    assert deeper.near_heaps(torch.zeros(10, 2), TAUGHT.CENTRES, TAUGHT.SPREAD) == (0, 0.0)


def test_faulty_sets_have_the_fault_that_they_are_named_after():
    sets = deeper.faulty_sets(TAUGHT.draw_real, TAUGHT.CENTRES, generator(0))
    found = {name: deeper.near_heaps(points, TAUGHT.CENTRES, TAUGHT.SPREAD) for name, points in sets.items()}
    assert {len(points) for points in sets.values()} == {2000}
    assert [heaps for heaps, _ in found.values()] == [8, 7, 8, 8]
    shares = [share for _, share in found.values()]
    assert min(shares[:2]) > 0.98 and max(shares[2:]) < 0.96


def test_probabilities_of_bins_are_those_of_many_points():
    edges = torch.linspace(-TAUGHT.EDGE, TAUGHT.EDGE, 9)
    found = deeper.cell_probabilities(TAUGHT.CENTRES, TAUGHT.SPREAD, edges)
    points = TAUGHT.draw_real(200_000, generator(0)).clamp(-1.499, 1.499)
    counted = torch.histogramdd(points, [edges, edges]).hist / len(points)
    assert found.sum().item() == pytest.approx(1, abs=1e-5)
    assert torch.allclose(found, counted, atol=0.003)


def test_limits_hold_95_of_100():
    low, high = deeper.limits_of([float(value) for value in range(1001)])
    assert (low, high) == pytest.approx((25, 975))


def test_students_interval():
    low, high = deeper.t_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (low + high) / 2 == pytest.approx(3)
    assert high - 3 == pytest.approx(2.776 * 1.5811 / 5**0.5, rel=0.01)


def test_cures_are_printed_with_counts_and_intervals(capsys):
    results = {("equal", "none"): [(8, 0.9, 0.1), (3, 0.5, 0.3)], ("equal", "both"): [(8, 0.9, 0.1)]}
    deeper.print_cures(results)
    first, second = capsys.readouterr().out.splitlines()
    assert "1 of 2" in first and "near 0.700 [" in first and "distance 0.200 [" in first
    assert "1 of 1" in second and "near 0.900" in second and "near 0.900 [" not in second


def test_a_place_is_told_for_each_band(capsys):
    deeper.print_place("GAN", 0.003, {500: (-0.01, 0.01), 2000: (-0.001, 0.002)})
    assert capsys.readouterr().out.split() == (
        ["GAN", "0.0030", "inside", "the", "band", "of", "500", "outside", "the", "band", "of", "2,000"]
    )


def test_times_are_taken_in_turn():
    calls = []
    times = deeper.time_in_turn({"a": lambda n: calls.append(("a", n)), "b": lambda n: calls.append("b")}, 7)
    assert calls[:3] == [("a", 7), "b", ("a", 7)] and [len(values) for values in times.values()] == [5, 5]
    assert deeper.median_ratio([2.0, 4.0, 9.0], [1.0, 2.0, 1.0]) == 2


def test_dots_of_cures_are_empty_where_heaps_are_missing():
    results = {("equal", "none"): [(8, 0.9, 0.1), (3, 0.5, 0.3)], ("equal", "both"): [(8, 0.9, -0.001)]}
    (axes,) = deeper_figures.cure_dots(results, limit=0.002).axes
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [dot.get_markerfacecolor() for dot in dots].count("white") == 1 and len(dots) == 3
    assert all(dot.get_ydata()[0] > 0 for dot in dots) and axes.get_yscale() == "log"


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


def test_arrows_of_all_panels_have_one_scale():
    places = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    figure = deeper_figures.arrows(places, {"exact": places, "learnt": 3 * places}, TAUGHT.CENTRES)
    assert len({axes.collections[0].scale for axes in figure.axes}) == 1


@pytest.mark.long
def test_stable_diffusion_is_counted_from_its_networks(capsys):
    def count(work):
        with FlopCounterMode(display=False) as counter:
            work()
        return counter.get_total_flops()

    total = deeper_counts.stable_diffusion_operations(count)
    assert 4e21 < total < 2e22
    assert capsys.readouterr().out.count("pixels: learning") == 2


# Over seeds


def measured(draw, seed: int) -> tuple[int, float, float]:
    real = TAUGHT.draw_real(2000, generator(1000 + seed))
    return deeper.measures(
        draw(generator(2000 + seed)), TAUGHT.CENTRES, TAUGHT.SPREAD,
        lambda points: notebook_11.energy_distance(real, points),
    )  # fmt: skip


@pytest.mark.slow
def test_the_table_of_cures(capsys):
    """One change at a time, five seeds each; printed with intervals."""
    results = {}
    for rate, rate_g in TAUGHT.RATES.items():
        for cure, change in TAUGHT.CURES.items():
            results[rate, cure] = []
            for seed in range(5):
                gan = TAUGHT.train_gan(seed, rate_g=rate_g, **change)
                draw = lambda source, gan=gan: TAUGHT.draw_at_once(gan, 2000, source)  # noqa: E731
                results[rate, cure].append(measured(draw, seed))
    with capsys.disabled():
        print()
        deeper.print_cures(results)
    hasty = "generator twice as fast"
    assert all(heaps <= 4 for heaps, _, _ in results[hasty, "nothing"])
    assert all(heaps >= 7 for heaps, _, _ in results[hasty, "both"])


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
        return denoiser(points, torch.full((len(points),), level))

    gan = TAUGHT.train_gan(seed, penalty=0.3)
    found = {
        "Transformer": measured(lambda source: TAUGHT.draw_by_pieces(transformer, 2000, source), seed),
        "GAN": measured(lambda source: TAUGHT.draw_at_once(gan, 2000, source), seed),
        "diffusion": measured(lambda source: TAUGHT.draw_from_noise(predict, 2000, source), seed),
    }
    source = generator(3000 + seed)
    above_floor, off = [], []
    for level in (0, 5, 12, 38, 99):
        noise = torch.randn(4000, 2, generator=source)
        noisy = TAUGHT.add_noise(TAUGHT.draw_real(4000, source), noise, torch.full((4000,), level))
        best, predicted = exact(noisy, level), predict(noisy, level)
        above_floor.append((functional.mse_loss(predicted, noise) - functional.mse_loss(best, noise)).item())
        off.append((functional.mse_loss(predicted, best) / best.square().mean()).sqrt().item())
    with capsys.disabled():
        table = ", ".join(f"{name} {h} {share:.3f} {d:.4f}" for name, (h, share, d) in found.items())
        print(f"\nseed {seed}: {table}; excess {excess:.3f} nats; above the floor {max(above_floor):.3f}; "
              f"off {[round(value, 2) for value in off]}")  # fmt: skip
    assert 0 < excess < 0.15 and max(above_floor) < 0.05
    assert found["Transformer"][0] == found["diffusion"][0] == 8 and found["GAN"][0] >= 7
    assert found["Transformer"][1] > 0.95 and found["diffusion"][1] > 0.9
