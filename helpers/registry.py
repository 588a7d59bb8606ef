"""The one table of models that the workbook uses, and where to find one: shipped, in a folder, on the hub."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from helpers import hub
from helpers.checks import find_path
from helpers.diagnosis import Unreadable, explain, note_interrupt
from helpers.errors import WorkbookError
from smallworld import WEIGHTS

HUB_ID = r"(?!.*(\.\.|--|\.git(@|$)))(?![^@]{97})\w[\w.-]*(/\w[\w.-]*)?"  # may become part of a path
REVISION = r"(?!.*\.\.)\w[\w./-]*"


@dataclass(frozen=True)
class ModelEntry:
    """One model: what it is for, where it comes from and under which licence."""

    role: str
    profile: str
    name: str
    hub_id: str  # "" for a shipped model
    revision: str  # pinned
    licence: str
    size_gb: float  # of the download, or on disk
    folder: Path | None  # of a shipped model
    fallback: str  # the profile to use when this model cannot be had


MODELS = (
    ModelEntry("text", "tiny", "small-world GPT-2", "", "", "MIT", 0.007, WEIGHTS / "text", ""),
    ModelEntry("text", "hub", "GPT-2", "openai-community/gpt2", "607a30d783dfa663caf39e06633721c8d4cfcd7e",
               "MIT", 0.55, None, "tiny"),
    ModelEntry("fill", "tiny", "small-world ModernBERT", "", "", "MIT", 0.003, WEIGHTS / "fill", ""),
    ModelEntry("fill", "hub", "BERT", "google-bert/bert-base-uncased",
               "86b5e0934494bd15c9632b12f734a8a67f723594", "Apache-2.0", 0.44, None, "tiny"),
    ModelEntry("image", "tiny", "small-world Stable Diffusion", "", "", "MIT", 0.018, WEIGHTS / "image", ""),
    ModelEntry("image", "hub", "Stable Diffusion v1-4", "CompVis/stable-diffusion-v1-4",
               "133a221b8aa7292a167afc5127cb63fb5005638b", "CreativeML OpenRAIL-M (restricts some uses)",
               5.5, None, "tiny"),
    ModelEntry("voice", "tiny", "small-world WaveNet", "", "", "MIT", 0.001, WEIGHTS / "voice", ""),
    ModelEntry("voice", "hub", "MMS English (VITS)", "facebook/mms-tts-eng",
               "c71de0fe7204c83f1c10820a7d696d0b450048ba", "CC-BY-NC-4.0 (non-commercial)", 0.15, None,
               "tiny"),
    ModelEntry("music", "hub", "MusicGen small", "facebook/musicgen-small",
               "4c8334b02c6ec4e8664a91979669a501ec497792", "CC-BY-NC-4.0 (non-commercial)", 2.4, None,
               "tiny"),
)  # fmt: skip


@dataclass
class Place:
    """A folder in which a model should lie, and what to say where a library cannot read it."""

    role: str
    folder: Path
    name: str  # of the model, as a sentence begins with it
    verdict: str  # on a model whose files are to blame
    way_out: str
    go_on_after: tuple[type[WorkbookError], ...] = ()  # problems after which another place is tried
    problem: WorkbookError | None = None  # the one after which it was

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Whatever goes wrong in the block is one sentence: raised, or kept where another place is left."""
        try:
            yield
        except KeyboardInterrupt:
            note_interrupt()
            raise
        except Exception as error:
            problem = explain(error, self.role, self.folder, self.name, self.verdict, self.way_out)
            if not isinstance(problem, self.go_on_after):
                raise problem from None
            self.problem = problem


def places(role: str, model: str, live: bool = False) -> Iterator[Place]:
    """Where to read a model from: a folder, or "owner/name[@revision]" of the hub.

    Read in the block of `place.reading()`; where that ends well, ask for no further place. A hub model is
    sought in the cache, without any network, and fetched where that is not whole; live: with a bar. Raises
    WorkbookError, in one sentence, for files that are missing and models that are gated or out of reach.
    """
    folder = find_path(model)
    if os.path.isdir(folder):
        yield in_folder(role, folder)
        return
    yield from _on_hub(role, model, live)


def in_folder(role: str, folder: Path) -> Place:
    """A folder with a model; WorkbookError where its first file is missing."""
    way_out = "save it again, whole, with `save_pretrained`"
    if WEIGHTS in folder.resolve().parents:
        command = "make train-images" if role == "image" else f"make train-{folder.resolve().name}"
        way_out = f"restore it (`git checkout -- smallworld/weights`) or train it (`{command}`)"
    weights = [*folder.glob("*.safetensors"), *folder.glob("*/*.safetensors")]
    if weights and all(re.match("adapter_|.*lora", path.name) for path in weights):
        raise WorkbookError(f"{folder} holds only an adapter (LoRA): merge it into its model and save both.")
    if not (folder / hub.FIRST_FILES[role]).is_file():
        raise WorkbookError(f"There is no model in {folder} ({hub.FIRST_FILES[role]} is missing): {way_out}.")
    return Place(role, folder, f"The model in {folder}", "is damaged", way_out)


def _on_hub(role: str, model: str, live: bool) -> Iterator[Place]:
    """The hub's cache, and once more after fetching what it lacks."""
    hub_id, revision = resolve(model)
    if not re.fullmatch(HUB_ID, hub_id, re.ASCII) or not re.fullmatch(REVISION, revision, re.ASCII):
        raise WorkbookError(f'"{model}" is neither a folder here nor a hub model: write owner/name.')
    way_out = (
        f"if other models can, remove it from the cache (`hf cache rm model/{hub_id}`) and try again, or use "
        "the profile tiny"
    )
    cached = hub.cached_folder(hub_id, revision, role)
    problem = None
    if cached:  # perhaps not whole
        place = Place(role, cached, hub_id, "cannot be loaded", way_out, go_on_after=(Unreadable,))
        yield place
        problem = place.problem
    sizes = [entry.size_gb for entry in MODELS if (entry.hub_id, entry.revision) == (hub_id, revision)]
    try:
        hub.fetch(role, hub_id, revision, *sizes, live=live)
    except WorkbookError:
        if problem is not None and problem.whole:  # so nothing is to be fetched
            raise problem from None
        raise
    yield Place(role, hub.cached_folder(hub_id, revision, role), hub_id, "cannot be loaded", way_out)


def find(role: str, profile: str) -> ModelEntry:
    """The model for a role ("text", "image", "fill") under a profile ("tiny", "hub"), else WorkbookError."""
    for entry in MODELS:
        if (entry.role, entry.profile) == (role, profile):
            return entry
    known = ", ".join(f"{entry.role}/{entry.profile}" for entry in MODELS)
    raise WorkbookError(f"The workbook has no {role}/{profile} model: choose one of {known}.")


def resolve(model: str) -> tuple[str, str]:
    """Hub id and revision of "owner/name@revision": without one, the table's pin, else "main".

    A short old name from the table ("gpt2") stands for its full one.
    """
    name, _, revision = model.partition("@")
    for entry in MODELS:
        if entry.hub_id and name in (entry.hub_id, entry.hub_id.split("/")[1]):
            return entry.hub_id, revision or entry.revision
    return name, revision or "main"
