"""Notebook 13: where a head looks when a story must name its place, and what the model does without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure

from helpers import plots
from smallworld.world import stories

HERO = "Mina"
BEGINNING = "There was once a little fox named Mina who lived"
ELSEWHERE = "There was once a little fox named Mina who was the"


@dataclass(frozen=True)
class Probe:
    """A request and the beginning of a story that stops right before the first word of its place.

    ids: (1, tokens); words: the tokens as text; answer: the token number of the word that must come next;
    asked: the index of that word in the request; article: that of the " the" before it; name: that of the
    hero's name; story: that of the story's first token; elsewhere: (1, tokens), the same request and another
    beginning that stops after a " the" which no place can follow.
    """

    ids: torch.Tensor
    words: tuple[str, ...]
    answer: int
    asked: int
    article: int
    name: int
    story: int
    elsewhere: torch.Tensor


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
        elsewhere=torch.tensor([tokenizer(f"{request}{ELSEWHERE}").input_ids]),
    )  # fmt: skip


def chances_of_place(model, probes: Sequence[Probe]) -> torch.Tensor:
    """How likely the model finds the word that must come next: (probes,)."""
    chances = []
    for probe in probes:
        with torch.no_grad():
            probabilities = model(probe.ids).logits[0, -1].softmax(dim=-1)
        chances.append(probabilities[probe.answer].item())
    return torch.tensor(chances)


def looks(probe: Probe, weights: torch.Tensor, elsewhere: torch.Tensor) -> dict[str, float]:
    """How much a head looks at the place, and at what it is compared with.

    weights: of one head, (looking token, seen token); elsewhere: the same for `probe.elsewhere`. Now is the
    last token, earlier are those of the story before it, of which the mean is taken.
    """
    now, earlier = weights[-1], weights[probe.story : -1].mean(dim=0)
    return {
        "the place": now[probe.asked].item(),
        "' the' before it": now[probe.article].item(),
        "the name": now[probe.name].item(),
        "the place,\nearlier": earlier[probe.asked].item(),
        "the place, from\nanother ' the'": elsewhere[-1, probe.asked].item(),
    }


def control_dots(looks_of_probes: Sequence[dict[str, float]]) -> Figure:
    """A column of dots for each thing that is looked at, with one dot for each probe."""
    names = list(looks_of_probes[0])
    figure, axes = plots.grid()
    for column, name in enumerate(names):
        colour = plots.PALETTE[1 if column == 0 else 0]
        for number, look in enumerate(looks_of_probes):
            offset = 0.08 * (number - (len(looks_of_probes) - 1) / 2)  # so that equal dots stay apart
            axes.plot(column + offset, look[name], "o", color=colour)
    axes.set_xticks(range(len(names)), names)
    axes.set(xlabel="where the head looks", ylabel="attention weight", ylim=(-0.03, 1))
    return figure
