"""The processes that a job can hold: a class per process type, and the union of them all.

`type:` chooses the class. A mistyped type is read as the nearest one, so that the rest of the
process is still checked against something sensible.
"""

from typing import Annotated, Any, Final

from pydantic import Discriminator, Tag

from schema.sections.processes.base import AnyProcess
from schema.sections.processes.caption import CaptionerProcess
from schema.sections.processes.collection import CollectionProcess
from schema.sections.processes.esrgan import EsrganProcess
from schema.sections.processes.extract import ExtractProcess
from schema.sections.processes.generate import (
    FolderProcess,
    ImageToImageProcess,
    PureLoraProcess,
    ReferenceProcess,
)
from schema.sections.processes.merge import MergeProcess
from schema.sections.processes.names import PROCESS_ROWS, process_name, spellings_of
from schema.sections.processes.replacer import ConceptReplacerProcess
from schema.sections.processes.rescale_lora import RescaleLoraProcess
from schema.sections.processes.rescale_sd import RescaleProcess
from schema.sections.processes.sliders import (
    ConceptSliderProcess,
    PairSliderProcess,
    PromptSliderProcess,
    UltimateSliderProcess,
)
from schema.sections.processes.tagger import TaggerProcess
from schema.sections.processes.trainer import TrainerProcess
from schema.sections.processes.vae import VaeProcess

PROCESSES: Final[tuple[type[AnyProcess], ...]] = (
    TrainerProcess, ConceptSliderProcess, PromptSliderProcess, PairSliderProcess,
    UltimateSliderProcess, ConceptReplacerProcess, RescaleProcess, VaeProcess, EsrganProcess,
    FolderProcess, ReferenceProcess, ImageToImageProcess, PureLoraProcess, ExtractProcess,
    RescaleLoraProcess, MergeProcess, CollectionProcess, TaggerProcess, CaptionerProcess,
)  # fmt: skip
"""Every class; the general trainer, whose words and defaults come first, is the first."""

_CLASSES: Final = {name: process for process in PROCESSES for name in process.kinds}


def process_class(value: Any) -> type[AnyProcess]:
    """The class of a process: of a built one, or of the mapping in a config by its `type`."""
    if isinstance(value, AnyProcess):
        return type(value)
    name = process_name(value.get("type") if isinstance(value, dict) else None)
    return _CLASSES[name]


def _tag(value: Any) -> str:
    return process_class(value).kind


Process = Annotated[
    Annotated[TrainerProcess, Tag("sd_trainer")]
    | Annotated[ConceptSliderProcess, Tag("concept_slider")]
    | Annotated[PromptSliderProcess, Tag("slider")]
    | Annotated[PairSliderProcess, Tag("image_reference_slider_trainer")]
    | Annotated[UltimateSliderProcess, Tag("ultimate_slider_trainer")]
    | Annotated[ConceptReplacerProcess, Tag("concept_replacer")]
    | Annotated[RescaleProcess, Tag("rescale_sd")]
    | Annotated[VaeProcess, Tag("vae")]
    | Annotated[EsrganProcess, Tag("esrgan")]
    | Annotated[FolderProcess, Tag("to_folder")]
    | Annotated[ReferenceProcess, Tag("reference_generator")]
    | Annotated[ImageToImageProcess, Tag("batch_img2img")]
    | Annotated[PureLoraProcess, Tag("pure_lora_generator")]
    | Annotated[ExtractProcess, Tag("locon")]
    | Annotated[RescaleLoraProcess, Tag("rescale_lora")]
    | Annotated[MergeProcess, Tag("example_merge_extension")]
    | Annotated[CollectionProcess, Tag("sync_from_collection")]
    | Annotated[TaggerProcess, Tag("super_tagger")]
    | Annotated[CaptionerProcess, Tag("Qwen3VLCaptioner")],
    Discriminator(_tag),
]
"""Any entry of `config.process`."""

__all__ = [
    "PROCESSES", "PROCESS_ROWS", "AnyProcess", "Process", "TrainerProcess", "process_class",
    "process_name", "spellings_of",
]  # fmt: skip
