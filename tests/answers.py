"""How the tests of exercises hold answers against a judge."""

import copy
import pkgutil
from importlib import import_module

from helpers import exercises, lessons


def import_lessons() -> None:
    """Import every module of `helpers.lessons`, which makes all exercises known."""
    for module in pkgutil.iter_modules(lessons.__path__, "helpers.lessons."):
        import_module(module.name)


def accepted(id: str, answer) -> bool:
    """Whether the judge finds an answer right; one that breaks is wrong, as `check` has it."""
    try:
        complaint = exercises.of(id[:2])[id].judge(copy.deepcopy(answer))
    except Exception:
        return False
    assert complaint is None or complaint.strip()
    return complaint is None
