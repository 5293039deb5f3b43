"""A UNet from another place than the rest of a Stable Diffusion model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import DataError
from tests.engine import tiny


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the same make with other weights."""
    return tiny.build_sd1(tmp_path_factory.mktemp("models") / "other", seed=9)


def bare(folder: Path, path: Path, prefix: str) -> Path:
    """The UNet of a folder in one file, in the original layout or in diffusers' names."""
    file = path / "whole.safetensors"
    if prefix == "diffusers":
        return folder / "unet" / "diffusion_pytorch_model.safetensors"
    family = tiny.load_sd1(folder)
    family.save_full(file, torch.float32, "safetensors")
    start = "model.diffusion_model."
    state = {k: v for k, v in load_file(file).items() if k.startswith(start)}
    save_file(
        {prefix + k.removeprefix(start): v for k, v in state.items()}, path / "unet.safetensors"
    )
    return path / "unet.safetensors"


PLACES: dict[str, Callable[[Path, Path], Path]] = {
    "model folder": lambda other, _: other,
    "unet folder": lambda other, _: other / "unet",
    "bare file": lambda other, path: bare(other, path, ""),
    "prefixed file": lambda other, path: bare(other, path, "model.diffusion_model."),
    "diffusers' names": lambda other, path: bare(other, path, "diffusers"),
}


@pytest.mark.proves("model.unet_path")
@pytest.mark.parametrize("kind", list(PLACES))
def test_the_unet_is_the_others_and_everything_else_the_models(
    tiny_sd1: Path, other: Path, tmp_path: Path, kind: str
) -> None:
    family = tiny.load_sd1(tiny_sd1, unet_path=str(PLACES[kind](other, tmp_path)))
    whole, base = tiny.load_sd1(other), tiny.load_sd1(tiny_sd1)
    ours, theirs = (f.denoisers[0].module.state_dict() for f in (family, whole))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    pixels = torch.rand(1, 3, 64, 64)
    assert torch.equal(family.encode_images(pixels), base.encode_images(pixels))
    prompts = ["a red circle"]
    texts = [f.encode_prompts(prompts).parts["text"] for f in (family, base)]
    assert torch.equal(texts[0], texts[1])


def test_a_unet_of_another_make_is_refused(tiny_sd1: Path, tmp_path: Path) -> None:
    wide = tiny.build_sd1(tmp_path / "inpaint", in_channels=9)
    with pytest.raises(DataError, match="in_channels is 9, not 4"):
        tiny.open_sd1(tiny_sd1, unet_path=str(wide))
    with pytest.raises(DataError, match="no weights"):
        tiny.open_sd1(tiny_sd1, unet_path=str(tmp_path))
