"""Drawings for speech: how a voice is made, dilated convolutions, and the ring that a layer keeps.

Each function returns a drawing, which a notebook shows as the last line of a cell.
"""

from __future__ import annotations

from collections.abc import Sequence

from helpers.checks import check_number
from helpers.diagrams import BLUE, INK, ORANGE, PALE, QUIET, SMALL, Canvas, Diagram
from helpers.errors import WorkbookError

__all__ = ["dilations", "ring", "voice_parts"]

LEFT, RIGHT = 24, 696  # where drawings begin and end
NODE, MOST = 22, 16  # the side of a value; how many of them fit into a row


def voice_parts() -> Diagram:
    """A voice is a source and a filter: the vocal folds buzz or the air hisses, and the mouth shapes it.

    See that the pitch belongs to the source, and the vowel to the filter.
    """
    canvas = Canvas()
    canvas.box(LEFT, 40, 190, 64, "buzz of the vocal folds", colour=ORANGE)
    canvas.box(LEFT, 128, 190, 64, "or a hiss of air", colour=ORANGE)
    canvas.text(LEFT + 95, 222, "source: its pitch", size=SMALL)
    canvas.arrow([(218, 72), (282, 106)])
    canvas.arrow([(218, 160), (282, 126)])
    canvas.box(286, 76, 190, 80, "throat and mouth", colour=BLUE)
    canvas.text(381, 222, "filter: its formants", size=SMALL)
    canvas.arrow([(480, 116), (536, 116)])
    canvas.box(540, 76, 156, 80, "a vowel such as “a”", colour=INK)
    return canvas.diagram(
        "On the left the source, a buzz of the vocal folds, or a hiss of air; it has the pitch. An arrow "
        "leads to the filter, throat and mouth, which has the formants. On the right comes out a vowel."
    )


def dilations(steps: Sequence[int] = (1, 2, 4, 8)) -> Diagram:
    """Which samples can change one output of layers that each look at two values, `steps` apart.

    steps: the dilation of each layer, the lowest first. See how far the coloured tree reaches at the bottom:
    with 1, 2, 4, 8 it holds 16 samples, with 1, 1, 1, 1 only 5.
    """
    steps = _checked(steps)
    sees = 1 + sum(steps)
    heights = [64 + 66 * (len(steps) - row) for row in range(len(steps) + 1)]  # of the rows, the lowest first
    lit = _reached(steps)
    canvas = Canvas()
    for row, step in enumerate(steps):
        for place in lit[row + 1]:
            for before in (place, place - step):
                ends = [(_x(before), heights[row] - NODE / 2), (_x(place), heights[row + 1] + NODE / 2)]
                canvas.line(ends, colour=BLUE, thickness=2)
    for row, y in enumerate(heights):
        for place in range(MOST):
            colour = ORANGE if row == len(steps) else BLUE
            shown = place in lit[row]
            canvas.box(_x(place) - NODE / 2, y - NODE / 2, NODE, NODE, colour=colour if shown else PALE,
                       dashed=not shown)  # fmt: skip
        words = f"dilation {steps[row - 1]}" if row else "samples"
        canvas.text(LEFT, y, words, anchor="start", size=SMALL)
    canvas.text(RIGHT - 10, 28, "likely next sample?", anchor="end", size=SMALL)
    canvas.text(RIGHT - 10, heights[0] + 34, f"it sees {sees} samples", anchor="end", size=SMALL, bold=True)
    said = ", ".join(str(step) for step in steps)
    return canvas.diagram(
        f"A row of samples at the bottom and {len(steps)} layers above it, with dilations {said}. Lines lead "
        f"from the last output down to the {len(lit[0])} samples that it depends on; it sees {sees} samples."
    )


def _checked(steps: Sequence[int]) -> list[int]:
    """The dilations, if a drawing has room for them."""
    wanted = f"give 1 to 5 whole numbers from 1 with a sum of at most {MOST - 1}"
    if isinstance(steps, str) or not isinstance(steps, Sequence) or not 1 <= len(steps) <= 5:
        raise WorkbookError(f"The dilations do not fit into a drawing: {wanted}.")
    for step in steps:
        check_number("A dilation", step, 1, MOST - 1, wanted)
    if sum(steps) >= MOST:
        raise WorkbookError(f"The dilations add up to {sum(steps)}: {wanted}.")
    return list(steps)


def _reached(steps: list[int]) -> list[set[int]]:
    """For each row, the lowest first, the places that the last output depends on."""
    rows = [{MOST - 1}]
    for step in reversed(steps):
        rows.insert(0, rows[0] | {place - step for place in rows[0]})
    return rows


def _x(place: int) -> float:
    return 190 + 33 * place


def ring(dilation: int = 4, step: int = 6) -> Diagram:
    """The memory of a layer with this dilation at one step: read the oldest value, then write the new one.

    See that one place is both the oldest and the next to be overwritten: place step % dilation.
    """
    check_number("dilation", dilation, 2, 6, "a whole number from 2 to 6")
    check_number("step", step, dilation, 999, f"a whole number from {dilation} to 999")
    place = step % dilation
    width = min(130, (RIGHT - LEFT) / dilation)
    x = (LEFT + RIGHT - width * dilation) / 2
    canvas = Canvas()
    middle = x + (place + 0.5) * width
    title = f"step {step}, dilation {dilation}: place {step} % {dilation} = {place}"
    canvas.text((LEFT + RIGHT) / 2, 36, title, bold=True)
    canvas.arrow([(middle - 22, 128), (middle - 22, 82)], colour=BLUE)
    canvas.arrow([(middle + 22, 82), (middle + 22, 128)], colour=ORANGE)
    if middle < 130:  # no room on its left
        canvas.text(middle + 34, 104, "1 read, 2 write", anchor="start", size=SMALL)
    elif middle > 590:
        canvas.text(middle - 34, 104, "1 read, 2 write", anchor="end", size=SMALL)
    else:
        canvas.text(middle - 34, 104, "1 read", anchor="end", size=SMALL)
        canvas.text(middle + 34, 104, "2 write", anchor="start", size=SMALL)
    for i in range(dilation):
        kept = step - dilation + (i - place) % dilation  # the step whose value stands there
        colour = ORANGE if i == place else QUIET
        canvas.box(x + i * width, 132, width, 50, f"step {kept}", colour=colour, size=SMALL)
        canvas.text(x + (i + 0.5) * width, 204, f"place {i}", size=SMALL, colour=QUIET)
    return canvas.diagram(
        f"A memory of {dilation} places at step {step}. Place {place} holds the value of step "
        f"{step - dilation}, the oldest. It is read first, and then overwritten with that of step {step}."
    )
