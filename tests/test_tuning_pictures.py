"""`tuning.tune_pictures`: own pictures are learnt, saved, loaded again in a new process; bad input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import images, tuning
from helpers.own_data import Picture
from helpers.session import Session
from smallworld.world import papercut as restyle
from tests.tuning_tools import sentence

ROOT = Path(__file__).resolve().parents[1]
SESSION = Session("tiny", "cpu", torch.float32, 0, Path("build"), False)
PICTURES = [Picture(picture, text, "") for _, picture, text in restyle.pairs("train", 6)]
PROMPT = "a red balloon over the ocean at noon"

pytestmark = pytest.mark.usefixtures("build")


def tuned(folder="build/mine", pictures=PICTURES, **options):
    options = {"steps": 3, "batch_size": 2, "rank": 4} | options
    return tuning.tune_pictures(SESSION, pictures, folder, **options)


def painted(pipe):
    return np.asarray(images.generate(pipe, PROMPT, seed=1, steps=3)[0], int)


LOAD = """
import json, sys
import numpy as np, torch
from pathlib import Path
from helpers import images
from helpers.session import Session
pipe = images.load(Session("tiny", "cpu", torch.float32, 0, Path("build"), False))
pipe.load_lora_weights(sys.argv[1])
names = [name for name, _ in pipe.unet.named_parameters() if "lora_A" in name]
kinds = sorted({name.split(".lora_A")[0].split(".")[-1] for name in names})
print(json.dumps([kinds, np.asarray(images.generate(pipe, sys.argv[2], seed=1, steps=3)[0], int).tolist()]))
"""


@pytest.mark.long
def test_own_pictures_are_learnt_saved_and_loaded_again_in_a_new_process(build):
    folder = tuned(steps=8, learning_rate=1e-2)
    assert folder == build / "mine" and sorted(os.listdir(build)) == ["mine"]
    assert os.listdir(folder) == ["pytorch_lora_weights.safetensors"]
    done = subprocess.run([sys.executable, "-c", LOAD, str(folder), PROMPT], cwd=ROOT, text=True,
                          capture_output=True, timeout=180)  # fmt: skip
    assert done.returncode == 0, done.stderr
    kinds, picture = json.loads(done.stdout.splitlines()[-1])
    assert {"conv1", "to_q", "conv_in"} <= set(kinds)
    pipe = images.load(SESSION)
    before = painted(pipe)
    pipe.load_lora_weights(folder)
    assert np.abs(painted(pipe) - picture).max() <= 1 < 20 < np.abs(before - picture).max()


def test_a_run_that_was_cut_off_ends_as_an_uninterrupted_one(build, monkeypatch):
    whole = (tuned("build/whole") / "pytorch_lora_weights.safetensors").read_bytes()
    fit = tuning.fit

    def cut_off(model, loss_of_step, **options):
        def stop(step, loss):
            if step == 1:
                raise KeyboardInterrupt

        return fit(model, loss_of_step, **options, checkpoint_every=1, show=stop)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tuning, "fit", cut_off)
        tuned()
    assert os.listdir(build / "mine.unfinished") and not (build / "mine").exists()
    assert (tuned() / "pytorch_lora_weights.safetensors").read_bytes() == whole


@pytest.mark.parametrize("kind", ["epsilon", "sample"])
def test_the_loss_follows_the_kind_of_prediction(kind):
    """A UNet that answers rightly has loss 0."""
    pipe = images.load(SESSION)
    pipe.scheduler.register_to_config(prediction_type=kind)
    loss_of_step = tuning._picture_loss(pipe, PICTURES, "", 3, 0)
    clean = images.encode(pipe, [PICTURES[i].picture for i in tuning.batch_of(0, 6, 3, 0)])
    levels = pipe.scheduler.alphas_cumprod

    class Oracle(torch.nn.Module):
        def forward(self, noisy, t, states):
            level = levels[t][:, None, None, None]
            noise = (noisy - level.sqrt() * clean) / (1 - level).sqrt()
            return type("Answer", (), {"sample": noise if kind == "epsilon" else clean})

    assert float(loss_of_step(Oracle(), 0)) < 1e-6


def test_a_picture_without_a_caption_gets_the_one_for_all(build):
    """Caption by caption, or one for those that have none: the same loss; another one: another loss."""
    pipe, bare = images.load(SESSION), [PICTURES[0]._replace(caption="")]
    with torch.no_grad():
        own, given, other = (
            float(tuning._picture_loss(pipe, pictures, caption, 4, 0)(pipe.unet, 0))
            for pictures, caption in ((PICTURES[:1], ""), (bare, PICTURES[0].caption), (bare, "a blue tent"))
        )
    assert own == given != other


def test_bad_input_is_refused_before_long_work(build):
    assert "no picture to learn from" in sentence(tuned, pictures=[])
    assert "rank is 0" in sentence(tuned, rank=0) and "batch_size is 0" in sentence(tuned, batch_size=0)
    assert "steps is 0" in sentence(tuned, steps=0)
    assert "not lie below build/" in sentence(tuned, folder="elsewhere")
    two = [PICTURES[0], Picture(Image.new("RGB", (32, 32)), "", "small.png")]
    assert "differ in size" in sentence(tuned, pictures=two)
