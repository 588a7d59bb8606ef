"""The tree of continuations, and what beam search keeps of it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from helpers.checks import check_number, check_text
from helpers.diagrams import (
    BLUE,
    MARGIN,
    ORANGE,
    QUIET,
    SIZE,
    SMALL,
    TOKEN,
    WIDTH,
    Canvas,
    Diagram,
    text_width,
    token_list,
    visible,
    wrap,
)
from helpers.errors import WorkbookError

LINE, NUMBER, PRODUCT = 36, 52, 84  # widths of a branch at least, of the number on it, of the last column
Path = tuple[str, ...]
Column = tuple[float, float]  # where it begins and ends


def continuation_tree(
    start: str = "The fox",
    branches: Iterable[tuple[Path, float]] = (
        (("ran",), 0.5), (("ran", "home"), 0.4), (("ran", "off"), 0.3),
        (("was",), 0.4), (("was", "happy"), 0.9), (("was", "sad"), 0.1),
        (("sat",), 0.1),
    ),
    beams: int = 2,
) -> Diagram:  # fmt: skip
    """A tree of continuations, and what beam search keeps of it; with beams=1 that is greedy search.

    branches: (tokens, probability) pairs. The tokens lead from the start to a place in the tree, at most
    three steps away; the probability is that of the last of them, given those before. Beam search multiplies
    along each path and keeps the `beams` best at each step. See the thick lines: these paths were kept, and
    the orange one is the best of them. In the default tree a single beam never finds "was happy".
    """
    check_text("start", start)
    check_number("beams", beams, 1, 12, "a whole number from 1 to 12")
    tree = _tree(branches)
    products = {path: math.prod(tree[path[: i + 1]] for i in range(len(path))) for path in tree}
    kept, best = _beam_search(products, beams)
    leaves = [path for path in tree if not any(other[:-1] == path for other in tree)]
    heights = _heights(tree, leaves)
    columns = _columns(start, tree)
    canvas = Canvas()
    _headings(canvas, columns)
    size = _letters(len(columns) - 1)
    _root(canvas, start, columns[0], heights[()], size)
    for path in sorted(tree, key=lambda path: path in kept):  # so that the kept ones lie on top
        colour = ORANGE if path == best[: len(path)] else BLUE if path in kept else QUIET
        _branch(canvas, path, tree[path], columns, heights, colour=colour, dashed=path not in kept)
    for path in leaves:
        right = columns[len(path)][1] + 10
        canvas.text(right, heights[path], f"{products[path]:.3f}", anchor="start", bold=path == best)
    _legend(canvas, heights[leaves[-1]] + 66, beams)
    whole = ", ".join(f"{_phrase(start, path)} {products[path]:.3f}" for path in leaves)
    return canvas.diagram(
        f"A tree of continuations; its paths and their probabilities: {whole}. With {beams} "
        f"beam{'s' * (beams > 1)}, beam search ends with “{_phrase(start, best)}”, {products[best]:.3f}."
    )


def _tree(branches: Iterable[tuple[Path, float]]) -> dict[Path, float]:
    """The probability of each branch by the tokens that lead to it, each branch before its own branches."""
    wanted = 'give (tokens, probability) pairs such as (("ran", "home"), 0.4)'
    try:
        pairs = [(path, float(probability)) for path, probability in branches]
    except (TypeError, ValueError, RuntimeError):
        raise WorkbookError(f"branches is not a list of branches: {wanted}.") from None
    tree = {tuple(token_list("A branch", path, 1, 3)): probability for path, probability in pairs}
    if not 1 <= len(tree) <= 30 or len(tree) < len(pairs):
        raise WorkbookError(f"branches has {len(pairs)} branches: give 1 to 30, each of them once.")
    for path, probability in tree.items():
        if path[:-1] and path[:-1] not in tree:
            raise WorkbookError(f"The branch {path} has no beginning: give the branch {path[:-1]} too.")
        if not 0 <= probability <= 1:
            raise WorkbookError(f"The probability of {path} is {probability:g}: give a number from 0 to 1.")
    order = {path: i for i, path in enumerate(tree)}
    places = {path: [order[path[: i + 1]] for i in range(len(path))] for path in tree}
    return {path: tree[path] for path in sorted(tree, key=places.get)}


def _beam_search(products: dict[Path, float], beams: int) -> tuple[set[Path], Path]:
    """The paths that beam search keeps at each step, and the best one at the last step."""
    kept: set[Path] = set()
    survivors: list[Path] = [()]
    while children := [path for path in products if path[:-1] in survivors]:
        survivors = sorted(children, key=products.get, reverse=True)[:beams]
        kept.update(survivors)
    return kept, survivors[0]


def _heights(tree: dict[Path, float], leaves: list[Path]) -> dict[Path, float]:
    """The height of each path's last token: leaves one below the other, the others amid their branches."""
    heights = {leaf: 92.0 + 56 * i for i, leaf in enumerate(leaves)}
    for path in sorted([*tree, ()], key=len, reverse=True):
        children = [heights[other] for other in tree if other and other[:-1] == path]
        if children:
            heights[path] = (children[0] + children[-1]) / 2
    return heights


def _columns(start: str, tree: dict[Path, float]) -> list[Column]:
    """Where each column begins and ends: the start, then the tokens of each step."""
    depth = max(map(len, tree))
    size = _letters(depth)
    widths = [max(60, min(text_width(start, size) + 18, 150))]
    for step in range(1, depth + 1):
        words = [visible(path[-1]) for path in tree if len(path) == step]
        longest = max(text_width(word, size) for word in words)
        widths.append(min(max(longest + 18, 60), 220))
    room = WIDTH - 2 * MARGIN - PRODUCT
    while sum(widths) > room - depth * (LINE + NUMBER):
        widths[widths.index(max(widths))] -= 1
    gap = min((room - sum(widths)) / depth, 160)
    left = (WIDTH - sum(widths) - depth * gap - PRODUCT) / 2
    columns = []
    for width in widths:
        columns.append((left, left + width))
        left += width + gap
    return columns


def _letters(depth: int) -> int:
    """The size of letters: smaller ones where a third step needs room."""
    return SIZE if depth < 3 else SMALL


def _headings(canvas: Canvas, columns: list[Column]) -> None:
    for step, (left, right) in enumerate(columns[1:], 1):
        canvas.text((left + right) / 2, 40, f"step {step}", size=SMALL, colour=QUIET)
    canvas.text(columns[-1][1] + 10, 40, "product", size=SMALL, colour=QUIET, anchor="start")


def _root(canvas: Canvas, start: str, column: Column, middle: float, size: int) -> None:
    width = column[1] - column[0]
    height = 16 + 1.25 * size * max(1, len(wrap(start, width - 12, size)))
    canvas.box(column[0], middle - height / 2, width, height, start, size=size, colour=ORANGE)


def _branch(
    canvas: Canvas, path: Path, probability: float, columns: list[Column], heights: dict[Path, float], *,
    colour: str, dashed: bool,
) -> None:  # fmt: skip
    """The line to a token, with its probability at its end, and the token."""
    before, after = heights[path[:-1]], heights[path]
    begin = columns[len(path) - 1][1]
    left, right = columns[len(path)]
    end = left - NUMBER
    middle = (begin + end) / 2
    bends = ((middle, before), (middle, after))
    look = {"colour": colour, "thickness": 2 if dashed else 5, "dashed": dashed}
    canvas.line([(begin, before), (end, after)], bends=bends, **look)
    canvas.text(left - NUMBER / 2, after, f"{probability:.2f}", size=SMALL)
    look = {"width": right - left, "size": _letters(len(columns) - 1), "colour": colour, "dashed": dashed}
    canvas.token(left, after - TOKEN / 2, path[-1], **look)


def _legend(canvas: Canvas, y: float, beams: int) -> None:
    looks = [("dropped", {"colour": QUIET, "thickness": 2, "dashed": True})]
    if beams > 1:
        looks.insert(0, ("best path", {"colour": ORANGE, "thickness": 5}))
        looks.insert(1, (f"kept, {beams} at each step", {"colour": BLUE, "thickness": 5}))
    else:
        looks.insert(0, ("kept, the likeliest at each step", {"colour": ORANGE, "thickness": 5}))
    x = MARGIN
    for words, look in looks:
        canvas.line([(x, y), (x + 40, y)], **look)
        canvas.text(x + 52, y, words, anchor="start", size=SMALL)
        x += 84 + text_width(words, SMALL)


def _phrase(start: str, path: Path) -> str:
    return " ".join(word.strip() for word in (start, *path))
