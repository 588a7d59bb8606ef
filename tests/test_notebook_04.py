"""Notebook 04: its loops against Diffusers, and its exercises against right and wrong answers."""

import math
import random

import numpy as np
import pytest
import torch

from helpers import exercises, images, registry
from helpers.lessons import images as notebook_04
from helpers.lessons.editing import inpainting
from helpers.session import generator
from smallworld.world import drawing, prompts, scenes
from tests.notebook_code import functions

pytest_plugins = ("fixtures_text",)

EXERCISES = exercises.of("04")
NAMES = (
    "encode_prompts", "psnr", "add_noise", "clean_from_v", "follow", "timesteps_of", "sample", "guide",
    "sample_2nd",
)  # fmt: skip
TOLERANCE = 1e-4  # of latents, whose standard deviation is about 1
TEXTS = ["A futuristic cityscape with flying cars at sunset", "three birds", "", "a boat, dawn"]


@pytest.fixture(scope="module")
def artist(cpu):
    """The shipped pipeline."""
    if not (registry.find("image", "tiny").folder / "model_index.json").is_file():
        pytest.skip("there is no image model; test_shipped_weights_are_there says so")
    return images.load(cpu)


@pytest.fixture(scope="module")
def taught(artist):
    """The notebook's functions, with the shipped pipeline as their `artist`."""
    alpha_bars = torch.cumprod(1 - artist.scheduler.betas, dim=0)
    return functions("04_image_generation", *NAMES, artist=artist, np=np, alpha_bars=alpha_bars)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def library(pipe, text: str, latents: torch.Tensor, steps: int, w: float, negative: str = "") -> torch.Tensor:
    """The pipeline's clean latents."""
    return pipe(
        [text] * len(latents), negative_prompt=[negative] * len(latents), latents=latents,
        num_inference_steps=steps, guidance_scale=w, output_type="latent",
    ).images  # fmt: skip


# The loops


@pytest.mark.parametrize("steps", [1, 4, 5, 20, 50])
@pytest.mark.parametrize("text", TEXTS)
def test_the_loop_equals_ddim(taught, artist, steps, text):
    noise = images.noise(artist, [steps, 7])
    ours = taught.sample(taught.follow(taught.encode_prompts([text])), noise, taught.timesteps_of(steps))
    assert torch.allclose(ours, library(artist, text, noise, steps, 1.0), atol=TOLERANCE)


@pytest.mark.parametrize("w", [1.5, 5.0, 12.0])
@pytest.mark.parametrize("negative", ["", "night, under the stars"])
def test_the_guided_loop_equals_ddim(taught, artist, w, negative):
    noise = images.noise(artist, [3, 4])
    states, away = taught.encode_prompts([TEXTS[0]]), taught.encode_prompts([negative])
    ours = taught.sample(taught.guide(states, away, w), noise, taught.timesteps_of(10))
    assert torch.allclose(ours, library(artist, TEXTS[0], noise, 10, w, negative), atol=TOLERANCE)


@pytest.mark.parametrize("steps", [1, 2, 3, 6, 10, 20])
@pytest.mark.parametrize("w", [1.0, 5.0])
def test_the_second_order_loop_equals_dpm_solver(taught, artist, steps, w):
    noise, empty = images.noise(artist, [5]), taught.encode_prompts([""])
    predict = taught.guide(taught.encode_prompts([TEXTS[0]]), empty, w)
    ours = taught.sample_2nd(predict, noise, taught.timesteps_of(steps))
    solver = images.with_scheduler(artist, "dpm++")
    assert torch.allclose(ours, library(solver, TEXTS[0], noise, steps, w), atol=TOLERANCE)


def test_guidance_of_1_is_conditional_and_of_0_unconditional(taught, artist):
    noise, times = images.noise(artist, [8, 9]), taught.timesteps_of(5)
    states, empty = taught.encode_prompts([TEXTS[0]]), taught.encode_prompts([""])
    for w, kind in ((1.0, states), (0.0, empty)):
        guided = taught.sample(taught.guide(states, empty, w), noise, times)
        assert torch.allclose(guided, taught.sample(taught.follow(kind), noise, times), atol=TOLERANCE)


def test_a_batch_with_a_prompt_each_equals_single_pictures(taught, artist):
    noise, times, empty = images.noise(artist, [1, 2, 3]), taught.timesteps_of(5), taught.encode_prompts([""])
    states = taught.encode_prompts(TEXTS[:3])
    together = taught.sample(taught.guide(states, empty, 3.0), noise, times)
    alone = [
        taught.sample(taught.guide(states[i : i + 1], empty, 3.0), noise[i : i + 1], times) for i in range(3)
    ]
    assert torch.allclose(together, torch.cat(alone), atol=TOLERANCE)


@pytest.mark.parametrize("t", [0, 1, 400, 999])
def test_noise_is_added_as_in_the_library_and_found_again(taught, artist, t):
    clean, noise = (torch.randn(2, 8, 16, 16, generator=generator(i)) for i in (0, 1))
    bar = artist.scheduler.alphas_cumprod[t]
    noisy, times = taught.add_noise(clean, noise, bar), torch.tensor([t, t])
    assert torch.allclose(noisy, artist.scheduler.add_noise(clean, noise, times), atol=1e-6)
    v = artist.scheduler.get_velocity(clean, noise, times)
    assert torch.allclose(taught.clean_from_v(noisy, v, bar), clean, atol=1e-4)


@pytest.mark.parametrize("steps", [1, 3, 7, 20, 30, 50, 1000])
def test_timesteps_are_the_schedulers(taught, artist, steps):
    for name in ("ddim", "dpm++"):
        scheduler = images.with_scheduler(artist, name).scheduler
        scheduler.set_timesteps(steps)
        assert taught.timesteps_of(steps) == scheduler.timesteps.tolist()


def test_psnr_is_the_mean_over_pictures(taught):
    from smallworld.judges.measures import psnr

    pairs = [np.random.default_rng(i).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8) for i in range(2)]
    assert taught.psnr(*map(list, pairs)) == pytest.approx(psnr(*pairs).mean())


def test_inpainting_by_the_library_redraws_the_mask_and_keeps_the_rest(artist):
    from PIL import Image, ImageDraw

    repaint, mask = inpainting(artist), Image.new("L", (64, 64))
    assert artist.unet.config.in_channels == 8 and repaint.unet.config.in_channels == 4
    assert next(repaint.unet.parameters()) is next(artist.unet.parameters())
    ImageDraw.Draw(mask).rectangle((16, 4, 47, 39), fill=255)
    scene = drawing.draw(scenes.sample_scene(random.Random(0), "train", place="city", time="noon", thing=""))
    given = {"image": scene, "mask_image": mask, "strength": 1.0}
    (made,) = images.generate(repaint, "a red balloon over the city at noon", seed=0, **given)
    error = np.abs(np.asarray(scene) / 255 - np.asarray(made) / 255).mean(axis=2)
    inside, far = np.zeros((64, 64), bool), np.ones((64, 64), bool)
    inside[4:40, 16:48], far[:48, 8:56] = True, False
    assert error[far].mean() < 0.03 < 0.06 < error[inside].mean()
    again = images.generate(artist, "a red balloon", seed=1, steps=2)  # the pipeline it came from still works
    assert again[0].size == (64, 64)


# The exercises


def psnr_by_hand(picture, other):
    total = sum((int(a) / 255 - int(b) / 255) ** 2 for a, b in zip(picture.flat, other.flat, strict=True))
    return math.inf if total == 0 else 10 * math.log10(picture.size / total)


def psnr_in_bytes(picture, other):
    error = np.mean((picture.astype(np.int32) - other.astype(np.int32)) ** 2)
    return np.inf if error == 0 else 20 * np.log10(255) - 10 * np.log10(error)


def psnr_wraps(picture, other):
    error = np.mean((picture - other).astype(float) ** 2)
    return np.inf if error == 0 else 10 * np.log10(255**2 / error)


def psnr_wraps_twice(picture, other):
    error = np.mean((picture - other) ** 2)
    return np.inf if error == 0 else 10 * np.log10(255**2 / error)


def psnr_of_absolute_error(picture, other):
    error = np.abs(picture / 255 - other / 255).mean()
    return np.inf if error == 0 else -10 * np.log10(error)


def psnr_natural(picture, other):
    return psnr_by_hand(picture, other) * math.log(10)


def psnr_of_equal_is_0(picture, other):
    result = psnr_by_hand(picture, other)
    return 0.0 if math.isinf(result) else result


def ruin_recursive(x, betas, noises):
    if not len(betas):
        return x
    x = math.sqrt(1 - betas[0]) * x + math.sqrt(betas[0]) * noises[0]
    return ruin_recursive(x, betas[1:], noises[1:])


def ruin_by_products(x, betas, noises):
    keep = [math.prod((1 - b) ** 0.5 for b in betas[i:]) for i in range(len(betas) + 1)]
    return x * keep[0] + sum(keep[i + 1] * b**0.5 * noises[i] for i, b in enumerate(betas))


def ruin_in_place(x, betas, noises):
    for beta, noise in zip(betas, noises, strict=True):
        x.mul_((1 - beta) ** 0.5).add_(beta**0.5 * noise)
    return x


def ruin_backwards(x, betas, noises):
    return ruin_by_products(x, betas[::-1], noises[::-1])


def ruin_swapped(x, betas, noises):
    return ruin_by_products(x, [1 - beta for beta in betas], noises)


def rescale_by_loop(v, v_prompt, phi):
    scaled = torch.stack([one * other.std() / one.std() for one, other in zip(v, v_prompt, strict=True)])
    return torch.lerp(v, scaled, phi)


def rescale_flat(v, v_prompt, phi):
    ratio = v_prompt.flatten(1).std(dim=1) / v.flatten(1).std(dim=1)
    return v * (1 + phi * (ratio - 1))[:, None, None, None]


def rescale_over(axes, v, v_prompt, phi):
    scaled = v * v_prompt.std(dim=axes, keepdim=True) / v.std(dim=axes, keepdim=True)
    return phi * scaled + (1 - phi) * v


def rescale_by_norm_of_the_batch(v, v_prompt, phi):
    return phi * v * v_prompt.norm() / v.norm() + (1 - phi) * v


def slerp_in_numpy(one, two, share):
    a, b = one.numpy().ravel(), two.numpy().ravel()
    angle = np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))
    if angle < 1e-4:
        mixed = (1 - share) * a + share * b
    else:
        mixed = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
    return torch.from_numpy(mixed).reshape(one.shape)


def slerp_with_cosine_similarity(one, two, share):
    cosine = torch.nn.functional.cosine_similarity(one.flatten(), two.flatten(), dim=0)
    if cosine > 1 - 1e-9:
        return torch.lerp(one, two, share)
    angle = cosine.acos()
    return one * ((1 - share) * angle).sin() / angle.sin() + two * (share * angle).sin() / angle.sin()


def slerp_row_by_row(one, two, share):
    return torch.stack([slerp_in_numpy(a, b, share) for a, b in zip(one, two, strict=True)])


def slerp_without_lengths(one, two, share):
    angle = (one * two).sum().clamp(-1, 1).acos()
    if angle.sin() < 1e-6:
        return (1 - share) * one + share * two
    return (((1 - share) * angle).sin() * one + (share * angle).sin() * two) / angle.sin()


def slerp_of_directions(one, two, share):
    return slerp_in_numpy(one / one.norm(), two / two.norm(), share)


def slerp_without_a_fallback(one, two, share):
    angle = ((one * two).sum() / one.norm() / two.norm()).clamp(-1, 1).acos()
    return (((1 - share) * angle).sin() * one + (share * angle).sin() * two) / angle.sin()


RIGHT = {
    "04.1": [psnr_by_hand, psnr_in_bytes],
    "04.2": [ruin_recursive, ruin_by_products],
    "04.3": [rescale_by_loop, rescale_flat],
    "04.4": [slerp_in_numpy, slerp_with_cosine_similarity],
    "04.5": ["At night, over the snowy valley, there are two purple rockets.",
             "two purple rockets in the sky above the snow, by moonlight"],
}  # fmt: skip
WRONG = {
    "04.1": [psnr_wraps, psnr_wraps_twice, psnr_of_absolute_error, psnr_natural, psnr_of_equal_is_0,
             lambda a, b: psnr_by_hand(a, b) / 2, lambda a, b: -psnr_by_hand(a, b), lambda a, b: 0.0],
    "04.2": [ruin_in_place, ruin_backwards, ruin_swapped, lambda x, betas, noises: x,
             lambda x, betas, noises: ruin_by_products(x, betas[-1:], noises[-1:]),
             lambda x, betas, noises: x + sum(b**0.5 * n for b, n in zip(betas, noises, strict=True)),
             lambda x, betas, noises: ruin_by_products(x, [b**2 for b in betas], noises)],
    "04.3": [lambda *given: rescale_over((0, 1, 2, 3), *given), lambda *given: rescale_over((2, 3), *given),
             lambda *given: rescale_over((1,), *given), rescale_by_norm_of_the_batch,
             lambda v, p, phi: rescale_flat(v, p, 1 - phi), lambda v, p, phi: rescale_flat(v, p, 1.0),
             lambda v, p, phi: v, lambda v, p, phi: rescale_flat(p, v, phi)],
    "04.4": [slerp_row_by_row, slerp_without_lengths, slerp_of_directions, slerp_without_a_fallback,
             lambda a, b, s: torch.lerp(a, b, s), lambda a, b, s: slerp_in_numpy(a, b, 1 - s),
             lambda a, b, s: math.cos(s * math.pi / 2) * a + math.sin(s * math.pi / 2) * b],
    "04.5": ["Two purple rockets over the ocean at night", "Two purple rockets over the snowy valley at noon",
             "Two red rockets over the snowy valley at night",
             "A purple rocket over the snowy valley at night",
             "Two purple balloons over the snowy valley at night", "The snowy valley at night", "", None, 3,
             ["two", "purple", "rockets"]],
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_the_wish_names_each_fact_once():
    said = prompts.read_facts(notebook_04.wish())
    assert said == {"place": "snow", "time": "night", "thing": "rocket", "color": "purple", "count": 2}


# Stories and what they show


@pytest.mark.parametrize("split", scenes.SPLITS)
def test_facts_that_are_said_are_read_again(split):
    rng = random.Random(2)
    for place, time, thing in scenes.combinations(split):
        scene = scenes.sample_scene(rng, split, place=place, time=time, thing=thing)
        wanted = {"place": place, "time": time}
        if thing:
            wanted |= {"thing": thing, "color": scene.color, "count": scene.count}
        assert prompts.read_facts(prompts.full_prompt(scene)) == wanted


@pytest.mark.parametrize(
    "text, facts",
    [
        ("High above, a red flying car drifted past.", {"thing": "flying car", "color": "red", "count": 1}),
        (
            "There stood THREE WHITE SNOWMEN, side by side.",
            {"thing": "snowman", "color": "white", "count": 3},
        ),
        ("It was noon in the desert.", {"place": "desert", "time": "noon"}),
        ("By the ocean or in the desert?", {}),
        ("A red boat met a blue boat.", {}),
        ("She mended her red boat.", {}),
        ("A balloon without a colour.", {}),
        ("", {}),
    ],
)
def test_only_facts_that_are_certain_are_read(text, facts):
    assert prompts.read_facts(text) == facts
