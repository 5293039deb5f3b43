"""Number formats as configs spell them, and the one spelling that each stands for."""

from typing import Final, Literal

TrainDtype = Literal["fp32", "bf16", "fp16", "float8"]
SaveDtype = Literal["float16", "bf16", "float32"]

TRAIN_SYNONYMS: Final = {
    "float32": "fp32", "float": "fp32", "single": "fp32",
    "float16": "fp16", "half": "fp16", "bfloat16": "bf16",
}  # fmt: skip
SAVE_SYNONYMS: Final = {
    "fp32": "float32", "float": "float32", "single": "float32",
    "fp16": "float16", "half": "float16", "bfloat16": "bf16",
}  # fmt: skip

_TORCH: Final = {
    "fp32": "float32", "bf16": "bfloat16", "fp16": "float16", "float8": "float8_e4m3fn",
}  # fmt: skip


def torch_name(dtype: str) -> str:
    """The attribute of `torch` that a `train.dtype` or `save.dtype` means: `bf16` -> `bfloat16`."""
    return _TORCH.get(dtype, dtype)
