"""What a run has told so far, taken from its events: samples, saves, restarts, warnings, answers.

The follower feeds it; it keeps plain values only. Events of an unknown kind are ignored, so that an
older app can watch a newer worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tui.watch.text import clock, size

INFO, WARNING, ERROR = "info", "warning", "error"
SAVE, SAMPLE, RESTART, BROKEN = "save", "sample", "restart", "broken"
"""Kinds of marks on the step axis."""


@dataclass(frozen=True)
class LogLine:
    """One line of the run's log: when, how grave, and the words."""

    time: float
    level: str
    text: str
    step: int | None = None
    raw: bool = False
    """A line of the worker's own output, which carries no time."""

    @property
    def shown(self) -> str:
        """The line as drawn, with the time of day in front."""
        return f"{'':8} {self.text}" if self.raw else f"{clock(self.time)} {self.text}"


@dataclass(frozen=True)
class Shot:
    """One preview picture."""

    path: Path
    step: int
    index: int
    prompt: str = ""
    seed: int | None = None
    time: float = 0.0


@dataclass(frozen=True)
class Answer:
    """The worker's answer to a command."""

    id: str
    name: str
    status: str
    message: str


@dataclass
class History:
    """Everything drawn from the events of one run."""

    root: Path
    marks: list[tuple[int, str]] = field(default_factory=list)
    shots: list[Shot] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    warnings: int = 0
    saved: tuple[int, str] | None = None
    phase: str = ""
    error: str | None = None
    exit: Mapping[str, Any] | None = None

    def take(self, events: Iterable[Mapping[str, Any]]) -> list[LogLine]:
        """Digest new events; returns the log lines that they make."""
        lines = []
        for event in events:
            digest = _DIGESTS.get(str(event.get("kind")))
            if digest is None:
                continue
            made = digest(self, event)
            if made is not None:
                level, text = made
                self.warnings += level == WARNING
                step = event.get("step")
                moment = float(event.get("t") or 0.0)
                lines.append(LogLine(moment, level, text, step if isinstance(step, int) else None))
        return lines

    def full_path(self, path: object) -> Path:
        """A path as events write it (relative to the run's folder) made absolute."""
        return self.root / str(path)

    def latest_shots(self) -> list[Shot]:
        """The pictures of the newest step that has any, by prompt."""
        if not self.shots:
            return []
        newest = max(self.shots, key=lambda shot: (shot.time, shot.step)).step
        by_index = {shot.index: shot for shot in self.shots if shot.step == newest}
        return [by_index[index] for index in sorted(by_index)]


Made = tuple[str, str] | None


def _created(_history: History, _event: Mapping[str, Any]) -> Made:
    return INFO, "run laid out"


def _started(history: History, event: Mapping[str, Any]) -> Made:
    history.exit = None
    history.error = None
    if "worker" in event:
        return None  # the supervisor's word; the worker says it itself a moment later
    pid = event.get("pid")
    return INFO, f"worker started{f' (pid {pid})' if pid else ''}"


def _state(history: History, event: Mapping[str, Any]) -> Made:
    history.phase = ""
    word, detail = str(event.get("state", "")), str(event.get("detail") or "")
    if detail.startswith(word):
        return INFO, detail
    return INFO, f"{word}: {detail}" if detail else word


def _sample(history: History, event: Mapping[str, Any]) -> Made:
    path, step, index = event.get("path"), event.get("step"), event.get("index", 0)
    if not path or not isinstance(step, int):
        return None
    shot = Shot(
        history.full_path(path), step, int(index), str(event.get("prompt") or ""),
        event.get("seed"), float(event.get("t") or 0.0),
    )  # fmt: skip
    history.shots.append(shot)
    if (step, SAMPLE) not in history.marks[-4:]:
        history.marks.append((step, SAMPLE))
    return INFO, f"sample {shot.index + 1} of step {step}  {path}"


def _checkpoint(history: History, event: Mapping[str, Any]) -> Made:
    step, path = event.get("step"), event.get("path")
    if not isinstance(step, int):
        return None
    if (step, SAVE) not in history.marks[-4:]:
        history.marks.append((step, SAVE))
    history.saved = (step, str(path))
    files = event.get("files")
    names = [str(name) for name in files] if isinstance(files, list | tuple) else []
    weights = next((name for name in names if name.endswith(".safetensors")), None)
    return INFO, f"saved {weights or path}{_size_words(event)}"


def _size_words(event: Mapping[str, Any]) -> str:
    amount = event.get("bytes")
    return f" ({size(float(amount))})" if isinstance(amount, int | float) else ""


def _command(history: History, event: Mapping[str, Any]) -> Made:
    answer = Answer(
        str(event.get("id")), str(event.get("name")), str(event.get("status")),
        str(event.get("message") or ""),
    )  # fmt: skip
    history.answers.append(answer)
    words = f"{answer.name} {answer.status}{f': {answer.message}' if answer.message else ''}"
    return (INFO if answer.status == "done" else WARNING), words


def _warning(_history: History, event: Mapping[str, Any]) -> Made:
    return WARNING, f"WARN {event.get('message', '')}"


def _error(history: History, event: Mapping[str, Any]) -> Made:
    history.error = str(event.get("message", ""))
    phase = event.get("phase")
    return ERROR, f"ERROR {f'while {phase}: ' if phase else ''}{history.error}"


def _resumed(history: History, event: Mapping[str, Any]) -> Made:
    step = event.get("step")
    if not isinstance(step, int):
        return None
    # What lay past the checkpoint is superseded: the run goes through those steps again.
    history.marks = [mark for mark in history.marks if mark[0] <= step]
    history.marks.append((step, RESTART))
    return INFO, f"resumed after step {step}"


def _progress(history: History, event: Mapping[str, Any]) -> Made:
    done, total = event.get("done"), event.get("total")
    counted = f" {done}/{total}" if total else ""
    history.phase = f"{event.get('phase', '')}{counted}"
    return None


def _finished(history: History, _event: Mapping[str, Any]) -> Made:
    history.phase = ""
    return INFO, "finished"


def _exit(history: History, event: Mapping[str, Any]) -> Made:
    history.exit = dict(event)
    code, signal, reason = event.get("code"), event.get("signal"), event.get("reason")
    if signal:
        words = f"worker ended by {signal}"
    else:
        words = f"worker ended with code {code}"
    return (INFO if code == 0 else ERROR), f"{words}{f': {reason}' if reason else ''}"


_DIGESTS: Final = {
    "created": _created, "started": _started, "state": _state, "sample": _sample,
    "checkpoint": _checkpoint, "command": _command, "warning": _warning, "error": _error,
    "resumed": _resumed, "progress": _progress, "finished": _finished, "exit": _exit,
}  # fmt: skip
