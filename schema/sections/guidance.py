"""`guidance:` - burns a prompt's guidance into the network."""

from schema.option import Section, opt

_GROUP = "Guidance training"


class Guidance(Section):
    """Everything under `guidance:`."""

    target_class: str = opt(
        "",
        "Guided phrase",
        "Words the guidance is burnt into. Empty: the caption of each picture.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        editor="prompt",
        requires=(),
        detail="The target of each step becomes f0(x, target_class) + guidance_scale (f0(x, "
        "positive_prompt) - f0(x, negative_prompt)) with f0 the model without the network; the "
        "loss is its squared distance from the prediction with the network.",
    )
    guidance_scale: float = opt(
        1.0,
        "Guidance strength",
        "Strength of the burnt-in direction.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="The factor of the direction; see target_class.",
    )
    positive_prompt: str = opt(
        "",
        "Towards",
        "Prompt the model is pulled towards.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        editor="prompt",
    )
    negative_prompt: str = opt(
        "",
        "Away from",
        "Prompt the model is pushed away from.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        editor="prompt",
    )
