"""`finetui estimate FILE`: memory, time and disk of a config, with what each part costs."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from schema.document import Document
from schema.findings import ConfigError
from tui.commands.run import parse_value, print_findings
from tui.estimate_text import table
from tui.estimates import count, look, read_earlier_runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the config")
    parser.add_argument("--json", action="store_true", help="every figure as one JSON object")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="path=value",
        help="another value for an option, such as train.batch_size=2; may be given often",
    )
    parser.add_argument(
        "--no-count",
        action="store_true",
        help="do not ask the engine; take what was counted before",
    )


def run(args: argparse.Namespace) -> int:
    """Print the estimate; 0 done, 1 invalid config, 2 wrong usage."""
    try:
        document = Document.load(args.file)
    except OSError as error:
        print(f"finetui estimate: {args.file}: {error.strerror}", file=sys.stderr)
        return 1
    for text in args.set:
        path, equals, value = text.partition("=")
        if not equals or not path:
            print(f"finetui estimate: --set wants path=value, not '{text}'", file=sys.stderr)
            return 2
        try:
            document.set(path.strip(), parse_value(value))
        except (ConfigError, ValueError, KeyError) as fault:
            print(f"finetui estimate: {path}: {fault}", file=sys.stderr)
            return 1
    try:
        job = document.typed()
        read_earlier_runs()
        found = look(job, Path.cwd())
    except ConfigError as fault:
        print_findings(fault.findings)
        return 1
    except LookupError as fault:
        print(f"finetui estimate: {fault.args[0]}", file=sys.stderr)
        return 1
    if found.missing and not args.no_count:
        print("counting the model (once for this model and network) ...", file=sys.stderr)
        assert found.key is not None
        count(document.text(), found.key, Path.cwd(), measure=True, cancelled=lambda: False, nice=0)
        found = look(job, Path.cwd())
    if args.json:
        print(json.dumps(found.estimate.as_json(), indent=2))
    else:
        width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 200
        print("\n".join(table(found.estimate, width)))
    return 0
