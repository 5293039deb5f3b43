"""`model:` - which weights train in full fine-tuning, and tricks of single families."""

from schema.option import Section, opt
from schema.sections.texts import Texts

_FILTER = "Compilation & Optimization"
_SPECIAL = "Special Configurations"


class Special(Section):
    """The options of `model:` for full fine-tuning and for single families."""

    ignore_if_contains: Texts | None = opt(
        None,
        "Freeze weights containing",
        "Full fine-tuning: weights whose name contains one of these texts stay frozen.",
        group=_FILTER,
        tier="advanced",
        on_resume="refused",
        detail="A plain search, upper and lower case count, in names that begin with unet. or "
        "transformer. For a network use network_kwargs.ignore_if_contains.",
    )
    only_if_contains: Texts | None = opt(
        None,
        "Train only weights containing",
        "Full fine-tuning: only weights whose name contains one of these texts are trained.",
        group=_FILTER,
        tier="advanced",
        on_resume="refused",
        detail="Empty trains all. For example transformer.single_transformer_blocks.10. trains "
        "one block of FLUX.1. A name must pass both filters.",
    )
    use_flux_cfg: bool = opt(
        False,
        "Flux CFG mode",
        "Preview with real guidance and negative prompts, and train without the distilled "
        "guidance.",
        group=_SPECIAL,
        tier="advanced",
        applies_to=("real_guidance",),
        on_resume="new-trajectory",
        conflicts=("train.do_guidance_loss",),
        detail="For FLUX.1 models whose distillation was undone. Previews predict twice a step: "
        "uncond + guidance_scale * (cond - uncond). Implies train.bypass_guidance_embedding.",
    )
    experimental_xl: bool = opt(
        False,
        "Experimental SDXL",
        "An experiment of the reference trainer that never took effect; refused here.",
        group=_SPECIAL,
        tier="expert",
        applies_to=("refiner",),
        on_resume="refused",
        detail="It was to widen a model's layers, but the widened weights are thrown away before "
        "they are used. Nothing is defined that it could do.",
    )
