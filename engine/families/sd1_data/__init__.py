"""What a single-file Stable Diffusion 1 checkpoint leaves out: the shapes and the vocabulary.

``configs.json`` are the configs of the original release in diffusers' words. ``clip_merges.txt.gz``
are the merges of OpenAI's CLIP tokenizer (MIT licence, ``LICENSE.clip``), from which its vocabulary
follows. With them a checkpoint is opened without a network.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def configs() -> dict[str, dict[str, Any]]:
    """The configs of unet, vae, text_encoder and scheduler. Do not change what is returned."""
    found: dict[str, dict[str, Any]] = json.loads((files(__name__) / "configs.json").read_text())
    return found


def clip_merges() -> list[tuple[str, str]]:
    """The 48,894 merges of CLIP's byte-pair encoding, most frequent first."""
    text = gzip.decompress((files(__name__) / "clip_merges.txt.gz").read_bytes()).decode("utf-8")
    pairs = (line.split(" ") for line in text.splitlines())
    return [(left, right) for left, right in pairs]
