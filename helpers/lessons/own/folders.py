"""The folders of notebook 08: the reader's own, or an untidy example in their place."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from helpers.checks import find_path, printable
from helpers.lessons.tuning import examples, papercuts
from helpers.session import Session

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "latin-1")  # what other people's files come in
FILES, MORE, PICTURES = 24, 16, 12  # files with a piece of news; pieces in the long file; pictures
HEAD, FOOT = "News of the day:", "More news tomorrow."
SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z])")


def texts(session: Session, folder: str) -> Path:
    """The reader's folder of texts; for "" an example: a newspaper, a long file, two that cannot be used."""
    if folder:
        return find_path(folder)
    place = _emptied(session.output_folder / "example-texts")
    pieces = news(FILES + MORE, session.seed)
    for i, piece in enumerate(pieces[:FILES], 1):
        (place / f"news-{i:02d}.txt").write_text(piece, encoding=ENCODINGS[i % 4])
    (place / "old-news.txt").write_text("\n\n".join(pieces[FILES:]), encoding="utf-8")
    (place / "empty.txt").write_text("", encoding="utf-8")
    (place / "letter.docx").write_bytes(b"PK\3\4 what a word processor writes")
    return place


def pictures(session: Session, folder: str) -> Path:
    """The reader's folder of pictures; for "" an example: paper-cuts of many sizes, and a broken file."""
    if folder:
        return find_path(folder)
    place = _emptied(session.output_folder / "example-pictures")
    for i, cut in enumerate(papercuts.examples(PICTURES, papercuts.SIDE, session.seed), 1):
        wide = cut.picture.resize((80 + 10 * i, 90))  # neither square nor of one size
        wide.save(place / f"cut-{i:02d}.png")
        (place / f"cut-{i:02d}.txt").write_text(cut.caption, encoding="utf-8")
    (place / "broken.jpg").write_bytes(b"not a picture")
    return place


def news(count: int, seed: int) -> list[str]:
    """Pieces of a small newspaper: a heading, the first two sentences of a story, a last line."""
    pieces = []
    for story in examples.stories("train", count, seed):
        sentences = SENTENCE_END.split(story)[:2]
        pieces.append("\n".join([HEAD, *sentences, FOOT]))
    return pieces


def listing(folder: Path, shown: int = 4) -> str:
    """The names of the first files of a folder, and how many there are, to print."""
    names = sorted(printable(path.name) for path in folder.glob("*") if path.is_file())
    more = ", ..." if len(names) > shown else ""
    return f"{len(names)} files: {', '.join(names[:shown])}{more}"


def _emptied(folder: Path) -> Path:
    """An example's folder, without what an earlier run left there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
