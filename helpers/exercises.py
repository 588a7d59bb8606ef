"""Exercises: the card, check an answer, use it in a figure, give a hint, show the solution, count."""

from __future__ import annotations

import ast
import contextlib
import dis
import html
import inspect
import io
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from helpers import progress_file
from helpers.answers import Used
from helpers.errors import WorkbookError
from helpers.progress_file import Record, Records
from helpers.session import is_live

DIFFICULTIES = {1: "easy", 2: "medium", 3: "hard"}


@dataclass(frozen=True)
class Exercise:
    """One exercise; `judge(answer)` returns None when it is right, else one sentence on what is wrong.

    id: notebook and number ("03.1"); hints: a nudge, the way, nearly the answer; reference: a function whose
    source is the solution. For the card, each of them optional: purpose says what the answer is good for;
    shapes says what goes in and comes out; example is a call and what it returns, both as Python writes them;
    difficulty is 1, 2 or 3; minutes is the time that a learner needs.
    """

    id: str
    title: str
    judge: Callable[[Any], str | None]
    hints: tuple[str, str, str]
    reference: Callable
    purpose: str = ""
    shapes: str = ""
    example: tuple[str, str] | None = None
    difficulty: int = 0
    minutes: int = 0

    @property
    def key(self) -> str:
        """Its name in the progress file; another exercise that takes over the number has another one."""
        return f"{self.id} {self.reference.__name__}"


KNOWN: dict[str, Exercise] = {}


def register(*exercises: Exercise) -> None:
    """Make exercises known by their id; the lesson that holds them does so when it is imported."""
    KNOWN.update({exercise.id: exercise for exercise in exercises})


def of(notebook: str) -> dict[str, Exercise]:
    """The exercises of a notebook ("03") by id; none where it has none, or its lesson is not imported."""
    return {id: exercise for id, exercise in KNOWN.items() if id.split(".")[0] == notebook}


def statement(id: str) -> None:
    """Show the card of an exercise: what for, what to write, an example, how hard and how long it is."""
    from IPython.display import display

    exercise = _find(id)
    display({"text/html": _card_as_html(exercise), "text/plain": _card_as_text(exercise)}, raw=True)


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
    wrong = _judge(exercise, answer)
    attempt = progress_file.add_attempt(exercise.key, right=wrong is None).attempts
    if wrong is None:
        print(f"{head}: correct.")
        return
    more = f'hint("{id}", {attempt})' if attempt <= 3 else f'solution("{id}")'
    print(f"{head}: not yet. {' '.join(wrong.split())}\nIf you are stuck: {more}")


def use(id: str, answer: Any = ...) -> Used:
    """The learner's answer if it is right, else the reference answer, to be called in the cells below.

    Prints in one line which of the two it is. It does not count as an attempt; `check` does.
    """
    exercise = _find(id)
    head, name = f"{id} {exercise.title}", exercise.reference.__name__
    with contextlib.redirect_stdout(io.StringIO()):  # what the answer prints belongs to its check
        right = not _is_stub(answer) and _judge(exercise, answer) is None
    if right:
        print(f"{head}: your {name} is used here.")
        return Used(exercise.reference, answer, head)
    lack = "written" if _is_stub(answer) else "right"
    print(f"{head}: your {name} is not {lack} yet, so the reference answer is used here.")
    return Used(exercise.reference, ..., head)


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
    """Print how many of a notebook's exercises ("03") are solved, then one line for each.

    Somebody who sits in front of the notebook sees what was solved in earlier sessions, too.
    """
    exercises = of(notebook)
    if not exercises:
        raise WorkbookError(f'Notebook "{notebook}" has no exercises: name one by number, such as "03".')
    solved, lines = tally(exercises.values(), progress_file.recall())
    print(f"{solved} of {len(exercises)} exercises solved.")
    print("\n".join(f"  {line}" for line in lines))
    if is_live() and not progress_file.is_kept():
        print("This is forgotten when the kernel ends: build/progress.json cannot be written.")


def tally(exercises: Iterable[Exercise], records: Records) -> tuple[int, list[str]]:
    """How many exercises are solved, and a line for each that says how it stands."""
    solved, lines = 0, []
    for exercise in exercises:
        record = records.get(exercise.key, Record())
        state = "tried, not solved yet" if record.attempts else "not attempted yet"
        if record.solved:
            solved += 1
            state = f"solved at attempt {record.attempts}"
        lines.append(f"{exercise.id} {exercise.title}: {state}")
    return solved, lines


def _judge(exercise: Exercise, answer: Any) -> str | None:
    """What the judge says; the answer is the learner's code, so anything can go wrong in it."""
    try:
        return exercise.judge(answer)
    except (Exception, SystemExit) as error:
        return f"Running your answer stops with {type(error).__name__}: {error}"


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


def _signature(function: Callable) -> str:
    """The first lines of a function as they stand in its source: name, arguments with types, docstring.

    A reference without arguments stands for a value: then it is the line that sets this value.
    """
    if not inspect.signature(function).parameters:
        return f"{function.__name__} = ...  # {inspect.getdoc(function)}"
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    (definition,) = ast.parse("\n".join(lines)).body
    docstring = definition.body[0]
    return "\n".join([*lines[definition.lineno - 1 : docstring.end_lineno], "    ..."])


def _card(exercise: Exercise) -> dict[str, str]:
    """The parts of a card by their headings; the ones that an exercise has nothing for are left out."""
    effort = [DIFFICULTIES.get(exercise.difficulty, "")]
    effort.append(f"about {exercise.minutes} minutes" if exercise.minutes else "")
    example = " gives\n".join(exercise.example or ())
    parts = {
        "How hard": ", ".join(filter(None, effort)), "What for": exercise.purpose,
        "What to write": _signature(exercise.reference), "Shapes": exercise.shapes, "For example": example,
    }  # fmt: skip
    return {heading: text for heading, text in parts.items() if text}


def _card_as_text(exercise: Exercise) -> str:
    lines = [f"{exercise.id} {exercise.title}"]
    for heading, text in _card(exercise).items():
        lines.append(f"{heading}: {text}" if "\n" not in text else f"{heading}:\n{text}")
    return "\n".join(lines)


def _card_as_html(exercise: Exercise) -> str:
    """A frame without colours of its own for text and ground, so that it can be read on a dark page too."""
    rows = [f"<b>{html.escape(f'{exercise.id} {exercise.title}')}</b>"]
    for heading, text in _card(exercise).items():
        shown = html.escape(text)
        is_code = heading in ("What to write", "For example")
        rows.append(f"<b>{heading}:</b> " + (f"<pre>{shown}</pre>" if is_code else shown))
    style = "border: 1px solid #888; border-left-width: 5px; padding: 4px 14px; max-width: 46em"
    body = "".join(f"<div>{row}</div>" for row in rows)
    return f'<div style="{style}">{body}</div>'
