"""A download from the Hugging Face hub that is watched, checked, and ended when it stands still.

Run as a program, this file is the child process that downloads: only a process can be ended when the network
hangs.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path

from helpers.errors import WorkbookError

PATIENCE = 9.0  # seconds without a byte before a download is ended
CHUNK = 2**15  # bytes written at a time, so that a slow download is seen to go on
HubFile = namedtuple("HubFile", "path size digest")  # bytes or None; SHA-256, or Git's hash


class Busy(Exception):
    """An answer of the hub that its own client would wait on."""

    def __init__(self, response):
        super().__init__(f"the hub answers {response.status_code}")
        self.status, self.wait = response.status_code, waiting_time(response.headers)


class Spoilt(Exception):
    """Which file does not arrive as the hub has it."""


def waiting_time(headers) -> str:
    """How long a busy hub asks to wait, from Retry-After or RateLimit ("api";r=0;t=55); seconds in words."""
    seconds = re.fullmatch(r"(\d+)", headers.get("Retry-After", "").strip())
    seconds = seconds or re.search(r"\bt=(\d+)", headers.get("RateLimit", ""))
    return f"{seconds[1]} seconds" if seconds else "a few minutes"


def busy(hub_id: str, status: int, wait: str) -> WorkbookError:
    """The sentence for a hub that wants to be asked later."""
    login = ", perhaps after `hf auth login`, which allows more" if status == 429 else ""
    return WorkbookError(
        f"The Hugging Face hub answers {status} for {hub_id}: try again in {wait}{login}, or use the profile "
        "tiny."
    )


def download(hub_id: str, revision: str, files: list[HubFile], size: int = 0) -> None:
    """Let a child process bring the files into the hub's cache; a bar of `size` bytes if that is not 0.

    Raises WorkbookError where it fails, or makes no progress for PATIENCE seconds.
    """
    from huggingface_hub import constants
    from tqdm.auto import tqdm

    cache = Path(constants.HF_HUB_CACHE, f"models--{hub_id.replace('/', '--')}")
    pipe = subprocess.PIPE
    with (
        subprocess.Popen([sys.executable, "-P", "-m", __name__], stdin=pipe, stdout=pipe,
                         stderr=subprocess.DEVNULL, text=True, env=_environment()) as child,
        tqdm(total=size, unit="B", unit_scale=True, desc=hub_id, leave=False, disable=not size) as bar,
    ):  # fmt: skip
        try:
            child.stdin.write(json.dumps([hub_id, revision, files]) + "\n")
            child.stdin.flush()
            outcome = _watch(child, cache, bar)
        finally:
            _end(child)
    _explain(hub_id, outcome)


def _environment() -> dict[str, str]:
    """What the child needs to know: where this package lies, a token, and to be quiet and impatient."""
    from huggingface_hub import get_token

    paths = [str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")]
    settings = {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DOWNLOAD_TIMEOUT": "5", "HF_HUB_ETAG_TIMEOUT": "5",
    }  # fmt: skip
    if token := get_token():
        settings["HF_TOKEN"] = token
    return os.environ | settings


def _watch(child: subprocess.Popen, cache: Path, bar) -> dict | None:
    """The child's last line, or None where neither the cache nor its lines grew for PATIENCE seconds."""
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(child.stdout), daemon=True)
    reader.start()
    start = _bytes_in(cache)
    seen, since = (start, 0), time.monotonic()
    while child.poll() is None:
        time.sleep(0.1)
        now = (_bytes_in(cache), len(lines))
        if now != seen:
            seen, since = now, time.monotonic()
            bar.update(now[0] - start - bar.n)
        elif time.monotonic() - since > (PATIENCE if lines else 60):  # it begins late on a busy machine
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
        raise busy(hub_id, outcome["status"], outcome["wait"])
    reason, way_out = outcome["reason"], "try again in a few minutes"
    if outcome.get("errno") in (errno.ENOSPC, errno.EDQUOT):
        reason = "the disk is full"
        way_out = "make room, set HF_HOME to a folder on another disk before you start"
    if outcome.get("errno") in (errno.EACCES, errno.EPERM, errno.EROFS):
        reason = "its cache cannot be written"
        way_out = "set HF_HOME to a folder of your own before you start"
    raise WorkbookError(f"{hub_id} cannot be fetched ({reason}): {way_out}, {other}")


# The child process


def main() -> None:
    """Download the files of a JSON line on stdin, and write a line at each sign of life.

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
        outcome = {"reason": reason, "errno": getattr(error, "errno", None)}
        if isinstance(error, Busy):
            outcome |= {"status": error.status, "wait": error.wait}
    print(json.dumps(outcome), flush=True)
    os._exit(0)


def _download_all(hub_id: str, revision: str, files: list[list]) -> None:
    """Each file whole and with the hub's hash, or an exception."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    print(flush=True)  # it begins
    constants.DOWNLOAD_CHUNK_SIZE = CHUNK
    client = get_session()
    hooks = [*client.event_hooks.get("response", []), _refuse_to_wait]
    client.event_hooks = client.event_hooks | {"response": hooks}
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
