"""What the demo's tests ask of a model folder, with plain diffusers and nothing of the engine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

POSITIONS = ("in the middle", "on the left", "on the right", "at the top", "at the bottom")
SEEDS = range(1, 17)
SAMPLING_STEPS = 20


def load(folder: Path, lora: Path | None = None) -> Any:
    """The folder as diffusers loads it, with a LoRA file on it if one is given, with DDIM."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline
    from diffusers.utils import logging

    logging.disable_progress_bar()
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, torch_dtype=torch.float32, local_files_only=True
    )
    if lora is not None:
        pipeline.load_lora_weights(lora.parent, weight_name=lora.name)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config, clip_sample=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(
    pipeline: Any, prompts: Sequence[str], seeds: Sequence[int], guidance: float
) -> list[Image.Image]:
    """One 64 x 64 picture per prompt, each from its own seed."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    with torch.random.fork_rng(devices=[]):
        result = pipeline(
            list(prompts),
            width=64,
            height=64,
            num_inference_steps=SAMPLING_STEPS,
            guidance_scale=guidance,
            generator=generators,
        )
    return list(result.images)


def draw_zorbs(pipeline: Any, guidance: float) -> list[Image.Image]:
    """The sixteen fixed seeds, the trigger word at each of the five places in turn."""
    prompts = [f"a zorb {POSITIONS[seed % len(POSITIONS)]}" for seed in SEEDS]
    return draw(pipeline, prompts, list(SEEDS), guidance)


@torch.no_grad()
def fixed_loss(pipeline: Any, folder: Path, count: int = 60) -> float:
    """Mean squared error of the predicted noise on fixed (picture, noise, timestep) triples.

    The timesteps are spread evenly over all noise levels, so that none is favoured by chance.
    """
    from diffusers import DDPMScheduler

    paths = sorted(folder.glob("*.png"))
    captions = [path.with_suffix(".txt").read_text(encoding="utf-8").strip() for path in paths]
    latents = pipeline.vae.encode(_pixels(paths)).latent_dist.mean
    latents = latents * pipeline.vae.config.scaling_factor
    tokens = pipeline.tokenizer(
        captions, padding="max_length", max_length=77, truncation=True, return_tensors="pt"
    )
    text = pipeline.text_encoder(tokens.input_ids)[0]
    rows = torch.arange(count) % len(paths)
    timesteps = (torch.arange(count) * 1000 + 500) // count
    noise = torch.randn(
        (count, *latents.shape[1:]), generator=torch.Generator().manual_seed(20261123)
    )
    table = DDPMScheduler.from_config(pipeline.scheduler.config)
    noisy = table.add_noise(latents[rows], noise, timesteps)
    predicted = pipeline.unet(noisy, timesteps, text[rows]).sample
    return float(torch.nn.functional.mse_loss(predicted, noise))


def _pixels(paths: Sequence[Path]) -> Tensor:
    arrays = [np.asarray(Image.open(path).convert("RGB"), dtype=np.float32) for path in paths]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2) / 127.5 - 1.0
