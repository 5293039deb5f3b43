"""`sample:` - the previews made while training."""

from typing import Final

from schema.families import FAMILIES
from schema.option import Section, opt
from schema.sections.sample.item import SampleItem
from schema.sections.sample.names import FORMATS, SAMPLER_SYNONYMS, SAMPLERS, Format, Sampler

__all__ = ["Sample", "SampleItem", "Sampler"]

_SCHEDULE = "Sampling schedule"
_SETTINGS = "Sampling settings"
_RATES: Final = {row.arch: row.fps for row in FAMILIES.values() if row.fps not in (None, 16)}


class Sample(Section):
    """Everything under `sample:`."""

    sample_every: int | None = opt(
        100,
        "Sample every",
        "Generate preview images every N training steps; 0 or empty turns periodic previews off.",
        group=_SCHEDULE,
        unit="steps",
        editable_live=True,
        detail="At every multiple, after a save of the same step. One round is made before "
        "training (train.skip_first_sample, train.force_first_sample) and one after it whatever "
        "this says; train.disable_sampling turns all off. Previews never change what is trained: "
        "their noise is their own.",
        ge=0,
    )
    sample_start_step: int = opt(
        0,
        "Sample from step",
        "Do not make periodic previews before this step.",
        group=_SCHEDULE,
        tier="advanced",
        unit="steps",
        editable_live=True,
        detail="For rounds in between; the first and the last are made in any case.",
        ge=0,
    )
    sampler: Sampler = opt(
        "ddpm",
        "Sampler",
        "Scheduler used to generate previews. Flow models need flowmatch.",
        group=_SETTINGS,
        editable_live=True,
        applies_to=("chosen_sampler",),
        choices=SAMPLERS,
        synonyms=SAMPLER_SYNONYMS,
        detail="Noise levels and prediction type are the model's own. Names with k_ space the "
        "steps after Karras. flowmatch shifts its noise levels as the family does: by 3 for SD 3, "
        "by resolution for FLUX.1, by 6 for Lumina 2. Models with a generation pipeline of their "
        "own do not ask.",
    )
    width: int = opt(
        512,
        "Preview width",
        "Width of preview images in pixels.",
        group=_SETTINGS,
        unit="px",
        editable_live=True,
        applies_to=("pictures",),
        detail="Rounded down to a multiple of 8, or of 16 or 32 where the model needs it.",
        ge=64,
    )
    height: int = opt(
        512,
        "Preview height",
        "Height of preview images in pixels.",
        group=_SETTINGS,
        unit="px",
        editable_live=True,
        applies_to=("pictures",),
        detail="Rounded like the width.",
        ge=64,
    )
    neg: bool | str = opt(
        False,
        "Negative prompt",
        "What previews should avoid; false or empty means nothing.",
        group=_SETTINGS,
        editable_live=True,
        editor="prompt",
        detail="Counts for models that draw with real guidance above 1. true means "
        "train.negative_prompt, where there is one.",
    )
    seed: int = opt(
        0,
        "Preview seed",
        "Base random seed so previews stay comparable between steps. -1 picks a random one.",
        group=_SETTINGS,
        editable_live=True,
        detail="Each picture's noise comes from it alone, so two rounds differ by the training "
        "between them.",
        ge=-1,
        le=4294967295,
    )
    walk_seed: bool = opt(
        False,
        "Different seed per prompt",
        "Give prompt number i the seed plus i, so previews differ from one another.",
        group=_SETTINGS,
        editable_live=True,
        detail="Counted from 0 in the order of the list; a sample's own seed wins for that sample.",
    )
    guidance_scale: float = opt(
        7.0,
        "Guidance scale",
        "How strongly previews follow the prompt. 1 turns guidance off; 5 to 9 is usual, 1 to 5 "
        "for flow models.",
        group=_SETTINGS,
        editable_live=True,
        detail="u + g (c - u) with u the prediction for the negative prompt and c that for the "
        "prompt; at 1 the second pass is left out. Models with a guidance input are told g and "
        "need no second pass.",
        ge=0,
    )
    sample_steps: int = opt(
        20,
        "Preview steps",
        "Denoising steps per preview; more is slower and usually cleaner.",
        group=_SETTINGS,
        unit="steps",
        editable_live=True,
        detail="Distilled models need few: 4 for FLUX.1-schnell, 9 for Z-Image Turbo.",
        ge=1,
    )
    network_multiplier: float = opt(
        1.0,
        "LoRA strength",
        "How strongly the trained LoRA is applied in previews (1 = as trained, 0 = off).",
        group=_SETTINGS,
        tier="advanced",
        editable_live=True,
        detail="Multiplies what the network adds; negative values turn it round. 0 is the base "
        "model.",
        ge=-20,
        le=20,
    )
    guidance_rescale: float = opt(
        0.0,
        "Guidance rescale",
        "Tones down over-saturation from high guidance. 0 is off, 0.7 is typical.",
        group=_SETTINGS,
        tier="advanced",
        editable_live=True,
        applies_to=("rescaled_guidance",),
        detail="x = u + g (c - u); r = x std(c) / std(x) for each picture; used is phi r + (1 - "
        "phi) x.",
        ge=0,
        le=1,
    )
    format: Format = opt(
        "jpg",
        "Preview format",
        "File type of previews: pictures as jpg, png or webp, videos as webp or mp4, sound as mp3 "
        "or wav.",
        group=_SETTINGS,
        editable_live=True,
        choices=FORMATS,
        synonyms={"jpeg": "jpg"},
        detail="More than one frame makes an animated webp, or mp4 where the model has sound.",
    )
    adapter_conditioning_scale: float = opt(
        1.0,
        "Adapter strength",
        "Strength of a T2I-Adapter or ControlNet in previews.",
        group=_SETTINGS,
        tier="expert",
        editable_live=True,
        requires=("adapter.type=t2i|adapter.type=control_net",),
        detail="The residuals of the adapter are multiplied by it; the picture is "
        "adapter.test_img_path.",
        ge=0,
        le=2,
    )
    refiner_start_at: float = opt(
        0.5,
        "Refiner start (preview)",
        "Fraction of the denoising after which the SDXL refiner takes over in previews.",
        group=_SETTINGS,
        tier="expert",
        editable_live=True,
        applies_to=("refiner",),
        requires=("model.refiner_name_or_path",),
        detail="1 leaves the refiner out. model.refiner_start_at splits the training timesteps; "
        "the two should agree.",
        ge=0,
        le=1,
    )
    extra_values: list[float] = opt(
        [],
        "Extra values",
        "Numbers given to a single-value adapter in previews.",
        group=_SETTINGS,
        tier="expert",
        editable_live=True,
        requires=("adapter.type=single_value",),
        detail="As many as adapter.num_tokens; zeros on the unconditional side.",
    )
    num_frames: int = opt(
        1,
        "Preview frames",
        "Number of frames; 1 is a still image, more makes a video preview.",
        group=_SETTINGS,
        unit="frames",
        editable_live=True,
        applies_to=("video",),
        detail="Rounded down to a count that the model takes: 4 n + 1 for Wan, 8 n + 1 for LTX, "
        "17 n + 5 for MiniMax-H3.",
        ge=1,
    )
    fps: int = opt(
        16,
        "Preview frame rate",
        "Playback speed of video previews.",
        group=_SETTINGS,
        tier="advanced",
        unit="fps",
        editable_live=True,
        applies_to=("video",),
        detail="How fast the file plays; LTX is told it too.",
        family_defaults=_RATES,
        ge=1,
        le=120,
    )
    do_cfg_norm: bool = opt(
        False,
        "Normalise CFG",
        "Keep the length of the guided prediction that of the conditional one.",
        group=_SETTINGS,
        tier="expert",
        editable_live=True,
        applies_to=("cfg_norm",),
        detail="x = u + g (c - u); used is x |c| / |x|, the lengths over the channels of each "
        "token.",
    )
    prompts: list[str] = opt(
        [],
        "Prompts",
        "One preview per prompt. Flags such as --w 768 may follow the text.",
        group="Prompts",
        editable_live=True,
        editor="prompt",
        conflicts=("sample.samples",),
        detail="Each is a sample without settings of its own. The app turns them into samples "
        "when one gets some.",
    )
    samples: list[SampleItem] | None = opt(
        None,
        "Samples",
        "List of previews, each with its prompt and optional own settings.",
        group="Prompts",
        editable_live=True,
        conflicts=("sample.prompts",),
        detail="A flag in the prompt beats a key here, which beats the section.",
    )

    @property
    def items(self) -> list[SampleItem]:
        """The previews to make: `samples`, else one per entry of `prompts`."""
        if self.samples is not None:
            return self.samples
        return [SampleItem(prompt=prompt) for prompt in self.prompts]
