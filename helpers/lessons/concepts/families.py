"""Three families of generative models, trained live on the same points (notebook 01).

Each family is one function with a knob or two. It trains small networks on real points (eight heaps on a
ring) for a few seconds, and returns new points. Notebook 11 writes the same three out.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from helpers.lessons.concepts.ring import real_points
from helpers.session import generator as random_numbers

COUNT = 2000  # how many points each family draws

# The Transformer: a point is a short text of three pieces, such as "37 , 12".

EDGE, BINS = 1.5, 64  # both numbers of a point, from -EDGE to EDGE, are cut into so many bins
COMMA, BEGIN = BINS, BINS + 1  # two more pieces of the vocabulary


class Transformer(nn.Module):
    """Logits for the piece after each place: whole numbers (batch, length) -> (batch, length, BINS + 1)."""

    def __init__(self, attention: bool, width: int = 48):
        super().__init__()
        self.attention = attention
        self.pieces = nn.Embedding(BINS + 2, width)  # a vector for each piece of the vocabulary
        self.places = nn.Parameter(torch.zeros(3, width))  # and one for each place in the text
        block = nn.TransformerEncoderLayer(
            width, nhead=4, dim_feedforward=2 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, num_layers=2, enable_nested_tensor=False)
        self.logits = nn.Linear(width, BINS + 1)

    def forward(self, pieces: torch.Tensor) -> torch.Tensor:
        length = pieces.shape[1]
        looks_at = torch.ones(length, length, dtype=torch.bool).tril()  # itself and what stands before it
        if not self.attention:
            looks_at = torch.eye(length, dtype=torch.bool)  # itself alone
        vectors = self.pieces(pieces) + self.places[:length]
        return self.logits(self.blocks(vectors, mask=~looks_at))


def transformer(attention: bool = True, *, seed: int, steps: int = 300) -> torch.Tensor:
    """Points (2000, 2), drawn piece by piece: the first number, a comma, the second number.

    attention: whether a piece may look back at those before it. (Vaswani et al. 2017; Radford et al. 2018)
    """
    dice = random_numbers(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Transformer(attention)
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=steps)
    for _ in range(steps):
        texts = written(real_points(256, dice))
        logits = model(texts[:, :-1])  # after each piece but the last
        loss = cross_entropy(logits.flatten(0, 1), texts[:, 1:].flatten())  # the piece that comes next
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return drawn_by_pieces(model, dice)


def written(points: torch.Tensor) -> torch.Tensor:
    """Points (n, 2) as texts of four pieces (n, 4): begin, first number, comma, second number."""
    bins = ((points + EDGE) / (2 * EDGE) * BINS).long().clamp(0, BINS - 1)
    begin = torch.full((len(points), 1), BEGIN)
    comma = torch.full((len(points), 1), COMMA)
    return torch.cat([begin, bins[:, :1], comma, bins[:, 1:]], dim=1)


@torch.no_grad()
def drawn_by_pieces(model: Transformer, dice: torch.Generator) -> torch.Tensor:
    """Points (COUNT, 2) by the loop that every language model writes with; inside a bin at random."""
    texts = torch.full((COUNT, 1), BEGIN)
    for _ in range(3):
        probabilities = model(texts)[:, -1].softmax(dim=1)
        texts = torch.cat([texts, torch.multinomial(probabilities, 1, generator=dice)], dim=1)
    bins = texts[:, [1, 3]].clamp(0, BINS - 1)  # a comma in the wrong place becomes the last bin
    return (bins + torch.rand(COUNT, 2, generator=dice)) / BINS * 2 * EDGE - EDGE


# The GAN: two networks, and a game between them.

NOISE = 8  # so many random numbers go into the generator for each point


def network(inputs: int, outputs: int) -> nn.Sequential:
    """Two hidden layers of 128."""
    return nn.Sequential(
        nn.Linear(inputs, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, outputs)
    )


def gan(
    rounds: int = 2000, *, seed: int, generator_rate: float = 0.0005, together: int = 1, every: int = 50
) -> dict[int, torch.Tensor]:
    """Points (2000, 2) of a generator after 0 rounds, `every` rounds, twice as many, and so on.

    In a round first the discriminator learns, then the generator. generator_rate: its learning rate (the
    discriminator's is 0.001); together: how many points the discriminator sees at once, all real or all
    generated (packing). (Goodfellow et al. 2014; Lin et al. 2018)
    """
    dice = random_numbers(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator, discriminator = network(NOISE, 2), network(2 * together, 1)
    generator_steps = torch.optim.Adam(generator.parameters(), generator_rate, betas=(0.5, 0.99))
    discriminator_steps = torch.optim.Adam(discriminator.parameters(), 0.001, betas=(0.5, 0.99))
    shown = torch.randn(COUNT, NOISE, generator=dice)  # the same noise each time that somebody looks
    moments = {0: generator(shown).detach()}
    for number in range(1, rounds + 1):
        real = real_points(256, dice).reshape(-1, 2 * together)
        generated = generator(torch.randn(256, NOISE, generator=dice)).reshape(-1, 2 * together)
        loss = discriminator_loss(discriminator, real, generated.detach())  # only it learns here
        discriminator_steps.zero_grad()
        loss.backward()
        discriminator_steps.step()
        verdict = discriminator(generated)
        loss = binary_cross_entropy_with_logits(verdict, torch.ones_like(verdict))  # wants to pass as real
        generator_steps.zero_grad()
        loss.backward()
        generator_steps.step()
        if number % every == 0 or number == rounds:
            moments[number] = generator(shown).detach()
    return moments


def discriminator_loss(
    discriminator: nn.Module, real: torch.Tensor, generated: torch.Tensor
) -> torch.Tensor:
    """How wrong it is: real points should get 1, generated ones 0."""
    on_real, on_generated = discriminator(real), discriminator(generated)
    missed = binary_cross_entropy_with_logits(on_real, torch.ones_like(on_real))
    fooled = binary_cross_entropy_with_logits(on_generated, torch.zeros_like(on_generated))
    return missed + fooled


# The diffusion model: noise is added, a network learns to see through it, and drawing removes it in steps.

LEVELS = 100  # from hardly any noise to almost nothing else
KEPT = torch.linspace(0.02, 1.55, LEVELS).cos().square()  # how much is left of the point at each level


class Denoiser(nn.Module):
    """Where the real points may be: noisy points (n, 2) and their noise levels (n,) -> guesses (n, 2).

    Sines of the place let a small network see fine detail. (Tancik et al. 2020)
    """

    def __init__(self, width: int = 128, waves: int = 32):
        super().__init__()
        self.register_buffer("waves", 5 * torch.randn(2, waves))
        self.levels = nn.Embedding(LEVELS, width)
        self.first = nn.Linear(2 + 2 * waves, width)
        self.rest = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2))

    def forward(self, noisy: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
        angles = noisy @ self.waves
        seen = torch.cat([noisy, angles.sin(), angles.cos()], dim=1)
        return self.rest(self.first(seen) + self.levels(levels))


@lru_cache(maxsize=4)
def trained_denoiser(seed: int, training_steps: int = 1500) -> Denoiser:
    """A denoiser that has learnt from noisy points; it is kept, so that a second call costs nothing."""
    dice = random_numbers(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        denoiser = Denoiser()
    optimizer = torch.optim.Adam(denoiser.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=training_steps)
    for _ in range(training_steps):
        real = real_points(512, dice)
        noise = torch.randn(512, 2, generator=dice)
        levels = torch.randint(LEVELS, (512,), generator=dice)
        kept = KEPT[levels][:, None]
        noisy = kept.sqrt() * real + (1 - kept).sqrt() * noise
        loss = mse_loss(denoiser(noisy, levels), real)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return denoiser


def diffusion(steps: int = 50, *, seed: int) -> list[torch.Tensor]:
    """Points (2000, 2) after 0, 1, 2, ... steps: from pure noise to the finished ones.

    In each step the denoiser guesses where each point will end, and the point goes a part of the way there:
    to where it would be with less of the same noise. (Ho et al. 2020; Song et al. 2020; the noise levels:
    Nichol and Dhariwal 2021)
    """
    denoiser = trained_denoiser(seed)
    points = torch.randn(COUNT, 2, generator=random_numbers(seed))
    moments = [points]
    levels = torch.linspace(LEVELS - 1, 0, steps + 1).round().long().tolist()
    for step in range(steps):
        kept = KEPT[levels[step]]
        with torch.no_grad():
            finished = denoiser(points, torch.full((COUNT,), levels[step]))
        noise = (points - kept.sqrt() * finished) / (1 - kept).sqrt()
        kept = KEPT[levels[step + 1]] if step + 1 < steps else torch.tensor(1.0)  # the last step goes there
        points = kept.sqrt() * finished + (1 - kept).sqrt() * noise
        moments.append(points)
    return moments
