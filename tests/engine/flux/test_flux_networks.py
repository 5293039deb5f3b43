"""Networks on FLUX.1's layers: filters by name, changes of full size, starts from files."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engine.errors import ConfigError
from engine.networks import build
from schema.sections.network import Network
from schema.sections.train import Train
from tests.engine.core.runs import equal, finished, state_of
from tests.engine.networks.helpers import Told, wake


def _attach(
    family: Any, start: Path | None = None, told: Told | None = None, **options: Any
) -> Any:
    model, train = copy.deepcopy(family), Train(train_text_encoder=True)
    path = None if start is None else str(start)
    network = build(model, Network(**options), train, "safetensors", 0, report=told, start=path)
    return model, network


def _answer(family: Any) -> torch.Tensor:
    random = torch.Generator().manual_seed(2)
    latents = torch.randn(family.latent_shape(64, 64), generator=random)[None]
    with torch.no_grad():
        found: torch.Tensor = family.predict(
            family.denoisers[0],
            latents,
            torch.tensor([400.0]),
            family.encode_prompts(["a photo"]),
            torch.tensor([1.0]),
        )
    return found


@pytest.mark.proves("network.network_kwargs.only_if_contains")
def test_one_block_is_named_with_its_dots(family: Any) -> None:
    kwargs = {"only_if_contains": ["transformer.single_transformer_blocks.1."]}
    _, network = _attach(family, network_kwargs=kwargs)
    assert network.layers
    assert all(n.startswith("transformer.single_transformer_blocks.1.") for n in network.layers)


@pytest.mark.proves("network.transformer_only", "network.network_kwargs.ignore_if_contains")
def test_only_the_last_layer_though_blocks_have_layers_of_that_name(family: Any) -> None:
    kwargs = {"only_if_contains": ["transformer.proj_out"]}
    _, network = _attach(family, transformer_only=False, network_kwargs=kwargs)
    assert list(network.layers) == ["transformer.proj_out"]
    with pytest.raises(ConfigError, match=r"by only_if_contains.*transformer\.transformer_blocks"):
        _attach(family, network_kwargs=kwargs)
    kwargs = {"ignore_if_contains": ["attn", "lora_te1.text_model."]}
    _, network = _attach(family, network_kwargs=kwargs)
    assert network.layers
    assert not any("attn" in n or n.startswith("text_encoder.") for n in network.layers)


@pytest.mark.proves("network.network_kwargs.full_if_contains", "network.all_layers")
def test_full_changes_are_saved_with_dots_and_read_back(family: Any, tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "transformer_only": False,
        "all_layers": True,
        "network_kwargs": {"full_if_contains": ["transformer.proj_out"]},
    }
    model, network = _attach(family, **options)
    before = _answer(family)
    assert torch.equal(_answer(model), before)
    wake(network, 0.1)
    path = tmp_path / "x.safetensors"
    network.save(path, torch.float32, {})
    keys = set(load_file(path))
    assert {"transformer.proj_out.diff", "transformer.proj_out.diff_b"} <= keys
    assert "transformer.transformer_blocks.0.attn.norm_q.diff" in keys
    assert "transformer.proj_out.lora_A.weight" not in keys
    told = Told()
    other, _ = _attach(family, start=path, told=told, **options)
    assert told.warnings == []
    assert not torch.allclose(_answer(model), before, atol=1e-3)
    assert torch.allclose(_answer(other), _answer(model), atol=1e-5)


@pytest.mark.proves("network.pretrained_lora_path", "network.linear")
@pytest.mark.parametrize("names", [None, False])
def test_a_file_of_either_kind_of_names_and_another_rank_is_a_start(
    family: Any, tmp_path: Path, names: bool | None
) -> None:
    path = tmp_path / "x.safetensors"
    model, network = _attach(family, linear=4, network_kwargs={"peft_format": names})
    wake(network, 0.1)
    network.save(path, torch.float32, {})
    other, _ = _attach(family, start=path, linear=6)
    assert torch.allclose(_answer(other), _answer(model), atol=1e-5)


@pytest.mark.proves("network.network_kwargs.rank_dropout", "network.all_layers")
def test_a_run_in_two_parts_is_the_run_in_one(new_run: Any) -> None:
    network = {
        "linear": 2,
        "dropout": 0.1,
        "all_layers": True,
        "network_kwargs": {"rank_dropout": 0.2, "module_dropout": 0.1, "attn_only": True},
    }
    options = {"network": network, "datasets__network_weight": 0.5}
    whole = finished(new_run, "whole", train__steps=3, **options)
    finished(new_run, "parts", train__steps=2, **options)
    parts = finished(new_run, "parts", train__steps=3, **options)
    assert equal(state_of(whole, 3), state_of(parts, 3))
