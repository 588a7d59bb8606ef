"""Notebook 02, randomness and conditionality: its exercises, drawings, experiments and figures."""

from helpers.lessons.randomness import conditions, diagrams, exercises, figures, pictures, streams

__all__ = ["conditions", "diagrams", "exercises", "figures", "pictures", "streams"]
