"""`train.do_blank_stabilization`: for no words, an empty picture."""

from __future__ import annotations

import torch

from engine.example import Example


def blank_stabilization(example: Example) -> None:
    """x_0 = 0 for items whose caption was dropped or is empty, so that they are noise alone."""
    batch = example.batch
    dropped = batch.dropped or [False] * len(batch)
    blank = [gone or not text.strip() for gone, text in zip(dropped, batch.captions, strict=True)]
    if not any(blank):
        return
    kept = torch.tensor([not row for row in blank], dtype=example.latents.dtype)
    kept_B = example.kit.accelerator.put(kept)
    example.latents = example.latents * kept_B.view(-1, *[1] * (example.latents.ndim - 1))
