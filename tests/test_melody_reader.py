"""The reader of tunes, examined on the grammar's held-out tunes and on tunes with one thing changed."""

import random

import pytest

from smallworld.making.evaluation.melodies import CHANGES
from smallworld.world import melodies, melody_grammar
from smallworld.world.melodies import MODES, MOODS, Wish
from smallworld.world.melody_reader import SIGNS, missing_signs, read_melody


@pytest.fixture(scope="module")
def tunes():
    return [tune for split in ("test", "validation") for tune in melody_grammar.corpus(split, 250)]


def share(found) -> float:
    found = list(found)
    return sum(found) / len(found)


def test_it_reads_held_out_tunes_as_they_were_meant(tunes):
    readings = [(read_melody(tune.text), tune.facts) for tune in tunes]
    assert share(reading.metre == facts.metre for reading, facts in readings) == 1
    assert share(reading.place == facts.place for reading, facts in readings) > 0.97
    assert share(reading.mood == facts.mood for reading, facts in readings) > 0.97
    assert share(reading.key == (facts.key, MODES[facts.mood]) for reading, facts in readings) > 0.97
    assert all(reading.comes_home for reading, _ in readings)


@pytest.mark.parametrize("mood", MOODS)
def test_no_mood_is_read_badly(mood):
    pairs = [(mood, place) for place in melodies.CHOICES.place]
    tunes = [melody_grammar.compose(*pair, "D", metre, seed) for pair in pairs for metre in ("3/4", "4/4")
             for seed in range(6)]  # fmt: skip
    assert share(read_melody(tune.text).mood == mood for tune in tunes) > 0.95


@pytest.mark.parametrize("what", CHANGES)
def test_it_notices_what_a_change_destroys(what, tunes):
    rng = random.Random(0)
    noticed = []
    for tune in tunes[:200]:
        text = melodies.write_notes(CHANGES[what](tune.bars, rng, tune.facts))
        noticed.append(not read_melody(text, tune.facts.key).obeys(tune.facts)[what])
    assert share(noticed) > {"place": 0.85}.get(what, 0.98)


def test_it_never_sees_the_request(tunes):
    tune = tunes[0]
    other = melodies.ask("scary" if tune.facts.mood != "scary" else "happy", "snow", "C", "4/4")
    assert read_melody(f"{other} {tune.text}") == read_melody(tune.text)


def test_random_notes_are_hardly_ever_read_as_a_tune():
    readings = [read_melody(text) for text in melodies.random_notes(300, 0)]
    assert share(bool(reading.metre) for reading in readings) < 0.02
    assert share(bool(reading.key[0]) for reading in readings) < 0.05
    assert share(bool(reading.place) for reading in readings) < 0.2


@pytest.mark.parametrize(
    "text", ["", "D4 1", "no tune at all", "D4 1 E4 1 F#4 1 |", "rest 1 rest 1 | rest 2", "|"]
)
def test_what_is_no_tune_has_a_problem_and_obeys_nothing(text):
    reading = read_melody(text)
    assert reading.problem and not any(reading.obeys(Wish()).values())


def test_what_was_left_open_asks_for_any_of_its_kind(tunes):
    reading = read_melody(tunes[0].text)
    assert all(reading.obeys(Wish()).values()) and all(reading.obeys(tunes[0].facts).values())
    assert reading.obeys(tunes[0].facts._replace(metre="none"))["metre"] is False


def test_the_last_note_decides_between_a_key_and_its_relative():
    bars = "A4 1 G4 1 E4 1 | C4 1 D4 1 E4 1 | A4 1 G4 1 E4 1"
    assert read_melody(f"{bars} | D4 2 C4 1").key == ("C", "major")
    assert read_melody(f"{bars} | B3 2 A3 1").key == ("A", "minor")


def test_no_two_moods_share_all_signs(tunes):
    for tune in tunes:
        measures = read_melody(tune.text).measures
        for mode in ("major", "minor"):
            assert sum(not missing_signs(mood, measures, mode) for mood in SIGNS) <= 1
    assert set(SIGNS) == set(MOODS)
