"""Rules on `model.model_kwargs:`, the options of single families."""

from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule
from schema.sections.datasets import Dataset

RULES: list[Rule] = []
_KWARGS = "model.model_kwargs"


@rule(RULES, "error", f"{_KWARGS}.train_high_noise", f"{_KWARGS}.train_low_noise")
def no_expert_left(scope: Scope) -> Iterator[Problem]:
    """Neither of two experts is trained."""
    extra = scope.process.model.model_kwargs
    two = scope.family.can(("two_experts",))
    if two and not extra.train_high_noise and not extra.train_low_noise:
        yield Problem(f"{_KWARGS}.train_low_noise", "neither expert is trained", "true")


@rule(RULES, "error", f"{_KWARGS}.max_text_length", "model.arch")
def prompt_of_no_length(scope: Scope) -> Iterator[Problem]:
    """0 means no limit for the families that have none."""
    unlimited = scope.family.can(("partitions",)) or not scope.family.can(("prompt_limit",))
    if scope.process.model.model_kwargs.max_text_length == 0 and not unlimited:
        usual = str(scope.family.encoders[0].tokens)
        message = "0 tokens leave nothing of the prompt"
        yield Problem(f"{_KWARGS}.max_text_length", message, usual)


@rule(RULES, "error", f"{_KWARGS}.partition", "model.arch")
def partition_fits_the_task(scope: Scope) -> Iterator[Problem]:
    """First and last frame, or references: each task has partitions of its own."""
    partition = scope.process.model.model_kwargs.partition
    if partition is None or not scope.family.can(("partitions",)):
        return
    task = "ref2va" if scope.family.can(("reference_clips",)) else "fl2va"
    if not partition.startswith(task):
        message = f"{scope.family.label} needs a partition of {task}"
        yield Problem(f"{_KWARGS}.partition", message, f"{task}_pruned")


@rule(RULES, "error", f"{_KWARGS}.image_ref_video_frames")
def reference_clip_frames(scope: Scope) -> Iterator[Problem]:
    """A clip has 17 n + 5 frames."""
    frames = scope.process.model.model_kwargs.image_ref_video_frames
    rest = (frames - 5) % 17
    if rest and scope.family.can(("reference_clips",)):
        lower = frames - rest
        message = f"{frames} is not of the form 17 n + 5; {lower} and {lower + 17} are"
        yield Problem(f"{_KWARGS}.image_ref_video_frames", message, str(lower))


@rule(
    RULES, "error", "datasets[].control_path", f"{_KWARGS}.edit", "model.arch",
    "datasets[].control_from_same_folder",
)  # fmt: skip
def control_image_is_missing(scope: Scope) -> Iterator[Problem]:
    """A model that edits learns from what was before and what is after."""
    row = scope.family
    edits = row.can(("switchable_editing",)) and scope.process.model.model_kwargs.edit
    if not edits and row.controls[0] == 0:
        return
    for path, dataset in scope.datasets():
        if not _controls(dataset):
            message = f"{row.label} edits pictures and needs control images: set control_path"
            yield Problem(f"{path}.folder_path", message)


@rule(RULES, "warning", "datasets[].control_path", "model.arch")
def more_controls_than_fit(scope: Scope) -> Iterator[Problem]:
    """A family takes so many control images and no more."""
    most = scope.family.controls[1]
    for path, dataset in scope.datasets():
        count = _controls(dataset)
        if 0 < most < count:
            message = f"{count} control images are given; {scope.family.label} takes {most}"
            yield Problem(f"{path}.control_path", message)


def _controls(dataset: Dataset) -> int:
    """How many control images each picture of a dataset has at least."""
    folders = len(dataset.control_folders)
    if dataset.control_from_same_folder:
        folders += dataset.num_controls_from_same_folder or 1
    return folders + len(dataset.controls or ())
