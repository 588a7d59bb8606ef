"""The paper-cuts, the strix, and the judges of both, on drawings and on their reconstructions."""

import json
import random
import shutil
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from smallworld.judges import pictures as judges
from smallworld.judges import style as style_judge
from smallworld.making import style_judges as trainer
from smallworld.making.picture_judge import write_files
from smallworld.world import captions, drawing, scenes, wordings, words
from smallworld.world import papercut as restyle
from smallworld.world import strix as subject
from smallworld.world.drawing.canvas import Canvas
from smallworld.world.vocabulary import PLACES, TIMES


@pytest.fixture(autouse=True)
def no_progress_bars(monkeypatch):
    monkeypatch.setattr(trainer, "tqdm", partial(trainer.tqdm, disable=True))


@pytest.fixture(scope="module")
def reader():
    return judges.load()


@pytest.fixture(scope="module")
def judge():
    return style_judge.load()


@pytest.fixture(scope="module")
def reconstruct():
    return trainer.reconstruction()


@pytest.fixture(scope="module")
def held_out():
    rng = random.Random("fresh scenes for the style")
    return [scenes.sample_scene(rng, "test") for _ in range(130)]


@pytest.fixture(scope="module")
def cuts(held_out):
    return restyle.draw_all(held_out)


@pytest.fixture(scope="module")
def cuts_after(reconstruct, cuts):
    return reconstruct(cuts[:80])


@pytest.fixture(scope="module")
def usual(held_out):
    return np.stack([np.asarray(drawing.draw(scene)) for scene in held_out])


@pytest.fixture(scope="module")
def strixes():
    rng = random.Random("fresh ones")
    return [subject.sample(rng, "test", thing=rng.choice(judges.FACTS["thing"])) for _ in range(130)]


@pytest.fixture(scope="module")
def drawn(strixes):
    return np.stack([np.asarray(subject.draw(scene, spot)) for scene, spot in strixes])


# --- the style ------------------------------------------------------------------------------------------


def test_a_paper_cut_is_repeatable_and_of_the_usual_size(held_out):
    for scene in held_out[:20]:
        first, again = restyle.draw(scene), restyle.draw(scene)
        assert first.size == (64, 64) and first.mode == "RGB" and first.tobytes() == again.tobytes()
    assert len({picture.tobytes() for picture in restyle.draw_all(held_out[:50])}) == 50


def test_a_paper_cut_and_the_usual_drawing_make_a_pair(held_out):
    """The style draws no random number of its own from the scene's generator: towers and hills agree."""
    for scene in held_out[:30]:
        plain, cut = Canvas(scene), restyle.PaperCanvas(scene)
        for canvas in (plain, cut):
            drawing.paint(canvas, scene)
        assert plain.rng.getstate() == cut.rng.getstate()


def test_every_paper_cut_differs_plainly_from_the_usual_drawing(cuts, usual):
    change = np.abs(cuts.astype(int) - usual).mean((1, 2, 3))
    assert change.min() > 3 and np.median(change) > 10


@pytest.mark.parametrize("fact", ["place", "time", "thing"])
def test_the_judge_of_facts_reads_paper_cuts(fact, reader, held_out, cuts):
    found = [getattr(reading, fact) for reading in reader.read(cuts)]
    assert (
        np.mean([value == getattr(scene, fact) for value, scene in zip(found, held_out, strict=True)]) >= 0.9
    )


def test_place_time_and_thing_survive_the_autoencoder(reader, held_out, cuts_after):
    pairs = list(zip(held_out[:80], reader.read(cuts_after), strict=True))
    right = [
        all(getattr(s, name) == getattr(r, name) for name in ("place", "time", "thing")) for s, r in pairs
    ]
    assert np.mean(right) >= 0.88


def test_pairs_keep_to_their_split_and_seed():
    for split in scenes.SPLITS:
        drawn = list(restyle.pairs(split, 10))
        assert all(scenes.combination_split(s.place, s.time, s.thing) == split for s, _, _ in drawn)
        assert all(image.tobytes() == restyle.draw(scene).tobytes() for scene, image, _ in drawn)
        assert all(set(captions.split_words(text)) <= captions.words() for _, _, text in drawn)
    first, again, other = ([text for _, _, text in restyle.pairs("train", 10, seed)] for seed in (1, 1, 2))
    assert first == again != other
    with pytest.raises(ValueError, match="holdout"):
        next(restyle.pairs("holdout", 1))


# --- the subject ----------------------------------------------------------------------------------------


def test_the_word_is_new_and_the_class_is_not():
    assert words.unseen(f"a {subject.WORD} {subject.CLASS}") == [subject.WORD]
    assert subject.CLASS in wordings.THING_NAMES


def test_the_subject_is_large_inside_the_picture_and_clear_of_things(strixes):
    for _, (x, y, width) in strixes:
        tall = width * subject.HEIGHT
        assert 64 * width >= 20 and 64 * tall >= 20
        assert width / 2 <= x <= 1 - width / 2 and tall / 2 <= y <= 0.95 - tall / 2
    clear = [
        not any(subject._touching(spot, other, scene.thing) for other in scene.spots)
        for scene, spot in strixes
    ]
    assert np.mean(clear) >= 0.7
    spots = np.array([spot for _, spot in strixes])
    assert (spots.std(0) > (0.12, 0.1, 0.025)).all()  # position and size vary


@pytest.mark.parametrize("time", TIMES)
def test_the_subject_stands_out_at_every_time(time):
    rng = random.Random(1)
    for place in PLACES:
        scene = scenes.Scene(place, time, seed=rng.randrange(1000))
        spot = subject.sample_spot(rng, scene)
        with_it, without = (
            np.asarray(subject.draw(scene, spot, painter), int)
            for painter in (subject.paint, lambda brush: None)
        )
        area = spot[2] ** 2 * subject.HEIGHT * 64**2
        assert (np.abs(with_it - without).sum(-1) > 60).sum() > 0.5 * area


def test_pictures_of_the_subject_keep_to_their_split_and_seed():
    for split in scenes.SPLITS:
        drawn = list(subject.pairs(split, 12))
        assert all(scenes.combination_split(s.place, s.time, s.thing) == split for s, _, _ in drawn)
        assert all(f"{subject.WORD} {subject.CLASS}" in text for _, _, text in drawn)
        assert len({image.tobytes() for _, image, _ in drawn}) == 12
    assert {scene.time for scene, _, _ in subject.pairs("train", 6)} == set(TIMES)
    first, again, other = ([i.tobytes() for _, i, _ in subject.pairs("train", 6, n)] for n in (1, 1, 2))
    assert first == again != other


def test_a_prompt_says_place_and_time_in_every_wording():
    asked = {subject.prompt("desert", "night", wording=wording) for wording in range(30)}
    assert len(asked) >= 8
    assert all("desert" in text and "strix balloon" in text for text in asked)
    assert subject.prompt("desert", "night", "balloon") == "a balloon in the desert at night"
    with pytest.raises(KeyError):
        subject.prompt("moon", "night")


# --- the judges -----------------------------------------------------------------------------------------


def test_the_style_judge_is_right_on_fresh_drawings(judge, cuts, usual):
    assert np.mean(judge.is_paper_cut(cuts)) >= 0.97
    assert np.mean(judge.is_paper_cut(usual)) <= 0.03


def test_the_style_judge_is_right_on_reconstructions(judge, reconstruct, cuts_after, usual):
    assert np.mean(judge.is_paper_cut(cuts_after)) >= 0.95
    assert np.mean(judge.is_paper_cut(reconstruct(usual[:60]))) <= 0.05


def test_the_subject_judge_is_right_on_fresh_drawings(judge, strixes, drawn):
    assert np.mean(judge.has_subject(drawn)) >= 0.97
    without = [drawing.draw(scene) for scene, _ in strixes]
    assert np.mean(judge.has_subject(without)) <= 0.03


def test_the_subject_judge_is_right_on_reconstructions(judge, reconstruct, drawn):
    assert np.mean(judge.has_subject(reconstruct(drawn[:60]))) >= 0.95


def test_the_subject_judge_wants_this_balloon(judge, strixes):
    """Ones in other colours or without a face are refused; so is any usual balloon or bird."""
    decoys = [subject.draw(scene, spot, subject.decoy) for scene, spot in strixes]
    assert np.mean(judge.has_subject(decoys)) <= 0.03
    rng = random.Random(5)
    for thing in (subject.CLASS, "bird"):
        usual = [drawing.draw(scenes.sample_scene(rng, "test", thing=thing)) for _ in range(60)]
        assert np.mean(judge.has_subject(usual)) <= 0.03


def test_a_hidden_strix_is_not_seen(judge, strixes, drawn):
    hidden = drawn.copy()
    for picture, (_, (x, y, width)) in zip(hidden, strixes, strict=True):
        tall = width * subject.HEIGHT
        top, left = (max(0, round(64 * share) - 1) for share in (y - tall / 2, x - width / 2))
        picture[top : round(64 * (y + tall / 2)) + 1, left : round(64 * (x + width / 2)) + 1] = 128
    assert np.mean(judge.has_subject(hidden)) <= 0.05


def test_half_a_style_lies_between(judge, cuts, usual):
    shares = [
        np.mean(judge.is_paper_cut((usual + (cuts.astype(float) - usual) * part).round().astype(np.uint8)))
        for part in (0.0, 0.5, 1.0)
    ]
    assert shares[0] < 0.1 < 0.9 < shares[2] and shares[0] <= shares[1] <= shares[2]


def test_colours_and_rough_surfaces_alone_are_no_style(judge, held_out):
    """Usual drawings in the colours of the paper-cut, and smeared ones, as half-trained models make them."""
    rng = random.Random(6)
    tinted = [trainer.tint(scene, 5.0) for scene in held_out[:60]]
    assert np.mean(judge.is_paper_cut(tinted)) <= 0.06
    smeared = [trainer.smear(drawing.draw(scene), rng) for scene in held_out[60:120]]
    assert np.mean(judge.is_paper_cut(smeared)) <= 0.06


def test_pictures_arrays_and_any_number_are_judged(judge, cuts):
    listed = [Image.fromarray(picture) for picture in cuts[:5]]
    np.testing.assert_array_equal(
        judge.probabilities(listed, "style"), judge.probabilities(cuts[:5], "style")
    )
    assert judge.is_paper_cut([]).shape == judge.has_subject([]).shape == (0,)
    with pytest.raises(judges.JudgeError, match="64x64"):
        judge.is_paper_cut([Image.new("RGB", (32, 32))])
    with pytest.raises(judges.JudgeError, match="'mood'"):
        judge.probabilities(cuts[:1], "mood")


# --- data, training and files ---------------------------------------------------------------------------


@pytest.mark.parametrize("question", style_judge.SUBJECTS)
def test_training_and_test_pictures_never_mix(question, monkeypatch):
    """All scenes of a split are of its combinations, and half the answers are yes."""
    seen = []
    for module in (trainer, subject):
        real = module.sample_scene
        monkeypatch.setattr(
            module, "sample_scene", lambda *a, real=real, **k: seen.append(real(*a, **k)) or seen[-1]
        )
    for split in ("train", "test"):
        seen.clear()
        pictures, answers = trainer.sample(question, split, 60, seed=0)
        assert pictures.shape == (60, 64, 64, 3) and answers.mean() == 0.5 and len(seen) >= 50
        assert {scenes.combination_split(s.place, s.time, s.thing) for s in seen} == {split}


def test_a_short_training_repeats_itself_and_is_kept(tmp_path, cuts):
    settings = trainer.Settings(pictures=64, epochs=1, batch_size=32)
    trained, curves = trainer.train(settings)
    again, _ = trainer.train(settings)
    held = {name: value for name, value in style_judge.weights_of(trained).items()}
    assert all(torch.equal(value, style_judge.weights_of(again)[name]) for name, value in held.items())
    assert {name: len(rows) for name, rows in curves.items()} == {"style": 1, "subject": 1}
    quality = trainer.measure(trained, 20, 0)
    record = trainer.training_record(trained, settings, 1.0, curves, quality)
    write_files(style_judge.weights_of(trained), tmp_path, record, trainer.card(record))
    loaded = style_judge.load(tmp_path)
    found, wanted = (one.probabilities(cuts[:20], "style") for one in (loaded, trained))
    np.testing.assert_allclose(found, wanted, atol=0.01)
    assert "--pictures 64 --epochs 1" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_the_shipped_folder_is_small_and_its_card_true():
    files = {path.name: path for path in style_judge.SHIPPED.iterdir()}
    assert set(files) == {"model.safetensors", "training.json", "README.md"}
    assert sum(path.stat().st_size for path in files.values()) <= 200_000
    assert {value.dtype for value in load_file(files["model.safetensors"]).values()} == {torch.float16}
    record = json.loads(files["training.json"].read_text(encoding="utf-8"))
    assert files["README.md"].read_text(encoding="utf-8") == trainer.card(record)
    assert record["settings"] == trainer.asdict(trainer.Settings())
    for rows in record["quality"].values():
        assert all(row["all"]["share"] >= 0.97 for row in rows.values()) and len(rows) == 2


def test_missing_and_damaged_weights_are_named(tmp_path):
    with pytest.raises(judges.JudgeError, match="style_judges"):
        style_judge.load(tmp_path)
    shutil.copy(style_judge.SHIPPED / "model.safetensors", tmp_path)
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    save_file({name: value * float("nan") for name, value in weights.items()}, path)
    with pytest.raises(judges.JudgeError, match="damaged"):
        style_judge.load(tmp_path)
    path.write_bytes(b"not weights")
    with pytest.raises(judges.JudgeError, match="damaged"):
        style_judge.load(tmp_path)


@pytest.mark.parametrize(
    "wrong", [["--pictures", "9"], ["--epochs", "0"], ["--seed", "-1"], ["--output", __file__]]
)
def test_a_wrong_command_line_ends_with_one_sentence(wrong, capsys):
    with pytest.raises(SystemExit):
        trainer.parse_arguments(wrong)
    assert wrong[0] in capsys.readouterr().err
