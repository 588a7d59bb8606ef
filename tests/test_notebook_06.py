"""Notebook 06: each failure and each cure over ten seeds; its functions; right and wrong answers."""

import math
import random
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from helpers import exercises, metrics
from helpers.lessons.training import exercises as tasks
from helpers.lessons.training import openings
from helpers.session import generator
from smallworld.world import stories
from smallworld.world.vocabulary import PLACES
from tests.notebook_code import functions

STEM = "06_training_from_scratch"
EXERCISES = exercises.of("06")
TAUGHT = (
    "openings", "TinyGPT", "encode", "next_word_loss", "fit", "write", "damaged", "filtered", "lopsided",
    "evenly", "snow_share", "copied", "line_through", "counted", "tell", "generations", "WORDS", "NUMBER",
)  # fmt: skip


@pytest.fixture(scope="module")
def lab():
    """The notebook's laboratory, with the names that its functions see there."""
    seen = {"np": np, "nn": nn, "cross_entropy": cross_entropy, "generator": generator, "random": random,
            "re": re, "stories": stories, "metrics": metrics, "PLACES": PLACES, "Counter": Counter,
            "pairwise": pairwise, "short_texts": openings}  # fmt: skip
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield functions(STEM, *TAUGHT, **seen)
    torch.set_num_threads(threads)


# The laboratory


def test_a_text_survives_encoding_and_one_end_is_scored(lab):
    docs = lab.openings(5, 0)
    rows = lab.encode(docs)
    assert rows.shape == (5, max(map(len, docs)) + 2) and rows[:, 0].eq(0).all()
    model = lab.TinyGPT(int(rows.max()) + 1).eval()
    alone = [lab.next_word_loss(model, lab.encode([one])).item() * (len(one) + 1) for one in docs]
    assert lab.next_word_loss(model, rows).item() == pytest.approx(
        sum(alone) / sum(len(one) + 1 for one in docs), rel=1e-4
    )


@pytest.mark.parametrize("attention", [True, False])
def test_a_place_sees_what_it_should(lab, attention):
    torch.manual_seed(0)
    model = lab.TinyGPT(50, layers=2, attention=attention).eval()
    ids = torch.randint(50, (1, 8), generator=generator(0))
    other = ids.clone()
    other[0, 3] = (ids[0, 3] + 1) % 50
    changed = (model(ids) - model(other)).abs().sum(dim=2)[0] > 1e-6
    assert changed.tolist() == [i >= 3 if attention else i == 3 for i in range(8)]


def test_the_same_seed_trains_the_same_model(lab):
    held, docs = lab.encode(lab.openings(10, 1)), lab.openings(30, 0)
    one, same, other = (lab.fit(docs, held, seed, steps=5)[1] for seed in (0, 0, 1))
    assert one == same != other


def test_the_filter_throws_out_what_was_damaged(lab):
    clean = lab.openings(800, 0)
    kept = lab.filtered(lab.damaged(clean, 0))
    intact = {tuple(one) for one in clean}
    assert 300 < len(kept) < 500 and np.mean([tuple(one) in intact for one in kept]) > 0.97
    assert len(lab.filtered(clean)) > 700  # and little else


def test_evenly_draws_each_place_as_often(lab):
    few = lab.lopsided(800, 8, 0)
    assert len(few["snow"]) == 8 and {len(part) for place, part in few.items() if place != "snow"} == {113}
    place_of = {tuple(one): place for place, part in few.items() for one in part}
    counts = Counter(place_of[tuple(one)] for one in lab.evenly(few, 4000, 0))
    assert len(counts) == 8 and all(400 < n < 600 for n in counts.values())


def test_the_line_goes_through_a_true_power_law(lab):
    sizes = [10, 20, 40, 80, 160, 320, 640, 1280]
    noise = np.random.default_rng(0).normal(0, 0.02, 8)
    (slope, _), half = lab.line_through(sizes, 5 * np.array(sizes) ** -0.3 * np.exp(noise))
    assert abs(slope + 0.3) < half < 0.03


def test_counting_makes_no_new_triples(lab):
    docs = lab.openings(50, 0)
    follows, drawn = lab.counted(docs), random.Random(0)
    triples = {one for doc in docs for one in zip(doc, doc[1:], doc[2:], strict=False)}
    for _ in range(50):
        told = lab.tell(follows, drawn)
        assert set(zip(told, told[1:], told[2:], strict=False)) <= triples


# Each failure and its cure


def dirt(lab, seed: int) -> dict[str, float]:
    held, clean = lab.encode(lab.openings(100, seed, "validation")), lab.openings(800, seed)
    dirty = lab.damaged(clean, seed)
    sets = {"dirty": dirty, "filtered": lab.filtered(dirty), "clean": clean}
    return {name: lab.fit(docs, held, seed)[1][-1][2] for name, docs in sets.items()}


def snow(lab, seed: int) -> dict[str, float]:
    few = lab.lopsided(800, 8, 100 * seed)
    in_snow = lab.encode(lab.openings(60, 100 * seed + 50, place="snow"))
    sets = {"rare": sum(few.values(), []), "oversampled": lab.evenly(few, 800, 100 * seed),
            "collected": sum(lab.lopsided(800, 100, 100 * seed).values(), [])}  # fmt: skip
    found = {}
    for name, docs in sets.items():
        model, curve = lab.fit(docs, in_snow, seed)
        found |= {f"share {name}": lab.snow_share(model, generator(seed)), f"loss {name}": curve[-1][2]}
    return found


def overfitting(lab, seed: int) -> dict[str, float]:
    held, plenty = lab.encode(lab.openings(100, seed, "validation")), lab.openings(800, seed + 1)
    options = {"steps": 400, "every": 40}
    runs = {"nothing": lab.fit(plenty[:100], held, seed, **options),
            "dropout": lab.fit(plenty[:100], held, seed, dropout=0.4, **options),
            "weight decay": lab.fit(plenty[:100], held, seed, decay=1.0, **options),
            "more data": lab.fit(plenty, held, seed, **options)}  # fmt: skip
    found = {name: curve[-1][2] for name, (_, curve) in runs.items()}
    found["early stopping"] = min(one[2] for one in runs["nothing"][1])
    for name, size in (("nothing", 100), ("more data", 800)):
        texts = lab.write(runs[name][0], 30, generator(seed))
        found[f"copied, {name}"] = lab.copied(texts, plenty[:size])
    return found


def architecture(lab, seed: int) -> dict[str, float]:
    held, many = lab.encode(lab.openings(100, seed, "validation")), lab.openings(3000, seed + 2)
    shapes = {"1 layer": (1, True), "4 layers": (4, True), "1 layer, no attention": (1, False)}
    return {name: lab.fit(many, held, seed, steps=200, layers=layers, attention=attention)[1][-1][2]
            for name, (layers, attention) in shapes.items()}  # fmt: skip


def collapse(lab, seed: int) -> dict[str, float]:
    real = lab.openings(2000, seed)
    found = {f"{share:.0%} real": lab.generations(real, share, seed)[-1] for share in (0.0, 0.2, 0.5)}
    return found | {"at first": lab.generations(real, 0.0, seed)[0]}


# (experiment, the worse, the better, whether lower is better)
PAIRS = [
    (dirt, "dirty", "filtered", True), (dirt, "filtered", "clean", True),
    (snow, "share rare", "share oversampled", False), (snow, "share rare", "share collected", False),
    (snow, "loss oversampled", "loss collected", True),
    (overfitting, "nothing", "dropout", True), (overfitting, "nothing", "weight decay", True),
    (overfitting, "nothing", "early stopping", True), (overfitting, "nothing", "more data", True),
    (overfitting, "copied, nothing", "copied, more data", True),
    (architecture, "1 layer, no attention", "1 layer", True), (architecture, "1 layer", "4 layers", True),
    (collapse, "0% real", "at first", False), (collapse, "0% real", "20% real", False),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("experiment", [dirt, snow, overfitting, architecture, collapse])
def test_failures_and_cures_differ_by_more_than_chance(lab, experiment, capsys):
    """Over 10 seeds each pair is told apart; over any 3 in a row by more than their interval."""
    rows = [experiment(lab, seed) for seed in range(10)]
    table = {name: [row[name] for row in rows] for name in rows[0]}
    with capsys.disabled():
        print(f"\n{experiment.__name__}: mean of seeds 0-9, lowest, highest; interval over seeds 0-2")
        for name, values in table.items():
            half = 4.30 * np.std(values[:3], ddof=1) / 3**0.5  # Student's t for 3 values
            print(f"  {name:24}{np.mean(values):8.3f} {min(values):8.3f} {max(values):8.3f}"
                  f"   {np.mean(values[:3]):.3f} ± {half:.3f}")  # fmt: skip
    for _, worse, better, lower in (pair for pair in PAIRS if pair[0] is experiment):
        gain = (np.array(table[worse]) - table[better]) * (1 if lower else -1)
        assert gain.min() > 0, (worse, better)
        half = 4.30 * np.std(gain[:3], ddof=1) / 3**0.5
        assert gain[:3].mean() > half, (worse, better)


# Exercises


def rate_by_interpolation(step, total, peak, warmup):
    return float(np.interp(step, [-1, warmup - 1, total], [0, peak, 0]))


def weights_with_a_loop(labels):
    kinds, weights = set(labels), []
    for label in labels:
        weights.append(1.0 / (len(kinds) * sum(one == label for one in labels)))
    return weights


def weights_normalised(labels):
    raw = np.array([1 / labels.count(label) for label in labels])
    return raw / raw.sum()


def stop_by_counting(losses, patience):
    lowest, place, wait = math.inf, 0, 0
    for i, loss in enumerate(losses):
        if loss < lowest:
            lowest, place, wait = loss, i, 0
        else:
            wait += 1
        if wait >= patience:
            return place
    return place


def stop_by_slices(losses, patience):
    for i in range(len(losses)):
        best = losses.index(min(losses[: i + 1]))
        if i - best >= patience:
            return best
    return losses.index(min(losses))


def norm_with_torch(rows, eps):
    x = torch.tensor(rows, dtype=torch.float64)
    return (x - x.mean(dim=0)) / (x.var(dim=0, unbiased=False) + eps).sqrt()


def norm_with_numpy(rows, eps):
    x = np.array(rows)
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)


def foretold_by_fit(small, large, target):
    (slope, start) = np.polyfit(*np.log([small, large]).T, 1)
    return float(np.exp(start + slope * np.log(target)))


def foretold_by_doubling(small, large, target):
    share = (large[1] / small[1]) ** (1 / math.log2(large[0] / small[0]))
    return small[1] * share ** math.log2(target / small[0])


def loss_with_a_loop(losses, tokens):
    total = count = 0
    for loss, n in zip(losses, tokens, strict=True):
        if loss is not None:
            total, count = total + loss * n, count + n
    return total / count


def loss_with_numpy(losses, tokens):
    kept = [i for i, n in enumerate(tokens) if n]
    return np.average([losses[i] for i in kept], weights=[tokens[i] for i in kept])


RIGHT = {
    "06.1": [rate_by_interpolation,
             lambda s, t, p, w: p * min((s + 1) / w, (t - s) / (t - w + 1))],
    "06.2": [weights_with_a_loop, weights_normalised],
    "06.3": [stop_by_counting, stop_by_slices],
    "06.4": [norm_with_torch, norm_with_numpy],
    "06.5": [foretold_by_fit, foretold_by_doubling],
    "06.6": [loss_with_a_loop, loss_with_numpy],
}  # fmt: skip
WRONG = {
    "06.1": [lambda *c: tasks._rate(*c, early=1), lambda *c: tasks._rate(*c, flat=True),
             lambda *c: tasks._rate(*c, to_warmup=True), lambda *c: tasks._rate(*c, late=True),
             lambda s, t, p, w: p * (t - s) / t, lambda s, t, p, w: p, lambda s, t, p, w: None],
    "06.2": [lambda labels: [1 / labels.count(one) for one in labels], tasks._weights_by_count,
             lambda labels: [1 / len(labels)] * len(labels), lambda labels: weights_with_a_loop(labels)[:-1],
             lambda labels: [1 / len(set(labels))] * len(set(labels)), lambda labels: sorted(labels, key=str),
             lambda labels: [1 / len(set(labels))] * len(labels)],
    "06.3": [tasks._stop_late, lambda losses, patience: losses.index(min(losses)), tasks._stop_latest,
             tasks._stop_at_first_rises, tasks._stop_one_less, tasks._stop_one_more,
             lambda losses, patience: min(losses), lambda losses, patience: 0],
    "06.4": [tasks._layer_norm, tasks._all_norm, lambda r, e: tasks._norm(r, e, power=1),
             lambda r, e: tasks._norm(r, e, outside=True), lambda r, e: tasks._norm(r, e, less=1),
             lambda r, e: tasks._norm(r, e, centred=False), lambda r, e: tasks._norm(r, 1e-12),
             lambda r, e: norm_with_numpy(r, e).T],
    "06.5": [tasks._straight, tasks._half_log, tasks._exponential,
             lambda a, b, n: a[1] ** 2 / foretold_by_fit(a, b, n), lambda a, b, n: b[1],
             lambda a, b, n: math.log(a[1] / b[1]) / math.log(b[0] / a[0])],
    "06.6": [tasks._mean_of_counted, lambda p, n: tasks._weighted(p, n, 1),
             lambda p, n: tasks._weighted(p, n, len(n)), lambda p, n: max(one for one in p if one),
             lambda p, n: sum(a for a, b in zip(p, n, strict=True) if b) / sum(n),
             lambda p, n: sum(a * b for a, b in zip(p, n, strict=True)) / sum(n)],
}  # fmt: skip


def test_every_named_slip_is_named():
    named = {id: EXERCISES[id].judge(wrong) for id, wrong in
             (("06.1", WRONG["06.1"][0]), ("06.3", tasks._stop_late), ("06.4", tasks._layer_norm),
              ("06.5", tasks._straight), ("06.6", tasks._mean_of_counted))}  # fmt: skip
    assert "learn nothing" in named["06.1"] and "lowest loss before" in named["06.3"]
    assert "layer normalisation" in named["06.4"] and "without logarithms" in named["06.5"]
    assert "mean of the means" in named["06.6"]
