"""The plain loop as a script: read a config, encode the pictures, train one step, print the time.

`python plain_run.py CONFIG` prints seconds since the epoch after the first step: the other side of
the start-up measurement.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.plain_loop import PlainLoop


@torch.no_grad()
def encode(folder: Path, images: Path) -> tuple[Tensor, Tensor]:
    """Latents (N, C, h, w) and text embeddings (N, 77, D) of the captioned pictures."""
    vae = AutoencoderKL.from_pretrained(folder, subfolder="vae")
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder")
    latents, text = [], []
    for path in sorted(images.glob("*.png")):
        pixels = torch.from_numpy(np.array(Image.open(path).convert("RGB")))
        drawn = vae.encode(pixels.permute(2, 0, 1)[None] / 127.5 - 1).latent_dist.sample()
        latents.append(drawn * vae.config.scaling_factor)
        words = tokenizer(path.with_suffix(".txt").read_text(), padding="max_length", max_length=77)
        text.append(encoder(torch.tensor([words.input_ids]))[0])
    return torch.cat(latents), torch.cat(text)


def main(config: Path) -> None:
    """Everything up to and with the first step."""
    process = yaml.safe_load(config.read_text())["config"]["process"][0]
    folder = config.parent / process["model"]["name_or_path"]
    images = config.parent / process["datasets"][0]["folder_path"]
    PlainLoop(folder, process, *encode(folder, images)).step()
    print(time.time())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
