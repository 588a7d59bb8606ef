"""The tunes of the small world: their text form, the grammar and its probabilities, what is held out."""

import math
import random
from collections import Counter

import pytest

from smallworld.world import melodies, melody_grammar
from smallworld.world.melodies import CHOICES, KEYS, METRES, MODES, MOODS, SCALES, MelodyError, Note, Wish
from smallworld.world.vocabulary import MOODS as WORLD_MOODS
from smallworld.world.vocabulary import PLACES


@pytest.fixture(scope="module")
def tunes():
    return list(melody_grammar.corpus("train", 300)) + list(melody_grammar.corpus("test", 200))


# --- the text form --------------------------------------------------------------------------------------


def test_notes_survive_writing_and_reading(tunes):
    for tune in tunes:
        assert melodies.read_notes(tune.text) == tune.bars
        assert melodies.read_notes(f"{tune.prompt} {tune.text}") == tune.bars
        assert set(f"{tune.prompt} {tune.text}".split()) <= set(melodies.words())


def test_names_are_those_of_the_piano():
    assert [melodies.pitch_name(pitch) for pitch in (48, 60, 61, 69, 70, 84)] == [
        "C3", "C4", "C#4", "A4", "Bb4", "C6",
    ]  # fmt: skip
    assert len(set(melodies.words())) == len(melodies.words())


@pytest.mark.parametrize(
    ("text", "message"),
    [("D4 1 X4 1", "'X4' is no note"), ("D4 | E4 1", "After D4 comes its length"), ("D4", "not ''"),
     ("1 D4", "'1' is no note"), ("D4 7", "not '7'"), ("calm ocean", "'calm' is no note")],
)  # fmt: skip
def test_what_is_no_tune_is_told_in_one_sentence(text, message):
    with pytest.raises(MelodyError, match=message):
        melodies.read_notes(text)


def test_a_request_names_its_conditions_or_leaves_them_open():
    assert melodies.ask("calm", "ocean", "D", "3/4") == "calm ocean D 3/4 :"
    assert melodies.ask(place="snow") == "any snow any any :"
    with pytest.raises(MelodyError, match="The mood 'angry' is unknown: choose happy, "):
        melodies.ask("angry")


def test_the_conditions_are_those_of_the_world():
    assert set(MOODS) < set(WORLD_MOODS) and CHOICES.place == tuple(PLACES)
    assert {"calm", "happy", "brave", "sleepy"} < set(MOODS)


def test_steps_and_pitches_are_each_others_inverse():
    for key in KEYS:
        for mode, scale in SCALES.items():
            assert [melodies.pitch_of(step, key, mode) - KEYS[key] for step in range(7)] == list(scale)
            for step in range(-5, 10):
                assert melodies.step_of(melodies.pitch_of(step, key, mode), key, mode) == step
    assert melodies.step_of(61, "C", "major") is None and melodies.pitch_of(7, "C", "minor") == 72


# --- the tables -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mood", MOODS)
@pytest.mark.parametrize("metre", METRES)
def test_every_rhythm_fills_its_bar(mood, metre):
    for part in ("open", "close", "last"):
        for rhythm in melodies.table(f"{mood} {metre} {part}"):
            assert sum(map(abs, rhythm)) == METRES[metre]
            assert {abs(length) for length in rhythm} <= set(melodies.LENGTHS)
            assert any(length > 0 for length in rhythm)


def test_the_calls_of_the_places_differ_in_their_first_two_moves():
    moves = set()
    for place in PLACES:
        (call,) = melodies.steps(f"call {place}")
        first, second, third = (call * 2)[:3]
        moves.add((second - first, third - second))
    assert len(moves) == len(PLACES)


@pytest.mark.parametrize("mood", MOODS)
@pytest.mark.parametrize("place", PLACES)
def test_every_mood_can_sing_of_every_place(mood, place):
    for metre in METRES:
        tune = melody_grammar.compose(mood, place, "G", metre)
        assert len(tune.bars) in (4, 8) and math.isfinite(tune.log_probability)


# --- the grammar ----------------------------------------------------------------------------------------


def test_every_tune_is_in_metre_in_key_and_comes_home(tunes):
    for tune in tunes:
        assert {melodies.beats_of(bar) for bar in tune.bars} == {METRES[tune.facts.metre]}
        notes = melodies.sounding(tune.bars)
        scale = SCALES[MODES[tune.facts.mood]]
        assert all((note.pitch - KEYS[tune.facts.key]) % 12 in scale for note in notes)
        assert (notes[-1].pitch - KEYS[tune.facts.key]) % 12 == 0
        assert all(melodies.LOWEST <= note.pitch <= melodies.HIGHEST for note in notes)


def test_the_seed_decides():
    first, again, other = (list(melody_grammar.corpus("train", 20, seed)) for seed in (0, 0, 1))
    assert first == again and [tune.text for tune in first] != [tune.text for tune in other]
    assert [tune.text for tune in melody_grammar.corpus("train", 20, 0, exact=False)] == [
        tune.text for tune in first
    ]


def test_log_probabilities_are_those_of_the_draws():
    """Sleepy tunes of four bars are few enough to be counted."""
    facts, rng, counts = Wish("sleepy", "city", "C", "3/4"), random.Random(0), Counter()
    for _ in range(4_000):
        counts[melody_grammar.draw(facts, rng, "test")] += 1
    frequent = [(bars, count) for bars, count in counts.most_common(25) if len(bars) == 4]
    assert len(frequent) > 5
    for bars, count in frequent:
        expected = 4_000 * math.exp(melody_grammar.log_probability(bars, facts, "test"))
        assert abs(count - expected) < 5 * math.sqrt(expected)


def test_all_openings_and_answers_have_probabilities_that_add_up_to_one():
    for mood in MOODS:
        for chances in (
            melody_grammar.openings(mood, "ocean", 3, 2),
            melody_grammar.continuations(mood, 2, 3, 3),
            melody_grammar.cadences(mood, 1, 2, 2),
            melody_grammar.answers((0, 1, 2, 1, 0), 3, mood, melody_grammar.ANSWERS),
        ):
            assert sum(chances.values()) == pytest.approx(1)


def test_what_the_grammar_never_writes_has_no_probability(tunes):
    for tune in tunes[:40]:
        first = tune.bars[0][0]
        wrong = Note(61 if first.pitch is None else first.pitch + 1, first.beats)
        changed = ((wrong, *tune.bars[0][1:]), *tune.bars[1:])
        assert melody_grammar.log_probability(changed, tune.facts, "test") == -math.inf
        assert melody_grammar.log_probability(tune.bars[:-1], tune.facts, "test") == -math.inf
    assert melody_grammar.log_probability((), Wish("calm", "ocean", "D", "3/4")) == -math.inf


# --- what is held out -----------------------------------------------------------------------------------


def test_the_splits_share_no_pair_of_mood_and_place():
    splits = {split: set(melodies.combinations(split)) for split in ("train", "validation", "test")}
    assert {split: len(pairs) for split, pairs in splits.items()} == {"train": 36, "validation": 4, "test": 8}
    assert len(set.union(*splits.values())) == 48
    assert {place for _, place in splits["test"]} == set(PLACES)
    for split, pairs in splits.items():
        drawn = {tune.facts[:2] for tune in melody_grammar.corpus(split, 200)}
        assert drawn <= pairs
    assert {mood for mood, _ in splits["train"]} == set(MOODS)


def test_training_tunes_never_answer_an_opening_in_a_held_out_way():
    for mood in MOODS:
        for metre in METRES:
            for rhythm in melody_grammar.rhythms(mood, metre, "open"):
                held = [melody_grammar.held_out(rhythm, k, mood, metre) for k in melody_grammar.ANSWERS]
                assert sum(held) == 1
    facts = Wish("happy", "ocean", "C", "4/4")
    rhythm = melody_grammar.rhythms("happy", "4/4", "open")[0]
    (kind,) = [k for k in melody_grammar.ANSWERS if melody_grammar.held_out(rhythm, k, "happy", "4/4")]
    assert kind == "repeated"
    opening = ((rhythm, rhythm), (0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1))
    train, test = (
        melody_grammar.phrase_contours("A", facts, opening[0], 0, opening, split)
        for split in ("train", "test")
    )
    assert opening[1] in test and opening[1] not in train


def test_requests_go_evenly_through_everything():
    asked = melodies.wishes("test", 96)
    assert {wish[:2] for wish in asked} == set(melodies.combinations("test"))
    for place in range(4):
        counts = Counter(wish[place] for wish in asked)
        assert set(counts) == {w[place] for w in asked} and max(counts.values()) <= 2 * min(counts.values())
    assert {wish.key for wish in asked} == set(KEYS) and {wish.metre for wish in asked} == set(METRES)


def test_some_training_requests_leave_something_open_and_no_others_do():
    def open_share(split):
        return sum("any" in tune.wish for tune in melody_grammar.corpus(split, 400)) / 400

    assert 0.2 < open_share("train") < 0.4 and open_share("test") == open_share("validation") == 0


def test_phrases_of_four_bars_are_the_same_in_every_key():
    one, other = (melody_grammar.compose("calm", "ocean", key, "4/4", seed=1) for key in ("C", "C"))
    moved = tuple(tuple(Note(n.pitch and n.pitch + 2, n.beats) for n in bar) for bar in other.bars)
    assert melodies.four_bars(one.bars) == melodies.four_bars(moved)
    assert len(melodies.four_bars(one.bars)) == len(one.bars) // 4
    last = moved[-1][-1]
    changed = (*moved[:-1], (*moved[-1][:-1], Note(last.pitch + 1, last.beats)))
    assert melodies.four_bars(changed) != melodies.four_bars(moved)


def test_random_notes_are_notes_and_depend_on_the_seed():
    texts = melodies.random_notes(10, 0)
    assert texts == melodies.random_notes(10, 0) != melodies.random_notes(10, 1)
    assert all(melodies.read_notes(text) for text in texts)
