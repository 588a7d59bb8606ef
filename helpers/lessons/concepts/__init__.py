"""Notebooks 01 and 11, what generative AI is: their exercises, drawings, experiments and figures."""

from helpers.lessons.concepts import (
    costs,
    deeper,
    deeper_exercises,
    deeper_figures,
    diagrams,
    exercises,
    families,
    fields,
    figures,
    ring,
    timeline,
)

__all__ = [
    "costs", "deeper", "deeper_exercises", "deeper_figures", "diagrams", "exercises", "families", "fields",
    "figures", "ring", "timeline",
]  # fmt: skip
