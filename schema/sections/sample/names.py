"""What previews can be drawn with and saved as, with a word on each."""

from typing import Final, Literal

Sampler = Literal[
    "ddpm", "ddim", "pndm", "lms", "k_lms", "euler", "k_euler", "euler_a", "dpmsolver",
    "dpmsolver++", "k_dpmsolver", "k_dpmsolver++", "dpmsingle", "heun", "dpm_2", "dpm_2_a", "lcm",
    "custom_lcm", "mean_flow", "flowmatch",
]  # fmt: skip
Format = Literal["jpg", "png", "webp", "mp4", "mp3", "wav"]

SAMPLERS: Final[dict[str, str]] = {
    "ddpm": "the training process run backwards, with fresh noise at each step",
    "ddim": "deterministic, good from about 20 steps",
    "pndm": "deterministic multistep, the classic Stable Diffusion sampler",
    "lms": "linear multistep",
    "k_lms": "linear multistep with Karras spacing",
    "euler": "simple and robust",
    "k_euler": "Euler with Karras spacing",
    "euler_a": "Euler with fresh noise at each step: lively, never settles",
    "dpmsolver": "second-order solver, good from about 15 steps",
    "dpmsolver++": "second-order solver, good from about 15 steps with guidance",
    "k_dpmsolver": "the same with Karras spacing",
    "k_dpmsolver++": "the same with Karras spacing, a favourite",
    "dpmsingle": "single-step variant of dpmsolver++",
    "heun": "second order, two model calls per step",
    "dpm_2": "second order, two model calls per step",
    "dpm_2_a": "the same with fresh noise at each step",
    "lcm": "for latent-consistency models, 4 to 8 steps",
    "custom_lcm": "lcm with the noise levels of the trainer",
    "mean_flow": "for models of average velocities, 1 to 4 steps",
    "flowmatch": "Euler along straight paths: SD 3, FLUX.1, Lumina 2 and other flow models",
}
SAMPLER_SYNONYMS: Final = {
    "dpm++": "dpmsolver++", "dpm++_2m": "dpmsolver++", "k_euler_a": "euler_a",
}  # fmt: skip

FORMATS: Final[dict[str, str]] = {
    "jpg": "small",
    "png": "exact",
    "webp": "small, newer; moves where there are several frames",
    "mp4": "videos, with sound where the model makes it",
    "mp3": "sound, small",
    "wav": "sound, exact",
}
