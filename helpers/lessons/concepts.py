"""The exercises of notebook 01: reference answers, judges, hints."""

from __future__ import annotations

from helpers.exercises import Exercise, register
from helpers.lessons.judging import like


def posterior(likelihoods, priors):
    """Bayes' rule: p(c | x) is proportional to p(x | c) p(c)."""
    joint = [likelihood * prior for likelihood, prior in zip(likelihoods, priors, strict=True)]
    total = sum(joint)
    return [part / total for part in joint] if total else list(priors)


def modes_covered(points, centres, radius, least):
    """How many centres have enough points that are closest to them and within the radius."""
    import math

    counts = [0] * len(centres)
    for point in points:
        distances = [math.dist(point, centre) for centre in centres]
        nearest = distances.index(min(distances))
        if distances[nearest] < radius:
            counts[nearest] += 1
    return sum(count >= least * len(points) for count in counts)


def add_noise(x0, noise, left):
    """Signal and noise by the square roots of their shares of the variance (Ho et al. 2020)."""
    return [left**0.5 * a + (1 - left) ** 0.5 * b for a, b in zip(x0, noise, strict=True)]


def next_pair(ids):
    """What each place must predict is the piece after it."""
    return ids[:-1], ids[1:]


def fits(parameters, memory, gpus):
    """Weights, gradients and optimizer take 16 bytes a parameter (Rajbhandari et al. 2020)."""
    return 16 * parameters <= memory * gpus


# Judges


def _modes_cases() -> list[tuple]:
    near = [[0.0, 0.1], [0.1, 0.0], [1.0, 1.1], [0.9, 1.0], [2.1, 0.0], [2.0, 0.1]]
    points = [*near, [5.0, 5.0], [1.05, 0.0]]
    centres = [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0], [4.0, 4.0]]
    cases = ((0.3, 0.25), (0.3, 0.3), (0.12, 0.2), (1.5, 0.3), (1.2, 0.25))
    return [(points, centres, radius, least) for radius, least in cases]


def _modes(points, centres, radius, least, *, own=False, of_near=False, strict=False) -> int:
    """The count, with one of three slips."""
    import math

    counts, near = [0] * len(centres), 0
    for point in points:
        distances = [math.dist(point, centre) for centre in centres]
        close = [i for i, distance in enumerate(distances) if distance < radius]
        near += bool(close)
        for i in close if own else [i for i in close if distances[i] == min(distances)]:
            counts[i] += 1
    bar = least * (near if of_near else len(points))
    return sum(count > bar if strict else count >= bar for count in counts)


EXERCISES = (
    Exercise("01.1", "Bayes' rule", like(posterior, lambda: [
        ([0.2, 0.6], [0.5, 0.5]), ([1.5, 0.5], [0.2, 0.8]), ([0.0, 3.0, 1.0], [0.5, 0.25, 0.25]),
        ([0.0, 0.0], [0.3, 0.7]),
    ], {
        "The priors are left out: a rare label needs stronger evidence.":
            lambda p, q: posterior(p, [1 / len(q)] * len(q)) if sum(p) else list(q),
        "These are the joint probabilities p(x | c) p(c): divide by their sum, so that they add up to 1.":
            lambda p, q: [a * b for a, b in zip(p, q, strict=True)] if sum(p) else list(q),
        "That is the most probable label only: return all probabilities.":
            lambda p, q: max(range(len(q)), key=lambda i: posterior(p, q)[i]),
    }), (
        "How often would label c and the point x occur together?",
        "Multiply each likelihood by its prior, then divide by the sum of these products.",
        "joint = [a * b for a, b in zip(likelihoods, priors)]; if sum(joint) is 0, return the priors.",
    ), posterior),
    Exercise("01.2", "Modes covered", like(modes_covered, _modes_cases, {
        "Each point counts for its nearest centre only.": lambda *a: _modes(*a, own=True),
        "The share is of all points, not of those that are near a centre.":
            lambda *a: _modes(*a, of_near=True),
        "At least the share: a centre with exactly that many counts.": lambda *a: _modes(*a, strict=True),
        "That is how many centres miss the share.": lambda p, c, *a: len(c) - modes_covered(p, c, *a),
        "The radius is left out.": lambda p, c, r, least: modes_covered(p, c, float("inf"), least),
    }), (
        "Count, for each centre, the points that belong to it; in the end compare with the share.",
        "A point belongs to its nearest centre, and only if that is closer than the radius (math.dist).",
        "sum(count >= least * len(points) for count in counts), where only near points were counted.",
    ), modes_covered),
    Exercise("01.3", "What comes next", like(next_pair, lambda: [([7, 3, 9, 4],), ([5, 5],), ([1, 2, 3],)], {
        "Inputs and targets are the same: the model would only have to copy.": lambda ids: (ids, ids),
        "The targets come after the inputs, not before.": lambda ids: (ids[1:], ids[:-1]),
        "Nothing follows the last piece, so it is no input.": lambda ids: (ids, ids[1:]),
        "Only the last piece is asked for here; every place has a next one.":
            lambda ids: (ids[:-1], ids[-1]),
        "The first piece has nothing before it here, so it is no target.": lambda ids: (ids[:-1], ids),
    }), (
        "Write the list twice, one below the other, the second shifted by one place.",
        "Each input's target is its right neighbour.",
        "Inputs: all but the last, ids[:-1]. Targets: all but the first, ids[1:].",
    ), next_pair),
    Exercise("01.4", "Noise", like(add_noise, lambda: [
        ([1.0, -2.0], [0.5, 0.5], 0.64), ([3.0], [-1.0], 1.0), ([0.0, 4.0], [2.0, 2.0], 0.0),
        ([1.0, 1.0], [1.0, -1.0], 0.25),
    ], {
        "Take square roots: left is a share of the variance.":
            lambda x, n, left: [left * a + (1 - left) * b for a, b in zip(x, n, strict=True)],
        "The noise has a weight as well.":
            lambda x, n, left: [left**0.5 * a + b for a, b in zip(x, n, strict=True)],
        "Signal and noise are swapped.": lambda x, n, left: add_noise(n, x, left),
        "The weight of the noise is the root of 1 - left, not 1 minus the root.":
            lambda x, n, left: [left**0.5 * a + (1 - left**0.5) * b for a, b in zip(x, n, strict=True)],
        "The signal has a weight as well.":
            lambda x, n, left: [a + (1 - left) ** 0.5 * b for a, b in zip(x, n, strict=True)],
    }), (
        "Look at the formula above: two weights, whose squares add up to 1.",
        "The weight of x0 is the square root of left, that of the noise the square root of 1 - left.",
        "[left ** 0.5 * a + (1 - left) ** 0.5 * b for a, b in zip(x0, noise)]",
    ), add_noise),
    Exercise("01.5", "Does it fit?", like(fits, lambda: [
        (1e9, 80e9, 1), (30e9, 80e9, 1), (5e9, 80e9, 1), (5.1e9, 80e9, 1), (7e9, 80e9, 2), (7e9, 80e9, 1),
        (1e9, 15e9, 1), (70e9, 80e9, 8), (4.5e9, 80e9, 1), (20e9, 80e9, 4), (0.9e9, 3e9, 1),
    ], {
        "Weights and gradients are not all: the optimizer keeps three numbers of 4 bytes for each.":
            lambda n, memory, gpus: 4 * n <= memory * gpus,
        "Weights alone are not enough: learning needs gradients and the optimizer's numbers too.":
            lambda n, memory, gpus: 2 * n <= memory * gpus,
        "The memory of all GPUs counts together.": lambda n, memory, gpus: 16 * n <= memory,
        "Exactly full still fits.": lambda n, memory, gpus: 16 * n < memory * gpus,
        "True means that it fits.": lambda n, memory, gpus: 16 * n > memory * gpus,
    }), (
        "How many bytes does training keep for one parameter? The figure above shows it.",
        "2 bytes of weight, 2 of gradient and 12 of the optimizer, for each parameter.",
        "Compare 16 * parameters with memory * gpus.",
    ), fits),
)  # fmt: skip

register(*EXERCISES)
