"""The invented notes: variety, length, coherence, held-out combinations, and what must not stand in them."""

import random
import re
from collections import Counter

import pytest

from smallworld.world import notes, stories

PARTS = ("says", "story", "no", "signs", "imp", "plan")


@pytest.fixture(scope="module")
def written():
    rng = random.Random("many notes")
    return [notes.sample_note(rng) for _ in range(800)]


def test_there_are_many_different_notes_of_the_promised_length(written):
    assert len({note.text for note in written}) >= 795
    lengths = [len(note.text.split()) for note in written]
    assert min(lengths) >= 40 and max(lengths) <= 80
    assert len(set(notes.corpus("train", 700))) == 700
    assert max(Counter(note.text.split(".")[0] for note in written).values()) <= 5  # how a note begins


def test_a_note_has_its_five_parts_in_order(written):
    for note in written:
        assert notes.form(note.text) == 1.0 and len(note.text.splitlines()) == 5
        assert "  " not in note.text and ".." not in note.text and " ." not in note.text
        assert "{" not in note.text and "[" not in note.text and "]" not in note.text


def test_form_can_fail():
    text = next(notes.corpus("train", 1))
    lines = text.splitlines()
    assert notes.form("\n".join(lines[:3])) == 0.6
    assert notes.form("\n".join(reversed(lines))) < 0.5
    assert notes.form("\n".join([lines[0], *lines[2:]])) == 0.2  # the history is missing
    assert notes.form("") == 0.0
    assert notes.form(next(stories.corpus("train", 1)).text) == 0.0


def test_the_splits_share_neither_combinations_nor_notes():
    every = {(complaint, group) for complaint in notes.complaints() for group in notes.AGE_GROUPS}
    listed = {split: set(notes.combinations(split)) for split in notes.SPLITS}
    assert set.union(*listed.values()) == every and sum(map(len, listed.values())) == len(every)
    assert len(listed["test"]) == len(listed["validation"]) == len(every) / 8
    for part in (0, 1):
        assert {pair[part] for pair in listed["train"]} == {pair[part] for pair in every}
    train, *held = (set(notes.corpus(split, 600)) for split in notes.SPLITS)
    assert all(train.isdisjoint(other) for other in held) and held[0].isdisjoint(held[1])


@pytest.mark.parametrize("split", notes.SPLITS)
def test_a_note_is_about_a_combination_of_its_split(split):
    rng = random.Random(1)
    for _ in range(100):
        note = notes.sample_note(rng, split)
        assert notes.combination_split(note.complaint, note.age_group) == split
        age = int(re.search(r": (\d+)", note.text)[1])
        assert {"child": 4, "young": 18, "middle": 41, "older": 67}[note.age_group] <= age
        assert age <= {"child": 12, "young": 38, "middle": 63, "older": 88}[note.age_group]
        said = notes._fitting(f"{note.complaint}.says", "", note.age_group)
        assert any(f", {words} " in note.text.splitlines()[0] for words in said)


def test_the_same_seed_writes_the_same_notes():
    first, again, other = (list(notes.corpus("train", 30, seed)) for seed in (1, 1, 2))
    assert first == again != other
    with pytest.raises(ValueError, match="holdout"):
        next(notes.corpus("holdout", 1))
    with pytest.raises(ValueError):
        notes.combination_split("moon sickness", "child")


@pytest.mark.parametrize("complaint", notes.complaints())
def test_every_case_has_enough_to_say_at_every_age(complaint):
    cases = {line[1] for line in notes._phrases()[f"{complaint}.imp"]}
    assert len(cases) >= 2 and all(case.isdigit() for case in cases)
    for group in notes.AGE_GROUPS:
        for case in cases:
            found = {part: len(notes._fitting(f"{complaint}.{part}", case, group)) for part in PARTS}
            assert found["says"] >= 1 and found["story"] >= 2 and found["no"] >= 3, (group, case)
            assert found["signs"] >= 3 and found["plan"] >= 3, (group, case)


def test_findings_belong_to_the_assessment(written):
    """What fits one case only never stands beside another one."""
    texts = [note.text for note in written]
    assert any("wax ++" in text.lower() for text in texts)
    for text in texts:
        if "wax ++" in text.lower():
            assert "impacted wax" in text.lower()
        if "Dix-Hallpike" in text:
            assert "BPPV" in text


def test_no_medicine_and_no_dose_is_named(written):
    everything = "\n".join(note.text for note in written).lower()
    dose = r"\d\s*(?:mg|ml|mcg|g|units?|tablets?|drops|puffs?)\b|\b(?:bd|tds|qds|od|prn|mg|daily dose)\b"
    medicines = "paracetamol ibuprofen aspirin penicillin amoxicillin codeine steroid antibiotic tablet"
    assert re.findall(dose, everything) == []
    assert [word for word in medicines.split() if word in everything] == []
    assert re.search(dose, "take 500 mg tds")


def test_it_says_that_it_is_invented():
    assert "NOT medical advice" in notes.__doc__ and "not medical advice" in notes.NOTICE
