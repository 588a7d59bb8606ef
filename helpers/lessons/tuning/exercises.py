"""The exercises of notebook 05: reference answers, judges, hints."""

from __future__ import annotations

import math

from helpers.exercises import Exercise, register
from helpers.lessons.answer_checks import like


def mean_loss(probabilities):
    """Return the mean of the losses; the loss of a token is minus the logarithm of its probability."""
    import math

    total = 0
    for probability in probabilities:
        total = total - math.log(probability)
    return total / len(probabilities)


def lora_size(inputs, outputs, rank):
    """Return how many numbers A (inputs x rank) and B (rank x outputs) have together."""
    return inputs * rank + rank * outputs


def mixed(new, old, every):
    """Return a list in which one old text follows after each `every` new texts.

    The old texts are taken in order, and again from the first one when all were used.
    """
    texts = []
    used = 0
    for i in range(len(new)):
        texts.append(new[i])
        if (i + 1) % every == 0:
            texts.append(old[used % len(old)])
            used = used + 1
    return texts


def changed_most(before, after):
    """Return (row, column) of the block that has changed most; the pictures have 8 by 8 blocks.

    The change of a pixel is the size of the difference, without its sign; that of a block is the mean.
    """
    change = abs(after - before)
    side = len(before) // 8  # of a block, in pixels
    best, most = (0, 0), -1
    for row in range(8):
        for column in range(8):
            top, left = row * side, column * side
            block = change[top : top + side, left : left + side]
            if block.mean() > most:
                best, most = (row, column), block.mean()
    return best


# What the judges call an answer with, and the mistakes that they know by name


def _loss_cases() -> list[tuple]:
    return [([0.5, 0.25],), ([1.0, 0.1, 0.01],), ([0.9],), ([0.3, 0.3, 0.3, 0.05],)]


LOSS_SLIPS = {
    "A sign is missing: the loss is minus the logarithm.": lambda p: -mean_loss(p),
    "That is the sum; divide it by how many there are.": lambda p: mean_loss(p) * len(p),
    "Take the logarithm of each probability first, and the mean of the results.":
        lambda p: -math.log(sum(p) / len(p)),
    "Use the natural logarithm, math.log.": lambda p: mean_loss(p) / math.log(10),
    "Use the natural logarithm, math.log, not log2.": lambda p: mean_loss(p) / math.log(2),
}  # fmt: skip
SIZE_SLIPS = {
    "That is the number of W, which is frozen.": lambda i, o, r: i * o,
    "A and B are two tables: add their sizes, do not multiply them.": lambda i, o, r: i * r * o,
    "That is A alone; B is trained, too.": lambda i, o, r: i * r,
    "That is B alone; A is trained, too.": lambda i, o, r: r * o,
    "Each input and each output has `rank` numbers, not one.": lambda i, o, r: i + o,
}


def _size_cases() -> list[tuple]:
    return [(192, 576, 16), (10, 30, 1), (4, 4, 3), (6, 2, 5)]


def _mixture(new, old, every, *, first=0, wait=0, same=False, cut=False, once=False) -> list:
    """The mixture, with one of five slips."""
    texts, used = [], 0
    for place, text in enumerate(new[: len(new) // every * every] if cut else new, 1):
        due = (place - first) % (every + wait) == 0 and not (once and used >= len(old))
        texts += [text] if not first else []
        if due:
            texts.append(old[0 if same else used % len(old)])
            used += 1
        texts += [text] if first else []
    return texts


def _mixed_cases() -> list[tuple]:
    return [
        (["a", "b", "c", "d", "e", "f", "g"], ["X", "Y"], 2), (["a", "b", "c"], ["X", "Y", "Z"], 1),
        (["a", "b"], ["X"], 3), ([1, 2, 3, 4, 5, 6], [-1], 3),
    ]  # fmt: skip


MIXED_SLIPS = {
    "All new texts come before any old one: the last steps would forget again.":
        lambda n, o, k: [*n, *(o[i % len(o)] for i in range(len(n) // k))],
    "First `every` new texts, then an old one.": lambda n, o, k: _mixture(n, o, k, first=1),
    "There is one new text too many before each old one.": lambda n, o, k: _mixture(n, o, k, wait=1),
    "It is always the same old text; go on to the next one each time.":
        lambda n, o, k: _mixture(n, o, k, same=True),
    "The last new texts are lost when their number is no multiple of `every`.":
        lambda n, o, k: _mixture(n, o, k, cut=True),
    "When all old texts were used, begin with the first again.":
        lambda n, o, k: _mixture(n, o, k, once=True),
}  # fmt: skip


def _block_case(row: int, column: int, jump: float, side: int = 2) -> tuple:
    """Two pictures of 8 by 8 blocks: small changes everywhere, a large one in a block, one bright pixel."""
    import numpy as np

    rng = np.random.default_rng(8 * row + column)
    before = rng.integers(100, 130, (8 * side, 8 * side, 3)).astype(float)
    after = before + rng.integers(-3, 4, before.shape)
    top, left = row * side, column * side
    after[top : top + side, left : left + side] += jump
    far = (top + 4 * side) % len(before), (left + 4 * side) % len(before)
    after[far] += [90.0, 0.0, 0.0]  # one pixel, in red alone
    return before, after


def _block_cases() -> list[tuple]:
    return [_block_case(2, 5, 40.0), _block_case(6, 1, -40.0), _block_case(0, 7, -60.0, side=3)]


def _by(score):
    """A wrong answer that takes the block with the highest score of its (before, after) pixels."""

    def choose(before, after):
        side = len(before) // 8
        blocks = {}
        for row in range(8):
            for column in range(8):
                part = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
                blocks[row, column] = score(before[part], after[part])
        return max(blocks, key=blocks.get)

    return choose


def _in_pixels(before, after):
    side = len(before) // 8
    row, column = changed_most(before, after)
    return row * side, column * side


CHANGE_SLIPS = {
    "First the row, then the column.": lambda b, a: changed_most(b, a)[::-1],
    "A place that became darker has changed, too: use abs.": _by(lambda b, a: (a - b).mean()),
    "A place that became brighter has changed, too: use abs.": _by(lambda b, a: (b - a).mean()),
    "Take the mean of a block, not its largest pixel.": _by(lambda b, a: abs(a - b).max()),
    "That block has changed least.": _by(lambda b, a: -abs(a - b).mean()),
    "Give the numbers of the block, from 0 to 7, not those of a pixel.": _in_pixels,
}


EXERCISES = (
    Exercise("05.1", "The mean loss", like(mean_loss, _loss_cases, LOSS_SLIPS), (
        "One token of probability 0.5 has the loss -math.log(0.5), which is 0.69.",
        "Begin with a total of 0. In a loop add the loss of each token. At the end divide by their number.",
        "for p in probabilities: total = total - math.log(p). Then return total / len(probabilities).",
    ), mean_loss,
        purpose="Your function says how wrong the model is, before and after it has seen poems.",
        shapes="probabilities is a list of numbers above 0 and at most 1; the result is one number.",
        example=("round(mean_loss([0.5, 0.25]), 2)", "1.04"), difficulty=1, minutes=5),
    Exercise("05.2", "What LoRA trains", like(lora_size, _size_cases, SIZE_SLIPS), (
        "How many numbers has a table of 4 rows and 2 columns?",
        "A has inputs x rank numbers, and B has rank x outputs numbers.",
        "return inputs * rank + rank * outputs",
    ), lora_size,
        purpose="The next figure compares your numbers with the size of the whole layer.",
        shapes="Three whole numbers go in; one whole number comes out.",
        example=("lora_size(4, 6, 1)", "10"), difficulty=1, minutes=5),
    Exercise("05.3", "Replay", like(mixed, _mixed_cases, MIXED_SLIPS), (
        "Walk through the new texts and count them; now and then an old one is due.",
        "After text number i + 1 an old one is due if (i + 1) % every == 0.",
        "Keep a counter `used`, and append old[used % len(old)]: the remainder begins anew at the end.",
    ), mixed,
        purpose="Your list trains a model that learns poems and keeps its stories.",
        shapes="new and old are lists of texts, every is a whole number from 1; the result is a new list.",
        example=('mixed(["a", "b", "c", "d"], ["X", "Y"], 2)', "['a', 'b', 'X', 'c', 'd', 'Y']"),
        difficulty=2, minutes=10),
    Exercise("05.4", "Where has it changed?", like(changed_most, _block_cases, CHANGE_SLIPS), (
        "abs(after - before) has one number for each pixel and colour: how much that changed.",
        "A block has a side of len(before) // 8 pixels. Two loops go over rows and columns of blocks; cut "
        "each block out with slices and take its mean.",
        "block = change[row * side : (row + 1) * side, column * side : (column + 1) * side]; keep the place "
        "with the largest block.mean().",
    ), changed_most,
        purpose="Your function decides where the arrows of the last figure point.",
        shapes="before and after are NumPy arrays (side, side, 3); the result is two whole numbers, 0 to 7.",
        example=(
            "import numpy as np\n\nbefore = np.zeros((16, 16, 3))\nafter = before.copy()\n"
            "after[2:4, 10:12] = 50  # a block of 2 by 2 pixels\n\nchanged_most(before, after)", "(1, 5)",
        ), difficulty=3, minutes=15),
)  # fmt: skip

register(*EXERCISES)
