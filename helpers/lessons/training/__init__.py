"""Notebook 06, training from scratch: its laboratory, texts, experiments, drawings, figures and exercises."""

from helpers.lessons.training import (
    diagrams,
    exercises,
    experiments,
    figures,
    laboratory,
    normalising,
    texts,
)

__all__ = ["diagrams", "exercises", "experiments", "figures", "laboratory", "normalising", "texts"]
