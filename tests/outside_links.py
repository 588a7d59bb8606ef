"""Whether the pages that the workbook links are still there: `python -m tests.outside_links`.

All Markdown files are read, and the Markdown cells of all notebooks. Each host is asked for one page at a
time, with a pause, by HEAD; only where that is refused by GET, whose body is not read. A page is gone where
its host says so (404, 410), or has no address any more. A host that refuses robots or is busy proves nothing:
such links are told of, and break nothing.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urldefrag, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tests import address
from tests.drift import tell

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"https?://(?:[^\s<>()\"'`\]|\\]|\([^\s()]*\))+")
PLACEHOLDERS = ("OWNER", "ACCOUNT", "BUCKET", "USER", "://localhost", "://127.", "://example.")
# Where a redirection is the answer: doi.org knows the paper, and its publisher may refuse robots.
KNOWS = {"doi.org"}
GONE = {404, 410}
PAUSE = 3.0  # seconds between two requests to one host, as arXiv asks for
AGENT = "generative-ai-workbook-links/1 (a weekly check of a course's links)"


class Answer(NamedTuple):
    """What became of one link: "there", "gone", "no host" or "unsure", and why."""

    link: str
    verdict: str
    reason: str = ""


class Stay(HTTPRedirectHandler):
    """Follows no redirection."""

    def redirect_request(self, *_):
        return None


def texts(root: Path) -> Iterator[tuple[str, str]]:
    """Each file that readers read, and its words: Markdown files, and the Markdown cells of notebooks."""
    folders = (".", ".github", "docs", "notebooks", "tests", "tests/benchmarks", "smallworld/weights/*")
    for folder in folders:
        for path in sorted(root.glob(f"{folder}/*.md")):
            yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
    for path in sorted((root / "notebooks").glob("[!.]*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        words = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        yield path.relative_to(root).as_posix(), "\n\n".join(words)


def outside_links(root: Path = ROOT) -> dict[str, list[str]]:
    """Each link that leads out of the workbook, without the part after #, and the files that have it."""
    own = address.current(root).repository
    found: dict[str, list[str]] = {}
    for name, text in texts(root):
        for link in LINK.findall(text):
            link = urldefrag(link.rstrip(".,;:!?*_"))[0]
            if own not in link and not any(word in link for word in PLACEHOLDERS):
                places = found.setdefault(link, [])
                if name not in places:
                    places.append(name)
    return found


def ask(link: str, method: str, timeout: float = 20) -> int:
    """The status of the answer to one request; raises OSError or HTTPException where there is none."""
    opener = build_opener(Stay) if urlsplit(link).hostname in KNOWS else build_opener()
    request = Request(link, method=method, headers={"User-Agent": AGENT, "Accept": "*/*"})
    try:
        with opener.open(request, timeout=timeout) as response:
            return response.status
    except HTTPError as error:
        error.close()
        return error.code


def look(link: str, pause: float = PAUSE, tries: int = 2) -> Answer:
    """Ask for one page: HEAD, then GET where HEAD is refused; once more where nothing is sure."""
    answer = Answer(link, "unsure")
    for _ in range(tries):
        for method in ("HEAD", "GET"):
            answer = _judge(link, method, pause)
            if answer.verdict in ("there", "no host"):
                return answer
        if answer.verdict == "gone":
            return answer
    return answer


def _judge(link: str, method: str, pause: float) -> Answer:
    """What one request says; the pause after it is left out where no host was reached."""
    try:
        status = ask(link, method)
    except (OSError, HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, URLError) else error
        if isinstance(cause, socket.gaierror):
            verdict = "unsure" if cause.errno == socket.EAI_AGAIN else "no host"
            return Answer(link, verdict, "its host has no address")
        time.sleep(pause)
        return Answer(link, "unsure", f"{type(cause).__name__}: {cause}"[:120])
    time.sleep(pause)
    if status < 400:
        return Answer(link, "there")
    return Answer(link, "gone" if status in GONE else "unsure", f"answers {status}")


def look_at_all(links: Sequence[str], pause: float = PAUSE) -> list[Answer]:
    """The answers to all links, in order: hosts side by side, the pages of one host one after the other."""
    hosts: dict[str, list[str]] = {}
    for link in links:
        hosts.setdefault(urlsplit(link).netloc, []).append(link)
    with ThreadPoolExecutor(max_workers=8) as pool:
        groups = pool.map(lambda group: [look(link, pause) for link in group], hosts.values())
        answers = {answer.link: answer for group in groups for answer in group}
    return [answers[link] for link in links]


def main(pause: float = PAUSE) -> int:
    """The command: 0, 1 where a page is gone, 2 where nothing answers."""
    links = outside_links()
    answers = look_at_all(list(links), pause)
    if answers and all(answer.verdict in ("no host", "unsure") for answer in answers):
        print("No link can be asked for: is there a network?", file=sys.stderr)
        return 2
    sentences: dict[str, list[str]] = {"gone": [], "unsure": []}
    for answer in answers:
        if answer.verdict != "there":
            kind = "unsure" if answer.verdict == "unsure" else "gone"
            sentences[kind].append(f"{answer.link} ({answer.reason}), in {', '.join(links[answer.link])}")
    tell([f"unsure: {line}" for line in sentences["unsure"]], level="warning")
    return tell([f"gone: {line}" for line in sentences["gone"]])


if __name__ == "__main__":
    sys.exit(main())
