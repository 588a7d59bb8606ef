"""Measure the language model: are requests obeyed, is anything copied, how near is it to the grammar?"""

from __future__ import annotations

import json
import math
import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer

from smallworld.judges.intervals import rounded, wilson
from smallworld.making import ngrams
from smallworld.making.cards.text import CARD
from smallworld.making.evaluation.learners import measure_learners
from smallworld.making.evaluation.novelty import measure_novelty
from smallworld.making.evaluation.part import Measured, Part, check_targets
from smallworld.making.language.text_data import SHIPPED, Documents, encode_stories, write_stories
from smallworld.making.language.text_model import text_nats
from smallworld.world import stories
from smallworld.world.checker import Report, check

TEMPERATURE, TOP_P = 0.8, 0.95
PLAIN_PROMPT = "Once upon a time"
BATCH = 64


@dataclass(frozen=True)
class Plan:
    """How much is measured. ``training_stories`` 0 means: as many as the model was trained on."""

    samples: int = 500
    plain_samples: int = 200
    perplexity_stories: int = 500
    training_stories: int = 0
    card_samples: int = 20
    novelty_stories: int = 200
    new_sentences: int = 100
    seed: int = 0


QUICK = Plan(40, 20, 50, 5_000, 3)


def load_model(folder: Path, device: str = "cpu"):
    """Tokenizer and float32 model from ``folder``."""
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
    )
    return tokenizer, model.to(device).eval()


# ------------------------------------------------------------------ requests
@dataclass(frozen=True)
class Conditions:
    """What a request asks for."""

    place: str
    time: str
    character: str


@dataclass(frozen=True)
class Request:
    """A prompt and the conditions in it."""

    prompt: str
    conditions: Conditions


def held_out_requests(count: int, seed: int, split: str = "test") -> list[Request]:
    """``count`` prompts that go through the split's place x time x character combinations in random order."""
    rng = random.Random(f"requests {seed}")
    combinations = stories.combinations(split)
    chosen: list[tuple[str, str, str]] = []
    while len(chosen) < count:
        chosen += rng.sample(combinations, len(combinations))
    requests = []
    for number, (place, time_of_day, character) in enumerate(chosen[:count]):
        prompt = stories.ask(place, time_of_day, character=character, wording=number)
        requests.append(Request(prompt, Conditions(place, time_of_day, character)))
    return requests


def grammar_stories(requests: list[Request], seed: int) -> list[str]:
    """Held-out stories from the grammar itself, one for each request, told about the same conditions."""
    rng = random.Random(f"grammar {seed}")
    return [stories.sample_story(rng, "test", **asdict(request.conditions)).text for request in requests]


def held_out_stories(count: int, seed: int) -> list[stories.Story]:
    """Test stories whose prompts name place, time and character: model and grammar are told equally much.

    Otherwise the bound would count the grammar's knowledge of the split, which no model has.
    """
    rng = random.Random(f"held out {seed}")
    fields = ("place", "time", "character")
    return [stories.sample_story(rng, "test", asked=fields) for _ in range(count)]


@torch.no_grad()
def continue_prompts(
    tokenizer, model, prompts: list[str], seed: int, batch_size: int = BATCH, longest: int = 256
) -> list[str]:
    """One sampled continuation of each prompt (temperature 0.8, top-p 0.95), ended by the end token.

    At most ``longest`` tokens each. Batch k is drawn with seed ``seed + k``; the global random state is
    left as it was.
    """
    texts, firsts = [], range(0, len(prompts), batch_size)
    for number, first in enumerate(tqdm(firsts, desc="sampling", unit=" batches", disable=len(firsts) < 2)):
        batch = prompts[first : first + batch_size]
        inputs = tokenizer(batch, return_tensors="pt", padding=True).to(model.device)
        width = inputs["input_ids"].shape[1]
        with torch.random.fork_rng():
            torch.manual_seed(seed + number)
            output = model.generate(
                **inputs,
                do_sample=True,
                temperature=TEMPERATURE,
                top_p=TOP_P,
                top_k=0,
                max_new_tokens=min(longest, model.config.n_positions - width),
            )
        texts += tokenizer.batch_decode(output[:, width:], skip_special_tokens=True)
    return texts


# ------------------------------------------------------------------ verdicts of the checker
def stories_with_fault(reports: Iterable[Report]) -> dict[str, int]:
    """The number of stories with at least one fault of a kind, the most frequent kinds first."""
    counts: Counter[str] = Counter()
    for report in reports:
        counts.update(sorted({fault.kind for fault in report.faults}))
    return dict(counts.most_common())


def obeys(report: Report, conditions: Conditions) -> bool:
    """Whether a story keeps to the place and the time that were asked for, and mentions both."""
    for kind in ("place", "time"):
        wanted = getattr(conditions, kind)
        if report.facts.get(kind) != wanted or not report.mentions(wanted):
            return False
        if any(fault.kind == kind for fault in report.faults):
            return False
    return True


def judge(requests: list[Request], texts: list[str]) -> dict:
    """What the checker says about stories written on request; the prompt itself is not counted."""
    reports, obeyed = [], []
    for request, text in zip(requests, texts, strict=True):
        report = check(text, request.prompt, **asdict(request.conditions))
        reports.append(report)
        obeyed.append(obeys(report, request.conditions))
    return {
        "samples": len(texts),
        "passes_check": wilson([report.ok for report in reports]),
        "place_and_time_obeyed_and_mentioned": wilson(obeyed),
        "stories_with_fault": stories_with_fault(reports),
    }


def judge_plain(tokenizer, model, count: int, seed: int) -> dict:
    """The article's prompt without any condition; its words open the story, so they are judged with it."""
    continuations = continue_prompts(tokenizer, model, [PLAIN_PROMPT] * count, seed)
    reports = [check(PLAIN_PROMPT + text) for text in continuations]
    return {
        "prompt": PLAIN_PROMPT,
        "samples": count,
        "passes_check": wilson([report.ok for report in reports]),
        "stories_with_fault": stories_with_fault(reports),
    }


def card_samples(tokenizer, model, count: int, seed: int) -> list[dict]:
    """Unpicked samples for the model card: sample i is drawn alone, with seed i."""
    samples = []
    requests = tqdm(held_out_requests(count, seed), desc="samples for the card", unit=" stories")
    for number, request in enumerate(requests):
        text = continue_prompts(tokenizer, model, [request.prompt], number)[0]
        report = check(text, request.prompt, **asdict(request.conditions))
        faults = dict.fromkeys(fault.kind for fault in report.faults)
        samples.append({"seed": number, "prompt": request.prompt, "text": text, "faults": list(faults)})
    return samples


# ------------------------------------------------------------------ beside the grammar and counting models
def compare_with_grammar(texts: list[str], own: list[str], training_texts: list[str]) -> dict:
    """Word 8-grams already in the training stories, and variety, for the model beside the grammar."""
    seen = ngrams.SeenNgrams(training_texts, 8)
    copies = set(training_texts)
    writers = {"model": texts, "grammar": own}
    result = {
        "training_stories": len(training_texts),
        "overlap_8gram": {name: rounded(seen.share(written)) for name, written in writers.items()},
        "verbatim_copies": {
            name: rounded(np.mean([text.strip() in copies for text in written]))
            for name, written in writers.items()
        },
    }
    for length in (1, 2, 3):
        result[f"distinct_{length}"] = {
            name: rounded(ngrams.distinct(written, length)) for name, written in writers.items()
        }
    return result


def perplexities(tokenizer, model, training: Documents, held_out: Documents) -> dict:
    """Held-out perplexity per token of model, grammar, unigram and 5-gram: text and end, given the prompt."""
    end, vocabulary_size = tokenizer.eos_token_id, len(tokenizer)
    nats, tokens = text_nats(model, held_out, end)
    learnt = [training[number] for number in range(len(training))]
    unigram = ngrams.unigram_nats(learnt, vocabulary_size)
    fivegram = ngrams.KneserNey(learnt, 5, vocabulary_size, end)
    unigram_total = fivegram_total = 0.0
    for number, start in enumerate(held_out.text_starts):
        document = held_out[number]
        unigram_total += unigram[document[start:]].sum()
        fivegram_total += fivegram.nats(document)[start:].sum()
    totals = {
        "model": nats.sum(),
        "grammar_bound": -held_out.log_probabilities.sum(),
        "unigram": unigram_total,
        "fivegram": fivegram_total,
    }
    number_of_tokens = tokens.sum()
    result = {name: rounded(math.exp(total / number_of_tokens)) for name, total in totals.items()}
    above_bound = (totals["model"] - totals["grammar_bound"]) / number_of_tokens
    above_fivegram = (totals["model"] - totals["fivegram"]) / number_of_tokens
    return {
        "stories": len(held_out),
        "tokens": int(number_of_tokens),
        **result,
        "model_to_bound": rounded(math.exp(above_bound)),
        "model_to_fivegram": rounded(math.exp(above_fivegram)),
    }


# ------------------------------------------------------------------ the measurement
def against_targets(measured: dict) -> list[dict]:
    """The project's targets, each with what was measured and whether it was met."""
    held_out, perplexity, learners = (measured[name] for name in ("held_out", "perplexity", "learners"))
    known = measured["novelty"]["word_for_word"]["model"]["share"]
    overlap = measured["against_grammar"]["overlap_8gram"]
    copied = rounded(overlap["model"] - overlap["grammar"])
    obeyed = held_out["place_and_time_obeyed_and_mentioned"]["share"]
    rows = [
        ("stories that pass the checker", held_out["passes_check"]["share"], ">=", 0.95),
        ("place and time obeyed and mentioned", obeyed, ">=", 0.97),
        ("sentences found word for word in training", known, "<=", 0.5),
        ("8-gram overlap with training above the grammar's", copied, "<=", 0.05),
        ("requests in learners' words obeyed", learners["requests_obeyed"]["share"], ">=", 0.9),
        ("perplexity as a multiple of the grammar's bound", perplexity["model_to_bound"], "<=", 1.25),
        ("perplexity as a multiple of the 5-gram model's", perplexity["model_to_fivegram"], "<=", 0.75),
    ]
    return check_targets(rows)


def measure(folder: Path, plan: Plan) -> Measured:
    """All numbers about the language model in ``folder`` (``against_targets``: what they are held to)."""
    started = time.monotonic()
    tokenizer, model = load_model(folder)
    settings = json.loads((folder / CARD.record).read_text(encoding="utf-8"))["settings"]
    corpus = write_stories("train", plan.training_stories or settings["stories"], settings["seed"])
    requests = held_out_requests(plan.samples, plan.seed)
    texts = continue_prompts(tokenizer, model, [request.prompt for request in requests], plan.seed)
    training = encode_stories(tokenizer, corpus)
    held_out = encode_stories(tokenizer, held_out_stories(plan.perplexity_stories, plan.seed))
    own = grammar_stories(requests, plan.seed)
    training_texts = [story.text for story in corpus]
    some = slice(plan.novelty_stories)
    numbers = {
        "sampling": {"temperature": TEMPERATURE, "top_p": TOP_P, "seed": plan.seed, "batch_size": BATCH},
        "held_out": judge(requests, texts),
        "plain_prompt": judge_plain(tokenizer, model, plan.plain_samples, plan.seed),
        "learners": measure_learners(partial(continue_prompts, tokenizer, model), plan.seed),
        "novelty": measure_novelty(texts[some], own[some], training_texts, plan.new_sentences),
        "against_grammar": compare_with_grammar(texts, own, training_texts),
        "perplexity": perplexities(tokenizer, model, training, held_out),
    }
    numbers["targets"] = against_targets(numbers)
    numbers["samples"] = card_samples(tokenizer, model, plan.card_samples, plan.seed)
    numbers["seconds"] = round(time.monotonic() - started, 1)
    return Measured(numbers)


PART = Part(
    name="text",
    folder=SHIPPED,
    files=("model.safetensors", CARD.record),
    target="train-text",
    plan=Plan(),
    quick=QUICK,
    measure=measure,
    card=CARD,
)
