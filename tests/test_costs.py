"""The calculator of costs against published runs and a real model's parameters."""

import math

import pytest

from helpers.errors import WorkbookError
from helpers.lessons.concepts import costs

# Predicted over published GPU hours, as computed by hand from 6 * N * D and 40 % of 312 TFLOP/s.
RATIOS = {
    "LLaMA-7B": 1.09,
    "LLaMA-65B": 1.19,
    "Llama-2-7B": 0.98,
    "Llama-2-70B": 1.07,
    "BLOOM-176B": 0.79,
}


@pytest.mark.parametrize("run", costs.RUNS, ids=lambda run: run.name)
def test_published_runs_come_out_as_measured(run):
    hours = costs.gpu_hours(costs.training_flops(run.parameters, run.tokens), run.gpu)
    assert hours / run.hours == pytest.approx(RATIOS[run.name], abs=0.01)
    assert run.source.startswith("https://arxiv.org/abs/")


def test_every_published_run_is_checked():
    assert {run.name for run in costs.RUNS} == set(RATIOS)


def test_gpt_3_takes_the_operations_that_its_paper_says():
    flops = costs.training_flops(costs.GPT_3["parameters"], costs.GPT_3["tokens"])
    assert flops / costs.GPT_3["flops"] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("sizes", [(2, 16, 50, 8), (3, 24, 100, 32)])
def test_gpt_parameters_are_counted_exactly(sizes):
    from transformers import GPT2Config, GPT2LMHeadModel

    layers, width, vocabulary, positions = sizes
    config = GPT2Config(n_layer=layers, n_embd=width, n_head=2, vocab_size=vocabulary, n_positions=positions)
    assert costs.gpt_parameters(*sizes) == GPT2LMHeadModel(config).num_parameters()


def test_gpt_2_has_the_known_number_of_parameters():
    assert costs.gpt_parameters(12, 768, 50_257, 1024) == 124_439_808


def test_memory_is_16_bytes_a_parameter_and_the_activations():
    memory = costs.training_memory(1e9, layers=10, width=1000, batch=4, context=512)
    assert memory == {
        "weights": 2e9, "gradients": 2e9, "optimizer": 12e9, "activations": 34 * 10 * 1000 * 4 * 512.0,
    }  # fmt: skip
    assert costs.training_memory(1e9)["activations"] == 0


def test_money_is_hours_times_price_and_a_gift_is_free():
    assert costs.money(10, 2.5) == 25 and costs.money(10, 0) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda wrong: costs.training_flops(wrong, 1e9),
        lambda wrong: costs.training_flops(1e9, wrong),
        lambda wrong: costs.gpu_hours(wrong),
        lambda wrong: costs.gpu_hours(1e20, utilisation=wrong),
        lambda wrong: costs.money(wrong, 1.0),
        lambda wrong: costs.gpt_parameters(wrong, 64, 100, 32),
        lambda wrong: costs.training_memory(wrong),
    ],
)
@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf, True, "many", None])
def test_nonsense_gets_one_sentence(call, wrong):
    with pytest.raises(WorkbookError, match=r"^\w+ is .*: give a number above 0\.$"):
        call(wrong)


@pytest.mark.parametrize("wrong", [-1, math.nan, "cheap"])
def test_a_price_may_be_0_but_not_nonsense(wrong):
    with pytest.raises(WorkbookError, match="price is"):
        costs.money(1, wrong)


def test_utilisation_is_a_share_and_gpus_are_named():
    with pytest.raises(WorkbookError, match="utilisation is 1.5: give a share"):
        costs.gpu_hours(1e20, utilisation=1.5)
    with pytest.raises(WorkbookError, match='Unknown GPU "abacus": choose one of T4, A100, H100'):
        costs.gpu_hours(1e20, "abacus")
