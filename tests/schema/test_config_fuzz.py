"""Configs of any options in any handwriting: kept to the byte, read alike, and never a crash.

The counts of the promise (5000 configs, 20000 documents) run with `make soak`, a share always.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema.check import check_document, check_file
from schema.compare import same
from schema.document import Document
from schema.edit_tree import TreeEdit
from schema.findings import Finding
from schema.yaml_text import read
from tests.schema.written_configs import damaged, written

Test = TypeVar("Test", bound=Callable[..., None])
SEEDS = st.integers(0, 2**32 - 1)


def examples(count: int) -> Callable[[Test], Test]:
    """Settings for so many examples, the same ones each time."""
    same_ones: Callable[[Test], Test] = settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    return same_ones


def stays_as_it_was(seed: int, folder: Path) -> None:
    """Read, saved, edited and taken back: the same bytes; both readers see the same values."""
    dice = random.Random(seed)
    text = written(dice)
    mark = "\ufeff" if dice.random() < 0.05 else ""
    content = mark + (text.replace("\n", "\r\n") if dice.random() < 0.1 else text)
    path = folder / "a.yaml"
    path.write_bytes(content.encode())
    document = Document.load(path)
    document.save()
    assert path.read_bytes() == content.encode()
    if not document.editable:
        return
    assert same(read(TreeEdit(text)._text()).data, read(text).data)
    if dice.random() < 0.8:
        return
    document.set("config.name", "another")
    document.set("train.steps", 77)
    assert document.value("config.name") == "another"
    while document.undo():
        pass
    document.save()
    assert path.read_bytes() == content.encode()


def gives_findings_only(seed: int, folder: Path) -> None:
    """A damaged config, as text and as bytes of several kinds."""
    dice = random.Random(seed)
    text = damaged(dice, written(dice))
    kind = dice.randrange(20)
    content = text.encode("utf-8", "surrogatepass")
    if kind == 0:
        content = text.encode("utf-16", "surrogatepass")
    elif kind == 1:
        content = text.encode("utf-8", "surrogatepass")[dice.randrange(9) :: dice.randint(1, 3)]
    elif kind == 2:
        content = dice.randbytes(dice.randint(0, 200)) + content[:50]
    elif kind == 3:
        at = dice.randrange(len(content) + 1)
        content = content[:at] + dice.randbytes(dice.randint(1, 8)) + content[at:]
    path = folder / "a.yaml"
    path.write_bytes(content)
    for found in (check_file(path, files=kind == 4), _in_memory(text)):
        for finding in found:
            assert isinstance(finding, Finding)
            assert finding.message
            assert finding.code
            assert finding.sentence().isprintable()


def _in_memory(text: str) -> list[Finding]:
    document = Document.parse(text)
    found = check_document(document, files=False)
    if not any(finding.severity == "error" for finding in found):
        document.typed()
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@examples(300)
@given(seed=SEEDS)
def test_any_config_is_kept_to_the_byte_and_read_alike(seed: int, folder: Path) -> None:
    stays_as_it_was(seed, folder)


@examples(1200)
@given(seed=SEEDS)
def test_a_damaged_config_gives_findings_and_nothing_else(seed: int, folder: Path) -> None:
    gives_findings_only(seed, folder)


@pytest.mark.soak
@examples(5000)
@given(seed=SEEDS)
def test_5000_configs_are_kept_to_the_byte_and_read_alike(seed: int, folder: Path) -> None:
    stays_as_it_was(seed, folder)


@pytest.mark.soak
@examples(20_000)
@given(seed=SEEDS)
def test_20000_damaged_configs_give_findings_and_nothing_else(seed: int, folder: Path) -> None:
    gives_findings_only(seed, folder)


def test_the_drawn_configs_are_of_every_kind() -> None:
    """The fuzzing reaches what it is for: valid and faulty configs, comments, flow, anchors."""
    texts = [written(random.Random(seed)) for seed in range(300)]
    read_well = [text for text in texts if not read(text).findings]
    assert len(read_well) > 250
    assert any("&n" in text for text in texts)
    assert any("# " in text for text in texts)
    kinds = {f.code for text in texts[:100] for f in _in_memory(text)}
    assert len(kinds) > 15
