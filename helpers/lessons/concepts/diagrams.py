"""Drawings for notebook 01: a training loop, attention, two players, and noise that is added and taken away.

Each function returns a drawing, which a notebook shows as the last line of a cell.
"""

from __future__ import annotations

import math
import random

from helpers.diagrams import BLUE, INK, ORANGE, PALE, QUIET, SMALL, Canvas, Diagram
from helpers.lessons.text import diagrams as text_diagrams

STAGES = (
    ("The network answers", "classifier(points)"),
    ("How wrong is it?", "cross_entropy(...)"),
    ("Which way is better?", "loss.backward()"),
    ("Change it a little", "optimizer.step()"),
)
# A made-up example of what one word takes from the words before it.
SENTENCE = ("The", " fox", " ate", ",", " since", " it")
WEIGHTS = (0.05, 0.62, 0.1, 0.02, 0.06, 0.15)
PANELS = {"real points": 1.0, "some noise": 0.95, "more noise": 0.7, "only noise": 0.0}  # share of the points


def training_loop() -> Diagram:
    """The four stages of training as a circle, each with the line of code that does it."""
    canvas = Canvas()
    corners = ((24, 40), (390, 40), (390, 216), (24, 216))
    for number, (corner, stage) in enumerate(zip(corners, STAGES, strict=True), 1):
        _stage(canvas, corner, number, *stage)
    canvas.arrow([(334, 96), (386, 96)])
    canvas.arrow([(543, 152), (543, 212)])
    canvas.arrow([(386, 272), (334, 272)])
    canvas.arrow([(177, 212), (177, 152)])
    listed = "; ".join(f"{i}: {words}, {code}" for i, (words, code) in enumerate(STAGES, 1))
    return canvas.diagram(f"A circle of four stages. {listed}. Then it begins again from 1.")


def _stage(canvas: Canvas, corner: tuple[float, float], number: int, words: str, code: str) -> None:
    x, y = corner
    canvas.box(x, y, 306, 108, colour=BLUE)
    canvas.step(x + 20, y, number)
    canvas.text(x + 153, y + 42, words)
    canvas.text(x + 153, y + 78, code, size=SMALL, colour=QUIET)


def attention() -> Diagram:
    """What the last word of a sentence takes from the words before it; the numbers are made up."""
    return text_diagrams.attention(SENTENCE, WEIGHTS)


def two_players() -> Diagram:
    """The two networks of a GAN: what goes in, what comes out, and what each of them learns from it."""
    canvas = Canvas()
    canvas.box(200, 36, 176, 64, "real points", colour=BLUE)
    canvas.box(24, 164, 120, 64, "noise", dashed=True)
    canvas.arrow([(148, 196), (196, 196)])
    canvas.box(200, 164, 176, 64, "generator", colour=ORANGE)
    canvas.text(212, 250, "generated points", size=SMALL, colour=QUIET, anchor="start")
    canvas.box(484, 92, 212, 80, "discriminator", colour=INK)
    canvas.arrow([(380, 68), (430, 68), (430, 116), (480, 116)], colour=BLUE)
    canvas.arrow([(380, 196), (430, 196), (430, 148), (480, 148)], colour=ORANGE)
    canvas.arrow([(590, 176), (590, 226)])
    canvas.text(590, 248, "real or generated?")
    canvas.step(40, 306, 1, "The discriminator learns to tell them apart.")
    canvas.step(40, 354, 2, "The generator learns to pass as real.")
    return canvas.diagram(
        "Two networks. The generator turns noise into generated points. The discriminator sees real points "
        "and generated ones and says which are which. In each round the discriminator learns to tell them "
        "apart, then the generator learns to pass as real."
    )


def noising() -> Diagram:
    """Points on a ring, with more and more noise; and the way back, which the denoiser learns."""
    dice = random.Random(0)
    points = [_ring_point(dice, number) for number in range(48)]
    noise = [(dice.gauss(0, 1), dice.gauss(0, 1)) for _ in points]
    canvas = Canvas()
    canvas.text(360, 36, "Adding noise is easy.")
    canvas.arrow([(60, 66), (660, 66)])
    for i, (name, kept) in enumerate(PANELS.items()):
        x = 24 + 174 * i
        canvas.box(x, 90, 150, 150, colour=PALE, dashed=True)
        for real, blow in zip(points, noise, strict=True):
            place = [math.sqrt(kept) * a + math.sqrt(1 - kept) * b for a, b in zip(real, blow, strict=True)]
            across, up = (max(-1.5, min(1.5, number)) for number in place)
            canvas.box(x + 72 + 45 * across, 162 - 45 * up, 6, 6, colour=BLUE)
        canvas.text(x + 75, 262, name, size=SMALL, colour=QUIET)
    canvas.arrow([(660, 298), (60, 298)], colour=ORANGE)
    canvas.text(360, 330, "The denoiser learns the way back.")
    return canvas.diagram(
        "Four panels of points: a ring of eight heaps, the same with some noise, with more noise, and a "
        "cloud of only noise. An arrow to the right says: adding noise is easy. An arrow to the left: the "
        "denoiser learns the way back."
    )


def _ring_point(dice: random.Random, number: int) -> tuple[float, float]:
    """A point of heap `number` (counted around the ring again and again)."""
    angle = number * math.pi / 4
    return math.cos(angle) + dice.gauss(0, 0.08), math.sin(angle) + dice.gauss(0, 0.08)
