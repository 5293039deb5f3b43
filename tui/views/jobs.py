"""All runs that this machine knows: what they do, how far they are, and what sets them apart.

The view only reads the registry and the runs' folders, in a thread. Marked runs can be compared:
their configs here, their curves on the dashboard.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical

from schema.run.layout import RunFolder
from schema.run.status import State
from tui.keys import JOBS_KEYS, bindings
from tui.views import job_rows
from tui.views.frame import View
from tui.views.log_panel import copy_text, toggle_log
from tui.views.run import Told
from tui.views.run_parts import state_word
from tui.watch.jobs import Job, JobsWatcher
from tui.widgets import partial
from tui.widgets.rows import Rows, rule
from tui.widgets.statusline import Question

MOST_MARKED = 4


class JobsView(View):
    """Every known run, newest first."""

    KEYS = JOBS_KEYS
    NAME = "jobs"
    BINDINGS = bindings(JOBS_KEYS)
    HELP = (
        "Every run that was started on this machine and whose folder is still there. The last "
        "column says what a run changed against the one started before it.\n"
        "Space marks runs. d shows where the configs of the marked ones differ; enter opens the "
        "run under the cursor with the curves of the marked ones laid over its own."
    )
    DEFAULT_CSS = """
    JobsView #jobs-list { width: 1fr; height: 1fr; }
    JobsView #jobs-list > #jobs-head { height: 1; }
    JobsView #jobs-list > #jobs-diff { height: 50%; display: none; }
    """

    def __init__(self, watcher: JobsWatcher | None = None) -> None:
        """`watcher` replaces the one on this machine's registry in tests."""
        super().__init__()
        self.jobs: Sequence[Job] = ()
        self.cursor = 0
        self.marked: list[RunFolder] = []
        self.show_diff = False
        self._read = False
        self._watcher = watcher or JobsWatcher(self.tell)

    def tell(self, jobs: Sequence[Job]) -> None:
        """What the thread calls with news."""
        self.post_message(Told(jobs))

    def body(self) -> ComposeResult:
        """Head, list, and the differences below it."""
        with Vertical(id="jobs-list"):
            yield Rows(id="jobs-head")
            yield Rows(id="jobs-rows")
            yield Rows(id="jobs-diff")

    def title_pieces(self) -> list[tuple[str, str]]:
        """How many there are and how many work."""
        busy = sum(not job.status.ended for job in self.jobs)
        words = f"  {len(self.jobs)} run{'' if len(self.jobs) == 1 else 's'}, {busy} at work"
        return [(" Runs on this machine", "primary"), (words if self._read else "", "muted")]

    def resting(self) -> str:
        """The folder of the run under the cursor."""
        return str(self.chosen.folder.path) if self.chosen else ""

    def plain_lines(self) -> list[str]:
        """A line for each run."""
        return [f"{job.status.name} {state_word(job.status)[0]}" for job in self.jobs[:6]]

    @property
    def chosen(self) -> Job | None:
        """The run under the cursor."""
        return self.jobs[self.cursor] if self.cursor < len(self.jobs) else None

    def why_not(self, key_id: str) -> str | None:
        """Orders need a worker."""
        job = self.chosen
        if job is None and key_id != "job.up":
            return "there is no run yet"
        if key_id in ("job.stop", "job.pause") and job is not None and job.status.ended:
            return f"{job.status.name} has ended"
        if key_id == "job.diff" and len(self.marked) < 2 and not self.show_diff:
            return "mark two runs with space first"
        return None

    def go_back(self) -> bool:
        """Close the differences."""
        if not self.show_diff:
            return False
        self.action_job_diff()
        return True

    # -- life ----------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Start looking."""
        partial.install()
        self._watcher.start()

    def on_unmount(self) -> None:
        """End the thread."""
        self._watcher.stop()

    def on_screen_suspend(self) -> None:
        """Nobody sees it."""
        self._watcher.pause(True)

    def on_screen_resume(self) -> None:
        """Shown again."""
        self._watcher.pause(False)
        self._watcher.look_now()

    def on_resize(self) -> None:
        """Other columns fit."""
        self.call_after_refresh(self.paint)

    def on_told(self, message: Told) -> None:
        """The runs as they are now; the cursor stays on its run."""
        held = self.chosen
        self.jobs, self._read = message.news, True
        folders = [job.folder for job in self.jobs]
        if held is not None and held.folder in folders:
            self.cursor = folders.index(held.folder)
        self.cursor = max(0, min(self.cursor, len(self.jobs) - 1))
        self.marked = [folder for folder in self.marked if folder in folders]
        if self.is_current:
            self.paint()
            self.query_one("#title").refresh()

    # -- drawing -------------------------------------------------------------------------------

    def paint(self) -> None:
        """Draw what has changed."""
        if not self.is_mounted:
            return
        rows = self.query_one("#jobs-rows", Rows)
        width, height = rows.size
        if not width:
            return
        self.query_one("#jobs-head", Rows).show([job_rows.head(width)])
        if not self.jobs:
            rows.show(job_rows.nothing(self._read))
        else:
            start = max(0, min(self.cursor - height + 1, len(self.jobs) - height))
            shown = self.jobs[start : start + height]
            before = [*self.jobs[start + 1 :], None]
            rows.show(
                job_rows.line(
                    job, earlier, width,
                    chosen=self.cursor == start + at,
                    mark=self.marked.index(job.folder) + 1 if job.folder in self.marked else None,
                )
                for at, (job, earlier) in enumerate(zip(shown, before, strict=False))
            )  # fmt: skip
        self._paint_diff()

    def _paint_diff(self) -> None:
        pane = self.query_one("#jobs-diff", Rows)
        if not self.show_diff or not pane.size.width:
            return
        chosen = [job for job in self.jobs if job.folder in self.marked]
        chosen.sort(key=lambda job: self.marked.index(job.folder))
        title = "configs of the marked runs   d closes"
        lines = [rule(title, pane.size.width), *job_rows.diff(chosen, pane.size.width)]
        pane.show(lines)

    # -- keys ----------------------------------------------------------------------------------

    def action_job_move(self, by: int) -> None:
        """Another run."""
        self.cursor = max(0, min(len(self.jobs) - 1, self.cursor + by))
        self.paint()
        self.redraw_frame()

    def action_job_ends(self, where: int) -> None:
        """The first or the last run."""
        self.action_job_move(where * len(self.jobs))

    def action_job_mark(self) -> None:
        """Mark the run, or take the mark away; then go on to the next."""
        job = self.chosen
        if job is None:
            return
        if job.folder in self.marked:
            self.marked.remove(job.folder)
        elif len(self.marked) == MOST_MARKED:
            self.say(f"{MOST_MARKED} runs can be compared at once", "warning")
            return
        else:
            self.marked.append(job.folder)
        self.frame.compared = list(self.marked)
        self.action_job_move(1)

    async def action_job_open(self) -> None:
        """Watch the run under the cursor."""
        if self.chosen is not None:
            await self.frame.open_run(self.chosen.folder)

    def action_job_diff(self) -> None:
        """Where the marked configs differ."""
        if (reason := self.why_not("job.diff")) is not None:
            self.say(reason, "warning")
            return
        self.show_diff = not self.show_diff
        self.query_one("#jobs-diff").display = self.show_diff
        self.call_after_refresh(self.paint)

    def action_job_pause(self) -> None:
        """Pause or go on."""
        if (reason := self.why_not("job.pause")) is not None or self.chosen is None:
            self.say(reason or "", "warning")
            return
        job = self.chosen
        name = "resume" if job.status.state is State.PAUSED else "pause"
        self._watcher.order(job.folder, name)
        self.say(f"{name}: asked {job.status.name}")

    def action_job_stop(self) -> None:
        """Ask, then save and end."""
        if (reason := self.why_not("job.stop")) is not None or self.chosen is None:
            self.say(reason or "", "warning")
            return
        job = self.chosen

        def stop() -> None:
            self._watcher.order(job.folder, "stop")
            self.say(f"stop: asked {job.status.name}; it saves first")

        answers = {"y": ("save and stop", stop), "n": ("go on training", lambda: None)}
        self.ask(Question(f"Stop {job.status.name} at step {job.status.step}?", answers))

    def action_job_copy(self) -> None:
        """Copy the folder."""
        copy_text(self, str(self.chosen.folder.path) if self.chosen else "")

    def action_job_log(self) -> None:
        """The output of the run under the cursor."""
        if self.chosen is not None:
            toggle_log(self, self.chosen.folder.log)
