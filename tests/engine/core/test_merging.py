"""A LoRA that is put into the base model at every save."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.families import family_for
from engine.networks import Trained, build
from engine.networks.full_size import BASE_WEIGHT as BASE
from schema.run.layout import RunFolder
from schema.sections.model import Model
from schema.sections.network import Network
from schema.sections.train import Train
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]
MERGING = {
    "train__merge_network_on_save": True,
    "save__save_every": 3,
    "save__save_format": "diffusers",
}


def _merging(model: Path, **changes: Any) -> tuple[Any, Trained]:
    family = family_for("sd1").open(
        Model(name_or_path=str(model), arch="sd1"), Train(), torch.device("cpu"), torch.float32
    )
    family.load_denoisers()
    train = Train(merge_network_on_save=True, **changes)
    trained = build(family, Network(linear=4, linear_alpha=2), train, "diffusers", 0)
    random = torch.Generator().manual_seed(2)
    trained.load_state_dict(
        {
            name: t if name.endswith(BASE) else torch.randn(t.shape, generator=random) * 0.05
            for name, t in trained.state_dict().items()
        }
    )
    return family, trained


def _answer(family: Any) -> torch.Tensor:
    random = torch.Generator().manual_seed(4)
    latents = torch.randn(1, 4, 8, 8, generator=random)
    width = family.denoisers[0].module.config.cross_attention_dim
    text = torch.randn(1, 77, width, generator=random)
    with torch.no_grad():
        found: torch.Tensor = family.denoisers[0].module(latents, 500, text).sample
    return found


@pytest.mark.proves("train.merge_network_on_save", "train.merge_network_on_save_strength")
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_the_base_moves_by_the_strength_times_the_change_and_the_network_starts_again(
    tiny_sd1: Path, tmp_path: Path, strength: float
) -> None:
    family, trained = _merging(tiny_sd1, merge_network_on_save_strength=strength)
    before = {name: t.clone() for name, t in trained.state_dict().items()}
    with trained.scaled(strength):
        wanted = _answer(family)
    trained.save(tmp_path / "saved", torch.float32, {})
    after = trained.state_dict()
    layer = next(name.removesuffix(BASE) for name in after if name.endswith(BASE))
    up, down = before[f"{layer}.lora_B.weight"], before[f"{layer}.lora_A.weight"]
    delta = strength * (2 / 4) * up.flatten(1) @ down.flatten(1)
    moved = (after[layer + BASE] - before[layer + BASE]).flatten(1)
    assert torch.allclose(moved, delta, atol=1e-6)
    assert not any(bool(t.any()) for name, t in after.items() if "lora_B" in name)
    assert torch.allclose(_answer(family), wanted, atol=1e-4)


def test_the_saved_model_is_whole_opens_in_diffusers_and_answers_the_same(
    tiny_sd1: Path, tmp_path: Path
) -> None:
    from diffusers import UNet2DConditionModel

    family, trained = _merging(tiny_sd1)
    trained.save(tmp_path / "saved", torch.float32, {})
    unet = UNet2DConditionModel.from_pretrained(tmp_path / "saved", subfolder="unet")
    names = set(unet.state_dict())
    assert not any("lora" in name or "base_layer" in name for name in names)
    ours = _answer(family)
    family.denoisers[0].module = unet
    assert torch.allclose(_answer(family), ours, atol=1e-6)


def test_a_merging_run_killed_after_a_save_goes_on_bit_for_bit(new_run: NewRun) -> None:
    settings = MERGING | {"train__steps": 8}
    whole = runs.finished(new_run, "whole", **settings)
    folder = new_run("cut", **settings)
    with runs.Worker(folder) as worker:
        worker.until(lambda event: event["kind"] == "checkpoint" and event["step"] == 6)
        worker.kill()
    assert runs.run_here(folder) == 0
    assert runs.equal(runs.state_of(whole, 8), runs.state_of(folder, 8))
    assert (folder.path / "cut_000000003" / "unet").is_dir()
