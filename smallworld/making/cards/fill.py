"""Write the masked language model's card (``README.md`` beside the weights)."""

from __future__ import annotations

import json
from pathlib import Path

CARD = """---
license: mit
language: en
library_name: transformers
pipeline_tag: fill-mask
---

# The small world's gap filler

A BERT-class masked language model with {parameters:,} parameters that fills gaps in the stories of one
small made-up world. It was trained from scratch, by the code of this repository, on stories that the
repository's own grammar writes, and is here so that the workbook can show in a cell what reading in both
directions means.

```python
from transformers import pipeline

fill = pipeline("fill-mask", model="smallworld/weights/fill")
print(fill("Mina the [MASK] lived in the desert.")[0]["token_str"])
```

## Intended use and limits

Made for teaching. It knows the words of its world, in lower case, and guesses among them whatever it is
asked; other words fall into letters. It reads at most {positions} word pieces. It writes no stories: each
gap is filled by itself. Its data comes from no person and not from the web; what bias there is was written
into the tables of `vocabulary.py` and `patterns.txt`.

## Data, architecture, training

{stories:,} training stories ({training_tokens:,} word pieces) of `smallworld.world.stories`, no held-out
combination of place, time and character among them. `ModernBertForMaskedLM` (BERT with rotary positions,
normalised first: Warner et al. 2024), every layer with full attention: {layers} layers, {width} wide, {heads}
heads, {vocabulary_used:,} word pieces (WordPiece, lower-case: each word of the training stories is one, other
words fall into letters), tied embeddings, no dropout. float16 on disk, meant to be loaded as float32 on a
CPU.

Command: `{command}`; {steps:,} steps of {batch} rows, {minutes:.0f} minutes on {device}; seed {seed}. A row
is a story, or (in {part_share:.0%} of the rows) one to three sentences of one. {masked_share:.0%} of the
pieces are asked for; 80 % of these are replaced by [MASK], 10 % by another piece, 10 % stay (Devlin et al.
2019). AdamW (betas 0.9 and 0.98, weight decay {weight_decay}), peak learning rate {learning_rate}, {warmup}
steps of warm-up, constant, then linear decay to zero over the last {decay_share:.0%}; gradients clipped at
norm 1; bfloat16 autocast where the hardware has it. Last training loss {loss:.3f} nats per piece asked for;
the curve is in `training.json`. Versions: {versions}.

## Measured quality

{measured}
"""
UNMEASURED = (
    "Not measured yet: `python -m smallworld.evaluate --only fill --card` completes this card."
)
MEASURED = """
From `python -m smallworld.evaluate --only fill` ({seconds:.0f} seconds): {words:,} content words
(whole words that are no function words) of {stories} stories about test combinations, hidden one at a time,
the rest of the story readable. In brackets bootstrap 95 % intervals over the stories. The 5-gram model
(interpolated Kneser-Ney over the same word pieces of the same training stories) reads only the four pieces
to the left.

| | measured | target |
|---|---|---|
| hidden word found at once (top-1) | {top1} | |
| hidden word among the five likeliest | {top5} | |
| 5-gram model, top-1 | {fivegram_top1} | |
| gain over the 5-gram model, points | {gain[points]} [{gain[low]}, {gain[high]}] | at least 20 |

The first misses, not picked (several answers would often do):

| text | written | guessed |
|---|---|---|
{misses}"""


def write_card(folder: Path) -> None:
    """Write ``README.md`` from ``training.json`` and, where it is there, ``evaluation.json``."""
    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    pieces = len(json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"])
    settings, found = record["settings"], folder / "evaluation.json"
    measured = describe(json.loads(found.read_text(encoding="utf-8"))) if found.exists() else UNMEASURED
    text = CARD.format(
        **settings,
        **{name: record[name] for name in ("parameters", "training_tokens", "minutes", "device")},
        vocabulary_used=pieces,
        command=command(settings),
        loss=record["curve"][-1][1],
        versions=", ".join(f"{name} {version}" for name, version in record["versions"].items()),
        measured=measured,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def command(settings: dict) -> str:
    """The command line that trains with these settings."""
    from smallworld.making.fill import Settings

    default = Settings()
    changed = [
        f"--{name.replace('_', '-')} {value}"
        for name, value in settings.items()
        if value != getattr(default, name)
    ]
    return f'make train-fill ARGS="{" ".join([*changed, "--ship"])}"' if changed else "make train-fill"


def describe(measured: dict) -> str:
    """The section of measured quality."""
    shares = {name: percent(measured[name]) for name in ("top1", "top5", "fivegram_top1")}
    rows = [f"| {miss['text']} | {miss['written']} | {miss['guessed']} |" for miss in measured["misses"]]
    plain = {name: measured[name] for name in ("seconds", "words", "stories", "gain")}
    return MEASURED.format(**shares, **plain, misses="\n".join(rows)).strip()


def percent(found: dict) -> str:
    """A share and its interval as "95.0 % [94.1, 95.8]"."""
    return "{:.1f} % [{:.1f}, {:.1f}]".format(*(100 * found[name] for name in ("share", "low", "high")))
