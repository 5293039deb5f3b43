"""`type: vae` - trains an autoencoder."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from schema.option import opt
from schema.sections.processes.names import spellings_of
from schema.sections.processes.pictures import PictureTrainer

_GROUP = "VAE training"

VaeType = Literal["AutoencoderKL", "AutoencoderTiny", "AutoencoderTinyWithPooledExits"]


class _Model(PictureTrainer):
    """Which autoencoder, and which parts of it are trained."""

    vae_path: str | None = opt(
        None,
        "Start VAE",
        "VAE to fine-tune: folder or Hugging Face repository. A save of this job comes first.",
        group=_GROUP,
        on_resume="refused",
        editor="model",
        detail="Without it vae_config builds a new one.",
        min_length=1,
    )
    vae_config: dict[str, Any] | None = opt(
        None,
        "New VAE settings",
        "Build a fresh VAE from these settings instead of loading one.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        detail="The arguments of the class that vae_type names, such as block_out_channels and "
        "latent_channels.",
    )
    vae_type: VaeType = opt(
        "AutoencoderKL",
        "VAE class",
        "Kind of autoencoder.",
        group=_GROUP,
        tier="advanced",
        on_resume="refused",
        choices={
            "AutoencoderKL": "the usual VAE of diffusion models",
            "AutoencoderTiny": "a small one without a latent distribution",
            "AutoencoderTinyWithPooledExits": "the small one, with pictures at every stage",
        },
        detail="Tiny types have no latent distribution, so kld_weight cannot be used. The pooled "
        "exits compare each stage with the resized target.",
    )
    target_latent_vae_path: str | None = opt(
        None,
        "Latent teacher VAE",
        "VAE whose latents the trained one must reproduce.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        editor="model",
        detail="Frozen, in float32. With train_encoder the own latents are drawn to the teacher's "
        "and decoding starts from the teacher's; without it only previews change.",
        min_length=1,
    )
    eq_vae: bool = opt(
        False,
        "Equivariance training",
        "Rotate and flip latents and pictures together so the latent space becomes well behaved.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train_encoder",),
        detail="Quarter turns and flips, drawn for each sample, applied to latent and target "
        "alike.",
    )
    dropout: float = opt(
        0.0,
        "Latent channel dropout",
        "Chance that a latent channel is blanked while decoding.",
        group=_GROUP,
        tier="expert",
        unit="probability",
        on_resume="new-trajectory",
        detail="Whole channels of a sample; those kept are divided by 1 - p.",
        ge=0,
        lt=1,
    )
    train_encoder: bool = opt(
        False,
        "Train the encoder",
        "Also train the encoder. Changes the latent space.",
        group=_GROUP,
        tier="advanced",
        on_resume="refused",
        detail="Off: latents are detached and the latent losses (kld, mv, ltv, lpm) have no part.",
    )
    blocks_to_train: Annotated[
        list[Literal["all", "mid_block", "up_blocks", "conv_out"]], Field(min_length=1)
    ] = opt(
        ["all"],
        "Decoder parts",
        "Which parts of the decoder are trained.",
        group=_GROUP,
        tier="advanced",
        on_resume="refused",
        choices={
            "all": "the whole decoder",
            "mid_block": "the middle block",
            "up_blocks": "the upsampling blocks",
            "conv_out": "the last convolution",
        },
    )
    only_if_contains: list[str] | None = opt(
        None,
        "Only layers containing",
        "Train only tensors whose name contains one of these texts.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        detail="Applied after blocks_to_train, to the names of the tensors.",
    )
    random_scaling: bool = opt(
        False,
        "Random scaling",
        "Vary the picture size during training.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Pictures are loaded at twice the resolution and shrunk to half or a quarter, by a "
        "coin for each batch.",
    )
    sample_resolution: int | None = opt(
        None,
        "Preview size",
        "Side length of preview pictures. Empty: training resolution.",
        group=_GROUP,
        tier="advanced",
        unit="pixels",
        inherits="resolution",
        detail="Previews show the picture, its reconstruction and a mosaic of the latent channels.",
        ge=16,
        le=8192,
    )


class VaeProcess(_Model):
    """`type: vae`: the model and the losses of autoencoders only."""

    kind: ClassVar[str] = "vae"
    kinds: ClassVar[tuple[str, ...]] = spellings_of("vae")

    mae_weight: float = opt(
        0.0,
        "MAE weight",
        "Weight of the mean absolute error.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        detail="The mean of plain and sharpened absolute error.",
        ge=0,
    )
    lpips_weight: float = opt(
        0.0,
        "LPIPS weight",
        "Weight of the perceptual similarity (LPIPS).",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        detail="LPIPS with VGG; needs the lpips package.",
        ge=0,
    )
    clip_weight: float = opt(
        0.0,
        "Vision feature weight",
        "Weight of the difference in SigLIP features.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Squared difference of the last hidden states of a SigLIP 2 model, of the "
        "sharpened pictures.",
        ge=0,
    )
    kld_weight: float = opt(
        0.0,
        "KL weight",
        "Keeps latents close to a normal distribution.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train_encoder",),
        detail="-0.5 sum(1 + logvar - mu^2 - exp(logvar)), summed over everything.",
        ge=0,
    )
    mv_loss_weight: float = opt(
        0.0,
        "Mean/variance weight",
        "Pushes latents to mean 0 and deviation 1.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train_encoder",),
        detail="mean^2 + (std - 1)^2 over columns, rows and the whole map, divided by 3.",
        ge=0,
    )
    ltv_weight: float = opt(
        0.0,
        "Latent variation weight",
        "Matches local variation of latents to that of the picture.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train_encoder",),
        detail="Mean absolute difference of the local variation of the latent and of the grey "
        "picture, resized and standardised.",
        ge=0,
    )
    lpm_weight: float = opt(
        0.0,
        "Latent picture match",
        "Makes each latent channel look like the picture.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train_encoder",),
        detail="Squared distance of each latent channel from the grey picture, resized and "
        "brought to the channel's mean and deviation.",
        ge=0,
    )
