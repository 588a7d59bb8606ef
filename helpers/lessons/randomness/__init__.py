"""Notebooks 02 and 12, randomness and conditionality: exercises, drawings, experiments and figures."""

from helpers.lessons.randomness import (
    conditions,
    deeper_exercises,
    diagrams,
    exercises,
    figures,
    pictures,
    streams,
)

__all__ = ["conditions", "deeper_exercises", "diagrams", "exercises", "figures", "pictures", "streams"]
