"""One edit of a config's text, made the quiet way if possible, and proved by reading it back.

`schema.edit_text` changes only the characters concerned; where it declines, `schema.edit_tree`
goes through ruamel. Either result counts only if it reads as exactly the values that were meant.
"""

from typing import Any

from schema.compare import same
from schema.edit_text import Declined, TextEdit
from schema.paths import Keys, written
from schema.yaml_text import Reading, read


def edited(text: str, action: str, keys: Keys, value: Any) -> str:
    """The text after `action`: set, unset, insert (the last key is the index) or rename.

    Raises KeyError if there is nothing at `keys` to act on. What lies above a new value is made.
    """
    reading = read(text)
    meant = _applied(reading.data, action, keys, value)
    keys, action, value = _lifted(reading.data, meant, action, keys, value)
    for attempt in (_in_text, _in_tree):
        try:
            result = attempt(reading, text, action, keys, value)
        except (Declined, IndexError):
            continue
        if _reads_as(result, meant):
            return result
    from schema import yaml_write

    # Neither way could keep the layout (a file of exotic YAML): the values are what counts.
    return yaml_write.document(meant)


def _in_text(reading: Reading, text: str, action: str, keys: Keys, value: Any) -> str:
    return _called(TextEdit(text, reading.root), action, keys, value)


def _in_tree(_: Reading, text: str, action: str, keys: Keys, value: Any) -> str:
    from schema.edit_tree import TreeEdit  # ruamel: only where it is needed

    return _called(TreeEdit(text), action, keys, value)


def _called(editor: Any, action: str, keys: Keys, value: Any) -> str:
    if action == "unset":
        result: str = editor.unset(keys)
    elif action == "insert":
        result = editor.insert(keys[:-1], keys[-1], value)
    else:
        result = getattr(editor, action)(keys, value)
    return result


def _reads_as(text: str, meant: Any) -> bool:
    reading = read(text)
    return not reading.findings and same(reading.data, meant)


def _applied(data: Any, action: str, keys: Keys, value: Any) -> Any:
    """The plain values after the edit, as a tree of its own (aliases share objects)."""
    result = _copied(data)
    parent = result
    for at, key in enumerate(keys[:-1]):
        parent = _step(parent, key, keys, at)
    last = keys[-1]
    if isinstance(parent, list) and (not isinstance(last, int) or last > len(parent)):
        raise KeyError(f"there is no {written(keys)}")
    if action == "unset":
        del parent[last]
    elif action == "insert":
        parent.insert(last, value)
    elif action == "rename":
        _renamed(parent, last, value)
    elif isinstance(parent, list) and last == len(parent):
        parent.append(_copied(value))
    else:
        parent[last] = _copied(value)
    return result


def _renamed(parent: dict[Any, Any], old: Any, new: Any) -> None:
    items = [(new if key == old else key, value) for key, value in parent.items()]
    parent.clear()
    parent.update(items)


def _step(parent: Any, key: Any, keys: Keys, at: int) -> Any:
    """One level down, where a mapping is made if there is none yet."""
    if isinstance(parent, list):
        if not isinstance(key, int) or key >= len(parent):
            raise KeyError(f"there is no {written(keys[: at + 1])}")
        if not isinstance(parent[key], dict | list):
            parent[key] = {}
        return parent[key]
    if not isinstance(parent.get(key), dict | list):
        parent[key] = [] if isinstance(keys[at + 1], int) else {}
    return parent[key]


def _lifted(data: Any, meant: Any, action: str, keys: Keys, value: Any) -> tuple[Keys, str, Any]:
    """The same edit at the level where the text has something to hold on to.

    A value below a missing, null or empty parent becomes a value of the parent; what would leave
    an empty collection behind becomes that empty collection.
    """
    depth = _existing(data, keys[:-1])
    if depth < len(keys) - 1:
        lifted = keys[: depth + 1]
        return lifted, "set", _at(meant, lifted)
    parent = _at(data, keys[:-1])
    if len(keys) > 1 and (len(parent) == 0 or (action == "unset" and len(parent) == 1)):
        return keys[:-1], "set", _at(meant, keys[:-1])
    return keys, action, value


def _existing(data: Any, keys: Keys) -> int:
    """How many of the keys lead through collections that exist."""
    for depth, key in enumerate(keys):
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return depth
        if not isinstance(data, dict | list):
            return depth
    return len(keys)


def _at(data: Any, keys: Keys) -> Any:
    for key in keys:
        data = data[key]
    return data


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(item) for item in value]
    return value
