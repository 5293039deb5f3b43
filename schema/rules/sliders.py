"""Rules on slider trainers, concept replacement and the shrinking of a model's resolution."""

from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule
from schema.sections.processes.replacer import ConceptReplacerProcess
from schema.sections.processes.rescale_sd import RescaleProcess
from schema.sections.processes.sliders import (
    ConceptSliderProcess,
    PairSliderProcess,
    PromptSliderProcess,
    UltimateSliderProcess,
)

RULES: list[Rule] = []

_SLIDERS = (ConceptSliderProcess, PromptSliderProcess, PairSliderProcess, UltimateSliderProcess)
_SCALABLE = {"lora", "locon", "lokr", "dora"}


@rule(RULES, "error", "network", "type")
def slider_needs_a_network(scope: Scope) -> Iterator[Problem]:
    """A slider is a network whose strength is turned; a fine-tuned model has none."""
    process = scope.process
    if not isinstance(process, _SLIDERS):
        return
    if process.network is None:
        message = "is required: a slider is a network that is turned up and down"
        yield Problem("network", message)
    elif process.network.type not in _SCALABLE:
        message = f"{process.network.type} cannot be turned up and down; lora can"
        yield Problem("network.type", message, "lora")


@rule(RULES, "error", "slider.positive_prompt", "slider.negative_prompt")
def two_different_ends(scope: Scope) -> Iterator[Problem]:
    """Equal prompts have no direction between them."""
    process = scope.process
    if not isinstance(process, ConceptSliderProcess):
        return
    slider = process.slider
    if slider.positive_prompt.strip() == slider.negative_prompt.strip():
        both = "both empty" if not slider.positive_prompt.strip() else "the same"
        message = f"the two prompts are {both}, so there is no direction to learn"
        yield Problem("slider.positive_prompt", message)


@rule(RULES, "warning", "slider.anchor_strength", "slider.anchor_class")
def anchor_has_words(scope: Scope) -> Iterator[Problem]:
    """A weight for an anchor that is not there; an empty text is an anchor."""
    process = scope.process
    if not isinstance(process, ConceptSliderProcess) or process.slider.anchor_class is not None:
        return
    if scope.given("slider.anchor_strength"):
        message = "has no effect without slider.anchor_class: the words to leave alone"
        yield Problem("slider.anchor_strength", message)


@rule(RULES, "error", "train.train_text_encoder", "type")
def slider_keeps_the_text_encoder(scope: Scope) -> Iterator[Problem]:
    """The prompts are encoded once, before training."""
    process = scope.process
    trained = process.train.train_text_encoder
    if trained and isinstance(process, ConceptSliderProcess | UltimateSliderProcess):
        message = f"{process.type} encodes its prompts once, so the text encoder cannot be trained"
        yield Problem("train.train_text_encoder", message, "false")


@rule(RULES, "warning", "train.loss_type", "train.min_snr_gamma", "datasets[].loss_multiplier")
def slider_has_its_own_loss(scope: Scope) -> Iterator[Problem]:
    """Loss options have no part in a concept slider."""
    if not isinstance(scope.process, ConceptSliderProcess):
        return
    paths = ["train.loss_type", "train.min_snr_gamma"]
    paths += [f"{path}.loss_multiplier" for path, _ in scope.datasets()]
    for path in paths:
        if scope.given(path):
            yield Problem(path, "has no effect: a concept slider has a loss of its own")


@rule(RULES, "error", "slider.targets", "slider.targets[].positive", "slider.targets[].multiplier")
def targets_say_something(scope: Scope) -> Iterator[Problem]:
    """Each target has words for at least one end, and a strength."""
    process = scope.process
    if not isinstance(process, PromptSliderProcess | UltimateSliderProcess):
        return
    if not process.slider.targets:
        yield Problem("slider.targets", "is required: the prompts of the slider's two ends")
    for index, target in enumerate(process.slider.targets):
        path = f"slider.targets[{index}]"
        if not target.positive.strip() and not target.negative.strip():
            message = "has words for neither end: give positive or negative"
            yield Problem(f"{path}.positive", message)
        if target.multiplier == 0:
            yield Problem(f"{path}.multiplier", "0 would switch the network off", "1.0")


@rule(RULES, "error", "slider.resolutions")
def slider_sizes_fit_the_model(scope: Scope) -> Iterator[Problem]:
    """Sides are multiples of what the model needs."""
    process = scope.process
    if not isinstance(process, PromptSliderProcess | UltimateSliderProcess):
        return
    step = scope.family.multiple
    for index, size in enumerate(process.slider.resolutions):
        if any(side % step for side in size):
            fitting = [max(64, side // step * step) for side in size]
            message = f"{size[0]} x {size[1]} are no multiples of {step}"
            yield Problem(f"slider.resolutions[{index}]", message, str(fitting))


@rule(RULES, "error", "slider.use_adapter", "slider.adapter_img_dir", "datasets")
def structure_helper_has_pictures(scope: Scope) -> Iterator[Problem]:
    """Depth maps belong to the pictures of a dataset."""
    process = scope.process
    if not isinstance(process, PromptSliderProcess) or process.slider.use_adapter is None:
        return
    if process.slider.adapter_img_dir is None:
        message = "needs slider.adapter_img_dir: the folder of depth maps"
        yield Problem("slider.use_adapter", message, "null")
    if not process.datasets:
        message = "needs a dataset, whose pictures have the names of the depth maps"
        yield Problem("slider.use_adapter", message, "null")


@rule(RULES, "error", "slider.datasets", "slider.datasets[].pair_folder")
def pairs_have_two_sides(scope: Scope) -> Iterator[Problem]:
    """An entry is one folder of side-by-side pictures, or two folders."""
    process = scope.process
    if not isinstance(process, PairSliderProcess | UltimateSliderProcess):
        return
    if not process.slider.datasets:
        yield Problem("slider.datasets", "is required: the pairs of pictures")
    for index, entry in enumerate(process.slider.datasets):
        path = f"slider.datasets[{index}]"
        sides = (entry.pos_folder, entry.neg_folder)
        if sides.count(None) == 1:
            missing = "pos_folder" if entry.pos_folder is None else "neg_folder"
            yield Problem(f"{path}.{missing}", "is required: the other side of the pairs")
        elif entry.pair_folder is None and None in sides:
            message = "is required, or pos_folder and neg_folder: where the pictures are"
            yield Problem(f"{path}.pair_folder", message)


@rule(RULES, "warning", "slider.datasets[].pair_folder", "slider.datasets[].pos_folder")
def one_way_to_give_pairs(scope: Scope) -> Iterator[Problem]:
    """Two folders win over one with side-by-side pictures."""
    process = scope.process
    if not isinstance(process, PairSliderProcess | UltimateSliderProcess):
        return
    for index, entry in enumerate(process.slider.datasets):
        if entry.pair_folder and entry.pos_folder and entry.neg_folder:
            message = "has no effect while pos_folder and neg_folder are given"
            yield Problem(f"slider.datasets[{index}].pair_folder", message)


@rule(RULES, "error", "slider.weight_jitter", "slider.datasets[].network_weight")
def jitter_keeps_the_sign(scope: Scope) -> Iterator[Problem]:
    """A strength that changes its sign would train the wrong end."""
    process = scope.process
    if not isinstance(process, PairSliderProcess | UltimateSliderProcess):
        return
    weights = [
        abs(entry.network_weight if side is None else side)
        for entry in process.slider.datasets
        for side in (entry.pos_weight, entry.neg_weight)
    ]
    if process.slider.weight_jitter and process.slider.weight_jitter >= min(weights, default=1):
        message = f"must be smaller than the smallest pair strength ({min(weights, default=1):g})"
        yield Problem("slider.weight_jitter", message, "0.0")


@rule(RULES, "error", "replacements[].concept", "replacements[].replacement")
def a_concept_to_replace(scope: Scope) -> Iterator[Problem]:
    """An empty concept, or one replaced by itself, teaches nothing."""
    process = scope.process
    if not isinstance(process, ConceptReplacerProcess):
        return
    for index, entry in enumerate(process.replacements):
        path = f"replacements[{index}]"
        if not entry.concept.strip():
            yield Problem(f"{path}.concept", "is empty: there is nothing to replace")
        elif entry.concept.strip() == entry.replacement.strip():
            yield Problem(f"{path}.replacement", "is the concept itself, so nothing would change")


@rule(RULES, "error", "rescale.from_resolution", "rescale.to_resolution", "rescale.scale")
def resolutions_divide(scope: Scope) -> Iterator[Problem]:
    """The teacher's picture is pooled by a whole factor."""
    process = scope.process
    if not isinstance(process, RescaleProcess):
        return
    rescale = process.rescale
    target = rescale.to_resolution or int(rescale.from_resolution * rescale.scale)
    path = "rescale.to_resolution" if rescale.to_resolution else "rescale.scale"
    if target >= rescale.from_resolution:
        message = f"{target} is not smaller than the old resolution {rescale.from_resolution}"
        yield Problem(path, message)
    elif target < 8 or rescale.from_resolution % target:
        message = f"{target} does not divide the old resolution {rescale.from_resolution}"
        yield Problem(path, message)
