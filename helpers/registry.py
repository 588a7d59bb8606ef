"""The one table of models that the workbook uses, and how to get one: shipped, a folder, or from the hub."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from helpers import hub
from helpers.errors import WorkbookError
from helpers.session import Session
from smallworld import WEIGHTS

Loaded = TypeVar("Loaded")
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
)  # fmt: skip


class Damaged(Exception):
    """Why the files of a model do not make one."""


def load(role: str, session: Session, model: str, read: Callable[..., Loaded]) -> Loaded:
    """What `read` makes of a model: "" for the profile's own, a folder, "owner/name[@revision]" of the hub.

    read(session, folder or hub id, local_files_only=True, revision=...) raises Damaged, or whatever a
    library raises, if the model is not whole. If the hub's cannot be had, a session that was started with
    "auto" prints a line and goes on with the fallback. Otherwise raises WorkbookError, in one sentence, for
    files that are missing or damaged and models that are missing, gated, out of reach or too large.
    """
    if model:
        folder = Path(os.path.expanduser(model))
        if os.path.isdir(folder):
            return _load_folder(role, session, folder, read)
        return _load_hub(role, session, model, read)
    entry = find(role, session.profile)
    if entry.folder:
        return _load_folder(role, session, entry.folder, read)
    try:
        return _load_hub(role, session, entry.hub_id, read)
    except WorkbookError as problem:
        if not session.auto:
            raise
        session.fall_back(entry.fallback)
        why = re.sub(",? or use the profile tiny.*", ".", str(problem))
        print(f"Profile {entry.fallback} from here on, as auto allows, until start is called again: {why}")
    return load(role, session, "", read)


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


def _load_folder(role: str, session: Session, folder: Path, read: Callable[..., Loaded]) -> Loaded:
    """A model from a folder; the sentence for a missing or damaged one names the way out."""
    way_out = "save it again, whole, with `save_pretrained`"
    if WEIGHTS in folder.resolve().parents:
        command = "make train-images" if role == "image" else f"make train-{role}"
        way_out = f"restore it (`git checkout -- smallworld/weights`) or train it (`{command}`)"
    if not (folder / hub.FIRST_FILES[role]).is_file():
        raise WorkbookError(f"There is no model in {folder} ({hub.FIRST_FILES[role]} is missing): {way_out}.")
    try:
        return _whole(read, session, str(folder), local_files_only=True)
    except Damaged as problem:
        raise WorkbookError(f"The model in {folder} is damaged ({problem}): {way_out}.") from None


def _load_hub(role: str, session: Session, model: str, read: Callable[..., Loaded]) -> Loaded:
    """A hub model: from the cache, without any network, where possible; else fetched first."""
    hub_id, revision = resolve(model)
    if not re.fullmatch(HUB_ID, hub_id, re.ASCII) or not re.fullmatch(REVISION, revision, re.ASCII):
        raise WorkbookError(f'"{model}" is neither a folder here nor a hub model: write owner/name.')
    source = {"local_files_only": True, "revision": revision}
    if hub.is_cached(hub_id, revision, role):
        with suppress(Damaged):  # perhaps only incomplete
            return _whole(read, session, hub_id, **source)
    known = [entry.size_gb for entry in MODELS if (entry.hub_id, entry.revision) == (hub_id, revision)]
    hub.fetch(role, hub_id, revision, *known, live=session.live)
    try:
        return _whole(read, session, hub_id, **source)
    except Damaged as problem:
        raise WorkbookError(
            f"{hub_id} cannot be loaded ({problem}): if other models can, remove it from the cache "
            f"(`hf cache rm model/{hub_id}`) and try again, or use the profile tiny."
        ) from None


def _whole(read: Callable[..., Loaded], session: Session, source: str, **options) -> Loaded:
    """What `read` makes of the source; Damaged, in one line, for whatever goes wrong."""
    try:
        return read(session, source, **options)
    except (Damaged, WorkbookError):
        raise
    except Exception as error:  # OSError, SafetensorError, JSON, connection: each library has its own
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            raise WorkbookError(
                f"{source} does not fit into the memory: end other kernels and programs that use it, or use "
                "the profile tiny."
            ) from None
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        raise Damaged(f"{type(error).__name__}: {reason[:160]}") from error
