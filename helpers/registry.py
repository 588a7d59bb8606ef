"""The one table of models that the workbook uses, and how to get one: shipped, a folder, or from the hub."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from helpers.session import Session, WorkbookError

Loaded = TypeVar("Loaded")
FIRST_FILES = {"text": "config.json", "fill": "config.json", "image": "model_index.json"}  # by role
WEIGHTS = Path(__file__).resolve().parent / "smallworld" / "weights"


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

    read(session, folder or hub id, local_files_only=..., revision=...) raises Damaged, or whatever a
    library raises, if it cannot have the model whole. Raises WorkbookError, in one sentence, for files that
    are missing or damaged and models that are missing, gated or out of reach.
    """
    folder = Path(model).expanduser() if model else find(role, session.profile).folder
    if folder and (folder.is_dir() or not model):
        return _load_folder(role, session, folder, read)
    return _load_hub(role, session, model or find(role, session.profile).hub_id, read)


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


def is_cached(hub_id: str, revision: str, role: str = "text") -> bool:
    """Whether the hub's local cache knows this model; asks no network."""
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(hub_id, FIRST_FILES[role], revision=revision), str)


def check_reachable(hub_id: str, revision: str, role: str = "text") -> None:
    """One WorkbookError, within seconds, if the hub is out of reach or will not hand this model out."""
    response = _ask_hub(f"{hub_id}/resolve/{revision}/{FIRST_FILES[role]}")
    if response is None:
        raise WorkbookError(
            f"{hub_id} is not on this machine yet and the Hugging Face hub does not answer: connect to the "
            "network (and unset HF_HUB_OFFLINE), or use the profile tiny, which needs none."
        )
    status, code = response.status_code, response.headers.get("X-Error-Code", "")
    if status < 400:
        return
    if code == "GatedRepo" or status == 403:
        what = f"{hub_id} is gated: accept its terms on the hub, log in with `hf auth login` and try again"
    elif code == "RevisionNotFound":
        what = f"{hub_id} has no revision {revision}: look it up on the hub"
    elif code == "EntryNotFound":
        what = f"{hub_id} has no {FIRST_FILES[role]}, so it is no {role} model to load: name another one"
    elif status in (401, 404):
        what = f"The Hugging Face hub has no public model {hub_id}: check the name (owner/name)"
    else:
        what = f"The Hugging Face hub answers {status} for {hub_id}: try again in a few minutes"
    raise WorkbookError(f"{what}, or use the profile tiny.")


def _load_folder(role: str, session: Session, folder: Path, read: Callable[..., Loaded]) -> Loaded:
    """A model from a folder; the sentence for a missing or damaged one names the way out."""
    way_out = "save it again, whole, with `save_pretrained`"
    if WEIGHTS in folder.resolve().parents:
        command = "make train-images" if role == "image" else f"make train-{role}"
        way_out = f"restore it (`git checkout -- helpers/smallworld/weights`) or train it (`{command}`)"
    if not (folder / FIRST_FILES[role]).is_file():
        raise WorkbookError(f"There is no model in {folder} ({FIRST_FILES[role]} is missing): {way_out}.")
    try:
        return _whole(read, session, str(folder), local_files_only=True)
    except Damaged as problem:
        raise WorkbookError(f"The model in {folder} is damaged ({problem}): {way_out}.") from None


def _load_hub(role: str, session: Session, model: str, read: Callable[..., Loaded]) -> Loaded:
    """A hub model: from the cache, without any network, where possible; else after one short question."""
    hub_id, revision = resolve(model)
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", hub_id):
        raise WorkbookError(f'"{model}" is neither a folder here nor a hub model: write owner/name.')
    os.environ["DISABLE_SAFETENSORS_CONVERSION"] = "1"  # else the hub is asked to convert older files
    if is_cached(hub_id, revision, role):
        with suppress(Damaged):  # perhaps only incomplete
            return _whole(read, session, hub_id, local_files_only=True, revision=revision)
    check_reachable(hub_id, revision, role)
    try:
        return _whole(read, session, hub_id, local_files_only=False, revision=revision)
    except Damaged as problem:
        raise WorkbookError(
            f"{hub_id} cannot be loaded ({problem}): try again in a few minutes; if that does not help, "
            f"remove it from the cache (`hf cache rm model/{hub_id}`), or use the profile tiny."
        ) from None


def _whole(read: Callable[..., Loaded], session: Session, source: str, **options) -> Loaded:
    """What `read` makes of the source; Damaged, in one line, for whatever goes wrong."""
    try:
        return read(session, source, **options)
    except (Damaged, WorkbookError):
        raise
    except Exception as error:  # OSError, SafetensorError, JSON, connection: each library has its own
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        raise Damaged(f"{type(error).__name__}: {reason[:160]}") from error


def _ask_hub(path: str, seconds: float = 5.0):
    """The response to one HEAD request, or None; the hub's own client would try for most of a minute."""
    answers = []

    def ask() -> None:
        from huggingface_hub import constants
        from huggingface_hub.utils import build_hf_headers, get_session

        try:
            url = f"{constants.ENDPOINT}/{path}"
            answers.append(get_session().head(url, headers=build_hf_headers(), timeout=seconds))
        except Exception:  # whatever stands between here and the hub, it does not answer
            return

    thread = threading.Thread(target=ask, daemon=True)  # a name look-up can hang beyond any timeout
    thread.start()
    thread.join(seconds + 1)
    return answers[0] if answers else None
