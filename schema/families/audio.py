"""Families that make sound alone."""

from dataclasses import replace
from typing import Final

from schema.families.row import Encoder, FamilyRow, Shift

_ACE: Final = FamilyRow(
    arch="ace_step_15",
    label="ACE-Step 1.5",
    kind="audio",
    repositories=("ostris/ace_step_1.5_ComfyUI_files",),
    shift=Shift(3),
    timestep_type="linear",
    latent_channels=None,
    spatial=1,
    multiple=1,
    bucket_step=1,
    capabilities=frozenset(
        {"transformer", "flow", "audio", "separate_text_encoder", "separate_vae",
         "old_lokr_keys"}
    ),
    denoiser_class="DiTModel",
    target_class="DiTModel",
    blocks=("layers",),
    encoders=(Encoder("its own, for words and lyrics"),),
    keys="comfy",
    note="Text, lyrics, tempo and key steer it. Latents are one-dimensional.",
)  # fmt: skip

ROWS: Final = (
    _ACE,
    replace(_ACE, arch="ace_step_15_xl", label="ACE-Step 1.5 XL"),
)
