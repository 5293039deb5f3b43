"""Networks of every kind in whole runs: exact resume, merging, strengths of datasets, starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.networks.low_rank import SCALAR
from schema.run.layout import RunFolder
from tests.engine.core import runs
from tests.engine.core.runs import equal, finished, kinds, rows, state_of, weights_file
from tests.engine.core.stepwise import Bench, make_batch
from tests.engine.networks.helpers import attach, of_arch, saved, wake

NewRun = Callable[..., RunFolder]
DROPS = {"rank_dropout": 0.2, "module_dropout": 0.2}
KINDS: dict[str, dict[str, Any]] = {
    "everything": {
        "linear": 4,
        "linear_alpha": 2,
        "conv": 3,
        "dropout": 0.1,
        "all_layers": True,
        "network_kwargs": DROPS | {"full_train_in_out": True, "full_if_contains": ["proj_in"]},
    },
    "locon": {"type": "locon", "linear": 4, "network_kwargs": DROPS | {"use_cp": True}},
}


@pytest.mark.proves("network.type", "network.all_layers", "network.network_kwargs.rank_dropout",
                    "network.network_kwargs.module_dropout")  # fmt: skip
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_run_in_two_parts_is_the_run_in_one(new_run: NewRun, kind: str) -> None:
    options = {"network": KINDS[kind], "train__gradient_checkpointing": True}
    whole = finished(new_run, "whole", train__steps=4, **options)
    finished(new_run, "parts", train__steps=2, **options)
    parts = finished(new_run, "parts", train__steps=4, **options)
    assert equal(state_of(whole, 4), state_of(parts, 4))
    assert equal(state_of(whole, 4, "optimizer"), state_of(parts, 4, "optimizer"))
    start, end = state_of(parts, 2), state_of(parts, 4)
    moved = {name for name in end if not torch.equal(start[name], end[name])}
    assert len(moved) > 0.9 * len(end)


@pytest.mark.proves("train.merge_network_on_save")
def test_a_merging_run_with_full_changes_goes_on_exactly_and_saves_what_was_trained(
    new_run: NewRun,
) -> None:
    options = {
        "network": KINDS["everything"] | {"dropout": None},
        "train__merge_network_on_save": True,
        "save__save_every": 2,
        "save__save_format": "diffusers",
    }
    whole = finished(new_run, "whole", train__steps=4, **options)
    finished(new_run, "parts", train__steps=2, **options)
    parts = finished(new_run, "parts", train__steps=4, **options)
    state = state_of(whole, 4)
    assert equal(state, state_of(parts, 4))
    assert not any(
        bool(t.any()) for n, t in state.items() if n.endswith((".diff", ".lora_B.weight"))
    )
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel.from_pretrained(whole.path / "whole_000000004", subfolder="unet")
    theirs = unet.state_dict()
    assert not any(".diff" in name or ".own_" in name for name in theirs)
    norm = "mid_block.attentions.0.norm"
    assert torch.allclose(theirs[f"{norm}.weight"], state[f"unet.{norm}.base.weight"])
    assert torch.allclose(theirs[f"{norm}.bias"], state[f"unet.{norm}.base.bias"])
    assert torch.allclose(theirs["conv_in.weight"], state["unet.conv_in.whole.weight"])


@pytest.mark.proves("network.pretrained_lora_path")
def test_a_run_starts_at_step_0_from_the_file_and_a_resumed_one_from_its_own_save(
    new_run: NewRun, tmp_path: Path
) -> None:
    family = of_arch("sd1", tmp_path)
    network = attach(family, linear=2, linear_alpha=2)
    wake(network, 0.3)
    path = tmp_path / "start.safetensors"
    saved(network, path)
    options = {"network": {"linear": 4, "linear_alpha": 4, "pretrained_lora_path": str(path)}}
    one = finished(new_run, "one", train__steps=1, train__lr=0.0, **options)
    plain = finished(new_run, "plain", train__steps=1, train__lr=0.0)
    assert min(rows(one)) == 1
    assert rows(one)[1]["loss"] != rows(plain)[1]["loss"]
    theirs, ours = weights_file(one), network.state_dict()
    name, file = "unet.mid_block.attentions.0.proj_in", "lora_unet_mid_block_attentions_0_proj_in"
    assert torch.equal(theirs[f"{file}.lora_down.weight"][:2], ours[f"{name}.lora_A.weight"])
    assert not kinds(one, "warning")
    whole = finished(new_run, "whole", train__steps=3, **options)
    finished(new_run, "parts", train__steps=2, **options)
    parts = finished(new_run, "parts", train__steps=3, **options)
    assert equal(state_of(whole, 3), state_of(parts, 3))


@pytest.mark.proves("datasets[].network_weight")
def test_a_dataset_at_strength_minus_1_teaches_the_opposite(new_run: NewRun) -> None:
    usual = {"train__steps": 1, "train__optimizer": "adam"}
    plain = state_of(finished(new_run, "plain", **usual), 1)
    turned = state_of(finished(new_run, "turned", datasets__network_weight=-1.0, **usual), 1)
    ups = [name for name in plain if "lora_B" in name]
    assert any(bool(plain[name].any()) for name in ups)
    for name in ups:
        assert torch.allclose(turned[name], -plain[name], atol=1e-7)
    idle = state_of(finished(new_run, "idle", datasets__network_weight=0.0, **usual), 1)
    assert not any(bool(idle[name].any()) for name in ups)


@pytest.mark.proves("datasets[].network_weight")
def test_rows_of_a_mixed_batch_have_strengths_of_their_own(tiny_sd1: Path) -> None:
    bench = Bench(tiny_sd1)
    dataset = {"network_weight": 2.0}
    weights = torch.tensor([0.0, 1.0, 2.0, -1.5])
    mixed = bench.seen(make_batch(network_weight_B=weights), dataset=dataset).example
    for row, weight in enumerate(weights):
        same = make_batch(network_weight_B=weight.repeat(4))
        alone = bench.seen(same, dataset=dataset).example
        assert torch.allclose(mixed.prediction[row], alone.prediction[row], atol=1e-5)
    plain = bench.seen().example
    assert torch.equal(
        bench.seen(make_batch(), dataset=dataset).example.prediction, plain.prediction
    )
    assert torch.allclose(mixed.prediction[1], plain.prediction[1], atol=1e-5)
    assert not torch.allclose(mixed.prediction[2], plain.prediction[2], atol=1e-4)
    layer: Any = next(iter(bench.network.layers.values()))  # type: ignore[attr-defined]
    assert layer.layer.scaling["default"] == layer.scale


@pytest.mark.proves("datasets[].network_weight", "train.weight_jitter")
def test_jitter_comes_on_top_of_a_datasets_strength(tiny_sd1: Path) -> None:
    bench = Bench(tiny_sd1)
    weights = torch.tensor([1.0, 2.0, 1.0, 2.0])
    batch = make_batch(network_weight_B=weights)
    seen = bench.seen(batch, dataset={"network_weight": 2.0}, weight_jitter=0.3).example
    strength = seen.strength
    assert isinstance(strength, torch.Tensor)
    shifted = strength - weights
    assert 0 < abs(float(shifted[0])) <= 0.3
    assert torch.allclose(shifted, shifted[0].expand(4))


@pytest.mark.proves("model.only_if_contains", "model.ignore_if_contains")
def test_a_full_fine_tune_of_chosen_weights_moves_these_alone(
    new_run: NewRun, tiny_sd1: Path
) -> None:
    options = {
        "network": None,
        "train__steps": 2,
        "model__only_if_contains": ["unet.mid_block.", "nowhere"],
        "model__ignore_if_contains": ["attn"],
        "save__save_format": "diffusers",
    }
    folder = finished(new_run, "chosen", **options)
    state = state_of(folder, 2)
    assert state
    assert all(name.startswith("unet.mid_block.") and "attn" not in name for name in state)
    from diffusers import UNet2DConditionModel

    before = UNet2DConditionModel.from_pretrained(tiny_sd1, subfolder="unet").state_dict()
    after = UNet2DConditionModel.from_pretrained(folder.path / "chosen", subfolder="unet")
    moved = {n for n, t in after.state_dict().items() if not torch.equal(t, before[n])}
    assert moved == {name.removeprefix("unet.") for name in state}
    (warning,) = [e["message"] for e in kinds(folder, "warning")]
    assert warning == "model.only_if_contains: 'nowhere' is in no weight's name."


@pytest.mark.proves("model.only_if_contains")
def test_filters_that_leave_no_weight_say_what_weights_are_called(new_run: NewRun) -> None:
    folder = new_run("none", network=None, model__only_if_contains=["nowhere"])
    assert runs.run_here(folder) == 1
    (error,) = kinds(folder, "error")
    assert "no weight is left to train; weights are called unet.conv_in.weight" in str(error)


def test_a_locons_scalar_is_trained_and_averaged_like_the_rest(new_run: NewRun) -> None:
    options = {"train__ema_config": {"use_ema": True, "ema_decay": 0.5}}
    folder = finished(
        new_run, "ema", train__steps=3, network={"type": "locon", "linear": 2}, **options
    )
    scalars = {n: t for n, t in state_of(folder, 3).items() if n.endswith(SCALAR)}
    assert all(bool(t.any()) for t in scalars.values())
    assert set(scalars) <= set(state_of(folder, 3, "ema"))
