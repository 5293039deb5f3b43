"""What `check` says about the assistant adapter before anything is loaded."""

from pathlib import Path

import pytest

from schema.assistant_files import assistant_problems
from schema.sections.train import Train
from tests.schema.conftest import write_json


def codes(place: Path | str, kind: str = "t2i") -> list[tuple[str, str | None]]:
    train = Train.model_validate(
        {"adapter_assist_name_or_path": str(place), "adapter_assist_type": kind}
    )
    return [(problem.code, problem.suggestion) for problem in assistant_problems(train)]


@pytest.mark.proves("train.adapter_assist_name_or_path", "train.adapter_assist_type")
def test_an_adapter_is_there_and_of_its_kind(tmp_path: Path) -> None:
    write_json(tmp_path / "t2i" / "config.json", {"_class_name": "T2IAdapter"})
    assert codes(tmp_path / "t2i") == []
    assert codes(tmp_path / "t2i", "control_net") == [("assistant-of-other-kind", "t2i")]
    assert codes("TencentARC/t2iadapter_depth_sd15v2") == []  # on the hub, perhaps
    assert list(assistant_problems(Train())) == []


def test_what_is_no_adapter_is_named(tmp_path: Path) -> None:
    assert codes(tmp_path / "none") == [("assistant-missing", None)]
    (tmp_path / "file.safetensors").write_bytes(b"")
    assert codes(tmp_path / "file.safetensors") == [("assistant-missing", None)]
    assert codes(tmp_path) == [("assistant-unknown", None)]
    for text in ("[]", "{", '{"_class_name": 3}', '{"_class_name": "UNet2DConditionModel"}'):
        (tmp_path / "config.json").write_text(text)
        assert codes(tmp_path) == [("assistant-unknown", None)]
