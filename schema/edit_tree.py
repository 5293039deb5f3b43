"""Edits of a config through ruamel's round-trip tree, for what `schema.edit_text` declines.

Plain scalars are never interpreted here: they pass through as the text they are, since ruamel
reads YAML 1.2 and we read 1.1. Comments, order and quotes are kept; indentation is made regular.
"""

import io
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    PlainScalarString,
    SingleQuotedScalarString,
)

from schema import yaml_write
from schema.paths import Keys

_WIDTH: Final = 10**6


class _Verbatim(PlainScalarString):
    """A plain scalar as it stands in the file, whatever it may mean."""


class _Constructor(RoundTripConstructor):
    """Reads every scalar as its text."""

    def construct_verbatim(self, node: Any) -> Any:
        """Plain scalars as `_Verbatim`, quoted and block ones as ruamel keeps them."""
        if node.style in (None, ""):
            return _Verbatim(node.value, anchor=node.anchor)
        return self.construct_scalar(node)


for _name in ("null", "bool", "int", "float", "timestamp", "str", "value", "merge"):
    _Constructor.add_constructor(f"tag:yaml.org,2002:{_name}", _Constructor.construct_verbatim)


class _Representer(RoundTripRepresenter):
    """Writes a verbatim scalar back without quotes, with the tag that its text would get."""

    def represent_verbatim(self, data: Any) -> ScalarNode:
        """A plain node; the serializer leaves it plain because the tag is the implicit one."""
        resolver = self.dumper.resolver
        tag = resolver.resolve(ScalarNode, str(data), (True, False))
        anchor = data.yaml_anchor(any=True)
        return self.represent_scalar(str(tag), str(data), style="", anchor=anchor)


_Representer.add_representer(_Verbatim, _Representer.represent_verbatim)


class TreeEdit:
    """One edit on one text."""

    def __init__(self, text: str) -> None:
        self.yaml = YAML(typ="rt")
        self.yaml.Constructor = _Constructor
        self.yaml.Representer = _Representer
        self.yaml.preserve_quotes = True
        self.yaml.width = _WIDTH
        self.yaml.allow_unicode = True
        self.yaml.indent(**_indentation(text))
        self.root = self.yaml.load(text)

    def set(self, keys: Keys, value: Any) -> str:
        """Give the value at `keys`, which may be new, another value."""
        parent = self._walk(keys[:-1])
        if isinstance(parent, CommentedSeq) and keys[-1] == len(parent):
            parent.append(_node(value))
        else:
            parent[_key(parent, keys[-1])] = _node(value)
        return self._text()

    def unset(self, keys: Keys) -> str:
        """Remove the key or list item at `keys`."""
        parent = self._walk(keys[:-1])
        del parent[_key(parent, keys[-1])]
        return self._text()

    def insert(self, keys: Keys, index: int, value: Any) -> str:
        """Put a new item into the list at `keys`."""
        self._walk(keys).insert(index, _node(value))
        return self._text()

    def rename(self, keys: Keys, name: str) -> str:
        """Give the key at the end of `keys` another name, in its old place."""
        parent = self._walk(keys[:-1])
        old = _key(parent, keys[-1])
        position, value = list(parent).index(old), parent[old]
        comment = parent.ca.items.pop(old, None)
        del parent[old]
        parent.insert(position, name, value)
        if comment is not None:
            parent.ca.items[name] = comment
        return self._text()

    def _walk(self, keys: Keys) -> Any:
        """The collection at `keys`, made its own along the way where it was shared by an alias."""
        node = self.root
        for key in keys:
            step = _key(node, key)
            child = node[step]
            if not isinstance(child, CommentedMap | CommentedSeq):
                child = CommentedMap()
                node[step] = child
            elif _uses(self.root, child) > 1 or _is_merged(node, step):
                child = _copied(child)
                node[step] = child
            node = child
        return node

    def _text(self) -> str:
        stream = io.StringIO()
        self.yaml.dump(self.root, stream)
        return stream.getvalue()


def _key(node: Any, key: Any) -> Any:
    """The key as the tree holds it: text for mappings, whatever the dialect makes of it."""
    return key if isinstance(node, CommentedSeq) else str(key)


def _is_merged(node: Any, key: Any) -> bool:
    """Whether a mapping has the key only through `<<`."""
    return isinstance(node, CommentedMap) and key in node and not node._unmerged_contains(key)


def _uses(node: Any, wanted: Any) -> int:
    """How many places below `node` lead to the object `wanted`."""
    count = int(node is wanted)
    if isinstance(node, CommentedMap):
        return count + sum(_uses(value, wanted) for value in node.values())
    if isinstance(node, CommentedSeq):
        return count + sum(_uses(value, wanted) for value in node)
    return count


def _copied(node: Any) -> Any:
    """A collection of the same values without the anchor, so that an edit touches one place."""
    if isinstance(node, CommentedMap):
        copy = CommentedMap((key, _copied(value)) for key, value in node.items())
        if node.fa.flow_style():
            copy.fa.set_flow_style()
        return copy
    if isinstance(node, CommentedSeq):
        copies = CommentedSeq(_copied(value) for value in node)
        if node.fa.flow_style():
            copies.fa.set_flow_style()
        return copies
    return _Verbatim(str(node)) if isinstance(node, _Verbatim) else node


def _node(value: Any) -> Any:
    """A plain value as a tree: mappings in block style, short lists on one line."""
    if isinstance(value, dict):
        return CommentedMap((_scalar(key), _node(item)) for key, item in value.items())
    if isinstance(value, list):
        items = CommentedSeq(_node(item) for item in value)
        if not any(isinstance(item, dict | list) for item in value):
            items.fa.set_flow_style()
        return items
    return _scalar(value)


def _scalar(value: Any) -> Any:
    text = yaml_write.scalar(value)
    if text.startswith('"'):
        return DoubleQuotedScalarString(value)
    if text.startswith("'"):
        return SingleQuotedScalarString(value)
    return _Verbatim(text)


def _indentation(text: str) -> dict[str, int]:
    """How the file indents its lists, so that the dump looks like the rest of it."""
    for before, line in zip(text.split("\n"), text.split("\n")[1:]):
        stripped = line.lstrip(" ")
        if before.rstrip().endswith(":") and stripped.startswith("- "):
            outer = len(before) - len(before.lstrip(" -"))
            offset = len(line) - len(stripped) - outer
            if offset in (0, 2, 4):
                return {"mapping": 2, "sequence": offset + 2, "offset": offset}
    return {"mapping": 2, "sequence": 4, "offset": 2}
