"""Write the judge's card (``README.md`` beside its weights) from its training record."""

from __future__ import annotations

from smallworld.judges.pictures import LAYOUT, UNREADABLE

CARD = """---
license: mit
library_name: pytorch
---

# The small world's judge

Two small convolutional networks ({parameters:,} parameters together) that read a 64x64 picture of the small
world. One reads the facts: place, time of day, thing, its colour, and how many there are, from none to three.
Where something is there that nobody could name, it says so. The other reads the layout: how far down the land
begins, mean position and mean width of the things; it was never told a fact. They are here to measure
pictures that the image model makes.

```python
from smallworld.judges import pictures as judge

reader = judge.load()
print(reader.read([picture])[0])  # Reading(place="city", time="sunset", thing="flying car", ...)
print(reader.read([picture])[0].readable)  # False where the thing is "unreadable"
print(reader.layout([picture]))  # horizon, x, y, width in shares of the picture's side
```

## Data

{scenes:,} training scenes, drawn by `smallworld.world.drawing`; in every second one each thing is equally
likely. Combinations of place, time and thing that are held out for validation or test are not among them.
About {light:.0%} of the drawings are spoilt a little and keep their thing; about {strong:.0%} are spoilt so
strongly that nobody could name it (bent, swirled, half erased, two kinds merged, smeared, piled up, melted,
scattered, replaced by a blob or a pattern: `smallworld.making.spoiling`), and about {latent:.0%} in the same
way as latents of the image model. {reconstructed:.0%} of all drawings go through that model's autoencoder and
back. Beside them stand {fit} pictures of image models, good and bad ones, that were labelled by eye
(`smallworld/judges/labelled`), each {labelled_times} times.

In training a picture is mirrored, shifted by up to three pixels, blurred or sharpened, dimmed, tinted and
given noise, each mildly and by chance. In {recolored_share:.0%} of the pictures of a batch the colour
channels are mixed at random, and time and colour are not asked for: so a thing is told by its shape, not by
what is common there and then.

## Training

Command: `{command}`: {epochs} epochs in batches of {batch_size}, {minutes:.1f} minutes on
{device}, drawing included; seed {seed}. AdamW, weight decay {weight_decay}, peak learning rate
{learning_rate}, one cycle. Losses: cross-entropy for the facts, mean absolute error for the layout. The
curve is in `training.json`. From a probability of {threshold:g} on, the judge calls a thing unreadable; that
threshold was chosen on {choose} labelled pictures that it was not fitted to. Versions: {versions}.

## Measured quality

On {test_scenes:,} drawn scenes of combinations held out for test, and on {test_reconstructions:,} of them
after their way through the image model's autoencoder; in brackets 95 % intervals.

| fact | drawings | reconstructions |
|---|---|---|
{table}

Of such drawings, spoilt a little, the thing is still read in {spoilt_light}; spoilt strongly, it is called
unreadable in {spoilt_strong}. The layout reader explains this share of the variance (R^2) of the drawings:
{layout}.

### Against the eye

{eye}

## Limits

- It knows the small world alone. Shown anything else it names what that resembles, or calls it unreadable.
- It gives one thing and one colour. In a picture with two kinds of things it names the more striking one.
- The eye that it was held against is that of a few readers, who sometimes disagree with one another.
- Colours close to each other under a coloured light (grey and white clouds at night) are where it errs most.

## Licence

The weights are under the MIT licence, like the code that made them.
"""
ROWS = {
    "place": "place",
    "time": "time",
    "thing": "thing, or nothing",
    "color": "colour",
    "count": "number (1, 2, 3)",
    "several": "single or several",
}
EYE_ROWS = {
    "agreement": "judge and eye give the same thing, nothing, or unreadable",
    "obeyed": "judge and eye agree on whether the thing is the one that was asked for",
    "blobs_passed": "of the things that nobody could name: passed as what was asked for",
    "blobs_named": "of the things that nobody could name: not called unreadable",
    "named_refused": "of the things named with certainty: called unreadable",
    "doubtful_passed": "of the pictures on which the eye is not sure: passed as what was asked for",
    "count": "same number, where both name the same thing",
    "color": "same colour, there",
    "place": "same place, there",
    "time": "same time, there",
}
EYE = """On {pictures} pictures of image models that the judge was not fitted to. They were shown to readers
on numbered sheets, shuffled with drawings, without prompt, model or a list of words; how, and all their
answers, is in `smallworld/judges/labelled`.{readers}

| | pictures | share |
|---|---|---|
{table}

{confusion}"""


def in_words(share: dict) -> str:
    """A share with its interval."""
    return "{share:.1%} ({low:.1%} to {high:.1%})".format(**share) if "share" in share else "-"


def card(record: dict) -> str:
    """The model card (Markdown) from the training record."""
    quality, settings = record["quality"], record["settings"]
    again = quality.get("reconstructed", {})
    lines = [
        f"| {name} | {in_words(quality[key])} | {in_words(again.get(key, {}))} |"
        for key, name in ROWS.items()
    ]
    layout = ", ".join(f"{name} {quality[f'layout_{name}_r2']:.3f}" for name in LAYOUT)
    return CARD.format(
        **{key: value for key, value in settings.items() if key != "shares"},
        **settings["shares"],
        **{key: record[key] for key in ("parameters", "minutes", "device", "command")},
        **record["labelled"],
        threshold=quality["threshold"],
        versions=", ".join(f"{name} {number}" for name, number in record["versions"].items()),
        table="\n".join(lines),
        layout=layout,
        spoilt_light=in_words(quality["spoilt"]["light"]),
        spoilt_strong=in_words(quality["spoilt"]["strong"]),
        eye=eye_section(quality["eye"], quality["readers"]),
    )


def eye_section(eye: dict, readers: dict) -> str:
    """What the examination on labelled pictures found."""
    if not eye["pictures"]:
        return "No picture has been labelled yet."
    lines = [f"| {name} | {eye[key]['pictures']} | {in_words(eye[key])} |" for key, name in EYE_ROWS.items()]
    wrong = [f"{call(seen)} read as {call(read)} ({count})" for seen, read, count in eye["confusion"]]
    twice = f" Two readers of the same {readers['pictures']} pictures agree in {in_words(readers)}."
    return EYE.format(
        pictures=eye["pictures"],
        readers=twice if readers["pictures"] else "",
        table="\n".join(lines),
        confusion=f"Commonest disagreements, the eye's word first: {', '.join(wrong)}." if wrong else "",
    )


def call(thing: str) -> str:
    """A thing's name in a sentence."""
    return {"": "nothing", UNREADABLE: "unreadable"}.get(thing, thing)
