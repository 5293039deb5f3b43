"""The estimate on the screen: one line under the form, and a panel with the whole table."""

from __future__ import annotations

from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from schema.estimate.report import Estimate
from tui.estimate_text import line, table
from tui.theme import Look
from tui.widgets.lines import OneLine, Piece, clip, look_of, strip_of


class EstimateLine(OneLine):
    """Memory against the device, step time and disk; not there while nothing is known."""

    DEFAULT_CSS = """
    EstimateLine { dock: bottom; margin-bottom: 2; height: 1; display: none; background: $surface; }
    """
    ON = "surface"

    def __init__(self) -> None:
        super().__init__(id="estimate")
        self.estimate: Estimate | None = None
        self.busy = ""

    def show(self, estimate: Estimate | None, busy: str = "") -> None:
        """Another estimate, or a word on what is being done."""
        if (estimate, busy) != (self.estimate, self.busy):
            self.estimate, self.busy = estimate, busy
            self.display = estimate is not None
            self.refresh()

    def pieces(self, look: Look, width: int) -> list[Piece]:
        """The line, cut at the end: the verdict comes first."""
        spans = [] if self.estimate is None else line(self.estimate)
        if self.busy:
            spans.insert(0, (f"({self.busy}) ", "muted"))
        pieces: list[Piece] = []
        room = width - 1
        for text, tone in [("m ", "primary"), *spans]:
            shown = clip(text, room)
            pieces.append((shown, look.style(tone, self.ON)))
            room -= len(shown)
            if room <= 0:
                break
        return [(" ", look.style("muted", self.ON)), *pieces]


class EstimatePanel(ScrollView, can_focus=True):
    """The whole table over the lower part of the screen."""

    DEFAULT_CSS = """
    EstimatePanel { dock: bottom; height: 12; margin-bottom: 2; layer: top; background: $surface;
                    border-top: solid $border; overflow-x: auto; scrollbar-size-horizontal: 0; }
    """
    BINDINGS = [
        Binding("escape,q,m,ctrl+g,enter", "close", show=False),
        Binding("down,j", "scroll_down", show=False),
        Binding("up,k", "scroll_up", show=False),
        Binding("pagedown,space,ctrl+d", "page_down", show=False),
        Binding("pageup,ctrl+u", "page_up", show=False),
        Binding("right,l", "scroll_right", show=False),
        Binding("left,h", "scroll_left", show=False),
    ]

    def __init__(self, estimate: Estimate) -> None:
        super().__init__(id="estimate-panel")
        self._lines: list[str] = []
        self._back: Widget | None = None
        self.show(estimate)

    def show(self, estimate: Estimate) -> None:
        """Another estimate; the place that is shown stays."""
        self._lines = table(estimate, 200)
        widest = max(map(len, self._lines), default=1)
        self.virtual_size = Size(widest + 2, len(self._lines))
        self.refresh()

    def on_mount(self) -> None:
        """Takes the focus; gives it back when it closes."""
        self._back = self.screen.focused
        self._fit()
        self.focus()

    def on_resize(self, event: events.Resize) -> None:
        """As high as the screen allows."""
        self._fit()

    def _fit(self) -> None:
        room = self.app.size.height - 3
        self.styles.height = min(len(self._lines) + 1, room if room < 30 else room * 3 // 4)

    def action_close(self) -> None:
        """Away with it."""
        back = self._back
        self.remove()
        if back is not None and back.is_mounted:
            back.focus()

    def render_line(self, y: int) -> Strip:
        """One line of the table: headings bold, notes muted."""
        look, width, index = look_of(self), self.size.width, y + self.scroll_offset.y
        plain = look.style("foreground", "surface")
        if index >= len(self._lines):
            return strip_of([], width, plain)
        text = self._lines[index]
        heading = bool(text) and not text.startswith(" ")
        tone = "accent" if text.startswith("  ->") else "primary" if heading else "foreground"
        shown = f" {text}"[self.scroll_offset.x :]
        style = look.style(tone, "surface", bold=heading)
        return strip_of([(clip(shown, width), style)], width, plain)
