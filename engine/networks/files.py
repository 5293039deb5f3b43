"""Writing a LoRA file whole or not at all, with the hashes that other tools look for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from schema.atomic import write_atomic


def write_lora(
    path: Path, tensors: Mapping[str, Tensor], dtype: torch.dtype, metadata: Mapping[str, str]
) -> None:
    """Cast floating tensors to dtype and put the file in place with one rename.

    Metadata gets kohya's two hashes: of the tensor bytes, and of a window of the file without
    metadata. Raises OSError when the disk refuses; what was at `path` is then untouched.
    """
    from safetensors.torch import save

    cast = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).cpu().contiguous()
        for name, tensor in tensors.items()
    }
    hashes = model_hashes(save(cast, {"format": "pt"}))
    write_atomic(path, save(cast, {**metadata, **hashes, "format": "pt"}))


def model_hashes(content: bytes) -> dict[str, str]:
    """`sshs_model_hash` (sha256 after the header) and `sshs_legacy_hash` (8 digits of a fixed
    window).
    """
    header = int.from_bytes(content[:8], "little")
    return {
        "sshs_model_hash": hashlib.sha256(content[8 + header :]).hexdigest(),
        "sshs_legacy_hash": hashlib.sha256(content[0x100000 : 0x100000 + 0x10000]).hexdigest()[:8],
    }
