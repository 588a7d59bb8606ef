"""Notebook 05, text: its functions; gain and forgetting over three seeds; right and wrong answers."""

import copy
import time
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from helpers import exercises, images, metrics, text, tuning
from helpers.lessons.tuning import exercises as tasks
from helpers.session import Session, generator
from smallworld.world import notes, rhymes, stories
from tests.notebook_code import cells, functions

STEM = "05_fine_tuning"
EXERCISES = exercises.of("05")
TAUGHT = (
    "rows_of", "token_losses", "losses_of", "poems_of", "stories_of", "train", "tune", "LoRA", "race",
    "with_replay", "shortened", "shares", "notes_of", "written", "STEPS", "LOOKS", "BEST_RATES",
)  # fmt: skip
RATES = (6e-4, 2e-3, 6e-3)
SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def lab():
    """The notebook's functions, with the names that they see there."""
    session = Session("tiny", "cpu", torch.float32, 0, None, False)
    tokenizer, base = text.load(session)
    seen = {
        "np": np, "cross_entropy": cross_entropy, "tuning": tuning, "rhymes": rhymes, "stories": stories,
        "islice": islice, "notes": notes, "text": text, "session": SimpleNamespace(seed=0), "copy": copy,
        "time": time, "tokenizer": tokenizer, "base": base,
    }  # fmt: skip
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = functions(STEM, *TAUGHT, **seen)
    found.base, found.session = base, seen["session"]
    yield found
    torch.set_num_threads(threads)


# The functions


def test_filler_counts_for_nothing(lab):
    texts = lab.poems_of("train", 3, 5)
    together = lab.losses_of(lab.base, lab.rows_of([*texts, texts[0] * 2]))[:3]
    assert together == pytest.approx(
        [lab.losses_of(lab.base, lab.rows_of([one]))[0] for one in texts], rel=1e-4
    )
    losses, tokens = lab.token_losses(lab.base, lab.rows_of(texts))
    assert (losses > 0).sum(dim=1).tolist() == tokens.tolist()


def test_held_out_poems_are_in_no_training_set(lab):
    assert not set(lab.poems_of("train", 300, 0)) & set(lab.poems_of("test", 60, 0))


def test_both_loops_have_the_same_losses(lab):
    rows = lab.rows_of(lab.poems_of("train", 20, 0))
    by_hand, by_library = (way(copy.deepcopy(lab.base), rows, 4, 1e-3, 0) for way in (lab.train, lab.tune))
    assert by_hand == pytest.approx(by_library, rel=1e-4)


def test_the_own_lora_equals_pefts_and_merges(lab):
    layer = copy.deepcopy(lab.base.transformer.h[2].mlp.c_fc)
    own, x = lab.LoRA(layer, 4, 8, generator(0)), torch.randn(3, 192, generator=generator(1))
    assert torch.equal(own(x), layer(x))
    torch.nn.init.normal_(own.B, generator=generator(2))
    theirs = tuning.with_lora(copy.deepcopy(lab.base), 4).base_model.model.transformer.h[2].mlp.c_fc
    theirs.lora_A["default"].weight.data.copy_(own.A.T)
    theirs.lora_B["default"].weight.data.copy_(own.B.T)
    torch.testing.assert_close(own(x), theirs(x), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        own(x), x @ (layer.weight + own.scale * own.A @ own.B) + layer.bias, atol=1e-5, rtol=1e-5
    )
    assert [name for name, one in own.named_parameters() if one.requires_grad] == ["A", "B"]


def test_all_pieces_of_a_change_are_the_change(lab):
    tuned = copy.deepcopy(lab.base)
    with torch.no_grad():
        for one in tuned.parameters():
            one += 0.01 * torch.randn(one.shape, generator=generator(3))
    rows = lab.rows_of(lab.poems_of("test", 2, 0))
    whole, one = (lab.losses_of(lab.shortened(tuned, rank), rows) for rank in (192, 1))
    assert whole == pytest.approx(lab.losses_of(tuned, rows), rel=1e-3) and abs(one - whole).max() > 1e-3
    shares = lab.shares(tuned.transformer.wte.weight)
    assert (np.diff(shares) >= 0).all() and shares[-1] == pytest.approx(1)


def test_replay_keeps_every_text_and_cuts_the_old_ones(lab):
    new, old = lab.rows_of(["A cat."] * 3), lab.rows_of(lab.stories_of("train", 2, 0))
    both = lab.with_replay(new, old, 20)
    assert (
        both.shape == (5, 20) and (both[:3, : new.shape[1]] == new).all() and (both[3:] == old[:, :20]).all()
    )


# Gain and loss


@pytest.fixture(scope="module")
def races(lab):
    """By way and rate, over the seeds: held-out loss, its best, forgetting, the curve; the base's losses."""
    table, bases = {}, []
    for seed in SEEDS:
        rows, held = (lab.rows_of(lab.poems_of(part, n, seed)) for part, n in (("train", 300), ("test", 60)))
        old = lab.rows_of(lab.stories_of("test", 40, seed))
        before = lab.losses_of(lab.base, old).mean()
        bases.append(lab.losses_of(lab.base, held).mean())
        for way in lab.BEST_RATES:
            for rate in RATES:
                model, curve, _ = lab.race(way, rate, rows, seed, held=held)
                rise = lab.losses_of(model, old).mean() - before
                merged = check_merged(lab, model, held) if way == "LoRA" else 0.0
                table.setdefault((way, rate), []).append((curve[lab.STEPS], rise, curve, merged))
    return table, bases


def check_merged(lab, model, rows) -> float:
    """The largest difference of a logit, in double precision and single, between LoRA beside and inside."""
    ids = rows[:10].clamp(min=0)
    with torch.no_grad():
        beside = model.double()(ids).logits
        inside = copy.deepcopy(model).merge_and_unload()(ids).logits
        single = (model.float()(ids).logits.softmax(-1) - inside.softmax(-1)).abs().max()
    return max((beside - inside).abs().max().item(), single.item())


@pytest.mark.slow
def test_fine_tuning_gains_and_forgets_as_the_notebook_says(lab, races, capsys):
    table, bases = races
    best = {way: min(RATES, key=lambda rate: np.mean([one[0] for one in table[way, rate]]))
            for way in lab.BEST_RATES}  # fmt: skip
    with capsys.disabled():
        print(f"\nbase {np.round(bases, 3)}; each of seeds {SEEDS}: held-out loss (forgetting)")
        for (way, rate), found in table.items():
            row = "  ".join(f"{held:.3f} ({rise:.2f})" for held, rise, *_ in found)
            print(f"  {way:13}{rate:<8g}{row}{'  best' if rate == best[way] else ''}")
    assert best == lab.BEST_RATES
    scratch, full, lora = (table[way, best[way]] for way in ("from scratch", "full", "LoRA"))
    for i, base in enumerate(bases):
        early = min(loss for step, loss in full[i][2].items() if step <= lab.STEPS / 5)
        closed, share = (base - lora[i][0]) / (base - full[i][0]), lora[i][1] / full[i][1]
        with capsys.disabled():
            print(f"  seed {SEEDS[i]}: scratch {min(scratch[i][2].values()):.3f}, full early {early:.3f};")
            print(f"  LoRA closes {closed:.1%}, forgets {share:.2f} of full; merged {lora[i][3]:.1e}")
        assert early <= min(scratch[i][2].values())
        assert closed >= 0.9 and share < 0.5 and lora[i][3] < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_the_notebooks_own_claims_hold_for_ten_seeds(lab, seed, capsys):
    """What the notebook asserts of its one seed, with its own numbers."""
    rows, held = (lab.rows_of(lab.poems_of(part, n, seed)) for part, n in (("train", 300), ("test", 60)))
    old = lab.rows_of(lab.stories_of("test", 40, seed))
    mixed = lab.with_replay(rows, lab.rows_of(lab.stories_of("train", 100, seed)))
    ways = {"full": ("full", 6e-3, rows), "LoRA": ("LoRA", 6e-3, rows), "gently": ("full", 2e-3, rows),
            "replay": ("full", 6e-3, mixed)}  # fmt: skip
    raced = {
        name: lab.race(way, rate, given, seed, held=held)[:2] for name, (way, rate, given) in ways.items()
    }
    scratch = lab.race("from scratch", 2e-3, rows, seed, held=held)[1]
    ranks = [lab.race("LoRA", 6e-3, rows, seed, rank, held=held)[1][lab.STEPS] for rank in (1, 4)]
    ends = {name: curve[lab.STEPS] for name, (_, curve) in raced.items()}
    base, before = lab.losses_of(lab.base, held).mean(), lab.losses_of(lab.base, old).mean()
    rises = {name: lab.losses_of(model, old).mean() - before for name, (model, _) in raced.items()}
    early = min(loss for step, loss in raced["full"][1].items() if step <= lab.STEPS / 5)
    closed = (base - ends["LoRA"]) / (base - ends["full"])
    with capsys.disabled():
        print(
            f"\nseed {seed}: ",
            {name: (round(ends[name], 3), round(rises[name], 2)) for name in ends},
            f"scratch {min(scratch.values()):.3f} early {early:.3f} closed {closed:.3f}",
            np.round(ranks, 2),
        )
    assert early < min(scratch.values()) and closed > 0.85
    assert 0.2 < rises["LoRA"] < 0.5 * rises["full"]
    assert max(rises["replay"], rises["gently"]) < 0.5 * rises["full"]
    assert ranks[0] > ranks[1] > ends["LoRA"]
    assert metrics.bootstrap_interval(lab.losses_of(raced["replay"][0], held), seed=seed)[1] < ends["LoRA"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_the_tuned_models_write_what_they_were_tuned_on(lab, seed, capsys):
    """Couplets that rhyme, and notes with their second heading."""
    lab.session.seed = seed
    chart, held = (lab.rows_of(lab.notes_of(part, n, seed)) for part, n in (("train", 300), ("test", 30)))
    chart = lab.with_replay(chart, lab.rows_of(lab.stories_of("train", 100, seed)))
    clerk = lab.race("full", 6e-3, chart, seed)[0]
    drafts = lab.written(clerk, 20, 110, prompt="CC:")
    headed = np.mean([notes.form("CC:" + one) * len(notes.HEADINGS[0]) > 1.5 for one in drafts])
    rows = lab.rows_of(lab.poems_of("train", 300, seed))
    poet, scratch = (lab.race(*way, rows, seed)[0] for way in (("full", 6e-3), ("from scratch", 2e-3)))
    full, none = (np.mean([rhymes.rhymes(one) for one in lab.written(model)]) for model in (poet, scratch))
    shares = lab.shares(poet.transformer.h[3].mlp.c_fc.weight - lab.base.transformer.h[3].mlp.c_fc.weight)
    loss = lab.losses_of(clerk, held).mean()
    with capsys.disabled():
        print(f"\nseed {seed}: notes {loss:.2f}, headed {headed:.2f}; rhymes {full:.2f}, scratch {none:.2f}")
    assert loss < 3 and headed > 0.5 and full > none + 0.2 and shares[15] < 0.8


# Exercises


# Pictures

STUDIO = ("import judge, restyle", "def diffusion_loss", "def teach(", "def examine_style", "subject.pairs(",
          "def dreambooth", "dreambooth(False)")  # fmt: skip


@pytest.fixture(scope="module", params=SEEDS)
def studio(request):
    """The notebook's cells on pictures, executed with a seed: its names after training."""
    session = Session("tiny", "cpu", torch.float32, request.param, None, False)
    seen = {"np": np, "torch": torch, "tuning": tuning, "generator": generator, "session": session}
    seen |= {"small_session": session, "images": images, "metrics": metrics}
    nothing = dict.fromkeys(("show", "pictures", "lines"), lambda *_, **__: FIGURE)
    seen["plots"] = SimpleNamespace(**nothing, grid=lambda *_, **__: (FIGURE, [FIGURE] * 2))
    sources = cells(STEM, "code")
    for wanted in STUDIO:
        (source,) = [one for one in sources if wanted in one]
        exec(compile(source, STEM, "exec"), seen)
    return SimpleNamespace(**seen)


FIGURE = SimpleNamespace(get_legend=lambda: SimpleNamespace(remove=lambda: None))


@pytest.mark.slow
def test_a_style_and_a_subject_are_learnt_from_few_pictures(studio, capsys):
    """The shares over SEEDS; a bar has to hold for each seed, within what so few pictures can tell."""
    (_, none, facts), (_, cut, kept) = studio.style[0], [*studio.style.values()][-1]
    (_, *alone), (_, *prior) = studio.ends.values()
    with capsys.disabled():
        print(f"\nseed {studio.session.seed}: style {none.mean():.3f} to {cut.mean():.3f}, "
              f"facts {facts.mean():.3f} to {kept.mean():.3f}")  # fmt: skip
        for name, found in (("alone", alone), ("with prior", prior)):
            print(f"  {name}:", ", ".join(f"{what} {one.mean():.3f}" for what, one in
                                          zip(studio.names, found, strict=False)))  # fmt: skip
    assert none.mean() < 0.1 and cut.mean() > 0.7 and facts.mean() - kept.mean() < 0.15
    assert len(prior[0]) == 100 and prior[0].mean() > 0.6 and prior[1].mean() < 0.05 < alone[1].mean()


def trained_with_a_loop(shapes, rank):
    total = 0
    for inputs, outputs in shapes:
        total += inputs * rank + rank * outputs
    return total


def mixed_with_an_iterator(new, old, every):
    from itertools import cycle

    texts, turns = [], cycle(old)
    for start in range(0, len(new), every):
        part = new[start : start + every]
        texts += part if len(part) < every else [*part, next(turns)]
    return texts


def mixed_with_a_counter(new, old, every):
    texts, used = [], 0
    for i in range(len(new)):
        texts.append(new[i])
        if (i + 1) % every == 0:
            texts.append(old[used % len(old)])
            used = used + 1
    return texts


def needed_with_numpy(values, share):
    squares = np.sort(np.array(values))[::-1] ** 2
    return int((np.cumsum(squares) < share * squares.sum() - 1e-9).sum()) + 1


def needed_with_torch(values, share):
    squares = torch.tensor(values).double().square().sort(descending=True).values
    return next(n for n in range(1, len(squares) + 1) if squares[:n].sum() >= share * squares.sum())


def chosen_by_filter(results, least_style, most_lost):
    (_, _, before), *_ = results
    good = [step for step, style, facts in results if style >= least_style and before - facts <= most_lost]
    return min(good, default=None)


def chosen_by_numpy(results, least_style, most_lost):
    steps, style, facts = np.array(results, float).T
    good = np.flatnonzero((style >= least_style) & (facts[0] - facts <= most_lost))
    return int(steps[good[0]]) if len(good) else None


def stacked_with_torch(weight, adapters):
    total = torch.tensor(weight)
    for a, b, alpha, scale in adapters:
        total = total + scale * alpha / len(b) * torch.tensor(a) @ torch.tensor(b)
    return total


def stacked_with_numpy(weight, adapters):
    detours = [scale * alpha / np.shape(b)[0] * np.matmul(a, b) for a, b, alpha, scale in adapters]
    return np.sum([weight, *detours], axis=0).tolist()


RIGHT = {
    "05.1": [trained_with_a_loop,
             lambda shapes, rank: rank * (sum(a for a, _ in shapes) + sum(b for _, b in shapes))],
    "05.2": [mixed_with_an_iterator, mixed_with_a_counter],
    "05.3": [needed_with_numpy, needed_with_torch],
    "05.4": [chosen_by_filter, chosen_by_numpy],
    "05.5": [stacked_with_torch, stacked_with_numpy],
}  # fmt: skip
WRONG = {
    "05.1": [lambda s, r: sum(a * b for a, b in s), lambda s, r: sum(r * a * b for a, b in s),
             lambda s, r: sum(r * a for a, _ in s), lambda s, r: sum(r * b for _, b in s),
             lambda s, r: sum(a + b for a, b in s), lambda s, r: r * sum(s[0]) if s else 0,
             lambda s, r: None],
    "05.2": [lambda n, o, k: [*n, *(o[i % len(o)] for i in range(len(n) // k))],
             lambda n, o, k: tasks._mixed(n, o, k, first=1), lambda n, o, k: tasks._mixed(n, o, k, wait=1),
             lambda n, o, k: tasks._mixed(n, o, k, same=True),
             lambda n, o, k: tasks._mixed(n, o, k, cut=True),
             lambda n, o, k: tasks._mixed(n, o, k, once=True), lambda n, o, k: n.extend(o) or n,
             lambda n, o, k: [*n, *o]],
    "05.3": [lambda v, s: tasks._rank(v, s, power=1), lambda v, s: tasks._rank(v, s, start=-1),
             lambda v, s: tasks._rank(v, s, start=1), lambda v, s: tasks._rank(v, s, strict=True),
             lambda v, s: tasks._rank(v, s, smallest=True), lambda v, s: tasks._rank(v, s, as_given=True),
             lambda v, s: len(v), lambda v, s: round(s * len(v))],
    "05.4": [lambda r, s, m: tasks._chosen(r, s, m, ignore="facts"),
             lambda r, s, m: tasks._chosen(r, s, m, ignore="style"),
             lambda r, s, m: tasks._chosen(r, s, m, latest=True),
             lambda r, s, m: tasks._chosen(r, s, m, relative=True),
             lambda r, s, m: tasks._chosen(r, s, m, last=True), lambda r, s, m: r[-1][0],
             lambda r, s, m: max(r, key=lambda one: one[1] + one[2])[0]],
    "05.5": [lambda w, p: tasks._stacked(w, p, no_alpha=True), lambda w, p: tasks._stacked(w, p, of_a=True),
             lambda w, p: tasks._stacked(w, p, no_rank=True),
             lambda w, p: tasks._stacked(w, p, no_scale=True), lambda w, p: tasks._stacked(w, p, first=True),
             tasks._only_detours, lambda w, p: w],
}  # fmt: skip


def test_every_named_slip_is_named():
    said = {id: [EXERCISES[id].judge(wrong) for wrong in WRONG[id]] for id in WRONG}
    assert "frozen" in said["05.1"][0] and "A alone" in said["05.1"][2] and "Every layer" in said["05.1"][5]
    assert "forget again" in said["05.2"][0] and "First `every`" in said["05.2"][1]
    assert "too many before" in said["05.2"][2] and "always the same" in said["05.2"][3]
    assert "are lost" in said["05.2"][4] and "with the first again" in said["05.2"][5]
    assert "changes what it was given" in said["05.2"][6]
    assert "squares" in said["05.3"][0] and "too few" in said["05.3"][1] and "too many" in said["05.3"][2]
    assert "exactly" in said["05.3"][3] and "largest" in said["05.3"][4] and "any order" in said["05.3"][5]
