"""Measure the melody model: in key, in metre, requests obeyed, phrases copied; and what luck does."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smallworld.judges.intervals import rounded, wilson
from smallworld.making.cards.melodies import CARD
from smallworld.making.evaluation.part import Measured, Part, check_targets
from smallworld.making.evaluation.text import TEMPERATURE, TOP_P, continue_prompts, load_model
from smallworld.making.language.melody_data import SHIPPED, encode_tunes
from smallworld.making.language.text_data import Documents
from smallworld.making.language.text_model import text_nats
from smallworld.making.ngrams import KneserNey
from smallworld.world.melodies import (
    Bars,
    MelodyError,
    Note,
    Wish,
    ask,
    four_bars,
    pitch_of,
    random_notes,
    read_notes,
    sounding,
    step_of,
    wishes,
    write_notes,
)
from smallworld.world.melody_grammar import Tune, compose, corpus
from smallworld.world.melody_reader import likeliest_key, read_melody

LONGEST = 150  # tokens of a tune


@dataclass(frozen=True)
class Plan:
    """How much is measured. ``training_tunes`` 0 means: as many as the model was trained on."""

    tunes: int = 480
    held_out: int = 400
    training_tunes: int = 0
    samples: int = 8
    seed: int = 0


QUICK = Plan(48, 40, 2_000, 3)


# ------------------------------------------------------------------ a model that counts
def threegram_tunes(tokenizer, training: Documents, prompts: list[str], seed: int) -> list[str]:
    """A continuation of each prompt by a model that sees the last two tokens and counts."""
    end, size = tokenizer.eos_token_id, len(tokenizer)
    counter = KneserNey([training[number] for number in range(len(training))], 3, size, end)
    rng, everything, texts = np.random.default_rng([seed, 3]), np.arange(size), []
    chances: dict[int, np.ndarray] = {}
    for ids in tokenizer(prompts).input_ids:
        new: list[int] = []
        while len(new) < LONGEST and end not in new:
            one, two = (ids + new)[-2:]
            packed = (one << counter.bits | two) << counter.bits
            if packed not in chances:
                chances[packed] = np.cumsum(counter.probabilities(packed | everything))
            drawn = np.searchsorted(chances[packed], rng.random() * chances[packed][-1], side="right")
            new.append(int(drawn))
        texts.append(tokenizer.decode(new, skip_special_tokens=True))
    return texts


# ------------------------------------------------------------------ what the reader says of them
def bars_of(text: str) -> Bars:
    """The bars of a text, none where it is no tune."""
    try:
        return read_notes(text)
    except MelodyError:
        return ()


def notes_in_key(text: str, wish: Wish) -> list[bool]:
    """For each note whether it belongs to the wanted key, in the better of its two scales."""
    notes = sounding(bars_of(text))
    outside = likeliest_key(notes, wish.key)[2] if notes else 0
    return [True] * (len(notes) - outside) + [False] * outside


def judge(texts: list[str], asked: list[Wish], seen: set[tuple]) -> dict:
    """Shares of the tunes that are in metre, in key, that obey; and of copied phrases of four bars."""
    readings = [read_melody(text, wish.key) for text, wish in zip(texts, asked, strict=True)]
    obeyed = [reading.obeys(wish) for reading, wish in zip(readings, asked, strict=True)]
    in_key = [inside for text, wish in zip(texts, asked, strict=True) for inside in notes_in_key(text, wish)]
    phrases = [phrase in seen for text in texts for phrase in four_bars(bars_of(text))]
    return {
        "in_metre": wilson([each["metre"] for each in obeyed]),
        "in_key": wilson([each["key"] for each in obeyed]),
        "notes_in_key": wilson(in_key or [False]),
        "comes_home": wilson([reading.comes_home for reading in readings]),
        "mood": wilson([each["mood"] for each in obeyed]),
        "place": wilson([each["place"] for each in obeyed]),
        "all": wilson([all(each.values()) for each in obeyed]),
        "copied": wilson(phrases or [False]),
    }


def mood_by_mood(texts: list[str], asked: list[Wish]) -> dict[str, dict]:
    """For each mood the share of its tunes that obey it."""
    found: dict[str, list[bool]] = {}
    for text, wish in zip(texts, asked, strict=True):
        found.setdefault(wish.mood, []).append(read_melody(text, wish.key).obeys(wish)["mood"])
    return {mood: wilson(found[mood]) for mood in sorted(found)}


# ------------------------------------------------------------------ the reader examined
def change_one(bars: Bars, rng: random.Random, change: Callable[[Note], Note]) -> Bars:
    """The bars with one sounding note changed, not the last one."""
    places = [(i, j) for i, bar in enumerate(bars) for j, note in enumerate(bar) if note.pitch is not None]
    bar, place = rng.choice(places[:-1])
    row = list(bars[bar])
    row[place] = change(row[place])
    return (*bars[:bar], tuple(row), *bars[bar + 1 :])


def out_of_key(bars: Bars, rng: random.Random, wish: Wish) -> Bars:
    """One note moved by a semitone, so that the key no longer holds it."""
    for _ in range(100):
        changed = change_one(bars, rng, lambda note: Note(note.pitch + rng.choice((-1, 1)), note.beats))
        if likeliest_key(sounding(changed), wish.key)[2]:
            return changed
    return changed


def longer_note(bars: Bars, rng: random.Random, wish: Wish) -> Bars:
    """One note that lasts longer than it should."""
    return change_one(bars, rng, lambda note: Note(note.pitch, 3.0 if note.beats < 3 else 1.0))


def other_scale(bars: Bars, rng: random.Random, wish: Wish) -> Bars:
    """The same steps in the other scale: major becomes minor, minor becomes major."""
    tonic, mode, _ = likeliest_key(sounding(bars), wish.key)
    other = "minor" if mode == "major" else "major"

    def moved(note: Note) -> Note:
        if note.pitch is None:
            return note
        return Note(pitch_of(step_of(note.pitch, tonic, mode), tonic, other), note.beats)

    return tuple(tuple(map(moved, bar)) for bar in bars)


def mixed_notes(bars: Bars, rng: random.Random, wish: Wish) -> Bars:
    """The same pitches and lengths in any order, without rests: one bar after another is filled by chance."""
    notes = sounding(bars)
    rng.shuffle(notes)
    return tuple(tuple(notes[first : first + 3]) for first in range(0, len(notes), 3))


CHANGES = {"metre": longer_note, "key": out_of_key, "mood": other_scale, "place": mixed_notes}


def examine_reader(tunes: list[Tune], seed: int) -> dict:
    """How often the reader is right about the grammar's tunes, and how often it notices a change.

    ``noticed``: of what a change destroys, the share that is no longer read as before.
    """
    rng = random.Random(f"reader {seed}")
    right: dict[str, list[bool]] = {what: [] for what in Wish._fields}
    noticed: dict[str, list[bool]] = {what: [] for what in CHANGES}
    for tune in tunes:
        for what, found in read_melody(tune.text).obeys(tune.facts).items():
            right[what].append(found)
        for what, change in CHANGES.items():
            text = write_notes(change(tune.bars, rng, tune.facts))
            noticed[what].append(not read_melody(text, tune.facts.key).obeys(tune.facts)[what])
    return {
        "tunes": len(tunes),
        "right": {what: wilson(found) for what, found in right.items()},
        "noticed": {what: wilson(found) for what, found in noticed.items()},
    }


# ------------------------------------------------------------------ the measurement
def nats_per_token(tokenizer, model, training: Documents, held_out: Documents) -> dict:
    """What model, grammar and 3-gram need for a token of a held-out tune and its end, given its request."""
    end = tokenizer.eos_token_id
    nats, tokens = text_nats(model, held_out, end)
    counter = KneserNey([training[n] for n in range(len(training))], 3, len(tokenizer), end)
    counted = sum(
        counter.nats(held_out[number])[start:].sum() for number, start in enumerate(held_out.text_starts)
    )
    return {
        "tunes": len(held_out),
        "model": rounded(nats.sum() / tokens.sum()),
        "grammar": rounded(held_out.grammar_nats_per_token()),
        "threegram": rounded(counted / tokens.sum()),
    }


def against_targets(measured: dict) -> list[dict]:
    """The project's targets, each with what was measured and whether it was met."""
    model = measured["writers"]["model"]
    return check_targets(
        [
            ("tunes in key", model["in_key"]["share"], ">=", 0.95),
            ("tunes in metre", model["in_metre"]["share"], ">=", 0.99),
            ("mood obeyed, held-out pairs", model["mood"]["share"], ">=", 0.85),
            ("phrases of four bars copied", model["copied"]["share"], "<=", 0.1),
        ]
    )


def first_samples(texts: list[str], asked: list[Wish], count: int) -> list[dict]:
    """The first tunes with what the reader says, unpicked."""
    rows = []
    for text, wish in list(zip(texts, asked, strict=True))[:count]:
        reading = read_melody(text, wish.key)
        words = [reading.mood, reading.place, " ".join(reading.key).strip(), reading.metre]
        read = " ".join(word or "?" for word in words)
        rows.append({"request": ask(*wish), "text": text, "read": read})
    return rows


def measure(folder: Path, plan: Plan) -> Measured:
    """All numbers about the melody model in ``folder``."""
    started = time.monotonic()
    tokenizer, model = load_model(folder)
    settings = json.loads((folder / CARD.record).read_text(encoding="utf-8"))["settings"]
    count = plan.training_tunes or settings["tunes"]
    tunes = list(corpus("train", count, settings["seed"], exact=False))
    training = encode_tunes(tokenizer, tunes)
    seen = {phrase for tune in tunes for phrase in four_bars(tune.bars)}
    asked = wishes("test", plan.tunes)
    prompts = [ask(*wish) for wish in asked]
    held_out = list(corpus("test", plan.held_out, plan.seed))
    texts = continue_prompts(tokenizer, model, prompts, plan.seed, longest=LONGEST)
    written = {
        "model": texts,
        "grammar": [compose(*wish, seed=plan.seed * len(asked) + n).text for n, wish in enumerate(asked)],
        "threegram": threegram_tunes(tokenizer, training, prompts, plan.seed),
        "random": random_notes(plan.tunes, plan.seed),
        "other_request": random.Random(f"other {plan.seed}").sample(texts, len(texts)),
    }
    numbers = {
        "sampling": {"temperature": TEMPERATURE, "top_p": TOP_P, "seed": plan.seed},
        "tunes": plan.tunes,
        "writers": {name: judge(tunes_of, asked, seen) for name, tunes_of in written.items()},
        "mood_by_mood": mood_by_mood(texts, asked),
        "reader": examine_reader(held_out, plan.seed),
        "nats_per_token": nats_per_token(tokenizer, model, training, encode_tunes(tokenizer, held_out)),
        "samples": first_samples(texts, asked, plan.samples),
    }
    numbers["targets"] = against_targets(numbers)
    numbers["seconds"] = round(time.monotonic() - started, 1)
    return Measured(numbers)


PART = Part(
    name="melodies",
    folder=SHIPPED,
    files=("config.json", "tokenizer.json", CARD.record),
    target="train-melodies",
    plan=Plan(),
    quick=QUICK,
    measure=measure,
    card=CARD,
)
