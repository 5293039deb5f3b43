"""What helpers beside a UNet add to its feature maps: T2I-Adapters and ControlNets.

They travel with the conditioning, as parts of it, so that whatever is done to its rows is done to
them too. Mou et al. 2023 (T2I-Adapter); Zhang et al. 2023 (ControlNet).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from engine.families.base import Conditioning, Denoiser

INNER, SKIP, MIDDLE = "residual.inner.", "residual.skip.", "residual.middle"


@dataclass(frozen=True)
class Residuals:
    """Feature maps (B, C, H, W) from the finest to the coarsest."""

    inner: Sequence[Tensor] = ()
    """Added at the end of every block on the way down, as T2I-Adapters do."""
    skips: Sequence[Tensor] = ()
    """Added to every skip connection, as ControlNets do."""
    middle: Tensor | None = None
    """Added in the middle, likewise."""


class TakesResiduals:
    """A family whose denoiser is a UNet of diffusers."""

    dtype: Any

    def with_residuals(self, conditioning: Conditioning, residuals: Residuals) -> Conditioning:
        """The conditioning with the residuals as further parts."""
        parts = dict(conditioning.parts)
        parts |= {f"{INNER}{place:02d}": part for place, part in enumerate(residuals.inner)}
        parts |= {f"{SKIP}{place:02d}": part for place, part in enumerate(residuals.skips)}
        if residuals.middle is not None:
            parts[MIDDLE] = residuals.middle
        return Conditioning(parts)

    def control_residuals(
        self,
        net: Any,
        denoiser: Denoiser,
        latents: Tensor,
        timesteps_B: Tensor,
        conditioning: Conditioning,
        control_BCHW: Tensor,
    ) -> Residuals:
        """What a ControlNet of diffusers makes of control pictures in [0, 1], at full strength."""
        skips, middle = net(
            latents.to(self.dtype),
            timesteps_B,
            controlnet_cond=control_BCHW,
            return_dict=False,
            **self.unet_inputs(denoiser, latents, conditioning),
        )
        return Residuals(skips=tuple(skips), middle=middle)

    def unet_inputs(
        self, denoiser: Denoiser, latents: Tensor, conditioning: Conditioning
    ) -> dict[str, Any]:
        """What the UNet is called with besides latents and time."""
        raise NotImplementedError


def residual_inputs(conditioning: Conditioning) -> dict[str, Any]:
    """The UNet's keyword arguments for the residuals that the conditioning has; usually none."""
    parts = conditioning.parts
    inputs: dict[str, Any] = {}
    if inner := [parts[name] for name in sorted(parts) if name.startswith(INNER)]:
        inputs["down_intrablock_additional_residuals"] = inner
    if skips := [parts[name] for name in sorted(parts) if name.startswith(SKIP)]:
        inputs["down_block_additional_residuals"] = tuple(skips)
        inputs["mid_block_additional_residual"] = parts[MIDDLE]
    return inputs
