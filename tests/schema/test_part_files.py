"""Parts that a config names: there, on the hub, or missing with the nearest name."""

from pathlib import Path
from typing import Any

import pytest

from schema.check import check_document
from schema.document import Document
from schema.findings import Finding


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    path = tmp_path / "helper.safetensors"
    path.write_bytes(b"weights")
    return path


def findings(whole: Path, values: dict[str, Any], code: str) -> list[Finding]:
    document = Document.parse(whole.read_text(encoding="utf-8"))
    for path, value in values.items():
        document.set(path, value)
    return [finding for finding in check_document(document) if finding.code == code]


@pytest.mark.parametrize(
    "path", ["model.lora_path", "model.assistant_lora_path", "network.pretrained_lora_path"]
)
def test_a_missing_part_is_named_with_the_nearest_file(whole: Path, lora: Path, path: str) -> None:
    wrong = str(lora.with_name("helpr.safetensors"))
    (finding,) = findings(whole, {path: wrong}, "part-missing")
    assert (finding.path, finding.severity) == (path, "error")
    assert finding.suggestion == str(lora)
    assert findings(whole, {path: str(lora)}, "part-missing") == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model.lora_path", "user/repo"),
        ("model.lora_path", "user/repo/file.safetensors"),
        ("network.pretrained_lora_path", "user/repo/folder/file.safetensors"),
    ],
)
def test_what_may_be_on_the_hub_is_not_missed(whole: Path, path: str, value: str) -> None:
    assert findings(whole, {path: value}, "part-missing") == []


def test_a_recovery_adapter_is_one_file(whole: Path) -> None:
    values = {"model.arch": "qwen_image", "model.quantize": True}
    path = "model.accuracy_recovery_adapter"
    (finding,) = findings(whole, {**values, path: "user/repo"}, "part-missing")
    assert "name the file in it" in finding.message
    assert findings(whole, {**values, path: "user/repo/file.safetensors"}, "part-missing") == []


def test_a_model_of_a_family_that_waits_is_only_looked_for(whole: Path, model: Path) -> None:
    values = {"model.arch": "sd3", "model.name_or_path": str(model)}
    assert findings(whole, values, "wrong-family") == []
    missing = {"model.arch": "sd3", "model.name_or_path": str(model / "nope")}
    assert findings(whole, missing, "model-missing")


def test_one_file_of_a_repository_is_a_model_where_families_come_so(whole: Path) -> None:
    name = "Lightricks/LTX-2.3/ltx-2.3-22b-dev.safetensors"
    values = {"model.arch": "ltx2.3", "model.name_or_path": name}
    assert findings(whole, values, "model-missing") == []
    assert findings(whole, {"model.name_or_path": name}, "model-missing")
