"""The panes of the dashboard: widgets placed by `run_layout`, filled from the latest snapshot.

One parent holds all of them. None has a border; the lines between panes are rows of their own, so a
number that changes repaints its own cells only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Container

from tui.views import job_rows, run_parts
from tui.views.chart_choice import ChartChoice
from tui.views.pictures import picture_row
from tui.views.run_layout import PANES, Layout, arrange
from tui.watch.follow import ChartRequest, RunFollower, Snapshot
from tui.watch.gpu import Host, Readings, from_telemetry, host_from_telemetry
from tui.watch.history import ERROR, INFO, LogLine
from tui.watch.jobs import Job
from tui.watch.logfile import LogWindow
from tui.watch.series import Curve
from tui.widgets.canvas import ASCII, BRAILLE, DOT_SETS, DotSet
from tui.widgets.chart import CURVE_ROLES, Chart, Picture, plot_dots
from tui.widgets.gauge import gpu_rows, host_row
from tui.widgets.loglines import LogView, MemoryLog
from tui.widgets.rows import Row, Rows, row, rule
from tui.widgets.thumbs import ThumbLoader, picture_mode

if TYPE_CHECKING:
    from tui.app import FineTuiApp

ZONES = (
    "banner", "gpu.rule", "gpu", "chart.rule", "numbers", "metrics", "log.rule", "strip",
    "split", "split2", "samples.rule", "samples", "more.rule", "jobs.rule", "jobs",
)  # fmt: skip
CHARTS = ("chart", "chart2", "chart3")
NOT_READ = Readings(why="reading …")


class Body(Container):
    """All panes of one run."""

    DEFAULT_CSS = """
    Body { width: 1fr; height: 1fr; layout: vertical; overflow: hidden; }
    Body > Rows { position: absolute; width: 1; height: 1; display: none; }
    """

    def __init__(self, follower: RunFollower, thumbs: ThumbLoader) -> None:
        """Nothing to show yet."""
        super().__init__(id="body")
        self._follower, self._thumbs = follower, thumbs
        self.snapshot: Snapshot | None = None
        self.choice = ChartChoice()
        self.pane, self.maximised = "chart", False
        self.jobs: Sequence[Row] = ()
        self._machine: tuple[Readings, Host | None] = (NOT_READ, None)
        self._layout_now = Layout({})
        self._arranged: tuple[object, ...] = ()
        self._told_last_words = False
        self.memory = MemoryLog(self._deliver)

    def compose(self) -> ComposeResult:
        """Every zone there may be; those that do not fit are hidden."""
        for name in ZONES:
            yield Rows(id=_css(name))
        for name in CHARTS:
            yield Chart(id=name)
        yield LogView(id="log")

    def on_mount(self) -> None:
        """The log pane shows what is in memory."""
        self.log_view.source = self.memory

    @property
    def log_view(self) -> LogView:
        """The log pane."""
        return self.query_one("#log", LogView)

    @property
    def frame(self) -> FineTuiApp:
        """The app, typed."""
        return cast("FineTuiApp", self.app)

    @property
    def dots(self) -> DotSet:
        """The characters that charts are drawn with."""
        return DOT_SETS.get(self.frame.settings.chart_symbols, BRAILLE)

    @property
    def plain(self) -> bool:
        """Whether bars, sparklines and pictures keep to ASCII."""
        return self.dots is ASCII

    @property
    def curves(self) -> Sequence[Curve]:
        """What the large chart shows."""
        return self.snapshot.curves.get("chart", ()) if self.snapshot else ()

    # -- values --------------------------------------------------------------------------------

    def take(self, snapshot: Snapshot) -> None:
        """Remember a snapshot; its log lines are kept even when it is never drawn."""
        self.snapshot = snapshot
        lines = list(snapshot.lines)
        if snapshot.last_words and not self._told_last_words:
            when = snapshot.status.updated or 0.0
            lines.append(LogLine(when, INFO, "log.txt ends with:"))
            lines += [LogLine(when, ERROR, words, raw=True) for words in snapshot.last_words]
        self._told_last_words = bool(snapshot.last_words)
        self.memory.add(lines)

    def set_machine(self, cards: Readings, host: Host | None) -> None:
        """Remember a reading of GPUs and host; drawn with the next snapshot."""
        first = self._machine[0] is NOT_READ
        self._machine = (cards, host)
        if first:
            self.paint()

    def set_jobs(self, jobs: Sequence[Job]) -> None:
        """Remember the other runs."""
        width = self._layout_now.size("jobs")[0]
        self.jobs = [job_rows.short(job, width) for job in jobs] or [row((" none", "muted"))]

    def shows(self, zone: str) -> bool:
        """Whether there is room for a zone."""
        return self._layout_now.has(zone)

    def machine(self) -> tuple[Readings, Host | None]:
        """Live readings for a run of this machine, the recorded ones for a run of another."""
        if self.snapshot is not None and not self.snapshot.here:
            values = self.snapshot.telemetry
            return from_telemetry(values), host_from_telemetry(values)
        return self._machine

    def _deliver(self, window: LogWindow) -> None:
        if self.is_mounted:
            self.log_view.deliver(window)

    # -- placing -------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Place everything anew."""
        self.paint()

    def _arrange(self) -> None:
        """Place the zones, if size, number of GPUs or what is maximised have changed."""
        width, height = self.screen.size
        cards = len(self.machine()[0].gpus)
        failed = self.snapshot is not None and run_parts.needs_banner(self.snapshot)
        alone = self.pane if self.maximised else None
        key = (width, height, cards, failed, alone)
        if key == self._arranged:
            return
        self._arranged = key
        layout = arrange(width, height, cards, banner=failed, maximised=alone)
        self._layout_now = layout
        for widget in self.query(Rows):
            region = layout.zones.get(_zone(widget.id or ""))
            widget.display = region is not None
            if region is not None:
                widget.styles.offset = (region.x, region.y)
                widget.styles.width, widget.styles.height = region.width, region.height
        # Sizes are known after the layout; what is drawn before that would not fit.
        self.call_after_refresh(self.paint)

    def ask(self) -> None:
        """Ask the follower for the curves that the charts show."""
        charts = {}
        for name, series in zip(CHARTS, self._chart_series(), strict=False):
            width = self._layout_now.size(name)[0]
            if width:
                # A schedule is drawn as it is; what is noisy gets a line through it.
                smooth = 0.0 if series.startswith("lr") else self.choice.smoothing
                dots = plot_dots(width, self.dots)
                charts[name] = ChartRequest(series, dots, self.choice.zoom, smooth)
        self._follower.ask(**charts)

    def _chart_series(self) -> list[str]:
        values = self.snapshot.values if self.snapshot is not None else {}
        rates = [name for name in sorted(values) if name.startswith("lr")]
        further = [*rates[:1], *(name for name in ("grad_norm", "step_seconds") if name in values)]
        return [self.choice.series, *(name for name in further if name != self.choice.series)]

    # -- drawing -------------------------------------------------------------------------------

    def paint(self) -> None:
        """Draw everything that has changed."""
        if not self.is_mounted or not self.screen.size.width:
            return
        self._arrange()
        if self.snapshot is None or not self._layout_now.zones:
            return
        self.ask()
        if self._layout_now.has("banner"):
            width = self._layout_now.size("banner")[0]
            self._rows("banner").show([run_parts.banner(self.snapshot, width)])
        self._paint_machine(self.snapshot)
        self._paint_charts(self.snapshot)
        self._paint_numbers(self.snapshot)
        self.paint_rules()
        self.paint_samples()

    def _rows(self, zone: str) -> Rows:
        return self.query_one(f"#{_css(zone)}", Rows)

    def machine_line(self, width: int) -> Row:
        """GPUs, or CPU and RAM, in one line."""
        cards, host = self.machine()
        return gpu_rows(cards.gpus, cards.why, host, width, 1, plain=self.plain)[0]

    def _paint_machine(self, snapshot: Snapshot) -> None:
        width, height = self._layout_now.size("gpu")
        if not height:
            return
        cards, host = self.machine()
        spare = 1 if height > 1 and cards.gpus and self._layout_now.has("gpu.rule") else 0
        lines = gpu_rows(cards.gpus, cards.why, host, width, height - spare, plain=self.plain)
        if spare:
            lines.append(host_row(host, width, snapshot.disk_free))
        self._rows("gpu").show(lines)

    def _paint_charts(self, snapshot: Snapshot) -> None:
        for name in CHARTS:
            if not self._layout_now.has(name):
                continue
            main = name == "chart"
            picture = Picture(
                curves=snapshot.curves.get(name, ()),
                marks=snapshot.marks if main else (),
                cursor=self.choice.cursor if main else None,
                dots=self.dots,
                empty=run_parts.waiting_words(snapshot),
            )
            self.query_one(f"#{name}", Chart).paint(picture)

    def _paint_numbers(self, snapshot: Snapshot) -> None:
        layout = self._layout_now
        if layout.has("numbers"):
            self._rows("numbers").show([run_parts.numbers(snapshot, layout.size("numbers")[0])])
        if layout.has("metrics"):
            size = layout.size("metrics")
            self._rows("metrics").show(run_parts.metrics_table(snapshot, *size, plain=self.plain))
        if layout.has("strip"):
            width = layout.size("strip")[0]
            self._rows("strip").show([run_parts.sample_strip(snapshot.shots, width)])
        if layout.has("jobs"):
            self._rows("jobs").show(self.jobs)
        for name in ("split", "split2"):
            if layout.has(name):
                self._rows(name).show([row(("│", "border"))] * layout.size(name)[1])

    def paint_rules(self) -> None:
        """The lines between the panes, with their titles."""
        layout, split = self._layout_now, self._layout_now.split
        joints = {"chart.rule": "┬", "log.rule": "┼" if layout.has("split2") else "┴"}
        for name, (title, pane) in self._titles().items():
            if not layout.has(name):
                continue
            width = layout.size(name)[0]
            joint = (split, joints[name]) if split is not None and name in joints else None
            line = rule(title, width, joint=joint, role=self._title_role(pane))
            if name == "log.rule" and split is not None and layout.has("split2"):
                samples = self._titles()["samples.rule"][0]
                line = (
                    *rule(title, split, role=self._title_role(pane)), ("┼", "border"),
                    *rule(samples, width - split - 1, role=self._title_role("samples")),
                )  # fmt: skip
            elif name == "more.rule":
                left = layout.size("chart2")[0]
                names = [*self._chart_series()[1:3], "", ""]
                line = (*rule(names[0], left), *rule(names[1], width - left))
            elif name == "chart.rule":
                line = self._with_legend(line, title, width, joint)
            self._rows(name).show([line])

    def _titles(self) -> dict[str, tuple[str, str]]:
        """Rule -> its title and the pane that it heads."""
        snapshot = self.snapshot
        warnings, shots = (snapshot.warnings, len(snapshot.shots)) if snapshot else (0, 0)
        noted = f"  {warnings} warning{'' if warnings == 1 else 's'}" if warnings else ""
        chart = self.choice.title(self.curves, snapshot.broken if snapshot else 0)
        return {
            "gpu.rule": ("GPU" if self.machine()[0].gpus else "machine", "gpu"),
            "chart.rule": (chart, "chart"),
            "log.rule": (f"log  {self.log_view.title}{noted}", "log"),
            "samples.rule": (f"last samples  {shots} in all" if shots else "samples", "samples"),
            "more.rule": ("", ""),
            "jobs.rule": ("other runs", ""),
        }

    def _title_role(self, pane: str) -> str:
        return "primary!bold" if pane == self.pane else "foreground"

    def _with_legend(self, line: Row, title: str, width: int, joint: tuple[int, str] | None) -> Row:
        """The chart's rule with the names of overlaid runs in their colours."""
        others = self.curves[1:]
        if not others:
            return line
        names = [
            (f"{curve.label}  ", CURVE_ROLES[at % len(CURVE_ROLES)])
            for at, curve in enumerate(others, 1)
        ]
        used = 4 + len(title) + sum(len(text) for text, _ in names)
        rest = rule("", max(0, width - used), joint=(joint[0] - used, joint[1]) if joint else None)
        return row(("─ ", "border"), (f"{title}  ", self._title_role("chart")), *names, *rest)

    def paint_samples(self) -> None:
        """The newest pictures, as many as fit side by side."""
        width, height = self._layout_now.size("samples")
        if not width or self.snapshot is None or not self.is_mounted:
            return
        mode = picture_mode(self.frame)
        facts = self.snapshot.facts
        notes = [
            "" if facts.cfg is None else f"cfg {facts.cfg:g}",
            "" if facts.sample_steps is None else f"{facts.sample_steps} steps",
        ]
        note = "  ".join(filter(None, notes))
        shots = self.snapshot.shots
        self._rows("samples").show(picture_row(shots, note, self._thumbs.get, width, height, mode))

    # -- changes by key ------------------------------------------------------------------------

    def rescale(self) -> None:
        """The large chart with the chosen value axis, its limits chosen anew."""
        self.query_one("#chart", Chart).set_scale(self.choice.scale)
        self.paint_rules()

    def move_cursor(self, by: int) -> None:
        """Move the reading cursor of the large chart."""
        self.choice.move_cursor(by, self.curves)
        self.query_one("#chart", Chart).set_cursor(self.choice.cursor)
        self.paint_rules()

    def next_pane(self, by: int) -> None:
        """Choose the pane that `z` maximises."""
        shown = [name for name in PANES if self.maximised or self._layout_now.has(name)]
        if shown:
            here = shown.index(self.pane) if self.pane in shown else -1
            self.pane = shown[(here + by) % len(shown)]
            self.paint()

    def toggle_maximised(self) -> None:
        """Give the body to the chosen pane, or share it again."""
        self.maximised = not self.maximised
        self.paint()


def _css(zone: str) -> str:
    """A zone's name as a CSS id, which must not hold a dot."""
    return zone.replace(".", "-")


def _zone(css: str) -> str:
    return css.replace("-", ".")
