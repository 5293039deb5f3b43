"""`train:` - number format, memory against time, and the attention kernels."""

from typing import Final, Literal

from schema.option import Section, opt
from schema.sections.dtypes import TRAIN_SYNONYMS, TrainDtype

_PRECISION = "Precision and attention"

AttentionBackend = Literal[
    "native", "flash", "flash_hub", "flash_varlen", "flash_varlen_hub", "flash_4_hub",
    "_flash_3", "_flash_varlen_3", "_flash_3_hub", "_flash_3_varlen_hub", "aiter_fa2_hub",
    "flex", "_native_cudnn", "_native_efficient", "_native_flash", "_native_math",
    "_native_npu", "_native_xla", "sage", "sage_hub", "sage_blackwell_hub", "sage_varlen",
    "_sage_qk_int8_pv_fp8_cuda", "_sage_qk_int8_pv_fp8_cuda_sm90", "_sage_qk_int8_pv_fp16_cuda",
    "_sage_qk_int8_pv_fp16_triton", "xformers",
]  # fmt: skip
_BACKENDS: Final = {
    "native": "PyTorch's own: works everywhere",
    "flash": "FlashAttention 2",
    "flash_hub": "FlashAttention 2, downloaded kernel",
    "flash_varlen": "FlashAttention 2 for sequences of different lengths",
    "flash_varlen_hub": "the same, downloaded kernel",
    "flash_4_hub": "FlashAttention 4, downloaded kernel",
    "_flash_3": "FlashAttention 3, for Hopper GPUs",
    "_flash_varlen_3": "FlashAttention 3 for different lengths",
    "_flash_3_hub": "FlashAttention 3, downloaded kernel",
    "_flash_3_varlen_hub": "FlashAttention 3 for different lengths, downloaded",
    "aiter_fa2_hub": "FlashAttention 2 for AMD GPUs, downloaded kernel",
    "flex": "PyTorch's compiled FlexAttention",
    "_native_cudnn": "PyTorch's own, by cuDNN",
    "_native_efficient": "PyTorch's own, the memory-efficient kernel",
    "_native_flash": "PyTorch's own, the flash kernel",
    "_native_math": "PyTorch's own, plain arithmetic: slow and exact",
    "_native_npu": "for Ascend NPUs",
    "_native_xla": "for TPUs",
    "sage": "SageAttention: 8-bit, cannot train",
    "sage_hub": "SageAttention, downloaded kernel, cannot train",
    "sage_blackwell_hub": "SageAttention for Blackwell GPUs, cannot train",
    "sage_varlen": "SageAttention for different lengths, cannot train",
    "_sage_qk_int8_pv_fp8_cuda": "one kernel of SageAttention, cannot train",
    "_sage_qk_int8_pv_fp8_cuda_sm90": "one kernel of SageAttention, cannot train",
    "_sage_qk_int8_pv_fp16_cuda": "one kernel of SageAttention, cannot train",
    "_sage_qk_int8_pv_fp16_triton": "one kernel of SageAttention, cannot train",
    "xformers": "memory-efficient attention of xFormers",
}


class Precision(Section):
    """The options of `train:` on precision and attention."""

    dtype: TrainDtype = opt(
        "fp32",
        "Training precision",
        "Number format for the frozen model, latents and activations. bf16 is the usual choice on "
        "modern GPUs.",
        group=_PRECISION,
        choices={
            "fp32": "exact and slow, the choice on a CPU",
            "bf16": "half the memory, wide range: the usual choice",
            "fp16": "half the memory, narrow range, for older GPUs",
            "float8": "not for training: quantize the model instead",
        },
        synonyms={**TRAIN_SYNONYMS, "8bit": "float8", "e4m3fn": "float8"},
        on_resume="new-trajectory",
    )
    gradient_checkpointing: bool = opt(
        True,
        "Gradient checkpointing",
        "Trade some speed for a lot less memory by recomputing activations in the backward pass.",
        group=_PRECISION,
    )
    attention_backend: AttentionBackend = opt(
        "native",
        "Attention backend",
        "Which attention implementation diffusers models use. native works everywhere.",
        group=_PRECISION,
        tier="expert",
        choices=_BACKENDS,
        detail="Of the denoiser and the VAE; text encoders choose for themselves. Results differ "
        "only by rounding. What is missing for a kernel is named before anything is loaded.",
    )
    xformers: bool = opt(
        False,
        "xFormers attention",
        "Use the xFormers memory-efficient attention library (older models).",
        group=_PRECISION,
        tier="expert",
        conflicts=("train.attention_backend",),
        detail="The older way to ask for attention_backend: xformers. Needs the xformers "
        "package and a CUDA GPU.",
    )
    sdp: bool = opt(
        False,
        "Enable all SDP kernels",
        "Allow every PyTorch scaled-dot-product attention kernel (flash, efficient, math).",
        group=_PRECISION,
        tier="expert",
        detail="PyTorch enables all of them by itself, so this changes something only where "
        "another program turned one off.",
    )
