"""Notebook 02, randomness and conditionality: its exercises, experiments and figures."""

from helpers.lessons.randomness import exercises

__all__ = ["exercises"]
