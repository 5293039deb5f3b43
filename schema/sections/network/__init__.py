"""`network:` - the small network trained beside the frozen base; null is full fine-tuning."""

from schema.option import Section, opt
from schema.sections.network.basics import TYPES, Basics
from schema.sections.network.kwargs import NetworkKwargs
from schema.sections.network.lorm import Lorm, LormRule
from schema.sections.network.types import Types

__all__ = ["TYPES", "Lorm", "LormRule", "Network", "NetworkKwargs"]

_CUSTOM = "Custom Network Config"


class _Custom(Section):
    """The sections inside `network:`."""

    lorm: Lorm | None = opt(
        None,
        "LoRM settings",
        "Settings of the type lorm, which replaces big layers by smaller ones.",
        group=_CUSTOM,
        tier="expert",
        aliases=("lorm_config",),
        on_resume="refused",
        only_with=("network.type", ("lorm",)),
        detail="Each targeted layer W becomes B (A x) by its singular value decomposition, cut "
        "at a rank; the bias goes to B. Linear layers of the attention blocks of a U-Net, but "
        "for proj_in and proj_out; convolutions with do_conv. The run says how many parameters "
        "that saves.",
    )
    network_kwargs: NetworkKwargs = opt(
        NetworkKwargs(),
        "Extra network options",
        "Rarely needed settings of the network.",
        group=_CUSTOM,
        tier="expert",
    )


class Network(_Custom, Types, Basics):
    """Everything under `network:`."""

    @property
    def alphas(self) -> tuple[float, float]:
        """Alpha of linear layers and of convolutions; 0 is the rank."""
        linear = self.alpha if self.linear_alpha is None else self.linear_alpha
        if self.conv_alpha is None:
            return linear, linear if self.type == "locon" else 0.0
        return linear, self.conv_alpha

    @property
    def conv_rank(self) -> int | None:
        """The rank of convolutions; a LoCon has one in any case, unless it is set to 0."""
        return self.linear if self.conv is None and self.type == "locon" else self.conv or None

    @property
    def linear_scale(self) -> float:
        """The factor on the change of a linear layer: alpha / rank, 1 in the diffusers layout."""
        return _scale(self.alphas[0], self.linear, forced=bool(self.network_kwargs.peft_format))

    @property
    def conv_scale(self) -> float:
        """The factor on the change of a convolution: conv_alpha / conv, 1 when nothing is set."""
        forced = bool(self.network_kwargs.peft_format)
        return _scale(self.alphas[1], self.conv_rank or 1, forced=forced)


def _scale(alpha: float, rank: int, *, forced: bool) -> float:
    return 1.0 if forced or alpha == 0 else alpha / rank
