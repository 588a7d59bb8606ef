"""Your own texts and pictures, read from a folder: each file is used rightly or skipped by name."""

from __future__ import annotations

import json
import math
import os
import re
import warnings
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from posixpath import basename, dirname, join, normpath, splitext
from unicodedata import normalize

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from tqdm.auto import tqdm

from helpers.checks import check_number, find_path, printable
from helpers.encodings import decoded
from helpers.errors import WorkbookError

MAX_CHARS = 2000  # about 500 tokens: what the small text model has room for
MAX_BYTES = 2**28  # of a file
MUCH = 2**23  # bytes in all, from which reading takes so long that a bar shows it
MAX_PIXELS, MAX_WEBP_PIXELS = 50_000_000, 20_000_000  # reading takes 4 bytes a pixel, WebP takes 16
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")  # others are not tried: some would start a program
SPACING = re.compile(r"[\v\f\x1c-\x1f\x85\u2028\u2029]")  # control characters that keep words apart
UNWANTED = re.compile(r"[\0-\x08\x0e-\x1b\x7f-\x9f\ufeff\ud800-\udfff]")  # the others, half characters
SENTENCE = r"[.!?…][\"'”’)\]]*(?=\s)|[。！？][”’」』）]*"
ENDS = [re.compile(end) for end in (r"(?=\n\s*\n)", SENTENCE, r"(?=\s)")]  # of paragraph, sentence, word
Found = namedtuple("Found", "items skipped guesses")  # texts or Pictures, Skipped, Guess
Guess = namedtuple("Guess", "name encoding")  # of a text that does not say its encoding
Picture = namedtuple("Picture", "picture caption name")  # RGB; "" for none; path below the folder
Skipped = namedtuple("Skipped", "name reason")  # path below the folder, or a line of that file


def read_texts(folder: str | Path, *, max_chars: int = MAX_CHARS) -> Found:
    """The .txt and .md files of a folder and its subfolders as clean texts of 1 to max_chars characters.

    UTF-8, UTF-16 with a byte order mark, or a guess, which `report` tells; every line ends in one newline,
    and control characters go. What is longer is cut where a paragraph, else a sentence, a word or, at last, a
    character ends. What cannot be used is skipped by name, so items may be empty.
    Raises WorkbookError if the folder is missing, a file or empty, and for a max_chars below 1.
    """
    check_number("max_chars", max_chars, 1, math.inf, "a whole number of characters of at least 1")
    skipped, guesses = [], []
    files = _files(folder, "texts (.txt or .md)", skipped)

    def read(name: str, path: Path) -> list[str]:
        if not name.lower().endswith((".txt", ".md")):
            raise WorkbookError("neither .txt nor .md")
        return _cut(_text(path, name, guesses).strip(), max_chars)

    return Found(_each(files, read, skipped), skipped, guesses)


def read_pictures(folder: str | Path, size: int = 64) -> Found:
    """The BMP, GIF, JPEG, PNG, TIFF and WebP pictures of a folder and its subfolders, RGB, size x size.

    Upright (EXIF), the centre square, by Lanczos; transparency on white, 16-bit grey scaled to 8, the first
    frame of several. A caption stands in NAME.txt beside NAME.png or, as for Hugging Face's ImageFolder, in a
    line {"file_name": ..., "text": ...} of a metadata.jsonl; NAME.txt wins, and "" stands for none.
    What cannot be used or is above MAX_PIXELS (or MAX_WEBP_PIXELS) is skipped by name, so items may be empty.
    Raises WorkbookError if the folder is missing, a file or empty, and for a size not from 1 to 2048.
    """
    check_number("size", size, 1, 2048, "a whole number of pixels from 1 to 2048")
    skipped, guesses = [], []
    files = _files(folder, "pictures", skipped)
    notes = {n: p for n, p in files.items() if n.lower().endswith(".txt") or p.name == "metadata.jsonl"}

    def read_captions(name: str, path: Path) -> list[tuple[str, str]]:
        return _captions(name, _text(path, name, guesses), skipped)

    captions = dict(_each(notes, read_captions, skipped))
    pictures = {name: path for name, path in files.items() if name not in notes}
    places = {place for name in pictures for place in (name, splitext(name)[0])}
    skipped += [Skipped(place, "a caption without its picture") for place in captions if place not in places]

    def read(name: str, path: Path) -> list[Picture]:
        caption = captions.get(splitext(name)[0]) or captions.get(name, "")
        return [Picture(_picture(path, size), " ".join(caption.split()), name)]

    return Found(_each(pictures, read, skipped), skipped, guesses)


def report(data: Found, max_names: int = 5) -> str:
    """What was skipped or guessed, to print: a line for each reason, at most max_names names each."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, reason in data.skipped:
        groups.setdefault(("Skipped", f"({reason})"), []).append(printable(name))
    for name, encoding in data.guesses:
        groups.setdefault(("Read", f"as {encoding}, a guess"), []).append(printable(name))
    lines = [] if data.skipped else ["Nothing was skipped."]
    for (verb, reason), names in groups.items():
        more = ", ..." if len(names) > max_names else ""
        lines.append(f"{verb} {len(names)} {reason}: {', '.join(names[:max_names])}{more}")
    return "\n".join(lines)


def _files(folder: str | Path, wanted: str, skipped: list[Skipped]) -> dict[str, Path]:
    """What lies in a folder and below, but for hidden ones, by path (NFC); a name's second is skipped."""
    if not isinstance(folder, str | Path):
        raise WorkbookError(f"A folder is a text, but this one is a {type(folder).__name__}: name one.")
    root, shown = find_path(folder), printable(str(folder))
    if not os.path.isdir(root) or not shown.strip():
        what = "is a file" if os.path.isfile(root) else "does not exist"
        raise WorkbookError(f'The folder "{shown}" {what}: name one that holds your {wanted}.')
    files = {}
    for path in sorted(root.rglob("*")):
        walked = os.path.isdir(path) and not os.path.islink(path) and os.access(path, os.R_OK)
        name = normalize("NFC", path.relative_to(root).as_posix())
        if name in files:
            skipped.append(Skipped(name, "a second file of the same name, its letters composed otherwise"))
        elif not walked and "/." not in f"/{dirname(name)}":
            files[name] = path
    if all(path.name.startswith(".") for path in files.values()):
        raise WorkbookError(f'The folder "{shown}" is empty: put your {wanted} into it.')
    return files


def _each(files: dict[str, Path], read: Callable[[str, Path], list], skipped: list[Skipped]) -> list:
    """What `read` makes of the files, in one list, with a bar; what cannot be used is added to skipped."""
    items, large = [], sum(os.path.getsize(path) for path in files.values() if os.path.isfile(path)) > MUCH
    for name, path in tqdm(files.items(), desc="reading", leave=False, disable=not large):
        try:
            if path.name.startswith(".") or os.path.islink(path):
                raise WorkbookError("hidden, or a link, which is not followed")
            if not os.path.isfile(path) or os.path.getsize(path) > MAX_BYTES:
                raise WorkbookError(f"not a file of up to {MAX_BYTES >> 20} MiB that can be read")
            items += read(name, path)
        except (WorkbookError, OSError) as problem:
            skipped.append(Skipped(name, getattr(problem, "strerror", None) or str(problem)))
    return items


def _text(path: Path, name: str, guesses: list[Guess]) -> str:
    """A file's text, never blank; an encoding that was guessed is added to guesses."""
    text, guess = decoded(path.read_bytes())
    text = UNWANTED.sub("", SPACING.sub(" ", re.sub(r"\r\n?", "\n", text)))
    if not text.strip():
        raise WorkbookError("empty or blank")
    if guess:
        guesses.append(Guess(name, guess))
    return text


def _cut(text: str, max_chars: int) -> list[str]:
    """Pieces of at most max_chars characters that are, but for the space between them, the whole text."""
    pieces, start = [], 0
    while len(text) - start > max_chars:
        window = text[start : start + max_chars + 2]
        ends = ([m.end() for m in end.finditer(window) if 0 < m.end() <= max_chars] for end in ENDS)
        stop = start + next((places[-1] for places in ends if places), max_chars)
        pieces.append(text[start:stop].rstrip())
        start = re.compile(r"\s*").match(text, stop).end()
    return [*pieces, text[start:]]


def _captions(name: str, text: str, skipped: list[Skipped]) -> list[tuple[str, str]]:
    """Captions, each with its picture's path (metadata.jsonl) or that without the suffix (NAME.txt)."""
    if basename(name) != "metadata.jsonl":
        return [(splitext(name)[0], text)]
    captions = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            entry = json.loads(line)
            place = normpath(join(dirname(name), normalize("NFC", entry["file_name"])))
            captions.append((place, UNWANTED.sub("", entry["text"])))
        except (ValueError, KeyError, TypeError, RecursionError):
            if line.strip():
                skipped.append(Skipped(f"{name} line {number}", 'not {"file_name": "...", "text": "..."}'))
    return captions


def _picture(path: Path, size: int) -> Image.Image:
    """A picture file as RGB, size x size; a JPEG is decoded no larger than that needs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on the size, which is checked here, and on odd metadata
        try:
            with Image.open(path, formats=FORMATS) as picture:
                if math.prod(picture.size) > (MAX_WEBP_PIXELS if picture.format == "WEBP" else MAX_PIXELS):
                    raise Image.DecompressionBombError
                picture.draft(None, (4 * size, 4 * size))
                picture.load()
                return _square(picture, size)
        except Image.DecompressionBombError:
            reason = f"above {MAX_PIXELS // 10**6} million pixels (WebP: {MAX_WEBP_PIXELS // 10**6})"
        except UnidentifiedImageError:
            reason = f"not a picture in {', '.join(FORMATS)}"
        except Exception as error:  # damaged bytes make decoders raise anything
            reason = str(error) if isinstance(error, WorkbookError) else "a truncated or damaged picture"
    raise WorkbookError(reason)


def _square(picture: Image.Image, size: int) -> Image.Image:
    """The centre square, upright; strip by strip, so that a large picture is in memory only once."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    factor = max(1, side // (4 * size))
    rows = factor * max(1, 2**20 // (side * factor))
    small = Image.new("RGB", (math.ceil(side / factor),) * 2)
    for first in range(0, side, rows):
        strip = picture.crop((left, top + first, left + side, top + min(side, first + rows)))
        small.paste(_on_white(strip).reduce(factor), (0, first // factor))
    result = small.resize((size, size), Image.Resampling.LANCZOS, box=(0, 0, side / factor, side / factor))
    result.getexif()[ExifTags.Base.Orientation] = picture.getexif().get(ExifTags.Base.Orientation, 1)
    return ImageOps.exif_transpose(result)


def _on_white(picture: Image.Image) -> Image.Image:
    """A picture of any mode as RGB on white."""
    if picture.mode[0] in "IF":  # Pillow would clip 16 bits at 255
        grey = picture.convert("I")
        low, high = grey.getextrema()
        if picture.mode == "F" or low < 0 or high > 65535:
            raise WorkbookError("grey of 32 bits: save it with 8 or 16")
        picture = grey.point(lambda value: value * (1 / 257) + 0.5).convert("L")
        picture.info.pop("transparency", None)  # a grey of 16 bits
    if picture.getbands()[-1] not in "Aa" and "transparency" not in picture.info:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
