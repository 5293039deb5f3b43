"""A tiny random FLUX.1 of the real architecture: two double and two single blocks, 16 latents.

Built like `tests.engine.tiny`: from config classes with a fixed seed, nothing is downloaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tests.engine.tiny import WORDS, clip_tokenizer

WIDTH = 32  # of CLIP and T5
SHIFTED = {"use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15, "shift": 3.0}
UNSHIFTED = {"use_dynamic_shifting": False, "shift": 1.0}


def t5_tokenizer() -> Any:
    """A T5Tokenizer that knows the words of `tiny` whole; padding is 0, the end 1."""
    from transformers import T5Tokenizer

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -6.0)]
    pieces += [(chr(i), -12.0) for i in range(33, 127)]
    pieces += [("▁" + word, -3.0 - 0.001 * i) for i, word in enumerate(WORDS)]
    pieces += [(f"<extra_id_{i}>", 0.0) for i in range(99, -1, -1)]
    return T5Tokenizer(vocab=pieces, extra_ids=100, model_max_length=512)


def text_encoders(for_clip: Any, for_t5: Any) -> tuple[Any, Any]:
    """A CLIP text model and a T5 encoder of width 32."""
    from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

    clip = CLIPTextConfig(
        vocab_size=len(for_clip),
        hidden_size=WIDTH,
        intermediate_size=64,
        projection_dim=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        bos_token_id=for_clip.bos_token_id,
        eos_token_id=for_clip.eos_token_id,
        pad_token_id=for_clip.pad_token_id,
    )
    t5 = T5Config(
        vocab_size=len(for_t5),
        d_model=WIDTH,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        pad_token_id=0,
        eos_token_id=1,
    )
    return CLIPTextModel(clip).eval(), T5EncoderModel(t5).eval()


def build_flux(folder: Path, seed: int = 0, *, guided: bool = True) -> Path:
    """Write a tiny diffusers folder: of dev's kind, or of schnell's without a guidance input."""
    from diffusers import (
        AutoencoderKL,
        FlowMatchEulerDiscreteScheduler,
        FluxPipeline,
        FluxTransformer2DModel,
    )

    torch.manual_seed(seed)
    for_clip, for_t5 = clip_tokenizer(), t5_tokenizer()
    clip, t5 = text_encoders(for_clip, for_t5)
    pipeline = FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(**(SHIFTED if guided else UNSHIFTED)),
        vae=AutoencoderKL(
            latent_channels=16,
            block_out_channels=(8, 16, 16, 16),
            layers_per_block=1,
            norm_num_groups=8,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            sample_size=64,
            use_quant_conv=False,
            use_post_quant_conv=False,
            scaling_factor=0.3611,
            shift_factor=0.1159,
        ).eval(),
        tokenizer=for_clip,
        tokenizer_2=for_t5,
        text_encoder=clip,
        text_encoder_2=t5,
        transformer=FluxTransformer2DModel(
            in_channels=64,
            num_layers=2,
            num_single_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=WIDTH,
            guidance_embeds=guided,
            axes_dims_rope=(4, 6, 6),
        ).eval(),
    )
    pipeline.save_pretrained(folder)
    return folder


def open_flux(path: Path, dtype: str = "float32", **options: Any) -> Any:
    """A Flux with nothing loaded yet; `options` of `model:`, and of `train:` after `train__`."""
    from engine.families import family_for
    from schema.sections.model import Model
    from schema.sections.train import Train

    start = "train__"
    train = {k.removeprefix(start): v for k, v in options.items() if k.startswith(start)}
    model = {k: v for k, v in options.items() if not k.startswith(start)}
    section = Model(name_or_path=str(path), arch="flux", **model)
    return family_for("flux").open(
        section, Train(**train), torch.device("cpu"), getattr(torch, dtype)
    )


def load_flux(path: Path, dtype: str = "float32", **options: Any) -> Any:
    """A Flux with everything loaded."""
    family = open_flux(path, dtype, **options)
    family.load_text_encoders()
    family.load_vae()
    family.load_denoisers()
    return family
