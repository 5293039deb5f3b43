"""`type: locon` and `type: lora` of an extract job: the difference of two models as a LoRA."""

from typing import ClassVar, Literal

from schema.option import Section, opt
from schema.sections.processes.base import Named, OnDevice
from schema.sections.processes.precision import FILE_SYNONYMS, FILE_WORDS, FileDtype

_GROUP = "LoRA extraction"


class _Choice(Section):
    """What stands in the process, or for all processes under `config:`."""

    dtype: FileDtype = opt(
        "float16",
        "Save precision",
        "Number format of the extracted file.",
        group=_GROUP,
        tier="advanced",
        choices=FILE_WORDS,
        synonyms=FILE_SYNONYMS,
        detail="May stand once under config:, for all processes. Factors keep full precision "
        "until they are written.",
    )
    extract_unet: bool = opt(
        True,
        "Extract denoiser",
        "Include the denoiser: U-Net or transformer.",
        group=_GROUP,
        tier="advanced",
    )
    extract_text_encoder: bool = opt(
        True,
        "Extract text encoder",
        "Include the text encoder.",
        group=_GROUP,
        tier="advanced",
    )


class ExtractProcess(Named, OnDevice, _Choice):
    """`type: locon` or `type: lora` in a job of the kind extract."""

    kind: ClassVar[str] = "locon"
    kinds: ClassVar[tuple[str, ...]] = ("locon", "lora")

    mode: Literal["fixed", "threshold", "ratio", "quantile"] = opt(
        "fixed",
        "Rank rule",
        "How the rank of each layer is chosen.",
        group=_GROUP,
        choices={
            "fixed": "the same rank everywhere",
            "threshold": "as many as have a singular value above the number",
            "ratio": "as many as have one above the number times the largest",
            "quantile": "as many as make up that share of the sum",
        },
        detail="With D = U diag(S) V^T the singular values of a layer's difference and p the "
        "parameter: fixed r = p; threshold r = #(S > p); ratio r = #(S > p max S); quantile r = "
        "entries whose running sum is below p sum S. Clamped to 1..min(out, in). From half the "
        "outputs on, the full difference is stored. Unchanged layers are left out.",
    )
    linear: float | None = opt(
        None,
        "Linear parameter",
        "Rank, threshold, ratio or quantile for linear layers. Empty takes the default of the "
        "rule.",
        group=_GROUP,
        detail="Defaults: fixed 64 (4 for type lora), threshold 0, ratio 0.5, quantile 0.5.",
        ge=0,
    )
    conv: float | None = opt(
        None,
        "Convolution parameter",
        "The same for convolutions larger than 1x1. Empty takes the default of the rule.",
        group=_GROUP,
        tier="advanced",
        detail="Defaults: fixed 32, threshold 0, ratio 0.5, quantile 0.5; type lora leaves "
        "convolutions out unless this is set above 0.",
        ge=0,
    )
    disable_cp: bool = opt(
        False,
        "No CP decomposition",
        "Store convolutions as two factors instead of three.",
        group=_GROUP,
        tier="expert",
        process_types=("locon",),
        detail="Off: the down factor of a convolution is split once more, into a 1x1 and a k x k "
        "part.",
    )
    use_sparse_bias: bool = opt(
        False,
        "Keep sparse rest",
        "Also store the largest entries of what the LoRA could not represent.",
        group=_GROUP,
        tier="expert",
        detail="Stored as bias_indices, bias_values and bias_size, which few tools read.",
    )
    sparsity: float = opt(
        0.98,
        "Sparsity",
        "Share of residual entries that is dropped.",
        group=_GROUP,
        tier="expert",
        requires=("use_sparse_bias",),
        ge=0,
        le=1,
    )
    output_path: str | None = opt(
        None,
        "Output file",
        "Full path of the result. It wins over the file name.",
        group=_GROUP,
        tier="advanced",
        editor="path",
        detail="Without either the name is made of job, type, rule and numbers.",
        min_length=1,
    )
    filename: str | None = opt(
        None,
        "File name",
        "File name inside the output folder of the job.",
        group=_GROUP,
        min_length=1,
    )
