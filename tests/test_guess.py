"""Guess first: what is printed where nobody can guess, and what a guess leads to where somebody can."""

import base64

import ipywidgets as widgets
import pytest

from helpers import guess, plots
from helpers.errors import WorkbookError
from tests.alike import alike

SOUND = {"greedy": 0.9, "top-p <0.9>": 0.6, "hot": 0.2}
LABELS = {"x_label": "method", "y_label": "sound stories"}
STEPS = ["logits", "softmax", "draw"]
CURVE = {"x_label": "temperature", "y_label": "sound stories", "limits": (0, 1), "alt": "It falls."}


def ask_winner(**options):
    guess.winner("Who <b>writes</b> best?", SOUND, alt="Three bars.", **options, **LABELS)


def ask_order():
    guess.order("What comes first?", ["draw", "softmax", "logits"], STEPS, alt="Logits, softmax, draw.")


def ask_curve():
    guess.curve("How does it run?", [0.5, 1, 2], [0.9, 0.8, 0.1], **CURVE)


@pytest.fixture
def live(monkeypatch, shown):
    """Asks a question as in a notebook with somebody before it; returns the box that stands there."""
    monkeypatch.setenv("WORKBOOK_LIVE", "1")

    def asked(ask) -> widgets.VBox:
        ask()
        ((box, _),) = shown
        return box

    return asked


def parts(box: widgets.VBox, kind: type) -> list:
    return [child for child in box.children if isinstance(child, kind)]


def press_show(box: widgets.VBox, *values) -> str:
    """Set the controls, press the button, and read what stands below."""
    controls = parts(box, widgets.Dropdown) + parts(box, widgets.FloatSlider)
    for control, value in zip(controls, values, strict=True):
        control.value = value
    parts(box, widgets.Button)[0].click()
    return parts(box, widgets.HTML)[-1].value


@pytest.mark.parametrize(
    ("ask", "printed", "alt"),
    [
        (ask_winner, "Who <b>writes</b> best?\nChoices: greedy, top-p <0.9>, hot.\n", "Three bars."),
        (ask_order, "What comes first?\nTo put in order: draw, softmax, logits.\n", "Logits, softmax, draw."),
        (ask_curve, "How does it run?\nTo sketch: sound stories, from 0 to 1, at 0.5, 1, 2 (temperature).\n",
         "It falls."),
    ],
)  # fmt: skip
def test_headless_the_question_is_printed_and_the_truth_is_drawn(
    monkeypatch, shown, capsys, ask, printed, alt
):
    monkeypatch.setenv("WORKBOOK_LIVE", "0")
    ask()
    ask()
    assert capsys.readouterr() == (f"Guess first: {printed}" * 2, "")
    (first, metadata), again = shown
    assert metadata["image/png"]["alt"] == alt and again == (first, metadata)


def test_headless_shows_the_truth_alone(monkeypatch, shown):
    monkeypatch.setenv("WORKBOOK_LIVE", "0")
    ask_winner()
    ((data, _),) = shown
    bars = plots.bars(list(SOUND), list(SOUND.values()), **LABELS)
    assert alike(base64.b64decode(data["image/png"]), plots.png(bars))


def test_a_choice_is_shown_with_the_truth_and_then_stands(live):
    box = live(ask_winner)
    assert parts(box, widgets.HTML)[0].value == "<b>Who &lt;b&gt;writes&lt;/b&gt; best?</b>"
    said = press_show(box, "top-p <0.9>")
    assert said == "You guessed top-p &lt;0.9&gt;, and it is greedy."
    (picture,) = parts(box, widgets.Image)
    marked = ["greedy", "top-p <0.9>\n(your guess)", "hot"]
    assert picture.value == plots.png(plots.bars(marked, list(SOUND.values()), highlight=[1], **LABELS))
    assert all(child.disabled for child in parts(box, widgets.Dropdown) + parts(box, widgets.Button))


@pytest.mark.parametrize(
    ("ask", "values", "said"),
    [
        (ask_winner, [""], "Choose first, then press Show."),
        (ask_order, ["logits", "", "draw"], "Fill every place first, then press Show."),
        (ask_order, ["logits", "draw", "draw"], "draw stands in more than one place: give it one."),
    ],
)
def test_nothing_is_shown_before_a_guess_is_made(live, ask, values, said):
    box = live(ask)
    assert press_show(box, *values) == said
    assert not parts(box, widgets.Image) and not parts(box, widgets.Button)[0].disabled


@pytest.mark.parametrize(
    ("ask", "values", "said"),
    [
        (ask_winner, ["greedy"], "You guessed greedy, and it is greedy."),
        (lambda: ask_winner(lowest=True), ["greedy"], "You guessed greedy, and it is hot."),
        (ask_order, STEPS, "3 of 3 are in their place. The order is: logits, softmax, draw."),
        (ask_order, STEPS[::-1], "1 of 3 are in their place. The order is: logits, softmax, draw."),
        (ask_curve, [0.5, 0.4, 0.3],
         "Your guess and what was measured: 0.5 and 0.9 at 0.5; 0.4 and 0.8 at 1; 0.3 and 0.1 at 2."),
    ],
)  # fmt: skip
def test_a_guess_is_answered(live, ask, values, said):
    box = live(ask)
    assert press_show(box, *values) == said
    assert bytes(parts(box, widgets.Image)[0].value).startswith(b"\x89PNG")


def test_those_that_share_the_first_place_are_all_named(live):
    values = {"a": 0.5, "b": 0.5, "c": 0.1}
    box = live(lambda: guess.winner("Which?", values, alt="Bars.", **LABELS))
    assert press_show(box, "b") == "You guessed b, and it is a or b."


def drawn_curves(figure) -> dict[str, list[float]]:
    return {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}


def test_a_sketch_is_drawn_without_the_truth_and_then_with_it(live, monkeypatch):
    figures = []
    png = plots.png
    monkeypatch.setattr(plots, "png", lambda figure: figures.append(drawn_curves(figure)) or png(figure))
    box = live(ask_curve)
    assert figures[-1]["your guess"] == [0.5, 0.5, 0.5]
    press_show(box, 0.5, 0.5, 0.25)
    sketch, answer = figures[-2:]
    assert sketch["your guess"] == answer["your guess"] == [0.5, 0.5, 0.25]
    assert all(value != value for value in sketch["measured"])
    assert answer["measured"] == [0.9, 0.8, 0.1]


@pytest.mark.parametrize(
    ("guessed", "written", "level"),
    [(None, ["1. logits", "2. softmax", "3. draw"], 3),
     (STEPS[::-1], ["1. logits", "3. logits", "2. softmax", "2. softmax", "3. draw", "1. draw"], 1)],
)  # fmt: skip
def test_orders_stand_side_by_side(guessed, written, level):
    (axes,) = guess.draw_orders(STEPS, guessed).axes
    assert [text.get_text() for text in axes.texts] == written
    ends = [line.get_ydata() for line in axes.lines]
    assert sum(start == end for start, end in ends) == level


def test_what_a_figure_refuses_becomes_a_sentence():
    def refuse(chosen):
        raise WorkbookError("No such figure.")

    question = guess.Question("?", "", list, lambda values: "a", refuse, str, "alt")
    assert guess.reveal(question, []) == (b"", "No such figure.")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: guess.choice("?", ["a", "b"], None, answer="c", alt="x"), "none of the options: a, b"),
        (lambda: guess.choice("?", ["a"], None, answer="a", alt="x"), "at least two options"),
        (lambda: guess.order("?", ["a", "a"], ["a", "a"], alt="x"), "each with a name of its own"),
        (lambda: guess.order("?", ["a", "b"], ["a", "c"], alt="x"), "the same items"),
        (lambda: guess.curve("?", [1, 2], [0.5], **CURVE), "one true value for each"),
        (lambda: guess.curve("?", [1, 2], [0.5, 1.5], **CURVE), "within the limits"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(monkeypatch, shown, ask, said):
    for state in "01":
        monkeypatch.setenv("WORKBOOK_LIVE", state)
        with pytest.raises(WorkbookError, match=said):
            ask()
    assert not shown
