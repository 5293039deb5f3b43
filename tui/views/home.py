"""The home view: configs opened last, runs of this machine, presets, the demo; enter opens."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widget import AwaitMount

from schema.presets import PRESETS
from schema.run.registry import find_run, forget, known_runs
from schema.run.state import derive
from schema.run.status import RunStatus
from tui import settings
from tui.form.optionlist import OptionList
from tui.form.row import Row
from tui.keys import HOME_KEYS, Key, bindings
from tui.threads import hand_over
from tui.views.frame import View
from tui.widgets.crumb import Crumb

RUNS_SHOWN = 8
STATE_TONES = {
    "finished": "state-done", "failed": "state-failed", "lost": "state-failed",
    "paused": "state-paused", "interrupted": "state-paused", "stopping": "state-paused",
    "training": "state-running", "sampling": "state-running", "saving": "state-running",
}  # fmt: skip


class HomeView(View):
    """Where one begins."""

    NAME = "home"
    KEYS: ClassVar[tuple[Key, ...]] = HOME_KEYS
    BINDINGS = bindings(HOME_KEYS, by_table=True)
    HELP = """
    Enter opens the line under the cursor: a config in the editor, a run on the dashboard, a preset
    as a new config. D lays out a small complete project to try everything on.

    Training is started from the launch view (2) of a config.
    """

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[RunStatus] | None = None

    def body(self) -> ComposeResult:
        """Crumb and list."""
        yield Crumb()
        yield OptionList()

    @property
    def option_list(self) -> OptionList:
        """The lines."""
        return self.query_one(OptionList)

    def on_mount(self) -> None:
        """The list has the focus."""
        self.option_list.focus()

    def on_screen_resume(self) -> None:
        """Files and runs may have changed since."""
        self.show()
        self.run_worker(self._look, thread=True, exclusive=True, group="runs")

    def _look(self) -> None:
        found = [derive(folder) for folder in reversed(known_runs())]
        hand_over(self.app, self._looked, found[:RUNS_SHOWN])

    def _looked(self, runs: list[RunStatus]) -> None:
        if self.is_mounted:
            self.runs = runs
            self.show()

    def show(self) -> None:
        """Draws the lines."""
        self.option_list.show(
            [*_recent_rows(), *_run_rows(self.runs), *_preset_rows(), *_demo_rows()]
        )
        self.query_one(Crumb).show("Fine-tune diffusion models", "")
        self.redraw_frame()

    async def action_do(self, name: str) -> None:
        """The act of a key, or the reason why not."""
        if (reason := self.why_not(name)) is not None:
            self.say(reason, "warning")
            return
        acts: dict[str, Callable[[], object]] = {
            "open": self.open, "new": lambda: self.frame.open_palette("new "),
            "open-file": lambda: self.frame.open_palette("open "), "demo": self.demo,
            "forget": self.forget,
            "line.next": lambda: self.option_list.action_move(1),
            "line.previous": lambda: self.option_list.action_move(-1),
        }  # fmt: skip
        if isinstance(opening := acts[name](), AwaitMount):
            await opening

    def why_not(self, key_id: str) -> str | None:
        """Reasons."""
        row = self.option_list.row
        if key_id == "open" and row is None:
            return "nothing to open"
        kind = row.path.partition(":")[0] if row else ""
        if key_id == "forget" and kind not in ("config", "run"):
            return "only recent configs and runs can be taken off the list"
        return None

    def open(self) -> None:
        """What the line is."""
        assert self.option_list.row is not None
        kind, _, name = self.option_list.row.path.partition(":")
        if kind == "config":
            self.app.call_later(self.frame.open_config, Path(name))
        elif kind == "run":
            self.app.call_later(self.frame.open_run, find_run(name))
        elif kind == "preset":
            self.frame.new_text(name)
        elif kind == "guided":
            self.frame.action_view("wizard")
        else:
            self.demo()

    def forget(self) -> None:
        """Off the list; the file or folder stays where it is."""
        assert self.option_list.row is not None
        kind, _, name = self.option_list.row.path.partition(":")
        if kind == "config":
            settings.forget(Path(name))
        else:
            forget(find_run(name))
            self.runs = [run for run in self.runs or () if run.folder != name]
        self.show()
        self.say("off the list; nothing was deleted")

    def demo(self) -> None:
        """Lays out the demo project in a thread, then opens its config."""
        from tui.demo_project import DemoError, lay_out

        self.say("laying out the demo in ./finetui-demo")

        def work() -> None:
            try:
                config = lay_out(Path("finetui-demo"))
            except DemoError as error:
                hand_over(self.app, self.say, str(error), "error")
                return
            hand_over(self.app, self.frame.open_config, config)

        self.run_worker(work, thread=True, group="demo")

    @on(OptionList.Asked)
    def _clicked(self) -> None:
        self.open()

    @on(OptionList.Moved)
    def _moved(self) -> None:
        self.redraw_frame()

    def resting(self) -> str:
        """Where the line's file is."""
        row = self.option_list.row
        kind, _, name = row.path.partition(":") if row else ("", "", "")
        return name if kind in ("config", "run") else "training goes on when the app is closed"


def _recent_rows() -> list[Row]:
    rows = [Row("text", ""), Row("heading", "Configs")]
    for path in settings.recent():
        when = time.strftime("%d %b %H:%M", time.localtime(path.stat().st_mtime))
        rows.append(
            Row("option", path.name, f"config:{path}", None, str(path.parent), when, tone="muted")
        )
    if len(rows) == 2:
        rows.append(
            Row("text", "none yet: W asks some questions, n takes a preset, o opens a YAML file")
        )
    return rows


def _run_rows(runs: list[RunStatus] | None) -> list[Row]:
    rows = [Row("text", ""), Row("heading", "Runs")]
    for run in runs or ():
        done = f"{run.state} {run.step:,}" + (f" of {run.steps:,}" if run.steps else "")
        loss = f"loss {run.loss:.4f}" if run.loss is not None else run.error or ""
        tone = STATE_TONES.get(run.state, "state-waiting")
        rows.append(Row("option", run.name, f"run:{run.folder}", None, done, loss, tone=tone))
    if runs is None:
        rows.append(Row("text", "looking"))
    elif not runs:
        rows.append(Row("text", "none yet: open a config and press L"))
    return rows


def _preset_rows() -> list[Row]:
    words = "a few questions; then every value with its reason, for this machine and your pictures"
    rows = [Row("text", ""), Row("heading", "New")]
    rows.append(Row("option", "Guided (W)", "guided:", None, words, tone="muted"))
    rows += [
        Row("option", one.label, f"preset:{one.name}", None, one.help, tone="muted")
        for one in PRESETS
    ]
    return rows


def _demo_rows() -> list[Row]:
    words = "a small model, pictures and a config, in ./finetui-demo"
    return [
        Row("text", ""),
        Row("heading", "Try it"),
        Row("option", "Demo", "demo:", None, words, tone="muted"),
    ]
