"""The exercises of notebook 03: reference answers, judges, hints."""

from __future__ import annotations

from numbers import Real
from typing import Any

from helpers.exercises import Exercise, register
from helpers.lessons.answer_checks import like

# The nine words of section 3, and the numbers that the notebook gives them.
NINE_WORDS = {
    "river": 3.0, "fire": 2.5, "sea": 2.0, "tree": 1.5, "lake": 1.0, "road": 0.5, "bed": 0.0,
    "spoon": -1.0, "Monday": -2.0,
}  # fmt: skip
WANTED_SHARE, TOLERANCE = 0.60, 0.02  # of "river" in exercise 03.2


def generate_until(next_token, ids, end, limit):
    """Return ids and the tokens after them: up to and with `end`, but at most `limit` new ones.

    `next_token(ids)` gives the number of the next token. The list `ids` itself stays as it was.
    """
    ids = list(ids)
    for _ in range(limit):
        new = next_token(ids)
        ids.append(new)
        if new == end:
            break
    return ids


def river_temperature():
    """A temperature at which "river" has a probability of 0.60, give or take 0.02."""
    return 0.55


def keep_top_k(probabilities, k):
    """Keep the k largest probabilities and make all others 0; then divide, so that the sum is 1 again."""
    import torch

    smallest = probabilities.topk(k).values[-1]
    kept = torch.where(probabilities >= smallest, probabilities, 0)
    return kept / kept.sum()


def request():
    """A request in your own words, as a text in quotes."""
    return "Tell a brave story about Odo the robot, by the ocean at sunset.\n"


# Judges


def _until_cases() -> list[tuple]:
    def next_token(ids: list[int]) -> int:
        if len(ids) > 60:
            raise RuntimeError("the list has 60 tokens by now, so the loop does not stop")
        return (sum(ids) + len(ids)) % 10

    cases = (([4, 1], 6, 6), ([2, 9], 5, 4), ([3, 8, 5], 9, 3), ([1], 7, 0), ([6, 4], 6, 5))
    return [(next_token, *case) for case in cases]


def _judge_temperature(answer: Any) -> str | None:
    import torch

    if isinstance(answer, bool) or not isinstance(answer, Real):
        return "The answer is a number, such as 1.0."
    if not answer > 0:
        return "A temperature is above 0."
    logits = torch.tensor(list(NINE_WORDS.values()), dtype=torch.float64)
    share = (logits / float(answer)).softmax(dim=0)[0].item()
    if abs(share - WANTED_SHARE) <= TOLERANCE:
        return None
    advice = "higher: try a lower one" if share < WANTED_SHARE else "lower: try a higher one"
    return f"At {answer:g} the probability of river is {share:.2f}. It should be {advice}."


def _top_k_cases() -> list[tuple]:
    import torch

    rows = ([0.1, 0.4, 0.05, 0.3, 0.15], 2), ([0.7, 0.2, 0.1], 1), ([0.25, 0.35, 0.4], 3)
    return [(torch.tensor(row), k) for row, k in rows]


def _keep_smallest(probabilities, k):
    largest = probabilities.topk(k, largest=False).values[-1]
    kept = probabilities * (probabilities <= largest)
    return kept / kept.sum()


def _judge_request(answer: Any) -> str | None:
    from smallworld.world.checker import read_conditions

    if not isinstance(answer, str):
        return "The request is a text: write it in quotes."
    said = read_conditions(answer)
    for fact, wanted in {"character": "Odo", "mood": "brave", "place": "ocean", "time": "sunset"}.items():
        if said.get(fact) != wanted:
            read = said.get(fact, "none, or more than one")
            return f"Name one {fact}: {wanted}. The checker reads: {read}."
    return None


EXERCISES = (
    Exercise("03.1", "A loop that stops", like(generate_until, _until_cases, {
        "Return the whole list, not only what is new.": lambda f, s, *a: generate_until(f, s, *a)[len(s):],
        "limit counts new tokens only.": lambda f, s, end, n: generate_until(f, s, end, max(0, n - len(s))),
        "The last token is missing: the end token has been written too.": lambda *a: generate_until(*a)[:-1],
    }), (
        "A for loop that may run `limit` times can be left early, with break.",
        "Copy the list. In each round call next_token with the list, append the result, and compare it "
        "with end.",
        "ids = list(ids); for step in range(limit): new = next_token(ids); append new; if new == end: break. "
        "After the loop, return ids.",
    ), generate_until,
        purpose="Your loop writes the stories of sections 4 and 5.",
        shapes="ids is a list of whole numbers; end and limit are whole numbers; the result is a new list.",
        example=("generate_until(len, [7, 7], 4, 10)", "[7, 7, 2, 3, 4]"), difficulty=2, minutes=10),
    Exercise("03.2", "A temperature for river", _judge_temperature, (
        "At temperature 1 river has 0.40. Does it get more at a higher or at a lower temperature?",
        "Below 1 the large probabilities grow. Change the number in the cell above and run it again.",
        "It lies between 0.5 and 0.6.",
    ), river_temperature,
        purpose="Your temperature is drawn in the next figure.",
        shapes="A single number above 0.", difficulty=1, minutes=5),
    Exercise("03.3", "Top-k", like(keep_top_k, _top_k_cases, {
        "Divide by the sum, so that the result adds up to 1.":
            lambda p, k: keep_top_k(p, k) * p.topk(k).values.sum(),
        "These are the k smallest; keep the largest.": _keep_smallest,
        "The order must stay as it was.": lambda p, k: keep_top_k(p, k).sort(descending=True).values,
        "Return as many numbers as there were: 0 for those that are cut off.":
            lambda p, k: keep_top_k(p, k)[p.topk(k).indices.sort().values],
    }), (
        "First find the k-th largest probability. What is below it becomes 0.",
        "probabilities.topk(k).values holds the k largest, the smallest of them last. "
        "torch.where(condition, probabilities, 0) keeps a number where the condition is true.",
        "smallest = probabilities.topk(k).values[-1]; kept = torch.where(probabilities >= smallest, "
        "probabilities, 0); return kept divided by kept.sum().",
    ), keep_top_k,
        purpose="Your function cuts the tail off in the next two figures.",
        shapes="probabilities is a tensor with one number for each token; the result has the same shape.",
        example=("keep_top_k(torch.tensor([0.2, 0.5, 0.3]), 2)", "tensor([0.0000, 0.6250, 0.3750])"),
        difficulty=2, minutes=10),
    Exercise("03.4", "A request of your own", _judge_request, (
        "Name Odo, say that the story is brave, and give one place and one time of day.",
        "The place is the ocean and the time is sunset. Name no other place and no other time.",
        "Begin like this: Please tell me a brave story about Odo. Then say where and when.",
    ), request,
        purpose="Your request is where the control of section 7 starts.",
        shapes="A text that asks for four things: Odo, a brave story, the ocean, sunset.",
        difficulty=1, minutes=5),
)  # fmt: skip

register(*EXERCISES)
