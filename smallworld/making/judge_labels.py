"""Pictures of image models that were labelled by eye: how they are kept, and what the eye's verdict is.

A round of labelling is three files in ``judges/labelled``: NAME.png, the pictures side by side as they are;
NAME.json, how each was made, what was asked for and what it may be used for; NAME.tsv, what each reader
wrote. Readers saw numbered sheets and neither prompts nor a list of words, so they wrote words of their own;
``words.tsv`` says which key of the vocabulary a word means.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from smallworld import judges
from smallworld.judges.pictures import FACTS, UNREADABLE
from smallworld.world.scenes import SIZE

FOLDER = Path(judges.__file__).parent / "labelled"
PARTS = ("fit", "choose", "exam")  # learnt from; thresholds chosen on; only examined on
COLUMNS = 20  # of pictures in a round's PNG
FIELDS = ("picture", "reader", "thing", "certainty", "count", "color", "place", "time", "defect")
SURE, GUESS = "sure", "guess"
FACT_FIELDS = ("thing", "color", "place", "time")


class LabelError(ValueError):
    """A labelled round that cannot be read; the message says what to do."""


@dataclass(frozen=True)
class Verdict:
    """What the eye sees: keys of the vocabulary, ``UNREADABLE`` or "" for the thing; None: not clear or
    unsaid.

    ``defect``: whether a reader saw something that is wrong in the picture.
    """

    thing: str | None
    color: str | None = None
    count: int | None = None
    place: str | None = None
    time: str | None = None
    defect: bool | None = None


@dataclass(frozen=True)
class Labelled:
    """A picture uint8 (64, 64, 3), how it was made and what was asked, its part, what readers wrote."""

    pixels: np.ndarray = field(repr=False, compare=False)
    made: dict
    part: str
    readings: tuple[dict[str, str], ...]

    @property
    def verdict(self) -> Verdict:
        """The readers' common verdict."""
        return common_verdict([verdict_of(reading) for reading in self.readings])


# ------------------------------------------------------------------ from words to verdicts
@cache
def meanings() -> dict[str, dict[str, str]]:
    """For thing, color, place and time: the key of the vocabulary that each word of a reader means."""
    table: dict[str, dict[str, str]] = {name: {} for name in FACT_FIELDS}
    with (FOLDER / "words.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            table[row["field"]][row["word"]] = row["key"]
    return table


def meaning(name: str, word: str) -> str | None:
    """The key that a reader's word means; None for a word that means none of them."""
    word = " ".join(word.lower().split())
    keys = {str(value) for value in FACTS[name]}
    return word if word in keys and word else meanings()[name].get(word)


def verdict_of(reading: dict[str, str]) -> Verdict:
    """What one reader's line says. A thing that the world does not have is as unreadable as none.

    A guess is None, for it is neither a thing that is named with certainty nor one that nobody could name.
    """
    key = meaning("thing", reading["thing"])
    thing = UNREADABLE if key is None else key
    if thing not in ("", UNREADABLE) and reading["certainty"] != SURE:
        thing = None
    shown = bool(thing)
    number = reading["count"].strip()
    return Verdict(
        thing,
        meaning("color", reading["color"]) if shown else None,
        int(number) if shown and number.isdigit() else None,
        meaning("place", reading["place"]),
        meaning("time", reading["time"]),
        reading["defect"].strip().lower() not in ("", "none"),
    )


def common_verdict(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of one or more readers: of each fact what all who say it agree on, else None.

    Where one names a thing and another cannot, the thing is None.
    """
    facts = {}
    for name in ("thing", "color", "count", "place", "time"):
        said = {getattr(verdict, name) for verdict in verdicts} - {None}
        facts[name] = said.pop() if len(said) == 1 else None
    return Verdict(**facts, defect=any(verdict.defect for verdict in verdicts))


# ------------------------------------------------------------------ on disk
def rounds(folder: Path = FOLDER) -> list[str]:
    """Names of the rounds of labelling in a folder."""
    return sorted(path.stem for path in folder.glob("*.json"))


def load_labelled(parts: Iterable[str] = PARTS, folder: Path = FOLDER) -> list[Labelled]:
    """The labelled pictures of these parts. Raises LabelError for a round that is not whole."""
    wanted = set(parts)
    return [picture for name in rounds(folder) for picture in load_round(name, folder)
            if picture.part in wanted]  # fmt: skip


def load_round(name: str, folder: Path = FOLDER) -> list[Labelled]:
    """All pictures of a round that somebody has read."""
    try:
        record = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        pixels = split_grid(Image.open(folder / f"{name}.png"), len(record["pictures"]))
        with (folder / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        readings: dict[int, list[dict]] = {}
        for row in rows:
            readings.setdefault(int(row["picture"]), []).append(row)
        made = [dict(picture) for picture in record["pictures"]]
        picked = [(number, picture.pop("part")) for number, picture in enumerate(made)]
        return [Labelled(pixels[number], made[number], part, tuple(readings[number]))
                for number, part in picked if number in readings]  # fmt: skip
    except (OSError, KeyError, ValueError, TypeError) as problem:
        raise LabelError(
            f"The labelled round {name} in {folder} cannot be read ({problem}): restore it with git."
        ) from None


def split_grid(grid: Image.Image, count: int) -> np.ndarray:
    """The first ``count`` pictures of a grid: uint8 (count, 64, 64, 3). ValueError where it has fewer."""
    pixels = np.asarray(grid.convert("RGB"))
    wanted = -(-count // COLUMNS) * SIZE, COLUMNS * SIZE
    if pixels.shape[:2] < wanted or pixels.shape[1] != wanted[1]:
        raise ValueError(f"the grid has not room for {count} pictures")
    places = [divmod(number, COLUMNS) for number in range(count)]
    cells = [pixels[row * SIZE : (row + 1) * SIZE, column * SIZE : (column + 1) * SIZE]
             for row, column in places]  # fmt: skip
    return np.stack(cells) if cells else np.empty((0, SIZE, SIZE, 3), np.uint8)


def join_grid(pictures: np.ndarray) -> Image.Image:
    """Pictures uint8 (n, 64, 64, 3) in a grid without gaps, ``COLUMNS`` wide, as they are."""
    lines = -(-len(pictures) // COLUMNS)
    pixels = np.zeros((lines * SIZE, COLUMNS * SIZE, 3), np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        pixels[row * SIZE : (row + 1) * SIZE, column * SIZE : (column + 1) * SIZE] = picture
    return Image.fromarray(pixels)


def save_round(name: str, pictures: np.ndarray, record: dict, readings: Sequence[dict],
               folder: Path = FOLDER) -> None:  # fmt: skip
    """Keep a round: ``record["pictures"]`` says of each picture how it was made, what was asked, its part."""
    folder.mkdir(parents=True, exist_ok=True)
    join_grid(pictures).save(folder / f"{name}.png", optimize=True)
    head = {key: value for key, value in record.items() if key != "pictures"}
    lines = ",\n".join(json.dumps(picture) for picture in record["pictures"])
    text = json.dumps(head)[:-1] + f', "pictures": [\n{lines}\n]}}\n'
    (folder / f"{name}.json").write_text(text, encoding="utf-8")
    with (folder / f"{name}.tsv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: row[key] for key in FIELDS} for row in readings)


def facts_of(verdict: Verdict) -> dict[str, str | int]:
    """What a verdict says for certain."""
    return {name: value for name, value in asdict(verdict).items() if value is not None}
