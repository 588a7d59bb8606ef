"""The frame of the exercises: what a learner reads, whatever the answer is."""

import numpy as np
import pytest
import torch

from helpers import exercises, progress_file
from helpers.errors import WorkbookError
from helpers.exercises import Exercise
from tests.answers import import_lessons

import_lessons()


def reference(x):
    """Twice x."""
    return 2 * x


def judge_double(answer):
    result = answer(3)
    return None if result == 6 else f"double(3) gives {result},\nnot 6."


FIRST = Exercise("99.1", "Double", judge_double, ("Think.", "Multiply.", "return 2 * x"), reference)
def keep_largest(
    values, count=1
):  # fmt: skip
    """Keep the largest <values>, 0 elsewhere.

    The order stays.
    """
    smallest = values.topk(count).values.min()
    return values.where(values >= smallest, torch.zeros(()))


def judge_largest(answer):
    result = answer(torch.tensor([1.0, 3.0, 2.0]), 2)
    return None if result.tolist() == [0.0, 3.0, 2.0] else "The two largest should be left."


SECOND = Exercise(
    "99.2", "A number", lambda a: None if a == 4 else "It is not 4.", ("a", "b", "c"), reference
)
THIRD = Exercise(
    "97.1", "Keep <some>", judge_largest, ("a", "b", "c"), keep_largest, purpose="Bars & more.",
    shapes="values (n,), count a number; the result (n,)", difficulty=2, minutes=8,
    example=("keep_largest(torch.tensor([1.0, 2.0]))", "tensor([0., 2.])"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def table(monkeypatch):
    """Three exercises and no history."""
    monkeypatch.setattr(progress_file, "_saved", {})
    monkeypatch.setattr(progress_file, "_unsaved", [])
    ours = {exercise.id: exercise for exercise in (FIRST, SECOND, THIRD)}
    monkeypatch.setattr(exercises, "KNOWN", ours)


def said(capsys, function, *arguments) -> str:
    function(*arguments)
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def stub(x): ...


def stub_with_text(x):
    """Double a number."""
    ...


def stub_that_passes(x):
    pass


@pytest.mark.parametrize("answer", [..., stub, stub_with_text, stub_that_passes, lambda x: ...])
def test_a_stub_is_not_attempted_yet(capsys, answer):
    assert said(capsys, exercises.check, "99.1", answer) == "99.1 Double: not attempted yet.\n"
    assert progress_file.recall() == {}
    assert said(capsys, exercises.check, "99.1") == "99.1 Double: not attempted yet.\n"


@pytest.mark.parametrize("answer", [lambda x: 2 * x, lambda x: x + x, reference])
def test_right_answers_are_correct(capsys, answer):
    assert said(capsys, exercises.check, "99.1", answer) == "99.1 Double: correct.\n"


def test_a_wrong_answer_is_named_and_hints_are_offered_step_by_step(capsys):
    for more in (
        'hint("99.1", 1)',
        'hint("99.1", 2)',
        'hint("99.1", 3)',
        'solution("99.1")',
        'solution("99.1")',
    ):
        expected = f"99.1 Double: not yet. double(3) gives 4, not 6.\nIf you are stuck: {more}\n"
        assert said(capsys, exercises.check, "99.1", lambda x: x + 1) == expected


def endless(x):
    return endless(x)


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda x: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda: 6, "TypeError"),
        (lambda x: undefined, "NameError: name 'undefined' is not defined"),  # noqa: F821
        (endless, "RecursionError"),
        (lambda x: exit(1), "SystemExit: 1"),
        (5, "TypeError: 'int' object is not callable"),
        (None, "TypeError: 'NoneType' object is not callable"),
    ],
)
def test_broken_code_becomes_one_line_of_feedback(capsys, answer, words):
    out = said(capsys, exercises.check, "99.1", answer)
    assert out.startswith("99.1 Double: not yet. Running your answer stops with ") and words in out
    assert out.count("\n") == 2 and "Traceback" not in out


def test_interrupting_an_endless_answer_works():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exercises.check("99.1", interrupted)


def test_score_counts_and_remembers(capsys):
    untouched = said(capsys, exercises.score, "99")
    assert untouched == (
        "0 of 2 exercises solved.\n  99.1 Double: not attempted yet\n  99.2 A number: not attempted yet\n"
    )
    assert said(capsys, exercises.score, "99") == untouched
    exercises.check("99.1", lambda x: x)
    exercises.check("99.1", reference)
    exercises.check("99.1", lambda x: x)  # trying on does not undo it
    exercises.check("99.2", 5)
    capsys.readouterr()
    assert said(capsys, exercises.score, "99") == (
        "1 of 2 exercises solved.\n"
        "  99.1 Double: solved at attempt 2\n"
        "  99.2 A number: tried, not solved yet\n"
    )


def test_hints_are_graded(capsys):
    assert said(capsys, exercises.hint, "99.1") == "Hint 1 of 3: Think.\n"
    assert said(capsys, exercises.hint, "99.1", 3) == "Hint 3 of 3: return 2 * x\n"
    for level in (0, 4, "1"):
        with pytest.raises(WorkbookError, match="level 1, 2 or 3"):
            exercises.hint("99.1", level)


def test_solution_prints_the_source(capsys):
    assert (
        said(capsys, exercises.solution, "99.1")
        == 'def reference(x):\n    """Twice x."""\n    return 2 * x\n'
    )


@pytest.mark.parametrize(
    "function", [exercises.check, exercises.hint, exercises.solution, exercises.statement, exercises.use]
)
def test_an_unknown_exercise_is_refused_with_the_choices(function):
    with pytest.raises(WorkbookError, match='no exercise "99.7": choose one of 99.1, 99.2'):
        function("99.7")


def test_a_notebook_without_exercises_is_refused():
    with pytest.raises(WorkbookError, match='"9" has no exercises'):
        exercises.score("9")


@pytest.mark.parametrize("id", ["", "98.1", "../03.1", "three.1", 3, None])
def test_an_exercise_of_no_notebook_is_refused(id, monkeypatch):
    monkeypatch.undo()
    with pytest.raises(WorkbookError, match="give notebook and number, such as 03.1"):
        exercises.hint(id)


# A learner's answer in a figure


NOT_RIGHT = "your reference is not right yet, so the reference answer is used here."
NOT_WRITTEN = "your reference is not written yet, so the reference answer is used here."


@pytest.mark.parametrize(
    ("answer", "whose", "line"),
    [
        (lambda x: x + x, "your own", "your reference is used here."),
        (lambda x: x + 1, "the reference answer", NOT_RIGHT),
        (lambda x: 1 / 0, "the reference answer", NOT_RIGHT),
        (stub, "the reference answer", NOT_WRITTEN),
        (..., "the reference answer", NOT_WRITTEN),
    ],
)
def test_whose_answer_is_used_is_said(capsys, answer, whose, line):
    used = exercises.use("99.1", answer)
    assert capsys.readouterr().out == f"99.1 Double: {line}\n"
    assert used.whose == whose and repr(used) == f"reference ({whose})"
    assert used(5) == used(x=5) == 10
    assert progress_file.recall() == {} and capsys.readouterr().out == ""


def test_a_value_is_used_as_it_is(capsys):
    assert exercises.use("99.2", 4).value == exercises.use("99.2", 4)() == 4
    assert exercises.use("99.2", 4).whose == "your own"


def test_what_a_right_answer_prints_while_it_is_judged_is_not_shown(capsys):
    def talkative(x):
        print("x is", x)
        return 2 * x

    used = exercises.use("99.1", talkative)
    assert capsys.readouterr().out == "99.1 Double: your reference is used here.\n"
    assert used(5) == 10 and capsys.readouterr().out == "x is 5\n"


def only_as_judged(wrong):
    """A function that is right on what the judge tries, and does something else on other input."""

    def answer(values, count=1):
        return keep_largest(values, count) if len(values) == 3 else wrong(values)

    return answer


def halt(values):
    values.zero_()
    raise ValueError("no\n" + "long " * 500)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (lambda values: 1 / 0, "stops with ZeroDivisionError: division by zero."),
        (halt, "stops with ValueError: no long long"),
        (lambda values: exit(), "stops with SystemExit"),
        (lambda values: None, "returns nothing."),
        (lambda values: "many", "returns a text instead of a Tensor of shape (4,) and type torch.float32."),
        (lambda values: values.max(), "returns a number instead of a Tensor"),
        (lambda values: values.tolist(), "returns a list instead of a Tensor"),
        (lambda values: values.numpy(), "returns a ndarray of shape (4,) and type float32 instead of"),
        (lambda values: values[:2], "returns a Tensor of shape (2,) and type torch.float32 instead of"),
        (lambda values: values.double(), "returns a Tensor of shape (4,) and type torch.float64 instead of"),
        (lambda values: values / 0, "returns a Tensor of shape (4,) and type torch.float32 with NaN instead"),
        (lambda values: Exercise, "returns type instead of a Tensor"),
    ],
)
def test_a_right_answer_that_fails_later_is_replaced_and_that_is_said_once(capsys, wrong, problem):
    used = exercises.use("97.1", only_as_judged(wrong))
    assert used.whose == "your own"
    values = torch.tensor([0.0, 4.0, 1.0, 2.0])
    capsys.readouterr()
    assert used(values, count=2).tolist() == [0.0, 4.0, 0.0, 2.0]
    out = capsys.readouterr().out
    head = "97.1 Keep <some>: your keep_largest was right in the check, but here it "
    assert out.startswith(head + problem)
    assert out.endswith("The reference answer takes its place.\n") and out.count("\n") == 1 and len(out) < 450
    assert used.whose == "the reference answer"
    used(values)
    assert capsys.readouterr().out == ""


def test_another_value_of_the_same_kind_is_the_learner_s_own(capsys):
    used = exercises.use("97.1", only_as_judged(lambda values: values + 1))
    assert used(torch.zeros(4)).tolist() == [1.0] * 4 and used.whose == "your own"


def test_a_generator_is_used_only_once():
    """To compare with the reference answer, it would have to be drawn from again."""

    def draw(generator):
        return torch.rand(1, generator=generator)

    exercises.register(Exercise("97.2", "Draw", lambda answer: None, ("a", "b", "c"), draw))
    used = exercises.use("97.2", lambda g: torch.rand(2, generator=g))
    drawn, alone = (torch.Generator().manual_seed(0) for _ in range(2))
    assert torch.equal(used(drawn), torch.rand(2, generator=alone)) and used.whose == "your own"
    assert drawn.get_state().equal(alone.get_state())


@pytest.mark.parametrize(
    "values", [[1, 2.5], {"a": (1, "b")}, np.ones(2), torch.ones(1, requires_grad=True) * 2, object]
)
def test_input_that_the_reference_refuses_is_the_learner_s_own(values):
    judged = Exercise("97.2", "Any", lambda answer: None, ("a", "b", "c"), keep_largest)
    exercises.register(judged)
    used = exercises.use("97.2", lambda values, count: "mine")
    assert used(values, "one") == "mine" and used.whose == "your own"


# The card

CARD = """\
97.1 Keep <some>
How hard: medium, about 8 minutes
What for: Bars & more.
What to write:
def keep_largest(
    values, count=1
):  # fmt: skip
    \"""Keep the largest <values>, 0 elsewhere.

    The order stays.
    \"""
    ...
Shapes: values (n,), count a number; the result (n,)
For example:
keep_largest(torch.tensor([1.0, 2.0])) gives
tensor([0., 2.])"""


@pytest.fixture
def card(monkeypatch):
    """The card of an exercise as it is displayed: as text and as HTML."""
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))

    def read(id):
        exercises.statement(id)
        return shown[-1]["text/plain"], shown[-1]["text/html"]

    return read


def test_a_card_says_what_for_what_to_write_and_how_long(card):
    text, page = card("97.1")
    assert text == CARD and card("97.1") == (text, page)
    assert "<b>97.1 Keep &lt;some&gt;</b>" in page and "<b>What for:</b> Bars &amp; more." in page
    assert "&quot;&quot;&quot;Keep the largest &lt;values&gt;, 0 elsewhere." in page and "<some>" not in page


def test_a_card_sets_no_colour_of_text_or_ground(card):
    """A dark page brings its own."""
    assert "color:" not in card("97.1")[1] and "background" not in card("97.1")[1]


def test_a_card_leaves_out_what_an_exercise_does_not_say(card):
    assert card("99.1")[0] == '99.1 Double\nWhat to write:\ndef reference(x):\n    """Twice x."""\n    ...'


def test_a_reference_without_arguments_asks_for_a_value(card, monkeypatch):
    def answer():
        """A number above 0."""
        return 1

    monkeypatch.setitem(exercises.KNOWN, "99.3", Exercise("99.3", "A value", len, ("a", "b", "c"), answer))
    assert card("99.3")[0] == "99.3 A value\nWhat to write: answer = ...  # A number above 0."


LESSONS = {id[:2]: exercise.reference.__module__ for id, exercise in sorted(exercises.KNOWN.items())}


@pytest.mark.parametrize("notebook", LESSONS)
def test_every_exercise_is_complete_and_named_after_its_notebook(notebook, monkeypatch):
    monkeypatch.undo()
    found = exercises.of(notebook)
    assert list(found) == [f"{notebook}.{number}" for number in range(1, len(found) + 1)] and found
    for exercise in found.values():
        assert exercise.title and exercise.reference.__doc__ and len(set(exercise.hints)) == 3
        assert exercise.reference.__module__ == LESSONS[notebook]
        assert exercise.difficulty in (0, *exercises.DIFFICULTIES) and exercise.minutes >= 0


@pytest.mark.parametrize("notebook", LESSONS)
def test_the_example_on_a_card_is_true(notebook, monkeypatch):
    """So is the one of the card above."""
    known = [*exercises.of("97").values()]
    monkeypatch.undo()
    for exercise in [*known, *exercises.of(notebook).values()]:
        if exercise.example:
            source, result = exercise.example
            definitions, _, call = source.rpartition("\n")
            names = {exercise.reference.__name__: exercise.reference, "torch": torch, "np": np}
            exec(definitions, names)
            assert repr(eval(call, names)) == result
