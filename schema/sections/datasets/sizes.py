"""`datasets:` - training sizes: resolution and aspect-ratio buckets."""

from typing import Annotated

from pydantic import Field

from schema.option import Section, opt

_SIZES = "Bucketing and resolution"

Pixels = Annotated[int, Field(ge=64, le=8192)]


class Sizes(Section):
    """The options of a dataset on training sizes."""

    resolution: Pixels | Annotated[list[Pixels], Field(min_length=1)] = opt(
        512,
        "Resolutions",
        "Training size(s). 1024 means about 1024x1024 pixels in total per image; several values "
        "train every size.",
        group=_SIZES,
        unit="pixels",
        on_resume="new-trajectory",
        detail="R stands for an area of R * R pixels, not for an edge: a picture keeps its shape, "
        "and one with fewer pixels is not enlarged. [512, 768, 1024] shows every picture at all "
        "three sizes, which makes an epoch three times as long. Without buckets the picture "
        "becomes a square of R.",
    )
    buckets: bool = opt(
        True,
        "Aspect-ratio buckets",
        "Groups images of similar shape so that nothing is squashed and little is cropped. Leave "
        "on.",
        group=_SIZES,
        tier="advanced",
        on_resume="new-trajectory",
        aliases=("enable_ar_bucket",),
        detail="For a picture of W x H and a step D: P = min(W H, R R), s = sqrt(P / (W H)); of "
        "the four pairs that rounding W s / D and H s / D up and down gives, the one within R R "
        "whose area is nearest to P is the training size. The picture is scaled to cover it and "
        "cropped. Off: the middle square, resized to R x R; batches then mix datasets.",
    )
    bucket_tolerance: int = opt(
        64,
        "Bucket step",
        "Sides of training sizes are multiples of this number. Bigger means fewer, fuller buckets "
        "and a bit more cropping.",
        group=_SIZES,
        tier="expert",
        unit="pixels",
        on_resume="new-trajectory",
        requires=("datasets[].buckets",),
        detail="Rounded up to a multiple of what the model needs (16 for Stable Diffusion 1). "
        "While the key is absent the step is the model's own.",
        ge=1,
        le=512,
    )
