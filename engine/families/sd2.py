"""Stable Diffusion 2: as Stable Diffusion 1, with OpenCLIP's text encoder.

The UNet reads the states before the encoder's last layer, normed. A diffusers folder says that by
leaving the layer away; in a single file it is there and is not loaded. Whether the model predicts
noise (the 512 pixel ones) or velocity (768 pixels) is in a folder's scheduler config; no tensor of
a single file tells, so there ``model.is_v_pred`` does.
"""

from __future__ import annotations

from engine.families.sd_layout import SD2
from engine.families.unet_family import UNetFamily


class StableDiffusion2(UNetFamily):
    """A Stable Diffusion 2 model."""

    arch = "sd2"
    layout = SD2
