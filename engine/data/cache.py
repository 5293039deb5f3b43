"""Latents and text embeddings, encoded once: in memory, and on disk from run to run.

A cache file's name is a hash of everything that its content depends on (the picture's bytes or the
caption, the plan, the crop, the flips, the encoder's weights and precision), so a file that is
found is right, whatever was changed meanwhile; nothing has to be invalidated. Files are written
whole or not at all, and one that cannot be read is made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.data.items import Item
from engine.families.base import Conditioning
from schema.atomic import write_atomic

FORMAT_VERSION = 1  # raise when what is stored changes its meaning
LATENT_FOLDER, TEXT_FOLDER = "_latent_cache", "_t_e_cache"
Warn = Callable[[str], None]


def _digest(fields: dict[str, Any]) -> str:
    text = json.dumps(fields | {"version": FORMAT_VERSION}, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def weights_identity(module: nn.Module, extra: str = "") -> str:
    """A hash of a module's weights, their precision and its config: two encoders that differ in
    anything that could change what they encode differ here.
    """
    found = hashlib.blake2b(extra.encode(), digest_size=16)
    for name, tensor in module.state_dict().items():
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(_bytes(tensor))
    config = getattr(module, "config", {})
    values = config.to_dict() if hasattr(config, "to_dict") else dict(config)
    kept = {k: v for k, v in values.items() if not k.startswith("_")}
    found.update(json.dumps(kept, sort_keys=True, default=str).encode())
    return found.hexdigest()


def _bytes(tensor: Tensor) -> Any:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data


def file_hash(path: Path) -> str:
    """A hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def latent_key(item: Item, content: str, encoder: str) -> str:
    """What an item's cached latents are called; items that show the same pixels share it."""
    return _digest(
        {
            "content": content,
            "encoder": encoder,
            "scale_to": item.plan.scale_to,
            "crop": item.plan.crop,
            "offset": item.offset(0, 0, 0),
            "flip_x": item.flip_x,
            "flip_y": item.flip_y,
        }
    )


def text_key(caption: str, encoder: str) -> str:
    """What a caption's cached embedding is called."""
    return _digest({"caption": caption, "encoder": encoder})


def latent_file(item: Item, key: str) -> Path:
    """Where an item's latents lie: beside the picture, as the reference trainer has it."""
    path = item.picture.path
    return path.parent / LATENT_FOLDER / f"{path.stem}_{key}.safetensors"


def text_file(folder: Path, key: str) -> Path:
    """Where a caption's embedding lies: in the dataset's folder."""
    return folder / TEXT_FOLDER / f"{key}.safetensors"


def read_tensors(path: Path) -> dict[str, Tensor] | None:
    """The tensors of a cache file; None when it is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(path.read_bytes())
    except (OSError, SafetensorError):
        return None


def write_tensors(path: Path, tensors: dict[str, Tensor], warn: Warn) -> None:
    """Write a cache file; a folder that is not writable is told once and the run goes on."""
    from safetensors.torch import save

    try:
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, save(tensors))
    except OSError as fault:
        warn(f"{path.parent} cannot be written ({fault.strerror}): it is encoded again next time.")


class TextTable:
    """Embeddings of distinct captions, one row each, stacked where lengths agree.

    Small tables stay on the training device, so that a step copies nothing; large ones in memory.
    """

    ON_DEVICE_BYTES = 256 * 2**20

    def __init__(self, rows: dict[str, Conditioning], device: torch.device) -> None:
        self._row = {caption: i for i, caption in enumerate(rows)}
        self._list = list(rows.values())
        parts = [part for row in self._list for part in row.parts.values()]
        if sum(part.nbytes for part in parts) <= self.ON_DEVICE_BYTES:
            self._list = [row.to(device) for row in self._list]

    def __len__(self) -> int:
        return len(self._list)

    def __contains__(self, caption: str) -> bool:
        return caption in self._row

    def rows(self, captions: list[str]) -> Conditioning:
        """The embeddings of captions, as one batch. Raises KeyError for one that is not there."""
        return Conditioning.cat([self._list[self._row[caption]] for caption in captions])
