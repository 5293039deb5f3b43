"""`finetui metrics RUN`: the recorded scalars, a step a line: JSON, or a table on a terminal."""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import Any

from schema.run.metrics import MetricsReader
from schema.run.registry import RunNotFound, find_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("run", metavar="RUN", help="a run's folder or name")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, as in a pipe")
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="STEP")
    parser.add_argument(
        "--every", type=_positive, default=1, metavar="N", help="only steps that N divides"
    )


def run(args: argparse.Namespace) -> int:
    """Print the rows; 0, or 2 for no such run."""
    try:
        folder = find_run(args.run)
    except RunNotFound as fault:
        print(f"finetui metrics: {fault}", file=sys.stderr)
        return 2
    reader = MetricsReader(folder.metrics)
    rows = reader.rows(args.first, args.every)
    if args.json or not sys.stdout.isatty():
        for row in rows:
            print(json.dumps({name: _json_number(value) for name, value in row.items()}))
        return 0
    names = ["step", *reader.series()]
    print("  ".join(f"{name:>12}" for name in names))
    for row in rows:
        print("  ".join(f"{_cell(row.get(name)):>12}" for name in names))
    return 0


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _json_number(value: Any) -> Any:
    # JSON has no NaN; null says "not a number" in every parser.
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.6g}"
