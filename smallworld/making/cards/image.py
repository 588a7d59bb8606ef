"""What is special about the card of the image model, and its first stage, the autoencoder."""

from __future__ import annotations

from smallworld.making.cards.writer import Card, note, share, table, targets_table, versions
from smallworld.making.image.pipeline import GUIDANCE_SCALE, STEPS
from smallworld.world.words import drawable

PURPOSE = """
A `StableDiffusionPipeline` with {millions:.1f} million parameters that draws 64x64 pictures of one small
made-up world. It was trained from scratch, by the code of this repository, on scenes that the repository
draws itself. It is here so that every cell of the workbook runs without a network, an account or a GPU.

```python
import torch
from diffusers import StableDiffusionPipeline

folder = "smallworld/weights/image"
pipe = StableDiffusionPipeline.from_pretrained(folder, trust_remote_code=False).to(torch.float32)
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

FIRST_STAGE_PURPOSE = """
Only the autoencoder of the image model is here so far: an `AutoencoderKL` that turns 64x64 pictures into
16x16 latents and back. `make train-images ARGS="--start-from shipped --only diffusion"` trains the UNet and
the text encoder that are still missing.

Limits: it shows pictures of the small world well, and others of simple shapes; it draws nothing by itself.
"""

FIRST_STAGE_QUALITY = """
## Measured quality

Peak signal-to-noise ratio at the last of {steps:,} steps, in the precision of training:
{psnr_scenes:.1f} dB on 96 validation scenes, {psnr_shapes:.1f} dB on 96 pictures of kinds of shapes that were
never trained on.
"""

MAKING = """
## Data

{scenes:,} scenes of the training combinations, drawn by `smallworld.world.drawing`, each with many captions
by `captions.py`, a fifth of them sentences of the story world. Things with many small parts come
{hard_weight:g} times as often as others in every second scene. One combination of place, time and thing in
nine is held out for validation, one in nine for test; neither the autoencoder nor the UNet saw one. A quarter
of the autoencoder's pictures are random shapes, palettes and textures (`shapes.py`), so that it can show more
than this world.

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
and text encoder: mean squared error of v, {things_loss:g} times as strong where there are things,
{focus:.0%} of the timesteps from a logit-normal distribution
(Esser et al. 2024) and the rest uniform, caption dropped in {no_caption_share:.0%} of the cases (for
classifier-free guidance), weights averaged ({ema_decay}). AdamW, peak learning rates {autoencoder_rate},
{text_rate} and {diffusion_rate}, linear decay over the last {decay_share:.0%}; gradients clipped at norm 1;
bfloat16 autocast on a GPU. The curves are in `training.json`. Versions: {versions}.
"""

MEASURED = """
Not measured yet: `python -m smallworld.evaluate --only image --card` measures this model and
completes the card.
"""

MEASURED = """
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

FACTS = {
    "all": "place, time and thing together",
    "place": "place",
    "time": "time",
    "thing": "thing, or nothing",
    "color": "named colour",
    "several": "single or several",
}


def describe(record: dict) -> str:
    """Purpose, limits, data, parts and training."""
    purpose = PURPOSE.format(
        millions=sum(record["parameters"].values()) / 1e6,
        steps=STEPS,
        guidance=GUIDANCE_SCALE,
        drawable=drawable().replace("; ", "; of "),
        positions=record["positions"],
    )
    return purpose + making(record)


def describe_first_stage(record: dict) -> str:
    """The same for an autoencoder alone, with what the last look at it measured."""
    stage = record["stages"][-1]
    look = stage["curve"][-1]
    values = {name: look[name] for name in ("psnr_scenes", "psnr_shapes")}
    return FIRST_STAGE_PURPOSE + making(record) + FIRST_STAGE_QUALITY.format(steps=stage["steps"], **values)


def making(record: dict) -> str:
    """The sections about data, parts and training."""
    rows = []
    for stage in record["stages"]:
        batch = stage["settings"][f"{stage['stage']}_batch"]
        minutes = f"{stage['minutes']:.0f}"
        steps = f"{stage['steps']:,}"
        rows.append((stage["stage"], steps, batch, minutes, stage["device"], stage["started_from"]))
    text = MAKING.format(
        **record["settings"],
        **record["parameters"],
        things_loss=1 + record["settings"]["diffusion_things_weight"],
        stages=table(rows),
        versions=versions(record),
    )
    return text + note(record)


def quality(measured: dict) -> str:
    """The measured quality with samples and misses."""
    held_out, sentences, article = (measured[name] for name in ("held_out", "sentences", "article"))
    columns = (held_out, sentences, article)
    facts = [(name, *(share(column.get(fact)) for column in columns)) for fact, name in FACTS.items()]
    samplers = [f"{name} {share(result['all'])}" for name, result in measured["schedulers"].items()]
    samples = [f"{sample['seed'] + 1}. {sample['prompt']}" for sample in measured["samples"]]
    steps = str(measured["settings"]["steps"])
    return MEASURED.format(
        minutes=max(1, measured["seconds"] / 60),
        **measured["settings"],
        facts=table(facts),
        pictures=held_out["pictures"],
        sentences=sentences["sentences"],
        a_sentence=sentences["pictures"] // sentences["sentences"],
        article_pictures=article["pictures"],
        targets=targets_table(measured["targets"]),
        schedulers=", ".join(samplers),
        few=share(measured["steps"][steps]),
        many=share(measured["steps"]["50"]),
        by_thing=", ".join(f"{thing} {count}" for thing, count in held_out["by_thing"].items()),
        prompts="\n".join(samples),
        misses=list_misses(held_out["misses"]),
    )


def list_misses(missed: list[dict]) -> str:
    """The misses among the captions, as a list under their pictures."""
    if not missed:
        return ""
    rows = []
    for number, miss in enumerate(missed[:24], 1):
        facts = [f"{fact} {miss['asked'][fact]!r}, read {miss['read'][fact]!r}" for fact in miss["asked"]]
        rows.append(f"{number}. {miss['prompt']}: {', '.join(facts)}")
    return MISSES.format(count=len(missed), rows="\n".join(rows))


CARD = Card(
    name="image",
    title="The small world's painter",
    library="diffusers",
    task="text-to-image",
    data="pictures",
    record="training.json",
    describe=describe,
    quality=quality,
)
FIRST_STAGE = Card(
    name="image",
    title="The small world's painter, first stage",
    library="diffusers",
    task="",
    data="pictures",
    record="training.json",
    describe=describe_first_stage,
)


def card_of(record: dict) -> Card:
    """The card of a model with this training record: of the first stage alone there is no pipeline yet."""
    finished = any(stage["stage"] == "diffusion" for stage in record["stages"])
    return CARD if finished else FIRST_STAGE
