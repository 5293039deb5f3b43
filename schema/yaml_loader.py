"""The YAML dialect of configs and its limits: a C composer that stops before a text costs seconds.

The dialect is YAML 1.1 as PyYAML reads it, plus floats without a dot (`1e-4`), as ai-toolkit reads
them. Only `schema.yaml_text` composes with this; others use its float pattern and its loader.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

MAX_BYTES: Final = 8_000_000
MAX_DEPTH: Final = 100
MAX_NODES: Final = 20_000
"""Keys and values; a job of 200 datasets with every option set has 12,000."""

MERGE: Final = "tag:yaml.org,2002:merge"

FLOAT: Final = re.compile(
    r"""^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?(?:[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)
    |\.[0-9_]+(?:[eE][-+]?[0-9]+)?
    |[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*
    |[-+]?\.(?:inf|Inf|INF)
    |\.(?:nan|NaN|NAN))$""",
    re.X,
)


class TooDeepError(Exception):
    """Nesting beyond `MAX_DEPTH`; the C composer would recurse without a check of its own."""


class TooManyError(Exception):
    """More than `MAX_NODES` keys and values; `count` is how many, where that is known."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count


class RecursiveError(Exception):
    """An anchor that contains itself."""

    def __init__(self, node: Any) -> None:
        self.node = node


def _descend(loader: Any, parent: Any, index: Any) -> None:
    """Count a node; both composers call this as they go into one (PyYAML's path resolvers)."""
    loader.nodes = getattr(loader, "nodes", 0) + 1
    loader.depth = getattr(loader, "depth", 0) + 1
    if loader.nodes > MAX_NODES:
        raise TooManyError
    if loader.depth > MAX_DEPTH + 1:  # the scalars inside the last collection
        raise TooDeepError


def _ascend(loader: Any) -> None:
    loader.depth -= 1


def _loader_class() -> Any:
    """PyYAML's C loader, ten times faster; the Python one where the wheel has no libyaml."""
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    counting = {"descend_resolver": _descend, "ascend_resolver": _ascend}
    loader: Any = type("DialectLoader", (base,), counting)
    loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+0123456789."))
    return loader


LOADER: Final = _loader_class()


def composed(text: str) -> Any:
    """The tree of nodes, None for an empty text.

    Raises TooDeepError, TooManyError, RecursiveError and PyYAML's errors.
    """
    root = yaml.compose(text, Loader=LOADER)
    if root is not None:
        total, height = _extent(root, {}, set())
        if total > MAX_NODES:
            raise TooManyError(total)
        if height > MAX_DEPTH:
            raise TooDeepError
    return root


_Extent = tuple[int, int]


def _extent(node: Any, known: dict[int, _Extent], above: set[int]) -> _Extent:
    """How many values a node stands for, and in how many levels, once its aliases are followed."""
    if isinstance(node, yaml.ScalarNode):
        return 1, 0
    found = known.get(id(node))
    if found is not None:
        return found
    if id(node) in above:
        raise RecursiveError(node)
    above.add(id(node))
    total, height = 1, 0
    for child in _children(node):
        below, levels = _extent(child, known, above)
        total, height = total + below, max(height, levels)
    above.discard(id(node))
    known[id(node)] = total, height + 1
    return total, height + 1


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    else:
        yield from node.value
