"""Write the image model's card (``README.md`` beside the weights) from what was recorded and measured."""

from __future__ import annotations

import json
from pathlib import Path

from smallworld.world.words import drawable

FRONT = """---
license: mit
language: en
library_name: diffusers
pipeline_tag: text-to-image
---

# The small world's painter

A `StableDiffusionPipeline` with {millions:.1f} million parameters that draws 64x64 pictures of one small
made-up world. It was trained from scratch, by the code of this repository, on scenes that the repository
draws itself. It is here so that every cell of the workbook runs without a network, an account or a GPU.

```python
import torch
from diffusers import StableDiffusionPipeline

pipe = StableDiffusionPipeline.from_pretrained("smallworld/weights/image").to(torch.float32)
seed = torch.Generator().manual_seed(0)
settings = {{"num_inference_steps": {steps}, "guidance_scale": {guidance}, "generator": seed}}
picture = pipe("A futuristic cityscape with flying cars at sunset", **settings).images[0]
picture.save("city.png")
```

## Intended use and limits

Made for teaching: to take a diffusion model apart, to sample from it, to measure it, to fine-tune it. It is
no illustrator for any other purpose.

- It draws, in any combination, {drawable}. Of a thing there are one, two or three, all of one colour, and no
  picture has two kinds of things.
- Whoever a sentence tells about is not drawn: there are no characters in these pictures.
- A word that it never saw is read in pieces and mostly ignored; `helpers.images.generate` names such words.
- It reads {positions} tokens of a prompt; what comes after is cut off.
- "No", "without" and the like are not understood: what a prompt names is drawn.
- Nothing in its training data comes from people or from the web.
"""

UNFINISHED = """---
license: mit
library_name: diffusers
---

# The small world's painter, first stage

Only the autoencoder of the image model is here so far: an `AutoencoderKL` that turns 64x64 pictures into
16x16 latents and back. `make train-images ARGS="--start-from shipped --only diffusion"` trains the UNet and
the text encoder that are still missing.

Limits: it shows pictures of the small world well, and others of simple shapes; it draws nothing by itself.
"""

MAKING = """
## Data

{scenes:,} scenes of the training combinations, drawn by `smallworld.world.scenes`, each with captions that
`captions.py` words anew at every step, a fifth of them sentences of the story world. One combination of
place, time and thing in nine is held out for validation, one in nine for test; neither the autoencoder nor
the UNet saw one. A quarter of the autoencoder's pictures are random shapes, palettes and textures
(`shapes.py`), so that it can show more than this world.

## Parts

| part | class | parameters |
|---|---|---|
| autoencoder | `AutoencoderKL`, 64x64x3 to 16x16x{latent_channels} and back | {vae:,} |
| text encoder | `CLIPTextModel`, trained with the UNet | {text_encoder:,} |
| UNet | `UNet2DConditionModel`, predicts v | {unet:,} |

The tokenizer is a byte-level BPE in small letters, learnt from captions. The latents have mean 0 and spread 1
in every channel (folded into the autoencoder's weights), so `scaling_factor` is 1. DDIM is the scheduler
stored here; Euler and DPM-Solver++ take the same configuration. float16 on disk, meant to be used in float32
on a CPU.

## Training

Command: `make train-images`; seed {seed}. Stages, in order:

| stage | steps | batch | minutes | on | began with |
|---|---|---|---|---|---|
{stages}

Autoencoder: absolute and squared error and the error of neighbouring pixels' differences, where there are
things {things_weight:g} times as strong, and {kl_weight:g} times the KL divergence. Text encoder, first
alone: linear heads, thrown away later, must tell a caption's facts from its mean state; {text_odd_share:.0%}
of the captions put a thing where the world never has it, so that its word is learnt and not its company. UNet
and text encoder: mean squared error of v, {focus:.0%} of the timesteps from a logit-normal distribution
(Esser et al. 2024) and the rest uniform, caption dropped in {no_caption_share:.0%} of the cases (for
classifier-free guidance), weights averaged ({ema_decay}). AdamW, peak learning rates {autoencoder_rate},
{text_rate} and {diffusion_rate}, linear decay over the last {decay_share:.0%}; gradients clipped at norm 1;
bfloat16 autocast where the hardware has it. The curves are in `training.json`. Versions: {versions}.
"""

UNMEASURED = """
## Measured quality

Not measured yet: `python -m smallworld.evaluate --only image --card` measures this model and
completes the card.
"""

MEASURED = """
## Measured quality

From `python -m smallworld.evaluate --only image` (about {minutes:.0f} minutes, seed {seed}):
{steps} {scheduler} steps, guidance {guidance_scale:g}, both chosen on validation combinations; the numbers
are from test combinations. Facts are read by the judge in `weights/judge`, which never saw a generated
picture. In brackets bootstrap 95 % intervals.

| right in a picture | captions of test combinations | hand-written sentences | the article's prompt |
|---|---|---|---|
{facts}

({pictures} captions, seed i for caption i; {sentences} sentences with {a_sentence} seeds each;
{article_pictures} seeds.)

Against the project's targets:

| | measured | target | |
|---|---|---|---|
{targets}

Place, time and thing all right with other samplers at {steps} steps: {schedulers}. With {steps} steps of the
default {few}, with 50 {many}.

Right of asked, by thing: {by_thing}.

![The first 40 pictures of the measurement, not picked](samples.png)

The first 40 pictures of the measurement, not picked, in rows of eight:

{prompts}
{misses}
![Held-out scenes and unseen shapes, each above its reconstruction](autoencoder.png)

Held-out scenes and shapes of kinds that were never trained on, each above its reconstruction.
"""

MISSES = """
![Pictures in which the judge reads something else than was asked](misses.png)

Where the judge reads something else than was asked (the first 24 of {count}):

{rows}
"""

LICENCE = """
## Licence

Weights, tokenizer, training pictures and samples are under the MIT licence, like the code that made them.
"""

FACTS = {"all": "place, time and thing together", "place": "place", "time": "time",
         "thing": "thing, or nothing", "color": "named colour", "several": "single or several"}  # fmt: skip


def _share(result: dict | None) -> str:
    """A share with its interval, in per cent."""
    if result is None:
        return ""
    return f"{result['share']:.1%} ({result['low']:.1%} to {result['high']:.1%})"


def _making(record: dict) -> str:
    """The sections about data, parts and training."""
    rows = [
        f"| {made['stage']} | {made['steps']:,} | {made['settings'][made['stage'] + '_batch']} | "
        f"{made['minutes']:.0f} | {made['device']} | {made['started_from']} |"
        for made in record["stages"]
    ]
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    parts = record["parameters"]
    note = f"\n{record['note']}\n" if record.get("note") else ""
    return MAKING.format(**record["settings"], **parts, stages="\n".join(rows), versions=versions) + note


def _looked_at(made: dict) -> str:
    """What the last look at the autoencoder measured."""
    last = made["curve"][-1]
    return (
        "\n## Measured quality\n\n"
        f"Peak signal-to-noise ratio at the last of {made['steps']:,} steps, in the precision of training: "
        f"{last['psnr_scenes']:.1f} dB on 96 validation scenes, {last['psnr_shapes']:.1f} dB on 96\n"
        "pictures of kinds of shapes that were never trained on.\n"
    )


def _quality(measured: dict | None) -> str:
    """The measured quality with samples, or how to measure it."""
    if measured is None:
        return UNMEASURED
    columns = [measured[name] for name in ("held_out", "sentences", "article")]
    facts = [f"| {name} | {' | '.join(_share(c.get(key)) for c in columns)} |" for key, name in FACTS.items()]
    targets = [
        f"| {row['what']} | {row['value']:.3f} | {row['target']} | {'met' if row['met'] else '**missed**'} |"
        for row in measured["targets"]
    ]
    steps = {name: _share(value) for name, value in measured["steps"].items() if "share" in value}
    asked = columns[0]["by_thing"].items()
    return MEASURED.format(
        minutes=max(1, measured["seconds"] / 60),
        **measured["settings"],
        facts="\n".join(facts),
        pictures=columns[0]["pictures"],
        sentences=columns[1]["sentences"],
        a_sentence=columns[1]["pictures"] // columns[1]["sentences"],
        article_pictures=columns[2]["pictures"],
        targets="\n".join(targets),
        schedulers=", ".join(f"{k} {_share(v['all'])}" for k, v in measured["schedulers"].items()),
        few=steps[str(measured["settings"]["steps"])],
        many=steps["50"],
        by_thing=", ".join(f"{thing} {count}" for thing, count in asked),
        prompts="\n".join(f"{one['seed'] + 1}. {one['prompt']}" for one in measured["samples"]),
        misses=_misses(columns[0]["misses"]),
    )


def _misses(missed: list[dict]) -> str:
    """The misses among the captions, as a list under their pictures."""
    if not missed:
        return ""
    rows = [
        f"{number}. {miss['prompt']}: "
        + ", ".join(f"{fact} {miss['asked'][fact]!r}, read {miss['read'][fact]!r}" for fact in miss["asked"])
        for number, miss in enumerate(missed[:24], 1)
    ]
    return MISSES.format(count=len(missed), rows="\n".join(rows))


def write_card(folder: Path) -> None:
    """Write ``folder/README.md`` from ``training.json`` and, if there is one, ``evaluation.json``."""
    from smallworld.making.evaluation.images import GUIDANCE_SCALE, STEPS

    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    evaluation = folder / "evaluation.json"
    measured = json.loads(evaluation.read_text(encoding="utf-8")) if evaluation.exists() else None
    if all(made["stage"] != "diffusion" for made in record["stages"]):
        card = UNFINISHED + _making(record) + _looked_at(record["stages"][-1]) + LICENCE
        (folder / "README.md").write_text(card, encoding="utf-8")
        return
    front = FRONT.format(
        millions=sum(record["parameters"].values()) / 1e6,
        steps=STEPS,
        guidance=GUIDANCE_SCALE,
        drawable=drawable().replace("; ", "; of "),
        positions=record["positions"],
    )
    card = front + _making(record) + _quality(measured) + LICENCE
    (folder / "README.md").write_text(card, encoding="utf-8")
