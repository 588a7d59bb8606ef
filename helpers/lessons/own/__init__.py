"""Notebook 08, your own model: example folders, what to expect, watching, keeping, its exercises."""

from helpers.lessons.own import exercises, folders, keep, plans, watching

__all__ = ["exercises", "folders", "keep", "plans", "watching"]
