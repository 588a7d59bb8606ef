"""Notebook 01: its exercises against right and wrong answers, its table of systems, its models over seeds."""

import csv
import math
import re
from pathlib import Path

import numpy as np
import pytest

import helpers
from helpers import exercises
from helpers.session import generator
from tests import notebook_code

EXERCISES = exercises.of("01")


# --- 01.1 Bayes' rule
def posterior_numpy(likelihoods, priors):
    joint = np.array(likelihoods) * np.array(priors)
    return joint / joint.sum() if joint.any() else np.array(priors)


def posterior_by_pairs(likelihoods, priors):
    evidence = 0.0
    for likelihood, prior in zip(likelihoods, priors, strict=True):
        evidence += likelihood * prior
    if evidence == 0:
        return priors
    return tuple(likelihoods[i] * priors[i] / evidence for i in range(len(priors)))


def posterior_divides_by_zero(likelihoods, priors):
    joint = [a * b for a, b in zip(likelihoods, priors, strict=True)]
    return [one / sum(joint) for one in joint]


# --- 01.2 modes covered
def covered_numpy(points, centres, radius, least):
    points, centres = np.array(points), np.array(centres)
    distance = np.linalg.norm(points[:, None] - centres, axis=-1)
    mode = np.where(distance.min(axis=1) < radius, distance.argmin(axis=1), len(centres))
    return int((np.bincount(mode, minlength=len(centres) + 1)[:-1] / len(points) >= least).sum())


def covered_by_dictionary(points, centres, radius, least):
    counts = {}
    for x, y in points:
        nearest = min(range(len(centres)), key=lambda i: math.hypot(x - centres[i][0], y - centres[i][1]))
        if math.hypot(x - centres[nearest][0], y - centres[nearest][1]) < radius:
            counts[nearest] = counts.get(nearest, 0) + 1
    return len([count for count in counts.values() if count / len(points) >= least])


def covered_any(points, centres, radius, least):
    return sum(any(math.dist(p, c) < radius for p in points) for c in centres)


# --- 01.3 what comes next
def next_by_index(ids):
    return [ids[i] for i in range(len(ids) - 1)], [ids[i + 1] for i in range(len(ids) - 1)]


def next_by_zip(ids):
    pairs = list(zip(ids, ids[1:], strict=False))
    return [a for a, _ in pairs], [b for _, b in pairs]


def next_that_pops(ids):
    target = ids[1:]
    ids.pop()
    return ids, target


# --- 01.4 noise
def noise_numpy(x0, noise, left):
    return np.sqrt(left) * np.array(x0) + np.sqrt(1 - left) * np.array(noise)


def noise_by_angle(x0, noise, left):
    angle = math.acos(math.sqrt(left))
    return [math.cos(angle) * a + math.sin(angle) * b for a, b in zip(x0, noise, strict=True)]


# --- 01.5 does it fit?
def fits_by_parts(parameters, memory, gpus):
    return sum(bytes_ * parameters for bytes_ in (2, 2, 4, 4, 4)) / gpus <= memory


def fits_if(parameters, memory, gpus):
    return not memory * gpus / 16 < parameters


RIGHT = {
    "01.1": [posterior_numpy, posterior_by_pairs],
    "01.2": [covered_numpy, covered_by_dictionary],
    "01.3": [next_by_index, next_by_zip],
    "01.4": [noise_numpy, noise_by_angle],
    "01.5": [fits_by_parts, fits_if],
}
WRONG = {
    "01.1": [
        posterior_divides_by_zero,
        lambda p, q: q,
        lambda p, q: p,
        lambda p, q: [a * b for a, b in zip(p, q, strict=True)],
        lambda p, q: [a / sum(p) if sum(p) else b for a, b in zip(p, q, strict=True)],
        lambda p, q: max(posterior_by_pairs(p, q)),
        lambda p, q: [0.5, 0.5],
    ],
    "01.2": [
        covered_any,
        lambda p, c, r, least: len(c),
        lambda p, c, r, least: covered_numpy(p, c, math.inf, least),
        lambda p, c, r, least: covered_numpy(p, c, r, 0),
        lambda p, c, r, least: covered_numpy(p, c, r / 2, least),
        lambda p, c, r, least: covered_numpy(p, c, r, least) >= 2,
        lambda p, c, r, least: sum(sum(math.dist(x, m) < r for x in p) >= least * len(p) for m in c),
    ],
    "01.3": [
        lambda ids: (ids, ids),
        lambda ids: (ids[1:], ids[:-1]),
        lambda ids: (ids[:-1], ids[-1]),
        lambda ids: (ids, ids[1:]),
        lambda ids: (ids[:-1], ids[:-1]),
        next_that_pops,
        lambda ids: ([7, 3, 9], [3, 9, 4]),
    ],
    "01.4": [
        lambda x, n, left: [left * a + (1 - left) * b for a, b in zip(x, n, strict=True)],
        lambda x, n, left: [math.sqrt(left) * a + b for a, b in zip(x, n, strict=True)],
        lambda x, n, left: noise_numpy(n, x, left),
        lambda x, n, left: noise_numpy(x, n, left)[:1],
        lambda x, n, left: [a + b for a, b in zip(x, n, strict=True)],
        lambda x, n, left: x + n,
    ],
    "01.5": [
        lambda n, memory, gpus: 2 * n <= memory * gpus,
        lambda n, memory, gpus: 4 * n <= memory * gpus,
        lambda n, memory, gpus: 16 * n <= memory,
        lambda n, memory, gpus: 16 * n < memory * gpus,
        lambda n, memory, gpus: 12 * n <= memory * gpus,
        lambda n, memory, gpus: 20 * n <= memory * gpus,
        lambda n, memory, gpus: True,
        lambda n, memory, gpus: memory * gpus / 16,
    ],
}


def test_every_named_slip_is_told():
    for exercise in EXERCISES.values():
        slips = dict(zip(exercise.judge.__code__.co_freevars, exercise.judge.__closure__, strict=True))[
            "slips"
        ]
        for why, slip in slips.cell_contents.items():
            assert exercise.judge(slip) == why


def test_the_systems_have_a_field_a_family_a_year_and_a_source():
    with (Path(helpers.__file__).parent / "lessons" / "systems.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    named = " ".join(row["system"] for row in rows)
    for name in (
        "GPT-3",
        "ChatGPT",
        "DALL·E",
        "Stable Diffusion",
        "Magenta",
        "Jukebox",
        "WaveNet",
        "ElevenLabs",
    ):
        assert name in named
    assert {"BERT", "GAN"} <= {row["system"] for row in rows}
    families = {"autoregressive", "GAN", "diffusion", "masked", "not published"}
    for row in rows:
        assert row["field"] in ("text", "image", "music", "speech") and row["family"] in families
        assert 2014 <= int(row["year"]) <= 2026 and row["maker"] and row["source"].startswith("https://")


def test_the_notebook_asks_ten_questions_and_hides_an_answer_to_each():
    cells = notebook_code.cells("01_concepts", "markdown")
    (questions,) = [cell for cell in cells if cell.startswith("## Check yourself")]
    asked = re.findall(
        r"^\d+\. (.+\?) <details><summary>Answer</summary>(.{20,})</details>$", questions, re.MULTILINE
    )
    assert len(asked) == 10 and len(set(asked)) == 10


# --- the three families, over seeds
@pytest.fixture(scope="module")
def notebook():
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield notebook_code.functions(
        "01_concepts", "turns", "CENTRES", "SIGMA", "EDGE", "BINS", "T", "betas", "alpha_bars", "train_gan",
        "draw_from_gan", "train_denoiser", "draw_from_denoiser", "train_transformer", "draw_from_transformer",
        "near_modes", "exact_score", "draw_points", nn=torch.nn, softplus=torch.nn.functional.softplus,
        cross_entropy=torch.nn.functional.cross_entropy, generator=generator,
    )  # fmt: skip
    torch.set_num_threads(threads)


def test_the_exact_score_is_the_slope_of_the_log_density(notebook):
    import torch

    left = notebook.alpha_bars[40]
    variance = left * notebook.SIGMA**2 + 1 - left
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    squares = torch.cdist(x, left.sqrt() * notebook.CENTRES).square()
    (slope,) = torch.autograd.grad(torch.logsumexp(-squares / (2 * variance), dim=1).sum(), x)
    assert torch.allclose(notebook.exact_score(x.detach(), 40), slope, atol=1e-4)


def score_errors(notebook, denoiser, seed: int) -> list[float]:
    """Relative RMS error of the learned score, at each timestep whose noise reaches the spread of a mode."""
    import torch

    g, found = torch.Generator().manual_seed(1000 + seed), []
    for t in range(notebook.T):
        left = notebook.alpha_bars[t]
        if ((1 - left) / left).sqrt() < notebook.SIGMA:
            continue
        x = left.sqrt() * notebook.draw_points(4000, g)[0]
        x = x + (1 - left).sqrt() * torch.randn(4000, 2, generator=g)
        with torch.no_grad():
            learned = -denoiser(x, torch.full((4000,), t)) / (1 - left).sqrt()
        exact = notebook.exact_score(x, t)
        found.append(((learned - exact).square().mean() / exact.square().mean()).sqrt().item())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_health_collapse_and_cure_over_seeds(notebook, seed, capsys):
    import torch

    g, found = torch.Generator().manual_seed(1000 + seed), {}
    recipes = {
        "GAN": {},
        "patient": {"penalty": 0.0, "lr_g": 5e-4},
        "collapsed": {"penalty": 0.0, "lr_g": 2e-3},
        "cured": {"lr_g": 2e-3, "pack": 2},
    }
    for name, recipe in recipes.items():
        found[name] = notebook.near_modes(notebook.draw_from_gan(notebook.train_gan(seed, **recipe), 2000, g))
    found["Transformer"] = notebook.near_modes(
        notebook.draw_from_transformer(notebook.train_transformer(seed), 2000, g)
    )
    denoiser = notebook.train_denoiser(seed)
    found["diffusion"] = notebook.near_modes(notebook.draw_from_denoiser(denoiser, 2000, g)[-1])
    worst = max(score_errors(notebook, denoiser, seed))
    with capsys.disabled():
        table = ", ".join(f"{name} {modes} modes {near:.0%} near" for name, (modes, near) in found.items())
        print(f"\nseed {seed}: {table}; largest error of the score {worst:.3f}")
    assert found["collapsed"][0] <= 3
    assert all(found[name][0] >= 7 for name in ("GAN", "patient", "cured"))
    assert found["Transformer"][0] == 8 and found["diffusion"][0] == 8 and found["diffusion"][1] >= 0.9
    assert worst < 0.2
