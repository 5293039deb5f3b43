"""`finetui doctor`: what this machine has, what is missing, and what to do about it."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from tui.diagnosis import Row, State, diagnose

MARKS: dict[State, str] = {"ok": "ok", "note": "--", "missing": "no", "broken": "!!"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("--json", action="store_true", help="the rows as JSON")
    parser.add_argument(
        "--quick", action="store_true", help="do not ask torch itself (saves some seconds)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the diagnosis; 1 if something is broken, else 0."""
    if not args.quick and sys.stderr.isatty():
        print("asking torch ...", end="\r", file=sys.stderr, flush=True)
    rows = diagnose(ask_torch=not args.quick)
    if args.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        print(as_text(rows))
    return 1 if any(row.state == "broken" for row in rows) else 0


def as_text(rows: Sequence[Row]) -> str:
    """The rows under their sections, advice below the row that it belongs to."""
    lines: list[str] = []
    section = ""
    for row in rows:
        if row.section != section:
            section = row.section
            lines += ["", section]
        lines.append(f"  {MARKS[row.state]}  {row.name:<13} {row.found}")
        if row.advice:
            lines.append(f"  {'':<18}→ {row.advice}")
    wanting = [row.name for row in rows if row.state in ("missing", "broken")]
    verdict = f"Look at: {', '.join(wanting)}" if wanting else "All that is needed is here."
    return "\n".join([*lines[1:], "", verdict])
