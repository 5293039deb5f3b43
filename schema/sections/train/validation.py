"""`train.validation_config:` - a steady loss on a few held-out images."""

from typing import Annotated

from pydantic import Field

from schema.option import REQUIRED, Section, opt

_VALIDATION = "Validation"


class ValidationItem(Section):
    """One entry of `validation_items:`."""

    image_path: str = opt(
        REQUIRED,
        "Image",
        "Path of a held-out image.",
        group=_VALIDATION,
        tier="advanced",
        default_note="An entry without a picture would measure nothing, so it must be given.",
        editor="path",
        min_length=1,
    )
    prompt: str = opt(
        "",
        "Caption",
        "Caption of this image; [trigger] is replaced.",
        group=_VALIDATION,
        tier="advanced",
        editor="prompt",
    )


class ValidationConfig(Section):
    """Everything under `train.validation_config:`."""

    validation_items: list[ValidationItem] = opt(
        [],
        "Validation images",
        "The held-out images with their captions.",
        group=_VALIDATION,
        tier="advanced",
        detail="Do not put training images here.",
    )
    resolution: int = opt(
        512,
        "Validation resolution",
        "Pixel size (square root of the area) the images are scaled to.",
        group=_VALIDATION,
        tier="advanced",
        unit="pixels",
        detail="The image keeps its shape; its area becomes about this number squared.",
        ge=64,
        le=8192,
    )
    validate_every_n_steps: int | None = opt(
        10,
        "Validate every",
        "How often to run validation.",
        group=_VALIDATION,
        tier="advanced",
        unit="steps",
        editable_live=True,
        detail="Also at the first step. 0 or empty: at the first step only.",
        ge=0,
    )
    validation_sigmas: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)] = (
        opt(
            [1.0, 0.75, 0.5, 0.25],
            "Validation noise levels",
            "Noise levels tested, 1 is pure noise.",
            group=_VALIDATION,
            tier="advanced",
            detail="All of them in one batch per image; their losses are averaged.",
        )
    )


class Validation(Section):
    """The option of `train:` on validation."""

    validation_config: ValidationConfig | None = opt(
        None,
        "Validation",
        "Measures a steady loss on a few held-out images during training.",
        group=_VALIDATION,
        tier="advanced",
        detail="Each image is predicted at fixed noise levels with fixed noise, without "
        "guidance and without gradient; the mean squared error is recorded as val/loss, with "
        "that of the easiest and the hardest image (val/low, val/high) and of each level. The "
        "noise of training is not touched.",
    )
