"""The last stage of the image model's training: the UNet, and the text encoder with it.

Everything that a step needs lies on the device: latents, captions as tokens, masks. Where there is a GPU, a
whole step is recorded once as a CUDA graph and then replayed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from smallworld.making.image.data import Latents, Wordings
from smallworld.making.image.model import build_pipeline, training_precision
from smallworld.making.image.settings import AUTOENCODER_ONLY, TEXT_ONLY, Settings
from smallworld.making.image.stage import Stage, batch_numbers

QUANTILES = 1 << 16  # of the distribution of timesteps
EAGER_STEPS = 3  # on a GPU, before a step is recorded


class Batch(NamedTuple):
    """What a step trains on: clean latents, noise, timesteps, the loss's weights, captions as tokens."""

    clean: Tensor
    noise: Tensor
    timesteps: Tensor
    weights: Tensor
    ids: Tensor


class DiffusionStage(Stage):
    """Noisy latents and a caption -> v, from which the clean latents follow (Salimans and Ho 2022).

    ``parts``: unet, text_encoder, vae, tokenizer and scheduler. ``compiled``: let torch.compile make the UNet
    faster, which takes about a minute at the beginning.
    """

    name = "diffusion"
    elsewhere = (*AUTOENCODER_ONLY, *TEXT_ONLY)

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        parts: dict,
        latents: Latents,
        wordings: Wordings,
        device: torch.device,
        compiled: bool = False,
    ):
        super().__init__(settings, folder, device)
        self.tokenizer, self.vae, self.data = parts["tokenizer"], parts["vae"], latents.fingerprint
        self.bank = Bank(settings, latents, wordings, parts["scheduler"].config, device)
        noise = parts["scheduler"].alphas_cumprod.to(device)
        self.signal_share, self.noise_share = noise.sqrt(), (1 - noise).sqrt()
        self.averages: dict[str, list[Tensor]] = {}
        self.set_up({name: parts[name] for name in ("unet", "text_encoder")})
        unet = self.modules["unet"]
        self.predict = torch.compile(unet, dynamic=False) if compiled else unet
        self.numbers = torch.zeros(self.batch, dtype=torch.long, device=device)
        self.graph: torch.cuda.CUDAGraph | None = None
        self.steps_before_graph = EAGER_STEPS
        if device.type == "cuda":
            self.side = torch.cuda.Stream()
            torch.cuda.manual_seed(self.step_seed())

    # -------------------------------------------------------------- what a checkpoint keeps
    def set_up_more(self) -> None:
        for name, module in self.modules.items():
            self.averages[name] = [weight.detach().clone() for weight in module.parameters()]

    def state(self) -> dict:
        return super().state() | {"averages": self.averages}

    def restore(self, state: dict) -> None:
        super().restore(state)
        for name, average in self.averages.items():
            for own, saved in zip(average, state["averages"][name], strict=True):
                own.copy_(saved)

    # -------------------------------------------------------------- one step
    def update(self) -> dict[str, Tensor]:
        self.choose_numbers()
        self.set_rate()
        loss = self.step_on_gpu() if self.device.type == "cuda" else self.compute(self.chance())
        self.average_weights()
        return {"v": loss}

    def compute(self, chance: torch.Generator | None) -> Tensor:
        """Forward, backward and the optimiser's step for the items ``numbers``: the loss."""
        batch = self.bank.draw(self.numbers, chance)
        signal = self.signal_share[batch.timesteps][:, None, None, None]
        noise = self.noise_share[batch.timesteps][:, None, None, None]
        noisy = signal * batch.clean + noise * batch.noise
        wanted = signal * batch.noise - noise * batch.clean
        with training_precision(self.device):
            states = self.modules["text_encoder"](batch.ids)[0]
            found = self.predict(noisy, batch.timesteps, states).sample
        loss = weighted_loss(found.float(), wanted, batch.weights)
        self.apply(loss)
        return loss.detach()

    def choose_numbers(self) -> None:
        """Put the items of this step where ``compute`` reads them."""
        own = self.settings
        numbers = batch_numbers(own.scenes, self.batch, self.step, own.seed)
        self.numbers.copy_(torch.from_numpy(numbers))

    def average_weights(self) -> None:
        """Move the averages towards the weights (the more slowly, the later, up to ``ema_decay``)."""
        share = 1 - average_decay(self.step, self.settings.ema_decay)
        for name, average in self.averages.items():
            torch._foreach_lerp_(average, [w.detach() for w in self.modules[name].parameters()], share)

    # -------------------------------------------------------------- on a GPU
    def step_on_gpu(self) -> Tensor:
        """A step: as it stands at first, then recorded once, then replayed."""
        if self.graph is None and self.steps_before_graph == 0:
            self.record()
        self.steps_before_graph -= 1
        if self.graph is None:
            return self.step_as_it_stands()
        self.graph.replay()
        return self.loss

    def step_as_it_stands(self) -> Tensor:
        """A step beside the main stream, as recording later asks for."""
        self.side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.side):
            try:
                loss = self.compute(self.chance())
            except Exception as problem:
                if self.predict is self.modules["unet"]:
                    raise
                print(f"not compiled ({type(problem).__name__}: {problem})", file=sys.stderr)
                self.predict = self.modules["unet"]
                loss = self.compute(self.chance())
        torch.cuda.current_stream().wait_stream(self.side)
        return loss

    def record(self) -> None:
        """Record a step as a CUDA graph; where that cannot be done, steps go on as they stand."""
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        try:
            with torch.cuda.graph(graph):
                self.loss = self.compute(None)
        except Exception as problem:
            print(f"no CUDA graph ({type(problem).__name__}: {problem}); going on without", file=sys.stderr)
            self.optimizer.zero_grad(set_to_none=True)
            torch.cuda.synchronize()
        else:
            self.graph = graph
            print("a step is recorded as a CUDA graph", file=sys.stderr)

    # -------------------------------------------------------------- the averaged weights
    def averaged(self) -> _Averaged:
        """A context in which the modules hold their averaged weights; it gives the pipeline."""
        return _Averaged(self)

    def take_averages(self) -> None:
        """Give the modules their averaged weights for good."""
        for name, average in self.averages.items():
            _copy(average, self.modules[name])


class Bank:
    """All that steps draw from, on the device: of ``settings.scenes`` scenes latents, masks and captions."""

    def __init__(
        self, settings: Settings, latents: Latents, wordings: Wordings, schedule, device: torch.device
    ):
        arrays = (latents.means, latents.stds, latents.masks, wordings.ids)
        self.means, self.stds, self.masks, self.ids = (torch.from_numpy(part).to(device) for part in arrays)
        self.empty = torch.from_numpy(wordings.empty).to(device)
        self.timesteps = timestep_table(schedule.num_train_timesteps, settings.focus).to(device)
        self.dropped, self.things_weight = settings.no_caption_share, settings.diffusion_things_weight
        self.device = device

    def draw(self, numbers: Tensor, chance: torch.Generator | None) -> Batch:
        """What a step trains on, for the scenes ``numbers``; ``chance``: None is the device's own generator.

        Latents are drawn from the autoencoder's distribution, a caption from the scene's wordings, or none.
        """
        count = len(numbers)
        means, stds = self.means[numbers].float(), self.stds[numbers].float()
        clean = means + stds * self._normal(means.shape, chance)
        noise = self._normal(means.shape, chance)
        shares = torch.rand(3, count, generator=chance, device=self.device)
        timesteps = draw_timesteps(self.timesteps, shares[0])
        chosen = (shares[1] * self.ids.shape[1]).long().clamp(max=self.ids.shape[1] - 1)
        ids = self.empty.repeat(count, 1)
        ids[:, : self.ids.shape[2]] = self.ids[numbers, chosen].long()
        ids = torch.where(shares[2][:, None] < self.dropped, self.empty, ids)
        weights = loss_weights(self.masks[numbers], self.things_weight)
        return Batch(clean, noise, timesteps, weights, ids)

    def _normal(self, shape: torch.Size, chance: torch.Generator | None) -> Tensor:
        return torch.randn(shape, generator=chance, device=self.device)


def loss_weights(masks: Tensor, things_weight: float) -> Tensor:
    """Weights (n, 1, 16, 16) with mean 1: ``things_weight`` more than elsewhere where there are things.

    ``masks``: uint8 (n, 16, 16), the share of each cell that things cover.
    """
    weights = 1 + things_weight * masks[:, None].float() / 255
    return weights / weights.mean()


def weighted_loss(found: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    """Mean squared error of latents (n, channels, 16, 16), weighted by ``weights`` (n, 1, 16, 16)."""
    return (weights * (found - wanted).square()).mean()


def average_decay(step: int, highest: float) -> float:
    """How much of the averages is kept in the step after ``step``: from 0 at first up to ``highest``."""
    return min(highest, 1 - (1 + step) ** -0.75)


def timestep_table(steps: int, focus: float) -> Tensor:
    """The distribution of training timesteps, as ``QUANTILES`` timesteps (from 0 to ``steps`` - 1).

    The share ``focus`` is logit-normal (Esser et al. 2024): the middle noise levels, where things are formed,
    come up most. The rest is uniform, so that none is forgotten.
    """
    share = (torch.arange(QUANTILES, dtype=torch.double) + 0.5) / QUANTILES
    bell = torch.sigmoid(-0.6 + 0.8 * torch.special.ndtri(share / max(focus, 1e-9)))
    even = (share - focus) / max(1 - focus, 1e-9)
    return (torch.where(share < focus, bell, even) * steps).long().clamp(0, steps - 1)


def draw_timesteps(table: Tensor, chances: Tensor) -> Tensor:
    """A timestep for each of ``chances`` (n,), uniform in 0 to 1, each from its own equal share of ``table``.

    They rise from the first to the last; whose turn it is in a batch is chance enough.
    """
    count = len(chances)
    spread = (torch.arange(count, device=chances.device) + chances) / count
    return table[(spread * len(table)).long().clamp(max=len(table) - 1)]


@dataclass
class _Averaged:
    """Swaps the averaged weights in, and the trained ones back."""

    stage: DiffusionStage

    def __enter__(self):
        stage, self.kept = self.stage, {}
        for name, average in stage.averages.items():
            module = stage.modules[name]
            self.kept[name] = [w.detach().clone() for w in module.parameters()]
            _copy(average, module)
            module.eval()
        text_encoder, unet = stage.modules["text_encoder"], stage.modules["unet"]
        return build_pipeline(stage.vae, text_encoder, stage.tokenizer, unet)

    def __exit__(self, *problem) -> None:
        for name, kept in self.kept.items():
            _copy(kept, self.stage.modules[name])
            self.stage.modules[name].train()


@torch.no_grad()
def _copy(weights: list[Tensor], module: nn.Module) -> None:
    """Write weights into a module, in place, so that a recorded step still finds them."""
    torch._foreach_copy_(list(module.parameters()), weights)
