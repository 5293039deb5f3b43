"""The folders and files that processes read are looked for, each where it is named."""

from pathlib import Path
from typing import Any

import pytest

from schema.check import check_document
from schema.document import Document
from tests.schema.process_examples import EXAMPLES

FOLDERS = [
    ("Qwen3VLCaptioner", "caption.path_to_caption"),
    ("super_tagger", "dataset_paths[1]"),
    ("super_tagger", "parent_dir"),
    ("image_reference_slider_trainer", "slider.datasets[1].neg_folder"),
    ("image_reference_slider_trainer", "slider.datasets[0].pair_folder"),
    ("slider", "slider.adapter_img_dir"),
    ("vae", "datasets[0].path"),
    ("sd_trainer", "adapter.image_dir"),
]
FILES = [
    ("rescale_lora", "input_path"),
    ("esrgan", "pretrained_path"),
    ("esrgan", "sample_sources[0]"),
    ("to_folder", "generate.prompts"),
    ("slider", "slider.prompt_file"),
    ("sd_trainer", "adapter.test_img_path"),
    ("sd_trainer", "datasets[0].random_triggers"),
]


def faults(kind: str, path: str, value: Any) -> list[str]:
    document = Document.parse(EXAMPLES[kind])
    target, value = (path[:-3], [value]) if path.endswith("[0]") else (path, value)
    document.set(target, value)
    found = check_document(document, files=True)
    return [f.message for f in found if f.code == "no-such-input" and f.path == path]


@pytest.mark.parametrize(("kind", "path"), FOLDERS)
def test_a_folder_that_is_read_must_be_there(tmp_path: Path, kind: str, path: str) -> None:
    file = tmp_path / "file"
    file.touch()
    assert faults(kind, path, str(tmp_path / "gone")) == [f"{tmp_path / 'gone'} does not exist"]
    assert faults(kind, path, str(file)) == [f"{file} is not a folder"]
    assert faults(kind, path, str(tmp_path)) == []


@pytest.mark.parametrize(("kind", "path"), FILES)
def test_a_file_that_is_read_must_be_there(tmp_path: Path, kind: str, path: str) -> None:
    file = tmp_path / "file"
    file.touch()
    assert faults(kind, path, str(tmp_path / "gone")) == [f"{tmp_path / 'gone'} does not exist"]
    assert faults(kind, path, str(tmp_path)) == [f"{tmp_path} is a folder, not a file"]
    assert faults(kind, path, str(file)) == []


def test_prompts_in_a_list_are_no_files_and_names_with_commas_are_several(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.touch()
    assert faults("to_folder", "generate.prompts", ["a cat"]) == []
    two = f"{file}, {tmp_path / 'b.png'}"
    assert faults("sd_trainer", "adapter.test_img_path", two) == [
        f"{tmp_path / 'b.png'} does not exist"
    ]


def test_a_validation_picture_must_be_there(tmp_path: Path) -> None:
    document = Document.parse(EXAMPLES["sd_trainer"])
    gone = str(tmp_path / "gone.png")
    document.set("train.validation_config", {"validation_items": [{"image_path": gone}]})
    found = [f for f in check_document(document, files=True) if f.code == "no-such-input"]
    assert [(f.path, f.message) for f in found] == [
        ("train.validation_config.validation_items[0].image_path", f"{gone} does not exist")
    ]
