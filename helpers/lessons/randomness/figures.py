"""The figures of notebook 02: tables of pictures, drawn words, turned noise, a guess, pairs, corners."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import chain
from string import ascii_uppercase

import numpy as np
from matplotlib.figure import Figure
from PIL.Image import Image

from helpers import guess, plots
from helpers.answers import Used
from helpers.lessons.randomness.conditions import Look

WIDTH = 8.1  # inches, as wide as a page
BATCHES = ("all three", "only 2\nand 3")


def table(pictures: Sequence[Image], *, rows: Sequence[str] = (), columns: Sequence[str] = ()) -> Figure:
    """Large pictures in rows and columns, four side by side, with the names of both."""
    wide = 1.1 if rows else 0.1
    side = (WIDTH - wide) / max(1, len(columns)) - 0.06
    named = [textwrap.fill(row, 13) for row in rows]
    return plots.pictures(pictures, columns, columns=len(columns), rows=named, side=min(side, 1.8))


def seed_table(pictures: Sequence[Image], prompts: Sequence[str], seeds: Sequence[int]) -> Figure:
    """Pictures in a table: a row for each prompt, a column for each seed."""
    return table(pictures, rows=prompts, columns=[f"seed {seed}" for seed in seeds])


def first_dropped(pictures: Sequence[Image], whose: str) -> Figure:
    """Batches of three pictures, each above a batch of pictures 2 and 3 only.

    pictures: three and two from one stream, then three and two with a stream for each. whose: the function
    is that makes these streams, as `use` says it. Equal pictures have the same letter.
    """
    empty = np.ones((4, 4, 3))  # where picture 1 would be
    rows = [f"{streams}:\n{batch}" for streams in ("one stream", "a stream\nfor each") for batch in BATCHES]
    columns = [f"picture {number}" for number in (1, 2, 3)]
    shown = [*pictures[:3], empty, *pictures[3:8], empty, *pictures[8:]]
    title = f"The same letter: the same picture.\nnoise_rows is {whose}."
    figure = plots.pictures(shown, columns, columns=3, rows=rows, side=1.6, title=title)
    filled = []
    for i, axes in enumerate(figure.axes):
        if i in (3, 9):
            axes.text(0.5, 0.5, "not asked for", transform=axes.transAxes, ha="center", va="center",
                      fontsize=12)  # fmt: skip
        else:
            filled.append(axes)
    for axes, letter in zip(filled, letters(pictures), strict=True):
        axes.text(0.05, 0.06, letter, transform=axes.transAxes, fontsize=13, fontweight="bold",
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 3})  # fmt: skip
    return figure


def letters(pictures: Sequence[Image]) -> list[str]:
    """A letter for each picture, the same one for pictures that differ by less than 2 of 255 on average."""
    known, names = [], []
    for picture in pictures:
        pixels = np.asarray(picture, dtype=float)
        same = [i for i, other in enumerate(known) if np.abs(pixels - other).mean() < 2]
        if not same:
            known.append(pixels)
        names.append(ascii_uppercase[same[0] if same else len(known) - 1])
    return names


def captioned(pictures: Sequence[Image], captions: Sequence[str], columns: int = 4) -> Figure:
    """Large pictures, each under a caption of its own."""
    side = min((WIDTH - 0.1) / columns - 0.06, 3.0)
    wrapped = [textwrap.fill(caption, 22) for caption in captions]
    return plots.pictures(pictures, wrapped, columns=columns, side=side)


def story_and_picture(story: str, picture: Image, title: str) -> Figure:
    """A picture above a story, at most seven lines of it."""
    figure, (scene, page) = plots.grid(2, 1, width=4.8, height=5.2, height_ratios=(2.1, 1))
    scene.imshow(np.asarray(picture), interpolation="bicubic")
    scene.set_title(title)
    lines = textwrap.wrap(story.strip(), 36)
    shown = lines if len(lines) <= 7 else [*lines[:7], "…"]
    words = page.text(0, 1, "\n".join(shown), va="top", parse_math=False)
    words.set_in_layout(False)  # however long the lines are, the picture keeps its place
    for axes in (scene, page):
        axes.set_axis_off()
    return figure


def by(whose: str) -> str:
    """Who measured or drew: "by your function", or "by the reference answer"; whose: as `use` says it."""
    return "by your function" if whose == "your own" else "by the reference answer"


def drawn_words(
    words: Sequence[str], probabilities: Sequence[float], positions: Sequence[int], whose: str
) -> Figure:
    """How often each word was drawn, as bars, and its probability, a diamond; whose: the function is."""
    counts = np.bincount(np.asarray(positions), minlength=len(words))
    figure, axes = plots.grid(width=7.2, height=3.6)
    note = f"{len(positions)} draws {by(whose)}"
    plots.bars(words, counts / len(positions), x_label="word", y_label="share of the draws", title=note,
               axes=axes)  # fmt: skip
    axes.plot(range(len(words)), probabilities, "D", color=plots.PALETTE[1], ms=11, mew=2, mfc="none",
              label="probability")  # fmt: skip
    axes.legend()
    return figure


def noise_and_pictures(noise, pictures: Sequence[Image], degrees: Sequence[float]) -> Figure:
    """Noise (pictures, channels, height, width), its first channel, above the pictures made of it."""
    grey = [layer.float().cpu().numpy() for layer in noise[:, 0]]
    captions = [f"turned by {angle:g}°" if angle else "first noise" for angle in degrees]
    columns, side = len(degrees), (WIDTH - 1.1) / len(degrees) - 0.06
    rows = ("noise,\nlayer 1", "picture")
    figure = plots.pictures([*grey, *pictures], captions, columns=columns, rows=rows, side=side)
    for axes in figure.axes[:columns]:
        axes.images[0].set(interpolation="nearest", clim=(-3, 3))  # every number as a square
    return figure


# Guidance


def all_seeds(by_scale: Mapping[float, Sequence[Image]], seeds: Sequence[int]) -> Figure:
    """All pictures: a row for each seed, a column for each guidance scale."""
    rows = zip(*by_scale.values(), strict=True)
    names = [f"guidance {scale:g}" for scale in by_scale]
    return table([*chain(*rows)], rows=[f"seed {seed}" for seed in seeds], columns=names)


# Conditions that cannot be met


def pairs(
    pictures: Sequence[Image], requests: Sequence[str], seeds: Sequence[int], title: str = ""
) -> Figure:
    """Requests, each above its baseline: a row of pictures for each, and a gap after every second row."""
    side = (WIDTH - 1.3) / len(seeds)
    height = (side + 0.2) * len(requests) + 0.3 * len(title.splitlines()) + 0.1 * bool(title)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.03, w_pad=0.03, hspace=0, wspace=0)
    figure.suptitle(title, fontsize=14, fontweight="bold", x=0.02, ha="left")
    for i, block in enumerate(np.atleast_1d(figure.subfigures(len(requests) // 2, 1, hspace=0.08))):
        first = 2 * i * len(seeds)
        _pair(block, pictures[first : first + 2 * len(seeds)], requests[2 * i : 2 * i + 2], seeds)
    return figure


def prediction(pictures: Sequence[Image], test: Used, seeds: Sequence[int]) -> Figure:
    """The pictures of an impossible request above its baseline's, what to look for, and what was predicted.

    test: a request, its baseline, what to look for and a prediction, as `use` gives them back.
    """
    request, baseline = test.value["request"], test.value["baseline"]
    sign = textwrap.shorten(test.value["look_for"], 40, placeholder=" …").replace("$", r"\$")
    title = (f"The request is {test.whose}. Look for: {sign}.\n"
             f"Predicted: {test.value['prediction']} of {len(seeds)}. Count in both rows.")  # fmt: skip
    return pairs(pictures, [request, baseline], seeds, title)


def _pair(block, pictures: Sequence[Image], requests: Sequence[str], seeds: Sequence[int]) -> None:
    """Fill a block: the pictures of a request, and below them those of its baseline."""
    rows = block.subplots(2, len(seeds), squeeze=False)
    for axes, picture in zip(rows.flat, pictures, strict=True):
        axes.imshow(np.asarray(picture), interpolation="bicubic")
        axes.set_axis_off()
    for axes, seed in zip(rows[0], seeds, strict=True):
        axes.set_title(f"seed {seed}", fontsize=11, fontweight="normal", pad=4, loc="center")
    for axes, name in zip(rows[:, 0], (requests[0], f"baseline: {requests[1]}"), strict=True):
        words = "\n".join(textwrap.wrap(name, 14, max_lines=7, placeholder=" …"))
        axes.text(-0.06, 0.5, words, transform=axes.transAxes, ha="right", va="center", fontsize=11,
                  parse_math=False)  # fmt: skip


def guess_moons(asked: Look, baseline: Look) -> None:
    """Guess first: how many pictures that were to have no moon have one? Then see them, and the baseline."""
    total = len(asked.pictures)
    bounds = {f"at most {total // 4}": total // 4,
              f"{total // 4 + 1} to {3 * total // 4}": 3 * total // 4,
              f"more than {3 * total // 4}": total}  # fmt: skip
    answer = next(name for name, most in bounds.items() if asked.count <= most)

    def draw(chosen: str | None) -> Figure:
        return marked([asked, baseline], f"You guessed: {chosen}." if chosen else "")

    said = "; ".join(f"{look.request}: {look.count}" for look in (asked, baseline))
    question = f"Of {total} pictures that were asked to have no moon, how many show one?"
    guess.choice(question, list(bounds), draw, answer=answer,
                 alt=f"{total} pictures of each request; how many show a moon. {said}.")  # fmt: skip


def marked(looks: Sequence[Look], note: str = "", columns: int = 8) -> Figure:
    """All pictures of some requests, a block for each; a frame marks those where the sign is seen."""
    rows = sum(-(-len(look.pictures) // columns) for look in looks)
    figure = Figure(figsize=(WIDTH, WIDTH / columns * rows + 0.5 * len(looks) + 0.3 * bool(note)),
                    layout="constrained")  # fmt: skip
    figure.get_layout_engine().set(h_pad=0.03, w_pad=0.03, hspace=0, wspace=0)
    figure.suptitle(note, fontsize=13)
    for block, look in zip(figure.subfigures(len(looks), 1, hspace=0.04), looks, strict=True):
        block.suptitle(f"{look.request}: a {look.sign} in {look.count} of {len(look.pictures)}",
                       fontsize=13, fontweight="bold")  # fmt: skip
        places = block.subplots(-(-len(look.pictures) // columns), columns, squeeze=False).flat
        for axes, picture, seen in zip(places, look.pictures, look.seen, strict=False):
            axes.imshow(np.asarray(picture), interpolation="bicubic")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set(visible=True, color=plots.PALETTE[1] if seen else "white", linewidth=3)
    return figure


# Control against variety


def four_corners(corners: Mapping[str, Sequence[Image]]) -> Figure:
    """Four blocks of four pictures, two by two, each block under its name."""
    figure = Figure(figsize=(6.2, 6.9), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.03, w_pad=0.03, hspace=0, wspace=0)
    blocks = figure.subfigures(2, 2, wspace=0.06, hspace=0.06).flat
    for block, (name, pictures) in zip(blocks, corners.items(), strict=True):
        block.suptitle(name, fontsize=13, fontweight="bold")
        for axes, picture in zip(block.subplots(2, 2).flat, pictures, strict=True):
            axes.imshow(np.asarray(picture), interpolation="bicubic")
            axes.set_axis_off()
    return figure
