"""What an option needs, as its `requires` says it.

`train.do_cfg` is to be on, `train.optimizer=adafactor` is to have that value, `|` joins
alternatives. Read by rules, form and `explain`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Need:
    """One alternative: a path, and the value that it must have (None: any that is not off)."""

    path: str
    value: str | None

    def met(self, found: Any) -> bool:
        """Whether the value at the path will do; of a list, whether any of its items does."""
        if self.value is None:
            return bool(found)
        items = found if isinstance(found, list) else [found]
        return any(str(item).lower() == self.value for item in items)


def needs(condition: str) -> tuple[Need, ...]:
    """The alternatives of a condition."""
    parts = [part.partition("=") for part in condition.split("|")]
    return tuple(Need(path, value if equals else None) for path, equals, value in parts)


def met(condition: str, value_at: Callable[[str], Any]) -> bool:
    """Whether any alternative holds, by a function from paths to values."""
    return any(need.met(value_at(need.path)) for need in needs(condition))


def said(condition: str, label_of: Callable[[str], str | None]) -> str:
    """The condition for people: `Optimizer (train.optimizer) = adafactor, or ...`."""
    words = []
    for need in needs(condition):
        label = label_of(need.path)
        name = f"{label} ({need.path})" if label else need.path
        words.append(f"{name} = {need.value}" if need.value is not None else name)
    return " or ".join(words)
