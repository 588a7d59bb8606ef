"""What the Hugging Face hub says of a model, and bringing the model here, announced and checked."""

from __future__ import annotations

import contextlib
import re
import shutil
import threading
from pathlib import Path

from helpers.download import HubFile, busy, download, waiting_time
from helpers.errors import WorkbookError

FIRST_FILES = dict.fromkeys(("text", "fill", "voice", "music"), "config.json")  # by role
FIRST_FILES["image"] = "model_index.json"
WEIGHTS = r"(diffusion_pytorch_)?model(-\d+-of-\d+)?\.safetensors"  # no variants, no pickles
PARTS = "(feature_extractor|image_encoder|safety_checker|scheduler|text_encoder|tokenizer|unet|vae)"
LANGUAGE = rf"{WEIGHTS}|[^/]+\.(json|txt|model|jinja)"
WANTED = dict.fromkeys(FIRST_FILES, LANGUAGE)
WANTED["image"] = rf"model_index\.json|{PARTS}/({WEIGHTS}|[^/]+\.(json|txt))"
ANSWER = 4.0  # seconds for one answer


def cached_folder(hub_id: str, revision: str, role: str = "text") -> Path | None:
    """Where the local cache has this model, or None; asks no network.

    A model counts by its first file, which `fetch` takes last.
    """
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(hub_id, FIRST_FILES[role], revision=revision)
    return Path(path).parent if isinstance(path, str) else None


def check_reachable(hub_id: str, revision: str, role: str = "text") -> None:
    """One WorkbookError, within seconds, if the hub is out of reach or will not hand this model out."""
    _check_answer(ask(f"{hub_id}/resolve/{revision}/{FIRST_FILES[role]}"), hub_id, revision, role)


def fetch(role: str, hub_id: str, revision: str, size_gb: float = 0, live: bool = False) -> None:
    """Bring a model's files into the hub's cache; a line first says what is fetched and how large it is.

    Every file, also one that was there, is compared with the hub's hash and fetched again if it differs: once
    here, where it takes seconds beside the download, and not at each load. The first file comes last, so that
    a model whose download was cut off does not count as cached. size_gb: in case the hub does not say it.
    live: show a bar. Raises WorkbookError within 15 seconds without progress: out of reach, refused, too
    large, stalled.
    """
    from huggingface_hub import try_to_load_from_cache

    check_reachable(hub_id, revision, role)
    files = _files(role, hub_id, revision)
    missing = []
    for file in files:
        if not isinstance(try_to_load_from_cache(hub_id, file.path, revision=revision), str):
            missing.append(file.size)
    size = sum(missing) if None not in missing else int(size_gb * 1e9)
    _check_room(hub_id, size)
    if missing:
        print(f"Fetching {hub_id}, {_gigabytes(size) if size else 'size unknown'}, once.", flush=True)
    download(hub_id, revision, files, size if live else 0)


def ask(path: str, method: str = "HEAD"):
    """The response to one request, or None; the hub's own client would try for most of a minute."""
    answers = []

    def request() -> None:
        from huggingface_hub import constants
        from huggingface_hub.utils import build_hf_headers, get_session

        with contextlib.suppress(Exception):  # whatever stands between here and the hub, it does not answer
            url, headers = f"{constants.ENDPOINT}/{path}", build_hf_headers()
            answers.append(get_session().request(method, url, headers=headers, timeout=ANSWER))

    thread = threading.Thread(target=request, daemon=True)  # a name look-up can hang beyond any timeout
    thread.start()
    thread.join(ANSWER + 1)
    return answers[0] if answers else None


def _check_answer(response, hub_id: str, revision: str, role: str) -> None:
    """WorkbookError for an answer that is none, or a refusal."""
    if response is None:
        raise WorkbookError(
            f"{hub_id} is not on this machine yet, or not whole, and the Hugging Face hub does not answer: "
            "connect to the network (and unset HF_HUB_OFFLINE), or use the profile tiny, which needs none."
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
        raise busy(hub_id, status, waiting_time(response.headers))
    raise WorkbookError(f"{what}, or use the profile tiny.")


def _files(role: str, hub_id: str, revision: str) -> list[HubFile]:
    """What `text.load` or `images.load` needs of a model, as the hub lists it; the first file is last."""
    files = []
    path = f"api/models/{hub_id}/tree/{revision}?recursive={str(role == 'image').lower()}"
    while path:
        response = ask(path, "GET")
        for entry in _listed(response, hub_id, revision, role):
            if entry["type"] == "file" and re.fullmatch(WANTED[role], entry["path"]):
                digest = (entry.get("lfs") or {}).get("oid") or entry.get("oid", "")
                files.append(HubFile(entry["path"], entry.get("size"), digest.removeprefix("sha256:")))
        path = response.links.get("next", {}).get("url", "").partition("/api/")[2]
        path = path and f"api/{path}"
    if not any(file.path.endswith(".safetensors") for file in files):
        raise WorkbookError(f"{hub_id} has no safetensors, the only weights loaded here: name another model.")
    return sorted(files, key=lambda file: file.path == FIRST_FILES[role])


def _listed(response, hub_id: str, revision: str, role: str) -> list[dict]:
    """The entries of one page of a listing; a page of something else (a hotel's log-in) is no answer."""
    _check_answer(response, hub_id, revision, role)
    try:
        return response.json()
    except ValueError:
        return _check_answer(None, hub_id, revision, role)


def _check_room(hub_id: str, size: int) -> None:
    """WorkbookError if the disk of the hub's cache has no room for so many bytes, and a twentieth more."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE).absolute()
    existing = next(folder for folder in (cache, *cache.parents) if folder.is_dir())
    free, room = shutil.disk_usage(existing).free, int(size * 1.05)
    if free < room:
        raise WorkbookError(
            f"{hub_id} needs {_gigabytes(room)}, but the hub's cache has only {_gigabytes(free)} of disk: "
            "make room, set HF_HOME to a folder on another disk before you start, or use the profile tiny."
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size > 5e6 else f"{size / 1e6:.2f} MB"
