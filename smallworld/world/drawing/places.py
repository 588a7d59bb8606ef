"""The places, from the horizon down: what every picture of a city, a forest or the sea has."""

from __future__ import annotations

from collections.abc import Callable

from smallworld.world.drawing.canvas import LAMP, Canvas, Color, mix


def _city(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon + 0.02
    x = -0.05
    while x < 1.0:
        width = rng.uniform(0.10, 0.15)
        canvas.box(x, base - rng.uniform(0.16, 0.36), x + width, base, canvas.land((120, 136, 170), 0.35))
        x += width
    x = rng.uniform(-0.06, 0.0)
    while x < 0.98:
        width = rng.uniform(0.13, 0.20)
        _tower(canvas, x, x + width, base - rng.uniform(0.14, 0.38), base)
        x += width + rng.uniform(0.015, 0.06)
    canvas.box(0, base, 1, 1, canvas.land((122, 126, 142)))
    canvas.box(0, base, 1, base + 0.025, canvas.land((170, 174, 186)))
    for stripe in range(4):
        left = 0.06 + stripe * 0.25
        canvas.box(left, 0.90, left + 0.12, 0.925, canvas.land((226, 222, 200)))


def _tower(canvas: Canvas, left: float, right: float, top: float, base: float) -> None:
    """One tower: a roof of its own kind and rows of windows, lit from dusk on."""
    rng = canvas.rng
    wall = canvas.land(rng.choice([(84, 104, 150), (98, 92, 142), (70, 118, 146), (112, 116, 140)]))
    middle, width = (left + right) / 2, right - left
    roof = rng.randrange(4)
    if roof == 0:
        canvas.ellipse(middle, top, width, width * 0.8, wall)
    elif roof == 1:
        canvas.polygon([(left, top), (middle, top - 0.12), (right, top)], wall)
    elif roof == 2:
        canvas.line([(middle, top), (middle, top - 0.11)], wall, 0.016)
        canvas.ellipse(middle, top - 0.035, width * 1.15, 0.05, wall)
    else:
        canvas.polygon([(left, top), (left, top - 0.07), (right, top)], wall)
    canvas.box(left, top, right, base, wall)
    lit = canvas.time in ("sunset", "night")
    window = LAMP if lit else canvas.land((206, 232, 246))
    columns = 2 if width < 0.165 else 3
    for row in range(int((base - top - 0.02) / 0.075)):
        for column in range(columns):
            if rng.random() < 0.8:
                x = left + width * (column + 0.5) / columns
                y = top + 0.045 + row * 0.075
                canvas.box(x - 0.016, y - 0.018, x + 0.016, y + 0.018, window)


def _mountains(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    _range(canvas, base, rng.uniform(0.22, 0.30), 4, canvas.land((126, 140, 178), 0.40))
    _range(canvas, base + 0.02, rng.uniform(0.17, 0.24), 3, canvas.land((98, 104, 136), 0.08))
    canvas.hill(base + 0.05, [rng.uniform(0.0, 0.06) for _ in range(5)], canvas.land((92, 142, 92)))
    canvas.hill(base + 0.17, [rng.uniform(0.0, 0.06) for _ in range(4)], canvas.land((112, 164, 96)))
    for _ in range(4):
        x, y = rng.random(), rng.uniform(base + 0.16, 0.97)
        canvas.ellipse(x, y, rng.uniform(0.06, 0.10), 0.045, canvas.land((150, 152, 160)))


def _range(canvas: Canvas, base: float, tall: float, count: int, color: Color) -> None:
    """Peaks side by side, each with a lit flank and a cap of snow."""
    rng = canvas.rng
    for number in range(-1, count + 1):
        x = (number + rng.uniform(0.3, 0.7)) / count
        height = tall * rng.uniform(0.8, 1.25)
        half = height * rng.uniform(0.75, 0.95)
        peak, foot = (x, base - height), base + 0.08
        canvas.polygon([(x - half, foot), peak, (x + half, foot)], color)
        canvas.polygon([peak, (x + half, foot), (x + half * 0.1, foot)], mix(color, (20, 24, 50), 0.18))
        cap, snow = 0.34, canvas.land((250, 252, 255), 0.05)
        left = (x - half * cap, base - height * (1 - cap))
        right = (x + half * cap, base - height * (1 - cap))
        canvas.polygon(
            [peak, right, (x + half * 0.1, base - height * 0.76), (x - half * 0.1, left[1]), left], snow
        )


def _desert(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    if rng.random() < 0.6:
        x, half = rng.uniform(0.15, 0.85), rng.uniform(0.10, 0.16)
        foot, top = base + 0.05, base - 0.13
        mesa = [(x - half, foot), (x - half * 0.7, top), (x + half * 0.7, top), (x + half, foot)]
        canvas.polygon(mesa, canvas.land((186, 104, 74), 0.15))
    shades = ((232, 190, 124), (242, 206, 140), (226, 176, 104))
    for layer, shade in enumerate(shades):
        heights = [rng.uniform(0.0, 0.10) for _ in range(4 - layer // 2)]
        canvas.hill(base + 0.05 + layer * 0.12, heights, canvas.land(shade, 0.12 - 0.06 * layer))
    for _ in range(rng.choice((2, 3))):
        foot = rng.uniform(base + 0.12, 0.96)
        _cactus(canvas, rng.uniform(0.06, 0.94), foot, rng.uniform(0.13, 0.18))


def _cactus(canvas: Canvas, x: float, foot: float, tall: float) -> None:
    color, thick = canvas.land((62, 140, 84)), 0.034
    canvas.line([(x, foot), (x, foot - tall)], color, thick)
    for side, low, high in ((-1, 0.40, 0.72), (1, 0.55, 0.88)):
        out = x + side * 0.055
        canvas.line(
            [(x, foot - tall * low), (out, foot - tall * low), (out, foot - tall * high)], color, thick * 0.8
        )
    canvas.ellipse(x, foot - tall, thick, thick, color)


def _ocean(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    for band in range(6):
        top = base + band * (1 - base) / 6
        canvas.box(
            0, top, 1, 1, canvas.land(mix((46, 128, 198), (22, 88, 164), band / 5), 0.10 - 0.02 * band)
        )
    foam = canvas.land((176, 220, 244))
    for _ in range(13):
        y = base + 0.03 + (1 - base) * rng.random() ** 1.3
        width = 0.05 + 0.10 * (y - base) / (1 - base)
        x = rng.random()
        canvas.line([(x - width / 2, y), (x, y - 0.012), (x + width / 2, y)], foam, 0.014)
    side = rng.choice((0.0, 1.0))
    canvas.ellipse(side, 1.03, rng.uniform(0.7, 1.1), rng.uniform(0.16, 0.24), canvas.land((238, 214, 158)))


def _forest(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    canvas.hill(base, [rng.uniform(0.02, 0.08) for _ in range(5)], canvas.land((54, 104, 74), 0.2))
    for number in range(9):
        x = (number + rng.uniform(0.1, 0.9)) / 9
        _fir(canvas, x, base + 0.04, rng.uniform(0.24, 0.34), canvas.land((48, 112, 84), 0.16))
    canvas.hill(base + 0.08, [rng.uniform(0.0, 0.05) for _ in range(4)], canvas.land((76, 122, 62)))
    for number in rng.sample(range(6), 4):
        x = (number + rng.uniform(0.2, 0.8)) / 6
        _fir(canvas, x, base + rng.uniform(0.08, 0.14), rng.uniform(0.34, 0.46), canvas.land((34, 94, 56)))
    for _ in range(3):
        x, y = rng.random(), rng.uniform(base + 0.18, 0.97)
        canvas.ellipse(x, y, 0.10, 0.045, canvas.land((104, 150, 76)))


def _fir(canvas: Canvas, x: float, foot: float, tall: float, color: Color) -> None:
    """A conifer of three tiers on a short trunk."""
    half = tall * 0.27
    canvas.box(x - 0.014, foot - tall * 0.12, x + 0.014, foot, canvas.land((104, 72, 50)))
    for tier in range(3):
        bottom = foot - tall * (0.10 + 0.27 * tier)
        width = half * (1 - 0.22 * tier)
        canvas.polygon([(x - width, bottom), (x, bottom - tall * 0.42), (x + width, bottom)], color)


def _meadow(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    canvas.hill(base, [rng.uniform(0.0, 0.10) for _ in range(4)], canvas.land((132, 190, 104), 0.22))
    if rng.random() < 0.55:
        x = rng.uniform(0.12, 0.88)
        canvas.box(x - 0.016, base - 0.08, x + 0.016, base + 0.06, canvas.land((120, 84, 56)))
        for dx, dy, size in ((-0.06, -0.10, 0.15), (0.06, -0.10, 0.15), (0, -0.16, 0.16)):
            canvas.ellipse(x + dx, base + dy, size, size, canvas.land((84, 152, 76)))
    canvas.hill(base + 0.10, [rng.uniform(0.0, 0.08) for _ in range(4)], canvas.land((108, 186, 84)))
    colors = ((250, 246, 240), (246, 102, 120), (252, 214, 72), (190, 126, 226))
    for _ in range(16):
        y = base + 0.13 + (0.86 - base) * rng.random()
        size = 0.035 + 0.035 * (y - base) / (1 - base)
        x = rng.random()
        canvas.ellipse(x, y, size * 1.25, size * 1.25, canvas.land(rng.choice(colors)))
        canvas.ellipse(x, y, size * 0.45, size * 0.45, canvas.land((240, 170, 40)))


def _village(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    canvas.hill(base, [rng.uniform(0.02, 0.12) for _ in range(4)], canvas.land((126, 172, 116), 0.25))
    slots = list(range(6))
    church = rng.choice(slots)
    for slot in slots:
        x = (slot + rng.uniform(0.35, 0.65)) / 6
        foot = base + rng.uniform(0.03, 0.07)
        _steeple(canvas, x, foot) if slot == church else _cottage(canvas, x, foot)
    canvas.hill(base + 0.09, [rng.uniform(0.0, 0.03) for _ in range(4)], canvas.land((150, 182, 104)))
    x, bend = rng.uniform(0.35, 0.65), rng.uniform(-0.2, 0.2)
    near, top = x + bend, base + 0.06
    way = [(x - 0.03, top), (x + 0.03, top), (near + 0.16, 1.01), (near - 0.16, 1.01)]
    canvas.polygon(way, canvas.land((214, 194, 156)))


def _cottage(canvas: Canvas, x: float, foot: float) -> None:
    rng = canvas.rng
    half, tall = rng.uniform(0.060, 0.072), rng.uniform(0.085, 0.11)
    canvas.box(x - half, foot - tall, x + half, foot, canvas.land((240, 226, 198)))
    roof = canvas.land(rng.choice([(176, 84, 62), (150, 96, 74), (164, 70, 70)]))
    eaves = foot - tall
    canvas.polygon([(x - half * 1.25, eaves), (x, eaves - 0.085), (x + half * 1.25, eaves)], roof)
    lamp = LAMP if canvas.time in ("sunset", "night") else canvas.land((126, 150, 170))
    canvas.box(x - 0.018, foot - tall * 0.72, x + 0.018, foot - tall * 0.3, lamp)


def _steeple(canvas: Canvas, x: float, foot: float) -> None:
    """The village church: a tower with a pointed roof."""
    canvas.box(x - 0.042, foot - 0.22, x + 0.042, foot, canvas.land((236, 232, 222)))
    roof = canvas.land((92, 108, 136))
    canvas.polygon([(x - 0.055, foot - 0.22), (x, foot - 0.38), (x + 0.055, foot - 0.22)], roof)
    canvas.ellipse(x, foot - 0.165, 0.04, 0.04, canvas.land((112, 100, 90)))


def _snow(canvas: Canvas) -> None:
    rng, base = canvas.rng, canvas.horizon
    canvas.hill(base, [rng.uniform(0.04, 0.16) for _ in range(4)], canvas.land((196, 214, 238), 0.25))
    for number in rng.sample(range(7), 5):
        x = (number + rng.uniform(0.2, 0.8)) / 7
        _snowy_fir(canvas, x, base + rng.uniform(0.02, 0.06), rng.uniform(0.20, 0.30))
    canvas.hill(base + 0.08, [rng.uniform(0.0, 0.07) for _ in range(4)], canvas.land((228, 238, 250)))
    canvas.hill(base + 0.21, [rng.uniform(0.0, 0.07) for _ in range(3)], canvas.land((248, 251, 255)))


def _snowy_fir(canvas: Canvas, x: float, foot: float, tall: float) -> None:
    """A conifer with snow on every tier."""
    _fir(canvas, x, foot, tall, canvas.land((58, 110, 112)))
    snow = canvas.land((250, 252, 255))
    for tier in range(3):
        top = foot - tall * (0.10 + 0.27 * tier) - tall * 0.42
        width, low = tall * 0.27 * (1 - 0.22 * tier) * 0.48, top + tall * 0.20
        canvas.polygon([(x - width, low), (x, top), (x + width, low)], snow)


PLACE_PAINTERS: dict[str, Callable[[Canvas], None]] = {
    "city": _city,
    "mountains": _mountains,
    "desert": _desert,
    "ocean": _ocean,
    "forest": _forest,
    "meadow": _meadow,
    "village": _village,
    "snow": _snow,
}
