"""Notebooks 03 and 13, text generation: their exercises, drawings, experiments and figures."""

from helpers.lessons.text import (
    deeper,
    deeper_attention,
    deeper_exercises,
    diagrams,
    exercises,
    figures,
    stories,
)

__all__ = ["deeper", "deeper_attention", "deeper_exercises", "diagrams", "exercises", "figures", "stories"]
