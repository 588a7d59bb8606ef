"""The exercises of notebook 11: reference answers, judges, hints."""

from __future__ import annotations

from helpers.exercises import Exercise, register
from helpers.lessons.answer_checks import like


def energy_distance(real, generated):
    """Twice the mean distance between the sets, minus the means within (a point with itself is no pair)."""
    import torch

    between = torch.cdist(real, generated).mean()
    pairs = len(real) * (len(real) - 1)  # no point with itself
    within_real = torch.cdist(real, real).sum() / pairs
    pairs = len(generated) * (len(generated) - 1)
    within_generated = torch.cdist(generated, generated).sum() / pairs
    return 2 * between - within_real - within_generated


def gradient_penalty(discriminator, real):
    """The mean of the squared lengths of the discriminator's slopes at the real points."""
    import torch

    real = real.detach().requires_grad_()
    logits = discriminator(real)
    # The sum's slope holds each point's own slope, since a logit depends on its own point only.
    (slopes,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    return slopes.square().sum(dim=1).mean()


def exact_guess(noisy, centres, spread, kept):
    """The mean of all the real points that may lie behind each noisy point."""
    variance = kept * spread**2 + 1 - kept  # of a noised heap, in each direction
    from_heaps = noisy[:, None] - kept**0.5 * centres  # (points, heaps, 2)
    squares = from_heaps.square().sum(dim=2)
    chances = (-squares / (2 * variance)).softmax(dim=1)  # of each heap, for each point
    guesses = centres + kept**0.5 * spread**2 / variance * from_heaps  # if it was this heap
    return (chances[:, :, None] * guesses).sum(dim=1)


def forward_operations(layers, width, vocabulary, places):
    """Operations of one pass of a Transformer over one text."""
    matrices = layers * 12 * width**2 + vocabulary * width  # the numbers in all matrices
    scores = layers * places**2 * width  # each place with each, in all heads together
    return 2 * places * matrices + 4 * scores


# What the judges call an answer with, and the mistakes that they know by name


def _points(*rows):
    import torch

    return torch.tensor(rows, dtype=torch.float64)


def _distance_cases() -> list[tuple]:
    import torch

    source = torch.Generator().manual_seed(0)
    real = torch.randn(9, 2, generator=source, dtype=torch.float64)
    generated = 2 + torch.randn(6, 2, generator=source, dtype=torch.float64)
    return [
        (_points([0, 0], [0, 2]), _points([3, 0], [3, 2])),
        (real, generated),
        (generated, real[:5] / 4),
    ]


def _parts(real, generated):
    """The three means of the energy distance, and the two that count a point with itself."""
    import torch

    within = []
    for points in (real, generated):
        total = torch.cdist(points, points).sum()
        within += [total / (len(points) * (len(points) - 1)), total / len(points) ** 2]
    return torch.cdist(real, generated).mean(), *within


def _with_itself(real, generated):
    between, _, within_real, _, within_generated = _parts(real, generated)
    return 2 * between - within_real - within_generated


def _not_twice(real, generated):
    between, within_real, _, within_generated, _ = _parts(real, generated)
    return between - within_real - within_generated


def _squared(real, generated):
    between = (real[:, None] - generated).square().sum(-1).mean()
    within = []
    for points in (real, generated):
        total = (points[:, None] - points).square().sum()
        within.append(total / (len(points) * (len(points) - 1)))
    return 2 * between - sum(within)


DISTANCE_SLIPS = {
    "A point has the distance 0 to itself: divide by n * (n - 1), the number of real pairs.": _with_itself,
    "The distances between the sets count twice.": _not_twice,
    "Distances, not squared distances.": _squared,
    "The sign is turned round: sets that differ have a distance above 0.":
        lambda real, generated: -energy_distance(real, generated),
}  # fmt: skip


def _bowl(rows):
    return rows.square().sum(dim=1, keepdim=True)


def _saddle(rows):
    return 3 * rows[:, :1] * rows[:, 1:2]


def _plane(rows):
    return (2 * rows[:, 0] - rows[:, 1])[:, None]


def _penalty_cases() -> list[tuple]:
    rows = _points([1, 0], [0, -2], [0.5, 0.5])
    packed = _points([1, 0, 2, 1], [0, -2, 1, 1])
    return [(_plane, rows), (_bowl, rows), (_saddle, rows), (_bowl, packed)]


def _slopes(discriminator, real):
    import torch

    real = real.detach().requires_grad_()
    return torch.autograd.grad(discriminator(real).sum(), real)[0]


PENALTY_SLIPS = {
    "That is the mean length: square it.": lambda d, real: _slopes(d, real).norm(dim=1).mean(),
    "Add up the squares over a point's coordinates, and take the mean over the points only.":
        lambda d, real: _slopes(d, real).square().mean(),
    "Take the mean over the points, not the sum.": lambda d, real: _slopes(d, real).square().sum(),
    "The slope of the mean is too small by the number of points: take the slope of the sum.":
        lambda d, real: (_slopes(d, real) / len(real)).square().sum(dim=1).mean(),
    "That is about the logits: their slopes are wanted.": lambda d, real: d(real).square().mean(),
}  # fmt: skip


def _judge_penalty(answer) -> str | None:
    """First the value; then whether the penalty can teach a discriminator anything."""
    import torch

    wrong = like(gradient_penalty, _penalty_cases, PENALTY_SLIPS)(answer)
    if wrong:
        return wrong
    weight = torch.tensor(3.0, requires_grad=True)
    penalty = answer(lambda rows: weight * rows.sum(dim=1, keepdim=True), torch.ones(4, 2))
    if not getattr(penalty, "requires_grad", False):
        return "The value is right, but it has no slope, so nothing is learnt from it: use create_graph=True."
    (slope,) = torch.autograd.grad(penalty, weight)  # of 2 * weight ** 2
    return None if abs(slope.item() - 12) < 1e-3 else "The value is right, but its own slope is not."


def _guess_cases() -> list[tuple]:
    centres = _points([1, 0], [-1, 0], [0, 1])
    noisy = _points([0.2, 0.1], [-0.7, 0.4], [1.5, -1])
    return [
        (_points([1, 0], [0, -2]), _points([1, 0]), 1.0, 0.25),
        (noisy, _points([0.5, 0.5]), 0.3, 0.4),
        (noisy, centres, 0.1, 0.5),
        (noisy, centres, 0.2, 0.9),
        (noisy, centres, 0.1, 0.05),
    ]


def _nearest_heap_only(noisy, centres, spread, kept):
    import torch

    nearest = torch.cdist(noisy, kept**0.5 * centres).argmin(dim=1)
    rows = [exact_guess(noisy[i : i + 1], centres[h : h + 1], spread, kept) for i, h in enumerate(nearest)]
    return torch.cat(rows)


def _centres_only(noisy, centres, spread, kept):
    variance = kept * spread**2 + 1 - kept
    squares = (noisy[:, None] - kept**0.5 * centres).square().sum(dim=2)
    return (-squares / (2 * variance)).softmax(dim=1) @ centres


def _the_noise(noisy, centres, spread, kept):
    return (noisy - kept**0.5 * exact_guess(noisy, centres, spread, kept)) / (1 - kept) ** 0.5


def _the_score(noisy, centres, spread, kept):
    return (kept**0.5 * exact_guess(noisy, centres, spread, kept) - noisy) / (1 - kept)


def _equal_weights(noisy, centres, spread, kept):
    variance = kept * spread**2 + 1 - kept
    return (centres + kept**0.5 * spread**2 / variance * (noisy[:, None] - kept**0.5 * centres)).mean(dim=1)


GUESS_SLIPS = {
    "All heaps may have made a point: weigh them by how likely each is.": _nearest_heap_only,
    "The guess is not the centre: it goes a part of the way towards the noisy point.": _centres_only,
    "That is the noise; the point behind it is wanted.": _the_noise,
    "That is the score; the point is wanted.": _the_score,
    "A near heap is likelier than a far one: the weights are a softmax.": _equal_weights,
}


def _operation_cases() -> list[tuple]:
    return [(1, 10, 5, 2), (2, 48, 65, 2), (3, 8, 100, 16), (12, 768, 50_257, 1024)]


def _half(layers, width, vocabulary, places):
    return forward_operations(layers, width, vocabulary, places) // 2


def _one_place(layers, width, vocabulary, places):
    matrices = layers * 12 * width**2 + vocabulary * width
    return 2 * matrices + 4 * layers * places**2 * width


def _no_scores(layers, width, vocabulary, places):
    return forward_operations(layers, width, vocabulary, places) - 4 * layers * places**2 * width


def _scores_once(layers, width, vocabulary, places):
    return forward_operations(layers, width, vocabulary, places) - 2 * layers * places**2 * width


def _no_logits(layers, width, vocabulary, places):
    return forward_operations(layers, width, 0, places)


OPERATION_SLIPS = {
    "A multiplication and an addition are two operations.": _half,
    "Every place passes through the matrices.": _one_place,
    "Attention compares places and collects values: that comes on top of the matrices.": _no_scores,
    "Attention multiplies twice: to compare, and to collect.": _scores_once,
    "The logits are a matrix product, too.": _no_logits,
}

EXERCISES = (
    Exercise(
        "11.1", "Energy distance", like(energy_distance, _distance_cases, DISTANCE_SLIPS), (
            "Three means: over pairs of a real and a generated point, over real pairs, over generated pairs.",
            "torch.cdist(a, b) holds all distances. Within a set its diagonal is no pair: divide its sum by "
            "n * (n - 1).",
            "2 * torch.cdist(real, generated).mean(), minus cdist(x, x).sum() / (n * (n - 1)) for both sets.",
        ), energy_distance,
        purpose="One number for how far two sets of points are apart. Every comparison below uses yours.",
        shapes="real is a tensor (n, 2), generated a tensor (m, 2), both with at least two points. A number "
               "comes out, or a tensor with one number.",
        example=("energy_distance(torch.tensor([[0.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0, 1.0], "
                 "[3.0, 1.0]]))", "tensor(4.3246)"),
        difficulty=1, minutes=10,
    ),
    Exercise(
        "11.2", "Gradient penalty", _judge_penalty, (
            "You need the slope of a logit with respect to the point, not to the network's parameters.",
            "torch.autograd.grad(logits.sum(), real, create_graph=True) gives a slope for each point.",
            "real = real.detach().requires_grad_(), then the slopes, then .square().sum(dim=1).mean().",
        ), gradient_penalty,
        purpose="A discriminator that is not too steep. The GANs below are trained with yours.",
        shapes="discriminator takes a tensor (n, width) and returns logits (n, 1); real is such a tensor. A "
               "tensor with one number comes out, through which gradients can flow.",
        example=("gradient_penalty(lambda rows: 2 * rows[:, :1] - rows[:, 1:], torch.ones(3, 2))",
                 "tensor(5.)"),
        difficulty=2, minutes=12,
    ),
    Exercise(
        "11.3", "The best guess", like(exact_guess, _guess_cases, GUESS_SLIPS), (
            "First suppose that there is one heap only, and write the formula for its guess.",
            "With several heaps, take the mean of their guesses, each weighed by the chance that its heap "
            "made the point: a softmax of -squared distance / (2 * variance).",
            "from_heaps = noisy[:, None] - kept**0.5 * centres; chances = (-from_heaps.square().sum(dim=2) / "
            "(2 * variance)).softmax(dim=1); guesses = centres + kept**0.5 * spread**2 / variance * "
            "from_heaps; then the mean of the guesses, weighed by the chances.",
        ), exact_guess,
        purpose="The best answer that any denoiser can give. The next figures hold the learnt one against "
                "yours, and draw points with yours.",
        shapes="noisy is a tensor (n, 2), centres a tensor (heaps, 2), spread a number, kept a number from 0 "
               "to 1 or a tensor with one. A tensor (n, 2) comes out.",
        example=("exact_guess(torch.tensor([[2.5, 0.0]]), torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), 1.0, "
                 "0.25)",
                 "tensor([[1.8862, 0.0000]])"),
        difficulty=3, minutes=20,
    ),
    Exercise(
        "11.4", "Operations of a pass",
        like(forward_operations, _operation_cases, OPERATION_SLIPS), (
            "Count the numbers in the matrices of a layer first: how many times width * width?",
            "A layer has 12 * width**2 numbers in its matrices, the logits width * vocabulary. Each number "
            "costs two operations at each place. Then attention: two products over all pairs of places.",
            "2 * places * (layers * 12 * width**2 + vocabulary * width) + 4 * layers * places**2 * width",
        ), forward_operations,
        purpose="What a Transformer costs, from its sizes alone. PyTorch's own counter checks yours.",
        shapes="Four whole numbers go in, one comes out: the operations for one text of `places` tokens, all "
               "of which get logits.",
        example=("forward_operations(layers=1, width=10, vocabulary=5, places=2)", "5160"),
        difficulty=2, minutes=12,
    ),
)  # fmt: skip

register(*EXERCISES)
