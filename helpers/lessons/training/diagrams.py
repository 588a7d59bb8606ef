"""Drawings of notebook 06: the loop that trains a model, and what two normalisations look at."""

from __future__ import annotations

from helpers.diagrams import BLUE, INK, ORANGE, PALE, QUIET, SMALL, Canvas, Diagram

__all__ = ["batch_and_layer", "training_loop"]

STEPS = (
    ("draw a batch", "what to read, and what comes next"),
    ("guess", "the model gives every letter a logit"),
    ("loss", "how bad were the guesses?"),
    ("slopes", "which way would make it less bad?"),
    ("step", "change every parameter a little"),
)


def training_loop() -> Diagram:
    """The five stations of one turn of training, and the arrow back to the first.

    See the last station: only there does the model change, and only a little.
    """
    canvas = Canvas()
    for i, (title, words) in enumerate(STEPS):
        y = 24 + 74 * i
        colour = ORANGE if title == "step" else BLUE
        canvas.box(96, y, 520, 56, colour=colour)
        canvas.step(126, y + 28, i + 1)
        canvas.text(156, y + 28, title, anchor="start", bold=True)
        canvas.text(306, y + 28, words, anchor="start", size=16)
        if i + 1 < len(STEPS):
            canvas.arrow([(356, y + 57), (356, y + 73)])
    last = 24 + 74 * (len(STEPS) - 1) + 28
    canvas.arrow([(617, last), (672, last), (672, 52), (618, 52)])
    canvas.text(644, (last + 52) / 2, "again", size=16)
    return canvas.diagram(
        "A loop of five boxes. 1: draw a batch, what to read and what comes next. 2: guess, the model gives "
        "every letter a logit. 3: loss, how bad were the guesses? 4: slopes, which way would make it less "
        "bad? 5: step, change every parameter a little. An arrow leads from 5 back to 1."
    )


TABLE = (("1", "20", "5"), ("3", "40", "7"), ("2", "30", "9"), ("4", "10", "3"))


def batch_and_layer() -> Diagram:
    """The same table twice, a row for each text, a column for each number inside the network.

    See what is framed: batch normalisation works down a column, so it needs other texts; layer normalisation
    works along a row, so one text is enough.
    """
    canvas = Canvas()
    _table(canvas, 60, "batch normalisation", by_column=True)
    _table(canvas, 410, "layer normalisation", by_column=False)
    canvas.text(185, 296, "one colour: one mean", size=SMALL, colour=QUIET)
    canvas.text(185, 322, "over all texts of the batch", size=SMALL, colour=QUIET)
    canvas.text(535, 296, "one colour: one mean", size=SMALL, colour=QUIET)
    canvas.text(535, 322, "over the numbers of one text", size=SMALL, colour=QUIET)
    return canvas.diagram(
        "The same table of four texts (rows) and three numbers inside the network (columns), twice. On the "
        "left, batch normalisation: each column has one colour, its mean is taken over all texts of the "
        "batch. On the right, layer normalisation: each row has one colour, its mean is taken over the "
        "numbers of one text."
    )


COLOURS = (BLUE, ORANGE, QUIET, INK)


def _table(canvas: Canvas, x: float, title: str, *, by_column: bool) -> None:
    """Four rows of three numbers, coloured by column or by row."""
    canvas.text(x + 125, 40, title, bold=True)
    colours = [[COLOURS[j if by_column else i] for j in range(3)] for i in range(4)]
    canvas.grid(x + 50, 88, TABLE, width=66, colours=colours)
    for i in range(4):
        canvas.text(x + 40, 88 + 42 * i + 21, f"text {i + 1}", anchor="end", size=16, colour=QUIET)
    canvas.line([(x + 50, 74), (x + 248, 74)], colour=PALE)
    canvas.text(x + 149, 62, "numbers inside", size=16, colour=QUIET)
