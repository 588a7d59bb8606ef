"""What is special about the card of the melody model."""

from __future__ import annotations

from dataclasses import asdict

from smallworld.making.cards.writer import Card, command, note, share, table, targets_table, versions
from smallworld.making.language.melody_data import Settings
from smallworld.world.melodies import CHOICES

DESCRIPTION = """
A GPT-2-class language model with {parameters:,} parameters whose words are notes. It writes tunes of four or
eight bars, for one voice, for a mood, a place, a key and a metre. It was trained from scratch, by the code of
this repository, on tunes that the repository's own grammar writes, and is here so that the workbook can show
that the loop which writes a story writes a tune as well.

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "smallworld/weights/melodies"
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32", trust_remote_code=False)
inputs = tokenizer("calm ocean D 3/4 :", return_tensors="pt")
output = model.generate(**inputs, do_sample=True, temperature=0.8, top_p=0.95, top_k=0, max_new_tokens=150)
print(tokenizer.decode(output[0], skip_special_tokens=True))
```

A prompt has four words and a colon: mood ({moods}), place ({places}), key (C, D, E, F, G, A: the mood decides
between major and minor) and metre (3/4, 4/4). "any" leaves one of them open. A note is a name and a length in
beats ("D4 1"), `rest` is silence, `|` begins the next bar.

## Intended use and limits

Made for teaching. It knows one kind of tune: phrases of two bars, one voice, no chords, no tempo, no
loudness. A mood is what the grammar means by it (lengths of notes, major or minor, rests, leaps), not what
listeners feel. Any other word in a prompt is unknown to it. Nothing in its training data comes from people or
from the web: no song was used.

## Data, architecture, training

{tunes:,} training tunes ({training_tokens:,} tokens) of `smallworld.world.melody_grammar`. Of 48 pairs of
mood and place, 12 never occur in training: 8 are the test pairs, 4 the validation pairs. One way in five to
answer an opening is held out too. `GPT2LMHeadModel`: {layers} layers, {width} wide, {heads} heads,
{positions} positions, {words} words, tied embeddings, no dropout. float16 on disk, meant to be loaded as
float32 on a CPU.

Command: `{command}`; {steps:,} steps of up to {batch_tokens:,} tokens, {minutes:.0f} minutes on {device};
seed {seed}. `torch.optim.Muon` for the matrices of the layers, AdamW for the rest; peak learning rate
{learning_rate}, {warmup} steps of warm-up, constant, then linear decay to zero over the last
{decay_share:.0%}; gradients clipped at norm 1; bfloat16 autocast where the hardware has it. Requests are not
part of the loss. Last validation loss {loss:.3f} nats per token, where the grammar itself needs {bound:.3f}
(it knows the held-out answers; no training tune has them). The curve is in `training.json`. Versions:
{versions}.
{note}"""

MEASURED = """
From `python -m smallworld.evaluate --only melodies` ({seconds:.0f} seconds, seed {seed}): a tune for each of
{tunes} requests for held-out pairs of mood and place, temperature {temperature}, top-p {top_p}, read by
`smallworld/world/melody_reader.py`; in brackets Wilson 95 % intervals. The 3-gram model (interpolated
Kneser-Ney over the same tokens of the same training tunes) gets the same requests. The random notes have any
of the 37 pitches and six lengths, and a bar line after about every fourth note. "Other request": the model's
own tunes, each judged by another request, which is what luck alone obeys.

| | model | the grammar itself | 3-gram | random notes | other request |
|---|---|---|---|---|---|
{table}

A tune is in metre if it has four or eight bars and each fills the metre exactly; in key if every note belongs
to the key's major or minor scale; a mood is obeyed if the tune has every sign of it, a place if it opens with
the place's call.
A phrase of four bars is copied if a training tune has it, in this or any other key.

Per mood: {per_mood}.

Nats per token on {nats[tunes]} held-out tunes, given the request: model {nats[model]:.3f}, the grammar itself
{nats[grammar]:.3f}, 3-gram {nats[threegram]:.3f}.

The reader itself, on {read} held-out tunes of the grammar: {reader}.
What it says of the same tunes after one change: {corrupted}.

Against the project's targets:

| | measured | target | |
|---|---|---|---|
{targets}

The first tunes, not picked:

| request | tune | read as |
|---|---|---|
{samples}
"""

RECORDED = ("parameters", "training_tokens", "words", "minutes", "device")
ROWS = {
    "in_metre": "in metre",
    "in_key": "in key (whole tunes)",
    "notes_in_key": "in key (single notes)",
    "comes_home": "ends on the key's own note",
    "mood": "mood obeyed",
    "place": "place obeyed",
    "all": "all four obeyed",
    "copied": "phrases of four bars copied",
}
WRITERS = ("model", "grammar", "threegram", "random", "other_request")


def describe(record: dict) -> str:
    """Purpose, limits, data, architecture and training."""
    settings = record["settings"]
    return DESCRIPTION.format(
        **(settings | {name: record[name] for name in RECORDED}),
        moods=", ".join(CHOICES.mood),
        places=", ".join(CHOICES.place),
        command=command("train-melodies", settings, asdict(Settings())),
        loss=record["curve"]["validation"][-1][1],
        bound=record["bound_nats_per_token"],
        versions=versions(record),
        note=note(record),
    )


def quality(measured: dict) -> str:
    """The measured quality with its baselines, and the first tunes."""
    rows = [
        (title, *(share(measured["writers"][writer].get(name)) for writer in WRITERS))
        for name, title in ROWS.items()
    ]
    return MEASURED.format(
        **{name: measured[name] for name in ("seconds", "tunes")},
        **measured["sampling"],
        table=table(rows),
        per_mood=shares(measured["mood_by_mood"]),
        nats=measured["nats_per_token"],
        read=measured["reader"]["tunes"],
        reader=shares(measured["reader"]["right"]),
        corrupted=shares(measured["reader"]["noticed"]),
        targets=targets_table(measured["targets"]),
        samples=table(
            (sample["request"], sample["text"].replace("|", "/"), sample["read"])
            for sample in measured["samples"]
        ),
    )


def shares(results: dict[str, dict]) -> str:
    """Shares with their intervals on one line."""
    return "; ".join(f"{name} {share(result)}" for name, result in results.items())


CARD = Card(
    name="melodies",
    title="The small world's singer",
    library="transformers",
    task="text-generation",
    data="tunes",
    record="training.json",
    describe=describe,
    quality=quality,
)
