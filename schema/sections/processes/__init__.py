"""The processes that a job can hold: a class per process type, found by `type:`.

Most configs hold one process, so a class is imported when a config or the catalogue asks for it. A
mistyped type is read as the nearest one, so that the rest of the process is still checked against
something sensible.
"""

from functools import cache
from importlib import import_module
from typing import Annotated, Any, Final

from pydantic import PlainValidator, SerializeAsAny

from schema.sections.processes.base import AnyProcess
from schema.sections.processes.names import PROCESS_ROWS, process_name, spellings_of
from schema.sections.processes.trainer import TrainerProcess

_PLACES: Final[dict[str, tuple[str, str]]] = {
    "sd_trainer": ("trainer", "TrainerProcess"),
    "concept_slider": ("sliders", "ConceptSliderProcess"),
    "slider": ("sliders", "PromptSliderProcess"),
    "image_reference_slider_trainer": ("sliders", "PairSliderProcess"),
    "ultimate_slider_trainer": ("sliders", "UltimateSliderProcess"),
    "concept_replacer": ("replacer", "ConceptReplacerProcess"),
    "rescale_sd": ("rescale_sd", "RescaleProcess"),
    "vae": ("vae", "VaeProcess"),
    "esrgan": ("esrgan", "EsrganProcess"),
    "to_folder": ("generate", "FolderProcess"),
    "reference_generator": ("generate", "ReferenceProcess"),
    "batch_img2img": ("generate", "ImageToImageProcess"),
    "pure_lora_generator": ("generate", "PureLoraProcess"),
    "locon": ("extract", "ExtractProcess"),
    "lora": ("extract", "ExtractProcess"),
    "rescale_lora": ("rescale_lora", "RescaleLoraProcess"),
    "example_merge_extension": ("merge", "MergeProcess"),
    "sync_from_collection": ("collection", "CollectionProcess"),
    "super_tagger": ("tagger", "TaggerProcess"),
    "Qwen3VLCaptioner": ("caption", "CaptionerProcess"),
    "Qwen3OmniCaptioner": ("caption", "CaptionerProcess"),
    "Ideogram4Captioner": ("caption", "CaptionerProcess"),
    "AceStepCaptioner": ("caption", "CaptionerProcess"),
}
"""Process type -> the file of this folder and the class in it."""


@cache
def _class_of(name: str) -> type[AnyProcess]:
    module, attribute = _PLACES[name]
    found: type[AnyProcess] = getattr(import_module(f"{__name__}.{module}"), attribute)
    return found


@cache
def process_classes() -> tuple[type[AnyProcess], ...]:
    """Every class; the general trainer, whose words and defaults come first, is the first."""
    return tuple(dict.fromkeys(map(_class_of, _PLACES)))


def process_class(value: Any) -> type[AnyProcess]:
    """The class of a process: of a built one, or of the mapping in a config by its `type`."""
    if isinstance(value, AnyProcess):
        return type(value)
    return _class_of(process_name(value.get("type") if isinstance(value, dict) else None))


def _read(value: Any) -> AnyProcess:
    """The process of a mapping; pydantic puts the faults found inside at their place."""
    return process_class(value).model_validate(value)


Process = Annotated[SerializeAsAny[AnyProcess], PlainValidator(_read)]
"""Any entry of `config.process`."""

__all__ = [
    "PROCESS_ROWS", "AnyProcess", "Process", "TrainerProcess", "process_class",
    "process_classes", "process_name", "spellings_of",
]  # fmt: skip
