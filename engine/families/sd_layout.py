"""How the files of each Stable Diffusion model are laid out: its parts and what they are called.

Data only. A diffusers folder names its parts itself; a single file has them under prefixes, with
OpenAI's text encoders in transformers' names and OpenCLIP's in their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class TextPart:
    """A text encoder: its folder, its tokenizer's folder, and how a single file holds it."""

    name: str
    tokenizer: str
    prefix: str
    open_clip: bool = False  # OpenCLIP's tensor names
    projected: bool = False  # gives a pooled, projected vector too (CLIPTextModelWithProjection)
    spare_layers: int = 0  # layers at the end of a single file that the model never asks


@dataclass(frozen=True)
class Layout:
    """One kind of model. ``absent`` are components that its pipeline knows and it has not."""

    name: str  # its configs in sd_data
    label: str
    texts: tuple[TextPart, ...]
    pipeline: str
    absent: tuple[str, ...] = ("feature_extractor", "image_encoder")
    settings: tuple[tuple[str, bool], ...] = ()  # other entries of model_index.json
    sized: bool = False  # its UNet is told the sizes of the picture

    def text(self, name: str) -> TextPart:
        """The text encoder called ``name``. Raises StopIteration for one it has not."""
        return next(part for part in self.texts if part.name == name)


_CLASSIC: Final = ("feature_extractor", "image_encoder", "safety_checker")
_UNCHECKED: Final = (("requires_safety_checker", False),)
_BIG_G: Final = "conditioner.embedders.1.model."

SD1: Final = Layout(
    "sd1",
    "Stable Diffusion 1",
    (TextPart("text_encoder", "tokenizer", "cond_stage_model.transformer."),),
    "StableDiffusionPipeline",
    _CLASSIC,
    _UNCHECKED,
)
SD2: Final = Layout(
    "sd2",
    "Stable Diffusion 2",
    (
        TextPart(
            "text_encoder", "tokenizer", "cond_stage_model.model.", open_clip=True, spare_layers=1
        ),
    ),
    "StableDiffusionPipeline",
    _CLASSIC,
    _UNCHECKED,
)
SDXL: Final = Layout(
    "sdxl",
    "SDXL",
    (
        TextPart("text_encoder", "tokenizer", "conditioner.embedders.0.transformer."),
        TextPart("text_encoder_2", "tokenizer_2", _BIG_G, open_clip=True, projected=True),
    ),
    "StableDiffusionXLPipeline",
    settings=(("force_zeros_for_empty_prompt", True),),
    sized=True,
)
REFINER: Final = Layout(
    "sdxl_refiner",
    "the SDXL refiner",
    (
        TextPart(
            "text_encoder_2",
            "tokenizer_2",
            "conditioner.embedders.0.model.",
            open_clip=True,
            projected=True,
        ),
    ),
    "StableDiffusionXLImg2ImgPipeline",
    ("feature_extractor", "image_encoder", "text_encoder", "tokenizer"),
    (("force_zeros_for_empty_prompt", False), ("requires_aesthetics_score", True)),
    sized=True,
)

_MARKS: Final = (
    ("model.diffusion_model.double_blocks.", "Flux"),
    ("model.diffusion_model.joint_blocks.", "Stable Diffusion 3"),
    ("conditioner.embedders.1.", "SDXL"),
    ("conditioner.embedders.0.model.", "the SDXL refiner"),
    ("conditioner.embedders.0.transformer.", "SDXL"),
    ("cond_stage_model.model.", "Stable Diffusion 2"),
    ("cond_stage_model.transformer.", "Stable Diffusion 1"),
)


def kind_of(names: Iterable[str]) -> str | None:
    """The label of the model that a single file's tensor names belong to; None if nobody's."""
    found = list(names)
    for beginning, label in _MARKS:
        if any(name.startswith(beginning) for name in found):
            return label
    return None
