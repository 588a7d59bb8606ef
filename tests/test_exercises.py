"""The frame of the exercises: what a learner reads, whatever the answer is."""

import pytest

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
SECOND = Exercise(
    "99.2", "A number", lambda a: None if a == 4 else "It is not 4.", ("a", "b", "c"), reference
)


@pytest.fixture(autouse=True)
def table(monkeypatch):
    """Two exercises and no history."""
    monkeypatch.setattr(progress_file, "_saved", {})
    monkeypatch.setattr(progress_file, "_unsaved", [])
    ours = {exercise.id: exercise for exercise in (FIRST, SECOND)}
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


@pytest.mark.parametrize("function", [exercises.check, exercises.hint, exercises.solution])
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


LESSONS = {id[:2]: exercise.reference.__module__ for id, exercise in sorted(exercises.KNOWN.items())}


@pytest.mark.parametrize("notebook", LESSONS)
def test_every_exercise_is_complete_and_named_after_its_notebook(notebook, monkeypatch):
    monkeypatch.undo()
    found = exercises.of(notebook)
    assert list(found) == [f"{notebook}.{number}" for number in range(1, len(found) + 1)] and found
    for exercise in found.values():
        assert exercise.title and exercise.reference.__doc__ and len(set(exercise.hints)) == 3
        assert exercise.reference.__module__ == LESSONS[notebook]
