"""A read-only pane of text lines drawn by the line API: YAML as it would be saved, and diff."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence

from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.theme import Look
from tui.widgets.lines import Piece, look_of, strip_of

PaneLine = tuple[str, str]
"""Kind (`yaml`, `changed`, `add`, `del`, `hunk`, `text`) and text."""
KEY = re.compile(r"^(\s*(?:- )*)([\w.\-]+)(:)(\s.*|$)")
MARKS = {"changed": "*", "add": "+", "del": "-"}


def yaml_lines(text: str, saved: str) -> list[PaneLine]:
    """The lines of a YAML text; those that the saved text has not are marked as changed."""
    new, old = text.splitlines(), saved.splitlines()
    changed: set[int] = set()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, _, _, first, last in matcher.get_opcodes():
        if tag != "equal":
            changed.update(range(first, last))
    return [("changed" if at in changed else "yaml", line) for at, line in enumerate(new)]


def diff_lines(text: str, saved: str, *, exists: bool) -> list[PaneLine]:
    """A unified diff from the file on disk to the text."""
    if not exists:
        return [("text", "There is no file yet; ctrl+s writes one.")]
    kinds = {"+": "add", "-": "del", "@": "hunk"}
    out = [
        (kinds.get(line[:1], "yaml"), line[1:] if line[:1] in "+- " else line.strip())
        for line in difflib.unified_diff(saved.splitlines(), text.splitlines(), lineterm="", n=3)
        if not line.startswith(("---", "+++"))
    ]
    return out or [("text", "The file on disk is the same.")]


class TextPane(ScrollView, can_focus=True):
    """Lines with a gutter for marks; one line may be lit (where the cursor of the form is)."""

    DEFAULT_CSS = """
    TextPane { height: 1fr; width: 1fr; background: $background; scrollbar-size-vertical: 1;
               scrollbar-size-horizontal: 1; }
    """
    BINDINGS = [
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
        Binding("ctrl+d", "page_down", show=False),
        Binding("ctrl+u", "page_up", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="text")
        self.lines: Sequence[PaneLine] = ()
        self.lit: Collection[int] = ()

    def show(self, lines: Sequence[PaneLine], lit: Collection[int] = ()) -> None:
        """Other text; scrolls to the first lit line."""
        self.lines, self.lit = lines, lit
        width = max((len(text) for _, text in lines), default=0) + 4
        self.virtual_size = Size(max(width, self.size.width), len(lines))
        self.refresh()
        if lit:
            # The pane may just have been made visible: only then it knows its height.
            self.call_after_refresh(self._to_lit)

    def _to_lit(self) -> None:
        """Scrolls so that the lit line is seen with some lines above it."""
        if not self.lit:
            return
        first, top = min(self.lit), self.scroll_offset.y
        if not top <= first < top + max(1, self.size.height - 1):
            self.scroll_to(y=max(0, first - self.size.height // 3), animate=False)

    def render_line(self, y: int) -> Strip:
        """One line: mark, text in colours."""
        look, index = look_of(self), y + self.scroll_offset.y
        on = "panel" if index in self.lit else "background"
        fill = look.style("foreground", on)
        width = max(self.virtual_size.width, self.size.width)
        pieces: list[Piece] = []
        if index < len(self.lines):
            kind, text = self.lines[index]
            tone = {"changed": "accent", "add": "success", "del": "error"}.get(kind, "muted")
            pieces = [(f" {MARKS.get(kind, ' ')} ", look.style(tone, on, bold=True))]
            pieces += _colored(kind, text, look, on)
        strip = strip_of(pieces, width, fill)
        left = self.scroll_offset.x
        return strip.crop(left, left + self.size.width)


def _colored(kind: str, text: str, look: Look, on: str) -> list[Piece]:
    """Keys in one colour, comments dim; lines of a diff in theirs."""
    plain: Style = look.style("foreground", on)
    if kind in ("add", "del"):
        return [(text, look.style("success" if kind == "add" else "error", on))]
    if kind in ("hunk", "text"):
        return [(text, look.style("muted", on))]
    if text.lstrip().startswith("#"):
        return [(text, look.style("muted", on))]
    if match := KEY.match(text):
        indent, key, colon, rest = match.groups()
        return [
            (indent, plain), (key, look.style("primary", on)), (colon, look.style("muted", on)),
            (rest, plain),
        ]  # fmt: skip
    return [(text, plain)]
