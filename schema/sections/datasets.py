"""`datasets:` - a list of folders of captioned images and what is done with them."""

from typing import Annotated

from pydantic import Field

from schema.option import REQUIRED, Section, opt

Pixels = Annotated[int, Field(ge=64, le=8192)]

_SOURCE = "Source"
_CAPTIONS = "Caption and token handling"
_SIZES = "Bucketing and resolution"
_IMAGES = "Image processing"
_REPEAT = "Repetition and sampling"


class Dataset(Section):
    """One entry of `datasets:`."""

    folder_path: str = opt(
        REQUIRED,
        "Image folder",
        "Folder with your training images. Sub-folders are included; captions sit next to each "
        "file.",
        group=_SOURCE,
        editor="folder",
        on_resume="new-trajectory",
        min_length=1,
    )
    caption_ext: str = opt(
        ".txt",
        "Caption file extension",
        "Captions are read from a file with the image's name and this extension, for example "
        "photo.txt.",
        group=_CAPTIONS,
        on_resume="new-trajectory",
        pattern=r"^\.?[^./\\\s][^/\\\s]*$",
        form="a file extension such as .txt",
    )
    default_caption: str | None = opt(
        None,
        "Default caption",
        "Used for files that have no caption file or an empty one. May contain [trigger].",
        group="Dataset variants",
        on_resume="new-trajectory",
        editor="prompt",
    )
    trigger_word: str | None = opt(
        None,
        "Trigger word",
        "Word that calls your concept, for this dataset only. Replaces [trigger] in captions or "
        "is put in front of them.",
        group=_CAPTIONS,
        inherits="trigger_word",
        on_resume="new-trajectory",
    )
    caption_dropout_rate: float = opt(
        0.0,
        "Caption dropout",
        "Chance that a caption is blanked for a step. 0.05 helps the model learn the concept "
        "without its caption.",
        group=_CAPTIONS,
        unit="probability",
        on_resume="new-trajectory",
        ge=0,
        le=1,
    )
    shuffle_tokens: bool = opt(
        False,
        "Shuffle tags",
        "Randomly reorders comma-separated tags on every step so that order does not matter. Not "
        "for prose captions.",
        group=_CAPTIONS,
        tier="advanced",
        on_resume="new-trajectory",
        conflicts=("datasets[].cache_text_embeddings",),
    )
    keep_tokens: int = opt(
        0,
        "Keep first tokens",
        "The first N comma-separated tags are never shuffled. A dropped caption still removes "
        "everything.",
        group=_CAPTIONS,
        tier="advanced",
        unit="tags",
        on_resume="new-trajectory",
        requires=("datasets[].shuffle_tokens",),
        ge=0,
    )
    resolution: Pixels | Annotated[list[Pixels], Field(min_length=1)] = opt(
        512,
        "Resolutions",
        "Training size(s). 1024 means about 1024x1024 pixels in total per image; several values "
        "train every size.",
        group=_SIZES,
        unit="pixels",
        on_resume="new-trajectory",
    )
    buckets: bool = opt(
        True,
        "Aspect-ratio buckets",
        "Groups images of similar shape so that nothing is squashed and little is cropped. Leave "
        "on.",
        group=_SIZES,
        tier="advanced",
        on_resume="new-trajectory",
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
    num_repeats: int = opt(
        1,
        "Repeats",
        "Show every file this many times per epoch. Use it to balance a small dataset against a "
        "big one.",
        group=_REPEAT,
        unit="times",
        on_resume="new-trajectory",
        ge=1,
    )
    flip_x: bool = opt(
        False,
        "Mirror horizontally",
        "Adds a mirrored copy of every image, doubling the dataset. Avoid for faces, text or "
        "logos.",
        group=_IMAGES,
        on_resume="new-trajectory",
    )
    flip_y: bool = opt(
        False,
        "Mirror vertically",
        "Adds an upside-down copy of every image, doubling the dataset. Useful for textures, not "
        "for people.",
        group=_IMAGES,
        tier="advanced",
        on_resume="new-trajectory",
    )
    random_crop: bool = opt(
        False,
        "Random crop",
        "Crops at a random position instead of the centre when the image does not exactly fit its "
        "bucket.",
        group=_IMAGES,
        tier="advanced",
        on_resume="new-trajectory",
    )
    square_crop: bool = opt(
        False,
        "Square crop",
        "Forces every image to a centred square of the chosen resolution instead of its own "
        "aspect ratio.",
        group=_IMAGES,
        tier="advanced",
        on_resume="new-trajectory",
    )
    scale: float = opt(
        1.0,
        "Pre-scale factor",
        "Treats every image as if it were this much bigger or smaller before choosing its "
        "training size.",
        group=_IMAGES,
        tier="expert",
        unit="times",
        on_resume="new-trajectory",
        gt=0,
    )
    cache_latents: bool = opt(
        False,
        "Cache latents in memory",
        "Encodes every image once before training and keeps the result in RAM. Much faster steps.",
        group=_REPEAT,
        requires=("datasets[].buckets",),
    )
    cache_latents_to_disk: bool = opt(
        False,
        "Cache latents on disk",
        "Encodes every image once and stores the result next to your images. Fast steps and fast "
        "restarts.",
        group=_REPEAT,
        requires=("datasets[].buckets",),
    )
    cache_text_embeddings: bool = opt(
        False,
        "Cache text embeddings",
        "Encodes all captions once, stores them on disk and removes the text encoder from memory.",
        group=_REPEAT,
        tier="advanced",
        conflicts=("train.train_text_encoder", "datasets[].shuffle_tokens"),
    )
    num_workers: int = opt(
        2,
        "Loader workers",
        "Background processes that load and prepare images. 0 loads in the training process "
        "itself.",
        group="Workers and performance",
        tier="advanced",
        unit="processes",
        ge=0,
    )
    loss_multiplier: float = opt(
        1.0,
        "Loss weight",
        "Multiplies the training loss of this dataset. 2 makes it count double, 0.5 half.",
        group="Regularization",
        tier="advanced",
        unit="times",
        on_resume="new-trajectory",
        ge=0,
    )

    @property
    def resolutions(self) -> list[int]:
        """The training sizes as a list, whichever way they were written."""
        return self.resolution if isinstance(self.resolution, list) else [self.resolution]
