"""Notebooks 03 and 13, text generation: their exercises, drawings, experiments and figures."""

from helpers.lessons.text import diagrams, exercises, figures, stories

__all__ = ["diagrams", "exercises", "figures", "stories"]
