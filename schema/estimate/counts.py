"""What the engine counted on a model, as the rest of the estimate reads it.

`engine.counts` writes this record; it is cached as JSON, so everything in it is plain. Bytes of
activations are given at a few batch sizes and picture sizes; `schema.estimate.activations` gives
them for any other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

VERSION: Final = 1
"""Raise it when what is counted or its meaning changes: older caches are then not read."""

Role = Literal["denoiser", "text_encoder", "vae"]


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the model. `linear` are the parameters of its linear layers, which quantization
    stores in fewer bits; `buffers` the bytes of what is no parameter.
    """

    name: str
    role: Role
    parameters: int
    linear: int
    buffers: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """What is trained together. `names` counts the letters of all tensor names, which stand in the
    header of a saved file.
    """

    name: str
    parameters: int
    tensors: int
    names: int
    shapes: tuple[tuple[tuple[int, ...], int], ...]


@dataclass(frozen=True, slots=True)
class Point:
    """Bytes at one batch size and one number of pixels of a picture.

    `kept` is what waits for the backward pass, `peak` the most that lives at once (gradients that
    appear meanwhile included), both without the weights.
    """

    batch: int
    pixels: int
    kept: int
    peak: int


@dataclass(frozen=True, slots=True)
class Activations:
    """Measured points: a training step without and with gradient checkpointing, a denoising step of
    a preview, the VAE's two ways; and the bytes that encoding one prompt takes at most.
    """

    plain: tuple[Point, ...]
    checkpointed: tuple[Point, ...]
    preview: tuple[Point, ...]
    encode: tuple[Point, ...]
    decode: tuple[Point, ...]
    prompt: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Everything counted on one model with one network.

    `prompt_bytes` is one prompt's encoded text, `latent_values` a picture's latents per pixel,
    `size_multiple` what the sides of training pictures are rounded to.
    """

    arch: str
    size_multiple: int
    components: tuple[Component, ...]
    trained: tuple[Group, ...]
    prompt_bytes: int
    latent_values: float
    activations: Activations | None = None
    notes: tuple[str, ...] = field(default=())

    def of(self, role: Role) -> tuple[Component, ...]:
        """The components with a role."""
        return tuple(part for part in self.components if part.role == role)

    @property
    def trained_parameters(self) -> int:
        """All values that are trained."""
        return sum(group.parameters for group in self.trained)

    @property
    def shapes(self) -> list[tuple[tuple[int, ...], int]]:
        """The shapes of all trained tensors, and how many have each."""
        return [row for group in self.trained for row in group.shapes]


def from_json(value: dict[str, Any]) -> Counts:
    """The record from its JSON form; raises KeyError, TypeError or ValueError for anything else."""
    if value["version"] != VERSION:
        raise ValueError(f"counts of version {value['version']}, not {VERSION}")
    active = value.get("activations")
    return Counts(
        arch=str(value["arch"]),
        size_multiple=int(value["size_multiple"]),
        components=tuple(Component(**row) for row in value["components"]),
        trained=tuple(
            Group(**{**row, "shapes": tuple((tuple(s), int(n)) for s, n in row["shapes"])})
            for row in value["trained"]
        ),
        prompt_bytes=int(value["prompt_bytes"]),
        latent_values=float(value["latent_values"]),
        activations=None if active is None else _activations(active),
        notes=tuple(value.get("notes", ())),
    )


def _activations(value: dict[str, Any]) -> Activations:
    points = {
        name: tuple(Point(*map(int, row)) for row in value[name])
        for name in ("plain", "checkpointed", "preview", "encode", "decode")
    }
    return Activations(**points, prompt=int(value["prompt"]))
