"""T5 encoders: tokenizers and encoding.

Prompts are padded to a fixed number of tokens. The encoder is shown the padding like words, as the
models that use it were trained; a family may blank what comes out there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a diffusers folder (tokenizer.json, or spiece.model with sentencepiece)."""
    from transformers import T5Tokenizer

    return T5Tokenizer.from_pretrained(folder, local_files_only=True)


def encode(
    encoder: Any, tokenizer: Any, prompts: Sequence[str], length: int, *, blank_padding: bool
) -> Tensor:
    """The last hidden states (B, length, C), never differentiable: T5 is not trained here.

    ``blank_padding`` makes the states at padding positions zero.
    """
    tokens = tokenizer(
        list(prompts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    )
    device = next(encoder.parameters()).device
    with torch.no_grad():
        states: Tensor = encoder(tokens.input_ids.to(device))[0]
    if blank_padding:
        states = states * tokens.attention_mask.to(device, states.dtype)[..., None]
    return states
