"""Is a stored figure the figure that was drawn? It is stored with 256 colours, so a shade may differ."""

import io

from PIL import Image, ImageChops


def alike(stored: bytes, drawn: bytes, most: int = 16) -> bool:
    """Whether two pictures (PNG bytes) have one size, and no channel of a pixel differs by more than most."""
    first, second = (Image.open(io.BytesIO(data)).convert("RGB") for data in (stored, drawn))
    if first.size != second.size:
        return False
    return max(high for _, high in ImageChops.difference(first, second).getextrema()) <= most
