"""The drawing of notebook 05: a layer with LoRA beside it.

Each function returns a drawing, which a notebook shows as the last line of a cell.
"""

from __future__ import annotations

from helpers.diagrams import BLUE, INK, ORANGE, QUIET, SMALL, Canvas, Diagram


def lora(inputs: int = 192, outputs: int = 576, rank: int = 16) -> Diagram:
    """A frozen matrix W, and beside it the narrow way through A and B; the two results are added."""
    canvas = Canvas()
    canvas.text(300, 36, "frozen: stays as it is", size=SMALL, colour=QUIET)
    canvas.box(190, 56, 220, 110, "W", colour=QUIET)
    canvas.text(300, 146, f"{inputs} × {outputs}", size=SMALL, colour=QUIET)
    canvas.box(190, 232, 100, 84, "A", colour=ORANGE)
    canvas.text(240, 336, f"{inputs} × {rank}", size=SMALL, colour=QUIET)
    canvas.box(390, 232, 100, 84, "B", colour=ORANGE)
    canvas.text(440, 336, f"{rank} × {outputs}", size=SMALL, colour=QUIET)
    canvas.box(24, 160, 84, 60, "x", colour=BLUE)
    canvas.text(66, 242, f"{inputs}", size=SMALL, colour=QUIET)
    canvas.text(66, 264, "numbers", size=SMALL, colour=QUIET)
    canvas.arrow([(112, 180), (150, 180), (150, 111), (186, 111)])
    canvas.arrow([(112, 200), (150, 200), (150, 274), (186, 274)], colour=ORANGE)
    canvas.arrow([(294, 274), (386, 274)], colour=ORANGE)
    canvas.text(340, 252, f"{rank}", size=SMALL, colour=QUIET)
    canvas.arrow([(414, 111), (556, 111), (556, 166)])
    canvas.arrow([(494, 274), (556, 274), (556, 214)], colour=ORANGE)
    canvas.box(534, 170, 44, 40, "+", colour=INK)
    canvas.arrow([(582, 190), (612, 190)])
    canvas.box(616, 160, 80, 60, "y", colour=BLUE)
    canvas.text(656, 242, f"{outputs}", size=SMALL, colour=QUIET)
    canvas.text(656, 264, "numbers", size=SMALL, colour=QUIET)
    canvas.text(340, 376, "trained: two small tables", size=SMALL, colour=INK)
    return canvas.diagram(
        f"{inputs} numbers, x, take two ways. The upper way goes through the matrix W of {inputs} by "
        f"{outputs} numbers, which is frozen. The lower way goes through A, {inputs} by {rank}, and B, "
        f"{rank} by {outputs}, which are trained; between them are only {rank} numbers. The results of both "
        f"ways are added to y, {outputs} numbers."
    )
