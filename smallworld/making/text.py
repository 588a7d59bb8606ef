"""Train the small world's language model: stories -> tokens -> GPT-2-class model -> ``weights/text``.

    python -m smallworld.making.text                      # the full run: an hour on two CPU cores
    python -m smallworld.making.text --steps 200 --output build/try    # a short look, ships nothing
    accelerate launch -m smallworld.making.text                        # a process for each GPU

Everything is decided by the settings and the seed. The run can be stopped at any moment and goes on from
its last checkpoint when the same command is given again. Several processes share each batch, so their number
changes the speed and, but for rounding, not the result.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from smallworld import ROOT, WEIGHTS
from smallworld.making.training import (
    TrainingError,
    add_run_options,
    add_up,
    agree,
    check_run_options,
    deliver,
    is_first,
    join_processes,
    leave_processes,
    mixed_precision,
    new_folder,
    place_among_processes,
    prepare_output,
    read_checkpoint,
    replace_folder,
    require_room,
    require_start,
    scheduled_rate,
    settle_device,
    wait_for_all,
    write_checkpoint,
)
from smallworld.making.training import fingerprint as fingerprint_of
from smallworld.world import stories

SHIPPED = WEIGHTS / "text"
DEFAULT_OUTPUT = ROOT / "build" / "train-text"
END = "<|endoftext|>"
IGNORED = -100  # label of a position without a target (padding)
FREE_BYTES = 300 << 20  # tokens, two checkpoints and the model, with room to spare
START = -1  # in a row: a lone end-of-text token before the first document


@dataclass(frozen=True)
class Settings:
    """All that decides the result. ``minutes`` is a cap: reached, it only brings the final decay forward."""

    stories: int = 60_000
    steps: int = 7_500
    minutes: float = 75.0
    seed: int = 0
    vocabulary: int = 2_048
    positions: int = 512
    layers: int = 6
    width: int = 192
    heads: int = 6
    batch_tokens: int = 4_096
    learning_rate: float = 2.5e-3
    warmup: int = 100
    decay_share: float = 0.7
    weight_decay: float = 0.1
    packed_share: float = 0.2
    validation_stories: int = 128
    evaluate_every: int = 200
    sample_tokens: int = 240
    start_from: str = ""


def start_folder(settings: Settings) -> Path:
    """The folder of the model that training starts from ("shipped": the one in this repository)."""
    return SHIPPED if settings.start_from == "shipped" else Path(settings.start_from)


# --- data -----------------------------------------------------------------------------------------------


def train_tokenizer(texts: Iterator[str], vocabulary: int = 2_048, positions: int = 512):
    """A byte-level BPE tokenizer learnt from ``texts``: any text survives encoding and decoding unchanged.

    Words keep their leading space, as in GPT-2 (Radford et al. 2019); ``<|endoftext|>`` is beginning, end,
    padding and unknown token in one. Returns a ``GPT2Tokenizer``.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import GPT2Tokenizer

    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    learner.train_from_iterator(texts, trainer)
    model = json.loads(learner.to_str())["model"]
    return GPT2Tokenizer(
        vocab=model["vocab"],
        merges=[tuple(pair) for pair in model["merges"]],
        bos_token=END,
        eos_token=END,
        pad_token=END,
        unk_token=END,
        model_max_length=positions,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


@dataclass
class Documents:
    """Tokenised stories, end to end: prompt + text + end token.

    ``tokens``: (all tokens,) uint16; ``offsets``: (documents + 1,); ``text_starts``: (documents,) number of
    prompt tokens; ``log_probabilities``: (documents,) nats of each text given its prompt, under the grammar.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    text_starts: np.ndarray
    log_probabilities: np.ndarray

    def __len__(self) -> int:
        return len(self.text_starts)

    def __getitem__(self, number: int) -> np.ndarray:
        return self.tokens[self.offsets[number] : self.offsets[number + 1]]

    def lengths(self) -> np.ndarray:
        """Tokens of each document, its end token included."""
        return np.diff(self.offsets)


def encode_stories(tokenizer, told: list[stories.Story]) -> Documents:
    """Turn stories into ``Documents``; prompt and text are split exactly at the prompt's last character."""
    end = tokenizer.eos_token_id
    tokens, offsets, text_starts = [], [0], []
    for first in range(0, len(told), 1000):
        part = told[first : first + 1000]
        prompts = tokenizer([story.prompt or " " for story in part])["input_ids"]
        texts = tokenizer([story.text for story in part])["input_ids"]
        for story, prompt, text in zip(part, prompts, texts, strict=True):
            prompt = prompt if story.prompt else []
            tokens.append(np.array([*prompt, *text, end], dtype=np.uint16))
            text_starts.append(len(prompt))
            offsets.append(offsets[-1] + len(tokens[-1]))
    bounds = np.array([story.log_probability for story in told])
    return Documents(np.concatenate(tokens), np.array(offsets), np.array(text_starts), bounds)


def tell(split: str, count: int, seed: int) -> list[stories.Story]:
    """``count`` stories of a split with a progress bar."""
    told = stories.corpus(split, count, seed)
    return list(tqdm(told, total=count, desc=f"writing {split} stories", unit=" stories", mininterval=2))


def fingerprint(settings: Settings) -> str:
    """Changes when the corpus would change: the world's source files and the settings that shape the data."""
    names = ("stories", "seed", "vocabulary", "positions", "validation_stories", "start_from")
    sources = ("stories", "vocabulary", "patterns")
    return fingerprint_of(sources, tuple(getattr(settings, name) for name in names))


def prepare_data(settings: Settings, folder: Path):
    """Write and tokenise the stories once; later calls read them from ``folder``.

    Returns the tokenizer, the training ``Documents`` and the validation ``Documents``.
    """
    from transformers import AutoTokenizer

    require_room(folder, FREE_BYTES)
    cache = folder / f"data-{fingerprint(settings)}"
    if not cache.exists():
        unfinished = folder / "data-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        told = {"train": tell("train", settings.stories, settings.seed)}
        told["validation"] = tell("validation", settings.validation_stories, settings.seed)
        if settings.start_from:
            tokenizer = AutoTokenizer.from_pretrained(start_folder(settings))
        else:
            texts = (story.prompt + story.text for story in told["train"])
            tokenizer = train_tokenizer(texts, settings.vocabulary, settings.positions)
        tokenizer.save_pretrained(unfinished / "tokenizer")
        for split, part in told.items():
            np.savez(unfinished / f"{split}.npz", **vars(encode_stories(tokenizer, part)))
        os.replace(unfinished, cache)
    tokenizer = AutoTokenizer.from_pretrained(cache / "tokenizer")
    train, validation = (Documents(**np.load(cache / f"{split}.npz")) for split in ("train", "validation"))
    return tokenizer, train, validation


# --- batches --------------------------------------------------------------------------------------------


def arrange_rows(lengths: np.ndarray, settings: Settings, epoch: int) -> list[list[int]]:
    """The rows of one epoch: each a list of document numbers, shuffled by seed and epoch.

    Most rows hold one document, the others as many as fill all positions, so that late positions are
    trained too. Half of the rows begin with an end-of-text token: a story may start with it or without.
    """
    random = np.random.default_rng([settings.seed, epoch])
    order = [int(number) for number in random.permutation(len(lengths))]
    packed = int(settings.packed_share * len(order))
    rows, row, filled = [], [], 0
    for number in order[:packed]:
        row.append(number)
        filled += lengths[number]
        if filled >= settings.positions:
            rows.append(row)
            row, filled = [], 0
    rows += [row] if row else []
    rows += [[number] for number in order[packed:]]
    starts = random.random(len(rows)) < 0.5
    return [[START, *row] if start else row for row, start in zip(rows, starts, strict=True)]


def plan_epoch(lengths: np.ndarray, settings: Settings, epoch: int) -> list[list[list[int]]]:
    """Batches of rows of similar length (hardly any padding), at most ``batch_tokens`` each, shuffled."""
    rows = arrange_rows(lengths, settings, epoch)
    widths = [sum(1 if number == START else int(lengths[number]) for number in row) for row in rows]
    batches, batch = [], []
    for index in sorted(range(len(rows)), key=widths.__getitem__):
        width = min(widths[index], settings.positions)
        if batch and (len(batch) + 1) * width > settings.batch_tokens:
            batches.append(batch)
            batch = []
        batch.append(rows[index])
    batches.append(batch)
    order = np.random.default_rng([settings.seed, epoch, 1]).permutation(len(batches))
    return [batches[number] for number in order]


def collate(rows: list[list[int]], documents: Documents, positions: int, end: int):
    """One batch: (input_ids, labels), both (rows, longest row) int64; padding has the label ``IGNORED``."""
    lone_end = np.array([end], dtype=np.uint16)
    pieces = [
        np.concatenate([lone_end if number == START else documents[number] for number in row])[:positions]
        for row in rows
    ]
    width = max(len(piece) for piece in pieces)
    input_ids = torch.full((len(pieces), width), end)
    labels = torch.full((len(pieces), width), IGNORED)
    for index, piece in enumerate(pieces):
        values = torch.from_numpy(piece.astype(np.int64))
        input_ids[index, : len(piece)] = values
        labels[index, : len(piece)] = values
    return input_ids, labels


def training_batches(documents: Documents, settings: Settings, end: int, skip: int = 0):
    """Endless batches, epoch after epoch; ``skip`` leaves out the first ones (those of an earlier run)."""
    epoch, lengths = 0, documents.lengths()
    while True:
        plan = plan_epoch(lengths, settings, epoch)
        for rows in plan[skip:]:
            yield collate(rows, documents, settings.positions, end)
        skip, epoch = max(0, skip - len(plan)), epoch + 1


# --- model and optimiser --------------------------------------------------------------------------------


def build_model(settings: Settings, tokenizer):
    """A fresh ``GPT2LMHeadModel`` of the given size, or the one named by ``settings.start_from``."""
    from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

    torch.manual_seed(settings.seed)
    end = tokenizer.eos_token_id
    if settings.start_from:
        model = AutoModelForCausalLM.from_pretrained(
            start_folder(settings), dtype=torch.float32, use_safetensors=True
        )
        model.config.pad_token_id = None
        return model
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=settings.positions,
        n_layer=settings.layers,
        n_embd=settings.width,
        n_head=settings.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        activation_function="gelu_pytorch_tanh",  # GPT-2's own, in one fused operation
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=None,  # set on export: here the labels say what is padding
    )
    return GPT2LMHeadModel(config)


def build_optimizer(model, settings: Settings) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019); weight decay on matrices only, not on biases and norms."""
    matrices = [weight for weight in model.parameters() if weight.ndim >= 2]
    vectors = [weight for weight in model.parameters() if weight.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.95))


def learning_rate(step: int, total: int, settings: Settings) -> float:
    """Warm-up, then constant, then linear decay to zero over the last ``decay_share`` of ``total`` steps."""
    return scheduled_rate(step, total, settings.learning_rate, settings.warmup, settings.decay_share)


def next_token_loss(logits: torch.Tensor, labels: torch.Tensor, targets: int = 0) -> torch.Tensor:
    """Mean cross-entropy in nats: ``logits`` (rows, length, vocabulary) at t against ``labels`` at t + 1.

    ``targets`` divides the sum by that number instead: the targets of a batch of which these rows are a part.
    """
    flat = logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten()
    if targets:
        return cross_entropy(*flat, ignore_index=IGNORED, reduction="sum") / targets
    return cross_entropy(*flat, ignore_index=IGNORED)


def own_rows(input_ids: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, int]:
    """This process's rows of a batch, their labels, and the targets of the whole batch (0: process alone).

    Of n processes, number i reads rows i, i + n and so on; one that is left without reads the first row, and
    has no target in it.
    """
    number, count = place_among_processes()
    if count == 1:
        return input_ids, labels, 0
    targets = int((labels[:, 1:] != IGNORED).sum())
    if number < len(labels):
        return input_ids[number::count], labels[number::count], targets
    return input_ids[:1], torch.full_like(labels[:1], IGNORED), targets


def train_step(model, optimizer, input_ids: torch.Tensor, labels: torch.Tensor) -> float:
    """One update on one batch, shared by all processes; returns the batch's loss in nats per token."""
    input_ids, labels, targets = own_rows(input_ids, labels)
    with mixed_precision(model.device):
        logits = model(input_ids.to(model.device), use_cache=False).logits
        loss = next_token_loss(logits, labels.to(model.device), targets)
    loss.backward()
    loss = loss.detach()
    add_up([loss, *(weight.grad for weight in model.parameters())])
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


@torch.no_grad()
def text_nats(model, documents: Documents, end: int, batch_size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Minus log-probability of each document's text (its end token included) given its prompt.

    Each document is read after a leading end-of-text token. Returns two arrays of shape (documents,):
    nats, and the number of tokens they cover.
    """
    nats, tokens = np.zeros(len(documents)), np.zeros(len(documents), dtype=int)
    order = np.argsort(documents.lengths())
    for first in range(0, len(order), batch_size):
        numbers = [int(number) for number in order[first : first + batch_size]]
        rows = [[START, number] for number in numbers]
        input_ids, labels = collate(rows, documents, model.config.n_positions, end)
        mask = (labels != IGNORED).long()
        for index, number in enumerate(numbers):
            labels[index, : 1 + documents.text_starts[number]] = IGNORED
        inputs = {"input_ids": input_ids.to(model.device), "attention_mask": mask.to(model.device)}
        logits = model(**inputs, use_cache=False).logits[:, :-1].float()
        losses = cross_entropy(
            logits.transpose(1, 2), labels[:, 1:].to(model.device), ignore_index=IGNORED, reduction="none"
        )
        nats[numbers] = losses.double().sum(1).cpu().numpy()
        tokens[numbers] = (labels[:, 1:] != IGNORED).sum(1).numpy()
    return nats, tokens


# --- the run --------------------------------------------------------------------------------------------


@dataclass
class Run:
    """A training run in progress: what a checkpoint keeps, and where it is kept."""

    settings: Settings
    folder: Path
    tokenizer: object
    train: Documents
    validation: Documents
    model: object
    optimizer: torch.optim.Optimizer
    step: int = 0
    total: int = 0
    seconds: float = 0.0
    curve: dict = field(default_factory=lambda: {"train": [], "validation": []})
    recent: list = field(default_factory=list)


def save_checkpoint(run: Run) -> None:
    """Write all that the run needs to go on; the file before is kept, a half-written one never counts."""
    if not is_first():
        return
    state = {
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "settings": asdict(run.settings),
        "data": fingerprint(run.settings),
        **{name: getattr(run, name) for name in ("step", "total", "seconds", "curve", "recent")},
    }
    write_checkpoint(run.folder, state)


def restore(run: Run, state: dict) -> None:
    """Put the run back to where ``state`` was saved. Other settings or another corpus: TrainingError."""
    ours, theirs = asdict(run.settings), state["settings"]
    changed = [name for name in ours if name != "minutes" and ours[name] != theirs.get(name, ours[name])]
    changed += (
        ["stories.py, vocabulary.py or the patterns"] if state["data"] != fingerprint(run.settings) else []
    )
    if changed:
        raise TrainingError(
            f"{run.folder} holds a run with other settings ({', '.join(changed)}): add --fresh to start anew "
            "(the old folder is kept beside it) or name another --output."
        )
    run.model.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
    for name in ("step", "total", "seconds", "curve", "recent"):
        setattr(run, name, state[name])


def start_run(settings: Settings, folder: Path, device: str = "cpu") -> Run:
    """A run ready to train: data prepared, model built, and the last checkpoint loaded where there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    state = read_checkpoint(folder)
    if is_first():
        prepare_data(settings, folder)
    wait_for_all()  # the first process has written the stories; now everybody reads them
    tokenizer, train, validation = prepare_data(settings, folder)
    model = build_model(settings, tokenizer).to(device).train()
    # On CPUs the backward pass of PyTorch's fused attention takes longer than the plain matrix products.
    model.set_attn_implementation("eager" if device == "cpu" else "sdpa")
    run = Run(settings, folder, tokenizer, train, validation, model, build_optimizer(model, settings))
    if state:
        restore(run, state)
    return run


def planned_steps(run: Run, seconds: float) -> int:
    """Steps in all: as set, or fewer when the minutes would run out; fixed once the final decay has begun."""
    if run.step < 10:
        return run.settings.steps
    if run.step >= (1 - run.settings.decay_share) * run.total:
        return run.total
    left = max(0.0, 60 * run.settings.minutes - seconds)
    return min(run.settings.steps, run.step + int(left / (seconds / run.step)))


def train(run: Run, checkpoint_minutes: float = 3.0, stop_at: int | None = None) -> Run:
    """The training loop: from where the run stands to its last step (or to ``stop_at``)."""
    started, earlier, saved = time.monotonic(), run.seconds, time.monotonic()
    end = run.tokenizer.eos_token_id
    batches = training_batches(run.train, run.settings, end, skip=run.step)
    run.total = run.total or run.settings.steps
    bar = tqdm(total=run.total, initial=run.step, desc="training", unit=" steps", mininterval=2,
               disable=not is_first())  # fmt: skip
    while run.step < min(run.total, stop_at or run.total):
        input_ids, labels = next(batches)
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(run.step, run.total, run.settings)
        run.recent.append(train_step(run.model, run.optimizer, input_ids, labels))
        run.step += 1
        run.seconds = earlier + time.monotonic() - started
        bar.total = run.total = agree(planned_steps(run, run.seconds), run.model.device)
        bar.update()
        if run.step % 10 == 0 or run.step == run.total:
            show_progress(run, bar, input_ids.numel())
        if run.step % run.settings.evaluate_every == 0 or run.step == run.total:
            look_at(run)
        if time.monotonic() - saved > 60 * checkpoint_minutes:
            save_checkpoint(run)
            saved = time.monotonic()
    bar.close()
    save_checkpoint(run)
    return run


def show_progress(run: Run, bar: tqdm, tokens: int) -> None:
    """Loss and speed beside the bar; every 20 steps a point of the training curve."""
    speed = tokens * (bar.format_dict["rate"] or 0.0)
    bar.set_postfix_str(f"loss {np.mean(run.recent):.3f}, {speed:,.0f} tokens/s", refresh=False)
    if run.step % 20 == 0 or run.step == run.total:
        run.curve["train"].append([run.step, round(float(np.mean(run.recent)), 4)])
        run.recent.clear()


def look_at(run: Run) -> None:
    """Validation loss, loss plot and samples, shown and written to the run's folder by the first process."""
    if not is_first():
        return
    run.model.eval()
    nats, tokens = text_nats(run.model, run.validation, run.tokenizer.eos_token_id)
    loss = float(nats.sum() / tokens.sum())
    run.curve["validation"].append([run.step, round(loss, 4)])
    ratio = math.exp(loss - validation_bound(run.validation))
    samples = draw_samples(run)
    run.model.train()
    lines = [
        f"step {run.step}: validation loss {loss:.4f} nats/token, perplexity {ratio:.3f} x the grammar's"
    ]
    text = "\n".join([*lines, *(f"  | {sample!r}" for sample in samples)])
    tqdm.write(text)
    with (run.folder / "samples.txt").open("a", encoding="utf-8") as file:
        file.write(text + "\n\n")
    plot_curve(run.curve, validation_bound(run.validation), run.folder / "loss.png")


def validation_bound(documents: Documents) -> float:
    """Nats per token that the grammar itself needs for these texts: no model can do better on average."""
    tokens = documents.lengths() - documents.text_starts
    return float(-documents.log_probabilities.sum() / tokens.sum())


@torch.no_grad()
def draw_samples(run: Run, seed: int = 0) -> list[str]:
    """A story without prompt and two on request, prompts included; global randomness is left untouched."""
    prompts = ["Once upon a time"]
    prompts += [
        stories.ask(place="desert", time="night", mood="calm"),
        stories.ask(place="city", time="sunset"),
    ]
    texts = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for prompt in prompts:
            inputs = run.tokenizer(prompt, return_tensors="pt").to(run.model.device)
            room = min(run.settings.sample_tokens, run.settings.positions - inputs["input_ids"].shape[1])
            output = run.model.generate(
                **inputs, do_sample=True, temperature=0.8, top_p=0.95, top_k=0, max_new_tokens=room
            )
            texts.append(run.tokenizer.decode(output[0], skip_special_tokens=True))
    return texts


def plot_curve(curve: dict, bound: float, path: Path) -> None:
    """Training and validation loss over steps, with the grammar's own bound."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="training step", ylabel="loss (nats per token)", yscale="log")
    for (name, points), colour in zip(curve.items(), ("#56B4E9", "#D55E00"), strict=False):
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, label=name, linewidth=1.5)
    axes.set_yticks(ticks := [0.2, 0.3, 0.5, 1, 2, 4, 8], labels=map(str, ticks))
    axes.minorticks_off()
    axes.axhline(bound, color="black", linestyle="--", linewidth=1, label="the grammar's own bound")
    axes.legend()
    figure.savefig(path, dpi=110)


# --- export ---------------------------------------------------------------------------------------------


def training_record(run: Run) -> dict:
    """What is kept with the weights: settings, time and the loss curve."""
    import transformers

    return {
        "settings": {**asdict(run.settings), "start_from": Path(run.settings.start_from).name},
        "steps": run.step,
        "versions": {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__},
        "minutes": round(run.seconds / 60, 1),
        "device": "GPU" if run.model.device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads",
        "training_tokens": int(run.train.offsets[-1]),
        "parameters": sum(weight.numel() for weight in run.model.parameters()),
        "bound_nats_per_token": round(validation_bound(run.validation), 4),
        "curve": run.curve,
    }


def export(run: Run, folder: Path) -> None:
    """Write model (float16 safetensors), tokenizer, record and model card to ``folder``, all or nothing."""
    from smallworld.making.cards.text import write_card

    new = new_folder(folder)
    model = build_model(run.settings, run.tokenizer)
    model.load_state_dict(run.model.state_dict())
    end = run.tokenizer.eos_token_id
    model.config.pad_token_id = model.generation_config.pad_token_id = end
    model.half().save_pretrained(new)
    run.tokenizer.save_pretrained(new)
    (new / "model.safetensors").chmod(0o644)
    (new / "training_curve.json").write_text(json.dumps(training_record(run)) + "\n", encoding="utf-8")
    write_card(new)
    replace_folder(new, folder)


# --- command line ---------------------------------------------------------------------------------------


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; a wrong value ends with one sentence."""
    default = Settings()
    parser = argparse.ArgumentParser(
        prog="smallworld.making.text", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--minutes", type=float, default=default.minutes, help="cap; brings the final decay forward"
    )
    parser.add_argument("--steps", type=int, default=default.steps)
    parser.add_argument("--stories", type=int, default=default.stories)
    parser.add_argument("--learning-rate", type=float, default=default.learning_rate, help="the peak")
    parser.add_argument("--seed", type=int, default=default.seed)
    add_run_options(parser, DEFAULT_OUTPUT, "text")
    chosen = parser.parse_args(arguments)
    check_run_options(parser, chosen, ("minutes", "steps", "stories", "learning_rate"))
    return chosen


def settings_from(chosen: argparse.Namespace) -> Settings:
    """The command line as ``Settings``; a missing ``--start-from`` folder is a TrainingError."""
    settings = replace(
        Settings(),
        minutes=chosen.minutes,
        steps=chosen.steps,
        stories=chosen.stories,
        learning_rate=chosen.learning_rate,
        seed=chosen.seed,
        start_from=chosen.start_from,
    )
    require_start(settings.start_from, start_folder(settings), "config.json")
    return settings


def announce(run: Run, device: str) -> None:
    """One line on what will be trained, on what and from where, by the first process."""
    if not is_first():
        return
    size = f"{len(run.train):,} stories, {run.train.offsets[-1]:,} tokens"
    count = place_among_processes()[1]
    where = device if count == 1 else f"{device}, in {count} processes"
    print(f"{size}; step {run.step} of {run.total or run.settings.steps}, on {where}")
    if run.total and run.step >= run.total:
        print("this run is complete: exporting it once more (--fresh trains anew)")


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on training), export to OUTPUT/model and, for a full run, to ``weights/text``."""
    chosen = parse_arguments(arguments)
    device = settle_device(chosen)
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        settings = settings_from(chosen)
        join_processes(device)
        if is_first():
            prepare_output(chosen.output, chosen.fresh, chosen.resume)
        wait_for_all()
        run = start_run(settings, chosen.output, device)
    except TrainingError as problem:
        raise SystemExit(f"train_text: {problem}") from None
    announce(run, device)
    train(run)
    full = replace(settings, minutes=Settings().minutes) == Settings()
    ship = full if chosen.ship is None else chosen.ship
    if is_first():
        deliver(lambda folder: export(run, folder), chosen.output, SHIPPED, ship)
    leave_processes()


if __name__ == "__main__":
    main()
