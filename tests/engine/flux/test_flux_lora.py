"""LoRA files of FLUX.1: diffusers loads what is saved; kohya's fused names go both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engine.families import flux_lora
from engine.families.flux_data import configs
from engine.networks.lora import attach
from schema.sections.network import Network, NetworkKwargs
from schema.sections.train import Train
from tests.engine import tiny_flux
from tests.engine.flux.test_flux import PROMPTS, their_prediction

TRUE = configs()["transformer"] | {"num_layers": 1, "num_single_layers": 1}
Tensors = dict[str, torch.Tensor]


def trained(folder: Path, **network: Any) -> tuple[Any, Any]:
    """A model with a LoRA that changes it visibly, on the transformer and on CLIP."""
    family = tiny_flux.load_flux(folder)
    net = attach(family, Network(**network), Train(train_text_encoder=True), 7)
    generator = torch.Generator().manual_seed(1)
    net.load_state_dict(
        {k: torch.randn(v.shape, generator=generator) * 0.1 for k, v in net.state_dict().items()}
    )
    return family, net


def predicted(family: Any) -> torch.Tensor:
    latents = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found: torch.Tensor = family.predict(
            family.denoisers[0], latents, torch.tensor([30.0, 900.0]),
            family.encode_prompts(PROMPTS),
        )  # fmt: skip
    return found


def equal(one: Tensors, other: Tensors) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@pytest.mark.proves("network.transformer_only")
def test_the_network_sits_on_the_blocks_or_on_every_layer(family: Any) -> None:
    only = family.lora_targets(Network())["transformer"].linear
    every = family.lora_targets(Network(transformer_only=False))["transformer"].linear
    assert all("transformer_blocks." in name for name in only)
    assert set(every) - set(only) == {
        "x_embedder", "context_embedder", "norm_out.linear", "proj_out",
        *(f"time_text_embed.{part}_embedder.linear_{i}"
          for part in ("timestep", "guidance", "text") for i in (1, 2)),
    }  # fmt: skip
    assert "transformer_blocks.0.norm1.linear" in only
    assert "single_transformer_blocks.1.proj_mlp" in only


def test_t5_is_never_a_target(family: Any) -> None:
    targets = family.lora_targets(Network())
    assert targets.keys() == {"transformer", "text_encoder"}
    assert len(targets["text_encoder"].linear) == 2 * 6


@pytest.mark.parametrize("transformer_only", [True, False])
def test_diffusers_own_loader_gives_the_same_model(
    dev: Path, tmp_path: Path, transformer_only: bool, caplog: pytest.LogCaptureFixture
) -> None:
    from diffusers import FluxPipeline

    family, net = trained(dev, linear=4, transformer_only=transformer_only)
    net.save(tmp_path / "lora.safetensors", torch.float32, {})
    theirs = FluxPipeline.from_pretrained(dev)
    theirs.load_lora_weights(str(tmp_path / "lora.safetensors"))
    assert not [r for r in caplog.records if r.levelname == "WARNING" and "key" in r.message]
    used = [n for m in (theirs.transformer, theirs.text_encoder) for n, _ in m.named_parameters()]
    assert sum("lora" in name for name in used) == len(net.state_dict())
    latents = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = their_prediction(
            theirs.transformer, theirs, latents, torch.tensor([30.0, 900.0]), PROMPTS,
            torch.ones(2),
        )  # fmt: skip
    torch.testing.assert_close(predicted(family), expected, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(expected, predicted(tiny_flux.load_flux(dev)), atol=1e-2)


@pytest.mark.proves("network.network_kwargs.peft_format")
@pytest.mark.parametrize(("peft_format", "start"), [
    (None, ("transformer.", "text_encoder.text_model.")),
    (True, ("transformer.", "text_encoder.text_model.")),
    (False, ("lora_unet_double_blocks_", "lora_unet_single_blocks_", "lora_te1_text_model_")),
])  # fmt: skip
def test_the_usual_names_are_diffusers_and_kohyas_on_request(
    dev: Path, tmp_path: Path, peft_format: bool | None, start: tuple[str, ...]
) -> None:
    from safetensors.torch import load_file

    kwargs = NetworkKwargs(peft_format=peft_format)
    _, net = trained(dev, linear=4, network_kwargs=kwargs)
    net.save(tmp_path / "lora.safetensors", torch.float32, {})
    assert all(key.startswith(start) for key in load_file(tmp_path / "lora.safetensors"))


def test_alpha_is_the_rank_whatever_the_config_says(dev: Path) -> None:
    _, net = trained(dev, linear=4, alpha=1.0)
    assert set(net.alphas.values()) == {4.0}


@pytest.mark.parametrize("key_format", ["diffusers", "kohya"])
@pytest.mark.parametrize("transformer_only", [True, False])
def test_a_file_reads_back_as_it_was(dev: Path, key_format: str, transformer_only: bool) -> None:
    family, net = trained(dev, linear=4, transformer_only=transformer_only)
    tensors, metadata = family.lora_file(net.state_dict(), net.alphas, key_format)
    state, alphas = family.read_lora_file(tensors, metadata)
    assert equal(state, net.state_dict())
    assert alphas == net.alphas
    assert {family.lora_component(key) for key in tensors} == {"transformer", "text_encoder"}


def test_layers_that_are_not_adapted_stay_out_of_a_fused_one(family: Any) -> None:
    """Only two of four parts of a single block's first layer, of different ranks and strengths."""
    name = "transformer.single_transformer_blocks.0."
    state, alphas = {}, {}
    for part, rank, alpha in (("attn.to_q", 2, 2.0), ("proj_mlp", 3, 1.5)):
        rows = 128 if part == "proj_mlp" else 32
        state[f"{name}{part}.lora_A.weight"] = torch.randn(rank, 32)
        state[f"{name}{part}.lora_B.weight"] = torch.randn(rows, rank)
        alphas[f"{name}{part}"] = alpha
    tensors, _ = family.lora_file(state, alphas, "kohya")
    assert tensors["lora_unet_single_blocks_0_linear1.lora_up.weight"].shape == (224, 12)
    again, strengths = family.read_lora_file(tensors, {})
    assert again.keys() == state.keys()
    for module, alpha in alphas.items():
        pair = [f"{module}.lora_{x}.weight" for x in "BA"]
        rank = state[pair[1]].shape[0]
        ours = alpha / rank * state[pair[0]] @ state[pair[1]]
        theirs = strengths[module] / rank * again[pair[0]] @ again[pair[1]]
        torch.testing.assert_close(theirs, ours)


def true_layers() -> Tensors:
    """A LoRA of rank 2 on every layer of one double and one single block of the real width."""
    from accelerate import init_empty_weights
    from diffusers import FluxTransformer2DModel

    with init_empty_weights():
        model = FluxTransformer2DModel.from_config(TRUE)
    torch.manual_seed(0)
    state: Tensors = {}
    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Linear):
            state[f"transformer.{name}.lora_A.weight"] = torch.randn(2, 4)
            state[f"transformer.{name}.lora_B.weight"] = torch.randn(layer.out_features, 2)
    return state


def test_kohyas_names_are_what_diffusers_converts() -> None:
    """At the real width, which diffusers' converter takes for granted."""
    from diffusers.loaders.lora_conversion_utils import _convert_kohya_flux_lora_to_diffusers

    state = true_layers()
    alphas = {key.removesuffix(".lora_A.weight"): 2.0 for key in state if "lora_A" in key}
    tensors, metadata = flux_lora.write(state, alphas, "kohya", TRUE)
    assert not metadata
    assert tensors["lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight"].shape == (6, 4)
    assert float(tensors["lora_unet_double_blocks_0_img_attn_qkv.alpha"]) == 6.0
    theirs = _convert_kohya_flux_lora_to_diffusers(dict(tensors))
    bare = {key.removeprefix("transformer."): tensor for key, tensor in theirs.items()}
    assert equal(bare, {key.removeprefix("transformer."): t for key, t in state.items()})


def test_a_fused_layer_that_kohya_trained_as_one_shares_its_first_matrix() -> None:
    from diffusers.loaders.lora_conversion_utils import _convert_kohya_flux_lora_to_diffusers

    name = "lora_unet_single_blocks_0_linear1"
    tensors = {
        f"{name}.lora_down.weight": torch.randn(4, 8),
        f"{name}.lora_up.weight": torch.randn(21504, 4),
        f"{name}.alpha": torch.tensor(2.0),
    }
    theirs = _convert_kohya_flux_lora_to_diffusers(dict(tensors))
    state, alphas = flux_lora.read(tensors, {}, TRUE)
    assert state.keys() == theirs.keys()
    for module, alpha in alphas.items():
        b, a = (state[f"{module}.lora_{x}.weight"] for x in "BA")
        product = theirs[f"{module}.lora_B.weight"] @ theirs[f"{module}.lora_A.weight"]
        torch.testing.assert_close(alpha / 4 * b @ a, product)


@pytest.mark.parametrize("start", ["diffusion_model.", "lora_transformer_"])
def test_other_tools_names_are_read(start: str) -> None:
    down, up = torch.randn(2, 8), torch.randn(3072, 2)
    layer, ours = (
        ("double_blocks.0.img_attn.proj", "transformer_blocks.0.attn.to_out.0")
        if start == "diffusion_model."
        else ("transformer_blocks_0_attn_to_out_0", "transformer_blocks.0.attn.to_out.0")
    )
    tensors = {f"{start}{layer}.lora_A.weight": down, f"{start}{layer}.lora_B.weight": up}
    state, alphas = flux_lora.read(tensors, {}, TRUE)
    module = f"transformer.{ours}"
    assert equal(state, {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up})
    assert alphas == {module: 2.0}


def test_diffusers_converts_the_text_encoders_kohya_names(dev: Path) -> None:
    from diffusers.loaders.lora_conversion_utils import _convert_kohya_flux_lora_to_diffusers

    family, net = trained(dev, linear=4)
    tensors, _ = family.lora_file(net.state_dict(), net.alphas, "kohya")
    theirs = _convert_kohya_flux_lora_to_diffusers(
        {k: v for k, v in tensors.items() if k.startswith("lora_te1_")}
    )
    own = [k for k in net.state_dict() if k.startswith("text_encoder.")]
    assert len(theirs) == len(own)
    assert all(key.startswith("text_encoder.text_model.encoder.layers.") for key in theirs)


def test_a_key_that_no_layer_answers_to_is_not_swallowed(family: Any) -> None:
    for key in ("lora_unet_nothing.lora_down.weight", "transformer.x.lora_magnitude_vector"):
        with pytest.raises(KeyError):
            family.read_lora_file({key: torch.zeros(1, 1)}, {})


def test_the_base_model_is_saved_without_the_network(dev: Path, tmp_path: Path) -> None:
    family, _ = trained(dev, linear=4)
    family.save_full(tmp_path / "saved", torch.float32, "diffusers")
    plain, again = tiny_flux.load_flux(dev), tiny_flux.load_flux(tmp_path / "saved")
    one, other = (f.denoisers[0].module.state_dict() for f in (plain, again))
    assert equal(one, other)
    save_file(one, tmp_path / "as-it-was.safetensors")  # nothing shares memory with a file
