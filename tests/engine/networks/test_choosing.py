"""Which layers get a network: by name, by size, by block, by class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import ConfigError
from engine.families.base import Family
from schema.sections.train import Train
from tests.engine.networks.helpers import Told, attach, layers, of_arch, saved

KWARGS = "network.network_kwargs"
TEXT = Train(train_text_encoder=True)


def _chosen(family: Family, **kwargs: Any) -> set[str]:
    return layers(attach(family, network_kwargs=kwargs))


@pytest.mark.proves("network.network_kwargs.only_if_contains")
@pytest.mark.parametrize(
    "text", ["lora_unet.mid_block.", "lora_unet_mid_block", "lora_unet$$mid_block", "mid_block"]
)
def test_only_layers_whose_dotted_or_inner_name_has_the_text(family: Family, text: str) -> None:
    found = _chosen(family, only_if_contains=[text, "nowhere"])
    assert len(found) == 12
    assert all(name.startswith("mid_block.") for name in found)


@pytest.mark.proves("network.network_kwargs.ignore_if_contains")
def test_ignored_layers_win_over_asked_for_ones_and_are_found_by_dotted_names_alone(
    family: Family,
) -> None:
    found = _chosen(family, only_if_contains="mid_block", ignore_if_contains=["ff.net", "attn1_"])
    assert any(".attn1." in name for name in found)
    assert not any("ff.net" in name for name in found)
    assert len(found) == 10


@pytest.mark.proves("network.network_kwargs.only_if_contains")
def test_text_encoder_layers_are_called_as_in_files(family: Family) -> None:
    kwargs = {"only_if_contains": ["lora_te.text_model.encoder.layers.1.mlp."]}
    network = attach(family, train=TEXT, network_kwargs=kwargs)
    assert {name.rpartition(".")[2] for name in network.layers} == {"fc1", "fc2"}
    assert len(network.layers) == 2


@pytest.mark.proves("network.network_kwargs.attn_only")
def test_attention_alone_has_no_feed_forward_and_no_projections_around_it(family: Family) -> None:
    network = attach(family, train=TEXT, network_kwargs={"attn_only": True})
    assert network.layers
    assert all("attn" in name for name in network.layers)
    assert not any("ff.net" in n or "proj_in" in n or ".mlp." in n for n in network.layers)
    assert any("self_attn.q_proj" in name for name in network.layers)


@pytest.mark.proves("network.network_kwargs.parameter_threshold")
def test_layers_with_fewer_parameters_than_the_threshold_are_left_alone(family: Family) -> None:
    modules = dict(family.denoisers[0].module.named_modules())
    sizes = {n: sum(p.numel() for p in modules[n].parameters()) for n in _all(family)}
    border = sorted(sizes.values())[len(sizes) // 2]
    assert _chosen(family, parameter_threshold=border) == {n for n in sizes if sizes[n] >= border}


def _all(family: Family) -> set[str]:
    from schema.sections.network import Network

    return set(family.lora_targets(Network())["unet"].linear)


@pytest.mark.proves("network.network_kwargs.target_lin_modules")
def test_container_classes_bound_the_layers_and_nested_ones_count_once(family: Family) -> None:
    found = _chosen(family, target_lin_modules=["Attention", "BasicTransformerBlock"])
    assert any("ff.net" in name for name in found)
    assert not any("proj_in" in name for name in found)
    with pytest.raises(ConfigError, match=r"no module of a class Nothing; it has .*ResnetBlock2D"):
        _chosen(family, target_lin_modules=["Nothing"])


@pytest.mark.proves("network.network_kwargs.target_conv_modules")
def test_convolution_containers_come_with_a_convolution_rank(family: Family) -> None:
    network = attach(family, conv=4, network_kwargs={"target_conv_modules": ["Downsample2D"]})
    wide = {n for n in layers(network) if "attentions" not in n}
    assert wide == {"down_blocks.0.downsamplers.0.conv"}


@pytest.mark.proves("network.network_kwargs.modules_dim", "network.network_kwargs.modules_alpha")
def test_explicit_ranks_by_dotted_or_inner_names_build_exactly_these_layers(
    family: Family, tmp_path: Path
) -> None:
    dims = {
        "lora_unet.mid_block.attentions.0.proj_in": 3,
        "lora_unet_mid_block_resnets_0_conv1": 5,
        "lora_unet_mid_block_resnets_0_conv2": 0,
    }
    alphas = {"lora_unet.mid_block.attentions.0.proj_in": 6.0}
    network = attach(family, network_kwargs={"modules_dim": dims, "modules_alpha": alphas})
    tensors = saved(network, tmp_path / "x.safetensors")
    start = "lora_unet_mid_block_"
    ranks = {k: t.shape[0] for k, t in tensors.items() if k.endswith("lora_down.weight")}
    assert ranks == {
        f"{start}attentions_0_proj_in.lora_down.weight": 3,
        f"{start}resnets_0_conv1.lora_down.weight": 5,
    }
    assert tensors[f"{start}attentions_0_proj_in.alpha"] == 6
    assert tensors[f"{start}resnets_0_conv1.alpha"] == 5


def test_an_explicit_rank_of_no_layer_names_the_nearest(family: Family) -> None:
    dims = {"lora_unet.mid_block.attentions.0.projin": 3}
    with pytest.raises(ConfigError, match=r"no layer .*projin; there are .*0\.proj_in"):
        _chosen(family, modules_dim=dims)


def _ranks(network: Any, part: str) -> dict[str, int]:
    state = network.state_dict().items()
    found = {n.removesuffix(".lora_A.weight"): t.shape[0] for n, t in state if "lora_A" in n}
    return {name: rank for name, rank in found.items() if part in name}


@pytest.mark.proves(
    "network.network_kwargs.block_dims", "network.network_kwargs.block_alphas",
    "network.network_kwargs.conv_block_dims", "network.network_kwargs.conv_block_alphas",
)  # fmt: skip
def test_ranks_by_block_are_those_of_the_original_blocks(family: Family) -> None:
    # Two levels of one layer: input 1 (attention), 2 (downsampler), 3; middle; output 0 .. 3.
    dims = [0, 2, *[0] * 10, 3, *[0] * 2, 4, *[0] * 9]
    conv = [*[0] * 2, 5, *[0] * 9, 6, *[0] * 12]
    network = attach(
        family,
        linear_alpha=8,
        network_kwargs={
            "block_dims": dims,
            "block_alphas": [0.0] * 12 + [6.0] + [0.0] * 12,
            "conv_block_dims": conv,
            "conv_block_alphas": [1.0] * 25,
        },
    )
    alphas = network.alphas
    assert set(_ranks(network, "down_blocks.0.attentions").values()) == {2}
    assert _ranks(network, "down_blocks.0.downsamplers") == {
        "unet.down_blocks.0.downsamplers.0.conv": 5
    }
    assert alphas["unet.down_blocks.0.downsamplers.0.conv"] == 1
    assert set(_ranks(network, "mid_block.attentions").values()) == {3}
    assert alphas["unet.mid_block.attentions.0.proj_in"] == 6
    assert _ranks(network, "mid_block.resnets.1.conv1") == {"unet.mid_block.resnets.1.conv1": 6}
    assert set(_ranks(network, "up_blocks.1.attentions.0").values()) == {4}
    assert not _ranks(network, "up_blocks.1.attentions.1")
    assert not _ranks(network, "up_blocks.0")


@pytest.mark.proves("network.network_kwargs.block_dims", "network.network_kwargs.conv_block_dims")
def test_ranks_by_block_take_the_general_alphas(family: Family) -> None:
    dims = [0] * 12 + [4] + [0] * 12
    kwargs = {"block_dims": dims, "conv_block_dims": dims}
    network = attach(family, linear=16, alpha=2, conv=8, conv_alpha=6, network_kwargs=kwargs)
    assert network.alphas["unet.mid_block.attentions.0.proj_in"] == 2
    assert network.alphas["unet.mid_block.resnets.0.conv1"] == 6
    assert all("mid_block" in name for name in network.layers)


@pytest.mark.proves("network.network_kwargs.block_dims")
@pytest.mark.parametrize("arch", ["sd2", "sdxl"])
def test_the_middle_block_of_other_unets_too(arch: str, tmp_path: Path) -> None:
    family = of_arch(arch, tmp_path)
    network = attach(family, network_kwargs={"block_dims": [0] * 12 + [4] + [0] * 12})
    assert layers(network)
    assert all(name.startswith("mid_block.") for name in layers(network))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("only_if_contains", ["nowhere"]),
        ("ignore_if_contains", ["lora_unet"]),
        ("parameter_threshold", 10**9),
        ("block_dims", [4] + [0] * 24),
    ],
)
def test_a_filter_that_leaves_nothing_says_what_layers_are_called(
    family: Family, option: str, value: Any
) -> None:
    with pytest.raises(ConfigError, match=rf"48 by {option}.*lora_unet\.down_blocks") as error:
        _chosen(family, **{option: value})
    assert error.value.path == f"{KWARGS}.{option}"


@pytest.mark.proves("network.network_kwargs.verbose")
def test_the_log_names_the_layers_that_were_skipped_and_why(family: Family) -> None:
    told = Told()
    kwargs = {"attn_only": True, "ignore_if_contains": ["attn2"], "verbose": True}
    attach(family, told=told, network_kwargs=kwargs)
    start = "no network on lora_unet.mid_block.attentions.0."
    assert f"{start}proj_in: attn_only" in told.lines
    assert f"{start}transformer_blocks.0.attn2.to_q: ignore_if_contains" in told.lines
    assert len(told.lines) == 48 - 16
    assert not told.warnings


def test_nothing_is_listed_unless_asked_and_a_text_in_no_name_is_told(family: Family) -> None:
    told = Told()
    attach(family, told=told, network_kwargs={"ignore_if_contains": ["ff.net", "atn1"]})
    assert told.lines == []
    assert told.warnings == [f"{KWARGS}.ignore_if_contains: 'atn1' is in no layer's name."]


def test_a_layer_named_like_the_end_of_another_gets_its_own_rank(family: Family) -> None:
    dims = {"lora_unet.mid_block.attentions.0.proj_out": 2}
    network = attach(family, network_kwargs={"modules_dim": dims})
    assert layers(network) == {"mid_block.attentions.0.proj_out"}
    assert torch.isfinite(next(iter(network.state_dict().values()))).all()
