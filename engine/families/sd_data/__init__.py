"""What single-file Stable Diffusion checkpoints leave out: the shapes and the vocabulary.

``<layout>.json`` are the configs of an original release in diffusers' words (Stable Diffusion 1.5
and 2.1, SDXL 1.0 and its refiner). ``clip_merges.txt.gz`` are the merges of OpenAI's CLIP tokenizer
(MIT licence, ``LICENSE.clip``), from which its vocabulary follows; OpenCLIP's text encoders use the
same one. With them a checkpoint is opened without a network.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def configs(name: str = "sd1") -> dict[str, dict[str, Any]]:
    """The configs of unet, vae, text encoders and scheduler. Do not change what is returned."""
    found: dict[str, dict[str, Any]] = json.loads((files(__name__) / f"{name}.json").read_text())
    return found


def clip_merges() -> list[tuple[str, str]]:
    """The 48,894 merges of CLIP's byte-pair encoding, most frequent first."""
    text = gzip.decompress((files(__name__) / "clip_merges.txt.gz").read_bytes()).decode("utf-8")
    pairs = (line.split(" ") for line in text.splitlines())
    return [(left, right) for left, right in pairs]
