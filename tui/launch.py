"""Starting a run: from a config to a folder with a detached supervisor at work in it.

Used by `finetui run`, `finetui demo --headless` and the app's launch view. Nothing that exists is
overwritten: a run of the same name is continued if its config still means the same run, and refused
otherwise, with the list of what differs. Faults are findings, as `check` has them; nothing here
imports the engine or waits for training.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schema.atomic import write_atomic
from schema.check import check_document, check_file
from schema.document import Document
from schema.extras import install_command
from schema.findings import ConfigError, Finding, has_errors
from schema.run.changes import Change, changes
from schema.run.events import EventWriter
from schema.run.layout import FolderTaken, RunFolder
from schema.run.lock import wait_until_free
from schema.run.process import ProcessId
from schema.run.registry import register
from schema.run.state import derive
from schema.run.status import State, read_status

ENGINE_NEEDS = ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors", "numpy")
START_SECONDS = 20.0
# A run that has ended may need a moment until its supervisor is gone.
_LEAVING_SECONDS = 10.0
SUPERVISOR = (sys.executable, "-P", "-m", "engine.supervisor")
# The supervisor's own choice, the engine's worker, when empty.
WORKER: Sequence[str] = ()
_EXIT_LOCKED = 75
_children: list[subprocess.Popen[bytes]] = []


class LaunchRefused(ConfigError):
    """The run is not started; `.findings` say why. Nothing was changed on disk."""


@dataclass(frozen=True)
class Plan:
    """What starting would do, before anything is done."""

    folder: RunFolder
    name: str
    text: str
    base: Path
    continues: bool = False
    complete: bool = False
    changes: list[Change] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def plan(
    source: Document | Path | str,
    overrides: Mapping[str, Any] | None = None,
    name: str | None = None,
    resume: bool | None = None,
    *,
    base: Path | None = None,
) -> Plan:
    """Look at a config and at what exists, and say what `start` would do.

    Args:
        source: a document (which is not changed), or the path of a config.
        overrides: values by path, put over those of the file.
        name: another name for the run.
        resume: False refuses where a run of that name exists; True also accepts changed options
            that alter its course from here on; None continues it only if it stays the same run.
        base: the folder that relative paths count from; the present one when None.

    Raises:
        LaunchRefused: with all findings, when it cannot or should not be started.
    """
    document = _document(source)
    values = {**(overrides or {}), **({} if name is None else {"config.name": name})}
    for path, value in values.items():
        try:
            document.set(path, value)
        except ConfigError as fault:
            raise LaunchRefused(fault.findings) from None
        except (ValueError, KeyError) as fault:
            # A KeyError's own text would be in quotes.
            reason = str(fault.args[0] if fault.args else fault)
            raise LaunchRefused([_finding(document, path, "bad-override", reason)]) from None
    findings = check_document(document, True)
    if has_errors(findings):
        raise LaunchRefused(findings)
    job = document.typed()
    root = base or Path.cwd()
    place = root / Path(job.trainer.training_folder).expanduser() / job.config.name
    draft = Plan(RunFolder(place), job.config.name, document.text(), root, findings=findings)
    missing = _missing_engine()
    if missing:
        raise LaunchRefused([_engine_finding(document, missing)])
    return _with_existing(draft, document, resume)


def start(
    source: Document | Path | str | Plan,
    overrides: Mapping[str, Any] | None = None,
    name: str | None = None,
    resume: bool | None = None,
    *,
    worker: Sequence[str] | None = None,
) -> RunFolder:
    """Lay out or continue the run and start its detached supervisor; returns once that is at work.

    A run that has done all its steps already is returned as it is. `worker` is a command that tests
    put in place of the engine's; the other arguments are those of `plan`.

    Raises:
        LaunchRefused: when it cannot be started; an existing run is then untouched.
    """
    todo = source if isinstance(source, Plan) else plan(source, overrides, name, resume)
    if todo.complete:
        return todo.folder
    try:
        _lay_out(todo)
        register(todo.folder)
        _start_supervisor(todo.folder, WORKER if worker is None else worker)
    except FolderTaken as fault:
        raise LaunchRefused(
            [_finding(todo.folder.path, "config.name", "name-taken", str(fault))]
        ) from None
    except OSError as fault:
        raise LaunchRefused([_unwritable(todo, fault)]) from fault
    return todo.folder


def continue_run(folder: RunFolder) -> None:
    """Start a laid-out run again as it stands (a paused one that had let its GPU go).

    Raises:
        LaunchRefused: when its supervisor does not start.
    """
    _start_supervisor(folder, WORKER)


def _document(source: Document | Path | str) -> Document:
    """A document of our own to edit."""
    if isinstance(source, Document):
        return Document.parse(source.text(), file=source.file)
    try:
        return Document.load(source)
    except OSError:
        raise LaunchRefused(check_file(source)) from None


def _with_existing(draft: Plan, document: Document, resume: bool | None) -> Plan:
    folder = draft.folder
    if not folder.exists():
        _refuse_foreign(folder, document)
        return draft
    status = derive(folder)
    if resume is False:
        message = f"a run called {draft.name} exists already in {folder.path}"
        raise LaunchRefused(
            [_finding(document, "config.name", "run-exists", message, "another --name")]
        )
    if not status.ended and status.pid is not None and not status.released:
        message = f"{draft.name} is already at work ({status.state}, process {status.pid})"
        raise LaunchRefused([_finding(document, "config.name", "run-at-work", message)])
    found = _differences(folder, document)
    _refuse_changes(found, document, resume)
    steps = document.typed().trainer.train.steps
    complete = status.state is State.FINISHED and status.step >= steps
    return Plan(folder, draft.name, draft.text, draft.base, True, complete, found, draft.findings)


def _differences(folder: RunFolder, document: Document) -> list[Change]:
    try:
        before = Document.load(folder.config).typed()
    except (ConfigError, OSError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
        message = f"the config of the existing run cannot be read ({folder.config}): {reason}"
        raise LaunchRefused(
            [_finding(document, "config.name", "run-unreadable", message)]
        ) from None
    return changes(before, document.typed())


def _refuse_changes(found: list[Change], document: Document, resume: bool | None) -> None:
    allowed = {"safe", "new-trajectory"} if resume else {"safe"}
    wrong = [change for change in found if change.on_resume not in allowed]
    if not wrong:
        return
    hard = any(change.on_resume == "refused" for change in wrong)
    cure = "another --name" if hard else "another --name, or --resume to go on with the new values"
    findings = [
        _finding(
            document,
            change.path,
            "run-differs",
            f"the run of that name exists with another value: {change.sentence()}",
            cure,
        )
        for change in wrong
    ]
    raise LaunchRefused(findings)


def _refuse_foreign(folder: RunFolder, document: Document) -> None:
    try:
        taken = folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir()))
    except OSError as fault:
        message = f"the output folder cannot be read: {fault}"
        raise LaunchRefused(
            [_finding(document, "training_folder", "folder-unreadable", message)]
        ) from None
    if taken:
        message = f"{folder.path} holds files that are no run of ours; nothing there is overwritten"
        raise LaunchRefused(
            [_finding(document, "config.name", "name-taken", message, "another --name")]
        )


def _lay_out(todo: Plan) -> None:
    folder = todo.folder
    if not todo.continues:
        RunFolder.create(folder.path, todo.text, todo.name, base=todo.base)
        EventWriter(folder, "launcher").emit("created", name=todo.name)
        return
    if todo.changes:
        kept = folder.path / "config-history"
        kept.mkdir(exist_ok=True)
        write_atomic(kept / f"{time.time_ns()}.yaml", folder.config.read_bytes())
        write_atomic(folder.config, todo.text)
        words = [change.sentence() for change in todo.changes]
        EventWriter(folder, "launcher").emit("changed", options=words)


def _start_supervisor(folder: RunFolder, worker: Sequence[str]) -> None:
    if folder.lock.exists() and derive(folder).ended:
        wait_until_free(folder.lock, _LEAVING_SECONDS)
    begun = time.time()
    extra = ["--worker", *worker] if worker else []
    with folder.log.open("ab") as log:
        child = subprocess.Popen(
            [*SUPERVISOR, str(folder.path), *extra],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder.path,
            env=_environment(),
            # A session of its own: no terminal that closes, no Ctrl-C typed here, reaches it.
            start_new_session=True,
        )
    # Kept so that Python does not warn about a child that outlives its parent on purpose.
    _children[:] = [known for known in _children if known.poll() is None] + [child]
    deadline = time.monotonic() + START_SECONDS
    while not _at_work(folder, child.pid, begun):
        if child.poll() is not None and not _at_work(folder, child.pid, begun):
            raise LaunchRefused([_not_started(folder, child.returncode)])
        if time.monotonic() > deadline:
            message = (
                f"the supervisor (process {child.pid}) gave no sign within {START_SECONDS:.0f} s"
            )
            raise LaunchRefused([_finding(folder.path, "", "worker-not-started", message)])
        time.sleep(0.02)


def _at_work(folder: RunFolder, pid: int, begun: float) -> bool:
    record = read_status(folder)
    supervisor = ProcessId.from_json(record.get("supervisor"))
    fresh = float(record.get("updated") or 0.0) >= begun - 1.0
    return supervisor is not None and supervisor.pid == pid and fresh


def _not_started(folder: RunFolder, code: int) -> Finding:
    if code == _EXIT_LOCKED:
        message = f"another process is already at work on {folder.path}"
        return _finding(folder.path, "config.name", "run-at-work", message)
    tail = folder.log.read_text(errors="replace").strip().splitlines()[-1:]
    message = f"the supervisor ended at once (exit code {code}): {' '.join(tail)}"
    return _finding(folder.path, "", "worker-not-started", message)


def _environment() -> dict[str, str]:
    """The child's environment: our own packages must be found although it never looks into its
    folder.
    """
    root = str(Path(__file__).resolve().parents[1])
    if os.path.basename(root) in ("site-packages", "dist-packages"):
        return dict(os.environ)
    known = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, known]))}


def _missing_engine() -> list[str]:
    return [name for name in ENGINE_NEEDS if importlib.util.find_spec(name) is None]


def _engine_finding(document: Document, missing: list[str]) -> Finding:
    message = f"training needs Python packages that are not installed: {', '.join(missing)}"
    return _finding(document, "", "engine-missing", message, install_command("engine"))


def _unwritable(todo: Plan, fault: OSError) -> Finding:
    message = f"the output folder cannot be written: {fault.strerror or fault} ({todo.folder.path})"
    return _finding(todo.folder.path, "training_folder", "folder-not-writable", message)


def _finding(
    place: Document | Path,
    path: str,
    code: str,
    message: str,
    suggestion: str | None = None,
) -> Finding:
    """A fault of starting, placed where the config says what it is about."""
    if isinstance(place, Path):
        return Finding(str(place), path, 0, 0, "error", code, message, suggestion)
    try:
        line, column = place.place(path) if path else (0, 0)
    except ValueError:
        line, column = 0, 0
    return Finding(place.file, path, line, column, "error", code, message, suggestion)
