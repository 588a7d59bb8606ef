"""Exercises: check an answer, give a hint, show the solution, count what is solved."""

from __future__ import annotations

import copy
import dis
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from helpers.session import WorkbookError
from helpers.solutions import generate_until, keep_min_p, pad_left, perplexity, request


@dataclass(frozen=True)
class Exercise:
    """One exercise; `judge(answer)` returns None when it is right, else one sentence on what is wrong.

    id: notebook and number ("03.1"); hints: a nudge, the way, nearly the answer; reference: a function from
    solutions.py, whose source is the solution.
    """

    id: str
    title: str
    judge: Callable[[Any], str | None]
    hints: tuple[str, str, str]
    reference: Callable


EXERCISES: dict[str, Exercise] = {}
ATTEMPTS: dict[str, int] = {}
SOLVED: dict[str, int] = {}  # id: attempts it took


def add(*exercises: Exercise) -> None:
    """Put exercises in the table, in the order in which `score` lists them."""
    EXERCISES.update({exercise.id: exercise for exercise in exercises})


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
    ids = [id for id in EXERCISES if id.split(".")[0] == notebook]
    if not ids:
        raise WorkbookError(f'Notebook "{notebook}" has no exercises: name one by number, such as "03".')
    print(f"{sum(id in SOLVED for id in ids)} of {len(ids)} exercises solved.")
    for id in ids:
        state = "tried, not solved yet" if id in ATTEMPTS else "not attempted yet"
        if id in SOLVED:
            state = f"solved at attempt {SOLVED[id]}"
        print(f"  {id} {EXERCISES[id].title}: {state}")


def _find(id: str) -> Exercise:
    if id not in EXERCISES:
        raise WorkbookError(f'There is no exercise "{id}": choose one of {", ".join(EXERCISES)}.')
    return EXERCISES[id]


def _is_stub(answer: Any) -> bool:
    """Whether the answer is `...` or a function that does nothing yet."""
    if not inspect.isfunction(answer):
        return answer is ...
    idle = ("RESUME", "NOP", "CACHE")
    steps = [step for step in dis.get_instructions(answer) if step.opname not in idle]
    return len(steps) <= 2 and all(step.argval in (None, ...) for step in steps)


def like(reference: Callable, cases: Callable[[], list[tuple]], slips: dict[str, Callable]) -> Callable:
    """A judge that calls an answer with each case's arguments and wants what the reference returns.

    slips: typical wrong functions, by the sentence that names the mistake.
    """

    def judge(answer: Callable) -> str | None:
        for case in cases():
            given = copy.deepcopy(case)
            got, wanted = plain(answer(*given)), plain(reference(*copy.deepcopy(case)))
            if plain(given) != plain(case):
                return "The function changes what it was given: work on a copy."
            if got != wanted:
                named = [why for why, slip in slips.items() if plain(slip(*copy.deepcopy(case))) == got]
                shown = ", ".join(getattr(part, "__name__", str(plain(part))) for part in case)
                return named[0] if named else f"For {shown} the result is {wanted}, yours is {got}."
        return None

    return judge


def plain(value: Any) -> Any:
    """Tensors and tuples as lists, numbers to six digits, so that equal results compare equal."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


# Notebook 03


def _until_cases() -> list[tuple]:
    def next_token(ids: list[int]) -> int:
        if len(ids) > 60:
            raise RuntimeError("the list has 60 tokens by now, so the loop does not stop")
        return (sum(ids) + len(ids)) % 10

    cases = (([4, 1], 6, 6), ([2, 9], 5, 4), ([3, 8, 5], 9, 3), ([1], 7, 0), ([6, 4], 6, 5))
    return [(next_token, *case) for case in cases]


def _min_p_cases() -> list[tuple]:
    import torch

    cases = ([[0.5, 0.26, 0.19, 0.05], [0.91, 0.04, 0.03, 0.02]], 0.2), ([[0.1, 0.9], [0.4, 0.6]], 0.5)
    return [(torch.tensor(rows).log() - 1, min_p) for rows, min_p in cases]


def _judge_request(answer: Any) -> str | None:
    from helpers.smallworld.checker import read_conditions

    said = read_conditions(answer) if isinstance(answer, str) else {}
    for fact, key in {"character": "Odo", "mood": "brave", "place": "ocean", "time": "sunset"}.items():
        if said.get(fact) != key:
            return f"A text should name one {fact}, {key}; here it is {said.get(fact, 'none, or several')}."
    return None


add(
    Exercise("03.1", "A loop that stops", like(generate_until, _until_cases, {
        "Return the whole list, not only what is new.": lambda f, s, *a: generate_until(f, s, *a)[len(s):],
        "limit counts new tokens only.": lambda f, s, end, n: generate_until(f, s, end, max(0, n - len(s))),
        "The last token is missing: the end token has been written too.": lambda *a: generate_until(*a)[:-1],
    }), (
        "A for loop that can run `limit` times may still be left early.",
        "Copy the list; in each round append next_token(ids), then look at what was appended.",
        "ids = list(ids); for _ in range(limit): append next_token(ids), and break if that was end.",
    ), generate_until),
    Exercise("03.2", "Min-p", like(keep_min_p, _min_p_cases, {
        "A logit of 0 can still be drawn: use -inf.": lambda z, p: keep_min_p(z, p).nan_to_num(neginf=0),
        "Return logits, not probabilities.": lambda z, p: keep_min_p(z, p).exp() / z.exp().sum(-1, True),
        "The bar is min_p times the row's largest probability.":
            lambda z, p: z.where(z.softmax(-1) >= p, -math.inf),
    }), (
        "The bar hangs on the likeliest token: where that one is sure, few others clear it.",
        "Take the softmax along the last axis and compare it with min_p times each row's maximum.",
        "p = logits.softmax(-1); fill -torch.inf where p < min_p * p.max(dim=-1, keepdim=True).values.",
    ), keep_min_p),
    Exercise("03.3", "Perplexity", like(perplexity, lambda: [([-1.0] * 3,), ([-0.5, -2.0],), ([0.0],)], {
        "A sign is missing: the surprise is minus the log-probability.": lambda logs: 1 / perplexity(logs),
        "That is the average surprise; perplexity is e to it.": lambda logs: math.log(perplexity(logs)),
        "Average over the tokens: a sum grows with the text.": lambda logs: perplexity(logs) ** len(logs),
    }), (
        "If every token had the probability 1/4, the perplexity would be 4.",
        "The surprise is minus the log-probability. Average it, then undo the logarithm.",
        "math.exp(-sum(log_probabilities) / len(log_probabilities))",
    ), perplexity),
    Exercise("03.4", "Padding", like(pad_left, lambda: [([[5, 6, 7], [8]], 9), ([[0, 4], [3, 2, 0]], 0)], {
        "The mask has 1 for tokens and 0 for padding.": lambda rows, pad: (
            pad_left(rows, pad)[0], [[1 - bit for bit in bits] for bits in pad_left(rows, pad)[1]]),
        "A text may contain the pad token: make the mask from lengths.": lambda rows, pad: (
            pad_left(rows, pad)[0], [[int(i != pad) for i in row] for row in pad_left(rows, pad)[0]]),
    }), (
        "How long must every row become, and how many tokens does each one lack?",
        "The longest row gives the width; a new row is [pad] * missing + row.",
        "The mask of a row is [0] * missing + [1] * len(row), where missing = width - len(row).",
    ), pad_left),
    Exercise("03.5", "A request in plain words", _judge_request, (
        "Only words of the small world count: a name, a mood, a place and a time of day.",
        "Name Odo, the word brave, the ocean and sunset, and no other place or time.",
        "See what stories.ask(place=..., time=..., mood=..., character=...) makes of the keys.",
    ), request),
)  # fmt: skip
