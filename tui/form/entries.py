"""Free mappings (the arguments of a function, ranks by layer): their entries as rows of a form.

Nothing declares the keys of such a mapping, so an option is made up for each entry: its label is
the key, and its kind follows the value that stands there.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from schema.catalogue import OptionInfo, find
from schema.paths import absolute, below, written
from schema.shapes import Shape

if TYPE_CHECKING:
    from tui.draft import Draft


def holder_of(path: str) -> tuple[OptionInfo, str] | None:
    """The free mapping that a path leads into, and its path; None where it leads into none."""
    try:
        keys = absolute(path)
    except ValueError:
        return None
    for length in range(len(keys) - 1, 0, -1):
        above = written(keys[:length])
        info = find(above)
        if info is not None:
            return (info, above) if info.type == "dict" else None
    return None


def entry_info(draft: Draft, path: str) -> OptionInfo | None:
    """The made-up option of an entry of a free mapping; None for any other path."""
    found = holder_of(path)
    if found is None or not draft.is_set(path):
        return None
    holder, above = found
    name = absolute(path)[-1]
    return _made(holder, above, str(name), draft.value(path), path)


def _made(holder: OptionInfo, above: str, name: str, value: Any, path: str) -> OptionInfo:
    kind = "bool" if isinstance(value, bool) else "dict" if _is_inner(value) else "union"
    label = f"{int(name) + 1}" if path.endswith(f"[{name}]") else name
    return dataclasses.replace(
        holder,
        path=path, name=name, label=label, help=f"An entry of {holder.label.lower()}.",
        type=kind, default=None, required=True, nullable=False, item_type=None,
        choices=None, editor=None, default_note=None, detail=f"It stands in {above}.",
        aliases=(), requires=(), conflicts=(), inherits=None, on_resume="safe", tier="basic",
        group="", shape=Shape(kind),
    )  # fmt: skip


def _is_inner(value: Any) -> bool:
    """Whether a value gets a form of its own: a mapping, or a list that holds such."""
    if isinstance(value, list):
        return any(isinstance(item, dict | list) for item in value)
    return isinstance(value, dict)


def entry_paths(draft: Draft, path: str) -> list[str]:
    """The paths of the entries of a mapping (or of a list inside one), in the file's order."""
    value = draft.value(path)
    if isinstance(value, dict):
        return [path + below(path, str(key)) for key in value]
    return [f"{path}[{index}]" for index in range(len(value or ()))]


def with_entry(value: Any, name: str, entry: Any) -> Any:
    """A mapping with one more entry at its end; a list, with one more item."""
    if isinstance(value, list):
        return [*value, entry]
    return {**(value or {}), name: entry}
