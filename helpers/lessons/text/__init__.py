"""Notebook 03, text generation: its exercises, experiments and figures."""

from helpers.lessons.text import exercises

__all__ = ["exercises"]
