"""The advised values as they are collected: each a path, a value, one sentence on why.

The sheet leaves out what the family does not have and what waits for the engine, so that advice
may name the best that there is without knowing what works today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from schema.catalogue import find
from schema.families import FamilyRow
from schema.pending import spelled, waiting_values, waits

Origin = Literal["always", "family", "goal", "memory", "pictures", "machine", "answer", "you"]
"""What a value follows from; `you`: it was chosen by the asker."""


@dataclass(frozen=True, slots=True)
class Advised:
    """One value with its reason."""

    path: str
    value: Any
    why: str
    origin: Origin


class Sheet:
    """Collects advised values for a family in a type of process."""

    def __init__(
        self, row: FamilyRow, process: str, pins: Mapping[str, Any], essential: tuple[str, ...] = ()
    ) -> None:
        """`essential` are paths that are written though they wait: without them it is no config."""
        self.row, self.process = row, process
        self.pins = pins
        self.essential = ("type", "model.arch", *essential)
        self.values: dict[str, Advised] = {}

    def put(
        self,
        path: str,
        value: Any,
        why: str,
        origin: Origin = "always",
        needs: tuple[str, ...] = (),
    ) -> None:
        """Advise a value, unless it cannot be used here; a pinned value takes its place."""
        if path in self.pins:
            value, why, origin = self.pins[path], "Your choice.", "you"
        must = any(path == one or path.startswith(f"{one}.") for one in self.essential)
        if self.row.can(needs) and (must or self.fits(path, value)):
            self.values[path] = Advised(path, value, why, origin)

    def fits(self, path: str, value: Any) -> bool:
        """Whether the option is one of this process and family, and the engine knows the value."""
        info = find(path, self.process)
        if info is None:
            return True  # a key of the file, such as config.name
        if not self.row.can(info.applies_to) or waits(info.path, self.process):
            return False
        waiting = waiting_values(info.path, self.process)
        items = value if isinstance(value, list) else [value]
        return not any(spelled(item) in waiting for item in items)

    def value(self, path: str) -> Any:
        """What was advised, or None."""
        found = self.values.get(path)
        return None if found is None else found.value

    def put_pins(self) -> None:
        """The choices that no advice was asked about."""
        for path, value in self.pins.items():
            if path not in self.values:
                self.put(path, value, "Your choice.", "you")
