"""`finetui check FILE...`: all that is wrong with configs, each fault once, without torch."""

import argparse
import json
import os
import sys
from collections import Counter

from schema.check import check_file
from schema.findings import Finding, Severity

_COLOURS: dict[Severity, str] = {"error": "31", "warning": "33", "hint": "36"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="configs to check")
    parser.add_argument("--json", action="store_true", help="print a list of findings as JSON")
    parser.add_argument("--strict", action="store_true", help="count warnings as errors")
    parser.add_argument(
        "--no-files", action="store_true", help="do not look at the model, the data and the output"
    )


def run(args: argparse.Namespace) -> int:
    """Print the findings; 0 if every config can be used, 1 if not."""
    found = {file: check_file(file, not args.no_files) for file in args.files}
    everything = [finding for findings in found.values() for finding in findings]
    if args.json:
        print(json.dumps([finding.as_json() for finding in everything], indent=2))
    else:
        for file, findings in found.items():
            _report(file, findings)
    fatal = {"error", "warning"} if args.strict else {"error"}
    return int(any(finding.severity in fatal for finding in everything))


def _report(file: str, findings: list[Finding]) -> None:
    for finding in findings:
        print(_painted(finding))
    counts = Counter(finding.severity for finding in findings)
    words = [_count(counts[kind], kind) for kind in _COLOURS if counts[kind]]
    print(f"{file}: {', '.join(words) if words else 'no faults'}")


def _count(number: int, kind: str) -> str:
    return f"{number} {kind}" if number == 1 else f"{number} {kind}s"


def _painted(finding: Finding) -> str:
    """The finding's line, its severity in colour on a terminal that wants colours."""
    sentence = finding.sentence()
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return sentence
    word = f"{finding.severity}:"
    return sentence.replace(word, f"\x1b[{_COLOURS[finding.severity]}m{word}\x1b[0m", 1)
