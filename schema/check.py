"""`check`: everything there is to say about a config before it runs, all at once.

Shape first, then the rules and the files. These look at typed values; where the shape has faults
they look at the rest of the config and keep quiet about the faulty places.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schema.document import Document
from schema.findings import Finding, has_errors, limited
from schema.mend import mended
from schema.paths import Keys, absolute, written
from schema.rules import Problem, problems, scope_of
from schema.sections.job import TrainerProcess

if TYPE_CHECKING:
    from schema.looking import Looking

MOST_PROCESSES: Final = 100
"""Processes of a job that the rules look at; each takes milliseconds."""


def check_file(
    path: Path | str, files: bool = True, looking: "Looking | None" = None
) -> list[Finding]:
    """The findings on a config file. `files` also looks at the model, the data and the output;
    `looking` says how far at the pictures, and keeps what was seen of them.
    """
    try:
        document = Document.load(path)
    except OSError as error:
        reason = error.strerror or "unknown"
        message = f"the config cannot be read: {reason[:1].lower()}{reason[1:]}"
        if error.errno == 0:  # a sentence of our own
            message = f"this {reason}"
        return [Finding(str(path), "", 0, 0, "error", "unreadable-file", message)]
    return check_document(document, files, looking)


def check_document(
    document: Document, files: bool = True, looking: "Looking | None" = None
) -> list[Finding]:
    """The findings on a document in memory, in the order of the file."""
    findings = list(document.findings)
    if document.raw is None or document.reading.findings:
        return limited(findings)
    broken = has_errors(findings)
    rest = mended(document.data)
    if rest is None:
        return limited(findings)
    job, silent = rest
    if len(job.config.process) > MOST_PROCESSES:
        findings.append(_too_many(document, len(job.config.process)))
    for index, process in enumerate(job.config.process[:MOST_PROCESSES]):
        prefix = "" if index == 0 else f"process[{index}]."
        found = list(problems(scope_of(job, process, _given(document, prefix))))
        if files:
            from schema.file_check import file_problems
            from schema.input_files import input_problems

            found += input_problems(process)
            if isinstance(process, TrainerProcess):
                found += file_problems(job, process, looking)
        if broken:
            found = [problem for problem in found if problem.severity != "hint"]
        findings += _placed(found, prefix, document, silent)
    return limited(findings)


def _too_many(document: Document, count: int) -> Finding:
    line, column = document.place("config.process")
    message = f"a job of {count} processes: only the first {MOST_PROCESSES} were looked at"
    return Finding(
        document.file, "config.process", line, column, "error", "too-many-processes", message
    )


def _given(document: Document, prefix: str) -> Callable[[str], bool]:
    return lambda path: document.is_set(f"{prefix}{path}")


def _placed(
    found: list[Problem], prefix: str, document: Document, silent: list[Keys]
) -> Iterator[Finding]:
    for problem in found:
        of_file = problem.path.split(".")[0] in ("config", "job", "meta")
        keys = absolute(problem.path if of_file else f"{prefix}{problem.path}")
        if any(keys[: len(place)] == place for place in silent):
            continue
        line, column = document.place(written(keys))
        yield Finding(
            file=document.file,
            path=written(keys),
            line=max(line, 1),
            column=max(column, 1),
            severity=problem.severity,
            code=problem.code,
            message=problem.message,
            suggestion=problem.suggestion,
        )
