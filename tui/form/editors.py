"""The editors of the inspector, one for each kind of value; exactly one is mounted at a time.

Every editor is a widget with `text` (what is typed) and posts `Typed` at each keystroke, then
`Keep` or `Cancel`. It knows nothing about the draft; the config view decides what a text means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, TextArea

from schema.catalogue import OptionInfo
from tui.fuzzy import score
from tui.palette import Completion
from tui.widgets.commandline import Choices

Go = Literal["stay", "next", "prev"]
EditorKind = Literal["line", "choice", "path", "area"]

CANCEL = Binding("ctrl+g,escape", "cancel", "cancel", show=False, priority=True)
NEXT = Binding("tab", "keep('next')", "keep, next", show=False, priority=True)
PREV = Binding("shift+tab", "keep('prev')", "keep, previous", show=False, priority=True)


class Editor(Vertical):
    """Base of the editors: messages and the three ways out."""

    DEFAULT_CSS = """
    Editor { height: auto; background: $panel; padding: 0 0 0 1; }
    Editor Input { border: none; height: 1; background: $panel; }
    Editor TextArea { border: none; height: auto; max-height: 12; background: $panel; }
    """
    BINDINGS = [CANCEL, NEXT, PREV]
    HINTS: tuple[tuple[str, str], ...] = (
        ("enter", "keep"), ("ctrl+g", "cancel"), ("tab", "keep, next"),
    )  # fmt: skip

    class Typed(Message):
        """The text is another one."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Keep(Message):
        """The text is to stay."""

        def __init__(self, text: str, go: Go) -> None:
            super().__init__()
            self.text = text
            self.go = go

    class Cancel(Message):
        """The old value is to come back."""

    @property
    def text(self) -> str:
        """What is typed."""
        raise NotImplementedError

    def action_cancel(self) -> None:
        """Leaves without keeping."""
        self.post_message(self.Cancel())

    def action_keep(self, go: Go = "stay") -> None:
        """Leaves with the text."""
        self.post_message(self.Keep(self.text, go))


class LineEditor(Editor):
    """One line: numbers (up and down step), text, colours, secrets."""

    BINDINGS = [
        Binding("up", "step(1)", show=False, priority=True),
        Binding("down", "step(-1)", show=False, priority=True),
        Binding("shift+up", "step(10)", show=False, priority=True),
        Binding("shift+down", "step(-10)", show=False, priority=True),
    ]

    def __init__(
        self, text: str, *, stepped: Callable[[str, int], str] | None = None, secret: bool = False
    ) -> None:
        super().__init__()
        self._first = text
        self._stepped = stepped
        self._secret = secret
        self._line: Input | None = None

    def compose(self) -> ComposeResult:
        """The input."""
        line = Input(self._first, compact=True, password=self._secret, select_on_focus=False)
        line.cursor_blink = False
        self._line = line
        yield line

    def on_mount(self) -> None:
        """Focus, cursor at the end."""
        assert self._line is not None
        self.screen.set_focus(self._line)  # at once: see typeahead
        self._line.cursor_position = len(self._line.value)

    @property
    def text(self) -> str:
        """What is typed; whoever asks may come before the line is on the screen."""
        return self._first if self._line is None else self._line.value

    def replace(self, text: str) -> None:
        """Other text, cursor at its end."""
        self._first = text
        if self._line is not None:
            self._line.value = text
            self._line.cursor_position = len(text)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_keep()

    def action_step(self, by: int) -> None:
        """The next number up or down."""
        if self._stepped is not None:
            self.replace(self._stepped(self.text, by))


class ChoiceEditor(Editor):
    """A list of choices with a word on each; typing filters."""

    BINDINGS = [
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
    ]
    HINTS = (("enter", "choose"), ("ctrl+g", "cancel"), ("up/down", "move"), ("a-z", "filter"))

    def __init__(
        self, info: OptionInfo, current: object, rows: int, waiting: Mapping[str, str]
    ) -> None:
        super().__init__()
        self._all = [
            Completion(
                str(value),
                str(info.choice_help.get(value, "")),
                "not in the engine yet" if str(value) in waiting else None,
            )
            for value in info.choices or ()
        ]
        # What works comes first, in the order of the declaration.
        self._all.sort(key=lambda one: one.off is not None)
        self._current = str(current)
        self._rows = rows

    def compose(self) -> ComposeResult:
        """Filter line, choices."""
        line = self.filter_line()
        line.cursor_blink = False
        yield line
        yield Choices(self._rows, id="choices")

    def filter_line(self) -> Input:
        """Where one types what the choices are narrowed by."""
        return Input(placeholder="type to filter", compact=True)

    def on_mount(self) -> None:
        """All choices, the cursor on the present one."""
        self.screen.set_focus(self.query_one(Input))
        at = next((i for i, one in enumerate(self._all) if one.text == self._current), 0)
        self.query_one(Choices).show(self._all, at)

    @property
    def text(self) -> str:
        """The choice under the cursor; where none fits, what is typed."""
        choices = self.query_one(Choices)
        return choices.items[choices.cursor].text if choices.items else self.query_one(Input).value

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.narrow(event.value)

    def narrow(self, query: str) -> None:
        """Only the choices that fit; the best one is tried."""
        self.query_one(Choices).show(filtered(self._all, query), 0)
        self.post_message(self.Typed(self.text))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_keep()

    @on(Choices.Chosen)
    def _clicked(self, event: Choices.Chosen) -> None:
        event.stop()
        self.query_one(Choices).cursor = event.index
        self.take()

    def take(self) -> None:
        """What a click on a choice does."""
        self.action_keep()

    def action_move(self, by: int) -> None:
        """Another choice; it is tried at once."""
        self.query_one(Choices).move(by)
        self.post_message(self.Typed(self.text))


class _Spaceless(Input):
    """Leaves the space bar to its editor: no choice has a space in it."""

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Everything that is text but the space."""
        return key != "space" and super().check_consume_key(key, character)


class ChecksEditor(ChoiceEditor):
    """Some of several choices: space ticks and unticks, typing filters, Enter keeps.

    The order of ticking does not matter; what the file has and nobody knows stays ticked.
    """

    BINDINGS = [Binding("space", "tick", show=False, priority=True)]
    HINTS = (("space", "tick"), ("enter", "keep"), ("ctrl+g", "cancel"), ("a-z", "filter"))

    def __init__(
        self, info: OptionInfo, current: object, rows: int, waiting: Mapping[str, str]
    ) -> None:
        super().__init__(info, None, rows, waiting)
        given = [str(value) for value in current] if isinstance(current, list) else []
        known = [one.text for one in self._all]
        self._all += [Completion(text, "unknown") for text in given if text not in known]
        self.ticked = dict.fromkeys(given)

    def filter_line(self) -> Input:
        """The same, without the space bar."""
        return _Spaceless(placeholder="type to filter, space ticks", compact=True)

    def _boxes(self, items: Sequence[Completion]) -> list[Completion]:
        return [
            replace(one, text=f"[{'x' if one.text in self.ticked else ' '}] {one.text}")
            for one in items
        ]

    def on_mount(self) -> None:
        """All choices with their boxes."""
        self.screen.set_focus(self.query_one(Input))
        self._shown: Sequence[Completion] = self._all
        self.query_one(Choices).show(self._boxes(self._all), 0)

    @property
    def text(self) -> str:
        """What is ticked, one a line, in the order of the choices."""
        return "\n".join(one.text for one in self._all if one.text in self.ticked)

    def narrow(self, query: str) -> None:
        """Only the choices that fit; nothing is ticked by it."""
        self._shown = filtered(self._all, query)
        self.query_one(Choices).show(self._boxes(self._shown), 0)

    def take(self) -> None:
        """A click ticks."""
        self.action_tick()

    def action_move(self, by: int) -> None:
        """Another choice; nothing changes."""
        self.query_one(Choices).move(by)

    def action_tick(self) -> None:
        """Ticks or unticks the choice under the cursor."""
        choices = self.query_one(Choices)
        if not self._shown:
            return
        text, cursor = self._shown[choices.cursor].text, choices.cursor
        if text in self.ticked:
            del self.ticked[text]
        else:
            self.ticked[text] = None
        choices.show(self._boxes(self._shown), cursor)
        self.post_message(self.Typed(self.text))


def filtered(items: Sequence[Completion], query: str) -> list[Completion]:
    """Items whose value or words fit, best first."""
    if not query.strip():
        return list(items)
    found = []
    for number, item in enumerate(items):
        by_value, inside = score(query, item.text), query.lower() in item.words.lower()
        if by_value is not None or inside:
            found.append((-(by_value or 0.0), number, item))
    return [item for _, _, item in sorted(found, key=lambda entry: entry[:2])]


class AreaEditor(Editor):
    """Several lines: lists with an item a line, mappings as YAML, long text."""

    HINTS: tuple[tuple[str, str], ...] = (
        ("tab", "keep"),
        ("ctrl+g", "cancel"),
        ("enter", "new line"),
    )

    def __init__(self, text: str, *, enter_keeps: bool) -> None:
        super().__init__()
        self._first = text
        self._enter_keeps = enter_keeps
        if enter_keeps:
            self.HINTS = Editor.HINTS

    def compose(self) -> ComposeResult:
        """The text area, wrapped, without a gutter."""
        area = _Area(self._first, soft_wrap=True, compact=True, tab_behavior="focus")
        area.cursor_blink = False
        yield area

    def on_mount(self) -> None:
        """Focus, cursor at the end."""
        area = self.query_one(TextArea)
        self.screen.set_focus(area)
        area.move_cursor(area.document.end)

    @property
    def text(self) -> str:
        """What is typed."""
        return self.query_one(TextArea).text

    def replace(self, text: str) -> None:
        """Other text."""
        self.query_one(TextArea).text = text

    @on(TextArea.Changed)
    def _changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(self.text))

    def key_enter(self) -> None:
        """Reached only where the area left Enter to us."""
        self.action_keep()


class _Area(TextArea):
    """Leaves Enter to its editor where a line break means nothing."""

    async def _on_key(self, event) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
        editor = self.parent
        if event.key == "enter" and isinstance(editor, AreaEditor) and editor._enter_keeps:
            event.stop()
            event.prevent_default()
            editor.action_keep()
            return
        await super()._on_key(event)
