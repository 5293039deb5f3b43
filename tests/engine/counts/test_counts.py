"""What is counted without weights is what is really built."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.counts.model import components_of, counted, opened
from engine.counts.weightless import HeaderOnly, weightless
from engine.families import family_for
from engine.networks import build
from schema.estimate.counts import Counts, from_json
from schema.estimate.scope import model_part
from tests.engine.counts import hollow, models

CASES: dict[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
    "lora": (models.LORA, {}),
    "convolutions": (models.CONVOLUTIONS, {}),
    "text encoder": (models.LORA, {"train_text_encoder": True}),
    "whole": (None, {}),
    "whole with text encoder": (None, {"train_text_encoder": True}),
    "half precision": (models.LORA, {"dtype": "bf16"}),
}


def really_built(process: Any, dtype: torch.dtype) -> tuple[Any, Any, list[Any]]:
    """The model with its weights and its network, by the code that training uses."""
    exact = torch.float32 if process.network is None else None
    train = process.train
    family = family_for(process.model.arch).open(process.model, train, torch.device("cpu"), dtype)
    family.load_text_encoders(exact if train.train_text_encoder else None)
    family.load_vae()
    family.load_denoisers(exact if train.train_unet else None)
    parts = components_of(family)
    return family, build(family, process.network, train, "safetensors", 0), parts


def count(process: Any, dtype: torch.dtype) -> Counts:
    """As the estimate reads it, through JSON and back."""
    answer = counted(model_part(process), dtype, measure=False)
    return from_json(json.loads(json.dumps(answer)))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("arch", models.BUILDERS)
def test_counted_parameters_are_those_of_the_built_model(
    arch: str, case: str, model_of: Callable[[str], Path]
) -> None:
    network, train = CASES[case]
    process = models.process(arch, model_of(arch), network, **train)
    dtype = torch.bfloat16 if train.get("dtype") == "bf16" else torch.float32
    found = count(process, dtype)
    family, trained, parts = really_built(process, dtype)
    assert list(found.components) == parts
    assert {group.name for group in found.trained} == trained.groups.keys()
    for group in found.trained:
        real = trained.groups[group.name]
        assert group.parameters == sum(p.numel() for p in real.values())
        assert group.tensors == len(real)
        assert group.names == sum(map(len, real))
        assert dict(group.shapes) == Counter(tuple(p.shape) for p in real.values())
    with torch.no_grad():
        prompt = family.encode_prompts([""])
    assert found.prompt_bytes == sum(part.nbytes for part in prompt.parts.values())
    assert found.size_multiple == family.size_multiple


@pytest.mark.parametrize("suffix", ["safetensors", "ckpt"])
def test_single_files_are_counted_from_their_headers(
    suffix: str, model_of: Callable[[str], Path], tmp_path: Path
) -> None:
    process = models.process("sd1", model_of("sd1"), models.LORA)
    family, _, _ = really_built(models.process("sd1", model_of("sd1"), None), torch.float32)
    path = tmp_path / f"model.{suffix}"
    family.save_full(path, torch.float16, suffix)
    whole = count(process, torch.float32)
    single = count(models.process("sd1", path, models.LORA), torch.float32)
    assert [(c.role, c.parameters) for c in single.components] == [
        (c.role, c.parameters) for c in whole.components
    ]
    assert single.trained == whole.trained


@pytest.mark.parametrize(("arch", "denoiser"), [("sd1", 859_520_964), ("sdxl", 2_567_463_684)])
def test_models_of_the_true_size_are_counted_without_room_for_their_weights(
    arch: str, denoiser: int, tmp_path: Path
) -> None:
    """The published numbers of parameters of the two U-Nets."""
    folder = hollow.build(tmp_path / arch, arch)
    used = sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
    assert used < 40 * 2**20
    found = count(models.process(arch, folder, models.LORA, dtype="bf16"), torch.bfloat16)
    assert found.of("denoiser")[0].parameters == denoiser


def test_a_model_is_opened_on_the_meta_device_and_libraries_are_as_before(
    model_of: Callable[[str], Path],
) -> None:
    import safetensors

    before: Any = safetensors.safe_open
    family = opened(models.process("sd1", model_of("sd1"), models.LORA), torch.float32)
    assert {p.device.type for d in family.denoisers for p in d.module.parameters()} == {"meta"}
    assert safetensors.safe_open is before
    with weightless():
        inside: Any = safetensors.safe_open
    assert inside is HeaderOnly


def ask(about: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """One question to the engine's process."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "engine.ask", "counts"],
        input=json.dumps(about), capture_output=True, text=True, timeout=300,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


def test_the_engine_answers_in_a_process_of_its_own(model_of: Callable[[str], Path]) -> None:
    text = f"""
job: extension
config:
  name: x
  process:
    - type: sd_trainer
      training_folder: out
      model: {{name_or_path: '{model_of("sd1")}', arch: sd1}}
      network: {{type: lora, linear: 4, linear_alpha: 4}}
      datasets: [{{folder_path: pics}}]
"""
    code, answer = ask({"text": text, "measure": False})
    assert code == 0, answer
    assert from_json(answer).trained_parameters == 21504
    code, answer = ask({"text": text.replace("name_or_path: '", "name_or_path: '/nowhere")})
    assert code == 1
    assert "/nowhere" in answer["error"]
