"""Any file: which trainer it is of, what is refused, and that nothing in it raises."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schema import yaml_write
from schema.document import Document
from schema.importers import FORMATS, RefusedError, imported
from schema.importers.diffusion_pipe import read_pipe
from schema.importers.draft import Draft, printable
from schema.importers.kohya import flattened, read_dataset, read_main
from schema.importers.onetrainer import read_concepts, read_onetrainer
from schema.importers.optimizers import NAMES, put_optimizer
from schema.importers.simpletuner import read_backends, read_simpletuner
from tests.schema.importers.reading import FOLDER, data

KOHYA, ONETRAINER, SIMPLETUNER, PIPE = FORMATS


@pytest.mark.parametrize(
    ("name", "trainer"),
    [
        ("kohya_lora.toml", KOHYA),
        ("kohya_dataset.toml", KOHYA),
        ("kohya_flux.sh", KOHYA),
        ("onetrainer.json", ONETRAINER),
        ("onetrainer_concepts.json", ONETRAINER),
        ("simpletuner.json", SIMPLETUNER),
        ("simpletuner_data.json", SIMPLETUNER),
        ("pipe.toml", PIPE),
        ("pipe_dataset.toml", PIPE),
    ],
)
def test_the_trainer_is_told_by_the_content(name: str, trainer: str, tmp_path: Path) -> None:
    file = tmp_path / "config.txt"
    file.write_bytes((FOLDER / name).read_bytes())
    found = imported(file)
    assert found.trainer == trainer
    if name not in ("kohya_lora.toml", "kohya_flux.sh", "onetrainer.json", "simpletuner.json"):
        return
    assert Document.parse(found.text).raw["config"]["process"][0]["model"]["name_or_path"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (b"  \n# only a comment\n", "unknown-format"),
        (b"\x00\x01\x02", "not-text"),
        (b"caf\xe9 = 1", "not-text"),
        (b"{broken", "not-json"),
        (b"a = = 1", "not-toml"),
        (b"a = 1", "unknown-format"),
        (b"[1, 2]", "unknown-format"),
        (b'[{"a":' * 50_000, "not-json"),
        (b"a = " + b"[" * 50_000, "too-deep"),
        (b'{"job": "extension", "config": {}}', "already-ours"),
        (b'{"LoRA_type": "Standard", "train_batch_size": 1}', "window-settings"),
        (b'python train_network.py --a "b', "not-a-command"),
    ],
)
def test_other_files_are_refused_with_a_reason(content: bytes, code: str, tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_bytes(content)
    with pytest.raises(RefusedError) as caught:
        imported(file)
    assert caught.value.finding.code == code
    assert caught.value.finding.file == str(file)


def test_the_place_of_a_fault_in_json_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_text('{"model_family": "flux",\n  oops}', encoding="utf-8")
    with pytest.raises(RefusedError) as caught:
        imported(file)
    assert (caught.value.finding.line, caught.value.finding.column) == (2, 3)


def test_no_text_leaves_its_comment(tmp_path: Path) -> None:
    """A line break of any kind in a value would end the comment and write options of its own."""
    file = tmp_path / "file.json"
    words = "x\ntrain: {lr: 1}\u2028job: evil\x85a: b\rc: d"
    file.write_text(json.dumps({"model_family": words, words: words}), encoding="utf-8")
    found = Document.parse(imported(file).text)
    assert found.raw["job"] == "extension"
    assert list(found.raw) == ["job", "config"]
    assert printable("a\nb") == "a\\nb"


_JUNK: list[Any] = [None, [], {}, "x", "", -1, 1e400, True, [1, "a"], {"a": [1]}, 10**30]


def _faults(value: Any) -> Iterator[Any]:
    """Copies of a config in each of which one value, however deep, is something else."""
    places: list[tuple[Any, ...]] = []

    def walk(item: Any, keys: tuple[Any, ...]) -> None:
        if keys:
            places.append(keys)
        for key in (
            item if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
        ):
            walk(item[key], (*keys, key))

    walk(value, ())
    for place in places:
        for junk in _JUNK:
            broken = copy.deepcopy(value)
            inner = broken
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = junk
            yield broken


@pytest.mark.parametrize(
    "name",
    [
        "kohya_lora.toml",
        "kohya_dataset.toml",
        "onetrainer.json",
        "onetrainer_concepts.json",
        "simpletuner.json",
        "simpletuner_data.json",
        "pipe.toml",
    ],
)
def test_no_value_raises_or_is_dropped(name: str) -> None:
    readers: dict[str, Any] = {
        "kohya_lora.toml": lambda broken: read_main(flattened(broken), FOLDER),
        "kohya_dataset.toml": read_dataset,
        "onetrainer.json": lambda broken: read_onetrainer(broken, FOLDER),
        "onetrainer_concepts.json": read_concepts,
        "simpletuner.json": lambda broken: read_simpletuner(broken, FOLDER),
        "simpletuner_data.json": read_backends,
        "pipe.toml": lambda broken: read_pipe(broken, FOLDER),
    }
    for index, broken in enumerate(_faults(data(name))):
        draft = readers[name](broken)
        if index % 50 == 0:  # writing and reading back is what takes time
            document = Document.create(draft.config("x"))
            assert document.reading.findings == []


def test_every_optimizer_gets_parameters_that_it_takes() -> None:
    for name in NAMES:
        draft = Draft()
        put_optimizer(draft, "optimizer", name, {"weight_decay": 0.5, "nonsense": 3}, "o.")
        draft.put("model.name_or_path", "x/y")
        draft.put("training_folder", "output")
        draft.datasets.append({"folder_path": "pictures"})
        text = yaml_write.document(draft.config("x"))
        errors = [f for f in Document.parse(text).findings if f.severity == "error"]
        assert errors == [], name
        assert [note.key for note in draft.unequal] == ["o.nonsense"]
