"""The parts of the small world's image model: classes of Stable Diffusion, sized for two CPU cores.

An autoencoder turns 64x64 pictures into 16x16 latents, a text encoder reads the prompt, a UNet removes noise
from latents (Rombach et al. 2022). Everything is built from Transformers and Diffusers classes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import torch

from smallworld.world.scenes import SIZE

FACTOR = 4  # pixels of the picture per latent, each way
START, END = "<|startoftext|>", "<|endoftext|>"
GROUPS = 8  # of channels that are normalised together


def train_tokenizer(texts: Iterable[str], vocabulary: int = 2_048, positions: int = 77):
    """A ``CLIPTokenizer`` learnt from ``texts``: byte-level BPE in small letters, as in CLIP.

    All bytes are in the vocabulary, so a word that was never seen is read in pieces. A prompt is padded with
    end tokens to ``positions`` tokens.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    ends = "</w>"
    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    learner = Tokenizer(models.BPE(end_of_word_suffix=ends))
    pattern = CLIPTokenizer(vocab={START: 0, END: 1}, merges=[]).backend_tokenizer
    learner.normalizer, learner.pre_tokenizer = pattern.normalizer, pattern.pre_tokenizer
    room = vocabulary - 2 * len(bytes_) - 2
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, initial_alphabet=bytes_, end_of_word_suffix=ends, show_progress=False
    )
    learner.train_from_iterator(texts, trainer)
    merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]][:room]
    alphabet = [*bytes_, *(byte + ends for byte in bytes_)]
    names = [*alphabet, *("".join(pair) for pair in merges), START, END]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return CLIPTokenizer(vocab=numbers, merges=merges, model_max_length=positions)


def build_vae(widths: tuple[int, ...] = (16, 32, 64), latent_channels: int = 4):
    """A fresh ``AutoencoderKL`` (Kingma and Welling 2014), one layer a block, no attention."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        sample_size=SIZE,
        latent_channels=latent_channels,
        block_out_channels=widths,
        layers_per_block=1,
        norm_num_groups=GROUPS,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        mid_block_add_attention=False,
    )


def build_text_encoder(tokenizer, width: int = 128, layers: int = 2):
    """A fresh ``CLIPTextModel`` for a tokenizer's vocabulary and number of positions."""
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 32),
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def build_unet(widths: tuple[int, ...] = (96, 128, 160), latent_channels: int = 4, text_width: int = 128):
    """A fresh ``UNet2DConditionModel``; it attends to the text everywhere but at the largest size."""
    from diffusers import UNet2DConditionModel

    deeper = len(widths) - 1
    return UNet2DConditionModel(
        sample_size=SIZE // FACTOR,
        in_channels=latent_channels,
        out_channels=latent_channels,
        block_out_channels=widths,
        layers_per_block=1,
        norm_num_groups=GROUPS,
        cross_attention_dim=text_width,
        attention_head_dim=4,  # the number of heads, in spite of its name
        down_block_types=("DownBlock2D", *["CrossAttnDownBlock2D"] * deeper),
        up_block_types=(*["CrossAttnUpBlock2D"] * deeper, "UpBlock2D"),
    )


def build_scheduler():
    """The noise schedule and the sampler that is used if no other is asked for (DDIM, Song et al. 2021).

    At the last training timestep hardly anything of the picture is left, but not nothing: so the network may
    predict v (Salimans and Ho 2022) and every sampler of Diffusers works.
    """
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=1_000,
        beta_start=0.00085,
        beta_end=0.023,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
    )


def build_pipeline(vae, text_encoder, tokenizer, unet):
    """The parts as one ``StableDiffusionPipeline``; no safety checker, as the world holds nothing unsafe."""
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def load_vae(folder: Path):
    """The autoencoder of a model folder, in float32."""
    from diffusers import AutoencoderKL

    return AutoencoderKL.from_pretrained(
        folder, subfolder="vae", low_cpu_mem_usage=False, use_safetensors=True, trust_remote_code=False
    ).to(torch.float32)


def training_precision(device: torch.device) -> torch.autocast:
    """bfloat16 autocast on a GPU; float32 on a CPU, where it is quicker for networks as small as these."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


def parameters_of(model: torch.nn.Module) -> int:
    """The number of a model's parameters."""
    return sum(weight.numel() for weight in model.parameters())
