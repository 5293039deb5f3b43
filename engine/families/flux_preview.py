"""Previews of FLUX.1: diffusers' own pipeline, called as the preview calls every family's.

Imported when a preview is due: diffusers' pipelines are slow to import.
"""

from __future__ import annotations

from typing import Any

from diffusers.pipelines.flux.pipeline_flux import FluxPipeline

from engine.families.flux_pack import unpack


class PreviewPipeline(FluxPipeline):  # type: ignore[misc]
    """FluxPipeline with its latents unpacked; the guidance scale is distilled or real."""

    real_guidance = False

    def __call__(self, *, width: int, height: int, guidance_scale: float, **inputs: Any) -> Any:
        """``output_type="latent"`` gives (B, C, H, W) in the pipeline's own scale.

        With ``real_guidance`` every step predicts twice, with the negative prompt too, unless the
        scale is at most 1.
        """
        if self.real_guidance:
            inputs["true_cfg_scale"], guidance_scale = guidance_scale, 1.0
        output = super().__call__(
            width=width, height=height, guidance_scale=guidance_scale, **inputs
        )
        token = 2 * self.vae_scale_factor  # the pipeline rounds sizes down to whole tokens
        output.images = unpack(output.images, 2 * (height // token), 2 * (width // token))
        return output
