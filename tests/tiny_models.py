"""Tiny language models with random weights, for tests that need no good text."""

import json
from pathlib import Path

CORPUS = [
    "Once upon a time a fox lived by the sea.",
    "In the forest, at night, the mouse told the fox a story.",
    "The sun rose over the village and everybody was happy!",
]
END = "<|endoftext|>"
CONTEXT = 64


def byte_level_tokenizer():
    """A byte-level BPE tokenizer of 300 entries, as GPT-2's but small; one token begins, ends and pads."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=END, eos_token=END, pad_token=END)


def metaspace_tokenizer():
    """A tokenizer in the manner of Llama: words begin with a mark, texts with <s>; it cannot pad."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


def save_gpt2(folder: Path, seed: int = 0) -> Path:
    """A GPT-2 of two layers in the folder."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = byte_level_tokenizer()
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=CONTEXT, n_embd=32, n_layer=2, n_head=2,
        bos_token_id=0, eos_token_id=0, pad_token_id=0, initializer_range=0.3,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_published_gpt2(folder: Path) -> Path:
    """A GPT-2 of two layers, laid out as openai-community/gpt2 is published.

    Weights without their prefix and with the attention's mask among them, a tokenizer that neither pads nor
    says so, and beside them the same model in forms that are not loaded here.
    """
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import GPT2Config, GPT2LMHeadModel

    learnt = json.loads(byte_level_tokenizer().backend_tokenizer.to_str())
    merges = learnt["model"]["merges"]
    names = [name for name in learnt["model"]["vocab"] if name != END] + [END]  # the last, as there
    learnt["model"]["vocab"] = {name: number for number, name in enumerate(names)}
    learnt["added_tokens"][0]["id"] = last = len(names) - 1
    torch.manual_seed(0)
    sizes = {"vocab_size": len(names), "n_positions": 1024, "n_embd": 32, "n_layer": 2, "n_head": 2}
    config = GPT2Config(**sizes, bos_token_id=last, eos_token_id=last, initializer_range=0.3)
    GPT2LMHeadModel(config).save_pretrained(folder)
    mask = torch.ones(1024, 1024).tril().view(1, 1, 1024, 1024)
    weights = load_file(folder / "model.safetensors")
    weights = {
        name.removeprefix("transformer."): one for name, one in weights.items() if "lm_head" not in name
    }
    weights |= {f"h.{layer}.attn.bias": mask.clone() for layer in range(2)}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    for name, content in {
        "config.json": json.loads((folder / "config.json").read_text()) | {"n_ctx": 1024, "dtype": None},
        "vocab.json": learnt["model"]["vocab"],
        "tokenizer.json": learnt,
        "tokenizer_config.json": {"model_max_length": 1024},
        "generation_config.json": {"bos_token_id": last, "eos_token_id": last, "_from_model_config": True},
    }.items():
        (folder / name).write_text(json.dumps(content))
    lines = [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *lines, ""]))
    return add_spare(
        folder, "pytorch_model.bin", "tf_model.h5", "rust_model.ot", "64.tflite", "onnx/config.json"
    )


def add_spare(folder: Path, *names: str) -> Path:
    """Files that the hub has beside those that are loaded; reading one as a model fails."""
    for name in (".gitattributes", "README.md", *names):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("not to be fetched")
    return folder


def save_llama(folder: Path, seed: int = 0) -> Path:
    """A Llama of two layers in the folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = metaspace_tokenizer()
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=CONTEXT, hidden_size=32, intermediate_size=64,
        num_hidden_layers=2, num_attention_heads=2, bos_token_id=1, eos_token_id=2, initializer_range=0.3,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_bert(folder: Path, tokenizer=None) -> Path:
    """A BERT of one layer in the folder: no causal language model."""
    from transformers import BertConfig, BertForMaskedLM

    tokenizer = tokenizer or byte_level_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=1,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_published_bert(folder: Path) -> Path:
    """A BERT of one layer, as bert-base-uncased is published: old names of weights, a second head."""
    import torch
    from safetensors.torch import load_file, save_file

    from smallworld.making.language.fill_data import build_tokenizer

    save_bert(folder, build_tokenizer(["the moon shone over the sea"], 70, 512))
    weights = load_file(folder / "model.safetensors")
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for name in list(weights):
        for new, former in old.items():
            if name.endswith(new):
                weights[name.replace(new, former)] = weights.pop(name)
    weights |= {
        "cls.seq_relationship.weight": torch.zeros(2, 32),
        "cls.seq_relationship.bias": torch.zeros(2),
    }
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return add_spare(folder, "pytorch_model.bin", "tf_model.h5", "coreml/config.json")
