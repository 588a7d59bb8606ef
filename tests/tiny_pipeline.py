"""A Stable Diffusion pipeline with random weights, for tests that need no good picture."""

import json
from pathlib import Path

from tests.tiny_models import add_spare

CORPUS = ["a red balloon over the sea at night", "two flying cars above the futuristic city at sunset"]
START, END = "<|startoftext|>", "<|endoftext|>"
ROOM, SIZE, FACTOR = 16, 32, 4  # tokens of a prompt, pixels of a picture's side, pixels of a latent's side


def clip_tokenizer(room: int = ROOM):
    """A CLIPTokenizer of 600 entries, learnt from CORPUS; every byte is there, so any word can be read."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False
    )
    learner.train_from_iterator(CORPUS, trainer)
    model = json.loads(learner.to_str())["model"]
    ends = {f"{byte}</w>": 0 for byte in alphabet}
    names = [START, END, *dict.fromkeys([*model["vocab"], *sorted(ends)])]
    vocabulary = {name: number for number, name in enumerate(names)}
    merges = [tuple(pair) for pair in model["merges"]]
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=room)


def build(seed: int = 0, safety_checker: bool = False, prediction: str = "v_prediction"):
    """The pipeline: 32x32 pictures from 8x8 latents, about 0.1 M parameters."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(seed)
    tokenizer = clip_tokenizer()
    text = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=ROOM, initializer_factor=20.0,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=1,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=SIZE // FACTOR, in_channels=4, out_channels=4, layers_per_block=1,
        block_out_channels=(16, 32), norm_num_groups=8, cross_attention_dim=16, attention_head_dim=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    vae = AutoencoderKL(
        sample_size=SIZE, latent_channels=4, block_out_channels=(8, 16, 16), layers_per_block=1,
        norm_num_groups=8, scaling_factor=0.5, down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
    )  # fmt: skip
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.023, beta_schedule="scaled_linear", timestep_spacing="trailing",
        clip_sample=False, set_alpha_to_one=False, steps_offset=1, prediction_type=prediction,
    )  # fmt: skip
    checker, extractor = _safety_checker() if safety_checker else (None, None)
    return StableDiffusionPipeline(
        vae=vae, text_encoder=CLIPTextModel(text), tokenizer=tokenizer, unet=unet, scheduler=scheduler,
        safety_checker=checker, feature_extractor=extractor, requires_safety_checker=safety_checker,
    )  # fmt: skip


def save(folder: Path, **options) -> Path:
    """The pipeline in a folder, as the shipped one is: safetensors in float16."""
    import torch

    build(**options).to(torch.float16).save_pretrained(folder)
    return folder


def _safety_checker():
    """A random safety checker and its feature extractor; it finds nothing."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = sizes | {"image_size": 16, "patch_size": 8}
    config = CLIPConfig(vision_config=vision, text_config=sizes, projection_dim=8)
    checker = StableDiffusionSafetyChecker(config)
    checker.concept_embeds_weights.data.fill_(2.0)
    checker.special_care_embeds_weights.data.fill_(2.0)
    return checker, CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})


def save_published(folder: Path) -> Path:
    """A small pipeline, laid out as CompVis/stable-diffusion-v1-4 is published: 512 pixels, float32, PNDM.

    Its files name classes, settings and weights as the libraries did in 2022; half-precision variants and
    pickles, which are not loaded here, lie beside them. The UNet has no attention at 64x64, which takes long.
    """
    import torch
    from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
    from safetensors.torch import load_file, save_file

    torch.manual_seed(0)
    pipe = build(safety_checker=True)
    pipe.unet = UNet2DConditionModel(
        sample_size=64, layers_per_block=1, block_out_channels=(8, 16, 16, 16), norm_num_groups=4,
        cross_attention_dim=16, attention_head_dim=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    pipe.vae = AutoencoderKL(
        sample_size=512, block_out_channels=(4, 8, 8, 8), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    pipe.scheduler = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True,
        steps_offset=1,
    )  # fmt: skip
    pipe.save_pretrained(folder)
    former = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    _rename(folder / "vae" / "diffusion_pytorch_model.safetensors", former)
    encoder = folder / "text_encoder" / "model.safetensors"
    weights = load_file(encoder) | {"text_model.embeddings.position_ids": torch.arange(ROOM)[None]}
    save_file(weights, encoder, {"format": "pt"})
    index = json.loads((folder / "model_index.json").read_text())
    index |= {"_diffusers_version": "0.2.2", "feature_extractor": ["transformers", "CLIPFeatureExtractor"]}
    index = {
        name: part for name, part in index.items() if name not in ("image_encoder", "requires_safety_checker")
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    _old_tokenizer(folder / "tokenizer", pipe.tokenizer)
    _old_extractor(folder / "feature_extractor")
    for path in list(folder.rglob("*.safetensors")):
        place = path.relative_to(folder).with_suffix("").as_posix()
        add_spare(folder, f"{place}.fp16.safetensors", f"{place}.bin", f"{place}.fp16.bin")
    return add_spare(folder, "unet/diffusion_pytorch_model.non_ema.safetensors", "v1-variants-scores.jpg")


def _rename(path: Path, names: dict[str, str]) -> None:
    """Weights under former names."""
    from safetensors.torch import load_file, save_file

    weights = load_file(path)
    for name in list(weights):
        for new, former in names.items():
            if f".{new}." in name and "mid_block.attentions" in name:
                weights[name.replace(f".{new}.", f".{former}.")] = weights.pop(name)
    save_file(weights, path, {"format": "pt"})


def _old_tokenizer(folder: Path, tokenizer) -> None:
    """vocab.json and merges.txt in the place of tokenizer.json."""
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    lines = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *lines, ""]))
    special = {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END}
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    settings = {"model_max_length": ROOM, "do_lower_case": True, "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | special))


def _old_extractor(folder: Path) -> None:
    settings = {"crop_size": 16, "size": 16, "do_center_crop": True, "do_normalize": True, "do_resize": True}
    settings |= {"feature_extractor_type": "CLIPFeatureExtractor", "resample": 3}
    settings |= {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
