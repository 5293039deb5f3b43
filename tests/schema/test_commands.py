"""The commands on configs and options: what they print, where, and how they exit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from schema.catalogue import options
from schema.presets import PRESETS
from tui.cli import COMMANDS, main

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def bad(tmp_path: Path, base: str) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(base.replace("steps: 100", "steps: 0").replace("lr: 1e-4", "lrr: 1e-4"))
    return path


@pytest.fixture
def warned(tmp_path: Path, base: str) -> Path:
    path = tmp_path / "warned.yaml"
    path.write_text(base + "        unet_lr: 0.5\n")
    return path


def test_check_prints_each_fault_once_and_exits_with_one(bad: Path, capsys: Captured) -> None:
    assert main(["check", "--no-files", str(bad)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(f"{bad}:28:9: error: train.lrr: unknown key 'lrr'")
    assert out[1].startswith(f"{bad}:29:16: error: train.steps: found the number 0, accepted is")
    assert out[2] == f"{bad}: 2 errors"


def test_check_is_content_with_a_whole_config(whole: Path, capsys: Captured) -> None:
    assert main(["check", "--strict", str(whole)]) == 0
    *sizes, verdict = capsys.readouterr().out.splitlines()
    assert verdict == f"{whole}: no faults"
    assert sizes[0] == "datasets[0] at 256: 160x112 (4); 6.7% cropped away"
    assert len(sizes) == 2


def test_warnings_count_only_when_strict(warned: Path, capsys: Captured) -> None:
    assert main(["check", "--no-files", str(warned)]) == 0
    assert main(["check", "--no-files", "--strict", str(warned)]) == 1
    assert "1 warning\n" in capsys.readouterr().out


def test_check_looks_at_files_unless_told_not_to(warned: Path, capsys: Captured) -> None:
    assert main(["check", str(warned)]) == 1
    assert "model-missing" in capsys.readouterr().out


def test_check_prints_nothing_but_json_when_asked(
    bad: Path, warned: Path, tmp_path: Path, capsys: Captured
) -> None:
    files = [str(bad), str(warned), str(tmp_path / "no.yaml")]
    assert main(["check", "--json", "--no-files", *files]) == 1
    captured = capsys.readouterr()
    rows = json.loads(captured.out)
    assert captured.err == ""
    assert [row["file"] for row in rows] == [files[0], files[0], files[1], files[2]]
    assert all(
        set(row) == {"file", "path", "line", "column", "severity", "code", "message", "suggestion"}
        for row in rows
    )


@pytest.mark.parametrize("content", [b"\x00\x01", b"a: [", b"\t", b"", b"- - -", b"a: *b"])
def test_no_broken_file_leads_to_a_traceback(
    tmp_path: Path, content: bytes, capsys: Captured
) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    assert main(["check", str(path)]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_options_lists_everything_as_json(capsys: Captured) -> None:
    assert main(["options", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["path"] for row in rows] == [info.path for info in options()]


def test_options_finds_by_words(capsys: Captured) -> None:
    assert main(["options", "flip"]) == 0
    assert "datasets[].flip_x" in capsys.readouterr().out
    assert main(["options", "zzzz"]) == 2
    assert "no option matches" in capsys.readouterr().err


@pytest.mark.parametrize("info", options(), ids=lambda info: info.path)
def test_every_option_can_be_explained(info: object, capsys: Captured) -> None:
    path = info.path  # type: ignore[attr-defined]
    assert main(["explain", path]) == 0
    out = capsys.readouterr().out
    assert out.startswith(path)
    assert "accepts:" in out
    assert max(map(len, out.splitlines())) <= 110


def test_explain_takes_a_bare_or_an_older_name(capsys: Captured) -> None:
    assert main(["explain", "rank"]) == 0
    assert capsys.readouterr().out.startswith("network.linear")
    assert main(["explain", "--json", "lr"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == "train.lr"


def test_explain_offers_the_nearest(capsys: Captured) -> None:
    assert main(["explain", "train.lrr"]) == 2
    assert "did you mean train.lr?" in capsys.readouterr().err


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_new_config_is_right_and_named_after_its_file(
    preset: object, tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / "my look.yaml"
    name = preset.name  # type: ignore[attr-defined]
    assert main(["new", "--preset", name, "-o", str(path)]) == 0
    assert "  name: my_look" in path.read_text()
    assert main(["check", "--no-files", "--strict", str(path)]) == 0


def test_new_never_writes_over_a_file(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("mine")
    assert main(["new", "-o", str(path)]) == 2
    assert path.read_text() == "mine"
    assert main(["new", "-o", str(tmp_path / "no" / "folder.yaml")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_new_prints_where_no_file_is_named(capsys: Captured) -> None:
    assert main(["new"]) == 0
    assert capsys.readouterr().out == PRESETS[0].text


def test_an_unknown_preset_gets_the_nearest(capsys: Captured) -> None:
    assert main(["new", "--preset", "stile"]) == 2
    assert "did you mean style?" in capsys.readouterr().err
    assert main(["new", "--preset", "qqq"]) == 2
    assert "there are style, character, concept, full" in capsys.readouterr().err


def test_an_unknown_command_gets_the_nearest(capsys: Captured) -> None:
    assert main(["chek"]) == 2
    assert "did you mean `finetui check`?" in capsys.readouterr().err
    assert main(["--frobnicate"]) == 2
    assert main(["a.yaml", "b.yaml"]) == 2


def test_help_names_every_command(capsys: Captured) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n  {name}" in out for name in COMMANDS)
    assert main(["--version"]) == 0


def test_a_command_that_is_not_there_yet_says_so(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = COMMANDS["serve"]._replace(module="tui.commands.not_yet")
    monkeypatch.setitem(COMMANDS, "serve", row)
    assert main(["serve"]) == 2
    assert "not part of this version" in capsys.readouterr().err


def test_a_missing_package_is_named(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {name}", name="plotter")

    monkeypatch.setattr("importlib.import_module", absent)
    assert main(["check", "x.yaml"]) == 2
    assert "needs the Python package 'plotter'" in capsys.readouterr().err


def test_an_interrupted_command_exits_as_agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("tui.commands.check.run", interrupt)
    assert main(["check", "x.yaml"]) == 130


def test_without_a_terminal_the_app_does_not_start(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert main([]) == 2
    assert "needs a terminal" in capsys.readouterr().err


def test_a_config_that_does_not_exist_is_not_opened(capsys: Captured, tmp_path: Path) -> None:
    assert main([str(tmp_path / "no.yaml")]) == 2
    assert "finetui new -o" in capsys.readouterr().err


def python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_check_imports_neither_screen_nor_engine_nor_the_round_trip_parser(whole: Path) -> None:
    code = (
        "import sys; from tui.cli import main; assert main(['check', sys.argv[1]]) == 0;"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    loaded = set(python(code, str(whole)).split())
    assert not loaded & {"ruamel", "textual", "rich", "torch", "numpy", "engine", "transformers"}
    assert "pydantic" in loaded


def test_output_into_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m tui.cli options | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
