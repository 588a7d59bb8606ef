"""Drawings for notebook 02: what goes into a model, streams of numbers, a drawn word, turned noise, guidance.

Each function returns a drawing, which a notebook shows as the last line of a cell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from helpers.checks import check_number
from helpers.diagrams import (
    BLUE,
    INK,
    ORANGE,
    PALE,
    QUIET,
    RED,
    SIZE,
    SMALL,
    Canvas,
    Diagram,
    share_list,
    shorten,
    token_list,
)
from helpers.errors import WorkbookError

__all__ = ["guidance", "inputs_and_dials", "sections", "streams", "turned_noise"]

LEFT, RIGHT = 24, 696  # where drawings begin and end
NARROWEST = 0.1  # share of a section that still has room for its words


def inputs_and_dials() -> Diagram:
    """A result is made out of a condition and of chance: x = f(c, z).

    See the two boxes on the left: they go into the model, and each can be changed by itself. The two dials
    below the model say how much each counts.
    """
    canvas = Canvas()
    _card(canvas, LEFT, 36, 236, "condition c", "what you ask for", BLUE)
    _card(canvas, LEFT, 172, 236, "chance z", "random numbers", ORANGE)
    canvas.arrow([(264, 84), (326, 132)], colour=BLUE)
    canvas.arrow([(264, 220), (326, 172)], colour=ORANGE)
    _card(canvas, 330, 104, 140, "model f", "is fixed", QUIET)
    canvas.arrow([(474, 152), (506, 152)])
    _card(canvas, 510, 104, 186, "result x", "story, picture", INK)
    canvas.arrow([(400, 228), (400, 206)])
    canvas.text(484, 246, "two dials of the model", size=SMALL, bold=True)
    canvas.text(484, 276, "temperature (writer): how much z counts", size=SMALL)
    canvas.text(484, 302, "guidance (artist): how strictly c counts", size=SMALL)
    return canvas.diagram(
        "Two boxes on the left, the condition c (what you ask for) and chance z (random numbers), point to "
        "the model f, which is fixed. The model points to the result x, a story or a picture. "
        "Below the model stand its two dials: temperature, how much z counts, and guidance, how strictly c "
        "counts."
    )


def _card(canvas: Canvas, x: float, y: float, width: float, title: str, words: str, colour: str) -> None:
    """A box, 96 units high, with a bold title and small words below it."""
    canvas.box(x, y, width, 96, colour=colour)
    canvas.text(x + width / 2, y + 34, title, bold=True)
    canvas.text(x + width / 2, y + 66, words, size=SMALL)


def streams(numbers: Sequence[float] = (0.5, 0.8, 0.1, 0.4, 0.9, 0.2)) -> Diagram:
    """A stream of random numbers that everybody shares, and one of your own.

    numbers: six of them, from one seed; a story takes five. See the middle row: somebody else takes the first
    number, so you get all others one place earlier, and your story becomes another one.
    """
    if len(numbers) != 6:
        raise WorkbookError(f"A stream is drawn with 6 numbers, not with {len(numbers)}.")
    shown = [f"{float(number):.1f}" for number in numbers]
    # A story takes five numbers, so the sixth is free where nobody else is there.
    yours, moved = [BLUE] * 5 + [QUIET], [ORANGE] + [BLUE] * 5
    canvas = Canvas()
    _stream(canvas, 40, "A shared stream, and nobody else is there", shown, yours, "story A")
    _stream(canvas, 152, "A shared stream: somebody else takes a number", shown, moved, "story B")
    _stream(canvas, 264, "A stream of your own, and one for somebody else", shown, yours, "story A")
    canvas.grid(LEFT, 344, [["0.7"]], width=84, colours=[[ORANGE]])
    canvas.box(LEFT, 416, 34, 24, colour=BLUE)
    canvas.text(LEFT + 46, 428, "you take it", anchor="start", size=SMALL)
    canvas.box(230, 416, 34, 24, colour=ORANGE)
    canvas.text(276, 428, "somebody else takes it", anchor="start", size=SMALL)
    canvas.box(526, 416, 34, 24, colour=QUIET)
    canvas.text(572, 428, "nobody yet", anchor="start", size=SMALL)
    return canvas.diagram(
        "Three rows of the same six numbers. First row, a shared stream: you take the first five and get "
        "story A. Second row, a shared stream: somebody else takes the first number, you take the other five "
        "and get story B. Third row, a stream of your own: you take the first five and get story A again; "
        "somebody else takes a number from another stream below it."
    )


def _stream(
    canvas: Canvas, y: float, title: str, numbers: Sequence[str], colours: Sequence[str], result: str
) -> None:
    """A title, and below it a row of numbers and what comes of them."""
    canvas.text(LEFT, y, title, anchor="start", size=SMALL, colour=QUIET)
    canvas.grid(LEFT, y + 20, [numbers], width=84, colours=[colours])
    canvas.arrow([(534, y + 41), (572, y + 41)])
    canvas.text(584, y + 41, result, anchor="start", bold=True)


def sections(
    words: Sequence[str] = ("cat", "dog", "owl"), probabilities: Sequence[float] = (0.5, 0.3, 0.2),
    u: float = 0.62,
) -> Diagram:  # fmt: skip
    """How one random number u chooses a word: probabilities are sections of a line from 0 to 1.

    words, probabilities: two to six, each probability at least 0.1, their sum 1. See in which section the
    arrow lands.
    """
    words = token_list("words", words, 2, 6)
    numbers = share_list("probabilities", probabilities, len(words))
    check_number("u", u, 0.0, 1.0, "a number from 0 to 1")
    if min(numbers) < NARROWEST or abs(sum(numbers) - 1) > 0.001:
        raise WorkbookError(f"Give probabilities of at least {NARROWEST} whose sum is 1.")
    ends = list(accumulate(numbers))
    landed = next((i for i, end in enumerate(ends) if u < end), len(ends) - 1)
    start, unit, top = 40, 640, 96
    canvas = Canvas()
    canvas.text(start, top + 112, "0", size=SMALL)
    for i, (word, number, end) in enumerate(zip(words, numbers, ends, strict=True)):
        x, width = start + unit * (end - number), unit * number
        canvas.box(x, top, width, 84, colour=ORANGE if i == landed else BLUE)
        canvas.text(x + width / 2, top + 28, shorten(word, width - 8, SIZE), bold=i == landed)
        canvas.text(x + width / 2, top + 58, f"{number:.2f}", size=SMALL)
        canvas.text(start + unit * end, top + 112, f"{end:.2g}", size=SMALL)
    place = start + unit * u
    canvas.text(min(max(place, 80), 640), 32, f"u = {u:.2f}")
    canvas.arrow([(place, 50), (place, top - 4)], colour=INK)
    parts = ", ".join(f"{word} {number:.2f}" for word, number in zip(words, numbers, strict=True))
    return canvas.diagram(
        f"A line from 0 to 1 in sections: {parts}. The number u = {u:.2f} lands in the section of "
        f"{words[landed]}."
    )


def turned_noise(degrees: float = 45) -> Diagram:
    """Two noises as arrows at a right angle: on the left half of each, on the right one turned to the other.

    degrees: from 10 to 80. See that half of each is shorter, and that the turned arrow keeps its length.
    """
    check_number("degrees", degrees, 10.0, 80.0, "a number from 10 to 80")
    y, radius = 310, 210  # the height of both corners, and how long an arrow is
    left, right = 60, 420  # where the corners are
    canvas = Canvas()
    _two_noises(canvas, left, y, radius)
    _two_noises(canvas, right, y, radius)
    canvas.line([(left, y - radius), (left + radius, y)], colour=PALE, thickness=2, dashed=True)
    canvas.arrow([(left, y), (left + radius / 2, y - radius / 2)], colour=RED, thickness=4)
    canvas.text(left + radius / 2, 30, "half of each: too short", bold=True)
    canvas.arrow([(right, y), _on_circle(right, y, radius, degrees)], colour=ORANGE, thickness=4)
    canvas.text(right + radius / 2, 30, f"turned by {degrees:.3g}°: equally long", bold=True)
    return canvas.diagram(
        "Twice two arrows of equal length at a right angle, the first and the second noise, with a quarter "
        "circle between their tips. On the left, the arrow to half of each ends on the straight line between "
        f"the tips, inside the circle. On the right, an arrow turned by {degrees:.3g} degrees ends on the "
        "circle."
    )


def _two_noises(canvas: Canvas, x: float, y: float, radius: float) -> None:
    """Two arrows at a right angle from (x, y), a quarter circle between their tips, and their names."""
    arc = [_on_circle(x, y, radius, angle) for angle in range(0, 91, 3)]
    canvas.line(arc, colour=PALE, thickness=2)
    canvas.arrow([(x, y), arc[0]], colour=BLUE)
    canvas.arrow([(x, y), arc[-1]], colour=BLUE)
    canvas.text(x + radius, y + 26, "first noise", size=SMALL, anchor="end")
    canvas.text(x - 20, y - radius - 22, "second noise", size=SMALL, anchor="start")


def _on_circle(x: float, y: float, radius: float, degrees: float) -> tuple[float, float]:
    """The point of a circle around (x, y) at an angle, counted upwards from the right."""
    angle = math.radians(degrees)
    return x + radius * math.cos(angle), y - radius * math.sin(angle)


def guidance() -> Diagram:
    """The guidance scale as a walk: from the prediction without the prompt to the one with it, and on.

    Each point of the line is a prediction of the noise. See that 0 and 1 are the model's own two, and that
    3, 5 (the scale that the notebook uses most) and 8 lie far beyond both.
    """
    y, start, unit = 116, 84, 72
    canvas = Canvas()
    canvas.arrow([(LEFT, y), (RIGHT, y)], colour=BLUE, thickness=4)
    for scale in (0, 1, 3, 5, 8):
        canvas.step(start + unit * scale, y, scale)
    for i, words in enumerate(("without", "the prompt")):
        canvas.text(start, y + 50 + 24 * i, words, size=SMALL)
    for i, words in enumerate(("with", "the prompt")):
        canvas.text(start + unit, y - 74 + 24 * i, words, size=SMALL)
    canvas.line([(start, y + 18), (start, y + 38)], colour=QUIET, thickness=1.5)
    canvas.line([(start + unit, y - 18), (start + unit, y - 38)], colour=QUIET, thickness=1.5)
    canvas.line([(start + unit * 5, y + 18), (start + unit * 5, y + 38)], colour=QUIET, thickness=1.5)
    canvas.text(start + unit * 5, y + 50, "used so far", size=SMALL)
    canvas.text(start + unit * 6, y - 52, "further in the same direction", size=SMALL)
    canvas.text(LEFT, y + 122, "Each point: a prediction of the noise.", anchor="start", size=SMALL)
    return canvas.diagram(
        "An arrow with the guidance scales 0, 1, 3, 5 and 8; each point is a prediction of the noise. At 0 "
        "stands what is predicted without the prompt, at 1 what is predicted with it. 3, 5 and 8 lie further "
        "in the same direction; 5 was used so far."
    )
