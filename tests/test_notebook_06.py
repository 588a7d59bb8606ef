"""Notebook 06: its texts, its laboratory and its experiments, the figures, right and wrong answers."""

import contextlib
import io
import math
import random
import re

import numpy as np
import pytest
import torch
from torch import nn

from helpers import exercises
from helpers.errors import WorkbookError
from helpers.lessons.training import exercises as tasks
from helpers.lessons.training import experiments, figures, laboratory, normalising, texts
from helpers.lessons.training.laboratory import Run, TinyGPT
from helpers.session import generator
from smallworld.world.sentences import read_sentence, split_sentences
from smallworld.world.vocabulary import CHARACTERS, PLACES
from tests.notebook_code import cells

STEM = "06_training_from_scratch"


@pytest.fixture(autouse=True, scope="module")
def one_core():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# The texts


def test_every_sentence_is_one_of_the_story_grammar():
    for text in texts.beginnings(6, 0) + texts.beginnings(3, 0, held_out=True):
        roles = [{reading.pattern.role for reading in read_sentence(line)} for line in split_sentences(text)]
        assert len(roles) == 2 and "open" in roles[0] and "light" in roles[1], text


def test_first_sentences_are_recognised_and_broken_ones_are_not():
    sentences = texts.first_sentences(300, 1)
    assert all(map(texts.is_first_sentence, sentences)) and all(map(texts.right_kind, sentences))
    rng = random.Random(0)
    for sentence in sentences[:50]:
        words = sentence.split()
        i = rng.randrange(len(words) - 1)
        words[i], words[i + 1] = words[i + 1], words[i]
        if words != sentence.split():
            assert not texts.is_first_sentence(" ".join(words))
    assert not texts.is_first_sentence("Once upon a time, an fox named Mina")


def test_the_same_seed_gives_the_same_texts():
    assert texts.beginnings(20, 3) == texts.beginnings(20, 3) != texts.beginnings(20, 4)
    assert texts.first_sentences(20, 3) == texts.first_sentences(20, 3)


def test_held_out_texts_combine_what_no_training_text_does():
    def combinations(**options):
        found = texts.with_facts(600, 0, **options)
        return {(facts["place"], facts["time"], facts["character"]) for _, facts in found}

    assert not combinations() & combinations(held_out=True)


@pytest.mark.parametrize("place", PLACES)
def test_a_place_is_the_only_one_or_missing(place):
    assert {facts["place"] for _, facts in texts.with_facts(40, 0, place=place)} == {place}
    assert place not in {facts["place"] for _, facts in texts.with_facts(200, 0, without=place)}


def test_snow_is_recognised_by_its_words():
    for text, facts in texts.with_facts(400, 2):
        assert texts.is_in_snow(text) == (facts["place"] == "snow"), text
    assert texts.snow_share(texts.beginnings(50, 0, place="snow")) == 1


@pytest.mark.parametrize("wrong", [{"place": "moon"}, {"without": "Snow"}])
def test_a_place_that_is_not_there_is_told(wrong):
    with pytest.raises(WorkbookError, match="choose one of city, mountains"):
        texts.beginnings(2, 0, **wrong)
    with pytest.raises(WorkbookError, match="count is 0"):
        texts.beginnings(0, 0)


def test_words_survive_being_taken_apart():
    for text in texts.beginnings(50, 0):
        assert texts.join_words(texts.words_of(text)) == text


def test_about_half_of_the_texts_are_spoilt_in_about_a_third_of_their_words():
    clean = texts.beginnings(600, 0)
    dirty = texts.spoil(clean, 0)
    changed = [
        np.mean([a != b for a, b in zip(texts.words_of(x), texts.words_of(y), strict=True)])
        for x, y in zip(clean, dirty, strict=True)
        if x != y
    ]
    assert 250 < len(changed) < 350 and 0.25 < np.mean(changed) < 0.35


def test_pairs_are_counted_over_the_whole_collection():
    small = ["a b c", "a b", "c a b"]
    counts = texts.count_pairs(small)
    assert [texts.pair_counts(text, counts) for text in small] == [[3, 1], [3], [1, 3]]


def test_other_heroes_bring_their_kind_and_nothing_else_changes():
    text = "Koa was an otter who lived in the old forest. Koa the otter sang."
    made = texts.with_other_heroes([text])
    assert len(made) == len(set(made)) == sum(one.pronouns == "he" for one in CHARACTERS.values())
    assert "Bram was a bear who lived in the old forest. Bram the bear sang." in made and text in made
    mina = texts.with_other_heroes(["Mina was a fox."])
    assert "Suri was a girl." in mina and not any("Koa" in text for text in mina)
    assert all(map(texts.right_kind, texts.with_other_heroes(texts.beginnings(30, 0))))
    with pytest.raises(WorkbookError, match="Nobody of the small world"):
        texts.with_other_heroes(["A stone lay there."])


# The laboratory


def test_windows_and_targets_are_one_token_apart():
    strip = torch.arange(100)
    inputs, targets = laboratory.draw_windows(strip, 8, 5, generator(0))
    assert inputs.shape == targets.shape == (8, 5) and torch.equal(inputs + 1, targets)
    starts = laboratory.draw_windows(strip, 5000, 5, generator(0))[0][:, 0]
    assert starts.min() == 0 and starts.max() == 94  # every place that has room
    with pytest.raises(WorkbookError, match="too few for a window of 99"):
        laboratory.draw_windows(strip, 1, 99, generator(0))


def test_the_loss_is_the_mean_surprise_of_exercise_1():
    logits = torch.randn(2, 3, 7, generator=generator(0))
    targets = torch.randint(7, (2, 3), generator=generator(1))
    right = logits.softmax(dim=2).gather(2, targets[:, :, None]).flatten().tolist()
    assert laboratory.next_token_loss(logits, targets).item() == pytest.approx(tasks.mean_surprise(right))


@pytest.mark.parametrize("attention", [True, False])
def test_a_place_sees_what_it_should(attention):
    torch.manual_seed(0)
    model = TinyGPT(50, layers=2, attention=attention).eval()
    numbers = torch.randint(50, (1, 8), generator=generator(0))
    other = numbers.clone()
    other[0, 3] = (numbers[0, 3] + 1) % 50
    changed = (model(numbers) - model(other)).abs().sum(dim=2)[0] > 1e-6
    assert changed.tolist() == [i >= 3 if attention else i == 3 for i in range(8)]


def test_attention_costs_the_same_parameters_on_and_off():
    sizes = {TinyGPT(50, attention=on).parameter_count() for on in (True, False)}
    assert len(sizes) == 1


def test_a_strip_has_all_words_with_an_end_around_each_text():
    collection = texts.beginnings(3, 0)
    words = [laboratory.vocabulary()[number] for number in laboratory.strip_of(collection)]
    told = " ".join(words).split(laboratory.END)
    assert [texts.join_words(text.split()) for text in told[1:-1]] == collection
    assert words[0] == words[-1] == laboratory.END and laboratory.strip_of(["Xyz"]).tolist() == [0, 1, 0]
    with pytest.raises(WorkbookError, match="no texts"):
        laboratory.strip_of([])


def test_nearly_every_word_is_in_the_vocabulary():
    strip = laboratory.strip_of(texts.beginnings(1000, 9) + texts.beginnings(300, 9, held_out=True))
    assert (strip == 1).float().mean() < 1e-3 and len(laboratory.vocabulary()) < 450


class Counting(nn.Module):
    """A stand-in for a model: after each token comes the next number, after 5 comes the end."""

    length = 3

    def forward(self, numbers):
        return nn.functional.one_hot((numbers + 1) % 6, 6).float() * 1e4


def test_writing_stops_at_the_end_and_at_the_limit():
    assert laboratory.write(Counting(), 2, generator(0)) == [[1, 2, 3, 4, 5]] * 2
    assert laboratory.write(Counting(), 1, generator(0), limit=3) == [[1, 2, 3]]


def test_pages_cover_the_strip_and_measuring_draws_nothing():
    strip = laboratory.strip_of(texts.beginnings(20, 0))
    windows = laboratory.pages(strip)
    assert torch.equal(torch.cat([windows[0], *windows[1:, 1:]]), strip[: 32 * len(windows) + 1])
    model = TinyGPT(len(laboratory.vocabulary()), dropout=0.5)
    assert laboratory.measure(model, windows) == laboratory.measure(model, windows)
    with pytest.raises(WorkbookError, match="give more, at least 33"):
        laboratory.pages(strip[:20])


def test_one_seed_trains_one_model_and_learning_makes_it_better():
    collection, held_out = texts.beginnings(60, 0), texts.beginnings(20, 0, held_out=True)
    options = {"steps": 12, "every": 5}
    run, same, other = (laboratory.fit(collection, held_out, seed, **options) for seed in (0, 0, 1))
    assert run.steps == [5, 10, 12] and run.held_out == same.held_out != other.held_out
    assert run.training[-1] < run.training[0] < math.log(len(laboratory.vocabulary())) + 0.5
    assert len(laboratory.write_texts(run.model, 3, 0)) == 3


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch_size": 0}, {"rate": 0}, {"rate": float("nan")}])
def test_a_setting_out_of_range_is_told_before_training(wrong):
    (name,) = wrong
    with pytest.raises(WorkbookError, match=f"{name} is"):
        laboratory.fit(["a"], ["a"], 0, **wrong)


def test_a_rate_that_breaks_the_model_gives_no_number_that_looks_good():
    collection = texts.beginnings(30, 0)
    run = laboratory.fit(collection, collection, 0, steps=30, rate=500.0)
    assert run.held_out[-1] > laboratory.blind_loss(collection, collection)


def test_blind_loss_knows_frequencies_only():
    collection = texts.beginnings(200, 0)
    shuffled = [texts.join_words(reversed(texts.words_of(text))) for text in collection]
    assert laboratory.blind_loss(collection, collection) == pytest.approx(
        laboratory.blind_loss(collection, shuffled)
    )


def test_models_of_all_depths_have_about_the_same_size():
    words = len(laboratory.vocabulary())
    for layers in experiments.DEPTHS:
        model = TinyGPT(words, layers=layers, width=experiments.width_for(layers))
        assert model.parameter_count() == pytest.approx(experiments.PARAMETERS, rel=0.06)


def test_the_most_similar_text_shares_the_longest_run():
    source = ["the fox sat by the sea", "the cat ran"]
    assert experiments.most_similar("a fox sat by the fire", source) == source[0]
    assert experiments.mean_overlap(["the cat ran", "the dog ran"], source) == 2.0


# The loop of the notebook


def loop_cell() -> str:
    (source,) = (source for source in cells(STEM) if "loss.backward()" in source)
    return source


def test_the_loop_in_the_notebook_trains():
    sentences = texts.first_sentences(200, 0)
    letters = sorted(set("\n" + "\n".join(sentences) + "\n"))
    strip = torch.tensor([letters.index(letter) for letter in "\n" + "\n".join(sentences) + "\n"])
    torch.manual_seed(0)
    space = {
        "torch": torch, "tqdm": lambda turns, **_: turns, "steps": 40, "base_seed": 0, "strip": strip,
        "generator": generator, "dice": generator(0), "draw_windows": laboratory.draw_windows,
        "next_token_loss": laboratory.next_token_loss, "write": laboratory.write,
        "to_text": lambda row: "".join(letters[number] for number in row),
        "model": TinyGPT(len(letters), width=16, length=64),
    }  # fmt: skip
    exec(loop_cell(), space)
    losses, written = space["losses"], space["written"]
    assert len(losses) == 40 and np.mean(losses[-5:]) < losses[0] - 0.5
    assert list(written) == [1, 30, 40] and all(len(lines) == 20 for lines in written.values())


def test_every_turn_of_the_loop_has_its_five_steps_in_order():
    source = loop_cell()
    turns = ("draw_windows(", "model(inputs)", "next_token_loss(", "loss.backward()", "optimizer.step()")
    places = [source.index(turn) for turn in turns]
    assert places == sorted(places) and places[3] > source.index("zero_grad()")
    assert re.findall(r"# (\d)\.", source) == list("12345")


# Normalisation


def test_the_reference_normalises_as_pytorch_does_in_training():
    batch = torch.randn(9, 5, generator=generator(0)) * 7 + 3
    library = nn.BatchNorm1d(5, affine=False)
    assert torch.allclose(tasks.normalise(batch), library(batch), atol=1e-5)


def test_a_text_alone_is_normalised_to_zeros():
    assert tasks.normalise(torch.tensor([[3.0, -8.0, 0.5]])).eq(0).all()


def small_examples():
    return normalising.examples(60, 0), normalising.examples(20, 0, held_out=True)


def test_examples_tell_their_time():
    learn, _ = small_examples()
    words = laboratory.vocabulary()
    assert learn.words.shape == (60, len(words)) and set(learn.time.tolist()) == {0, 1, 2, 3}
    marked = {words[i] for i in learn.words[0].nonzero()[:, 0]}
    assert marked == set(texts.words_of(learn.texts[0]))


@pytest.mark.parametrize("normalise", [None, "batch", "layer", tasks.normalise])
def test_a_deep_network_trains_with_each_normalisation(normalise):
    learn, judge = small_examples()
    trained = normalising.train(learn, judge, 0, normalise, steps=3)
    assert len(trained.right) == 3 and all(0 <= share <= 1 for share in trained.right)


def test_only_batch_normalisation_by_hand_depends_on_the_batch():
    learn, judge = small_examples()
    for normalise, differs in ((tasks.normalise, True), ("batch", False), ("layer", False)):
        model = normalising.train(learn, judge, 0, normalise, steps=3).model.eval()
        together, alone = model(judge.words)[:1], model(judge.words[:1])
        assert torch.allclose(together, alone, atol=1e-4) != differs, normalise


def test_asking_changes_nothing_and_the_mode_decides():
    learn, judge = small_examples()
    model = normalising.train(learn, judge, 0, "batch", steps=3).model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    first, other = (normalising.belief(model, judge, 0, others) for others in (range(1, 10), range(10, 19)))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training and first != other
    model.eval()
    assert len({normalising.belief(model, judge, 0, others) for others in (range(1, 9), range(9, 17))}) == 1


# What the notebook says, for other seeds


def rates(seed: int) -> dict[str, float]:
    table = experiments.rate_map(texts.beginnings(800, seed), held(seed), seed)
    best = {size: min(row, key=row.get) for size, row in table.items()}
    return {
        **{f"best rate, batch {size}": rate for size, rate in best.items()},
        "too small": table[32][experiments.RATES[0]], "too large": table[32][experiments.RATES[-1]],
        "in the valley": table[32][0.01], "best": min(table[32].values()),
    }  # fmt: skip


def held(seed: int) -> list[str]:
    return texts.beginnings(200, seed, held_out=True)


def dirt(seed: int) -> dict[str, float]:
    clean = texts.beginnings(1200, seed + 1)
    dirty = texts.spoil(clean, seed)
    counts = texts.count_pairs(dirty)
    kept = [text for text in dirty if tasks.is_clean(texts.pair_counts(text, counts))]
    sets = {"dirty": dirty, "filtered": kept, "few, clean": clean[:100], "all clean": clean}
    return experiments.compare(sets, held(seed), seed)


def snow(seed: int) -> dict[str, float]:
    in_snow = texts.beginnings(16, seed, place="snow")
    elsewhere = texts.beginnings(784, seed, without="snow")
    new = texts.beginnings(96, seed + 1, place="snow")
    sets = {"rare": elsewhere + in_snow, "oversampled": elsewhere + 7 * in_snow,
            "collected": elsewhere + in_snow + new}  # fmt: skip
    found = experiments.snow(sets, seed)
    shares = {f"share, {name}": one.snow / one.total for name, one in found.items()}
    return shares | {f"loss, {name}": one.loss for name, one in found.items()}


def overfitting(seed: int) -> dict[str, float]:
    few, many = texts.beginnings(40, seed + 2), texts.beginnings(800, seed)
    common = {"held_out": held(seed), "seed": seed, "steps": 400, "every": 20}
    run = laboratory.fit(few, **common)
    found = {
        "nothing": run.held_out[-1],
        "early stopping": run.held_out[tasks.stop_at(run.held_out, 3)],
        "dropout": laboratory.fit(few, dropout=0.3, **common).held_out[-1],
        "augmentation": laboratory.fit(texts.with_other_heroes(few), **common).held_out[-1],
        "more texts": laboratory.fit(many, **common).held_out[-1],
    }
    written = laboratory.write_texts(run.model, 20, seed)
    found["copied"] = experiments.mean_overlap(written, few)
    found["new texts share"] = experiments.mean_overlap(held(seed)[:20], few)
    return found


def norms(seed: int) -> dict[str, float]:
    learn, judge = normalising.examples(1000, seed), normalising.examples(200, seed, held_out=True)
    plain, normed, library, layer = (
        normalising.train(learn, judge, seed, kind) for kind in (None, tasks.normalise, "batch", "layer")
    )
    return {
        "without": plain.right[-1], "with": normed.right[-1],
        "alone": normalising.share_right(normed.model, judge, 1),
        "library, alone": normalising.share_right(library.model, judge, 1),
        "layer, alone": normalising.share_right(layer.model, judge, 1),
    }  # fmt: skip


def shapes(seed: int) -> dict[str, float]:
    found = experiments.shapes(texts.beginnings(2000, seed + 3), held(seed), seed)
    named = {f"{one.layers} layers": one.with_attention for one in found}
    return named | {f"{one.layers} layers, no attention": one.without_attention for one in found}


# (experiment, the worse, the better, whether lower is better)
PAIRS = [
    (rates, "too small", "in the valley", True), (rates, "too large", "in the valley", True),
    (dirt, "dirty", "filtered", True), (dirt, "few, clean", "filtered", True),
    (snow, "share, rare", "share, oversampled", False), (snow, "share, rare", "share, collected", False),
    (snow, "loss, rare", "loss, oversampled", True), (snow, "loss, oversampled", "loss, collected", True),
    (overfitting, "nothing", "dropout", True), (overfitting, "nothing", "augmentation", True),
    (overfitting, "nothing", "early stopping", True), (overfitting, "nothing", "more texts", True),
    (overfitting, "early stopping", "more texts", True), (overfitting, "dropout", "more texts", True),
    (overfitting, "augmentation", "more texts", True), (overfitting, "new texts share", "copied", False),
    (norms, "without", "with", False), (norms, "alone", "with", False),
    (norms, "alone", "library, alone", False), (norms, "alone", "layer, alone", False),
    (shapes, "1 layers, no attention", "1 layers", True),
    (shapes, "4 layers, no attention", "4 layers", True),
]  # fmt: skip
SEEDS = 5


@pytest.mark.slow
@pytest.mark.parametrize("experiment", [rates, dirt, snow, overfitting, norms, shapes])
def test_failures_and_cures_differ_by_more_than_chance(experiment, capsys):
    """Over 5 seeds each pair is told apart every time, and its mean gain is larger than its interval."""
    rows = [experiment(seed) for seed in range(SEEDS)]
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    with capsys.disabled():
        print(f"\n{experiment.__name__}: mean of seeds 0-{SEEDS - 1} and its 95 % interval, lowest, highest")
        for name, values in table.items():
            half = 2.78 * values.std(ddof=1) / SEEDS**0.5  # Student's t for 5 values
            print(f"  {name:24}{values.mean():8.3f} ± {half:.3f} {values.min():8.3f} {values.max():8.3f}")
    for _, worse, better, lower in (pair for pair in PAIRS if pair[0] is experiment):
        gain = (table[worse] - table[better]) * (1 if lower else -1)
        assert gain.min() > 0, (worse, better, gain)
        assert gain.mean() > 2.78 * gain.std(ddof=1) / SEEDS**0.5, (worse, better)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_larger_batch_wants_a_larger_rate(seed):
    found = rates(seed)
    best = [found[f"best rate, batch {size}"] for size in experiments.BATCH_SIZES]
    assert best == sorted(best) and best[0] < best[-1]
    assert found["in the valley"] < found["best"] * 1.25


# Figures


def titles(figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def note(figure) -> str:
    return figure._suptitle.get_text() if figure._suptitle else ""


def a_run(held_out, training=None) -> Run:
    steps = [20 * (i + 1) for i in range(len(held_out))]
    return Run(Counting(), steps, training or [2.0 / (i + 1) for i in range(len(held_out))], list(held_out))


def names(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_the_learning_curve_names_its_dots_and_its_dashed_line():
    figure = figures.learning_curve([4.0, 3.0, 2.0, 1.0], [1, 3, 600], 3.7, "a note")
    (axes,) = figure.axes
    assert note(figure) == "a note" and names(axes) == ["here it writes", "all letters equally likely"]
    assert axes.lines[1].get_xydata().tolist() == [[1, 4], [3, 2]] and axes.lines[2].get_ydata()[0] == 3.7


def test_signs_of_learning_are_shares():
    sentence = texts.first_sentences(1, 0)[0]
    known = set(texts.words_of(sentence))
    counts = figures.signs_of_learning({1: ["xq", ""], 9: [sentence, "Once upon a"]}, known)
    assert counts == {"real words": [0, 1], "right kind": [0, 0.5], "whole sentence": [0, 0.5]}
    figure = figures.learnt([1, 9], counts, "right kind")
    assert len(figure.axes[0].lines) == 3 and "you guessed: right kind" in figure.axes[0].get_xlabel()


def ask(monkeypatch, draw, *given) -> tuple:
    """What a figure asks the reader: options and answer; and the figure for the first option."""
    asked = []
    monkeypatch.setattr(figures.guess, "choice", lambda *all, **named: asked.append((all, named)))
    draw(*given)
    ((_, options, make), named) = asked[0]
    assert named["alt"].endswith(".") and make(None).axes
    return options, named["answer"], make(options[0])


def test_the_map_frames_the_best_of_each_row(monkeypatch):
    table = {8: {0.001: 3.0, 0.01: 1.0, 0.1: 2.0}, 32: {0.001: 4.0, 0.01: 2.0, 0.1: 1.5}}
    options, answer, figure = ask(monkeypatch, figures.guess_rate, table, 32)
    assert (options, answer) == (["0.001", "0.01", "0.1"], "0.1")
    frames = [patch.get_xy() for patch in figure.axes[0].patches]
    assert frames == [(0.5, -0.5), (1.5, 0.5)]
    figures.rate_map({8: {0.1: float("inf"), 0.2: 1.0}})  # a loss beyond all bounds is drawn, too


def test_the_best_collection_is_the_lowest_bar(monkeypatch):
    losses = {"dirty: 2 texts": 3.0, "clean: 1 text": 2.0}
    options, answer, figure = ask(monkeypatch, figures.guess_collection, losses, "a note")
    assert (options, answer) == (list(losses), "clean: 1 text") and note(figure) == "a note"
    assert figure.axes[0].patches[0].get_facecolor() != figure.axes[0].patches[1].get_facecolor()


def test_the_snow_is_drawn_with_intervals_and_shares():
    found = {
        "2 % snow": experiments.Balance(12, 600, 2.0),
        "oversampled": experiments.Balance(80, 600, 1.5),
    }
    left, right = figures.balance(found, {"2 % snow": 0.02, "oversampled": 0.125}).axes
    assert [bar.get_height() for bar in left.patches] == [0.02, 80 / 600]
    assert names(left) == ["share in the collection"] and right.get_ylabel().startswith("loss in the snow")


def test_early_stopping_is_named_where_it_stops():
    figure = figures.both_losses(a_run([3.0, 1.5, 1.8, 2.5]), 1, "a note")
    (axes,) = figure.axes
    assert names(axes) == ["held-out texts", "its own texts"] and note(figure) == "a note"
    assert axes.texts[0].get_text() == "early stopping\nkeeps this model" and axes.texts[0].xy == (40, 1.5)


def test_the_cures_share_one_scale_and_one_dashed_line(monkeypatch):
    runs = {
        name: a_run([3.0, 2.0 + i]) for i, name in enumerate(("no cure", "dropout", "augmentation", "more"))
    }
    runs["more"] = a_run([3.0, 1.0])
    options, answer, figure = ask(monkeypatch, figures.guess_cure, runs, 1.7)
    assert (options, answer) == (["dropout", "augmentation", "more"], "more")
    assert titles(figure)[1] == "dropout: 3.00 (your guess)" and titles(figure)[3] == "more: 1.00"
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert all(axes.lines[2].get_ydata()[0] == 1.7 for axes in figure.axes)


def test_curves_of_rates_and_of_deep_networks_are_named():
    figure = figures.rate_curves({"rate 0.1": a_run([3, 2]), "rate 1": a_run([3, 4])}, "a note")
    assert names(figure.axes[0]) == ["rate 0.1", "rate 1"] and note(figure) == "a note"
    figure = figures.deep({"with": [0.3, 0.9], "without": [0.2, 0.3]}, 0.25)
    assert names(figure.axes[0]) == ["with", "without", "guessing"]


@pytest.mark.parametrize(
    ("without", "answer"), [(3.0, "no attention"), (1.2, "one layer instead of the best depth")]
)
def test_the_larger_loss_is_the_answer(without, answer, monkeypatch):
    found = [experiments.Shape(1, 32, 1000, 1.1, without), experiments.Shape(2, 24, 1000, 0.8, without)]
    options, right, figure = ask(monkeypatch, figures.guess_shape, found)
    assert right == answer in options and names(figure.axes[0]) == ["without attention", "with attention"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1\n1,000", "2\n1,000"]


# Whose answer the cell after an exercise uses


def used(id: str, answer) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exercises.use(id, answer)
    return printed.getvalue()


@pytest.mark.parametrize("id", ["06.1", "06.2", "06.3", "06.4", "06.5"])
def test_each_answer_is_used_in_the_notebook(id):
    (source,) = (source for source in cells(STEM) if f'use("{id}"' in source)
    assert exercises.of("06")[id].reference.__name__ in source
    assert "reference answer is used" in used(id, ...) and "your" in used(id, RIGHT[id][0])
    (name,) = re.findall(r"(\w+) = use", source)
    whose = [cell for cell in cells(STEM) if f"{name}.whose" in cell]
    assert whose, f"no figure says whose answer {id} is"


# The exercises: for each, answers that are wrong in the usual ways, and other ways of being right


def surprise_with_numpy(probabilities):
    return float(-np.log(probabilities).mean())


def surprise_with_sum(probabilities):
    return sum(-math.log(p) for p in probabilities) / len(probabilities)


def clean_by_share(pair_counts):
    alone = [count for count in pair_counts if count == 1]
    return len(alone) / len(pair_counts) < 0.1


def clean_by_loop(pair_counts):
    alone = 0
    for count in pair_counts:
        if count < 2:
            alone += 1
    return 1 if alone < 3 else 0


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


def normalise_with_torch(batch):
    return (batch - batch.mean(dim=0)) / (batch.var(dim=0, unbiased=False) + 1e-5).sqrt()


def normalise_by_columns(batch):
    columns = []
    for column in batch.T:
        variance = ((column - column.mean()) ** 2).mean()
        columns.append((column - column.mean()) / torch.sqrt(variance + 1e-5))
    return torch.stack(columns, dim=1)


RIGHT = {
    "06.1": [surprise_with_numpy, surprise_with_sum],
    "06.2": [0.02, 0.025],
    "06.3": [clean_by_share, clean_by_loop],
    "06.4": [stop_by_counting, stop_by_slices],
    "06.5": [normalise_with_torch, normalise_by_columns],
}
WRONG = {
    "06.1": [lambda ps: -sum(math.log(p) for p in ps), lambda ps: sum(math.log(p) for p in ps) / len(ps),
             lambda ps: -math.log(sum(ps) / len(ps)), lambda ps: -sum(math.log2(p) for p in ps) / len(ps),
             lambda ps: [-math.log(p) for p in ps], lambda ps: print(sum(ps)), lambda ps: -math.log(ps)],
    "06.2": [0.0003, 0.3, 1, 0, -0.01, 30, True, "0.01", None, [0.01], float("nan")],
    "06.3": [lambda counts: True, lambda counts: False, lambda counts: counts.count(1) > 2,
             lambda counts: 1 not in counts, lambda counts: counts.count(1) <= 12,
             lambda counts: counts.count(1), lambda counts: print(counts.count(1) <= 2),
             lambda counts: sum(counts) / len(counts) > 3],
    "06.4": [tasks._stop_late, lambda losses, patience: losses.index(min(losses)), tasks._stop_latest,
             tasks._stop_at_first_rises, tasks._stop_one_less, tasks._stop_one_more,
             lambda losses, patience: min(losses), lambda losses, patience: 0],
    "06.5": [lambda b: tasks._slip(b, dim=1), lambda b: tasks._slip(b, power=1),
             lambda b: tasks._slip(b, less=1), lambda b: tasks._slip(b, mean=0),
             lambda b: b - b.mean(dim=0), lambda b: (b - b.mean()) / b.std(), lambda b: b,
             lambda b: print(tasks.normalise(b))],
}  # fmt: skip


@pytest.mark.parametrize(
    ("id", "wrong", "said"),
    [
        ("06.1", WRONG["06.1"][1], "The sign is wrong"), ("06.2", 0.0003, "ends at"),
        ("06.2", "0.01", "The answer is a number"), ("06.3", WRONG["06.3"][0], "too much dirt"),
        ("06.3", WRONG["06.3"][1], "too strict"), ("06.3", WRONG["06.3"][6], "Return True or False"),
        ("06.4", tasks._stop_late, "lowest loss before"), ("06.5", WRONG["06.5"][0], "means of the rows"),
    ],
)  # fmt: skip
def test_the_usual_mistakes_are_named(id, wrong, said):
    assert said in exercises.of("06")[id].judge(wrong)
