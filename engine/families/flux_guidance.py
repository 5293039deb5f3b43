"""The guidance input of FLUX.1, which training may leave out.

A guidance-distilled transformer adds an embedding of the guidance scale to those of time and
prompt. Who trains without it takes only those two; diffusers' module has no such way, so this one
takes its place. It holds the same layers under the same names: weights load and save as before.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class OptionalGuidance(nn.Module):
    """Time and prompt, and guidance where it is given and wanted."""

    def __init__(self, embedding: Any, *, ignored: bool) -> None:
        """``embedding`` is diffusers' module; ``ignored`` leaves guidance out even where given."""
        super().__init__()
        self.time_proj = embedding.time_proj
        self.timestep_embedder = embedding.timestep_embedder
        self.guidance_embedder = embedding.guidance_embedder
        self.text_embedder = embedding.text_embedder
        self._ignored = ignored

    def forward(self, timestep: Tensor, *rest: Tensor) -> Tensor:
        """(B, C) from times (B,), optionally guidance (B,), and the pooled prompt (B, P)."""
        *guidance, pooled = rest
        found: Tensor = self.timestep_embedder(self.time_proj(timestep).to(pooled.dtype))
        if guidance and not self._ignored:
            found = found + self.guidance_embedder(self.time_proj(guidance[0]).to(pooled.dtype))
        embedded: Tensor = found + self.text_embedder(pooled)
        return embedded
