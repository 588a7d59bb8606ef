"""Fine-tuning: your own texts and pictures, and training that survives a kill; writes only below build/."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import warnings
from collections import namedtuple
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from posixpath import basename, dirname, join, normpath, splitext
from typing import TYPE_CHECKING

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from helpers.checks import check_number, check_seed
from helpers.errors import WorkbookError
from helpers.session import Session, build_folder

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

MAX_CHARS = 2000  # about 500 tokens: what the small text model has room for
MAX_BYTES = 2**28  # of a file
MAX_PIXELS, MAX_WEBP_PIXELS = 50_000_000, 20_000_000  # reading takes 4 bytes a pixel, WebP takes 16
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")  # others are not tried: some would start a program
BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
SPACING = re.compile(r"[\v\f\x1c-\x1f\x85\u2028\u2029]")  # control characters that keep words apart
UNWANTED = re.compile(r"[\0-\x08\x0e-\x1b\x7f-\x9f\ufeff\ud800-\udfff]")  # the others, half characters
SENTENCE = r"[.!?…][\"'”’)\]]*(?=\s)|[。！？][”’」』）]*"
ENDS = [re.compile(end) for end in (r"(?=\n\s*\n)", SENTENCE, r"(?=\s)")]  # of paragraph, sentence, word
ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
EVERYWHERE = [*ATTENTION, "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out", "conv_in", "conv1", "conv2",
              "conv_shortcut", "conv", "conv_out"]  # fmt: skip
Found = namedtuple("Found", "items skipped")  # texts or Pictures in the order of their files, and Skipped
Picture = namedtuple("Picture", "picture caption name")  # RGB; "" for none; path below the folder
Skipped = namedtuple("Skipped", "name reason")  # path below the folder, or a line of that file


def batch_of(step: int, count: int, size: int, seed: int) -> list[int]:
    """Rows of a step's batch, `size` of 0..count-1: one shuffled pass after another.

    It follows from seed and step alone, so a resumed run draws what an uninterrupted one would have drawn.
    Raises WorkbookError for a count or size below 1.
    """
    import torch

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
    import torch
    from tqdm.auto import tqdm

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
            loss = run.step(model.train(), loss_of_step)
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
    import torch
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
    steps: int = 120, learning_rate: float = 3e-3, batch_size: int = 8, seed: int = 0,
) -> Path:  # fmt: skip
    """Fine-tune the session's text model, or `model`, by LoRA; the folder of the merged model and tokenizer.

    folder: below build/; `from_pretrained` loads from it. What lies there stays until the new model is whole;
    a run that was cut off goes on (FOLDER.unfinished). Texts longer than the context, or than 512 tokens, are
    cut. Of 20 texts or more a tenth is held out; its loss, in nats per token, is printed.
    Raises WorkbookError for no texts and for what `text.load`, `with_lora` and `fit` refuse. (Hu et al. 2022)
    """
    from helpers import text

    texts, place = [one for one in texts if one.strip()], _place(folder)
    if not texts:
        raise WorkbookError("There is no text to learn from: give one or more that are not blank.")
    check_number("batch_size", batch_size, 1, math.inf, "a whole number of texts of at least 1")
    settings = {"texts": hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16], "model": model}
    settings |= {"rank": rank, "batch_size": batch_size, "seed": seed, "profile": session.profile}
    unfinished = place.with_name(f"{place.name}.unfinished")
    tokenizer, base = text.load(session, model)
    order, count = batch_of(0, len(texts), len(texts), seed), len(texts) // 10 * (len(texts) >= 20)
    pieces = [_pieces(base, tokenizer, texts[i]) for i in order]
    held, rows = sum(pieces[:count], []), sum(pieces[count:], [])
    tuned = with_lora(base, rank, seed)
    if session.device == "cuda" and base.num_parameters() > 3e8:  # slower, but the memory of large models
        tuned.enable_input_require_grads()
        tuned.gradient_checkpointing_enable({"use_reentrant": False})

    def loss_of_step(model: Module, step: int) -> Tensor:
        return _token_loss(model, [rows[i] for i in batch_of(step, len(rows), batch_size, seed)])

    before = _held_out_loss(tuned, held)
    fit(tuned, loss_of_step, steps=steps, learning_rate=learning_rate, folder=unfinished, settings=settings)
    after = _held_out_loss(tuned, held)
    if held:
        print(f"Loss on {count} held-out texts, in nats per token: {before:.2f} before, {after:.2f} after.")
    _save(place, tuned.merge_and_unload().save_pretrained, tokenizer.save_pretrained)
    shutil.rmtree(unfinished, ignore_errors=True)
    return place


def read_texts(folder: str | Path, *, max_chars: int = MAX_CHARS) -> Found:
    """The .txt and .md files of a folder and its subfolders as clean texts of 1 to max_chars characters.

    UTF-8, UTF-16 with a byte order mark, or Western (cp1252, Latin-1); every line ends in one newline, and
    control characters go. What is longer is cut where a paragraph, else a sentence, a word or, at last, a
    character ends. What cannot be used is skipped by name, so items may be empty.
    Raises WorkbookError if the folder is missing, a file or empty, and for a max_chars below 1.
    """
    check_number("max_chars", max_chars, 1, math.inf, "a whole number of characters of at least 1")
    files, skipped = _files(folder, "texts (.txt or .md)"), []

    def read(name: str, path: Path) -> list[str]:
        if not name.lower().endswith((".txt", ".md")):
            raise WorkbookError("neither .txt nor .md")
        return _cut(_text(path).strip(), max_chars)

    return Found(_each(files, read, skipped), skipped)


def read_pictures(folder: str | Path, size: int = 64) -> Found:
    """The BMP, GIF, JPEG, PNG, TIFF and WebP pictures of a folder and its subfolders, RGB, size x size.

    Upright (EXIF), the centre square, by Lanczos; transparency on white, 16-bit grey scaled to 8, the first
    frame of several. A caption stands in NAME.txt beside NAME.png or, as for Hugging Face's ImageFolder, in a
    line {"file_name": ..., "text": ...} of a metadata.jsonl; NAME.txt wins, and "" stands for none.
    What cannot be used or is above MAX_PIXELS (or MAX_WEBP_PIXELS) is skipped by name, so items may be empty.
    Raises WorkbookError if the folder is missing, a file or empty, and for a size not from 1 to 2048.
    """
    check_number("size", size, 1, 2048, "a whole number of pixels from 1 to 2048")
    files, skipped = _files(folder, "pictures"), []
    notes = {n: p for n, p in files.items() if n.lower().endswith(".txt") or p.name == "metadata.jsonl"}
    captions = dict(_each(notes, lambda name, path: _captions(name, path, skipped), skipped))
    pictures = {name: path for name, path in files.items() if name not in notes}
    places = {place for name in pictures for place in (name, splitext(name)[0])}
    skipped += [Skipped(place, "a caption without its picture") for place in captions if place not in places]

    def read(name: str, path: Path) -> list[Picture]:
        caption = captions.get(splitext(name)[0]) or captions.get(name, "")
        return [Picture(_picture(path, size), " ".join(caption.split()), name)]

    return Found(_each(pictures, read, skipped), skipped)


def report(skipped: list[Skipped], max_names: int = 5) -> str:
    """What was skipped, to print: a line for each reason with at most max_names names, made harmless."""
    lines = []
    for reason in dict.fromkeys(one.reason for one in skipped):
        names = [_shown(one.name) for one in skipped if one.reason == reason]
        more = ", ..." if len(names) > max_names else ""
        lines.append(f"Skipped {len(names)} ({reason}): {', '.join(names[:max_names])}{more}")
    return "\n".join(lines) or "Nothing was skipped."


def tune_pictures(
    session: Session, pictures: list[Picture], folder: str | Path, *, model: str = "", rank: int = 16,
    steps: int = 200, learning_rate: float = 0, batch_size: int = 8, caption: str = "", seed: int = 0,
) -> Path:  # fmt: skip
    """Fine-tune the session's image model, or `model`, by LoRA on its UNet; the folder of the LoRA.

    The same pipeline's `load_lora_weights` takes that folder, which lies below build/. pictures: as from
    `read_pictures`, of one size; caption is for those that have none. A small UNet (below 300 M parameters)
    gets LoRA beside every layer, a large one beside its attention; learning_rate 0 is 2e-3 for the small,
    1e-4 for the large. What lies in the folder stays until the new LoRA is whole; a run that was cut off goes
    on. Raises WorkbookError for no pictures and for what `images.load` and `fit` refuse. (Hu et al. 2022)
    """
    import torch
    from peft import LoraConfig

    from helpers import images

    place = _place(folder)
    if not pictures:
        raise WorkbookError("There is no picture to learn from: give one or more.")
    check_number("rank", rank, 1, math.inf, "a whole number of at least 1")
    check_number("batch_size", batch_size, 1, math.inf, "a whole number of pictures of at least 1")
    pipe = _whole(images.load(session, model), session.device)
    large = pipe.unet.num_parameters() > 3e8
    content = b"".join(one.picture.tobytes() + (one.caption or caption).encode() for one in pictures)
    settings = {"pictures": hashlib.sha256(content).hexdigest()[:16], "model": model, "rank": rank}
    settings |= {"batch_size": batch_size, "seed": seed, "profile": session.profile}
    loss_of_step = _picture_loss(pipe, pictures, caption, batch_size, seed)
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=ATTENTION if large else EVERYWHERE)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(check_seed(seed))
        pipe.unet.requires_grad_(False).add_adapter(config)
    if large and session.device == "cuda":
        pipe.unet.enable_gradient_checkpointing()
    unfinished = place.with_name(f"{place.name}.unfinished")
    fit(pipe.unet, loss_of_step, steps=steps, learning_rate=learning_rate or (1e-4 if large else 2e-3),
        folder=unfinished, settings=settings)  # fmt: skip
    _save(place, lambda new: save_lora(pipe, new))
    shutil.rmtree(unfinished, ignore_errors=True)
    return place


def save_lora(pipe, folder: str | Path) -> None:
    """Write the UNet's LoRA as safetensors, in the form that `load_lora_weights` reads."""
    from peft import get_peft_model_state_dict

    pipe.save_lora_weights(folder, unet_lora_layers=get_peft_model_state_dict(pipe.unet))


class _Run:
    """What `fit` carries from step to step: weights and optimizer, the losses so far, the checkpoint."""

    def __init__(self, model: Module, steps: int, learning_rate: float, settings: dict, folder):
        import torch

        self.weights = {name: one for name, one in model.named_parameters() if one.requires_grad}
        if not self.weights:
            raise WorkbookError("There is nothing to train: no parameter requires a gradient.")
        self.folder, self.losses = None if folder is None else _place(folder), []
        shapes = [f"{name} {tuple(one.shape)}" for name, one in self.weights.items()]
        self.settings = {**settings, "steps": steps, "learning_rate": learning_rate, "what trains": shapes}
        for one in self.weights.values():
            one.data = one.data.float()  # Adam's small steps would vanish in half precision
        self.cuda = next(iter(self.weights.values())).is_cuda
        self.accelerator = _accelerator(self.cuda)
        optimizer = torch.optim.AdamW(self.weights.values(), learning_rate, weight_decay=0.0, fused=True)
        if self.folder:
            self._resume(optimizer)
        _, self.optimizer = self.accelerator.prepare(model, optimizer)

    def step(self, model: Module, loss_of_step: Callable[[Module, int], Tensor]) -> float:
        """One step of training; its loss."""
        import torch

        from smallworld.making.training import scheduled_rate

        step, steps = len(self.losses), self.settings["steps"]
        torch.manual_seed(step)
        for group in self.optimizer.param_groups:
            group["lr"] = scheduled_rate(step, steps, self.settings["learning_rate"], 10, 1.0)
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
        from smallworld.making.training import write_checkpoint

        state = {"weights": {name: one.detach() for name, one in self.weights.items()}}
        state |= {"optimizer": self.optimizer.state_dict(), "losses": self.losses, "settings": self.settings}
        with _one_sentence(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_checkpoint(self.folder, state)

    def _resume(self, optimizer) -> None:
        """Go on from the folder's checkpoint, if there is one and it is this run's."""
        from smallworld.making.training import read_checkpoint

        state = read_checkpoint(self.folder)
        if state is None:
            return
        there = state["settings"]
        for name in there | self.settings:
            if there.get(name) != self.settings.get(name):
                values = f"{there.get(name)}, not {self.settings.get(name)}"[:60]
                raise WorkbookError(
                    f"The checkpoint in {self.folder.name} is another run's ({name}: {values}): "
                    "use its values, remove that folder, or name another."
                )
        for name, one in self.weights.items():
            one.data.copy_(state["weights"][name])
        optimizer.load_state_dict(state["optimizer"])
        self.losses = state["losses"]


def _accelerator(cuda: bool):
    """Accelerate for the CPU in float32, for CUDA in bfloat16 or, on older cards, float16."""
    import torch
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)  # the first choice would hold for the process
    if not cuda:
        return Accelerator(cpu=True, mixed_precision="no", device_placement=False)
    quick = torch.cuda.get_device_capability() >= (8, 0)
    return Accelerator(mixed_precision="bf16" if quick else "fp16", device_placement=False)


def _place(folder: str | Path) -> Path:
    """A folder to write into, below build/ or WORKBOOK_OUTPUT; a relative one counts from where that lies."""
    root, shown = build_folder().resolve(), _shown(str(folder))
    first, *rest = Path(folder).parts or ("",)
    place = (root.joinpath(*rest) if first == "build" else root.parent / folder).resolve()
    if root not in place.parents:
        raise WorkbookError(f'"{shown}" does not lie below build/: name a folder there, such as build/mine.')
    if not next((one for one in (place, *place.parents) if one.exists()), root).is_dir():
        raise WorkbookError(f'"{shown}" is a file, or below one: move it away, or name another folder.')
    return place


@contextmanager
def _one_sentence(folder: Path):
    """Turns what goes wrong in writing into a WorkbookError; what is half written goes, the rest stays."""
    try:
        yield
    except Exception as error:  # a full disk is an OSError, a RuntimeError or a SafetensorError
        for half in (*folder.glob("*.unfinished"), folder.with_name(f".{folder.name}.new")):
            half.unlink() if half.is_file() else shutil.rmtree(half, ignore_errors=True)
        why = getattr(error, "strerror", None) or "perhaps the disk is full"
        raise WorkbookError(
            f"{folder.name} cannot be written ({why}), and what was there is kept: make room, then run again."
        ) from None


def _save(folder: Path, *writers: Callable[[Path], None]) -> None:
    """Put what they write in the folder's place, whole or not at all."""
    from smallworld.making.training import new_folder, replace_folder

    with _one_sentence(folder):
        new = new_folder(folder)
        for write in writers:
            write(new)
        replace_folder(new, folder)


def _whole(pipe, device: str):
    """The pipeline, unless its parts wait beside the GPU for want of memory there."""
    if pipe.device.type != device:
        raise WorkbookError(
            "The GPU has too little free memory to fine-tune this model: end other kernels that use it, or "
            "name a smaller model."
        )
    return pipe


def _picture_loss(pipe, pictures: list[Picture], caption: str, size: int, seed: int) -> Callable:
    """The loss of a step: the UNet's squared error on noisy latents; one caption in ten is left out."""
    import torch
    from diffusers import DDPMScheduler

    from helpers import images

    told = [one.caption or caption for one in pictures] + [""]
    ids = pipe.tokenizer(told, padding="max_length", truncation=True, return_tensors="pt").input_ids
    with torch.no_grad():
        states = pipe.text_encoder(ids.to(pipe.device))[0]
    latents = images.encode(pipe, [one.picture for one in pictures])
    scheduler = DDPMScheduler.from_config(pipe.scheduler.config)

    def loss_of_step(unet: Module, step: int) -> Tensor:
        drawn = torch.Generator().manual_seed((check_seed(seed) << 31) + step)
        rows = torch.tensor(batch_of(step, len(latents), size, seed))
        words = torch.where(torch.rand(size, generator=drawn) < 0.1, len(latents), rows)
        t = torch.randint(scheduler.config.num_train_timesteps, (size,), generator=drawn).to(latents.device)
        clean = latents[rows]
        noise = torch.randn(clean.shape, generator=drawn).to(clean)
        noisy = scheduler.add_noise(clean, noise, t)
        kind = scheduler.config.prediction_type
        wanted = {"epsilon": noise, "sample": clean}.get(kind)
        wanted = scheduler.get_velocity(clean, noise, t) if wanted is None else wanted
        predicted = unet(noisy, t, states[words]).sample
        return torch.nn.functional.mse_loss(predicted.float(), wanted.float())

    return loss_of_step


def _pieces(model: Module, tokenizer, text: str) -> list[list[int]]:
    """A text's token ids, an end on either side, in pieces that the context has room for."""
    room = min(512, getattr(model.config.get_text_config(), "max_position_embeddings", None) or 512)
    end = tokenizer.eos_token_id
    start = end if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    row = [start, *tokenizer(text, add_special_tokens=False).input_ids, end]
    return [row[i : i + room] for i in range(0, len(row) - 1, room - 1)]


def _token_loss(model: Module, rows: list[list[int]]) -> Tensor:
    """Mean loss of the next token, in nats; filler counts for nothing."""
    import torch

    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows]).to(model.device)
    real = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows]).to(model.device)
    return model(ids, attention_mask=real, labels=ids.masked_fill(real == 0, -100), use_cache=False).loss


def _held_out_loss(model: Module, rows: list[list[int]]) -> float:
    """Loss over all tokens of the rows, in nats; 0 for no rows."""
    import torch

    with torch.no_grad():
        total = sum(_token_loss(model, [row]).item() * (len(row) - 1) for row in rows)
    return total / max(1, sum(len(row) - 1 for row in rows))


def _shown(name: str) -> str:
    """The last 100 characters of a name, those that could break the output escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)[-100:]


def _files(folder: str | Path, wanted: str) -> dict[str, Path]:
    """What lies in a folder and those below it, but for hidden ones, by its path there, in order."""
    root, shown = Path(os.path.expanduser(folder)), _shown(str(folder))
    if not os.path.isdir(root) or not shown.strip():
        what = "is a file" if os.path.isfile(root) else "does not exist"
        raise WorkbookError(f'The folder "{shown}" {what}: name one that holds your {wanted}.')
    walked = lambda path: os.path.isdir(path) and not os.path.islink(path) and os.access(path, os.R_OK)  # noqa: E731
    files = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if not walked(path)}
    files = {name: path for name, path in files.items() if "/." not in f"/{dirname(name)}"}
    if all(path.name.startswith(".") for path in files.values()):
        raise WorkbookError(f'The folder "{shown}" is empty: put your {wanted} into it.')
    return files


def _each(files: dict[str, Path], read: Callable[[str, Path], list], skipped: list[Skipped]) -> list:
    """What `read` makes of the files, in one list; what cannot be used is added to skipped."""
    items = []
    for name, path in files.items():
        try:
            if path.name.startswith(".") or os.path.islink(path):
                raise WorkbookError("hidden, or a link, which is not followed")
            if not os.path.isfile(path) or os.path.getsize(path) > MAX_BYTES:
                raise WorkbookError(f"not a file of up to {MAX_BYTES >> 20} MiB that can be read")
            items += read(name, path)
        except (WorkbookError, OSError) as problem:
            skipped.append(Skipped(name, getattr(problem, "strerror", None) or str(problem)))
    return items


def _text(path: Path) -> str:
    """A file's text, never blank: by its byte order mark, else UTF-8, else Western."""
    data = path.read_bytes()
    encoding = next((name for bom, name in BOMS.items() if data.startswith(bom)), "utf-8")
    if encoding == "utf-8" and b"\0" in data:
        raise WorkbookError("binary: it has zero bytes")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("utf-8", "surrogateescape")  # a wrong byte becomes half a character
        wrong = len(re.findall(r"[\udc80-\udcff]", text))
        right = sum(not c.isascii() for c in text) - wrong
        if encoding != "utf-8" or right > wrong or 2 * wrong > len(b"".join(data.split())):
            raise WorkbookError("damaged, or neither UTF nor Western: save it as UTF-8") from None
        text = data.decode("cp1252", "ignore")  # it lacks a few of Latin-1's control characters
    text = UNWANTED.sub("", SPACING.sub(" ", re.sub(r"\r\n?", "\n", text)))
    if not text.strip():
        raise WorkbookError("empty or blank")
    return text


def _cut(text: str, max_chars: int) -> list[str]:
    """Pieces of at most max_chars characters that are, but for the space between them, the whole text."""
    pieces, start = [], 0
    while len(text) - start > max_chars:
        window = text[start : start + max_chars + 2]
        ends = ([m.end() for m in end.finditer(window) if 0 < m.end() <= max_chars] for end in ENDS)
        stop = start + next((found[-1] for found in ends if found), max_chars)
        pieces.append(text[start:stop].rstrip())
        start = re.compile(r"\s*").match(text, stop).end()
    return [*pieces, text[start:]]


def _captions(name: str, path: Path, skipped: list[Skipped]) -> list[tuple[str, str]]:
    """Captions, each with its picture's path (metadata.jsonl) or that without the suffix (NAME.txt)."""
    if basename(name) != "metadata.jsonl":
        return [(splitext(name)[0], _text(path))]
    captions = []
    for number, line in enumerate(_text(path).split("\n"), 1):
        try:
            entry = json.loads(line)
            place = normpath(join(dirname(name), entry["file_name"]))
            captions.append((place, UNWANTED.sub("", entry["text"])))
        except (ValueError, KeyError, TypeError, RecursionError):
            if line.strip():
                skipped.append(Skipped(f"{name} line {number}", 'not {"file_name": "...", "text": "..."}'))
    return captions


def _picture(path: Path, size: int) -> Image.Image:
    """A picture file as RGB, size x size; a JPEG is decoded no larger than that needs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on the size, which is checked here, and on odd metadata
        try:
            with Image.open(path, formats=FORMATS) as picture:
                if math.prod(picture.size) > (MAX_WEBP_PIXELS if picture.format == "WEBP" else MAX_PIXELS):
                    raise Image.DecompressionBombError
                picture.draft(None, (4 * size, 4 * size))
                picture.load()
                return _square(picture, size)
        except Image.DecompressionBombError:
            reason = f"above {MAX_PIXELS // 10**6} million pixels (WebP: {MAX_WEBP_PIXELS // 10**6})"
        except UnidentifiedImageError:
            reason = f"not a picture in {', '.join(FORMATS)}"
        except Exception as error:  # damaged bytes make decoders raise anything
            reason = str(error) if isinstance(error, WorkbookError) else "a truncated or damaged picture"
    raise WorkbookError(reason)


def _square(picture: Image.Image, size: int) -> Image.Image:
    """The centre square, upright; strip by strip, so that a large picture is in memory only once."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    factor = max(1, side // (4 * size))
    rows = factor * max(1, 2**20 // (side * factor))
    small = Image.new("RGB", (math.ceil(side / factor),) * 2)
    for first in range(0, side, rows):
        strip = picture.crop((left, top + first, left + side, top + min(side, first + rows)))
        small.paste(_on_white(strip).reduce(factor), (0, first // factor))
    result = small.resize((size, size), Image.Resampling.LANCZOS, box=(0, 0, side / factor, side / factor))
    result.getexif()[ExifTags.Base.Orientation] = picture.getexif().get(ExifTags.Base.Orientation, 1)
    return ImageOps.exif_transpose(result)


def _on_white(picture: Image.Image) -> Image.Image:
    """A picture of any mode as RGB on white."""
    if picture.mode[0] in "IF":  # Pillow would clip 16 bits at 255
        grey = picture.convert("I")
        low, high = grey.getextrema()
        if picture.mode == "F" or low < 0 or high > 65535:
            raise WorkbookError("grey of 32 bits: save it with 8 or 16")
        picture = grey.point(lambda value: value * (1 / 257) + 0.5).convert("L")
        picture.info.pop("transparency", None)  # a grey of 16 bits
    if picture.getbands()[-1] not in "Aa" and "transparency" not in picture.info:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
