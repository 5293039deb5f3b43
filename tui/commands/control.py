"""`finetui stop / pause / resume / save / sample RUN`: they return when the job has answered."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from schema.run.commands import send, wait, withdraw
from schema.run.layout import RunFolder
from schema.run.registry import RunNotFound, find_run
from schema.run.state import RunWatch
from schema.run.status import State

_TIMEOUT_SECONDS = 600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("run", metavar="RUN", help="a run's folder or name")
    parser.add_argument(
        "--timeout",
        type=float,
        default=_TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="give up waiting for the job's answer (default: %(default)g)",
    )


def run(args: argparse.Namespace) -> int:
    """Send the command and wait; 0 done, 2 no such run, 3 refused or no answer."""
    name = str(args.command)
    try:
        folder = find_run(args.run)
    except RunNotFound as fault:
        print(f"finetui {name}: {fault}", file=sys.stderr)
        return 2
    watch = RunWatch(folder)
    if name == "resume" and watch.status().released:
        return _start_again(folder)
    if over := _over(watch)():
        print(f"finetui {name}: {over}{_cure(name, watch)}", file=sys.stderr)
        return 3
    try:
        command = send(folder, name)
    except OSError as fault:
        print(f"finetui {name}: the folder cannot be written: {fault}", file=sys.stderr)
        return 3
    return _answer(folder, name, command, args.timeout, _over(watch))


def _answer(
    folder: RunFolder,
    name: str,
    command: str,
    timeout: float,
    over: Callable[[], str | None],
) -> int:
    answer = wait(folder, command, timeout, given_up=over)
    if answer is None:
        taken_back = withdraw(folder, command)
        rest = "the command was taken back" if taken_back else "it may still act on it"
        message = f"{folder.name} did not answer within {timeout:g} s; {rest}"
        print(f"finetui {name}: {message}", file=sys.stderr)
        return 3
    message = f"{name}: {answer.status}" + (f", {answer.message}" if answer.message else "")
    print(f"{folder.name}: {message}", file=sys.stderr)
    return 0 if answer.status == "done" else 3


def _over(watch: RunWatch) -> Callable[[], str | None]:
    """Says why no answer can come any more."""

    def reason() -> str | None:
        status = watch.status()
        if status.ended:
            return f"{status.name} is not at work ({status.state})"
        if status.released:
            return f"{status.name} is paused without a process; `finetui resume` starts it again"
        if status.state is State.QUEUED:
            return f"{status.name} has not been started yet"
        return None

    return reason


def _cure(name: str, watch: RunWatch) -> str:
    """What somebody who wanted a run to go on can do instead."""
    broken_off = (State.INTERRUPTED, State.FAILED, State.LOST)
    if name != "resume" or watch.status().state not in broken_off:
        return ""
    return "; `finetui run` with its config goes on from its last save"


def _start_again(folder: RunFolder) -> int:
    from schema.findings import ConfigError
    from tui.launch import continue_run

    try:
        continue_run(folder)
    except ConfigError as fault:
        for finding in fault.findings:
            print(finding.sentence(), file=sys.stderr)
        return 3
    print(f"{folder.name}: goes on", file=sys.stderr)
    return 0
