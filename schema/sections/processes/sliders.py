"""The slider trainers: a network whose multiplier turns a property up and down."""

from typing import ClassVar

from schema.option import REQUIRED, opt
from schema.sections.processes.names import spellings_of
from schema.sections.processes.trainer import TrainerProcess
from schema.sections.slider import ConceptSlider, PairSlider, PromptSlider, UltimateSlider


class ConceptSliderProcess(TrainerProcess):
    """`type: concept_slider`: two prompts, on the noisy latents of a dataset."""

    kind: ClassVar[str] = "concept_slider"
    kinds: ClassVar[tuple[str, ...]] = spellings_of("concept_slider")

    slider: ConceptSlider = opt(
        REQUIRED,
        "Slider",
        "The two ends of the slider.",
        group="Sections",
        container=True,
    )


class PromptSliderProcess(TrainerProcess):
    """`type: slider`: any number of prompt pairs, with or without pictures."""

    kind: ClassVar[str] = "slider"
    kinds: ClassVar[tuple[str, ...]] = spellings_of("slider")

    slider: PromptSlider = opt(
        REQUIRED,
        "Slider",
        "The prompt pairs of the slider.",
        group="Sections",
        container=True,
    )


class PairSliderProcess(TrainerProcess):
    """`type: image_reference_slider_trainer`: pairs of pictures."""

    kind: ClassVar[str] = "image_reference_slider_trainer"
    kinds: ClassVar[tuple[str, ...]] = spellings_of("image_reference_slider_trainer")

    slider: PairSlider = opt(
        REQUIRED,
        "Slider",
        "The picture pairs of the slider.",
        group="Sections",
        container=True,
    )


class UltimateSliderProcess(TrainerProcess):
    """`type: ultimate_slider_trainer`: pairs of pictures and pairs of prompts."""

    kind: ClassVar[str] = "ultimate_slider_trainer"
    kinds: ClassVar[tuple[str, ...]] = spellings_of("ultimate_slider_trainer")

    slider: UltimateSlider = opt(
        REQUIRED,
        "Slider",
        "The picture and prompt pairs of the slider.",
        group="Sections",
        container=True,
    )
