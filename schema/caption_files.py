"""One caption file: its text, why it cannot be used, how long it is at least in tokens."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from schema.places import not_a_file_mode

LONGEST: Final = 1_000_000
"""Bytes; more than that is no caption, and is not read."""

_PIECES: Final = re.compile(r"'(?:s|t|re|ve|m|ll|d)\b|[^\W\d_]+|\d|(?:_|[^\s\w])+", re.IGNORECASE)
"""How CLIP's tokenizer cuts a text before it looks pieces up: each gives one token or more."""


@dataclass(frozen=True, slots=True)
class Caption:
    """The text of a caption file; `fault` says, of the file's name, why there is none.

    `pieces` and `words` are the fewest tokens that CLIP's and T5's tokenizers can make of it.
    `short` is the short caption of a JSON file; empty where there is none.
    """

    text: str = ""
    fault: str | None = None
    pieces: int = 0
    words: int = 0
    short: str = ""

    @property
    def blank(self) -> bool:
        """Whether there is nothing to read in it."""
        return self.fault is None and not self.text.strip()


def read_caption(path: Path) -> Caption:
    """Read a caption as the engine does; never raises."""
    try:
        status = os.stat(path)
        if (fault := not_a_file_mode(status.st_mode)) is not None:
            return Caption(fault=fault)
        if status.st_size > LONGEST:
            return Caption(fault=f"has {status.st_size // 1000} kB: that is no caption")
        with open(path, "rb") as file:
            raw = file.read(LONGEST)
    except OSError as error:
        return Caption(fault=f"cannot be read: {(error.strerror or 'unknown').lower()}")
    return _from_bytes(raw, is_json=path.suffix == ".json")


def _from_bytes(raw: bytes, *, is_json: bool) -> Caption:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        kind = "UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "another encoding"
        byte = f"byte 0x{raw[error.start]:02x} at offset {error.start}"
        return Caption(fault=f"is not UTF-8 but {kind} ({byte}); save it as UTF-8")
    if "\x00" in text:
        return Caption(fault="is not text")
    text, short = text.replace("\r\n", "\n").replace("\r", "\n"), ""
    if is_json:
        try:
            text, short = _of_json(text)
        except (ValueError, RecursionError) as error:
            return Caption(fault=f"is not valid JSON: {str(error).splitlines()[0]}")
    return Caption(text, None, len(_PIECES.findall(text)), len(text.split()), short)


def _of_json(text: str) -> tuple[str, str]:
    """The texts under `caption` and `caption_short`; another JSON file is one caption, as it is."""
    value: Any = json.loads(text.replace("\n", " "))
    if isinstance(value, dict) and isinstance(value.get("caption"), str):
        short = value.get("caption_short")
        return str(value["caption"]), short if isinstance(short, str) else ""
    return text, ""
