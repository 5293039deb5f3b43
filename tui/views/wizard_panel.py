"""The lower (or right) part of the guided set-up: words on the row at hand, and the editor."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical

from tui.form.editors import Editor, LineEditor
from tui.form.inspector import Lines
from tui.form.pathedit import PathEditor
from tui.form.record import Line


class WizardPanel(Vertical):
    """Head, editor, words; the editor is there only while something is typed."""

    DEFAULT_CSS = """
    WizardPanel { height: 8; background: $surface; border-top: solid $border; }
    WizardPanel.-editing { height: 9; }
    WizardPanel.-tall { height: 14; }
    WizardPanel.-asking { height: 1fr; border-top: none; }
    """

    def __init__(self) -> None:
        super().__init__(id="panel")
        self.editor: Editor | None = None

    def compose(self) -> ComposeResult:
        """Empty parts; `show` fills them."""
        yield Lines("head")
        yield Lines("messages")

    def show(self, head: Sequence[Line], messages: Sequence[Line] = ()) -> None:
        """Other words."""
        self.query_one("#head", Lines).show(head)
        self.query_one("#messages", Lines).show(messages)

    async def edit(self, editor: Editor) -> None:
        """Opens an editor below the head."""
        await self.stop()
        self.editor = editor
        self.add_class("-editing")
        plain = isinstance(editor, LineEditor) and not isinstance(editor, PathEditor)
        self.set_class(not plain, "-tall")
        await self.mount(editor, after=self.query_one("#head"))

    async def stop(self) -> None:
        """Takes the editor away."""
        if self.editor is not None:
            editor, self.editor = self.editor, None
            self.remove_class("-editing", "-tall")
            await editor.remove()
