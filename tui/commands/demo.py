"""`finetui demo`: a complete small project, opened in the app or trained at once."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from schema.atomic import write_atomic
from tui.demo_project import DemoError, lay_out

DEFAULT_FOLDER = Path("finetui-demo")
EXIT_INVALID, EXIT_USAGE = 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument(
        "--headless", action="store_true", help="train at once, with a progress bar, no screen"
    )
    parser.add_argument(
        "--steps", type=_count, metavar="N", help="write N as the config's number of steps"
    )
    parser.add_argument(
        "--dir",
        type=Path,
        default=DEFAULT_FOLDER,
        metavar="DIR",
        help="where the project is laid out (default: ./finetui-demo); "
        "one that is there already is used as it is",
    )


def run(args: argparse.Namespace) -> int:
    """Lay the project out, then open or train it; the exit code is that of the app or the run."""
    known = (args.dir / "config.yaml").exists()
    try:
        config = lay_out(args.dir)
        if args.steps is not None:
            set_steps(config, args.steps)
    except DemoError as fault:
        print(f"finetui demo: {fault}", file=sys.stderr)
        return EXIT_INVALID
    words = "uses the demo project in" if known else "laid out the demo project in"
    print(f"{words} {config.parent}", file=sys.stderr)
    return _train(config) if args.headless else _open(config)


def set_steps(config: Path, steps: int) -> None:
    """Change `train.steps` in a config and nothing else: its comments stay.

    Raises:
        DemoError: the config is too damaged to be changed, or cannot be written.
    """
    from schema.document import Document  # ruamel: only when there is something to change
    from schema.findings import ConfigError

    try:
        document = Document.load(config)
        if document.value("train.steps") == steps:
            return
        document.set("train.steps", steps)
        write_atomic(config, document.text())
    except (ConfigError, ValueError, KeyError, TypeError, OSError) as fault:
        raise DemoError(f"cannot set the steps in {config}: {fault}") from fault


def _train(config: Path) -> int:
    from tui.commands import run as run_command

    parser = argparse.ArgumentParser()
    run_command.add_arguments(parser)
    return run_command.run(parser.parse_args([str(config)]))


def _open(config: Path) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("finetui: the app needs a terminal", file=sys.stderr)
        print(f"  finetui demo --headless --dir '{config.parent}' does not", file=sys.stderr)
        return EXIT_USAGE
    from tui.app import FineTuiApp  # textual: only when the screen is wanted

    result = FineTuiApp(config).run()
    return result if isinstance(result, int) else 0


def _count(text: str) -> int:
    """A number of steps; argparse turns the ValueError of anything else into a usage error."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
