"""What the evaluation of each model consists of, and what its parts share.

text.py, image.py and fill.py hold one ``Part`` each; ``smallworld/evaluate.py`` is the command.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from smallworld.making.cards import writer
from smallworld.making.models import require_model


@dataclass(frozen=True)
class Measured:
    """The numbers about a model, ready for JSON, and pictures by file name."""

    numbers: dict
    pictures: dict[str, Image.Image] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """The evaluation of one model.

    ``plan`` and ``quick`` say how much is measured, and with which ``seed``; ``measure(folder, plan)`` does
    it. ``needs`` raises an error where something besides the model is missing.
    """

    name: str
    folder: Path
    files: tuple[str, ...]
    target: str  # the ``make`` target that trains the model
    plan: Any
    quick: Any
    measure: Callable[[Path, Any], Measured]
    card: writer.Part
    pictures: tuple[str, ...] = ()  # the files of pictures that ``measure`` may give
    needs: Callable[[], object] | None = None

    def require(self, folder: Path) -> None:
        """ModelError, or an error of ``needs``, where something is missing."""
        require_model(folder, self.files, self.target)
        if self.needs:
            self.needs()

    def store(self, measured: Measured, folder: Path) -> None:
        """Keep numbers and pictures beside the model, and write them into its card."""
        text = json.dumps(measured.numbers, indent=1) + "\n"
        (folder / "evaluation.json").write_text(text, encoding="utf-8")
        for name in self.pictures:
            (folder / name).unlink(missing_ok=True)
        for name, picture in measured.pictures.items():
            picture.save(folder / name, optimize=True)
        writer.write_card(folder, self.card)


def check_targets(rows: Sequence[tuple[str, float, str, float]]) -> list[dict]:
    """Each row (what, measured value, ">=" or "<=", limit) with whether the target was met."""
    checked = []
    for what, value, sign, limit in rows:
        met = value >= limit if sign == ">=" else value <= limit
        checked.append({"what": what, "value": value, "target": f"{sign} {limit}", "met": bool(met)})
    return checked
