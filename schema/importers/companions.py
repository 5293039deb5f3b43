"""Reading the file to import and the files that it names; what cannot be read is told why."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any, Final

from schema.findings import Finding
from schema.importers.counting import nearby
from schema.importers.draft import Draft

MAX_BYTES: Final = 8_000_000
_JSON: Final = re.compile(r"\s*(\{|\[\s*(\{|\]|[\d-]|$))")
"""A mapping, or a list of mappings or numbers; `[name]` and `[[name]]` are tables of TOML."""


class RefusedError(ValueError):
    """A file that cannot be imported; the finding says why."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(finding.message)


def refuse(path: Path, code: str, message: str, line: int = 0, column: int = 0) -> RefusedError:
    """An error about the file at `path`."""
    return RefusedError(Finding(str(path), "", line, column, "error", code, message))


def read_text(path: Path) -> str:
    """The text of a file. Raises RefusedError if it is none or too large, OSError if unreadable."""
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise refuse(path, "file-too-large", "more than 8 MB; not a config")
    source = path.read_bytes()
    if b"\0" in source:
        raise refuse(path, "not-text", "this is a binary file, not a config")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refuse(path, "not-text", "this is not UTF-8; save the file as UTF-8") from None


def parse(path: Path, text: str) -> Any:
    """TOML or JSON by what the text looks like. Raises RefusedError with the place of the fault."""
    if _JSON.match(text):
        return parse_json(path, text)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise refuse(path, "too-deep", "too many levels are nested; not a config") from None
    except ValueError as error:
        raise refuse(path, "not-toml", f"cannot be read as TOML: {error}") from None


def parse_json(path: Path, text: str) -> Any:
    """JSON. Raises RefusedError with the place of the fault."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        message = f"cannot be read as JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise refuse(path, "not-json", message, error.lineno, error.colno) from None
    except (ValueError, RecursionError):
        raise refuse(path, "not-json", "cannot be read as JSON") from None


def companion(draft: Draft, key: str, name: Any, beside: Path, what: str) -> tuple[Any, Path]:
    """The content of a file that a config names, and where it lies; listed and None if missing."""
    path = nearby(name, beside)
    if path is None:
        draft.lost(key, name, f"the file is not here, so {what} are not imported")
        return None, beside
    try:
        return parse(path, read_text(path)), path.parent
    except (OSError, RefusedError) as error:
        draft.lost(key, name, f"the file cannot be read ({error}), so {what} are not imported")
        return None, beside
