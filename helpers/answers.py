"""A learner's answer in use: it is called until it fails, and then the reference answer in its place."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Callable
from numbers import Number
from typing import Any


class Used:
    """What `exercises.use` returns: called as the answer is; `whose` names its author for a figure's label.

    An answer that was right in the check can still fail on other input: it stops, returns nothing, or
    returns another kind of thing than the reference answer does. Then one line says so, and the reference
    answer takes its place from then on. So read `whose` after the calls. An answer that is no
    function is read with `value`.
    """

    def __init__(self, reference: Callable, answer: Any, title: str):
        """answer: `...` for none; title: the exercise's, to begin a sentence with."""
        self.reference, self.answer, self.title = reference, answer, title
        self.__name__ = reference.__name__

    @property
    def whose(self) -> str:
        """Whose answer it is: "your own" or "the reference answer"."""
        return "the reference answer" if self.answer is ... else "your own"

    @property
    def value(self) -> Any:
        """The answer to an exercise that asks for a value, not for a function."""
        return self()

    def __repr__(self) -> str:
        return f"{self.__name__} ({self.whose})"

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self.answer is ...:
            return self.reference(*arguments, **named)
        if not callable(self.answer):
            return self.answer
        spare = _copy_of_data((arguments, named))  # before the answer can change it
        try:
            result = self.answer(*arguments, **named)
            problem = _fault(result, self.reference, spare)
        except (Exception, SystemExit) as error:
            problem = f"stops with {type(error).__name__}: {error}"
        if not problem:
            return result
        self._give_up(problem)
        arguments, named = spare or (arguments, named)
        return self.reference(*arguments, **named)

    def _give_up(self, problem: str) -> None:
        """Say what is wrong with the answer, and put the reference answer in its place."""
        self.answer = ...
        problem = textwrap.shorten(problem, 300, placeholder=" ...").rstrip(".")
        print(f"{self.title}: your {self.__name__} was right in the check, but here it {problem}. "
              "The reference answer takes its place.")  # fmt: skip


def _fault(result: Any, reference: Callable, spare: tuple | None) -> str:
    """What is wrong with a result, "" if nothing is.

    Only its kind is compared with the reference answer's: several values may be right. Where the input is no
    plain data (a model, a generator), a second call could cost much or change what follows: nothing is
    compared.
    """
    if result is None:
        return "returns nothing"
    if spare is None:
        return ""
    arguments, named = spare
    try:
        expected = reference(*arguments, **named)
    except Exception:  # input that nobody has asked for
        return ""
    kind, wanted = _kind(result), _kind(expected)
    return "" if kind == wanted else f"returns {kind} instead of {wanted}"


def _copy_of_data(values: Any) -> Any:
    """A copy of numbers, texts, arrays, tensors and lists of them; None where anything else is among them."""
    try:
        return copy.deepcopy(values) if _is_data(values) else None
    except RuntimeError:  # a tensor that gradients will flow through
        return None


def _is_data(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_data(part) for part in value)
    if isinstance(value, dict):
        return all(_is_data(part) for part in value.values())
    is_array = hasattr(value, "tolist") and hasattr(value, "shape")
    return value is None or is_array or isinstance(value, Number | str)


def _kind(value: Any) -> str:
    """What a value is: for an array or a tensor its shape and number type, and whether it holds a NaN."""
    shape = tuple(getattr(value, "shape", ()))
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, Number) or (hasattr(value, "tolist") and not shape):
        return "a number"
    if not hasattr(value, "tolist"):
        return {"NoneType": "nothing", "str": "a text"}.get(type(value).__name__, type(value).__name__)
    holds_nan = bool((value != value).any())
    return f"a {type(value).__name__} of shape {shape} and type {value.dtype}{' with NaN' * holds_nan}"
