"""Write a model card (``README.md`` beside the weights) from what was recorded and what was measured.

A model's own ``Card`` says only what is special about it: each of the other files holds one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

UNMEASURED = """
Not measured yet: `python -m smallworld.evaluate --only {name} --card` measures this model and completes the
card.
"""

LICENCE = """
## Licence

Weights, tokenizer, training {data} and samples are under the MIT licence, like the code that made them.
"""


@dataclass(frozen=True)
class Card:
    """What is special about the card of one model.

    ``describe`` turns the training record into the sections from the purpose to the training; ``quality``
    turns the measurement into the section of measured quality (None: the model is not to be measured).
    """

    name: str
    title: str
    library: str
    task: str  # the hub's name of what the model does; "" for a part of a model
    data: str  # what it was trained on: "stories", "tunes" or "pictures"
    record: str  # the file of the training record
    describe: Callable[[dict], str]
    quality: Callable[[dict], str] | None = None


def write_card(folder: Path, card: Card) -> None:
    """Write ``folder/README.md`` from the training record and, if there is one, ``evaluation.json``."""
    record = json.loads((folder / card.record).read_text(encoding="utf-8"))
    sections = [header(card), card.describe(record)]
    if card.quality:
        sections.append("\n## Measured quality\n")
        sections.append(measured_quality(folder, card))
    sections.append(LICENCE.format(data=card.data))
    (folder / "README.md").write_text("".join(sections), encoding="utf-8")


def header(card: Card) -> str:
    """What the hub reads (licence, language, library, task), and the title."""
    lines = ["license: mit"]
    if card.task:
        lines.append("language: en")
    lines.append(f"library_name: {card.library}")
    if card.task:
        lines.append(f"pipeline_tag: {card.task}")
    return "\n".join(["---", *lines, "---", "", f"# {card.title}", ""])


def measured_quality(folder: Path, card: Card) -> str:
    """What ``evaluation.json`` says, or how to measure it."""
    evaluation = folder / "evaluation.json"
    if not evaluation.exists():
        return UNMEASURED.format(name=card.name)
    return card.quality(json.loads(evaluation.read_text(encoding="utf-8")))


# ------------------------------------------------------------------ what the parts share
def changed_settings(settings: dict, others: dict, left_out: Iterable[str] = ()) -> list[str]:
    """The names of the settings that are not as in ``others``."""
    return [name for name in settings if settings[name] != others.get(name) and name not in left_out]


def command(target: str, settings: dict, defaults: dict) -> str:
    """The ``make`` command that trains with these settings and ships the result."""
    changed = changed_settings(settings, defaults)
    if not changed:
        return f"make {target}"
    options = [f"--{name.replace('_', '-')} {settings[name]}" for name in changed]
    return f'make {target} ARGS="{" ".join(options)} --ship"'


def versions(record: dict) -> str:
    """The libraries' versions of a training record, as "torch 2.13.0, transformers 5.23.0"."""
    return ", ".join(f"{name} {number}" for name, number in record["versions"].items())


def note(record: dict) -> str:
    """What a person noted in the record about how the weights were made, as a paragraph."""
    return f"\n{record['note']}\n" if record.get("note") else ""


def share(result: dict | None) -> str:
    """A share with its interval, in per cent; nothing for None."""
    if result is None:
        return ""
    return f"{result['share']:.1%} ({result['low']:.1%} to {result['high']:.1%})"


def table(rows: Iterable[tuple]) -> str:
    """The rows of a Markdown table, without its head."""
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


def targets_table(targets: list[dict]) -> str:
    """The targets as rows of a Markdown table; a miss is called a miss."""
    rows = []
    for target in targets:
        verdict = "met" if target["met"] else "**missed**"
        rows.append((target["what"], f"{target['value']:.3f}", target["target"], verdict))
    return table(rows)
