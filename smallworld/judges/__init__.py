"""Small readers of pictures that measure the image models, and how their readings are counted."""
