"""Stable Diffusion 2, SDXL and its refiner: tensors, files and pictures as diffusers has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import DataError
from tests.engine import tiny, tiny_sd

CAPTIONS = ["a red circle", "a blue square at the top"]
NAMES = {"diffusers": "model", "safetensors": "model.safetensors", "ckpt": "model.ckpt"}
BUILDERS: dict[str, Callable[..., Path]] = {"sd2": tiny_sd.build_sd2, "sdxl": tiny_sd.build_sdxl}
each_family = pytest.mark.parametrize("arch", list(BUILDERS))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny folder of each family. Read them, never write into them."""
    folder = tmp_path_factory.mktemp("sd-models")
    found = {arch: build(folder / arch) for arch, build in BUILDERS.items()}
    return found | {"refiner": tiny_sd.build_refiner(folder / "refiner", found["sdxl"])}


@pytest.fixture(scope="module")
def families(models: dict[str, Path]) -> dict[str, Any]:
    """Both families, loaded in float32. Do not train them."""
    return {arch: tiny_sd.load_family(arch, models[arch]) for arch in BUILDERS}


@pytest.fixture(scope="module")
def saved(families: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both families in every save format, float32, as <arch>/<name>."""
    folder = tmp_path_factory.mktemp("saved")
    for arch, family in families.items():
        for save_format, name in NAMES.items():
            family.save_full(folder / arch / name, torch.float32, save_format)
    return folder


def pipeline_of(folder: Path) -> Any:
    from diffusers import DiffusionPipeline

    found = DiffusionPipeline.from_pretrained(folder)
    found.set_progress_bar_config(disable=True)
    return found


@pytest.mark.proves("model.name_or_path", "model.arch", "model.is_v2")
def test_sd2_reads_text_and_predicts_as_diffusers_does(
    models: dict[str, Path], families: dict[str, Any]
) -> None:
    theirs, ours = pipeline_of(models["sd2"]), families["sd2"]
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    t_B = torch.tensor([10, 900])
    with torch.no_grad():
        text, _ = theirs.encode_prompt(CAPTIONS, "cpu", 1, False)
        predicted = theirs.unet(latents, t_B, encoder_hidden_states=text).sample
    conditioning = ours.encode_prompts(CAPTIONS)
    assert torch.equal(conditioning.parts["text"], text)
    assert torch.equal(ours.predict(ours.base, latents, t_B, conditioning), predicted)


@pytest.mark.proves("model.arch", "model.is_xl")
def test_sdxl_joins_two_encoders_and_tells_sizes_as_diffusers_does(
    models: dict[str, Path], families: dict[str, Any]
) -> None:
    theirs, ours = pipeline_of(models["sdxl"]), families["sdxl"]
    latents = torch.randn(2, 4, 8, 16, generator=torch.Generator().manual_seed(0))
    t_B = torch.tensor([10, 900])
    rows = torch.tensor([[100, 300, 3, 7, 64, 128], [64, 128, 0, 0, 64, 128]])
    with torch.no_grad():
        text, _, pooled, _ = theirs.encode_prompt(CAPTIONS, None, "cpu", 1, False)
        told = {"text_embeds": pooled, "time_ids": rows.float()}
        predicted = theirs.unet(
            latents, t_B, encoder_hidden_states=text, added_cond_kwargs=told
        ).sample
    conditioning = ours.encode_prompts(CAPTIONS)
    assert torch.equal(conditioning.parts["text"], text)
    assert torch.equal(conditioning.parts["pooled"], pooled)
    framed = ours.with_sizes(conditioning, rows)
    with torch.no_grad():
        assert torch.equal(ours.predict(ours.base, latents, t_B, framed), predicted)
        # without sizes of its own a prompt is about a picture of just this size
        plain = ours.predict(ours.base, latents, t_B, conditioning)
    assert torch.equal(plain[1], predicted[1])
    assert not torch.equal(plain[0], predicted[0])


def test_sizes_survive_half_precision_and_repeated_rows(families: dict[str, Any]) -> None:
    ours = families["sdxl"]
    rows = torch.tensor([[1023, 301, 3, 7, 1001, 999]])
    prompts = ours.encode_prompts(CAPTIONS).to("cpu", torch.bfloat16)
    framed = ours.with_sizes(prompts, rows).to("cpu", torch.bfloat16)
    assert framed.parts["sizes"].tolist() == rows.tolist() * 2


@pytest.mark.proves("model.is_v_pred")
@pytest.mark.parametrize("arch", ["sd1", "sd2", "sdxl"])
def test_the_flag_makes_the_velocity_the_target_also_in_previews_and_saved_models(
    models: dict[str, Path], tiny_sd1: Path, tmp_path: Path, arch: str
) -> None:
    from engine.families.samplers import make_scheduler

    path = tiny_sd1 if arch == "sd1" else models[arch]
    if arch == "sd2":
        path = tiny_sd.build_sd2(tmp_path / "epsilon", prediction_type="epsilon")
    plain = tiny_sd.open_family(arch, path)
    flagged = tiny_sd.load_family(arch, path, is_v_pred=True)
    latents, noise = torch.randn(2, 1, 4, 8, 8)
    t = torch.tensor([400])
    table = flagged.noise_table()
    assert torch.equal(plain.noise_table().target(latents, noise, t), noise)
    a = table.alphas_cumprod[t].view(1, 1, 1, 1)
    expected = a.sqrt() * noise - (1 - a).sqrt() * latents
    torch.testing.assert_close(table.target(latents, noise, t), expected)
    assert torch.equal(table.alphas_cumprod, plain.noise_table().alphas_cumprod)
    assert make_scheduler("ddim", flagged.configs["scheduler"]).config.prediction_type == (
        "v_prediction"
    )
    for name in NAMES:
        flagged.save_full(tmp_path / NAMES[name], torch.float32, name)
        again = tiny_sd.open_family(arch, tmp_path / NAMES[name])
        assert again.configs["scheduler"]["prediction_type"] == "v_prediction"


def test_a_folders_own_prediction_type_counts(families: dict[str, Any]) -> None:
    assert families["sd2"].noise_table().prediction_type == "v_prediction"
    assert families["sdxl"].noise_table().prediction_type == "epsilon"


@each_family
@pytest.mark.parametrize("save_format", list(NAMES))
@pytest.mark.proves("save.save_format", "model.name_or_path")
def test_every_format_reads_back_bit_equal_with_its_vocabularies(
    families: dict[str, Any], saved: Path, arch: str, save_format: str
) -> None:
    again = tiny_sd.load_family(arch, saved / arch / NAMES[save_format])
    original, found = tiny_sd.states(families[arch]), tiny_sd.states(again)
    assert found.keys() == original.keys()
    assert all(torch.equal(found[key], original[key]) for key in original)
    prompts = ["a red circle, sks", "ünknown wörds"]
    one, other = (f.encode_prompts(prompts) for f in (again, families[arch]))
    assert all(torch.equal(one.parts[name], other.parts[name]) for name in one.parts)


@each_family
def test_diffusers_opens_the_saved_folder_and_draws_the_same(
    models: dict[str, Path], saved: Path, arch: str
) -> None:
    drawn = [_drawn(pipeline_of(path)) for path in (models[arch], saved / arch / "model")]
    assert torch.equal(*drawn)


def _drawn(pipeline: Any, **options: Any) -> torch.Tensor:
    settings = {"width": 64, "height": 64, "num_inference_steps": 2, "output_type": "pt"}
    generator = torch.Generator().manual_seed(1)
    found: torch.Tensor = pipeline(
        "a red circle", generator=generator, **(settings | options)
    ).images
    return found


WHOLE: dict[str, dict[str, Any]] = {
    "sd2": {"text": tiny_sd.WIDE_TEXT, "vae": tiny_sd.WIDE_VAE},
    "sdxl": {
        "first": tiny_sd.WIDE_TEXT,
        # diffusers knows SDXL's file by a weight of the tenth layer, and the two by their widths
        "second": {"hidden_size": 128, "num_attention_heads": 2, "projection_dim": 128,
            "num_hidden_layers": 10},
        "vae": tiny_sd.WIDE_VAE,
    },
}  # fmt: skip


@each_family
@pytest.mark.proves("save.save_format")
def test_diffusers_loads_the_saved_single_file(tmp_path: Path, arch: str) -> None:
    import diffusers

    folder = BUILDERS[arch](tmp_path / arch, **WHOLE[arch])
    family = tiny_sd.load_family(arch, folder)
    family.save_full(tmp_path / "x.safetensors", torch.float32, "safetensors")
    kind = {"sd2": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline"}[arch]
    theirs = getattr(diffusers, kind).from_single_file(
        tmp_path / "x.safetensors", config=str(folder), local_files_only=True
    )
    for name in ("unet", "vae", *family.text_encoders):
        expected = getattr(pipeline_of(folder), name).state_dict()
        found = getattr(theirs, name).state_dict()
        assert expected.keys() == found.keys()
        assert all(torch.equal(found[key], expected[key]) for key in expected), name


@each_family
def test_a_single_file_of_others_opens_by_the_shapes_of_its_tensors(
    tmp_path: Path, arch: str
) -> None:
    from safetensors.torch import load_file, save_file

    folder = BUILDERS[arch](tmp_path / arch, **WHOLE[arch], **tiny_sd.WIDE)
    _give_the_real_vocabulary(folder, arch)
    family = tiny_sd.load_family(arch, folder)
    family.save_full(tmp_path / "x.safetensors", torch.float32, "safetensors")
    save_file(load_file(tmp_path / "x.safetensors"), tmp_path / "bare.safetensors")
    again = tiny_sd.load_family(arch, tmp_path / "bare.safetensors")
    original, found = tiny_sd.states(family), tiny_sd.states(again)
    assert found.keys() == original.keys()
    assert all(torch.equal(found[key], original[key]) for key in original)
    one, other = (f.encode_prompts(["a cat"]) for f in (again, family))
    latents, t = torch.randn(1, 4, 8, 8), torch.tensor([500])
    assert all(torch.equal(one.parts[name], other.parts[name]) for name in one.parts)
    expected = family.predict(family.base, latents, t, other)
    if arch == "sdxl":  # the sizes of the real release's time embedding are not in a shape
        again.base.module.add_time_proj = family.base.module.add_time_proj
    assert torch.equal(again.predict(again.base, latents, t, one), expected)


def _give_the_real_vocabulary(folder: Path, arch: str) -> None:
    """OpenAI's 49,408 tokens in place of the tiny ones, as a file without a vocabulary has."""
    import shutil

    from transformers import AutoConfig

    from engine.families import clip

    parts = {"text_encoder": "tokenizer", "text_encoder_2": "tokenizer_2"}
    for text, tokenizer in parts.items():
        if not (folder / text).exists():
            continue
        open_clip = arch == "sd2" or text == "text_encoder_2"
        tokens = clip.standard_tokenizer(open_clip)
        shutil.rmtree(folder / tokenizer)
        clip.save_tokenizer(tokens, folder / tokenizer)
        old = AutoConfig.from_pretrained(folder / text)
        sizes = {k: getattr(old, k) for k in ("hidden_size", "num_attention_heads",
            "num_hidden_layers", "projection_dim")}  # fmt: skip
        torch.manual_seed(1)
        act = "gelu" if open_clip else "quick_gelu"
        projected = text == "text_encoder_2"
        tiny_sd.text_encoder(tokens, projected=projected, act=act, **sizes).save_pretrained(
            folder / text
        )


def test_the_layer_that_sd2_never_asks_is_in_its_file_and_not_loaded(
    families: dict[str, Any], saved: Path
) -> None:
    from safetensors.torch import load_file

    state = load_file(saved / "sd2" / NAMES["safetensors"])
    start = "cond_stage_model.model.transformer.resblocks."
    layers = {int(k.removeprefix(start).split(".")[0]) for k in state if k.startswith(start)}
    assert layers == {0, 1, 2}
    assert families["sd2"].text_encoders["text_encoder"].config.num_hidden_layers == 2


def test_other_models_are_refused_by_name(
    models: dict[str, Path], saved: Path, tiny_sd1: Path
) -> None:
    wrong = [
        ("sdxl", saved / "sd2" / NAMES["safetensors"], "is Stable Diffusion 2, not SDXL"),
        ("sd2", saved / "sdxl" / NAMES["safetensors"], "is SDXL, not Stable Diffusion 2"),
        ("sd1", saved / "sdxl" / NAMES["safetensors"], "is SDXL, not Stable Diffusion 1"),
        ("sdxl", tiny_sd1, "holds a StableDiffusionPipeline, not SDXL"),
        ("sd2", models["sdxl"], "holds a StableDiffusionXLPipeline, not Stable Diffusion 2"),
        ("sdxl", models["refiner"], "holds a StableDiffusionXLImg2ImgPipeline, not SDXL"),
    ]
    for arch, path, message in wrong:
        with pytest.raises(DataError, match=message):
            tiny_sd.open_family(arch, path)


def test_files_without_their_metadata_say_that_they_predict_velocity(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tiny_sd.build_sdxl(tmp_path / "xl", **WHOLE["sdxl"], **tiny_sd.WIDE)
    family = tiny_sd.load_family("sdxl", folder, is_v_pred=True)
    family.save_full(tmp_path / "x.safetensors", torch.float32, "safetensors")
    save_file(load_file(tmp_path / "x.safetensors"), tmp_path / "bare.safetensors")
    again = tiny_sd.open_family("sdxl", tmp_path / "bare.safetensors")
    assert again.noise_table().prediction_type == "v_prediction"


@pytest.mark.parametrize(("said", "expected"), [("v", "v_prediction"), ("epsilon", "epsilon")])
def test_a_files_own_specification_says_what_it_predicts(
    tmp_path: Path, said: str, expected: str
) -> None:
    from safetensors.torch import save_file

    folder = tiny_sd.build_sd2(tmp_path / "sd2", **WHOLE["sd2"], **tiny_sd.WIDE)
    tiny_sd.load_family("sd2", folder).save_full(tmp_path / "x.ckpt", torch.float32, "ckpt")
    state = torch.load(tmp_path / "x.ckpt", weights_only=True)["state_dict"]
    save_file(state, tmp_path / "y.safetensors", {"modelspec.prediction_type": said})
    family = tiny_sd.open_family("sd2", tmp_path / "y.safetensors")
    assert family.noise_table().prediction_type == expected


def test_an_autoencoder_that_overflows_in_half_precision_stays_exact(tmp_path: Path) -> None:
    folder = tiny_sd.build_sdxl(tmp_path / "xl", vae={"force_upcast": True})
    for dtype, expected in (("float16", torch.float32), ("bfloat16", torch.bfloat16)):
        family = tiny_sd.open_family("sdxl", folder, dtype)
        family.load_vae()
        assert family.vae.dtype == expected


def test_prompts_of_any_length_fill_the_encoders(families: dict[str, Any]) -> None:
    for arch, width in (("sd2", 32), ("sdxl", 64)):
        assert families[arch].encode_prompts(["red " * 200]).parts["text"].shape == (1, 77, width)


def test_a_vocabulary_is_stored_for_each_tokenizer(families: dict[str, Any], saved: Path) -> None:
    again = tiny_sd.open_family("sdxl", saved / "sdxl" / NAMES["safetensors"])
    again.load_tokenizers()
    pads = {name: str(tokens.pad_token) for name, tokens in again._tokenizers.items()}
    assert pads == {"text_encoder": "<|endoftext|>", "text_encoder_2": "!"}


def test_the_tiny_words_are_known(families: dict[str, Any]) -> None:
    _, tokens = families["sdxl"].encoder("text_encoder_2")
    assert len(tokens("red circle").input_ids) == 4
    assert set(tiny.words_of("red circle")) <= set(tiny.WORDS)
