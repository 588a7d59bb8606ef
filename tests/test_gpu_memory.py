"""How an image model goes onto a GPU of any size; no GPU is needed, and none was measured."""

import pytest
import tiny_pipeline
import torch

from helpers import images, tuning
from helpers.errors import WorkbookError
from helpers.own_data import Picture
from helpers.session import Session

GB = 10**9


@pytest.mark.parametrize("free, plan", [
    (24 * GB, "whole"), (6 * GB, "whole"), (5 * GB, "sliced"), (4 * GB, "sliced"), (3 * GB, "offloaded"),
    (0, "offloaded"),
])  # fmt: skip
def test_stable_diffusion_in_half_precision_takes_what_is_free(free, plan):
    assert images.memory_plan(free, int(2.75 * GB)) == plan


def test_the_shipped_model_fits_whole_beside_anything():
    assert images.memory_plan(GB // 4, 18_000_000) == "whole"


class Recorder(torch.nn.Module):
    """Stands in for a pipeline with one part of 1,000 bytes; writes down what is asked of it."""

    def __init__(self):
        super().__init__()
        self.unet = torch.nn.Parameter(torch.zeros(250))
        self.components, self.calls, self.vae = {"unet": self, "tokenizer": None}, [], self

    def to(self, device):
        self.calls.append(device)
        return self

    def enable_model_cpu_offload(self):
        self.calls.append("offload")

    def enable_attention_slicing(self):
        self.calls.append("attention")

    def enable_slicing(self):
        self.calls.append("vae")


@pytest.mark.parametrize("free, calls, words", [
    (2_000, ["cuda"], ""), (1_999, ["cuda", "attention", "vae"], "in slices"),
    (1_299, ["offload", "attention", "vae"], "take turns"),
])  # fmt: skip
def test_a_line_says_so_where_memory_is_scant(monkeypatch, capsys, free, calls, words):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free, 10**12))
    pipe = Recorder()
    assert images._on_device(pipe, "cuda") is pipe and pipe.calls == calls
    out = capsys.readouterr().out
    assert words in out and out.count("\n") == bool(words)


def test_the_cpu_is_not_asked_for_its_gpu_memory(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: pytest.fail("asked"))
    pipe = Recorder()
    images._on_device(pipe, "cpu")
    assert pipe.calls == ["cpu"]


def test_an_offloaded_pipeline_draws_encodes_and_decodes_where_it_computes(monkeypatch):
    pipe = tiny_pipeline.build()
    pipe.set_progress_bar_config(disable=True)
    plain = images.generate(pipe, "a red balloon", seed=0, steps=2)
    pipe.enable_model_cpu_offload(device="cpu")
    assert images.generate(pipe, "a red balloon", seed=0, steps=2)[0].tobytes() == plain[0].tobytes()
    assert images.decode(pipe, images.encode(pipe, plain))[0].size == plain[0].size
    places = []
    monkeypatch.setattr(
        type(pipe), "_execution_device", property(lambda _: places.append(1) or torch.device("cpu"))
    )
    images.decode(pipe, images.encode(pipe, plain))
    assert len(places) >= 2


def test_a_model_that_is_not_wholly_on_the_gpu_is_not_fine_tuned(monkeypatch, build):
    pipe = tiny_pipeline.build()
    monkeypatch.setattr(images, "load", lambda *_: pipe)
    started = Session("hub", "cuda", torch.float16, 0, build, False)
    with pytest.raises(WorkbookError, match="too little free memory to fine-tune"):
        tuning.tune_pictures(started, [Picture(None, "", "a")], build / "lora")
