"""Drawings of notebook 06: the loop that trains a model, and what two normalisations look at."""

from __future__ import annotations

from helpers.diagrams import BLUE, ORANGE, QUIET, RED, SMALL, Canvas, Diagram

__all__ = ["batch_and_layer", "training_loop"]

STEPS = (
    ("draw a batch", "what to read, and what comes next"),
    ("guess", "the model gives each letter a score"),
    ("loss", "how bad were the guesses?"),
    ("slopes", "which way would make it less bad?"),
    ("step", "change every parameter a little"),
)
LEFT, BOX, HEIGHT, GAP = 60, 540, 70, 18


def training_loop() -> Diagram:
    """The five steps of one turn of training, and the arrow back to the first.

    See the last step, in orange: only there does the model change, and only a little.
    """
    canvas = Canvas()
    for i, (title, words) in enumerate(STEPS):
        top = 24 + (HEIGHT + GAP) * i
        canvas.box(LEFT, top, BOX, HEIGHT, colour=ORANGE if title == "step" else BLUE)
        canvas.step(LEFT + 36, top + HEIGHT / 2, i + 1)
        canvas.text(LEFT + 74, top + 23, title, anchor="start", bold=True)
        canvas.text(LEFT + 74, top + 49, words, anchor="start", size=SMALL)
        if i:
            canvas.arrow([(LEFT + 36, top - GAP), (LEFT + 36, top - 1)])
    right, last = LEFT + BOX, top + HEIGHT / 2
    first = 24 + HEIGHT / 2
    canvas.arrow([(right + 2, last), (right + 50, last), (right + 50, first), (right + 4, first)])
    canvas.text(right + 84, (first + last) / 2, "again", size=SMALL)
    listed = "; ".join(f"{i}: {title}, {words}" for i, (title, words) in enumerate(STEPS, 1))
    return canvas.diagram(f"A loop of five boxes. {listed}. From the last one an arrow leads back to 1.")


TABLE = (("1", "20", "5"), ("3", "40", "7"), ("2", "30", "9"), ("4", "10", "3"))


def batch_and_layer() -> Diagram:
    """The same table twice, a row for each text, a column for each number inside the network.

    See the colours: batch normalisation works down a column, so it needs other texts; layer normalisation
    works along a row, so one text is enough.
    """
    canvas = Canvas()
    for left, title, by_column, words in (
        (30, "batch normalisation", True, "over all texts of the batch"),
        (380, "layer normalisation", False, "over the numbers of one text"),
    ):
        _table(canvas, left, title, by_column=by_column)
        canvas.text(left + 155, 300, "one colour: one mean,", size=SMALL)
        canvas.text(left + 155, 328, words, size=SMALL)
    return canvas.diagram(
        "The same table of four texts (rows) and three numbers inside the network (columns), twice. On the "
        "left, batch normalisation: each column has one colour, its mean is taken over all texts of the "
        "batch. On the right, layer normalisation: each row has one colour, its mean is taken over the "
        "numbers of one text."
    )


COLOURS = (BLUE, ORANGE, QUIET, RED)


def _table(canvas: Canvas, left: float, title: str, *, by_column: bool) -> None:
    """Four rows of three numbers, coloured by column or by row."""
    canvas.text(left + 155, 44, title, bold=True)
    canvas.text(left + 189, 82, "numbers inside", size=SMALL, colour=QUIET)
    colours = [[COLOURS[j if by_column else i] for j in range(3)] for i in range(len(TABLE))]
    canvas.grid(left + 90, 102, TABLE, width=66, colours=colours)
    for i in range(len(TABLE)):
        canvas.text(left + 78, 102 + 42 * i + 21, f"text {i + 1}", anchor="end", size=SMALL, colour=QUIET)
