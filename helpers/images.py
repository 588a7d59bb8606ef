"""Text-to-image models: load one, generate, watch it happen, go from pictures to latents and back."""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from helpers.checks import check_number, check_seed, check_text
from helpers.diagnosis import Damaged, check_tokens, foreign_code, refuse_code
from helpers.errors import WorkbookError
from helpers.registry import Place, find
from helpers.session import Session, generator, quiet_libraries
from smallworld.world import words

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline as Pipeline
    from PIL.Image import Image
    from torch import Tensor

SCHEDULERS = {"ddim": "DDIMScheduler", "euler": "EulerDiscreteScheduler",
              "dpm++": "DPMSolverMultistepScheduler"}  # fmt: skip
NEEDED = {"StableDiffusionImg2ImgPipeline": ("image",),
          "StableDiffusionInpaintPipeline": ("image", "mask_image")}  # fmt: skip
LIBRARIES = {"diffusers", "transformers", "stable_diffusion", None}  # no code from elsewhere
LARGEST = 4096  # pixels of a side; more would fill any memory
STEPS, GUIDANCE_SCALE = 20, 5.0  # chosen for the shipped model on validation scenes


def load(session: Session, model: str = "") -> Pipeline:
    """A Stable Diffusion pipeline on the session's device and in its dtype; a safety checker is kept.

    model: "" for the profile's own, a folder, or any such pipeline of the hub as "owner/name" or, pinned,
    "owner/name@revision". Safetensors only, and never code from the hub. Raises WorkbookError, in a sentence,
    for files that are missing or damaged and models that are missing, gated, out of reach or of another kind.
    """
    for place in session.places("image", model):  # another one follows where the model cannot be read
        with place.reading():
            import diffusers  # noqa: F401  it can be kept quiet only after its import

            quiet_libraries(progress=session.shows_progress)
            pipe = _on_device(_read(place, session.dtype), session.device)
            pipe.set_progress_bar_config(disable=not session.shows_progress)
            return pipe


def generate(
    pipe: Pipeline, prompts: str | Sequence[str], *, seed: int | Sequence[int], steps: int = STEPS,
    guidance_scale: float = GUIDANCE_SCALE, negative_prompt: str | Sequence[str] = "",
    size: int | tuple[int, int] | None = None, batch_size: int = 4, progress: bool = False, **inputs,
) -> list[Image]:  # fmt: skip
    """A picture for each prompt and seed; one prompt goes with all seeds, one seed with all prompts.

    A picture depends on its own prompt, seed and settings alone: on the CPU, batches and threads change no
    pixel by more than 1 of 255. size in pixels: a side or (width, height). An empty prompt is unconditional;
    guidance_scale 1 is no guidance and no negative prompt. inputs are for the library's image-to-image and
    inpainting pipelines: image, strength (of the noise, above 0 to 1), mask_image (white is drawn anew).
    Prints `notices`, once. Raises WorkbookError for a setting out of range. (Ho and Salimans 2022)
    """
    _check(pipe, steps, guidance_scale, batch_size, inputs.get("strength", 1))
    _check_kind(pipe, inputs)
    width, height = _size(pipe, inputs.get("image", size))
    jobs, pictures, black = _jobs(prompts, seed, negative_prompt), [], 0
    for line in notices(pipe, [prompt for prompt, *_ in jobs], [negative for *_, negative in jobs]):
        print(line)
    for first in range(0, len(jobs), batch_size):
        texts, seeds, negatives = map(list, zip(*jobs[first : first + batch_size], strict=True))
        given = {k: [value] * len(texts) if k.endswith("image") else value for k, value in inputs.items()}
        generators = [generator(number) for number in seeds]
        if "image" not in inputs:
            given["latents"] = noise(pipe, generators, (width, height))
        if "image" not in inputs or "mask_image" in inputs:
            given |= {"width": width, "height": height}
        pipe.set_progress_bar_config(disable=not progress, desc=f"from picture {first + 1}", leave=False)
        result = pipe(texts, negative_prompt=negatives, num_inference_steps=steps, generator=generators,
                      guidance_scale=float(guidance_scale), **given)  # fmt: skip
        pictures += result.images
        black += sum(result.nsfw_content_detected or [])
    if black:
        print(f"The safety checker made {black} of {len(pictures)} pictures black: try other seeds.")
    return pictures


def memory_plan(free: int, weights: int) -> str:
    """How a pipeline goes onto a GPU: "whole", "sliced" (attention, VAE) or "offloaded" (part by part).

    free and weights in bytes. The bounds are estimates, not measured: beside its weights a pipeline needs
    memory for what it computes, about as much again for four pictures of 512 pixels at once in float16.
    """
    return "whole" if free >= 2.0 * weights else "sliced" if free >= 1.3 * weights else "offloaded"


def notices(pipe: Pipeline, prompts: Sequence[str], negative: Sequence[str] = ()) -> list[str]:
    """A line on words that the text encoder has no room for, and one on each thing the small model lacks."""
    prompts = _listed(prompts)
    for text in prompts:
        check_text("A prompt", text)
    folder = Path(pipe.tokenizer.name_or_path).resolve().parent
    small_world = folder == find("image", "tiny").folder
    return words.notices(prompts, pipe.tokenizer, small_world, negative)


def with_scheduler(pipe: Pipeline, name: str) -> Pipeline:
    """The model with "ddim" (Song et al. 2020), "euler" (Karras et al. 2022) or "dpm++" (Lu et al. 2022).

    The given pipe keeps its own.
    """
    import diffusers

    if not isinstance(name, str) or name not in SCHEDULERS:
        raise WorkbookError(f'Unknown scheduler "{name}": choose one of {", ".join(SCHEDULERS)}.')
    other, kind = copy.copy(pipe), getattr(diffusers, SCHEDULERS[name])
    other.scheduler = kind.from_config(pipe.scheduler.config, clip_sample=False)  # latents go beyond 1
    return other


def noise(pipe: Pipeline, seeds: int | Sequence[int], size: int | tuple[int, int] | None = None) -> Tensor:
    """The standard normal latents (seeds, channels, height, width) that `generate` starts from.

    Each from its own seed (or CPU generator), in float32 on the CPU, whatever device they then go to.
    """
    width, height = (side // pipe.vae_scale_factor for side in _size(pipe, size))
    seeds = _listed(seeds, "seed")
    generators = [seed if isinstance(seed, torch.Generator) else generator(seed) for seed in seeds]
    shape = (1, pipe.vae.config.latent_channels, height, width)
    return torch.cat([torch.randn(shape, generator=g) for g in generators]).to(pipe.device, pipe.unet.dtype)


def encode(pipe: Pipeline, pictures: Image | Sequence[Image]) -> Tensor:
    """RGB pictures of one size as latents (pictures, channels, height, width), scaled as the UNet takes them.

    The mean of the VAE's distribution, so that nothing is random. (Kingma and Welling 2013)
    """
    pictures, vae = _listed(pictures, "picture"), pipe.vae
    for picture in pictures:
        _check_picture("A picture to encode", picture)
    if len({_size(pipe, picture) for picture in pictures}) != 1:
        raise WorkbookError("The pictures differ in size: bring them to one size first.")
    latents = []
    with torch.no_grad():  # picture by picture: large ones take much memory
        for picture in pictures:
            pixels = pipe.image_processor.preprocess(picture).to(pipe._execution_device, vae.dtype)
            latents.append(vae.encode(pixels).latent_dist.mode())
    return torch.cat(latents) * vae.config.scaling_factor


def decode(pipe: Pipeline, latents: Tensor) -> list[Image]:
    """The pictures of such latents."""
    vae = pipe.vae
    channels = vae.config.latent_channels
    shape = latents.shape if isinstance(latents, torch.Tensor) else ()
    if len(shape) != 4 or shape[1] != channels or 0 in shape:
        raise WorkbookError(f"The latents are none: give a tensor (pictures, {channels}, height, width).")
    with torch.no_grad():
        scaled = (latents.to(pipe._execution_device, vae.dtype) / vae.config.scaling_factor).split(1)
        return pipe.image_processor.postprocess(torch.cat([vae.decode(part).sample for part in scaled]))


def _read(place: Place, dtype: torch.dtype) -> Pipeline:
    """A pipeline from a folder; Damaged, or whatever a library raises, where it holds none."""
    import diffusers
    import transformers
    from diffusers import StableDiffusionPipeline as Kind

    diffusers.utils.logging.set_verbosity(diffusers.utils.logging.CRITICAL)  # its errors are raised as well
    refuse_code(place.folder, place.name)
    new = tuple(map(int, diffusers.__version__.split(".")[:2])) >= (0, 40)
    how = {"dtype" if new else "torch_dtype": dtype, "use_safetensors": True}
    how |= {"local_files_only": True, "trust_remote_code": False}
    index = Kind.load_config(place.folder, local_files_only=True)
    _check_index(index, place.name)
    parts, lost = {}, []
    for name, library in (("text_encoder", transformers), ("unet", diffusers), ("vae", diffusers)):
        kind = getattr(library, index[name][1])
        options = {"subfolder": name, "output_loading_info": True}
        parts[name], report = kind.from_pretrained(place.folder, **options, **how)
        lost += report["missing_keys"]
    pipe = Kind.from_pretrained(place.folder, **parts, **how)
    modules = [part for part in pipe.components.values() if isinstance(part, torch.nn.Module)]
    if lost or not all(weights.isfinite().all() for part in modules for weights in part.parameters()):
        raise Damaged("some of its weights are missing or not numbers")
    _check_parts(pipe)
    assert {weights.dtype for part in modules for weights in part.parameters()} == {dtype}
    return pipe


def _check_index(index: dict, name: str) -> None:
    """WorkbookError where a pipeline is of another kind, or its files choose the classes of its parts."""
    kind = index.get("_class_name", "")
    parts = [part for part in index.values() if isinstance(part, list) and len(part) == 2]
    chosen = [part for part in parts if part[0] == "transformers" and str(part[1]).startswith("Auto")]
    chosen += [part for part in parts if part[0] not in LIBRARIES or part[1] == "AutoModel"]
    if not isinstance(kind, str) or chosen:
        raise foreign_code(name)
    if kind and kind != "StableDiffusionPipeline":
        raise WorkbookError(f"{name} is no plain StableDiffusionPipeline: name one that is.")
    needed = ("text_encoder", "unet", "vae")
    lost = [part for part in needed if not isinstance(index.get(part), list) or None in index[part]]
    if lost or not kind:
        raise Damaged(f"model_index.json names no {' and no '.join(lost) or 'class'}")


def _check_parts(pipe: Pipeline) -> None:
    """Damaged where the parts of a pipeline do not belong together."""
    words, table = pipe.tokenizer, pipe.text_encoder.get_input_embeddings().weight
    check_tokens(words, table.shape[0], "text encoder")
    room = pipe.text_encoder.config.max_position_embeddings
    if words.model_max_length > room:
        raise Damaged(f"the tokenizer writes {words.model_max_length} tokens, the text encoder reads {room}")
    width, wanted = pipe.text_encoder.config.hidden_size, pipe.unet.config.cross_attention_dim
    if isinstance(wanted, int) and wanted != width:
        raise Damaged(f"the UNet wants {wanted} numbers a token, the text encoder gives {width}")
    channels = pipe.vae.config.latent_channels
    if pipe.unet.config.in_channels != channels:
        raise Damaged(f"the UNet wants {pipe.unet.config.in_channels} channels, the VAE gives {channels}")


def _on_device(pipe: Pipeline, device: str) -> Pipeline:
    """The pipeline where it computes; a line if a GPU has too little free memory for all of it at once."""
    if device != "cuda":
        return pipe.to(device)
    modules = [part for part in pipe.components.values() if isinstance(part, torch.nn.Module)]
    free = torch.cuda.mem_get_info()[0]
    plan = memory_plan(free, sum(weights.nbytes for part in modules for weights in part.parameters()))
    if plan == "offloaded":
        pipe.enable_model_cpu_offload()
    else:
        pipe.to(device)
    if plan != "whole":
        pipe.enable_attention_slicing()
        pipe.vae.enable_slicing()
        how = "in slices" if plan == "sliced" else "by parts that take turns on the GPU"
        print(f"{free / 1e9:.1f} GB of GPU memory are free, which is scant: pictures are made {how}, slowly.")
    return pipe


def _check(pipe: Pipeline, steps: int, guidance_scale: float, batch_size: int, strength: float) -> None:
    """WorkbookError for the first setting that is out of its range."""
    most = pipe.scheduler.config.num_train_timesteps
    check_number("steps", steps, 1, most, f"a whole number from 1 to {most}")
    check_number("guidance_scale", guidance_scale, 1.0, math.inf, "a number from 1 (1 is no guidance)")
    check_number("batch_size", batch_size, 1, math.inf, "a whole number from 1")
    check_number("strength", strength, sys.float_info.min, 1, "a number above 0 and at most 1")
    if int(steps * strength) < 1:
        raise WorkbookError(f"{steps} steps at strength {strength} leave none to run: raise one of the two.")


def _check_kind(pipe: Pipeline, inputs: dict) -> None:
    """WorkbookError where a pipeline is given what only another kind takes, or not what it needs."""
    name = type(pipe).__name__
    needed = NEEDED.get(name, ())
    wrong = [key for key in inputs if key not in (*needed, "strength") or not needed]
    if wrong:
        raise WorkbookError(f"A {name} takes no {wrong[0]}: make another kind by `from_pipe`.")
    if missing := [key for key in needed if key not in inputs]:
        raise WorkbookError(f"A {name} needs {' and '.join(missing)}: give it, or use another kind.")
    for key in needed:
        _check_picture(key, inputs[key])


def _check_picture(name: str, value: object) -> None:
    if not hasattr(value, "convert"):
        what = type(value).__name__
        raise WorkbookError(f"{name} is a {what}: give one picture, such as Image.open(path) returns.")


def _size(pipe: Pipeline, size: Image | int | tuple[int, int] | None) -> tuple[int, int]:
    """Width and height in pixels of a size, or of a picture, that the model can do; None is its own size."""
    unit = math.lcm(8, pipe.vae_scale_factor)
    if getattr(size, "mode", "RGB") != "RGB":
        raise WorkbookError(f'The picture is in mode "{size.mode}": give picture.convert("RGB") instead.')
    own = pipe.unet.config.sample_size * pipe.vae_scale_factor
    size = own if size is None else size.size if hasattr(size, "mode") else size
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    whole = all(isinstance(side, Integral) and 0 < side <= LARGEST and side % unit == 0 for side in sides)
    if len(sides) != 2 or not whole:
        raise WorkbookError(f"The size is {size}: give multiples of {unit} pixels, up to {LARGEST}.")
    return sides


def _jobs(prompts, seeds, negatives) -> list[tuple[str, int, str]]:
    """(prompt, seed, negative prompt) of each picture."""
    columns = [_listed(prompts), [check_seed(seed) for seed in _listed(seeds)], _listed(negatives)]
    count = max(map(len, columns)) if columns[0] else 0
    if any(len(column) not in (1, count) for column in columns) or (count and not all(columns)):
        raise WorkbookError("Give as many seeds and negative prompts as prompts, or one for all.")
    return list(zip(*(column * (count // max(1, len(column))) for column in columns), strict=True))


def _listed(values, wanted: str = "") -> list:
    """The values of a list, or the single one; WorkbookError where there is none but one is wanted."""
    several = isinstance(values, Sequence) and not isinstance(values, str | bytes)
    listed = list(values) if several else [values]
    if wanted and not listed:
        raise WorkbookError(f"There is no {wanted} in the list: give one or more.")
    return listed
