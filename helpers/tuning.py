"""Fine-tuning: training that survives a kill, LoRA, and models of your own texts and pictures."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import Module
from tqdm.auto import tqdm

from helpers import checkpoints, images, text
from helpers.checks import check_number, check_seed, check_text
from helpers.errors import WorkbookError
from helpers.own_data import Picture
from helpers.session import Session, in_kernel

ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
EVERYWHERE = [*ATTENTION, "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out", "conv_in", "conv1", "conv2",
              "conv_shortcut", "conv", "conv_out"]  # fmt: skip
HELD_OUT = 64  # pieces of text on which the loss is measured, so that it takes seconds
MANY = 5_000  # texts that take so long to prepare that a bar shows it
LAUNCHERS = (  # variables by which a launcher tells its processes of each other
    r"((LOCAL_|NODE_|GROUP_|ROLE_)?(RANK|WORLD_SIZE)|MASTER_(ADDR|PORT)"
    r"|(ACCELERATE|FSDP|TORCHELASTIC|PMI|OMPI_COMM_WORLD|MV2_COMM_WORLD|MPI_LOCALRANKID)_?\w*)"
)
LARGE = 3e8  # parameters, from which a model is trained sparingly
FULL = "The GPU's memory is full: restart the kernel, then give a smaller batch_size or a smaller model."


def batch_of(step: int, count: int, size: int, seed: int) -> list[int]:
    """Rows of a step's batch, `size` of 0..count-1: one shuffled pass after another.

    It follows from seed and step alone, so a resumed run draws what an uninterrupted one would have drawn.
    Raises WorkbookError for a count or size below 1.
    """
    check_number("count", count, 1, math.inf, "a whole number of examples of at least 1")
    check_number("size", size, 1, math.inf, "a whole number of rows of at least 1")
    places = range(step * size, (step + 1) * size)
    orders = {}
    for number in {place // count for place in places}:
        drawn = torch.Generator().manual_seed((check_seed(seed) << 31) + number)
        orders[number] = torch.randperm(count, generator=drawn).tolist()
    return [orders[place // count][place % count] for place in places]


def fit(
    model: Module, loss_of_step: Callable[[Module, int], Tensor], *, steps: int, learning_rate: float,
    folder: str | Path | None = None, checkpoint_every: int = 50, settings: dict | None = None,
    show: Callable[[int, float], None] | None = None,
) -> list[float]:  # fmt: skip
    """Train the parameters that require a gradient, in place, through Accelerate; the loss of each step.

    loss_of_step(model, step): the scalar loss of step 0, 1, ..., from the step alone (`batch_of`); dropout is
    seeded by the step. AdamW; the rate rises for 10 steps, then falls in a line to 0; gradients are clipped
    at norm 1. On CUDA mixed precision; what trains is float32 there, too. folder: below build/, keeps a
    checkpoint every so many steps, from which the same call goes on; other values than its own, those in
    settings included, are refused. show(step, loss) is called after each step. Raises WorkbookError for what
    is out of range, a full disk and a loss that is no number. (Loshchilov and Hutter 2019)
    """
    for name, number in (("steps", steps), ("checkpoint_every", checkpoint_every)):
        check_number(name, number, 1, math.inf, "a whole number of at least 1")
    check_number("learning_rate", learning_rate, 1e-12, math.inf, "a number above 0")
    run = _Run(model, steps, learning_rate, settings or {}, folder)
    was, done = model.training, len(run.losses)
    with (
        torch.random.fork_rng(devices=None if run.cuda else []),
        tqdm(total=steps, initial=done, desc="training", leave=False) as bar,
    ):
        for step in range(done, steps):
            try:
                loss = run.step(model.train(), loss_of_step)
            except torch.OutOfMemoryError:
                raise WorkbookError(FULL) from None
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update()
            if run.folder and ((step + 1) % checkpoint_every == 0 or step + 1 == steps):
                run.save()
            if show is not None:
                show(step, loss)
    run.accelerator.unwrap_model(model.train(was), keep_fp32_wrapper=False)
    return run.losses


def with_lora(model: Module, rank: int, seed: int = 0, **options) -> Module:
    """The language model in PEFT's wrapper: LoRA beside each linear layer but the last; only that trains.

    alpha is twice the rank; options go to `peft.LoraConfig`. `model` itself is changed. (Hu et al. 2022)
    """
    from peft import LoraConfig, get_peft_model
    from transformers.pytorch_utils import Conv1D

    check_number("rank", rank, 1, math.inf, "a whole number of at least 1")
    turned = any(isinstance(part, Conv1D) for part in model.modules())  # GPT-2's way to store a matrix
    chosen = {"r": rank, "lora_alpha": 2 * rank, "target_modules": "all-linear", "fan_in_fan_out": turned}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(check_seed(seed))
        return get_peft_model(model, LoraConfig(**{"task_type": "CAUSAL_LM"} | chosen | options))


def tune_texts(
    session: Session, texts: list[str], folder: str | Path, *, model: str = "", rank: int = 8,
    steps: int = 120, learning_rate: float = 0, batch_size: int = 8, seed: int = 0,
    show: Callable[[int, float], None] | None = None,
) -> Path:  # fmt: skip
    """Fine-tune the session's text model, or `model`, by LoRA; the folder of the merged model and tokenizer.

    folder: below build/; `from_pretrained` loads from it. What lies there stays until the new model is whole;
    a run that was cut off goes on (FOLDER.unfinished). Texts longer than the context, or than 512 tokens, are
    cut. learning_rate 0 is 3e-3 for a small model (below 30 M parameters), 3e-4 for a larger one; show is as
    of `fit`. Of 20 texts or more a tenth is held out; the loss on at most HELD_OUT pieces of it, in nats per
    token, is printed. Raises WorkbookError for no texts and for what `text.load`, `with_lora` and `fit`
    refuse. (Hu et al. 2022)
    """
    place = checkpoints.below_build(folder)
    texts = _checked_texts(texts)
    check_number("batch_size", batch_size, 1, math.inf, "a whole number of texts of at least 1")
    settings = {"texts": _fingerprint(json.dumps(texts).encode()), "model": model, "rank": rank}
    settings |= {"batch_size": batch_size, "seed": seed, "profile": session.profile}
    tokenizer, base = text.load(session, model)
    medium = base.num_parameters() > 3e7
    held_out, rows = _held_out_and_rows(base, tokenizer, texts, seed)
    tuned = with_lora(base, rank, seed)
    if session.device == "cuda" and base.num_parameters() > LARGE:  # slower, but the memory of large models
        tuned.enable_input_require_grads()
        tuned.gradient_checkpointing_enable({"use_reentrant": False})

    def loss_of_step(model: Module, step: int) -> Tensor:
        return _token_loss(model, [rows[i] for i in batch_of(step, len(rows), batch_size, seed)])

    before = _held_out_loss(tuned, held_out)
    fit(tuned, loss_of_step, steps=steps, learning_rate=learning_rate or (3e-4 if medium else 3e-3),
        folder=checkpoints.beside(place), settings=settings, show=show)  # fmt: skip
    after = _held_out_loss(tuned, held_out)
    if held_out:
        part = f" ({HELD_OUT} pieces of them)" if len(held_out) > HELD_OUT else ""
        head = f"Loss on {len(texts) // 10} held-out texts{part}, in nats per token"
        print(f"{head}: {before:.2f} before, {after:.2f} after.")
    checkpoints.finish(place, tuned.merge_and_unload().save_pretrained, tokenizer.save_pretrained)
    return place


def tune_pictures(
    session: Session, pictures: list[Picture], folder: str | Path, *, model: str = "", rank: int = 16,
    steps: int = 200, learning_rate: float = 0, batch_size: int = 8, caption: str = "", seed: int = 0,
    show: Callable[[int, float], None] | None = None,
) -> Path:  # fmt: skip
    """Fine-tune the session's image model, or `model`, by LoRA on its UNet; the folder of the LoRA.

    The same pipeline's `load_lora_weights` takes that folder, which lies below build/. pictures: as from
    `read_pictures`, of one size; caption is for those that have none. A small UNet (below 300 M parameters)
    gets LoRA beside every layer, a large one beside its attention; learning_rate 0 is 2e-3 for the small,
    1e-4 for the large; show as in `fit`. What lies in the folder stays until the LoRA is whole; a run that
    was cut off goes on. WorkbookError for no pictures, and as `images.load` and `fit`. (Hu et al. 2022)
    """
    from peft import LoraConfig

    place = checkpoints.below_build(folder)
    _check_pictures(pictures, caption)
    check_number("rank", rank, 1, math.inf, "a whole number of at least 1")
    check_number("batch_size", batch_size, 1, math.inf, "a whole number of pictures of at least 1")
    pipe = images.load(session, model)
    if pipe.device.type != session.device:  # its parts wait beside the GPU for want of memory there
        raise WorkbookError(
            "The GPU has too little free memory to fine-tune this model: end other kernels that use it, or "
            "name a smaller model."
        )
    large = pipe.unet.num_parameters() > LARGE
    content = b"".join(each.picture.tobytes() + (each.caption or caption).encode() for each in pictures)
    settings = {"pictures": _fingerprint(content), "model": model, "rank": rank}
    settings |= {"batch_size": batch_size, "seed": seed, "profile": session.profile}
    loss_of_step = _picture_loss(pipe, pictures, caption, batch_size, seed)
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=ATTENTION if large else EVERYWHERE)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(check_seed(seed))
        pipe.unet.requires_grad_(False).add_adapter(config)
    if large and session.device == "cuda":
        pipe.unet.enable_gradient_checkpointing()
    fit(pipe.unet, loss_of_step, steps=steps, learning_rate=learning_rate or (1e-4 if large else 2e-3),
        folder=checkpoints.beside(place), settings=settings, show=show)  # fmt: skip
    checkpoints.finish(place, lambda new: _save_lora(pipe, new))
    return place


def _save_lora(pipe, folder: Path) -> None:
    """Write the UNet's LoRA as safetensors, in the form that `load_lora_weights` reads."""
    from peft import get_peft_model_state_dict

    pipe.save_lora_weights(folder, unet_lora_layers=get_peft_model_state_dict(pipe.unet))


class _Run:
    """What `fit` carries from step to step: weights and optimizer, the losses so far, the checkpoint."""

    def __init__(self, model: Module, steps: int, learning_rate: float, settings: dict, folder):
        self.weights = {name: w for name, w in model.named_parameters() if w.requires_grad}
        if not self.weights:
            raise WorkbookError("There is nothing to train: no parameter requires a gradient.")
        self.folder, self.losses = None if folder is None else checkpoints.below_build(folder), []
        shapes = [f"{name} {tuple(weight.shape)}" for name, weight in self.weights.items()]
        self.settings = {**settings, "steps": steps, "learning_rate": learning_rate, "what trains": shapes}
        for weight in self.weights.values():
            weight.data = weight.data.float()  # Adam's small steps would vanish in half precision
        self.cuda = next(iter(self.weights.values())).is_cuda
        self.accelerator = _accelerator(self.cuda)
        optimizer = torch.optim.AdamW(self.weights.values(), learning_rate, weight_decay=0.0, fused=True)
        state = checkpoints.read(self.folder, self.settings) if self.folder else None
        if state:
            for name, weight in self.weights.items():
                weight.data.copy_(state["weights"][name])
            optimizer.load_state_dict(state["optimizer"])
            self.losses = state["losses"]
        _, self.optimizer = self.accelerator.prepare(model, optimizer)

    def step(self, model: Module, loss_of_step: Callable[[Module, int], Tensor]) -> float:
        """One step of training; its loss."""
        step, steps = len(self.losses), self.settings["steps"]
        torch.manual_seed(step)
        for group in self.optimizer.param_groups:
            group["lr"] = _rate(step, steps, self.settings["learning_rate"])
        loss = loss_of_step(model, step)
        if not torch.isfinite(loss):
            raise WorkbookError(f"The loss of step {step} is {loss.item()}: try a lower learning_rate.")
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.weights.values(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.losses.append(loss.item())
        return self.losses[-1]

    def save(self) -> None:
        """Write the checkpoint; the one before stays until the new one is whole."""
        state = {"weights": {name: weight.detach() for name, weight in self.weights.items()}}
        state |= {"optimizer": self.optimizer.state_dict(), "losses": self.losses, "settings": self.settings}
        checkpoints.write(self.folder, state)


def _rate(step: int, steps: int, peak: float) -> float:
    """The learning rate of a step: up to its peak over 10 steps, then down in a line to 0."""
    return peak * min(1.0, (step + 1) / 10, (steps - step) / steps)


def _checked_texts(texts: list[str]) -> list[str]:
    """Those that are not blank; WorkbookError for what is no list of texts, or for nothing."""
    if not isinstance(texts, list | tuple):
        raise WorkbookError(f"texts is a {type(texts).__name__}: give a list of texts.")
    for words in texts:
        check_text("What a model learns from", words)
    texts = [words for words in texts if words.strip()]
    if not texts:
        raise WorkbookError("There is no text to learn from: give one or more that are not blank.")
    return texts


def _check_pictures(pictures: list[Picture], caption: str) -> None:
    if not isinstance(pictures, list | tuple) or not all(isinstance(each, Picture) for each in pictures):
        raise WorkbookError("pictures holds something else: give a list of Pictures, as of read_pictures.")
    if not pictures:
        raise WorkbookError("There is no picture to learn from: give one or more.")
    for words in (caption, *(each.caption for each in pictures)):
        check_text("A caption", words)


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _accelerator(cuda: bool):
    """Accelerate for the CPU in float32, for CUDA in bfloat16 or, on older cards, float16."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)  # the first choice would hold for the process
    with _as_one_process():
        if not cuda:
            return Accelerator(cpu=True, mixed_precision="no", device_placement=False)
        quick = torch.cuda.get_device_capability() >= (8, 0)
        return Accelerator(mixed_precision="bf16" if quick else "fp16", device_placement=False)


@contextmanager
def _as_one_process() -> Iterator[None]:
    """In a notebook, hide what a cluster's launcher left in the environment: a kernel is one process.

    Unless `accelerate.notebook_launcher` made several of it.
    """
    names = [name for name in os.environ if re.fullmatch(LAUNCHERS, name)]
    hide = in_kernel() and os.environ.get("FORK_LAUNCHED", "0") in ("0", "false")
    kept = {name: os.environ.pop(name) for name in names} if hide else {}
    try:
        yield
    finally:
        os.environ.update(kept)


def _picture_loss(pipe, pictures: list[Picture], caption: str, size: int, seed: int) -> Callable:
    """The loss of a step: the UNet's squared error on noisy latents; one caption in ten is left out."""
    from diffusers import DDPMScheduler

    captions = [each.caption or caption for each in pictures] + [""]
    ids = pipe.tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
    with torch.no_grad():
        states = pipe.text_encoder(ids.to(pipe.device))[0]
    latents = images.encode(pipe, [each.picture for each in pictures])
    scheduler = DDPMScheduler.from_config(pipe.scheduler.config)

    def loss_of_step(unet: Module, step: int) -> Tensor:
        drawn = torch.Generator().manual_seed((check_seed(seed) << 31) + step)
        rows = torch.tensor(batch_of(step, len(latents), size, seed))
        words = torch.where(torch.rand(size, generator=drawn) < 0.1, len(latents), rows)
        t = torch.randint(scheduler.config.num_train_timesteps, (size,), generator=drawn).to(latents.device)
        clean = latents[rows]
        noise = torch.randn(clean.shape, generator=drawn).to(clean)
        noisy = scheduler.add_noise(clean, noise, t)
        wanted = {"epsilon": noise, "sample": clean}.get(scheduler.config.prediction_type)
        wanted = scheduler.get_velocity(clean, noise, t) if wanted is None else wanted
        predicted = unet(noisy, t, states[words]).sample
        return torch.nn.functional.mse_loss(predicted.float(), wanted.float())

    return loss_of_step


def _held_out_and_rows(model: Module, tokenizer, texts: list[str], seed: int) -> tuple[list, list]:
    """Token ids, in pieces, of a tenth of the texts (of 20 or more), drawn by the seed, and of the others."""
    count = len(texts) // 10 if len(texts) >= 20 else 0
    held_out, rows = [], []
    order = batch_of(0, len(texts), len(texts), seed)
    for place, i in enumerate(tqdm(order, desc="texts", leave=False, disable=len(texts) < MANY)):
        (held_out if place < count else rows).extend(_pieces(model, tokenizer, texts[i]))
    return held_out, rows


def _pieces(model: Module, tokenizer, words: str) -> list[list[int]]:
    """A text's token ids, an end on either side, in pieces that the context has room for."""
    room = min(512, text.context_of(model) or 512)
    end = tokenizer.eos_token_id
    if end is None:
        raise WorkbookError("No token of this model ends a text, so it would never stop: name another model.")
    start = end if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    row = [start, *tokenizer(words, add_special_tokens=False).input_ids, end]
    return [row[i : i + room] for i in range(0, len(row) - 1, room - 1)]


def _token_loss(model: Module, rows: list[list[int]]) -> Tensor:
    """Mean loss of the next token, in nats; filler counts for nothing."""
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows]).to(model.device)
    real = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows]).to(model.device)
    return model(ids, attention_mask=real, labels=ids.masked_fill(real == 0, -100), use_cache=False).loss


def _held_out_loss(model: Module, rows: list[list[int]]) -> float:
    """Loss over all tokens of the first HELD_OUT rows, in nats; 0 for no rows."""
    total, tokens = 0.0, 0
    bar = tqdm(rows[:HELD_OUT], desc="held-out loss", leave=False, disable=len(rows) < HELD_OUT)
    with torch.no_grad():
        for row in bar:
            total += _token_loss(model, [row]).item() * (len(row) - 1)
            tokens += len(row) - 1
    return total / max(1, tokens)
