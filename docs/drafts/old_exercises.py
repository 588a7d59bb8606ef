"""The exercises of notebook 05: reference answers, judges, hints."""

from __future__ import annotations

from helpers.exercises import Exercise, register
from helpers.lessons.answer_checks import like


def trained(shapes, rank):
    """Numbers in A (inputs x rank) and B (rank x outputs), over all layers (Hu et al. 2022)."""
    return sum(rank * (inputs + outputs) for inputs, outputs in shapes)


def mixed(new, old, every):
    """After each `every` new texts the next old one, from the first again when all were used."""
    texts = []
    for place, one in enumerate(new, 1):
        texts.append(one)
        if place % every == 0:
            texts.append(old[(place // every - 1) % len(old)])
    return texts


def rank_needed(values, share):
    """How many of the largest singular values hold this share of all squares (Eckart and Young 1936)."""
    squares, held = sorted((value**2 for value in values), reverse=True), 0.0
    for count, square in enumerate(squares, 1):
        held += square
        if held >= share * sum(squares):
            return count


def chosen(results, least_style, most_lost):
    """The earliest step with enough style and not too many facts lost since the first."""
    at_first = results[0][2]
    for step, style, facts in results:
        if style >= least_style and at_first - facts <= most_lost:
            return step
    return None


def stacked(weight, adapters):
    """The frozen matrix plus each detour, as loud as its alpha, its rank and its scale make it."""
    total = [list(row) for row in weight]
    for a, b, alpha, scale in adapters:
        for i, row in enumerate(a):
            for j in range(len(total[0])):
                pieces = sum(value * b[k][j] for k, value in enumerate(row))
                total[i][j] += scale * alpha / len(b) * pieces
    return total


# Judges


def _trained_cases() -> list[tuple]:
    gpt = [(192, 576), (192, 192), (192, 768), (768, 192)]
    return [(gpt, 16), ([(10, 30)], 1), ([(4, 4), (4, 4), (6, 2)], 3), ([], 8)]


def _mixed(new, old, every, *, first=0, wait=0, same=False, cut=False, once=False) -> list:
    """The mixture, with one of five slips."""
    texts, used = [], 0
    for place, one in enumerate(new[: len(new) // every * every] if cut else new, 1):
        due = (place - first) % (every + wait) == 0 and not (once and used >= len(old))
        texts += [one] if not first else []
        if due:
            texts.append(old[0 if same else used % len(old)])
            used += 1
        texts += [one] if first else []
    return texts


def _mixed_cases() -> list[tuple]:
    return [
        (["a", "b", "c", "d", "e", "f", "g"], ["X", "Y"], 2), (["a", "b", "c"], ["X", "Y", "Z"], 1),
        (["a", "b"], ["X"], 3), ([1, 2, 3, 4, 5, 6], [-1], 3),
    ]  # fmt: skip


def _rank(values, share, *, power=2, start=0, strict=False, smallest=False, as_given=False) -> int:
    """The rank, with one of five slips."""
    parts = [value**power for value in values]
    parts = parts if as_given else sorted(parts, reverse=not smallest)
    held, wanted = 0.0, share * sum(parts)
    for count, part in enumerate(parts, 1):
        held += part
        if held > wanted or held == wanted and not strict:
            return count + start
    return len(parts) + start


def _rank_cases() -> list[tuple]:
    falling = [4.0, 2.0, 2.0, 1.0]  # squares 16, 4, 4, 1: sums 16, 20, 24, 25
    return [
        ([6.0, 1.0, 1.0, 1.0, 1.0], 0.85), ([2.0, 2.0, 2.0, 2.0], 0.75), ([1.0, 3.0, 2.0], 0.6), ([5.0], 0.9),
        (falling, 0.9), (falling, 0.8), (falling, 0.5), (falling, 1.0),
    ]  # fmt: skip


def _chosen(results, least, most, *, latest=False, ignore="", relative=False, last=False):
    """The choice of a step, with one of five slips."""
    at_first = results[0][2]
    fit = []
    for step, style, facts in results:
        lost = (at_first - facts) / at_first if relative else at_first - facts
        if (ignore == "style" or style >= least) and (ignore == "facts" or lost <= most):
            fit.append(step)
    if not fit:
        return results[-1][0] if last else None
    return fit[-1] if latest else fit[0]


def _chosen_cases() -> list[tuple]:
    run = [(0, 0.0, 0.95), (50, 0.6, 0.9), (100, 0.85, 0.92), (150, 0.9, 0.88), (200, 0.95, 0.7)]
    return [
        (run, 0.8, 0.125), (run, 0.5, 0.0625), (run, 0.95, 0.125), (run, 0.95, 0.5), (run, 0.88, 0.125),
        ([(0, 0.9, 0.5), (10, 0.95, 0.375)], 0.9, 0.125), ([(0, 0.1, 0.5), (10, 0.9, 0.375)], 0.9, 0.125),
        ([(0, 0.2, 0.5), (40, 0.9, 0.375), (80, 0.95, 0.5)], 0.8, 0.1),
    ]  # fmt: skip


def _stacked(weight, adapters, *, no_alpha=False, of_a=False, no_scale=False, first=False, no_rank=False):
    """The stack, with one of five slips."""
    kept = adapters[:1] if first else adapters
    changed = [
        (
            a, b,
            len(b) if no_alpha else alpha * (len(b) / len(a) if of_a else len(b) if no_rank else 1),
            1 if no_scale else scale,
        )
        for a, b, alpha, scale in kept
    ]  # fmt: skip
    return stacked(weight, changed)


def _only_detours(weight, adapters) -> list:
    return stacked([[0.0] * len(row) for row in weight], adapters)


def _stacked_cases() -> list[tuple]:
    weight = [[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]]  # 2 inputs, 3 outputs
    one = ([[1.0], [2.0]], [[0.5, -1.0, 1.0]], 2.0, 0.5)
    two = ([[1.0, 0.0], [0.5, 1.0]], [[1.0, 1.0, 0.0], [0.0, 2.0, 1.0]], 4.0, 1.5)
    return [(weight, [one, two]), (weight, [two]), (weight, [one, one]), (weight, [])]


EXERCISES = (
    Exercise("05.1", "Counting what LoRA trains", like(trained, _trained_cases, {
        "That is the number of the frozen weights.": lambda s, r: sum(a * b for a, b in s),
        "A and B lie one after the other: add their sizes, do not multiply inputs by outputs.":
            lambda s, r: sum(r * a * b for a, b in s),
        "That is A alone; B is trained, too.": lambda s, r: sum(r * a for a, _ in s),
        "That is B alone; A is trained, too.": lambda s, r: sum(r * b for _, b in s),
        "Each input and each output has rank numbers, not one.": lambda s, r: sum(a + b for a, b in s),
        "Every layer has its own A and B: add them up over all layers.":
            lambda s, r: r * sum(s[0]) if s else 0,
    }), (
        "A has inputs x rank numbers, and B?",
        "B has rank x outputs numbers. Add A and B for one layer, then go over all layers.",
        "sum(rank * (inputs + outputs) for inputs, outputs in shapes).",
    ), trained),
    Exercise("05.2", "Replay by hand", like(mixed, _mixed_cases, {
        "All new texts come before any old one: the last steps would forget again.":
            lambda n, o, k: [*n, *(o[i % len(o)] for i in range(len(n) // k))],
        "First `every` new texts, then an old one.": lambda n, o, k: _mixed(n, o, k, first=1),
        "There is one new text too many before each old one.": lambda n, o, k: _mixed(n, o, k, wait=1),
        "It is always the same old text; go on to the next one each time.":
            lambda n, o, k: _mixed(n, o, k, same=True),
        "The last new texts are lost when their number is no multiple of `every`.":
            lambda n, o, k: _mixed(n, o, k, cut=True),
        "When all old texts were used, begin with the first again.":
            lambda n, o, k: _mixed(n, o, k, once=True),
    }), (
        "Walk through the new texts and count them; now and then an old one is due.",
        "After text number place (from 1), an old one is due if place % every == 0.",
        "Its index is (place // every - 1) % len(old): the remainder begins anew at the end.",
    ), mixed),
    Exercise("05.3", "The rank that a change needs", like(rank_needed, _rank_cases, {
        "Reaching the share exactly is enough.": lambda v, s: _rank(v, s, strict=True),
        "The values may come in any order: sort them first.": lambda v, s: _rank(v, s, as_given=True),
        "Compare squares: a singular value counts by its square.": lambda v, s: _rank(v, s, power=1),
        "That is one too few: the last value you add counts as well.": lambda v, s: _rank(v, s, start=-1),
        "That is one too many: stop as soon as the share is reached.": lambda v, s: _rank(v, s, start=1),
        "Begin with the largest values, not with the smallest.": lambda v, s: _rank(v, s, smallest=True),
    }), (
        "Square the values, put the largest first, and add them up one by one.",
        "Stop when the sum so far is at least share times the sum of all; return how many you added.",
        "for count, square in enumerate(squares, 1): held += square; if held >= share * total: return count.",
    ), rank_needed),
    Exercise("05.4", "Choosing a checkpoint", like(chosen, _chosen_cases, {
        "That step loses too many facts.": lambda r, s, m: _chosen(r, s, m, ignore="facts"),
        "That step has not enough style yet.": lambda r, s, m: _chosen(r, s, m, ignore="style"),
        "An earlier step is good enough: every further one costs more.":
            lambda r, s, m: _chosen(r, s, m, latest=True),
        "Points are a difference: subtract, do not divide.": lambda r, s, m: _chosen(r, s, m, relative=True),
        "When no step is good enough, return None.": lambda r, s, m: _chosen(r, s, m, last=True),
        "Return the step, not its place in the list.": lambda r, s, m: next(
            (i for i, one in enumerate(r) if one[0] == chosen(r, s, m)), None),
    }), (
        "Go through the results in order and return the first that passes both tests.",
        "The facts before training are results[0][2]; lost is what is missing from that.",
        "if style >= least_style and results[0][2] - facts <= most_lost: return step; at the end None.",
    ), chosen),
    Exercise("05.5", "Two LoRAs in one matrix", like(stacked, _stacked_cases, {
        "alpha / rank is missing: it sets how loud a detour speaks.":
            lambda w, p: _stacked(w, p, no_alpha=True),
        "The rank is the width of the pass: the number of rows of B.":
            lambda w, p: _stacked(w, p, of_a=True),
        "alpha has to be divided by the rank.": lambda w, p: _stacked(w, p, no_rank=True),
        "Each detour has to be multiplied by its scale.": lambda w, p: _stacked(w, p, no_scale=True),
        "All detours are added, not only the first.": lambda w, p: _stacked(w, p, first=True),
        "The frozen weight belongs to the sum.": _only_detours,
    }), (
        "Begin with the weight; for each adapter add scale * alpha / rank times A times B.",
        "With torch: torch.tensor(a) @ torch.tensor(b); the rank is len(b).",
        "total = torch.tensor(weight); for a, b, alpha, scale in adapters: total = total + scale * alpha / "
        "len(b) * torch.tensor(a) @ torch.tensor(b); return total.",
    ), stacked),
)  # fmt: skip

register(*EXERCISES)
