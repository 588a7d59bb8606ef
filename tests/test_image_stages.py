"""The stages of the image model's training: their losses and schedule, stopping at any moment, going on."""

import random
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toy_images import ToySettings, toy_sizes, trained

from smallworld.making import images as train_images
from smallworld.making.image import autoencoder as autoencoder_stage
from smallworld.making.image import data as image_data
from smallworld.making.image import diffusion as diffusion_stage
from smallworld.making.image import looks as image_looks
from smallworld.making.image import model as image_model
from smallworld.making.image import pipeline as image_pipeline
from smallworld.making.image import stage
from smallworld.making.image.autoencoder import AutoencoderStage
from smallworld.making.image.diffusion import DiffusionStage
from smallworld.making.image.export import Keeper
from smallworld.making.image.stage import learning_rate, train
from smallworld.making.image.text_encoder import FACTS, TextStage, labels_of, out_of_place
from smallworld.making.training import TrainingError
from smallworld.world import captions, scenes, vocabulary

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
    return image_data.prepare_pictures(ToySettings(), made["folder"])


def weights_of(module) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in module.parameters()])


def new_diffusion(made, folder: Path, settings=None) -> DiffusionStage:
    settings = settings or ToySettings()
    folder.mkdir(exist_ok=True)
    torch.manual_seed(1)
    parts = made["parts"] | {
        "unet": image_model.build_unet(),
        "text_encoder": image_model.build_text_encoder(made["parts"]["tokenizer"]),
        "scheduler": image_model.build_scheduler(),
    }
    data = image_data.prepare_pictures(ToySettings(), made["folder"])
    latents = image_data.prepare_latents(ToySettings(), made["folder"], parts["vae"], data, CPU)
    wordings = image_data.prepare_wordings(ToySettings(), made["folder"], parts["tokenizer"], data)
    return DiffusionStage(settings, folder, parts, latents, wordings, CPU)


def new_autoencoder(pictures, folder: Path, settings=None) -> AutoencoderStage:
    settings = settings or ToySettings()
    folder.mkdir(exist_ok=True)
    torch.manual_seed(1)
    return AutoencoderStage(settings, folder, image_model.build_vae(latent_channels=8), pictures, CPU)


# ------------------------------------------------------------------ the autoencoder
def test_the_picture_loss_is_zero_for_equals_and_weighs_the_things():
    wanted, weights = torch.rand(2, 3, 8, 8), torch.ones(2, 1, 8, 8)
    colour, edges = autoencoder_stage.picture_loss(wanted, wanted, weights)
    assert colour == 0 and edges == 0
    shifted = wanted + 0.1
    colour, edges = autoencoder_stage.picture_loss(shifted, wanted, weights)
    assert colour == pytest.approx(0.1 + 3 * 0.01, rel=1e-4) and edges == pytest.approx(0, abs=1e-5)
    spoilt = wanted.clone()
    spoilt[:, :, 2:4, 2:4] += 0.5
    plain, _ = autoencoder_stage.picture_loss(spoilt, wanted, weights)
    weights[:, :, 2:4, 2:4] = 3
    heavy, _ = autoencoder_stage.picture_loss(spoilt, wanted, weights)
    assert heavy > 2 * plain


def test_standardising_changes_the_latents_and_no_picture(pictures):
    torch.manual_seed(0)
    vae = image_model.build_vae(latent_channels=8).eval()
    with torch.no_grad():
        vae.quant_conv.weight[:8] *= torch.linspace(1, 20, 8)[:, None, None, None]
        vae.quant_conv.bias[:8] += torch.linspace(-3, 3, 8)
    pixels = image_pipeline.to_pixels(pictures.scenes[:16])
    with torch.no_grad():
        before = vae.encode(pixels).latent_dist
        shown = vae.decode(before.mean).sample
        statistics = autoencoder_stage.latent_statistics(vae, pictures.scenes[:16], CPU)
        autoencoder_stage.standardise(vae, *statistics)
        after = vae.encode(pixels).latent_dist
    assert torch.allclose(after.mean.mean((0, 2, 3)), torch.zeros(8), atol=1e-3)
    assert torch.allclose(after.mean.std((0, 2, 3)), torch.ones(8), atol=1e-3)
    assert not torch.allclose(before.mean.std((0, 2, 3)), torch.ones(8), atol=0.1)
    assert torch.allclose(vae.decode(after.mean).sample, shown, atol=1e-3)
    scale = before.mean.std((0, 2, 3))[None, :, None, None]
    assert torch.allclose(after.std * scale, before.std, rtol=1e-3)
    assert vae.config.scaling_factor == 1.0


def test_held_out_pictures_are_not_of_the_training_combinations(monkeypatch):
    seen = []
    monkeypatch.setattr(image_looks, "draw_all", lambda listed: seen.extend(listed) or np.zeros(0))
    assert len(image_looks.held_out_pictures()["shapes"]) == 96
    assert {scenes.combination_split(s.place, s.time, s.thing) for s in seen} == {"validation"}


# ------------------------------------------------------------------ the text encoder
def test_captions_with_things_out_of_place_are_of_no_split_and_keep_the_rest():
    rng, known = random.Random(0), {key for split in scenes.SPLITS for key in scenes.combinations(split)}
    moved = 0
    for _ in range(500):
        scene = scenes.sample_scene(rng)
        odd = out_of_place(scene, 0.3, rng)
        if odd is not scene:
            moved += 1
            assert scene.thing and (odd.place, odd.time, odd.thing) not in known
            assert odd.color in vocabulary.colors_of(odd.thing)
            assert replace(odd, thing=scene.thing, color=scene.color) == scene
            assert captions.caption(odd, rng) and labels_of(odd) != labels_of(scene)
        assert out_of_place(scene, 0.0, rng) is scene
    assert 90 < moved < 190


def test_labels_name_the_facts_and_nothing_has_no_colour():
    scene = scenes.sample_scene(random.Random(0), thing="boat", count=2)
    named = {
        name: values[label] for (name, values), label in zip(FACTS.items(), labels_of(scene), strict=True)
    }
    assert named == {name: getattr(scene, name) for name in FACTS}
    empty = labels_of(scenes.sample_scene(random.Random(0), thing=""))
    assert empty[2:] == [0, -100, 0]


def test_the_text_encoder_learns_to_tell_what_captions_say(made, pictures, tmp_path):
    torch.manual_seed(0)
    settings = replace(ToySettings(), text_steps=60, text_batch=32, text_rate=5e-3)
    parts = {"tokenizer": made["parts"]["tokenizer"]}
    parts["text_encoder"] = image_model.build_text_encoder(parts["tokenizer"], width=64, layers=1)
    encoder = TextStage(settings, tmp_path, parts, pictures, CPU)
    before = image_looks.look_at_text(encoder)
    train(encoder, image_looks.look_at_text, look_every=60)
    after = encoder.curve[-1]
    assert after["facts"] < 6.0 and after["place"] > before["place"] + 0.2
    assert set(before) == {"place", "time", "thing", "color"} and encoder.step == 60


# ------------------------------------------------------------------ the diffusion loss
def test_the_weighted_loss_equals_a_plain_loop():
    torch.manual_seed(0)
    found, wanted = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    masks = torch.randint(0, 256, (2, 4, 4), dtype=torch.uint8)
    weights = diffusion_stage.loss_weights(masks, 5.0)
    assert weights.shape == (2, 1, 4, 4) and weights.mean() == pytest.approx(1, abs=1e-5)
    total, plain = 0.0, 1 + 5.0 * masks.double() / 255
    for n in range(2):
        for y in range(4):
            for x in range(4):
                error = ((found[n, :, y, x] - wanted[n, :, y, x]) ** 2).mean()
                total += plain[n, y, x] / plain.mean() * error / 32
    loss = diffusion_stage.weighted_loss(found, wanted, weights)
    assert loss == pytest.approx(float(total), rel=1e-5)


def test_without_weight_for_things_the_loss_is_the_mean_squared_error():
    found, wanted = torch.randn(2, 8, 16, 16), torch.randn(2, 8, 16, 16)
    weights = diffusion_stage.loss_weights(torch.randint(0, 256, (2, 16, 16), dtype=torch.uint8), 0.0)
    loss = diffusion_stage.weighted_loss(found, wanted, weights)
    assert loss == pytest.approx(float(torch.nn.functional.mse_loss(found, wanted)), rel=1e-5)


def test_a_step_noises_latents_as_the_scheduler_does_and_asks_for_its_velocity(made, tmp_path, monkeypatch):
    diffusion = new_diffusion(made, tmp_path)
    batch = diffusion.bank.draw(torch.arange(4), torch.Generator().manual_seed(3))
    monkeypatch.setattr(diffusion.bank, "draw", lambda *given: batch)
    scheduler, seen = image_model.build_scheduler(), {}

    def predict(noisy, timesteps, states):
        seen.update(noisy=noisy, timesteps=timesteps, states=states)
        return type("Found", (), {"sample": diffusion.modules["unet"](noisy, timesteps, states).sample})

    def loss(found, wanted, weights):
        seen.update(wanted=wanted, weights=weights)
        return found.square().mean()

    monkeypatch.setattr(diffusion, "predict", predict)
    monkeypatch.setattr(diffusion_stage, "weighted_loss", loss)
    diffusion.compute(None)
    noisy = scheduler.add_noise(batch.clean, batch.noise, batch.timesteps)
    wanted = scheduler.get_velocity(batch.clean, batch.noise, batch.timesteps)
    assert torch.allclose(seen["noisy"], noisy, atol=1e-6)
    assert torch.allclose(seen["wanted"], wanted, atol=1e-6)
    assert seen["states"].shape == (4, 77, 128) and seen["weights"] is batch.weights


def test_a_batch_holds_latents_and_wordings_of_its_scenes_and_some_captions_are_dropped(made, tmp_path):
    settings = replace(ToySettings(), no_caption_share=0.25)
    bank = new_diffusion(made, tmp_path, settings).bank
    chance, numbers = torch.Generator().manual_seed(0), torch.tensor([7] * 400)
    batch = bank.draw(numbers, chance)
    away = (batch.clean.mean(0) - bank.means[7].float()) / (bank.stds[7].float() / 20 + 0.01)
    assert away.abs().max() < 5
    assert torch.allclose(batch.clean.std(0), bank.stds[7].float(), rtol=0.3, atol=0.02)
    dropped = (batch.ids == bank.empty).all(dim=1)
    assert 0.15 < dropped.float().mean() < 0.35
    length = bank.ids.shape[2]
    known = {tuple(row) for row in bank.ids[7].tolist()}
    assert {tuple(row) for row in batch.ids[~dropped][:, :length].tolist()} == known
    assert (batch.ids[:, length:] == bank.empty[length:]).all()


def timesteps(focus: float, count: int = 20_000, seed: int = 0) -> np.ndarray:
    chances = torch.rand(count, generator=torch.Generator().manual_seed(seed))
    return diffusion_stage.draw_timesteps(diffusion_stage.timestep_table(1000, focus), chances).numpy()


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


# ------------------------------------------------------------------ recorded steps
class FakeGraph:
    """Stands in for a CUDA graph: what runs while it is recorded runs again with every replay."""

    def __init__(self, works: bool):
        self.works, self.replays, self.diffusion = works, 0, None

    def __call__(self):
        return self

    @contextmanager
    def recorded(self, graph):
        yield
        if not self.works:
            raise RuntimeError("operation not permitted when stream is capturing")

    def replay(self):
        self.replays += 1
        self.diffusion.loss = self.diffusion.compute(self.diffusion.chance())


@pytest.mark.parametrize("works", [True, False])
def test_a_step_is_recorded_once_and_where_that_fails_training_goes_on(
    works, made, tmp_path, monkeypatch, capsys
):
    graph, diffusion = FakeGraph(works), new_diffusion(made, tmp_path)
    graph.diffusion, diffusion.side = diffusion, mock.Mock()
    for name, stand_in in {"CUDAGraph": graph, "graph": graph.recorded}.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    for name in ("synchronize", "current_stream"):
        monkeypatch.setattr(torch.cuda, name, mock.Mock())
    monkeypatch.setattr(torch.cuda, "stream", lambda side: nullcontext())
    losses = []
    for _ in range(6):
        losses.append(float(diffusion.step_on_gpu()))
        diffusion.step += 1
    assert graph.replays == (3 if works else 0) and np.isfinite(losses).all()
    assert ("recorded as a CUDA graph" if works else "no CUDA graph (RuntimeError") in capsys.readouterr().err


def test_a_unet_that_cannot_be_compiled_is_trained_as_it_stands(made, tmp_path, monkeypatch, capsys):
    diffusion = new_diffusion(made, tmp_path)
    diffusion.side, diffusion.predict = mock.Mock(), mock.Mock(side_effect=RuntimeError("no compiler"))
    monkeypatch.setattr(torch.cuda, "current_stream", mock.Mock())
    monkeypatch.setattr(torch.cuda, "stream", lambda side: nullcontext())
    before = weights_of(diffusion.modules["unet"])
    assert diffusion.step_as_it_stands() > 0
    assert "no compiler" in capsys.readouterr().err
    assert not torch.equal(weights_of(diffusion.modules["unet"]), before)


# ------------------------------------------------------------------ averages and schedule
def test_the_averages_follow_their_formula(made, tmp_path):
    diffusion = new_diffusion(made, tmp_path)
    wanted = [weight.detach().clone() for weight in diffusion.modules["unet"].parameters()]
    for step in range(4):
        diffusion.step = step
        diffusion.update()
        keep = min(0.999, 1 - (1 + step) ** -0.75)
        weights = diffusion.modules["unet"].parameters()
        wanted = [keep * a + (1 - keep) * w.detach() for a, w in zip(wanted, weights, strict=True)]
    for ours, theirs in zip(diffusion.averages["unet"], wanted, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_the_rate_warms_up_stays_and_falls_to_zero():
    rates = [learning_rate(step, step / 100, 2.0, 10, 0.5) for step in range(101)]
    assert rates[0] == pytest.approx(0.2) and rates[9] == rates[40] == 2.0
    assert rates[75] == pytest.approx(1.0) and rates[100] == 0.0
    assert learning_rate(500, 0.9, 2.0, 10, 0.5) == pytest.approx(0.4)


def test_a_stage_with_a_time_limit_ends_then_with_the_rate_near_zero(made, tmp_path, monkeypatch):
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(stage.time, "monotonic", lambda: float(next(clock)))
    diffusion = new_diffusion(made, tmp_path, replace(ToySettings(), diffusion_steps=10_000, warmup=1))
    diffusion.limit, rates = 600.0, []
    train(diffusion, after_step=lambda own: rates.append(own.optimizer.param_groups[0]["lr"]))
    assert diffusion.seconds >= 600 and 5 < diffusion.step < 60
    assert rates[0] == 1e-3 and rates[-1] < 0.1 * 1e-3
    assert rates == sorted(rates, reverse=True)
    diffusion.set_rate()
    assert diffusion.optimizer.param_groups[0]["lr"] == 0.0


# ------------------------------------------------------------------ stopping and going on
@pytest.mark.parametrize("name", ["autoencoder", "diffusion"])
def test_a_stopped_stage_ends_like_an_uninterrupted_one(name, made, pictures, tmp_path):
    def start(folder):
        return new_diffusion(made, folder) if name == "diffusion" else new_autoencoder(pictures, folder)

    whole = start(tmp_path / "whole")
    first = {key: weights_of(module) for key, module in whole.modules.items()}
    train(whole)
    for stop in (2, 5, None):
        parts = start(tmp_path / "parts")
        torch.manual_seed(random.randrange(1000))
        train(parts, stop_at=stop)
        assert parts.step == (stop or 6)
    for key, module in parts.modules.items():
        went = (weights_of(whole.modules[key]) - first[key]).norm()
        assert (weights_of(module) - weights_of(whole.modules[key])).norm() < 0.01 * went
    if name == "diffusion":
        pairs = zip(parts.averages["unet"], whole.averages["unet"], strict=True)
        assert all(torch.allclose(a, b, atol=1e-3) for a, b in pairs)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(pictures, tmp_path, capsys):
    for stop in (1, 2):
        train(new_autoencoder(pictures, tmp_path), stop_at=stop)
    newest = tmp_path / "autoencoder.pt"
    newest.write_bytes(newest.read_bytes()[:3000])
    assert new_autoencoder(pictures, tmp_path).step == 1
    assert "autoencoder.pt cannot be read" in capsys.readouterr().err


def test_ctrl_c_keeps_what_was_learnt(pictures, tmp_path, monkeypatch):
    encoder, update = new_autoencoder(pictures, tmp_path), AutoencoderStage.update

    def interrupted(self):
        if self.step == 3:
            raise KeyboardInterrupt
        return update(self)

    monkeypatch.setattr(AutoencoderStage, "update", interrupted)
    train(encoder)
    assert encoder.stopped and new_autoencoder(pictures, tmp_path).step == 3
    with pytest.raises(TrainingError, match="stopped at step 3 of 6"):
        vae = image_model.build_vae(latent_channels=8)
        train_images.train_autoencoder(ToySettings(), tmp_path, vae, pictures, train_images.Run())


def test_other_settings_are_refused_by_name_but_the_other_stage_may_change(made, pictures):
    folder = made["folder"]
    with pytest.raises(TrainingError, match="kl_weight.*--fresh"):
        new_autoencoder(pictures, folder, ToySettings(kl_weight=1.0))
    assert new_autoencoder(pictures, folder, ToySettings(diffusion_steps=99)).step == 6
    assert new_autoencoder(pictures, folder, ToySettings(diffusion_things_weight=9.0)).step == 6
    changed = replace(pictures, fingerprint="another world")
    with pytest.raises(TrainingError, match="the drawn world"):
        new_autoencoder(changed, folder)


def test_the_averaged_weights_are_there_only_inside_the_context(made, tmp_path):
    diffusion = new_diffusion(made, tmp_path)
    train(diffusion, stop_at=3)
    before = weights_of(diffusion.modules["unet"])
    with diffusion.averaged() as pipe:
        assert pipe.unet is diffusion.modules["unet"] and not pipe.unet.training
        assert not torch.equal(weights_of(pipe.unet), before)
        inside = weights_of(pipe.unet)
    assert torch.equal(weights_of(diffusion.modules["unet"]), before) and diffusion.modules["unet"].training
    diffusion.take_averages()
    assert torch.equal(weights_of(diffusion.modules["unet"]), inside)


def test_averaged_weights_are_kept_at_the_shares_asked_for(made, tmp_path):
    diffusion = new_diffusion(made, tmp_path)
    train(diffusion, after_step=Keeper((0.9, 0.3)))
    names = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert names == ["averaged-0.300.safetensors", "averaged-0.900.safetensors"]
    early, late = (load_file(tmp_path / "kept" / name) for name in names)
    own = dict(diffusion.modules["unet"].named_parameters())
    assert {key for key in late if key.startswith("unet.")} == {f"unet.{name}" for name in own}
    assert all(torch.allclose(mean.half(), late[f"unet.{name}"]) for name, mean in
               zip(own, diffusion.averages["unet"], strict=True))  # fmt: skip
    assert any(not torch.equal(early[key], late[key]) for key in early)
