"""A training run of a language model: its loop, what a checkpoint keeps, what is exported, its command.

``text.py``, ``fill.py`` and ``melodies.py`` say what is special about their models; all else stands here.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import transformers
from torch import Tensor
from tqdm.auto import tqdm

from smallworld.making.cards.writer import Card, changed_settings, write_card
from smallworld.making.processes import (
    is_first,
    join_processes,
    leave_processes,
    place_among_processes,
    wait_for_all,
)
from smallworld.making.training import (
    TrainingError,
    deliver,
    learning_rate,
    new_folder,
    prepare_output,
    replace_folder,
    require_start,
    settings_from,
    settle_device,
    start_folder,
    write_checkpoint,
)


@dataclass(kw_only=True)
class Run:
    """A training run in progress: what a checkpoint keeps, and where it is kept.

    ``data_mark`` is the fingerprint of the data: a checkpoint of other data is refused.
    """

    settings: Any
    folder: Path
    data_mark: str
    tokenizer: Any
    model: Any
    optimizer: torch.optim.Optimizer
    step: int = 0
    total: int = 0
    seconds: float = 0.0
    curve: Any = field(default_factory=list)
    recent: list[float] = field(default_factory=list)  # losses since the last point of the curve

    card: ClassVar[Card]
    point_every: ClassVar[int]  # steps from one point of the loss curve to the next
    may_change: ClassVar[tuple[str, ...]] = ()  # settings with which a stopped run may go on changed

    def batches(self) -> Iterator[tuple[Tensor, ...]]:
        """The batches from the run's next step on, without end."""
        raise NotImplementedError

    def update(self, *batch: Tensor) -> float:
        """One step on one batch; returns its loss in nats."""
        raise NotImplementedError

    def fresh_model(self) -> Any:
        """A model of this kind and size, as it is to be exported, without the run's weights."""
        raise NotImplementedError

    def training_tokens(self) -> int:
        """The number of tokens that the run is trained on."""
        raise NotImplementedError

    def planned_steps(self) -> int:
        """Steps in all, decided anew after each step."""
        return self.total

    def loss_curve(self) -> list:
        """The points [step, loss] of the training loss."""
        return self.curve

    def look(self) -> None:
        """After each step: measure and show how far the run is, where it is time to."""

    def record(self) -> dict:
        """What is kept with the weights: settings, time and the loss curve."""
        threads = torch.get_num_threads()
        return {
            "settings": {**asdict(self.settings), "start_from": Path(self.settings.start_from).name},
            "steps": self.step,
            "versions": {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__},
            "minutes": round(self.seconds / 60, 1),
            "device": "GPU" if self.model.device.type == "cuda" else f"CPU, {threads} threads",
            "training_tokens": self.training_tokens(),
            "parameters": sum(weight.numel() for weight in self.model.parameters()),
            "curve": self.curve,
        }


# ------------------------------------------------------------------ stopping and going on
KEPT = ("step", "total", "seconds", "curve", "recent")


def save_checkpoint(run: Run) -> None:
    """Write all that the run needs to go on; of several processes the first one writes."""
    if not is_first():
        return
    state = {
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "settings": asdict(run.settings),
        "data": run.data_mark,
        **{name: getattr(run, name) for name in KEPT},
    }
    write_checkpoint(run.folder, state)


def restore(run: Run, state: dict) -> None:
    """Put the run back to where ``state`` was saved. Other settings or other stories: TrainingError."""
    changed = changed_settings(asdict(run.settings), state["settings"], run.may_change)
    if state["data"] != run.data_mark:
        changed.append(f"the world's {run.card.data}")
    if changed:
        raise TrainingError(
            f"{run.folder} holds a run with other settings ({', '.join(changed)}): add --fresh to start anew "
            "(the old folder is kept beside it) or name another --output."
        )
    run.model.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
    for name in KEPT:
        setattr(run, name, state[name])


# ------------------------------------------------------------------ the loop
def train(run: Run, checkpoint_minutes: float = 3.0, stop_at: int | None = None) -> Run:
    """The training loop: from where the run stands to its last step (or to ``stop_at``)."""
    started, earlier, saved = time.monotonic(), run.seconds, time.monotonic()
    batches = run.batches()
    run.total = run.total or run.settings.steps
    bar = tqdm(total=run.total, initial=run.step, desc="training", unit=" steps", mininterval=2,
               disable=not is_first())  # fmt: skip
    while run.step < min(run.total, stop_at or run.total):
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(run.step, run.total, run.settings)
        run.recent.append(run.update(*next(batches)))
        run.step += 1
        run.seconds = earlier + time.monotonic() - started
        bar.total = run.total = run.planned_steps()
        bar.update()
        if run.step % run.point_every == 0 or run.step == run.total:
            add_point(run, bar)
        run.look()
        if time.monotonic() - saved > 60 * checkpoint_minutes:
            save_checkpoint(run)
            saved = time.monotonic()
    bar.close()
    save_checkpoint(run)
    return run


def add_point(run: Run, bar: tqdm) -> None:
    """The mean loss of the steps since the last point joins the curve and stands beside the bar."""
    loss = float(np.mean(run.recent))
    bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
    run.loss_curve().append([run.step, round(loss, 4)])
    run.recent.clear()


# ------------------------------------------------------------------ export
def export(run: Run, folder: Path) -> None:
    """Write model (float16 safetensors), tokenizer, record and model card to ``folder``, all or nothing."""
    new = new_folder(folder)
    model = run.fresh_model()
    model.load_state_dict(run.model.state_dict())
    model.half().save_pretrained(new)
    run.tokenizer.save_pretrained(new)
    (new / "model.safetensors").chmod(0o644)
    (new / run.card.record).write_text(json.dumps(run.record()) + "\n", encoding="utf-8")
    write_card(new, run.card)
    replace_folder(new, folder)


# ------------------------------------------------------------------ the command
def carry_out(
    chosen: argparse.Namespace, kind: type, shipped: Path, start_run: Callable[[Any, Path, str], Run]
) -> None:
    """Train (or go on training), export to OUTPUT/model and, for a full run, to ``shipped``.

    ``kind``: the class of the settings; ``start_run(settings, folder, device)`` gives the run.
    """
    transformers.utils.logging.disable_progress_bar()
    device = settle_device(chosen)
    settings = settings_from(chosen, kind)
    try:
        require_start(settings.start_from, start_folder(settings.start_from, shipped), "config.json")
        join_processes(device)
        if is_first():
            prepare_output(chosen.output, chosen.fresh, chosen.resume)
        wait_for_all()
        run = start_run(settings, chosen.output, device)
    except TrainingError as problem:
        raise SystemExit(f"training: {problem}") from None
    if is_first():
        announce(run, device)
    train(run)
    full = not changed_settings(asdict(settings), asdict(kind()), run.may_change)
    ship = full if chosen.ship is None else chosen.ship
    if is_first():
        deliver(lambda folder: export(run, folder), chosen.output, shipped, ship)
    leave_processes()


def announce(run: Run, device: str) -> None:
    """One line on what will be trained, on what and from where."""
    count = place_among_processes()[1]
    where = device if count == 1 else f"{device}, in {count} processes"
    data = run.card.data  # "stories" or "tunes": the name of the setting that says how many
    size = f"{getattr(run.settings, data):,} {data}, {run.training_tokens():,} tokens"
    print(f"{size}; step {run.step} of {run.total or run.settings.steps}, on {where}")
    if run.total and run.step >= run.total:
        print("this run is complete: exporting it once more (--fresh trains anew)")
