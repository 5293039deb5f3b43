"""`finetui check FILE...`: all that is wrong with configs, each fault once, without torch."""

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schema.check import check_file
from schema.findings import Finding, Severity, printable

if TYPE_CHECKING:
    from schema.looking import Looking

_COLOURS: dict[Severity, str] = {"error": "31", "warning": "33", "hint": "36"}
_APART: Final = 0.1
"""Seconds between two states of the progress line."""
_SIZES_SHOWN: Final = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="configs, or folders of them")
    parser.add_argument("--json", action="store_true", help="print a list of findings as JSON")
    parser.add_argument("--strict", action="store_true", help="count warnings as errors")
    parser.add_argument(
        "--no-files", action="store_true", help="do not look at the model, the data and the output"
    )
    parser.add_argument(
        "--decode",
        action="store_true",
        help="read the pixels of every picture, not of few alone; remembered until it changes",
    )


def run(args: argparse.Namespace) -> int:
    """Print the findings; 0 if every config can be used, 1 if not, 130 when it was ended early."""
    everything: list[Finding] = []
    args.stopped = _on_interrupt() if args.decode else lambda: False
    for file in _configs(args.files):
        findings, looking = _checked(file, args)
        everything += findings
        if not args.json:
            _report(file, findings, looking)
    if args.json:
        print(json.dumps([finding.as_json() for finding in everything], indent=2))
    if args.stopped():
        return 130
    fatal = {"error", "warning"} if args.strict else {"error"}
    return int(any(finding.severity in fatal for finding in everything))


def _on_interrupt() -> Callable[[], bool]:
    """From now on the first ctrl+c only says so here: what was found until then is printed."""
    asked: list[int] = []

    def ask(number: int, frame: object) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask)
    return lambda: bool(asked)


def _configs(named: list[str]) -> Iterator[str]:
    """The files that are named, and those in the folders that are."""
    for name in named:
        if not os.path.isdir(name):
            yield name
            continue
        inside = [path for path in sorted(Path(name).rglob("*.*")) if _is_config(path)]
        yield from map(str, inside or [Path(name)])


def _is_config(path: Path) -> bool:
    """YAML by its name; of the many things that JSON is, what begins like a job."""
    if path.suffix.lower() in (".yaml", ".yml"):
        return True
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(4096)
    return b'"process"' in start and b'"config"' in start


def _checked(file: str, args: argparse.Namespace) -> tuple[list[Finding], "Looking | None"]:
    if args.no_files:
        return check_file(file, files=False), None
    from schema.looking import Looking

    progress = _Progress()
    looking = Looking("all" if args.decode else "few", progress.show, args.stopped)
    try:
        return check_file(file, looking=looking), looking
    finally:
        progress.clear()


class _Progress:
    """A line on a terminal while thousands of pictures are looked at; silent elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = time.monotonic() + 3 * _APART
        self._shown = False

    def show(self, words: str, done: int, total: int) -> None:
        """Bring the line up to date, now and then."""
        if self._live and time.monotonic() >= self._next:
            self._next = time.monotonic() + _APART
            self._shown = True
            print(f"\r\x1b[K{words} {done}/{total} (ctrl+c ends)", end="", file=sys.stderr)
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _report(file: str, findings: list[Finding], looking: "Looking | None") -> None:
    for finding in findings:
        print(_painted(finding))
    for line in _sizes(looking) if looking is not None else ():
        print(line)
    counts = Counter(finding.severity for finding in findings)
    words = [_count(counts[kind], kind) for kind in _COLOURS if counts[kind]]
    print(f"{printable(file)}: {', '.join(words) if words else 'no faults'}")


def _sizes(looking: "Looking") -> Iterator[str]:
    """The training sizes of each dataset: `datasets[0] at 512: 512x512 (12), 448x576 (3)`."""
    for path, tables in looking.tables.items():
        for table in tables:
            common = sorted(table.buckets.items(), key=lambda row: (-row[1], row[0]))
            sizes = [f"{w}x{h} ({count})" for (w, h), count in common[:_SIZES_SHOWN]]
            if len(common) > _SIZES_SHOWN:
                rest = sum(count for _, count in common[_SIZES_SHOWN:])
                sizes.append(f"{len(common) - _SIZES_SHOWN} more sizes ({rest})")
            changes = f"; {table.cut:.1%} cropped away" if table.cut >= 0.0005 else ""
            changes += f"; {table.enlarged} enlarged" if table.enlarged else ""
            if sizes:
                yield f"{path} at {table.resolution}: {', '.join(sizes)}{changes}"


def _count(number: int, kind: str) -> str:
    return f"{number} {kind}" if number == 1 else f"{number} {kind}s"


def _painted(finding: Finding) -> str:
    """The finding's line, its severity in colour on a terminal that wants colours."""
    sentence = finding.sentence()
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return sentence
    word = f"{finding.severity}:"
    return sentence.replace(word, f"\x1b[{_COLOURS[finding.severity]}m{word}\x1b[0m", 1)
