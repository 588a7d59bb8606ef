"""Section 5 of notebook 06: a deep network, with a normalisation behind each of its layers or without.

It reads which words a text has (not their order) and says the time of day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from helpers.lessons.training import laboratory, texts
from helpers.session import generator
from smallworld.world.vocabulary import TIMES

LAYERS, WIDTH, BATCH_SIZE, RATE = 12, 32, 32, 0.003
KINDS = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
Normalise = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Examples:
    """words: (texts, vocabulary), 1 where a text has the word, else 0; time: (texts,), a number 0 to 3."""

    words: Tensor
    time: Tensor
    texts: list[str]


def examples(count: int, seed: int, held_out: bool = False) -> Examples:
    """`count` beginnings of stories, with the time of day that each of them tells."""
    collection, facts = zip(*texts.with_facts(count, seed, held_out=held_out), strict=True)
    number_of = {word: number for number, word in enumerate(laboratory.vocabulary())}
    words = torch.zeros(count, len(number_of))
    for row, text in zip(words, collection, strict=True):
        row[[number_of[word] for word in texts.words_of(text) if word in number_of]] = 1
    times = [list(TIMES).index(one["time"]) for one in facts]
    return Examples(words, torch.tensor(times), list(collection))


class DeepNet(nn.Module):
    """Twelve layers in a row: (texts, vocabulary) -> (texts, 4) logits, one for each time of day.

    normalise: a function (texts, 32) -> (texts, 32) that follows each layer, or "batch" or "layer" for
    PyTorch's own, or None for nothing.
    """

    def __init__(self, inputs: int, normalise: Normalise | str | None = None):
        super().__init__()
        widths = [inputs, *[WIDTH] * LAYERS]
        self.layers = nn.ModuleList(nn.Linear(widths[i], widths[i + 1]) for i in range(LAYERS))
        kind = KINDS.get(normalise) if isinstance(normalise, str) else None
        self.norms = nn.ModuleList(kind(WIDTH) for _ in range(LAYERS)) if kind else None
        self.normalise = normalise if callable(normalise) else None
        self.scores = nn.Linear(WIDTH, len(TIMES))

    def forward(self, x: Tensor) -> Tensor:
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if self.normalise:
                x = self.normalise(x)
            if self.norms:
                x = self.norms[i](x)
            x = torch.relu(x)
        return self.scores(x)


@dataclass(frozen=True)
class Trained:
    """The network after training, and the share of held-out texts that it got right after each step."""

    model: DeepNet
    right: list[float]


def train(
    learn: Examples, judge: Examples, seed: int, normalise: Normalise | str | None = None, steps: int = 60
) -> Trained:
    """Train the deep network for some steps; after each, all held-out texts are read at once."""
    torch.manual_seed(seed)  # for the first parameters
    model, dice, right = DeepNet(learn.words.shape[1], normalise), generator(seed), []
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    for _ in range(steps):
        chosen = torch.randint(len(learn.time), (BATCH_SIZE,), generator=dice)
        loss = cross_entropy(model.train()(learn.words[chosen]), learn.time[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right.append(share_right(model, judge))
    return Trained(model, right)


@torch.no_grad()
def share_right(model: DeepNet, judge: Examples, at_once: int = 0) -> float:
    """The share of texts whose time of day is right, in evaluation mode; so many in a batch, 0: all."""
    model.eval()
    batches = judge.words.split(at_once or len(judge.words))
    answers = torch.cat([model(words).argmax(dim=1) for words in batches])
    return (answers == judge.time).float().mean().item()


@torch.no_grad()
def belief(model: DeepNet, judge: Examples, number: int, others: Sequence[int]) -> float:
    """The probability, to three digits, of the right time of text `number`, read together with others.

    The model stays in the mode it is in, training or evaluation. Asking in training mode would change the
    stored averages, so that is undone.
    """
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    rows = judge.words[[number, *others]]
    probability = model(rows).softmax(dim=1)[0, judge.time[number]].item()
    model.load_state_dict(kept)
    return round(probability, 3)
