"""The exercises of all notebooks: their cells, and the right and wrong answers that their tests list."""

import re
from importlib import import_module

import pytest

from helpers import exercises, progress_file
from tests import notebook_code
from tests.answers import accepted, import_lessons

import_lessons()
ALL = [path.stem for path in notebook_code.NOTEBOOKS.glob("[0-9]*.ipynb")]
STEMS = {stem[:2]: stem for stem in ALL if notebook_code.cells(stem, tag="exercise")}
LISTED = {number: import_module(f"tests.test_notebook_{number}") for number in STEMS}
IDS = sorted(id for number in STEMS for id in exercises.of(number))
VALUES = {"02.4", "03.2", "03.4", "04.5", "06.2"}  # their answer is no function, so the reference makes one


def handed_in(stem: str) -> dict[str, tuple[str, object]]:
    """Of each exercise cell: id -> the name and the value that it hands to `check`, without checking."""
    found = {}
    for source in notebook_code.cells(stem, tag="exercise"):
        ((id, name),) = re.findall(r'^check\("([\d.]+)", (\w+)\)$', source, re.MULTILINE)
        space = {"check": lambda *_: None}
        exec(source, space)
        found[id] = name, space[name]
    return found


def test_every_exercise_belongs_to_a_notebook_that_asks_it():
    assert {id[:2] for id in exercises.KNOWN} == set(STEMS) and STEMS


@pytest.fixture(params=sorted(STEMS))
def number(request):
    return request.param


def test_the_cells_of_a_notebook_are_its_exercises(number):
    table = exercises.of(number)
    cells = handed_in(STEMS[number])
    assert list(cells) == list(table)
    assert {id: name for id, (name, _) in cells.items()} == {
        id: exercise.reference.__name__ for id, exercise in table.items()
    }


def test_a_stub_is_not_attempted_and_every_help_is_there(number, monkeypatch, capsys):
    monkeypatch.setattr(progress_file, "_unsaved", [])
    for id, (name, stub) in handed_in(STEMS[number]).items():
        exercises.check(id, stub)
        assert capsys.readouterr().out.endswith("not attempted yet.\n") and progress_file.recall() == {}
        for level in (1, 2, 3):
            exercises.hint(id, level)
        said = capsys.readouterr().out.splitlines()
        assert [line[:11] for line in said] == [f"Hint {level} of 3" for level in (1, 2, 3)]
        exercises.solution(id)
        assert f"def {name}(" in capsys.readouterr().out


@pytest.mark.parametrize("id", IDS)
def test_right_answers_are_accepted(id):
    reference, listed = exercises.of(id[:2])[id].reference, LISTED[id[:2]].RIGHT[id]
    answers = [reference() if id in VALUES else reference, *listed]
    assert len(listed) >= 2 and [answer for answer in answers if not accepted(id, answer)] == []


@pytest.mark.parametrize("id", IDS)
def test_wrong_answers_are_rejected(id):
    listed = LISTED[id[:2]].WRONG[id]
    assert len(listed) >= 5
    assert [(i, answer) for i, answer in enumerate(listed) if accepted(id, answer)] == []


def test_no_answers_are_listed_for_an_exercise_that_is_not_there(number):
    assert set(LISTED[number].RIGHT) == set(LISTED[number].WRONG) == set(exercises.of(number))
