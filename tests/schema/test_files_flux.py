"""What `check` finds about a model whose denoiser lies alone: files and folders of FLUX.1."""

from pathlib import Path

import pytest

from schema.families import FAMILIES
from schema.model_files import model_problems
from schema.rules import Problem
from tests.schema.conftest import write_json, write_safetensors

FLUX = FAMILIES["flux"]
NAME = "diffusion_pytorch_model.safetensors"


def problems(path: Path, extras: Path | None = None) -> list[Problem]:
    return list(model_problems(str(path), FLUX, None if extras is None else str(extras)))


def bare(path: Path, channels: int = 64, start: str = "") -> Path:
    """A file with the one tensor by which a transformer is known."""
    write_safetensors(path, {f"{start}img_in.weight": (32, channels)})
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole diffusers folder, as far as headers go."""
    whole = tmp_path / "flux"
    write_json(whole / "model_index.json", {"_class_name": "FluxPipeline", "transformer": ["", ""]})
    parts = {
        "transformer": {"_class_name": "FluxTransformer2DModel", "in_channels": 64},
        "vae": {"latent_channels": 16},
        "text_encoder": {"hidden_size": 768},
        "text_encoder_2": {"d_model": 4096},
    }
    for name, config in parts.items():
        write_json(whole / name / "config.json", config)
        weights = NAME if name in ("transformer", "vae") else "model.safetensors"
        write_safetensors(whole / name / weights, {"weight": (1,)})
    write_json(whole / "scheduler" / "scheduler_config.json", {})
    write_json(whole / "tokenizer" / "tokenizer.json", {})
    write_json(whole / "tokenizer_2" / "tokenizer.json", {})
    return whole


def test_a_whole_folder_has_no_problems(folder: Path) -> None:
    assert problems(folder) == []


def test_t5s_tokenizer_may_be_its_own_kind_of_file(folder: Path) -> None:
    (folder / "tokenizer_2" / "tokenizer.json").rename(folder / "tokenizer_2" / "spiece.model")
    assert problems(folder) == []
    (folder / "tokenizer_2" / "spiece.model").unlink()
    (problem,) = problems(folder)
    assert "spiece.model is missing" in problem.message


def test_a_transformer_for_further_pictures_is_another_model(folder: Path) -> None:
    write_json(folder / "transformer" / "config.json", {"in_channels": 384})
    (problem,) = problems(folder)
    assert (problem.code, "384 channels" in problem.message) == ("wrong-family", True)


@pytest.mark.parametrize("start", ["", "model.diffusion_model."])
def test_a_file_takes_its_other_parts_from_the_extras(
    folder: Path, tmp_path: Path, start: str
) -> None:
    file = bare(tmp_path / "files" / "flux1.safetensors", start=start)
    assert problems(file, folder) == []
    (problem,) = problems(file)
    assert problem.path == "model.extras_name_or_path"
    assert "holds the denoiser alone" in problem.message
    assert problems(bare(folder / "flux1.safetensors")) == []


def test_what_the_extras_lack_is_told_there(folder: Path, tmp_path: Path) -> None:
    (folder / "text_encoder_2" / "model.safetensors").unlink()
    (problem,) = problems(bare(tmp_path / "files" / "flux1.safetensors"), folder)
    assert problem.path == "model.extras_name_or_path"
    assert "text_encoder_2 has no weights" in problem.message


def test_a_folder_of_the_transformer_alone_is_one_too(folder: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone" / "transformer"
    write_json(alone / "config.json", {"in_channels": 64})
    write_safetensors(alone / NAME, {"weight": (1,)})
    assert problems(alone, folder) == []
    assert [problem.path for problem in problems(alone)] == ["model.extras_name_or_path"]


def test_files_of_another_kind_are_told_apart(folder: Path, tmp_path: Path) -> None:
    files = tmp_path / "files"
    (wide,) = problems(bare(files / "fill.safetensors", channels=384), folder)
    assert (wide.code, "384 channels" in wide.message) == ("wrong-family", True)
    write_safetensors(files / "scalar.safetensors", {"img_in.weight": ()})
    assert [p.code for p in problems(files / "scalar.safetensors", folder)] == ["wrong-family"]
    write_safetensors(files / "other.safetensors", {"weight": (1,)})
    (other,) = problems(files / "other.safetensors", folder)
    assert (other.code, "holds no FLUX.1" in other.message) == ("wrong-family", True)
    write_safetensors(files / "lora.safetensors", {"lora_unet_x.lora_up.weight": (1, 1)})
    (lora,) = problems(files / "lora.safetensors", folder)
    assert "is a LoRA" in lora.message
    (files / "model.ckpt").write_bytes(b"x")
    (ckpt,) = problems(files / "model.ckpt", folder)
    assert ckpt.code == "model-unknown"
