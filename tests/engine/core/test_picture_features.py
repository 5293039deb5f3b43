"""Perceptual losses on pictures, with real vision models of a tiny shape in place of the large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor
from transformers import (
    DINOv3ViTConfig,
    DINOv3ViTModel,
    Siglip2ImageProcessor,
    Siglip2VisionConfig,
    Siglip2VisionModel,
)

from engine.errors import ConfigError
from engine.losses import picture_features
from engine.losses.picture_features import IMAGENET, fitted, load_vision, patches
from tests.engine.core.stepwise import CPU, Bench, make_pixels, pixel_batch


@pytest.fixture(scope="module")
def flow(tiny_sd1: Path) -> Bench:
    return Bench(tiny_sd1, flow=True)


@pytest.fixture
def siglip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2}
    torch.manual_seed(3)
    model: Any = Siglip2VisionModel(Siglip2VisionConfig(num_hidden_layers=3, **small))
    model.save_pretrained(tmp_path / "siglip")
    for name in ("v4", "v5"):
        monkeypatch.setitem(picture_features.REPOSITORIES, name, str(tmp_path / "siglip"))
    return tmp_path / "siglip"


@pytest.fixture
def dino(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2}
    torch.manual_seed(4)
    model: Any = DINOv3ViTModel(DINOv3ViTConfig(num_hidden_layers=2, **small))
    model.save_pretrained(tmp_path / "dino")
    monkeypatch.setitem(picture_features.REPOSITORIES, "v6", str(tmp_path / "dino"))
    return tmp_path / "dino"


def _decoded(flow: Bench, seen: Any) -> Tensor:
    example = seen.example
    sigma = (torch.tensor(seen.losses.timesteps) / 1000).view(-1, 1, 1, 1)
    with torch.no_grad():
        return flow.family.decode_latents(example.noisy - sigma * example.prediction)


def _unit(pixels: Tensor) -> Tensor:
    return ((pixels + 1) / 2).clamp(0, 1)


@pytest.mark.proves("train.diffusion_feature_extractor_path")
@pytest.mark.parametrize("name", ["v4", "v5"])
def test_siglip_compares_the_states_before_its_last_layer(
    flow: Bench, siglip: Path, name: str
) -> None:
    seen = flow.seen(pixel_batch(), diffusion_feature_extractor_path=name)
    model = Siglip2VisionModel.from_pretrained(siglip)
    # transformers' own processor cuts the patches, of pictures that fit as they are.
    processor = Siglip2ImageProcessor(max_num_patches=16, do_resize=False, do_rescale=False)

    def states(pixels: Tensor) -> Tensor:
        inputs = processor(list(_unit(pixels)), return_tensors="pt", do_rescale=False)
        with torch.no_grad():
            return model(**inputs, output_hidden_states=True).hidden_states[-2]

    expected = (states(_decoded(flow, seen)) - states(make_pixels())).pow(2).mean().item()
    assert expected > 1e-5
    assert seen.losses.parts["features"].item() == pytest.approx(expected, rel=1e-2)


@pytest.mark.proves("train.diffusion_feature_extractor_path")
def test_dino_compares_standardised_pooled_features(flow: Bench, dino: Path) -> None:
    flow.gradients()
    flow.seen(pixel_batch())
    usual = flow.gradients()
    seen = flow.seen(pixel_batch(), diffusion_feature_extractor_path="v6")
    both = flow.gradients()
    assert any(not torch.equal(usual[name], both[name]) for name in usual)
    model = DINOv3ViTModel.from_pretrained(dino)
    mean, spread = (torch.tensor(part).view(1, 3, 1, 1) for part in IMAGENET)

    def features(pixels: Tensor) -> Tensor:
        with torch.no_grad():
            found = model((_unit(pixels) - mean) / spread).pooler_output
        return (found - found.mean()) / found.std()

    expected = (features(_decoded(flow, seen)) - features(make_pixels())).pow(2).mean().item()
    assert seen.losses.parts["features"].item() == pytest.approx(expected, rel=1e-2)


def test_pictures_are_fitted_to_the_models_patches() -> None:
    assert fitted(torch.zeros(1, 3, 64, 96), 16, 512 * 512).shape[-2:] == (64, 96)
    assert fitted(torch.zeros(1, 3, 70, 100), 16, 512 * 512).shape[-2:] == (64, 96)
    assert fitted(torch.zeros(1, 3, 1024, 2048), 16, 512 * 512).shape[-2:] == (352, 720)
    assert fitted(torch.zeros(1, 3, 8, 64), 16, 512 * 512).shape[-2:] == (16, 64)


def test_patches_are_those_of_transformers_own_processor() -> None:
    drawn = torch.Generator().manual_seed(2)
    pixels = torch.randint(0, 256, (48, 32, 3), generator=drawn, dtype=torch.uint8)
    processor = Siglip2ImageProcessor(max_num_patches=6, do_resize=True)
    theirs = processor(Image.fromarray(pixels.numpy()), return_tensors="pt")["pixel_values"]
    ours = patches((pixels.permute(2, 0, 1)[None] / 255 - 0.5) / 0.5, 16)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_a_model_that_is_not_to_be_had_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(picture_features.REPOSITORIES, "v6", "/nowhere/dino")
    with pytest.raises(ConfigError, match="v6 needs /nowhere/dino"):
        load_vision("v6", CPU)
