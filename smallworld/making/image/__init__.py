"""The stages that train the image model, what they train on, and the finished pipeline."""
