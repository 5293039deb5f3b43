"""Starting runs: nothing is overwritten, a run goes on only as itself, and faults are findings."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import tui.launch
from schema.document import Document
from schema.findings import Finding
from schema.run.events import read_events
from schema.run.layout import RunFolder
from schema.run.lock import RunLock, wait_until_free
from schema.run.metrics import MetricsReader
from schema.run.registry import find_run
from schema.run.state import derive
from schema.run.status import State, StatusWriter
from tests.run.configs import config_text, write_config
from tests.run.conftest import FAKE_WORKER, kill_worker, training_worker
from tests.run.wait import until
from tui.cli import main
from tui.launch import LaunchRefused, Plan, plan, start

FAKE = (sys.executable, str(FAKE_WORKER))


@pytest.fixture(autouse=True)
def _shape_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models and pictures are not what these tests are about."""
    monkeypatch.setattr(tui.launch, "check_document", lambda document, _files: document.findings)


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """A config; whatever was started from it is ended."""
    yield write_config(tmp_path)
    for place in (tmp_path / "output").glob("*"):
        kill_worker(RunFolder(place))


def ended(folder: RunFolder) -> State:
    def look() -> State | None:
        status = derive(folder)
        over = any(event["kind"] == "exit" for event in read_events(folder))
        return status.state if status.ended and over else None

    found = until(look, what="the run to end")
    assert found is not None
    return found


def refusal(todo: object, *arguments: object, **named: object) -> list[Finding]:
    with pytest.raises(LaunchRefused) as caught:
        todo(*arguments, **named)  # type: ignore[operator]
    return caught.value.findings


def test_a_new_run_is_laid_out_started_and_known(config: Path) -> None:
    folder = start(config, worker=[*FAKE, "--steps", "3"])
    assert folder.path == config.parent / "output" / "cats"
    assert ended(folder) is State.FINISHED
    assert folder.config.read_text() == config.read_text()
    assert find_run("cats") == folder
    assert read_events(folder)[0]["kind"] == "created"


def test_planning_touches_nothing(config: Path) -> None:
    todo = plan(config)
    assert (todo.continues, todo.complete, todo.changes) == (False, False, [])
    assert os.listdir(config.parent) == ["config.yaml"]


def test_overrides_and_a_name_go_into_the_config_as_run_not_into_the_file(config: Path) -> None:
    before = config.read_text()
    folder = start(config, {"train.steps": 4}, "dogs", worker=[*FAKE, "--steps", "4"])
    assert ended(folder) is State.FINISHED
    assert folder.path.name == "dogs"
    assert Document.load(folder.config).typed().config.process[0].train.steps == 4
    assert config.read_text() == before


def test_a_document_that_is_not_saved_can_be_started(config: Path) -> None:
    document = Document.load(config)
    document.set("config.name", "unsaved")
    folder = start(document, worker=[*FAKE, "--steps", "1"])
    assert ended(folder) is State.FINISHED
    assert folder.name == "unsaved"


def test_all_faults_of_a_config_come_at_once_and_nothing_is_made(config: Path) -> None:
    text = config.read_text().replace("lr: 1e-4", "lr: -1").replace("linear:", "lineer:")
    config.write_text(text)
    findings = refusal(start, config)
    assert {finding.path for finding in findings} >= {"train.lr", "network.lineer"}
    assert os.listdir(config.parent) == ["config.yaml"]


def test_a_missing_file_and_a_bad_override_are_findings(config: Path, tmp_path: Path) -> None:
    assert refusal(plan, tmp_path / "no.yaml")[0].code == "unreadable-file"
    assert refusal(plan, config, {"train..lr": 1})[0].code == "bad-override"
    assert refusal(plan, config, {"train.lrr": 1})[0].path == "train.lrr"
    nowhere = refusal(plan, config, {"datasets[7].flip_x": True})[0].message
    assert nowhere == "there is no datasets[7]"


def test_an_empty_name_is_refused_not_ignored(config: Path) -> None:
    assert [finding.path for finding in refusal(plan, config, name="")] == ["config.name"]
    assert os.listdir(config.parent) == ["config.yaml"]


def test_an_interrupted_run_goes_on_in_its_folder(config: Path) -> None:
    folder = start(config, worker=FAKE)
    worker = training_worker(folder, step=2)
    os.kill(worker.pid, signal.SIGTERM)
    assert ended(folder) is State.INTERRUPTED
    step = derive(folder).step
    again = start(config, worker=[*FAKE, "--start", str(step), "--steps", str(step + 2)])
    assert again == folder
    until(lambda: derive(folder).state is State.FINISHED, what="the second session to finish")
    rows = [row["step"] for row in MetricsReader(folder.metrics).rows()]
    assert rows == list(range(1, step + 3))


def stopped_run(config: Path) -> RunFolder:
    folder = start(config, worker=[*FAKE, "--exit", "3"])
    assert ended(folder) is State.FAILED
    return folder


def test_a_safe_change_goes_on_and_the_config_before_is_kept(config: Path) -> None:
    folder = stopped_run(config)
    before = folder.config.read_text()
    start(config, {"train.steps": 20}, worker=[*FAKE, "--steps", "20"])
    assert Document.load(folder.config).typed().config.process[0].train.steps == 20
    (kept,) = (folder.path / "config-history").iterdir()
    assert kept.read_text() == before
    until(lambda: derive(folder).state is State.FINISHED)


def test_a_change_of_course_is_refused_with_the_options_unless_wanted(config: Path) -> None:
    folder = stopped_run(config)
    (finding,) = refusal(plan, config, {"train.lr": 3e-4})
    assert (finding.code, finding.path) == ("run-differs", "train.lr")
    assert (finding.file, finding.line) == (str(config), 14)
    assert "0.0001 -> 0.0003" in finding.message
    assert "--resume" in (finding.suggestion or "")
    todo = plan(config, {"train.lr": 3e-4}, resume=True)
    assert [change.path for change in todo.changes] == ["train.lr"]
    assert folder.config.read_text() == config.read_text()


def test_a_change_that_cannot_go_on_is_refused_always(config: Path) -> None:
    stopped_run(config)
    for resume in (None, True):
        (finding,) = refusal(plan, config, {"network.linear": 8}, resume=resume)
        assert finding.path == "network.linear"
        assert "--resume" not in (finding.suggestion or "")


def test_every_differing_option_is_listed_not_the_first_only(config: Path) -> None:
    stopped_run(config)
    found = refusal(plan, config, {"train.lr": 3e-4, "network.linear": 8, "train.steps": 99})
    assert [finding.path for finding in found] == ["network.linear", "train.lr"]


def test_without_resume_an_existing_run_is_refused_untouched(config: Path) -> None:
    folder = stopped_run(config)
    before = sorted(path.name for path in folder.path.rglob("*"))
    assert refusal(start, config, resume=False)[0].code == "run-exists"
    assert sorted(path.name for path in folder.path.rglob("*")) == before


def test_a_run_at_work_is_not_started_twice(config: Path) -> None:
    folder = start(config, worker=FAKE)
    worker = training_worker(folder)
    (finding,) = refusal(start, config)
    assert finding.code == "run-at-work"
    assert str(worker.pid) in finding.message


def test_a_start_waits_for_the_last_supervisor_to_leave(config: Path) -> None:
    folder = stopped_run(config)
    until(lambda: wait_until_free(folder.lock, 0), what="the first supervisor to leave")
    leaving = RunLock.take(folder.lock)
    threading.Timer(0.4, leaving.close).start()
    start(config, worker=FAKE)
    training_worker(folder)


def test_a_lock_that_stays_held_is_not_waited_for_forever(tmp_path: Path) -> None:
    with RunLock.take(tmp_path / "lock"):
        assert not wait_until_free(tmp_path / "lock", 0.1)
    assert wait_until_free(tmp_path / "lock", 0.1)


def test_of_two_starts_at_once_one_wins(config: Path) -> None:
    stopped_run(config)
    todo = plan(config)
    start(todo, worker=FAKE)
    training_worker(todo.folder)
    (finding,) = refusal(start, todo, worker=FAKE)
    assert finding.code == "run-at-work"
    assert derive(todo.folder).state is State.TRAINING


def test_a_complete_run_is_left_as_it_is(config: Path) -> None:
    folder = start(config, worker=[*FAKE, "--steps", "10"])
    assert ended(folder) is State.FINISHED
    todo = plan(config)
    assert todo.complete
    before = folder.status.read_bytes()
    assert start(todo) == folder
    assert folder.status.read_bytes() == before
    assert not plan(config, {"train.steps": 11}).complete


def test_a_paused_run_that_let_its_gpu_go_is_started_again_by_resume(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stopped_run(config)
    StatusWriter(folder).close(state=State.PAUSED, released=True)
    assert main(["stop", "cats"]) == 3
    assert plan(config).continues
    monkeypatch.setattr(tui.launch, "WORKER", FAKE)
    assert main(["resume", "cats"]) == 0
    training_worker(folder)


def test_a_folder_with_other_files_is_never_used(config: Path) -> None:
    place = config.parent / "output" / "cats"
    place.mkdir(parents=True)
    (place / "thesis.txt").write_text("four years")
    assert refusal(start, config)[0].code == "name-taken"
    assert os.listdir(place) == ["thesis.txt"]


def test_an_output_folder_that_cannot_be_written_is_a_finding(config: Path) -> None:
    (config.parent / "output").write_text("a file, not a folder")
    (finding,) = refusal(start, config)
    assert finding.path == "training_folder"
    assert finding.code in ("folder-not-writable", "folder-unreadable")


def test_without_the_engine_it_says_what_to_install(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tui.launch, "ENGINE_NEEDS", ("torch", "no_such_package_anywhere"))
    (finding,) = refusal(start, config)
    assert finding.code == "engine-missing"
    assert "no_such_package_anywhere" in finding.message
    assert "finetui[engine]" in (finding.suggestion or "")


def test_a_supervisor_that_dies_at_once_is_reported_with_its_last_words(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = (sys.executable, "-c", "import sys; sys.exit('no space for me')")
    monkeypatch.setattr(tui.launch, "SUPERVISOR", command)
    (finding,) = refusal(start, config)
    assert finding.code == "worker-not-started"
    assert "no space for me" in finding.message


def test_relative_folders_count_from_where_the_run_is_started(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(config_text("output"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    todo: Plan = plan(config)
    assert todo.folder.path == tmp_path / "here" / "output" / "cats"
    assert todo.base == tmp_path / "here"


def test_launching_imports_no_torch_no_textual_and_no_engine() -> None:
    code = (
        "import sys, tui.launch, tui.commands.run, tui.commands.ps, tui.commands.control\n"
        "print([name for name in ('torch', 'numpy', 'textual', 'engine') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_run_whose_config_is_gone_is_refused_in_plain_words(config: Path) -> None:
    folder = start(config, worker=[*FAKE, "--steps", "3"])
    assert ended(folder) is State.FINISHED
    folder.config.unlink()
    [finding] = refusal(plan, config)
    assert finding.code == "run-unreadable"
    assert finding.message.endswith("No such file or directory")
