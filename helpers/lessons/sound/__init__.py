"""Notebook 07, music and speech: its models, exercises, drawings, experiments and figures."""
