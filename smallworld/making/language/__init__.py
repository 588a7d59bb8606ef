"""What the trainers of the two language models, text and fill, share, train on and are made of."""
