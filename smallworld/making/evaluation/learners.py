"""Requests and beginnings as people write them, who have not seen the grammar: are they understood?

``learner_requests.tsv`` (a request, a tab, what it asks for as "place=ocean;mood=sad") and
``free_beginnings.txt`` were written by readers who knew the world's places, times, moods, characters and
things by name, and nothing of the grammar. No line of them serves in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from smallworld.judges.intervals import wilson
from smallworld.world.checker import check
from smallworld.world.sentences import split_sentences

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class LearnerRequest:
    """A request as it was typed, and what it asks for (as ``checker.check`` takes it)."""

    prompt: str
    asked: dict[str, str]


@cache
def learner_requests() -> tuple[LearnerRequest, ...]:
    """The requests of ``learner_requests.tsv``; each prompt ends in the newline before the story."""
    requests = []
    for line in (FOLDER / "learner_requests.tsv").read_text(encoding="utf-8").splitlines():
        words, facts = line.split("\t")
        asked = dict(fact.split("=") for fact in facts.split(";"))
        if asked.pop("friend", ""):
            asked["company"] = "friend"
        requests.append(LearnerRequest(words + "\n", asked))
    return tuple(requests)


@cache
def free_beginnings() -> tuple[str, ...]:
    """The beginnings of ``free_beginnings.txt``."""
    return tuple((FOLDER / "free_beginnings.txt").read_text(encoding="utf-8").splitlines())


def obeyed(text: str, asked: dict[str, str]) -> bool:
    """Whether a story has every fact that was asked for, and says nothing against one."""
    report = check(text, **asked)
    kinds = {"character": "name", "company": "name"}
    broken = {fault.kind for fault in report.faults}
    missing = [fact for fact, value in asked.items() if report.facts.get(fact) != value]
    return not missing and not [fact for fact in asked if kinds.get(fact, fact) in broken]


def goes_on(beginning: str, text: str) -> bool:
    """Whether a story is sound behind its own beginning, which no pattern need write."""
    report = check(beginning + text)
    own = len(split_sentences(beginning.strip() + " x")) - 1  # sentences that the beginning holds or starts
    return not [fault for fault in report.faults if not _of_the_beginning(fault, own)]


def _of_the_beginning(fault, own: int) -> bool:
    """Whether a fault lies in the sentences that somebody else began, or misses what they may have said."""
    if 0 <= fault.sentence <= own:
        return fault.kind == "garbled"
    return fault.message in ("no sentence for: open", "no sentence for: open, the time of day")


def measure_learners(write, seed: int) -> dict:
    """What becomes of the requests and beginnings; ``write(prompts, seed)`` gives the continuations."""
    requests, beginnings = learner_requests(), free_beginnings()
    stories = write([request.prompt for request in requests], seed)
    followed = [obeyed(text, request.asked) for request, text in zip(requests, stories, strict=True)]
    endings = write(list(beginnings), seed)
    sound = [goes_on(start, text) for start, text in zip(beginnings, endings, strict=True)]
    return {
        "requests": len(requests),
        "requests_obeyed": wilson(followed),
        "not_obeyed": [
            request.prompt.strip() for request, yes in zip(requests, followed, strict=True) if not yes
        ],
        "beginnings": len(beginnings),
        "beginnings_continued": wilson(sound),
        "begun": [
            {"beginning": start, "text": text, "sound": yes}
            for start, text, yes in zip(beginnings, endings, sound, strict=True)
        ],
    }
