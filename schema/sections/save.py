"""`save:` - what is written to disk while training, how often, in which form, and where to."""

from typing import Final, Literal

from schema.option import Section, opt
from schema.sections.dtypes import SAVE_SYNONYMS

_SAVE = "Save"
_EIGHT_BITS: Final = {"8bit": "float8", "e4m3fn": "float8"}


class Save(Section):
    """Everything under `save:`."""

    save_every: int | None = opt(
        1000,
        "Save every",
        "Write a checkpoint every N training steps; 0 or empty means only one save at the very "
        "end.",
        group=_SAVE,
        editable_live=True,
        unit="steps",
        detail="At every multiple, and once more at the end, then without a step in the name. A "
        "stopped run saves where it stops.",
        ge=0,
    )
    dtype: Literal["float16", "bf16", "float32", "float8"] = opt(
        "float16",
        "Save precision",
        "Number format of the saved weights; smaller files with 16-bit formats.",
        group=_SAVE,
        choices={
            "float16": "half the size, read everywhere",
            "bf16": "half the size, wider range, fewer digits",
            "float32": "exactly what was trained",
            "float8": "a quarter of the size, few digits; few programs read it",
        },
        synonyms={**SAVE_SYNONYMS, **_EIGHT_BITS},
        detail="Of files for people; what a run continues from keeps all digits. Every tensor is "
        "cast on its way to the file, in diffusers folders too.",
    )
    max_step_saves_to_keep: int | None = opt(
        5,
        "Checkpoints to keep",
        "How many numbered checkpoints stay on disk; older ones are deleted after each save; 0 or "
        "empty keeps all.",
        group=_SAVE,
        editable_live=True,
        unit="files",
        detail="Counted by step, for each kind of file apart; two files of one save count once. "
        "The final file, previews and the state for resuming are never touched.",
        ge=0,
    )
    save_format: Literal["safetensors", "diffusers", "ckpt"] = opt(
        "safetensors",
        "Save format",
        "How full models are written: one safetensors file or a diffusers folder. LoRAs are "
        "always safetensors.",
        group=_SAVE,
        choices={
            "safetensors": "one file with the original Stable Diffusion key names",
            "diffusers": "a folder that every diffusers pipeline loads",
            "ckpt": "the same keys as safetensors in an old pickle file",
        },
        detail="ckpt is for SD 1, SD 2 and SDXL alone. Families that know one form only are "
        "written in that form.",
    )
    push_to_hub: bool = opt(
        False,
        "Upload to Hugging Face",
        "Upload the results to the Hugging Face Hub when training is done.",
        group=_SAVE,
        tier="advanced",
        requires=("save.hf_repo_id",),
        detail="Once, after the last save and previews, if training came to its end: the kept "
        "weights, the previews and a page that describes them; never configs and states. The "
        "token comes from HF_TOKEN or from the login of the hub's own tool, is looked for before "
        "training, and is never written anywhere.",
    )
    hf_repo_id: str | None = opt(
        None,
        "Hub repository",
        "Target repository on the Hugging Face Hub, as user-or-org/name.",
        group=_SAVE,
        tier="advanced",
        requires=("save.push_to_hub",),
        detail="Made if it is not there. Letters, digits, dots, dashes and underscores.",
        form="owner/name",
        pattern=r"^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?/"
        r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?$",
    )
    hf_private: bool = opt(
        False,
        "Private Hub repo",
        "Create the repository as a private one.",
        group=_SAVE,
        tier="advanced",
        requires=("save.push_to_hub",),
        detail="A repository that is there already stays as it is.",
    )
