"""The figures of notebook 02: tables of pictures, drawn words, turned noise, guesses, counts, corners."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
from matplotlib.figure import Figure
from PIL.Image import Image

from helpers import guess, metrics, plots
from helpers.lessons.randomness.conditions import Count

WIDTH = 8.1  # inches, as wide as a page
LETTERS = "ABCD"
ORDER = (2, 0, 3, 1)  # the places, by size, of the guidance scales that the letters hide


def table(pictures: Sequence[Image], *, rows: Sequence[str] = (), columns: Sequence[str] = ()) -> Figure:
    """Large pictures in rows and columns, four side by side, with the names of both."""
    wide = 1.1 if rows else 0.1
    side = (WIDTH - wide) / max(1, len(columns)) - 0.06
    named = [textwrap.fill(row, 13) for row in rows]
    return plots.pictures(pictures, columns, columns=len(columns), rows=named, side=min(side, 1.8))


def seed_table(pictures: Sequence[Image], prompts: Sequence[str], seeds: Sequence[int]) -> Figure:
    """Pictures in a table: a row for each prompt, a column for each seed."""
    return table(pictures, rows=prompts, columns=[f"seed {seed}" for seed in seeds])


def painted_again(before: Sequence[Image], again: Sequence[Image], whose: str) -> Figure:
    """Pictures of section 1 above the same ones from a batch whose noise rows somebody wrote."""
    rows = ["in section 1", f"in this batch; the rows are {whose}"]
    return table([*before, *again], rows=rows, columns=[""] * len(before))


def asked_and_not(painted: Sequence[Image], unasked: Sequence[Image], whose: str) -> Figure:
    """Pictures of a request that somebody wrote, above pictures from the same seeds without a request."""
    rows = [f"the request is {whose}", "no request at all"]
    return table([*painted, *unasked], rows=rows, columns=[""] * len(painted))


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
    page.text(0, 1, "\n".join(shown), va="top", parse_math=False)
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
    figure = plots.pictures([*grey, *pictures], captions, columns=columns, rows=("noise", "picture"),
                            side=side)  # fmt: skip
    for axes in figure.axes[:columns]:
        axes.images[0].set(interpolation="nearest", clim=(-3, 3))  # every number as a square
    return figure


# Guidance


def hidden(scales: Sequence[float]) -> dict[str, float]:
    """Which guidance scale each letter stands for: four scales in a mixed order."""
    ranked = sorted(scales)
    return {letter: ranked[place] for letter, place in zip(LETTERS, ORDER, strict=True)}


def riddle(by_scale: Mapping[float, Sequence[Image]]) -> Figure:
    """The first picture of each guidance scale, under letters that hide the scale."""
    scales = hidden(list(by_scale))
    return captioned([by_scale[scale][0] for scale in scales.values()], list(scales), columns=2)


def guess_strictest(by_scale: Mapping[float, Sequence[Image]]) -> None:
    """Guess first: which letter hides the highest guidance scale? Then see all four in order."""
    scales = hidden(list(by_scale))
    in_order = sorted(scales, key=scales.get)

    def draw(chosen: str | None) -> Figure:
        captions = [f"{letter}: guidance {scales[letter]:g}" for letter in in_order]
        marked = [
            f"{caption}\n(your guess)" if letter == chosen else caption
            for letter, caption in zip(in_order, captions, strict=True)
        ]
        return captioned([by_scale[scales[letter]][0] for letter in in_order], marked)

    said = ", ".join(f"{letter} at {scales[letter]:g}" for letter in in_order)
    highest = in_order[-1]
    question = f"Which picture was painted at guidance {scales[highest]:g}?"
    alt = f"Four pictures of one request in the order of their guidance: {said}."
    guess.choice(question, list(LETTERS), draw, answer=highest, alt=alt)


def all_seeds(by_scale: Mapping[float, Sequence[Image]], seeds: Sequence[int]) -> Figure:
    """All pictures: a row for each seed, a column for each guidance scale."""
    rows = zip(*by_scale.values(), strict=True)
    names = [f"guidance {scale:g}" for scale in by_scale]
    return table([*chain(*rows)], rows=[f"seed {seed}" for seed in seeds], columns=names)


# Conditions that cannot be met


def guess_moons(counts: Sequence[Count]) -> None:
    """Guess first: how many pictures that were to have no moon have one? Then see all counts."""
    moons = counts[-1]
    bounds = {f"at most {moons.total // 4}": moons.total // 4,
              f"{moons.total // 4 + 1} to {3 * moons.total // 4}": 3 * moons.total // 4,
              f"more than {3 * moons.total // 4}": moons.total}  # fmt: skip
    answer = next(name for name, most in bounds.items() if moons.asked <= most)

    def draw(chosen: str | None) -> Figure:
        return signs(counts, f"You guessed for “{moons.name}”: {chosen}." if chosen else "")

    said = "; ".join(f"{count.sign}: with “{count.name}” {count.asked}, without {count.not_asked}"
                     for count in counts)  # fmt: skip
    question = f"Of {moons.total} pictures that were asked to have no moon, how many show one?"
    guess.choice(question, list(bounds), draw, answer=answer,
                 alt=f"Rows of two dots with intervals, of {moons.total} pictures. {said}.")  # fmt: skip


def signs(counts: Sequence[Count], note: str = "") -> Figure:
    """How many pictures show each sign: two dots a row, with the words and without, with 95 % intervals."""
    figure, axes = plots.grid(width=WIDTH, height=4.6)
    sides = (("with the impossible words", "D", -0.16, [count.asked for count in counts]),
             ("without them", "o", 0.16, [count.not_asked for count in counts]))  # fmt: skip
    for i, (label, marker, shift, numbers) in enumerate(sides):
        places = [row + shift for row in range(len(counts))]
        totals = [count.total for count in counts]
        ends = [metrics.wilson_interval(*pair) for pair in zip(numbers, totals, strict=True)]
        spread = [[n - low * total for n, total, (low, _) in zip(numbers, totals, ends, strict=True)],
                  [high * total - n for n, total, (_, high) in zip(numbers, totals, ends, strict=True)]
                  ]  # fmt: skip
        axes.errorbar(numbers, places, xerr=np.maximum(spread, 0), fmt=marker, ms=10, capsize=4, lw=1.5,
                      color=plots.PALETTE[1 - i], label=label)  # fmt: skip
    axes.set_yticks(range(len(counts)), [f"“{count.name}”:\n{count.sign}" for count in counts])
    axes.invert_yaxis()
    axes.set(xlabel=f"pictures, of {counts[0].total}", xlim=(-0.5, counts[0].total + 0.5), title=note)
    figure.legend(loc="outside lower center", ncols=2)
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
