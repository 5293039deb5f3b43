"""`finetui demo` lays out a project once, keeps what is there, and sets the steps when asked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from schema.check import check_file
from schema.document import Document
from tui import cli, demo_project
from tui.commands import demo
from tui.demo_project import DemoError, lay_out


def files_under(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_lays_out_model_pictures_and_config(tmp_path: Path) -> None:
    config = lay_out(tmp_path / "new" / "demo")
    assert config == tmp_path / "new" / "demo" / "config.yaml"
    assert sorted(path.name for path in config.parent.iterdir()) == [
        "config.yaml",
        "images",
        "model",
    ]
    for part in ("model", "images"):
        assert files_under(config.parent / part) == files_under(demo_project.ASSETS / part)


@pytest.mark.parametrize("name", ["plain", "with space", "ünï ✓", "quote'\"back\\slash", "a: b #c"])
def test_the_config_is_valid_whatever_the_folder_is_called(tmp_path: Path, name: str) -> None:
    config = lay_out(tmp_path / name)
    assert [finding for finding in check_file(config) if finding.severity != "hint"] == []
    process = Document.load(config).typed().config.process[0]
    assert process.model.name_or_path == str(tmp_path / name / "model")
    assert process.training_folder == str(tmp_path / name / "output")
    assert process.datasets[0].folder_path == str(tmp_path / name / "images")


def test_the_config_means_the_same_from_any_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = lay_out(Path("relative"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert not [finding for finding in check_file(config) if finding.severity == "error"]


def test_an_existing_project_is_used_as_it_is(tmp_path: Path) -> None:
    config = lay_out(tmp_path)
    config.write_text(config.read_text().replace("linear: 16", "linear: 8"))
    (tmp_path / "images" / "zorb_01.txt").write_text("my own caption")
    (tmp_path / "images" / "zorb_02.png").unlink()
    before = files_under(tmp_path)
    assert lay_out(tmp_path) == config
    assert files_under(tmp_path) == before


def test_a_part_that_is_missing_is_added_beside_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "images").mkdir()
    lay_out(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert list((tmp_path / "images").iterdir()) == []
    assert (tmp_path / "model" / "model_index.json").is_file()


def test_an_interrupted_copy_leaves_no_half_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = 0

    def copy_two_files(source: str, target: str) -> str:
        nonlocal copied
        copied += 1
        if copied > 2:
            raise KeyboardInterrupt
        Path(target).write_bytes(Path(source).read_bytes())
        return target

    monkeypatch.setattr("tui.demo_project.shutil.copyfile", copy_two_files)
    with pytest.raises(KeyboardInterrupt):
        lay_out(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert files_under(lay_out(tmp_path).parent / "model") == files_under(
        demo_project.ASSETS / "model"
    )


def test_a_file_in_the_way_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model").write_text("not a folder")
    assert cli.main(["demo", "--headless", "--dir", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert f"{tmp_path / 'model'} is in the way" in error
    assert "Traceback" not in error
    assert (tmp_path / "model").read_text() == "not a folder"


def test_a_folder_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert cli.main(["demo", "--headless", "--dir", str(tmp_path / "file" / "demo")]) == 1
    assert "cannot lay out the demo" in capsys.readouterr().err


def test_steps_are_written_into_the_config_and_nothing_else_changes(tmp_path: Path) -> None:
    config = lay_out(tmp_path)
    before = config.read_text()
    demo.set_steps(config, 20)
    after = config.read_text()
    assert Document.load(config).typed().config.process[0].train.steps == 20
    changed = [
        (old, new)
        for old, new in zip(before.splitlines(), after.splitlines(), strict=True)
        if old != new
    ]
    assert len(changed) == 1
    assert changed[0][1].strip().startswith("steps: 20")


def test_steps_that_are_there_already_do_not_touch_the_file(tmp_path: Path) -> None:
    config = lay_out(tmp_path)
    steps = Document.load(config).value("train.steps")
    os.utime(config, ns=(1, 1))
    demo.set_steps(config, int(steps))
    assert config.stat().st_mtime_ns == 1


def test_steps_of_a_broken_config_are_refused_in_words(tmp_path: Path) -> None:
    config = lay_out(tmp_path)
    config.write_text("job: [")
    with pytest.raises(DemoError, match=r"cannot set the steps in .*config\.yaml"):
        demo.set_steps(config, 20)
    assert config.read_text() == "job: ["


@pytest.mark.parametrize("steps", ["0", "-3", "many", "1.5"])
def test_no_number_of_steps_is_wrong_usage(steps: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo", "--headless", "--steps", steps, "--dir", str(tmp_path / "demo")])
    assert ended.value.code == 2
    assert not (tmp_path / "demo").exists()


def test_without_a_terminal_it_lays_out_and_points_to_headless(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tui.cli", "demo", "--steps", "7"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert "--headless" in result.stderr
    assert Document.load(tmp_path / "finetui-demo" / "config.yaml").value("train.steps") == 7


def test_the_app_opens_on_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []

    class App:
        def __init__(self, config: Path) -> None:
            opened.append(config)

        def run(self) -> None:
            return None

    monkeypatch.setattr("tui.app.FineTuiApp", App)
    for stream in ("stdin", "stdout"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
    assert cli.main(["demo", "--dir", str(tmp_path)]) == 0
    assert opened == [tmp_path / "config.yaml"]


def test_the_shipped_config_explains_itself_and_stays_short() -> None:
    text = (demo_project.ASSETS / "config.yaml").read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) < 90
    assert max(map(len, lines)) <= 100
    assert sum("#" in line for line in lines) >= 20
    process = yaml.safe_load(text)["config"]["process"][0]
    word = process["trigger_word"]
    prompts = process["sample"]["prompts"]
    assert 2 <= len(prompts) <= 4
    assert sum(word in prompt for prompt in prompts) >= 2


def test_laying_out_needs_neither_engine_nor_its_libraries(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tui.demo_project import lay_out\n"
        f"lay_out(Path({str(tmp_path / 'demo')!r}))\n"
        "print([n for n in ('engine', 'torch', 'numpy', 'textual') if n in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"
