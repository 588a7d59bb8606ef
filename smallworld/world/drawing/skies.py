"""The light in the sky: sun, moon and stars."""

from __future__ import annotations

from collections.abc import Sequence

from smallworld.world.drawing.canvas import FULL, Canvas
from smallworld.world.scenes import Spot


def draw_light(canvas: Canvas, avoid: Sequence[Spot]) -> None:
    """Sun, moon and stars; the sun or moon keeps clear of the things where it can."""
    time, rng = canvas.time, canvas.rng
    if time == "night":
        for _ in range(14):
            size = rng.choice((0.014, 0.018, 0.024))
            canvas.ellipse(
                rng.random(), rng.uniform(0.02, canvas.horizon - 0.12), size, size, (236, 240, 255)
            )
    low = {"morning": canvas.horizon - 0.06, "sunset": canvas.horizon - 0.03}.get(time)
    for _ in range(12):
        x = rng.uniform(0.12, 0.88)
        y = low if low else rng.uniform(0.11, 0.17)
        if all(abs(x - sx) > width / 2 + 0.10 or abs(y - sy) > 0.3 for sx, sy, width in avoid):
            break
    if time == "noon":
        canvas.ellipse(x, y, 0.20, 0.20, (190, 226, 246))
        canvas.ellipse(x, y, 0.145, 0.145, (255, 244, 176))
    elif time == "night":
        canvas.ellipse(x, y, 0.15, 0.15, (250, 244, 214))
        dx, dy = x + 0.042, y - 0.018
        canvas.ellipse(dx, dy, 0.13, 0.13, canvas.image.getpixel((int(x * FULL), 4)))
    elif time == "sunset":
        canvas.ellipse(x, y, 0.36, 0.36, (250, 150, 74))
        canvas.ellipse(x, y, 0.25, 0.25, (255, 226, 110))
    else:
        canvas.ellipse(x, y, 0.27, 0.27, (255, 238, 206))
        canvas.ellipse(x, y, 0.18, 0.18, (255, 252, 224))
