"""The data of the image model: scenes, pictures, latents, masks and captions, each made once."""

from collections import Counter

import numpy as np
import pytest
import torch
from toy_images import ToySettings, toy_sizes, trained

from smallworld.making.image import data as image_data
from smallworld.making.image import model as image_model
from smallworld.making.image import pipeline as image_pipeline
from smallworld.making.image.data import HARD_THINGS, THINGS, training_scenes
from smallworld.making.image.stage import batch_numbers
from smallworld.world import captions, drawing, scenes

CPU = torch.device("cpu")
TOY = ToySettings()


@pytest.fixture(scope="module", autouse=True)
def toy():
    with toy_sizes():
        yield


@pytest.fixture(scope="module")
def made():
    return trained()


@pytest.fixture(scope="module")
def pictures(made):
    return image_data.prepare_pictures(TOY, made["folder"])


# ------------------------------------------------------------------ scenes
def test_training_scenes_are_of_the_training_split_and_show_every_thing():
    sampled = training_scenes(1500, 0)
    allowed = set(scenes.combinations("train"))
    assert all((scene.place, scene.time, scene.thing) in allowed for scene in sampled)
    assert {scene.thing for scene in sampled} == set(THINGS)
    assert sampled == training_scenes.__wrapped__(1500, 0)
    assert sampled != training_scenes.__wrapped__(1500, 1)


def test_hard_things_come_more_often_and_counts_as_the_table_says():
    even, hard = (Counter(s.thing for s in training_scenes(4000, 0, weight)) for weight in (1.0, 3.0))
    assert set(THINGS) > HARD_THINGS
    plain = sum(even[thing] for thing in HARD_THINGS)
    assert sum(hard[thing] for thing in HARD_THINGS) > 1.2 * plain
    counts = Counter(scene.count for scene in training_scenes(4000, 0) if scene.thing)
    shares = [counts[number] / sum(counts.values()) for number in image_data.COUNT_SHARES]
    assert np.allclose(shares, list(image_data.COUNT_SHARES.values()), atol=0.04)
    assert 0.03 < even[""] / 4000 < 0.12


@pytest.mark.long
def test_processes_beside_make_the_same_as_one_alone(made, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(image_data, "CHUNK", 10)
    tokenizer = made["parts"]["tokenizer"]

    def make(folder):
        folder.mkdir()
        scenes_made = training_scenes.__wrapped__(40, 5)
        drawn = image_data.prepare_pictures(TOY, folder)
        return scenes_made, drawn.scenes, image_data.prepare_wordings(TOY, folder, tokenizer, drawn).ids

    alone = make(tmp_path / "alone")
    monkeypatch.setattr(image_data, "WORTHWHILE", 2)
    monkeypatch.setattr(image_data.os, "cpu_count", lambda: 2)
    beside = make(tmp_path / "beside")
    assert alone[0] == beside[0]
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(alone[1:], beside[1:], strict=True))


def test_every_item_comes_once_in_an_epoch_and_the_seed_decides():
    def epoch(first, seed):
        return np.concatenate([batch_numbers(40, 4, first + step, seed) for step in range(10)])

    assert sorted(epoch(0, 0)) == sorted(epoch(10, 0)) == list(range(40))
    assert epoch(0, 0).tolist() != epoch(10, 0).tolist() and epoch(0, 0).tolist() != epoch(0, 1).tolist()


# ------------------------------------------------------------------ pictures and latents
def test_pictures_on_disk_are_the_drawn_scenes_and_are_drawn_once(made, pictures):
    for number in (0, 17, 39):
        assert np.array_equal(pictures.scenes[number], np.asarray(drawing.draw(pictures.facts[number])))
    assert pictures.shapes.shape == (8, 64, 64, 3) and pictures.shapes.dtype == np.uint8
    stamps = [path.stat().st_mtime_ns for path in made["folder"].glob("pictures-*/*.npy")]
    again = image_data.prepare_pictures(TOY, made["folder"])
    assert [path.stat().st_mtime_ns for path in made["folder"].glob("pictures-*/*.npy")] == stamps
    assert again.fingerprint == pictures.fingerprint


def test_latents_are_what_the_autoencoder_says(made, pictures):
    vae = made["parts"]["vae"]
    latents = image_data.prepare_latents(TOY, made["folder"], vae, pictures, CPU)
    with torch.no_grad():
        found = vae.encode(image_pipeline.to_pixels(pictures.scenes[:5])).latent_dist
    for stored, wanted in ((latents.means, found.mean), (latents.stds, found.std)):
        error = np.abs(stored[:5] - wanted.numpy())  # float16 of what may be a bfloat16 computation
        assert error.mean() < 0.02 and error.max() < 0.5


def test_masks_cover_the_things_with_a_pixel_around_them(pictures):
    masks = image_data.things_in_cells(pictures)
    assert masks.shape == (40, 16, 16) and masks.dtype == np.uint8
    for number, (scene, mask) in enumerate(zip(pictures.facts, masks, strict=True)):
        pixels = drawing.things_mask(scene)
        assert np.array_equal(pictures.things(slice(number, number + 1))[0], pixels)
        assert (mask.max() > 0) == bool(scene.thing)
        wider = np.pad(pixels, 1)
        wider = sum(wider[y : y + 64, x : x + 64] for y in range(3) for x in range(3)) > 0
        assert np.allclose(mask / 255, wider.reshape(16, 4, 16, 4).mean((1, 3)), atol=1 / 255)


# ------------------------------------------------------------------ captions
def test_wordings_are_captions_of_their_scenes_as_the_pipeline_reads_them(made, pictures):
    tokenizer = made["parts"]["tokenizer"]
    wordings = image_data.prepare_wordings(TOY, made["folder"], tokenizer, pictures)
    assert wordings.ids.shape[:2] == (40, 3) and wordings.ids.dtype == np.int16
    assert wordings.ids.shape[2] <= 77 and len(wordings.empty) == 77
    assert wordings.empty.tolist() == image_data.tokenise(tokenizer, [""])[0].tolist()
    for scene, ids in zip(pictures.facts[:10], wordings.ids, strict=False):
        texts = [tokenizer.decode(row, skip_special_tokens=True) for row in ids]
        assert len(set(texts)) > 1
        for text, row in zip(texts, ids, strict=True):
            again = image_data.tokenise(tokenizer, [text])[0, : len(row)]
            whole = row[-2] == tokenizer.eos_token_id  # a caption that is cut off may be read anew otherwise
            assert row[-1] == tokenizer.eos_token_id
            assert not whole or again.tolist() == row.tolist()
        if scene.thing:
            names = captions.THING_NAMES[scene.thing]
            assert any(name.split()[-1][:-1] in " ".join(texts) for name in names)
    stamp = next(made["folder"].glob("captions-*.npy")).stat().st_mtime_ns
    image_data.prepare_wordings(TOY, made["folder"], tokenizer, pictures)
    assert next(made["folder"].glob("captions-*.npy")).stat().st_mtime_ns == stamp


def test_the_tokenizer_reads_any_word_and_keeps_known_ones_whole(made):
    tokenizer = made["parts"]["tokenizer"]
    full = image_model.train_tokenizer(["a red balloon over the sea", "two red balloons"] * 50)
    assert full.tokenize("A red BALLOON") == ["a</w>", "red</w>", "balloon</w>"]
    for text in ("a hippopotamus!", "zwölf Boxkämpfer", "한국어", "x" * 40):
        ids = tokenizer(text).input_ids
        assert tokenizer.unk_token_id not in ids[1:-1]
        plain = tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "")
        assert plain == text.lower().replace(" ", "")
    ids = image_data.tokenise(tokenizer, ["a red balloon", "", "sea " * 200])
    assert ids.shape == (3, 77) and (ids[:, 0] == tokenizer.bos_token_id).all()
    assert (ids[:, -1] == tokenizer.eos_token_id).all() and ids[1, 1] == tokenizer.eos_token_id
