"""`model:` - storing the frozen base in fewer bits."""

from typing import Final, Literal

from schema.option import Section, opt
from schema.sections.texts import Texts

_MEMORY = "Memory & Performance Optimization"
_EXPERT = "Compilation & Optimization"

QType = Literal[
    "qint8", "qfloat8", "qfloat8_e4m3fn", "qfloat8_e5m2", "qint4", "qint2", "int8", "float8",
    "uint2", "uint3", "uint4", "uint5", "uint6", "uint7", "uint8", "convrot8", "convrot4",
    "convrotint2", "convrotint3", "convrotint4", "convrotint5", "convrotint6", "convrotint7",
    "convrotint8", "convrotbitnet", "convrotcomfyw4a4", "nvfp4", "orbit2", "orbit3", "orbit4",
    "orbitvq2", "orbitvq3", "orbitvq4",
]  # fmt: skip

QTYPES: Final[dict[str, str]] = {
    "qint8": "8 bit whole numbers, one scale a row; convolutions too",
    "qfloat8": "8 bit floats (e4m3), one scale a row; convolutions too",
    "qfloat8_e4m3fn": "the same as qfloat8",
    "qfloat8_e5m2": "8 bit floats with more range and less precision (e5m2)",
    "qint4": "4 bit, scale and offset for each 128 weights; convolutions too",
    "qint2": "2 bit, scale and offset for each 128 weights; very coarse",
    "int8": "8 bit whole numbers, one scale a row; can be merged",
    "float8": "8 bit floats (e4m3), one scale a row; can be merged",
    "uint2": "2 bit, scale and zero point for each 64 weights; very coarse",
    "uint3": "3 bit, scale and zero point for each 64 weights; made for recovery adapters",
    "uint4": "4 bit, scale and zero point for each 64 weights; made for recovery adapters",
    "uint5": "5 bit, scale and zero point for each 64 weights",
    "uint6": "6 bit, scale and zero point for each 64 weights",
    "uint7": "7 bit, scale and zero point for each 64 weights",
    "uint8": "8 bit, scale and zero point for each 64 weights",
    "convrot8": "8 bit after a rotation that spreads outliers; 8 bit arithmetic",
    "convrot4": "4 bit floats in groups of 16 after a rotation; 4 bit arithmetic",
    "convrotint2": "2 bit after a rotation, on an 8 bit grid",
    "convrotint3": "3 bit after a rotation, on an 8 bit grid",
    "convrotint4": "4 bit after a rotation, on an 8 bit grid",
    "convrotint5": "5 bit after a rotation, on an 8 bit grid",
    "convrotint6": "6 bit after a rotation, on an 8 bit grid",
    "convrotint7": "7 bit after a rotation, on an 8 bit grid",
    "convrotint8": "8 bit after a rotation, the same numbers as convrot8",
    "convrotbitnet": "1.6 bit: minus one, zero and one after a rotation",
    "convrotcomfyw4a4": "4 bit weights and arithmetic in ComfyUI's layout",
    "nvfp4": "4 bit floats in groups of 16, without a rotation",
    "orbit2": "2 bit codes of rotated rows, by a normal codebook",
    "orbit3": "3 bit codes of rotated rows, by a normal codebook",
    "orbit4": "4 bit codes of rotated rows, by a normal codebook",
    "orbitvq2": "2 bit a weight, eight weights a code",
    "orbitvq3": "3 bit a weight, four weights a code",
    "orbitvq4": "4 bit a weight, four weights a code",
}

INPUT_STEP: Final[dict[str, int]] = {
    **{name: 64 for name in QTYPES if name.startswith("uint")},
    **{name: 16 for name in QTYPES if name.startswith("convrot")},
    "convrotcomfyw4a4": 256,
    "nvfp4": 16,
    **{name: 128 for name in QTYPES if name.startswith("orbitvq")},
    **{name: 32 for name in QTYPES if name in ("orbit2", "orbit3", "orbit4")},
}
"""What the inputs of a layer must divide by to be stored as a type; any where none is given."""


class QuantizeKwargs(Section):
    """Everything under `model.quantize_kwargs:`."""

    include: Texts | None = opt(
        None,
        "Only these layers",
        "Name patterns of the layers that are quantized; empty takes all.",
        group=_EXPERT,
        tier="expert",
        on_resume="new-trajectory",
        detail="Shell patterns (* ? [ ]) against the whole dotted name below the denoiser.",
    )
    exclude: Texts = opt(
        [],
        "Never these layers",
        "Name patterns of layers that keep full precision; they win over the others.",
        group=_EXPERT,
        tier="expert",
        on_resume="new-trajectory",
        detail="Added to the layers that the family itself keeps out. For example *proj_out*.",
    )
    activations: Literal["qint8", "qfloat8", "qfloat8_e4m3fn", "qfloat8_e5m2"] | None = opt(
        None,
        "Activations",
        "Also round what flows between the layers to this type; empty rounds weights only.",
        group=_EXPERT,
        tier="expert",
        on_resume="new-trajectory",
        choices={
            "qint8": "8 bit whole numbers",
            "qfloat8": "8 bit floats (e4m3)",
            "qfloat8_e4m3fn": "8 bit floats (e4m3)",
            "qfloat8_e5m2": "8 bit floats with more range (e5m2)",
        },
    )


class Quantization(Section):
    """The options of `model:` on fewer bits."""

    quantize: bool = opt(
        False,
        "Quantize model",
        "Store the frozen base model in fewer bits to save memory. For training a network, not "
        "the model itself.",
        group=_MEMORY,
        applies_to=("quantizable",),
        on_resume="new-trajectory",
        detail="The linear layers of the denoiser are stored as qtype after loading and after "
        "fusing lora_path, block by block, so that the whole model never has to fit. Embeddings, "
        "norms and most convolutions stay as they are, and so does a layer that a type cannot "
        "hold. The trained network stays in float32. Saving a full model turns the layers back.",
    )
    quantize_te: bool | None = opt(
        None,
        "Quantize text encoder",
        "Store the text encoder in fewer bits too. Empty does as the model setting says.",
        group=_MEMORY,
        applies_to=("quantizable", "separate_text_encoder"),
        on_resume="new-trajectory",
        inherits="model.quantize",
        detail="T5 and language models are quantized, CLIP is not. A quantized encoder is "
        "frozen; a network on it can still train.",
    )
    qtype: QType = opt(
        "qfloat8",
        "Quantization type",
        "Number format of the quantized model: 8 bit is nearly lossless, fewer bits save more "
        "memory.",
        group=_MEMORY,
        applies_to=("quantizable",),
        on_resume="new-trajectory",
        requires=("model.quantize",),
        choices=QTYPES,
        synonyms={"": "qfloat8"},
        detail="A weight is stored as a code q with a scale s, and used as s * q (types with a "
        "zero point z: s * (q - z)). May be written as type|adapter, which also names the "
        "accuracy_recovery_adapter. With layer_offloading, or with an assistant LoRA on some "
        "families, qfloat8 is taken as float8, which holds the same numbers; on Apple devices as "
        "convrot8.",
    )
    qtype_te: QType = opt(
        "qfloat8",
        "Text encoder quantization",
        "Number format of the quantized text encoder.",
        group=_MEMORY,
        tier="advanced",
        applies_to=("quantizable", "separate_text_encoder"),
        on_resume="new-trajectory",
        requires=("model.quantize_te|model.quantize",),
        choices=QTYPES,
        synonyms={"": "qfloat8"},
        detail="The same types and substitutions as for the model, without an adapter.",
    )
    accuracy_recovery_adapter: str | None = opt(
        None,
        "Accuracy recovery adapter",
        "A small adapter that restores quality lost by very few bits.",
        group="Model Variants & Paths",
        tier="advanced",
        editor="path",
        applies_to=("recovery",),
        on_resume="new-trajectory",
        requires=("model.quantize",),
        conflicts=("model.assistant_lora_path",),
        detail="A local file, or user/repo/file.safetensors. It is attached frozen and always "
        "on, and never saved; the layers that it covers are quantized, all others keep full "
        "precision. The trained network comes on top: output = dequantized W x + B A x.",
        min_length=1,
    )
    quantize_kwargs: QuantizeKwargs = opt(
        QuantizeKwargs(),
        "Which layers",
        "Choose by name patterns which layers are quantized.",
        group=_EXPERT,
        tier="expert",
        applies_to=("quantizable",),
        on_resume="new-trajectory",
        requires=("model.quantize",),
    )
