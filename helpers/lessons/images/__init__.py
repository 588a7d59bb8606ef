"""Notebook 04, image generation: its exercises, experiments and figures."""

from helpers.lessons.images import exercises

__all__ = ["exercises"]
