"""The trainer of the image model: data, the stages, stopping at any moment, export and its card."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toy_images import ToySettings, full_unet, toy_sizes, trained

from smallworld.making import image_model, image_stages
from smallworld.making import images as train_images
from smallworld.making.cards import image as image_card
from smallworld.making.image_stages import AutoencoderStage, DiffusionStage, TextStage, train
from smallworld.making.picture_judge import targets_of
from smallworld.making.training import TrainingError
from smallworld.world import captions, drawing, scenes, vocabulary

CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def toy():
    with toy_sizes():
        yield


@pytest.fixture(scope="module")
def made():
    return trained()


@pytest.fixture(scope="module")
def pictures(made):
    return train_images.prepare_pictures(ToySettings(), made["folder"])


def weights_of(module) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in module.parameters()])


# ------------------------------------------------------------------ data
def test_training_scenes_are_of_the_training_split_and_show_every_thing():
    drawn = train_images.training_scenes(1500, 0)
    allowed = set(scenes.combinations("train"))
    assert all((scene.place, scene.time, scene.thing) in allowed for scene in drawn)
    assert {scene.thing for scene in drawn} == set(train_images.THINGS)
    assert drawn == train_images.training_scenes.__wrapped__(1500, 0)
    assert drawn != train_images.training_scenes.__wrapped__(1500, 1)


def test_pictures_on_disk_are_the_drawn_scenes_and_are_drawn_once(made, pictures):
    for number in (0, 17, 39):
        assert np.array_equal(pictures.scenes[number], np.asarray(drawing.draw(pictures.facts[number])))
    assert pictures.shapes.shape == (8, 64, 64, 3) and pictures.shapes.dtype == np.uint8
    stamps = [path.stat().st_mtime_ns for path in made["folder"].glob("pictures-*/*.npy")]
    again = train_images.prepare_pictures(ToySettings(), made["folder"])
    assert [path.stat().st_mtime_ns for path in made["folder"].glob("pictures-*/*.npy")] == stamps
    assert again.fingerprint == pictures.fingerprint


def test_held_out_pictures_are_not_of_the_training_combinations(monkeypatch, pictures):
    seen = []
    from smallworld.making.evaluation import images as evaluate_images

    monkeypatch.setattr(evaluate_images, "drawn", lambda listed: seen.extend(listed) or np.zeros(0))
    assert len(pictures.held_out()["shapes"]) == 96
    assert {scenes.combination_split(s.place, s.time, s.thing) for s in seen} == {"validation"}


def test_every_item_comes_once_in_an_epoch_and_the_seed_decides():
    def epoch(first, seed):
        return np.concatenate([image_stages.batch_numbers(40, 4, first + step, seed) for step in range(10)])

    assert sorted(epoch(0, 0)) == sorted(epoch(10, 0)) == list(range(40))
    assert epoch(0, 0).tolist() != epoch(10, 0).tolist() and epoch(0, 0).tolist() != epoch(0, 1).tolist()


def test_latents_are_what_the_autoencoder_says(made, pictures):
    vae = made["parts"]["vae"]
    latents = train_images.prepare_latents(ToySettings(), made["folder"], vae, pictures, CPU)
    with torch.no_grad():
        found = vae.encode(image_stages.to_pixels(pictures.scenes[:5])).latent_dist
    error = np.abs(latents.means[:5] - found.mean.numpy())  # float16 of what may be a bfloat16 computation
    assert error.mean() < 0.02 and error.max() < 0.5
    chance = torch.Generator().manual_seed(0)
    many = torch.stack([latents.sample(np.arange(3), chance) for _ in range(400)])
    assert torch.allclose(many.mean(0), found.mean[:3], atol=float(5 * found.std.max() / 20) + 0.05)
    assert torch.allclose(many.std(0), found.std[:3], rtol=0.3, atol=0.02)


# ------------------------------------------------------------------ the tokenizer
def test_the_tokenizer_reads_any_word_and_keeps_known_ones_whole(made):
    tokenizer = made["parts"]["tokenizer"]
    full = image_model.train_tokenizer(["a red balloon over the sea", "two red balloons"] * 50)
    assert full.tokenize("A red BALLOON") == ["a</w>", "red</w>", "balloon</w>"]
    for text in ("a hippopotamus!", "zwölf Boxkämpfer", "한국어", "x" * 40):
        ids = tokenizer(text).input_ids
        assert tokenizer.unk_token_id not in ids[1:-1]
        plain = tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "")
        assert plain == text.lower().replace(" ", "")
    ids = image_stages.tokenise(tokenizer, ["a red balloon", "", "sea " * 200])
    assert ids.shape == (3, 77) and (ids[:, 0] == tokenizer.bos_token_id).all()
    assert (ids[:, -1] == tokenizer.eos_token_id).all() and ids[1, 1] == tokenizer.eos_token_id


# ------------------------------------------------------------------ losses
def test_the_picture_loss_is_zero_for_equals_and_weighs_the_things():
    wanted, weights = torch.rand(2, 3, 8, 8), torch.ones(2, 1, 8, 8)
    colour, edges = image_stages.picture_loss(wanted, wanted, weights)
    assert colour == 0 and edges == 0
    shifted = wanted + 0.1
    colour, edges = image_stages.picture_loss(shifted, wanted, weights)
    assert colour == pytest.approx(0.1 + 3 * 0.01, rel=1e-4) and edges == pytest.approx(0, abs=1e-5)
    spoilt = wanted.clone()
    spoilt[:, :, 2:4, 2:4] += 0.5
    plain, _ = image_stages.picture_loss(spoilt, wanted, weights)
    weights[:, :, 2:4, 2:4] = 3
    heavy, _ = image_stages.picture_loss(spoilt, wanted, weights)
    assert heavy > 2 * plain


def test_standardising_changes_the_latents_and_no_picture(pictures):
    torch.manual_seed(0)
    vae = image_model.build_vae(latent_channels=8).eval()
    with torch.no_grad():
        vae.quant_conv.weight[:8] *= torch.linspace(1, 20, 8)[:, None, None, None]
        vae.quant_conv.bias[:8] += torch.linspace(-3, 3, 8)
    pixels = image_stages.to_pixels(pictures.scenes[:16])
    with torch.no_grad():
        before = vae.encode(pixels).latent_dist
        shown = vae.decode(before.mean).sample
        image_stages.standardise(vae, *train_images.latent_statistics(vae, pictures.scenes[:16], CPU))
        after = vae.encode(pixels).latent_dist
    assert torch.allclose(after.mean.mean((0, 2, 3)), torch.zeros(8), atol=1e-3)
    assert torch.allclose(after.mean.std((0, 2, 3)), torch.ones(8), atol=1e-3)
    assert not torch.allclose(before.mean.std((0, 2, 3)), torch.ones(8), atol=0.1)
    assert torch.allclose(vae.decode(after.mean).sample, shown, atol=1e-3)
    scale = before.mean.std((0, 2, 3))[None, :, None, None]
    assert torch.allclose(after.std * scale, before.std, rtol=1e-3)
    assert vae.config.scaling_factor == 1.0


def test_a_step_sees_all_noise_levels_and_forgets_some_captions(made, monkeypatch):
    stage = diffusion_stage(made, made["folder"] / "watched", replace(ToySettings(), diffusion_batch=40))
    steps, texts = [], []
    monkeypatch.setattr(image_stages, "tokenise", lambda _, t: texts.extend(t) or torch.zeros(40, 77).long())
    add_noise = stage.scheduler.add_noise
    monkeypatch.setattr(
        stage.scheduler, "add_noise", lambda c, n, t: steps.append(t.tolist()) or add_noise(c, n, t)
    )
    for _ in range(12):
        stage.update()
        stage.step += 1
    for timesteps in steps:  # 16 of 40 are uniform
        assert len(timesteps) == 40 and min(timesteps) < 63 and max(timesteps) >= 938
    assert 0.05 < np.mean([text == "" for text in texts]) < 0.2


def test_captions_with_things_out_of_place_are_of_no_split_and_keep_the_rest():
    rng, known = random.Random(0), {key for split in scenes.SPLITS for key in scenes.combinations(split)}
    moved = 0
    for _ in range(500):
        scene = scenes.sample_scene(rng)
        odd = image_stages.out_of_place(scene, 0.3, rng)
        if odd is not scene:
            moved += 1
            assert scene.thing and (odd.place, odd.time, odd.thing) not in known
            assert odd.color in vocabulary.colors_of(odd.thing)
            assert replace(odd, thing=scene.thing, color=scene.color) == scene
            assert captions.caption(odd, rng) and targets_of(odd)
        assert image_stages.out_of_place(scene, 0.0, rng) is scene
    assert 90 < moved < 190


def test_the_text_encoder_learns_to_tell_what_captions_say(made, pictures, tmp_path):
    torch.manual_seed(0)
    settings = replace(ToySettings(), text_steps=60, text_batch=32, text_rate=5e-3)
    parts = {"tokenizer": made["parts"]["tokenizer"]}
    parts["text_encoder"] = image_model.build_text_encoder(parts["tokenizer"], width=64, layers=1)
    stage = TextStage(settings, tmp_path, parts, pictures, CPU)
    before = stage.look()
    train(stage, look_every=60)
    after = stage.curve[-1]
    assert after["facts"] < 5.5 and after["place"] > before["place"] + 0.2
    assert set(before) == {"place", "time", "thing", "color"} and stage.step == 60


def timesteps(focus: float, count: int = 20_000, seed: int = 0) -> np.ndarray:
    chance = torch.Generator().manual_seed(seed)
    return image_stages.draw_timesteps(count, 1000, focus, chance).numpy()


def test_without_focus_timesteps_are_uniform():
    assert sorted(timesteps(0.0, 40) // 25) == list(range(40))
    shares = np.histogram(timesteps(0.0), 10, (0, 1000))[0] / 20_000
    assert np.allclose(shares, 0.1, atol=0.001)


def test_all_focus_is_the_logit_normal_distribution():
    logits = np.log((timesteps(1.0) + 0.5) / (999.5 - timesteps(1.0)))
    assert logits.mean() == pytest.approx(-0.6, abs=0.02) and logits.std() == pytest.approx(0.8, abs=0.02)


def test_some_focus_is_a_mixture_and_no_timestep_is_out_of_range():
    mixed = timesteps(0.6)
    assert mixed.min() == 0 and mixed.max() == 999
    for low, high in ((0, 100), (250, 400), (850, 1000)):
        parts = [
            np.mean((drawn >= low) & (drawn < high)) for drawn in (mixed, timesteps(1.0), timesteps(0.0))
        ]
        assert parts[0] == pytest.approx(0.6 * parts[1] + 0.4 * parts[2], abs=0.005)
    assert (timesteps(0.6) == mixed).all() and (timesteps(0.6, seed=1) != mixed).any()


# ------------------------------------------------------------------ stopping and going on
def diffusion_stage(made, folder: Path, settings=None) -> DiffusionStage:
    settings = settings or ToySettings()
    folder.mkdir(exist_ok=True)
    torch.manual_seed(1)
    parts = made["parts"] | {
        "unet": image_model.build_unet(),
        "text_encoder": image_model.build_text_encoder(made["parts"]["tokenizer"]),
        "scheduler": image_model.build_scheduler(),
    }
    pictures = train_images.prepare_pictures(ToySettings(), made["folder"])
    latents = train_images.prepare_latents(ToySettings(), made["folder"], parts["vae"], pictures, CPU)
    return DiffusionStage(settings, folder, parts, latents, CPU)


def autoencoder_stage(pictures, folder: Path, settings=None) -> AutoencoderStage:
    settings = settings or ToySettings()
    folder.mkdir(exist_ok=True)
    torch.manual_seed(1)
    return AutoencoderStage(settings, folder, image_model.build_vae(latent_channels=8), pictures, CPU)


@pytest.mark.parametrize("name", ["autoencoder", "diffusion"])
def test_a_stopped_stage_ends_like_an_uninterrupted_one(name, made, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(AutoencoderStage, "look", lambda stage: {})

    def start(folder):
        if name == "diffusion":
            return diffusion_stage(made, folder)
        return autoencoder_stage(pictures, folder)

    whole = start(tmp_path / "whole")
    first = {key: weights_of(module) for key, module in whole.modules.items()}
    train(whole, 1000)
    for stop in (2, 5, None):
        parts = start(tmp_path / "parts")
        torch.manual_seed(random.randrange(1000))
        train(parts, 1000, stop_at=stop)
        assert parts.step == (stop or 6)
    for key, module in parts.modules.items():
        went = (weights_of(whole.modules[key]) - first[key]).norm()
        assert (weights_of(module) - weights_of(whole.modules[key])).norm() < 0.01 * went
    if name == "diffusion":
        pairs = zip(parts.averages["unet"].shadow_params, whole.averages["unet"].shadow_params, strict=True)
        assert all(torch.allclose(a, b, atol=1e-3) for a, b in pairs)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(AutoencoderStage, "look", lambda stage: {})
    for stop in (1, 2):
        train(autoencoder_stage(pictures, tmp_path), 1000, stop_at=stop)
    newest = tmp_path / "autoencoder.pt"
    newest.write_bytes(newest.read_bytes()[:3000])
    assert autoencoder_stage(pictures, tmp_path).step == 1
    assert "autoencoder.pt cannot be read" in capsys.readouterr().err


def test_ctrl_c_keeps_what_was_learnt(pictures, tmp_path, monkeypatch):
    stage, update = autoencoder_stage(pictures, tmp_path), AutoencoderStage.update

    def interrupted(self):
        if self.step == 3:
            raise KeyboardInterrupt
        return update(self)

    monkeypatch.setattr(AutoencoderStage, "update", interrupted)
    train(stage, 1000)
    assert stage.stopped and autoencoder_stage(pictures, tmp_path).step == 3
    with pytest.raises(TrainingError, match="stopped at step 3 of 6"):
        train_images.train_autoencoder(
            ToySettings(), tmp_path, image_model.build_vae(latent_channels=8), pictures, CPU
        )


def test_other_settings_are_refused_by_name_but_the_other_stage_may_change(made, pictures):
    folder = made["folder"]
    with pytest.raises(TrainingError, match="kl_weight.*--fresh"):
        autoencoder_stage(pictures, folder, ToySettings(kl_weight=1.0))
    assert autoencoder_stage(pictures, folder, ToySettings(diffusion_steps=99)).step == 6
    changed = replace(pictures, fingerprint="another world")
    with pytest.raises(TrainingError, match="the drawn world"):
        autoencoder_stage(changed, folder)


def test_the_averaged_weights_are_there_only_inside_the_context(made, tmp_path):
    stage = diffusion_stage(made, tmp_path)
    train(stage, 1000, stop_at=3)
    before = weights_of(stage.modules["unet"])
    with stage.averaged() as pipe:
        assert pipe.unet is stage.modules["unet"] and not pipe.unet.training
        assert not torch.equal(weights_of(pipe.unet), before)
    assert torch.equal(weights_of(stage.modules["unet"]), before) and stage.modules["unet"].training


# ------------------------------------------------------------------ export
def test_the_exported_folder_is_a_stable_diffusion_pipeline_in_half_precision(made):
    from diffusers import StableDiffusionPipeline

    folder = made["folder"] / "model"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.safetensors")}
    assert files == {
        "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
    }  # fmt: skip
    for name in files:
        assert {weight.dtype for weight in load_file(folder / name).values()} == {torch.float16}
    pipe = StableDiffusionPipeline.from_pretrained(folder).to(torch.float32)
    assert pipe.safety_checker is None and not pipe.config.requires_safety_checker
    assert torch.allclose(weights_of(pipe.unet), weights_of(made["parts"]["unet"]), atol=1e-2)
    assert pipe.tokenizer("a red balloon").input_ids == made["parts"]["tokenizer"]("a red balloon").input_ids
    assert pipe.tokenizer.model_max_length == 77
    assert pipe.scheduler.config.prediction_type == "v_prediction"


def test_the_record_tells_every_stage(made):
    record = json.loads((made["folder"] / "model" / "training.json").read_text(encoding="utf-8"))
    assert [stage["stage"] for stage in record["stages"]] == ["autoencoder", "text", "diffusion"]
    assert all(stage["steps"] == 6 and stage["started_from"] == "nothing" for stage in record["stages"])
    assert record["stages"][0]["curve"][-1]["psnr_scenes"] > 3
    assert record["parameters"]["vae"] == image_model.parameters_of(made["parts"]["vae"])


def test_a_later_run_goes_on_from_the_weights_and_says_so(made, tmp_path):
    settings = ToySettings(start_from=str(made["folder"] / "model"))
    more = train_images.run(settings, tmp_path, "diffusion")
    names = [stage["stage"] for stage in more["record"]["stages"]]
    assert names == ["autoencoder", "text", "diffusion", "diffusion"]
    assert more["record"]["stages"][3]["started_from"] == "the weights before"
    train_images.export(more["parts"], more["record"], tmp_path / "model")
    assert not [p for p in (tmp_path / "model").rglob("*.json") if "_name_or_path" in p.read_text("utf-8")]
    assert torch.allclose(
        weights_of(more["parts"]["vae"]), weights_of(made["parts"]["vae"]), atol=1e-2, rtol=1e-2
    )
    with pytest.raises(TrainingError, match="--start-from"):
        train_images.run(ToySettings(), tmp_path / "other", "diffusion")


def test_the_first_stage_alone_ships_an_autoencoder_that_the_second_starts_from(made, tmp_path):
    first = train_images.run(ToySettings(), made["folder"], "autoencoder")  # it is complete already
    train_images.export(first["parts"], first["record"], tmp_path / "model")
    written = {path.name for path in (tmp_path / "model").iterdir()}
    assert written == {"vae", "training.json", "README.md"}
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "Only the autoencoder" in card and "dB on 96 validation scenes" in card
    settings = ToySettings(start_from=str(tmp_path / "model"))
    both = train_images.run(settings, tmp_path / "second", "diffusion")
    names = [stage["stage"] for stage in both["record"]["stages"]]
    assert names == ["autoencoder", "text", "diffusion"]
    assert torch.allclose(weights_of(both["parts"]["vae"]), weights_of(first["parts"]["vae"]), atol=1e-2)


def test_a_failed_export_leaves_the_old_model(made, tmp_path, monkeypatch):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "precious").write_text("x")
    monkeypatch.setattr(image_card, "write_card", lambda folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train_images.export(made["parts"], made["record"], folder)
    assert (folder / "precious").exists()


def test_the_full_model_keeps_to_its_budget():
    settings = image_stages.Settings()
    tokenizer = image_model.train_tokenizer(["a red balloon"])
    parts = (
        image_model.build_vae(latent_channels=settings.latent_channels),
        image_model.build_text_encoder(tokenizer),
        full_unet(latent_channels=settings.latent_channels),
    )
    count = sum(map(image_model.parameters_of, parts)) + 2048 * 128
    assert count <= 9_000_000 and 2 * count <= 18 * 2**20


# ------------------------------------------------------------------ the card
def test_the_card_says_what_was_trained_and_that_nothing_is_measured_yet(made):
    card = (made["folder"] / "model" / "README.md").read_text(encoding="utf-8")
    for part in (
        "| autoencoder | 6 | 4 |",
        "| text | 6 | 4 |",
        "| diffusion | 6 | 4 |",
        "40 scenes",
        "Not measured yet",
        "77 tokens",
    ):
        assert part in card, part
    assert "{" not in card.split("```")[0] + card.split("```")[2]


# ------------------------------------------------------------------ the command line
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--diffusion-steps", "0"], "--diffusion-steps must be above 0"),
        (["--scenes", "many"], "invalid int value"),
        (["--only", "music"], "invalid choice"),
        (["--device", "cuda"], "finds no CUDA GPU"),
        (["--output", "{file}"], "is a file: name a folder"),
        (["--start-from", "{empty}"], "there is no model in"),
        (
            ["--only", "diffusion", "--output", "{empty}", "--scenes", "8", "--shapes", "4"],
            "--start-from shipped",
        ),
    ],
)
def test_bad_input_gets_one_sentence(arguments, sentence, tmp_path, capsys):
    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    paths = {"{file}": str(tmp_path / "file"), "{empty}": str(tmp_path / "empty")}
    with pytest.raises(SystemExit) as stopped:
        train_images.main([paths.get(argument, argument) for argument in arguments])
    said = capsys.readouterr().err if isinstance(stopped.value.code, int) else str(stopped.value.code)
    assert sentence in said and "Traceback" not in said


@pytest.mark.long
def test_only_a_full_run_replaces_the_shipped_model(made, tmp_path, monkeypatch, capsys):
    shipped = tmp_path / "shipped"
    monkeypatch.setattr(train_images, "SHIPPED", shipped)
    monkeypatch.setattr(train_images, "Settings", ToySettings)
    train_images.main(["--output", str(tmp_path / "part"), "--only", "autoencoder", "--device", "cpu"])
    assert not shipped.exists() and "--ship would replace" in capsys.readouterr().out
    train_images.main(["--output", str(made["folder"]), "--device", "cpu"])
    assert (shipped / "model_index.json").exists() and "is replaced" in capsys.readouterr().out


def test_a_run_that_was_broken_off_does_not_replace_the_shipped_model(made, tmp_path, monkeypatch, capsys):
    shipped, run = tmp_path / "shipped", train_images.run
    monkeypatch.setattr(train_images, "SHIPPED", shipped)
    monkeypatch.setattr(train_images, "Settings", ToySettings)
    monkeypatch.setattr(train_images, "run", lambda *given: {**run(*given), "finished": False})
    train_images.main(["--output", str(made["folder"]), "--device", "cpu", "--ship"])
    assert not shipped.exists() and "--ship would replace" in capsys.readouterr().out
    assert (made["folder"] / "model" / "model_index.json").exists()
