"""The pages of a folder as one site: a first page, search, glossary, and the whole on one page to print."""

import copy
import functools
import io
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from bs4.element import Tag
from markupsafe import Markup
from PIL import Image

from helpers import pages, progress_file
from helpers.tracks import track, twin

GLOSSARY = Path(__file__).resolve().parents[1] / "notebooks" / "glossary.md"
WIDTH = 640  # pixels of a picture on the first page


@dataclass(frozen=True)
class Entry:
    """A notebook as the site shows it; main: the content of its page, picture: an address and its words."""

    name: str
    facts: dict[str, Any]
    main: Tag
    intro: str
    time: str
    picture: tuple[str, str] | None
    exercises: frozenset[str]  # such as 03.2
    twin: str = ""
    solved: int = 0

    @property
    def track(self) -> str:
        return track(self.name)

    @property
    def failed(self) -> bool:
        return self.name.endswith(".failed")

    @property
    def label(self) -> str:
        title = self.facts["title"] or self.name
        return f"{self.name[:2]} {title}" if self.track else title

    @property
    def sections(self) -> list[tuple[str, str]]:
        """The identifier and the words of each section's heading."""
        return [(h["id"], h.get_text(" ", strip=True)) for h in self.main.select("h2[id]")]


def write(folder: Path) -> None:
    """Write the site's own pages into a folder, and bring the links between its notebooks up to date."""
    entries = write_index(folder)
    whole = [entry for entry in entries if not entry.failed]
    for entry in whole:
        _write(folder / f"{entry.name}.html", pages.frame(entry.main, entry.facts, place(entry, whole)))
    words = [section for entry in whole for section in sections(entry)]
    if GLOSSARY.is_file():
        main, told = glossary()
        _write(folder / "glossary.html", pages.frame(main, told))
        words += terms(main)
    _write(folder / "search.html", pages.fill("search.html.j2", pages.SCRIPTS, sections=words))
    names = {entry.name for entry in whole}
    parts = [(entry, Markup(merged(entry, names))) for entry in whole]
    _write(folder / "whole.html", pages.fill("whole.html.j2", parts=parts))


def write_index(folder: Path) -> list[Entry]:
    """Write `folder`/index.html, which shows the notebooks that have a page there, and return them."""
    try:
        records, _ = progress_file.read(folder / "progress.json")
    except OSError:
        records = {}
    done = {key.split()[0] for key, record in records.items() if record.solved}
    entries = []
    for path in sorted(folder.glob("[!.]*.ipynb")):
        page = path.with_suffix(".html")
        try:
            entry = look(path, page, path.stat().st_mtime_ns + page.stat().st_mtime_ns)
        except (ValueError, AttributeError, OSError):  # somebody else's, and broken or without a page
            continue
        solved = len(entry.exercises & done)
        entries.append(replace(entry, twin=twin(path.stem, folder), solved=solved))
    _write(folder / "index.html", pages.fill("front.html.j2", entries=entries))
    return entries


@functools.lru_cache(maxsize=64)
def look(path: Path, page: Path, stamp: int) -> Entry:
    """What the site says of an executed notebook and its page; stamp: when they were written."""
    notebook = nbformat.read(path, as_version=4)
    main = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").main
    paragraphs = [p.get_text(" ", strip=True) for p in main.select("p") if _own_words(p)]
    stated = [re.match(r"Time and memory: *(.+?)\.(?= |$)", text) for text in paragraphs]
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return Entry(
        path.stem, pages.facts(notebook), main,
        intro=re.sub(r" (?=[.,;:)])", "", paragraphs[0]) if paragraphs else "",
        time=next((found[1] for found in stated if found), ""),
        picture=cover(main),
        exercises=frozenset(re.findall(r'check\(\s*"(\d\d\.\d+)"', code)),
    )  # fmt: skip


def _own_words(paragraph: Tag) -> str:
    """What a paragraph says outside its links; one of badges alone says nothing."""
    texts = [text for text in paragraph.find_all(string=True) if not text.find_parent("a")]
    return "".join(texts).strip()


def cover(main: Tag) -> tuple[str, str] | None:
    """A page's picture for its card, small: a painted one before a figure, a wide one before a tall one,
    and of these the one with most in it; a drawing where there is nothing else; None without any."""
    best, most = None, (False, False, 0)
    for one in main.select('.output img[src^="data:image/png"], .output img[src^="data:image/jpeg"]'):
        data = one["src"].partition(",")[2]
        try:
            picture = Image.open(io.BytesIO(b64decode(data)))
            picture.load()
        except Exception:  # a damaged picture: its library names no common class for what it finds
            continue
        rank = (picture.format == "JPEG", picture.width > 1.3 * picture.height, len(data))
        if rank > most:
            best, most = (picture, one.get("alt") or ""), rank
    if best is None:
        drawing = main.select_one('.output img[src^="data:image/svg"]')
        return (drawing["src"], drawing.get("alt") or "") if drawing else None
    picture, words = best
    small = Image.new("RGB", picture.size, "white")
    small.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
    small.thumbnail((WIDTH, WIDTH))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}", words


def place(entry: Entry, entries: Sequence[Entry]) -> dict[str, Any]:
    """Where a notebook stands: between which others, in which track, as which of how many."""
    order = [one.name for one in entries]
    here = order.index(entry.name)
    peers = [one.name for one in entries if one.track == entry.track]
    return {
        "previous": entries[here - 1] if here else None,
        "next": entries[here + 1] if here + 1 < len(entries) else None,
        "twin": entries[order.index(entry.twin)] if entry.twin in order else None,
        "track": entry.track, "number": peers.index(entry.name) + 1, "total": len(peers),
    }  # fmt: skip


def sections(entry: Entry) -> Iterator[dict[str, str]]:
    """For the search: each section's page, heading, address and words (prose and code, without outputs)."""
    found: list[tuple[Tag, list[str]]] = []
    for text in entry.main.find_all(string=True):
        heading = text.find_parent(["h1", "h2", "h3"])
        if heading and not (found and found[-1][0] is heading):
            found.append((heading, []))
        elif found and not heading and not text.find_parent(class_=["output", "count"]):
            found[-1][1].append(text)
    for heading, texts in found:
        words, address = heading.get_text(" ", strip=True), f"{entry.name}.html#{heading.get('id', '')}"
        yield _section(entry.label, words, address, " ".join("".join(texts).split()))


def glossary() -> tuple[Tag, dict[str, Any]]:
    """The glossary's content, in which each term can be linked to, and its facts."""
    cell = nbformat.v4.new_markdown_cell(GLOSSARY.read_text(encoding="utf-8"))
    notebook = nbformat.v4.new_notebook(cells=[cell])
    main = pages.content(notebook)
    for row in main.select("tbody tr"):
        row["id"] = row.td.get_text().strip().replace(" ", "-")
    return main, pages.facts(notebook)


def terms(main: Tag) -> Iterator[dict[str, str]]:
    """For the search: each row of the glossary."""
    for row in main.select("tbody tr"):
        term, *rest = (cell.get_text().strip() for cell in row.select("td"))
        yield _section("Glossary", term, f"glossary.html#{row['id']}", " · ".join(rest))


def _section(page: str, heading: str, address: str, text: str) -> dict[str, str]:
    return {"page": page, "heading": heading, "address": address, "text": text}


def merged(entry: Entry, names: set[str]) -> str:
    """A notebook as part of the page of all: identifiers of its own, and links within that page."""
    main = copy.copy(entry.main)
    for element in main.select("[id]"):
        element["id"] = f"{entry.name}-{element['id']}"
    for link in main.select("a[href]"):
        page, mark, within = link["href"].partition("#")
        name = page.removesuffix(".html") or entry.name
        if name in names:
            link["href"] = f"#{name}-{within}" if mark else f"#{name}"
    return main.decode_contents()


def _write(path: Path, text: str) -> None:
    """Replace a file in one step, if its text is another one."""
    if path.is_file() and path.read_bytes() == text.encode():
        return
    draft = path.with_name(f".{path.name}")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
