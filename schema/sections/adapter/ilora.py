"""`adapter:` - the generator of iLoRA weights."""

from schema.option import Section, opt
from schema.sections.adapter.names import TYPE as _TYPE

_GROUP = "Specialized Adapters"
_ILORA = (_TYPE, ("ilora",))


class ILora(Section):
    """The options of type ilora."""

    head_dim: int = opt(
        1024,
        "iLoRA hidden width",
        "Width of the hidden vector from which the iLoRA weights are generated. Bigger needs far "
        "more memory.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=_ILORA,
        detail="Width of the resampler's output. The last layer has head_dim x (number of LoRA "
        "weights) weights.",
        ge=8,
    )
    num_heads: int = opt(
        1,
        "iLoRA heads",
        "Split the weight generator into this many independent parts. Divides its memory by the "
        "same number.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=_ILORA,
        detail="Token k of the resampled picture makes the k-th part of all LoRA weights, so the "
        "number of LoRA weights must be divisible by this.",
        ge=1,
    )
    ilora_down: bool = opt(
        True,
        "iLoRA on down blocks",
        "Generate the LoRA weights of down blocks from the image; off keeps ordinary trained LoRA "
        "weights there.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=_ILORA,
        detail="Transformers are divided by depth: the first third of the blocks counts as down, "
        "the second as mid, the last as up; text encoder layers follow down.",
    )
    ilora_mid: bool = opt(
        True,
        "iLoRA on mid block",
        "Generate the LoRA weights of the mid block from the image; off keeps ordinary trained "
        "LoRA weights there.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=_ILORA,
        detail="See ilora_down for how transformers are divided.",
    )
    ilora_up: bool = opt(
        True,
        "iLoRA on up blocks",
        "Generate the LoRA weights of up blocks from the image; off keeps ordinary trained LoRA "
        "weights there.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=_ILORA,
        detail="See ilora_down for how transformers are divided.",
    )
