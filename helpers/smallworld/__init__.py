"""The small world: its vocabulary, its stories, and the models trained on them."""
