"""Rules on what is done to pictures: augmentation, zoom and crop, what caches and buckets allow."""

from collections.abc import Iterator

from schema.findings import nearest
from schema.rules.data_captions import reads_json
from schema.rules.rule import Problem, Rule, Scope, rule
from schema.sections.datasets import Dataset
from schema.transforms import NOT_BYTES, RESIZING, TRANSFORMS, TURNING

RULES: list[Rule] = []

_CHANGING = (
    ("augments", "[]"), ("augmentations", "null"), ("random_scale", "false"), ("poi", "null"),
)  # fmt: skip


def cached(dataset: Dataset) -> bool:
    """Whether its pictures are encoded once."""
    return dataset.cache_latents or dataset.cache_latents_to_disk


def keeps_pixels(dataset: Dataset) -> bool:
    """Whether pixels are there at every step."""
    kept = dataset.cache_tensors_to_disk or dataset.load_image_when_caching_latents
    return kept or not cached(dataset)


@rule(
    RULES,
    "error",
    "datasets[].cache_latents",
    "datasets[].cache_latents_to_disk",
    *(f"datasets[].{name}" for name, _ in _CHANGING),
)
def changing_a_cached_picture(scope: Scope) -> Iterator[Problem]:
    """A cached latent is one view of its picture."""
    for path, dataset in scope.datasets():
        for name, off in _CHANGING if cached(dataset) else ():
            if getattr(dataset, name):
                message = "changes pictures at every step, and latents are cached"
                yield Problem(f"{path}.{name}", message, off)


@rule(RULES, "error", "train.loss_target", "datasets[].augmentations")
def augmented_target_for_all(scope: Scope) -> Iterator[Problem]:
    """A target of augmented and untouched pictures needs both in every set."""
    target = scope.process.train.loss_target
    if target not in ("unaugmented", "differential_noise"):
        return
    sets = [(path, dataset) for path, dataset in scope.datasets() if not dataset.is_reg]
    if not any(dataset.augmentations for _, dataset in sets):
        return
    for path, dataset in sets:
        if not dataset.augmentations:
            message = f"is missing, and train.loss_target is {target}: every dataset needs it"
            yield Problem(f"{path}.augmentations", message)


@rule(
    RULES,
    "error",
    "datasets[].cache_latents",
    "datasets[].cache_latents_to_disk",
    "datasets[].cache_tensors_to_disk",
    "datasets[].load_image_when_caching_latents",
    "model.arch",
    "adapter.type",
)
def first_frames_need_pixels(scope: Scope) -> Iterator[Problem]:
    """Models that continue a picture look at it at every step."""
    adapter = scope.process.adapter
    looks = scope.family.can(("first_frame",)) or (adapter is not None and adapter.type == "i2v")
    for path, dataset in scope.datasets():
        if looks and not keeps_pixels(dataset):
            message = "is needed beside cached latents: the first frame itself is looked at"
            yield Problem(f"{path}.cache_tensors_to_disk", message, "true")


_WITHOUT_BUCKETS = ("mask_path", "alpha_mask", "inpaint_path", "unconditional_path")


@rule(
    RULES,
    "error",
    "datasets[].buckets",
    *(f"datasets[].{name}" for name in _WITHOUT_BUCKETS),
    "datasets[].control_path",
    "datasets[].num_frames",
    "datasets[].auto_frame_count",
    "datasets[].poi",
)
def needs_the_plan_of_buckets(scope: Scope) -> Iterator[Problem]:
    """What is cut like the picture needs its plan, which buckets make."""
    uncropped = scope.family.can(("multi_control",))
    for path, dataset in scope.datasets():
        if dataset.buckets:
            continue
        names = [*_WITHOUT_BUCKETS, "auto_frame_count", "poi"]
        if dataset.full_size_control_images and not uncropped:
            names += ["control_path", "control_path_1", "control_path_2", "control_path_3"]
        found = [name for name in names if getattr(dataset, name)]
        found += ["num_frames"] if dataset.num_frames > 1 else []
        for name in found:
            yield Problem(f"{path}.{name}", "needs buckets: true")


@rule(RULES, "error", "datasets[].random_scale", "datasets[].square_crop")
def zoom_and_middle(scope: Scope) -> Iterator[Problem]:
    """A random view, or the one in the middle."""
    for path, dataset in scope.datasets():
        if dataset.random_scale and dataset.square_crop:
            message = "cannot be combined with square_crop, which shows the middle"
            yield Problem(f"{path}.random_scale", message, "false")


@rule(
    RULES,
    "error",
    "datasets[].poi",
    "datasets[].caption_ext",
    "datasets[].num_frames",
    "datasets[].persistent_workers",
)
def boxes_have_their_place(scope: Scope) -> Iterator[Problem]:
    """Boxes stand in JSON captions of pictures, and views are drawn anew each epoch."""
    for path, dataset in scope.datasets():
        if dataset.poi is None:
            continue
        if not reads_json(dataset):
            message = "needs JSON captions, in which the boxes stand: caption_ext: .json"
            yield Problem(f"{path}.poi", message, "null")
        if dataset.takes_videos:
            yield Problem(f"{path}.poi", "is for pictures, not for videos", "null")
        if dataset.persistent_workers:
            message = "cannot be combined with poi, whose views are drawn anew each epoch"
            yield Problem(f"{path}.persistent_workers", message, "false")


@rule(RULES, "warning", "datasets[].standardize_images", "train.standardize_images")
def standardized_twice(scope: Scope) -> Iterator[Problem]:
    """Fixed statistics and the picture's own, one after the other."""
    for path, dataset in scope.datasets():
        if dataset.standardize_images and scope.process.train.standardize_images:
            message = "train.standardize_images does it too, with other statistics"
            yield Problem(f"{path}.standardize_images", message, "false")


@rule(RULES, "warning", "datasets[].cache_tensors_to_disk", "datasets[].standardize_images")
def standardized_pixels_are_cut(scope: Scope) -> Iterator[Problem]:
    """8 bits hold values from -1 to 1."""
    for path, dataset in scope.datasets():
        if dataset.cache_tensors_to_disk and dataset.standardize_images:
            message = "cuts the values beyond 1 that standardize_images makes"
            yield Problem(f"{path}.cache_tensors_to_disk", message)


@rule(RULES, "error", "datasets[].augments", "datasets[].augmentations", "datasets[].num_frames")
def augmenting_videos(scope: Scope) -> Iterator[Problem]:
    """Each frame would be changed in its own way."""
    for path, dataset in scope.datasets():
        for name, off in _CHANGING[:2] if dataset.takes_videos else ():
            if getattr(dataset, name):
                yield Problem(f"{path}.{name}", "is for pictures, not for videos", off)


@rule(
    RULES,
    "warning",
    "datasets[].augmentations[].method",
    "datasets[].clip_image_augmentations[].method",
)
def transform_is_unknown(scope: Scope) -> Iterator[Problem]:
    """A name that no version of Albumentations is known to have."""
    for path, dataset in scope.datasets():
        for name in ("augmentations", "clip_image_augmentations"):
            for index, step in enumerate(getattr(dataset, name) or []):
                if step.method not in TRANSFORMS:
                    message = f"Albumentations is not known to have a transform '{step.method}'"
                    near = nearest(step.method, TRANSFORMS)
                    yield Problem(f"{path}.{name}[{index}].method", message, near)


@rule(RULES, "error", "datasets[].augmentations[].method")
def transform_breaks_the_batch(scope: Scope) -> Iterator[Problem]:
    """Pictures of a batch have one size, and are pictures."""
    for path, dataset in scope.datasets():
        for index, step in enumerate(dataset.augmentations or []):
            where = f"{path}.augmentations[{index}].method"
            if step.method in RESIZING:
                yield Problem(where, f"{step.method} changes the size of pictures")
            elif step.method in TURNING and not dataset.square_crop and dataset.buckets:
                message = f"{step.method} swaps width and height; it needs square_crop"
                yield Problem(where, message)
            elif step.method in NOT_BYTES:
                yield Problem(where, f"{step.method} leaves no picture of 8 bits")
