"""The number formats of the processes that are no general trainer."""

from typing import Final, Literal

FileDtype = Literal["float16", "bf16", "float32"]

FILE_WORDS: Final = {
    "float16": "half the size, more digits",
    "bf16": "half the size, wide range",
    "float32": "exact, the largest",
}
FILE_SYNONYMS: Final = {
    "fp16": "float16", "half": "float16", "bfloat16": "bf16", "fp32": "float32", "float": "float32",
}  # fmt: skip

CaptionDtype = Literal["bf16", "fp16", "fp32"]

CAPTION_WORDS: Final = {
    "bf16": "half the memory",
    "fp16": "half the memory, for older GPUs",
    "fp32": "exact, twice the memory",
}
CAPTION_SYNONYMS: Final = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
