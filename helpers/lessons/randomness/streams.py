"""The stream of random numbers that all parts of a program share, and what it does to results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel as Model
    from transformers import PreTrainedTokenizerBase as Tokenizer


def write_shared(model: Model, tokenizer: Tokenizer, prompt: str, max_new_tokens: int = 30) -> str:
    """Continue a text with numbers from PyTorch's shared stream, as `model.generate` does by itself.

    Returns the prompt and what follows it. Set the stream's seed before, with torch.manual_seed.
    """
    ids = tokenizer(prompt).input_ids or [tokenizer.eos_token_id]  # an empty prompt begins a text
    inputs = torch.tensor([ids], device=model.device)
    output = model.generate(
        inputs, attention_mask=torch.ones_like(inputs), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
        max_new_tokens=max_new_tokens, pad_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return tokenizer.decode(output[0], skip_special_tokens=True)


def take_one(device: str | torch.device) -> None:
    """Take one number from the shared stream of a device, as any other part of a program may do."""
    torch.rand(1, device=device)
