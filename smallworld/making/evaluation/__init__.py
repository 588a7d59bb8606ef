"""Measure the shipped models, a part for each."""
