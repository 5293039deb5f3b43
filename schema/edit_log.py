"""The undo history of a document as plain data, small enough to be kept beside an autosaved copy.

Neighbouring steps share almost all of their text, so a step is stored as what it cuts out and what
it puts there. A log belongs to one text: with any other it is not believed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any, Final

from schema.document import Document, Edit

VERSION: Final = 1
KEPT: Final = 2_000
"""Steps that are written down at most; the oldest go first."""


def packed(document: Document) -> dict[str, Any]:
    """The history of a document: JSON-able, a few dozen bytes for a usual step."""
    done, undone = document.edits
    done = done[-KEPT:]
    order = [*done, *reversed(undone)]
    return {
        "version": VERSION,
        "text": _digest(document.text()),
        "base": order[0].before if order else "",
        "done": len(done),
        "steps": [[edit.name, *_difference(edit.before, edit.after)] for edit in order],
    }


def unpacked(document: Document, data: Any) -> bool:
    """Gives a document whose text is the autosaved one its history back; false if it is another's.

    The history is checked in full before anything is changed.
    """
    try:
        if data["version"] != VERSION or data["text"] != _digest(document.text()):
            return False
        steps, at = _steps(data["base"], data["steps"]), int(data["done"])
    except (KeyError, TypeError, ValueError):
        return False
    if not 0 <= at <= len(steps) or not steps:
        return False
    now = steps[at - 1].after if at else steps[0].before
    if now != document.plain_text:
        return False
    document.take_edits(steps[:at], list(reversed(steps[at:])))
    return True


def _steps(base: str, rows: Sequence[Any]) -> list[Edit]:
    text, out = str(base), []
    for name, start, end, middle in rows:
        if not 0 <= start <= len(text) - end or end < 0:
            raise ValueError("a step that does not fit its text")
        after = f"{text[:start]}{middle}{text[len(text) - end :]}"
        out.append(Edit(str(name), text, after))
        text = after
    return out


def _difference(before: str, after: str) -> tuple[int, int, str]:
    """How many characters at the start and at the end are the same, and what is new between."""
    start = len(os.path.commonprefix([before, after]))  # noqa: RUF071 - letters are meant
    rest = min(len(before), len(after)) - start
    ends = [before[::-1][:rest], after[::-1][:rest]]
    end = len(os.path.commonprefix(ends))  # noqa: RUF071
    return start, end, after[start : len(after) - end]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
