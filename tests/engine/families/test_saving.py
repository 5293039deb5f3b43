"""Whole models on disk: what is saved is what is loaded, here and by other tools."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from engine.errors import CheckpointError, DataError
from engine.families import clip, ldm, sd_saving, writing
from engine.families.sd_data import configs
from engine.families.sd_layout import SD1
from engine.families.sd_shapes import infer_text_encoder, infer_unet, infer_vae, without_prefix
from engine.families.sd_single import CONFIGS_KEY
from tests.engine import tiny

NAMES = {"diffusers": "model", "safetensors": "model.safetensors", "ckpt": "model.ckpt"}


@pytest.fixture(scope="module")
def saved(sd1: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny model in every save format, float32."""
    folder = tmp_path_factory.mktemp("saved")
    for save_format, name in NAMES.items():
        sd1.save_full(folder / name, torch.float32, save_format, {"made_by": "a test"})
    return {save_format: folder / name for save_format, name in NAMES.items()}


def states(family: Any) -> dict[str, torch.Tensor]:
    parts = {"unet": family.denoisers[0].module, "vae": family.vae} | family.text_encoders
    return {f"{n}.{k}": v for n, m in parts.items() for k, v in m.state_dict().items()}


@pytest.mark.proves("save.save_format", "model.name_or_path")
@pytest.mark.parametrize("save_format", list(NAMES))
def test_every_format_reads_back_bit_equal(
    sd1: Any, saved: dict[str, Path], save_format: str
) -> None:
    path = saved[save_format]
    assert path.is_dir() == (save_format == "diffusers")
    again, original = states(tiny.load_sd1(path)), states(sd1)
    assert again.keys() == original.keys()
    assert all(torch.equal(again[key], original[key]) for key in original)


@pytest.mark.parametrize("save_format", list(NAMES))
def test_no_folder_of_this_machine_travels_with_the_model(
    tiny_sd1: Path, saved: dict[str, Path], save_format: str
) -> None:
    path = saved[save_format]
    for file in [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]:
        assert str(tiny_sd1).encode() not in file.read_bytes(), file.name


@pytest.mark.parametrize("save_format", list(NAMES))
def test_the_vocabulary_travels_with_the_model(
    sd1: Any, saved: dict[str, Path], save_format: str
) -> None:
    prompts = ["a red circle, sks", "ünknown wörds 日本"]
    again = tiny.load_sd1(saved[save_format])
    expected = sd1.encode_prompts(prompts).parts["text"]
    assert torch.equal(again.encode_prompts(prompts).parts["text"], expected)


def test_diffusers_opens_the_folder_and_draws(saved: dict[str, Path]) -> None:
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(saved["diffusers"])
    pipeline.set_progress_bar_config(disable=True)
    picture = pipeline("a red circle", width=64, height=64, num_inference_steps=2).images[0]
    assert picture.size == (64, 64)


def test_a_half_precision_folder_opens_in_diffusers_without_a_word_on_dtypes(
    sd1: Any, tmp_path: Path
) -> None:
    from diffusers import StableDiffusionPipeline

    sd1.save_full(tmp_path / "half", torch.float16, "diffusers")
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / "half")
    assert {pipeline.unet.dtype, pipeline.vae.dtype, pipeline.text_encoder.dtype} == {torch.float32}
    pipeline.set_progress_bar_config(disable=True)
    pipeline("a red circle", width=64, height=64, num_inference_steps=1)


def test_text_encoder_files_have_the_prefix_that_other_versions_expect(
    saved: dict[str, Path],
) -> None:
    with safe_open(saved["diffusers"] / "text_encoder" / "model.safetensors", "pt") as file:
        names = list(file.keys())
        assert file.metadata() == {"format": "pt"}
    assert all(name.startswith("text_model.") for name in names)
    tokenizer = saved["diffusers"] / "tokenizer"
    vocab = json.loads((tokenizer / "vocab.json").read_text())
    merges = (tokenizer / "merges.txt").read_text().splitlines()
    assert vocab["<|endoftext|>"] == len(vocab) - 1
    assert merges[0].startswith("#version")
    assert all(len(merge.split(" ")) == 2 for merge in merges[1:])


def test_an_old_style_tokenizer_folder_gives_the_same_ids(
    sd1: Any, saved: dict[str, Path], tmp_path: Path
) -> None:
    old = Path(shutil.copytree(saved["diffusers"], tmp_path / "old"))
    (old / "tokenizer" / "tokenizer.json").unlink()
    family = tiny.open_sd1(old)
    family.load_text_encoders()
    expected = sd1.encode_prompts(["a red circle, sks"]).parts["text"]
    assert torch.equal(family.encode_prompts(["a red circle, sks"]).parts["text"], expected)


def test_the_single_file_is_what_diffusers_own_converter_expects(
    sd1: Any, saved: dict[str, Path]
) -> None:
    from diffusers.loaders.single_file_utils import (
        convert_ldm_unet_checkpoint,
        convert_ldm_vae_checkpoint,
    )

    checkpoint = load_file(saved["safetensors"])
    for convert, name, module in (
        (convert_ldm_unet_checkpoint, "unet", sd1.denoisers[0].module),
        (convert_ldm_vae_checkpoint, "vae", sd1.vae),
    ):
        converted, own = convert(dict(checkpoint), sd1.configs[name]), module.state_dict()
        assert converted.keys() == own.keys()
        assert all(torch.equal(converted[key], own[key]) for key in own)


def test_sizes_are_read_from_the_shapes_of_a_foreign_single_file(
    sd1: Any, saved: dict[str, Path]
) -> None:
    shapes = {name: tuple(t.shape) for name, t in load_file(saved["safetensors"]).items()}
    base = configs()
    unet = infer_unet(without_prefix(shapes, ldm.UNET), base["unet"])
    vae = infer_vae(without_prefix(shapes, ldm.VAE), base["vae"])
    text = infer_text_encoder(without_prefix(shapes, SD1.texts[0].prefix), base["text_encoder"])
    seen = ("in_channels", "out_channels", "layers_per_block", "block_out_channels",
            "down_block_types", "up_block_types")  # fmt: skip
    for found, true in ((unet, sd1.configs["unet"]), (vae, sd1.configs["vae"])):
        assert [found[key] for key in seen] == [true[key] for key in seen]
    assert unet["cross_attention_dim"] == sd1.configs["unet"]["cross_attention_dim"]
    wide = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
            "max_position_embeddings", "eos_token_id")  # fmt: skip
    true = sd1.configs["text_encoder"]
    assert [text[key] for key in wide] == [true[key] for key in wide]


def test_the_shapes_of_the_original_release_give_its_configs() -> None:
    """A checkpoint of the true size, without its gigabytes."""
    from accelerate import init_empty_weights
    from diffusers import AutoencoderKL, UNet2DConditionModel

    base = configs()
    with init_empty_weights():
        unet = UNet2DConditionModel.from_config(base["unet"])
        vae = AutoencoderKL.from_config(base["vae"])
    assert sum(p.numel() for p in unet.parameters()) == 859_520_964
    for module, table, infer, name in (
        (unet, ldm.unet_table, infer_unet, "unet"),
        (vae, ldm.vae_table, infer_vae, "vae"),
    ):
        state = ldm.to_ldm(table(base[name]), module.state_dict().items())
        found = infer({key: tuple(tensor.shape) for key, tensor in state}, base[name])
        assert {key: found[key] for key in base[name]} == base[name]


def test_a_foreign_single_file_loads_with_the_shipped_configs(tmp_path: Path) -> None:
    """Norm groups of 32 and CLIP's vocabulary are what a file without metadata is taken to have."""
    folder = tiny.build_sd1(tmp_path / "m", norm_num_groups=32, attention_head_dim=8)
    _widen_for_the_original_release(folder)
    family = tiny.load_sd1(folder)
    family.save_full(tmp_path / "m.safetensors", torch.float32, "safetensors")
    state = load_file(tmp_path / "m.safetensors")
    state["model_ema.decay"] = torch.tensor(0.9999)  # what original checkpoints carry along
    save_file(state, tmp_path / "foreign.safetensors")
    foreign = tiny.load_sd1(tmp_path / "foreign.safetensors")
    again, original = states(foreign), states(family)
    assert all(torch.equal(again[key], original[key]) for key in original)
    ids = clip.token_ids(foreign._tokenizers["text_encoder"], ["a photo of a cat"], 77)
    assert ids[0, :7].tolist() == [49406, 320, 1125, 539, 320, 2368, 49407]


def _widen_for_the_original_release(folder: Path) -> None:
    """A VAE with 32 norm groups and a text encoder with CLIP's 49,408 tokens."""
    from diffusers import AutoencoderKL
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(1)
    AutoencoderKL(block_out_channels=(32, 32), norm_num_groups=32, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=2).save_pretrained(folder / "vae")  # fmt: skip
    text = dict(configs()["text_encoder"]) | {"hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": 1, "num_attention_heads": 1}  # fmt: skip
    encoder = CLIPTextModel(CLIPTextConfig(**text))
    for name, weights in clip.file_state(encoder.state_dict().items()):
        assert name.startswith("text_model.")
        assert weights.isfinite().all()
    encoder.save_pretrained(folder / "text_encoder")
    shutil.rmtree(folder / "tokenizer")
    clip.save_tokenizer(clip.standard_tokenizer(), folder / "tokenizer")


@pytest.mark.proves("save.dtype")
@pytest.mark.parametrize("dtype", [torch.float16, torch.float8_e4m3fn])
@pytest.mark.parametrize("save_format", list(NAMES))
def test_weights_are_cast_to_the_asked_precision(
    sd1: Any, tmp_path: Path, save_format: str, dtype: torch.dtype
) -> None:
    sd1.save_full(tmp_path / NAMES[save_format], dtype, save_format)
    again, original = states(tiny.load_sd1(tmp_path / NAMES[save_format])), states(sd1)
    key = "unet.conv_in.weight"
    assert torch.equal(again[key], original[key].to(dtype).float())
    assert not torch.equal(again[key], original[key])


@pytest.mark.parametrize("save_format", list(NAMES))
def test_training_in_place_never_reaches_the_base_models_files(
    saved: dict[str, Path], save_format: str
) -> None:
    """Files are memory-mapped; a weight that is changed must be a copy."""
    path = saved[save_format]
    files = [path] if path.is_file() else sorted(path.rglob("*.safetensors"))
    before = [file.read_bytes() for file in files]
    family = tiny.load_sd1(path)
    for module in (family.denoisers[0].module, family.vae, *family.text_encoders.values()):
        for parameter in module.parameters():
            parameter.data.add_(1.0)
    assert [file.read_bytes() for file in files] == before


@pytest.mark.parametrize("save_format", list(NAMES))
def test_saved_files_can_be_read_by_others(saved: dict[str, Path], save_format: str) -> None:
    path = saved[save_format]
    plain = path.parent / "plain"
    plain.touch()
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    assert {file.stat().st_mode for file in files} == {plain.stat().st_mode}


def test_the_safetensors_file_carries_metadata(saved: dict[str, Path]) -> None:
    with safe_open(saved["safetensors"], "pt") as file:
        metadata = file.metadata()
    assert metadata["made_by"] == "a test"
    assert json.loads(metadata[CONFIGS_KEY])["configs"]["unet"]["block_out_channels"] == [32, 64]


def test_parts_that_are_not_loaded_are_taken_from_the_base_model(
    tiny_sd1: Path, sd1: Any, tmp_path: Path
) -> None:
    family = tiny.open_sd1(tiny_sd1)
    family.load_denoisers()
    torch.nn.init.ones_(family.denoisers[0].module.conv_in.weight)
    family.save_full(tmp_path / "model", torch.float32, "diffusers")
    again, original = states(tiny.load_sd1(tmp_path / "model")), states(sd1)
    assert (again["unet.conv_in.weight"] == 1).all()
    del again["unet.conv_in.weight"]
    assert all(torch.equal(again[key], original[key]) for key in again)


def test_saving_again_replaces_the_old_files_and_leaves_no_traces(sd1: Any, tmp_path: Path) -> None:
    for _ in range(2):
        sd1.save_full(tmp_path / "model", torch.float32, "diffusers")
        (tmp_path / "model" / "stale").touch()
    sd1.save_full(tmp_path / "model", torch.float32, "diffusers")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert not (tmp_path / "model" / "stale").exists()


def test_a_failed_save_leaves_what_was_there(
    sd1: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sd1.save_full(tmp_path / "model", torch.float32, "diffusers")
    before = (tmp_path / "model" / "unet" / "config.json").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for module in (sd_saving, writing):
        monkeypatch.setattr(module, "save_file", full)
    for save_format in ("diffusers", "safetensors"):
        with pytest.raises(CheckpointError, match=r"could not be written.*No space left"):
            sd1.save_full(tmp_path / "model", torch.float32, save_format)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "unet" / "config.json").read_bytes() == before


class _Code:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("a checkpoint ran code",))


def test_a_ckpt_that_could_run_code_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"state_dict": {"a": torch.zeros(1)}, "callbacks": _Code()}, tmp_path / "x.ckpt")
    with pytest.raises(DataError, match="could run code"):
        tiny.open_sd1(tmp_path / "x.ckpt")
    assert "ran code" not in capsys.readouterr().out
    assert pickle.loads(pickle.dumps(_Code())) is None  # the trap itself works


def test_single_files_that_are_no_whole_sd1_model_are_refused(
    saved: dict[str, Path], tmp_path: Path
) -> None:
    state = load_file(saved["safetensors"])
    path = tmp_path / "x.safetensors"
    unet_only = {key: value for key, value in state.items() if key.startswith(ldm.UNET)}
    xl = {"conditioner.embedders.0.model.transformer.resblocks.0.ln_1.weight": torch.zeros(1)}
    for content, message in (
        (unet_only, "no first_stage_model. and no cond_stage_model"),
        (xl, "is the SDXL refiner"),
        ({k: v for k, v in state.items() if "conv_in" not in k}, "is not laid out"),
    ):
        save_file(content, path)
        with pytest.raises(DataError, match=message):
            tiny.open_sd1(path)
    path.write_bytes(saved["safetensors"].read_bytes()[:-10])
    with pytest.raises(DataError, match="is not complete"):
        tiny.open_sd1(path)


def test_a_ckpt_of_the_old_kind_opens_too(sd1: Any, saved: dict[str, Path], tmp_path: Path) -> None:
    content = torch.load(saved["ckpt"], weights_only=True)
    torch.save(content, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    again, original = states(tiny.load_sd1(tmp_path / "old.ckpt")), states(sd1)
    assert all(torch.equal(again[key], original[key]) for key in original)


def test_truncated_and_unknown_files_are_refused(saved: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "cut.ckpt").write_bytes(saved["ckpt"].read_bytes()[:-2000])
    with pytest.raises(DataError, match="damaged or not complete"):
        tiny.open_sd1(tmp_path / "cut.ckpt")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match=r"neither a model folder nor a \.safetensors"):
        tiny.open_sd1(tmp_path / "notes.txt")


def test_a_vocabulary_that_nobody_knows_is_an_error(saved: dict[str, Path], tmp_path: Path) -> None:
    with safe_open(saved["safetensors"], "pt") as file:
        stored = json.loads(file.metadata()[CONFIGS_KEY])
    del stored["tokenizer"]
    path = tmp_path / "x.safetensors"
    save_file(load_file(saved["safetensors"]), path, metadata={CONFIGS_KEY: json.dumps(stored)})
    family = tiny.open_sd1(path)
    with pytest.raises(DataError, match="652 tokens of its own"):
        family.load_text_encoders()


def test_a_vae_can_be_a_single_file(tmp_path: Path) -> None:
    folder = tiny.build_sd1(tmp_path / "m", norm_num_groups=32, attention_head_dim=8)
    _widen_for_the_original_release(folder)
    family = tiny.load_sd1(folder)
    state = dict(ldm.to_ldm(ldm.vae_table(family.configs["vae"]), family.vae.state_dict().items()))
    save_file(state, tmp_path / "vae.safetensors")
    own = tiny.load_sd1(folder, vae_path=str(tmp_path / "vae.safetensors"))
    pixels = torch.rand(1, 3, 32, 32)
    assert torch.equal(own.encode_images(pixels), family.encode_images(pixels))


def test_a_key_that_the_layout_has_no_place_for_is_never_dropped() -> None:
    table = ldm.unet_table(configs()["unet"])
    with pytest.raises(AssertionError, match="no place"):
        dict(ldm.to_ldm(table, [("added.weight", torch.zeros(1))]))
