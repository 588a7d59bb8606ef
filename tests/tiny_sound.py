"""Tiny models with random weights that speak and play, laid out as the hub's."""

import json
from pathlib import Path

from tests.tiny_models import byte_level_tokenizer

LETTERS = " abcdefghijklmnopqrstuvwxyz'"


def save_vits(folder: Path, is_uroman: bool = False, language: str = "eng") -> Path:
    """A VITS of one layer in the folder; its tokenizer reads letters, as that of MMS does."""
    import torch
    from transformers import VitsConfig, VitsModel

    torch.manual_seed(0)
    config = VitsConfig(
        vocab_size=len(LETTERS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, ffn_dim=16,
        flow_size=16, spectrogram_bins=9, upsample_initial_channel=16, upsample_rates=(4, 2),
        upsample_kernel_sizes=(8, 4), resblock_kernel_sizes=(3,), resblock_dilation_sizes=((1,),),
        depth_separable_num_layers=1, duration_predictor_num_flows=1, duration_predictor_filter_channels=16,
        prior_encoder_num_flows=1, prior_encoder_num_wavenet_layers=1, posterior_encoder_num_wavenet_layers=1,
        sampling_rate=16000,
    )  # fmt: skip
    VitsModel(config).save_pretrained(folder)
    settings = {"tokenizer_class": "VitsTokenizer", "add_blank": True, "normalize": True, "phonemize": False,
                "is_uroman": is_uroman, "language": language, "pad_token": LETTERS[0],
                "unk_token": "<unk>"}  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "vocab.json").write_text(json.dumps({letter: i for i, letter in enumerate(LETTERS)}))
    return folder


def save_musicgen(folder: Path) -> Path:
    """A MusicGen of one layer in the folder: a T5, an Encodec of 20 steps a second, and a decoder."""
    import torch
    from transformers import (
        EncodecConfig,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        T5Config,
    )

    torch.manual_seed(0)
    tokenizer = byte_level_tokenizer()
    words = T5Config(vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    sound = EncodecConfig(
        sampling_rate=160, target_bandwidths=[0.8], num_filters=4, num_residual_layers=1, hidden_size=8,
        upsampling_ratios=[4, 2], codebook_size=32, codebook_dim=8, num_lstm_layers=1,
    )  # fmt: skip
    decoder = MusicgenDecoderConfig(
        vocab_size=32, hidden_size=16, ffn_dim=16, num_hidden_layers=1, num_attention_heads=2,
        num_codebooks=4, pad_token_id=32, bos_token_id=32,
    )  # fmt: skip
    model = MusicgenForConditionalGeneration(
        MusicgenConfig(text_encoder=words, audio_encoder=sound, decoder=decoder)
    )
    settings = {"decoder_start_token_id": 32, "pad_token_id": 32, "bos_token_id": 32, "do_sample": True,
                "guidance_scale": 3.0, "max_length": 1500}  # fmt: skip
    for name, value in settings.items():
        setattr(model.generation_config, name, value)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
