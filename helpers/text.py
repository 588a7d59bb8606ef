"""Language models: load one, look at its next-token distribution, generate."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from helpers.checks import check_number, check_seed, check_text
from helpers.diagnosis import Damaged, check_tokens, foreign_code, libraries, refuse_code
from helpers.errors import WorkbookError
from helpers.registry import Place, find
from helpers.session import Session, quiet_libraries
from smallworld.world import story_words

if TYPE_CHECKING:
    from transformers import PreTrainedModel as Model
    from transformers import PreTrainedTokenizerBase as Tokenizer

# What configurations call the number of positions.
CONTEXTS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_target_positions")


def load(session: Session, model: str = "", role: str = "text") -> tuple[Tokenizer, Model]:
    """Tokenizer and language model, in eval mode, on the session's device and in its dtype.

    model: "" for the profile's own, a folder, or any such model of the hub as "owner/name" or, pinned,
    "owner/name@revision". role: "text" for a causal language model, "fill" for a masked one. Safetensors
    only, and never code from the hub. Raises WorkbookError, in one sentence, for files that are missing or
    damaged and models that are missing, gated, out of reach or of another kind.
    """
    if role not in ("text", "fill"):
        raise WorkbookError(f'The role is {role!r}: give "text" or "fill"; pictures come from images.load.')
    for place in session.places(role, model):  # another one follows where the model cannot be read
        with place.reading():
            import transformers  # noqa: F401  first, since only what is imported can be told to be quiet

            quiet_libraries(progress=session.shows_progress)
            tokenizer, loaded = _read(role, place, session.dtype)
            return tokenizer, loaded.to(session.device).eval()


def check_room(model: Model, tokenizer: Tokenizer, prompt: str, max_new_tokens: int) -> None:
    """WorkbookError if a prompt and the new tokens do not fit into the model's context.

    For a prompt that is handed to the library itself, which stops half-way with an IndexError.
    """
    _check(max_new_tokens=max_new_tokens)
    _check_room(model, [_encode(tokenizer, prompt)], max_new_tokens)


def context_of(model: Model) -> int:
    """The tokens that a model has positions for; 0 where it has no such limit."""
    config = model.config.get_text_config()
    sizes = [getattr(config, name, None) for name in CONTEXTS]
    context = min((size for size in sizes if isinstance(size, int) and size > 0), default=0)
    for name, part in model.named_modules():  # as in RoBERTa, positions begin after that of padding
        if name.endswith("position_embeddings") and getattr(part, "padding_idx", None) is not None:
            context = min(context, part.num_embeddings - part.padding_idx - 1)
    return context


def next_token_probabilities(model: Model, tokenizer: Tokenizer, prompt: str) -> torch.Tensor:
    """Probability of every vocabulary entry as the next token: (vocabulary,), float32, on the CPU.

    An empty prompt asks for a text's first token.
    """
    ids = _encode(tokenizer, prompt)
    _check_room(model, [ids], 1)
    return _logits(model, ids)[-1].softmax(-1).cpu()


def generate(
    model: Model, tokenizer: Tokenizer, prompts: str | list[str], *, seed: int, max_new_tokens: int = 50,
    temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, repetition_penalty: float = 1.0,
    do_sample: bool = True, num_return_sequences: int = 1, batch_size: int = 32,
) -> list[str]:  # fmt: skip
    """Continuations by `model.generate`, prompt by prompt, without the prompts and without special tokens.

    max_new_tokens and top_k in tokens; top_k=0 and top_p=1 keep every token; an empty prompt begins a text. A
    seed fixes the whole call: the same prompts, settings, batch_size and kind of device give the same texts.
    Another list of prompts or batch_size gives other ones, because a batch draws from one stream of random
    numbers. The global random state is left as it was. Prints `notice` where there is one.
    Raises WorkbookError for a setting out of range.
    """
    sampling = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    counts = {"max_new_tokens": max_new_tokens, "num_return_sequences": num_return_sequences}
    _check(**sampling, **counts, repetition_penalty=repetition_penalty, batch_size=batch_size)
    sampling["temperature"] = float(temperature)  # Transformers refuses a whole number
    if not isinstance(do_sample, bool):
        raise WorkbookError(f"do_sample is {do_sample!r}: give True or False.")
    if num_return_sequences > 1 and not do_sample:
        raise WorkbookError("Without sampling all sequences are the same: set do_sample=True or ask for one.")
    listed = [prompts] if isinstance(prompts, str) else prompts
    if not isinstance(listed, list | tuple):
        raise WorkbookError(f"prompts is a {type(prompts).__name__}: give a text, or a list of texts.")
    rows = [ids for ids in (_encode(tokenizer, text) for text in listed) for _ in range(num_return_sequences)]
    _check_room(model, rows, max_new_tokens)
    if line := notice(model, listed):
        print(line)
    config = _config(model, tokenizer, max_new_tokens, repetition_penalty, sampling if do_sample else {})
    texts = [""] * len(rows)
    with torch.random.fork_rng(devices=[model.device] if model.device.type == "cuda" else []):
        torch.manual_seed(check_seed(seed))
        for batch in _batches(rows, batch_size, same_length=repetition_penalty != 1):
            ids, mask = _pad_left([rows[i] for i in batch], config.pad_token_id, model.device)
            output = model.generate(ids, attention_mask=mask, generation_config=config)
            for i, row in zip(batch, output[:, ids.shape[1] :].tolist(), strict=True):
                texts[i] = _continuation(tokenizer, rows[i], row)
    return texts


def notice(model: Model, prompts: Sequence[str]) -> str:
    """A line that names the words of the prompts which the shipped story model never met; "" if none."""
    shipped = Path(model.name_or_path).resolve() == find("text", "tiny").folder
    return story_words.notice(prompts) if shipped else ""


def _read(role: str, place: Place, dtype: torch.dtype) -> tuple[Tokenizer, Model]:
    """Tokenizer and model from a folder; Damaged, or whatever a library raises, where it holds none."""
    import transformers
    from transformers.models.auto import modeling_auto as known

    name, auto, kinds = {
        "text": ("causal", "AutoModelForCausalLM", known.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES),
        "fill": ("masked", "AutoModelForMaskedLM", known.MODEL_FOR_MASKED_LM_MAPPING_NAMES),
    }[role]
    refuse_code(place.folder, place.name)
    here = {"local_files_only": True, "trust_remote_code": False}
    config = transformers.AutoConfig.from_pretrained(place.folder, **here)
    named = config.architectures or []
    if not isinstance(named, list) or not all(isinstance(kind, str) for kind in named):
        raise Damaged("architectures in config.json is no list of names")
    for kind in named:
        if kind not in dir(transformers):
            if hasattr(config, "auto_map"):
                raise foreign_code(place.name)
            raise WorkbookError(f"{place.name} is a {kind}, unknown to {libraries()}: name another model.")
        if kind not in kinds.values():
            raise WorkbookError(f"{place.name} is a {kind}, not a {name} language model: name one that is.")
    tokenizer = transformers.AutoTokenizer.from_pretrained(place.folder, **here)
    model, report = getattr(transformers, auto).from_pretrained(
        place.folder, dtype=dtype, use_safetensors=True, output_loading_info=True,
        adapter_kwargs={"local_files_only": True}, **here,  # else the hub is asked for an adapter
    )  # fmt: skip
    if report["missing_keys"] or not all(weights.isfinite().all() for weights in model.parameters()):
        raise Damaged("some of its weights are missing or not numbers")
    tables = (model.get_input_embeddings(), model.get_output_embeddings())
    check_tokens(tokenizer, min(table.weight.shape[0] for table in tables), "model")
    vars(model.config).pop("custom_pipelines", None)  # code, which `pipeline` would stop at
    return tokenizer, model


def _check(**settings: float) -> None:
    """WorkbookError for the first setting that is out of its range; unnamed ones are counts from 1."""
    above_zero, least = sys.float_info.min, 1e-6  # what is divided by less is no number any more
    rules = {
        "temperature": (least, math.inf, "a number from 0.000001 (for the likeliest token: do_sample=False)"),
        "repetition_penalty": (least, math.inf, "a number from 0.000001 (1 is no penalty)"),
        "top_p": (above_zero, 1, "a number above 0 and at most 1 (1 keeps every token)"),
        "top_k": (0, math.inf, "a whole number from 0 (0 keeps every token)"),
    }
    for name, value in settings.items():
        check_number(name, value, *rules.get(name, (1, math.inf, "a whole number from 1")))


def _check_room(model: Model, rows: list[list[int]], new_tokens: int) -> None:
    """WorkbookError if a prompt and the new tokens do not fit into the model's context."""
    context = context_of(model)
    longest = max(map(len, rows), default=0)
    if context and longest + new_tokens > context:
        raise WorkbookError(
            f"The prompt has {longest} tokens, but beside {new_tokens} new ones the context of {context} has "
            f"room for {max(0, context - new_tokens)}: shorten the prompt or ask for fewer new tokens."
        )


def _encode(tokenizer: Tokenizer, prompt: str) -> list[int]:
    """Token ids; an empty prompt is the token that begins a text."""
    check_text("A prompt", prompt)
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    ids = list(tokenizer(prompt).input_ids) or [start]
    if ids == [None]:
        raise WorkbookError("No token of this model begins a text, so the prompt cannot be empty: write one.")
    return ids


def _logits(model: Model, ids: list[int]) -> torch.Tensor:
    """(tokens, vocabulary), float32."""
    with torch.no_grad():
        return model(torch.tensor([ids], device=model.device)).logits[0].float()


def _config(model: Model, tokenizer: Tokenizer, max_new_tokens: int, penalty: float, sampling: dict):
    """Every setting said, so that none comes from the model's own files."""
    from transformers import GenerationConfig

    stop = model.generation_config.eos_token_id
    pads = [i for i in (tokenizer.pad_token_id, tokenizer.eos_token_id, 0) if i is not None]
    return GenerationConfig(
        max_new_tokens=max_new_tokens, repetition_penalty=penalty, do_sample=bool(sampling),
        eos_token_id=tokenizer.eos_token_id if stop is None else stop,
        pad_token_id=pads[0], **sampling,
    )  # fmt: skip


def _batches(rows: list[list[int]], size: int, same_length: bool) -> Iterator[list[int]]:
    """Indices of at most `size` rows; of equal lengths where padding would count as repeated text."""

    def length(i: int) -> int:
        return len(rows[i]) if same_length else 0

    for _, group in groupby(sorted(range(len(rows)), key=length), key=length):
        indices = list(group)
        yield from (indices[i : i + size] for i in range(0, len(indices), size))


def _pad_left(rows: list[list[int]], pad: int, device) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, both (rows, longest): padded on the left, so that all end together."""
    width = max(map(len, rows))
    ids = [[pad] * (width - len(row)) + row for row in rows]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _continuation(tokenizer: Tokenizer, prompt: list[int], new: list[int]) -> str:
    """The new tokens' text, decoded with the prompt: alone, some tokenizers drop a leading space."""
    options = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
    whole, head = (tokenizer.decode(ids, **options) for ids in (prompt + new, prompt))
    return whole[len(head) :] if whole.startswith(head) else tokenizer.decode(new, **options)
