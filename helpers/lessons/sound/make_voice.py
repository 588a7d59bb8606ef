"""Trains the shipped voice and measures it: `make train-voice`.

--steps 200 makes a short try into build/voice, which leaves the shipped voice alone; --measure only measures.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from helpers.lessons.sound import listening, voice_card, wavenet
from smallworld import ROOT
from smallworld.judges import voice
from smallworld.world import speech

STEPS, RECORDINGS = 8000, 600
BATCH, LENGTH = 2, 768  # pieces of a step, and samples of a piece: small steps learn most in a given time
CHANNELS, SKIP = 24, 48
SYLLABLES = [consonant + vowel for consonant in ("m", "sh") for vowel in speech.VOWELS]
# Vowels alone three times as often. No word has two syllables, so that those stay new to the model.
WORDS = [*speech.VOWELS] * 3 + SYLLABLES
NEW_WORDS = ("mama", "shumi", "mosha", "shashe")


def measure(model: wavenet.WaveNet, temperatures: tuple[float, ...] = (1.0, 0.8), seeds: int = 2) -> dict:
    """What an independent ear hears of a model, and its loss on recordings of new speakers."""
    tape = wavenet.record(WORDS, 40, seed=10_001)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        pieces = [wavenet.batch_of(tape, 4, 2048, draw) for _ in range(4)]
        losses = [wavenet.loss_of(model(before, what), tokens).item() for tokens, before, what in pieces]
    found = {"loss": round(sum(losses) / len(losses), 4)}
    for temperature in temperatures:
        answers = []
        for seed in range(seeds):
            answers += listening.vowel_test(model, seed=seed, temperature=temperature)
        found[f"temperature {temperature}"] = {
            "vowels": f"{sum(one.right for one in answers)} of {len(answers)}",
            "pitch": f"{sum(one.off_pitch <= 0.03 for one in answers)} of {len(answers)}",  # at most 3 % off
            "wrong": [_told(one) for one in answers if not one.right],
        }
    found["beginnings"] = _beginnings(model)
    return found


def _told(answer: listening.Answer) -> str:
    return f"{answer.vowel} at {answer.pitch:.0f} Hz as {answer.heard.vowel}"


def _beginnings(model: wavenet.WaveNet) -> str:
    right = 0
    asked = [(word, pitch) for word in SYLLABLES for pitch in (115.0, 180.0)]
    for word, pitch in asked:
        samples = wavenet.speak(model, word, pitch, seed=3, temperature=0.8)
        right += voice.first_sound(samples) == speech.spell(word)[0]
    return f"{right} of {len(asked)}"


def main() -> None:
    settings = _settings()
    folder = settings.folder or (wavenet.VOICE if settings.steps == STEPS else ROOT / "build" / "voice")
    if not settings.measure:
        training = _train(folder, settings)
        _keep(folder / "training.json", training)
    model = wavenet.load(folder)
    found = measure(model)
    _keep(folder / "evaluation.json", found)
    print(json.dumps(found, indent=1))
    voice_card.write(folder, sum(weights.numel() for weights in model.parameters()))


def _settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--recordings", type=int, default=RECORDINGS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--measure", action="store_true", help="only measure the voice again")
    parser.add_argument("--folder", type=Path, help="where the voice lies, or is put")
    return parser.parse_args()


def _train(folder: Path, settings: argparse.Namespace) -> dict:
    torch.manual_seed(settings.seed)
    model = wavenet.WaveNet(CHANNELS, SKIP)
    tape = wavenet.record(WORDS, settings.recordings, settings.seed)
    start = time.process_time()

    def report(step: int, loss: float) -> None:
        if step % 50 == 49:
            print(f"step {step + 1}: {loss:.3f} nats, {time.process_time() - start:.0f} s", flush=True)

    how = {"seed": settings.seed, "batch": BATCH, "length": LENGTH}
    wavenet.train(model, tape, settings.steps, after=report, **how)
    wavenet.save(model, folder)
    seconds = round(time.process_time() - start)
    return how | {"steps": settings.steps, "recordings": settings.recordings, "cpu_seconds": seconds}


def _keep(path: Path, record: dict) -> None:
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
