"""What networks do to a layer: LoCon, CP, dropouts, changes of full size, retrained layers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.families.base import Family
from engine.networks.full_size import FullChange
from engine.networks.low_rank import drop_ranks, per_row
from schema.sections.train import Train
from tests.engine.networks.helpers import Told, attach, layers, of_arch, predict, saved, wake

RESNET = "lora_unet_mid_block_resnets_0_conv1"


def _module(family: Family, path: str) -> Any:
    return family.denoisers[0].module.get_submodule(path)


@pytest.mark.proves("network.type")
def test_a_locon_covers_linear_layers_and_convolutions_and_starts_as_the_base(
    family: Family,
) -> None:
    before = predict(family)
    network = attach(family, type="locon", linear=3)
    assert {"mid_block.resnets.0.conv1", "mid_block.attentions.0.proj_in"} <= layers(network)
    assert torch.equal(predict(family), before)
    state = network.state_dict()
    assert all(bool(t.any()) == ("scalar" not in name) for name, t in state.items())
    predict(family).square().mean().backward()
    gradients = {name: p.grad for name, p in network.groups["unet"].items()}
    touched = {name for name, g in gradients.items() if g is not None and bool(g.any())}
    assert touched == {name for name in state if "scalar" in name}


@pytest.mark.proves("network.type", "network.alpha", "network.linear", "network.conv")
def test_a_locon_convolution_is_the_formula_and_its_file_has_the_scalar_in_b(
    family: Family, tmp_path: Path
) -> None:
    network = attach(family, type="locon", linear=4, alpha=2)
    wake(network, 0.3)
    layer = _module(family, "mid_block.resnets.0.conv1")
    base, state = layer.get_base_layer(), network.state_dict()
    x = torch.randn(2, base.in_channels, 4, 4)
    at = "unet.mid_block.resnets.0.conv1"
    down, up, s = (state[f"{at}{p}"] for p in (".lora_A.weight", ".lora_B.weight", ".scalar"))
    inner = F.conv2d(F.conv2d(x, down, padding=1), up)
    assert torch.allclose(layer(x), base(x) + s * (2 / 4) * inner, atol=1e-5)
    tensors = saved(network, tmp_path / "x.safetensors")
    assert torch.equal(tensors[f"{RESNET}.lora_up.weight"], up * s)
    assert tensors[f"{RESNET}.alpha"] == 2
    assert {k.split(".", 1)[1] for k in tensors} == {
        "lora_down.weight", "lora_up.weight", "alpha",
    }  # fmt: skip


@pytest.mark.proves("network.conv", "network.conv_alpha", "network.type")
@pytest.mark.parametrize(
    ("options", "rank", "alpha"),
    [({}, 6, 3.0), ({"conv": 2}, 2, 3.0), ({"conv": 2, "conv_alpha": 5.0}, 2, 5.0)],
)
def test_a_locons_convolutions_take_rank_and_alpha_of_linear_layers_unless_told(
    family: Family, options: dict[str, Any], rank: int, alpha: float
) -> None:
    network = attach(family, type="locon", linear=6, linear_alpha=3, **options)
    at = "unet.mid_block.resnets.0.conv1"
    assert network.state_dict()[f"{at}.lora_A.weight"].shape[0] == rank
    assert network.alphas[at] == alpha


@pytest.mark.proves("network.network_kwargs.use_cp")
def test_cp_puts_the_kernel_between_two_1x1_convolutions(family: Family, tmp_path: Path) -> None:
    network = attach(family, type="locon", linear=3, network_kwargs={"use_cp": True})
    wake(network, 0.3)
    tensors = saved(network, tmp_path / "x.safetensors")
    down, mid, up = (tensors[f"{RESNET}.lora_{p}.weight"] for p in ("down", "mid", "up"))
    assert mid.shape == (3, 3, 3, 3)
    layer = _module(family, "mid_block.resnets.0.conv1")
    base = layer.get_base_layer()
    x = torch.randn(2, base.in_channels, 4, 4)
    inner = F.conv2d(F.conv2d(F.conv2d(x, down), mid, padding=1), up)
    assert torch.allclose(layer(x), base(x) + inner / 3, atol=1e-5)
    small = _module(family, "down_blocks.0.downsamplers.0.conv")
    assert small(torch.randn(1, 32, 8, 8)).shape[-2:] == (4, 4)
    assert not any("mid.weight" in name for name in tensors if "proj_in" in name)


@pytest.mark.proves("network.network_kwargs.use_cp", "network.type")
def test_a_cp_locon_is_read_back_as_it_was(family: Family, tmp_path: Path) -> None:
    options: dict[str, Any] = {"type": "locon", "network_kwargs": {"use_cp": True}}
    network = attach(family, **options)
    wake(network, 0.3)
    path = tmp_path / "x.safetensors"
    saved(network, path)
    wanted = predict(family)
    other = of_arch("sd1", tmp_path)
    attach(other, start=path, **options)
    assert torch.allclose(predict(other), wanted, atol=1e-5)


def test_a_locon_file_is_loaded_whole_by_diffusers(
    family: Family, tiny_sd1: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from diffusers import StableDiffusionPipeline

    network = attach(family, type="locon", linear=4, alpha=2)
    wake(network, 0.3)
    saved(network, tmp_path / "x.safetensors")
    wanted = predict(family)
    pipeline = StableDiffusionPipeline.from_pretrained(tiny_sd1)
    pipeline.load_lora_weights(str(tmp_path / "x.safetensors"))
    assert not [r for r in caplog.records if r.levelname == "WARNING" and "key" in r.message]
    family.denoisers[0].module = pipeline.unet
    assert torch.allclose(predict(family), wanted, atol=1e-4)


@pytest.mark.proves("network.dropout", "network.network_kwargs.rank_dropout",
                    "network.network_kwargs.module_dropout")  # fmt: skip
@pytest.mark.parametrize("kind", ["lora", "locon"])
@pytest.mark.parametrize("option", ["dropout", "rank_dropout", "module_dropout"])
def test_each_dropout_acts_in_training_alone(family: Family, kind: str, option: str) -> None:
    at = {option: 0.5} if option == "dropout" else {"network_kwargs": {option: 0.5}}
    network = attach(family, type=kind, **at)
    wake(network, 0.3)
    assert network.uses_dropout
    quiet = predict(family)
    assert torch.equal(predict(family), quiet)
    family.denoisers[0].module.train()
    torch.manual_seed(0)
    assert not torch.equal(predict(family), predict(family))
    torch.manual_seed(0)
    first = predict(family)
    torch.manual_seed(0)
    assert torch.equal(predict(family), first)


@pytest.mark.proves("network.network_kwargs.rank_dropout")
@pytest.mark.parametrize("shape", [(512, 8), (64, 9, 8), (64, 8, 3, 3)])
def test_rank_dropout_drops_whole_ranks_of_a_sample_and_keeps_the_mean(
    shape: tuple[int, ...],
) -> None:
    torch.manual_seed(0)
    dropped = drop_ranks(torch.ones(shape), 0.25)
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert dropped.mean() == pytest.approx(1.0, abs=0.1)
    if len(shape) == 3:
        assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    if len(shape) == 4:
        assert torch.equal(dropped, dropped[:, :, :1, :1].expand_as(dropped))
    assert len({tuple(row.flatten().tolist()) for row in dropped}) > 8


@pytest.mark.proves("network.network_kwargs.module_dropout")
def test_module_dropout_takes_the_whole_change_away_three_times_of_ten(family: Family) -> None:
    network = attach(family, network_kwargs={"module_dropout": 0.3})
    wake(network, 0.3)
    layer: Any = next(iter(network.layers.values())).layer
    layer.train()
    base, x = layer.get_base_layer(), torch.randn(1, 32, 4, 4)
    torch.manual_seed(0)
    calls = [layer(x) - base(x) for _ in range(200)]
    dead = sum(not bool(call.any()) for call in calls)
    assert 40 <= dead <= 80
    alive = [call for call in calls if bool(call.any())]
    assert all(torch.allclose(call, alive[0], atol=1e-6) for call in alive)


def test_gradient_checkpointing_draws_the_same_again(family: Family) -> None:
    kwargs = {"rank_dropout": 0.3, "module_dropout": 0.3}
    network = attach(family, dropout=0.2, network_kwargs=kwargs)
    wake(network, 0.3)
    module: Any = family.denoisers[0].module
    module.train()

    def gradients() -> list[Tensor]:
        torch.manual_seed(1)
        loss = predict(family).square().mean()
        return list(torch.autograd.grad(loss, list(network.groups["unet"].values())))

    plain = gradients()
    module.enable_gradient_checkpointing()
    for one, other in zip(plain, gradients(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


@pytest.mark.proves("network.all_layers")
def test_all_layers_adds_full_changes_of_norms_that_start_at_nothing_and_learn(
    family: Family, tmp_path: Path
) -> None:
    before = predict(family)
    network = attach(family, all_layers=True)
    norms = [n for n in layers(network) if n.rpartition(".")[2] in {"norm", "norm1", "norm2"}]
    assert norms
    assert torch.equal(predict(family), before)
    predict(family).square().mean().backward()
    optimizer = torch.optim.SGD(network.groups["unet"].values(), lr=0.1)
    optimizer.step()
    tensors = saved(network, tmp_path / "x.safetensors")
    diffs = {k: t for k, t in tensors.items() if k.endswith((".diff", ".diff_b"))}
    assert f"lora_unet_{norms[0].replace('.', '_')}.diff" in diffs
    assert any(bool(t.any()) for t in diffs.values())
    assert not any(f"{k.rpartition('.')[0]}.alpha" in tensors for k in diffs)


@pytest.mark.proves("network.all_layers", "network.conv")
def test_all_layers_follows_the_containers_and_the_filters(family: Family) -> None:
    wide = attach(family, all_layers=True, conv=2, network_kwargs={"ignore_if_contains": ["norm1"]})
    assert "mid_block.resnets.0.norm2" in layers(wide)
    assert not any("norm1" in name for name in layers(wide))


@pytest.mark.proves("network.network_kwargs.full_if_contains")
def test_named_layers_get_a_full_change_that_is_the_formula(family: Family, tmp_path: Path) -> None:
    kwargs = {"full_if_contains": ["mid_block.attentions.0.proj_in"]}
    network = attach(family, network_kwargs=kwargs)
    wake(network, 0.3)
    tensors = saved(network, tmp_path / "x.safetensors")
    start = "lora_unet_mid_block_attentions_0_proj_in"
    assert {k for k in tensors if k.startswith(start)} == {f"{start}.diff", f"{start}.diff_b"}
    layer = _module(family, "mid_block.attentions.0.proj_in")
    base, x = layer.get_base_layer(), torch.randn(2, 64, 4, 4)
    diff, diff_b = tensors[f"{start}.diff"], tensors[f"{start}.diff_b"]
    with network.scaled(0.5):
        half = layer(x)
    assert torch.allclose(half, base(x) + F.conv2d(x, diff / 2, diff_b / 2), atol=1e-5)
    with network.scaled(torch.tensor([0.0, 1.0])):
        assert torch.allclose(layer(x), half, atol=1e-6)
    with network.off():
        assert torch.equal(layer(x), base(x))


@pytest.mark.proves("network.network_kwargs.full_train_in_out")
def test_first_and_last_layer_are_retrained_saved_whole_and_stay_when_the_network_is_off(
    family: Family, tmp_path: Path
) -> None:
    before = predict(family)
    network = attach(family, network_kwargs={"full_train_in_out": True})
    assert torch.equal(predict(family), before)
    predict(family).square().mean().backward()
    torch.optim.SGD(network.groups["unet"].values(), lr=0.1).step()
    tensors = saved(network, tmp_path / "x.safetensors")
    unet: Any = family.denoisers[0].module
    first = unet.conv_in.get_base_layer().weight
    assert tensors["unet_conv_in.weight"].shape == first.shape
    assert not torch.equal(tensors["unet_conv_in.weight"], first)
    assert {"unet_conv_in.bias", "unet_conv_out.weight", "unet_conv_out.bias"} <= tensors.keys()
    with network.off():
        off = predict(family)
    with network.scaled(0.0):
        assert torch.allclose(predict(family), off, atol=1e-6)
    assert not torch.allclose(off, before, atol=1e-4)
    with pytest.raises(ConfigError, match=r"needs train\.train_unet"):
        attach(
            of_arch("sd1", tmp_path),
            train=Train(train_unet=False, train_text_encoder=True),
            network_kwargs={"full_train_in_out": True},
        )


def test_wrapped_layers_in_half_precision_answer_in_it_and_train_in_float32(
    tiny_sd1: Path,
) -> None:
    from tests.engine import tiny

    family = tiny.load_sd1(tiny_sd1, "bfloat16")
    network = attach(family, all_layers=True, network_kwargs={"full_train_in_out": True})
    assert predict(family).dtype == torch.bfloat16
    assert {t.dtype for t in network.state_dict().values()} == {torch.float32}
    unet: Any = family.denoisers[0].module
    assert unet.conv_in.weight.dtype == torch.bfloat16


def test_strengths_beside_more_rows_are_repeated_and_a_shared_prompt_gets_the_mean() -> None:
    m = torch.tensor([1.0, 3.0])
    assert per_row(m, torch.zeros(4, 2)).flatten().tolist() == [1, 1, 3, 3]
    assert per_row(m, torch.zeros(2, 5, 2)).shape == (2, 1, 1)
    assert float(per_row(m, torch.zeros(1, 5, 2))) == 2


def test_a_layer_in_fewer_bits_cannot_have_a_change_of_full_size() -> None:
    layer = nn.Linear(2, 2)
    layer.weight = nn.Parameter(torch.zeros(2, 2, dtype=torch.int8), requires_grad=False)
    with pytest.raises(ConfigError, match="a Linear is quantized"):
        FullChange(layer)


ALL: dict[str, Callable[[], dict[str, Any]]] = {
    "lora": lambda: {"linear": 6, "linear_alpha": 3, "conv": 4, "conv_alpha": 2},
    "locon": lambda: {"type": "locon", "linear": 5},
    "full": lambda: {"all_layers": True, "network_kwargs": {"full_if_contains": "attn1.to_q"}},
    "in_out": lambda: {"network_kwargs": {"full_train_in_out": True}},
    "dotted": lambda: {
        "all_layers": True,
        "network_kwargs": {"full_train_in_out": True, "peft_format": True},
    },
}


@pytest.mark.proves("network.pretrained_lora_path")
@pytest.mark.parametrize("arch", ["sd1", "sd2", "sdxl"])
@pytest.mark.parametrize("kind", list(ALL))
def test_what_was_saved_is_where_the_next_run_starts(arch: str, kind: str, tmp_path: Path) -> None:
    options, train = ALL[kind](), Train(train_text_encoder=True)
    family = of_arch(arch, tmp_path)
    network = attach(family, train=train, **options)
    wake(network, 0.1)
    path = tmp_path / "x.safetensors"
    saved(network, path)
    wanted = predict(family)
    other, told = of_arch(arch, tmp_path), Told()
    attach(other, train=train, start=path, told=told, seed=9, **options)
    assert torch.allclose(predict(other), wanted, atol=1e-4)
    assert told.warnings == []
    assert json.dumps(told.lines).count("starting from") == 1
