"""Invented clinical notes, as a domain to fine-tune on. They are made up and NOT medical advice.

No patient, clinic or case exists. A grammar strings bland phrases of ``notes.txt`` together in the style that
clinics write in: short, with headings and abbreviations. The phrases are plausible at best; nobody may take a
finding, a diagnosis or a plan from them. Wherever notes are shown, ``NOTICE`` belongs beside them.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from smallworld.world.grammar import sections

NOTICE = "Invented for exercises with language models: no real patients, and not medical advice."
PHRASES_FILE = Path(__file__).with_name("notes.txt")
AGE_GROUPS = ("child", "young", "middle", "older")
SPLITS = ("train", "validation", "test")
# The headings of a note's five parts, as different clinics write them.
HEADINGS = (
    ("CC:", "Hx:", "O/E:", "Imp:", "Plan:"),
    ("PC:", "HPC:", "O/E:", "A:", "P:"),
    ("CC:", "S:", "O:", "A:", "P:"),
)
FEWEST_WORDS, MOST_WORDS = 40, 80


@dataclass(frozen=True)
class Note:
    """A note in five lines, and the combination that it is about."""

    text: str
    complaint: str
    age_group: str


def _phrases() -> dict[str, tuple[str, ...]]:
    """``notes.txt``: section name to its phrases."""
    return sections(PHRASES_FILE)


@cache
def complaints() -> tuple[str, ...]:
    """Name the complaints ("cough", "ankle", ...), in file order."""
    return tuple(name.split(".")[0] for name in _phrases() if name.endswith(".says"))


# ------------------------------------------------------------------ held-out combinations
def combination_split(complaint: str, age_group: str) -> str:
    """Say whether a complaint x age group combination is "train", "validation" or "test".

    Of 64 combinations 8 are kept for validation and 8 for test; every complaint and every age group occurs
    in training. Raises ValueError for an unknown complaint or age group.
    """
    number = complaints().index(complaint) + 2 * AGE_GROUPS.index(age_group)
    return {0: "test", 4: "validation"}.get(number % 8, "train")


@cache
def combinations(split: str) -> tuple[tuple[str, str], ...]:
    """List the (complaint, age group) combinations of a split. Raises ValueError for an unknown split."""
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}; choose one of {', '.join(SPLITS)}.")
    every = ((complaint, group) for complaint in complaints() for group in AGE_GROUPS)
    return tuple(pair for pair in every if combination_split(*pair) == split)


# ------------------------------------------------------------------ writing
def sample_note(rng: random.Random, split: str = "train") -> Note:
    """Write one note of a split, 40 to 80 words long. Raises ValueError for an unknown split."""
    complaint, group = rng.choice(combinations(split))
    while True:
        text = _write(rng, complaint, group)
        if FEWEST_WORDS <= len(text.split()) <= MOST_WORDS:
            return Note(text, complaint, group)


def _fitting(section: str, case: str, group: str) -> list[str]:
    """List a section's phrases, without marks, that fit a case ("1", ...; "" fits all) and an age group."""
    found = []
    for line in _phrases()[section]:
        marks, phrase = line[1:].split("] ") if line.startswith("[") else ("", line)
        cases = [mark for mark in marks.split() if mark.isdigit()]
        groups = [mark for mark in marks.split() if not mark.isdigit()]
        if (not cases or not case or case in cases) and (not groups or group in groups):
            found.append(phrase)
    return found


def _draw_case(rng: random.Random, complaint: str, group: str) -> tuple[str, str]:
    """Choose an assessment that the age group can have, and the case it belongs to: (case, assessment)."""
    lines = [
        (line[1], line.split("] ")[1])
        for line in _phrases()[f"{complaint}.imp"]
        if line.split("] ")[1] in _fitting(f"{complaint}.imp", "", group)
    ]
    return rng.choice(lines)


def _write(rng: random.Random, complaint: str, group: str) -> str:
    """Write a note about a complaint at an age: complaint, history, findings, assessment, plan."""
    case, assessment = _draw_case(rng, complaint, group)

    def some(section: str, count: int = 1) -> list[str]:
        options = _fitting(section, case, group)
        return rng.sample(options, min(count, len(options)))

    age, person = rng.choice(_phrases()[f"{group}.ages"][0].split()), some(f"{group}.people")[0]
    who = f"{age}{person}" if len(person) == 1 else f"{age} y {person}"
    since = some(f"{complaint}.since" if f"{complaint}.since" in _phrases() else "since")[0]
    past, social, manner = (some(f"{group}.{part}")[0] for part in ("history", "social", "manner"))
    story = some(f"{complaint}.story", rng.choice((1, 2, 2)))
    signs = some(f"{complaint}.signs", rng.choice((2, 3)))
    plan = [*some(f"{complaint}.plan", rng.choice((2, 3))), *some("safety")]
    denied = _denial(rng, some(f"{complaint}.no", rng.choice((2, 3))))
    parts = (
        f"{who}, {some(f'{complaint}.says')[0]} {since}.",
        " ".join([*story, denied, f"PMH: {past}.", social]),
        f"{_sentence(manner)} {some('seen')[0]} {_sentence('; '.join(signs))}",
        _sentence(assessment),
        _sentence("; ".join(plan)),
    )
    return "\n".join(f"{head} {part}" for head, part in zip(rng.choice(HEADINGS), parts, strict=True))


def _denial(rng: random.Random, missing: list[str]) -> str:
    """Say what there is not, in one of three ways."""
    listed = ", ".join(missing)
    forms = (f"No {listed}.", f"Denies {listed}.", " ".join(f"No {one}." for one in missing))
    return rng.choice(forms)


def _sentence(phrase: str) -> str:
    return phrase[:1].upper() + phrase[1:] + "."


def corpus(split: str, count: int, seed: int = 0) -> Iterator[str]:
    """Yield ``count`` different notes of a split; the same split, count and seed give the same notes.

    Raises ValueError for an unknown split.
    """
    rng, written = random.Random(f"notes {split} {seed}"), set()
    while len(written) < count:
        text = sample_note(rng, split).text
        if text not in written:
            written.add(text)
            yield text


# ------------------------------------------------------------------ checking
def form(text: str) -> float:
    """The share of the five parts that a text has, each on a line of its own and in order, 0 to 1.

    It is counted for the set of headings that fits best; a story gives 0. This measures whether a text looks
    like a note, not whether it makes sense.
    """
    starts = [line.split(" ")[0] for line in text.splitlines() if line.strip()]
    return max(_in_order(starts, headings) for headings in HEADINGS) / len(HEADINGS[0])


def _in_order(starts: list[str], headings: tuple[str, ...]) -> int:
    """How many headings follow one another in ``starts``, from the first on."""
    found = 0
    for start in starts:
        if found < len(headings) and start == headings[found]:
            found += 1
    return found
