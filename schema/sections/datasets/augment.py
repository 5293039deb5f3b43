"""`datasets:` - augmentation: random changes of pictures at every step."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from schema.option import REQUIRED, Section, opt
from schema.sections.texts import listed

_GROUP = "Augmentation"
_LATENTS = ("datasets[].cache_latents", "datasets[].cache_latents_to_disk")

Quick = Annotated[list[Literal["ColorJitter", "RandomEqualize"]], BeforeValidator(listed)]


class Augmentation(Section):
    """One transform of `augmentations:`."""

    method: str = opt(
        REQUIRED,
        "Transform",
        "Name of an Albumentations transform, such as HorizontalFlip.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        min_length=1,
    )
    params: dict[str, Any] = opt(
        {},
        "Settings",
        "What the transform is called with, such as p: 0.5.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="A text of the form cv2.NAME stands for that constant of OpenCV.",
    )


class Augmenting(Section):
    """The options of a dataset on augmentation."""

    augments: Quick = opt(
        [],
        "Quick augmentations",
        "Simple built-in variations. ColorJitter varies colours slightly, RandomEqualize "
        "sometimes equalises the histogram.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        conflicts=_LATENTS,
        choices={
            "ColorJitter": "brightness, contrast, saturation by up to 20 percent, hue by up to 3",
            "RandomEqualize": "evens out the histogram of one picture in five",
        },
        detail="In the order of the list, on the cropped 8-bit picture, before augmentations. "
        "Brightness, contrast and saturation are multiplied by a factor from 0.8 to 1.2 each, the "
        "hue moves by -0.03 to 0.03 of the circle, in random order. Masks and control images stay "
        "as they are.",
    )
    augmentations: list[Augmentation] | None = opt(
        None,
        "Albumentations pipeline",
        "A list of Albumentations transforms with their settings, applied to each picture at "
        "every step.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        conflicts=_LATENTS,
        detail="For example - {method: HorizontalFlip, params: {p: 0.5}}. Needs the package "
        "albumentations. They follow one another on the cropped picture and must not change its "
        "size. The untouched picture is kept for train.loss_target: unaugmented.",
    )
    shuffle_augmentations: bool = opt(
        False,
        "Shuffle augmentations",
        "Applies the Albumentations transforms in a new random order on every load.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        requires=("datasets[].augmentations",),
        detail="Only augmentations are shuffled; augments keep their order.",
    )
    replay_transforms: bool = opt(
        True,
        "Replay on control images",
        "Repeats the spatial transforms on masks and on control, inpaint and unconditional "
        "images, so that they stay aligned.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        requires=("datasets[].augmentations",),
        detail="The very draw that the picture got: flips, rotations, crops, shifts, perspective, "
        "elastic and grid distortions, on all channels. Changes of colour never reach them. Off: "
        "they stay as they are.",
    )
