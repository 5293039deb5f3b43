"""`finetui watch RUN`: the live dashboard on a run, or plain lines where there is no screen."""

from __future__ import annotations

import argparse
import sys

from schema.run.layout import RunFolder
from schema.run.registry import RunNotFound, find_run, register
from tui.progress import follow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("run", nargs="+", metavar="RUN", help="a run's folder or name")
    parser.add_argument("--plain", action="store_true", help="lines of text instead of the screen")


def run(args: argparse.Namespace) -> int:
    """Open the dashboard (or follow in plain lines until the run ends)."""
    folders: list[RunFolder] = []
    for text in args.run:
        try:
            folders.append(find_run(text))
        except RunNotFound as fault:
            print(f"finetui watch: {fault}", file=sys.stderr)
            return 2
    for folder in folders:
        # A run copied or mounted from elsewhere is known from now on.
        register(folder)
    if args.plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return follow(folders[0], owner=False)
    from tui.app import FineTuiApp  # textual: only when the screen is wanted

    app = FineTuiApp(run=folders[0])
    app.compared = folders[1:]
    result = app.run()
    return result if isinstance(result, int) else 0
