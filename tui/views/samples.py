"""The sample gallery of a run: a grid of prompts and steps, one picture large, two to compare.

Pictures are drawn in a thread and only when they are looked at; the path of the chosen one can be
copied, since a terminal shows colours, not pixels.
"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from schema.run.layout import RunFolder
from tui.keys import SAMPLES_KEYS, bindings
from tui.views.frame import View
from tui.views.log_panel import copy_text, toggle_log
from tui.views.run import Told
from tui.views.sample_grid import SIDE_BY_SIDE, Gallery, grid_rows, preview_rows
from tui.watch.follow import RunFollower, Snapshot
from tui.watch.text import shorten
from tui.widgets import partial
from tui.widgets.rows import Rows, rule
from tui.widgets.thumbs import ThumbLoader, Wanted, picture_mode

LOOK_SECONDS = 2.0


class SamplesView(View):
    """All pictures that a run has drawn."""

    KEYS = SAMPLES_KEYS
    NAME = "samples"
    BINDINGS = bindings(SAMPLES_KEYS)
    HELP = (
        "Every picture the run has drawn: a row for each prompt, a column for each step.\n"
        "Enter shows the chosen one large. = holds it; b then switches between the held and the "
        "chosen one in place, which shows small changes best. y copies the path, to open the file "
        "where there are pixels."
    )
    DEFAULT_CSS = """
    SamplesView #gallery { width: 1fr; height: 1fr; }
    SamplesView #gallery-rule { height: 1; }
    SamplesView #gallery-panes { layout: horizontal; height: 1fr; }
    SamplesView #preview { display: none; }
    """

    def __init__(self, folder: RunFolder) -> None:
        """A gallery of a run's folder."""
        super().__init__()
        self.folder = folder
        self.gallery = Gallery()
        self.large = False
        self.show_locked = False
        self._name = folder.path.name
        self._follower = RunFollower(
            folder, lambda news: self.post_message(Told(news)), every=LOOK_SECONDS
        )
        self._thumbs = ThumbLoader(
            lambda wanted, rows: self.post_message(Told((wanted, rows))),
            lambda: self.frame.sharp,
        )

    def body(self) -> ComposeResult:
        """Rule, grid, and the large picture beside or instead of it."""
        with Container(id="gallery"):
            yield Rows(id="gallery-rule")
            with Container(id="gallery-panes"):
                yield Rows(id="grid")
                yield Rows(id="preview")

    def title_pieces(self) -> list[tuple[str, str]]:
        """The run's name and how much there is."""
        words = f"  {len(self.gallery.shots)} pictures"
        return [(f" {self._name} ", "primary"), (words, "muted")]

    def resting(self) -> str:
        """Path of the chosen picture, where it does not stand below the large one."""
        shot = self.gallery.chosen
        if shot is not None and self.query_one("#preview").display:
            return "y copies the path of the picture"
        return "" if shot is None else shorten(str(shot.path), self.size.width - 2)

    def plain_lines(self) -> list[str]:
        """Names of the newest pictures."""
        newest = [shot.path.name for shot in self.gallery.shots.values()][-4:]
        return [f"{self._name}: {len(self.gallery.shots)} pictures", *newest]

    def go_back(self) -> bool:
        """From the large picture to the grid."""
        if not self.large:
            return False
        self.large = False
        self._place()
        return True

    # -- life ----------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Start reading."""
        partial.install()
        self._follower.start()
        self._thumbs.start()
        if words := self.frame.picture_trouble():
            self.say(words, "warning")
        self._place()

    def on_unmount(self) -> None:
        """End the threads."""
        self._follower.stop()
        self._thumbs.stop()

    def on_told(self, message: Told) -> None:
        """News of the run, or a picture that has been drawn."""
        match message.news:
            case Snapshot() as snapshot:
                self._name = snapshot.status.name
                before = len(self.gallery.shots)
                self.gallery.fill(snapshot.shots)
                if self.is_current and len(self.gallery.shots) != before:
                    self.paint()
                    self.redraw_frame()
            case (Wanted(), _):
                self.paint()

    def on_screen_resume(self) -> None:
        """Shown again: what was drawn before may be old."""
        self._place()
        self._follower.look_now()

    def on_resize(self) -> None:
        """Cut the grid anew."""
        self._place()

    # -- drawing -------------------------------------------------------------------------------

    def _place(self) -> None:
        """Grid, picture, or both side by side."""
        beside = self.size.width >= SIDE_BY_SIDE
        self.query_one("#grid").display = beside or not self.large
        self.query_one("#preview").display = beside or self.large
        self.call_after_refresh(self.paint)

    def paint(self) -> None:
        """Draw what is shown."""
        if not self.is_mounted or not self.is_current:
            return
        mode = picture_mode(self.frame)
        gallery = self.gallery
        self.query_one("#gallery-rule", Rows).show([rule(self._words(), self.size.width)])
        grid = self.query_one("#grid", Rows)
        if grid.display and grid.size.width:
            grid.show(grid_rows(gallery, self._thumbs.get, *grid.size, mode))
        preview = self.query_one("#preview", Rows)
        if preview.display and preview.size.width and gallery.shots:
            shot, note = gallery.chosen, ""
            if self.show_locked and gallery.locked is not None:
                shot, note = gallery.locked, "held: "
            preview.show(preview_rows(shot, self._thumbs.get, *preview.size, mode, note))

    def _words(self) -> str:
        gallery = self.gallery
        words = [f"step {gallery.step}" if gallery.steps else "samples"]
        if gallery.prompts:
            words.append(f"prompt {gallery.prompt + 1} of {len(gallery.prompts)}")
        if gallery.locked is not None:
            words.append(f"held: step {gallery.locked.step}  b switches")
        return "  ".join(words)

    # -- keys ----------------------------------------------------------------------------------

    def action_sample_move(self, prompts: int, steps: int) -> None:
        """Choose a neighbour."""
        self.show_locked = False
        self.gallery.move(prompts=prompts, steps=steps)
        self.paint()
        self.query_one("#status").refresh()

    def action_sample_ends(self, where: int) -> None:
        """The first or the newest step."""
        self.gallery.ends(where)
        self.paint()
        self.query_one("#status").refresh()

    def action_sample_large(self) -> None:
        """The chosen picture over the whole body, or back to the grid."""
        self.large = not self.large
        self._place()

    def action_sample_hold(self) -> None:
        """Hold the chosen picture, or let it go."""
        held = self.gallery.lock()
        self.show_locked = False
        self.say(f"holding step {held.step}: choose another, b switches" if held else "let go")
        self.paint()

    def action_sample_switch(self) -> None:
        """Between the held and the chosen picture, in place."""
        if self.gallery.locked is None:
            self.say("hold one first: =", "warning")
            return
        self.show_locked = not self.show_locked
        if not self.large and self.size.width < SIDE_BY_SIDE:
            self.large = True
            self._place()
        self.paint()

    def action_sample_copy(self) -> None:
        """Copy the path of the chosen picture."""
        shot = self.gallery.chosen
        copy_text(self, str(shot.path) if shot is not None else "")

    def action_log_panel(self) -> None:
        """The worker's whole output."""
        toggle_log(self, self.folder.log)
