"""The drawing of notebook 11: what a discriminator sees with packing."""

from __future__ import annotations

from helpers.diagrams import BLUE, INK, ORANGE, SMALL, Canvas, Diagram

LEFT = 24  # where the drawing begins


def packing() -> Diagram:
    """A discriminator that reads one point in a row, and one that reads two.

    See that the same point passes in the upper row, and is seen to be there twice in the lower one.
    """
    canvas = Canvas()
    _row(canvas, 40, "One point in a row", ["point"], "could be real")
    _row(canvas, 190, "Packing: two points in a row", ["point", "point"], "twice the same?")
    return canvas.diagram(
        "Two rows. In the upper one a point goes to the discriminator, which finds that it could be real. In the "
        "lower one two equal points go there side by side, and the discriminator can see that they are equal."
    )


def _row(canvas: Canvas, y: float, heading: str, points: list[str], verdict: str) -> None:
    """A heading, and below it the points, the discriminator and what it can say."""
    canvas.text(LEFT, y, heading, anchor="start", bold=True)
    for number, name in enumerate(points):
        canvas.box(LEFT + 92 * number, y + 30, 84, 56, name, colour=ORANGE)
    middle = y + 58
    canvas.arrow([(LEFT + 92 * len(points), middle), (250, middle)], colour=INK)
    canvas.box(256, y + 30, 190, 56, "discriminator", colour=BLUE)
    canvas.arrow([(452, middle), (508, middle)], colour=INK)
    canvas.text(518, middle, verdict, size=SMALL, anchor="start")
