"""Rules on processes that do not train: extraction, rescaling, merging, drawing, captioning."""

from collections.abc import Iterator

from schema.rules.rule import Problem, ProcessScope, Rule, rule
from schema.sections.processes.caption import CaptionerProcess
from schema.sections.processes.extract import ExtractProcess
from schema.sections.processes.generate import (
    FolderProcess,
    ImageToImageProcess,
    ReferenceProcess,
)
from schema.sections.processes.merge import MergeProcess
from schema.sections.processes.rescale_lora import RescaleLoraProcess
from schema.sections.processes.tagger import TaggerProcess

RULES: list[Rule] = []


@rule(RULES, "error", "mode", "linear", "conv")
def rank_fits_the_rule(scope: ProcessScope) -> Iterator[Problem]:
    """A fixed rank is a whole number, a ratio or quantile lies between 0 and 1."""
    process = scope.process
    if not isinstance(process, ExtractProcess):
        return
    for name, value in (("linear", process.linear), ("conv", process.conv)):
        if value is None:
            continue
        if process.mode == "fixed" and (value != int(value) or (value < 1 and name == "linear")):
            yield Problem(name, f"{value:g} is no rank: mode fixed takes a whole number from 1")
        if process.mode in ("ratio", "quantile") and value > 1:
            yield Problem(name, f"{value:g} is above 1: mode {process.mode} takes a share", "0.5")


@rule(RULES, "warning", "output_path", "filename")
def one_name_for_the_result(scope: ProcessScope) -> Iterator[Problem]:
    """The full path wins over the file name."""
    process = scope.process
    if isinstance(process, ExtractProcess) and process.output_path and process.filename:
        yield Problem("filename", "has no effect while output_path names the whole file")


@rule(RULES, "error", "current_weight", "target_weight")
def strength_is_not_zero(scope: ProcessScope) -> Iterator[Problem]:
    """The factor is the quotient of the two strengths."""
    process = scope.process
    if not isinstance(process, RescaleLoraProcess):
        return
    if process.target_weight == 0:
        yield Problem("target_weight", "cannot be 0: the LoRA would be scaled to infinity", "1.0")
    if process.current_weight == 0:
        yield Problem("current_weight", "cannot be 0: nothing of the LoRA would be left", "1.0")


@rule(RULES, "error", "models_to_merge", "models_to_merge[].weight")
def merge_has_a_sum(scope: ProcessScope) -> Iterator[Problem]:
    """At least two models of one architecture, with weights that do not cancel out."""
    process = scope.process
    if not isinstance(process, MergeProcess):
        return
    models = process.models_to_merge
    if len(models) < 2:
        yield Problem("models_to_merge", "takes at least two models")
    if sum(model.weight for model in models) == 0:
        message = "the weights add up to 0, so they cannot be scaled to a sum of 1"
        yield Problem("models_to_merge[0].weight", message, "1.0")
    for index, model in enumerate(models):
        if model.arch != models[0].arch:
            message = f"is {model.arch}, but the first model is {models[0].arch}"
            yield Problem(f"models_to_merge[{index}].arch", message, models[0].arch)


@rule(RULES, "error", "generate.prompts")
def something_to_draw(scope: ProcessScope) -> Iterator[Problem]:
    """Prompts, or a dataset whose captions are the prompts."""
    process = scope.process
    if isinstance(process, FolderProcess) and not process.generate.prompts:
        yield Problem("generate.prompts", "is required: there is nothing to draw without prompts")
    if isinstance(process, ReferenceProcess | ImageToImageProcess) and not process.datasets:
        yield Problem("datasets", "is required: the pictures to start from")


@rule(RULES, "error", "generate.t2i_adapter_path")
def reference_needs_an_adapter(scope: ProcessScope) -> Iterator[Problem]:
    """The composition is carried over by a depth adapter."""
    process = scope.process
    if isinstance(process, ReferenceProcess) and process.generate.t2i_adapter_path is None:
        message = "is required: the adapter that carries the composition over"
        yield Problem("generate.t2i_adapter_path", message)


@rule(RULES, "error", "caption.model_name_or_path2", "caption.fixed_caption")
def music_needs_a_describer(scope: ProcessScope) -> Iterator[Problem]:
    """A song is described by a second model, or by a fixed text."""
    process = scope.process
    if not isinstance(process, CaptionerProcess) or process.type != "AceStepCaptioner":
        return
    caption = process.caption
    if caption.model_name_or_path2 is None and caption.fixed_caption is None:
        message = "is required while there is no fixed_caption: the model that describes the music"
        yield Problem("caption.model_name_or_path2", message)


@rule(RULES, "warning", "caption.model_name_or_path2", "caption.fixed_caption")
def describer_is_not_asked(scope: ProcessScope) -> Iterator[Problem]:
    """A fixed text takes the place of the second model."""
    process = scope.process
    if not isinstance(process, CaptionerProcess) or process.caption.fixed_caption is None:
        return
    if process.caption.model_name_or_path2 is not None:
        message = "is not loaded: fixed_caption takes the place of what it would write"
        yield Problem("caption.model_name_or_path2", message)


@rule(RULES, "error", "caption.compile", "caption.layer_offloading")
def compiled_layers_stay(scope: ProcessScope) -> Iterator[Problem]:
    """A compiled model cannot be streamed layer by layer."""
    process = scope.process
    if not isinstance(process, CaptionerProcess):
        return
    if process.caption.compile and process.caption.layer_offloading:
        message = "cannot be combined with layer_offloading, which moves the layers"
        yield Problem("caption.compile", message, "false")


@rule(RULES, "hint", "caption.extensions")
def endings_without_a_dot(scope: ProcessScope) -> Iterator[Problem]:
    """Both spellings are read; other tools know the one without the dot."""
    process = scope.process
    if isinstance(process, CaptionerProcess):
        for index, ending in enumerate(process.caption.extensions):
            if ending.startswith(".") and ending.strip("."):
                message = "file endings are written without a dot"
                yield Problem(f"caption.extensions[{index}]", message, ending.lstrip("."))


@rule(RULES, "error", "dataset_paths", "parent_dir", "steps")
def tagger_has_work(scope: ProcessScope) -> Iterator[Problem]:
    """Folders and steps, else there is nothing to do."""
    process = scope.process
    if not isinstance(process, TaggerProcess):
        return
    if not process.dataset_paths and process.parent_dir is None:
        yield Problem("dataset_paths", "is required, or parent_dir: the folders to work on")
    if not process.steps:
        yield Problem("steps", "is empty, so nothing would be done", "[caption]")
