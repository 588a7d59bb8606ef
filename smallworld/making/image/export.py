"""What the trainer of the image model writes: the record of the training, and the model's folder."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import diffusers
import torch
import transformers
from safetensors.torch import save_file

from smallworld.making.cards.image import card_of
from smallworld.making.cards.writer import write_card
from smallworld.making.image.diffusion import DiffusionStage
from smallworld.making.image.model import build_pipeline, parameters_of
from smallworld.making.image.settings import Settings
from smallworld.making.image.stage import Stage
from smallworld.making.training import new_folder, replace_folder
from smallworld.world import captions, words


def earlier_runs(folder: Path) -> list[dict]:
    """The stages that the model in ``folder`` has behind it: none where nothing is recorded there."""
    path = folder / "training.json"
    if not path.is_file():
        return []
    return json.loads(path.read_text(encoding="utf-8"))["stages"]


def training_record(
    settings: Settings, stages: Sequence[Stage], parts: dict, earlier: Sequence[dict]
) -> dict:
    """What is kept with the weights: settings, and of every stage its steps, time and curve."""
    made = [
        {
            "stage": stage.name,
            "steps": stage.step,
            "minutes": round(stage.seconds / 60, 1),
            "device": "GPU" if stage.device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads",
            "started_from": "the weights before" if settings.start_from else "nothing",
            "settings": {k: v for k, v in asdict(settings).items() if k != "start_from"},
            "curve": stage.curve,
        }
        for stage in stages
    ]
    libraries = {"torch": torch, "diffusers": diffusers, "transformers": transformers}
    return {
        "settings": asdict(replace(settings, start_from=Path(settings.start_from).name)),
        "positions": parts["tokenizer"].model_max_length,
        "parameters": {name: parameters_of(part) for name, part in parts.items() if name != "tokenizer"},
        "versions": {name: library.__version__.split("+")[0] for name, library in libraries.items()},
        "stages": [*earlier, *made],
    }


def export(parts: dict, record: dict, folder: Path) -> None:
    """Write pipeline (float16 safetensors), record and model card to ``folder``, all or nothing.

    After the first stage alone there is no pipeline yet: then the autoencoder is written.
    """
    new = new_folder(folder)
    half = {name: part if name == "tokenizer" else _half_copy(part) for name, part in parts.items()}
    if any(made["stage"] == "diffusion" for made in record["stages"]):
        build_pipeline(**half).save_pretrained(new, safe_serialization=True)
    else:
        half["vae"].save_pretrained(new / "vae")
    for path in new.rglob("*.safetensors"):
        path.chmod(0o644)
    for path in (*new.rglob("config.json"), *new.glob("model_index.json")):
        config = json.loads(path.read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)  # where the weights before were read from
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (new / "training.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
    (new / words.SEEN).write_text("\n".join(sorted(captions.words())) + "\n", encoding="utf-8")
    write_card(new, card_of(record))
    replace_folder(new, folder)


def _half_copy(module: torch.nn.Module) -> torch.nn.Module:
    """The module in float16; the original is left as it is."""
    return copy.deepcopy(module).cpu().half().eval()


class Keeper:
    """Keeps averaged weights of the diffusion stage at some ``shares`` of its way, to see how it learnt.

    Each is one float16 file in ``stage.folder``/kept, with the parameters of "unet." and "text_encoder.".
    """

    def __init__(self, shares: Sequence[float]):
        self.shares = sorted(shares)

    def __call__(self, stage: DiffusionStage) -> None:
        while self.shares and stage.progress() >= self.shares[0]:
            path = stage.folder / "kept" / f"averaged-{self.shares.pop(0):.3f}.safetensors"
            if not path.exists():
                path.parent.mkdir(exist_ok=True)
                save_file(averaged_tensors(stage), path)


def averaged_tensors(stage: DiffusionStage) -> dict[str, torch.Tensor]:
    """The averaged weights in float16, by the names of their parameters."""
    tensors = {}
    for name, average in stage.averages.items():
        for (weight, _), mean in zip(stage.modules[name].named_parameters(), average, strict=True):
            tensors[f"{name}.{weight}"] = mean.half().cpu().contiguous()
    return tensors
