"""Notebook 05: its loop and its LoRA against the libraries, its texts and figures, exercises and claims."""

import contextlib
import copy
import io
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import cross_entropy

from helpers import exercises, text, tuning
from helpers.errors import WorkbookError
from helpers.lessons.tuning import diagrams, examples, figures, papercuts
from helpers.lessons.tuning import exercises as tasks
from helpers.session import Session, generator
from smallworld.world import rhymes
from tests.notebook_code import cells, functions

STEM = "05_fine_tuning"
TAUGHT = ("write", "chances", "ribbon_of", "draw_batch", "train", "LoRA", "loss_on")
RED, BLUE = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")


@pytest.fixture(scope="module")
def lab():
    """The notebook's functions, with the names that they see there."""
    session = Session("tiny", "cpu", torch.float32, 0, None, False)
    tokenizer, base = text.load(session)
    seen = {
        "text": text, "session": SimpleNamespace(seed=0), "tokenizer": tokenizer, "base": base,
        "end": tokenizer.eos_token_id, "generator": generator, "tqdm": lambda steps, **_: steps,
        "lora_dice": generator(0),
    }  # fmt: skip
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = functions(STEM, *TAUGHT, **seen)
    found.base, found.tokenizer, found.session = base, tokenizer, seen["session"]
    yield found
    torch.set_num_threads(threads)


# What the cells teach


def test_the_chances_of_a_text_are_those_of_the_model_step_by_step(lab):
    words = "Mina the fox"
    ids = lab.tokenizer(words).input_ids
    wanted = []
    for i, number in enumerate(ids):
        before = lab.tokenizer.decode(ids[:i])
        wanted.append(text.next_token_probabilities(lab.base, lab.tokenizer, before)[number].item())
    assert lab.chances(lab.base, words) == pytest.approx(wanted, rel=1e-3, abs=1e-6)


def test_the_loss_of_05_1_is_the_loss_that_trains(lab):
    words = examples.poems("test", 1, 0)[0]
    ids = torch.tensor([[lab.tokenizer.eos_token_id, *lab.tokenizer(words).input_ids]])
    with torch.no_grad():
        loss = lab.base(ids, labels=ids).loss.item()
    assert tasks.mean_loss(lab.chances(lab.base, words)) == pytest.approx(loss, rel=1e-4)


def test_a_ribbon_holds_all_texts_with_an_end_around_each(lab):
    texts = ["A fox sang.", "A fox slept."]
    ids = lab.ribbon_of(texts).tolist()
    end = lab.tokenizer.eos_token_id
    assert ids.count(end) == 3 and ids[0] == ids[-1] == end
    assert lab.tokenizer.decode(ids, skip_special_tokens=True) == "".join(texts)


def test_a_batch_is_eight_pieces_of_the_ribbon(lab):
    ribbon = torch.arange(500)
    batch = lab.draw_batch(ribbon, generator(1))
    assert batch.shape == (8, 64) and torch.equal(batch - batch[:, :1], torch.arange(64).expand(8, 64))
    assert torch.equal(batch, lab.draw_batch(ribbon, generator(1)))
    assert len(set(batch[:, 0].tolist())) > 4


def test_the_loop_trains_the_model_itself_and_only_what_is_not_frozen(lab):
    ribbon = lab.ribbon_of(examples.poems("train", 12, 0))
    model = copy.deepcopy(lab.base)
    model.transformer.wte.weight.requires_grad_(False)
    losses = lab.train(model, ribbon, 4, 1e-3)
    assert len(losses) == 4 and losses[-1] < losses[0]
    assert torch.equal(model.transformer.wte.weight, lab.base.transformer.wte.weight)
    old, new = lab.base.transformer.h[0].mlp.c_fc.weight, model.transformer.h[0].mlp.c_fc.weight
    assert not torch.equal(old, new)


def test_the_loss_on_a_ribbon_is_the_mean_over_its_rows(lab):
    ribbon = lab.ribbon_of(examples.poems("test", 8, 0))
    rows = ribbon[: len(ribbon) // 64 * 64].reshape(-1, 64)
    with torch.no_grad():
        logits = lab.base(rows).logits[:, :-1]
    wanted = cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten()).item()
    assert lab.loss_on(lab.base, ribbon) == pytest.approx(wanted, rel=1e-4)


def test_lora_begins_as_the_old_layer_equals_pefts_and_can_be_merged(lab):
    layer = copy.deepcopy(lab.base.transformer.h[2].mlp.c_fc).requires_grad_(False)
    own, x = lab.LoRA(layer, 4), torch.randn(3, 192, generator=generator(1))
    assert torch.equal(own(x), layer(x))
    torch.nn.init.normal_(own.B, generator=generator(2))
    theirs = tuning.with_lora(copy.deepcopy(lab.base), 4).base_model.model.transformer.h[2].mlp.c_fc
    theirs.lora_A["default"].weight.data.copy_(own.A.T)
    theirs.lora_B["default"].weight.data.copy_(own.B.T)
    torch.testing.assert_close(own(x), theirs(x), atol=1e-5, rtol=1e-5)
    merged = x @ (layer.weight + 2 * own.A @ own.B) + layer.bias
    torch.testing.assert_close(own(x), merged, atol=1e-5, rtol=1e-5)
    assert [name for name, values in own.named_parameters() if values.requires_grad] == ["A", "B"]


def test_what_is_written_begins_as_asked(lab):
    told = lab.write(lab.base, "Mina the fox", 2)
    assert len(told) == 2 and all(words.startswith("Mina the fox") for words in told)


# Texts and counts


def test_held_out_poems_are_in_no_training_set_and_all_have_four_verses():
    training, test = examples.poems("train", 300, 0), examples.poems("test", 60, 0)
    assert len(set(training)) == 300 and len(set(test)) == 60 and not set(training) & set(test)
    assert {len(poem.splitlines()) for poem in training + test} == {4}
    assert all(rhymes.rhymes(poem) == 1 for poem in training)


def test_seeds_and_wrong_counts():
    assert examples.poems("train", 5, 1) == examples.poems("train", 5, 1) != examples.poems("train", 5, 2)
    assert len(examples.stories("test", 3, 0)) == 3
    assert {note.count("\n") for note in examples.clinical_notes("train", 5, 0)} == {1}
    with pytest.raises(WorkbookError, match="split"):
        examples.poems("validation", 3, 0)
    with pytest.raises(WorkbookError, match="count is 0"):
        examples.stories("test", 0, 0)


def test_couplets_are_counted_and_those_of_the_training_poems_known():
    poem = examples.poems("train", 1, 0)[0]
    first, second, *others = poem.splitlines()
    swapped = "\n".join([first, second, "The fox saw a light", "And slept all the night"])
    counts = examples.count_couplets([poem, swapped, "Once there was a fox.", f"{first}\nno"], [poem])
    assert counts == examples.Couplets(rhyming=4, new=1, total=8)
    assert len(others) == 2 and examples.count_couplets([""], [poem]) == examples.Couplets(0, 0, 2)


def test_paper_cuts_come_with_captions_in_the_size_that_is_asked():
    cuts = papercuts.examples(3, 32, 0)
    assert {cut.picture.size for cut in cuts} == {(32, 32)} and all(cut.caption for cut in cuts)
    assert not any("paper" in cut.caption.lower() for cut in cuts)
    assert [picture.size for picture in papercuts.usual(2, 64, 0)] == [(64, 64)] * 2
    assert len(set(papercuts.prompts(12, 0))) == 12


def test_the_judge_knows_paper_cuts_in_any_size():
    cuts = [cut.picture for cut in papercuts.examples(10, 128, 3)]
    assert papercuts.count_called(cuts) == (10, 10)
    assert papercuts.count_called(papercuts.usual(10, 64, 3)) == (0, 10)


# Figures


def titles(figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_texts_stand_side_by_side_and_long_ones_are_cut():
    figure = figures.texts({"short": "a\nb", "long": "word " * 300}, "a note")
    short, long = (axes.texts[0].get_text() for axes in figure.axes)
    assert titles(figure) == ["short", "long"] and short == "a\nb" and long.endswith("…")
    assert long.count("\n") == figures.LINES and figure._suptitle.get_text() == "a note"


def test_the_arrows_point_where_the_function_says():
    figure = figures.changed([RED, RED], [BLUE, RED], lambda before, after: (1, 6))
    places = [axes.texts[-1].xy for axes in figure.axes]
    assert places == [(52.0, 12.0)] * 4


def test_every_dot_is_named_and_a_guess_is_marked():
    points = {"before": (5.0, 1.0), "hard": (0.5, 6.0), "replay": (0.6, 1.2)}
    (axes,) = figures.skills(points, "hard").axes
    assert [words.get_text() for words in axes.texts] == ["before", "hard (your guess)", "replay"]
    assert axes.get_xlim()[0] == axes.get_ylim()[0] == 0


def test_the_best_answers_are_those_that_are_measured(monkeypatch):
    asked = []
    monkeypatch.setattr(figures.guess, "choice", lambda *given, **named: asked.append((given, named)))
    figures.guess_kept({"before": (5.0, 1.0), "hard": (0.5, 6.0), "replay": (0.6, 1.2)})
    for number in (20, 21, 60):
        figures.guess_rhymes({"a": examples.Couplets(3, 0, 60), "b": examples.Couplets(number, 1, 60)})
    answers = [named["answer"] for _, named in asked]
    assert answers == ["replay", "at most 20", "21 to 40", "41 or more"]
    assert asked[0][0][1] == ["hard", "replay"]


def test_counts_stand_under_their_bars():
    figure = figures.rhyme_bars({"a": examples.Couplets(3, 1, 60)}, "at most 20")
    assert figure.axes[0].get_xticklabels()[0].get_text() == "a\n3 of 60"
    assert titles(figure) == ["Couplets that rhyme (you guessed at most 20)"]
    (axes,) = figures.paper_cuts({"before": (0, 12)}).axes
    assert axes.get_xticklabels()[0].get_text() == "before\n0 of 12"


def test_the_drawing_names_its_sizes():
    drawing = diagrams.lora(10, 20, 3)
    assert "10 × 3" in drawing.svg and "3 × 20" in drawing.svg and "10 by 20" in drawing.alt


# Whose answer the cell after an exercise uses


def run_after(id: str, answer, **names) -> str:
    """What the cell after an exercise prints, and the titles and notes of its figures, with this answer."""
    (source,) = (source for source in cells(STEM) if f'use("{id}"' in source)
    notes = []

    def show(figure, alt):
        notes.extend([*titles(figure), figure._suptitle.get_text() if figure._suptitle else ""])

    space = {"use": exercises.use, "torch": torch, "figures": figures, "show": show, **names}
    space[exercises.of("05")[id].reference.__name__] = answer
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(source, space)
    return printed.getvalue() + " ".join(notes)


NAMES = {
    "05.1": {"before": [0.5, 0.25], "verse": "Mina sang"},
    "05.2": {},
    "05.3": {
        "examples": SimpleNamespace(stories=lambda *_: ["a", "b"]), "session": SimpleNamespace(seed=0),
        "poems": list("uvwxyz"), "copy": copy, "base": None, "rate": 1.0, "poem_ribbon": None,
        "train": lambda *_: [1.0], "ribbon_of": lambda texts: texts,
    },
    "05.4": {"pictures_before": [RED] * 3, "pictures_after": [BLUE] * 3},
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "whose"),
    [("missing", "the reference answer is used"), ("wrong", "the reference answer is used"),
     ("right", "your {} is used here")],
)  # fmt: skip
@pytest.mark.parametrize("id", ["05.1", "05.2", "05.3", "05.4"])
def test_the_next_cell_says_whose_answer_it_used(id, kind, whose):
    answers = {"missing": ..., "wrong": WRONG[id][0], "right": RIGHT[id][0]}
    said = run_after(id, answers[kind], **NAMES[id])
    assert whose.format(exercises.of("05")[id].reference.__name__) in said
    assert id != "05.2" or ("your own" in said) == (kind == "right")  # the figure says it, too


# The claims, for other seeds


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_what_the_notebook_says_of_its_texts_holds_for_every_seed(lab, seed, capsys):
    lab.session.seed = seed
    poems = examples.poems("train", 300, seed)
    ribbon = lab.ribbon_of(poems)
    new, old = (
        lab.ribbon_of(examples.poems("test", 60, seed)),
        lab.ribbon_of(examples.stories("test", 20, seed)),
    )
    mixture = lab.ribbon_of(tasks.mixed(poems, examples.stories("train", 60, seed), 5))
    torch.manual_seed(seed)
    fresh = type(lab.base)(lab.base.config).eval()
    curve = lab.train(fresh, ribbon, *STUDENTS["from scratch"])
    models = {"before": lab.base, "from scratch": fresh}
    for name, pieces in (("all numbers", ribbon), ("gentle rate", ribbon), ("with replay", mixture)):
        models[name] = copy.deepcopy(lab.base)
        other = lab.train(models[name], pieces, *STUDENTS[name])
        if name == "all numbers":
            assert other[0] > curve[0] and np.mean(other[-5:]) < 0.6 * np.mean(curve[-5:])
    models["LoRA"] = with_lora(lab)
    lab.train(models["LoRA"], ribbon, *STUDENTS["LoRA"])
    losses = {name: (lab.loss_on(model, new), lab.loss_on(model, old)) for name, model in models.items()}
    counts = {
        name: examples.count_couplets(lab.write(model, "", 30), poems) for name, model in models.items()
    }
    with capsys.disabled():
        print(f"\nseed {seed}")
        for name, (on_new, on_old) in losses.items():
            print(f"  {name:13} poems {on_new:.2f}  stories {on_old:.2f}  {counts[name]}")
    assert counts["before"].rhyming <= 2 and counts["from scratch"].rhyming <= 12
    assert min(counts[name].rhyming for name in ("all numbers", "LoRA")) >= 30
    rises = {name: on_old for name, (_, on_old) in losses.items() if name not in ("before", "from scratch")}
    assert min(rises, key=rises.get) == "with replay" and max(rises, key=rises.get) == "all numbers"
    assert losses["with replay"][0] < 0.3 * losses["before"][0]


# Steps and learning rate of each model, as in the notebook's cells
STUDENTS = {
    "from scratch": (70, 0.003), "all numbers": (70, 0.006), "gentle rate": (70, 0.0015),
    "with replay": (70, 0.006), "LoRA": (210, 0.006),
}  # fmt: skip


def with_lora(lab):
    """A copy of the base with the notebook's LoRA in it."""
    model = copy.deepcopy(lab.base).requires_grad_(False)
    for block in model.transformer.h:
        for part, name in (
            (block.attn, "c_attn"),
            (block.attn, "c_proj"),
            (block.mlp, "c_fc"),
            (block.mlp, "c_proj"),
        ):
            setattr(part, name, lab.LoRA(getattr(part, name), 16))
    return model


def test_the_numbers_of_the_claims_are_those_of_the_cells():
    code = "\n".join(cells(STEM))
    assert "rate = 0.006" in code and "train(fresh, poem_ribbon, 70, 0.003)" in code
    assert "train(poet, poem_ribbon, 70, rate)" in code and "train(lora_poet, poem_ribbon, 210, rate)" in code
    assert "train(gentle_poet, poem_ribbon, 70, rate / 4)" in code and "mix(poems, some_stories, 5)" in code


# The exercises: for each, answers that are wrong in the usual ways, and other ways of being right


def loss_with_numpy(probabilities):
    return float(-np.log(np.array(probabilities)).mean())


def loss_with_torch(probabilities):
    return -torch.tensor(probabilities, dtype=torch.float64).log().mean()


def size_by_tables(inputs, outputs, rank):
    a, b = torch.zeros(inputs, rank), torch.zeros(rank, outputs)
    return a.numel() + b.numel()


def mixed_with_an_iterator(new, old, every):
    from itertools import cycle

    texts, turns = [], cycle(old)
    for start in range(0, len(new), every):
        part = new[start : start + every]
        texts += part if len(part) < every else [*part, next(turns)]
    return texts


def mixed_with_a_remainder(new, old, every):
    texts = []
    for place, words in enumerate(new, 1):
        texts.append(words)
        if place % every == 0:
            texts.append(old[(place // every - 1) % len(old)])
    return texts


def changed_by_reshape(before, after):
    side = len(before) // 8
    blocks = np.abs(after - before).reshape(8, side, 8, side, 3).mean(axis=(1, 3, 4))
    return divmod(int(blocks.argmax()), 8)


def changed_by_torch(before, after):
    change = (torch.tensor(after) - torch.tensor(before)).abs().mean(dim=2)[None, None]
    blocks = torch.nn.functional.avg_pool2d(change, len(before) // 8)[0, 0]
    place = blocks.argmax().item()
    return [place // 8, place % 8]


RIGHT = {
    "05.1": [loss_with_numpy, loss_with_torch],
    "05.2": [size_by_tables, lambda inputs, outputs, rank: rank * (inputs + outputs)],
    "05.3": [mixed_with_an_iterator, mixed_with_a_remainder],
    "05.4": [changed_by_reshape, changed_by_torch],
}
WRONG = {
    "05.1": [*tasks.LOSS_SLIPS.values(), lambda p: -math.log(math.prod(p)), lambda p: None,
             lambda p: sum(p) / len(p)],
    "05.2": [*tasks.SIZE_SLIPS.values(), lambda i, o, r: r * r, lambda i, o, r: None],
    "05.3": [*tasks.MIXED_SLIPS.values(), lambda n, o, k: n.extend(o) or n, lambda n, o, k: [*n, *o]],
    "05.4": [*tasks.CHANGE_SLIPS.values(), lambda b, a: (0, 0), lambda b, a: abs(a - b).mean()],
}  # fmt: skip


@pytest.mark.parametrize("id, slips", [
    ("05.1", tasks.LOSS_SLIPS), ("05.2", tasks.SIZE_SLIPS), ("05.3", tasks.MIXED_SLIPS),
    ("05.4", tasks.CHANGE_SLIPS),
])  # fmt: skip
def test_every_named_slip_is_named(id, slips):
    judge = exercises.of("05")[id].judge
    assert {why: judge(slip) for why, slip in slips.items()} == {why: why for why in slips}
