"""Why a model cannot be loaded: its files, the libraries, the memory, or a load that was interrupted."""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from helpers.errors import WorkbookError

TOKENIZERS = ("tokenizer.json", "vocab.txt", "*.model", "merges.txt")  # one of them makes a tokenizer
FULL = ("config.json", "model_index.json", "tokenizer.json", "vocab.json")  # never without content
_interrupted: list[bool] = []  # what an interrupt left half imported stays so until the kernel's end


class Damaged(Exception):
    """Why the files of a model do not make one, in a few words."""


class Unreadable(WorkbookError):
    """The files of a model, of which no library makes one; `whole` if they look as they should."""

    def __init__(self, sentence: str, whole: bool = False):
        super().__init__(sentence)
        self.whole = whole


def check_interpreter() -> None:
    """WorkbookError where Python drops docstrings, which Transformers reads when it is imported."""
    if sys.flags.optimize > 1:
        raise WorkbookError(
            "Python runs without docstrings (PYTHONOPTIMIZE=2, or -OO), and Transformers needs them: "
            "unset PYTHONOPTIMIZE and start the kernel anew."
        )


def note_interrupt() -> None:
    """Remember that a load was interrupted: the next error may be its fault."""
    _interrupted.append(True)


def explain(
    error: Exception, role: str, folder: Path, name: str, verdict: str, way_out: str
) -> WorkbookError:  # fmt: skip
    """The sentence for what a library, or `text.load` itself, raised over the model in a folder.

    name and verdict begin the sentence where the files are to blame, way_out ends it.
    """
    if isinstance(error, WorkbookError):
        return error
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return WorkbookError(
            f"{name} does not fit into the memory: end other kernels and programs that use it, or use the "
            "profile tiny."
        )
    if "trust_remote_code" in str(error):
        return foreign_code(name)
    reason = _first_line(error)
    if isinstance(error, ImportError) and not _interrupted:
        return WorkbookError(
            f"{name} needs a package that is not installed, or not as it should be ({reason}): install it "
            "and restart the kernel, or name another model."
        )
    damage = str(error) if isinstance(error, Damaged) else flaw(folder, role)
    if not damage and re.search(r"\bshapes?\b|mismatch", str(error)):
        damage = "its weights have other shapes than its configuration says"
    if damage or isinstance(error, OSError):  # the libraries' error for a missing file
        return Unreadable(f"{name} {verdict} ({damage or reason}): {way_out}.")
    if _interrupted:
        return WorkbookError(
            f"{name} cannot be loaded ({reason}), perhaps because a load before was interrupted: restart the "
            "kernel and try again."
        )
    return Unreadable(
        f"{name} has whole files, but {libraries()} make no model of them ({reason}): try newer versions of "
        "the two, or name another model.",
        whole=True,
    )


def foreign_code(name: str) -> WorkbookError:
    """The refusal of a model that comes with a program."""
    return WorkbookError(
        f"{name} brings program code of its own, which is never run here: name a model that Transformers and "
        "Diffusers know without it."
    )


def refuse_code(folder: Path, name: str) -> None:
    """See to it that no library asks whether to run a model's code, or fetches code that its files name.

    `trust_remote_code=False` does not reach the parts that a model is made of.
    """
    from transformers import dynamic_module_utils

    dynamic_module_utils.TIME_OUT_REMOTE_CODE = 0  # seconds for an answer: 0 is an error at once
    for path in (*folder.glob("config.json"), *folder.glob("*/config.json")):
        config = None
        with suppress(OSError, ValueError, RecursionError):  # what cannot be read is told later
            config = json.loads(path.read_text(encoding="utf-8"))
        if _names_kernel(config):
            raise foreign_code(name)


def _names_kernel(value: object) -> bool:
    """Whether a configuration wants attention computed by code of the hub ("owner/name")."""
    if isinstance(value, list):
        return any(map(_names_kernel, value))
    if not isinstance(value, dict):
        return False
    named = [part for key, part in value.items() if "attn_implementation" in key]
    return "/" in json.dumps(named) or any(map(_names_kernel, value.values()))


def check_tokens(tokenizer, rows: int, reader: str) -> None:
    """Damaged where a tokenizer does not belong to the model that has so many rows for its tokens."""
    if len(tokenizer) < rows // 2:  # missing files make no error, but an almost empty tokenizer
        raise Damaged(f"the tokenizer knows {len(tokenizer)} tokens, the {reader} {rows}")
    highest = max([*tokenizer.get_vocab().values(), *tokenizer("a").input_ids])  # with what it puts around
    if highest >= rows:
        raise Damaged(f"the tokenizer has tokens up to number {highest}, the {reader} only {rows} rows")


def libraries() -> str:
    """The libraries that load models, with their versions."""
    return f"Transformers {version('transformers')} and Diffusers {version('diffusers')}"


def _first_line(error: Exception) -> str:
    text = (str(error).strip() or "no reason given").splitlines()[0]
    return f"{type(error).__name__}: {text[:160]}"


def flaw(folder: Path, role: str) -> str:
    """What is wrong with the form of a model's files, in a few words; "" where it is as it should be."""
    parts = [folder] if role != "image" else [folder, *(path for path in folder.iterdir() if path.is_dir())]
    for path in sorted(path for part in parts for path in part.glob("*.json")):
        problem = _json_flaw(path)
        if problem:
            return f"{path.relative_to(folder)} {problem}"
    weights = sorted(path for part in parts for path in part.glob("*.safetensors"))
    for path in weights:
        problem = _safetensors_flaw(path)
        if problem:
            return f"{path.relative_to(folder)} {problem}"
    if not weights:
        return "there are no safetensors, the only weights that are loaded"
    words = folder / "tokenizer" if role == "image" else folder
    names = ("vocab.json",) if role == "voice" else TOKENIZERS
    return "" if any(list(words.glob(name)) for name in names) else "its tokenizer is missing"


def _json_flaw(path: Path) -> str:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return "is no JSON that can be read"
    if not content and path.name in FULL:
        return "is empty"
    if not isinstance(content, dict):
        return "is no JSON object" if re.search(r"(config|index|tokenizer)\.json$", path.name) else ""
    files = content.get("weight_map", {})
    names = sorted(set(map(str, files.values()))) if isinstance(files, dict) else [str(files)]
    lost = [name for name in names if not (path.parent / name).is_file()]
    return f"names {lost[0]}, which is missing" if lost else ""


def _safetensors_flaw(path: Path) -> str:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt"):
            return ""
    except (SafetensorError, OSError):
        return "is cut off or has other content"
