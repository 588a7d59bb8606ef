"""The judge: what the shipped one reads, its data and its training, its files and its command line."""

import json
import os
import random
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from smallworld.judges import pictures as judges
from smallworld.judges.measures import right
from smallworld.making import judge_data as data
from smallworld.making import picture_judge as trainer
from smallworld.making.judge_data import Shares
from smallworld.making.spoiling import KINDS
from smallworld.world.drawing import draw
from smallworld.world.prompts import Asked
from smallworld.world.scenes import Scene, combinations, sample_scene
from tests.copies import copy_tree

COLOR, TIME = (list(judges.FACTS).index(name) for name in ("color", "time"))


@pytest.fixture(autouse=True)
def no_progress_bars(monkeypatch):
    for module in (trainer, data):
        monkeypatch.setattr(module, "tqdm", partial(module.tqdm, disable=True))


@pytest.fixture(scope="module")
def judge():
    return judges.load()


@pytest.fixture(scope="module")
def scenes():
    rng = random.Random("fresh scenes for the judge")
    return [sample_scene(rng, "test") for _ in range(600)]


@pytest.fixture(scope="module")
def pictures(scenes):
    return np.stack([np.asarray(draw(scene)) for scene in scenes])


@pytest.fixture(scope="module")
def readings(judge, pictures):
    return judge.read(pictures)


@pytest.fixture(scope="module")
def layouts(judge, pictures):
    return judge.layout(pictures)


# --- the shipped judge ----------------------------------------------------------------------------------


def test_the_shipped_folder_is_at_most_one_mebibyte():
    files = [path for path in judges.SHIPPED.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"model.safetensors", "training.json", "README.md"}
    assert sum(path.stat().st_size for path in files) <= 1 << 20


def test_the_shipped_card_and_record_belong_together():
    record = json.loads((judges.SHIPPED / "training.json").read_text(encoding="utf-8"))
    text = (judges.SHIPPED / "README.md").read_text(encoding="utf-8")
    assert text == trainer.card(record)
    assert f"| thing, or nothing | {record['quality']['thing']['share']:.1%} (" in text
    shares = Shares(**record["settings"]["shares"])
    assert record["settings"] == trainer.asdict(trainer.Settings(**record["settings"] | {"shares": shares}))
    assert record["parameters"] == sum(weight.numel() for weight in judges.Judge().parameters())


def test_the_shipped_judge_reads_in_float32_and_learns_nothing(judge):
    assert {weight.dtype for weight in judge.parameters()} == {torch.float32}
    assert not judge.training and not any(weight.requires_grad for weight in judge.parameters())


@pytest.mark.parametrize("fact", ["place", "time", "thing"])
def test_place_time_and_thing_of_held_out_scenes_are_read(fact, scenes, readings):
    held_out = set(combinations("test"))
    assert all((scene.place, scene.time, scene.thing) in held_out for scene in scenes)
    right = [getattr(s, fact) == getattr(r, fact) for s, r in zip(scenes, readings, strict=True)]
    assert np.mean(right) >= 0.99


def test_colour_and_number_of_held_out_scenes_are_read(scenes, readings):
    shown = [(s, r) for s, r in zip(scenes, readings, strict=True) if s.thing]
    assert np.mean([scene.color == reading.color for scene, reading in shown]) >= 0.98
    assert np.mean([(scene.count > 1) == reading.several for scene, reading in shown]) >= 0.98


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_the_exact_number_is_read(count, scenes, readings):
    right = [reading.count == count for s, reading in zip(scenes, readings, strict=True) if s.count == count]
    assert len(right) >= 20 and np.mean(right) >= 0.97


def test_nothing_has_neither_colour_nor_number(judge):
    rng = random.Random(3)
    empty = [draw(sample_scene(rng, thing="")) for _ in range(40)]
    found = [reading for reading in judge.read(empty) if not reading.thing]
    assert len(found) >= 39
    assert all((one.color, one.count, one.several) == ("", 0, False) for one in found)


def test_a_reading_says_how_sure_it_is(judge, readings):
    for reading in readings:
        assert set(reading.probabilities) == set(judges.FACTS)
        assert all(0 <= p <= 1 for p in (*reading.probabilities.values(), reading.unreadable))
        assert reading.readable == (reading.unreadable <= judge.threshold)
    assert np.mean([reading.probabilities["place"] for reading in readings]) > 0.98
    assert readings[0] == replace(readings[0], probabilities={})


class Logits(torch.nn.Module):
    """In place of the fact reader: all facts alike, and the thing's probabilities as given."""

    def __init__(self, things):
        super().__init__()
        self.things = torch.tensor([[things.get(name, 1e-9) for name in judges.ANSWERS["thing"]]])

    def forward(self, pixels):
        flat = {name: torch.zeros(len(pixels), len(values)) for name, values in judges.ANSWERS.items()}
        return flat | {"thing": self.things.log()}


@pytest.mark.parametrize(
    ("things", "threshold", "thing", "sure"),
    [
        ({"boat": 0.4, "unreadable": 0.6}, 0.5, "unreadable", 0.6),
        ({"boat": 0.4, "unreadable": 0.6}, 0.7, "boat", 0.4),
        ({"boat": 0.7, "tent": 0.1, "unreadable": 0.2}, 0.5, "boat", 0.7),
        ({"boat": 0.7, "tent": 0.1, "unreadable": 0.2}, 0.1, "unreadable", 0.2),
        ({"": 0.9, "unreadable": 0.1}, 0.5, "", 0.9),
    ],
)
def test_the_threshold_decides_what_nobody_could_name(things, threshold, thing, sure, pictures):
    judge = judges.Judge().eval()
    judge.fact_reader = Logits(things)
    judge.threshold.fill_(threshold)
    (reading,) = judge.read(pictures[:1])
    assert (reading.thing, reading.readable) == (thing, thing != judges.UNREADABLE)
    assert reading.probabilities["thing"] == pytest.approx(sure, abs=1e-3)
    assert reading.unreadable == pytest.approx(things["unreadable"], abs=1e-3)
    assert (reading.count == 0) == (thing == "")


@pytest.mark.parametrize("asked", ["boat", ""])
def test_an_unreadable_thing_is_never_what_was_asked_for(asked):
    reading = judges.Reading("ocean", "noon", judges.UNREADABLE, "red", 1)
    verdict = right(Asked("", {"place": "ocean", "thing": asked}), reading)
    assert verdict == {"place": True, "thing": False, "all": False}


@pytest.mark.parametrize("read", [1, 2, 3])
def test_an_exact_number_that_was_asked_for_is_held_against_the_number(read):
    verdict = right(Asked("", {"count": 2}), judges.Reading("ocean", "noon", "boat", "red", read))
    assert verdict["count"] == (read == 2)


def test_pictures_and_arrays_are_read_alike(judge, pictures):
    listed = [Image.fromarray(picture) for picture in pictures[:20]]
    opaque = [picture.convert("RGBA") for picture in listed]
    wanted = judge.read(pictures[:20])
    for given in (listed, opaque, tuple(listed), pictures[:20].copy(order="F")):
        found = judge.read(given)
        assert found == wanted
        assert [one.probabilities for one in found] == [one.probabilities for one in wanted]
        np.testing.assert_array_equal(judge.layout(given), judge.layout(pictures[:20]))


def test_any_number_of_pictures_is_read_in_order(judge, pictures, readings):
    assert judge.read([]) == [] and judge.layout([]).shape == (0, 4)
    part = slice(judges.BATCH - 2, judges.BATCH + 3)  # across the border of two batches
    assert judge.read(pictures[part]) == readings[part]
    assert len(readings) == len(pictures)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([Image.new("RGB", (64, 32))], "64x64 pixels, not 64x32: resize them."),
        ([Image.new("RGB", (64, 64)), Image.new("RGB", (512, 512))], "not 512x512"),
        (np.zeros((2, 64, 64, 3), np.float32), "uint8 arrays of shape (n, 64, 64, 3), not float32"),
        (np.zeros((2, 3, 64, 64), np.uint8), "not uint8 (2, 3, 64, 64)."),
        (np.zeros((64, 64, 3), np.uint8), "not uint8 (64, 64, 3)."),
        (np.zeros((2, 64, 64), np.uint8), "not uint8 (2, 64, 64)."),
    ],
)
def test_other_sizes_and_number_types_are_refused(given, sentence, judge):
    for asked in (judge.read, judge.layout):
        with pytest.raises(judges.JudgeError) as refused:
            asked(given)
        assert sentence in str(refused.value) and "\n" not in str(refused.value)


# --- the layout -----------------------------------------------------------------------------------------


def test_the_layout_is_near_the_true_one(scenes, layouts):
    for column, limit in ((0, 0.015), (1, 0.04), (2, 0.025), (3, 0.035)):
        wanted = np.array([trainer.targets_of(scene)[1][column] for scene in scenes])
        given = np.array([bool(scene.thing) for scene in scenes]) | (column == 0)
        error = np.abs(layouts[given, column] - wanted[given])
        assert error.mean() < limit < np.abs(wanted[given] - wanted[given].mean()).mean()


def test_where_there_is_nothing_the_width_is_about_nothing(scenes, layouts):
    empty = np.array([not scene.thing for scene in scenes])
    assert empty.sum() >= 20
    assert np.median(np.abs(layouts[empty, 3])) < 0.06 < np.median(layouts[~empty, 3]) / 3


def test_the_layout_follows_a_thing_across_the_picture(judge):
    across = [Scene("ocean", "noon", "balloon", "red", 1, 0.6, ((x, 0.3, 0.28),)) for x in (0.25, 0.5, 0.75)]
    rows = judge.layout([draw(scene) for scene in across])
    assert np.diff(rows[:, 1]) == pytest.approx([0.25, 0.25], abs=0.08)
    assert rows[:, 2] == pytest.approx([0.3] * 3, abs=0.06)


def test_the_readers_share_neither_weights_nor_losses(pictures, scenes):
    judge = judges.Judge()
    held = [{id(weight) for weight in reader.parameters()} for reader in judge.children()]
    assert len(held) == 2 and all(held) and not held[0] & held[1]
    assert len(held[0] | held[1]) == len(list(judge.parameters()))
    pixels, labels, wanted = batch_of(scenes[:8], pictures[:8])
    losses = (
        trainer.fact_loss(judge.fact_reader(pixels), labels),
        trainer.layout_loss(judge.layout_reader(pixels), wanted),
    )
    for loss, own, other in zip(losses, judge.children(), [*judge.children()][::-1], strict=True):
        judge.zero_grad(set_to_none=True)
        loss.backward()
        assert all(weight.grad is not None for weight in own.parameters())
        assert all(weight.grad is None for weight in other.parameters())


# --- the data -------------------------------------------------------------------------------------------


def batch_of(scenes, pictures) -> tuple:
    labels, wanted = (torch.tensor(part) for part in zip(*map(trainer.targets_of, scenes), strict=True))
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255, labels, wanted


def test_targets_are_the_facts_and_the_mean_spot():
    scene = Scene("ocean", "night", "boat", "green", 2, 0.55, ((0.2, 0.7, 0.25), (0.6, 0.8, 0.27)))
    labels, layout = trainer.targets_of(scene)
    named = [values[label] for values, label in zip(judges.FACTS.values(), labels, strict=True)]
    assert named == ["ocean", "night", "boat", "green", 2]
    assert layout == pytest.approx([0.55, 0.4, 0.75, 0.26])


def test_nothing_has_no_label_for_colour_and_number_and_no_position():
    labels, layout = trainer.targets_of(Scene("desert", "noon", horizon=0.6))
    named = [values[label] for values, label in zip(judges.FACTS.values(), labels[:3], strict=False)]
    assert named == ["desert", "noon", ""] and labels[3:] == [trainer.UNSAID] * 2
    assert np.isnan(layout[1:3]).all() and (layout[0], layout[3]) == (0.6, 0)


def test_the_facts_name_all_that_scenes_can_have(scenes):
    rng = random.Random(4)
    for split in ("train", "validation", "test"):
        for place, time, thing in combinations(split):
            trainer.targets_of(sample_scene(rng, split, place=place, time=time, thing=thing))
    assert all(len(set(values)) == len(values) for values in judges.FACTS.values())


@pytest.mark.parametrize("even", [False, True])
def test_scenes_to_learn_from_are_training_scenes(even):
    scenes = trainer.sample_scenes(900, 1, even=even)
    allowed = set(combinations("train"))
    assert all((scene.place, scene.time, scene.thing) in allowed for scene in scenes)
    assert scenes[:50] == trainer.sample_scenes(50, 1, even=even) != trainer.sample_scenes(50, 2, even=even)
    counts = [sum(scene.thing == thing for scene in scenes[1::2]) for thing in judges.FACTS["thing"]]
    assert (min(counts) > 0.5 * 450 / len(counts)) == even  # snowmen are rare where things are not even


def test_training_sees_training_scenes_and_labelled_pictures_to_fit_only(monkeypatch):
    learnt, parts, batches = [], [], []

    def draw_examples(scenes, *given, own=data.drawn_examples):
        learnt.extend(scenes)
        return own(scenes, *given)

    def load(wanted):
        parts.append(list(wanted))
        return []

    def vary(pixels, labels, layouts, share, chance, own=trainer.vary):
        assert (share, chance.initial_seed()) == (0.25, 3)
        batches.append((pixels.clone(), labels.clone()))
        return own(pixels, labels, layouts, share, chance)

    monkeypatch.setattr(data, "drawn_examples", draw_examples)
    monkeypatch.setattr(trainer, "load_labelled", load)
    monkeypatch.setattr(trainer, "load_autoencoder", lambda **given: None)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(trainer, "vary", vary)
    plain = Shares(light=0, strong=0)
    judge, _ = trainer.train(
        trainer.Settings(scenes=32, epochs=1, batch_size=16, recolored_share=0.25, shares=plain, seed=3)
    )
    allowed = set(combinations("train"))
    assert len(learnt) == 32 and all((scene.place, scene.time, scene.thing) in allowed for scene in learnt)
    assert parts == [["fit"], ["choose"]] and judge.threshold == 0.5
    known = {draw(scene).tobytes(): trainer.targets_of(scene)[0] for scene in learnt}
    seen = [pair for pixels, labels in batches for pair in zip(pixels, labels, strict=True)]
    pictures = [(pixels * 255).round().byte().permute(1, 2, 0).numpy().tobytes() for pixels, _ in seen]
    assert [known.pop(picture) for picture in pictures] == [labels.tolist() for _, labels in seen]
    assert not known


def test_spoilt_drawings_stand_among_the_examples_with_honest_labels(scenes):
    shown = [scene for scene in scenes if scene.thing]
    examples = data.drawn_examples(shown, Shares(light=0.3, strong=0.4), seed=0)
    things = [judges.ANSWERS["thing"][label] for label in examples.labels[:, 2].tolist()]
    spoilt = [scene for scene, thing in zip(shown, things, strict=True) if thing == judges.UNREADABLE]
    assert all(scene.thing == thing or thing == judges.UNREADABLE
               for scene, thing in zip(shown, things, strict=True))  # fmt: skip
    assert 0.25 < len(spoilt) / len(shown) < 0.45 and not any(scene.thing == "cloud" for scene in spoilt)
    drawn = np.stack([np.asarray(draw(scene)) for scene in shown])
    changed = (examples.pictures != drawn).any(axis=(1, 2, 3))
    assert 0.5 < changed.mean() < 0.8  # about 0.3 + 0.4, without the clouds' share


def test_several_workers_draw_the_same_pictures(scenes, monkeypatch):
    monkeypatch.setattr(data, "PART", 15)
    alone, together = (data.drawn_examples(scenes[:40], Shares(), 1, workers) for workers in (1, 2))
    np.testing.assert_array_equal(alone.pictures, together.pictures)
    assert torch.equal(alone.labels, together.labels)
    assert torch.equal(alone.layouts.nan_to_num(), together.layouts.nan_to_num())
    assert len(alone) == 40


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoilt_drawing_is_asked_only_what_it_still_shows(kind):
    scene = Scene("ocean", "night", "boat", "green", 2, 0.55, ((0.2, 0.7, 0.25), (0.6, 0.8, 0.27)))
    labels = dict(zip(judges.FACTS, data.spoilt_labels(trainer.targets_of(scene)[0], kind), strict=True))
    assert judges.ANSWERS["thing"][labels["thing"]] == judges.UNREADABLE
    assert judges.FACTS["place"][labels["place"]] == "ocean" and labels["time"] != trainer.UNSAID
    assert {name for name in ("color", "count") if labels[name] != trainer.UNSAID} == set(KINDS[kind].keeps)


def test_drawn_pictures_stand_in_the_order_of_the_scenes(scenes, pictures):
    np.testing.assert_array_equal(trainer.draw_all(scenes[:10]), pictures[:10])


def test_augmented_pictures_stay_pictures(scenes, pictures):
    pixels, _, wanted = batch_of(scenes[:64], pictures[:64])
    chance = torch.Generator().manual_seed(0)
    changed, moved = trainer.augment(pixels.clone(), wanted.clone(), chance)
    assert changed.shape == pixels.shape and moved.shape == wanted.shape
    assert changed.min() >= 0 and changed.max() <= 1
    assert 0.01 < (changed - pixels).abs().mean() < 0.12
    assert torch.equal(moved.isnan(), wanted.isnan()) and torch.equal(moved[:, 3], wanted[:, 3])
    assert 0 < (moved - wanted).nan_to_num().abs().max() <= 0.051
    again = trainer.augment(pixels.clone(), wanted.clone(), torch.Generator().manual_seed(0))
    assert torch.equal(again[0], changed)


def test_the_layout_moves_with_the_picture():
    pixels = torch.zeros(64, 3, 64, 64)
    pixels[:, :, 20:30, 30:44] = 1
    start = torch.tensor([[0.5, 37 / 64, 25 / 64, 0.2]]).repeat(64, 1)
    changed, moved = trainer.augment(pixels, start.clone(), torch.Generator().manual_seed(1))
    bright = (changed.mean(1) > 0.5).float()
    cells = (torch.arange(64) + 0.5) / 64
    x, y = (bright.sum(axis) @ cells / bright.sum((1, 2)) for axis in (1, 2))
    assert (moved - start)[:, 1:3].std() > 0.015
    assert torch.allclose(x, moved[:, 1], atol=0.012) and torch.allclose(y, moved[:, 2], atol=0.012)
    assert torch.allclose(moved[:, 0] - 0.5, moved[:, 2] - 25 / 64, atol=1e-6)


def test_half_of_a_batch_is_mirrored_with_its_layout(scenes, pictures):
    pixels, _, wanted = batch_of(scenes[:200], pictures[:200])
    changed, moved = trainer.mirror(pixels, wanted, torch.Generator().manual_seed(0))
    swapped = (changed != pixels).any(dim=(1, 2, 3))
    assert 0.35 < swapped.float().mean() < 0.65
    assert torch.equal(changed[swapped], pixels[swapped].flip(3))
    across = moved[swapped, 1] + wanted[swapped, 1]
    assert torch.allclose(across[~across.isnan()], torch.ones(1)) and not across.isnan().all()
    same = torch.ones(4, dtype=torch.bool)
    same[1] = False
    assert torch.equal(moved[:, same].nan_to_num(), wanted[:, same].nan_to_num())
    assert torch.equal(moved[~swapped].nan_to_num(), wanted[~swapped].nan_to_num())


def test_recoloured_pictures_keep_shapes_and_lose_colours(pictures):
    pixels = torch.from_numpy(pictures[:32]).permute(0, 3, 1, 2).float() / 255
    changed = trainer.recolor(pixels, torch.Generator().manual_seed(0))
    assert changed.shape == pixels.shape
    assert torch.allclose(changed.amin((1, 2, 3)), torch.zeros(32), atol=1e-6)
    assert torch.allclose(changed.amax((1, 2, 3)), torch.ones(32), atol=1e-5)
    for before, after in zip(pixels, changed, strict=True):  # one linear map of the colours for all pixels
        colors = torch.cat([before.flatten(1), torch.ones(1, 64 * 64)]).T
        fitted = colors @ torch.linalg.lstsq(colors, after.flatten(1).T).solution
        assert torch.allclose(fitted, after.flatten(1).T, atol=1e-3)
    other = trainer.recolor(pixels, torch.Generator().manual_seed(1))
    assert not torch.allclose(changed[0], other[0], atol=0.1)
    flat = trainer.recolor(torch.full((2, 3, 64, 64), 0.5), torch.Generator().manual_seed(0))
    assert flat.isfinite().all()


@pytest.mark.parametrize(("share", "without"), [(0.5, 10), (0.0, 0), (1.0, 20)])
def test_recoloured_pictures_have_no_label_for_time_and_colour(share, without, scenes, pictures, monkeypatch):
    shown = [number for number, scene in enumerate(scenes) if scene.thing][:20]
    pixels, labels, wanted = batch_of([scenes[number] for number in shown], pictures[shown])
    monkeypatch.setattr(trainer, "mirror", lambda pixels, layouts, chance: (pixels, layouts))
    given = pixels.clone(), labels.clone(), wanted.clone()
    changed, kept, moved = trainer.vary(*given, share, torch.Generator().manual_seed(0))
    assert changed.shape == pixels.shape and changed.min() >= 0 and changed.max() <= 1
    assert moved.shape == wanted.shape
    assert (kept[:without, [TIME, COLOR]] == trainer.UNSAID).all()
    assert all(map(torch.equal, given, (pixels, labels, wanted)))  # what was given is as it was
    kept[:without, [TIME, COLOR]] = labels[:without, [TIME, COLOR]]
    assert torch.equal(kept, labels)
    far = (changed - pixels).abs().mean((1, 2, 3)) > 0.12
    assert not far[without:].any() and (not without or far[:without].float().mean() > 0.5)


# --- training -------------------------------------------------------------------------------------------


def test_the_fact_loss_leaves_out_what_is_unsaid():
    logits = {name: torch.zeros(2, len(values)) for name, values in judges.FACTS.items()}
    labels = torch.tensor([[0, 0, 0, trainer.UNSAID, trainer.UNSAID], [1, 1, 1, 1, 1]])
    wanted = sum(np.log(len(judges.FACTS[name])) for name in ("place", "time", "thing"))
    wanted += sum(np.log(len(judges.FACTS[name])) for name in ("color", "count")) / 2
    assert trainer.fact_loss(logits, labels).item() == pytest.approx(wanted, rel=1e-5)
    logits["count"][1, 1] = 50.0
    sure = wanted - np.log(3) / 2
    assert trainer.fact_loss(logits, labels).item() == pytest.approx(sure, rel=1e-5)


def test_the_layout_loss_counts_what_the_picture_has():
    nan = float("nan")
    wanted = torch.tensor([[0.6, nan, nan, 0.0], [0.6, 0.5, 0.5, 0.3]])
    found = torch.tensor([[0.65, 9.0, 9.0, 0.1], [0.6, 0.1, 0.5, 0.3]])
    assert trainer.layout_loss(found, wanted).item() == pytest.approx((1 + 1 + 0 + 2 + 0 + 0) / 6, rel=1e-4)


def test_a_few_steps_lower_both_losses(scenes, pictures):
    torch.manual_seed(0)
    judge = judges.Judge().train()
    optimizer = torch.optim.AdamW(judge.parameters(), 3e-3)
    batch = batch_of(scenes[:16], pictures[:16])
    losses = np.array([trainer.train_step(judge, optimizer, *batch) for _ in range(8)])
    assert np.isfinite(losses).all()
    assert (losses[-1] < 0.8 * losses[0]).all()


def test_training_is_repeatable_by_its_seed():
    settings = trainer.Settings(scenes=32, epochs=2, batch_size=16)
    runs = [trainer.train(replace(settings, seed=seed)) for seed in (5, 5, 6)]
    weights = [judge.state_dict() for judge, _ in runs]
    assert runs[0][1] == runs[1][1] != runs[2][1]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    assert not torch.equal(weights[0]["layout_reader.size.weight"], weights[2]["layout_reader.size.weight"])
    assert not any(judge.training for judge, _ in runs)


@pytest.fixture
def pretended_steps(monkeypatch):
    """Training goes its way without learning anything; the losses are always 2 and 4."""
    monkeypatch.setattr(
        trainer, "train_step", lambda judge, optimizer, *given: optimizer.step() or torch.tensor([2.0, 4.0])
    )
    monkeypatch.setattr(trainer, "vary", lambda *given: given[:3])
    monkeypatch.setattr(trainer, "load_labelled", lambda parts: [])
    monkeypatch.setattr(trainer, "load_autoencoder", lambda **given: None)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(data, "spoil", lambda scene, rng, strongly: (np.zeros((64, 64, 3)), "warp"))
    monkeypatch.setattr(data, "draw", lambda scene: np.zeros((64, 64, 3)))


def test_the_curve_has_a_row_for_every_fifty_steps_and_the_last(pretended_steps):
    _, curve = trainer.train(trainer.Settings(scenes=60, epochs=2, batch_size=1))
    assert curve == [[50, 2.0, 4.0], [100, 2.0, 4.0], [120, 2.0, 4.0]]


class Oracle:
    """In place of a judge: it knows the scenes, and errs where it is told to."""

    def __init__(self, scenes, wrong=0, shift=0.0):
        self.scenes, self.wrong, self.shift = scenes, wrong, shift

    def read(self, pictures):
        facts = [(s.place, s.time, s.thing, s.color, s.count) for s in self.scenes]
        return [judges.Reading(*("?",) * 4, 9) for _ in facts[: self.wrong]] + [
            judges.Reading(*one) for one in facts[self.wrong :]
        ]

    def layout(self, pictures):
        return np.array([trainer.targets_of(scene)[1] for scene in self.scenes]) + self.shift


def test_quality_is_measured_against_the_scenes(scenes, pictures):
    perfect = trainer.measure(Oracle(scenes), scenes, pictures)
    facts = ("place", "time", "thing", "color", "count", "several")
    assert all(perfect[fact] == {"share": 1.0, "low": 1.0, "high": 1.0} for fact in facts)
    assert all(perfect[f"layout_{name}_r2"] == 1 for name in judges.LAYOUT)
    shown = [scene for scene in scenes if scene.thing][:40]
    worse = trainer.measure(Oracle(shown, wrong=10, shift=0.1), shown, pictures)
    assert all(worse[fact]["share"] == 0.75 for fact in facts[:-1])
    spread = np.var([scene.horizon for scene in shown])
    assert worse["layout_horizon_r2"] == pytest.approx(1 - 0.01 / spread, abs=1e-3)


def test_quality_of_colour_and_position_is_that_of_pictures_with_a_thing():
    scenes = [Scene("desert", "noon"), Scene("ocean", "night", "boat", "red", 1, 0.6, ((0.3, 0.7, 0.3),))]
    scenes += [replace(scenes[1], spots=((0.6, 0.8, 0.25),), horizon=0.55)]
    found = trainer.measure(Oracle(scenes, wrong=1), scenes, None)
    assert found["place"]["share"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["color"]["share"] == found["several"]["share"] == found["layout_x_r2"] == 1


# --- on disk --------------------------------------------------------------------------------------------


RECORD = json.loads((judges.SHIPPED / "training.json").read_text(encoding="utf-8"))


def test_a_judge_survives_the_disk(judge, pictures, tmp_path):
    trainer.save(judge, tmp_path / "new" / "judge", RECORD)
    again = judges.load(tmp_path / "new" / "judge")
    for name, value in judge.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(value, again.state_dict()[name]), name
    assert again.read(pictures[:10]) == judge.read(pictures[:10])
    stored = load_file(tmp_path / "new" / "judge" / "model.safetensors")
    assert {value.dtype for value in stored.values()} == {torch.float16}
    assert json.loads((tmp_path / "new" / "judge" / "training.json").read_text()) == RECORD
    assert {path.name for path in (tmp_path / "new" / "judge").iterdir()} == {
        path.name for path in judges.SHIPPED.iterdir()
    }


def test_a_half_written_judge_leaves_the_old_one(judge, tmp_path, monkeypatch):
    trainer.save(judge, tmp_path, RECORD)
    before = (tmp_path / "model.safetensors").read_bytes()

    def fail(weights, path):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(trainer, "save_file", fail)
    with pytest.raises(OSError, match="No space"):
        trainer.save(judges.Judge(), tmp_path, RECORD)
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_a_missing_judge_is_named(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere", str(tmp_path)):
        with pytest.raises(judges.JudgeError, match=r"^There is no judge in .*: run `python -m .*` first\.$"):
            judges.load(folder)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def edit(change):
    def damage(path):
        weights = load_file(path)
        change(weights)
        save_file(weights, path)

    return damage


DAMAGES = {
    "truncated": cut,
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n" * 3),
    "one weight missing": edit(lambda weights: weights.popitem()),
    "one weight too many": edit(lambda weights: weights.update(other=torch.zeros(2))),
    "another shape": edit(lambda weights: weights.update({"layout_reader.size.bias": torch.zeros(2)})),
    "not a number": edit(lambda weights: weights["layout_reader.size.bias"].fill_(float("nan"))),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_weights_get_one_sentence(damage, tmp_path):
    copy_tree(judges.SHIPPED, tmp_path / "judge")
    path = tmp_path / "judge" / "model.safetensors"
    DAMAGES[damage](path)
    with pytest.raises(judges.JudgeError) as refused:
        judges.load(tmp_path / "judge")
    assert str(refused.value).startswith(f"{path} is damaged: restore it")
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)


# --- the command line -----------------------------------------------------------------------------------


def test_the_command_line_gives_settings():
    chosen = trainer.parse_arguments([])
    default = trainer.Settings()
    assert (chosen.scenes, chosen.epochs, chosen.seed) == (default.scenes, default.epochs, default.seed)
    assert chosen.output == judges.SHIPPED
    assert trainer.parse_arguments(["--scenes", "2000", "--seed", "3"]).scenes == 2000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--scenes", "640", "--epochs", "1"], "--scenes must be at least 1024, not 640."),
        (["--epochs", "0"], "--epochs must be at least 1, not 0."),
        (["--device", "cuda"], "PyTorch finds no CUDA GPU here: leave --device out or say --device cpu."),
        (["--seed", "-1"], "--seed must be at least 0, not -1."),
        (["--scenes", "many"], "argument --scenes: invalid int value: 'many'"),
        (["--output", "{file}"], "is a file: name a folder."),
    ],
)
def test_bad_input_gets_one_sentence_before_any_work(arguments, sentence, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(trainer, "train", lambda settings, device: pytest.fail("the training began"))
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as stopped:
        trainer.main([argument.replace("{file}", str(tmp_path / "file")) for argument in arguments])
    said = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2 and said[-1].endswith(sentence)
    assert sum("error:" in line for line in said) == 1


def test_the_smallest_run_that_is_allowed_has_a_schedule(pretended_steps):
    chosen = trainer.parse_arguments(["--scenes", "1024", "--epochs", "1"])
    _, curve = trainer.train(trainer.Settings(scenes=chosen.scenes, epochs=chosen.epochs))
    assert curve == [[8, 2.0, 4.0]]


def test_the_command_writes_a_judge_with_its_measured_quality(judge, tmp_path, monkeypatch, capsys):
    asked, own = [], trainer.sample_scenes
    monkeypatch.setattr(trainer, "train", lambda settings, device: (judge, [[1, 8.0, 5.0]]))
    monkeypatch.setattr(trainer, "load_labelled", lambda parts: [])
    monkeypatch.setattr(trainer, "load_autoencoder", lambda **given: None)
    monkeypatch.setattr(trainer, "sample_scenes", lambda *given: asked.append(given) or own(30, *given[1:]))
    trainer.main(["--scenes", "2000", "--seed", "2", "--output", str(tmp_path / "judge")])
    assert asked == [(4_000, 2, "test")]
    record = json.loads((tmp_path / "judge" / "training.json").read_text())
    assert record["command"] == "python -m smallworld.making.picture_judge --scenes 2000 --seed 2"
    assert record["quality"]["place"]["share"] > 0.9 and record["curve"]["rows"] == [[1, 8.0, 5.0]]
    assert "2,000 training scenes" in (tmp_path / "judge" / "README.md").read_text()
    assert str(tmp_path) not in (tmp_path / "judge" / "README.md").read_text()
    assert f'"scenes": {30}' in capsys.readouterr().out
    assert judges.load(tmp_path / "judge").read([]) == []
