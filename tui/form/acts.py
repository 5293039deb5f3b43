"""The acts on one field: open its editor, take what is typed, toggle, step, reset, undo, redo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from schema.catalogue import general
from schema.findings import ConfigError
from tui.form import editing, record
from tui.form.editors import Go
from tui.form.layout import container_kind
from tui.form.row import Row
from tui.form.values import shown

if TYPE_CHECKING:
    from tui.views.config import ConfigView

Act = Callable[[], object]
NOT_EDITABLE = "the text of the file is broken YAML: o opens it in your editor"


class Acts:
    """Editing the field under the cursor."""

    def __init__(self, view: ConfigView) -> None:
        self.view = view
        self._row: Row | None = None

    def table(self) -> dict[str, Act]:
        """Acts by key id."""
        return {
            "edit": self.edit,
            "toggle": self.toggle,
            "increase": lambda: self.step(1),
            "decrease": lambda: self.step(-1),
            "reset": self.reset,
            "reset-section": self.reset_section,
            "undo": self.undo,
            "redo": self.redo,
        }

    def why_not(self, key_id: str) -> str | None:
        """Why an act does nothing on this row."""
        view, row = self.view, self.view.row
        document = view.draft.document
        if key_id in ("undo", "redo"):
            left = document.history() if key_id == "undo" else document.future()
            return None if left else f"nothing to {key_id}"
        if not document.editable and key_id != "edit":
            return NOT_EDITABLE
        if key_id == "reset-section":
            sections = ("section", "group", "item", "object", "process")
            return None if view.node.kind in sections else "no section here"
        if view.node.kind == "add" or (row is not None and row.kind in ("problem", "compare")):
            return None if key_id == "edit" else "nothing to change here"
        if row is None:
            return "no option here"
        return self._why_not_on(key_id, row)

    def _why_not_on(self, key_id: str, row: Row) -> str | None:
        info = row.option
        if row.kind == "unknown":
            return None if key_id == "reset" else "no option is called so; x removes it"
        if row.kind == "switch":
            return None if key_id in ("toggle", "edit") else "space switches it"
        if info is not None and container_kind(info) and key_id == "toggle":
            return "enter opens it"
        if key_id == "toggle" and info is not None and not (info.type == "bool" or info.choices):
            return "only switches and choices toggle; enter edits"
        numeric = info is not None and info.type in ("int", "float")
        if key_id in ("increase", "decrease") and not numeric:
            return "only numbers step"
        if key_id == "reset" and not self.view.draft.is_set(row.path):
            return "it is at its default already"
        return None

    # -- the editor ----------------------------------------------------------------------------

    async def edit(self) -> None:
        """Opens the editor of the row; switches toggle, problems and matches are gone to."""
        view, row = self.view, self.view.row
        if view.node.kind == "add":
            view.items.add()
            return
        if row is None:
            return
        if row.kind == "compare":
            view.compare.take()
            return
        if row.kind == "problem" or view.panes.searching is not None:
            if not view.go(row.path):
                view.say("no field for that: v shows the line, o opens your editor", "warning")
            return
        if row.option is not None and container_kind(row.option) and not editing.is_item(row):
            view.open_container(row.path)
            return
        if row.kind == "switch" or (row.option is not None and row.option.type == "bool"):
            self.toggle()
            return
        if not view.draft.document.editable:
            view.say(NOT_EDITABLE, "error")
            return
        room = 14 if view.inspector.wide else 8
        editor = editing.make_editor(view.draft, row, view.base, room)
        self._row = row
        await view.inspector.edit(editor)
        view.inspector.show(view.draft, row)
        view.redraw_frame()

    def typed(self, text: str) -> None:
        """Tries the text: the list, the marks and the messages follow each key."""
        if (row := self._row) is None:
            return
        if editing.wants_default(row, text):
            self.view.draft.stop_trial(keep=False)
        else:
            self.view.draft.attempt(row.path, editing.value_of(row, text))
        self.view.refresh_form(row.path)

    async def keep(self, text: str, go: Go) -> None:
        """The text stays, valid or not; then the next row, the one before, or this one."""
        view, row = self.view, self._row
        if row is None:
            return
        draft = view.draft
        if editing.wants_default(row, text):
            draft.reset(row.path)
        else:
            value = editing.value_of(row, text)
            if draft.is_set(row.path) or value != self._default(row):
                draft.attempt(row.path, value)
                draft.stop_trial(keep=True)
            else:
                draft.stop_trial(keep=False)
        await self._close(row)
        view.files.touched()
        if go != "stay":
            view.option_list.action_move(1 if go == "next" else -1)

    def _default(self, row: Row) -> Any:
        return self.view.draft.default(row.option, row.path) if row.option else None

    async def cancel(self) -> None:
        """The old value comes back."""
        self.view.draft.stop_trial(keep=False)
        await self._close(self._row)

    async def leave_editor(self) -> None:
        """Keeps what is typed when the cursor goes elsewhere (a click, say)."""
        view = self.view
        if (
            view.editing
            and self._row is not None
            and self._row.path != getattr(view.row, "path", "")
        ):
            assert view.inspector.editor is not None
            self._row = None
            view.draft.stop_trial(keep=True)
            await view.inspector.stop()
            view.files.touched()

    async def _close(self, row: Row | None) -> None:
        self._row = None
        await self.view.inspector.stop()
        self.view.refresh_form(row.path if row else None)
        self.view.set_focus(self.view.option_list)

    # -- without an editor ---------------------------------------------------------------------

    def toggle(self) -> None:
        """A switch to its other side, a choice to the next one."""
        view, row = self.view, self.view.row
        assert row is not None
        draft, info = view.draft, row.option
        if row.kind == "switch":
            self._switch(row)
            return
        assert info is not None
        value = draft.effective(info, row.path)
        if info.type == "bool":
            self._set(row.path, not value)
        else:
            self._set(row.path, editing.next_choice(info, value, draft.kind))

    def _switch(self, row: Row) -> None:
        """A whole section on or off; on again brings back what the file had."""
        draft = self.view.draft
        if draft.value(row.path) is not None:
            self._set(row.path, None)
            return
        before = draft.saved_section(row.path)
        self._set(row.path, before if before is not None else self._first_of(row.path))

    def _first_of(self, path: str) -> dict[str, Any]:
        """A section with its first option at its default: an empty one would mean nothing."""
        draft, start = self.view.draft, f"{general(path)}."
        inside = [info for info in draft.layout.options if info.path.startswith(start)]
        first = next((info for info in inside if info.default is not None), None)
        return {first.path.removeprefix(start): first.default} if first is not None else {}

    def step(self, by: int) -> None:
        """A number up or down."""
        row = self.view.row
        assert row is not None
        assert row.option is not None
        value = self.view.draft.effective(row.option, row.path)
        if isinstance(value, bool) or not isinstance(value, int | float):
            value = row.option.min or 0
        self._set(row.path, editing.bounded(row.option, editing.step_by(row.option, value, by)))

    def reset(self) -> None:
        """Out of the file: the default counts."""
        row = self.view.row
        assert row is not None
        self._do(lambda: self.view.draft.reset(row.path), row.path)
        self.view.say(f"{row.label} {self._after_reset(row)}; u brings the value back")

    def _after_reset(self, row: Row) -> str:
        """`is at its default, 4`; `is out of the file` where there is no default to speak of."""
        draft, info = self.view.draft, row.option
        if info is None or info.required or draft.find(row.path) is None:
            return "is out of the file"
        words = record.default_words(draft, info, row.path)
        return f"is at its default, {words}" if words != "-" else "is not set any more"

    def reset_section(self) -> None:
        """Every option of the section that has a default."""
        view = self.view
        paths = [
            row.path
            for row in view.option_list.rows
            if row.option is not None and not row.option.required and view.draft.is_set(row.path)
        ]

        def each() -> None:
            for path in paths:
                view.draft.reset(path)

        self._do(each, None)
        count = f"{len(paths)} option{'s' if len(paths) != 1 else ''}"
        view.say(f"{count} of {view.node.title} reset; u brings them back one by one")

    def undo(self) -> None:
        """One step back, and the cursor to where it was made."""
        self._history(self.view.draft.undo(), "undone")

    def redo(self) -> None:
        """One step forth."""
        self._history(self.view.draft.redo(), "done again")

    def _history(self, name: str | None, words: str) -> None:
        view = self.view
        path = name.partition(" ")[2] if name else ""
        view.refresh_form()
        known = " " not in path and view.draft.find(path) is not None
        if known and (view.row is None or view.row.path != path) and view.panes.plain:
            view.go(path)
        view.files.touched()
        view.say(f"{words}: {name}" if name else "nothing left")

    def _set(self, path: str, value: object) -> None:
        self._do(lambda: self.view.draft.set(path, value), path)

    def _do(self, change: Callable[[], object], path: str | None) -> None:
        view = self.view
        try:
            change()
        except (ConfigError, KeyError, ValueError) as fault:
            view.say(str(fault), "error")
        view.refresh_form(path)
        view.files.touched()

    async def set_text(self, path: str, text: str) -> None:
        """What `:set path text` does: like typing it into the field."""
        await self.leave_editor()
        row = self.view.row_of(path)
        if row is None:
            self.view.say(f"there is no option {path}", "error")
            return
        self._set(path, editing.value_of(row, text))
        self.view.go(path)
        worst = self.view.draft.findings_at(path)
        if worst:
            self.view.say(worst[0].message, "error" if worst[0].severity == "error" else "warning")
        else:
            self.view.say(f"{path} is {shown(self.view.draft.value(path))}", "success")
