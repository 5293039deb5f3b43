"""`sample:` - the preview pictures made while training."""

from typing import Literal

from schema.option import REQUIRED, Section, opt

Sampler = Literal[
    "ddpm", "ddim", "pndm", "lms", "k_lms", "euler", "k_euler", "euler_a", "dpmsolver",
    "dpmsolver++", "k_dpmsolver", "k_dpmsolver++", "dpmsingle", "heun", "dpm_2", "dpm_2_a", "lcm",
]  # fmt: skip

_SCHEDULE = "Sampling schedule"
_SETTINGS = "Sampling settings"
_EACH = "Per-sample settings"


class SampleItem(Section):
    """One preview of `sample.samples`; what is null comes from the section."""

    prompt: str = opt(
        REQUIRED, "Prompt", "What to draw. Flags may follow the text.", group=_EACH,
        editor="prompt", editable_live=True,
    )  # fmt: skip
    width: int | None = opt(
        None, "Width", "Width for this preview only.", group=_EACH, tier="advanced", unit="px",
        inherits="sample.width", editable_live=True, ge=64,
    )  # fmt: skip
    height: int | None = opt(
        None, "Height", "Height for this preview only.", group=_EACH, tier="advanced", unit="px",
        inherits="sample.height", editable_live=True, ge=64,
    )  # fmt: skip
    neg: str | None = opt(
        None, "Negative prompt", "Negative prompt for this preview only.", group=_EACH,
        tier="advanced", inherits="sample.neg", editor="prompt", editable_live=True,
    )  # fmt: skip
    seed: int | None = opt(
        None, "Seed", "Seed for this preview only.", group=_EACH, tier="advanced",
        inherits="sample.seed", editable_live=True, ge=-1, le=2**32 - 1,
    )  # fmt: skip
    guidance_scale: float | None = opt(
        None, "Guidance scale", "Guidance for this preview only.", group=_EACH, tier="advanced",
        inherits="sample.guidance_scale", editable_live=True, ge=0,
    )  # fmt: skip
    sample_steps: int | None = opt(
        None, "Steps", "Steps for this preview only.", group=_EACH, tier="advanced", unit="steps",
        inherits="sample.sample_steps", editable_live=True, ge=1,
    )  # fmt: skip
    network_multiplier: float | None = opt(
        None, "LoRA strength", "LoRA strength for this preview only.", group=_EACH, tier="advanced",
        inherits="sample.network_multiplier", editable_live=True, ge=-20, le=20,
    )  # fmt: skip


class Sample(Section):
    """Everything under `sample:`."""

    sample_every: int | None = opt(
        100,
        "Sample every",
        "Generate preview images every N training steps; 0 or empty turns periodic previews off.",
        group=_SCHEDULE,
        unit="steps",
        editable_live=True,
        ge=0,
    )
    sampler: Sampler = opt(
        "ddpm",
        "Sampler",
        "Scheduler used to generate previews.",
        group=_SETTINGS,
        applies_to=("chosen_sampler",),
        editable_live=True,
        choices={
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
        },
        synonyms={"dpm++": "dpmsolver++", "dpm++_2m": "dpmsolver++", "k_euler_a": "euler_a"},
    )
    width: int = opt(
        512, "Preview width", "Width of preview images in pixels.", group=_SETTINGS, unit="px",
        editable_live=True, ge=64,
    )  # fmt: skip
    height: int = opt(
        512, "Preview height", "Height of preview images in pixels.", group=_SETTINGS, unit="px",
        editable_live=True, ge=64,
    )  # fmt: skip
    neg: bool | str = opt(
        False,
        "Negative prompt",
        "What previews should avoid; false or empty means nothing.",
        group=_SETTINGS,
        editor="prompt",
        editable_live=True,
    )
    seed: int = opt(
        0,
        "Preview seed",
        "Base random seed so previews stay comparable between steps. -1 picks a random one.",
        group=_SETTINGS,
        editable_live=True,
        ge=-1,
        le=2**32 - 1,
    )
    walk_seed: bool = opt(
        False,
        "Different seed per prompt",
        "Give prompt number i the seed plus i, so previews differ from one another.",
        group=_SETTINGS,
        editable_live=True,
    )
    guidance_scale: float = opt(
        7.0,
        "Guidance scale",
        "How strongly previews follow the prompt. 1 turns guidance off; 5 to 9 is usual.",
        group=_SETTINGS,
        editable_live=True,
        ge=0,
    )
    sample_steps: int = opt(
        20,
        "Preview steps",
        "Denoising steps per preview; more is slower and usually cleaner.",
        group=_SETTINGS,
        unit="steps",
        editable_live=True,
        ge=1,
    )
    network_multiplier: float = opt(
        1.0,
        "LoRA strength",
        "How strongly the trained LoRA is applied in previews (1 = as trained, 0 = off).",
        group=_SETTINGS,
        tier="advanced",
        editable_live=True,
        ge=-20,
        le=20,
    )
    format: Literal["jpg", "png", "webp"] = opt(
        "jpg",
        "Preview format",
        "File type of previews.",
        group=_SETTINGS,
        editable_live=True,
        choices={"jpg": "small", "png": "exact", "webp": "small, newer"},
        synonyms={"jpeg": "jpg"},
    )
    prompts: list[str] = opt(
        [],
        "Prompts",
        "One preview per prompt. Flags such as --w 768 may follow the text.",
        group="Prompts",
        editor="prompt",
        editable_live=True,
        conflicts=("sample.samples",),
    )
    samples: list[SampleItem] | None = opt(
        None,
        "Samples",
        "List of previews, each with its prompt and optional own settings.",
        group="Prompts",
        editable_live=True,
    )

    @property
    def items(self) -> list[SampleItem]:
        """The previews to make: `samples`, else one per entry of `prompts`."""
        if self.samples is not None:
            return self.samples
        return [SampleItem(prompt=prompt) for prompt in self.prompts]
