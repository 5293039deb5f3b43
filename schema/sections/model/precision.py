"""`model:` - number formats and devices of the parts, and which text encoders train."""

from typing import Any, Literal

from schema.option import Section, opt
from schema.sections.dtypes import SAVE_SYNONYMS, SaveDtype

_DEVICE = "Device & Dtype Control"
_TEXT = "Text Encoder Configuration"
_FORMATS = {
    "float16": "half the memory, overflows with large text encoders",
    "bf16": "half the memory, the range of float32",
    "float32": "full precision",
}


def _device(label: str, help: str, needs: str) -> Any:
    return opt(
        None,
        label,
        help,
        group=_DEVICE,
        tier="advanced",
        applies_to=(needs,),
        inherits="device",
        detail="cpu, mps, cuda or cuda:N. What it makes is moved to the training device. With "
        "cached latents or prompts it matters only while they are made.",
        pattern=r"^(cpu|mps|cuda(:\d+)?)$",
        form="cpu, mps, cuda or cuda:N",
    )


class Precision(Section):
    """The options of `model:` on number formats and devices."""

    dtype: Literal["float16", "bf16", "float32", "float8"] | None = opt(
        None,
        "Model precision",
        "Number format of the frozen base model. Empty takes the training precision.",
        group=_DEVICE,
        tier="advanced",
        choices={**_FORMATS, "float8": "a quarter of the memory, coarse (e4m3)"},
        synonyms={**SAVE_SYNONYMS, "e4m3fn": "float8", "8bit": "float8"},
        default_note="ai-toolkit writes float16 here and then trains with train.dtype all the "
        "same.",
        on_resume="new-trajectory",
        inherits="train.dtype",
        detail="Only the frozen weights are kept in it; training computes in train.dtype.",
    )
    vae_device: str | None = _device(
        "VAE device", "Where the VAE works, for example cpu to save GPU memory.", "separate_vae"
    )
    vae_dtype: SaveDtype | None = opt(
        None,
        "VAE precision",
        "Number format of the VAE; float32 avoids black images with some VAEs.",
        group=_DEVICE,
        tier="advanced",
        applies_to=("separate_vae",),
        choices=_FORMATS,
        synonyms=SAVE_SYNONYMS,
        on_resume="new-trajectory",
        inherits="train.dtype",
        detail="Empty takes the training precision, but float32 for the SDXL VAE when that is "
        "float16.",
    )
    te_device: str | None = _device(
        "Text encoder device",
        "Where the text encoder works, for example cpu.",
        "separate_text_encoder",
    )
    te_dtype: SaveDtype | None = opt(
        None,
        "Text encoder precision",
        "Number format of the text encoder.",
        group=_DEVICE,
        tier="advanced",
        applies_to=("separate_text_encoder",),
        choices=_FORMATS,
        synonyms=SAVE_SYNONYMS,
        on_resume="new-trajectory",
        inherits="train.dtype",
        detail="T5 overflows in float16, so that is refused with it.",
    )
    text_encoder_bits: Literal[16, 8, 4] = opt(
        16,
        "Text encoder bits",
        "Load a large T5 text encoder in 16, 8 or 4 bits.",
        group=_TEXT,
        tier="advanced",
        unit="bits",
        applies_to=("t5_in_few_bits",),
        on_resume="new-trajectory",
        conflicts=("train.train_text_encoder",),
        choices={16: "as it is", 8: "half the memory", 4: "a quarter of the memory, coarser"},
        detail="Through bitsandbytes where it is there, else as quantize_te with int8 or uint4.",
    )
    use_text_encoder_1: bool = opt(
        True,
        "Train text encoder 1",
        "Include the first text encoder when text encoders are trained.",
        group=_TEXT,
        tier="advanced",
        applies_to=("second_text_encoder",),
        on_resume="refused",
        requires=("train.train_text_encoder",),
        detail="Prompts are read by both in any case; this is about training alone.",
    )
    use_text_encoder_2: bool = opt(
        True,
        "Train text encoder 2",
        "Include the second text encoder when text encoders are trained.",
        group=_TEXT,
        tier="advanced",
        applies_to=("second_text_encoder",),
        on_resume="refused",
        requires=("train.train_text_encoder",),
        detail="Prompts are read by both in any case; this is about training alone.",
    )
