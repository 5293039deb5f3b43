"""A frozen assistant beside the model: real modules of diffusers, built in code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.errors import ConfigError
from engine.example import Example
from tests.engine.core.stepwise import Bench, make_batch

CONTROL = torch.rand(4, 4, 64, 64, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def bench(tiny_sd1: Path) -> Bench:
    return Bench(tiny_sd1)


@pytest.fixture(scope="module")
def t2i(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter for the tiny U-Net, which takes three of the four channels."""
    return build_t2i(tmp_path_factory.mktemp("assistants") / "t2i")


def build_t2i(folder: Path, channels: tuple[int, ...] = (32, 64)) -> Path:
    from diffusers import T2IAdapter

    torch.manual_seed(5)
    adapter = T2IAdapter(
        in_channels=3, channels=list(channels), num_res_blocks=1, adapter_type="full_adapter"
    )
    adapter.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def control_net(tmp_path_factory: pytest.TempPathFactory, tiny_sd1: Path) -> Path:
    """A ControlNet whose zero convolutions are none."""
    from diffusers import ControlNetModel, UNet2DConditionModel

    torch.manual_seed(6)
    net: Any = ControlNetModel.from_unet(
        UNet2DConditionModel.from_pretrained(tiny_sd1, subfolder="unet")
    )
    for block in (*net.controlnet_down_blocks, net.controlnet_mid_block):
        torch.nn.init.normal_(block.weight, std=0.1)
    folder = tmp_path_factory.mktemp("assistants") / "control_net"
    net.save_pretrained(folder)
    return folder


def options(path: Path, kind: str = "t2i", **more: Any) -> dict[str, Any]:
    return {"adapter_assist_name_or_path": str(path), "adapter_assist_type": kind} | more


def told(bench: Bench, **train: Any) -> tuple[list[dict[str, Any]], Example, float]:
    """What the U-Net was called with besides latents, time and text, by call."""
    calls: list[dict[str, Any]] = []
    unet = bench.family.denoisers[0].module

    def note(_: Any, __: Any, given: dict[str, Any]) -> None:
        copied = {k: list(v) if isinstance(v, list | tuple) else v for k, v in given.items()}
        calls.append({k: v for k, v in copied.items() if "residual" in k})

    hook = unet.register_forward_pre_hook(note, with_kwargs=True)
    seen = bench.seen(make_batch(control_BCHW=CONTROL), **train)
    hook.remove()
    bench.gradients()
    return calls, seen.example, seen.total


def features(path: Path) -> list[Tensor]:
    from diffusers import T2IAdapter

    adapter: Any = T2IAdapter.from_pretrained(path)
    with torch.no_grad():
        return list(adapter(CONTROL[:, :3]))


@pytest.mark.proves("train.adapter_assist_name_or_path", "train.adapter_assist_type")
def test_a_t2i_adapter_adds_its_features_at_a_random_strength(bench: Bench, t2i: Path) -> None:
    plain = bench.seen(make_batch()).total
    (given,), example, total = told(bench, **options(t2i))
    inner = given["down_intrablock_additional_residuals"]
    whole = features(t2i)
    strength = (inner[0].norm() / whole[0].norm()).item()
    assert 0.5 <= strength <= 1.1
    for found, feature in zip(inner, whole, strict=True):
        assert torch.allclose(found, feature * strength, atol=1e-5)
    assert total != pytest.approx(plain, rel=1e-4)
    assert torch.equal(example.target, example.noise)
    without = bench.seen(make_batch(), **options(t2i))  # no control pictures: no help
    assert without.total == plain
    strengths = {round(float(s), 6) for s in _strengths(bench, t2i)}
    assert len(strengths) == 4


def _strengths(bench: Bench, path: Path) -> list[Tensor]:
    objective, whole = bench.objective(**options(path)), features(path)[0]
    found = []
    for number in range(1, 5):
        batch = make_batch(control_BCHW=CONTROL)
        example = bench.seen(batch, objective=objective, number=number).example
        assert example.residuals is not None
        found.append(example.residuals.inner[0].norm() / whole.norm())
    return found


@pytest.mark.proves("train.adapter_assist_type")
def test_a_control_net_adds_to_the_skip_connections_at_full_strength(
    bench: Bench, control_net: Path
) -> None:
    from diffusers import ControlNetModel

    (given,), example, _ = told(bench, **options(control_net, "control_net"))
    net: Any = ControlNetModel.from_pretrained(control_net)
    text = example.conditioning.parts["text"]
    with torch.no_grad():
        skips, middle = net(
            example.noisy, example.t_B, text, controlnet_cond=CONTROL[:, :3], return_dict=False
        )
    for found, wanted in zip(given["down_block_additional_residuals"], skips, strict=True):
        assert torch.allclose(found, wanted, atol=1e-5)
    assert torch.allclose(given["mid_block_additional_residual"], middle, atol=1e-5)
    assert middle.abs().max() > 0


@pytest.mark.proves("train.match_adapter_chance")
def test_the_network_is_taught_to_do_without_the_assistant(bench: Bench, t2i: Path) -> None:
    calls, example, _ = told(bench, **options(t2i, match_adapter_chance=1.0))
    helped, alone = calls
    assert not alone
    inner = helped["down_intrablock_additional_residuals"]
    strength = (inner[0].norm() / features(t2i)[0].norm()).item()
    assert 0.9 <= strength <= 1.0
    unet: Any = bench.family.denoisers[0].module
    with torch.no_grad(), bench.network.off():
        text = example.conditioning.parts["text"]
        expected = unet(
            example.noisy, example.t_B, text, down_intrablock_additional_residuals=list(inner)
        ).sample
    assert torch.allclose(example.target, expected, atol=1e-5)
    legacy = told(bench, **options(t2i, match_adapter_assist=True))[1]
    assert torch.equal(legacy.target, example.target)


def test_some_of_the_steps_match_and_the_others_are_helped(bench: Bench, t2i: Path) -> None:
    objective = bench.objective(**options(t2i, match_adapter_chance=0.5))
    matched = []
    for number in range(1, 13):
        batch = make_batch(control_BCHW=CONTROL)
        example = bench.seen(batch, objective=objective, number=number).example
        matched.append(example.matched is not None)
        assert (example.residuals is None) == matched[-1]
    assert 2 < sum(matched) < 10


def test_the_assistant_helps_both_halves_of_a_guided_prediction(bench: Bench, t2i: Path) -> None:
    bench.family.load_text_encoders()
    (given,), _, _ = told(bench, do_cfg=True, cfg_scale=3.0, **options(t2i))
    bench.family.free_text_encoders()
    inner = given["down_intrablock_additional_residuals"][0]
    assert inner.shape[0] == 8
    assert torch.equal(inner[0::2], inner[1::2])


def test_an_assistant_of_another_model_is_named(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no T2IAdapter"):
        bench.objective(**options(tmp_path / "nothing"))
    other = build_t2i(tmp_path / "wide", (64, 64))
    with pytest.raises(ConfigError, match="made for another model"):
        bench.objective(**options(other))
