"""Notebook 13: where a head looks when a story must name its place, and what the model does without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure

from helpers import plots
from smallworld.world import stories

HERO = "Mina"
BEGINNING = "There was once a little fox named Mina who lived"


@dataclass(frozen=True)
class Probe:
    """A request and the beginning of a story that stops right before the first word of its place.

    ids: (1, tokens); words: the tokens as text; answer: the token number of the word that must come next;
    asked: the index of that word in the request; article: that of the " the" before it; name: that of the
    hero's name; story: that of the story's first token.
    """

    ids: torch.Tensor
    words: tuple[str, ...]
    answer: int
    asked: int
    article: int
    name: int
    story: int


def place_probe(tokenizer, place: str) -> Probe:
    """The probe for a place, a key of the vocabulary."""
    request = stories.ask(place=place, character=HERO)
    before, _, after = stories.PLACES[place].within[0].partition("the ")  # "in the " and "desert"
    ids = tokenizer(f"{request}{BEGINNING} {before}the").input_ids
    answer = tokenizer(f" {after}").input_ids[0]
    asked = ids.index(answer)
    words = [tokenizer.decode([i]) for i in ids]
    return Probe(
        ids=torch.tensor([ids]), words=tuple(words), answer=answer, asked=asked, article=asked - 1,
        name=words.index(f" {HERO}"), story=len(tokenizer(request).input_ids),
    )  # fmt: skip


@contextmanager
def silenced(model, layer: int, head: int) -> Iterator[None]:
    """A GPT-2 without one of its heads: what the head has collected is replaced by zeros.

    layer, head: counted from 0.
    """
    size = model.config.n_embd // model.config.n_head

    def replace(module, inputs: tuple) -> tuple:
        collected = inputs[0].clone()  # (texts, tokens, heads side by side)
        collected[..., head * size : (head + 1) * size] = 0
        return (collected, *inputs[1:])

    hook = model.transformer.h[layer].attn.c_proj.register_forward_pre_hook(replace)
    try:
        yield
    finally:
        hook.remove()


def chance_of_place(model, probes: Sequence[Probe]) -> float:
    """How likely the model finds the word that must come next, on average over the probes."""
    chances = []
    for probe in probes:
        with torch.no_grad():
            probabilities = model(probe.ids).logits[0, -1].softmax(dim=-1)
        chances.append(probabilities[probe.answer].item())
    return sum(chances) / len(chances)


def looks(probe: Probe, weights: torch.Tensor) -> dict[str, float]:
    """How much a head looks at the place, and at what it is compared with.

    weights: of one head, (looking token, seen token). Now is the last token, earlier are those of the story
    before it, of which the mean is taken.
    """
    now, earlier = weights[-1], weights[probe.story : -1].mean(dim=0)
    return {
        "the place": now[probe.asked].item(),
        "' the' before it": now[probe.article].item(),
        "the name": now[probe.name].item(),
        "the place,\nearlier": earlier[probe.asked].item(),
    }


def control_bars(looks_of_probes: Sequence[dict[str, float]]) -> Figure:
    """The mean over the probes as bars, with lines from the lowest to the highest."""
    names = list(looks_of_probes[0])
    columns = [[look[name] for look in looks_of_probes] for name in names]
    means = [sum(column) / len(column) for column in columns]
    ranges = [(min(column), max(column)) for column in columns]
    labels = {"x_label": "where the head looks", "y_label": "attention weight"}
    return plots.bars(names, means, errors=ranges, highlight=[0], limits=(0, 1), **labels)
