"""The line above a list: where one is."""

from __future__ import annotations

from rich.cells import cell_len

from tui.theme import Look
from tui.widgets.lines import OneLine, Piece, clip, spread


class Crumb(OneLine):
    """The line above the list: where one is."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__(id="crumb")
        self.words: tuple[str, str] = ("", "")

    def show(self, left: str, right: str) -> None:
        """Other words."""
        if (left, right) != self.words:
            self.words = (left, right)
            self.refresh()

    def pieces(self, look: Look, width: int) -> list[Piece]:
        """Bold at the left, dim at the right."""
        room = width - cell_len(self.words[1]) - 2
        left = [
            (clip(f" {shortened(self.words[0], room)}", width), look.style("primary", bold=True))
        ]
        right = [(f"{self.words[1]} ", look.style("muted"))]
        return spread(left, right, width, look.style("foreground"))


def shortened(words: str, room: int) -> str:
    """`a > b > c` in as many cells: the first places give way, the last one says where one is."""
    places = words.split(" > ")
    while len(places) > 1 and cell_len(" > ".join(places)) + 4 > room:
        places = places[1:]
        words = f"… > {' > '.join(places)}"
    return words
