"""Small configs, model folders and picture folders that the schema's tests damage one at a time."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from schema.document import Document

BASE = """\
# a small config
job: extension
config:
  name: "first"   # the name
  process:
    - type: sd_trainer
      training_folder: out

      # what is trained
      network:
        type: lora
        linear: 8
        linear_alpha: 8

      model:
        name_or_path: model
        arch: sd1

      # the pictures
      datasets:
        - folder_path: images
          resolution: [256, 512]
        # the second set
        - folder_path: 'more'
          flip_x: yes

      train:
        lr: 1e-4   # fast
        steps: 100
"""


@pytest.fixture
def base() -> str:
    return BASE


@pytest.fixture
def document() -> Document:
    return Document.parse(BASE, file="base.yaml")


@pytest.fixture
def changed() -> Callable[..., Document]:
    """The small config with other values by path."""

    def change(**values: Any) -> Document:
        made = Document.parse(BASE, file="base.yaml")
        for path, value in values.items():
            made.set(path.replace("__", "."), value)
        return made

    return change


def write_safetensors(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """A safetensors file of zeros (float32), written by hand as the format says."""
    header: dict[str, Any] = {}
    end = 0
    for name, shape in shapes.items():
        count = 4
        for size in shape:
            count *= size
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + count]}
        end += count
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A diffusers folder of the right shape, with one small tensor a part."""
    root = tmp_path / "model"
    write_json(
        root / "model_index.json",
        {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]},
    )
    unet = {"_class_name": "UNet2DConditionModel", "in_channels": 4, "cross_attention_dim": 32}
    write_json(root / "unet" / "config.json", unet)
    write_json(root / "vae" / "config.json", {"latent_channels": 4})
    write_json(root / "text_encoder" / "config.json", {"hidden_size": 32})
    write_json(root / "scheduler" / "scheduler_config.json", {})
    write_json(root / "tokenizer" / "vocab.json", {})
    (root / "tokenizer" / "merges.txt").write_text("#version: 0.2\n")
    for part, name in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        write_safetensors(root / part / f"{name}.safetensors", {"weight": (4, 4)})
    return root


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Four captioned pictures of three formats."""
    root = tmp_path / "images"
    root.mkdir()
    for index, suffix in enumerate(("png", "jpg", "webp", "png")):
        path = root / f"{index}.{suffix}"
        Image.new("RGB", (160, 120), (40 * index, 90, 200)).save(path)
        path.with_suffix(".txt").write_text(f"picture {index}", encoding="utf-8")
    return root


@pytest.fixture
def whole(tmp_path: Path, model: Path, images: Path) -> Path:
    """A config file whose model, pictures and output folder are really there."""
    text = BASE.replace("name_or_path: model", f"name_or_path: {model}")
    text = text.replace("folder_path: images", f"folder_path: {images}")
    text = text.replace(
        "        # the second set\n        - folder_path: 'more'\n          flip_x: yes\n", ""
    )
    text = text.replace("training_folder: out", f"training_folder: {tmp_path / 'out'}")
    path = tmp_path / "whole.yaml"
    path.write_text(text, encoding="utf-8")
    return path
