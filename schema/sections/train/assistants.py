"""`train:` - frozen networks that help: an assistant adapter, a feature extractor."""

from typing import Literal

from schema.option import Section, opt

_ADAPTER = "Adapter Assistance"
_PROMPT = "Prompt & Embedding Handling"
_FEATURE = "Feature Extraction"


class Assistants(Section):
    """The options of `train:` on assistants and perceptual losses."""

    adapter_assist_name_or_path: str | None = opt(
        None,
        "Assistant adapter",
        "A frozen T2I-Adapter or ControlNet that guides the model while your network trains.",
        group=_ADAPTER,
        tier="expert",
        applies_to=("unet",),
        on_resume="new-trajectory",
        editor="model",
        detail="Stays frozen. On batches with control images it adds its residuals to the "
        "denoiser, T2I ones with a random strength of 0.5 to 1.1, so that the network need not "
        "learn what the control picture already explains.",
        min_length=1,
    )
    adapter_assist_type: Literal["t2i", "control_net"] = opt(
        "t2i",
        "Assistant type",
        "Kind of the assistant adapter.",
        group=_ADAPTER,
        tier="expert",
        choices={
            "t2i": "a T2I-Adapter",
            "control_net": "a ControlNet",
        },
        applies_to=("unet",),
        on_resume="new-trajectory",
        requires=("train.adapter_assist_name_or_path",),
    )
    match_adapter_chance: float = opt(
        0.0,
        "Match adapter chance",
        "Chance per step to learn to imitate the assistant adapter's effect.",
        group=_PROMPT,
        tier="expert",
        unit="probability",
        applies_to=("unet",),
        on_resume="new-trajectory",
        requires=("train.adapter_assist_name_or_path",),
        conflicts=("train.train_turbo",),
        detail="With this chance the base model with the assistant makes a prediction, which "
        "becomes the target of the network without it: the network learns what the assistant "
        "does.",
        ge=0,
        le=1,
    )
    match_adapter_assist: bool = opt(
        False,
        "Match adapter (legacy)",
        "Old on/off form of the match adapter chance.",
        group=_ADAPTER,
        tier="expert",
        applies_to=("unet",),
        on_resume="new-trajectory",
        requires=("train.adapter_assist_name_or_path",),
        status="deprecated",
        detail="Means match_adapter_chance: 1.0.",
    )
    diffusion_feature_extractor_path: str | None = opt(
        None,
        "Feature extractor",
        "Adds a perceptual loss: v3 to v10, or a weights file.",
        group=_FEATURE,
        tier="expert",
        applies_to=("flow",),
        on_resume="new-trajectory",
        inherits="train.latent_feature_extractor_path",
        editor="path",
        detail="loss += weight * distance between the features of the clean estimate x_t - s p "
        "and those of the image. A weights file works on latents; v3: LPIPS and SigLIP2, v4 and "
        "v5: SigLIP2, v6: DINOv3, v7: depth, normals and segmentation, v8: as v7 after a small "
        "step, v9: Sapiens2, v10: LPIPS. v3 to v10 see the image's pixels and download their "
        "network.",
        min_length=1,
    )
    diffusion_feature_extractor_weight: float = opt(
        1.0,
        "Feature loss weight",
        "How strongly the perceptual loss counts.",
        group=_FEATURE,
        tier="expert",
        applies_to=("flow",),
        on_resume="new-trajectory",
        requires=("train.diffusion_feature_extractor_path|train.latent_feature_extractor_path",),
        detail="The weight of the perceptual loss. While it is not given, that of "
        "latent_feature_loss_weight counts.",
        ge=0,
    )
    latent_feature_extractor_path: str | None = opt(
        None,
        "Latent feature extractor",
        "Newer name of the feature extractor path.",
        group=_FEATURE,
        tier="expert",
        applies_to=("flow",),
        on_resume="new-trajectory",
        editor="path",
        detail="The same option as diffusion_feature_extractor_path, which wins if both are given.",
        min_length=1,
    )
    latent_feature_loss_weight: float = opt(
        1.0,
        "Latent feature weight",
        "Newer name of the feature loss weight.",
        group=_FEATURE,
        tier="expert",
        applies_to=("flow",),
        on_resume="new-trajectory",
        requires=("train.latent_feature_extractor_path|train.diffusion_feature_extractor_path",),
        detail="The same option as diffusion_feature_extractor_weight, which wins if both are "
        "given.",
        ge=0,
    )
