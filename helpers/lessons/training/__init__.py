"""Notebook 06, training from scratch: its exercises, experiments and figures."""

from helpers.lessons.training import exercises

__all__ = ["exercises"]
