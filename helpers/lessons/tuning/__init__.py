"""Notebook 05, fine-tuning: its exercises, experiments and figures."""

from helpers.lessons.tuning import exercises

__all__ = ["exercises"]
