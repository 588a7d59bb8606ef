"""One fixed piece of work, by which the times of notebooks on slow and on fast machines can be compared.

It does what the notebooks spend their time on: a UNet and a GPT-2 compute and learn. Their classes and sizes
are those of the shipped models, but fixed here, with random weights: training those again changes nothing.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median

from torch import Tensor
from torch.nn import Module

REPEATS = 3  # before the notebooks, and again after them
DRAWING_STEPS, LEARNING_STEPS = 50, 12  # of the UNet: with the rest 5 to 10 seconds on two cores of a server
WRITTEN_TOKENS, READING_STEPS = 150, 12  # of the GPT-2


def unet() -> Module:
    """A UNet of the shipped image model's size, for latents (batch, 8, 16, 16) and texts (batch, 48, 128)."""
    import torch
    from diffusers import UNet2DConditionModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return UNet2DConditionModel(
            sample_size=16, in_channels=8, out_channels=8, layers_per_block=1, cross_attention_dim=128,
            block_out_channels=(64, 96, 128), attention_head_dim=4, norm_num_groups=8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        ).eval()  # fmt: skip


def gpt2() -> Module:
    """A GPT-2 of the shipped story model's size, 2,048 tokens in its vocabulary."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = GPT2Config(
            vocab_size=2048, n_positions=512, n_embd=192, n_layer=6, n_head=6, bos_token_id=0, eos_token_id=0
        )  # fmt: skip
        return GPT2LMHeadModel(config).eval()


def draw(model: Module, steps: int) -> None:
    """Denoising steps, each on the two latents that guidance needs."""
    import torch

    latents, words = torch.zeros(2, 8, 16, 16), torch.zeros(2, 48, 128)
    with torch.no_grad():
        for step in range(steps):
            model(latents, torch.tensor(step), words)


def write(model: Module, tokens: int) -> None:
    """New tokens one by one, each step with a cache of the steps before."""
    import torch

    ids, cache = torch.zeros(1, 1, dtype=torch.long), None
    with torch.no_grad():
        for _ in range(tokens):
            result = model(ids, past_key_values=cache, use_cache=True)
            ids, cache = result.logits[:, -1:].argmax(dim=-1), result.past_key_values


def learn(model: Module, loss_of_step: Callable[[], Tensor], steps: int) -> None:
    """Steps of training."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of_step().backward()
        optimizer.step()


def work(scale: float = 1.0) -> None:
    """The whole piece of work; scale makes every part of it shorter or longer."""
    import torch

    painter, writer = unet(), gpt2()
    draw(painter, round(DRAWING_STEPS * scale))
    write(writer, round(WRITTEN_TOKENS * scale))
    latents, words = torch.ones(8, 8, 16, 16), torch.ones(8, 48, 128)
    times, ids = torch.arange(8), torch.arange(8 * 64).view(8, 64)
    loss_of_painter = lambda: painter(latents, times, words).sample.square().mean()  # noqa: E731
    learn(painter, loss_of_painter, round(LEARNING_STEPS * scale))
    learn(writer, lambda: writer(ids, labels=ids).loss, round(READING_STEPS * scale))


def calibrate(repeats: int = REPEATS, scale: float = 1.0) -> list[float]:
    """Seconds that the work takes, several times, after a short warm-up."""
    work(scale / 10)
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work(scale)
        times.append(time.perf_counter() - begin)
    return times


def in_units(seconds: float, calibrations: Sequence[float]) -> float:
    """A time as a multiple of one calibration: the median of those measured in the same run.

    Raises ValueError where there is none.
    """
    if not calibrations:
        raise ValueError("There is no calibration to compare with.")
    return seconds / median(calibrations)
