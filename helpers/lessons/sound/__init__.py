"""Notebook 07, music and speech: its models, exercises, drawings, experiments and figures."""

from helpers.exercises import register
from helpers.lessons.sound import (
    hub_models,
    listening,
    melodies,
    melody_exercises,
    rolls,
    speech_diagrams,
    speech_exercises,
    speech_figures,
    synthesis,
    wavenet,
)

__all__ = [
    "hub_models", "listening", "melodies", "rolls", "speech_diagrams", "speech_figures", "synthesis",
    "wavenet",
]  # fmt: skip

register(*melody_exercises.EXERCISES, *speech_exercises.EXERCISES)
