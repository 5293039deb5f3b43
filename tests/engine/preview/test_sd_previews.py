"""Previews of Stable Diffusion 2 and SDXL, alone and with a refiner: what diffusers would draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.families.samplers import make_scheduler
from engine.networks.lora import attach
from schema.sections.network import Network
from schema.sections.train import Train
from tests.engine import tiny_sd
from tests.engine.preview.test_preview import Counter, draw, pixels

PROMPT, NEGATIVE = "a red circle", "blurry"
SETTINGS: dict[str, Any] = {"prompts": [PROMPT], "neg": NEGATIVE, "sampler": "ddim"}
each_family = pytest.mark.parametrize("arch", ["sd2", "sdxl"])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sd-models")
    found = {
        "sd2": tiny_sd.build_sd2(folder / "sd2"),
        "sdxl": tiny_sd.build_sdxl(folder / "sdxl"),
    }
    return found | {"refiner": tiny_sd.build_refiner(folder / "refiner", found["sdxl"])}


@pytest.fixture(scope="module")
def families(models: dict[str, Path]) -> dict[str, Any]:
    """Loaded families; "refined" is SDXL with its refiner. Do not train them."""
    found = {arch: tiny_sd.load_family(arch, models[arch]) for arch in ("sd2", "sdxl")}
    refiner = {"refiner_name_or_path": str(models["refiner"])}
    return found | {"refined": tiny_sd.load_family("sdxl", models["sdxl"], **refiner)}


def pipeline_of(folder: Path, sampler: str) -> Any:
    from diffusers import DiffusionPipeline

    found = DiffusionPipeline.from_pretrained(folder)
    found.scheduler = make_scheduler(sampler, found.scheduler.config)
    found.set_progress_bar_config(disable=True)
    return found


def by_diffusers(pipeline: Any, **options: Any) -> Any:
    """One picture with the settings of the previews; latents where `options` ask for them."""
    settings: dict[str, Any] = {"width": 64, "height": 64, "num_inference_steps": 3,
        "guidance_scale": 7.0, "negative_prompt": NEGATIVE}  # fmt: skip
    generator = options.pop("generator", torch.Generator().manual_seed(4))
    found = pipeline(PROMPT, generator=generator, **(settings | options)).images
    return found if options.get("output_type") == "latent" else np.asarray(found[0]).astype(int)


@each_family
@pytest.mark.proves("sample.sampler", "model.arch")
@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "euler_a", "k_dpmsolver++"])
def test_a_preview_is_the_picture_that_diffusers_draws(
    families: dict[str, Any], models: dict[str, Path], tmp_path: Path, arch: str, sampler: str
) -> None:
    (image,) = draw(families[arch], tmp_path, **SETTINGS | {"sampler": sampler})
    theirs = by_diffusers(pipeline_of(models[arch], sampler))
    assert np.array_equal(pixels(image), theirs)


@pytest.mark.proves("sample.guidance_rescale")
def test_guidance_can_be_rescaled_by_key_and_by_flag(
    families: dict[str, Any], models: dict[str, Path], tmp_path: Path
) -> None:
    prompts = [PROMPT, f"{PROMPT} --gr 0.0"]
    one, flagged = draw(
        families["sdxl"], tmp_path, **SETTINGS | {"prompts": prompts, "guidance_rescale": 0.7}
    )
    pipeline = pipeline_of(models["sdxl"], "ddim")
    assert np.array_equal(pixels(one), by_diffusers(pipeline, guidance_rescale=0.7))
    assert np.array_equal(pixels(flagged), by_diffusers(pipeline))
    assert not np.array_equal(pixels(one), pixels(flagged))
    assert (one.fields()["guidance_rescale"], flagged.fields()["guidance_rescale"]) == (0.7, 0.0)


@pytest.mark.proves("sample.refiner_start_at", "model.refiner_name_or_path")
@pytest.mark.parametrize("sampler", ["ddim", "k_euler"])
def test_a_refined_preview_is_the_picture_that_diffusers_two_pipelines_draw(
    families: dict[str, Any], models: dict[str, Path], tmp_path: Path, sampler: str
) -> None:
    settings = SETTINGS | {"sampler": sampler, "refiner_start_at": 0.6, "sample_steps": 5}
    (image,) = draw(families["refined"], tmp_path, **settings)
    base, refiner = (pipeline_of(models[name], sampler) for name in ("sdxl", "refiner"))
    generator = torch.Generator().manual_seed(4)
    steps = {"num_inference_steps": 5, "generator": generator}
    half = by_diffusers(base, **steps, denoising_end=0.6, output_type="latent")
    pipeline = refiner
    found = pipeline(
        PROMPT, negative_prompt=NEGATIVE, image=half, denoising_start=0.6, guidance_scale=7.0,
        **steps,
    ).images[0]  # fmt: skip
    assert np.array_equal(pixels(image), np.asarray(found).astype(int))
    (plain,) = draw(families["sdxl"], tmp_path, **settings)
    assert not np.array_equal(pixels(plain), pixels(image))


@pytest.mark.proves("sample.refiner_start_at")
def test_each_model_does_its_share_of_the_steps(families: dict[str, Any], tmp_path: Path) -> None:
    refined = families["refined"]
    draw(refined, tmp_path, **SETTINGS)  # the refiner is loaded when the first preview asks for it
    counters = [Counter(d.module) for d in (refined.base, refined._refiner)]
    shares = {}
    for start in (0.0, 0.3, 0.8, 1.0):
        settings = SETTINGS | {"sample_steps": 10, "refiner_start_at": start, "prompts": ["a"]}
        ticks: list[int] = []
        _rendered(refined, tmp_path, settings, ticks)
        shares[start] = tuple(len(counter.rows) for counter in counters)
        for counter in counters:
            counter.rows.clear()
        assert sorted(set(ticks)) == list(range(11))  # progress counts both through
    assert shares == {0.0: (0, 10), 0.3: (3, 7), 0.8: (8, 2), 1.0: (10, 0)}
    flagged = SETTINGS | {"sample_steps": 10, "prompts": ["a --ref 0.3"]}
    (image,) = draw(refined, tmp_path, **flagged)
    assert tuple(len(counter.rows) for counter in counters) == (3, 7)
    assert image.fields()["refiner_start_at"] == 0.3
    for counter in counters:
        counter.handle.remove()


def _rendered(family: Any, folder: Path, settings: dict[str, Any], ticks: list[int]) -> None:
    from engine.preview import Preview
    from schema.sections.sample import Sample
    from tests.engine.preview.test_preview import SMALL

    preview = Preview(family, Sample(**(SMALL | settings)), "sks")
    preview.render(1, None, folder, progress=lambda _, done, __: ticks.append(done))


def test_a_family_without_a_refiner_says_nothing_of_one(
    families: dict[str, Any], tmp_path: Path
) -> None:
    (image,) = draw(families["sdxl"], tmp_path, **SETTINGS)
    assert "refiner_start_at" not in image.fields()
    (older,) = draw(families["sd2"], tmp_path, **SETTINGS)
    assert "guidance_rescale" not in older.fields()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_refiner_trained_alone_is_drawn_with_its_base_in_another_precision(
    models: dict[str, Path], tmp_path: Path, dtype: str
) -> None:
    refiner = {"refiner_name_or_path": str(models["refiner"])}
    family = tiny_sd.open_family("sdxl", models["sdxl"], dtype, **refiner)
    family.train_refiner(with_base=False)
    family.load_text_encoders()
    family.load_denoisers()
    assert [d.name for d in family.denoisers] == ["refiner"]
    assert family.denoisers[0].module.dtype == torch.float32
    (image,) = draw(family, tmp_path, **SETTINGS)
    assert pixels(image).std() > 0


# -- LoRA files, judged by the pictures and tensors of diffusers' own loader

KINDS = {
    "linear": {"linear": 4, "alpha": 2.0},
    "conv": {"linear": 4, "alpha": 2.0, "conv": 3, "conv_alpha": 1.5},
}


def adapted(arch: str, folder: Path, **network: Any) -> tuple[Any, Any]:
    """A model with a strong LoRA on UNet and text encoders."""
    family = tiny_sd.load_family(arch, folder)
    net = attach(family, Network(**network), Train(train_text_encoder=True), 3)
    generator = torch.Generator().manual_seed(2)
    state = net.state_dict()
    net.load_state_dict(
        {k: torch.randn(v.shape, generator=generator) / 5 for k, v in state.items()}
    )
    return family, net


@each_family
@pytest.mark.proves("network.network_kwargs.peft_format")
@pytest.mark.parametrize("key_format", ["kohya", "diffusers"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_diffusers_draws_with_a_saved_lora_what_the_preview_showed(
    models: dict[str, Path], families: dict[str, Any], tmp_path: Path,
    caplog: pytest.LogCaptureFixture, arch: str, key_format: str, kind: str,
) -> None:  # fmt: skip
    family, net = adapted(arch, models[arch], **KINDS[kind])
    (image,) = draw(family, tmp_path, net.scaled, **SETTINGS)
    tensors, metadata = family.lora_file(net.state_dict(), net.alphas, key_format)
    save_file(tensors, tmp_path / "lora.safetensors", metadata=metadata)
    pipeline = pipeline_of(models[arch], "ddim")
    pipeline.load_lora_weights(str(tmp_path / "lora.safetensors"))
    assert not [r for r in caplog.records if r.levelname == "WARNING" and "key" in r.message]
    parts = [pipeline.unet, *(getattr(pipeline, name) for name in family.text_encoders)]
    loaded = [name for part in parts for name, _ in part.named_parameters() if "lora" in name]
    assert len(loaded) == len(net.state_dict())
    assert np.array_equal(pixels(image), by_diffusers(pipeline))
    (plain,) = draw(families[arch], tmp_path, **SETTINGS)
    assert np.abs(pixels(image) - pixels(plain)).max() > 8


@each_family
@pytest.mark.parametrize("key_format", ["kohya", "diffusers"])
def test_a_lora_file_reads_back_as_it_was(
    models: dict[str, Path], arch: str, key_format: str
) -> None:
    family, net = adapted(arch, models[arch], **KINDS["conv"])
    tensors, metadata = family.lora_file(net.state_dict(), net.alphas, key_format)
    state, alphas = family.read_lora_file(tensors, metadata)
    assert state.keys() == net.state_dict().keys()
    assert all(torch.equal(state[key], net.state_dict()[key]) for key in state)
    assert alphas == net.alphas
    components = {family.lora_component(key) for key in tensors}
    assert components == {"unet", *family.text_encoders}


def test_files_with_the_blocks_of_the_original_release_are_read_too(
    models: dict[str, Path],
) -> None:
    """kohya's scripts call SDXL's blocks so."""
    family, net = adapted("sdxl", models["sdxl"], **KINDS["conv"])
    tensors, _ = family.lora_file(net.state_dict(), net.alphas, "kohya")
    names = {
        "lora_unet_down_blocks_1_attentions_0_": "lora_unet_input_blocks_3_1_",
        "lora_unet_mid_block_attentions_0_": "lora_unet_middle_block_1_",
        "lora_unet_down_blocks_1_resnets_0_conv1": "lora_unet_input_blocks_3_0_in_layers_2",
        "lora_unet_up_blocks_0_upsamplers_0_conv": "lora_unet_output_blocks_1_2_conv",
    }
    renamed = {}
    for key, tensor in tensors.items():
        old = next((name for name in names if key.startswith(name)), "")
        renamed[key.replace(old, names[old]) if old else key] = tensor
    assert len(renamed.keys() - tensors.keys()) > 20
    state, alphas = family.read_lora_file(renamed, {})
    assert state.keys() == net.state_dict().keys()
    assert alphas == net.alphas


def test_the_second_text_encoder_can_be_told_something_else(
    families: dict[str, Any], models: dict[str, Path], tmp_path: Path
) -> None:
    told = "a blue square --p2 a red circle --n dull --n2 blurry"
    (image,) = draw(families["sdxl"], tmp_path, prompts=[told], sampler="ddim")
    pipeline = pipeline_of(models["sdxl"], "ddim")
    theirs = pipeline(
        "a blue square", prompt_2="a red circle", negative_prompt="dull",
        negative_prompt_2="blurry", width=64, height=64, num_inference_steps=3,
        guidance_scale=7.0, generator=torch.Generator().manual_seed(4),
    ).images[0]  # fmt: skip
    assert np.array_equal(pixels(image), np.asarray(theirs).astype(int))
    assert image.fields()["prompt_2"] == "a red circle"
    (plain,) = draw(families["sdxl"], tmp_path, prompts=["a blue square --n dull"], sampler="ddim")
    assert not np.array_equal(pixels(image), pixels(plain))
