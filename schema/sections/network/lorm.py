"""`network.lorm:` - replacing big layers of the model by thin ones."""

from typing import Final, Literal

from schema.option import REQUIRED, Section, opt

_GROUP = "Custom Network Config"
_WITH: Final = ("network.type", ("lorm",))
LORM_SIZE: Final = 1_000_000

ExtractMode = Literal["existing", "fixed", "threshold", "ratio", "quantile", "percentage"]
EXTRACT_WORDS: Final[dict[str, str]] = {
    "existing": "the rank that is set (4)",
    "fixed": "the parameter as a rank",
    "threshold": "singular values above the parameter",
    "ratio": "singular values above the parameter times the largest",
    "quantile": "the first ones whose sum stays below that share of all",
    "percentage": "a budget of parameters relative to the whole layer",
}


class LormRule(Section):
    """One entry of `network.lorm.module_settings:`."""

    contains: str = opt(
        REQUIRED,
        "Layers",
        "Part of a layer's name; several parts are parted by | and must all be in it.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=_WITH,
        detail="Dots may stand for the underscores of inner names, as in attn1|to_q.",
        min_length=1,
    )
    extract_mode: ExtractMode | None = opt(
        None,
        "Cut rule",
        "How the rank of these layers is chosen. Empty does as the general rule.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=_WITH,
        choices=EXTRACT_WORDS,
        inherits="network.lorm.extract_mode",
    )
    extract_mode_param: float | None = opt(
        None,
        "Cut parameter",
        "The number of that rule. Empty takes the general one.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=_WITH,
        inherits="network.lorm.extract_mode_param",
        gt=0,
    )
    parameter_threshold: int | None = opt(
        None,
        "Min. layer size",
        "Smaller layers stay untouched. Empty takes the general size.",
        group=_GROUP,
        tier="expert",
        unit="parameters",
        on_resume="refused",
        only_with=_WITH,
        inherits="network.lorm.parameter_threshold",
        ge=0,
    )


class Lorm(Section):
    """Everything under `network.lorm:`."""

    extract_mode: ExtractMode = opt(
        "ratio",
        "LoRM cut rule",
        "How the remaining rank of each replaced layer is chosen.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=_WITH,
        choices=EXTRACT_WORDS,
        detail="By the singular values S of the layer, largest first, and the cut parameter p. "
        "percentage: floor(p * out * in / (out + in)). Every result is at least 1 and at most "
        "half of the outputs.",
    )
    extract_mode_param: float = opt(
        0.25,
        "LoRM cut parameter",
        "The number used by the chosen cut rule.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=_WITH,
        detail="A whole number for fixed, a singular value for threshold, a share between 0 and "
        "1 for the others.",
        gt=0,
    )
    do_conv: bool = opt(
        False,
        "LoRM on convolutions",
        "Also replace convolution layers by low-rank pairs.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=_WITH,
    )
    parameter_threshold: int = opt(
        LORM_SIZE,
        "LoRM min. layer size",
        "Layers with fewer parameters than this stay untouched.",
        group=_GROUP,
        tier="expert",
        unit="parameters",
        on_resume="refused",
        only_with=_WITH,
        default_note="ai-toolkit says 0, but always leaves layers below a million alone.",
        ge=0,
    )
    module_settings: list[LormRule] = opt(
        [],
        "LoRM rules by layer",
        "Other rules for layers whose name matches; the first match counts.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=_WITH,
    )
