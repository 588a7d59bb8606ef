"""The model card of the shipped voice, from the records beside its weights."""

from __future__ import annotations

import json
from pathlib import Path

CARD = """---
license: mit
pipeline_tag: text-to-speech
---

# The small world's voice

A WaveNet with {parameters:,} parameters that speaks five vowels and the consonants m and sh at a pitch
that it is asked for, 8,000 samples a second. It was trained from scratch, by the code of this
repository, on speech that the repository's own synthesis makes, and is here so that the workbook can
show how a wave is written sample by sample.

```python
from helpers.lessons.sound import wavenet

samples = wavenet.speak(wavenet.load(), "shima", 150.0, seed=0, temperature=0.8)
```

## Intended use and limits

Made for teaching. It knows no words and no language, only the seven sounds of
`smallworld/world/speech.py`, at 90 to 240 Hz; it was given no recording of a person, so it is nobody's
voice. It sounds hoarse, like a toy.

## Data, architecture, training

{recordings:,} recordings of `smallworld/world/speech.py`: single vowels and syllables of a consonant
and a vowel, no word of two syllables; each by another made-up speaker. {layers} layers with dilations
{dilations}, {channels} channels, gated units, 256 mu-law levels; what to speak is added in every layer
(van den Oord et al. 2016). float16 on disk.

Command: `make train-voice`; {steps:,} steps of {batch} pieces of {length:,} samples, {cpu_seconds}
seconds of one CPU core; seed {seed}. AdamW, one cycle with a peak learning rate of 0.004, gradients
clipped at norm 1.

## Measured quality

From `make train-voice ARGS=--measure`. Loss on recordings of new speakers: {loss} nats a sample. An
independent ear (`smallworld/judges/voice.py`: linear prediction and autocorrelation, not used in
training) listens to each vowel at five pitches with two seeds, at two temperatures:

| | temperature 1.0 | temperature 0.8 |
|---|---|---|
| vowels heard as asked | {sharp[vowels]} | {calm[vowels]} |
| pitch at most 3 % off | {sharp[pitch]} | {calm[pitch]} |

Syllables whose beginning (m or sh) is heard as asked: {beginnings}.
"""


def write(folder: Path, parameters: int) -> None:
    """Write README.md from config.json, training.json and evaluation.json of a folder."""
    settings, training, found = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("config", "training", "evaluation")
    )
    words = CARD.format(
        parameters=parameters, layers=len(settings["dilations"]), channels=settings["channels"],
        dilations=", ".join(map(str, settings["dilations"])), sharp=found["temperature 1.0"],
        calm=found["temperature 0.8"], loss=found["loss"], beginnings=found["beginnings"], **training,
    )  # fmt: skip
    (folder / "README.md").write_text(words, encoding="utf-8")
