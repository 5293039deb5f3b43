"""Stable Diffusion 1: one UNet, one CLIP text encoder, a KL autoencoder."""

from __future__ import annotations

from engine.families.sd_layout import SD1
from engine.families.unet_family import UNetFamily


class StableDiffusion1(UNetFamily):
    """A Stable Diffusion 1 model."""

    arch = "sd1"
    layout = SD1
