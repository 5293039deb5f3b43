"""`model.model_kwargs:` - options that only some families understand; there are no others."""

from typing import Literal

from schema.option import Section, opt
from schema.sections.model.kwargs_pictures import GROUP, PictureKwargs


class InpaintKwargs(Section):
    """What families with an inpaint picture and a mask among their inputs understand."""

    invert_inpaint_mask_chance: float = opt(
        0.0,
        "Invert inpaint mask chance",
        "Chance that the inpaint mask is inverted (Flex.2).",
        group=GROUP,
        tier="expert",
        applies_to=("inpaint_input",),
        on_resume="new-trajectory",
        detail="Drawn for each batch, before the mask (1 is keep) hides the inpaint latents.",
        ge=0,
        le=1,
    )
    inpaint_dropout: float = opt(
        0.0,
        "Inpaint dropout",
        "Chance that the inpaint input is removed (Flex.2).",
        group=GROUP,
        tier="expert",
        applies_to=("inpaint_input",),
        on_resume="new-trajectory",
        detail="Drawn for each sample: the 16 inpaint channels become zero and the mask says "
        "that all is to be made, as it does whenever there is no mask.",
        ge=0,
        le=1,
    )
    control_dropout: float = opt(
        0.0,
        "Control dropout",
        "Chance that the control image is removed (Flex.2).",
        group=GROUP,
        tier="expert",
        applies_to=("inpaint_input",),
        on_resume="new-trajectory",
        detail="Drawn for each sample: the control channels become zero, as they are without any "
        "control image.",
        ge=0,
        le=1,
    )
    inpaint_random_chance: float = opt(
        0.0,
        "Random inpaint mask chance",
        "Chance that the mask of the dataset is put aside (Flex.2).",
        group=GROUP,
        tier="expert",
        applies_to=("inpaint_input",),
        on_resume="new-trajectory",
        detail="With do_random_inpainting a random mask takes its place, else the batch counts "
        "as having none.",
        ge=0,
        le=1,
    )
    random_blur_mask: bool = opt(
        False,
        "Randomly blur mask",
        "Soften every other inpaint mask (Flex.2).",
        group=GROUP,
        tier="expert",
        applies_to=("inpaint_input",),
        on_resume="new-trajectory",
        detail="With probability one half, by a Gaussian of odd width from 3 to 9 latent pixels.",
    )
    random_dialate_mask: bool = opt(
        False,
        "Randomly grow mask",
        "Grow or shrink inpaint masks at random (Flex.2).",
        group=GROUP,
        tier="expert",
        applies_to=("inpaint_input",),
        on_resume="new-trajectory",
        aliases=("random_dilate_mask",),
        detail="A box filter of odd size up to 5 % of the width and a threshold from 0.2 to 0.8, "
        "after the mask has hidden the latents.",
    )
    do_random_inpainting: bool = opt(
        False,
        "Random inpainting masks",
        "Make random masks when the dataset has none (Flex.2).",
        group=GROUP,
        tier="expert",
        applies_to=("inpaint_input",),
        on_resume="new-trajectory",
        detail="One mask of blobs for each picture of a batch that has neither inpaint image nor "
        "mask.",
    )


class VideoKwargs(Section):
    """What families that make videos understand."""

    train_high_noise: bool = opt(
        True,
        "Train high-noise expert",
        "Train the expert for the noisy early part (Wan 2.2).",
        group=GROUP,
        applies_to=("two_experts",),
        on_resume="refused",
        detail="Two experts share the noise range at a boundary of 0.875 (0.9 for image to "
        "video). With both on, training stays with one for train.switch_boundary_every steps. "
        "With one on, noise is drawn from its range alone and only it gets a network. Previews "
        "always use both.",
    )
    train_low_noise: bool = opt(
        True,
        "Train low-noise expert",
        "Train the expert for the late, detailed part (Wan 2.2).",
        group=GROUP,
        applies_to=("two_experts",),
        on_resume="refused",
        detail="See train_high_noise.",
    )
    vae_tiling: bool = opt(
        False,
        "Tile VAE",
        "Encode and decode videos in tiles to save memory.",
        group=GROUP,
        tier="expert",
        applies_to=("tiled_vae",),
        on_resume="new-trajectory",
        detail="Tiles overlap and are blended; small differences remain at the seams.",
    )
    dit_path: str | None = opt(
        None,
        "Transformer file",
        "File with the transformer (LTX-2.5). Empty takes the usual one.",
        group=GROUP,
        tier="expert",
        applies_to=("component_file",),
        on_resume="refused",
        editor="path",
        min_length=1,
    )
    video_vae_path: str | None = opt(
        None,
        "Video VAE file",
        "File with the VAE of the picture. Empty takes the usual one.",
        group=GROUP,
        tier="expert",
        applies_to=("video_parts",),
        on_resume="refused",
        editor="path",
        min_length=1,
    )
    audio_vae_path: str | None = opt(
        None,
        "Audio VAE file",
        "File with the VAE of the sound. Empty takes the usual one.",
        group=GROUP,
        tier="expert",
        applies_to=("video_parts",),
        on_resume="refused",
        editor="path",
        min_length=1,
    )
    partition: Literal["fl2va", "fl2va_pruned", "ref2va", "ref2va_pruned"] | None = opt(
        None,
        "Model partition",
        "Which part of the model to load (MiniMax-H3). Empty takes the pruned one of the task.",
        group=GROUP,
        tier="expert",
        applies_to=("partitions",),
        on_resume="refused",
        choices={
            "fl2va": "first and last frame, whole",
            "fl2va_pruned": "first and last frame, without what it does not need",
            "ref2va": "references, whole",
            "ref2va_pruned": "references, without what it does not need",
        },
        default_note="The right default depends on the task: fl2va_pruned, or ref2va_pruned for "
        "references.",
    )
    dit_fl2va_path: str | None = opt(
        None,
        "File: frames, whole",
        "A local file in place of the download of the partition fl2va.",
        group=GROUP,
        tier="expert",
        applies_to=("partitions",),
        on_resume="refused",
        editor="path",
        min_length=1,
    )
    dit_fl2va_pruned_path: str | None = opt(
        None,
        "File: frames, pruned",
        "A local file in place of the download of the partition fl2va_pruned.",
        group=GROUP,
        tier="expert",
        applies_to=("partitions",),
        on_resume="refused",
        editor="path",
        min_length=1,
    )
    dit_ref2va_path: str | None = opt(
        None,
        "File: references, whole",
        "A local file in place of the download of the partition ref2va.",
        group=GROUP,
        tier="expert",
        applies_to=("partitions",),
        on_resume="refused",
        editor="path",
        min_length=1,
    )
    dit_ref2va_pruned_path: str | None = opt(
        None,
        "File: references, pruned",
        "A local file in place of the download of the partition ref2va_pruned.",
        group=GROUP,
        tier="expert",
        applies_to=("partitions",),
        on_resume="refused",
        editor="path",
        min_length=1,
    )
    sample_audio: bool = opt(
        True,
        "Preview sound",
        "Also make sound in previews (MiniMax-H3).",
        group=GROUP,
        tier="expert",
        applies_to=("partitions",),
    )
    image_refs_as_video: bool = opt(
        False,
        "References as video",
        "Show a still reference as a short clip that stands still.",
        group=GROUP,
        tier="expert",
        applies_to=("reference_clips",),
        on_resume="new-trajectory",
        detail="The still is repeated for image_ref_video_frames frames and encoded as video.",
    )
    image_ref_video_frames: int = opt(
        5,
        "Reference clip frames",
        "Length of such a clip: 5, 22, 39 and so on.",
        group=GROUP,
        tier="expert",
        unit="frames",
        applies_to=("reference_clips",),
        on_resume="new-trajectory",
        requires=("model.model_kwargs.image_refs_as_video",),
        detail="Of the form 17 n + 5.",
        ge=5,
    )


class ModelKwargs(PictureKwargs, InpaintKwargs, VideoKwargs):
    """Everything under `model.model_kwargs:`."""
