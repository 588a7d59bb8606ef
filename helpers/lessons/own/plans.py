"""What to expect of a training in notebook 08: is there enough to learn from, how long, how much memory.

The times are estimates. Those of the small models were measured on two CPU cores; those of GPT-2 and Stable
Diffusion follow from their operations for a step (4 for each parameter and token where only LoRA is trained,
Kaplan et al. 2020) and a fifth of each card's speed in 16 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from helpers.errors import WorkbookError
from helpers.session import Session

FEWEST_TEXTS, FEWEST_PICTURES = 10, 5
MOST_STEPS = 1000


@dataclass(frozen=True)
class Place:
    """Where a model can be trained: seconds for a step, and memory in GB."""

    name: str
    seconds: float
    memory: float


# For each kind and each model: where, how fast, how much memory. Of the hub's models: GPT-2, 8 texts of 256
# tokens; Stable Diffusion v1-4, 2 pictures of 512 pixels.
TEXT_PLACES = {
    "tiny": (Place("two CPU cores", 0.15, 0.8),),
    "hub": (Place("two CPU cores", 25, 4), Place("a T4 (Colab)", 0.4, 4), Place("an A100 or H100", 0.1, 4)),
}
PICTURE_PLACES = {
    "tiny": (Place("two CPU cores", 0.25, 1.2),),
    "hub": (
        Place("two CPU cores", 300, 12), Place("a T4 (Colab)", 1.5, 8), Place("an A100 or H100", 0.3, 8),
    ),
}  # fmt: skip


def check_texts(texts: Sequence[str]) -> None:
    """WorkbookError where there are too few texts to learn more than to repeat them."""
    _check(len(texts), FEWEST_TEXTS, "texts", "cut a long one into pieces, or find more")


def check_pictures(pictures: Sequence) -> None:
    """WorkbookError where there are too few pictures to learn more than to repeat them."""
    _check(len(pictures), FEWEST_PICTURES, "pictures", "find more")


def texts(session: Session, steps: int) -> str:
    """How long so many steps with texts take, and in how much memory, to print."""
    return _expected("texts", TEXT_PLACES[session.profile], steps)


def pictures(session: Session, steps: int) -> str:
    """How long so many steps with pictures take, and in how much memory, to print."""
    return _expected("pictures", PICTURE_PLACES[session.profile], steps)


def _check(count: int, fewest: int, what: str, advice: str) -> None:
    if count < fewest:
        raise WorkbookError(f"Only {count} {what} can be used, and {fewest} are the least: {advice}.")


def _expected(what: str, places: Sequence[Place], steps: int) -> str:
    lines = [f"{steps} steps with {what}; expect about"]
    for place in places:
        lines.append(f"  on {place.name}: {_time(steps * place.seconds)}, {place.memory:g} GB of memory")
    return "\n".join(lines)


def _time(seconds: float) -> str:
    """A rough time: it is an estimate, and should look like one."""
    if seconds < 50:
        return f"{max(5, round(seconds / 5) * 5)} seconds"
    minutes = seconds / 60
    return f"{max(1, round(minutes))} minutes" if minutes < 100 else f"{round(minutes / 60)} hours"
