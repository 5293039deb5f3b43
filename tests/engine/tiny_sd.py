"""Tiny random models of the Stable Diffusion families beside the first: SD2, SDXL, its refiner.

Real architectures from config classes with a fixed seed; nothing is downloaded. Widths of text
encoders and attention are multiples of 64 where ``whole`` asks for it: a single file that is not
ours says how many heads there are only by its widths.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tests.engine.tiny import BETAS, clip_tokenizer

XL_UNET: dict[str, Any] = {
    "use_linear_projection": True,
    "attention_head_dim": [2, 4],
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "transformer_layers_per_block": [1, 2],
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
}


def tokenizer(open_clip: bool) -> Any:
    """The tiny vocabulary; OpenCLIP's models pad with an exclamation mark."""
    found = clip_tokenizer()
    if open_clip:
        found.pad_token = "!"
    return found


def text_encoder(tokens: Any, *, projected: bool = False, act: str = "gelu", **sizes: Any) -> Any:
    """A CLIP text model of two layers."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    settings: dict[str, Any] = {
        "vocab_size": len(tokens),
        "hidden_size": 32,
        "intermediate_size": 64,
        "projection_dim": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 77,
        "hidden_act": act,
        "bos_token_id": tokens.bos_token_id,
        "eos_token_id": tokens.eos_token_id,
        "pad_token_id": tokens.pad_token_id,
    }
    kind = CLIPTextModelWithProjection if projected else CLIPTextModel
    return kind(CLIPTextConfig(**(settings | sizes))).eval()


def autoencoder(**settings: Any) -> Any:
    """An AutoencoderKL of four levels, as the real ones have."""
    from diffusers import AutoencoderKL

    sizes: dict[str, Any] = {
        "block_out_channels": (8, 16, 16, 16),
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "latent_channels": 4,
        "sample_size": 64,
    }
    return AutoencoderKL(**(sizes | settings)).eval()


def unet(width: int, **settings: Any) -> Any:
    """A UNet of two levels that reads text of ``width`` channels."""
    from diffusers import UNet2DConditionModel

    sizes: dict[str, Any] = {
        "sample_size": 8,
        "layers_per_block": 1,
        "block_out_channels": (32, 64),
        "norm_num_groups": 8,
        "cross_attention_dim": width,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "use_linear_projection": True,
        "attention_head_dim": [2, 4],
    }
    return UNet2DConditionModel(**(sizes | settings)).eval()


def build_sd2(
    folder: Path,
    seed: int = 0,
    prediction_type: str = "v_prediction",
    text: dict[str, Any] | None = None,
    vae: dict[str, Any] | None = None,
    **unet_sizes: Any,
) -> Path:
    """Write a tiny random SD2-type diffusers folder."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    torch.manual_seed(seed)
    tokens = tokenizer(open_clip=True)
    encoder = text_encoder(tokens, **(text or {}))
    StableDiffusionPipeline(
        tokenizer=tokens,
        text_encoder=encoder,
        vae=autoencoder(**(vae or {})),
        unet=unet(encoder.config.hidden_size, **unet_sizes),
        scheduler=DDIMScheduler(
            prediction_type=prediction_type, set_alpha_to_one=False, steps_offset=1,
            clip_sample=False, **BETAS,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def build_sdxl(
    folder: Path,
    seed: int = 0,
    first: dict[str, Any] | None = None,
    second: dict[str, Any] | None = None,
    vae: dict[str, Any] | None = None,
    **unet_sizes: Any,
) -> Path:
    """Write a tiny random SDXL-type diffusers folder."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline

    torch.manual_seed(seed)
    tokens, tokens_2 = tokenizer(open_clip=False), tokenizer(open_clip=True)
    encoder = text_encoder(tokens, act="quick_gelu", **(first or {}))
    encoder_2 = text_encoder(tokens_2, projected=True, **(second or {}))
    width = encoder.config.hidden_size + encoder_2.config.hidden_size
    told = 6 * 8 + encoder_2.config.projection_dim
    sizes = XL_UNET | {"projection_class_embeddings_input_dim": told} | unet_sizes
    StableDiffusionXLPipeline(
        tokenizer=tokens,
        tokenizer_2=tokens_2,
        text_encoder=encoder,
        text_encoder_2=encoder_2,
        vae=autoencoder(scaling_factor=0.13025, **(vae or {})),
        unet=unet(width, **sizes),
        scheduler=EulerDiscreteScheduler(steps_offset=1, timestep_spacing="leading", **BETAS),
        add_watermarker=False,
    ).save_pretrained(folder)
    return folder


def build_refiner(
    folder: Path,
    base: Path,
    seed: int = 5,
    **unet_sizes: Any,
) -> Path:
    """Write a tiny random refiner that shares a base's VAE and second text encoder."""
    from diffusers import StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline

    whole = StableDiffusionXLPipeline.from_pretrained(base)
    torch.manual_seed(seed)
    config = whole.text_encoder_2.config
    sizes = XL_UNET | {"projection_class_embeddings_input_dim": 5 * 8 + config.projection_dim}
    StableDiffusionXLImg2ImgPipeline(
        tokenizer=None,
        tokenizer_2=whole.tokenizer_2,
        text_encoder=None,
        text_encoder_2=whole.text_encoder_2,
        vae=whole.vae,
        unet=unet(config.hidden_size, **(sizes | unet_sizes)),
        scheduler=whole.scheduler,
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    ).save_pretrained(folder)
    return folder


def open_family(
    arch: str, path: Path, dtype: str = "float32", device: str = "cpu", **model: Any
) -> Any:
    """A family with nothing loaded yet."""
    from engine.families import family_for
    from schema.sections.model import Model
    from schema.sections.train import Train

    section = Model.model_validate({"name_or_path": str(path), "arch": arch, **model})
    family = family_for(arch)
    return family.open(section, Train(), torch.device(device), getattr(torch, dtype))


def load_family(
    arch: str, path: Path, dtype: str = "float32", device: str = "cpu", **model: Any
) -> Any:
    """A family with everything loaded."""
    family = open_family(arch, path, dtype, device, **model)
    family.load_text_encoders()
    family.load_vae()
    family.load_denoisers()
    return family


def states(family: Any) -> dict[str, torch.Tensor]:
    """Every weight of a loaded family by part and name."""
    parts = {d.name: d.module for d in family.denoisers} | {"vae": family.vae}
    parts |= family.text_encoders
    return {f"{n}.{k}": v for n, m in parts.items() for k, v in m.state_dict().items()}


WIDE: dict[str, Any] = {
    "norm_num_groups": 32,
    "block_out_channels": (64, 128),
    "attention_head_dim": [1, 2],
}
"""UNet sizes whose heads follow from their widths, and groups as the original releases have."""
WIDE_VAE: dict[str, Any] = {"block_out_channels": (32, 32), "norm_num_groups": 32,
    "layers_per_block": 2, "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2}  # fmt: skip
WIDE_TEXT: dict[str, Any] = {"hidden_size": 64, "num_attention_heads": 1, "projection_dim": 64}
