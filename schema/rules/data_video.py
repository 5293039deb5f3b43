"""Rules on videos in datasets."""

from collections.abc import Iterator

from schema.families import FamilyRow
from schema.rules.data_pictures import cached
from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []

_OF_CLIPS = ("shrink_video_to_frames", "fps", "do_i2v", "do_audio", "debug")


def frames_near(row: FamilyRow, wanted: int) -> tuple[int, int] | None:
    """The counts below and above `wanted` that a family takes; None where `wanted` is one."""
    if row.frames is None or wanted == 1:
        return None
    step, rest = row.frames
    over = (wanted - rest) % step
    if over == 0 and wanted >= rest:
        return None
    lower = wanted - over
    return (max(lower, rest), max(lower + step, rest))


@rule(
    RULES, "error", "datasets[].num_frames", "datasets[].auto_frame_count", "model.arch"
)  # fmt: skip
def clips_need_a_video_model(scope: Scope) -> Iterator[Problem]:
    """An image model learns single frames."""
    if scope.family.can(("video",)):
        return
    for path, dataset in scope.datasets():
        if dataset.num_frames > 1:
            message = f"{scope.family.label} learns single pictures"
            yield Problem(f"{path}.num_frames", message, "1")
        if dataset.auto_frame_count:
            message = f"is for video models, which {scope.family.label} is not"
            yield Problem(f"{path}.auto_frame_count", message, "false")


@rule(RULES, "error", "datasets[].num_frames", "model.arch")
def frames_fit_the_model(scope: Scope) -> Iterator[Problem]:
    """A latent stands for several frames, so not every count will do."""
    for path, dataset in scope.datasets():
        near = frames_near(scope.family, dataset.num_frames)
        if near is not None and not dataset.auto_frame_count:
            low, high = near
            message = f"{scope.family.label} takes {low} or {high} frames, not {dataset.num_frames}"
            yield Problem(f"{path}.num_frames", message, str(low))


@rule(
    RULES, "warning", "datasets[].auto_frame_count", "train.batch_size", "datasets[].batch_size"
)  # fmt: skip
def clips_of_many_lengths(scope: Scope) -> Iterator[Problem]:
    """Only clips of equal length share a batch."""
    for path, dataset in scope.datasets():
        size = dataset.batch_size or scope.process.train.batch_size
        if dataset.auto_frame_count and size > 1:
            message = f"only clips of equal length share a batch of {size}; others repeat"
            yield Problem(f"{path}.auto_frame_count", message)


@rule(
    RULES,
    "warning",
    "datasets[].shrink_video_to_frames",
    "datasets[].cache_latents",
    "datasets[].cache_latents_to_disk",
)
def stretch_is_frozen(scope: Scope) -> Iterator[Problem]:
    """A cached latent holds one stretch of its video."""
    for path, dataset in scope.datasets():
        if dataset.takes_videos and cached(dataset) and not dataset.shrink_video_to_frames:
            message = "the random stretch is drawn once when latents are cached, not at each step"
            yield Problem(f"{path}.shrink_video_to_frames", message, "true")


@rule(
    RULES, "warning", "datasets[].num_frames", *(f"datasets[].{name}" for name in _OF_CLIPS)
)  # fmt: skip
def clip_options_without_clips(scope: Scope) -> Iterator[Problem]:
    """Options of videos in a set of pictures."""
    for path, dataset in scope.datasets():
        if dataset.takes_videos or not scope.family.can(("video",)):
            continue
        for name in _OF_CLIPS:
            default = type(dataset).model_fields[name].default
            if scope.given(f"{path}.{name}") and getattr(dataset, name) != default:
                message = "has no effect on pictures: num_frames is 1"
                yield Problem(f"{path}.{name}", message)
