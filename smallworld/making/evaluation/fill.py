"""Measure the masked language model: does it find a hidden content word better than counting to the left?"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from smallworld.judges.intervals import interval
from smallworld.making.cards import fill as card
from smallworld.making.evaluation.part import Measured, Part
from smallworld.making.fill_data import SHIPPED, Sentences, encode_sentences
from smallworld.making.ngrams import KneserNey
from smallworld.world import stories

FUNCTION_WORDS = frozenset(Path(__file__).with_name("function_words.txt").read_text("utf-8").split())
ORDER, BATCH = 5, 32


@dataclass(frozen=True)
class Plan:
    """How much is measured. training_stories: of the 5-gram model; 0 for as many as the model was shown."""

    stories: int = 400
    words_per_story: int = 8
    training_stories: int = 0
    seed: int = 0


QUICK = Plan(30, 8, 5_000)


@dataclass(frozen=True)
class Question:
    """A story in word pieces (without [CLS] and [SEP]), the place of the hidden one, the story's number."""

    tokens: np.ndarray
    place: int
    story: int


def load_model(folder: Path):
    """Tokenizer and float32 model of a folder."""
    model = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True).eval()
    return AutoTokenizer.from_pretrained(folder), model


# ------------------------------------------------------------------ questions and answers
def is_content(piece: str) -> bool:
    """Whether a piece is a whole word that is not in `FUNCTION_WORDS`: a noun, verb, adjective or name."""
    return piece.isalpha() and piece not in FUNCTION_WORDS


def whole_content_words(pieces: list[str], room: int) -> list[int]:
    """The places, below ``room``, of content words that were not cut into several pieces."""
    places = []
    for place, piece in enumerate(pieces[:room]):
        cut = place + 1 < len(pieces) and pieces[place + 1].startswith("##")
        if is_content(piece) and not cut:
            places.append(place)
    return places


def ask(tokenizer, plan: Plan, split: str = "test") -> list[Question]:
    """Content words of held-out stories, drawn by chance, at most ``words_per_story`` from each.

    A word that was cut into pieces is never asked for: it has no single right piece.
    """
    rng, questions = random.Random(f"fill {plan.seed}"), []
    for number, story in enumerate(stories.corpus(split, plan.stories, plan.seed)):
        tokens = np.array(tokenizer(story.text, add_special_tokens=False).input_ids)
        pieces = tokenizer.convert_ids_to_tokens(tokens.tolist())
        candidates = whole_content_words(pieces, tokenizer.model_max_length - 2)
        places = rng.sample(candidates, min(plan.words_per_story, len(candidates)))
        questions += [Question(tokens, place, number) for place in sorted(places)]
    return questions


@torch.no_grad()
def model_answers(model, tokenizer, questions: list[Question], count: int = 5) -> np.ndarray:
    """The likeliest pieces for each hidden word, best first: (questions, count)."""
    answers = np.zeros((len(questions), count), dtype=int)
    order = sorted(range(len(questions)), key=lambda number: len(questions[number].tokens))
    for first in range(0, len(order), BATCH):
        part = order[first : first + BATCH]
        rows = []
        for number in part:
            hidden = questions[number].tokens.copy()
            hidden[questions[number].place] = tokenizer.mask_token_id
            hidden = hidden[: tokenizer.model_max_length - 2].tolist()
            rows.append([tokenizer.cls_token_id, *hidden, tokenizer.sep_token_id])
        inputs = tokenizer.pad({"input_ids": rows}, return_tensors="pt").to(model.device)
        logits = model(**inputs).logits
        places = [questions[number].place + 1 for number in part]
        answers[part] = logits[range(len(part)), places].float().topk(count).indices.cpu().numpy()
    return answers


def counted_answers(tokenizer, data: Sentences, questions: list[Question]) -> np.ndarray:
    """The answers of a Kneser-Ney 5-gram model, which reads the four pieces to the left: (questions,)."""
    bounds = data.starts[data.stories]
    documents = [data.tokens[start:end] for start, end in zip(bounds[:-1], bounds[1:], strict=True)]
    padding = tokenizer.pad_token_id
    counter = KneserNey(documents, ORDER, len(tokenizer), padding)
    everything, answers = np.arange(len(tokenizer)), []
    for question in questions:
        before = [padding] * (ORDER - 1) + question.tokens[: question.place].tolist()
        packed = 0
        for token in before[-(ORDER - 1) :]:
            packed = (packed << counter.bits) | token
        answers.append(counter.probabilities((packed << counter.bits) | everything).argmax())
    return np.array(answers)


def misses(tokenizer, questions: list[Question], guesses: np.ndarray, count: int = 12) -> list[dict]:
    """The first misses: six pieces on either side of the hidden word, what was written, what was guessed."""
    rows = []
    for question, guess in zip(questions, guesses, strict=True):
        place, tokens = question.place, question.tokens
        if guess != tokens[place] and len(rows) < count:
            left = tokenizer.decode(tokens[max(0, place - 6) : place])
            right = tokenizer.decode(tokens[place + 1 : place + 7])
            written = tokenizer.decode([int(tokens[place])])
            guessed = tokenizer.decode([int(guess)])
            rows.append({"text": f"{left} [MASK] {right}", "written": written, "guessed": guessed})
    return rows


# ------------------------------------------------------------------ the measurement
def measure(folder: Path, plan: Plan, split: str = "test") -> Measured:
    """All numbers about the masked language model in ``folder``."""
    started = time.monotonic()
    tokenizer, model = load_model(folder)
    settings = json.loads((folder / card.PART.record).read_text(encoding="utf-8"))["settings"]
    count = plan.training_stories or settings["stories"]
    data = encode_sentences(tokenizer, list(stories.corpus("train", count, settings["seed"])))
    questions = ask(tokenizer, plan, split)
    wanted = np.array([question.tokens[question.place] for question in questions])
    answers = model_answers(model, tokenizer, questions)
    right = answers[:, 0] == wanted
    among_five = (answers == wanted[:, None]).any(1)
    by_counting = counted_answers(tokenizer, data, questions) == wanted
    groups = [question.story for question in questions]
    gain = interval(right.astype(float) - by_counting, groups=groups)
    numbers = {
        "split": split,
        "words": len(questions),
        "stories": plan.stories,
        "top1": interval(right, groups=groups),
        "top5": interval(among_five, groups=groups),
        "fivegram_top1": interval(by_counting, groups=groups),
        "gain": {("points" if name == "share" else name): round(100 * gain[name], 1) for name in gain},
        "misses": misses(tokenizer, questions, answers[:, 0]),
        "seconds": round(time.monotonic() - started, 1),
    }
    return Measured(numbers)


PART = Part(
    name="fill",
    folder=SHIPPED,
    files=("config.json", "tokenizer.json", card.PART.record),
    target="train-fill",
    plan=Plan(),
    quick=QUICK,
    measure=measure,
    card=card.PART,
)
