"""The Hugging Face hub: what it says of a model, and a download that is announced, watched and checked.

Run as a program, it is the child process that downloads: only a process can be ended when the network hangs.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path

from helpers.errors import WorkbookError

FIRST_FILES = {"text": "config.json", "fill": "config.json", "image": "model_index.json"}  # by role
WEIGHTS = r"(diffusion_pytorch_)?model(-\d+-of-\d+)?\.safetensors"  # no variants, no pickles
PARTS = "(feature_extractor|image_encoder|safety_checker|scheduler|text_encoder|tokenizer|unet|vae)"
LANGUAGE = rf"{WEIGHTS}|[^/]+\.(json|txt|model|jinja)"
WANTED = {"text": LANGUAGE, "fill": LANGUAGE,
          "image": rf"model_index\.json|{PARTS}/({WEIGHTS}|[^/]+\.(json|txt))"}  # fmt: skip
ANSWER, PATIENCE = 4.0, 9.0  # seconds: for one answer, and without a byte before a download is ended
CHUNK = 2**15  # bytes written at a time, so that a slow download is seen to go on
HubFile = namedtuple("HubFile", "path size digest")  # bytes or None; SHA-256, or Git's hash


class Busy(Exception):
    """An answer of the hub that its own client would wait on."""

    def __init__(self, response):
        super().__init__(f"the hub answers {response.status_code}")
        self.status, self.wait = response.status_code, waiting_time(response.headers)


class Spoilt(Exception):
    """Which file does not arrive as the hub has it."""


def is_cached(hub_id: str, revision: str, role: str = "text") -> bool:
    """Whether the local cache has this model's first file, which `fetch` takes last; asks no network."""
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(hub_id, FIRST_FILES[role], revision=revision), str)


def check_reachable(hub_id: str, revision: str, role: str = "text") -> None:
    """One WorkbookError, within seconds, if the hub is out of reach or will not hand this model out."""
    _check_answer(ask(f"{hub_id}/resolve/{revision}/{FIRST_FILES[role]}"), hub_id, revision, role)


def fetch(role: str, hub_id: str, revision: str, size_gb: float = 0, live: bool = False) -> None:
    """Bring a model's files into the hub's cache; a line first says what is fetched and how large it is.

    Every file, also one that was there, is compared with the hub's hash and fetched again if it differs: once
    here, where it takes seconds beside the download, and not at each load. The first file comes last, so that
    a model whose download was cut off does not count as cached. size_gb: in case the hub does not say it.
    Raises WorkbookError within 15 seconds without progress: out of reach, refused, too large, stalled.
    """
    from huggingface_hub import try_to_load_from_cache

    check_reachable(hub_id, revision, role)
    files = _files(role, hub_id, revision)
    found = [try_to_load_from_cache(hub_id, file.path, revision=revision) for file in files]
    missing = [file.size for file, path in zip(files, found, strict=True) if not isinstance(path, str)]
    size = sum(missing) if None not in missing else int(size_gb * 1e9)
    _check_room(hub_id, size)
    if missing:
        print(f"Fetching {hub_id}, {_gigabytes(size) if size else 'size unknown'}, once.", flush=True)
    _download(hub_id, revision, files, size if live else 0)


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


def waiting_time(headers) -> str:
    """How long a busy hub asks to wait, from Retry-After or RateLimit ("api";r=0;t=55); seconds in words."""
    told = re.fullmatch(r"(\d+)", headers.get("Retry-After", "").strip())
    told = told or re.search(r"\bt=(\d+)", headers.get("RateLimit", ""))
    return f"{told[1]} seconds" if told else "a few minutes"


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
        raise _busy(hub_id, status, waiting_time(response.headers))
    raise WorkbookError(f"{what}, or use the profile tiny.")


def _busy(hub_id: str, status: int, wait: str) -> WorkbookError:
    login = ", perhaps after `hf auth login`, which allows more" if status == 429 else ""
    return WorkbookError(
        f"The Hugging Face hub answers {status} for {hub_id}: try again in {wait}{login}, or use the profile "
        "tiny."
    )


def _files(role: str, hub_id: str, revision: str) -> list[HubFile]:
    """What `text.load` or `images.load` needs of a model, as the hub lists it; the first file is last."""
    files, path = [], f"api/models/{hub_id}/tree/{revision}?recursive={str(role == 'image').lower()}"
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

    folder = Path(constants.HF_HUB_CACHE).absolute()
    free = shutil.disk_usage(next(one for one in (folder, *folder.parents) if one.is_dir())).free
    if free < (room := int(size * 1.05)):
        raise WorkbookError(
            f"{hub_id} needs {_gigabytes(room)}, but the hub's cache has only {_gigabytes(free)} of disk: "
            "make room, set HF_HOME to a folder on another disk before you start, or use the profile tiny."
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size > 5e6 else f"{size / 1e6:.2f} MB"


def _download(hub_id: str, revision: str, files: list[HubFile], size: int) -> None:
    """Let a child process download, and end it after PATIENCE without progress; a bar if size is not 0."""
    from huggingface_hub import constants, get_token
    from tqdm.auto import tqdm

    settings = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "5", "HF_HUB_ETAG_TIMEOUT": "5"}
    settings |= {"HF_TOKEN": token} if (token := get_token()) else {}
    paths = [str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")]
    settings |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command, pipe = [sys.executable, "-P", "-m", __name__], subprocess.PIPE
    cache = Path(constants.HF_HUB_CACHE, f"models--{hub_id.replace('/', '--')}")
    with (
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True,
                         env=os.environ | settings) as child,
        tqdm(total=size, unit="B", unit_scale=True, desc=hub_id, leave=False, disable=not size) as bar,
    ):  # fmt: skip
        try:
            child.stdin.write(json.dumps([hub_id, revision, files]) + "\n")
            child.stdin.flush()
            outcome = _watch(child, cache, bar)
        finally:
            _end(child)
    _explain(hub_id, outcome)


def _watch(child: subprocess.Popen, cache: Path, bar) -> dict | None:
    """The child's last line, or None where neither the cache nor its lines grew for PATIENCE seconds."""
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(child.stdout), daemon=True)
    reader.start()
    start = _bytes_in(cache)
    seen, since = (start, 0), time.monotonic()
    while child.poll() is None:
        time.sleep(0.1)
        if (now := (_bytes_in(cache), len(lines))) != seen:
            seen, since = now, time.monotonic()
            bar.update(now[0] - start - bar.n)
        elif time.monotonic() - since > PATIENCE:
            return None
    reader.join(5)
    return json.loads("".join(lines[-1:]).strip() or '{"reason": "it was ended from outside"}')


def _bytes_in(folder: Path) -> int:
    """The size of all files below a folder, those that are being written too."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # gone in the meantime
            total += path.lstat().st_size
    return total


def _end(child: subprocess.Popen) -> None:
    """End the child, with a moment to remove its half-written file."""
    child.terminate()
    try:
        child.wait(2)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _explain(hub_id: str, outcome: dict | None) -> None:
    """WorkbookError for a download that stalled (None) or failed."""
    other = "or use the profile tiny."
    if outcome is None:
        raise WorkbookError(
            f"The download of {hub_id} stands still ({PATIENCE:.0f} seconds without a byte): check the "
            f"network and try again, {other}"
        )
    if outcome == {}:
        return
    if outcome.get("status"):
        raise _busy(hub_id, outcome["status"], outcome["wait"])
    if outcome.get("errno") in (errno.ENOSPC, errno.EDQUOT):
        why, way_out = (
            "the disk is full",
            "make room, set HF_HOME to a folder on another disk before you start",
        )
    elif outcome.get("errno") in (errno.EACCES, errno.EPERM, errno.EROFS):
        why, way_out = "its cache cannot be written", "set HF_HOME to a folder of your own before you start"
    else:
        why, way_out = outcome["reason"], "try again in a few minutes"
    raise WorkbookError(f"{hub_id} cannot be fetched ({why}): {way_out}, {other}")


def main() -> None:
    """The child process: download the files of a JSON line on stdin, write a line at each sign of life.

    The last line is {} or what went wrong. It ends with its parent, and on SIGTERM after tidying up.
    """
    task = json.loads(sys.stdin.readline())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=lambda: os.read(0, 1) or os._exit(1), daemon=True).start()
    outcome = {}
    try:
        _download_all(*task)
    except Exception as error:
        reason = (str(error).strip() or "no reason given").splitlines()[0][:160]
        reason = reason if isinstance(error, Spoilt) else f"{type(error).__name__}: {reason}"
        outcome = {"reason": reason, "errno": getattr(error, "errno", None), **vars(error)}
        outcome = {name: outcome.get(name) for name in ("reason", "errno", "status", "wait")}
    print(json.dumps(outcome), flush=True)
    os._exit(0)


def _download_all(hub_id: str, revision: str, files: list[list]) -> None:
    """Each file whole and with the hub's hash, or an exception."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    constants.DOWNLOAD_CHUNK_SIZE = CHUNK
    client = get_session()
    client.event_hooks = client.event_hooks | {
        "response": [*client.event_hooks.get("response", []), _refuse_to_wait]
    }
    for path, _, digest in files:
        if not any(_sound(hub_id, path, revision, digest) for _ in range(2)):
            raise Spoilt(f"{path} arrives damaged, twice")


def _sound(hub_id: str, path: str, revision: str, digest: str) -> bool:
    """Whether a file, fetched if need be, is the hub's; if not, it is removed."""
    from huggingface_hub import hf_hub_download

    try:
        place = Path(hf_hub_download(hub_id, path, revision=revision))
    except OSError as error:
        if "Consistency check failed" in str(error):  # its size; the library keeps nothing of it
            return False
        raise
    if not digest or _digest(place, len(digest)) == digest:
        return True
    for wrong in {place.resolve(), place}:
        wrong.unlink()
    return False


def _refuse_to_wait(response) -> None:
    if response.status_code == 429 or response.status_code >= 500:
        raise Busy(response)


def _digest(path: Path, length: int) -> str:
    """SHA-256 (64 digits), as of large files, or Git's hash of a file (40), as of the others."""
    size = path.stat().st_size
    digest = hashlib.sha256() if length == 64 else hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(2**24):
            digest.update(block)
            print(flush=True)  # a sign of life
    return digest.hexdigest()


if __name__ == "__main__":
    main()
