"""What is special about the card of the language model."""

from __future__ import annotations

from dataclasses import asdict
from html import escape

from smallworld.making.cards.writer import Card, command, note, share, table, targets_table, versions
from smallworld.making.language.text_data import Settings, phases

PURPOSE = """
A GPT-2-class language model with {parameters:.1f} million parameters that writes short stories for
children, of 60 to 150 words, in one small made-up world. It was trained from scratch, by the code of this
repository, on stories that the repository's own grammar writes. It is here so that every cell of the
workbook runs without a network, an account or a GPU.

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "smallworld/weights/text"
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32", trust_remote_code=False)
inputs = tokenizer("Tell a calm story in the desert at night.\\n", return_tensors="pt")
output = model.generate(**inputs, do_sample=True, temperature=0.8, top_p=0.95, max_new_tokens=250)
print(tokenizer.decode(output[0], skip_special_tokens=True))
```

A prompt is a line in plain words that may name a place, a time of day, a mood, one or two characters and a
thing to be seen; the story begins on the next line. Without such a line ("Once upon a time", "It was
raining") the model goes on with what it is given.

## Intended use and limits

Made for teaching: to look into a language model, to sample from it, to measure it, to fine-tune it. It is
no source of facts and no writer for any other purpose.

- It knows the words, characters, places and kinds of problem of its world and nothing else. Any other
  prompt is read as well as it goes and is mostly followed by a story of the small world; other languages
  are not understood.
- It understands the wordings of `wishes.txt` and many near them; `helpers.text.generate` names words that it
  never met.
- It was trained on at most 512 tokens at once, and one story has about {story_tokens}: after its end comes
  another story.
- Smooth sentences are no proof of sense: see the misses and the samples below.
- Nothing in its training data comes from people or from the web, so it holds no personal data; what bias
  there is was written into the grammar's tables, which can be read in `vocabulary.py` and the folder
  `patterns`.
"""

MAKING = """
## Data

{stories:,} stories ({training_tokens:,} tokens) from `smallworld.world.stories.corpus("train",
{stories}, {seed})`: hand-written sentence patterns with slots, joined by a grammar. About 70 % follow a
line that asks for them, in many wordings; a third begin freely. One place x time x character combination in
eight never occurs in the training stories, in any wording; half of those are the validation split, half the
test split. Inside sentences, too, one pair of phrases in five ("hopped like a frog" with "out of reach")
never stands in a training story.

## Architecture

`GPT2LMHeadModel`: {layers} layers, {width} wide, {heads} attention heads, {positions} positions, tied
embeddings, {parameters:,} parameters, no dropout. The tokenizer is a byte-level BPE with {vocabulary:,}
tokens learnt from the training stories; `<|endoftext|>` is beginning, end, padding and unknown token.
float16 on disk, meant to be loaded as float32 on a CPU.

## Training

Command: `{command}`; {steps:,} steps of up to {batch_tokens:,} tokens, {minutes:.0f} minutes on {device};
seed {seed}. `torch.optim.Muon` for the matrices of the layers, AdamW (betas 0.9 and 0.95) for embeddings,
biases and norms; weight decay {weight_decay} on matrices and embeddings; one peak learning rate,
{learning_rate}, {warmup} steps of warm-up, constant, then linear decay to zero over the last {decay:.0%};
gradients clipped at norm 1; bfloat16 autocast where the hardware has it. {curriculum}A fifth of the
stories is packed into full rows, the others stand alone; half of the rows begin with `<|endoftext|>`. Loss
of the last {recent} training steps: {train_loss:.3f} nats per token; validation loss of the texts given
their prompts: {validation_loss:.3f}, where the grammar itself needs {bound:.3f}. Prompts count in neither;
the whole curve is in `training_curve.json`. Versions: {versions}.
{note}"""

CURRICULUM = """The first {short} steps are a
curriculum (Bengio et al. 2009): three in five of their stories answer a request for a mood and begin where
the mood shows, first without any opening, then with a part of it; they come from the same grammar. Without
them the model overlooked the mood that was asked for. """

MEASURED = """
From `python -m smallworld.evaluate` (about {minutes:.0f} minutes, seed {seed}): one story for
each of {samples} requests that name a held-out combination of place, time and character; temperature
{temperature}, top-p {top_p}. Only the continuation is judged, by the checker in `checker.py`; in brackets
Wilson 95 % intervals.

| | measured |
|---|---|
{table}

Against the project's targets:

| | measured | target | |
|---|---|---|---|
{targets}

Perplexity counts the tokens of {perplexity_stories} test stories and their end tokens, given prompts that
name place, time and character. The bound is the perplexity of the grammar that wrote the stories, told the
same. The 5-gram model is interpolated Kneser-Ney over the same
tokens of the same training stories.

Stories with at least one fault of a kind: {faults}. After "Once upon a time": {plain_faults}.

## Requests and beginnings of learners

{requests} requests were written by readers who had not seen the grammar: {requests_obeyed} are obeyed in
every fact. Not obeyed: {not_obeyed}. Of {beginnings} beginnings of theirs, {beginnings_continued} go on as a
sound story for the checker, the sentence that they began left aside. They lie in `making/evaluation/`; no
line of them served in training.

## What nobody wrote

Of {model_sentences:,} sentences in {novelty_stories} stories on request, {word_for_word} stand word for
word in the training stories (held-out stories of the grammar: {own_word_for_word}). No pattern of the grammar
writes {no_pattern}. The first 100 stories follow {skeletons} different sentence skeletons (the grammar's:
{own_skeletons}).
The first {listed} new sentences, not picked:

{new_sentences}

## {count} samples, not picked

Sample i was drawn alone with seed i, temperature {temperature}, top-p {top_p}; the requests are the first
{count} of the measurement above. What the checker finds is said below each.

{written}
"""


def describe(record: dict) -> str:
    """Purpose, limits, data, architecture and training."""
    settings, curve = record["settings"], record["curve"]
    last_step, train_loss = curve["train"][-1]
    step_before = curve["train"][-2][0] if len(curve["train"]) > 1 else 0
    recorded = {name: record[name] for name in ("training_tokens", "parameters", "minutes", "device")}
    short = sum(steps for _, steps in phases(Settings(**settings)))
    making = MAKING.format(
        curriculum=CURRICULUM.format(short=short) if short else "",
        **(settings | recorded),  # the minutes that it took, not those that were set as a limit
        command=command("train-text", settings, asdict(Settings())),
        decay=settings["decay_share"],
        recent=last_step - step_before,
        train_loss=train_loss,
        validation_loss=curve["validation"][-1][1],
        bound=record["bound_nats_per_token"],
        versions=versions(record),
        note=note(record),
    )
    story_tokens = round(record["training_tokens"] / settings["stories"])
    return PURPOSE.format(parameters=record["parameters"] / 1e6, story_tokens=story_tokens) + making


def quality(measured: dict) -> str:
    """The measured quality with samples."""
    held_out, plain = measured["held_out"], measured["plain_prompt"]
    return MEASURED.format(
        minutes=max(1, measured["seconds"] / 60),
        samples=held_out["samples"],
        **measured["sampling"],
        table=main_numbers(measured),
        targets=targets_table(measured["targets"]),
        perplexity_stories=measured["perplexity"]["stories"],
        faults=faults(held_out["stories_with_fault"], held_out["samples"]),
        plain_faults=faults(plain["stories_with_fault"], plain["samples"]),
        **learners_numbers(measured["learners"]),
        **novelty_numbers(measured["novelty"]),
        novelty_stories=measured["novelty"]["stories"],
        count=len(measured["samples"]),
        written="\n\n".join(sample(example) for example in measured["samples"]),
    )


def learners_numbers(learners: dict) -> dict:
    """The numbers about requests and beginnings that learners wrote."""
    return {
        "requests": learners["requests"],
        "requests_obeyed": share(learners["requests_obeyed"]),
        "not_obeyed": "; ".join(f'"{escape(line)}"' for line in learners["not_obeyed"]) or "none",
        "beginnings": learners["beginnings"],
        "beginnings_continued": share(learners["beginnings_continued"]),
    }


def novelty_numbers(novelty: dict) -> dict:
    """The numbers about new sentences, and a list of them."""
    known, skeletons = novelty["word_for_word"], novelty["skeletons_in_100_stories"]
    sentences = [escape(sentence, quote=False) for sentence in novelty["new_sentences"]]
    return {
        "model_sentences": novelty["sentences"]["model"],
        "word_for_word": share(known["model"]),
        "own_word_for_word": share(known["grammar"]),
        "no_pattern": share(novelty["no_pattern_writes_it"]),
        "skeletons": skeletons["model"],
        "own_skeletons": skeletons["grammar"],
        "listed": len(sentences),
        "new_sentences": "\n".join(f"- {sentence}" for sentence in sentences),
    }


def main_numbers(measured: dict) -> str:
    """The main numbers as rows of a Markdown table."""
    held_out, corpus, perplexity = (measured[name] for name in ("held_out", "against_grammar", "perplexity"))
    overlap, copies = corpus["overlap_8gram"], corpus["verbatim_copies"]
    obeyed = held_out["place_and_time_obeyed_and_mentioned"]
    rows = [
        ("stories that pass the checker", share(held_out["passes_check"])),
        ("asked place and time obeyed, and each mentioned", share(obeyed)),
        ('stories after "Once upon a time" that pass', share(measured["plain_prompt"]["passes_check"])),
        ("8-grams that occur in the training stories", f"{overlap['model']:.1%}"),
        ("the same for held-out stories of the grammar", f"{overlap['grammar']:.1%}"),
        ("stories copied word for word from training", f"{copies['model']:.1%}"),
    ]
    for length in (1, 2, 3):
        distinct = corpus[f"distinct_{length}"]
        both = f"{distinct['model']:.3f} ({distinct['grammar']:.3f})"
        rows.append((f"distinct-{length} (grammar's own)", both))
    rows += [
        ("held-out perplexity per token", f"{perplexity['model']:.3f}"),
        ("the grammar's bound", f"{perplexity['grammar_bound']:.3f}"),
        ("a 5-gram model", f"{perplexity['fivegram']:.3f}"),
        ("a unigram model", f"{perplexity['unigram']:.1f}"),
    ]
    return table(rows)


def faults(counts: dict, samples: int) -> str:
    """Kinds of fault with the number of stories."""
    listed = ", ".join(f"{kind} {number}" for kind, number in counts.items())
    return f"{listed or 'none'} (of {samples})"


def sample(example: dict) -> str:
    """A sample as a quotation under its seed and its prompt, with the checker's verdict."""
    text = escape(" ".join(example["text"].split()), quote=False)
    verdict = ", ".join(example["faults"]) or "no fault found"
    heading = f"**Seed {example['seed']}.** *{example['prompt'].strip()}*"
    return f"{heading}\n\n> {text}\n\nChecker: {verdict}."


CARD = Card(
    name="text",
    title="The small world's storyteller",
    library="transformers",
    task="text-generation",
    data="stories",
    record="training_curve.json",
    describe=describe,
    quality=quality,
)
