"""A tiny random model of each family, and small captioned pictures, for tests on a CPU.

Everything is built from config classes with a fixed seed, so the same call writes the same bytes;
nothing is downloaded. The UNet has about 0.8 M parameters and learns visibly in a few steps.
"""

from __future__ import annotations

import colorsys
import re
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

WORDS = [
    "a",
    "an",
    "and",
    "at",
    "background",
    "big",
    "black",
    "blue",
    "blurry",
    "bottom",
    "circle",
    "cross",
    "dark",
    "green",
    "grey",
    "high",
    "in",
    "left",
    "of",
    "on",
    "orange",
    "over",
    "photo",
    "picture",
    "pink",
    "purple",
    "quality",
    "red",
    "right",
    "ring",
    "sks",
    "small",
    "square",
    "star",
    "style",
    "the",
    "to",
    "top",
    "triangle",
    "two",
    "under",
    "white",
    "yellow",
]
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "grey")
SHAPES = ("circle", "square", "triangle", "cross")


def byte_symbols() -> list[str]:
    """The 256 printable stand-ins of byte-level BPE, in byte order (as GPT-2 defined them)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    named = {byte: chr(byte) for byte in printable}
    named.update({byte: chr(256 + i) for i, byte in enumerate(others)})
    return [named[byte] for byte in range(256)]


def clip_vocabulary(words: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges that build every word left to right.

    Written by hand because the trainers of ``tokenizers`` break ties in hash order: two processes
    would give two vocabularies. The special tokens come last, as CLIP's pooling expects.
    """
    symbols = byte_symbols()
    tokens = symbols + [symbol + "</w>" for symbol in symbols]
    merges: list[tuple[str, str]] = []
    known = set(tokens)
    for word in sorted(words):
        left = word[0]
        for part in [*word[1:-1], word[-1] + "</w>"][: len(word) - 1]:
            if left + part not in known:
                known.add(left + part)
                tokens.append(left + part)
                merges.append((left, part))
            left += part
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: i for i, token in enumerate(tokens)}, merges


def clip_tokenizer(words: list[str] | None = None) -> Any:
    """A CLIPTokenizer that knows ``words`` whole and spells everything else."""
    from transformers import CLIPTokenizer

    vocab, merges = clip_vocabulary(words or WORDS)
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=77, pad_token="<|endoftext|>")


def sd1_parts(seed: int = 0, **unet_sizes: Any) -> dict[str, Any]:
    """The parts of a tiny random Stable Diffusion 1 pipeline, by name."""
    from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(seed)
    tokenizer = clip_tokenizer()
    text_config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        projection_dim=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        hidden_act="quick_gelu",
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    sizes: dict[str, Any] = {
        "sample_size": 8,
        "layers_per_block": 1,
        "block_out_channels": (32, 64),
        "norm_num_groups": 8,
        "attention_head_dim": 4,
        "cross_attention_dim": 32,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    }
    return {
        "tokenizer": tokenizer,
        "text_encoder": CLIPTextModel(text_config).eval(),
        "vae": AutoencoderKL(
            block_out_channels=(8, 16, 16, 16),
            layers_per_block=1,
            norm_num_groups=8,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            latent_channels=4,
            sample_size=64,
        ).eval(),
        "unet": UNet2DConditionModel(**(sizes | unet_sizes)).eval(),
        "scheduler": PNDMScheduler(skip_prk_steps=True, steps_offset=1, **BETAS),
    }


def build_sd1(folder: Path, seed: int = 0, **unet_sizes: Any) -> Path:
    """Write a tiny random SD1-type diffusers folder (fp32, about 4 MB) and return it."""
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline(
        **sd1_parts(seed, **unet_sizes),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    return folder


def draw_pictures(
    folder: Path,
    count: int = 8,
    size: tuple[int, int] | list[tuple[int, int]] = (64, 64),
    suffix: str = ".png",
) -> Path:
    """``count`` pictures of one coloured shape each, with a caption file beside each.

    ``size`` is one (width, height) or a list that is gone through in turn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sizes = size if isinstance(size, list) else [size]
    for i in range(count):
        color, shape = COLORS[i % len(COLORS)], SHAPES[i % len(SHAPES)]
        picture = draw_shape(shape, sizes[i % len(sizes)], hue=(i % len(COLORS)) / len(COLORS))
        picture.save(folder / f"picture_{i:03d}{suffix}")
        (folder / f"picture_{i:03d}.txt").write_text(f"a photo of a {color} {shape}")
    return folder


def draw_shape(shape: str, size: tuple[int, int], hue: float) -> Image.Image:
    """One shape of the given hue in the middle of a white picture."""
    width, height = size
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.9, 0.9))
    picture = Image.new("RGB", size, (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    left, top, right, bottom = width // 4, height // 4, 3 * width // 4, 3 * height // 4
    fill = (red, green, blue)
    if shape == "circle":
        pen.ellipse((left, top, right, bottom), fill=fill)
    elif shape == "square":
        pen.rectangle((left, top, right, bottom), fill=fill)
    elif shape == "triangle":
        pen.polygon([(width // 2, top), (left, bottom), (right, bottom)], fill=fill)
    else:
        pen.rectangle((left, height // 2 - 4, right, height // 2 + 4), fill=fill)
        pen.rectangle((width // 2 - 4, top, width // 2 + 4, bottom), fill=fill)
    return picture


def words_of(text: str) -> list[str]:
    """The lower-case words of a text (for tests that check what a caption contains)."""
    return re.findall("[a-z]+", text.lower())


def open_sd1(path: Path, dtype: str = "float32", device: str = "cpu", **model: Any) -> Any:
    """A StableDiffusion1 with nothing loaded yet."""
    from engine.families import family_for
    from schema.sections.model import Model
    from schema.sections.train import Train

    section = Model(name_or_path=str(path), **model)
    family = family_for("sd1")
    return family.open(section, Train(), torch.device(device), getattr(torch, dtype))


def load_sd1(path: Path, dtype: str = "float32", device: str = "cpu", **model: Any) -> Any:
    """A StableDiffusion1 with everything loaded."""
    family = open_sd1(path, dtype, device, **model)
    family.load_text_encoders()
    family.load_vae()
    family.load_denoisers()
    return family
