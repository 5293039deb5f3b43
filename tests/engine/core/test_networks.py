"""LoRA layers and full fine-tuning on the real tiny model: where they sit, what they scale, what is
saved.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch

from engine.errors import ConfigError
from engine.families import family_for
from engine.families.base import Family
from engine.networks import Trained, build
from engine.networks.files import model_hashes
from schema.sections.model import Model
from schema.sections.network import Network
from schema.sections.train import Train


@pytest.fixture
def family(tiny_sd1: Path) -> Family:
    model = Model(name_or_path=str(tiny_sd1), arch="sd1")
    family = family_for("sd1").open(model, Train(), torch.device("cpu"), torch.float32)
    family.load_denoisers()
    family.load_text_encoders()
    return family


def _predict(family: Family, rows: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    latents = torch.randn(1, 4, 8, 8, generator=generator).expand(rows, -1, -1, -1)
    conditioning = family.encode_prompts(["a photo"] * rows)
    t_B = torch.full((rows,), 300)
    return family.predict(family.denoisers[0], latents, t_B, conditioning)


def _lora(family: Family, seed: int = 0, train: Train | None = None, **options: Any) -> Trained:
    return build(family, Network(**options), train or Train(), "safetensors", seed)


def _wake(network: Trained) -> None:
    """Make B non-zero, so that the network does something."""
    state = {
        name: torch.full_like(value, 0.02) if "lora_B" in name else value.clone()
        for name, value in network.state_dict().items()
    }
    network.load_state_dict(state)


@pytest.mark.proves("network.type")
def test_a_fresh_lora_changes_nothing_and_only_it_is_trainable(family: Family) -> None:
    before = _predict(family)
    network = _lora(family)
    assert torch.equal(_predict(family), before)
    trainable = [p for p in family.denoisers[0].module.parameters() if p.requires_grad]
    assert {id(p) for p in trainable} == {id(p) for p in network.groups["unet"].values()}
    _wake(network)
    assert not torch.equal(_predict(family), before)


@pytest.mark.proves("network.linear")
def test_the_rank_is_the_inner_size_of_every_linear_layer(family: Family) -> None:
    for name, value in _lora(family, linear=3).state_dict().items():
        assert value.shape[0 if "lora_A" in name else 1] == 3


@pytest.mark.proves("network.conv")
def test_a_convolution_rank_adds_the_convolutions_with_their_own_rank(family: Family) -> None:
    state = _lora(family, linear=2, conv=5, conv_alpha=10).state_dict()
    wide = {n: v for n, v in state.items() if v.ndim == 4 and v.shape[-1] == 3}
    assert any("resnets" in name for name in wide)
    assert {value.shape[0] for value in wide.values()} == {5}
    assert {v.shape[0] for n, v in state.items() if "to_q.lora_A" in n} == {2}


@pytest.mark.proves("network.alpha", "network.linear_alpha")
def test_a_larger_alpha_scales_the_delta_up(family: Family, tiny_sd1: Path) -> None:
    small = _lora(family, linear=2, alpha=2)
    assert all(alpha == 2 for alpha in small.alphas.values())  # type: ignore[attr-defined]
    _wake(small)
    one = _predict(family)
    with small.scaled(3.0):
        three = _predict(family)
    other = family_for("sd1").open(family.model, Train(), torch.device("cpu"), torch.float32)
    other.load_denoisers()
    other.load_text_encoders()
    large = _lora(other, linear=2, linear_alpha=6)
    _wake(large)
    assert torch.allclose(_predict(other), three, atol=1e-6)
    assert not torch.allclose(_predict(other), one, atol=1e-6)


@pytest.mark.proves("network.conv_alpha")
def test_a_convolution_alpha_scales_the_convolutions_alone(family: Family) -> None:
    network = _lora(family, linear=2, alpha=2, conv=4, conv_alpha=1)
    alphas: dict[str, float] = network.alphas  # type: ignore[attr-defined]
    assert {alpha for name, alpha in alphas.items() if ".conv1" in name} == {1.0}
    assert {alpha for name, alpha in alphas.items() if ".to_q" in name} == {2.0}


def test_off_is_the_base_model_and_on_again_afterwards(family: Family) -> None:
    before = _predict(family)
    network = _lora(family)
    _wake(network)
    on = _predict(family)
    with network.off():
        assert torch.equal(_predict(family), before)
    assert torch.equal(_predict(family), on)


def test_a_multiplier_per_sample_reaches_each_row_and_its_gradient(family: Family) -> None:
    network = _lora(family)
    _wake(network)
    with network.scaled(0.0):
        none = _predict(family)
    with network.scaled(-1.5):
        minus = _predict(family)
    with network.scaled(torch.tensor([0.0, -1.5])):
        mixed = _predict(family)
        mixed[1].sum().backward()
    assert torch.allclose(mixed[0], none[0], atol=1e-6)
    assert torch.allclose(mixed[1], minus[1], atol=1e-6)
    gradient = next(iter(network.groups["unet"].values())).grad
    assert gradient is not None
    assert gradient.abs().sum() > 0
    assert torch.equal(_predict(family)[0], _predict(family)[1])


@pytest.mark.proves("network.dropout")
def test_dropout_acts_on_training_forwards_only(family: Family) -> None:
    network = _lora(family, dropout=0.5)
    _wake(network)
    assert network.uses_dropout
    module = family.denoisers[0].module
    module.train()
    torch.manual_seed(0)
    first, second = _predict(family), _predict(family)
    assert not torch.equal(first, second)
    module.eval()
    assert torch.equal(_predict(family), _predict(family))


@pytest.mark.proves("train.train_unet", "train.train_text_encoder")
@pytest.mark.parametrize("network", [Network(), None], ids=["lora", "full"])
def test_what_is_trained_is_what_was_asked_for(family: Family, network: Network | None) -> None:
    def groups(**flags: bool) -> set[str]:
        fresh = family_for("sd1").open(family.model, Train(), torch.device("cpu"), torch.float32)
        fresh.load_denoisers()
        fresh.load_text_encoders()
        return set(build(fresh, network, Train(**flags), "diffusers", 0).groups)

    assert groups() == {"unet"}
    assert groups(train_text_encoder=True) == {"unet", "text_encoder"}
    assert groups(train_unet=False, train_text_encoder=True) == {"text_encoder"}
    with pytest.raises(ConfigError, match="nothing would change"):
        groups(train_unet=False)


def test_the_first_weights_depend_on_the_seed_alone(family: Family, tiny_sd1: Path) -> None:
    def fresh(seed: int) -> torch.Tensor:
        other = family_for("sd1").open(family.model, Train(), torch.device("cpu"), torch.float32)
        other.load_denoisers()
        before = torch.random.get_rng_state()
        state = _lora(other, seed=seed).state_dict()
        assert torch.equal(before, torch.random.get_rng_state())
        return next(value for name, value in state.items() if "lora_A" in name).clone()

    first = fresh(1)
    torch.randn(5)
    assert torch.equal(first, fresh(1))
    assert not torch.equal(first, fresh(2))


def test_lora_weights_stay_float32_beside_a_half_precision_base(tiny_sd1: Path) -> None:
    model = Model(name_or_path=str(tiny_sd1), arch="sd1")
    family = family_for("sd1").open(model, Train(), torch.device("cpu"), torch.bfloat16)
    family.load_denoisers()
    family.load_text_encoders()
    network = _lora(family)
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}
    assert _predict(family).dtype is torch.bfloat16


@pytest.mark.proves("network.network_kwargs", "network.network_kwargs.peft_format", "save.dtype")
@pytest.mark.parametrize(
    ("peft_format", "start", "dtype"),
    [
        (False, "lora_unet_", torch.float16),
        (True, "unet.", torch.float32),
        (False, "lora_unet_", torch.float8_e4m3fn),
    ],
)
def test_the_file_has_the_keys_and_the_precision_that_were_asked_for(
    family: Family, tmp_path: Path, peft_format: bool, start: str, dtype: torch.dtype
) -> None:
    network = _lora(family, linear=2, alpha=1, network_kwargs={"peft_format": peft_format})
    path = tmp_path / "x.safetensors"
    assert network.save(path, dtype, {"who": "me"}) == [path]
    tensors = safetensors.torch.load_file(path)
    assert all(name.startswith(start) for name in tensors)
    assert {tensor.dtype for tensor in tensors.values()} == {dtype}
    alphas = [tensor.item() for name, tensor in tensors.items() if name.endswith(".alpha")]
    assert set(alphas) == (set() if peft_format else {1.0})


def test_the_files_header_has_metadata_and_the_hashes_other_tools_look_for(
    family: Family, tmp_path: Path
) -> None:
    path = tmp_path / "x.safetensors"
    _lora(family).save(path, torch.float16, {"who": "me"})
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert metadata["who"] == "me"
    assert metadata["format"] == "pt"
    content = path.read_bytes()
    assert metadata["sshs_model_hash"] == model_hashes(content)["sshs_model_hash"]
    assert len(metadata["sshs_legacy_hash"]) == 8


def test_weights_of_another_shape_are_refused_by_name(family: Family) -> None:
    network = _lora(family, linear=2)
    state = dict(network.state_dict())
    name = next(iter(state))
    state[name] = torch.zeros(9, 9)
    with pytest.raises(ValueError, match=name):
        network.load_state_dict(state)
    state.pop(name)
    with pytest.raises(ValueError, match="names differ"):
        network.load_state_dict(state)


def test_a_full_fine_tune_saves_a_model_that_the_family_opens_again(
    family: Family, tmp_path: Path
) -> None:
    full = build(family, None, Train(), "diffusers", 0)
    with torch.no_grad():
        for parameter in full.groups["unet"].values():
            parameter.mul_(1.01)
    expected = _predict(family)
    full.save(tmp_path / "saved", torch.float32, {})
    model = Model(name_or_path=str(tmp_path / "saved"), arch="sd1")
    again = family_for("sd1").open(model, Train(), torch.device("cpu"), torch.float32)
    again.load_denoisers()
    again.load_text_encoders()
    assert torch.allclose(_predict(again), expected, atol=1e-6)


def test_a_model_without_targets_is_an_error_that_shows_its_layers(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing: Callable[[Network], dict[str, Any]] = lambda _: {}  # noqa: E731
    monkeypatch.setattr(family, "lora_targets", nothing)
    with pytest.raises(ConfigError, match=r"no layer of the model is targeted; it has conv_in"):
        _lora(family)
