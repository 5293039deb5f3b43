"""Rules on `model.model_kwargs:`, the options of single families."""

from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule

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
