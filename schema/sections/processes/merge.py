"""`type: example_merge_extension` - averages several models into one."""

from typing import Annotated, ClassVar

from pydantic import Field

from schema.option import REQUIRED, opt
from schema.sections.model import Model
from schema.sections.processes.base import Named, OnDevice
from schema.sections.processes.precision import FILE_SYNONYMS, FILE_WORDS, FileDtype

_GROUP = "Model merge"


class MergedModel(Model):
    """One entry of `models_to_merge`: the keys of the model section and a weight."""

    weight: float = opt(
        1.0,
        "Weight",
        "Share of this model. The shares of all are scaled to a sum of 1.",
        group=_GROUP,
    )


class MergeProcess(Named, OnDevice):
    """`type: example_merge_extension`."""

    kind: ClassVar[str] = "example_merge_extension"
    kinds: ClassVar[tuple[str, ...]] = ("example_merge_extension",)

    models_to_merge: Annotated[list[MergedModel], Field(min_length=1)] = opt(
        REQUIRED,
        "Models",
        "Models to average, each with a weight.",
        group=_GROUP,
        same_as="model",
        detail="Text encoders and denoiser become the weighted sum of all models, in float32; the "
        "VAE is that of the first. All must be of one architecture. Each entry has the keys of "
        "the model section and a weight.",
    )
    save_path: str = opt(
        REQUIRED,
        "Output",
        "Where the merged model is written.",
        group=_GROUP,
        editor="path",
        min_length=1,
    )
    save_dtype: FileDtype = opt(
        "float16",
        "Save precision",
        "Number format of the merged model.",
        group=_GROUP,
        tier="advanced",
        choices=FILE_WORDS,
        synonyms=FILE_SYNONYMS,
        detail="Computed in float32, then cast.",
    )
