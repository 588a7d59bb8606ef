"""The laboratory of notebook 06: a small GPT, the loop that trains it, and the loop that writes with it.

All texts of a collection stand one behind the other on a long strip of token numbers, with the end mark
(number 0) before, between and behind them. Training reads windows of this strip. In section 1 of the notebook
a token is a letter; everywhere else it is a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from helpers.checks import check_number
from helpers.errors import WorkbookError
from helpers.lessons.training import texts
from helpers.session import generator

END, NEW = "<end>", "<new>"  # the end mark; a word that the vocabulary does not have
RATE, BATCH_SIZE, STEPS = 0.01, 16, 250  # what the map of section 2 found, for a budget of seconds
WINDOW = 32  # tokens that a model of words reads at once


class TinyGPT(nn.Module):
    """A small Transformer: after each token of a text, a score (logit) for every token that could follow.

    forward: (batch, length) token numbers -> (batch, length, tokens) logits, for at most `length` tokens.
    attention=False: each place sees only itself; the number of parameters stays the same.
    """

    def __init__(
        self, tokens: int, *, width: int = 32, layers: int = 1, length: int = WINDOW,
        dropout: float = 0.0, attention: bool = True,
    ):  # fmt: skip
        super().__init__()
        self.length = length
        # Two tables of numbers: one row for each token, one row for each place of the window.
        self.token = nn.Embedding(tokens, width)
        self.place = nn.Embedding(length, width)
        # The layers: attention collects from the places before, then a small network thinks about each place.
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, nhead=4, dim_feedforward=4 * width, dropout=dropout, activation="gelu",
                batch_first=True, norm_first=True,
            )
            for _ in range(layers)
        )  # fmt: skip
        self.norm = nn.LayerNorm(width)
        self.scores = nn.Linear(width, tokens)
        # hidden[i, j] is True where place i must not look at place j: at what comes later.
        seen = torch.ones(length, length).tril() if attention else torch.eye(length)
        self.register_buffer("hidden", seen == 0)

    def forward(self, numbers: Tensor) -> Tensor:
        length = numbers.shape[1]
        x = self.token(numbers) + self.place.weight[:length]
        for layer in self.layers:
            x = layer(x, src_mask=self.hidden[:length, :length])
        return self.scores(self.norm(x))

    def parameter_count(self) -> int:
        """How many numbers this model learns."""
        return sum(weights.numel() for weights in self.parameters())


def next_token_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean of -log(probability of the right token) over all places; a single number.

    logits: (batch, length, tokens); targets: (batch, length), the token that really came next.
    """
    return cross_entropy(logits.flatten(0, 1), targets.flatten())


def draw_windows(strip: Tensor, batch_size: int, length: int, dice: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cut windows out of the strip at random places: what the model reads, and what really came next.

    Both have the shape (batch_size, length); the targets are the inputs, moved on by one token.
    """
    if len(strip) < length + 2:
        raise WorkbookError(f"The strip has {len(strip)} tokens, too few for a window of {length}.")
    starts = torch.randint(len(strip) - length, (batch_size,), generator=dice)
    places = starts[:, None] + torch.arange(length + 1)  # one row of places for each window
    tokens = strip[places]
    return tokens[:, :-1], tokens[:, 1:]


@torch.no_grad()
def write(model: nn.Module, count: int, dice: torch.Generator, limit: int = 60) -> list[list[int]]:
    """`count` new texts as token numbers, each drawn token by token until the end mark, or the limit."""
    model.eval()  # without dropout
    numbers = torch.zeros(count, 1, dtype=torch.long)  # each begins behind an end mark
    ended = torch.zeros(count, 1, dtype=torch.bool)
    for _ in range(limit):
        logits = model(numbers[:, -model.length :])[:, -1]  # after the last token
        new = torch.multinomial(logits.softmax(dim=1), 1, generator=dice)
        new = new.masked_fill(ended, 0)
        ended = ended | (new == 0)
        numbers = torch.cat([numbers, new], dim=1)
        if ended.all():
            break
    return [[number for number in row if number] for row in numbers.tolist()]


# Texts of words


@cache
def vocabulary() -> tuple[str, ...]:
    """Every word of the beginnings, in alphabetical order, behind the end mark and the mark of a new word."""
    sample = texts.beginnings(2000, 10**6)
    return (END, NEW, *sorted({word for text in sample for word in texts.words_of(text)}))


@cache
def _numbers() -> dict[str, int]:
    return {word: number for number, word in enumerate(vocabulary())}


def strip_of(collection: Sequence[str]) -> Tensor:
    """All texts as one strip of word numbers, an end mark before, between and behind them."""
    if not collection:
        raise WorkbookError("There are no texts to learn from: give at least one.")
    number_of, strip = _numbers(), [0]
    for text in collection:
        strip += [number_of.get(word, 1) for word in texts.words_of(text)]
        strip.append(0)
    return torch.tensor(strip)


def write_texts(model: nn.Module, count: int, seed: int, limit: int = 60) -> list[str]:
    """`count` new texts by a model of words."""
    words = vocabulary()
    written = write(model, count, generator(seed), limit)
    return [texts.join_words([words[number] for number in row]) for row in written]


# Training


@dataclass
class Run:
    """A trained model, and the losses on the way: at which steps, on its own texts, on held-out ones."""

    model: TinyGPT
    steps: list[int] = field(default_factory=list)
    training: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)


def fit(
    collection: Sequence[str], held_out: Sequence[str], seed: int, *, steps: int = STEPS,
    batch_size: int = BATCH_SIZE, rate: float = RATE, every: int = 0, **shape,
) -> Run:  # fmt: skip
    """Train a TinyGPT on the texts: the loop of section 1, with a rate that falls in a line to 0 at the end.

    rate: the learning rate at the first step; every: measure both losses after so many steps (0: only at the
    end); shape: what `TinyGPT` takes. Nothing is ever learnt from the held-out texts.
    """
    check_number("steps", steps, 1, 100_000, "a whole number from 1 to 100,000")
    check_number("batch_size", batch_size, 1, 4096, "a whole number from 1 to 4,096")
    check_number("rate", rate, 1e-9, 1e3, "a number above 0, such as 0.01")
    torch.manual_seed(seed)  # for the first parameters, and for dropout
    model, dice, strip = TinyGPT(len(vocabulary()), **shape), generator(seed), strip_of(collection)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    own, other = pages(strip)[:100], pages(strip_of(held_out))
    run = Run(model)
    for step in range(1, steps + 1):
        model.train()
        inputs, targets = draw_windows(strip, batch_size, model.length, dice)
        loss = next_token_loss(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()
        if step == steps or (every and step % every == 0):
            run.steps.append(step)
            run.training.append(measure(model, own))
            run.held_out.append(measure(model, other))
    return run


def pages(strip: Tensor, length: int = WINDOW) -> Tensor:
    """The strip cut into windows side by side, (windows, length + 1); neighbours share one token."""
    if len(strip) <= length:
        raise WorkbookError(f"The texts have {len(strip)} tokens in all: give more, at least {length + 1}.")
    return strip.unfold(0, length + 1, length)


@torch.no_grad()
def measure(model: nn.Module, windows: Tensor) -> float:
    """The loss on windows that nobody draws at random, without dropout; a finite number or infinity."""
    model.eval()
    loss = next_token_loss(model(windows[:, :-1]), windows[:, 1:]).item()
    return loss if loss == loss else float("inf")  # NaN: the numbers inside grew beyond all bounds


def blind_loss(collection: Sequence[str], held_out: Sequence[str]) -> float:
    """The held-out loss of a model that knows only how frequent each word is (one is added to each count)."""
    counts = torch.bincount(strip_of(collection), minlength=len(vocabulary())) + 1.0
    surprise = -(counts / counts.sum()).log()
    return surprise[strip_of(held_out)[1:]].mean().item()
