"""Notebook 02: its ways of drawing and its guidance against the truth; right and wrong answers."""

import math
from itertools import pairwise

import pytest
import torch

from helpers import exercises, metrics
from helpers.lessons.randomness import exercises as tasks
from helpers.session import generator
from tests.notebook_code import functions

STEM = "02_randomness_and_conditionality"
EXERCISES = exercises.of("02")
DRAWS = 100_000
DISTRIBUTIONS = {
    "even": [1 / 8] * 8,
    "steep": [0.6, 0.25, 0.1, 0.04, 0.009, 0.001],
    "with gaps": [0.0, 0.3, 0.0, 0.0, 0.5, 0.2, 0.0],
    "sure": [1.0],
}


# Drawing


@pytest.fixture(scope="module")
def ways():
    """The notebook's two ways of drawing, and PyTorch's."""
    taught = functions(STEM, "inverse_cdf", "gumbel_max")
    return {
        "inverse CDF": taught.inverse_cdf,
        "Gumbel-max": taught.gumbel_max,
        "multinomial": lambda p, n, g: torch.multinomial(p, n, replacement=True, generator=g),
    }


def deviation(drawn: torch.Tensor, p: torch.Tensor) -> float:
    """Chi-square of the counts, in standard deviations of what chance makes of it."""
    counts, there = torch.bincount(drawn, minlength=len(p)).double(), p > 0
    assert counts.sum() == DRAWS and counts[~there].sum() == 0  # nothing impossible is drawn
    expected, freedom = DRAWS * p[there], int(there.sum()) - 1
    chi_square = ((counts[there] - expected) ** 2 / expected).sum()
    return float((chi_square - freedom) / (2 * freedom) ** 0.5) if freedom else 0.0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("way", ["inverse CDF", "Gumbel-max", "multinomial"])
def test_ways_of_drawing_give_the_distribution(ways, way, name, seed):
    p = torch.tensor(DISTRIBUTIONS[name], dtype=torch.float64)
    assert deviation(ways[way](p, DRAWS, generator(seed)), p) < 5


@pytest.mark.parametrize("way", ["inverse CDF", "Gumbel-max", "multinomial"])
def test_a_distribution_that_is_one_point_off_is_noticed(ways, way):
    p = torch.tensor(DISTRIBUTIONS["steep"], dtype=torch.float64)
    off = p + torch.tensor([-0.01, 0.01, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    assert deviation(ways[way](off, DRAWS, generator(0)), p) > 10


def test_drawing_repeats_with_the_seed_and_only_with_it(ways):
    p = torch.tensor(DISTRIBUTIONS["steep"], dtype=torch.float64)
    for draw in ways.values():
        before = torch.get_rng_state()
        first, same, other = (draw(p, 50, generator(seed)) for seed in (1, 1, 2))
        assert torch.equal(first, same) and not torch.equal(first, other)
        assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_heat_divides_logits(temperature):
    logits = torch.randn(50, generator=generator(0), dtype=torch.float64)
    hot = functions(STEM, "heated").heated(logits.softmax(dim=0), temperature)
    assert torch.allclose(hot, (logits / temperature).softmax(dim=0))


# The ring


@pytest.fixture(scope="module")
def ring():
    return functions(
        STEM, "TURNS", "SIGMA", "CENTRES", "ORANGE", "LEVELS", "draw_points", "expected_noise", "denoise",
        "guided", "log_density", pairwise=pairwise,
    )  # fmt: skip


@pytest.mark.parametrize("level", [0.01, 0.3, 0.9, 0.999])
def test_the_expected_noise_is_the_score_of_the_noised_ring(ring, level):
    """The score, the gradient of log p, is minus the expected noise by its standard deviation."""
    level = torch.tensor(level, dtype=torch.float64)
    x = torch.randn(20, 2, generator=generator(1), dtype=torch.float64, requires_grad=True)
    variance = level * ring.SIGMA**2 + 1 - level
    distances = ((x[:, None] - level.sqrt() * ring.CENTRES) ** 2).sum(dim=-1)
    (-distances / (2 * variance)).logsumexp(dim=1).sum().backward()
    noise = ring.expected_noise(x.detach(), ring.CENTRES, level)
    assert torch.allclose(-noise / (1 - level).sqrt(), x.grad)


@pytest.mark.parametrize("seed", range(5))
def test_guidance_of_0_and_1_draws_from_the_true_distributions(ring, seed):
    start = torch.randn(4000, 2, generator=generator(seed), dtype=torch.float64)
    for w, centres in ((0, ring.CENTRES), (1, ring.CENTRES[1::2])):
        made = ring.denoise(ring.guided(w), start)
        true = ring.draw_points(centres, 8000 // len(centres), generator(seed + 100)).flatten(0, 1)
        for found, wanted in ((made, true), (made**2, true**2), (made.prod(dim=1), true.prod(dim=1))):
            assert torch.allclose(found.mean(dim=0), wanted.mean(dim=0), atol=0.05)
        nearest = torch.cdist(made, ring.CENTRES).argmin(dim=1)
        truth = torch.cdist(true, ring.CENTRES).argmin(dim=1)
        shares = [torch.bincount(one, minlength=8) / len(one) for one in (nearest, truth)]
        assert torch.allclose(*shares, atol=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_more_guidance_is_more_often_right_narrower_and_further_out(ring, seed):
    start = torch.randn(1000, 2, generator=generator(seed), dtype=torch.float64)
    orange = ring.CENTRES[1::2]
    right, radius = [], []
    for w in (0, 1, 4, 16):
        made = ring.denoise(ring.guided(w), start)
        right.append(
            float((ring.log_density(made, orange) > ring.log_density(made, ring.CENTRES)).double().mean())
        )
        radius.append(float(made.norm(dim=1).mean()))
    assert right[0] + 0.1 < right[1] < right[2] - 0.1 and right[3] > 0.98
    assert radius[1] < radius[2] < radius[3] - 0.1


def test_the_density_is_the_one_that_points_are_drawn_from(ring):
    x = ring.draw_points(ring.CENTRES, 5, generator(0)).flatten(0, 1)
    normal = torch.distributions.Normal(0, ring.SIGMA)
    each = normal.log_prob(x[:, None] - ring.CENTRES).sum(dim=-1)  # (points, centres)
    truth = each.exp().mean(dim=1).log()
    assert torch.allclose(ring.log_density(x, ring.CENTRES) - math.log(2 * math.pi * ring.SIGMA**2), truth)


# Exercises


def wait_by_bisection(u, rate):
    low, high = 0.0, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 - math.exp(-rate * middle) < u else (low, middle)
    return high if u else 0.0


def rows_in_place(seeds, size):
    rows = torch.empty(len(seeds), size)
    for row, seed in zip(rows, seeds, strict=True):
        g = torch.Generator()
        g.manual_seed(seed)
        row.copy_(torch.randn(1, size, generator=g)[0])
    return rows


def rows_from_the_global_stream(seeds, size):
    rows = []
    for seed in seeds:
        torch.manual_seed(seed)
        rows.append(torch.randn(size))  # the right numbers, at a price
    return torch.stack(rows)


def rows_from_one_generator(seeds, size):
    g = torch.Generator()
    return torch.stack([torch.randn(size, generator=g.manual_seed(seeds[0])) for _ in seeds])


def rows_from_one_stream(seeds, size):
    g = torch.Generator().manual_seed(seeds[0])
    return torch.stack([torch.randn(size, generator=g) for _ in seeds])


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
    logs = torch.where((b == 0) & (w > 0), -torch.inf, a.log() + w * (b.log() - a.log()).nan_to_num())
    return logs.softmax(dim=0)


def guide_by_ratio(p_any, p_asked, w):
    parts = []
    for a, b in zip(p_any, p_asked, strict=True):
        parts.append(0.0 if a == 0 else a * (b / a) ** w)
    return [part / sum(parts) for part in parts]


def guide_straight(p_any, p_asked, w):
    return [a + w * (b - a) for a, b in zip(p_any, p_asked, strict=True)]


def guide_cut_at_0(p_any, p_asked, w):
    parts = [max(0.0, part) for part in guide_straight(p_any, p_asked, w)]
    return [part / sum(parts) for part in parts]


RIGHT = {
    "02.1": [wait_by_bisection, lambda u, rate: -math.log1p(-u) / rate,
             lambda u, rate: math.log(1 / (1 - u)) / rate],
    "02.2": [rows_in_place,
             lambda seeds, size: torch.cat([torch.randn(1, size, generator=generator(s)) for s in seeds])],
    "02.3": [different_by_product, different_draw_by_draw],
    "02.4": [share_with_numpy, share_without_means],
    "02.5": [information_from_entropies, information_as_divergence],
    "02.6": [guide_in_logs, guide_by_ratio],
}  # fmt: skip
WRONG = {
    "02.1": [lambda u, r: 1 - math.exp(-r * u), lambda u, r: r * math.exp(-r * u), lambda u, r: u / r,
             lambda u, r: -math.log(1 - u) * r, lambda u, r: math.log(1 - u) / r, lambda u, r: 1 / r,
             lambda u, r: -math.log(u) / r, lambda u, r: -math.log10(1 - u) / r, lambda u, r: None],
    "02.2": [rows_from_the_global_stream, rows_from_one_generator, rows_from_one_stream, tasks._even,
             lambda seeds, size: rows_in_place([i + s for i, s in enumerate(seeds)], size),
             lambda seeds, size: rows_in_place(range(len(seeds)), size),
             lambda seeds, size: rows_in_place(seeds, size).T, lambda seeds, size: torch.zeros(1, size),
             lambda seeds, size: rows_in_place(sorted(seeds), size)],
    "02.3": [lambda p, n: sum((1 - one) ** n for one in p), lambda p, n: float(min(n, len(p))),
             lambda p, n: len(p) * (1 - (1 - 1 / len(p)) ** n), lambda p, n: sum(1 - one**n for one in p),
             lambda p, n: sum(min(1, n * one) for one in p), lambda p, n: n, lambda p, n: len(p),
             lambda p, n: 1 - math.prod((1 - one) ** n for one in p)],
    "02.4": [share_by_correlation, tasks._of_means, tasks._whole_difference, tasks._one_less,
             tasks._by_within, lambda pairs: 0.5, lambda pairs: 1 - share_with_numpy(pairs),
             lambda pairs: max(0.0, share_with_numpy(pairs)),
             lambda pairs: share_with_numpy(pairs) ** 2],
    "02.5": [lambda c: information_from_entropies(c) * math.log(2), tasks._joint, tasks._left_open,
             tasks._even_rows, lambda c: -information_as_divergence(c), information_that_minds_no_zeros,
             information_with_a_correction, lambda c: 0.0],
    "02.6": [guide_straight, guide_cut_at_0, tasks._raw, tasks._product, tasks._swapped,
             lambda a, b, w: guide_by_ratio(b, a, w), lambda a, b, w: list(b),
             lambda a, b, w: [x ** (1 - w) * y**w for x, y in zip(a, b, strict=True)],
             lambda a, b, w: guide_by_ratio(a, b, w + 1)],
}  # fmt: skip


def test_noise_from_the_global_stream_is_told_apart_and_leaves_no_trace():
    before = torch.get_rng_state()
    assert "global generator has moved" in EXERCISES["02.2"].judge(rows_from_the_global_stream)
    assert torch.equal(before, torch.get_rng_state())


def test_every_named_slip_is_named(monkeypatch):
    named = {id: EXERCISES[id].judge(wrong) for id, wrong in
             (("02.4", tasks._of_means), ("02.5", tasks._joint), ("02.6", guide_straight))}  # fmt: skip
    assert "differ by chance" in named["02.4"] and "joint" in named["02.5"] and "range" in named["02.6"]
