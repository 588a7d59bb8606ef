"""Notebook 05, fine-tuning: its exercises, drawings, texts, pictures and figures."""

from helpers.lessons.tuning import diagrams, examples, exercises, figures, papercuts

__all__ = ["diagrams", "examples", "exercises", "figures", "papercuts"]
