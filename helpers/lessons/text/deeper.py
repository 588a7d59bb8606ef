"""Notebook 13: what its experiments need beside their idea: trees, counts with intervals, verdicts."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Callable, Mapping, Sequence

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from helpers import metrics, plots
from helpers.lessons.text.stories import ALL, first_words, obeys
from smallworld.world import stories as world
from smallworld.world.checker import check


def beam_branches(
    tokenizer, model, prompt: str, *, beams: int = 2, steps: int = 2, shown: int = 3
) -> list[tuple[tuple[str, ...], float]]:
    """What beam search looks at, as branches for `continuation_tree`.

    Each step gives the `shown` likeliest next tokens of every text that is still alive (at least as many as
    there are beams), and keeps the `beams` best texts. Probabilities are of one token, given those before.
    """
    alive = [((), tokenizer(prompt).input_ids, 1.0)]  # tokens as text, all token numbers, probability
    branches = []
    for _ in range(steps):
        longer = []
        for path, ids, product in alive:
            for token, probability in _likeliest(model, ids, max(shown, beams)):
                words = (*path, tokenizer.decode([token]))
                if words not in [known for known, *_ in longer]:  # two tokens can look alike when printed
                    branches.append((words, probability))
                    longer.append((words, [*ids, token], product * probability))
        alive = sorted(longer, key=lambda text: -text[2])[:beams]
    return branches


def _likeliest(model, ids: Sequence[int], count: int) -> list[tuple[int, float]]:
    """The likeliest next tokens and their probabilities."""
    with torch.no_grad():
        logits = model(torch.tensor([ids], device=model.device)).logits[0, -1].float()
    top = logits.softmax(dim=-1).topk(count)
    return list(zip(top.indices.tolist(), top.values.tolist(), strict=True))


def count_sound(stories: Sequence[str], requests: Sequence[str]) -> int:
    """How many stories the small world's checker finds no fault with, each held against its request."""
    reports = [check(story, request) for story, request in zip(stories, requests, strict=True)]
    return sum(report.ok for report in reports)


def count_obeyed(texts: Sequence[str], triples: Sequence[tuple[str, str, str]]) -> int:
    """How many stories keep to their triple of place, time and character, as notebook 03 counts it."""
    return sum(obeys(text, *triple)[ALL] for text, triple in zip(texts, triples, strict=True))


def pairs_of(triples: Sequence[tuple[str, str, str]]) -> set[tuple[str, str]]:
    """All pairs of facts that stand together in triples of place, time and character."""
    pairs = set()
    for place, time, character in triples:
        pairs |= {(place, time), (place, character), (time, character)}
    return pairs


def count_beginnings(texts: Sequence[str]) -> int:
    """How many different beginnings of four words the stories have."""
    return len({first_words(text) for text in texts})


def table(
    texts: Mapping[tuple[float, float], Sequence[str]], rows: Sequence[float], columns: Sequence[float],
    count: Callable[..., int], *more: Sequence[str],
) -> list[list[int]]:  # fmt: skip
    """A count for the texts of each pair of row and column; `more` is given to `count` after the texts."""
    return [[count(texts[row, column], *more) for column in columns] for row in rows]


def mean_survivors(logits: torch.Tensor) -> float:
    """How many tokens a cut has left, on average over the rows of logits (places, vocabulary)."""
    return logits.isfinite().sum(dim=-1).float().mean().item()


def shuffle_words(text: str, chance: random.Random) -> str:
    """The words of a text in another order."""
    words = text.split()
    chance.shuffle(words)
    return " ".join(words)


def rename_last(story: str, hero: str) -> str:
    """The story with its hero called otherwise the last time, by a name that it does not contain."""
    other = next(name for name in world.CHARACTERS if name not in story)
    before, _, after = story.rpartition(hero)
    return before + other + after


# In print


def print_story(name: str, story: str) -> None:
    """A story in lines of 90 letters, with a name before it and an empty line after it."""
    print(textwrap.fill(f"{name.strip()}: {story}", 90), end="\n\n")


def print_rows(words: Sequence[str], rows: Mapping[str, torch.Tensor]) -> None:
    """Numbers below words: rows are tensors (1, words) by name."""
    print(" " * 24, *[f"{word:>7}" for word in words])
    for name, values in rows.items():
        print(f"{name:24}", *[f"{value:7.2f}" for value in values[0].tolist()])


def print_softmax(words: Sequence[str], rows: Mapping[str, torch.Tensor]) -> None:
    """The softmax of each row of logits (1, words), below the words."""
    print_rows(words, {name: logits.softmax(dim=-1) for name, logits in rows.items()})


def print_texts(tokenizer, totals: Sequence[float], texts: torch.Tensor) -> None:
    """Texts (texts, length) with the total log-probability of their new tokens before them."""
    for total, ids in zip(totals, texts, strict=True):
        print(f"{float(total):6.2f}  {tokenizer.decode(ids)}")


def print_unchanged(
    continued: Mapping[str, torch.Tensor], alone: torch.Tensor, has_filler: torch.Tensor
) -> dict[str, int]:
    """How many prompts get the tokens (prompts, tokens) that they get alone; a line for each kind of padding.

    has_filler: (prompts,), whether a prompt is filled up. Returns the numbers over all prompts.
    """
    unchanged = {}
    print("Prompts with the same 20 tokens as alone:")
    for name, tokens in continued.items():
        same = (tokens == alone).all(dim=1)
        unchanged[name] = int(same.sum())
        filled = f"{int(same[has_filler].sum()):2} of {int(has_filler.sum())} with filler"
        full = f"{int(same[~has_filler].sum())} of {int((~has_filler).sum())} without"
        print(f"  {name:17} {filled}, {full}")
    return unchanged


# Figures


def count_bars(counts: Mapping[str, tuple[int, int]], x_label: str, y_label: str) -> Figure:
    """Shares as bars with Wilson's intervals; under each name its count, such as "18 of 24".

    counts: by name, how many trials succeeded and how many there were.
    """
    names = [f"{name}\n{successes} of {trials}" for name, (successes, trials) in counts.items()]
    shares = [successes / trials for successes, trials in counts.values()]
    intervals = [metrics.wilson_interval(*pair) for pair in counts.values()]
    return plots.bars(names, shares, errors=intervals, x_label=x_label, y_label=y_label, limits=(0, 1.05))


def two_maps(
    tables: Mapping[str, Sequence[Sequence[int]]], temperatures: Sequence[float], top_ps: Sequence[float],
    trials: int = 24,
) -> Figure:  # fmt: skip
    """Two tables of counts side by side, in the same colours: a row for each temperature."""
    figure, panels = plots.grid(1, 2, width=8.1, height=3.6)
    for axes, (title, table) in zip(panels, tables.items(), strict=True):
        plots.heatmap(
            table, rows=temperatures, columns=top_ps, x_label="top-p", y_label="temperature", axes=axes,
            value_label="", title=f"{title} of {trials}", value_format=".0f", limits=(0, trials),
        )  # fmt: skip
    return figure


def survivor_lines(temperatures: Sequence[float], curves: Mapping[str, Sequence[float]]) -> Figure:
    """How many tokens survive a cut, over temperature."""
    labels = {"x_label": "temperature", "y_label": "tokens that survive"}
    return _more_ticks(plots.lines(temperatures, curves, log_y=True, **labels))


def saving_lines(lengths: Sequence[int], curves: Mapping[str, Sequence[float]]) -> Figure:
    """How many times as much is read, and how many times as long it takes, without a cache."""
    labels = {"x_label": "new tokens", "y_label": "without a cache / with one"}
    return _more_ticks(plots.lines(lengths, curves, log_y=True, **labels))


def _more_ticks(figure: Figure) -> Figure:
    """A logarithmic axis with numbers at 1, 2 and 5 times each power of ten, and at no other."""
    axis = figure.axes[0].yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_formatter(NullFormatter())
    return figure
