"""Watching a training in notebook 08: the loss of each step, kept and drawn."""

from __future__ import annotations

from matplotlib.figure import Figure

from helpers import plots

PARTS = 20  # points of the line


class Losses:
    """Called after each step with its number and its loss; `figure()` draws what came so far."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def __call__(self, step: int, loss: float) -> None:
        """Keep the loss of a step; a run that goes on after a break begins with a later step."""
        self.losses.append(loss)

    def figure(self) -> Figure:
        """A line through the means of equal parts of the training, from the first steps to the last."""
        count = len(self.losses)
        parts = min(PARTS, count)
        edges = [i * count // parts for i in range(parts + 1)] if parts else []
        pieces = [self.losses[first:last] for first, last in zip(edges, edges[1:], strict=False)]
        return plots.lines(
            edges[1:], {"loss": [sum(piece) / len(piece) for piece in pieces]}, x_label="training step",
            y_label="loss (mean of a few steps)", title="Falling is good",
        )  # fmt: skip
