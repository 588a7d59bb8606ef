"""The exercises of notebook 01: reference answers, judges, hints."""

from __future__ import annotations

from helpers.exercises import Exercise, register
from helpers.lessons.answer_checks import like


def shares(numbers, count):
    """Return a list: for each heap from 0 to count - 1 the share of all points that lie in it.

    `numbers` has one number for each point: the heap that it lies in.
    """
    result = []
    for heap in range(count):
        result.append(numbers.count(heap) / len(numbers))
    return result


def what_followed(pieces, piece):
    """Return a list of all pieces that come right after `piece` in the list `pieces`, in their order."""
    result = []
    for i in range(len(pieces) - 1):
        if pieces[i] == piece:
            result.append(pieces[i + 1])
    return result


def heaps_covered(numbers, least):
    """Return how many different heaps occur at least `least` times in the list `numbers`.

    The heaps have the numbers 0 to 7. A -1 stands for a point that lies in no heap; it does not count.
    """
    covered = 0
    for heap in range(8):
        if numbers.count(heap) >= least:
            covered += 1
    return covered


def training_hours(parameters, tokens):
    """Return the hours that one A100 needs for the training: operations / speed / 3600.

    The training takes 6 * parameters * tokens operations. An A100 can do 312e12 operations a second, and
    reaches 40 % of this speed.
    """
    operations = 6 * parameters * tokens
    speed = 312e12 * 0.40  # operations a second
    return operations / speed / 3600


# Judges


def _pieces_cases() -> list[tuple]:
    words = ["the", "fox", "saw", "the", "sea", "and", "the", "fox", "ran", "to", "the", "sea"]
    notes = [(67, 1), (71, 1), (67, 1), (67, 2), (71, 1), (67, 1)]
    return [(words, "the"), (words, "fox"), (words, "sea"), (notes, (67, 1)), ([1, 1, 1, 2], 1), ([5], 5)]


def _preceding(pieces, piece):
    return [pieces[i - 1] for i in range(1, len(pieces)) if pieces[i] == piece]


def _first_only(pieces, piece):
    return what_followed(pieces, piece)[:1]


def _each_once(pieces, piece):
    return list(dict.fromkeys(what_followed(pieces, piece)))


EXERCISES = (
    Exercise("01.1", "The share of each heap", like(shares, lambda: [
        ([0, 2, 0, 0], 3), ([1, 1], 2), ([3, 0, 1, 3, 3], 5), ([0], 1), ([2, 2, 1, 0, 2, 1, 2, 2], 4),
    ], {
        "These are the counts: divide each by the number of points.":
            lambda numbers, count: [numbers.count(heap) for heap in range(count)],
        "Divide by the number of points, not by the number of heaps.":
            lambda numbers, count: [numbers.count(heap) / count for heap in range(count)],
        "A heap without points has the share 0; it must be in the list, too.":
            lambda numbers, count: [share for share in shares(numbers, count) if share],
        "These are percentages: a share lies between 0 and 1.":
            lambda numbers, count: [100 * share for share in shares(numbers, count)],
    }), (
        "For heap 0: how many of the numbers are 0, and how many numbers are there in all?",
        "numbers.count(0) counts the zeros, and len(numbers) is how many numbers there are. Do it for every "
        "heap, in a loop over range(count).",
        "result = []; for heap in range(count): append numbers.count(heap) / len(numbers). Return result.",
    ), shares,
        purpose="Your shares decide where the new points of the next figure lie.",
        shapes="numbers is a list of whole numbers; count is the number of heaps; the result is a list.",
        example=("shares([0, 2, 0, 0], 3)", "[0.75, 0.0, 0.25]"), difficulty=1, minutes=5),
    Exercise("01.2", "What came next", like(what_followed, _pieces_cases, {
        "These are the pieces before it; take those after it.": _preceding,
        "That is only the first one; take all of them.": _first_only,
        "Keep what comes twice twice, so that it is drawn more often.": _each_once,
        "Only the pieces after it, without the piece itself.":
            lambda pieces, piece: [part for after in what_followed(pieces, piece) for part in (piece, after)],
    }), (
        "Go through the list up to the last piece but one: which piece is it, and which comes after it?",
        "for i in range(len(pieces) - 1): compare pieces[i] with piece; the one after it is pieces[i + 1].",
        "result = []; for i in range(len(pieces) - 1): if pieces[i] == piece: append pieces[i + 1]. Return "
        "result.",
    ), what_followed,
        purpose="Your function writes a text and a melody in the next cells.",
        shapes="pieces is a list of words or notes; piece is one of them; the result is a list of pieces.",
        example=(
            'pieces = ["the", "fox", "saw", "the", "sea"]\n\nwhat_followed(pieces, "the")',
            "['fox', 'sea']",
        ), difficulty=2, minutes=10),
    Exercise("01.3", "Heaps that are covered", like(heaps_covered, lambda: [
        ([0, 0, 3, 3, 3, 7, 5, -1, -1], 2), ([1] * 9, 3), ([-1] * 5, 1), ([4, 4, 5, 5, 6, 6, 6], 3),
        ([0, 1, 2, 3, -1], 1), ([2, 2, 2, 6, 6, -1, -1, -1, -1], 2),
    ], {
        "Points in no heap (-1) do not count.":
            lambda numbers, least: sum(numbers.count(heap) >= least for heap in set(numbers)),
        "A heap counts only if it occurs at least `least` times.":
            lambda numbers, least: len(set(numbers) - {-1}),
        "A heap with exactly `least` points counts, too.":
            lambda numbers, least: heaps_covered(numbers, least + 1),
        "Count heaps, not points.":
            lambda numbers, least: sum(n != -1 and numbers.count(n) >= least for n in numbers),
    }), (
        "Go through the heaps 0 to 7. How often does each of them occur in the list?",
        "for heap in range(8): compare numbers.count(heap) with least. (A -1 is then left out by itself.)",
        "covered = 0; for heap in range(8): if numbers.count(heap) >= least: covered += 1. Return covered.",
    ), heaps_covered,
        purpose="Your count decides, in the next figure, which results have collapsed.",
        shapes="numbers is a list of whole numbers, one for each point; the result is a whole number.",
        example=("heaps_covered([0, 0, 3, 3, 3, 7, -1, -1], 2)", "2"), difficulty=2, minutes=10),
    Exercise("01.4", "Hours of training", like(training_hours, lambda: [
        (124e6, 10e9), (7e9, 1e12), (1e6, 1e6), (175e9, 300e9),
    ], {
        "These are seconds: an hour has 3600 of them.": lambda n, d: 3600 * training_hours(n, d),
        "These are minutes: an hour has 3600 seconds.": lambda n, d: 60 * training_hours(n, d),
        "A program reaches only 0.40 of the full speed.": lambda n, d: 0.40 * training_hours(n, d),
        "Each parameter and token takes 6 operations.": lambda n, d: training_hours(n, d) / 6,
        "Divide by the speed; with 40 % of the speed it takes longer, not shorter.":
            lambda n, d: 0.16 * training_hours(n, d),
    }), (
        "The operations are those of the cell above. How many of them does the GPU do in a second?",
        "First the operations, 6 times parameters times tokens. Then divide by the speed, which is 312e12 * "
        "0.40 operations a second, and by 3600.",
        "return 6 * parameters * tokens / (312e12 * 0.40) / 3600",
    ), training_hours,
        purpose="Your function sets a price, and is compared with what the makers of models published.",
        shapes="parameters and tokens are numbers; the result is one number, in hours.",
        example=("round(training_hours(124e6, 10e9), 2)", "16.56"), difficulty=1, minutes=5),
)  # fmt: skip

register(*EXERCISES)
