"""The acts on list items: datasets, previews and prompts are added, copied, removed, moved."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from schema.document import Document
from schema.findings import ConfigError
from tui.form.acts import NOT_EDITABLE, Act
from tui.form.outline import Node

if TYPE_CHECKING:
    from tui.views.config import ConfigView


class Items:
    """Adding, duplicating, removing and moving the item of the sidebar's cursor."""

    def __init__(self, view: ConfigView) -> None:
        self.view = view

    def table(self) -> dict[str, Act]:
        """Acts by key id."""
        return {
            "item.add": self.add,
            "item.duplicate": self.duplicate,
            "item.remove": self.remove,
            "item.up": lambda: self.move(-1),
            "item.down": lambda: self.move(1),
        }

    def why_not(self, key_id: str) -> str | None:
        """Why an act does nothing here."""
        node = self.view.node
        if not self.view.draft.document.editable:
            return NOT_EDITABLE
        if key_id == "item.add":
            return None if self._list_of(node) else "add datasets and prompts in their sections"
        if node.kind != "item":
            return "choose a dataset or a prompt in the sidebar first"
        count = len(self.view.draft.value(node.list_path))
        if key_id == "item.up" and node.index == 0:
            return "it is the first one already"
        if key_id == "item.down" and node.index == count - 1:
            return "it is the last one already"
        return None

    def _list_of(self, node: Node) -> str:
        """The list that a new item would go into."""
        if node.list_path:
            return node.list_path
        adders = [other for other in self.view.nodes if other.kind == "add"]
        return next((other.list_path for other in adders if other.section == node.section), "")

    def add(self) -> None:
        """A new item after the present one, or at the end."""
        node = self.view.node
        path = self._list_of(node)
        values = self.view.draft.value(path)
        at = node.index + 1 if node.kind == "item" else len(values or ())
        self._insert(path, at, self._blank(path), "add to")

    def _blank(self, path: str) -> Any:
        """An empty item: the values that must be given, empty; a text for a list of texts."""
        infos = self.view.draft.layout.item_options(path)
        return {info.name: "" for info in infos if info.required} if infos else ""

    def duplicate(self) -> None:
        """A copy right after the item."""
        node = self.view.node
        value = deepcopy(self.view.draft.value(node.id))
        self._insert(node.list_path, node.index + 1, value, "duplicate in")

    def _insert(self, path: str, at: int, value: Any, words: str) -> None:
        if self._do(lambda doc: doc.insert(path, at, value, name=f"{words} {path}")):
            self.view.show_node(f"{path}[{at}]")
            self.view.option_list.focus()
            self.view.say("added; enter edits it, u takes it back", "success")

    def remove(self) -> None:
        """Away with the item; undo brings it back."""
        node = self.view.node
        title = node.title
        if self._do(lambda doc: doc.unset(node.id, name=f"remove {node.id}")):
            left = len(self.view.draft.value(node.list_path) or ())
            at = min(node.index, left - 1)
            self.view.show_node(f"{node.list_path}[{at}]" if left else f"{node.list_path}+")
            self.view.say(f"{title} removed; u brings it back")

    def move(self, by: int) -> None:
        """One place up or down; the two change places, one step of undo."""
        node, path = self.view.node, self.view.node.list_path
        values = list(self.view.draft.value(path))
        to = node.index + by
        values[node.index], values[to] = values[to], values[node.index]
        if self._do(lambda doc: doc.set(path, values, name=f"move in {path}")):
            self.view.show_node(f"{path}[{to}]")

    def _do(self, edit: Callable[[Document], object]) -> bool:
        view = self.view
        try:
            view.draft.change(edit)
        except (ConfigError, KeyError, ValueError) as fault:
            view.say(str(fault), "error")
            return False
        view.refresh_form()
        view.files.touched()
        return True
