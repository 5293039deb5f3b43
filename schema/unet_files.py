"""Which of the Stable Diffusion models a folder's configs or a file's tensor names belong to.

Used by `schema.model_files`; nothing is read here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from schema.families import FamilyRow

_SD1: Final = "Stable Diffusion 1"
_SD2: Final = "Stable Diffusion 2"
_REFINER: Final = "SDXL refiner"

_KINDS: Final = (
    ("model.diffusion_model.double_blocks.", "Flux"),
    ("model.diffusion_model.joint_blocks.", "Stable Diffusion 3"),
    ("double_blocks.", "Flux"),
    ("conditioner.embedders.0.model.", _REFINER),
    ("conditioner.embedders.", "SDXL"),
    ("cond_stage_model.model.", _SD2),
    ("cond_stage_model.transformer.", _SD1),
)
"""Beginnings of tensor names that give away whose single file it is; the first that fits counts."""

_WIDTHS: Final = {768: _SD1, 1024: _SD2, 2048: "SDXL", 1280: _REFINER}
"""How wide the text is that the original releases read; a model of another width may be any."""

_OWN: Final = {"sd1": _SD1, "sd2": _SD2, "sdxl": "SDXL", "ssd": "SDXL", "vega": "SDXL"}


def refiner_of(row: FamilyRow) -> FamilyRow:
    """What a refiner of the family looks like: it has the second text encoder alone."""
    return replace(
        row, label=_REFINER, text_encoders=row.text_encoders[1:], encoders=row.encoders[1:]
    )


def _own_kind(row: FamilyRow) -> str:
    return _REFINER if row.label == _REFINER else _OWN.get(row.arch, row.label)


def foreign_kind(names: Iterable[str], row: FamilyRow) -> str | None:
    """Whose single file it is by its tensor names, where it is another family's."""
    found = list(names)
    for beginning, kind in _KINDS:
        if any(name.startswith(beginning) for name in found):
            return kind if kind != _own_kind(row) else None
    return None


def file_parts(row: FamilyRow) -> dict[str, str]:
    """What a whole single file has: beginnings of tensor names, and what they are."""
    text = "conditioner.embedders." if _told_sizes(row) else "cond_stage_model."
    return {
        "model.diffusion_model.": "denoiser",
        "first_stage_model.": "VAE",
        text: "text encoder",
    }


def _told_sizes(row: FamilyRow) -> bool:
    return _own_kind(row) in ("SDXL", _REFINER)


def misfit(
    unet: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]], row: FamilyRow
) -> str | None:
    """What in a UNet's config is not of this family or does not go with its text encoders, as the
    end of a sentence about it; None if all fits.
    """
    sized, width = bool(unet.get("addition_embed_type")), unet.get("cross_attention_dim")
    kind = _WIDTHS.get(width) if isinstance(width, int) else None
    if sized and not _told_sizes(row):
        return f"is an SDXL model, not {row.label}"
    if _told_sizes(row) and not sized:
        return f"is not told the sizes of pictures, as {row.label} is"
    widths = [configs.get(name, {}).get("hidden_size") for name in row.text_encoders]
    text = sum(found for found in widths if isinstance(found, int))
    if None not in widths and isinstance(width, int) and width != text:
        these = "the text encoder gives" if len(widths) == 1 else "the text encoders give"
        return f"expects text of width {width}, but {these} {text}"
    if kind not in (None, _own_kind(row)):
        return f"is a {kind} model, not {row.label}"
    return None
