"""`finetui run FILE`: starts the detached worker and watches it with a progress bar."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from schema.findings import ConfigError, Finding
from schema.run.events import EventTail
from schema.yaml_text import read
from tui.launch import plan, start
from tui.progress import follow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the config")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="path=value",
        help="another value for an option, such as train.lr=2e-4; may be given often",
    )
    parser.add_argument("--name", help="another name for the run")
    parser.add_argument("--detach", action="store_true", help="return as soon as it is started")
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        help="continue an existing run even with changed options that alter its course; "
        "--no-resume refuses if there is one (default: continue it if it stays the same run)",
    )


def run(args: argparse.Namespace) -> int:
    """Start (or continue) the run; 0 done, 1 invalid, 2 wrong usage, 3 failed, 130 interrupted."""
    overrides: dict[str, Any] = {}
    for text in args.set:
        path, equals, value = text.partition("=")
        if not equals or not path:
            print(f"finetui run: --set wants path=value, not '{text}'", file=sys.stderr)
            return 2
        overrides[path.strip()] = parse_value(value)
    try:
        todo = plan(args.file, overrides, args.name, args.resume)
        print_findings(todo.findings)
        tail = EventTail(todo.folder)
        if not args.detach:
            tail.poll()
        folder = start(todo)
    except ConfigError as fault:
        print_findings(fault.findings)
        return 1
    if todo.complete:
        print(f"{todo.name} has done all its steps already: {folder.path}", file=sys.stderr)
        return 0
    for change in todo.changes:
        print(f"changed since the run began: {change.sentence()}", file=sys.stderr)
    words = "goes on" if todo.continues else "started"
    print(f"{todo.name} {words} in {folder.path}", file=sys.stderr)
    if args.detach:
        print(f"  finetui watch {todo.name}   finetui stop {todo.name}", file=sys.stderr)
        return 0
    return follow(folder, tail=tail)


def parse_value(text: str) -> Any:
    """What a value on the command line means, by YAML's rules; plain text where it is no YAML."""
    reading = read(text)
    return text if reading.findings else reading.data


def print_findings(findings: list[Finding]) -> None:
    """The findings as `finetui check` prints them, on stderr."""
    for finding in findings:
        print(finding.sentence(), file=sys.stderr)
