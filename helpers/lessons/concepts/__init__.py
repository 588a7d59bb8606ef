"""Notebook 01, what generative AI is: its exercises, drawings, experiments and figures."""

from helpers.lessons.concepts import costs, diagrams, exercises, families, fields, figures, ring, timeline

__all__ = ["costs", "diagrams", "exercises", "families", "fields", "figures", "ring", "timeline"]
