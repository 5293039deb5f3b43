"""The command line: a table of commands, each in a module of its own that is imported when named.

`finetui` opens the app, `finetui FILE.yaml` opens it on that config, `finetui COMMAND ...` runs a
command. A command module offers `add_arguments(parser)` and `run(args) -> int` (the exit code).
Nothing here may import textual, ruamel or any command but the one that was asked for.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

from tui import rooms


class Command(NamedTuple):
    """A row of the table: where the command lives and one line on what it does."""

    module: str
    summary: str


COMMANDS: Final[dict[str, Command]] = {
    "demo": Command("tui.commands.demo", "lay out a complete small project and open it"),
    "new": Command("tui.commands.new", "write a new config from a preset"),
    "presets": Command("tui.commands.presets", "list the presets"),
    "check": Command("tui.commands.check", "validate configs"),
    "options": Command("tui.commands.options", "list or search every option there is"),
    "explain": Command("tui.commands.explain", "one option in full"),
    "estimate": Command("tui.commands.estimate", "memory, step time, disk and total time"),
    "run": Command("tui.commands.run", "train: start the worker and watch it"),
    "ps": Command("tui.commands.ps", "the runs on this machine"),
    "watch": Command("tui.commands.watch", "the live dashboard on runs"),
    "stop": Command("tui.commands.control", "stop a run; it saves first"),
    "pause": Command("tui.commands.control", "pause a run"),
    "resume": Command("tui.commands.control", "go on with a paused run"),
    "save": Command("tui.commands.control", "save a checkpoint now"),
    "sample": Command("tui.commands.control", "make the previews now"),
    "metrics": Command("tui.commands.metrics", "the recorded scalars of a run"),
    "queue": Command("tui.commands.queue", "jobs that run one after another per GPU"),
    "import": Command("tui.commands.import_config", "turn another trainer's config into ours"),
    "serve": Command("tui.commands.serve", "the same app in a browser"),
    "bench": Command("tui.commands.bench", "throughput and memory of this machine"),
    "doctor": Command("tui.commands.doctor", "what this machine has and what is missing"),
}

EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Other projects call packages `schema` or `themes` too; better told than met as an ImportError.
    if rooms.strangers():
        _complain(rooms.complaint() or "")
        return EXIT_USAGE
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what a terminal cannot show is escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`finetui options | head`); silence the flush at exit as well.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else None
    if first in COMMANDS:
        return _run_command(first, arguments[1:])
    if first is not None and first.partition("=")[0] in LOOKS:
        return _with_look(first, arguments)
    if first is not None and first.startswith("-"):
        return _run_flag(first)
    if len(arguments) > 1:
        return _unknown(first or "")
    return _open_app(first)


LOOKS: Final = {"--theme": "FINETUI_THEME", "--colors": "FINETUI_COLORS"}
"""How the app looks, this once: the flags, and the variables that say the same for longer."""
COLORS: Final = ("auto", "true", "256", "16", "none")


def _with_look(flag: str, arguments: list[str]) -> int:
    """`--theme NAME` and `--colors DEPTH` before whatever else is asked for."""
    name, equals, value = flag.partition("=")
    rest = arguments[1:] if equals else arguments[2:]
    value = value if equals else "".join(arguments[1:2])
    if not value or value.startswith("-"):
        _complain(f"{name} needs a value", "`finetui --help` shows the flags")
        return EXIT_USAGE
    if name == "--colors" and value not in COLORS:
        _complain(f"--colors {value}: one of {', '.join(COLORS)}")
        return EXIT_USAGE
    if name == "--theme" and (problem := _no_theme(value)) is not None:
        _complain(problem)
        return EXIT_USAGE
    os.environ[LOOKS[name]] = value
    return _dispatch(rest)


def _no_theme(name: str) -> str | None:
    """What is wrong with a theme; None where it can be used."""
    from tui import settings, theme

    try:
        theme.load(name, "true", settings.theme_folder())
    except theme.ThemeError as error:
        return str(error)
    return None


def _run_command(name: str, rest: list[str]) -> int:
    module = _load(name)
    if module is None:
        return EXIT_USAGE
    parser = argparse.ArgumentParser(
        prog=f"finetui {name}", description=COMMANDS[name].summary.capitalize() + "."
    )
    module.add_arguments(parser)
    parser.set_defaults(command=name)
    return int(module.run(parser.parse_args(rest)))


def _load(name: str) -> ModuleType | None:
    """The command's module; None, with a sentence on stderr, if this version has none."""
    target = COMMANDS[name].module
    try:
        return importlib.import_module(target)
    except ModuleNotFoundError as error:
        if error.name is not None and target.startswith(error.name):
            _complain(f"`finetui {name}` is not part of this version ({target} is missing)")
        else:
            _complain(
                f"`finetui {name}` needs the Python package '{error.name}', which is not installed",
                "`finetui doctor` says what is missing and how to get it",
            )
        return None


def _run_flag(flag: str) -> int:
    if flag in {"-h", "--help"}:
        print(usage())
        return 0
    if flag in {"-V", "--version"}:
        from schema import __version__

        print(f"finetui {__version__}")
        return 0
    _complain(f"unknown option {flag}", "`finetui --help` lists the commands")
    return EXIT_USAGE


def _open_app(file: str | None) -> int:
    """The full-screen app, on a config if one is named."""
    if file is not None and not _looks_like_file(file):
        return _unknown(file)
    if file is not None and not os.path.isfile(file):
        _complain(f"{file} does not exist", f"`finetui new -o {file}` writes a new config there")
        return EXIT_USAGE
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        _complain("the app needs a terminal", "`finetui check FILE` and `finetui run FILE` do not")
        return EXIT_USAGE
    from tui.app import FineTuiApp  # textual: only when the screen is wanted

    result = FineTuiApp(Path(file) if file else None).run()
    return result if isinstance(result, int) else 0


def _looks_like_file(word: str) -> bool:
    return os.path.exists(word) or word.endswith((".yaml", ".yml", ".json", ".jsonc"))


def _unknown(word: str) -> int:
    from schema.findings import nearest

    close = nearest(word, COMMANDS)
    hint = f"did you mean `finetui {close}`?" if close else "`finetui --help` lists the commands"
    _complain(f"'{word}' is neither a command nor a config file", hint)
    return EXIT_USAGE


def usage() -> str:
    """The text of `finetui --help`."""
    lines = [
        "finetui                 open the app",
        "finetui FILE.yaml       open the app on a config",
        "finetui COMMAND ...     `finetui COMMAND --help` explains each",
        "  --theme NAME          before a file or command: the colours of the app",
        "  --colors DEPTH        auto, true, 256, 16 or none",
        "",
    ]
    width = max(len(name) for name in COMMANDS)
    lines += [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(lines)


def _complain(message: str, hint: str | None = None) -> None:
    print(f"finetui: {message}", file=sys.stderr)
    if hint:
        print(f"  {hint}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
