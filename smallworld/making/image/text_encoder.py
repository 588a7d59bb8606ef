"""The stage between: the text encoder learns to tell the facts of captions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from smallworld.making.image.data import THINGS, Pictures, tokenise
from smallworld.making.image.model import training_precision
from smallworld.making.image.settings import AUTOENCODER_ONLY, DIFFUSION_ONLY, Settings
from smallworld.making.image.stage import Stage, batch_numbers
from smallworld.world.captions import caption
from smallworld.world.scenes import Scene
from smallworld.world.vocabulary import PLACES, TIMES, colors_of, things_in

UNSAID = -100  # label of a fact that a scene does not have: the colour of nothing
FACTS: dict[str, tuple] = {
    "place": tuple(PLACES),
    "time": tuple(TIMES),
    "thing": THINGS,
    "color": tuple(dict.fromkeys(color for thing in THINGS if thing for color in colors_of(thing))),
    "count": (0, 1, 2, 3),
}


class TextStage(Stage):
    """Captions -> the facts of their scenes, by linear heads on the mean state, which are thrown away.

    So the UNet meets states that tell things and colours apart from its first step on; Stable Diffusion's
    text encoder has read captions before, too (CLIP, Radford et al. 2021). All captions are worded and cut
    into tokens before the first step.
    """

    name = "text"
    elsewhere = (*AUTOENCODER_ONLY, *DIFFUSION_ONLY)

    def __init__(self, settings: Settings, folder: Path, parts: dict, data: Pictures, device: torch.device):
        super().__init__(settings, folder, device)
        self.tokenizer, self.data = parts["tokenizer"], data.fingerprint
        scenes = caption_scenes(settings, data.facts)
        rng = random.Random(f"text captions {settings.seed}")
        texts = [caption(scene, rng) for scene in scenes]
        self.ids = tokenise(self.tokenizer, texts).to(device)
        self.labels = torch.tensor([labels_of(scene) for scene in scenes]).to(device)
        width = parts["text_encoder"].config.hidden_size
        heads = nn.ModuleDict({name: nn.Linear(width, len(values)) for name, values in FACTS.items()})
        self.set_up({"text_encoder": parts["text_encoder"], "heads": heads})

    def read(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Logits (texts, values) of each fact."""
        return self.read_ids(tokenise(self.tokenizer, texts).to(self.device))

    def read_ids(self, ids: Tensor) -> dict[str, Tensor]:
        """Logits (texts, values) of each fact from token ids (texts, positions)."""
        with training_precision(self.device):
            states = self.modules["text_encoder"](ids)[0].mean(dim=1)
            return {name: head(states) for name, head in self.modules["heads"].items()}

    def update(self) -> dict[str, Tensor]:
        rows = slice(self.step * self.batch, (self.step + 1) * self.batch)
        logits = self.read_ids(self.ids[rows])
        labels = dict(zip(FACTS, self.labels[rows].T, strict=True))
        losses = [
            cross_entropy(logits[name].float(), labels[name], ignore_index=UNSAID, reduction="sum")
            for name in FACTS
        ]
        loss = torch.stack(losses).sum() / self.batch
        self.set_rate()
        self.apply(loss)
        return {"facts": loss}


def labels_of(scene: Scene) -> list[int]:
    """A scene's facts as numbers, in the order of ``FACTS``; ``UNSAID`` where it has none."""
    values = {name: getattr(scene, name) for name in FACTS}
    return [FACTS[name].index(value) if value in FACTS[name] else UNSAID for name, value in values.items()]


def caption_scenes(settings: Settings, facts: Sequence[Scene]) -> list[Scene]:
    """The scenes of all captions of the stage, step after step; in some the thing is out of place."""
    rng = random.Random(f"text {settings.seed}")
    scenes = []
    for step in range(settings.text_steps):
        for number in batch_numbers(len(facts), settings.text_batch, step, settings.seed):
            scenes.append(out_of_place(facts[number], settings.text_odd_share, rng))
    return scenes


def out_of_place(scene: Scene, share: float, rng: random.Random) -> Scene:
    """Now and then, the scene with a thing that its place never has, such as a boat in the desert.

    No split holds such scenes, and nobody draws them; their captions teach that a thing's word, and not its
    company, says what it is.
    """
    others = [thing for thing in THINGS if thing and thing not in things_in(scene.place)]
    if not scene.thing or rng.random() >= share:
        return scene
    thing = rng.choice(others)
    return replace(scene, thing=thing, color=rng.choice(colors_of(thing)))
