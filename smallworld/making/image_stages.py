"""The stages of the image model's training: the autoencoder, the text encoder, and the UNet with it.

A stage is what a checkpoint keeps, one update, and a look at how far it is. Everything random in an update
depends on the seed and the step alone, so a stage that was stopped goes on as if it had not been.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss
from tqdm.auto import tqdm

from smallworld.judges import pictures as judge
from smallworld.making import picture_judge
from smallworld.making.training import (
    TrainingError,
    mixed_precision,
    read_checkpoint,
    scheduled_rate,
    write_checkpoint,
)
from smallworld.world.captions import caption
from smallworld.world.drawing import things_mask
from smallworld.world.scenes import Scene
from smallworld.world.vocabulary import colors_of, things_in


@dataclass(frozen=True)
class Settings:
    """All that decides the result."""

    scenes: int = 60_000
    shapes: int = 12_000
    seed: int = 0
    latent_channels: int = 8
    autoencoder_steps: int = 24_000
    autoencoder_batch: int = 8
    autoencoder_rate: float = 3e-3
    shapes_share: float = 0.25
    things_weight: float = 2.0
    gradient_weight: float = 0.5
    kl_weight: float = 2e-4
    text_steps: int = 1_500
    text_batch: int = 64
    text_rate: float = 2e-3
    text_odd_share: float = 0.3
    diffusion_steps: int = 16_000
    diffusion_batch: int = 64
    diffusion_rate: float = 1e-3
    no_caption_share: float = 0.1
    focus: float = 0.6
    ema_decay: float = 0.999
    warmup: int = 200
    decay_share: float = 0.7
    weight_decay: float = 0.01
    start_from: str = ""


AUTOENCODER_ONLY = ("autoencoder", "shapes", "things_weight", "gradient_weight", "kl_weight")
DIFFUSION_ONLY = ("diffusion", "no_caption_share", "focus", "ema_decay")


class Stage:
    """A stage in progress. ``settings`` and ``data`` (a fingerprint) must be those of the checkpoint."""

    name = ""
    elsewhere: tuple[str, ...] = ()  # how the settings begin that do not concern this stage

    def __init__(self, settings: Settings, folder: Path, steps: int, peak: float, device: torch.device):
        self.settings, self.folder, self.total, self.peak = settings, folder, steps, peak
        self.device = device
        self.modules: dict[str, nn.Module] = {}
        self.optimizer: torch.optim.Optimizer
        self.step, self.seconds, self.data, self.stopped = 0, 0.0, "", False
        self.curve: list[dict] = []

    def update(self) -> dict[str, float]:
        """One step: the losses by name."""
        raise NotImplementedError

    def look(self) -> dict[str, float]:
        """Measure and picture how far the stage is; the numbers join the curve."""
        raise NotImplementedError

    def set_up(self, modules: dict[str, nn.Module]) -> None:
        """Take the modules to be trained, and what the last checkpoint in the folder knows of them."""
        self.modules = {name: module.to(self.device).train() for name, module in modules.items()}
        weights = [weight for module in self.modules.values() for weight in module.parameters()]
        groups = [
            {"params": [w for w in weights if w.ndim >= 2], "weight_decay": self.settings.weight_decay},
            {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=self.peak, betas=(0.9, 0.99))
        state = read_checkpoint(self.folder, self.name)
        if state:
            self.restore(state)

    def state(self) -> dict:
        """All that is needed to go on."""
        return {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimizer": self.optimizer.state_dict(),
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
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds, self.curve = state["step"], state["seconds"], state["curve"]

    def apply(self, loss: Tensor) -> None:
        """Gradients of the loss, clipped at norm 1, and one step of the optimiser at the scheduled rate."""
        loss.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = scheduled_rate(
                self.step, self.total, self.peak, self.settings.warmup, self.settings.decay_share
            )
            torch.nn.utils.clip_grad_norm_(group["params"], 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def chance(self) -> torch.Generator:
        """The generator of this step, on the CPU, so that a seed means the same on every device."""
        (number,) = np.random.SeedSequence([self.settings.seed, self.step]).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(number >> 1))


def train(stage: Stage, look_every: int, checkpoint_minutes: float = 3.0, stop_at: int | None = None) -> None:
    """From where the stage stands to its last step, to ``stop_at``, or to the first Ctrl-C."""
    started, earlier, saved = time.monotonic(), stage.seconds, time.monotonic()
    losses: list[dict[str, float]] = []
    bar = tqdm(total=stage.total, initial=stage.step, desc=stage.name, unit=" steps", mininterval=5)
    try:
        while stage.step < min(stage.total, stop_at or stage.total):
            losses.append(stage.update())
            stage.step += 1
            stage.seconds = earlier + time.monotonic() - started
            bar.update()
            if stage.step % 100 == 0 or stage.step == stage.total:
                means = {name: round(float(np.mean([one[name] for one in losses])), 5) for name in losses[0]}
                stage.curve.append({"step": stage.step} | means)
                bar.set_postfix_str(", ".join(f"{k} {v:.4f}" for k, v in means.items()), refresh=False)
                losses = []
            if stage.step % look_every == 0 or stage.step == stage.total:
                stage.curve[-1] |= stage.look()
                tqdm.write(f"{stage.name} {stage.curve[-1]}")
            if time.monotonic() - saved > 60 * checkpoint_minutes:
                write_checkpoint(stage.folder, stage.state(), stage.name)
                saved = time.monotonic()
    except KeyboardInterrupt:
        stage.stopped = True
    bar.close()
    write_checkpoint(stage.folder, stage.state(), stage.name)


def batch_numbers(count: int, size: int, step: int, seed: int) -> np.ndarray:
    """Which of ``count`` items the batch of a step holds: every epoch all of them once, shuffled anew."""
    per_epoch = count // size
    order = _order(count, seed, step // per_epoch)
    first = step % per_epoch * size
    return order[first : first + size]


@lru_cache(maxsize=4)
def _order(count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, count]).permutation(count)


# ------------------------------------------------------------------ the autoencoder
class AutoencoderStage(Stage):
    """Pictures -> latents -> the same pictures (Kingma and Welling 2014; Rombach et al. 2022)."""

    name = "autoencoder"
    elsewhere = ("text", *DIFFUSION_ONLY)

    def __init__(
        self, settings: Settings, folder: Path, vae: nn.Module, data: Pictures, device: torch.device
    ):
        super().__init__(settings, folder, settings.autoencoder_steps, settings.autoencoder_rate, device)
        self.pictures, self.data = data, data.fingerprint
        self.set_up({"vae": vae})

    def update(self) -> dict[str, float]:
        own, chance = self.settings, self.chance()
        odd = round(own.shapes_share * own.autoencoder_batch)
        scenes = batch_numbers(own.scenes, own.autoencoder_batch - odd, self.step, own.seed)
        shapes = batch_numbers(own.shapes, odd, self.step, own.seed + 1) if odd else []
        array = np.concatenate([self.pictures.scenes[scenes], self.pictures.shapes[shapes]])
        pixels = to_pixels(array).to(self.device)
        weights = torch.ones(len(array), 1, *array.shape[1:3])
        for row, number in enumerate(scenes):
            weights[row, 0][torch.from_numpy(things_mask(self.pictures.facts[number]))] = own.things_weight
        vae = self.modules["vae"]
        with mixed_precision(self.device):
            latents = vae.encode(pixels).latent_dist
            noise = torch.randn(latents.mean.shape, generator=chance).to(self.device)
            again = vae.decode(latents.mean + latents.std * noise).sample
        kl = latents.kl().float().mean() / latents.mean[0].numel()
        picture, edges = picture_loss(again.float(), pixels, weights.to(self.device))
        self.apply(picture + own.gradient_weight * edges + own.kl_weight * kl)
        return {"picture": picture.item(), "edges": edges.item(), "kl": kl.item()}

    @torch.no_grad()
    def look(self) -> dict[str, float]:
        """PSNR in decibels on validation scenes and on shapes never trained on, and a sheet of both."""
        from smallworld.judges.measures import psnr
        from smallworld.making.image_pipeline import grid

        vae, result, rows = self.modules["vae"].eval(), {}, []
        for name, pictures in self.pictures.held_out().items():
            with mixed_precision(self.device):
                again = vae(to_pixels(pictures).to(self.device)).sample.float().cpu()
            again = to_bytes(again)
            result[f"psnr_{name}"] = round(float(psnr(pictures, again).mean()), 3)
            rows += [pictures[:12], again[:12]]
        vae.train()
        grid(np.concatenate(rows), columns=12).save(self.folder / "autoencoder.png")
        return result


def picture_loss(found: Tensor, wanted: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """How far pictures (n, 3, height, width) in -1 to 1 are apart: in colour, and in their differences.

    Colour: absolute error plus three times the squared one, weighted by ``weights`` (n, 1, height, width).
    Differences between neighbouring pixels: absolute error, which keeps edges sharp.
    """
    error = (found - wanted).abs()
    colour = (weights * (error + 3 * error.square())).sum() / weights.sum() / found.shape[1]
    edges = sum(l1_loss(found.diff(dim=axis), wanted.diff(dim=axis)) for axis in (2, 3))
    return colour, edges


def to_pixels(array: np.ndarray) -> Tensor:
    """uint8 pictures (n, height, width, 3) -> float32 (n, 3, height, width) in -1 to 1."""
    return torch.from_numpy(np.array(array)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_bytes(pixels: Tensor) -> np.ndarray:
    """The reverse of ``to_pixels``; values outside -1 to 1 are clipped."""
    bytes_ = ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return bytes_.permute(0, 2, 3, 1).cpu().numpy()


@torch.no_grad()
def standardise(vae: nn.Module, means: Tensor, spreads: Tensor) -> None:
    """Shift and scale the latent channels to mean 0 and spread 1, inside the weights; pictures stay the same.

    ``means`` and ``spreads``: (channels,), as measured. The two convolutions next to the latents are 1x1, so
    that this is exact, and ``scaling_factor`` becomes 1.
    """
    moments, back, channels = vae.quant_conv, vae.post_quant_conv, len(means)
    back.bias += torch.einsum("oc,c->o", back.weight[:, :, 0, 0], means)
    back.weight *= spreads[None, :, None, None]
    moments.weight[:channels] /= spreads[:, None, None, None]
    moments.bias[:channels] = (moments.bias[:channels] - means) / spreads
    moments.bias[channels:] -= 2 * spreads.log()
    vae.register_to_config(scaling_factor=1.0)


# ------------------------------------------------------------------ the text encoder
class TextStage(Stage):
    """Captions -> the facts of their scenes, by linear heads on the mean state, which are thrown away.

    So the UNet meets states that tell things and colours apart from its first step on; Stable Diffusion's
    text encoder has read captions before, too (CLIP, Radford et al. 2021).
    """

    name = "text"
    elsewhere = (*AUTOENCODER_ONLY, *DIFFUSION_ONLY)

    def __init__(self, settings: Settings, folder: Path, parts: dict, data: Pictures, device: torch.device):
        super().__init__(settings, folder, settings.text_steps, settings.text_rate, device)
        self.tokenizer, self.facts, self.data = parts["tokenizer"], data.facts, data.fingerprint
        width = parts["text_encoder"].config.hidden_size
        heads = nn.ModuleDict({name: nn.Linear(width, len(values)) for name, values in judge.FACTS.items()})
        self.set_up({"text_encoder": parts["text_encoder"], "heads": heads})

    def read(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Logits (texts, values) of each fact."""
        ids = tokenise(self.tokenizer, texts).to(self.device)
        with mixed_precision(self.device):
            states = self.modules["text_encoder"](ids)[0].mean(dim=1)
            return {name: head(states) for name, head in self.modules["heads"].items()}

    def update(self) -> dict[str, float]:
        own = self.settings
        numbers = batch_numbers(own.scenes, own.text_batch, self.step, own.seed)
        rng = random.Random(f"text {own.seed} {self.step}")
        scenes = [out_of_place(self.facts[number], own.text_odd_share, rng) for number in numbers]
        texts = [caption(scene, rng) for scene in scenes]
        labels = torch.tensor([picture_judge.targets_of(scene)[0] for scene in scenes])
        loss = picture_judge.fact_loss(self.read(texts), labels.to(self.device))
        self.apply(loss)
        return {"facts": loss.item()}

    @torch.no_grad()
    def look(self) -> dict[str, float]:
        """Shares of validation captions whose place, time, thing and colour, as far as said, are read."""
        from smallworld.world.prompts import caption_requests

        asked = caption_requests("validation", 8, 0)
        found = self.read([one.prompt for one in asked])
        result = {}
        for name in ("place", "time", "thing", "color"):
            values = [judge.FACTS[name][i] for i in found[name].argmax(dim=-1).tolist()]
            pairs = zip(asked, values, strict=True)
            right = [one.facts[name] == value for one, value in pairs if name in one.facts]
            result[name] = round(float(np.mean(right)), 4)
        return result


def out_of_place(scene: Scene, share: float, rng: random.Random) -> Scene:
    """Now and then, the scene with a thing that its place never has, such as a boat in the desert.

    No split holds such scenes, and nobody draws them; their captions teach that a thing's word, and not its
    company, says what it is.
    """
    others = [thing for thing in judge.FACTS["thing"] if thing and thing not in things_in(scene.place)]
    if not scene.thing or rng.random() >= share:
        return scene
    thing = rng.choice(others)
    return replace(scene, thing=thing, color=rng.choice(colors_of(thing)))


# ------------------------------------------------------------------ the UNet and the text encoder
class DiffusionStage(Stage):
    """Noisy latents and a caption -> v, from which the clean latents follow (Salimans and Ho 2022)."""

    name = "diffusion"
    elsewhere = AUTOENCODER_ONLY

    def __init__(self, settings: Settings, folder: Path, parts: dict, data: Latents, device: torch.device):
        from diffusers.training_utils import EMAModel

        super().__init__(settings, folder, settings.diffusion_steps, settings.diffusion_rate, device)
        self.tokenizer, self.vae, self.scheduler = (parts[k] for k in ("tokenizer", "vae", "scheduler"))
        self.latents, self.data = data, data.fingerprint
        names = ("unet", "text_encoder")
        self.averages = {
            name: EMAModel(
                parts[name].parameters(), decay=settings.ema_decay, use_ema_warmup=True, power=0.75
            )
            for name in names
        }
        self.set_up({name: parts[name] for name in names})
        for average in self.averages.values():
            average.to(device)

    def state(self) -> dict:
        return super().state() | {"averages": {k: v.state_dict() for k, v in self.averages.items()}}

    def restore(self, state: dict) -> None:
        super().restore(state)
        for name, average in self.averages.items():
            average.load_state_dict(state["averages"][name])

    def update(self) -> dict[str, float]:
        own, chance = self.settings, self.chance()
        numbers = batch_numbers(own.scenes, own.diffusion_batch, self.step, own.seed)
        clean = self.latents.sample(numbers, chance)
        noise = torch.randn(clean.shape, generator=chance)
        timesteps = draw_timesteps(len(clean), self.scheduler.config.num_train_timesteps, own.focus, chance)
        noisy = self.scheduler.add_noise(clean, noise, timesteps).to(self.device)
        wanted = self.scheduler.get_velocity(clean, noise, timesteps).to(self.device)
        rng = random.Random(f"captions {own.seed} {self.step}")
        texts = [
            "" if rng.random() < own.no_caption_share else caption(self.latents.facts[number], rng)
            for number in numbers
        ]
        ids = tokenise(self.tokenizer, texts).to(self.device)
        with mixed_precision(self.device):
            states = self.modules["text_encoder"](ids)[0]
            found = self.modules["unet"](noisy, timesteps.to(self.device), states).sample
        loss = mse_loss(found.float(), wanted)
        self.apply(loss)
        for name, average in self.averages.items():
            average.step(self.modules[name].parameters())
        return {"v": loss.item()}

    def look(self) -> dict[str, float]:
        """The judge on validation captions drawn by the averaged weights, and a sheet of the pictures."""
        from smallworld.judges.measures import EVERY_FACT, accuracy
        from smallworld.making.image_pipeline import generate, grid
        from smallworld.world.prompts import ARTICLE_REQUEST, caption_requests

        asked = [*[ARTICLE_REQUEST] * 4, *caption_requests("validation", 2, 0)]
        with self.averaged() as pipe:
            pictures = generate(pipe, [one.prompt for one in asked], range(len(asked)))
        grid(pictures, columns=12).save(self.folder / "diffusion.png")
        found = accuracy(asked[4:], judge.load().read(pictures[4:]))
        return {fact: found[fact]["share"] for fact in ("all", *EVERY_FACT)}

    def averaged(self):
        """A context in which the modules hold their averaged weights; it gives the pipeline."""
        return _Averaged(self)


class _Averaged:
    """Swaps the averaged weights in, and the trained ones back."""

    def __init__(self, stage: DiffusionStage):
        self.stage = stage

    def __enter__(self):
        from smallworld.making.image_model import build_pipeline

        stage = self.stage
        for name, average in stage.averages.items():
            average.store(stage.modules[name].parameters())
            average.copy_to(stage.modules[name].parameters())
            stage.modules[name].eval()
        text_encoder, unet = stage.modules["text_encoder"], stage.modules["unet"]
        return build_pipeline(stage.vae, text_encoder, stage.tokenizer, unet)

    def __exit__(self, *problem) -> None:
        for name, average in self.stage.averages.items():
            average.restore(self.stage.modules[name].parameters())
            self.stage.modules[name].train()


def draw_timesteps(count: int, steps: int, focus: float, chance: torch.Generator) -> Tensor:
    """Training timesteps (count,) from 0 to ``steps`` - 1, each from its own equal share of the distribution.

    The share ``focus`` is logit-normal (Esser et al. 2024): the middle noise levels, where things are formed,
    come up most. The rest is uniform, so that none is forgotten.
    """
    spread = torch.randperm(count, generator=chance) + torch.rand(count, generator=chance)
    share = (spread / count).double()
    bell = torch.sigmoid(-0.6 + 0.8 * torch.special.ndtri(share / max(focus, 1e-9)))
    even = (share - focus) / max(1 - focus, 1e-9)
    return (torch.where(share < focus, bell, even) * steps).long().clamp(0, steps - 1)


def tokenise(tokenizer, texts: Sequence[str]) -> Tensor:
    """Token ids (texts, positions) as the pipeline makes them: cut or padded to all positions."""
    return tokenizer(
        list(texts),
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    ).input_ids


# ------------------------------------------------------------------ data
@dataclass(frozen=True)
class Pictures:
    """``scenes`` and ``shapes``: uint8 (n, 64, 64, 3); ``facts``: the scenes drawn there."""

    facts: Sequence[Scene]
    scenes: np.ndarray
    shapes: np.ndarray
    fingerprint: str

    def held_out(self) -> dict[str, np.ndarray]:
        """96 validation scenes and 96 pictures of the family of shapes that is never trained on."""
        from smallworld.making.evaluation.image_bench import fresh_scenes
        from smallworld.making.image_pipeline import as_array
        from smallworld.world.shapes import random_picture

        rng = random.Random("look at shapes")
        shapes: list[Image.Image] = [random_picture(rng, "unseen") for _ in range(96)]
        scenes = picture_judge.draw_all(fresh_scenes("validation", 96, 0))
        return {"scenes": scenes, "shapes": as_array(shapes)}


@dataclass(frozen=True)
class Latents:
    """``means`` and ``stds``: float16 (n, channels, 16, 16), what the autoencoder says of each scene."""

    facts: Sequence[Scene]
    means: np.ndarray
    stds: np.ndarray
    fingerprint: str

    def sample(self, numbers: np.ndarray, chance: torch.Generator) -> Tensor:
        """Latents drawn from the autoencoder's distribution: float32 (len(numbers), channels, 16, 16)."""
        means, stds = (torch.from_numpy(part[numbers]).float() for part in (self.means, self.stds))
        return means + stds * torch.randn(means.shape, generator=chance)
