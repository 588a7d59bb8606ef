"""The one table of models that the workbook uses, and whether the hub can be asked for one."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from helpers.session import WorkbookError

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
    ModelEntry("fill", "hub", "BERT", "google-bert/bert-base-uncased",
               "86b5e0934494bd15c9632b12f734a8a67f723594", "Apache-2.0", 0.44, None, "tiny"),
    ModelEntry("image", "hub", "Stable Diffusion v1-4", "CompVis/stable-diffusion-v1-4",
               "133a221b8aa7292a167afc5127cb63fb5005638b", "CreativeML OpenRAIL-M (restricts some uses)",
               5.5, None, "tiny"),
)  # fmt: skip


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


def is_cached(hub_id: str, revision: str) -> bool:
    """Whether the hub's local cache knows this model; asks no network."""
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(hub_id, "config.json", revision=revision), str)


def check_reachable(hub_id: str, revision: str) -> None:
    """One WorkbookError, within seconds, if the hub is out of reach or will not hand this model out."""
    response = _ask_hub(f"{hub_id}/resolve/{revision}/config.json")
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
        what = f"{hub_id} has no config.json, so Transformers cannot load it: name another model"
    elif status in (401, 404):
        what = f"The Hugging Face hub has no public model {hub_id}: check the name (owner/name)"
    else:
        what = f"The Hugging Face hub answers {status} for {hub_id}: try again in a few minutes"
    raise WorkbookError(f"{what}, or use the profile tiny.")


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
