"""Builds the demo's empty checkpoint: a Stable Diffusion 1 in small, with random weights from a
fixed seed.

Same classes and file layout as the real one (UNet with cross attention, AutoencoderKL, CLIP text
encoder and tokenizer, PNDM scheduler with SD1's noise table), so that whatever reads SD1 folders
reads this one.
"""

from typing import Any

import torch
from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from engine.demo.pictures import SIZE
from engine.demo.tokens import new_tokenizer
from engine.families.sd_saving import SdParts

TEXT_WIDTH = 64


def new_vae() -> AutoencoderKL:
    """Return the untrained VAE: four latent channels, one latent pixel for 4 x 4 picture pixels."""
    channels = (16, 32, 48)
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        layers_per_block=1,
        norm_num_groups=8,
        sample_size=SIZE,
    )


def new_unet() -> UNet2DConditionModel:
    """Return the untrained UNet for latents of 4 x 16 x 16 and text of `TEXT_WIDTH` channels."""
    return UNet2DConditionModel(
        sample_size=SIZE // 4,
        in_channels=4,
        out_channels=4,
        block_out_channels=(32, 64, 96),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=8,
        attention_head_dim=4,
        cross_attention_dim=TEXT_WIDTH,
    )


def new_text_encoder(tokenizer: Any) -> CLIPTextModel:
    """Return the untrained CLIP text encoder for `tokenizer`."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=4 * TEXT_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=TEXT_WIDTH,
        max_position_embeddings=77,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def new_scheduler() -> PNDMScheduler:
    """Return SD1's scheduler config: 1000 steps, scaled linear betas from 0.00085 to 0.012, noise
    prediction.
    """
    return PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        steps_offset=1,
        skip_prk_steps=True,
        set_alpha_to_one=False,
    )


def new_parts(seed: int = 0) -> SdParts:
    """Return a whole untrained model; the weights are drawn from `seed`."""
    tokenizer = new_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vae, unet, text_encoder = new_vae(), new_unet(), new_text_encoder(tokenizer)
    return SdParts(
        unet,
        vae,
        {"text_encoder": text_encoder},
        {"tokenizer": tokenizer},
        dict(new_scheduler().config),
    )
