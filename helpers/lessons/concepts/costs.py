"""What a model costs: parameters, floating-point operations, memory, GPU hours, money.

Rules of thumb with their sources; `RUNS` holds published runs to check them against.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

from helpers.errors import WorkbookError

PEAK_FLOPS = {  # operations a second in bfloat16 without sparsity, from the makers' data sheets
    "T4": 65e12,  # in float16: it has no bfloat16
    "A100": 312e12,
    "H100": 989e12,
}
GPU_MEMORY = {"T4": 16, "A100": 80, "H100": 80}  # GB, of the larger A100
UTILISATION = 0.40  # the share of the peak that well-made training programs reach
ADAM_BYTES = {"weights": 2, "gradients": 2, "optimizer": 12}  # a parameter; 12 = float32 copy and two moments


@dataclass(frozen=True)
class Run:
    """A published training run; ``hours`` are hours of one GPU, added up over all of them."""

    name: str
    parameters: float
    tokens: float
    gpu: str
    hours: float
    source: str


LLAMA, LLAMA_2 = "https://arxiv.org/abs/2302.13971", "https://arxiv.org/abs/2307.09288"
RUNS = (
    Run("LLaMA-7B", 6.7e9, 1.0e12, "A100", 82_432, LLAMA),
    Run("LLaMA-65B", 65.2e9, 1.4e12, "A100", 1_022_362, LLAMA),
    Run("Llama-2-7B", 6.7e9, 2.0e12, "A100", 184_320, LLAMA_2),
    Run("Llama-2-70B", 69e9, 2.0e12, "A100", 1_720_320, LLAMA_2),
    Run("BLOOM-176B", 176e9, 366e9, "A100", 1_082_990, "https://arxiv.org/abs/2211.05100"),
)
GPT_3 = {"parameters": 175e9, "tokens": 300e9, "flops": 3.14e23}  # Brown et al. 2020, table D.1


def gpt_parameters(layers: int, width: int, vocabulary: int, positions: int) -> int:
    """Parameters of a GPT-2 with tied embeddings, exactly: about 12 * layers * width ** 2 plus embeddings.

    Each layer has 12 * width ** 2 in its matrices and 13 * width in biases and layer norms.
    (Radford et al. 2019)
    """
    _check(layers=layers, width=width, vocabulary=vocabulary, positions=positions)
    return layers * (12 * width**2 + 13 * width) + (vocabulary + positions + 2) * width


def training_flops(parameters: float, tokens: float) -> float:
    """Operations of training a Transformer: 6 * parameters * tokens, 2 forwards and 4 backwards.

    Attention over the context comes on top, little unless the context is long. (Kaplan et al. 2020)
    """
    _check(parameters=parameters, tokens=tokens)
    return 6 * parameters * tokens


def training_memory(
    parameters: float, *, layers: int = 0, width: int = 0, batch: int = 0, context: int = 0
) -> dict[str, float]:
    """Bytes of GPU memory by what they hold, for mixed precision and Adam, on all GPUs together.

    weights, gradients and optimizer take 2, 2 and 12 bytes a parameter (Rajbhandari et al. 2020).
    activations: 34 * context * batch * width bytes a layer, for attention that keeps no weights
    (Korthikanti et al. 2022); 0 where one of the four is 0.
    """
    _check(parameters=parameters)
    sizes = {"layers": layers, "width": width, "batch": batch, "context": context}
    for name, size in sizes.items():
        _check(**{name: size}) if size != 0 else None
    return {name: size * parameters for name, size in ADAM_BYTES.items()} | {
        "activations": 34.0 * math.prod(sizes.values())
    }


def gpu_hours(flops: float, gpu: str = "A100", utilisation: float = UTILISATION) -> float:
    """Hours that one GPU needs for so many operations, at a share of its peak (0 to 1)."""
    _check(flops=flops, utilisation=utilisation)
    if gpu not in PEAK_FLOPS:
        raise WorkbookError(f'Unknown GPU "{gpu}": choose one of {", ".join(PEAK_FLOPS)}.')
    if utilisation > 1:
        raise WorkbookError(f"utilisation is {utilisation}: give a share above 0 and at most 1.")
    return flops / (PEAK_FLOPS[gpu] * utilisation) / 3600


def money(hours: float, price: float) -> float:
    """What so many GPU hours cost at a price an hour, in the currency of the price."""
    _check(hours=hours)
    if price != 0:
        _check(price=price)
    return hours * price


def _check(**amounts: float) -> None:
    """WorkbookError for the first amount that is no number above 0."""
    for name, amount in amounts.items():
        number = isinstance(amount, Real) and not isinstance(amount, bool) and math.isfinite(amount)
        if not number or amount <= 0:
            raise WorkbookError(f"{name} is {amount}: give a number above 0.")
