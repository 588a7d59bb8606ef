"""How well the judge agrees with the eye on pictures of image models, and which threshold it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch

from smallworld.judges.intervals import interval
from smallworld.judges.pictures import UNREADABLE, Judge, Reading
from smallworld.making.judge_labels import Labelled, Verdict, verdict_of

NOT_A_MODEL = "drawing"  # the weights of pictures that were drawn, not generated


def share(passed: Sequence[bool]) -> dict:
    """A share with its interval and its number of pictures; only the number where there are none."""
    return {"pictures": len(passed)} | (interval(passed) if len(passed) else {})


def pixels_of(labelled: Sequence[Labelled]) -> np.ndarray:
    """The pictures as one array uint8 (n, 64, 64, 3)."""
    return np.stack([picture.pixels for picture in labelled])


def examine(judge: Judge, labelled: Sequence[Labelled]) -> dict:
    """The judge against the eye on labelled pictures of image models: shares with 95 % intervals.

    A picture counts for a fact where the readers' verdict on it is clear. "blobs_passed": of the pictures
    whose thing nobody could name, those in which the judge reads the thing that was asked for; "blobs_named":
    those in which it names any thing or none. "named_refused": of the things named with certainty, those that
    the judge calls unreadable. "doubtful" pictures have no clear verdict on the thing.
    """
    shown = [picture for picture in labelled if picture.made["weights"] != NOT_A_MODEL]
    if not shown:
        return {"pictures": 0}
    pairs = list(zip(shown, judge.read(pixels_of(shown)), strict=True))
    clear = [(picture, reading) for picture, reading in pairs if picture.verdict.thing is not None]
    blobs = [(picture, reading) for picture, reading in clear if picture.verdict.thing == UNREADABLE]
    named = [reading for picture, reading in clear if picture.verdict.thing not in ("", UNREADABLE)]
    doubtful = [(picture, reading) for picture, reading in pairs if picture.verdict.thing is None]
    return {
        "pictures": len(shown),
        "agreement": share([picture.verdict.thing == reading.thing for picture, reading in clear]),
        "obeyed": share([same_answer(picture, reading) for picture, reading in clear]),
        "blobs_passed": share([asked_and_seen(picture.made, reading) for picture, reading in blobs]),
        "blobs_named": share([reading.readable for _, reading in blobs]),
        "named_refused": share([not reading.readable for reading in named]),
        "doubtful_passed": share([asked_and_seen(picture.made, reading) for picture, reading in doubtful]),
        **{name: agreement_on(name, clear) for name in ("color", "count", "place", "time")},
        "confusion": confusion(clear),
    }  # fmt: skip


def asked_and_seen(made: dict, seen: Verdict | Reading) -> bool:
    """Whether the thing that was asked for is what is seen."""
    return seen.thing == made["thing"]


def same_answer(picture: Labelled, reading: Reading) -> bool:
    """Whether eye and judge agree on whether the thing is the one that was asked for."""
    return asked_and_seen(picture.made, picture.verdict) == asked_and_seen(picture.made, reading)


def agreement_on(name: str, pairs: Sequence[tuple[Labelled, Reading]]) -> dict:
    """How often judge and eye agree on a fact, where both name the same thing and the eye says the fact."""
    said = [(getattr(picture.verdict, name), getattr(reading, name)) for picture, reading in pairs
            if picture.verdict.thing == reading.thing != UNREADABLE]  # fmt: skip
    return share([seen == read for seen, read in said if seen is not None])


def confusion(pairs: Sequence[tuple[Labelled, Reading]], most: int = 12) -> list[list]:
    """The commonest disagreements: [eye, judge, pictures]; "" is nothing."""
    wrong = Counter((picture.verdict.thing, reading.thing) for picture, reading in pairs
                    if picture.verdict.thing != reading.thing)  # fmt: skip
    return [[*names, count] for names, count in wrong.most_common(most)]


def agreement_of_readers(labelled: Sequence[Labelled]) -> dict:
    """How often two readers of a picture come to the same verdict on its thing; guesses count as such."""
    twice = [[verdict_of(reading).thing for reading in picture.readings[:2]] for picture in labelled
             if len(picture.readings) > 1]  # fmt: skip
    return share([first == second for first, second in twice])


def choose_threshold(judge: Judge, labelled: Sequence[Labelled]) -> float:
    """The threshold for "unreadable" with which judge and eye agree on most of the pictures.

    Blobs that are named and things that are refused count alike: each side's errors as a share of its
    pictures. The middle of the best thresholds is taken; 0.5 where one side has no picture.
    """
    clear = [picture for picture in labelled if picture.verdict.thing is not None]
    blob = np.array([picture.verdict.thing == UNREADABLE for picture in clear], bool)
    if not blob.any() or blob.all():
        return 0.5
    sure = np.array([reading.unreadable for reading in judge.read(pixels_of(clear))])
    limits = np.linspace(0.02, 0.98, 97)
    errors = [np.mean(sure[blob] <= limit) + np.mean(sure[~blob] > limit) for limit in limits]
    best = limits[np.isclose(errors, np.min(errors))]
    return round(float(np.median(best)), 3)


def set_threshold(judge: Judge, threshold: float) -> None:
    """Give a judge its threshold."""
    with torch.no_grad():
        judge.threshold.fill_(threshold)
