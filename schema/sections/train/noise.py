"""`train:` - what is done to the noise and to the latents before they are mixed."""

from schema.option import Section, opt

_ADVANCED = "Advanced Optimizer Settings"
_ADAPTIVE = "Adaptive & Dynamic Features"
_NOISE = "Noise & Image Multipliers"
_FEATURE = "Feature Extraction"


class Noise(Section):
    """The options of `train:` on noise and latents."""

    noise_offset: float = opt(
        0.0,
        "Noise offset",
        "Helps the model learn very dark or bright images. Typical 0.03 to 0.1.",
        group=_ADVANCED,
        tier="advanced",
        on_resume="new-trajectory",
        ge=-1,
        le=1,
    )
    dynamic_noise_offset: bool = opt(
        False,
        "Dynamic noise offset",
        "Shifts the noise by half the brightness of the image itself.",
        group=_ADAPTIVE,
        tier="advanced",
        on_resume="new-trajectory",
        detail="e <- e + mean(x0) / 2 per image and channel. Not on regularization batches.",
    )
    noise_multiplier: float = opt(
        1.0,
        "Noise multiplier",
        "Scales the noise that is mixed into the images.",
        group=_NOISE,
        tier="advanced",
        on_resume="new-trajectory",
        detail="e <- factor * e before it is mixed in; the model also has to predict the scaled "
        "noise.",
        gt=0,
        le=2,
    )
    target_noise_multiplier: float = opt(
        1.0,
        "Target noise multiplier",
        "Scales the noise only in what the model should predict, not in what it sees.",
        group=_NOISE,
        tier="advanced",
        on_resume="new-trajectory",
        detail="e <- factor * e in the target alone: f e for noise prediction, f e - x0 for "
        "flow models.",
        gt=0,
    )
    random_noise_multiplier: float = opt(
        0.0,
        "Random noise multiplier",
        "Randomly makes the noise stronger or weaker per channel.",
        group=_NOISE,
        tier="advanced",
        on_resume="new-trajectory",
        detail="e <- e * exp(v n), n normal, drawn per image and channel (and frame): around 1, "
        "never negative.",
        ge=0,
        le=1,
    )
    random_noise_shift: float = opt(
        0.0,
        "Random noise shift",
        "Adds a random constant to each noise channel.",
        group=_NOISE,
        tier="advanced",
        on_resume="new-trajectory",
        detail="e <- e + v n, n normal, drawn per image and channel (and frame).",
        ge=0,
        le=1,
    )
    img_multiplier: float = opt(
        1.0,
        "Image contrast multiplier",
        "Lowers image contrast before encoding. 1 leaves images as they are.",
        group=_NOISE,
        tier="advanced",
        on_resume="new-trajectory",
        conflicts=("datasets[].cache_latents", "datasets[].cache_latents_to_disk"),
        detail="Pixels I <- m + f (I - m), m the mean over the batch. Can only lower the "
        "contrast. Not on regularization batches; no effect on cached latents.",
        ge=0,
        le=1,
    )
    latent_multiplier: float = opt(
        1.0,
        "Latent multiplier",
        "Scales the encoded images before noise is added.",
        group=_NOISE,
        tier="expert",
        on_resume="new-trajectory",
        conflicts=("train.adaptive_scaling_factor",),
        detail="x0 <- factor * x0 before noise is mixed in; the target uses the scaled x0 too.",
        gt=0,
    )
    noisy_latent_multiplier: float = opt(
        1.0,
        "Noisy latent multiplier",
        "Scales the noisy image that the model sees.",
        group=_NOISE,
        tier="expert",
        on_resume="new-trajectory",
        detail="x_t <- factor * x_t, the last change before the model sees it. The target stays.",
        gt=0,
    )
    adaptive_scaling_factor: bool = opt(
        False,
        "Adaptive latent scaling",
        "Scale every latent channel to unit spread automatically.",
        group=_ADAPTIVE,
        tier="expert",
        on_resume="new-trajectory",
        conflicts=("train.latent_multiplier",),
        detail="x0 <- x0 / (std(x0) + 1e-6) per image and channel; replaces the latent "
        "multiplier. The mean stays.",
    )
    standardize_images: bool = opt(
        False,
        "Standardize images",
        "Shift colours to the average the model was trained on.",
        group=_ADAPTIVE,
        tier="advanced",
        on_resume="new-trajectory",
        conflicts=("datasets[].cache_latents", "datasets[].cache_latents_to_disk"),
        detail="Per image and channel I <- (I - mean) / std * s + m, with the m and s of the "
        "model's own training pictures. No effect on cached latents.",
    )
    standardize_latents: bool = opt(
        False,
        "Standardize latents",
        "Shift encoded images to the average the model was trained on.",
        group=_ADAPTIVE,
        tier="advanced",
        applies_to=("small_latents",),
        on_resume="new-trajectory",
        detail="Per image and channel x0 <- (x0 - mean) / std * s + m, with the m and s of the "
        "model's own training pictures.",
    )
    optimal_noise_pairing_samples: int = opt(
        1,
        "Noise pairing samples",
        "Draw several noises per image and keep the closest one. Makes learning easier.",
        group=_FEATURE,
        tier="advanced",
        unit="samples",
        on_resume="new-trajectory",
        conflicts=("train.noise_offset", "train.force_consistent_noise"),
        detail="Per image k noises are drawn and the one with the smallest mean squared "
        "distance to x0 is kept. The noise offset is left out then.",
        ge=1,
        le=64,
    )
    force_consistent_noise: bool = opt(
        False,
        "Consistent noise",
        "Always use the same noise for the same image at the same size.",
        group=_FEATURE,
        tier="advanced",
        on_resume="new-trajectory",
        conflicts=("train.noise_offset",),
        detail="The noise is a function of the image's path, its mirroring and the size: the "
        "same in every epoch and every run. The noise offset is left out then.",
    )
    blended_blur_noise: bool = opt(
        False,
        "Blended blur noise",
        "Add a blurred-away version of the image detail to the noise.",
        group=_FEATURE,
        tier="advanced",
        on_resume="new-trajectory",
        detail="e <- e + r (blur(x0) - x0), r uniform in 0 to 2, blur by shrinking to a quarter "
        "and back. The model learns to sharpen.",
    )
