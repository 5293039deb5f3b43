"""`save:` - what is written to disk while training, how often, and in which form."""

from typing import Literal

from schema.option import Section, opt
from schema.sections.dtypes import SAVE_SYNONYMS, SaveDtype


class Save(Section):
    """Everything under `save:`."""

    save_every: int | None = opt(
        1000,
        "Save every",
        "Write a checkpoint every N training steps; 0 or empty means only one save at the very "
        "end.",
        group="Save",
        unit="steps",
        editable_live=True,
        ge=0,
    )
    dtype: SaveDtype = opt(
        "float16",
        "Save precision",
        "Number format of the saved weights; smaller files with 16-bit formats.",
        group="Save",
        choices={
            "float16": "half the size, read everywhere",
            "bf16": "half the size, wider range, fewer digits",
            "float32": "exactly what was trained",
        },
        synonyms=SAVE_SYNONYMS,
    )
    max_step_saves_to_keep: int | None = opt(
        5,
        "Checkpoints to keep",
        "How many numbered checkpoints stay on disk; older ones are deleted after each save; 0 or "
        "empty keeps all.",
        group="Save",
        unit="files",
        editable_live=True,
        ge=0,
    )
    save_format: Literal["safetensors", "diffusers", "ckpt"] = opt(
        "safetensors",
        "Save format",
        "How full models are written: one safetensors file or a diffusers folder. LoRAs are "
        "always safetensors.",
        group="Save",
        choices={
            "safetensors": "one file with the original Stable Diffusion key names",
            "diffusers": "a folder that every diffusers pipeline loads",
            "ckpt": "the same keys as safetensors in an old pickle file",
        },
    )
