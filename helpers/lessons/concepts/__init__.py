"""Notebook 01, what generative AI is: its exercises, experiments and figures."""

from helpers.lessons.concepts import exercises

__all__ = ["exercises"]
