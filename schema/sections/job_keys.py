"""What a job of another kind than `extension` has under `config:`, for all of its processes."""

from schema.option import Section, opt
from schema.sections.processes.names import PROCESS_ROWS, spellings_of
from schema.sections.processes.precision import FILE_SYNONYMS, FILE_WORDS, FileDtype

_GROUP = "LoRA extraction"
_EXTRACT = ("locon", "lora")
_TRAIN = tuple(
    name for key, row in PROCESS_ROWS.items() if row.job == "train" for name in spellings_of(key)
)


class TrainJobKeys(Section):
    """What a job of the kind train may give once."""

    training_folder: str | None = opt(
        None,
        "Shared output folder",
        "Parent folder of results, for processes that name none.",
        group="Job",
        tier="expert",
        editor="folder",
        min_length=1,
    )
    device: str | None = opt(
        None,
        "Shared device",
        "Device of the processes that name none.",
        group="Job",
        tier="expert",
        form="cpu, mps, cuda or cuda:N",
        pattern=r"^(cpu|mps|cuda(:\d+)?)$",
    )
    log_dir: str | None = opt(
        None,
        "Shared TensorBoard folder",
        "TensorBoard folder of the processes that name none.",
        group="Watching",
        tier="expert",
        editor="folder",
        min_length=1,
    )
    is_v2: bool = opt(
        False,
        "SD 2.x model",
        "Said that the models are Stable Diffusion 2.x; model.arch or the files say it here.",
        group="LoRA extraction",
        tier="advanced",
        process_types=(*_TRAIN, *_EXTRACT),
        status="legacy",
    )


class ExtractJobKeys(Section):
    """What a job of the kind extract is told: two models and a folder."""

    base_model: str | None = opt(
        None,
        "Base model",
        "Model that the fine-tuning started from.",
        group=_GROUP,
        editor="model",
        process_types=_EXTRACT,
        detail="Loaded once for all processes. Needed in a job of the kind extract.",
        min_length=1,
    )
    extract_model: str | None = opt(
        None,
        "Fine-tuned model",
        "Model whose difference to the base becomes a LoRA.",
        group=_GROUP,
        editor="model",
        process_types=_EXTRACT,
        detail="The LoRA holds this model minus the base model. Needed in a job of the kind "
        "extract.",
        min_length=1,
    )
    output_folder: str | None = opt(
        None,
        "Output folder",
        "Folder for the extracted files.",
        group=_GROUP,
        editor="folder",
        process_types=_EXTRACT,
        detail="Needed in a job of the kind extract.",
        min_length=1,
    )
    dtype: FileDtype | None = opt(
        None,
        "Save precision",
        "Number format of the files, for processes that name none.",
        group=_GROUP,
        tier="advanced",
        process_types=_EXTRACT,
        choices=FILE_WORDS,
        synonyms=FILE_SYNONYMS,
    )
    extract_unet: bool | None = opt(
        None,
        "Extract denoiser",
        "Include the denoiser, for processes that do not say.",
        group=_GROUP,
        tier="advanced",
        process_types=_EXTRACT,
    )
    extract_text_encoder: bool | None = opt(
        None,
        "Extract text encoder",
        "Include the text encoder, for processes that do not say.",
        group=_GROUP,
        tier="advanced",
        process_types=_EXTRACT,
    )
