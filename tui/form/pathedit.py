"""The editor for paths: a line with completions from the file system, read in a thread.

A folder on a sleeping network disk must not stop the keys: the list comes when it comes, and only
for the text that is still there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input

from tui.form.editors import Go, LineEditor
from tui.palette import Completion
from tui.threads import hand_over
from tui.widgets.commandline import Choices

if TYPE_CHECKING:
    from tui.form.pathtree import PathTree

LIMIT = 200
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def complete(text: str, base: Path, *, folders_only: bool) -> list[Completion]:
    """Entries of the folder that `text` is in whose name begins as typed; folders end with `/`.

    Relative texts count from `base`; the completion keeps the way the text was begun (`~/`, `./`).
    """
    head, slash, start = text.rpartition("/")
    folder = Path(head + slash).expanduser() if head or slash else Path()
    folder = folder if folder.is_absolute() else base / folder
    try:
        entries = sorted(
            folder.iterdir(), key=lambda entry: (not entry.is_dir(), entry.name.lower())
        )
    except OSError:
        return []
    out = []
    for entry in entries:
        hidden = entry.name.startswith(".") and not start.startswith(".")
        if hidden or not entry.name.lower().startswith(start.lower()):
            continue
        is_folder = entry.is_dir()
        if is_folder or not folders_only:
            name = f"{head}{slash}{entry.name}{'/' if is_folder else ''}"
            out.append(Completion(name, "folder" if is_folder else "file"))
        if len(out) == LIMIT:
            break
    return out


def path_words(text: str, base: Path) -> str:
    """What lies at a path, in two words: `24 images`, `folder, 3 inside`, `exists`."""
    if not text.strip():
        return ""
    path = Path(text).expanduser()
    path = path if path.is_absolute() else base / path
    try:
        if path.is_dir():
            inside = list(path.iterdir())
            pictures = sum(entry.suffix.lower() in PICTURES for entry in inside)
            if pictures:
                return f"{pictures} images"
            return f"folder, {len(inside)} inside" if inside else "folder, empty"
        return "exists" if path.exists() else "not there yet"
    except OSError as error:
        return error.strerror or "cannot be read"


class PathEditor(LineEditor):
    """A line and below it what the file system offers."""

    BINDINGS = [
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("ctrl+t", "tree", show=False, priority=True),
    ]
    HINTS: tuple[tuple[str, str], ...] = (
        ("enter", "keep"), ("ctrl+g", "cancel"), ("tab", "complete"), ("up/down", "choose"),
        ("ctrl+t", "tree"),
    )  # fmt: skip
    TREE_HINTS: tuple[tuple[str, str], ...] = (
        ("enter", "take it"), ("space", "open folder"), ("backspace", "folder above"),
        ("ctrl+t", "no tree"),
    )  # fmt: skip

    def __init__(self, text: str, base: Path, *, folders_only: bool, rows: int) -> None:
        super().__init__(text)
        self._base = base
        self._folders_only = folders_only
        self._rows = rows
        self._moved = False

    def compose(self) -> ComposeResult:
        """Line, completions."""
        yield from super().compose()
        yield Choices(self._rows, id="choices")

    def on_mount(self) -> None:
        """Starts with what is there."""
        super().on_mount()
        self._look(self.text)

    @on(Input.Changed)
    def _look_again(self, event: Input.Changed) -> None:
        self._look(event.value)

    @work(thread=True, exclusive=True, group="paths")
    def _look(self, text: str) -> None:
        found = complete(text, self._base, folders_only=self._folders_only)
        hand_over(self.app, self._show, text, found)

    def _show(self, text: str, found: list[Completion]) -> None:
        # The editor may be closing: then its parts are gone before it is.
        for choices in self.query(Choices):
            if text == self.text:
                self._moved = False
                choices.show(found, -1)

    async def action_tree(self) -> None:
        """The file system as a tree in place of the completions, and back."""
        from tui.form.pathtree import PathTree  # only who asks for it pays for its import

        if trees := self.query(PathTree):
            await trees.remove()
            self.HINTS = PathEditor.HINTS
            self.query_one(Choices).display = True
            self.screen.set_focus(self.query_one(Input))
            return
        tree = PathTree(self._tree_root(), folders_only=self._folders_only, rows=self._rows)
        self.HINTS = self.TREE_HINTS
        self.query_one(Choices).display = False
        await self.mount(tree)
        self.screen.set_focus(tree)
        self.post_message(self.Typed(self.text))  # the hints below are others now

    def _tree_root(self) -> Path:
        """The folder that the typed path is in, or the nearest one there is."""
        path = Path(self.text).expanduser()
        path = path if path.is_absolute() else self._base / path
        folder = next((one for one in (path, *path.parents) if one.is_dir()), self._base)
        return folder.parent if folder == path and folder != self._base else folder

    async def on_path_tree_picked(self, event: PathTree.Picked) -> None:
        """A path of the tree: as short as the base folder allows."""
        event.stop()
        inside = event.path.is_relative_to(self._base)
        self.replace(str(event.path.relative_to(self._base) if inside else event.path))
        await self.action_tree()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While the tree is open, up and down are its own."""
        return not (action == "move" and self.HINTS is self.TREE_HINTS)

    def action_move(self, by: int) -> None:
        """Another completion; Tab and Enter take it."""
        choices = self.query_one(Choices)
        choices.move(by if self._moved else 0)
        self._moved = True

    @on(Choices.Chosen)
    def _clicked(self, event: Choices.Chosen) -> None:
        event.stop()
        self.replace(self.query_one(Choices).items[event.index].text)

    def action_keep(self, go: Go = "stay") -> None:
        """Tab completes as long as there is something to complete, then keeps and goes on.

        Enter takes the completion that was moved to into the line, and keeps the line else.
        """
        choices = self.query_one(Choices)
        if go == "stay" and self._moved and choices.items:
            self._moved = False
            self.replace(choices.items[choices.cursor].text)
            return
        if go == "next" and choices.items:
            text = choices.items[choices.cursor].text if self._moved else common(choices.items)
            if len(text) > len(self.text) or self._moved:
                self.replace(text)
                return
        super().action_keep(go)


def common(items: Sequence[Completion]) -> str:
    """The longest start that all completions share."""
    return os.path.commonprefix([item.text for item in items])  # noqa: RUF071 - letters are meant
