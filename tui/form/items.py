"""The acts on what there can be several of: list items, entries of mappings, processes.

They are added, copied, removed and moved; where the sidebar's cursor is says which list is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from schema.document import Document
from schema.findings import ConfigError
from schema.paths import absolute, below, written
from schema.sections.processes.names import PROCESS_ROWS
from tui.form.acts import NOT_EDITABLE, Act
from tui.form.entries import with_entry
from tui.form.layout import container_kind
from tui.form.outline import PROCESSES, Node
from tui.form.places import process_of
from tui.form.row import Row
from tui.form.values import parse

if TYPE_CHECKING:
    from tui.views.config import ConfigView


class Items:
    """Adding, duplicating, removing and moving."""

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
            "process.add": self.add_process,
            "process.next": self.next_process,
        }

    def why_not(self, key_id: str) -> str | None:
        """Why an act does nothing here."""
        node, draft = self.view.node, self.view.draft
        if key_id == "process.next":
            return None if len(draft.kinds) > 1 else "the job has one process; P adds another"
        if not draft.document.editable:
            return NOT_EDITABLE
        if key_id == "item.add":
            return None if self._list_of(node) else "add datasets and prompts in their sections"
        if key_id == "process.add" or (key_id == "item.remove" and self._entry() is not None):
            return None
        return self._why_not_on(key_id, node)

    def _why_not_on(self, key_id: str, node: Node) -> str | None:
        """Why the item of the sidebar's cursor cannot be copied, removed or moved."""
        if node.kind == "mapping":
            return "entries of a mapping are added and removed, nothing else"
        if node.kind not in ("item", "process"):
            return "choose a list item or a process in the sidebar first"
        count = len(self.view.draft.value(node.list_path) or ())
        if key_id == "item.up" and node.index == 0:
            return "it is the first one already"
        if key_id == "item.down" and node.index == count - 1:
            return "it is the last one already"
        if key_id == "item.remove" and node.kind == "process" and count == 1:
            return "a job needs a process"
        return None

    def _entry(self) -> Row | None:
        """The entry of a mapping, or the unknown key, under the cursor."""
        row = self.view.row
        if row is None or not self.view.panes.plain:
            return None
        is_entry = self.view.node.kind == "mapping" and row.kind == "option"
        return row if is_entry or row.kind == "unknown" else None

    def _list_of(self, node: Node) -> str:
        """The list or mapping that a new item would go into."""
        row = self.view.row
        info = row.option if row is not None and self.view.panes.plain else None
        # The cursor on a list says which one is meant, wherever that is.
        if row is not None and info is not None and container_kind(info) in ("list", "mapping"):
            return row.path
        if node.list_path:
            return node.list_path
        adders = [other for other in self.view.nodes if other.kind == "add"]
        own = (other for other in adders if other.section == node.section and other.section)
        return next((other.list_path for other in own), "")

    # -- adding --------------------------------------------------------------------------------

    def add(self) -> object:
        """A new item after the present one, or at the end; for a mapping asks for its key."""
        node, draft = self.view.node, self.view.draft
        path = self._list_of(node)
        if path == PROCESSES:
            return self.add_process()
        info = draft.find(path)
        if info is not None and container_kind(info) == "mapping":
            self.view.open_container(path)
            if not isinstance(draft.value(path), list):
                return self.view.frame.open_palette("key ")
            self.add_entry("")
            return None
        values = draft.value(path)
        at = node.index + 1 if node.list_path == path and node.kind == "item" else len(values or ())
        self._insert(path, at, self._blank(path), "add to")
        return None

    def _blank(self, path: str) -> Any:
        """An empty item: the values that must be given, empty; a text for a list of texts."""
        inside = self.view.draft.layout.inside(f"{general_of(path)}[]")
        return {rest: "" for info, rest in inside if info.required} if inside else ""

    def add_entry(self, text: str) -> None:
        """`:key NAME VALUE`: a new entry of the mapping that is open."""
        view, path = self.view, self.view.node.id
        if view.node.kind != "mapping":
            view.say("open a mapping first: enter on its row", "warning")
            return
        name, _, typed = text.strip().partition(" ")
        value = view.draft.value(path)
        if isinstance(value, dict | None) and (not name or name in (value or {})):
            view.say(f"there is an entry {name} already" if name else "which key?", "warning")
            return
        entry = parse("union", typed) if typed.strip() else ""
        inner = path + below(path, len(value) if isinstance(value, list) else name)
        if isinstance(value, dict | list) and value:
            done = self._do(lambda doc: doc.set(inner, entry, name=f"set {inner}"))
        else:
            whole = with_entry(value, name, entry)
            done = self._do(lambda doc: doc.set(path, whole, name=f"set {path}"))
        if done:
            view.go(inner)

    def duplicate(self) -> None:
        """A copy right after the item."""
        node = self.view.node
        value = deepcopy(self.view.draft.value(node.id))
        self._insert(node.list_path, node.index + 1, value, "duplicate in")

    def _insert(self, path: str, at: int, value: Any, words: str) -> None:
        if self._do(lambda doc: doc.insert(path, at, value, name=f"{words} {path}")):
            self._show(path, at)
            self.view.set_focus(self.view.option_list)
            self.view.say("added; enter edits it, u takes it back", "success")

    def _show(self, path: str, at: int) -> None:
        if path == PROCESSES:
            self.view.choose_process(at)
        else:
            self.view.show_node(f"{path}[{at}]")

    # -- removing, moving ----------------------------------------------------------------------

    def remove(self) -> None:
        """Away with the item, entry or unknown key; undo brings it back."""
        view, row = self.view, self._entry()
        if row is not None:
            if self._do(lambda doc: doc.unset(row.path, name=f"remove {row.path}")):
                view.refresh_form()
                view.say(f"{row.label} removed; u brings it back")
            return
        node, title = view.node, view.node.title
        if self._do(lambda doc: doc.unset(node.id, name=f"remove {node.id}")):
            left = len(view.draft.value(node.list_path) or ())
            if left:
                self._show(node.list_path, min(node.index, left - 1))
            else:
                view.show_node(f"{node.list_path}+")
            view.say(f"{title} removed; u brings it back")

    def move(self, by: int) -> None:
        """One place up or down; the two change places with their comments, one step of undo."""
        node, path = self.view.node, self.view.node.list_path
        first = min(node.index, node.index + by)
        if self._do(lambda doc: doc.swap(path, first, name=f"move in {path}")):
            self._show(path, node.index + by)

    # -- processes -----------------------------------------------------------------------------

    def add_process(self) -> object:
        """Asks for the type of a new process; it comes after the present one."""
        return self.view.frame.open_palette("process-add ")

    def new_process(self, text: str) -> None:
        """`:process-add TYPE`."""
        view, kind = self.view, text.strip() or "sd_trainer"
        if kind not in PROCESS_ROWS:
            view.say(f"there is no process type {kind}", "error")
            return
        at = view.draft.process + 1
        value = {"type": kind, **self._needed(kind)}
        if self._do(lambda doc: doc.insert(PROCESSES, at, value, name=f"add process {kind}")):
            view.choose_process(at)
            view.say(f"process {at + 1} added; u takes it back", "success")

    def _needed(self, kind: str) -> dict[str, Any]:
        """Required keys that stand in the process itself, empty."""
        from tui.form.layout import layout

        infos = layout(kind).options_of("job")
        bare = [info for info in infos if info.required and process_of(info.path) == 0]
        return {info.name: "" for info in bare if info.name != "type" and "." not in info.path}

    def next_process(self) -> None:
        """To the next process, round and round."""
        draft = self.view.draft
        self.view.choose_process((draft.process + 1) % len(draft.kinds))
        self.view.say(f"process {draft.process + 1} of {len(draft.kinds)}: {draft.kind}")

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


def general_of(path: str) -> str:
    """The catalogue path of a list."""
    from schema.catalogue import general

    return general(written(absolute(path)))
