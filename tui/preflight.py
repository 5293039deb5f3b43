"""What the launch view shows: everything found, what can be started, what that would do.

Pure of the screen: one look takes a document and gives plain values; it touches the file system
and therefore runs in a thread.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from schema.document import Document
from schema.findings import ConfigError, Finding, has_errors
from schema.run.layout import RunFolder
from schema.run.state import derive
from tui.launch import LaunchRefused, Plan, plan

ChoiceKind = Literal["start", "continue", "watch", "other-name"]
EXISTING = {"run-exists", "run-at-work", "run-differs", "run-unreadable", "name-taken"}
"""Findings about what lies in the output folder already: answered by a choice, not by an edit."""


@dataclass(frozen=True)
class Choice:
    """One thing that can be started. `off` says why it cannot be, right now."""

    kind: ChoiceKind
    label: str
    words: str
    plan: Plan | None = None
    folder: RunFolder | None = None
    name: str = ""
    off: str | None = None


@dataclass(frozen=True)
class Preflight:
    """The outcome of one look."""

    choices: Sequence[Choice]
    findings: Sequence[Finding]
    facts: Sequence[tuple[str, str]]
    command: str


def look(document: Document, file: Path | None, base: Path, name: str | None = None) -> Preflight:
    """Checks everything and says what can be started.

    `name` replaces the run's name; `base` is the folder that relative paths count from.
    """
    facts = _facts(document, base, name)
    command = _command(file, name)
    try:
        ready = plan(document, name=name, base=base)
    except LaunchRefused as refused:
        existing = [finding for finding in refused.findings if finding.code in EXISTING]
        if not existing:
            return Preflight([_off(refused.findings)], refused.findings, facts, command)
        choices = _for_existing(document, base, name, existing)
        return Preflight(choices, [_told(finding) for finding in existing], facts, command)
    return Preflight(_ready(document, base, ready), ready.findings, facts, command)


def _told(finding: Finding) -> Finding:
    """What a choice answers is no error any more: a hint, or a warning where results differ."""
    return replace(finding, severity="warning" if finding.code == "run-differs" else "hint")


def _off(findings: Sequence[Finding]) -> Choice:
    errors = sum(finding.severity == "error" for finding in findings)
    words = f"{errors} error{'s' if errors != 1 else ''} must be repaired first"
    return Choice("start", "Start training", "", off=words)


def _ready(document: Document, base: Path, ready: Plan) -> list[Choice]:
    if not ready.continues:
        return [Choice("start", "Start training", f"as {ready.name}", ready)]
    status = derive(ready.folder)
    steps = status.steps or document.typed().trainer.train.steps
    anew = _anew(document, base, ready.name)
    if ready.complete:
        words = f"{ready.name} has done all its {steps} steps; more steps would go on"
        return [Choice("watch", "Look at it", words, folder=ready.folder), *anew]
    words = f"{ready.name}, from step {status.step} of {steps}"
    if ready.changes:
        words += f"; {len(ready.changes)} option{'s' if len(ready.changes) > 1 else ''} changed"
    return [Choice("continue", "Continue", words, ready), *anew]


def _for_existing(
    document: Document, base: Path, name: str | None, found: Sequence[Finding]
) -> list[Choice]:
    """A run of that name is in the way: watch it, go on with new values, or take another name."""
    wanted = name or str(document.value("config.name"))
    codes = {finding.code for finding in found}
    choices: list[Choice] = []
    if "run-at-work" in codes:
        folder = _folder(document, base, wanted)
        choices.append(Choice("watch", "Watch it", f"{wanted} is at work already", folder=folder))
    if "run-differs" in codes:
        choices.append(_with_new_values(document, base, name))
    return [*choices, *_anew(document, base, wanted)]


def _with_new_values(document: Document, base: Path, name: str | None) -> Choice:
    label, words = "Continue with the new values", "from here on it is another run"
    try:
        return Choice("continue", label, words, plan(document, name=name, resume=True, base=base))
    except LaunchRefused as refused:
        paths = ", ".join(finding.path for finding in refused.findings)
        return Choice("continue", label, "", off=f"a run cannot change {paths}")


def _anew(document: Document, base: Path, name: str) -> list[Choice]:
    """The same config under the next free name."""
    free = free_name(document, base, name)
    return [Choice("other-name", "Start a new run", f"as {free}", name=free)]


def free_name(document: Document, base: Path, name: str) -> str:
    """`name-2`, `name-3`, ...: the first whose folder is not there."""
    stem, _, number = name.rpartition("-")
    stem, first = (stem, int(number) + 1) if stem and number.isdigit() else (name, 2)
    for count in range(first, first + 10_000):
        if not _folder(document, base, f"{stem}-{count}").path.exists():
            return f"{stem}-{count}"
    return f"{name}-new"


def _folder(document: Document, base: Path, name: str) -> RunFolder:
    parent = Path(str(document.value("training_folder") or ".")).expanduser()
    return RunFolder(base / parent / name)


def planned(document: Document, base: Path, choice: Choice) -> Plan:
    """The plan of a choice; that of another name is made when it is chosen.

    Raises:
        LaunchRefused: it cannot be started after all.
    """
    if choice.plan is not None:
        return choice.plan
    return plan(document, name=choice.name, base=base)


def _command(file: Path | None, name: str | None) -> str:
    parts = ["finetui", "run", str(file or "CONFIG.yaml")]
    return shlex.join([*parts, "--name", name] if name else parts)


def _facts(document: Document, base: Path, name: str | None) -> list[tuple[str, str]]:
    """What the run will do, in numbers; empty for a config whose shape is wrong."""
    if has_errors(document.findings):
        return []
    try:
        job = document.typed()
        process = job.trainer
    except ConfigError:
        return []
    train, sample, save = process.train, process.sample, process.save
    folder = _folder(document, base, name or job.config.name).path
    per_step = train.batch_size * train.gradient_accumulation
    what: str = "full fine-tuning" if process.network is None else process.network.type
    if process.embedding is not None:
        word = f"the word {process.embedding.trigger}"
        what = word if process.network is None else f"{what} and {word}"
    elif process.decorator is not None:
        what = f"{process.decorator.num_tokens} tokens behind every prompt"
    out = [
        ("trains", f"{what} on {process.model.name_or_path}"),
        ("into", str(folder)),
        ("device", process.device or "the GPU if there is one, else the CPU"),
        ("steps", f"{train.steps:,} x {per_step} image{'s' if per_step > 1 else ''} a step"),
        ("data", f"{len(process.datasets)} dataset{'s' if len(process.datasets) != 1 else ''}"),
    ]
    if save.save_every:
        out.append(("saves", f"every {save.save_every} steps, keeps {save.max_step_saves_to_keep}"))
    if sample.sample_every and not train.disable_sampling:
        out.append(("previews", f"{len(sample.items)} every {sample.sample_every} steps"))
    return out
