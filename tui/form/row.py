"""One line of the option list as plain data; light, so that the home view needs no schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from schema.catalogue import OptionInfo
    from schema.findings import Finding

RowKind = Literal["option", "heading", "switch", "problem", "text", "unknown", "compare"]


@dataclass(frozen=True)
class Row:
    """One line of the list. `tone` is the colour name of the value, `note_tone` of the note.

    `short` is a word in place of a note that has no room, `finding` what a problem
    row is about.
    """

    kind: RowKind
    label: str
    path: str = ""
    option: OptionInfo | None = None
    value: str = ""
    note: str = ""
    mark: str = " "
    tone: str = "foreground"
    note_tone: str = "muted"
    tier: str = ""
    short: str = ""
    finding: Finding | None = None

    @property
    def selectable(self) -> bool:
        """Whether the cursor stops here."""
        return self.kind not in ("heading", "text")
