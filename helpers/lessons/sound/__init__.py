"""Notebook 07, music and speech: its models, figures, drawings and experiments."""
