"""Exercises: check an answer, give a hint, show the solution, count what is solved."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from helpers.errors import WorkbookError


@dataclass(frozen=True)
class Exercise:
    """One exercise; `judge(answer)` returns None when it is right, else one sentence on what is wrong.

    id: notebook and number ("03.1"); hints: a nudge, the way, nearly the answer; reference: a function whose
    source is the solution.
    """

    id: str
    title: str
    judge: Callable[[Any], str | None]
    hints: tuple[str, str, str]
    reference: Callable


KNOWN: dict[str, Exercise] = {}
ATTEMPTS: dict[str, int] = {}
SOLVED: dict[str, int] = {}  # id: attempts it took


def register(*exercises: Exercise) -> None:
    """Make exercises known by their id; each module of `helpers.lessons` does so when it is imported."""
    KNOWN.update({exercise.id: exercise for exercise in exercises})


def of(notebook: str) -> dict[str, Exercise]:
    """The exercises of a notebook ("03") by id; none where it has none, or its lesson is not imported."""
    return {id: exercise for id, exercise in KNOWN.items() if id.split(".")[0] == notebook}


def check(id: str, answer: Any = ...) -> None:
    """Print whether the answer (a value or a function) is right, and what is wrong if it is not.

    `...`, or a function whose body is still `...`, counts as not attempted. Broken code in the answer becomes
    one line of feedback, never a traceback.
    """
    exercise = _find(id)
    head = f"{id} {exercise.title}"
    if _is_stub(answer):
        print(f"{head}: not attempted yet.")
        return
    attempt = ATTEMPTS[id] = ATTEMPTS.get(id, 0) + 1
    try:
        wrong = exercise.judge(answer)
    except (Exception, SystemExit) as error:  # the answer is the learner's code: anything can go wrong
        wrong = f"Running your answer stops with {type(error).__name__}: {error}"
    if wrong is None:
        SOLVED.setdefault(id, attempt)
        print(f"{head}: correct.")
        return
    more = f'hint("{id}", {attempt})' if attempt <= 3 else f'solution("{id}")'
    print(f"{head}: not yet. {' '.join(wrong.split())}\nIf you are stuck: {more}")


def hint(id: str, level: int = 1) -> None:
    """Print a hint: level 1 is a nudge, 2 the way, 3 nearly the answer."""
    hints = _find(id).hints
    if level not in (1, 2, 3):
        raise WorkbookError(f"Hints have level 1, 2 or 3, not {level}.")
    print(f"Hint {level} of 3: {hints[level - 1]}")


def solution(id: str) -> None:
    """Print the source of the reference answer."""
    print(inspect.getsource(_find(id).reference).rstrip())


def score(notebook: str) -> None:
    """Print how many of a notebook's exercises ("03") are solved, then one line for each."""
    exercises = of(notebook)
    if not exercises:
        raise WorkbookError(f'Notebook "{notebook}" has no exercises: name one by number, such as "03".')
    print(f"{sum(id in SOLVED for id in exercises)} of {len(exercises)} exercises solved.")
    for id, exercise in exercises.items():
        state = "tried, not solved yet" if id in ATTEMPTS else "not attempted yet"
        if id in SOLVED:
            state = f"solved at attempt {SOLVED[id]}"
        print(f"  {id} {exercise.title}: {state}")


def _find(id: str) -> Exercise:
    known = of(str(id).split(".")[0])
    if id not in known:
        choice = f"choose one of {', '.join(known)}" if known else "give notebook and number, such as 03.1"
        raise WorkbookError(f'There is no exercise "{id}": {choice}.')
    return known[id]


def _is_stub(answer: Any) -> bool:
    """Whether the answer is `...` or a function that does nothing yet."""
    if not inspect.isfunction(answer):
        return answer is ...
    idle = ("RESUME", "NOP", "CACHE")
    steps = [step for step in dis.get_instructions(answer) if step.opname not in idle]
    return len(steps) <= 2 and all(step.argval in (None, ...) for step in steps)
