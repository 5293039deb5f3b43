"""`train:` - the noise process and which part of it is practised."""

from typing import Literal

from schema.option import Section, opt


class Noise(Section):
    """The options of `train:` on noise and timesteps."""

    noise_scheduler: Literal["ddpm"] = opt(
        "ddpm",
        "Noise scheduler",
        "The noise process used for training.",
        group="Learning & Optimization Strategy",
        choices={"ddpm": "the variance-preserving process of Stable Diffusion"},
        applies_to=("alpha_bar",),
        on_resume="new-trajectory",
    )
    min_denoising_steps: int = opt(
        0,
        "First noise index",
        "Skip the noisiest part: start of the range of noise levels, 0 = pure noise.",
        group="Timestep & Denoising Control",
        tier="advanced",
        unit="index",
        on_resume="new-trajectory",
        ge=0,
        le=999,
    )
    max_denoising_steps: int = opt(
        999,
        "Last noise index",
        "Skip the cleanest part: end of the range of noise levels, 999 = nearly clean.",
        group="Timestep & Denoising Control",
        tier="advanced",
        unit="index",
        on_resume="new-trajectory",
        ge=0,
        le=999,
    )
    noise_offset: float = opt(
        0.0,
        "Noise offset",
        "Helps the model learn very dark or bright images. Typical 0.03 to 0.1.",
        group="Advanced Optimizer Settings",
        tier="advanced",
        on_resume="new-trajectory",
        ge=-1,
        le=1,
    )
