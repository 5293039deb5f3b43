"""Nothing that a file can hold makes `check` crash, wait, run anything or upset a terminal."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schema.check import check_file
from schema.config_file import read_config
from schema.findings import MOST_OF_A_KIND, Finding
from tests.house.files import ROOT
from tests.schema.bad_documents import DOCUMENTS, HEAD

LIMIT = 2.0
"""Seconds of processor time that any document may take: the promise of `check`."""


@pytest.fixture(autouse=True)
def _never_for_ever() -> Iterator[None]:
    """A loop without end fails its test, not the run of all tests."""

    def give_up(number: int, frame: object) -> None:
        raise TimeoutError("check did not come back")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def look(tmp_path: Path, content: str | bytes) -> list[Finding]:
    path = tmp_path / "a.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return check_file(path)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_takes_long_or_gives_anything_but_findings(name: str, tmp_path: Path) -> None:
    content = DOCUMENTS[name]()
    begin = time.process_time()
    found = look(tmp_path, content)
    assert time.process_time() - begin < LIMIT
    assert any(finding.severity == "error" for finding in found)
    kinds = {finding.code for finding in found}
    assert len(found) <= len(kinds) * (MOST_OF_A_KIND + 1)
    for finding in found:
        assert finding.sentence().isprintable()
        assert len(finding.sentence()) < 20_000
    assert not (tmp_path / "made-by-yaml").exists()
    assert not Path("made-by-yaml").exists()


def codes(found: list[Finding]) -> set[str]:
    return {finding.code for finding in found}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("100000 keys", "file-too-large"),
        ("5000 unknown keys", "more-faults"),
        ("processes", "too-many-processes"),
        ("brackets", "yaml-depth"),
        ("a chain of anchors", "yaml-depth"),
        ("billion laughs", "yaml-aliases"),
        ("laughing merges", "yaml-aliases"),
        ("a list in itself", "yaml-recursive"),
        ("a long key", "yaml-key"),
        ("a long base of 60", "yaml-scalar"),
        ("a base of 60", "rate-high"),
        ("a long whole number", "yaml-scalar"),
        ("UTF-32", "binary-file"),
        ("latin 1", "not-utf8"),
        ("a call", "yaml-tag"),
        ("long names", "model-missing"),
        ("homes of nobody", "folder-missing"),
    ],
)
def test_a_bad_document_is_called_what_it_is(name: str, code: str, tmp_path: Path) -> None:
    assert code in codes(look(tmp_path, DOCUMENTS[name]()))


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", "utf-16", "utf-16-le", "utf-16-be"])
def test_marked_texts_are_read_as_any_other(tmp_path: Path, mark: bytes | str) -> None:
    text = HEAD + "      lr: 1\n"
    if isinstance(mark, bytes):
        content = mark + text.encode()
    else:
        content = ("\ufeff" if mark != "utf-16" else "").encode(mark) + text.encode(mark)
        content = text.encode(mark) if mark == "utf-16" else content
    assert codes(look(tmp_path, content)) == codes(look(tmp_path, text))


@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan", "1e999"])
def test_infinity_is_told_that_numbers_are_finite(tmp_path: Path, value: str) -> None:
    found = look(tmp_path, f"{HEAD}      lr: {value}\n      steps: {value}\n")
    messages = {f.path: f.message for f in found if f.path.startswith("train.")}
    assert "accepted is a finite number" in messages["train.lr"]
    assert "accepted is a finite whole number" in messages["train.steps"]


def test_what_names_hold_does_nothing_to_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "i").mkdir()
    (tmp_path / "i" / os.fsdecode(b"\xff\x1b[2J.png")).write_bytes(b"junk")
    found = look(tmp_path, HEAD.replace(": i}", f": {tmp_path / 'i'}}}") + "      lr: 1\n")
    (bad,) = [finding for finding in found if finding.code == "image-unreadable"]
    assert "\\xff\\x1b[2J.png" in bad.sentence()
    bad.sentence().encode()


def test_pipes_devices_and_loops_are_not_waited_for(tmp_path: Path) -> None:
    silent, loop = tmp_path / "silent.yaml", tmp_path / "loop.yaml"
    os.mkfifo(silent)
    loop.symlink_to(loop)
    assert codes(check_file(silent)) == {"empty-file"}
    for path in (loop, Path("/dev/zero"), tmp_path, tmp_path / "none.yaml"):
        assert codes(check_file(path)) == {"unreadable-file"}
    (finding,) = check_file("/dev/zero")
    assert finding.message == "this is a device, not a file"


def test_a_pipe_from_a_shell_is_read(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, HEAD.encode())
    os.close(write)
    assert read_config(f"/dev/fd/{read}") == HEAD.encode()
    os.close(read)


def test_a_pipe_that_stays_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schema.config_file._PATIENCE", 0.01)
    read, write = os.pipe()
    with pytest.raises(OSError, match="nothing is written"):
        read_config(f"/dev/fd/{read}")
    os.close(write)
    os.close(read)


def test_models_and_weights_that_are_pipes_are_named(tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "unet").mkdir(parents=True)
    os.mkfifo(model / "model_index.json")
    text = HEAD.replace(": m,", f": {model},") + "      lr: 1\n"
    assert "is a pipe, not a file" in " ".join(f.message for f in look(tmp_path, text))
    os.mkfifo(tmp_path / "whole.safetensors")
    text = HEAD.replace(": m,", f": {tmp_path / 'whole.safetensors'},") + "      lr: 1\n"
    assert "is a pipe, not a file" in " ".join(f.message for f in look(tmp_path, text))


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"_class_name": ' * 2000, '{"weight_map": 3}', "[]", "1" * 5000]
)
def test_json_of_a_model_may_hold_anything(tmp_path: Path, content: str) -> None:
    model = tmp_path / "model"
    (model / "unet").mkdir(parents=True)
    for name in ("model_index.json", "unet/config.json"):
        (model / name).write_text(content)
    index = model / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(content)
    assert codes(look(tmp_path, HEAD.replace(": m,", f": {model},") + "      lr: 1\n"))
    (model / "model_index.json").write_text('{"unet": 1}')
    (model / "unet" / "config.json").write_text("{}")
    assert codes(look(tmp_path, HEAD.replace(": m,", f": {model},") + "      lr: 1\n"))


@pytest.mark.parametrize(
    "header",
    ["[" * 5000, '{"a": {"shape": [1], "data_offsets": [0, "x"]}}',
     '{"a": {"shape": [1], "data_offsets": [0, 1e999]}}', '{"a": {"shape": 3}}', '{"a": 3}',
     '{"a": {"shape": [{}], "data_offsets": [0, 4]}}'],
)  # fmt: skip
def test_a_header_of_weights_may_hold_anything(tmp_path: Path, header: str) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header.encode() + bytes(100))
    assert codes(look(tmp_path, HEAD.replace(": m,", f": {file},") + "      lr: 1\n"))


def finetui(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """The command as a shell starts it."""
    return subprocess.run(
        [sys.executable, "-m", "tui.cli", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        timeout=60,
    )


def test_names_that_a_terminal_cannot_show_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"odd\xff\x1b[31m.yaml")
    path.write_text(HEAD.replace("sd_trainer", "sd_trainér"), encoding="utf-8")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = finetui("check", "--no-files", str(path), cwd=tmp_path, **ascii_only)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"sd_train\\xe9r" in done.stdout
    assert b"odd\\xff\\x1b[31m.yaml: 1 error" in done.stdout
    assert done.stdout.isascii()
    assert b"\x1b" not in done.stdout


def test_a_working_folder_that_was_removed_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HEAD + "      lr: 1\n")
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        "import os, sys; os.chdir(sys.argv[1]); os.rmdir(sys.argv[1]);"
        "from tui.cli import main; sys.exit(main(['check', sys.argv[2]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(gone), str(tmp_path / "a.yaml")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    assert "folder-missing" in done.stdout
