"""What is special about the card of the masked language model."""

from __future__ import annotations

from dataclasses import asdict

from smallworld.making.cards.writer import Card, command, note, share, table, versions
from smallworld.making.language.fill_data import Settings

DESCRIPTION = """
A BERT-class masked language model with {parameters:,} parameters that fills gaps in the stories of one
small made-up world. It was trained from scratch, by the code of this repository, on stories that the
repository's own grammar writes, and is here so that the workbook can show in a cell what reading in both
directions means.

```python
from transformers import pipeline

fill = pipeline("fill-mask", model="smallworld/weights/fill", trust_remote_code=False)
print(fill("Mina the [MASK] lived in the desert.")[0]["token_str"])
```

## Intended use and limits

Made for teaching. It knows the words of its world, in lower case, and guesses among them whatever it is
asked; other words fall into letters. It reads at most {positions} word pieces. It writes no stories: each
gap is filled by itself. Its data comes from no person and not from the web; what bias there is was written
into the tables of `vocabulary.py` and the folder `patterns`.

## Data, architecture, training

{stories:,} training stories ({training_tokens:,} word pieces) of `smallworld.world.stories`, no held-out
combination of place, time and character among them. `ModernBertForMaskedLM` (BERT with rotary positions,
normalised first: Warner et al. 2024), every layer with full attention: {layers} layers, {width} wide, {heads}
heads, {word_pieces:,} word pieces (WordPiece, lower-case: each word of the training stories is one, other
words fall into letters), tied embeddings, no dropout. float16 on disk, meant to be loaded as float32 on a
CPU.

Command: `{command}`; {steps:,} steps of {batch} rows, {minutes:.0f} minutes on {device}; seed {seed}. A row
is a story, or (in {part_share:.0%} of the rows) one to three sentences of one. {masked_share:.0%} of the
pieces are asked for; 80 % of these are replaced by [MASK], 10 % by another piece, 10 % stay (Devlin et al.
2019). AdamW (betas 0.9 and 0.98, weight decay {weight_decay}), peak learning rate {learning_rate}, {warmup}
steps of warm-up, constant, then linear decay to zero over the last {decay_share:.0%}; gradients clipped at
norm 1; bfloat16 autocast where the hardware has it. Last training loss {loss:.3f} nats per piece asked for;
the curve is in `training.json`. Versions: {versions}.
{note}"""

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
| gain over the 5-gram model, points | {gain[points]} ({gain[low]} to {gain[high]}) | at least 20 |

The first misses, not picked (several answers would often do):

| text | written | guessed |
|---|---|---|
{misses}
"""

RECORDED = ("parameters", "training_tokens", "word_pieces", "minutes", "device")


def describe(record: dict) -> str:
    """Purpose, limits, data, architecture and training."""
    settings = record["settings"]
    return DESCRIPTION.format(
        **settings,
        **{name: record[name] for name in RECORDED},
        command=command("train-fill", settings, asdict(Settings())),
        loss=record["curve"][-1][1],
        versions=versions(record),
        note=note(record),
    )


def quality(measured: dict) -> str:
    """The measured quality with the first misses."""
    return MEASURED.format(
        **{name: measured[name] for name in ("seconds", "words", "stories", "gain")},
        **{name: share(measured[name]) for name in ("top1", "top5", "fivegram_top1")},
        misses=table((miss["text"], miss["written"], miss["guessed"]) for miss in measured["misses"]),
    )


CARD = Card(
    name="fill",
    title="The small world's gap filler",
    library="transformers",
    task="fill-mask",
    data="stories",
    record="training.json",
    describe=describe,
    quality=quality,
)
