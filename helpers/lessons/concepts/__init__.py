"""Notebooks 01 and 11, what generative AI is: their exercises, experiments and figures."""

from helpers.lessons.concepts import deeper_exercises, exercises

__all__ = ["deeper_exercises", "exercises"]
