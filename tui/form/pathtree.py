"""The file system as a tree, for choosing a path with the arrows; opened by ctrl+t in a path line.

Textual's tree reads folders in threads, so a sleeping network disk does not stop the keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.message import Message
from textual.widgets import DirectoryTree
from textual.widgets._directory_tree import DirEntry
from textual.widgets._tree import TreeNode


class PathTree(DirectoryTree):
    """Folders and, where files are wanted, files; nothing hidden, no pictures of folders."""

    DEFAULT_CSS = "PathTree { height: auto; background: $panel; padding: 0; }"
    BINDINGS = [
        Binding("enter", "choose", show=False),
        Binding("space,right,l", "open_or_close", show=False),
        Binding("left,h", "close", show=False),
        Binding("down,j", "cursor_down", show=False),
        Binding("up,k", "cursor_up", show=False),
        Binding("backspace", "higher", show=False),
    ]

    class Picked(Message):
        """A path was chosen."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    def __init__(self, root: Path, *, folders_only: bool, rows: int) -> None:
        super().__init__(root)
        self._folders_only = folders_only
        self.show_guides = False
        self.styles.max_height = rows
        self.guide_depth = 2

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """What is offered: no hidden entries, and folders alone where a folder is asked for."""
        return [
            path
            for path in paths
            if not path.name.startswith(".") and (not self._folders_only or path.is_dir())
        ]

    def render_label(self, node: TreeNode[DirEntry], base_style: Style, style: Style) -> Text:
        """The name with a mark for folders, in the colours of the theme."""
        mark = ("- " if node.is_expanded else "+ ") if node.allow_expand else "  "
        name = str(node.data.path) if node.is_root and node.data else str(node.label)
        return Text(f"{mark}{name}{'/' if node.allow_expand else ''}", style=base_style + style)

    def action_choose(self) -> None:
        """The entry under the cursor becomes the path."""
        node = self.cursor_node
        if node is not None and node.data is not None:
            self.post_message(self.Picked(node.data.path))

    def action_open_or_close(self) -> None:
        """Unfolds a folder, or folds it."""
        if self.cursor_node is not None and self.cursor_node.allow_expand:
            self.cursor_node.toggle()

    def action_close(self) -> None:
        """Folds the folder, or goes to the one it is in."""
        node = self.cursor_node
        if node is None:
            return
        if node.is_expanded and not node.is_root:
            node.collapse()
        elif node.parent is not None:
            self.move_cursor(node.parent)

    def action_higher(self) -> None:
        """The folder above becomes the root."""
        self.path = Path(self.path).resolve().parent
