"""Measure the shipped models: one part for each (``part.py`` says what a part is)."""
