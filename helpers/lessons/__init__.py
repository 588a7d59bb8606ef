"""What belongs to single notebooks: their exercises, experiments and figures, one module a topic."""
