"""`train:` - the noise process, and which noise levels are practised how often."""

from typing import Final, Literal

from schema.option import Section, opt

_LEARNING = "Learning & Optimization Strategy"
_TIMESTEP = "Timestep & Denoising Control"
_MULTI = "Multi-Stage Training"

NoiseScheduler = Literal[
    "ddpm", "ddim", "pndm", "lms", "k_lms", "euler", "k_euler", "euler_a", "dpmsolver",
    "dpmsolver++", "k_dpmsolver", "k_dpmsolver++", "dpmsingle", "heun", "dpm_2", "dpm_2_a",
    "lcm", "custom_lcm", "mean_flow", "flowmatch",
]  # fmt: skip
TimestepType = Literal[
    "sigmoid", "linear", "weighted", "shift", "lognorm_blend", "next_sample", "one_step",
    "two_step", "four_step", "eight_step",
]  # fmt: skip
Bias = Literal["balanced", "content", "style"]

_SCHEDULERS: Final = {
    "ddpm": "the variance-preserving process of Stable Diffusion",
    "ddim": "as ddpm, for training",
    "pndm": "as ddpm, for training",
    "lms": "variance exploding",
    "k_lms": "variance exploding, Karras spacing",
    "euler": "variance exploding",
    "k_euler": "variance exploding, Karras spacing",
    "euler_a": "variance exploding",
    "dpmsolver": "as ddpm, for training",
    "dpmsolver++": "as ddpm, for training",
    "k_dpmsolver": "as ddpm, Karras spacing",
    "k_dpmsolver++": "as ddpm, Karras spacing",
    "dpmsingle": "as ddpm, for training",
    "heun": "variance exploding",
    "dpm_2": "variance exploding",
    "dpm_2_a": "variance exploding",
    "lcm": "as ddpm, for latent consistency models",
    "custom_lcm": "as lcm",
    "mean_flow": "straight paths with average velocities, for one-step models",
    "flowmatch": "straight paths from picture to noise: Flux, SD3, Wan, Qwen and other flow models",
}
_TIMESTEPS: Final = {
    "sigmoid": "random around the middle (logit-normal)",
    "linear": "all noise levels evenly",
    "weighted": "all levels evenly, the loss weighted by a measured curve",
    "shift": "more high noise, as sampling does at this size",
    "lognorm_blend": "three quarters at high noise, one quarter even",
    "next_sample": "after a simulated sampling step, to correct drift",
    "one_step": "pure noise only",
    "two_step": "two fixed levels",
    "four_step": "four fixed levels",
    "eight_step": "eight fixed levels",
}
_BIASES: Final = {
    "balanced": "all noise levels alike",
    "content": "more high noise: composition",
    "style": "more low noise: texture and detail",
}


class Timesteps(Section):
    """The options of `train:` on noise levels."""

    noise_scheduler: NoiseScheduler = opt(
        "ddpm",
        "Noise scheduler",
        "The noise process used for training. Use flowmatch for Flux, SD3, Wan, Qwen and other "
        "flow models.",
        group=_LEARNING,
        choices=_SCHEDULERS,
        on_resume="new-trajectory",
        detail="Variance preserving: x_t = sqrt(abar_t) x0 + sqrt(1 - abar_t) e. Variance "
        "exploding: x_t = x0 + s_t e with s_t = sqrt((1 - abar_t) / abar_t), scaled so that the "
        "model sees the same numbers: plain noise prediction learns the same. Names with k_ "
        "space the levels after Karras, which shifts how often each is practised. Flow "
        "matching: x_t = (1 - s) x0 + s e with s = t / 1000, target e - x0. Flow models always "
        "use flowmatch.",
    )
    timestep_type: TimestepType = opt(
        "sigmoid",
        "Timestep sampling",
        "Which noise levels the model practises on. sigmoid favours the middle, weighted covers "
        "all evenly.",
        group=_TIMESTEP,
        choices=_TIMESTEPS,
        synonyms={"flux_shift": "shift", "lumina2_shift": "shift"},
        on_resume="new-trajectory",
        detail="Makes a falling list T of N levels, of which an index is drawn. linear: 1000 "
        "down to 1. weighted: the same with a loss weight per level. sigmoid: t = 1000 / (1 + "
        "exp(-z)) with z normal. shift: s' = m s / (1 + (m - 1) s), with "
        "m fixed by the model or exp(mu), mu linear in the number of image tokens. The *_step "
        "values always take t = 1000; 1000, 500; 1000, 750, 500, 250; or every 125, and work "
        "for every model; all others are for flow models.",
    )
    content_or_style: Bias = opt(
        "balanced",
        "Timestep bias",
        "balanced trains all noise levels; content focuses on composition, style on fine detail.",
        group=_TIMESTEP,
        choices=_BIASES,
        on_resume="new-trajectory",
        detail="How the index is drawn. content: j = N u^3, style: j = N (1 - u^3), u uniform "
        "in 0 to 1, mapped onto the allowed range: half of the draws fall into the first (or "
        "last) eighth.",
    )
    content_or_style_reg: Bias | None = opt(
        None,
        "Timestep bias (reg)",
        "Same as timestep bias, but for regularization batches.",
        group=_TIMESTEP,
        tier="expert",
        choices=_BIASES,
        on_resume="new-trajectory",
        inherits="train.content_or_style",
        default_note="Empty follows train.content_or_style, so that one key can set both.",
        detail="Empty follows the timestep bias.",
    )
    min_denoising_steps: int = opt(
        0,
        "First noise index",
        "Skip the noisiest part: start of the range of noise levels, 0 = pure noise.",
        group=_TIMESTEP,
        tier="advanced",
        unit="index",
        on_resume="new-trajectory",
        detail="A position in the falling list of levels, not a timestep: 900 leaves the cleanest "
        "tenth. With timestep_type: sigmoid, whose levels are random, it is a share of the draws. "
        "The *_step values and next_sample do not use it.",
        ge=0,
        le=999,
    )
    max_denoising_steps: int = opt(
        999,
        "Last noise index",
        "Skip the cleanest part: end of the range of noise levels, 999 = nearly clean.",
        group=_TIMESTEP,
        tier="advanced",
        unit="index",
        on_resume="new-trajectory",
        detail="A position in the falling list of levels, not a timestep: 100 leaves the noisiest "
        "tenth. An even draw of a flow model ends before it, every other draw at it.",
        ge=0,
        le=999,
    )
    num_train_timesteps: int = opt(
        1000,
        "Timesteps in schedule",
        "How many entries the list of noise levels has. Leave at 1000.",
        group=_TIMESTEP,
        tier="expert",
        unit="steps",
        on_resume="new-trajectory",
        detail="Length N of the list of levels. Fewer make it coarser; weight tables are "
        "interpolated, the *_step values need 1000.",
        ge=2,
        le=1000,
    )
    next_sample_timesteps: int = opt(
        8,
        "Next-sample steps",
        "How many sampling steps are simulated when timestep type is next_sample.",
        group=_TIMESTEP,
        tier="advanced",
        unit="steps",
        applies_to=("flow",),
        on_resume="new-trajectory",
        requires=("train.timestep_type=next_sample",),
        detail="Length N of the list. An index i up to N - 3 is drawn, the network itself makes "
        "the Euler step x' = x + (s[i+1] - s[i]) p, and training goes on at x' with the noise "
        "that would explain it: e' = (x' - (1 - s') x0) / s'.",
        ge=3,
    )
    linear_timesteps: bool = opt(
        False,
        "Bell-weighted timesteps",
        "Sample all noise levels evenly and weight the loss with a bell curve.",
        group=_TIMESTEP,
        tier="advanced",
        applies_to=("flow",),
        on_resume="new-trajectory",
        detail="All levels evenly, as timestep_type: linear, and the loss weights w(i) = (b(i) "
        "- min b) * 1000 / sum(b - min b), b(i) = exp(-2 ((i - 500) / 1000)^2): 0 at pure "
        "noise, 1.58 in the middle.",
    )
    linear_timesteps2: bool = opt(
        False,
        "Half-bell timesteps",
        "Like bell weighting, but low noise levels keep the full weight.",
        group=_TIMESTEP,
        tier="advanced",
        applies_to=("flow",),
        on_resume="new-trajectory",
        detail="As bell weighting, but from the middle to the clean end the weight stays at its "
        "highest, 1.58. Wins if both are on.",
    )
    switch_boundary_every: int = opt(
        1,
        "Switch stage every",
        "For two-stage models: train each stage this many batches before switching.",
        group=_MULTI,
        tier="advanced",
        unit="batches",
        applies_to=("two_experts",),
        on_resume="new-trajectory",
        detail="Models with two experts split the noise range at a boundary; one of them is in "
        "memory and practises its own part of the range. After this many micro-batches the "
        "other is taken. A multiple of gradient_accumulation is best; larger means fewer swaps "
        "between GPU and CPU.",
        ge=1,
    )
