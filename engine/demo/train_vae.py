"""Trains the demo's VAE: the part that folds a 64 x 64 picture into a 4 x 16 x 16 latent and
unfolds it again.

The engine fine-tunes UNets and text encoders, not VAEs, so this small loop stands beside it. It
sees no captions and no concept, only flat scenes. Run as `python -m engine.demo.train_vae
MODEL_FOLDER`; `make` calls `train` itself.

Shapes: `pixels_BCHW` in [-1, 1]; trainers multiply the latents by the config's `scaling_factor`.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch.nn import functional

from engine.demo.pictures import flat_scene

STEPS = 2000
BATCH = 8
PEAK_LR = 2e-3
WARM_UP = 100
KL_WEIGHT = 2e-6
"""Weight of the summed KL term. Small: it keeps latents near each other, the picture decides the
rest.
"""

SETTLED = -20.0
"""Log variance of the finished VAE's latents, about that of Stable Diffusion's."""

LATENT_DEVIATION = 0.35
"""What `scaling_factor` scales latents to. Flat pictures are so plain that at the usual 1.0 even
the last noise level shows where the shape is: the model would read places from noise, not words.
"""

SCENES = 6000
HELD_OUT = 64
"""Scenes past `SCENES` that no step has seen, for the reported error and the latents' deviation."""


def pixels_of(images: list[Image.Image]) -> torch.Tensor:
    """Return the pictures as `pixels_BCHW`, float32 in [-1, 1]."""
    arrays = np.stack([np.asarray(image.convert("RGB"), dtype=np.float32) for image in images])
    return torch.from_numpy(arrays).permute(0, 3, 1, 2).contiguous() / 127.5 - 1.0


def learning_rate(step: int, steps: int) -> float:
    """Linear warm-up, then a half cosine to zero, for the 0-based `step`."""
    if step < WARM_UP:
        return PEAK_LR * (step + 1) / WARM_UP
    return PEAK_LR * 0.5 * (1 + math.cos(math.pi * (step - WARM_UP) / max(1, steps - WARM_UP)))


def loss_of(vae: AutoencoderKL, pixels_BCHW: torch.Tensor, draws: torch.Generator) -> torch.Tensor:
    """Absolute plus squared error of the unfolded picture, plus the weighted KL of the latents to
    N(0, 1).
    """
    posterior = vae.encode(pixels_BCHW).latent_dist
    latents = posterior.mean + posterior.std * torch.randn(posterior.mean.shape, generator=draws)
    unfolded_BCHW = vae.decode(latents).sample
    error = functional.l1_loss(unfolded_BCHW, pixels_BCHW) + functional.mse_loss(
        unfolded_BCHW, pixels_BCHW
    )
    return error + KL_WEIGHT * posterior.kl().mean()


def train(vae: AutoencoderKL, steps: int = STEPS, seed: int = 0) -> dict[str, float]:
    """Train `vae` in place for `steps` steps, set its `scaling_factor`, and return the held-out
    numbers.
    """
    draws = torch.Generator().manual_seed(seed)
    pool = pixels_of([flat_scene(seed, index) for index in range(SCENES)])
    optimizer = torch.optim.AdamW(vae.parameters(), lr=PEAK_LR, weight_decay=0.0)
    vae.train()
    started = time.monotonic()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps)
        loss = loss_of(vae, pool[torch.randint(SCENES, (BATCH,), generator=draws)], draws)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 100 == 0:
            seconds = time.monotonic() - started
            print(f"vae {step + 1}/{steps} loss {loss.item():.4f} {seconds:.0f} s", flush=True)
    vae.eval()
    settle(vae)
    return calibrate(vae, seed)


@torch.no_grad()
def settle(vae: AutoencoderKL) -> None:
    """Shrink the posterior to its mean: log variance `SETTLED` everywhere.

    Latents are drawn with noise here so that the decoder forgives what a denoiser leaves behind.
    A trainer that draws from the posterior must not get that noise: no denoiser could predict it.
    """
    channels = vae.config["latent_channels"]
    vae.quant_conv.weight[channels:] = 0.0
    vae.quant_conv.bias[channels:] = SETTLED


@torch.no_grad()
def calibrate(vae: AutoencoderKL, seed: int = 0) -> dict[str, float]:
    """Set `scaling_factor` for `LATENT_DEVIATION`; return held-out error and unscaled deviation."""
    pixels_BCHW = pixels_of([flat_scene(seed, SCENES + index) for index in range(HELD_OUT)])
    means = vae.encode(pixels_BCHW).latent_dist.mean
    error = functional.mse_loss(vae.decode(means).sample, pixels_BCHW).item()
    deviation = means.std().item()
    vae.register_to_config(scaling_factor=round(LATENT_DEVIATION / deviation, 5))
    return {"mse": error, "deviation": deviation}


def main() -> None:
    """Train the VAE of a model folder in place."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("model", type=Path, help="diffusers folder whose vae/ is trained")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # same sums in the same order on every machine
    vae = AutoencoderKL.from_pretrained(arguments.model / "vae")
    print(train(vae, arguments.steps))
    vae.save_pretrained(arguments.model / "vae")


if __name__ == "__main__":
    main()
