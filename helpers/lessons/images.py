"""The exercises of notebook 04: reference answers, judges, hints."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

from helpers.exercises import Exercise, register
from helpers.lessons.judging import like


def psnr_of(picture, other):
    """Peak signal-to-noise ratio in dB of two arrays of bytes; infinite for equal ones."""
    import numpy as np

    error = ((picture / 255 - other / 255) ** 2).mean()
    return float(-10 * np.log10(error)) if error else float("inf")


def ruin(x, betas, noises):
    """Keep sqrt(1 - beta) of x and add sqrt(beta) of noise, step after step (Ho et al. 2020)."""
    for beta, noise in zip(betas, noises, strict=True):
        x = (1 - beta) ** 0.5 * x + beta**0.5 * noise
    return x


def rescale(v, v_prompt, phi):
    """Mix v with v brought to each picture's standard deviation of v_prompt (Lin et al. 2023)."""
    axes = (1, 2, 3)
    scaled = v * v_prompt.std(dim=axes, keepdim=True) / v.std(dim=axes, keepdim=True)
    return phi * scaled + (1 - phi) * v


def slerp(one, two, share):
    """Walk along the arc between two tensors, each taken as one vector (Shoemake 1985)."""
    import torch

    cosine = (one * two).sum() / (one.norm() * two.norm())
    angle = torch.acos(cosine.clamp(-1, 1))
    if angle.sin() < 1e-6:
        return (1 - share) * one + share * two
    return (((1 - share) * angle).sin() * one + (share * angle).sin() * two) / angle.sin()


def wish():
    """Any words will do that say number, colour, thing, place and time, each in one way only."""
    return "Two purple rockets over the snowy valley at night"


# Judges
WISHED = {"place": "snow", "time": "night", "thing": "rocket", "color": "purple", "several": True}
NAMES = {"color": "colour", "several": "number"}
PICTURES, ENOUGH = 6, 4


def _byte_cases() -> list[tuple]:
    import numpy as np

    def picture(seed: int):
        return np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)

    near = picture(1) // 2
    return [(picture(0), picture(1)), (near, near + 1), (near + 3, near), (picture(2), picture(2))]


def _bytes_wrap(picture, other) -> float:
    import numpy as np

    error = ((picture - other).astype(float) ** 2).mean() / 255**2
    return float(-10 * np.log10(error)) if error else float("inf")


def _tensor(*shape: int, seed: int, scale: float = 1.0):
    import torch

    from helpers.session import generator

    return scale * torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def _ruin_cases() -> list[tuple]:
    few, many = [0.1, 0.36], [0.02, 0.3, 0.5, 0.04]
    return [
        (_tensor(2, 3, seed=0), betas, [_tensor(2, 3, seed=i + 1) for i in range(len(betas))])
        for betas in (few[:1], few, many, [])
    ]


def _noise_only_scaled(x, betas, noises):
    for beta, noise in zip(betas, noises, strict=True):
        x = x + beta**0.5 * noise
    return x


def _no_roots(x, betas, noises):
    for beta, noise in zip(betas, noises, strict=True):
        x = (1 - beta) * x + beta * noise
    return x


def _rescale_cases() -> list[tuple]:
    import torch

    sizes = torch.tensor([0.5, 3.0], dtype=torch.float64).reshape(2, 1, 1, 1)
    channels = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64).reshape(1, 3, 1, 1)
    v, prompt = _tensor(2, 3, 4, 4, seed=1) * sizes * channels + 0.5, _tensor(2, 3, 4, 4, seed=2) / channels
    return [(v, prompt, phi) for phi in (0.7, 0.0, 1.0)] + [(v[:1], prompt[:1], 0.25)]


def _rescale_over(*axes: int):
    def slip(v, v_prompt, phi):
        over = axes or tuple(range(v.ndim))
        scaled = v * v_prompt.std(dim=over, keepdim=True) / v.std(dim=over, keepdim=True)
        return phi * scaled + (1 - phi) * v

    return slip


def _slerp_cases() -> list[tuple]:
    one, two = _tensor(2, 3, seed=3), _tensor(2, 3, seed=4, scale=2.0)
    pairs = ((one, two), (one, one + 0.3 * two), (one, one), (one, 2 * one))
    return [(*pair, share) for pair in pairs for share in (0.25, 0.5, 0.0, 1.0)]


def _right_angle(one, two, share):
    import math

    return math.cos(share * math.pi / 2) * one + math.sin(share * math.pi / 2) * two


@cache
def _tools():
    """The small pipeline and the judge, once."""
    import torch

    from helpers import images
    from helpers.session import Session, build_folder
    from smallworld.judges import pictures as judge

    return images.load(Session("tiny", "cpu", torch.float32, 0, build_folder(), False)), judge.load()


def _judge_wish(answer: Any) -> str | None:
    from helpers import images
    from smallworld.judges.measures import right
    from smallworld.world.prompts import Asked

    if not isinstance(answer, str) or not answer.strip():
        return "Write the prompt as a text in quotation marks."
    pipe, judge = _tools()
    pictures = images.generate(pipe, answer, seed=range(PICTURES), batch_size=PICTURES)
    verdicts = [right(Asked(answer, WISHED), reading) for reading in judge.read(pictures)]
    wrong = Counter(fact for verdict in verdicts for fact in WISHED if not verdict[fact])
    if sum(all(verdict.values()) for verdict in verdicts) >= ENOUGH:
        return None
    fact, count = wrong.most_common(1)[0]
    return f"In {count} of {PICTURES} pictures the {NAMES.get(fact, fact)} is not the one wished for."


EXERCISES = (
    Exercise("04.1", "PSNR", like(psnr_of, _byte_cases, {
        "Bytes wrap around below 0: 3 - 5 is 254. Make them floats before you subtract.": _bytes_wrap,
        "Pixel values should run from 0 to 1 here, so divide by 255.":
            lambda a, b: psnr_of(a * 1.0 * 255, b * 1.0 * 255),
        "That is the root of the error: PSNR takes the mean squared error itself.":
            lambda a, b: psnr_of(a, b) / 2,
    }), (
        "Subtract, square, average, then the formula; but arrays of bytes cannot hold a negative number.",
        "Divide both by 255 first: that makes floats from 0 to 1. The log is the one to base 10.",
        "error = ((picture / 255 - other / 255) ** 2).mean(), then -10 * np.log10(error); inf if it is 0.",
    ), psnr_of),
    Exercise("04.2", "Noise, step by step", like(ruin, _ruin_cases, {
        "What was there must shrink too, or the variance grows with every step.": _noise_only_scaled,
        "Variances are mixed, so the factors are the square roots of 1 - beta and beta.": _no_roots,
        "Only the last step counts here: each step starts from what the one before has left.":
            lambda x, betas, noises: ruin(x, betas[-1:], noises[-1:]),
    }), (
        "A for loop over betas and noises together, which replaces x each time.",
        "In each step: the root of 1 - beta times x, plus the root of beta times the noise.",
        "x = (1 - beta) ** 0.5 * x + beta ** 0.5 * noise, for beta, noise in zip(betas, noises).",
    ), ruin),
    Exercise("04.3", "Rescaled guidance", like(rescale, _rescale_cases, {
        "Each picture has its own standard deviation: take it over all axes but the first.": _rescale_over(),
        "One deviation for a whole picture, not one for each channel.": _rescale_over(2, 3),
        "phi is the share of the scaled one.": lambda v, p, phi: rescale(v, p, 1 - phi),
        "The mixture with the unscaled v is missing.": lambda v, p, phi: rescale(v, p, 1.0),
    }), (
        "Two standard deviations for each picture, and their ratio.",
        "std(dim=(1, 2, 3), keepdim=True) leaves one number for each picture, ready to multiply.",
        "scaled = v * std(v_prompt) / std(v); then phi * scaled + (1 - phi) * v.",
    ), rescale),
    Exercise("04.4", "Slerp", like(slerp, _slerp_cases, {
        "That is the straight line: it cuts through the inside of the sphere.":
            lambda a, b, s: (1 - s) * a + s * b,
        "The angle is not always a right one: get it from the scalar product.": _right_angle,
        "The walk runs backwards: share 0 is the first tensor.": lambda a, b, s: slerp(a, b, 1 - s),
    }), (
        "The angle comes from the scalar product of the two, divided by both lengths.",
        "torch.acos of the clamped cosine; the two weights then are ratios of sines.",
        "Where sin(angle) is tiny, (1 - share) * one + share * two; else the formula, angle for omega.",
    ), slerp),
    Exercise("04.5", "A wish in plain words", _judge_wish, (
        "Only words of the small world count: a number, a colour, a thing, a place and a time.",
        "Say two, purple, rockets, the snowy valley and night, and nothing that contradicts them.",
        "Begin with: Two purple rockets over ...",
    ), wish),
)  # fmt: skip

register(*EXERCISES)
