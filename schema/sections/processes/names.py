"""The process types by name: what each does, the job kind it belongs to, older names of it.

The classes with their options are in the other files of this folder; `schema.sections.processes`
joins the two.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from schema.findings import nearest

JobKind = Literal["extension", "train", "extract", "mod", "generate"]

ProcessName = Literal[
    "sd_trainer", "concept_slider", "slider", "image_reference_slider_trainer",
    "ultimate_slider_trainer", "concept_replacer", "rescale_sd", "vae", "esrgan", "to_folder",
    "reference_generator", "batch_img2img", "pure_lora_generator", "locon", "lora", "rescale_lora",
    "example_merge_extension", "sync_from_collection", "super_tagger", "Qwen3VLCaptioner",
    "Qwen3OmniCaptioner", "Ideogram4Captioner", "AceStepCaptioner",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process type: what it does, the kind of job it stands in, and older names of it."""

    words: str
    job: JobKind = "extension"
    older: tuple[str, ...] = ()


PROCESS_ROWS: Final[dict[str, ProcessRow]] = {
    "sd_trainer": ProcessRow(
        "the general trainer: LoRA, embedding, adapter or full fine-tuning",
        older=("textual_inversion_trainer", "diffusion_trainer", "ui_trainer"),
    ),
    "concept_slider": ProcessRow("a LoRA that turns one property up and down, from two prompts"),
    "slider": ProcessRow("a slider from any number of prompt pairs", "train", ("slider_old",)),
    "image_reference_slider_trainer": ProcessRow("a slider from pairs of pictures"),
    "ultimate_slider_trainer": ProcessRow("a slider from pairs of pictures and of prompts"),
    "concept_replacer": ProcessRow("teaches the model to draw one thing when asked for another"),
    "rescale_sd": ProcessRow("teaches a model to work at a smaller resolution", "train"),
    "vae": ProcessRow("trains an autoencoder", "train"),
    "esrgan": ProcessRow("trains an upscaler", "train"),
    "to_folder": ProcessRow("draws a list of prompts into a folder", "generate"),
    "reference_generator": ProcessRow("redraws a dataset with the composition of its pictures"),
    "batch_img2img": ProcessRow("changes every picture of a dataset by its caption"),
    "pure_lora_generator": ProcessRow("turns a model into low-rank layers and draws with it"),
    "locon": ProcessRow("extracts a LoRA with convolutions from a fine-tuned model", "extract"),
    "lora": ProcessRow("extracts a LoRA from a fine-tuned model", "extract"),
    "rescale_lora": ProcessRow("changes the strength at which a LoRA works best", "mod"),
    "example_merge_extension": ProcessRow("averages several models into one"),
    "sync_from_collection": ProcessRow("downloads photo collections into dataset folders"),
    "super_tagger": ProcessRow("prepares and captions whole dataset folders"),
    "Qwen3VLCaptioner": ProcessRow("writes captions of pictures with a vision language model"),
    "Qwen3OmniCaptioner": ProcessRow("writes captions of pictures, videos and their sound"),
    "Ideogram4Captioner": ProcessRow("writes captions of pictures as structured scenes"),
    "AceStepCaptioner": ProcessRow("writes captions of music: lyrics, tempo, key and style"),
}

OLDER_NAMES: Final[dict[str, str]] = {
    older: name for name, row in PROCESS_ROWS.items() for older in row.older
}

NEVER_DONE: Final[dict[str, str]] = {
    "dataset_tools": "never did anything; super_tagger prepares datasets",
    "lora_hack": "was an experiment that no longer exists anywhere",
    "reference": "no longer exists; adapter.type reference trains a reference adapter",
}
"""Names that other trainers list but cannot run, with what to say about each."""

_FOLDED: Final = {name.lower(): name for name in PROCESS_ROWS} | OLDER_NAMES


def process_name(value: Any) -> str:
    """The process type that a `type:` means, the nearest one if it is mistyped."""
    if not isinstance(value, str) or value in NEVER_DONE:
        return "sd_trainer"
    close = _FOLDED.get(value.lower()) or nearest(value, [*PROCESS_ROWS, *OLDER_NAMES])
    return OLDER_NAMES.get(close, close) if close else "sd_trainer"


def spellings_of(name: str) -> tuple[str, ...]:
    """The process type and its older names."""
    return (name, *PROCESS_ROWS[name].older)
