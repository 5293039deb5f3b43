"""Edits of a config's text in place: only the characters of the value change, nothing else.

Covers what people do all day (a scalar, a new key, a removed key, a list item, in block style).
Everything is worked out from the parser's marks and may decline with `Declined`: flow style,
anchors and other rare things are then edited through ruamel (`schema.edit_tree`). The caller reads
the result back and compares values, so a wrong guess here cannot reach a file.
"""

import re
from typing import Any, Final

import yaml

from schema import yaml_write
from schema.paths import Keys


class Declined(Exception):
    """This text needs the slower way."""


_DASH: Final = re.compile(r"^( *)-( +)$")


class TextEdit:
    """One edit on one text. `root` is the composed node tree of `text` (line breaks are LF)."""

    def __init__(self, text: str, root: Any) -> None:
        self.text = text
        self.root = root
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.uses: dict[int, int] = {}
        _count(root, self.uses)

    def set(self, keys: Keys, value: Any) -> str:
        """Give the value at `keys`, which may be new, another value."""
        parent, key = self._walk(keys[:-1]), keys[-1]
        if isinstance(parent, yaml.MappingNode):
            found = _entry(parent, key)
            if found is not None:
                return self._replace(*found, value)
            return self._add_key(parent, key, value)
        if isinstance(parent, yaml.SequenceNode) and isinstance(key, int):
            if key == len(parent.value):
                return self.insert(keys[:-1], key, value)
            return self._replace_item(parent.value[key], value)
        raise Declined

    def unset(self, keys: Keys) -> str:
        """Remove the key or list item at `keys`; its parent stays, empty if need be."""
        parent, key = self._walk(keys[:-1]), keys[-1]
        if parent.flow_style:
            raise Declined
        if isinstance(parent, yaml.MappingNode):
            return self._remove_key(parent, key)
        if len(parent.value) < 2:
            raise Declined
        self._dash(parent.value[key])
        return self._without(parent.value[key].start_mark.line, self._end_line(parent.value[key]))

    def insert(self, keys: Keys, index: int, value: Any) -> str:
        """Put a new item into the list at `keys`."""
        parent = self._walk(keys)
        if not isinstance(parent, yaml.SequenceNode) or parent.flow_style or not parent.value:
            raise Declined
        indent = self._dash(parent.value[0])
        new = yaml_write.listed(value, indent)
        if index >= len(parent.value):
            return self._with_lines(self._end_line(parent.value[-1]) + 1, new)
        self._dash(parent.value[index])
        return self._with_lines(parent.value[index].start_mark.line, new)

    def rename(self, keys: Keys, name: str) -> str:
        """Give the key at the end of `keys` another name."""
        parent = self._walk(keys[:-1])
        found = _entry(parent, keys[-1]) if isinstance(parent, yaml.MappingNode) else None
        if found is None:
            raise Declined
        start, end = self._span(found[0])
        return self.text[:start] + yaml_write.scalar(name) + self.text[end:]

    def _walk(self, keys: Keys) -> Any:
        """The collection at `keys`; declines where an alias or a merge is on the way."""
        node = self.root
        for key in keys:
            if isinstance(node, yaml.MappingNode):
                found = _entry(node, key)
                node = found[1] if found else None
            elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
                node = node.value[key] if key < len(node.value) else None
            if node is None or self.uses.get(id(node), 0) > 1:
                raise Declined
        if not isinstance(node, yaml.CollectionNode):
            raise Declined
        return node

    def _replace(self, key_node: Any, node: Any, value: Any) -> str:
        self._own(node, key_node)
        if _is_scalar(value) and isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">"):
            start, end = self._span(node)
            quote = node.style if isinstance(value, str) else None
            gap = "" if end > start else " "  # an empty value ends right behind its colon
            new = gap + yaml_write.scalar(value, quote=quote)
            return self.text[:start] + new + self.text[end:]
        if key_node.start_mark.line != key_node.end_mark.line:
            raise Declined
        start = self._colon(key_node)
        end = self._end(node)
        indent = key_node.start_mark.column + 2
        return self.text[:start] + yaml_write.block(value, indent) + self.text[end:]

    def _replace_item(self, node: Any, value: Any) -> str:
        self._own(node, None)
        if _is_scalar(value) and isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">"):
            start, end = self._span(node)
            quote = node.style if isinstance(value, str) else None
            return self.text[:start] + yaml_write.scalar(value, quote=quote) + self.text[end:]
        indent = self._dash(node)
        start = self.starts[node.start_mark.line]
        return self.text[:start] + yaml_write.listed(value, indent) + self.text[self._end(node) :]

    def _add_key(self, parent: Any, key: Any, value: Any) -> str:
        if parent.flow_style or not parent.value:
            raise Declined
        indent = parent.value[0][0].start_mark.column
        new = yaml_write.entry(key, value, indent)
        return self._with_lines(self._last_line(parent) + 1, new)

    def _remove_key(self, parent: Any, key: Any) -> str:
        found = _entry(parent, key)
        if found is None or len(parent.value) < 2:
            raise Declined
        key_node, node = found
        self._own(node, key_node)
        line = key_node.start_mark.line
        if not self.lines[line][: key_node.start_mark.column].strip():
            return self._without(line, max(line, self._end_line(node)))
        following = parent.value[1][0]
        if parent.value[0][0] is not key_node or following.start_mark.line <= line:
            raise Declined
        start, end = self._span(key_node)[0], self._span(following)[0]
        return self.text[:start] + self.text[end:]

    def _own(self, node: Any, key_node: Any) -> None:
        """Decline if the node is shared, anchored or tagged: its marks would lie or others lose."""
        if self.uses.get(id(node), 0) > 1:
            raise Declined
        start = self._span(node)[0]
        if self.text[start : start + 1] in ("&", "!"):
            raise Declined
        if key_node is not None and start < self._span(key_node)[1]:
            raise Declined

    def _span(self, node: Any) -> tuple[int, int]:
        start, end = node.start_mark, node.end_mark
        return self.starts[start.line] + start.column, self.starts[end.line] + end.column

    def _colon(self, key_node: Any) -> int:
        """The position just behind the colon after a key."""
        end = self._span(key_node)[1]
        match = re.compile(r"[ \t]*:").match(self.text, end)
        if match is None:
            raise Declined
        return match.end()

    def _dash(self, node: Any) -> int:
        """The column of the dash in front of a list item that begins its line."""
        match = _DASH.match(self.lines[node.start_mark.line][: node.start_mark.column])
        if match is None:
            raise Declined
        return len(match.group(1))

    def _end(self, node: Any) -> int:
        """The position behind the last character of a node's content."""
        line = self._end_line(node)
        last = _last(node)
        if last.end_mark.line == line and last.end_mark.column:
            return self._span(last)[1]
        return self.starts[line] + len(self.lines[line])

    def _end_line(self, node: Any) -> int:
        last = _last(node)
        if self.uses.get(id(last), 0) > 1:
            raise Declined
        mark = last.end_mark
        if isinstance(last, yaml.ScalarNode) and last.style in ("|", ">") and mark.column == 0:
            return int(mark.line) - 1  # a block scalar ends where the next line begins
        return int(mark.line)

    def _last_line(self, parent: Any) -> int:
        key_node, node = parent.value[-1]
        if self.uses.get(id(node), 0) > 1:
            return int(key_node.end_mark.line)  # an alias, most likely on the line of its key
        return max(int(key_node.end_mark.line), self._end_line(node))

    def _with_lines(self, line: int, new: str) -> str:
        lines = [*self.lines[:line], new, *self.lines[line:]]
        if line >= len(self.lines):
            lines.append("")
        return "\n".join(lines)

    def _without(self, first: int, last: int) -> str:
        return "\n".join([*self.lines[:first], *self.lines[last + 1 :]])


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _entry(parent: Any, key: Any) -> tuple[Any, Any] | None:
    """Key node and value node of a mapping's own key (merged keys are not its own)."""
    for key_node, node in parent.value:
        if isinstance(key_node, yaml.ScalarNode) and key_node.value == str(key):
            return key_node, node
    return None


def _last(node: Any) -> Any:
    """The deepest node that ends a block collection; flow collections end by themselves."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        tail = node.value[-1]
        node = tail[1] if isinstance(node, yaml.MappingNode) else tail
    return node


def _count(node: Any, uses: dict[int, int]) -> None:
    """How many places of the tree lead to each node: more than one where there are aliases."""
    uses[id(node)] = uses.get(id(node), 0) + 1
    if uses[id(node)] > 1:
        return
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _count(key, uses)
            _count(value, uses)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _count(value, uses)
