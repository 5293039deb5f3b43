"""Perceptual losses on latents, through real networks of the two file kinds with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.losses.features import Pyramid, Stack, load_extractor
from tests.engine.core.stepwise import CPU, Bench, Seen


@pytest.fixture(scope="module")
def flow(tiny_sd1: Path) -> Bench:
    return Bench(tiny_sd1, flow=True)


def _drawn(module: nn.Module) -> dict[str, Tensor]:
    drawn = torch.Generator().manual_seed(5)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=drawn) * 0.1
    return dict(module.state_dict())


def stack_file(folder: Path, channels: int = 4) -> Path:
    """Version 1: a 1x1 convolution, six blocks, a 1x1 convolution."""
    shapes: dict[str, tuple[int, ...]] = {"conv_in.weight": (8, channels, 1, 1)}
    shapes |= {"conv_out.weight": (8, 8, 1, 1)} | {f"blocks.{i}.x": () for i in range(6)}
    path = folder / "stack.safetensors"
    save_file(_drawn(Stack({name: torch.zeros(shape) for name, shape in shapes.items()})), path)
    return path


def pyramid_file(folder: Path) -> Path:
    """Version 2: five scales, wrapped as a training script leaves it."""
    names = ("up_path", "path2", "path3", "path4", "path5")
    shapes = {f"{name}.0.weight": torch.zeros(8, 8, 3, 3) for name in names}
    path = folder / "pyramid.pt"
    torch.save({"model_state_dict": _drawn(Pyramid(shapes)), "epoch": 3}, path)
    return path


def _sigma_B(seen: Seen) -> Tensor:
    return torch.tensor(seen.losses.timesteps) / 1000


@pytest.mark.proves(
    "train.diffusion_feature_extractor_path", "train.diffusion_feature_extractor_weight"
)
def test_the_first_kind_compares_features_of_the_clean_estimate(
    flow: Bench, tmp_path: Path
) -> None:
    path = stack_file(tmp_path)
    usual = flow.seen()
    for weight in (1.0, 3.0):
        seen = flow.seen(
            diffusion_feature_extractor_path=str(path), diffusion_feature_extractor_weight=weight
        )
        example, network = seen.example, load_extractor(path, 4, CPU)
        estimate = example.noisy - _sigma_B(seen).view(-1, 1, 1, 1) * example.prediction.detach()
        error = (network(estimate) - network(example.latents)).pow(2)
        expected = weight * (error * (1 - _sigma_B(seen)).view(-1, 1, 1, 1)).mean().item()
        assert expected > 1e-6
        assert seen.total - usual.total == pytest.approx(expected, rel=1e-2, abs=1e-6)
        assert seen.losses.parts["features"].item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.proves("train.latent_feature_extractor_path", "train.latent_feature_loss_weight")
def test_the_second_kind_compares_velocities_at_five_scales(flow: Bench, tmp_path: Path) -> None:
    path = pyramid_file(tmp_path)
    seen = flow.seen(latent_feature_extractor_path=str(path), latent_feature_loss_weight=2.0)
    example, network = seen.example, load_extractor(path, 4, CPU)
    found = network(example.prediction.detach(), example.noise)
    wanted = network(example.noise - example.latents, example.noise)
    assert [part.shape[-1] for part in found] == [64, 32, 16, 8, 4]
    expected = (
        2 * 100 * sum((a - b).pow(2).mean().item() for a, b in zip(found, wanted, strict=True))
    )
    assert seen.losses.parts["features"].item() == pytest.approx(expected, rel=1e-3)


def test_the_gradient_goes_through_the_extractor_to_the_network_and_not_into_it(
    flow: Bench, tmp_path: Path
) -> None:
    flow.gradients()
    flow.seen()
    usual = flow.gradients()
    objective = flow.objective(latent_feature_extractor_path=str(stack_file(tmp_path)))
    flow.seen(objective=objective)
    both = flow.gradients()
    assert any(not torch.equal(usual[name], both[name]) for name in usual)
    (term,) = objective._places.terms
    extractor: Any = term._extractor  # type: ignore[attr-defined]
    assert all(p.grad is None and not p.requires_grad for p in extractor.parameters())


def test_a_perfect_prediction_has_no_feature_loss(flow: Bench, tmp_path: Path) -> None:
    for path in (stack_file(tmp_path), pyramid_file(tmp_path)):
        example = flow.seen().example
        example.__dict__.pop("estimate", None)
        example.prediction = example.noise - example.latents
        assert load_extractor(path, 4, CPU).compare(example).item() == pytest.approx(0, abs=1e-7)


def test_frames_are_looked_at_one_by_one(flow: Bench, tmp_path: Path) -> None:
    network = load_extractor(stack_file(tmp_path), 4, CPU)
    example = flow.seen().example
    example.__dict__.pop("estimate", None)
    picture = network.compare(example).item()
    example.__dict__.pop("estimate", None)
    for name in ("latents", "noise", "noisy", "prediction"):
        value = getattr(example, name)
        setattr(example, name, value[:, :, None].expand(-1, -1, 3, -1, -1))
    assert network.compare(example).item() == pytest.approx(picture, rel=1e-5)


def test_a_file_that_is_no_extractor_is_refused_by_name(tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    other = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, other)
    for path, channels, words in (
        (broken, 4, "cannot be read"),
        (other, 4, "is not a feature extractor"),
        (stack_file(tmp_path), 16, "latents of 4 channels"),
    ):
        with pytest.raises(ConfigError, match=words):
            load_extractor(path, channels, CPU)
