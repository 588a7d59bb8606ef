"""The exercises of notebook 08: reference answers, judges, hints."""

from __future__ import annotations

from helpers.exercises import Exercise, register
from helpers.lessons.answer_checks import like


def set_aside(texts, every):
    """Return two lists: the texts to train on, and those that are set aside.

    Of each `every` texts the last one is set aside. All keep their order.
    """
    training, aside = [], []
    for i in range(len(texts)):
        if (i + 1) % every == 0:
            aside.append(texts[i])
        else:
            training.append(texts[i])
    return training, aside


def steps_for(count, batch_size, passes):
    """Return in how many steps each of `count` examples is read `passes` times; round up.

    A step reads `batch_size` examples.
    """
    import math

    return math.ceil(count * passes / batch_size)


# What the judges call an answer with, and the mistakes that they know by name


def _aside_cases() -> list[tuple]:
    return [(["a", "b", "c", "d", "e", "f", "g"], 3), (["a", "b"], 5), ([1, 2, 3, 4], 2), ([], 4)]


def _of_place(texts, every, rest):
    training = [text for i, text in enumerate(texts) if i % every != rest]
    return training, [text for i, text in enumerate(texts) if i % every == rest]


ASIDE_SLIPS = {
    "The first list is for training, the second for what is set aside.":
        lambda t, n: set_aside(t, n)[::-1],
    "What is set aside must not be trained on.": lambda t, n: (list(t), set_aside(t, n)[1]),
    "Set aside the last one of each group, not the first.": lambda t, n: _of_place(t, n, 0),
    "Set aside texts from all over the list, not only its end.":
        lambda t, n: (t[: len(t) - len(t) // n], t[len(t) - len(t) // n :]),
    "That is one list; return two.": lambda t, n: set_aside(t, n)[0],
}  # fmt: skip


def _step_cases() -> list[tuple]:
    return [(24, 8, 20), (10, 4, 3), (7, 2, 1), (100, 8, 5), (3, 8, 1)]


STEP_SLIPS = {
    "Round up: the rest of the examples needs a step, too.": lambda c, b, p: c * p // b,
    "A step reads batch_size examples at once: divide by it.": lambda c, b, p: c * p,
    "Each example is read `passes` times: multiply by it.": lambda c, b, p: -(-c // b),
    "Multiply by passes; do not divide by it.": lambda c, b, p: -(-c // (b * p)),
    "Divide by batch_size; do not multiply.": lambda c, b, p: c * b * p,
    "Round up at the end, once.": lambda c, b, p: -(-c // b) * p,
}

EXERCISES = (
    Exercise("08.1", "Setting texts aside", like(set_aside, _aside_cases, ASIDE_SLIPS), (
        "Go through the texts with a counter. Each text goes into one of two lists.",
        "Text number i + 1 is the last of its group if (i + 1) % every == 0.",
        "if (i + 1) % every == 0: aside.append(texts[i]), else: training.append(texts[i]). Return both.",
    ), set_aside,
        purpose="The model is trained on your first list and tried on your second.",
        shapes="texts is a list, every is a whole number from 1; the result is a pair of lists.",
        example=('set_aside(["a", "b", "c", "d"], 2)', "(['a', 'c'], ['b', 'd'])"), difficulty=2, minutes=5),
    Exercise("08.2", "How many steps?", like(steps_for, _step_cases, STEP_SLIPS), (
        "24 texts, each read 20 times: how many texts are read in all? A step reads 8 of them.",
        "count * passes examples are read; divide by batch_size. math.ceil rounds up.",
        "return math.ceil(count * passes / batch_size)",
    ), steps_for,
        purpose="Your function says how long to train, for the texts and for the pictures.",
        shapes="Three whole numbers go in; one whole number comes out.",
        example=("steps_for(10, 4, 3)", "8"), difficulty=1, minutes=5),
)  # fmt: skip

register(*EXERCISES)
