"""The dashboard of one run: progress, curves, machine, log, newest pictures, and its controls.

The screen is a reader. It may be closed and opened again at any time, on this machine or another,
and shows the whole history each time; the training does not notice. All files are read in threads
(`tui.watch`), which hand plain values to the screen; what they say is drawn at most once a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.geometry import Region
from textual.message import Message

from schema.run.layout import RunFolder
from schema.run.process import ProcessId, fate
from schema.run.status import State, read_status
from tui.keys import RUN_KEYS, bindings
from tui.views import run_parts
from tui.views.frame import View
from tui.views.log_panel import FilterLine, copy_text, toggle_log
from tui.views.run_body import Body
from tui.watch.follow import CommandSent, RunFollower, Snapshot, Trouble
from tui.watch.gpu import Host, MachineReader, Nvml, Readings, read_host
from tui.watch.jobs import Job, JobsWatcher
from tui.widgets import partial
from tui.widgets.rows import Row, changed_spans, fit, row, width_of
from tui.widgets.statusline import Question
from tui.widgets.thumbs import ThumbLoader, Wanted

BLURRED_SECONDS = 5.0
"""Seconds between looks while the terminal has no focus."""
DONE_WORDS = {
    "pause": "paused", "resume": "goes on", "save": "saved", "sample": "samples drawn",
    "stop": "stopped",
}  # fmt: skip


class Told(Message):
    """A thread has news for the screen."""

    def __init__(self, news: Any) -> None:
        super().__init__()
        self.news = news


class RunView(View):
    """One run, live."""

    KEYS = RUN_KEYS
    NAME = "run"
    BINDINGS = bindings(RUN_KEYS)
    HELP = (
        "The live run. Quitting the app leaves it running; opening it again shows everything.\n"
        "The chart draws every value as a band and a smoothed line over it. Marks on the step "
        "axis: ┬ samples, ┴ a save, ┼ both, ╫ a restart, × a NaN. Left and right read values off.\n"
        "p, s, w and X are orders to the worker: it answers between two steps, and the answer "
        "appears in the line above the keys."
    )

    def __init__(
        self,
        folder: RunFolder,
        *,
        nvml: Nvml | None = None,
        host: Callable[[], Host | None] = read_host,
        others: Sequence[RunFolder] = (),
    ) -> None:
        """A dashboard on a run's folder, with the curves of `others` laid over its own.

        `nvml` and `host` stand in for the machine's own in tests.
        """
        super().__init__()
        self.folder = folder
        self.snapshot: Snapshot | None = None
        self._others = list(others)
        self._follower = RunFollower(folder, lambda news: self.post_message(Told(news)))
        self._machine = MachineReader(
            lambda cards, host: self.post_message(Told((cards, host))), nvml, host
        )
        self._thumbs = ThumbLoader(
            lambda wanted, rows: self.post_message(Told((wanted, rows))),
            lambda: self.frame.sharp,
        )
        self._jobs: JobsWatcher | None = None
        self._asked: dict[str, str] = {}
        self._title: Row = ()
        self._rest = ""
        self._behind = False

    # -- frame ---------------------------------------------------------------------------------

    def body(self) -> ComposeResult:
        """Everything between title and status line."""
        yield Body(self._follower, self._thumbs)

    @property
    def dashboard(self) -> Body:
        """The panes."""
        return self.query_one(Body)

    def title_pieces(self) -> list[tuple[str, str]]:
        """The header line of the run."""
        if self.snapshot is None:
            return [(f" {self.folder.path.name} ", "primary"), (" reading …", "muted")]
        width = self.size.width - (17 if self.size.width >= 110 else 0)
        spans = run_parts.header(self.snapshot, width)
        return [(text, role.partition("!")[0] or "foreground") for text, role in spans]

    def resting(self) -> str:
        """What comes next, when there is nothing else to say."""
        return "" if self.snapshot is None else run_parts.resting(self.snapshot, self.size.width)

    def plain_lines(self) -> list[str]:
        """The run in eight lines, for a terminal too small for a dashboard."""
        return run_parts.plain_lines(self.snapshot, self.dashboard.machine_line(60))

    def why_not(self, key_id: str) -> str | None:
        """Orders need a worker."""
        if not key_id.startswith("order."):
            return None
        if self.snapshot is None:
            return "the run has not been read yet"
        status = self.snapshot.status
        if status.ended:
            word = run_parts.state_word(status)[0].lower()
            return f"the run has ended ({word}): there is no worker to tell"
        return None

    # -- life ----------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Start reading."""
        partial.install()
        for thread in (self._follower, self._machine, self._thumbs):
            thread.start()
        if words := self.frame.picture_trouble():
            self.say(words, "warning")
        self.watch(self.app, "app_focus", self._pace, init=False)

    def on_unmount(self) -> None:
        """End the threads."""
        for thread in (self._follower, self._machine, self._thumbs):
            thread.stop()
        if self._jobs is not None:
            self._jobs.stop()

    def on_screen_suspend(self) -> None:
        """Another view is shown: go on reading the run, leave everything else alone."""
        self._machine.pause(True)
        if self._jobs is not None:
            self._jobs.pause(True)

    def on_screen_resume(self) -> None:
        """Shown again."""
        self._machine.pause(False)
        chosen = self._others or self.frame.compared
        self._follower.compare([run for run in chosen if run != self.folder])
        if self.snapshot is not None:
            self._paint()

    def _pace(self, focused: bool) -> None:
        self._follower.every = 1.0 if focused else BLURRED_SECONDS
        self._follower.look_now()

    # -- news ----------------------------------------------------------------------------------

    def on_told(self, message: Told) -> None:
        """Take what a thread hands over; draw only if the terminal keeps up."""
        match message.news:
            case Snapshot() as snapshot:
                self._take(snapshot)
            case CommandSent() as sent:
                self._was_sent(sent)
            case Trouble() as trouble:
                self.say(trouble.words, "error")
            case (Readings() as cards, Host() | None as host):
                self.dashboard.set_machine(cards, host)
            case [*jobs] if all(isinstance(job, Job) for job in jobs):
                self.dashboard.set_jobs([job for job in jobs if job.folder != self.folder])
            case (Wanted(), _):
                self.dashboard.paint_samples()

    def _take(self, snapshot: Snapshot) -> None:
        first = self.snapshot is None
        self.snapshot = snapshot
        self.dashboard.take(snapshot)
        self._hear_answers(snapshot)
        if not self.is_current:
            return
        if not first and self._writer_is_behind():
            return  # a slow link: the next look draws instead
        self._paint()

    def _paint(self) -> None:
        self.dashboard.paint()
        self._paint_title()
        rest = self.resting()
        if rest != self._rest:
            self._rest = rest
            self.query_one("#status").refresh()
        for small in self.query("#too-small"):
            if small.display:
                small.refresh()
        self._watch_others()
        ended = self.snapshot is not None and self.snapshot.status.ended
        if ended != self._behind:
            self._behind = ended
            self.query_one("#hints").refresh()

    def _watch_others(self) -> None:
        """The pane of other runs, where there is room for it, is read by a thread of its own."""
        wanted = self.dashboard.shows("jobs")
        if wanted and self._jobs is None:
            self._jobs = JobsWatcher(lambda jobs: self.post_message(Told(jobs)))
            self._jobs.start()
        elif self._jobs is not None:
            self._jobs.pause(not wanted)

    def _paint_title(self) -> None:
        """Repaint those cells of the title line that have changed."""
        before, self._title = self._title, row(*self.title_pieces())
        width = max(width_of(before), width_of(self._title))
        spans = changed_spans(fit(before, width), fit(self._title, width))
        if spans:
            regions = [Region(start, 0, end - start, 1) for start, end in spans]
            self.query_one("#title").refresh(*regions)

    def _writer_is_behind(self) -> bool:
        """Whether output still waits for the terminal; Textual keeps that in a private queue."""
        thread = getattr(getattr(self.app, "_driver", None), "_writer_thread", None)
        queue = getattr(thread, "_queue", None)
        return queue is not None and queue.qsize() > 0

    # -- orders --------------------------------------------------------------------------------

    def _order(self, name: str) -> None:
        if (reason := self.why_not("order.")) is not None:
            self.say(reason, "warning")
            return
        self._follower.command(name)
        self.say(f"{name}: asking the worker …")

    def _was_sent(self, sent: CommandSent) -> None:
        if sent.problem:
            self.say(f"{sent.name} could not be sent: {sent.problem}", "error")
        else:
            self._asked[sent.id] = sent.name

    def _hear_answers(self, snapshot: Snapshot) -> None:
        for answer in snapshot.answers:
            name = self._asked.pop(answer.id, None)
            if name is None:
                continue
            if answer.status == "done":
                self.say(answer.message or DONE_WORDS.get(name, f"{name}: done"), "success")
            else:
                self.say(f"{name} refused: {answer.message}", "warning")
        if snapshot.status.ended and self._asked:
            self._asked.clear()

    def action_order_pause(self) -> None:
        """Pause, or go on."""
        paused = self.snapshot is not None and self.snapshot.status.state is State.PAUSED
        self._order("resume" if paused else "pause")

    def action_order_sample(self) -> None:
        """Draw the samples after this step."""
        self._order("sample")

    def action_order_save(self) -> None:
        """Save after this step."""
        self._order("save")

    def action_order_stop(self) -> None:
        """Ask once, then save and end; a worker that hangs can be killed."""
        if (reason := self.why_not("order.")) is not None or self.snapshot is None:
            self.say(reason or "", "warning")
            return
        snapshot = self.snapshot
        answers: dict[str, tuple[str, Any]] = {"y": ("save and stop", lambda: self._order("stop"))}
        if snapshot.stalled is not None or snapshot.status.state is State.STOPPING:
            answers["K"] = ("kill it now, losing what is not saved", self._kill)
        answers["n"] = ("go on training", lambda: None)
        self.ask(Question(f"Stop {self.folder.name} at step {snapshot.status.step}?", answers))

    def _kill(self) -> None:
        import os
        import signal

        worker = ProcessId.from_json(read_status(self.folder).get("worker"))
        if worker is None or fate(worker) != "alive":
            self.say("the worker is not on this machine, or gone already", "warning")
            return
        os.kill(worker.pid, signal.SIGKILL)
        self.say("killed; the last checkpoint is whole", "warning")

    # -- chart ---------------------------------------------------------------------------------

    def action_chart_axis(self) -> None:
        """Linear, logarithmic, without outliers."""
        self.say(self.dashboard.choice.next_scale())
        self.dashboard.rescale()

    def action_chart_smoothing(self) -> None:
        """How much the line is smoothed."""
        self._choose(self.dashboard.choice.next_smoothing())

    def action_chart_zoom(self, by: int) -> None:
        """Fewer of the last steps, or more."""
        last = max((curve.last_step for curve in self.dashboard.curves), default=0)
        self._choose(self.dashboard.choice.change_zoom(by, last))

    def action_chart_series(self, by: int) -> None:
        """Another series in the large chart."""
        if self.snapshot is not None:
            names = [name for name, _, _ in run_parts.metric_values(self.snapshot)]
            self._choose(f"chart: {self.dashboard.choice.next_series(names, by)}")
            self.dashboard.rescale()

    def action_chart_cursor(self, by: int) -> None:
        """Read values off the curve."""
        self.dashboard.move_cursor(by)

    def _choose(self, words: str) -> None:
        """Another choice for the chart: say it, and ask for what it shows."""
        self.say(words)
        self.dashboard.ask()
        self.dashboard.paint_rules()

    # -- panes and log -------------------------------------------------------------------------

    def action_pane_next(self, by: int) -> None:
        """The pane that `z` maximises."""
        self.dashboard.next_pane(by)

    def action_pane_maximise(self) -> None:
        """One pane over the whole body, or back."""
        self.dashboard.toggle_maximised()

    def action_log_panel(self) -> None:
        """The worker's whole output."""
        toggle_log(self, self.folder.log)

    async def action_log_find(self) -> None:
        """Filter the log."""
        log = self.dashboard.log_view

        def apply(pattern: str) -> None:
            log.filter(pattern)
            self.dashboard.paint_rules()

        await self.mount(FilterLine(apply, log.pattern))

    def action_log_level(self) -> None:
        """Which lines the log shows."""
        self.say(f"log: {self.dashboard.log_view.next_level()}")
        self.dashboard.paint_rules()

    def action_log_move(self, by: int) -> None:
        """Scroll the log by lines."""
        self.dashboard.log_view.move(by)
        self.dashboard.paint_rules()

    def action_log_page(self, by: int) -> None:
        """Scroll the log by screens."""
        self.dashboard.log_view.page(by)
        self.dashboard.paint_rules()

    def action_log_ends(self, where: int) -> None:
        """The first line, or follow the end."""
        log = self.dashboard.log_view
        log.to_start() if where < 0 else log.to_end()
        self.dashboard.paint_rules()

    def action_log_copy(self) -> None:
        """Copy the line under the log's cursor."""
        copy_text(self, self.dashboard.log_view.current_text())
