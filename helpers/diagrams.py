"""Drawings made by code: boxes, arrows, tokens and bars as SVG with alt text.

A drawing has its own light ground, so that it reads well on a light and on a dark page, and it needs no font,
script or file from elsewhere. The same calls give the same text, so that tests can compare it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from unicodedata import east_asian_width

from helpers.checks import check_text
from helpers.errors import WorkbookError
from helpers.plots import PALETTE

WIDTH, MARGIN, LONGEST = 720, 24, 5000  # units; on a wide page a unit is a pixel
SIZE, SMALL = 22, 19  # heights of letters: half as many pixels on a phone
TOKEN = 42  # the height of a token
FONT = "DejaVu Sans, Verdana, sans-serif"
INK, QUIET, PALE, GROUND = "#1d2329", "#59636e", "#aab2bb", "#ffffff"
BLUE, ORANGE, RED = PALETTE[0], PALETTE[1], PALETTE[4]
DASHES = {"stroke_dasharray": "6 5"}
# Widths of letters as shares of their height, those of DejaVu Sans, which is wider than most fonts.
WIDTHS = {"iIjl.,:;'|! ·": 0.36, 'frt()[]-/\\"`': 0.46, "mwMW@%…—&+=<>×≥": 1.0}
LETTER_WIDTHS = {letter: width for letters, width in WIDTHS.items() for letter in letters}
ANCHORS = {"start": 0.0, "middle": 0.5, "end": 1.0}
Point = tuple[float, float]


@dataclass(frozen=True)
class Diagram:
    """A finished drawing: its SVG, and a sentence or two (alt text) for those who do not see it."""

    svg: str = field(repr=False)
    alt: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        """What Jupyter shows: the drawing, or its alt text where there are no pictures."""
        kind = "image/svg+xml"
        return {kind: self.svg, "text/plain": self.alt}, {kind: {"alt": self.alt}}


class Canvas:
    """A sheet 720 units wide that grows downwards; x counts from the left and y from the top.

    Colours are six-digit ones such as "#0072B2". What does not fit on the sheet is a WorkbookError.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._bottom = 0.0

    def diagram(self, alt: str) -> Diagram:
        """What was drawn so far, as a finished drawing with this alt text."""
        check_text("The alt text", alt)
        alt = " ".join(clean(alt).split())
        if not alt:
            raise WorkbookError("A drawing needs alt text: say in a sentence what it shows.")
        height = math.ceil(self._bottom) + MARGIN
        sheet = {"width": WIDTH - 2, "height": height - 2, "fill": GROUND, "stroke": PALE}
        ground = element("rect", x=1, y=1, rx=14, **sheet)
        lines = [element("title", alt), ground, *self._parts]
        svg = element(
            "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}", width=WIDTH,
            height=height, style="max-width:100%;height:auto", role="img", aria_label=alt, font_family=FONT,
        )  # fmt: skip
        return Diagram(svg.removesuffix("/>") + ">\n" + "\n".join(lines) + "\n</svg>", alt)

    def text(
        self, x: float, y: float, words: str, *, size: float = SIZE, anchor: str = "middle",
        colour: str = INK, bold: bool = False,
    ) -> None:  # fmt: skip
        """A line of words with its middle at the height y; anchor: start, middle or end, where x is in it."""
        check_text("A text in a drawing", words)
        if anchor not in ANCHORS:
            raise WorkbookError(f"anchor is {anchor!r}: give start, middle or end.")
        width = text_width(words, size)
        left = x - width * ANCHORS[anchor]
        self._reach((left, y - size / 2), (left + width, y + size / 2))
        style = {"font_size": size, "text_anchor": anchor, "fill": colour}
        style |= {"font_weight": "bold"} if bold else {}
        self._add("text", words, x=x, y=y + 0.36 * size, **style)

    def box(
        self, x: float, y: float, width: float, height: float, words: str = "", *, size: float = SIZE,
        colour: str = QUIET, dashed: bool = False,
    ) -> None:  # fmt: skip
        """A rounded box with wrapped words in its middle; dashed: without a tint, with a dashed rim."""
        self._reach((x, y), (x + width, y + height))
        look = {"fill": GROUND, **DASHES} if dashed else {"fill": tint(colour)}
        self._add("rect", x=x, y=y, width=width, height=height, rx=8, stroke=colour, stroke_width=2, **look)
        lines = wrap(words, width - 12, size)
        for i, line in enumerate(lines):
            middle = y + height / 2 + (i - (len(lines) - 1) / 2) * 1.25 * size
            self.text(x + width / 2, middle, line, size=size)

    def token(
        self, x: float, y: float, token: str, *, width: float = 0, size: float = SIZE, colour: str = QUIET,
        dashed: bool = False,
    ) -> float:  # fmt: skip
        """A token in a box, 42 units high, as wide as its text or as it is told. Returns its right end."""
        shown = visible(token)
        width = width or text_width(shown, size) + 18
        self.box(x, y, width, TOKEN, colour=colour, dashed=dashed)
        self.text(x + width / 2, y + TOKEN / 2, shorten(shown, width - 4, size), size=size)
        return x + width

    def grid(
        self, x: float, y: float, rows: Sequence[Sequence[str]], *, width: float, height: float = TOKEN,
        colours: Sequence[Sequence[str]], size: float = SIZE,
    ) -> None:  # fmt: skip
        """Cells of one size in rows and columns, each with its text and its colour."""
        for i, row in enumerate(rows):
            for j, (words, colour) in enumerate(zip(row, colours[i], strict=True)):
                self.box(x + j * width, y + i * height, width, height, words, size=size, colour=colour)

    def bar(
        self, x: float, y: float, length: float, label: str, value: str, *, label_width: float,
        colour: str = BLUE,
    ) -> float:  # fmt: skip
        """A bar to the right of (x, y), its label before it and its value after it. Returns the value's end.

        Labels that are wider than `label_width` are shortened.
        """
        self._reach((x, y - 13), (x + length, y + 13))
        self.text(x - 10, y, shorten(label, label_width, SIZE), anchor="end")
        self._add("rect", x=x, y=y - 13, width=max(length, 1), height=26, rx=3, fill=colour)
        self.text(x + length + 8, y, value, anchor="start")
        return x + length + 8 + text_width(value, SIZE)

    def line(
        self, points: Sequence[Point], *, colour: str = QUIET, thickness: float = 2.5, dashed: bool = False,
        bends: tuple[Point, Point] | None = None,
    ) -> None:  # fmt: skip
        """A line through the points; with bends: a smooth one, which leaves towards the first bend and
        comes from the second.
        """
        self._reach(*points)
        turn = f" C {_places(bends)} " if bends else " L "
        course = f"M {_places(points[:1])}{turn}{_places(points[1:])}"
        style = {"stroke": colour, "stroke_width": thickness, **(DASHES if dashed else {})}
        self._add("path", d=course, fill="none", stroke_linejoin="round", **style)

    def arrow(self, points: Sequence[Point], *, colour: str = QUIET, thickness: float = 3) -> None:
        """A line through the points with a head at the last one."""
        (x0, y0), (x1, y1) = points[-2:]
        length = math.hypot(x1 - x0, y1 - y0) or 1
        dx, dy = 14 * (x1 - x0) / length, 14 * (y1 - y0) / length
        x2, y2 = x1 - dx, y1 - dy  # where the head begins
        self.line([*points[:-1], (x2, y2)], colour=colour, thickness=thickness)
        corners = [(x1, y1), (x2 - 0.6 * dy, y2 + 0.6 * dx), (x2 + 0.6 * dy, y2 - 0.6 * dx)]
        self._add("polygon", points=_places(corners), fill=colour)

    def bracket(self, x: float, top: float, bottom: float, *, colour: str = INK) -> None:
        """A bracket that opens to the left, around what stands from `top` to `bottom`."""
        self.line([(x - 10, top), (x, top), (x, bottom), (x - 10, bottom)], colour=colour)

    def step(self, x: float, y: float, count: int, words: str = "") -> None:
        """A numbered disc around (x, y), and words on its right."""
        self._reach((x - 16, y - 16), (x + 16, y + 16))
        self._add("circle", cx=x, cy=y, r=16, fill=INK)
        self.text(x, y, str(count), size=SMALL, colour=GROUND, bold=True)
        self.text(x + 26, y, words, anchor="start")

    def _add(self, name: str, words: str = "", **attributes) -> None:
        self._parts.append(element(name, words, **attributes))

    def _reach(self, *points: Point) -> None:
        """Let the sheet grow down to these points; refuse what would leave it."""
        for x, y in points:
            if not (0 <= x <= WIDTH and 0 <= y <= LONGEST):
                raise WorkbookError("This does not fit into a drawing: give fewer or shorter words.")
            self._bottom = max(self._bottom, y)


def element(name: str, words: str = "", **attributes) -> str:
    """An XML element, everything in it escaped; stroke_width=2 becomes stroke-width="2"."""
    given = "".join(
        f' {key.replace("_", "-")}="{escape(value if isinstance(value, str) else number(value))}"'
        for key, value in attributes.items()
    )
    return f"<{name}{given}>{escape(clean(words))}</{name}>" if words else f"<{name}{given}/>"


def _places(points: Sequence[Point]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)


def number(value: float) -> str:
    """A number with at most one digit after the point."""
    return f"{round(float(value), 1) + 0:g}"


def clean(words: str) -> str:
    """The words without the control characters that no XML file may hold."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "�" for letter in words)


def visible(token: str) -> str:
    """A token with spaces at its ends as dots, and line breaks and the like as Python writes them."""
    check_text("A token", token)
    inner = token.strip(" ")
    before = "·" * (len(token) - len(token.lstrip(" ")))
    after = "·" * (len(token) - len(inner) - len(before))
    shown = [c if c.isprintable() else c.encode("unicode_escape").decode() for c in inner]
    return before + "".join(shown) + after


def text_width(words: str, size: float) -> float:
    """About how many units wide a line is, rather too many than too few."""
    return size * sum(_letter_width(letter) for letter in words)


def _letter_width(letter: str) -> float:
    if east_asian_width(letter) in "WF":
        return 1.0
    usual = 0.65 if letter.islower() or letter.isdigit() else 0.78
    return LETTER_WIDTHS.get(letter, usual)


def shorten(words: str, width: float, size: float) -> str:
    """The words if they fit into the width, else their beginning and three dots."""
    if text_width(words, size) <= width:
        return words
    while words and text_width(words + "…", size) > width:
        words = words[:-1]
    return words + "…"


def wrap(words: str, width: float, size: float) -> list[str]:
    """The words in lines of at most this width; a single word that is wider is shortened."""
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(shorten(word, width, size))
    return lines


def tint(colour: str) -> str:
    """A pale shade of a colour such as #0072B2, on which dark letters read well."""
    if not re.fullmatch("#[0-9A-Fa-f]{6}", colour):
        raise WorkbookError(f'{colour!r} is not a colour: give one such as "#0072B2".')
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - 0.2 * (255 - part)):02x}" for part in parts)


def token_list(name: str, tokens: Sequence[str], low: int, high: int) -> list[str]:
    """The tokens as a list of texts, else a WorkbookError that says how many to give."""
    wanted = f"give a list of {low:,} to {high:,} texts"
    if isinstance(tokens, str) or not isinstance(tokens, Sequence):
        raise WorkbookError(f"{name} is a {type(tokens).__name__}: {wanted}.")
    if not low <= len(tokens) <= high:
        raise WorkbookError(f"{name} has {len(tokens):,} entries: {wanted}.")
    for token in tokens:
        check_text(f"An entry of {name}", token)
    return list(tokens)


def share_list(name: str, values: Sequence[float], count: int) -> list[float]:
    """`count` numbers from 0 to 1 with a sum of at most 1, from a list, an array or a tensor."""
    wanted = f"give {count:,} numbers from 0 to 1 that add up to at most 1"
    try:
        rows = values.tolist() if hasattr(values, "tolist") else values
        numbers = [float(value) for value in rows]
    except (TypeError, ValueError):
        raise WorkbookError(f"{name} is not a list of numbers: {wanted}.") from None
    if len(numbers) != count:
        raise WorkbookError(f"{name} has {len(numbers):,} entries: {wanted}.")
    if not all(0 <= value <= 1.001 for value in numbers) or sum(numbers) > 1.01:
        raise WorkbookError(f"{name} adds up to {sum(numbers):.4g}: {wanted}.")
    return numbers
