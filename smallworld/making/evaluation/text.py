"""Measure the shipped models: one JSON object on stdout, progress on stderr.

python -m smallworld.evaluate                # everything, about half an hour on two CPU cores
python -m smallworld.evaluate --only image   # one model: text, image or fill
python -m smallworld.evaluate --quick        # fewer samples and stories: a look, not a measurement
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from smallworld.judges.intervals import EvaluationError, check_targets, interval, rounded
from smallworld.making import ngrams
from smallworld.making import text as train_text
from smallworld.world import stories
from smallworld.world.checker import check

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
    seed: int = 0


@dataclass(frozen=True)
class Asked:
    """One request: the prompt and the conditions in it."""

    prompt: str
    place: str
    time: str
    character: str

    def conditions(self) -> dict[str, str]:
        """Place, time and character as keyword arguments for ``stories.check``."""
        return {"place": self.place, "time": self.time, "character": self.character}


def held_out_requests(count: int, seed: int, split: str = "test") -> list[Asked]:
    """``count`` prompts that go through the split's place x time x character combinations in random order."""
    chance = random.Random(f"requests {seed}")
    combinations = stories.combinations(split)
    chosen: list[tuple[str, str, str]] = []
    while len(chosen) < count:
        chosen += chance.sample(combinations, len(combinations))
    return [
        Asked(stories.ask(place, time_of_day, character=who, wording=number), place, time_of_day, who)
        for number, (place, time_of_day, who) in enumerate(chosen[:count])
    ]


def require_model(folder: Path) -> None:
    """EvaluationError where there is no text model in ``folder``."""
    if not (folder / "model.safetensors").exists():
        raise EvaluationError(
            f"There is no model in {folder}: run `make train-text` first or name another --model."
        )


def load_model(folder: Path, device: str):
    """Tokenizer and float32 model from ``folder``; a missing model is an ``EvaluationError``."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    require_model(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = (
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
        .to(device)
        .eval()
    )
    return tokenizer, model


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


def judge(requests: list[Asked], texts: list[str]) -> dict:
    """What the checker says about stories written on request; the prompt itself is not counted."""
    reports = [
        check(text, asked.prompt, **asked.conditions()) for asked, text in zip(requests, texts, strict=True)
    ]
    obeyed = [
        report.facts.get("place") == asked.place
        and report.facts.get("time") == asked.time
        and not any(fault.kind in ("place", "time") for fault in report.faults)
        and report.mentions(asked.place)
        and report.mentions(asked.time)
        for asked, report in zip(requests, reports, strict=True)
    ]
    faults = Counter(kind for report in reports for kind in {fault.kind for fault in report.faults})
    return {
        "samples": len(texts),
        "passes_check": interval([report.ok for report in reports]),
        "place_and_time_obeyed_and_mentioned": interval(obeyed),
        "stories_with_fault": dict(faults.most_common()),
    }


def grammar_stories(requests: list[Asked], seed: int) -> list[str]:
    """Held-out stories from the grammar itself, one for each request, told about the same conditions."""
    chance = random.Random(f"grammar {seed}")
    return [stories.sample_story(chance, "test", **asked.conditions()).text for asked in requests]


def held_out_stories(count: int, seed: int) -> list[stories.Story]:
    """Test stories whose prompts name place, time and character: model and grammar are told equally much.

    Otherwise the bound would count the grammar's knowledge of the split, which no model has.
    """
    chance = random.Random(f"held out {seed}")
    fields = ("place", "time", "character")
    return [stories.sample_story(chance, "test", asked=fields) for _ in range(count)]


def compare_with_grammar(texts: list[str], own: list[str], training_texts: list[str]) -> dict:
    """Word 8-grams already in the training stories, and variety, for the model beside the grammar."""
    seen = ngrams.SeenNgrams(training_texts, 8)
    copies = set(training_texts)
    result = {
        "training_stories": len(training_texts),
        "overlap_8gram": {"model": rounded(seen.share(texts)), "grammar": rounded(seen.share(own))},
        "verbatim_copies": {
            name: rounded(np.mean([text.strip() in copies for text in told]))
            for name, told in (("model", texts), ("grammar", own))
        },
    }
    for length in (1, 2, 3):
        result[f"distinct_{length}"] = {
            "model": rounded(ngrams.distinct(texts, length)),
            "grammar": rounded(ngrams.distinct(own, length)),
        }
    return result


def perplexities(tokenizer, model, training: train_text.Documents, held_out: train_text.Documents) -> dict:
    """Held-out perplexity per token of model, grammar, unigram and 5-gram: text and end, given the prompt."""
    end, vocabulary_size = tokenizer.eos_token_id, len(tokenizer)
    starts = held_out.text_starts
    nats, tokens = train_text.text_nats(model, held_out, end)
    documents = [held_out[number] for number in range(len(held_out))]
    learnt = [training[number] for number in range(len(training))]
    unigram = ngrams.unigram_nats(learnt, vocabulary_size)
    fivegram = ngrams.KneserNey(learnt, 5, vocabulary_size, end)
    total = {
        "model": nats.sum(),
        "grammar_bound": -held_out.log_probabilities.sum(),
        "unigram": sum(unigram[text[start:]].sum() for text, start in zip(documents, starts, strict=True)),
        "fivegram": sum(
            fivegram.nats(text)[start:].sum() for text, start in zip(documents, starts, strict=True)
        ),
    }
    result = {name: rounded(math.exp(value / tokens.sum())) for name, value in total.items()}
    return {
        "stories": len(held_out),
        "tokens": int(tokens.sum()),
        **result,
        "model_to_bound": rounded(math.exp((total["model"] - total["grammar_bound"]) / tokens.sum())),
        "model_to_fivegram": rounded(math.exp((total["model"] - total["fivegram"]) / tokens.sum())),
    }


def judge_plain(tokenizer, model, count: int, seed: int) -> dict:
    """The article's prompt without any condition; its words open the story, so they are judged with it."""
    texts = [PLAIN_PROMPT + text for text in continue_prompts(tokenizer, model, [PLAIN_PROMPT] * count, seed)]
    reports = [check(text) for text in texts]
    faults = Counter(kind for report in reports for kind in {fault.kind for fault in report.faults})
    return {
        "prompt": PLAIN_PROMPT,
        "samples": count,
        "passes_check": interval([report.ok for report in reports]),
        "stories_with_fault": dict(faults.most_common()),
    }


def card_samples(tokenizer, model, count: int, seed: int) -> list[dict]:
    """Unpicked samples for the model card: sample i is drawn alone, with seed i."""
    samples = []
    requests = tqdm(held_out_requests(count, seed), desc="samples for the card", unit=" stories")
    for number, asked in enumerate(requests):
        text = continue_prompts(tokenizer, model, [asked.prompt], number)[0]
        faults = dict.fromkeys(fault.kind for fault in check(text, asked.prompt, **asked.conditions()).faults)
        samples.append({"seed": number, "prompt": asked.prompt, "text": text, "faults": list(faults)})
    return samples


def against_targets(measured: dict) -> list[dict]:
    """The project's targets, each with what was measured and whether it was met."""
    held_out, corpus, perplexity = measured["held_out"], measured["against_grammar"], measured["perplexity"]
    overlap = corpus["overlap_8gram"]
    rows = [
        ("stories that pass the checker", held_out["passes_check"]["share"], ">=", 0.95),
        (
            "place and time obeyed and mentioned",
            held_out["place_and_time_obeyed_and_mentioned"]["share"],
            ">=",
            0.95,
        ),
        (
            "8-gram overlap with training above the grammar's",
            rounded(overlap["model"] - overlap["grammar"]),
            "<=",
            0.05,
        ),
        ("perplexity as a multiple of the grammar's bound", perplexity["model_to_bound"], "<=", 1.15),
        ("perplexity as a multiple of the 5-gram model's", perplexity["model_to_fivegram"], "<=", 0.8),
    ]
    return check_targets(rows)


def evaluate_text(folder: Path, plan: Plan, device: str = "cpu") -> dict:
    """All numbers about the text model in ``folder`` (see ``against_targets`` for what they are held to)."""
    started = time.monotonic()
    tokenizer, model = load_model(folder, device)
    record = json.loads((folder / "training_curve.json").read_text(encoding="utf-8"))["settings"]
    told = train_text.tell("train", plan.training_stories or record["stories"], record["seed"])
    requests = held_out_requests(plan.samples, plan.seed)
    texts = continue_prompts(tokenizer, model, [asked.prompt for asked in requests], plan.seed)
    held_out = held_out_stories(plan.perplexity_stories, plan.seed)
    encoded, encoded_held_out = (train_text.encode_stories(tokenizer, part) for part in (told, held_out))
    own = grammar_stories(requests, plan.seed)
    measured = {
        "sampling": {"temperature": TEMPERATURE, "top_p": TOP_P, "seed": plan.seed, "batch_size": BATCH},
        "held_out": judge(requests, texts),
        "plain_prompt": judge_plain(tokenizer, model, plan.plain_samples, plan.seed),
        "against_grammar": compare_with_grammar(texts, own, [story.text for story in told]),
        "perplexity": perplexities(tokenizer, model, encoded, encoded_held_out),
    }
    measured["targets"] = against_targets(measured)
    measured["samples"] = card_samples(tokenizer, model, plan.card_samples, plan.seed)
    measured["seconds"] = round(time.monotonic() - started, 1)
    return measured


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; a wrong value ends with one sentence."""
    from smallworld.making.evaluation.images import SHIPPED as IMAGES
    from smallworld.making.fill import SHIPPED as FILL

    parser = argparse.ArgumentParser(prog="smallworld.evaluate", description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=500, help="stories on request")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="few samples, stories and pictures: only a look")
    parser.add_argument("--only", choices=("text", "image", "fill"), help="measure one model only")
    parser.add_argument("--model", type=Path, default=train_text.SHIPPED, help="folder of the text model")
    parser.add_argument("--images", type=Path, default=IMAGES, help="folder of the image model")
    parser.add_argument("--fill", type=Path, default=FILL, help="folder of the masked language model")
    parser.add_argument(
        "--card", action="store_true", help="also store the result beside each model, in its card"
    )
    chosen = parser.parse_args(arguments)
    if chosen.samples < 1:
        parser.error(f"--samples must be at least 1, not {chosen.samples}.")
    if chosen.quick and chosen.card:
        parser.error("--card needs the full measurement: leave --quick out.")
    return chosen


def measure_text(chosen: argparse.Namespace) -> dict:
    """The text model's numbers; with --card also its evaluation.json and model card."""
    from smallworld.making.cards.text import write_card

    plan = Plan(samples=chosen.samples, seed=chosen.seed)
    if chosen.quick:
        plan = Plan(40, 20, 50, 5_000, 3, chosen.seed)
    measured = evaluate_text(chosen.model, plan)
    if chosen.card:
        store(measured, chosen.model)
        write_card(chosen.model)
    return measured


def measure_images(chosen: argparse.Namespace) -> dict:
    """The image model's numbers; with --card also its evaluation.json, sample grids and model card."""
    from smallworld.making.cards.image import write_card
    from smallworld.making.evaluation import images

    plan = replace(images.QUICK if chosen.quick else images.Plan(), seed=chosen.seed)
    measured = images.evaluate_images(chosen.images, plan, keep_grids=chosen.card)
    if chosen.card:
        store(measured, chosen.images)
        write_card(chosen.images)
    return measured


def measure_fill(chosen: argparse.Namespace) -> dict:
    """The masked language model's numbers; with --card also its evaluation.json and model card."""
    from smallworld.making.cards.fill import write_card
    from smallworld.making.evaluation import fill as evaluate_fill

    plan = replace(evaluate_fill.QUICK if chosen.quick else evaluate_fill.Plan(), seed=chosen.seed)
    measured = evaluate_fill.evaluate_fill(chosen.fill, plan)
    if chosen.card:
        store(measured, chosen.fill)
        write_card(chosen.fill)
    return measured


def store(measured: dict, folder: Path) -> None:
    """Keep the numbers beside the model that they are about."""
    (folder / "evaluation.json").write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


def check_models(chosen: argparse.Namespace) -> list[str]:
    """Which models to measure; EvaluationError or JudgeError for what is missing, before work starts.

    If none is named, an image or fill model that is not there yet is left out, and a line on stderr says so.
    """
    from smallworld.judges import pictures as judge
    from smallworld.making.evaluation import fill as evaluate_fill
    from smallworld.making.evaluation import images as evaluate_images

    wanted = ["text", "image", "fill"] if chosen.only is None else [chosen.only]
    files = {"image": chosen.images / "model_index.json", "fill": chosen.fill / "config.json"}
    for name, file in files.items():
        if chosen.only is None and not file.exists():
            print(f"There is no {name} model in {file.parent} yet: it is left out.", file=sys.stderr)
            wanted.remove(name)
    if "text" in wanted:
        require_model(chosen.model)
    if "fill" in wanted:
        evaluate_fill.require_model(chosen.fill)
    if "image" in wanted:
        evaluate_images.require_model(chosen.images)
        judge.load()
    return wanted


def main(arguments: list[str] | None = None) -> None:
    """Print the shipped models' measured quality as JSON."""
    from smallworld.judges.pictures import JudgeError

    chosen = parse_arguments(arguments)
    parts = {"text": measure_text, "image": measure_images, "fill": measure_fill}
    try:
        result = {name: parts[name](chosen) for name in check_models(chosen)}
    except (EvaluationError, JudgeError) as problem:
        raise SystemExit(f"evaluate: {problem}") from None
    print(json.dumps({"quick": chosen.quick} | result, indent=1))


if __name__ == "__main__":
    main()
