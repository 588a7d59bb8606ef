"""Drawings for text generation: the loop, cut tails, a tree, the cache, padding and attention.

Each function returns a drawing, which a notebook shows as the last line of a cell. Words and numbers may come
from a model: lists, arrays and tensors are all welcome. A dot at the end of a token is a space.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from helpers.checks import check_number
from helpers.diagrams import (
    BLUE,
    INK,
    ORANGE,
    PALE,
    QUIET,
    RED,
    SIZE,
    SMALL,
    TOKEN,
    Canvas,
    Diagram,
    share_list,
    text_width,
    token_list,
    visible,
)
from helpers.errors import WorkbookError
from helpers.lessons.text.trees import continuation_tree

__all__ = ["attention", "continuation_tree", "kv_cache", "next_token_loop", "nucleus", "padding", "top_k"]

LEFT, RIGHT = 24, 696  # where drawings begin and end
ROUNDING = 1e-6  # sums of a model's probabilities are exact up to about this


def next_token_loop(
    prompt: Sequence[str] = ("The", " fox", " sat", " by", " the"),
    words: Sequence[str] = (" river", " fire", " sea"),
    probabilities: Sequence[float] = (0.5, 0.25, 0.15),
    picked: int = 0,
) -> Diagram:
    """How a model writes: it reads the text and rates all tokens, one is picked and appended, and so on.

    prompt: the tokens so far; words, probabilities: up to five possible next tokens; picked: the index of one
    of them. See that the arrows form a circle, and that each turn adds a single token.
    """
    prompt = token_list("prompt", prompt, 1, 10_000)
    words = token_list("words", words, 1, 5)
    numbers = share_list("probabilities", probabilities, len(words))
    check_number("picked", picked, 0, len(words) - 1, f"a whole number from 0 to {len(words) - 1}")
    canvas = Canvas()
    canvas.step(40, 44, 1, "The text so far")
    new = min(_token_width(words[picked]), 200)
    end = _last_tokens(canvas, prompt, y=72, room=RIGHT - LEFT - new - 52)
    canvas.token(end + 8, 72, words[picked], width=new, colour=ORANGE, dashed=True)
    canvas.arrow([(104, 120), (104, 216)])
    canvas.box(LEFT, 220, 184, 104, "The model reads it all", colour=BLUE)
    canvas.step(40, 222, 2)
    canvas.arrow([(214, 272), (262, 272)])
    canvas.step(286, 184, 3, "How likely is each token?")
    y, start = _candidates(canvas, words, numbers, picked)
    canvas.arrow([(start + 8, y), (678, y), (678, 93), (end + 16 + new, 93)], colour=ORANGE)
    canvas.step(640, y, 4)
    canvas.text(640, y + 34, "Pick one", size=SMALL)
    canvas.step(678, 136, 5)
    canvas.text(652, 136, "Append it, then again from 1", anchor="end")
    return canvas.diagram(
        f"A circle of five steps. 1: the text so far is “{''.join(prompt)}”. 2: the model reads it all. "
        f"3: it says how likely each next token is: {_listed(words, numbers)}. "
        f"4: one is picked, “{words[picked].strip()}”. 5: it is appended, and all starts again from 1."
    )


def _last_tokens(canvas: Canvas, tokens: Sequence[str], y: float, room: float) -> float:
    """A row of tokens, without the first ones where there is no room for them; where the row ends."""
    dots = 50
    first, last = 0, len(tokens) - 1
    total = sum(_token_width(token) + 8 for token in tokens)
    while first < last and total + dots * (first > 0) > room:
        total -= _token_width(tokens[first]) + 8
        first += 1
    x = LEFT
    if first:
        x = canvas.token(x, y, "…", dashed=True) + 8
    for token in tokens[first:]:
        x = canvas.token(x, y, token, width=min(_token_width(token), room - dots)) + 8
    return x - 8


def _candidates(canvas: Canvas, words: list[str], numbers: list[float], picked: int) -> tuple[float, float]:
    """Bars of possible next tokens and of all the others; the height of the picked one and its right end."""
    rows = [(visible(word), number, BLUE) for word, number in zip(words, numbers, strict=True)]
    rows[picked] = (*rows[picked][:2], ORANGE)
    others = 1 - math.fsum(numbers)
    if others >= 0.005:
        rows.append(("all others", others, PALE))
    unit = 110 / max(0.01, *(number for _, number, _ in rows))
    ends = []
    for i, (word, number, colour) in enumerate(rows):
        y = 228 + 40 * i
        value = f"{number:.2f}"
        end = canvas.bar(404, y, unit * float(value), word, value, label_width=130, colour=colour)
        ends.append((y, end))
    return ends[picked]


def nucleus(words: Sequence[str], probabilities: Sequence[float], top_p: float = 0.9) -> Diagram:
    """Top-p on ranked bars: the likeliest tokens are kept until their sum reaches top_p.

    words, probabilities: as many tokens as you like, in any order; "all others" is what they lack to 1. See
    the sums on the right: the first one that is at least top_p ends the bracket.
    """
    check_number("top_p", top_p, 0.0, 1.0, "a number from 0 to 1")
    words, numbers = _ranked(words, probabilities)
    sums = list(accumulate(numbers))
    if sums[-1] < top_p - 0.001:
        raise WorkbookError(f"The probabilities add up to {sums[-1]:.3f}: give more words, or a lower top_p.")
    kept = 1 + sum(total < top_p - ROUNDING for total in sums[:-1])
    canvas = Canvas()
    _ranked_bars(canvas, words, numbers, kept, f"sum ≥ {top_p:.4g}", sums)
    return canvas.diagram(
        f"Ranked bars of next tokens. Kept are {kept}: {_listed(words[:kept], numbers[:kept])}; "
        f"their sum, {sums[kept - 1]:.2f}, is the first of at least {top_p:.4g}. The others are cut off."
    )


def top_k(words: Sequence[str], probabilities: Sequence[float], k: int) -> Diagram:
    """Top-k on ranked bars: the k likeliest tokens are kept, whatever their probabilities.

    words, probabilities: as for `nucleus`. See that the bracket always holds k bars, long or short.
    """
    words, numbers = _ranked(words, probabilities)
    check_number("k", k, 1, len(words), f"a whole number from 1 to {len(words)}, the number of words")
    canvas = Canvas()
    _ranked_bars(canvas, words, numbers, k, f"k = {k:,}")
    return canvas.diagram(
        f"Ranked bars of next tokens. Kept are the {k:,} likeliest: {_listed(words[:k], numbers[:k])}. "
        f"The others are cut off."
    )


def _ranked(words: Sequence[str], probabilities: Sequence[float]) -> tuple[list[str], list[float]]:
    words = token_list("words", words, 1, 1_000_000)
    numbers = share_list("probabilities", probabilities, len(words))
    order = sorted(range(len(words)), key=lambda i: -numbers[i])
    return [words[i] for i in order], [numbers[i] for i in order]


class _Row(NamedTuple):
    """A line of ranked bars: one token, or several that are only summed up."""

    label: str
    probability: float
    last: int  # rank of its last token, from 0
    single: bool


def _ranked_rows(words: list[str], numbers: list[float], kept: int) -> list[_Row]:
    """At most eight lines of kept tokens, four of others, and one for what is in no list."""
    rows = []
    for part, most in ((range(kept), 8), (range(kept, len(words)), 4)):
        shown = part if len(part) <= most else part[: most - 1]
        rows += [_Row(visible(words[i]), numbers[i], i, True) for i in shown]
        hidden = part[len(shown) :]
        if hidden:
            total = math.fsum(numbers[i] for i in hidden)
            rows.append(_Row(f"{len(hidden):,} more", total, hidden[-1], False))
    others = 1 - math.fsum(numbers)
    return rows + [_Row("all others", others, len(words), False)] * (others >= 0.005)


def _ranked_bars(
    canvas: Canvas, words: list[str], numbers: list[float], kept: int, reason: str, sums: Sequence[float] = ()
) -> None:
    """Bars of the tokens, the likeliest on top, and a bracket around the kept ones.

    sums: of each token's probability and all above it, shown beside the bars if given.
    """
    rows = _ranked_rows(words, numbers, kept)
    digits = 2 if numbers[0] >= 0.1 else 3
    label_width = min(190, max(text_width(row.label, SIZE) for row in rows))
    x = LEFT + 10 + max(label_width, 110)
    bracket, sums_middle = 556, 486
    unit = (bracket - x - (220 if sums else 100)) / max(numbers[0], 0.001)
    canvas.text(x - 10, 40, "next token", size=SMALL, colour=QUIET, anchor="end")
    canvas.text(x, 40, "probability", size=SMALL, colour=QUIET, anchor="start")
    if sums:
        canvas.text(sums_middle, 40, "sum so far", size=SMALL, colour=QUIET)
    for i, row in enumerate(rows):
        y = 80 + 40 * i
        value = f"{row.probability:.{digits}f}"
        if row.single:
            colour = BLUE if row.last < kept else PALE
            canvas.bar(x, y, unit * float(value), row.label, value, label_width=label_width, colour=colour)
        else:
            canvas.text(x - 10, y, row.label, anchor="end", colour=QUIET)
            canvas.text(x, y, f"together {value}", anchor="start", colour=QUIET)
        if sums and row.last < len(words):
            ink = INK if row.last < kept else QUIET
            canvas.text(sums_middle, y, f"{sums[row.last]:.{digits}f}", colour=ink, bold=row.last == kept - 1)
    height = 40 * sum(row.last < kept for row in rows)
    canvas.bracket(bracket, 64, 56 + height)
    canvas.text(bracket + 14, 46 + height / 2, "kept", anchor="start", bold=True)
    canvas.text(bracket + 14, 74 + height / 2, reason, anchor="start", size=SMALL)


def kv_cache(prompt: Sequence[str] = ("Once", " upon", " a"), new: Sequence[str] = (" time", ",")) -> Diagram:
    """What a model reads at each step, without a cache and with one.

    prompt, new: the tokens of the prompt, up to seven, and those generated after it, up to three. See the
    blue tokens: without a cache each step reads the whole text again; with one only the newest token.
    """
    prompt = token_list("prompt", prompt, 1, 7)
    new = token_list("new", new, 1, 3)
    tokens = prompt + new
    bottom = 104 + 46 * len(tokens)
    canvas = Canvas()
    without = _cache_steps(canvas, LEFT, "Without a cache", tokens, len(prompt), cached=False)
    cached = _cache_steps(canvas, 382, "With a cache", tokens, len(prompt), cached=True)
    canvas.line([(360, 36), (360, bottom + 40)], colour=PALE, thickness=1.5)
    canvas.box(LEFT, bottom + 76, 34, 24, colour=BLUE)
    canvas.text(LEFT + 46, bottom + 88, "read in this step", anchor="start", size=SMALL)
    canvas.box(382, bottom + 76, 34, 24, colour=PALE, dashed=True)
    canvas.text(428, bottom + 88, "taken from the cache", anchor="start", size=SMALL)
    return canvas.diagram(
        f"{len(new) + 1} steps on the tokens “{''.join(tokens)}”. Without a cache each step reads all tokens "
        f"again, {without} in all. With a cache each step after the first reads the newest token only, "
        f"{cached} in all; the others are taken from the cache."
    )


def _cache_steps(canvas: Canvas, x: float, title: str, tokens: list[str], first: int, *, cached: bool) -> int:
    """The steps side by side, the tokens of each from top to bottom; how many tokens they read in all."""
    steps = len(tokens) - first + 1
    width = 314 / steps
    reads = []
    for step in range(steps):
        length = first + step
        stored = length - 1 if cached and step else 0
        left = x + step * width
        canvas.text(left + width / 2 - 4, 84, f"step {step + 1}", size=SMALL, colour=QUIET)
        for i, token in enumerate(tokens[:length]):
            look = {"colour": PALE, "dashed": True} if i < stored else {"colour": BLUE}
            canvas.token(left, 106 + 46 * i, token, width=width - 8, size=SMALL, **look)
        reads.append(length - stored)
    canvas.text(x + 153, 44, title, bold=True)
    total = f"{' + '.join(map(str, reads))} = {sum(reads)} tokens"
    canvas.text(x + 153, 132 + 46 * len(tokens), total, size=SIZE if steps < 4 else SMALL)
    return sum(reads)


def padding(
    rows: Sequence[Sequence[str]] = (("Once", " upon", " a", " time"), ("Good", " night")),
    side: str = "left",
) -> Diagram:
    """Texts of different lengths in one batch, filled up to the same length, with their attention mask.

    rows: two to four texts as lists of at most six tokens; side: of the filler, left or right. See where the
    next token comes: with filler on the left after a real token, with filler on the right after filler.
    """
    if side not in ("left", "right"):
        raise WorkbookError(f"side is {str(side)[:60]!r}: give left or right.")
    if isinstance(rows, str) or not isinstance(rows, Sequence) or not 2 <= len(rows) <= 4:
        raise WorkbookError("rows is not a batch: give two to four lists of tokens.")
    batch = [token_list("A row", row, 1, 6) for row in rows]
    longest = max(map(len, batch))
    width = (RIGHT - LEFT - 80 - 40) / (longest + 1)
    canvas = Canvas()
    canvas.text(RIGHT - width / 2, 40, "next", size=SMALL, colour=QUIET)
    for i, row in enumerate(batch):
        _padded_row(canvas, f"text {i + 1}", 62 + 112 * i, row, longest - len(row), side, width)
    lengths = ", ".join(str(len(row)) for row in batch)
    place = "after a real token in each row" if side == "left" else "in shorter rows after filler"
    return canvas.diagram(
        f"{len(batch)} texts of {lengths} tokens, filled up to {longest} on the {side}. The mask is 1 under "
        f"real tokens and 0 under filler. The next token comes at the right end, {place}."
    )


def _padded_row(
    canvas: Canvas, name: str, y: float, row: list[str], filler: int, side: str, width: float
) -> None:
    """A text with its filler, its mask below it, and the place of its next token on the right."""
    real = [(visible(token), BLUE, "1") for token in row]
    empty = [("pad", PALE, "0")] * filler
    cells = empty + real if side == "left" else real + empty
    tokens, colours, mask = zip(*cells, strict=True)
    x = LEFT + 80
    canvas.text(LEFT, y + TOKEN / 2, name, anchor="start", size=SMALL)
    canvas.text(LEFT, y + TOKEN + 22, "mask", anchor="start", size=SMALL, colour=QUIET)
    canvas.grid(x, y, [tokens], width=width, colours=[colours], size=SIZE if len(cells) < 5 else SMALL)
    for i, digit in enumerate(mask):
        canvas.text(x + (i + 0.5) * width, y + TOKEN + 22, digit, colour=INK if digit == "1" else QUIET)
    colour = ORANGE if mask[-1] == "1" else RED
    canvas.arrow([(RIGHT - width - 38, y + TOKEN / 2), (RIGHT - width - 4, y + TOKEN / 2)], colour=colour)
    answer = "?" if mask[-1] == "1" else "wrong"
    canvas.token(RIGHT - width, y, answer, width=width, colour=colour, dashed=True)


def attention(words: Sequence[str], weights: Sequence[float], *, itself: bool = False) -> Diagram:
    """How much the last token looks at each token of a text, in one head: the thicker the line, the more.

    words: the tokens; weights: one each, the last token's own included. Of a long text the tokens with the
    largest weights are drawn; dots stand for the others between them, with the sum of their weights.
    itself: whether the last token's own weight is drawn, too, as a loop, and an arrowhead at this token; it
    needs some room on its right.
    """
    words = token_list("words", words, 2, 200)
    numbers = share_list("weights", weights, len(words))
    groups = _fitting_groups(words, numbers)
    names, widths = _names(words, groups), _widths(words, groups)
    sums = [math.fsum(numbers[i] for i in group) for group in groups]
    gap = min(18, (RIGHT - LEFT - sum(widths)) / (len(widths) - 1))
    x = (LEFT + RIGHT - sum(widths) - gap * (len(widths) - 1)) / 2
    centres = [x + sum(widths[:i]) + gap * i + width / 2 for i, width in enumerate(widths)]
    looked_at = sorted((sums[i], i) for i, group in enumerate(groups[:-1]) if len(group) == 1)
    top = looked_at[-1][1]
    y = 64 + 0.33 * (centres[-1] - min(centres[i] for _, i in looked_at))
    canvas = Canvas()
    for total, i in looked_at:
        _arc(canvas, centres[-1], centres[i], y, float(f"{total:.2f}"), ORANGE if i == top else BLUE)
    if itself:
        _loop(canvas, centres[-1], y, float(f"{sums[-1]:.2f}"))
        canvas.arrow([(centres[-1], y - 16), (centres[-1], y - 2)], colour=INK)
    for i, (name, width) in enumerate(zip(names, widths, strict=True)):
        dots = len(groups[i]) > 1
        colour = ORANGE if i == top else INK if i == len(names) - 1 else PALE if dots else QUIET
        canvas.token(centres[i] - width / 2, y, name, width=width, colour=colour, dashed=dots)
        ink = QUIET if dots else INK
        canvas.text(centres[i], y + TOKEN + 22, f"{sums[i]:.2f}", size=SMALL, colour=ink, bold=i == top)
    order = sorted(range(len(words)), key=lambda i: -numbers[i])[:4]
    largest = _listed([words[i] for i in order], [numbers[i] for i in order])
    return canvas.diagram(
        f"Lines from the last token of “{''.join(words)}” to the others{' and to itself' * itself}, "
        "thicker for larger weights. "
        f"The largest weights: {largest}."
    )


def _arc(canvas: Canvas, start: float, end: float, y: float, weight: float, colour: str) -> None:
    """A line over the tokens from the last one to another, as thick as its weight; none for a weight of 0."""
    if weight:
        top = y - 46 - 0.44 * (start - end)
        bends = ((start, top), (end, top))
        canvas.line([(start, y), (end, y - 2)], bends=bends, colour=colour, thickness=1 + 17 * weight)


def _loop(canvas: Canvas, x: float, y: float, weight: float) -> None:
    """A line from the last token to itself, as thick as its weight; none for a weight of 0."""
    if weight:
        bends = ((x + 8, y - 74), (x + 84, y - 66))
        canvas.line([(x, y), (x + 22, y - 2)], bends=bends, colour=BLUE, thickness=1 + 17 * weight)


def _fitting_groups(words: list[str], numbers: list[float]) -> list[list[int]]:
    """Indices of tokens in groups that fit side by side: the heaviest ones alone, those between together."""
    last = len(words) - 1
    shown = {last}
    for i in sorted(range(last), key=lambda i: -numbers[i]):
        widths = _widths(words, _groups(shown | {i}, last))
        if sum(widths) + 6 * len(widths) <= RIGHT - LEFT:
            shown.add(i)
    return _groups(shown, last)


def _groups(shown: set[int], last: int) -> list[list[int]]:
    """The numbers 0 to last: each of the shown ones alone, those between two of them together."""
    groups: list[list[int]] = []
    for i in range(last + 1):
        if i in shown or i == 0 or i - 1 in shown:
            groups.append([i])
        else:
            groups[-1].append(i)
    return groups


def _names(words: list[str], groups: list[list[int]]) -> list[str]:
    return [visible(words[group[0]]) if len(group) == 1 else "…" for group in groups]


def _widths(words: list[str], groups: list[list[int]]) -> list[float]:
    return [min(max(text_width(name, SIZE) + 18, 56), 200) for name in _names(words, groups)]


def _token_width(token: str) -> float:
    return text_width(visible(token), SIZE) + 18


def _listed(words: Sequence[str], numbers: Sequence[float]) -> str:
    """Words with their numbers, the first eight of them, for alt text."""
    first = list(zip(words, numbers, strict=True))[:8]
    pairs = [f"{word.strip() or ascii(word)} {value:.2f}" for word, value in first]
    more = f" and {len(words) - 8:,} more" if len(words) > 8 else ""
    return ", ".join(pairs) + more
