"""Broken and missing model files are named plainly, all at once, before anything is loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.errors import DataError
from engine.families.files import (
    check_folder,
    locate,
    read_json,
    safetensors_header,
    weight_files,
)
from tests.engine import tiny


@pytest.fixture
def model(tiny_sd1: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_sd1, tmp_path / "model"))


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere does not exist"):
        locate(str(tmp_path / "nowhere"))


def test_a_repository_that_cannot_be_reached_is_an_error_with_a_repair() -> None:
    with pytest.raises(DataError, match=r"could not be downloaded.*HF_TOKEN") as caught:
        locate("nobody/no-such-model")
    assert "\n" not in caught.value.message


def test_a_cached_repository_is_found_without_a_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def snapshot(repo: str, allow_patterns: list[str], ignore_patterns: list[str]) -> str:
        asked.append("half" if "*.fp16.*" not in ignore_patterns else "full")
        assert not any(pattern.endswith((".bin", "*")) for pattern in allow_patterns)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert locate("someone/model") == tmp_path
    assert asked == ["full", "half"]
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "model.safetensors").touch()
    locate("someone/model")
    assert asked == ["full", "half", "full"]


def test_a_component_that_comes_from_elsewhere_is_not_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[str]] = []

    def snapshot(repo: str, allow_patterns: list[str], ignore_patterns: list[str]) -> str:
        asked.append(ignore_patterns)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "model.safetensors").touch()
    locate("someone/model", without="transformer")
    assert len(asked) == 1
    assert "transformer/*.safetensors" in asked[0]


def test_a_folder_without_an_index_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"model_index.json is missing"):
        check_folder(tmp_path, {})


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_missing_component_is_named(model: Path, part: str) -> None:
    shutil.rmtree(model / part)
    with pytest.raises(DataError, match=f"{part}/config.json is missing"):
        tiny.open_sd1(model)


def test_every_fault_of_a_folder_is_told_at_once(model: Path) -> None:
    shutil.rmtree(model / "tokenizer")
    (model / "scheduler" / "scheduler_config.json").unlink()
    (model / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(DataError) as caught:
        tiny.open_sd1(model)
    message = caught.value.message
    assert "tokenizer/tokenizer.json or tokenizer/vocab.json is missing" in message
    assert "scheduler/scheduler_config.json is missing" in message
    assert "vae holds no weights" in message


@pytest.mark.parametrize(
    "text", ["", '{"model": ', "[]", "{}"], ids=["empty", "cut", "list", "bare"]
)
def test_a_damaged_tokenizer_is_a_sentence_that_names_it(model: Path, text: str) -> None:
    (model / "tokenizer" / "tokenizer.json").write_text(text)
    with pytest.raises(DataError, match=r"tokenizer in .*/tokenizer cannot be read") as caught:
        tiny.open_sd1(model).load_tokenizers()
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(("part", "key"), [("unet", "in_channels"), ("vae", "latent_channels")])
def test_a_config_that_says_nothing_is_named(model: Path, part: str, key: str) -> None:
    (model / part / "config.json").write_text("{}")
    with pytest.raises(DataError, match=f"{part}/config.json does not say {key}"):
        tiny.open_sd1(model)


@pytest.mark.parametrize(
    ("part", "key"), [("text_encoder", "hidden_size"), ("unet", "block_out_channels")]
)
def test_weights_of_other_sizes_than_their_config_are_named(
    model: Path, part: str, key: str
) -> None:
    path = model / part / "config.json"
    config = json.loads(path.read_text())
    wider = 64 if key == "hidden_size" else [64, 128]
    path.write_text(json.dumps(config | {key: wider}))
    family = tiny.open_sd1(model)
    with pytest.raises(DataError, match=f"{part} has weights of other shapes than its config"):
        family.load_text_encoders() if part == "text_encoder" else family.load_denoisers()


def test_a_truncated_weight_file_is_found_before_loading(model: Path) -> None:
    weights = model / "unet" / "diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1000])
    with pytest.raises(DataError, match=r"is not complete: .* bytes are there"):
        tiny.open_sd1(model)


def test_a_git_lfs_pointer_is_recognised(model: Path) -> None:
    weights = model / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(DataError, match="git-lfs pointer"):
        tiny.open_sd1(model)


def test_a_file_that_is_no_safetensors_file_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"short", b"\xff" * 100):
        (tmp_path / "x.safetensors").write_bytes(content)
        with pytest.raises(DataError, match="not a safetensors file"):
            safetensors_header(tmp_path / "x.safetensors")


def test_a_damaged_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes((20).to_bytes(8, "little") + b'{"a": {"shape": [1]}')
    with pytest.raises(DataError, match="header cannot be read"):
        safetensors_header(path)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "model-00001.safetensors", "b": "model-00002.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    shutil.copyfile(_any_weights(tmp_path), tmp_path / "model-00001.safetensors")
    with pytest.raises(DataError, match=r"model-00002.safetensors is missing"):
        weight_files(tmp_path)
    shutil.copyfile(tmp_path / "model-00001.safetensors", tmp_path / "model-00002.safetensors")
    assert [path.name[-7:] for path in weight_files(tmp_path)] == ["tensors"] * 2


def _any_weights(folder: Path) -> Path:
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3)}, folder / "other.safetensors")
    return folder / "other.safetensors"


def test_json_that_does_not_parse_names_its_file(tmp_path: Path) -> None:
    for content, message in (("{", "cannot be read"), ("[1]", "is not a JSON object")):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(DataError, match=f"config.json {message}"):
            read_json(tmp_path / "config.json")


def test_half_precision_files_are_taken_when_there_are_no_others(model: Path) -> None:
    folder = model / "unet"
    half = folder / "diffusion_pytorch_model.fp16.safetensors"
    (folder / "diffusion_pytorch_model.safetensors").rename(half)
    assert weight_files(folder) == [half]
    family = tiny.open_sd1(model)
    family.load_denoisers()
    assert family.denoisers[0].module.conv_in.weight.isfinite().all()
