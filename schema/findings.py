"""A fault in a config: where it is, what it is, how to mend it; and the nearest of known names."""

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Severity = Literal["error", "warning", "hint"]

_ORDER = {"error": 0, "warning": 1, "hint": 2}
_LONGEST_NAME = 200
MOST_OF_A_KIND = 200
"""Findings of one code that are listed; more of them would help nobody."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. `line` and `column` count from 1; 0 means the file as a whole.

    `code` is stable and kebab-case. `suggestion` is a value or key to use instead, or None.
    """

    file: str
    path: str
    line: int
    column: int
    severity: Severity
    code: str
    message: str
    suggestion: str | None = None

    def __post_init__(self) -> None:
        """Keep what a file holds from doing anything to a terminal."""
        object.__setattr__(self, "message", printable(self.message))

    def as_json(self) -> dict[str, Any]:
        """The finding as `finetui check --json` prints it."""
        return asdict(self)

    def at(self, file: str) -> "Finding":
        """The same finding in another file."""
        return replace(self, file=file)

    def sentence(self) -> str:
        """The finding as a line for people: place, severity, message, repair."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        repair = f" (use {self.suggestion})" if self.suggestion else ""
        where = f" {self.path}:" if self.path else ""
        line = f"{place}: {self.severity}:{where} {self.message}{repair} [{self.code}]"
        return printable(line)


class ConfigError(ValueError):
    """A config that cannot be used: the findings say why, the first one in the message."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = list(findings)
        super().__init__(
            self.findings[0].sentence() if self.findings else "the config is not usable"
        )


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by place in the file, errors before warnings at one place; duplicates removed."""
    return sorted(
        dict.fromkeys(findings),
        key=lambda f: (f.line, f.column, _ORDER[f.severity], f.path, f.code),
    )


def limited(findings: Iterable[Finding]) -> list[Finding]:
    """The findings without the many of a kind: the first are kept, the rest are counted."""
    kept: list[Finding] = []
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.code] += 1
        if counts[finding.code] <= MOST_OF_A_KIND:
            kept.append(finding)
    for code, count in counts.items():
        if count > MOST_OF_A_KIND:
            last = next(finding for finding in reversed(kept) if finding.code == code)
            message = f"... and {count - MOST_OF_A_KIND} more of that kind"
            kept.append(replace(last, message=message, suggestion=None))
    return ordered(kept)


def printable(text: str) -> str:
    r"""Text for a terminal: `\x1b` for an escape, `\xff` for a byte of a name that is no UTF-8."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps such a byte
        code -= 0xDC00
    if code < 256:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any of the findings is an error."""
    return any(finding.severity == "error" for finding in findings)


def nearest(name: str, names: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that `name` most likely meant, or None if none is close."""
    if len(name) > _LONGEST_NAME:
        return None
    known = list(names)
    folded = {_fold(candidate): candidate for candidate in known}
    if _fold(name) in folded:
        return folded[_fold(name)]
    close = difflib.get_close_matches(_fold(name), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def _fold(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")
