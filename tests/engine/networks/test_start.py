"""A new run that starts from a LoRA file, whatever its rank, alpha, names and layers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import ConfigError
from engine.families.base import Family
from schema.sections.train import Train
from tests.engine.networks.helpers import Told, attach, predict, saved, wake

PROVES = pytest.mark.proves("network.pretrained_lora_path", "network.linear", "network.conv")


def _file(family: Family, path: Path, train: Train | None = None, **options: Any) -> torch.Tensor:
    """A file of a network on the model, and what the model answers with it."""
    network = attach(family, train=train, **options)
    wake(network, 0.2)
    saved(network, path)
    return predict(family)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "start.safetensors"


@PROVES
def test_a_smaller_file_is_filled_up_with_zeros_and_does_what_it_did(
    family: Family, sd1: Any, path: Path
) -> None:
    wanted = _file(copy.deepcopy(sd1), path, linear=4, linear_alpha=2, conv=2, conv_alpha=6)
    network = attach(family, start=path, linear=6, linear_alpha=3, conv=5, conv_alpha=1)
    state = network.state_dict()
    name = "unet.mid_block.attentions.0.proj_in"
    assert state[f"{name}.lora_A.weight"].shape[0] == 6
    assert not state[f"{name}.lora_A.weight"][4:].any()
    assert not state[f"{name}.lora_B.weight"][:, 4:].any()
    assert state["unet.mid_block.resnets.0.conv1.lora_A.weight"].shape[0] == 5
    assert torch.allclose(predict(family), wanted, atol=1e-5)


@PROVES
def test_a_larger_file_is_cut_to_its_first_ranks(family: Family, sd1: Any, path: Path) -> None:
    _file(copy.deepcopy(sd1), path, linear=6, linear_alpha=6)
    network = attach(family, start=path, linear=2, linear_alpha=2)
    theirs, state = load_file(path), network.state_dict()
    name, file = "unet.mid_block.attentions.0.proj_in", "lora_unet_mid_block_attentions_0_proj_in"
    assert torch.equal(state[f"{name}.lora_A.weight"], theirs[f"{file}.lora_down.weight"][:2])
    assert torch.equal(state[f"{name}.lora_B.weight"], theirs[f"{file}.lora_up.weight"][:, :2])


@PROVES
def test_a_lora_may_become_a_locon(family: Family, sd1: Any, path: Path) -> None:
    wanted = _file(copy.deepcopy(sd1), path, linear=4)
    told = Told()
    network = attach(family, start=path, told=told, type="locon", linear=4)
    assert network.state_dict()["unet.mid_block.attentions.0.proj_in.scalar"] == 1
    assert network.state_dict()["unet.mid_block.resnets.0.conv1.scalar"] == 0
    assert torch.allclose(predict(family), wanted, atol=1e-5)
    assert [w for w in told.warnings if "are not in the file and start afresh" in w]


@PROVES
def test_layers_that_only_one_of_the_two_has_are_told(family: Family, sd1: Any, path: Path) -> None:
    train = Train(train_text_encoder=True)
    _file(copy.deepcopy(sd1), path, train=train, network_kwargs={"only_if_contains": ["attn1"]})
    tensors = load_file(path)
    tensors["lora_unet_nowhere_to_q.lora_down.weight"] = torch.zeros(4, 8)
    save_file(tensors, path)
    told = Told()
    network = attach(family, start=path, told=told, network_kwargs={"attn_only": True})
    first, second = told.warnings
    assert "1 layers of the file are not trained here" in first
    assert "lora_unet_nowhere_to_q" in first
    assert "16 layers are not in the file" in second
    state = network.state_dict()
    woken = {n.split(".lora")[0] for n, t in state.items() if "lora_B" in n and t.any()}
    assert len(woken) == 16
    assert all("attn1" in name for name in woken)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "does not exist"),
        (b"no tensors", "cannot be read as safetensors"),
        ({"something.weight": torch.zeros(2)}, "has nothing for the layers that are trained"),
    ],
)
def test_a_file_that_cannot_be_the_start_is_refused(
    family: Family, path: Path, content: Any, sentence: str
) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        save_file(content, path)
    with pytest.raises(ConfigError, match=sentence) as error:
        attach(family, start=path)
    assert error.value.path == "network.pretrained_lora_path"
