"""The places of the step where options take part, in the order in which the step comes to them.

`engine.assembly.objective` fills the lists once per run, in the documented order; the step walks
through them. An option that is off has no object here, so it costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from engine.example import Example

Change = Callable[[Example], None]
"""Replaces what its place is about, in the example itself."""

PixelChange = Callable[[Example, Tensor], Tensor]
"""From pixels (B, 3, H, W) in [-1, 1] to pixels, before they are encoded."""

NoiseSource = Callable[[Example], Tensor]
"""The first noise of a micro-batch, shaped like its latents, on their device and in their dtype."""

ElementWeight = Callable[[Example, Tensor], Tensor]
"""From losses per element (B, ...) to losses per element: masks, weights that vary in space."""

ItemWeight = Callable[[Example, Tensor], Tensor]
"""From losses per item (B,) to losses per item: weights by noise level, of a dataset."""

Term = Callable[[Example], dict[str, Tensor]]
"""Named scalars that are added to the loss; may predict again (`example.predict`)."""

Total = Callable[[Example, Tensor], Tensor]
"""From the whole loss of the micro-batch to what is differentiated: caps, weights of batches."""


@runtime_checkable
class Kept(Protocol):
    """A part that remembers something between steps; it goes into the checkpoint under `name`."""

    name: str

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it back."""
        ...

    def numbers(self) -> dict[str, float]:
        """What of it people may read, in `<name>.json` beside a checkpoint; empty for nothing."""
        ...

    def start_from(self, numbers: dict[str, float]) -> None:
        """Start from such a file. Raises KeyError or ValueError for another one."""
        ...


@dataclass(frozen=True)
class Places:
    """Lists in the order of the step; the words say what an entry finds and may replace."""

    pixels: Sequence[PixelChange] = ()  # pictures that are encoded in the step
    latents: Sequence[Change] = ()  # latents, fresh from the encoder or the cache
    noise: Sequence[Change] = ()  # noise; differential noise also swaps the latents
    clean: Sequence[Change] = ()  # latents, after the noise has been prepared from them
    noisy: Sequence[Change] = ()  # noisy, the model's input
    strength: Sequence[Change] = ()  # strength of the network, one number or (B,)
    conditioning: Sequence[Change] = ()  # conditioning, guidance_B
    input: Sequence[Change] = ()  # noisy, t_B and noise together, with the network at work
    prediction: Sequence[Change] = ()  # prediction, float32
    target_noise: Sequence[Change] = ()  # noise, for the target alone
    target: Sequence[Change] = ()  # target, float32; the first entries choose, later ones bend it
    elements: Sequence[ElementWeight] = ()
    items: Sequence[ItemWeight] = ()
    terms: Sequence[Term] = ()
    totals: Sequence[Total] = ()

    def kept(self) -> Iterator[Kept]:
        """The entries with a memory."""
        for place in fields(self):
            for entry in getattr(self, place.name):
                if isinstance(entry, Kept):
                    yield entry
