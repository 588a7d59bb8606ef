"""Numbered sheets of pictures for readers who see neither prompt nor model, and their answers as data.

    python -m smallworld.making.contact_sheets lay NAME FOLDER ... --output SHEETS --key KEYS
    python -m smallworld.making.contact_sheets keep NAME --key KEYS --answers FILE ...

Each FOLDER holds pictures.npy (or pictures.png, as ``judge_labels.join_grid`` lays it) and pictures.json, a
list that says of each picture how it was made and what was asked: prompt, place, time, thing, color, count,
weights, steps, guidance, seed; ``part`` where it is settled. ``lay`` shuffles the pictures with fresh
drawings and writes sheets, what readers are told, and an empty table for each sheet to SHEETS; the key goes
to another folder, which no reader opens. ``keep`` joins answers and key to a round in ``judges/labelled``.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from smallworld.making.judge_labels import FIELDS, FOLDER, join_grid, save_round, split_grid
from smallworld.world.drawing import draw
from smallworld.world.prompts import full_prompt
from smallworld.world.scenes import SIZE, sample_scene

CELLS, SHEET_COLUMNS, SCALE = 24, 6, 4  # a larger sheet is made smaller again by what shows it
GAP, TITLE = 6, 18
ANSWER_FIELDS = ("cell", *FIELDS[2:])
EXAM_SHARE, CHOOSE_SHARE = 0.5, 0.12
TOLD = """# What readers of the sheets are told

Open one sheet after the other and look at every cell. Each cell is a small landscape. In most of them one
kind of thing stands, floats or flies in front of the landscape, once or several times. The sun, the moon,
stars, trees, plants, flowers, waves and the buildings that make the landscape are not that thing.

For each cell write one line into the sheet's table, with tabs between the columns and nothing else:

- cell: its number
- thing: what it is, in one or two words of your own; "none" where there is only landscape; "cannot tell"
  where something is there that you could not name
- certainty: "sure" or "guess". Write "sure" only if you would say the word without being asked twice.
- count: how many of it (0 where there is none)
- color: its main colour, in one word
- place: what landscape it is, in one or two words
- time: the time of day, in one or two words
- defect: "none", or "visible" where something looks wrong: torn, smeared, melted, doubled, parts missing, a
  second kind of thing

Write what you see at first sight, not what it might have been meant to be. Do not look for other files.
"""


class SheetError(ValueError):
    """Sheets or answers that do not fit together; the message says what is wrong."""


# ------------------------------------------------------------------ laying sheets
def read_folder(folder: Path) -> tuple[np.ndarray, list[dict]]:
    """Pictures uint8 (n, 64, 64, 3) and how each was made."""
    made = json.loads((folder / "pictures.json").read_text(encoding="utf-8"))
    try:
        if (folder / "pictures.npy").exists():
            pictures = np.load(folder / "pictures.npy")
        else:
            pictures = split_grid(Image.open(folder / "pictures.png"), len(made))
    except ValueError as problem:
        raise SheetError(f"{folder}: the pictures cannot be read ({problem}).") from None
    if pictures.dtype != np.uint8 or pictures.shape != (len(made), SIZE, SIZE, 3):
        raise SheetError(f"{folder}: {len(made)} lines, but pictures {pictures.dtype} {pictures.shape}.")
    return pictures, made


def control_pictures(count: int, seed: int) -> tuple[np.ndarray, list[dict]]:
    """Fresh drawings that readers cannot tell apart from the others by their place among them."""
    rng = random.Random(f"control {seed}")
    scenes = [sample_scene(rng, "test") for _ in range(count)]
    pictures = np.stack([np.asarray(draw(scene)) for scene in scenes])
    names = ("place", "time", "thing", "color", "count")
    made = [{"prompt": full_prompt(scene), "weights": "drawing"} | {name: getattr(scene, name) for name in
            names} for scene in scenes]  # fmt: skip
    return pictures, made


def choose_parts(made: Sequence[dict], seed: int) -> list[str]:
    """For each picture its part, by lot, unless its line says one; drawings are only examined on."""
    rng = random.Random(f"parts {seed}")
    parts = []
    for line in made:
        lot = rng.random()
        drawn = "exam" if lot < EXAM_SHARE else "choose" if lot < EXAM_SHARE + CHOOSE_SHARE else "fit"
        parts.append("exam" if line["weights"] == "drawing" else line.get("part", drawn))
    return parts


def draw_sheet(pictures: np.ndarray, first: int) -> Image.Image:
    """Pictures uint8 (n, 64, 64, 3) four times enlarged, smoothly, numbered from ``first``, on white."""
    side, lines = SIZE * SCALE, -(-len(pictures) // SHEET_COLUMNS)
    size = SHEET_COLUMNS * (side + GAP) + GAP, lines * (side + TITLE + GAP) + GAP
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for number, picture in enumerate(pictures):
        line, column = divmod(number, SHEET_COLUMNS)
        left, top = GAP + column * (side + GAP), GAP + TITLE + line * (side + TITLE + GAP)
        large = Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC)
        sheet.paste(large, (left, top))
        pen.text((left, top - TITLE), str(first + number), fill="black", font_size=15)
    return sheet


def lay(name: str, folders: Sequence[Path], output: Path, key: Path, controls: float, seed: int) -> int:
    """Write a round's sheets, and its key elsewhere; returns the number of sheets."""
    parts = [read_folder(folder) for folder in folders]
    total = sum(len(made) for _, made in parts)
    parts.append(control_pictures(max(1, round(controls * total)), seed))
    pictures = np.concatenate([part[0] for part in parts])
    made = [line for part in parts for line in part[1]]
    order = np.random.default_rng(seed).permutation(len(made))
    pictures, made = pictures[order], [made[number] for number in order]
    lines = [line | {"part": part} for line, part in zip(made, choose_parts(made, seed), strict=True)]
    key.mkdir(parents=True, exist_ok=True)
    output.mkdir(parents=True, exist_ok=True)
    join_grid(pictures).save(key / f"{name}.png")
    (key / f"{name}.json").write_text(json.dumps(lines, indent=0) + "\n", encoding="utf-8")
    (output / "READ.md").write_text(TOLD, encoding="utf-8")
    for number, first in enumerate(range(0, len(pictures), CELLS), 1):
        draw_sheet(pictures[first : first + CELLS], first + 1).save(output / f"{name}_{number:02}.png")
        (output / f"{name}_{number:02}.tsv").write_text("\t".join(ANSWER_FIELDS) + "\n", encoding="utf-8")
    return -(-len(pictures) // CELLS)


# ------------------------------------------------------------------ keeping answers
def read_answers(path: Path, reader: str, count: int) -> list[dict]:
    """A reader's lines as rows of a round's table. Raises SheetError for a line that cannot be used."""
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file, delimiter="\t"):
            if None in line or None in line.values() or not line["cell"].strip().isdigit():
                raise SheetError(f"{path.name}: {line} has not {len(ANSWER_FIELDS)} columns and a number.")
            number = int(line["cell"]) - 1
            if not 0 <= number < count:
                raise SheetError(f"{path.name}: there is no cell {line['cell']}.")
            if line["certainty"] not in ("sure", "guess"):
                raise SheetError(f"{path.name}: cell {line['cell']} is neither sure nor guess.")
            rows.append({"picture": number, "reader": reader} | {name: line[name] for name in FIELDS[2:]})
    return rows


def keep(name: str, key: Path, answers: Sequence[tuple[str, Path]], note: str, folder: Path = FOLDER) -> int:
    """Join the key with answers, each a reader's name and a table, to a labelled round; returns its rows."""
    lines = json.loads((key / f"{name}.json").read_text(encoding="utf-8"))
    pictures = split_grid(Image.open(key / f"{name}.png"), len(lines))
    rows = [row for reader, path in answers for row in read_answers(path, reader, len(lines))]
    pairs = [(row["picture"], row["reader"]) for row in rows]
    if len(set(pairs)) < len(pairs):
        raise SheetError("A reader has read a cell twice.")
    rows.sort(key=lambda row: row["picture"])
    save_round(name, pictures, {"made": note, "pictures": lines}, rows, folder)
    return len(rows)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="smallworld.making.contact_sheets", description=__doc__.splitlines()[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    laying = commands.add_parser("lay", help="write sheets and a key")
    laying.add_argument("name")
    laying.add_argument("folders", type=Path, nargs="+")
    laying.add_argument("--output", type=Path, required=True)
    laying.add_argument("--controls", type=float, default=0.1, help="drawings for each picture")
    laying.add_argument("--seed", type=int, default=0)
    keeping = commands.add_parser("keep", help="join answers and key to a labelled round")
    keeping.add_argument("name")
    keeping.add_argument("--answers", nargs="+", required=True, help="READER=TABLE ...")
    keeping.add_argument("--note", default="", help="how the round was made, in a sentence")
    for command in (laying, keeping):
        command.add_argument("--key", type=Path, required=True)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Lay sheets, or keep answers."""
    chosen = parse_arguments(arguments)
    try:
        if chosen.command == "lay":
            count = lay(chosen.name, chosen.folders, chosen.output, chosen.key, chosen.controls, chosen.seed)
            print(f"{count} sheets are in {chosen.output}")
        else:
            pairs = [answer.partition("=") for answer in chosen.answers]
            answers = [(reader, Path(path)) for reader, _, path in pairs]
            print(f"{keep(chosen.name, chosen.key, answers, chosen.note)} readings are in {FOLDER}")
    except (SheetError, OSError) as problem:
        raise SystemExit(f"contact_sheets: {problem}") from None


if __name__ == "__main__":
    main()
