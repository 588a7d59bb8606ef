"""The world itself: its vocabulary, its stories and scenes, how they are told, drawn and read back."""
