"""`datasets:` - reference images for adapters with an image encoder."""

from schema.option import Section, opt
from schema.sections.datasets.augment import Augmentation

_GROUP = "CLIP and reference images"
_REFERENCE = ("datasets[].clip_image_path|datasets[].clip_image_from_same_folder",)


class References(Section):
    """The options of a dataset on reference images."""

    clip_image_path: str | None = opt(
        None,
        "Reference image folder",
        "Reference images for IP-Adapter style training, named like the training pictures.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        editor="folder",
        applies_to=("pictures",),
        requires=("adapter",),
        conflicts=("datasets[].clip_image_from_same_folder",),
        detail="Found by name and mirrored like the picture. Made square for encoders that want "
        "it: cropped with square_crop, else squeezed. A picture without one counts as dropped.",
        min_length=1,
    )
    clip_image_from_same_folder: bool = opt(
        False,
        "Reference from same folder",
        "Takes a random other picture of the same folder as reference. For folders that hold one "
        "person each.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        requires=("adapter",),
        conflicts=("datasets[].clip_image_path", "datasets[].cache_clip_vision_to_disk"),
        detail="Drawn at each step; the picture itself only where it is alone.",
    )
    clip_image_augmentations: list[Augmentation] | None = opt(
        None,
        "Reference augmentations",
        "Albumentations transforms of the reference images alone.",
        group="Augmentation",
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        requires=_REFERENCE,
        conflicts=("datasets[].cache_clip_vision_to_disk",),
        detail="Written like augmentations, applied to the square reference image.",
    )
    clip_image_shuffle_augmentations: bool = opt(
        False,
        "Shuffle ref. augmentations",
        "Applies the transforms of reference images in a new random order at every step.",
        group="Augmentation",
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        requires=("datasets[].clip_image_augmentations",),
    )
