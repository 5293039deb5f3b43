"""`check` on Stable Diffusion 2, SDXL and its refiner: folders, files, what goes together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schema.check import check_document
from schema.document import Document
from schema.families import FAMILIES
from schema.model_files import model_problems, refiner_problems
from schema.rules import Problem
from tests.schema.conftest import write_json, write_safetensors

LDM = {
    "model.diffusion_model.input_blocks.0.0.weight": (8, 4, 3, 3),
    "first_stage_model.decoder.conv_in.weight": (4,),
}
TEXT = {
    "sd1": {"cond_stage_model.transformer.text_model.final_layer_norm.weight": (4,)},
    "sd2": {"cond_stage_model.model.ln_final.weight": (4,)},
    "sdxl": {
        "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": (4,),
        "conditioner.embedders.1.model.ln_final.weight": (4,),
    },
    "refiner": {"conditioner.embedders.0.model.ln_final.weight": (4,)},
}
LABELS = {"sd1": "Stable Diffusion 1", "sd2": "Stable Diffusion 2", "sdxl": "SDXL",
    "refiner": "SDXL refiner"}  # fmt: skip
ENCODERS = {"sd2": ("text_encoder",), "sdxl": ("text_encoder", "text_encoder_2"),
    "refiner": ("text_encoder_2",)}  # fmt: skip


def problems(path: Path, kind: str) -> list[Problem]:
    if kind == "refiner":
        return list(refiner_problems(str(path), FAMILIES["sdxl"]))
    return list(model_problems(str(path), FAMILIES[kind]))


def build(folder: Path, kind: str, width: int = 32, **unet: Any) -> Path:
    """A folder with configs and a weight for each part, as far as `check` looks."""
    encoders = ENCODERS[kind]
    index: dict[str, Any] = {"_class_name": "A", "unet": ["a", "b"]}
    index |= dict.fromkeys(("text_encoder", "text_encoder_2"), (None, None))
    write_json(folder / "model_index.json", index | {name: ["a", "b"] for name in encoders})
    sized = {} if kind == "sd2" else {"addition_embed_type": "text_time"}
    config = {"in_channels": 4, "cross_attention_dim": width * len(encoders)} | sized | unet
    write_json(folder / "unet" / "config.json", config)
    write_json(folder / "vae" / "config.json", {"latent_channels": 4})
    write_json(folder / "scheduler" / "scheduler_config.json", {})
    for name in encoders:
        write_json(folder / name / "config.json", {"hidden_size": width})
        write_json(folder / name.replace("text_encoder", "tokenizer") / "tokenizer.json", {})
    for part, file in (("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"),
                       *((name, "model") for name in encoders)):  # fmt: skip
        write_safetensors(folder / part / f"{file}.safetensors", {"a": (2,)})
    return folder


@pytest.mark.parametrize("kind", list(ENCODERS))
def test_a_whole_folder_has_no_problems(tmp_path: Path, kind: str) -> None:
    assert problems(build(tmp_path / "m", kind), kind) == []


def _no_sizes(folder: Path) -> None:
    write_json(folder / "unet" / "config.json", {"cross_attention_dim": 64})


DAMAGE: list[tuple[str, Callable[[Path], object], str]] = [
    ("sdxl", lambda m: (m / "text_encoder_2" / "config.json").unlink(), "text_encoder_2/config"),
    ("sdxl", lambda m: (m / "text_encoder_2" / "model.safetensors").unlink(), "has no weights"),
    ("sdxl", lambda m: (m / "tokenizer_2" / "tokenizer.json").unlink(), "tokenizer_2/vocab.json"),
    ("sdxl", _no_sizes, "is not told the sizes of pictures"),
    ("sdxl", lambda m: build(m, "sdxl", cross_attention_dim=40),
     "expects text of width 40, but the text encoders give 64"),
    ("sdxl", lambda m: build(m, "refiner"), "holds a A, not a Stable Diffusion XL model"),
    ("refiner", lambda m: build(m, "sdxl"), "not a SDXL refiner model"),
    ("sd2", lambda m: build(m, "sdxl"), "holds a A, not a Stable Diffusion 2.x model"),
    ("sd2", lambda m: build(m, "sd2", 768), "is a Stable Diffusion 1 model"),
    ("sd2", lambda m: build(m, "sd2", addition_embed_type="text_time"), "is an SDXL model"),
    ("sd2", lambda m: build(m, "sd2", in_channels=9), "an inpainting model"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "damage", "message"), DAMAGE, ids=[d[2] for d in DAMAGE])
def test_what_is_missing_or_of_another_kind_is_said(
    tmp_path: Path, kind: str, damage: Callable[[Path], object], message: str
) -> None:
    folder = build(tmp_path / "m", kind)
    damage(folder)
    found = problems(folder, kind)
    assert any(message in problem.message for problem in found), found
    where = "model.refiner_name_or_path" if kind == "refiner" else "model.name_or_path"
    assert {(problem.path, problem.severity) for problem in found} == {(where, "error")}


@pytest.mark.parametrize("kind", list(TEXT))
@pytest.mark.parametrize("asked", list(TEXT))
def test_a_single_file_is_known_by_its_tensors(tmp_path: Path, kind: str, asked: str) -> None:
    write_safetensors(tmp_path / "m.safetensors", LDM | TEXT[kind])
    found = [problem.message for problem in problems(tmp_path / "m.safetensors", asked)]
    if kind == asked:
        assert found == []
    else:
        (message,) = found
        assert f"is {LABELS[kind]}, not " in message


def test_a_single_file_without_its_text_encoders_is_no_whole_one(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "m.safetensors", LDM)
    (problem,) = problems(tmp_path / "m.safetensors", "sdxl")
    assert "no text encoder" in problem.message


def _errors(document: Document) -> dict[str, str]:
    found = check_document(document, files=False)
    return {f.path: f.message for f in found if f.severity == "error"}


@pytest.mark.proves("model.experimental_xl")
def test_an_experiment_that_never_was_is_refused_with_the_reason(
    changed: Callable[..., Document],
) -> None:
    plain = changed(model__arch="sdxl")
    assert "model.experimental_xl" not in _errors(plain)
    found = _errors(changed(model__arch="sdxl", model__experimental_xl=True))
    assert "never took effect" in found["model.experimental_xl"]


def test_the_refiner_alone_is_something_to_train(changed: Callable[..., Document]) -> None:
    alone = {"model__arch": "sdxl", "model__refiner_name_or_path": "refiner", "network": None,
        "train__train_unet": False}  # fmt: skip
    assert "train.train_unet" not in _errors(changed(**alone))
    for less in ({"train__train_refiner": False}, {"model__refiner_name_or_path": None}):
        assert "nothing is trained" in _errors(changed(**alone | less))["train.train_unet"]


def test_base_and_refiner_both_need_noise_levels(changed: Callable[..., Document]) -> None:
    both = {"model__arch": "sdxl", "model__refiner_name_or_path": "refiner", "network": None}
    assert "model.refiner_start_at" not in _errors(changed(**both))
    late = changed(**both, train__min_denoising_steps=600)
    assert "no noise level" in _errors(late)["model.refiner_start_at"]
    lora = {key: value for key, value in both.items() if key != "network"}
    assert "model.refiner_start_at" not in _errors(changed(**lora, train__min_denoising_steps=600))
