"""What the stages of the image model's training share: checkpoints, the rate, and the loop.

A stage is what a checkpoint keeps and one update. On a CPU everything random in an update depends on the seed
and the step alone, so a stage that was stopped goes on as if it had not been.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from smallworld.making.image.settings import Settings
from smallworld.making.training import TrainingError, read_checkpoint, write_checkpoint

REPORT_EVERY = 100  # steps between two readings of the loss, which make a GPU wait


class Stage:
    """A stage in progress. ``settings`` and ``data`` (a fingerprint) must be those of the checkpoint.

    ``limit``: seconds of training after which the stage ends, or None: then its steps decide alone.
    """

    name = ""
    elsewhere: tuple[str, ...] = ()  # how the settings begin that do not concern this stage

    def __init__(self, settings: Settings, folder: Path, device: torch.device):
        self.settings, self.folder, self.device = settings, folder, device
        self.total: int = getattr(settings, f"{self.name}_steps")
        self.batch: int = getattr(settings, f"{self.name}_batch")
        self.peak: float = getattr(settings, f"{self.name}_rate")
        self.limit: float | None = None
        self.modules: dict[str, nn.Module] = {}
        self.optimizer: torch.optim.Optimizer
        self.step, self.seconds, self.data, self.stopped = 0, 0.0, "", False
        self.curve: list[dict] = []

    def update(self) -> dict[str, Tensor]:
        """One step: the losses by name, still on the device."""
        raise NotImplementedError

    # -------------------------------------------------------------- what a checkpoint keeps
    def set_up(self, modules: dict[str, nn.Module]) -> None:
        """Take the modules to be trained, and what the last checkpoint in the folder knows of them."""
        self.modules = {name: module.to(self.device).train() for name, module in modules.items()}
        if self.device.type == "cpu":  # convolutions are quicker so there
            for module in modules.values():
                module.to(memory_format=torch.channels_last)
        weights = [weight for module in self.modules.values() for weight in module.parameters()]
        groups = [
            {"params": [w for w in weights if w.ndim >= 2], "weight_decay": self.settings.weight_decay},
            {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
        ]
        # A rate on the device can change between the replays of a recorded step.
        on_gpu = self.device.type == "cuda"
        rate = torch.tensor(self.peak, device=self.device) if on_gpu else self.peak
        self.optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=True, capturable=on_gpu)
        self.set_up_more()
        state = read_checkpoint(self.folder, self.name)
        if state:
            self.restore(state)

    def set_up_more(self) -> None:
        """What a stage keeps beside modules and optimiser, before a checkpoint is read."""

    def state(self) -> dict:
        """All that is needed to go on."""
        return {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimizer": self.optimizer.state_dict()["state"],
            "settings": asdict(self.settings),
            "data": self.data,
            **{name: getattr(self, name) for name in ("step", "seconds", "curve")},
        }

    def restore(self, state: dict) -> None:
        """Go back to where ``state`` was saved. Other settings or another world: TrainingError."""
        ours, theirs = asdict(self.settings), state["settings"]
        changed = [k for k in ours if ours[k] != theirs.get(k) and not k.startswith(self.elsewhere)]
        changed += ["the drawn world"] if state["data"] != self.data else []
        if changed:
            raise TrainingError(
                f"{self.folder} holds a run with other settings ({', '.join(changed)}): add --fresh to start "
                "anew (the old folder is kept beside it) or name another --output."
            )
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        groups = self.optimizer.state_dict()["param_groups"]  # those of this device, not of the last run's
        rates = [group["lr"] for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        for weight, kept in self.optimizer.state.items():  # in the memory's order of this device
            for name in ("exp_avg", "exp_avg_sq"):
                kept[name] = torch.empty_like(weight).copy_(kept[name])
        self.step, self.seconds, self.curve = state["step"], state["seconds"], state["curve"]

    # -------------------------------------------------------------- one step
    def progress(self) -> float:
        """The share of the stage that is done, 0 to 1: of its steps or of its time, whichever is more."""
        by_steps = self.step / self.total
        by_time = self.seconds / self.limit if self.limit else 0.0
        return min(1.0, max(by_steps, by_time))

    def set_rate(self) -> None:
        """Give the optimiser the learning rate of this step."""
        own = self.settings
        rate = learning_rate(self.step, self.progress(), self.peak, own.warmup, own.decay_share)
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def apply(self, loss: Tensor) -> None:
        """Gradients of the loss, clipped at norm 1, and one step of the optimiser."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for group in self.optimizer.param_groups:
            torch.nn.utils.clip_grad_norm_(group["params"], 1.0)
        self.optimizer.step()

    def chance(self) -> torch.Generator:
        """The generator of this step, on the stage's device."""
        return torch.Generator(self.device).manual_seed(self.step_seed())

    def step_seed(self) -> int:
        """A number that the seed and the step decide."""
        (number,) = np.random.SeedSequence([self.settings.seed, self.step]).generate_state(1, np.uint64)
        return int(number >> 1)


def learning_rate(step: int, progress: float, peak: float, warmup: int, decay_share: float) -> float:
    """Warm-up over ``warmup`` steps, then constant, then linear decay to zero, which ``progress`` 1 reaches.

    ``progress`` is the share of the stage that is done, ``decay_share`` the share in which the rate falls.
    """
    warm = (step + 1) / max(1, warmup)
    cool = (1 - progress) / max(1e-9, decay_share)
    return peak * max(0.0, min(1.0, warm, cool))


def train(
    stage: Stage,
    look: Callable[[Stage], dict[str, float]] | None = None,
    look_every: int = 1_000,
    checkpoint_minutes: float = 1.0,
    stop_at: int | None = None,
    after_step: Callable[[Stage], None] | None = None,
) -> None:
    """From where the stage stands to its end, to step ``stop_at``, or to the first Ctrl-C.

    ``look`` measures how far the stage is, every ``look_every`` steps and at the end; its numbers join the
    curve. ``after_step`` is called after every step.
    """
    started, earlier, saved = time.monotonic(), stage.seconds, time.monotonic()
    bar = tqdm(total=stage.total, initial=stage.step, desc=stage.name, unit=" steps", mininterval=10)
    losses = _Losses(stage)
    try:
        while stage.progress() < 1 and stage.step < (stop_at or stage.total):
            losses.add(stage.update())
            stage.step += 1
            stage.seconds = earlier + time.monotonic() - started
            bar.update()
            look_due = stage.step % look_every == 0 or stage.progress() >= 1
            if stage.step % REPORT_EVERY == 0 or look_due:
                bar.set_postfix_str(losses.report(), refresh=False)
            if after_step:
                after_step(stage)
            if look and look_due:
                stage.curve[-1] |= look(stage)
                tqdm.write(f"{stage.name} {stage.curve[-1]}")
                losses.start()
            if time.monotonic() - saved > 60 * checkpoint_minutes:
                write_checkpoint(stage.folder, stage.state(), stage.name)
                saved = time.monotonic()
    except KeyboardInterrupt:
        stage.stopped = True
    bar.close()
    write_checkpoint(stage.folder, stage.state(), stage.name)


class _Losses:
    """The losses since the last report, added up on the device, so that no step waits for a number."""

    def __init__(self, stage: Stage):
        self.stage = stage
        self.start()

    def start(self) -> None:
        """Count from here."""
        self.sums: dict[str, Tensor] = {}
        self.steps, self.since = 0, time.monotonic()

    def add(self, losses: dict[str, Tensor]) -> None:
        """Add the losses of a step; the tensors may be overwritten afterwards."""
        for name, loss in losses.items():
            if name in self.sums:
                self.sums[name] += loss.detach()
            else:
                self.sums[name] = loss.detach().clone()
        self.steps += 1

    def report(self) -> str:
        """Put the means into the stage's curve, begin anew, and say means and speed."""
        means = {name: round(total.item() / self.steps, 5) for name, total in self.sums.items()}
        speed = self.steps * self.stage.batch / (time.monotonic() - self.since)
        self.stage.curve.append({"step": self.stage.step} | means)
        self.start()
        texts = [f"{name} {mean:.4f}" for name, mean in means.items()]
        return ", ".join([*texts, f"{speed:,.0f} pictures/s"])


def batch_numbers(count: int, size: int, step: int, seed: int) -> np.ndarray:
    """Which of ``count`` items the batch of a step holds: every epoch all of them once, shuffled anew."""
    per_epoch = count // size
    order = _order(count, seed, step // per_epoch)
    first = step % per_epoch * size
    return order[first : first + size]


@lru_cache(maxsize=4)
def _order(count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, count]).permutation(count)
