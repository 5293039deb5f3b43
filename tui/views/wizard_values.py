"""Changing advised values on the last page of the guided set-up.

What is typed is tried on a draft of the advised config, so that the schema says what is wrong with
it; what is kept is pinned, and the rest is advised anew around it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tui.draft import Draft
from tui.form import editing, record
from tui.form.record import Line
from tui.form.row import Row
from tui.views.wizard_rows import CREATE, advised_at, pinned

if TYPE_CHECKING:
    from tui.views.wizard import WizardView


class Values:
    """The acts on one advised value."""

    def __init__(self, view: WizardView) -> None:
        self.view = view
        self._row: Row | None = None
        self._draft: Draft | None = None

    def why_not(self, name: str) -> str | None:
        """Why an act does nothing on this row."""
        row = self.view.option_list.row
        if row is None or row.path == CREATE:
            return "no value here"
        one = advised_at(self.view.advice, row.path)
        if name == "reset" and (one is None or one.origin != "you"):
            return "it is as advised already"
        info = row.option
        if name == "toggle" and not (info is not None and (info.type == "bool" or info.choices)):
            return "only switches and choices toggle; enter edits"
        return None

    def messages(self) -> list[Line]:
        """What is wrong with what is typed."""
        if self._draft is None or self._row is None:
            return []
        return record.messages(self._draft, self._row.path)

    async def open(self) -> None:
        """Opens the editor of the row; switches switch."""
        view, row = self.view, self.view.option_list.row
        if row is None:
            return
        if row.path == CREATE:
            await view.create()
            return
        if row.option is None:
            view.say("it follows from the questions; backspace goes back to them", "warning")
            return
        if row.option.type == "bool":
            self.toggle()
            return
        self._row, self._draft = row, Draft.new(view.advice.text)
        room = 14 if view.wide else 8
        await view.panel.edit(editing.make_editor(self._draft, row, view.base, room))
        view.show_words()

    def typed(self, text: str) -> None:
        """Tries the text."""
        if self._row is None or self._draft is None:
            return
        self._draft.attempt(self._row.path, editing.value_of(self._row, text))
        self.view.show_words()

    async def keep(self, text: str) -> None:
        """Pins what is typed; what is wrong keeps the editor open."""
        row, draft = self._row, self._draft
        if row is None or draft is None:
            return
        value = editing.value_of(row, text)
        draft.attempt(row.path, value)
        wrong = [found for found in draft.findings_at(row.path) if found.severity == "error"]
        emptied = row.path not in self.view.advice.case.sheet.values and value in (None, "")
        if wrong and not emptied:
            self.view.show_words()
            self.view.say(wrong[0].message, "error")
            return
        await self.close()
        advised = advised_at(self.view.advice, row.path)
        if advised is not None:
            self.pin(row.path, value)

    def toggle(self) -> None:
        """The other state, the next choice."""
        row = self.view.option_list.row
        assert row is not None
        assert row.option is not None
        one = advised_at(self.view.advice, row.path)
        value = one.value if one is not None else None
        if row.option.type == "bool":
            self.pin(row.path, not value)
        else:
            kind = self.view.advice.case.goal.process
            self.pin(row.path, editing.next_choice(row.option, value, kind))

    def pin(self, path: str, value: Any) -> None:
        """Holds a value and advises the rest anew; says when it does not go together."""
        view = self.view
        whole, held = pinned(view.advice, path, value)
        one = view.advice.case.sheet.values.get(whole)
        if one is not None and one.value == held and type(one.value) is type(held):
            view.show(path)
            return
        before = view.answers
        view.answers = replace(before, pins={**before.pins, whole: held})
        found = [f for f in Draft.new(view.advice.text).findings if f.severity == "error"]
        if found:
            view.answers = before
            view.say(f"it does not go together: {found[0].message}", "error")
        view.show(path)

    def reset(self) -> None:
        """Back to what is advised."""
        view, row = self.view, self.view.option_list.row
        assert row is not None
        one = advised_at(view.advice, row.path)
        assert one is not None
        rest = {path: value for path, value in view.answers.pins.items() if path != one.path}
        view.answers = replace(view.answers, pins=rest)
        view.show(row.path)

    async def leave(self) -> None:
        """Takes the editor away when the cursor has gone to another row.

        Not when it has come to this one: keys typed fast open the editor before that is told.
        """
        row = self.view.option_list.row
        if self._row is not None and (row is None or row.path != self._row.path):
            await self.close()

    async def close(self) -> None:
        """Takes the editor away."""
        self._row = self._draft = None
        await self.view.panel.stop()
        self.view.set_focus(self.view.option_list)
