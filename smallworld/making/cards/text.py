"""Write the text model's card (``README.md`` beside the weights) from what was recorded and measured."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

FRONT = """---
license: mit
language: en
library_name: transformers
pipeline_tag: text-generation
---

# The small world's storyteller
"""

PURPOSE = """
A GPT-2-class language model with {parameters:.1f} million parameters that writes short stories for
children, of 60 to 150 words, in one small made-up world. It was trained from scratch, by the code of this
repository, on stories that the repository's own grammar writes. It is here so that every cell of the
workbook runs without a network, an account or a GPU.

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "smallworld/weights/text"
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
inputs = tokenizer("Tell a calm story in the desert at night.\\n", return_tensors="pt")
output = model.generate(**inputs, do_sample=True, temperature=0.8, top_p=0.95, max_new_tokens=250)
print(tokenizer.decode(output[0], skip_special_tokens=True))
```

A prompt is a line in plain words that may name a place, a time of day, a mood and a character; the story
begins on the next line. Without such a line ("Once upon a time") the model chooses for itself.

## Intended use and limits

Made for teaching: to look into a language model, to sample from it, to measure it, to fine-tune it. It is
no source of facts and no writer for any other purpose.

- It knows the words, characters, places and kinds of problem of its world and nothing else. Any other
  prompt is read as well as it goes and is mostly followed by a story of the small world; other languages
  are not understood.
- Prompts that resemble none of the trained wordings are obeyed less often than the numbers below say.
- It was trained on at most 512 tokens at once, and one story has about 160: after its end comes another
  story.
- Smooth sentences are no proof of sense: see the misses and the samples below.
- Nothing in its training data comes from people or from the web, so it holds no personal data; what bias
  there is was written into the grammar's tables, which can be read in `vocabulary.py` and `patterns.txt`.
"""

MAKING = """
## Data

{stories:,} stories ({training_tokens:,} tokens) from `smallworld.world.stories.corpus("train",
{stories}, {seed})`: hand-written sentence patterns with slots, joined by a grammar. About 70 % follow a
line that asks for them. One place x time x character combination in eight never occurs in the training
stories, in any wording; half of those are the validation split, half the test split.

## Architecture

`GPT2LMHeadModel`: {layers} layers, {width} wide, {heads} attention heads, {positions} positions, tied
embeddings, {parameters:,} parameters, no dropout. The tokenizer is a byte-level BPE with {vocabulary:,}
tokens learnt from the training stories; `<|endoftext|>` is beginning, end, padding and unknown token.
float16 on disk, meant to be loaded as float32 on a CPU.

## Training

Command: `{command}`; {steps:,} steps of up to {batch_tokens:,} tokens, {minutes:.0f} minutes on {device};
seed {seed}. AdamW (betas 0.9 and 0.95, weight decay {weight_decay} on matrices), peak learning rate
{learning_rate}, {warmup} steps of warm-up, constant, then linear decay to zero over the last {decay:.0%};
gradients clipped at norm 1; bfloat16 autocast where the hardware has it. A fifth of the stories is packed
into full rows, the others stand alone; half of the rows begin with `<|endoftext|>`. Loss of the last
{recent} training steps: {train_loss:.3f} nats per token (prompts included); validation loss of the texts
given their prompts: {validation_loss:.3f}, where the grammar itself needs {bound:.3f}. The whole curve is
in `training_curve.json`. Versions: {versions}.
{note}"""

UNMEASURED = """
## Measured quality

Not measured yet: `python -m smallworld.evaluate --card` measures this model and completes the
card.
"""

MEASURED = """
## Measured quality

From `python -m smallworld.evaluate` (about {minutes:.0f} minutes, seed {seed}): one story for
each of {samples} requests that name a held-out combination of place, time and character; temperature
{temperature}, top-p {top_p}. Only the continuation is judged, by the checker in `checker.py`; in brackets
bootstrap 95 % intervals.

| | measured |
|---|---|
{table}

Against the project's targets:

| | measured | target | |
|---|---|---|---|
{targets}

Perplexity counts the tokens of {perplexity_stories} test stories and their end tokens, given prompts that
name place, time and character. The bound is the perplexity of the grammar that wrote the stories, told the
same. The 5-gram model is interpolated Kneser-Ney over the same
tokens of the same training stories.

Stories with at least one fault of a kind: {faults}. After "Once upon a time": {plain_faults}.

## {count} samples, not picked

Sample i was drawn alone with seed i, temperature {temperature}, top-p {top_p}; the requests are the first
{count} of the measurement above. What the checker finds is said below each.

{written}
"""

LICENCE = """
## Licence

Weights, tokenizer, training stories and samples are under the MIT licence, like the code that made them.
"""


def _share(result: dict) -> str:
    """A share with its interval, in per cent."""
    return f"{result['share']:.1%} ({result['low']:.1%} to {result['high']:.1%})"


def _faults(counts: dict, samples: int) -> str:
    """Kinds of fault with the number of stories."""
    listed = ", ".join(f"{kind} {number}" for kind, number in counts.items())
    return f"{listed} (of {samples})" if listed else f"none (of {samples})"


def _table(measured: dict) -> str:
    """The main numbers as rows of a Markdown table."""
    held_out, corpus, perplexity = (measured[name] for name in ("held_out", "against_grammar", "perplexity"))
    overlap, copies = corpus["overlap_8gram"], corpus["verbatim_copies"]
    rows = [
        ("stories that pass the checker", _share(held_out["passes_check"])),
        (
            "asked place and time obeyed, and each mentioned",
            _share(held_out["place_and_time_obeyed_and_mentioned"]),
        ),
        ('stories after "Once upon a time" that pass', _share(measured["plain_prompt"]["passes_check"])),
        ("8-grams that occur in the training stories", f"{overlap['model']:.1%}"),
        ("the same for held-out stories of the grammar", f"{overlap['grammar']:.1%}"),
        ("stories copied word for word from training", f"{copies['model']:.1%}"),
        *(
            (f"distinct-{n} (grammar's own)", "{model:.3f} ({grammar:.3f})".format(**corpus[f"distinct_{n}"]))
            for n in (1, 2, 3)
        ),
        ("held-out perplexity per token", f"{perplexity['model']:.3f}"),
        ("the grammar's bound", f"{perplexity['grammar_bound']:.3f}"),
        ("a 5-gram model", f"{perplexity['fivegram']:.3f}"),
        ("a unigram model", f"{perplexity['unigram']:.1f}"),
    ]
    return "\n".join(f"| {name} | {value} |" for name, value in rows)


def _targets(rows: list[dict]) -> str:
    """The targets as rows of a Markdown table; a miss is called a miss."""
    return "\n".join(
        f"| {row['what']} | {row['value']:.3f} | {row['target']} | {'met' if row['met'] else '**missed**'} |"
        for row in rows
    )


def _samples(samples: list[dict]) -> str:
    """Each sample as a quotation under its seed and its prompt."""
    parts = []
    for sample in samples:
        verdict = ", ".join(sample["faults"]) or "no fault found"
        text = escape(" ".join(sample["text"].split()), quote=False)
        parts.append(
            f"**Seed {sample['seed']}.** *{sample['prompt'].strip()}*\n\n> {text}\n\nChecker: {verdict}."
        )
    return "\n\n".join(parts)


def _making(record: dict) -> str:
    """The sections about data, architecture and training."""
    settings, curve = record["settings"], record["curve"]
    values = {**settings, **{key: value for key, value in record.items() if key != "settings"}}
    start = settings["start_from"]
    values |= {
        "command": "make train-text" if not start else f"train_text --start-from {start}",
        "decay": settings["decay_share"],
        "recent": curve["train"][-1][0] - (curve["train"][-2][0] if len(curve["train"]) > 1 else 0),
        "train_loss": curve["train"][-1][1],
        "validation_loss": curve["validation"][-1][1],
        "bound": record["bound_nats_per_token"],
        "versions": ", ".join(f"{name} {number}" for name, number in record.get("versions", {}).items())
        or "unknown",
        "note": "\n" + record["note"] + "\n" if record.get("note") else "",
    }
    return MAKING.format(**values)


def _quality(measured: dict | None) -> str:
    """The measured quality with samples, or how to measure it."""
    if measured is None:
        return UNMEASURED
    held_out, plain = measured["held_out"], measured["plain_prompt"]
    return MEASURED.format(
        minutes=max(1, measured["seconds"] / 60),
        samples=held_out["samples"],
        **measured["sampling"],
        table=_table(measured),
        targets=_targets(measured["targets"]),
        perplexity_stories=measured["perplexity"]["stories"],
        faults=_faults(held_out["stories_with_fault"], held_out["samples"]),
        plain_faults=_faults(plain["stories_with_fault"], plain["samples"]),
        count=len(measured["samples"]),
        written=_samples(measured["samples"]),
    )


def write_card(folder: Path) -> None:
    """Write ``folder/README.md`` from ``training_curve.json`` and, if there is one, ``evaluation.json``."""
    record = json.loads((folder / "training_curve.json").read_text(encoding="utf-8"))
    evaluation = folder / "evaluation.json"
    measured = json.loads(evaluation.read_text(encoding="utf-8")) if evaluation.exists() else None
    purpose = PURPOSE.format(parameters=record["parameters"] / 1e6)
    card = FRONT + purpose + _making(record) + _quality(measured) + LICENCE
    (folder / "README.md").write_text(card, encoding="utf-8")
