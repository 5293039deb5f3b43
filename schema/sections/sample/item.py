"""`sample.samples[]` - one preview, with settings of its own."""

from schema.option import REQUIRED, Section, opt

_EACH = "Per-sample settings"


class SampleItem(Section):
    """One preview of `sample.samples`; what is null comes from the section."""

    prompt: str = opt(
        REQUIRED,
        "Prompt",
        "What to draw. Flags may follow the text.",
        group=_EACH,
        editable_live=True,
        editor="prompt",
        detail="Flags beat the keys beside it: --w --h --n --d --s --l --m --gr --a --ref --ev "
        "--frames --fps --ctrl_img --ctrl_idx --p2 --n2. A flag counts at the start or after a "
        "space, by its exact name; other dashes are text. [trigger] and [name] become the trigger "
        "word.",
    )
    width: int | None = opt(
        None,
        "Width",
        "Width for this preview only.",
        group=_EACH,
        tier="advanced",
        unit="px",
        editable_live=True,
        inherits="sample.width",
        applies_to=("pictures",),
        ge=64,
    )
    height: int | None = opt(
        None,
        "Height",
        "Height for this preview only.",
        group=_EACH,
        tier="advanced",
        unit="px",
        editable_live=True,
        inherits="sample.height",
        applies_to=("pictures",),
        ge=64,
    )
    neg: str | None = opt(
        None,
        "Negative prompt",
        "Negative prompt for this preview only.",
        group=_EACH,
        tier="advanced",
        editable_live=True,
        editor="prompt",
        inherits="sample.neg",
    )
    seed: int | None = opt(
        None,
        "Seed",
        "Seed for this preview only.",
        group=_EACH,
        tier="advanced",
        editable_live=True,
        inherits="sample.seed",
        ge=-1,
        le=4294967295,
    )
    guidance_scale: float | None = opt(
        None,
        "Guidance scale",
        "Guidance for this preview only.",
        group=_EACH,
        tier="advanced",
        editable_live=True,
        inherits="sample.guidance_scale",
        ge=0,
    )
    sample_steps: int | None = opt(
        None,
        "Steps",
        "Steps for this preview only.",
        group=_EACH,
        tier="advanced",
        unit="steps",
        editable_live=True,
        inherits="sample.sample_steps",
        ge=1,
    )
    num_frames: int | None = opt(
        None,
        "Frames",
        "Frame count for this preview only.",
        group=_EACH,
        tier="advanced",
        unit="frames",
        editable_live=True,
        inherits="sample.num_frames",
        applies_to=("video",),
        ge=1,
    )
    fps: int | None = opt(
        None,
        "Frame rate",
        "Playback speed for this preview only.",
        group=_EACH,
        tier="advanced",
        unit="fps",
        editable_live=True,
        inherits="sample.fps",
        applies_to=("video",),
        ge=1,
        le=120,
    )
    network_multiplier: float | None = opt(
        None,
        "LoRA strength",
        "LoRA strength for this preview only.",
        group=_EACH,
        tier="advanced",
        editable_live=True,
        inherits="sample.network_multiplier",
        detail="With different values in one round the network cannot be merged into the model "
        "for it, which is slower.",
        ge=-20,
        le=20,
    )
    ctrl_img: str | None = opt(
        None,
        "Control image",
        "Image (or video) the model edits, animates or is controlled by.",
        group=_EACH,
        tier="advanced",
        editable_live=True,
        editor="path",
        applies_to=("pictures",),
        detail="The picture that is edited, the first frame of a clip, or the control picture of "
        "an adapter. Models that take clips as references also take a video file. Flag "
        "--ctrl_img.",
        min_length=1,
    )
    ctrl_idx: int = opt(
        0,
        "Control index",
        "Which input of a control LoRA with several inputs gets the control image.",
        group=_EACH,
        tier="expert",
        editable_live=True,
        requires=("adapter.type=control_lora",),
        detail="From 0 to adapter.num_control_images - 1. Flag --ctrl_idx.",
        ge=0,
    )
    ctrl_img_1: str | None = opt(
        None,
        "Control image 1",
        "First image for models that take several references.",
        group=_EACH,
        tier="advanced",
        editable_live=True,
        editor="path",
        inherits="sample.samples[].ctrl_img",
        applies_to=("multi_control",),
        detail="Empty is the control image. Given twice, a picture still counts once.",
        min_length=1,
    )
    ctrl_img_2: str | None = opt(
        None,
        "Control image 2",
        "Second reference image.",
        group=_EACH,
        tier="advanced",
        editable_live=True,
        editor="path",
        applies_to=("multi_control",),
        min_length=1,
    )
    ctrl_img_3: str | None = opt(
        None,
        "Control image 3",
        "Third reference image.",
        group=_EACH,
        tier="advanced",
        editable_live=True,
        editor="path",
        applies_to=("multi_control",),
        min_length=1,
    )
    do_cfg_norm: bool | None = opt(
        None,
        "Normalise CFG",
        "Normalise the guided prediction for this preview only.",
        group=_EACH,
        tier="expert",
        editable_live=True,
        inherits="sample.do_cfg_norm",
        applies_to=("cfg_norm",),
        default_note="Empty follows the section; other trainers ignore the key.",
    )
