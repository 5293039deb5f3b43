"""`type: rescale_lora` - changes the strength at which a LoRA file works best."""

from typing import ClassVar, Literal

from schema.option import REQUIRED, opt
from schema.sections.processes.base import Named, OnDevice
from schema.sections.processes.precision import FILE_SYNONYMS, FILE_WORDS, FileDtype

_GROUP = "LoRA rescaling"


class RescaleLoraProcess(Named, OnDevice):
    """`type: rescale_lora` in a job of the kind mod."""

    kind: ClassVar[str] = "rescale_lora"
    kinds: ClassVar[tuple[str, ...]] = ("rescale_lora",)

    input_path: str = opt(
        REQUIRED,
        "LoRA file",
        "LoRA file to rescale, in safetensors form.",
        group=_GROUP,
        editor="path",
        min_length=1,
    )
    output_path: str = opt(
        REQUIRED,
        "Output file",
        "Where the result is written; may be the input file.",
        group=_GROUP,
        editor="path",
        min_length=1,
    )
    current_weight: float = opt(
        REQUIRED,
        "Best strength now",
        "Strength at which the LoRA works best today, such as 6. A negative one flips it.",
        group=_GROUP,
        detail="The change is scaled by s = current_weight / target_weight, so that the new file "
        "at the wanted strength equals the old one at this strength.",
    )
    target_weight: float = opt(
        REQUIRED,
        "Wanted strength",
        "Strength at which it shall work best afterwards, such as 1. Not 0.",
        group=_GROUP,
    )
    scale_target: Literal["up_down", "alpha"] = opt(
        "up_down",
        "What to scale",
        "Scale the weight matrices (default) or only the alpha value.",
        group=_GROUP,
        tier="advanced",
        choices={"up_down": "the weight matrices", "alpha": "the alpha value only"},
        detail="up_down multiplies both matrices by the root of |s|, and one by the sign; alpha "
        "multiplies alpha by s. Files without an alpha have one matrix scaled.",
    )
    replace_meta: bool = opt(
        False,
        "Replace metadata",
        "Write the metadata of this config instead of keeping the old.",
        group=_GROUP,
        tier="advanced",
        detail="Hashes are worked out anew in both cases.",
    )
    save_dtype: FileDtype = opt(
        "float16",
        "Save precision",
        "Number format of the result.",
        group=_GROUP,
        tier="advanced",
        choices=FILE_WORDS,
        synonyms=FILE_SYNONYMS,
        detail="Computed in float32, then cast.",
    )
    is_xl: bool = opt(
        False,
        "SDXL LoRA",
        "Mark the metadata as SDXL.",
        group=_GROUP,
        tier="expert",
        requires=("replace_meta",),
    )
    is_v2: bool = opt(
        False,
        "SD 2 LoRA",
        "Mark the metadata as SD 2.",
        group=_GROUP,
        tier="expert",
        requires=("replace_meta",),
    )
