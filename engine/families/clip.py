"""CLIP text encoders: tokenizers, encoding, and files that every reader understands.

Newer transformers keep the text model's parts without the name ``text_model.`` in front and write
only ``tokenizer.json``. Older versions, kohya's scripts and most other tools expect the prefix and
``vocab.json`` with ``merges.txt``; without the prefix they load random weights and only warn. So
everything that leaves this engine carries both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

PREFIX = "text_model."
PROJECTION = "text_projection."
LENGTH = 77


def canonical(name: str) -> str:
    """A module or tensor name of the text encoder as it stands in files, with ``text_model.``."""
    return name if name.startswith((PREFIX, PROJECTION)) else PREFIX + name


def live_name(name: str, encoder: nn.Module) -> str:
    """The inverse of :func:`canonical` for the encoder as this transformers version builds it."""
    return name if hasattr(encoder, "text_model") else name.removeprefix(PREFIX)


def file_state(state: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """An encoder's weights by their names in files, without buffers that are only counters."""
    for name, tensor in state:
        if not name.endswith("position_ids"):
            yield canonical(name), tensor


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a diffusers folder, whether it has tokenizer.json or vocab.json."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def standard_tokenizer(open_clip: bool = False) -> Any:
    """OpenAI's CLIP tokenizer (49,408 tokens), built from the shipped merges; OpenCLIP's models
    pad with ``!``, whose number is 0.
    """
    from transformers import CLIPTokenizer

    from engine.families.sd_data import clip_merges

    merges = clip_merges()
    symbols = [*map(chr, [*range(33, 127), *range(161, 173), *range(174, 256)])]
    symbols += [chr(256 + i) for i in range(256 - len(symbols))]
    tokens = symbols + [symbol + "</w>" for symbol in symbols]
    tokens += [left + right for left, right in merges] + ["<|startoftext|>", "<|endoftext|>"]
    vocab = {token: i for i, token in enumerate(tokens)}
    padding = "!" if open_clip else "<|endoftext|>"
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=LENGTH, pad_token=padding)


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """tokenizer.json and tokenizer_config.json, and vocab.json with merges.txt beside them."""
    tokenizer.save_pretrained(folder)
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    vocab = dict(sorted(model["vocab"].items(), key=lambda row: row[1]))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    names = ("bos_token", "eos_token", "unk_token", "pad_token")
    special = {name: str(getattr(tokenizer, name)) for name in names}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")


def token_ids(tokenizer: Any, prompts: Sequence[str], length: int) -> Tensor:
    """(B, length) token ids, padded and cut to ``length``."""
    encoded = tokenizer(
        list(prompts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    )
    ids: Tensor = encoded.input_ids
    return ids


def encode(encoder: Any, tokenizer: Any, prompts: Sequence[str]) -> Tensor:
    """The last hidden states (B, N, C) of prompts, N being the encoder's full length."""
    states: Tensor = encoder(_ids(encoder, tokenizer, prompts))[0]
    return states


def encode_inner(encoder: Any, tokenizer: Any, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """The states before the last layer (B, N, C), without the final norm, and the encoder's first
    output, which is the pooled and projected vector (B, P) where it has a projection.
    """
    output = encoder(_ids(encoder, tokenizer, prompts), output_hidden_states=True)
    return output.hidden_states[-2], output[0]


def _ids(encoder: Any, tokenizer: Any, prompts: Sequence[str]) -> Tensor:
    """(B, N) on the encoder's device."""
    length = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
    return token_ids(tokenizer, prompts, length).to(next(encoder.parameters()).device)


def config_for_file(encoder: Any) -> dict[str, Any]:
    """The encoder's config as both old and new transformers read it, without where it came from.

    It asks for float32 whatever the file holds: diffusers opens the other parts so unless told
    otherwise, and a text encoder of another dtype beside them cannot be called.
    """
    config: dict[str, Any] = encoder.config.to_dict()
    config.pop("_name_or_path", None)  # a folder of the machine that trained
    opened = {"dtype": "float32", "torch_dtype": "float32"}
    return config | {"architectures": [type(encoder).__name__]} | opened
