"""Two neighbouring items of a list change places in the text, each with its own comments.

Only whole lines move, and only in block style; the result counts if it reads as what was meant.
"""

from __future__ import annotations

from typing import Any

import yaml

from schema.compare import same
from schema.paths import Keys
from schema.yaml_text import Reading, read


def swapped(text: str, keys: Keys, index: int) -> str:
    """The text with the items `index` and `index + 1` of the list at `keys` exchanged.

    Raises KeyError if there are no two such items.
    """
    reading = read(text)
    values = _at(reading.data, keys)
    if not isinstance(values, list) or not 0 <= index < len(values) - 1:
        raise KeyError(f"there are no two items at {index}")
    meant = list(values)
    meant[index], meant[index + 1] = meant[index + 1], meant[index]
    result = _by_lines(text, reading, keys, index)
    if result is not None:
        again = read(result)
        if not again.findings and same(_at(again.data, keys), meant):
            return result
    from schema.edit import edited

    return edited(text, "set", keys, meant)


def _at(data: Any, keys: Keys) -> Any:
    for key in keys:
        data = data[key] if isinstance(data, list) or key in data else None
    return data


def _by_lines(text: str, reading: Reading, keys: Keys, index: int) -> str | None:
    """The exchange of the two blocks of lines; None where the items are not blocks of lines."""
    node = _node(reading.root, keys)
    if not isinstance(node, yaml.SequenceNode) or node.flow_style:
        return None
    lines = text.split("\n")
    starts = [_first_line(lines, item) for item in node.value]
    end = _end(lines, node)
    bounds = [*starts, end]
    if None in bounds:
        return None
    whole = [bound for bound in bounds if bound is not None]
    first, middle, last = whole[index : index + 3]
    blocks = lines[:first] + lines[middle:last] + lines[first:middle] + lines[last:]
    return "\n".join(blocks)


def _node(node: Any, keys: Keys) -> Any:
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            node = next((value for name, value in node.value if name.value == str(key)), None)
        elif isinstance(node, yaml.SequenceNode):
            node = node.value[key]
    return node


def _first_line(lines: list[str], item: Any) -> int | None:
    """The line of an item's dash, or that of the comments right above it."""
    at: int = item.start_mark.line
    while at >= 0 and not lines[at].lstrip().startswith("-"):
        at -= 1  # a value that begins below its dash, or an anchor's line
    if at < 0:
        return None
    indent = len(lines[at]) - len(lines[at].lstrip())
    while at > 0 and lines[at - 1].lstrip().startswith("#"):
        if len(lines[at - 1]) - len(lines[at - 1].lstrip()) != indent:
            break
        at -= 1
    return at


def _end(lines: list[str], node: Any) -> int:
    """The line after the last one of the list: blank lines and outer comments are not its own."""
    at: int = node.end_mark.line if node.end_mark.column == 0 or node.end_mark.line else 0
    at = min(max(at, node.value[-1].start_mark.line + 1), len(lines))
    inner = node.start_mark.column
    while at > node.value[-1].start_mark.line + 1:
        line = lines[at - 1]
        outer = len(line) - len(line.lstrip()) < inner or (
            line.lstrip().startswith("#") and len(line) - len(line.lstrip()) <= inner
        )
        if line.strip() and not (line.lstrip().startswith("#") and outer):
            break
        at -= 1
    return at
