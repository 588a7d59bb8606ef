"""Guess first: the reader settles on a guess, presses "Show", and sees it and the truth in one figure.

Elsewhere (papermill, nbval, a web page) there is nothing to press: question and choices are printed, and the
figure shows the truth alone.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from helpers import plots
from helpers.errors import WorkbookError
from helpers.session import is_live


@dataclass(frozen=True)
class Question:
    """What is asked, how a guess is read, and what is shown then.

    text, choices: in words, for print; controls: makes the widgets; read: the guess in the widgets' values,
    WorkbookError while there is none; draw: guess and truth in one figure, for None the truth alone;
    verdict: a sentence on the guess; alt: describes the figure of the truth; sketch: the guess alone, drawn
    while it is made.
    """

    text: str
    choices: str
    controls: Callable[[], list]
    read: Callable[[list], Any]
    draw: Callable[[Any], Figure]
    verdict: Callable[[Any], str]
    alt: str
    sketch: Callable[[Any], Figure] | None = None


def choice(
    question: str, options: Sequence[str], draw: Callable[[str | None], Figure], *,
    answer: str | Sequence[str], alt: str,
) -> None:  # fmt: skip
    """Which of the options is it?

    draw: takes the chosen option (None where nobody can choose) and returns the figure, with the choice
    marked in it; answer: the right option, or those that share the first place; alt: describes draw(None).
    """
    right = [answer] if isinstance(answer, str) else list(answer)
    _check_names("options", options)
    if not right or not set(right) <= set(options):
        raise WorkbookError(f"The answer {answer!r} is none of the options: {', '.join(options)}.")

    def verdict(chosen: str) -> str:
        return f"You guessed {chosen}, and it is {' or '.join(right)}."

    choices = f"Choices: {', '.join(options)}."
    _ask(Question(question, choices, lambda: [_dropdown(options)], _read_choice, draw, verdict, alt))


def winner(
    question: str, values: Mapping[str, float], *, alt: str, lowest: bool = False, **labels: Any
) -> None:
    """Which of these measured values is the highest, or the lowest? They are drawn as bars.

    labels: x_label, y_label and what else `plots.bars` takes.
    """
    names = list(values)
    best = min(values.values()) if lowest else max(values.values())

    def draw(chosen: str | None) -> Figure:
        marks = [f"{name}\n(your guess)" if name == chosen else name for name in names]
        places = [i for i, name in enumerate(names) if name == chosen]
        return plots.bars(marks, list(values.values()), highlight=places, **labels)

    choice(question, names, draw, answer=[name for name in names if values[name] == best], alt=alt)


def order(question: str, items: Sequence[str], truth: Sequence[str], *, alt: str) -> None:
    """In which order do the items come? truth: the same items in the right order, the first one first."""
    _check_names("items", items)
    if sorted(items) != sorted(truth):
        raise WorkbookError("The right order must hold the same items as the question, each of them once.")

    def controls() -> list:
        return [_dropdown(items, f"place {place}") for place in range(1, len(items) + 1)]

    def verdict(guessed: Sequence[str]) -> str:
        hits = sum(mine == right for mine, right in zip(guessed, truth, strict=True))
        return f"{hits} of {len(truth)} are in their place. The order is: {', '.join(truth)}."

    def draw(guessed: Sequence[str] | None) -> Figure:
        return draw_orders(truth, guessed)

    choices = f"To put in order: {', '.join(items)}."
    _ask(Question(question, choices, controls, _read_order, draw, verdict, alt))


def curve(
    question: str, labels: Sequence, truth: Sequence[float], *, x_label: str, y_label: str,
    limits: tuple[float, float], alt: str,
) -> None:  # fmt: skip
    """How does the curve run? A slider for each point of the x axis, four to six of them.

    labels: names or numbers of the points; truth: the value at each; limits: what a value can be.
    """
    low, high = limits
    if len(labels) != len(truth) or len(truth) < 2 or not low <= min(truth) <= max(truth) <= high:
        raise WorkbookError("A curve needs one true value for each of its points, all within the limits.")

    def draw(guessed: Sequence[float] | None, known: bool = True) -> Figure:
        series = {"measured": truth if known else [float("nan")] * len(truth)}
        if guessed is not None:
            series["your guess"] = guessed
        figure = plots.lines(range(len(labels)), series, x_label=x_label, y_label=y_label, limits=limits)
        figure.axes[0].set_xticks(range(len(labels)), [str(label) for label in labels])
        return figure

    def verdict(guessed: Sequence[float]) -> str:
        rows = zip(labels, guessed, truth, strict=True)
        pairs = [f"{mine:.3g} and {measured:.3g} at {label}" for label, mine, measured in rows]
        return f"Your guess and what was measured: {'; '.join(pairs)}."

    choices = f"To sketch: {y_label}, from {low:g} to {high:g}, at {', '.join(map(str, labels))} ({x_label})."
    _ask(Question(question, choices, lambda: _sliders(labels, low, high), list, draw, verdict, alt,
                  sketch=lambda guessed: draw(guessed, known=False)))  # fmt: skip


def draw_orders(truth: Sequence[str], guessed: Sequence[str] | None = None) -> Figure:
    """The right order as a column; with a guess, its order beside it and a line between equal items."""
    figure, axes = plots.grid(height=0.45 * len(truth) + 1.2)
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(len(truth) + 0.5, 0.2))
    axes.set_title("Your order (left) and the right order" if guessed else "The right order")
    for place, item in enumerate(truth, 1):
        start = guessed.index(item) + 1 if guessed else place
        colour = plots.PALETTE[0] if start == place else plots.PALETTE[1]
        column = 1 if guessed else 0
        axes.plot([0, column], [start, place], color=colour, marker="o", clip_on=False)
        axes.text(column + 0.04, place, f"{place}. {item}", va="center")
        if guessed:
            axes.text(-0.04, start, f"{start}. {item}", va="center", ha="right")
    return figure


def reveal(question: Question, values: list) -> tuple[bytes, str]:
    """What pressing "Show" leads to: a PNG picture and a sentence; no picture while there is no guess."""
    try:
        guessed = question.read(values)
        return plots.png(question.draw(guessed)), question.verdict(guessed)
    except WorkbookError as problem:
        return b"", str(problem)


def _ask(question: Question) -> None:
    """Show the question: with its controls where somebody can move them, else with its answer."""
    if is_live():
        _live(question)
        return
    print(f"Guess first: {question.text}\n{question.choices}")
    plots.show(question.draw(None), question.alt)


def _live(question: Question) -> None:
    """Question, controls and a button; the picture joins them when there is something to see."""
    import ipywidgets as widgets
    from IPython.display import display

    controls, button = question.controls(), widgets.Button(description="Show")
    picture, words = widgets.Image(format="png"), widgets.HTML()
    picture.layout.align_self = "flex-start"  # in its own size, not stretched to the width of the page
    start = [widgets.HTML(value=f"<b>{html.escape(question.text)}</b>"), *controls, button, words]
    box = widgets.VBox(start)

    def draw_sketch(_change: Any = None) -> None:
        picture.value = plots.png(question.sketch([control.value for control in controls]))
        box.children = [*start, picture]

    def show(_button: Any) -> None:
        shown, sentence = reveal(question, [control.value for control in controls])
        words.value = html.escape(sentence)
        if shown:  # the guess stands from now on
            for control in [*controls, button]:
                control.disabled = True
            picture.value = shown
            box.children = [*start, picture]

    button.on_click(show)
    if question.sketch is not None:
        for control in controls:
            control.observe(draw_sketch, names="value")
        draw_sketch()
    display(box)


def _dropdown(options: Sequence[str], description: str = "your guess"):
    import ipywidgets as widgets

    entries = [("choose", ""), *zip(options, options, strict=True)]
    return widgets.Dropdown(options=entries, value="", description=description)


def _sliders(labels: Sequence, low: float, high: float) -> list:
    """A slider for each point, all of them in the middle."""
    import ipywidgets as widgets

    return [
        widgets.FloatSlider(value=(low + high) / 2, min=low, max=high, step=(high - low) / 50,
                            description=str(label), continuous_update=False)
        for label in labels
    ]  # fmt: skip


def _read_choice(values: list[str]) -> str:
    (chosen,) = values
    if not chosen:
        raise WorkbookError("Choose first, then press Show.")
    return chosen


def _read_order(values: list[str]) -> list[str]:
    for name in values:
        if not name:
            raise WorkbookError("Fill every place first, then press Show.")
        if values.count(name) > 1:
            raise WorkbookError(f"{name} stands in more than one place: give it one.")
    return values


def _check_names(what: str, names: Sequence[str]) -> None:
    if len(names) < 2 or len(set(names)) < len(names) or "" in names:
        raise WorkbookError(f"A guess needs at least two {what}, each with a name of its own.")
