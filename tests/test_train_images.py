"""The trainer of the image model as a whole: all stages, export and its card, and the command line."""

import json

import pytest
import torch
from safetensors.torch import load_file
from toy_images import ToySettings, full_unet, toy_sizes, trained

from smallworld.making import images as train_images
from smallworld.making.image import export as image_export
from smallworld.making.image import model as image_model
from smallworld.making.image.settings import Settings
from smallworld.making.images import Run
from smallworld.making.models import ModelError
from smallworld.making.training import TrainingError


@pytest.fixture(scope="module", autouse=True)
def toy():
    with toy_sizes():
        yield


@pytest.fixture(scope="module")
def made():
    return trained()


def weights_of(module) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in module.parameters()])


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
    pipe = StableDiffusionPipeline.from_pretrained(folder, trust_remote_code=False).to(torch.float32)
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
    more = train_images.run(settings, tmp_path, Run("diffusion"))
    names = [stage["stage"] for stage in more["record"]["stages"]]
    assert names == ["autoencoder", "text", "diffusion", "diffusion"]
    assert more["record"]["stages"][3]["started_from"] == "the weights before"
    image_export.export(more["parts"], more["record"], tmp_path / "model")
    assert not [p for p in (tmp_path / "model").rglob("*.json") if "_name_or_path" in p.read_text("utf-8")]
    assert torch.allclose(
        weights_of(more["parts"]["vae"]), weights_of(made["parts"]["vae"]), atol=1e-2, rtol=1e-2
    )
    with pytest.raises(TrainingError, match="--start-from"):
        train_images.run(ToySettings(), tmp_path / "other", Run("diffusion"))


def test_the_first_stage_alone_ships_an_autoencoder_that_the_second_starts_from(made, tmp_path):
    first = train_images.run(ToySettings(), made["folder"], Run("autoencoder"))  # it is complete already
    image_export.export(first["parts"], first["record"], tmp_path / "model")
    written = {path.name for path in (tmp_path / "model").iterdir()}
    assert written == {"vae", "training.json", "README.md", "words.txt"}
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "Only the autoencoder" in card and "96 validation scenes" in card
    settings = ToySettings(start_from=str(tmp_path / "model"))
    both = train_images.run(settings, tmp_path / "second", Run("diffusion"))
    names = [stage["stage"] for stage in both["record"]["stages"]]
    assert names == ["autoencoder", "text", "diffusion"]
    assert torch.allclose(weights_of(both["parts"]["vae"]), weights_of(first["parts"]["vae"]), atol=1e-2)


def test_a_failed_export_leaves_the_old_model(made, tmp_path, monkeypatch):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "precious").write_text("x")
    monkeypatch.setattr(image_export, "write_card", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        image_export.export(made["parts"], made["record"], folder)
    assert (folder / "precious").exists()


def test_the_full_model_keeps_to_its_budget():
    settings = Settings()
    tokenizer = image_model.train_tokenizer(["a red balloon"])
    parts = (
        image_model.build_vae(latent_channels=settings.latent_channels),
        image_model.build_text_encoder(tokenizer),
        full_unet(latent_channels=settings.latent_channels),
    )
    count = sum(map(image_model.parameters_of, parts)) + 2048 * 128
    assert count <= 12_000_000 and 2 * count <= 22 * 2**20


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
        (["--minutes", "0"], "--minutes must be above 0"),
        (["--scenes", "8"], "--diffusion-batch must be at most --scenes"),
        (["--only", "music"], "invalid choice"),
        (["--device", "cuda"], "finds no CUDA GPU"),
        (["--output", "{file}"], "is a file: name a folder"),
        (["--start-from", "{empty}"], "there is no model in"),
        (
            ["--only", "diffusion", "--output", "{empty}", "--scenes", "80", "--shapes", "4"],
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


def test_a_run_by_the_clock_ends_when_its_time_is_up(made, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train_images, "Settings", ToySettings)
    start = str(made["folder"] / "model")
    arguments = ["--start-from", start, "--only", "diffusion", "--diffusion-steps", "100000"]
    train_images.main([*arguments, "--output", str(tmp_path), "--minutes", "0.02", "--keep-at", "0.01"])
    said = capsys.readouterr().out
    assert "hours on two CPU cores" in said and "--ship would replace" in said
    record = json.loads((tmp_path / "model" / "training.json").read_text(encoding="utf-8"))
    assert 0 < record["stages"][-1]["steps"] < 100_000
    assert (tmp_path / "kept" / "averaged-0.010.safetensors").exists()


def test_a_damaged_model_to_start_from_is_told_in_one_sentence(monkeypatch, tmp_path):
    def damaged(*_):
        raise ModelError("The image model cannot be read: restore it.")

    monkeypatch.setattr(train_images, "run", damaged)
    with pytest.raises(SystemExit, match="train_images: The image model cannot be read"):
        train_images.main(["--output", str(tmp_path), "--device", "cpu"])
