"""Train the small world's masked language model: stories -> small ModernBERT -> ``weights/fill``.

    python -m smallworld.making.fill                  # the full run: minutes on two CPU cores
    python -m smallworld.making.fill --steps 100 --output build/try-fill    # a look, ships nothing

Everything is decided by the settings and the seed: batch i depends on seed and i alone. The run can be
stopped at any moment and goes on from its last checkpoint when the same command is given again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from string import ascii_lowercase

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from smallworld import ROOT, WEIGHTS
from smallworld.making.cards import fill as fill_card
from smallworld.making.training import (
    TrainingError,
    add_run_options,
    check_run_options,
    deliver,
    mixed_precision,
    new_folder,
    prepare_output,
    read_checkpoint,
    replace_folder,
    require_room,
    require_start,
    scheduled_rate,
    settle_device,
    write_checkpoint,
)
from smallworld.making.training import fingerprint as fingerprint_of
from smallworld.world import stories

SHIPPED = WEIGHTS / "fill"
DEFAULT_OUTPUT = ROOT / "build" / "train-fill"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ROPE = {"rope_type": "default", "rope_theta": 160_000.0}  # rotary positions, ModernBERT's own setting
IGNORED = -100  # label of a token that is not asked for
FREE_BYTES = 200 << 20


@dataclass(frozen=True)
class Settings:
    """All that decides the result."""

    stories: int = 60_000
    steps: int = 4_000
    seed: int = 0
    vocabulary: int = 2_048
    positions: int = 256
    layers: int = 4
    width: int = 144
    heads: int = 6
    batch: int = 32
    masked_share: float = 0.3
    part_share: float = 0.5
    learning_rate: float = 3e-3
    warmup: int = 200
    decay_share: float = 0.7
    weight_decay: float = 0.01
    start_from: str = ""


def start_folder(settings: Settings) -> Path:
    """The folder of the model that training starts from ("shipped": the one in this repository)."""
    return SHIPPED if settings.start_from == "shipped" else Path(settings.start_from)


# --- data -----------------------------------------------------------------------------------------------


def build_tokenizer(texts: Iterable[str], vocabulary: int, positions: int):
    """A lower-casing ``BertTokenizer`` with the most frequent words of ``texts`` as its pieces.

    Other words are cut into the longest pieces that fit, as WordPiece does (Wu et al. 2016): in the end into
    letters, which are all there, so that any English word can be written.
    """
    from tokenizers import normalizers, pre_tokenizers
    from transformers import BertTokenizer

    normalise, cut = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    counts = Counter(
        word for text in texts for word, _ in cut.pre_tokenize_str(normalise.normalize_str(text))
    )
    pieces = [*SPECIAL, *ascii_lowercase, *(f"##{letter}" for letter in ascii_lowercase)]
    for word in sorted(counts, key=lambda word: (-counts[word], word)):
        if len(pieces) < vocabulary and word not in pieces:
            pieces.append(word)
    vocab = {piece: number for number, piece in enumerate(pieces)}
    names = ["input_ids", "attention_mask"]  # no token_type_ids: the model reads one text, not two
    return BertTokenizer(vocab=vocab, model_max_length=positions, model_input_names=names)


def fingerprint(settings: Settings) -> str:
    """Changes when the corpus would change."""
    names = ("stories", "seed", "vocabulary", "positions", "start_from")
    sources = ("stories", "vocabulary", "patterns")
    return fingerprint_of(sources, tuple(getattr(settings, name) for name in names))


@dataclass
class Sentences:
    """Tokenised stories, sentence by sentence, end to end.

    ``tokens``: (all tokens,) int64; ``starts``: (sentences + 1,) where each sentence begins;
    ``stories``: (stories + 1,) the number of each story's first sentence.
    """

    tokens: np.ndarray
    starts: np.ndarray
    stories: np.ndarray

    def cut(self, first: int, last: int, room: int) -> np.ndarray:
        """The tokens of sentences ``first`` to ``last - 1``, at most ``room``."""
        return self.tokens[self.starts[first] : self.starts[last]][:room]


def encode(tokenizer, told: list[stories.Story]) -> Sentences:
    """Stories as ``Sentences``; each sentence keeps the marks it ends with."""
    pieces = [[sentence for _, sentence in story.sentences] for story in told]
    flat = [sentence for sentences in pieces for sentence in sentences]
    ids = tokenizer(flat, add_special_tokens=False).input_ids
    starts = np.cumsum([0, *map(len, ids)])
    firsts = np.cumsum([0, *map(len, pieces)])
    return Sentences(np.concatenate([np.array(row, dtype=np.int64) for row in ids]), starts, firsts)


def prepare_data(settings: Settings):
    """The tokenizer and the training stories as ``Sentences``."""
    told = list(stories.corpus("train", settings.stories, settings.seed))
    if settings.start_from:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(start_folder(settings))
    else:
        texts = (story.text for story in told)
        tokenizer = build_tokenizer(texts, settings.vocabulary, settings.positions)
    return tokenizer, encode(tokenizer, told)


# --- batches --------------------------------------------------------------------------------------------


def draw_batch(data: Sentences, tokenizer, settings: Settings, step: int):
    """Batch number ``step``: (input_ids, attention_mask, labels), each (batch, longest row) int64.

    A row is a whole story or, with probability ``part_share``, one to three of its sentences.
    """
    random = np.random.default_rng([settings.seed, step])
    room, rows = settings.positions - 2, []
    for story in random.integers(len(data.stories) - 1, size=settings.batch):
        first, last = data.stories[story], data.stories[story + 1]
        if random.random() < settings.part_share:
            first = random.integers(first, last)
            last = min(last, first + random.integers(1, 4))
        inner = data.cut(first, last, room)
        rows.append(np.concatenate([[tokenizer.cls_token_id], inner, [tokenizer.sep_token_id]]))
    width = max(map(len, rows))
    ids = np.full((len(rows), width), tokenizer.pad_token_id)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
    inputs, labels = mask(ids, tokenizer, settings.masked_share, random)
    attention = (ids != tokenizer.pad_token_id).astype(np.int64)
    return tuple(map(torch.from_numpy, (inputs, attention, labels)))


def mask(ids: np.ndarray, tokenizer, share: float, random: np.random.Generator):
    """Hide a share of the tokens: (input_ids, labels), both in the shape of ``ids``.

    Of the chosen tokens 80 % become [MASK], 10 % a random token, 10 % stay (Devlin et al. 2019); labels are
    ``IGNORED`` elsewhere. [CLS], [SEP] and padding are never chosen.
    """
    chosen = (random.random(ids.shape) < share) & (ids >= len(SPECIAL))
    fate = random.random(ids.shape)
    inputs = np.where(chosen & (fate < 0.8), tokenizer.mask_token_id, ids)
    other = random.integers(len(SPECIAL), len(tokenizer), size=ids.shape)
    inputs = np.where(chosen & (fate >= 0.9), other, inputs)
    return inputs, np.where(chosen, ids, IGNORED)


# --- model and run --------------------------------------------------------------------------------------


def build_model(settings: Settings, tokenizer):
    """A fresh ``ModernBertForMaskedLM`` of the given size, or the one named by ``settings.start_from``.

    Why not ``BertForMaskedLM``: its loss lies flat here for 500 steps, until its learned positions
    mean something; rotary positions (ModernBERT, Warner et al. 2024) tell the distance at once.
    """
    from transformers import AutoModelForMaskedLM, ModernBertConfig, ModernBertForMaskedLM

    torch.manual_seed(settings.seed)
    if settings.start_from:
        return AutoModelForMaskedLM.from_pretrained(
            start_folder(settings), dtype=torch.float32, use_safetensors=True
        )
    config = ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=2 * settings.width,
        max_position_embeddings=settings.positions,
        # Every layer sees the whole story; the last one through a window that no story fills, as Transformers
        # 5.15 reads a ModernBERT only if it has both kinds of layer.
        layer_types=["full_attention"] * (settings.layers - 1) + ["sliding_attention"],
        local_attention=2 * settings.positions,
        rope_parameters={kind: dict(ROPE) for kind in ("full_attention", "sliding_attention")},
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
    )
    return ModernBertForMaskedLM(config)


@dataclass
class Run:
    """A training run in progress: what a checkpoint keeps, and where it is kept."""

    settings: Settings
    folder: Path
    tokenizer: object
    data: Sentences
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    curve: list | None = None


def start_run(settings: Settings, folder: Path, device: str = "cpu") -> Run:
    """A run ready to train; the last checkpoint is loaded where there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    require_room(folder, FREE_BYTES)
    state = read_checkpoint(folder)
    tokenizer, data = prepare_data(settings)
    model = build_model(settings, tokenizer).to(device).train()
    model.set_attn_implementation("eager" if device == "cpu" else "sdpa")  # the quicker one on each
    optimizer = torch.optim.AdamW(
        model.parameters(), settings.learning_rate, (0.9, 0.98), weight_decay=settings.weight_decay
    )
    run = Run(settings, folder, tokenizer, data, model, optimizer, curve=[])
    if state:
        restore(run, state)
    return run


def restore(run: Run, state: dict) -> None:
    """Put the run back to where ``state`` was saved. Other settings or another corpus: TrainingError."""
    if state["settings"] != asdict(run.settings) or state["data"] != fingerprint(run.settings):
        raise TrainingError(
            f"{run.folder} holds a run with other settings or stories: add --fresh to start anew (the old "
            "folder is kept beside it) or name another --output."
        )
    run.model.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.step, run.seconds, run.curve = state["step"], state["seconds"], state["curve"]


def save_checkpoint(run: Run) -> None:
    """Write all that the run needs to go on."""
    state = {
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "settings": asdict(run.settings),
        "data": fingerprint(run.settings),
        **{name: getattr(run, name) for name in ("step", "seconds", "curve")},
    }
    write_checkpoint(run.folder, state)


def train(run: Run, checkpoint_minutes: float = 2.0, stop_at: int | None = None) -> Run:
    """The training loop: from where the run stands to its last step (or to ``stop_at``)."""
    settings, started, earlier, saved = run.settings, time.monotonic(), run.seconds, time.monotonic()
    last, recent = min(settings.steps, stop_at or settings.steps), []
    bar = tqdm(total=settings.steps, initial=run.step, desc="training", unit=" steps", mininterval=2)
    while run.step < last:
        batch = draw_batch(run.data, run.tokenizer, settings, run.step)
        for group in run.optimizer.param_groups:
            group["lr"] = scheduled_rate(
                run.step, settings.steps, settings.learning_rate, settings.warmup, settings.decay_share
            )
        recent.append(train_step(run.model, run.optimizer, *batch))
        run.step += 1
        run.seconds = earlier + time.monotonic() - started
        bar.update()
        if run.step % 50 == 0 or run.step == last:
            run.curve.append([run.step, round(float(np.mean(recent)), 4)])
            bar.set_postfix_str(f"loss {np.mean(recent):.3f}", refresh=False)
            recent.clear()
        if time.monotonic() - saved > 60 * checkpoint_minutes:
            save_checkpoint(run)
            saved = time.monotonic()
    bar.close()
    save_checkpoint(run)
    return run


def train_step(model, optimizer, input_ids, attention_mask, labels) -> float:
    """One update on one batch; returns the mean cross-entropy of the hidden tokens, in nats."""
    device = model.device
    with mixed_precision(device):
        logits = model(input_ids.to(device), attention_mask=attention_mask.to(device)).logits
    hidden = labels.to(device) != IGNORED
    loss = cross_entropy(logits[hidden].float(), labels.to(device)[hidden])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


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
        "training_tokens": len(run.data.tokens),
        "parameters": sum(weight.numel() for weight in run.model.parameters()),
        "curve": run.curve,
    }


def export(run: Run, folder: Path) -> None:
    """Write model (float16 safetensors), tokenizer, record and model card to ``folder``, all or nothing."""
    new = new_folder(folder)
    model = build_model(run.settings, run.tokenizer)
    model.load_state_dict(run.model.state_dict())
    model.half().save_pretrained(new)
    run.tokenizer.save_pretrained(new)
    (new / "model.safetensors").chmod(0o644)
    (new / "training.json").write_text(json.dumps(training_record(run)) + "\n", encoding="utf-8")
    fill_card.write_card(new)
    replace_folder(new, folder)


# --- command line ---------------------------------------------------------------------------------------


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; a wrong value ends with one sentence."""
    parser = argparse.ArgumentParser(
        prog="smallworld.making.fill", description=__doc__.splitlines()[0]
    )
    for setting in fields(Settings):
        if setting.name != "start_from":
            name, value = f"--{setting.name.replace('_', '-')}", setting.default
            parser.add_argument(name, type=type(value), default=value, help=f"default: {value}")
    add_run_options(parser, DEFAULT_OUTPUT, "fill")
    chosen = parser.parse_args(arguments)
    check_run_options(parser, chosen, ("stories", "steps", "batch", "learning_rate"))
    if not 0 < chosen.masked_share < 1:
        parser.error(f"--masked-share must be between 0 and 1, not {chosen.masked_share}.")
    return chosen


def settings_from(chosen: argparse.Namespace) -> Settings:
    """The command line as ``Settings``; a missing ``--start-from`` folder is a TrainingError."""
    settings = Settings(**{setting.name: getattr(chosen, setting.name) for setting in fields(Settings)})
    require_start(settings.start_from, start_folder(settings), "config.json")
    return settings


def main(arguments: list[str] | None = None) -> None:
    """Train (or go on training), export to OUTPUT/model and, for a full run, to ``weights/fill``."""
    chosen = parse_arguments(arguments)
    device = settle_device(chosen)
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        settings = settings_from(chosen)
        prepare_output(chosen.output, chosen.fresh, chosen.resume)
        run = start_run(settings, chosen.output, device)
    except TrainingError as problem:
        raise SystemExit(f"train_fill: {problem}") from None
    size = f"{settings.stories:,} stories, {len(run.data.tokens):,} tokens"
    print(f"{size}; step {run.step} of {settings.steps}, on {device}")
    train(run)
    full = settings == Settings()
    ship = full if chosen.ship is None else chosen.ship
    deliver(lambda folder: export(run, folder), chosen.output, SHIPPED, ship)


if __name__ == "__main__":
    main()
