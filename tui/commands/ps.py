"""`finetui ps`: the runs on this machine, with the state that their processes really are in."""

from __future__ import annotations

import argparse
import json
import time

from schema.run.process import ProcessId, fate
from schema.run.registry import known_runs
from schema.run.state import RunWatch
from schema.run.status import RunStatus, State, read_status
from tui.progress import clock_words

# How long a heartbeat of another host is watched for before its run counts as lost.
_SECOND_LOOK_SECONDS = 1.5
_HEADER = ("NAME", "STATE", "STEP", "LOSS", "STEPS/S", "LEFT", "PID", "FOLDER")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("--json", action="store_true", help="the runs as JSON")
    parser.add_argument("--live", action="store_true", help="only runs that are at work")


def run(args: argparse.Namespace) -> int:
    """Print the runs; always 0."""
    found = statuses()
    if args.live:
        found = [status for status in found if not status.ended]
    if args.json:
        print(json.dumps([status.as_json() for status in found], indent=1))
    else:
        print(as_table(found) if found else "no runs are known on this machine")
    return 0


def statuses() -> list[RunStatus]:
    """The status of every known run, oldest first."""
    watches = [RunWatch(folder) for folder in known_runs()]
    found = [watch.status() for watch in watches]
    doubtful = [
        index for index, status in enumerate(found) if _may_be_clocks(watches[index], status)
    ]
    if doubtful:
        # Clocks of two hosts may differ; a heartbeat that moves while we look proves life.
        _look_again_later()
        for index in doubtful:
            found[index] = watches[index].status()
    return found


def _look_again_later() -> None:
    time.sleep(_SECOND_LOOK_SECONDS)


def _may_be_clocks(watch: RunWatch, status: RunStatus) -> bool:
    worker = ProcessId.from_json(read_status(watch.folder).get("worker"))
    return status.state is State.LOST and worker is not None and fate(worker) == "elsewhere"


def as_table(found: list[RunStatus]) -> str:
    """The runs as aligned columns."""
    rows = [_HEADER, *(_cells(status) for status in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _cells(status: RunStatus) -> tuple[str, ...]:
    def number(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    steps = f"{status.step}/{status.steps}" if status.steps else str(status.step)
    left = "-" if status.eta_seconds is None else clock_words(status.eta_seconds)
    pid = "-" if status.ended or status.pid is None else str(status.pid)
    return (
        status.name,
        str(status.state),
        steps,
        number(status.loss, ".4f"),
        number(status.steps_per_second, ".2f"),
        left,
        pid,
        status.folder,
    )
