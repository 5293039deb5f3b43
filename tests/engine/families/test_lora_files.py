"""LoRA files: diffusers loads every tensor with the right strength; both formats read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.families import lora_keys
from engine.networks.lora import attach
from schema.sections.network import Network, NetworkKwargs
from schema.sections.train import Train
from tests.engine import tiny

PROMPTS = ["a red circle", "a blue square"]
KINDS = {
    "linear": {"linear": 4, "alpha": 2.0},
    "conv": {"linear": 4, "alpha": 2.0, "conv": 3, "conv_alpha": 1.5},
}


def trained(folder: Path, **network: Any) -> tuple[Any, Any]:
    """A model with a LoRA that changes it visibly, on UNet and text encoder."""
    family = tiny.load_sd1(folder)
    net = attach(family, Network(**network), Train(train_text_encoder=True), 7)
    generator = torch.Generator().manual_seed(1)
    values = {
        k: torch.randn(v.shape, generator=generator) * 0.1 for k, v in net.state_dict().items()
    }
    net.load_state_dict(values)
    return family, net


def predictions(unet: Any, text: torch.Tensor) -> torch.Tensor:
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return unet(latents, torch.tensor([10, 900]), encoder_hidden_states=text).sample


def loaded(folder: Path, path: Path, caplog: pytest.LogCaptureFixture) -> tuple[Any, torch.Tensor]:
    """diffusers' pipeline with the file loaded by its own loader, and its text embeddings."""
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.load_lora_weights(str(path))
    assert not [r for r in caplog.records if r.levelname == "WARNING" and "key" in r.message]
    ids = pipeline.tokenizer(PROMPTS, padding="max_length", max_length=77, return_tensors="pt")
    with torch.no_grad():
        return pipeline, pipeline.text_encoder(ids.input_ids)[0]


@pytest.mark.proves("network.network_kwargs.peft_format")
@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("key_format", ["kohya", "diffusers"])
def test_diffusers_own_loader_gives_the_same_model(
    tiny_sd1: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, key_format: str
) -> None:
    """Every tensor is used and alpha is kept, also where it is not the rank."""
    family, net = trained(tiny_sd1, **KINDS[kind])
    with torch.no_grad():
        text = family.encode_prompts(PROMPTS).parts["text"]
    expected = predictions(family.denoisers[0].module, text)
    tensors, metadata = family.lora_file(net.state_dict(), net.alphas, key_format)
    save_file(tensors, tmp_path / "lora.safetensors", metadata=metadata)

    pipeline, their_text = loaded(tiny_sd1, tmp_path / "lora.safetensors", caplog)

    used = [n for m in (pipeline.unet, pipeline.text_encoder) for n, _ in m.named_parameters()]
    assert sum("lora" in name for name in used) == len(net.state_dict())
    assert torch.equal(their_text, text)
    assert torch.equal(predictions(pipeline.unet, their_text), expected)


def test_the_lora_of_that_test_really_changes_the_model(tiny_sd1: Path, sd1: Any) -> None:
    family, _ = trained(tiny_sd1, **KINDS["linear"])
    with torch.no_grad():
        text, plain = (f.encode_prompts(PROMPTS).parts["text"] for f in (family, sd1))
    assert not torch.allclose(text, plain, atol=1e-2)
    changed = predictions(family.denoisers[0].module, plain)
    assert not torch.allclose(changed, predictions(sd1.denoisers[0].module, plain), atol=1e-2)


@pytest.mark.parametrize("key_format", ["kohya", "diffusers"])
def test_a_file_reads_back_as_it_was(tiny_sd1: Path, key_format: str) -> None:
    family, net = trained(tiny_sd1, **KINDS["conv"])
    tensors, metadata = family.lora_file(net.state_dict(), net.alphas, key_format)
    state, alphas = family.read_lora_file(tensors, metadata)
    assert state.keys() == net.state_dict().keys()
    assert all(torch.equal(state[key], net.state_dict()[key]) for key in state)
    assert alphas == net.alphas


@pytest.mark.proves("network.network_kwargs.peft_format")
def test_the_option_chooses_the_format_of_the_saved_file(tiny_sd1: Path, tmp_path: Path) -> None:
    for peft_format, first in ((False, "lora_"), (True, ("unet.", "text_encoder.text_model."))):
        kwargs = NetworkKwargs(peft_format=peft_format)
        _, net = trained(tiny_sd1, linear=4, network_kwargs=kwargs)
        net.save(tmp_path / "lora.safetensors", torch.float32, {})
        assert all(key.startswith(first) for key in load_file(tmp_path / "lora.safetensors"))


def test_kohya_names_have_underscores_and_a_scalar_alpha(tiny_sd1: Path) -> None:
    family, net = trained(tiny_sd1, **KINDS["conv"])
    tensors, metadata = family.lora_file(net.state_dict(), net.alphas, "kohya")
    assert not metadata
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    assert tensors[f"{name}.lora_down.weight"].shape == (4, 32)
    assert tensors[f"{name}.alpha"] == 2.0
    assert tensors["lora_unet_down_blocks_0_resnets_0_conv1.alpha"] == 1.5
    text = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
    assert tensors[f"{text}.lora_up.weight"].shape == (32, 4)


def test_a_file_without_alphas_has_its_ranks_for_alphas(sd1: Any) -> None:
    name = "unet.mid_block.attentions.0.proj_in"
    tensors = {
        f"{name}.lora_A.weight": torch.ones(3, 64, 1, 1),
        f"{name}.lora_B.weight": torch.ones(64, 3, 1, 1),
    }
    assert sd1.read_lora_file(tensors, {})[1] == {name: 3.0}
    kohya = {k: v for k, v in lora_keys.to_kohya(tensors, {name: 3.0}).items() if "alpha" not in k}
    state, alphas = sd1.read_lora_file(kohya, {})
    assert state.keys() == tensors.keys()
    assert alphas == {name: 3.0}


def test_plain_strengths_need_no_metadata_and_others_name_the_exceptions() -> None:
    def state(**ranks: int) -> dict[str, torch.Tensor]:
        return {
            key: tensor
            for name, rank in ranks.items()
            for key, tensor in (
                (f"unet.{name}.lora_A.weight", torch.ones(rank, 8)),
                (f"unet.{name}.lora_B.weight", torch.ones(8, rank)),
            )
        }

    weights = state(a=4, b=4, c=2)
    _, metadata = lora_keys.to_diffusers(weights, {"unet.a": 4, "unet.b": 4, "unet.c": 2})
    assert metadata == {}
    odd = {"unet.a": 1.0, "unet.b": 1.0, "unet.c": 8.0}
    tensors, metadata = lora_keys.to_diffusers(weights, odd)
    assert lora_keys.from_diffusers(tensors, metadata)[1] == odd
    assert '"unet.rank_pattern": {"c": 2}' in metadata[lora_keys.METADATA_KEY]


def test_a_key_that_no_module_answers_to_is_not_swallowed(sd1: Any) -> None:
    with pytest.raises(KeyError, match="lora_unet_nothing"):
        sd1.read_lora_file({"lora_unet_nothing.lora_down.weight": torch.zeros(1, 1)}, {})
