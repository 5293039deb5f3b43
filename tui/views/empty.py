"""What a view shows while there is nothing to show: why, and the key to press."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from tui.views.frame import View

TEXTS = {
    "opening": "opening the config",
    "config": "No config is open.\n\nPress H for recent configs, presets and runs.",
    "launch": "No config is open, so there is nothing to launch.\n\nPress H to open one.",
    "run": "No run is open.\n\nPress 5 for the runs on this machine, or 2 to launch the config.",
    "samples": "No run is open, so there are no pictures.\n\nPress 5 for the runs on this machine.",
}


class EmptyView(View):
    """A sentence in the middle of the screen."""

    DEFAULT_CSS = """
    EmptyView > #empty { width: 1fr; height: 1fr; content-align: center middle; text-align: center;
                         color: $muted; }
    """

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode

    def body(self) -> ComposeResult:
        """The sentence."""
        yield Static(TEXTS.get(self.mode, ""), id="empty")
