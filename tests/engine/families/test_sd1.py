"""Stable Diffusion 1 from a folder: sizes from configs, tensors as diffusers computes them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import DataError
from engine.families import family_for
from engine.families.base import Conditioning
from schema.sections.network import Network
from tests.engine import tiny

CAPTIONS = ["a red circle", "a blue square at the top"]


@pytest.fixture(scope="module")
def pipeline(tiny_sd1: Path) -> Any:
    from diffusers import StableDiffusionPipeline

    return StableDiffusionPipeline.from_pretrained(tiny_sd1)


@pytest.mark.proves("model.name_or_path", "model.arch")
def test_text_latents_and_predictions_equal_those_of_diffusers(sd1: Any, pipeline: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(2, 4, 8, 8, generator=generator)
    pixels = torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1
    t_B = torch.tensor([10, 900])
    conditioning = sd1.encode_prompts(CAPTIONS)
    with torch.no_grad():
        ids = pipeline.tokenizer(
            CAPTIONS, padding="max_length", max_length=77, return_tensors="pt"
        ).input_ids
        text = pipeline.text_encoder(ids)[0]
        predicted = pipeline.unet(latents, t_B, encoder_hidden_states=text).sample
        posterior = pipeline.vae.encode(pixels).latent_dist
        scale = pipeline.vae.config.scaling_factor
        decoded = pipeline.vae.decode(latents / scale).sample
    assert torch.equal(conditioning.parts["text"], text)
    assert torch.equal(sd1.predict(sd1.denoisers[0], latents, t_B, conditioning), predicted)
    assert torch.equal(sd1.encode_images(pixels), posterior.mean * scale)
    assert torch.equal(sd1.decode_latents(latents), decoded)


def test_latents_are_drawn_per_row_from_its_own_generator(sd1: Any) -> None:
    pixels = torch.zeros(2, 3, 64, 64)

    def draws(*seeds: int) -> torch.Tensor:
        return sd1.encode_images(pixels, [torch.Generator().manual_seed(s) for s in seeds])

    assert torch.equal(draws(1, 2)[1], draws(3, 2)[1])
    assert not torch.equal(draws(1, 2)[0], draws(3, 2)[0])


def test_nothing_is_loaded_by_opening(tiny_sd1: Path) -> None:
    family = tiny.open_sd1(tiny_sd1)
    assert not family.denoisers
    assert not family.text_encoders
    assert family.vae is None


def test_parts_can_be_freed_and_loaded_again(tiny_sd1: Path) -> None:
    family = tiny.open_sd1(tiny_sd1)
    family.load_text_encoders()
    before = family.encode_prompts(CAPTIONS).parts["text"]
    family.free_text_encoders()
    assert not family.text_encoders
    family.load_text_encoders()
    assert torch.equal(family.encode_prompts(CAPTIONS).parts["text"], before)


def test_frozen_weights_take_no_gradient_and_have_the_asked_dtype(tiny_sd1: Path) -> None:
    family = tiny.load_sd1(tiny_sd1, "bfloat16")
    modules = [family.denoisers[0].module, family.vae, *family.text_encoders.values()]
    for module in modules:
        assert {p.dtype for p in module.parameters()} == {torch.bfloat16}
        assert not any(p.requires_grad for p in module.parameters())
        assert not module.training
    prediction = family.predict(
        family.denoisers[0],
        torch.randn(1, 4, 8, 8),
        torch.tensor([5]),
        family.encode_prompts(["a"]),
    )
    assert prediction.dtype == torch.bfloat16
    assert prediction.isfinite().all()


def test_weights_that_are_trained_can_be_loaded_in_float32(tiny_sd1: Path) -> None:
    family = tiny.open_sd1(tiny_sd1, "bfloat16")
    family.load_denoisers(torch.float32)
    family.load_text_encoders(torch.float32)
    assert family.denoisers[0].module.conv_in.weight.dtype == torch.float32
    assert next(family.text_encoders["text_encoder"].parameters()).dtype == torch.float32


def test_the_text_encoder_is_differentiable(tiny_sd1: Path) -> None:
    family = tiny.open_sd1(tiny_sd1)
    family.load_text_encoders()
    encoder = family.text_encoders["text_encoder"].requires_grad_(True)
    family.encode_prompts(["a red circle"]).parts["text"].sum().backward()
    assert all(p.grad is not None for n, p in encoder.named_parameters() if "layers.0" in n)


def test_long_prompts_are_cut_to_the_encoders_length(sd1: Any) -> None:
    assert sd1.encode_prompts(["red " * 200]).parts["text"].shape == (1, 77, 32)


def test_sizes_follow_from_the_configs(sd1: Any, tmp_path: Path) -> None:
    assert (sd1.size_multiple, sd1.latent_shape(128, 64)) == (16, (4, 8, 16))
    folder = tiny.build_sd1(tmp_path / "wide", block_out_channels=(32, 64, 64), sample_size=16,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"))  # fmt: skip
    other = tiny.open_sd1(folder)
    other.load_denoisers()
    assert len(other.denoisers[0].module.down_blocks) == 3


def test_the_noise_table_is_the_models_own(sd1: Any, pipeline: Any) -> None:
    table = sd1.noise_table()
    torch.testing.assert_close(table.alphas_cumprod, pipeline.scheduler.alphas_cumprod)
    assert table is sd1.noise_table()


@pytest.mark.proves("model.vae_path")
def test_another_vae_changes_latents_and_nothing_else(tiny_sd1: Path, tmp_path: Path) -> None:
    other = tiny.build_sd1(tmp_path / "other", seed=9)
    pixels = torch.rand(1, 3, 64, 64)
    plain, own = tiny.load_sd1(tiny_sd1), tiny.load_sd1(tiny_sd1, vae_path=str(other))
    direct = tiny.load_sd1(tiny_sd1, vae_path=str(other / "vae"))
    assert not torch.equal(plain.encode_images(pixels), own.encode_images(pixels))
    assert torch.equal(direct.encode_images(pixels), own.encode_images(pixels))
    for a, b in zip(*(f.denoisers[0].module.parameters() for f in (plain, own)), strict=True):
        assert torch.equal(a, b)


def test_a_vae_path_without_a_vae_is_refused(tiny_sd1: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a VAE folder"):
        tiny.open_sd1(tiny_sd1, vae_path=str(tmp_path))


def test_a_weight_that_is_missing_is_an_error_not_random(tiny_sd1: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(tiny_sd1, tmp_path / "model"))
    for part, name in (("unet", "diffusion_pytorch_model"), ("text_encoder", "model")):
        weights = folder / part / f"{name}.safetensors"
        state = load_file(weights)
        state.pop(sorted(state)[0])
        save_file(state, weights, metadata={"format": "pt"})
    family = tiny.open_sd1(folder)
    with pytest.raises(DataError, match=r"unet lacks 1 weight, such as conv_in.bias"):
        family.load_denoisers()
    with pytest.raises(DataError, match="text_encoder lacks 1 weight"):
        family.load_text_encoders()


def test_other_architectures_are_refused_by_name(tiny_sd1: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_sd1, tmp_path / "model"))
    index = json.loads((folder / "model_index.json").read_text())
    index |= {"_class_name": "StableDiffusionXLPipeline", "text_encoder_2": ["transformers", "X"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match="holds a StableDiffusionXLPipeline"):
        tiny.open_sd1(folder)


def test_an_inpainting_unet_is_refused(tmp_path: Path) -> None:
    folder = tiny.build_sd1(tmp_path / "inpaint", in_channels=9)
    with pytest.raises(DataError, match="9 input channels"):
        tiny.open_sd1(folder)


def test_an_unknown_architecture_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        family_for("sd9")


@pytest.mark.proves("network.conv")
def test_lora_targets_are_full_names_of_layers_that_exist(sd1: Any) -> None:
    unet = dict(sd1.denoisers[0].module.named_modules())
    text = dict(sd1.text_encoders["text_encoder"].named_modules())
    plain, conv = (sd1.lora_targets(Network(conv=rank)) for rank in (None, 4))
    assert not plain["unet"].conv
    assert set(plain["unet"].linear) < set(conv["unet"].linear)
    assert all(".attentions." in name for name in plain["unet"].linear)
    assert all(isinstance(unet[name], torch.nn.Conv2d) for name in conv["unet"].conv)
    assert all(unet[name].kernel_size == (3, 3) for name in conv["unet"].conv)
    assert any("downsamplers" in name for name in conv["unet"].conv)
    assert {name.rsplit(".", 1)[1] for name in plain["text_encoder"].linear} == {
        "q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2",
    }  # fmt: skip
    assert all(isinstance(text[name], torch.nn.Linear) for name in plain["text_encoder"].linear)


def test_gradient_checkpointing_reaches_every_loaded_part(tiny_sd1: Path) -> None:
    family = tiny.load_sd1(tiny_sd1)
    family.enable_gradient_checkpointing()
    assert family.denoisers[0].module.is_gradient_checkpointing
    assert family.text_encoders["text_encoder"].is_gradient_checkpointing


def test_conditioning_batches_rows_and_pads_masked_parts() -> None:
    short = Conditioning({"text": torch.ones(1, 2, 3), "text.mask": torch.ones(1, 2)})
    long = Conditioning({"text": torch.ones(1, 4, 3), "text.mask": torch.ones(1, 4)})
    both = Conditioning.cat([short, long])
    assert both.parts["text"].shape == (2, 4, 3)
    assert both.parts["text.mask"].tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
    assert len(both) == 2
    assert torch.equal(both[[1]].parts["text"], long.parts["text"])
    assert both.to("cpu", torch.bfloat16).parts["text"].dtype == torch.bfloat16
    restored = Conditioning.from_state(both.state())
    assert all(torch.equal(restored.parts[name], both.parts[name]) for name in both.parts)


def test_conditioning_keeps_ids_and_leaves_the_graph_when_asked() -> None:
    row = Conditioning({"ids": torch.tensor([[1, 2]]), "x": torch.ones(1, 1, requires_grad=True)})
    assert row.to("cpu", torch.float16).parts["ids"].dtype == torch.int64
    assert not row.detach().parts["x"].requires_grad
    assert Conditioning.cat([row]) is row
