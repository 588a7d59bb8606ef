"""Drawings for notebook 01: a training loop, attention, two players, noise that is added and taken away.

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
# A made-up example of what one word takes from the words before it, and from itself.
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
    """What the last word of a sentence takes from each word, itself too; the numbers are made up."""
    return text_diagrams.attention(SENTENCE, WEIGHTS, itself=True)


def point_as_text() -> Diagram:
    """A point as a text: the second number is guessed from the list of the comma, which has looked back."""
    canvas = Canvas()
    y = 132
    for x, words in ((90, "begin"), (250, "41"), (410, ",")):
        canvas.box(x, y, 110, 56, words, colour=BLUE if words == "41" else QUIET)
    canvas.box(570, y, 110, 56, "?", colour=ORANGE)
    canvas.line([(305, y), (452, y - 14)], bends=((305, y - 74), (452, y - 90)), colour=BLUE, thickness=6)
    canvas.arrow([(452, y - 16), (452, y - 2)], colour=BLUE, thickness=6)
    canvas.text(378, y - 92, "The comma takes from the first number.", size=SMALL)
    canvas.arrow([(465, y + 60), (465, y + 100), (625, y + 100), (625, y + 62)], colour=ORANGE)
    canvas.text(400, y + 128, "From the list of the comma the next piece is guessed.", size=SMALL)
    return canvas.diagram(
        "Four pieces in a row: begin, 41, a comma, and a question mark for the next one. An arrow leads from "
        "41 to the comma: the comma takes from the first number. Another one leads from the comma to the "
        "question mark: from the list of the comma the next piece is guessed."
    )


def two_players() -> Diagram:
    """The two networks of a GAN: what goes in, and what each of them learns."""
    canvas = Canvas()
    canvas.box(24, 164, 96, 64, "noise", dashed=True)
    canvas.arrow([(124, 196), (176, 196)])
    canvas.box(180, 164, 150, 64, "generator", colour=ORANGE)
    canvas.step(180, 164, 2)
    canvas.arrow([(334, 196), (446, 196)], colour=ORANGE)
    canvas.text(390, 224, "generated", size=SMALL, colour=QUIET)
    canvas.text(390, 248, "points", size=SMALL, colour=QUIET)
    canvas.box(450, 148, 246, 96, "discriminator: real or generated?", colour=INK)
    canvas.step(450, 148, 1)
    canvas.box(485, 36, 176, 56, "real points", colour=BLUE)
    canvas.arrow([(573, 96), (573, 144)], colour=BLUE)
    canvas.arrow([(573, 248), (573, 300), (255, 300), (255, 232)], colour=ORANGE)
    canvas.text(414, 324, "this way looks more real", size=SMALL)
    canvas.step(40, 376, 1, "The discriminator learns to tell the two kinds apart.")
    canvas.step(40, 424, 2, "The generator moves its points as the arrow tells it.")
    return canvas.diagram(
        "Two networks. The generator turns noise into generated points. The discriminator sees real points "
        "and generated ones. First it learns to tell the two kinds apart. Then an arrow leads from it back "
        "to the generator, which moves its points in the direction in which they would look more real."
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
