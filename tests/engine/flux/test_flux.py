"""FLUX.1 as a family: loading, encoding, packing and predicting as diffusers does."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import DataError
from engine.families.flux_pack import pack, position_ids, unpack
from tests.engine import tiny_flux

PROMPTS = ["a red circle", "a blue square on the left"]


def their_prediction(
    transformer: Any, pipeline: Any, latents: torch.Tensor, t: torch.Tensor, prompts: list[str],
    guidance: torch.Tensor | None,
) -> torch.Tensor:  # fmt: skip
    """The velocity as diffusers' own functions pack, call and unpack."""
    text, pooled, text_ids = pipeline.encode_prompt(prompts, None, max_sequence_length=512)
    batch, channels, height, width = latents.shape
    ids = pipeline._prepare_latent_image_ids(batch, height // 2, width // 2, "cpu", torch.float32)
    predicted = transformer(
        hidden_states=pipeline._pack_latents(latents, batch, channels, height, width),
        timestep=t / 1000,
        guidance=guidance,
        pooled_projections=pooled,
        encoder_hidden_states=text,
        txt_ids=text_ids,
        img_ids=ids,
        return_dict=False,
    )[0]
    found: torch.Tensor = pipeline._unpack_latents(predicted, height * 8, width * 8, 8)
    return found


def test_packing_and_positions_are_diffusers_own(pipeline: Any) -> None:
    latents = torch.randn(2, 16, 6, 10)
    tokens = pack(latents)
    assert torch.equal(tokens, pipeline._pack_latents(latents, 2, 16, 6, 10))
    assert torch.equal(unpack(tokens, 6, 10), latents)
    assert torch.equal(
        position_ids(6, 10, torch.device("cpu")),
        pipeline._prepare_latent_image_ids(2, 3, 5, "cpu", torch.float32),
    )


def test_prompts_are_encoded_as_diffusers_does(family: Any, pipeline: Any) -> None:
    ours = family.encode_prompts(PROMPTS).parts
    with torch.no_grad():
        text, pooled, _ = pipeline.encode_prompt(PROMPTS, None, max_sequence_length=512)
    assert ours["text"].shape == (2, 512, 32)
    torch.testing.assert_close(ours["text"], text)
    torch.testing.assert_close(ours["pooled"], pooled)


def test_a_model_without_guidance_input_reads_256_tokens(schnell: Path) -> None:
    family = tiny_flux.open_flux(schnell)
    family.load_text_encoders()
    assert family.encode_prompts(["red " * 400]).parts["text"].shape == (1, 256, 32)


def test_prediction_is_diffusers_own(family: Any, pipeline: Any) -> None:
    latents, t = torch.randn(2, 16, 8, 12), torch.tensor([20.0, 930.5])
    conditioning = family.encode_prompts(PROMPTS)
    with torch.no_grad():
        for guidance in (1.0, 3.5):
            told = torch.full((2,), guidance)
            expected = their_prediction(pipeline.transformer, pipeline, latents, t, PROMPTS, told)
            ours = family.predict(family.denoisers[0], latents, t, conditioning, told)
            torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


def test_a_model_without_guidance_input_is_told_none(schnell: Path) -> None:
    from diffusers import FluxPipeline

    family, theirs = tiny_flux.load_flux(schnell), FluxPipeline.from_pretrained(schnell)
    latents, t = torch.randn(1, 16, 8, 8), torch.tensor([500.0])
    conditioning = family.encode_prompts(PROMPTS[:1])
    told = torch.tensor([7.0])
    with torch.no_grad():
        ours = family.predict(family.denoisers[0], latents, t, conditioning, told)
        text, pooled, _ = theirs.encode_prompt(PROMPTS[:1], None, max_sequence_length=256)
        torch.testing.assert_close(conditioning.parts["text"], text)
        expected = theirs.transformer(
            hidden_states=pack(latents), timestep=t / 1000, pooled_projections=pooled,
            encoder_hidden_states=text, txt_ids=torch.zeros(256, 3),
            img_ids=position_ids(8, 8, torch.device("cpu")), return_dict=False,
        )[0]  # fmt: skip
    torch.testing.assert_close(ours, unpack(expected, 8, 8), atol=1e-5, rtol=1e-5)


@pytest.mark.proves("train.cfg_scale")
def test_the_guidance_input_is_told_the_cfg_scale(dev: Path, family: Any) -> None:
    latents, t = torch.randn(1, 16, 8, 8), torch.tensor([500.0])
    conditioning = family.encode_prompts(PROMPTS[:1])
    told = tiny_flux.load_flux(dev, train__cfg_scale=3.5)
    with torch.no_grad():
        plain = family.predict(family.denoisers[0], latents, t, conditioning)
        at_one = family.predict(family.denoisers[0], latents, t, conditioning, torch.tensor([1.0]))
        ours = told.predict(told.denoisers[0], latents, t, conditioning)
        expected = family.predict(
            family.denoisers[0], latents, t, conditioning, torch.tensor([3.5])
        )
    assert torch.equal(plain, at_one)
    assert torch.equal(ours, expected)
    assert not torch.allclose(plain, expected)


@pytest.mark.proves("train.bypass_guidance_embedding", "model.use_flux_cfg")
@pytest.mark.parametrize("options", [
    {"train__bypass_guidance_embedding": True}, {"model.use_flux_cfg": True},
])  # fmt: skip
def test_training_without_the_guidance_input_never_calls_it(
    dev: Path, family: Any, options: dict[str, Any]
) -> None:
    """What is left is the embedding of time plus that of the prompt."""
    options = {name.removeprefix("model."): value for name, value in options.items()}
    bare = tiny_flux.load_flux(dev, **options)
    embedder = bare.denoisers[0].module.time_text_embed
    called: list[int] = []
    embedder.guidance_embedder.register_forward_hook(lambda *_: called.append(1))
    latents, t = torch.randn(1, 16, 8, 8), torch.tensor([500.0])
    conditioning = family.encode_prompts(PROMPTS[:1])
    with torch.no_grad():
        ours = bare.predict(bare.denoisers[0], latents, t, conditioning, torch.tensor([3.0]))
        guided = family.predict(family.denoisers[0], latents, t, conditioning)
        pooled = conditioning.parts["pooled"]
        summed = embedder.timestep_embedder(embedder.time_proj(t)) + embedder.text_embedder(pooled)
        assert torch.equal(embedder(t, pooled), summed)
    assert not called
    assert not torch.allclose(ours, guided)


@pytest.mark.proves("model.attn_masking")
def test_blank_padding_is_zero_and_part_of_the_caches_name(dev: Path, family: Any) -> None:
    blank = tiny_flux.open_flux(dev, attn_masking=True)
    blank.load_text_encoders()
    masked = blank.encode_prompts(PROMPTS).parts["text"]
    plain = family.encode_prompts(PROMPTS).parts["text"]
    tokenizer = blank.load_tokenizers()[1]
    for row, prompt in enumerate(PROMPTS):
        length = len(tokenizer(prompt).input_ids)
        assert torch.equal(masked[row, :length], plain[row, :length])
        assert not masked[row, length:].any()
        assert plain[row, length:].abs().sum() > 0
    assert blank.text_identity != family.text_identity


def test_images_become_shifted_and_scaled_latents_and_back(family: Any, pipeline: Any) -> None:
    pixels = torch.rand(2, 3, 64, 32) * 2 - 1
    with torch.no_grad():
        mode = pipeline.vae.encode(pixels).latent_dist.mode()
        latents = family.encode_images(pixels)
        torch.testing.assert_close(latents, (mode - 0.1159) * 0.3611)
        decoded = pipeline.vae.decode(mode, return_dict=False)[0]
    assert latents.shape == (2, *family.latent_shape(32, 64))
    torch.testing.assert_close(family.decode_latents(latents), decoded, atol=1e-4, rtol=1e-4)


def test_posterior_draws_depend_on_their_own_generator(family: Any) -> None:
    def draws(*seeds: int) -> torch.Tensor:
        found: torch.Tensor = family.encode_images(
            torch.ones(2, 3, 64, 64) * 0.3, [torch.Generator().manual_seed(s) for s in seeds]
        )
        return found

    assert torch.equal(draws(1, 2)[1], draws(3, 2)[1])
    assert not torch.equal(draws(1, 2)[0], draws(3, 2)[0])


def test_noise_lies_on_the_straight_line_and_shifts_with_the_resolution(
    family: Any, schnell: Path
) -> None:
    table, latents, noise = family.noise_table(), torch.randn(1, 16, 4, 4), torch.randn(1, 16, 4, 4)
    t = torch.tensor([250.0])
    torch.testing.assert_close(table.add_noise(latents, noise, t), 0.75 * latents + 0.25 * noise)
    assert torch.equal(table.target(latents, noise, t), noise - latents)
    assert family.sigma_shift(256) == pytest.approx(math.exp(0.5))
    assert family.sigma_shift(4096) == pytest.approx(math.exp(1.15))
    assert tiny_flux.open_flux(schnell).sigma_shift(4096) == 1.0
    assert family.image_tokens(family.latent_shape(1024, 1024)) == 4096


def test_sizes_are_multiples_of_32_and_the_model_needs_16(family: Any) -> None:
    assert family.size_multiple == 32
    assert family.latent_shape(96, 64) == (16, 8, 12)
    assert family.row.multiple == 16


def test_nothing_is_loaded_by_opening_and_parts_can_be_freed(dev: Path) -> None:
    family = tiny_flux.open_flux(dev)
    assert (family.denoisers, family.text_encoders, family.vae) == ([], {}, None)
    family.load_text_encoders()
    before = family.encode_prompts(PROMPTS).parts["pooled"]
    family.free_text_encoders()
    assert not family.text_encoders
    family.load_text_encoders()
    assert torch.equal(family.encode_prompts(PROMPTS).parts["pooled"], before)


def test_frozen_weights_have_the_asked_dtype_and_trained_clip_its_own(dev: Path) -> None:
    family = tiny_flux.open_flux(dev, "bfloat16")
    family.load_text_encoders(torch.float32)
    family.load_vae()
    family.load_denoisers()
    kinds = {name: next(m.parameters()).dtype for name, m in family.text_encoders.items()}
    assert kinds == {"text_encoder": torch.float32, "text_encoder_2": torch.bfloat16}
    assert {p.dtype for p in family.denoisers[0].module.parameters()} == {torch.bfloat16}
    assert not any(p.requires_grad for p in family.denoisers[0].module.parameters())
    prediction = family.predict(
        family.denoisers[0], torch.randn(1, 16, 8, 8), torch.tensor([5.0]),
        family.encode_prompts(["a"]),
    )  # fmt: skip
    assert prediction.dtype == torch.bfloat16
    assert prediction.isfinite().all()


def test_an_autoencoder_that_overflows_in_half_precision_is_kept_in_float32(dev: Path) -> None:
    kinds = {}
    for dtype in ("float16", "bfloat16"):
        family = tiny_flux.open_flux(dev, dtype)
        family.load_vae()
        kinds[dtype] = family.vae.dtype
    assert kinds == {"float16": torch.float32, "bfloat16": torch.bfloat16}


def test_clip_is_differentiable_and_t5_is_not(dev: Path) -> None:
    family = tiny_flux.open_flux(dev)
    family.load_text_encoders()
    for encoder in family.text_encoders.values():
        encoder.requires_grad_(True)
    parts = family.encode_prompts(PROMPTS).parts
    assert parts["pooled"].requires_grad
    assert not parts["text"].requires_grad


def test_another_vae_is_taken_from_a_folder(dev: Path, tmp_path: Path, family: Any) -> None:
    other = tiny_flux.build_flux(tmp_path / "other", seed=5)
    swapped = tiny_flux.open_flux(dev, vae_path=str(other))
    swapped.load_vae()
    pixels = torch.rand(1, 3, 64, 64)
    assert not torch.equal(swapped.encode_images(pixels), family.encode_images(pixels))


def test_a_conditioned_transformer_is_refused(dev: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(dev, tmp_path / "fill"))
    config = json.loads((folder / "transformer" / "config.json").read_text())
    (folder / "transformer" / "config.json").write_text(json.dumps(config | {"in_channels": 384}))
    with pytest.raises(DataError, match="384 input channels"):
        tiny_flux.open_flux(folder)


def test_every_missing_part_is_named(dev: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(dev, tmp_path / "model"))
    shutil.rmtree(folder / "text_encoder_2")
    shutil.rmtree(folder / "tokenizer_2")
    with pytest.raises(DataError, match=r"text_encoder_2/config.json.*tokenizer_2"):
        tiny_flux.open_flux(folder)


def test_a_weight_that_is_missing_is_an_error_not_random(dev: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(dev, tmp_path / "model"))
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    state = load_file(weights)
    state.pop("context_embedder.weight")
    save_file(state, weights, metadata={"format": "pt"})
    with pytest.raises(DataError, match=r"transformer lacks 1 weight, such as context_embedder"):
        tiny_flux.open_flux(folder).load_denoisers()
