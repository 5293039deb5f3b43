"""`type: rescale_sd` - teaches a copy of a model to work at a smaller resolution."""

from typing import ClassVar

from schema.option import REQUIRED, Section, opt
from schema.sections.processes.names import spellings_of
from schema.sections.processes.trainer import TrainerProcess

_GROUP = "Resolution shrink training"


class Rescale(Section):
    """Everything under `rescale:`."""

    from_resolution: int = opt(
        512,
        "From resolution",
        "Resolution the original model works at.",
        group=_GROUP,
        tier="expert",
        unit="pixels",
        on_resume="new-trajectory",
        detail="Teacher data are noise latents at this size with one prediction of the original "
        "model at a random guidance of 1 to 10 and the empty prompt. The student must give the "
        "same, average-pooled, at the new size. No pictures are needed.",
        ge=64,
    )
    scale: float = opt(
        0.5,
        "Scale",
        "Size factor when no target resolution is given.",
        group=_GROUP,
        tier="expert",
        unit="times",
        on_resume="new-trajectory",
        gt=0,
        le=1,
    )
    to_resolution: int | None = opt(
        None,
        "To resolution",
        "New resolution. Empty takes the old one times the scale.",
        group=_GROUP,
        tier="expert",
        unit="pixels",
        on_resume="new-trajectory",
        detail="It must divide the old resolution.",
        ge=64,
        le=8192,
    )
    latent_tensor_dir: str = opt(
        REQUIRED,
        "Teacher data folder",
        "Where the teacher's predictions are kept. Those already there are used again.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        editor="folder",
        min_length=1,
    )
    num_latent_tensors: int = opt(
        1000,
        "Teacher samples",
        "Number of teacher predictions.",
        group=_GROUP,
        tier="expert",
        unit="samples",
        on_resume="new-trajectory",
        detail="Missing ones are made before training, with a second copy of the model.",
        ge=1,
    )
    prompt_dropout: float = opt(
        0.1,
        "Prompt dropout",
        "Was never used: this trainer sees the empty prompt only.",
        group=_GROUP,
        tier="expert",
        unit="probability",
        on_resume="new-trajectory",
        status="legacy",
        ge=0,
        le=1,
    )


class RescaleProcess(TrainerProcess):
    """`type: rescale_sd`."""

    kind: ClassVar[str] = "rescale_sd"
    kinds: ClassVar[tuple[str, ...]] = spellings_of("rescale_sd")

    rescale: Rescale = opt(
        REQUIRED,
        "Resolution change",
        "From which size to which, and where the teacher's data lie.",
        group="Sections",
        container=True,
    )
