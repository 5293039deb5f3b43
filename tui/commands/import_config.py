"""`finetui import FILE -o OUT.yaml`: another trainer's config turned into ours.

What has no equal is listed on stderr and at the head of the written file; the result is checked and
its findings shown. A file that exists is never written over.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from schema.atomic import write_atomic
from schema.check import check_document
from schema.document import Document
from schema.findings import Finding
from schema.importers import FORMATS, Imported, RefusedError, imported
from schema.importers.draft import Note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    trainers = ", ".join(FORMATS)
    parser.add_argument("file", type=Path, metavar="FILE", help=f"a config of {trainers}")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: print it")
    parser.add_argument(
        "--no-files", action="store_true", help="do not look at the model, the data and the output"
    )


def run(args: argparse.Namespace) -> int:
    """Write the config; 1 for a file that cannot be understood, 2 for one that is not to be had."""
    output: Path | None = args.output
    if output is not None and (output.exists() or output.is_symlink()):
        return _refuse(f"{output} exists already and is left as it is")
    try:
        result = imported(args.file)
    except OSError as error:
        return _refuse(f"{args.file} cannot be read: {(error.strerror or 'unknown').lower()}")
    except RefusedError as error:
        print(error.finding.sentence(), file=sys.stderr)
        return 1
    if output is None:
        print(result.text, end="")
    else:
        try:
            write_atomic(output, result.text)
        except OSError as error:
            return _refuse(f"{output} cannot be written: {(error.strerror or 'unknown').lower()}")
    document = Document.parse(result.text, file=str(output or args.file.with_suffix(".yaml").name))
    _report(result, check_document(document, files=not args.no_files), output)
    return 0


def _report(result: Imported, findings: list[Finding], output: Path | None) -> None:
    draft = result.draft
    _section("without an equal here, and so left out:", (_line(note) for note in draft.unequal))
    _section("converted, with a word on it:", (_line(note) for note in draft.converted))
    if draft.idle:
        count = len(set(draft.idle))
        where = "the head of the file names them" if output else "named above"
        _say(f"{count} keys were off or at their default there; {where}")
    _section("checked:", (finding.sentence() for finding in findings))
    errors = sum(finding.severity == "error" for finding in findings)
    if output is not None:
        verdict = f"{errors} to mend before it runs" if errors else "ready"
        _say(f"wrote {output} ({result.trainer}, {verdict}); `finetui {output}` opens it")


def _line(note: Note) -> str:
    return note.sentence()


def _section(title: str, lines: Iterable[str]) -> None:
    found = list(lines)
    if found:
        _say(title)
        for line in found:
            _say(f"  {line}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _refuse(message: str) -> int:
    _say(f"finetui: {message}")
    return 2
