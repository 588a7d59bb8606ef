"""Notebook 07, music and speech: its exercises, drawings, experiments and figures."""
