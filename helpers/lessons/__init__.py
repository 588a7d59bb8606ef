"""What belongs to single notebooks, a folder a topic: its exercises, experiments and figures."""
