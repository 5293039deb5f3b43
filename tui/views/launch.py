"""The launch view: everything found first, then what can be started, and the command for it.

Enter does what the row under the cursor says: start, or go to the field of a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widget import AwaitMount

from schema.catalogue import find
from schema.document import Document
from schema.findings import ConfigError, Finding
from schema.repair import Repair
from schema.run.layout import RunFolder
from tui.draft import Draft
from tui.estimating import Estimating, open_panel
from tui.form import mending
from tui.form.optionlist import OptionList
from tui.form.row import Row
from tui.keys import LAUNCH_KEYS, Key, bindings
from tui.launch import Plan, start
from tui.palette import Command
from tui.preflight import Choice, Preflight, look, planned
from tui.threads import hand_over
from tui.views.estimate_rows import estimate_rows
from tui.views.frame import View
from tui.widgets.crumb import Crumb

MARKS = {"error": ("!", "error"), "warning": ("?", "warning"), "hint": (" ", "muted")}
Starter = Callable[[Plan], RunFolder]


class LaunchView(View):
    """Checks, then starts."""

    NAME = "launch"
    KEYS: ClassVar[tuple[Key, ...]] = LAUNCH_KEYS
    BINDINGS = bindings(LAUNCH_KEYS, by_table=True)
    HELP = """
    Everything that is known about the config before it runs: the schema, the model, the pictures,
    the output folder. Errors must be repaired: enter on one goes to its field.

    Training runs on its own: quitting the app, closing the terminal or losing the connection does
    not stop it. A run of the same name is continued, never overwritten.
    """

    def __init__(self, draft: Draft, base: Path | None = None, starter: Starter = start) -> None:
        super().__init__()
        self.draft = draft
        self.base = base or Path.cwd()
        self.starter = starter
        self.name_wanted: str | None = None
        self.found: Preflight | None = None
        self.busy = ""
        self._choices: dict[str, Choice] = {}
        self.estimating = Estimating(self, draft, self.base, lambda *_: self.show())

    def body(self) -> ComposeResult:
        """Crumb and list."""
        yield Crumb()
        yield OptionList()

    @property
    def option_list(self) -> OptionList:
        """The rows."""
        return self.query_one(OptionList)

    def on_mount(self) -> None:
        """The list has the focus."""
        self.option_list.focus()

    def on_screen_resume(self) -> None:
        """Looks again whenever the view comes up: the config may have changed."""
        self.check()

    # -- looking -------------------------------------------------------------------------------

    def check(self) -> None:
        """One look, in a thread; what was found before stays on screen meanwhile."""
        self.busy = "looking"
        if self.found is None:
            self.show()
        self.estimating.touched()
        text, file = self.draft.document.text(), self.draft.path
        name, base = self.name_wanted, self.base

        def work() -> None:
            document = Document.parse(text, file=str(file or ""))
            hand_over(self.app, self._looked, look(document, file, base, name))

        self.run_worker(work, thread=True, exclusive=True, group="check")

    def _looked(self, found: Preflight) -> None:
        if self.is_mounted:
            self.found, self.busy = found, ""
            self.show()

    def show(self) -> None:
        """Draws what was found."""
        self.option_list.show(self._rows())
        name = self.name_wanted or str(self.draft.value("config.name") or self.draft.name)
        self.query_one(Crumb).show(f"Launch {name}", self.busy)
        self.redraw_frame()

    def _rows(self) -> list[Row]:
        if self.found is None:
            return [Row("text", "looking at config, model, pictures and output folder")]
        self._choices = {}
        rows: list[Row] = [Row("heading", "Start")]
        for number, choice in enumerate(self.found.choices):
            path = f"#{number}"
            self._choices[path] = choice
            rows.append(_choice_row(path, choice))
        if self.draft.unsaved or not self.draft.on_disk:
            rows.append(Row("text", "The run takes your unsaved edits with it."))
        rows += [Row("text", ""), Row("heading", f"Found{_counts(self.found.findings)}")]
        worst_first = sorted(
            self.found.findings, key=lambda finding: list(MARKS).index(finding.severity)
        )
        rows += [_finding_row(finding) for finding in worst_first]
        if not self.found.findings:
            rows.append(Row("text", "nothing: config, model, pictures and output folder are fine"))
        if self.found.facts:
            rows += [Row("text", ""), Row("heading", "What it does")]
        rows += [Row("text", f"{name:<9} {words}") for name, words in self.found.facts]
        rows += estimate_rows(self.estimating)
        return [*rows, Row("text", ""), Row("heading", "Command"), Row("text", self.found.command)]

    # -- acting --------------------------------------------------------------------------------

    async def action_do(self, name: str) -> None:
        """The act of a key, or the reason why not."""
        if (reason := self.why_not(name)) is not None:
            self.say(reason, "warning")
            return
        acts: dict[str, Callable[[], object]] = {
            "start": self.enter, "other-name": self.other_name, "jump": self.jump,
            "check-again": self.check, "copy-command": self.copy_command,
            "problem.next": lambda: self.option_list.action_move(1),
            "problem.previous": lambda: self.option_list.action_move(-1),
            "start-now": self.start_first,
            "mend": self.mend, "mend-safe": self.mend_safe, "undo": self.undo,
            "estimate": lambda: open_panel(self, self.estimating.estimate),
        }  # fmt: skip
        if isinstance(opening := acts[name](), AwaitMount):
            await opening

    def why_not(self, key_id: str) -> str | None:
        """Reasons."""
        row = self.option_list.row
        if key_id in ("start", "start-now", "other-name", "copy-command"):
            if self.found is None:
                return "still looking"
            if self.busy == "starting":
                return "it is being started"
        if key_id == "jump" and (row is None or row.kind != "problem" or not row.path):
            return "choose a finding that belongs to a field"
        if key_id == "estimate" and self.estimating.estimate is None:
            return "nothing is estimated yet"
        if key_id == "mend" and (row is None or self._repair(row) is None):
            return mending.NOTHING
        if key_id == "undo" and not self.draft.document.history():
            return "nothing to undo"
        if key_id == "start-now":
            assert self.found is not None
            return self.found.choices[0].off
        return None

    def enter(self) -> None:
        """What the row says."""
        row = self.option_list.row
        choice = self._choices.get(row.path) if row is not None else None
        if choice is not None:
            self.choose(choice)
        elif row is not None and row.path:
            self.jump()

    def start_first(self) -> None:
        """The first choice, wherever the cursor is."""
        assert self.found is not None
        self.choose(self.found.choices[0])

    def choose(self, choice: Choice) -> None:
        """Starts, continues or watches."""
        if choice.off:
            self.say(choice.off, "warning")
        elif choice.kind == "watch" and choice.folder is not None:
            self.app.call_later(self.frame.open_run, choice.folder)
        else:
            self._start(choice)

    def _start(self, choice: Choice) -> None:
        self.busy = "starting"
        self.show()
        self.say("starting the training")
        text, file, base = self.draft.document.text(), self.draft.path, self.base

        def work() -> None:
            document = Document.parse(text, file=str(file or ""))
            try:
                folder = self.starter(planned(document, base, choice))
            except ConfigError as refused:
                hand_over(self.app, self._refused, refused.findings)
                return
            hand_over(self.app, self._started, folder)

        self.run_worker(work, thread=True, group="start")

    def _refused(self, findings: Sequence[Finding]) -> None:
        self.busy = ""
        self.check()
        self.say(findings[0].message if findings else "it was not started", "error")

    async def _started(self, folder: RunFolder) -> None:
        self.busy, self.name_wanted = "", None
        await self.frame.open_run(folder)

    def jump(self) -> None:
        """To the field of the finding."""
        row = self.option_list.row
        assert row is not None
        self.app.call_later(self.frame.go_to_field, row.path)

    # -- mending -------------------------------------------------------------------------------

    def _repair(self, row: Row) -> Repair | None:
        """What the finding of a row suggests, as a step."""
        finding = row.finding
        return None if finding is None else mending.repair_here(self.draft, row.path, finding)

    def mend(self) -> None:
        """Applies what the finding under the cursor suggests."""
        row = self.option_list.row
        repair = self._repair(row) if row is not None else None
        assert repair is not None
        try:
            words = mending.mend(self.draft, repair)
        except (ConfigError, KeyError, ValueError) as fault:
            self.say(str(fault), "error")
            return
        self._changed(f"{words}; u takes it back")

    def mend_safe(self) -> None:
        """Applies all suggestions that need no choice."""
        count = mending.mend_safe(self.draft)
        if not count:
            self.say(mending.NOTHING_SAFE, "warning")
            return
        self._changed(mending.mended_words(self.draft, count))

    def undo(self) -> None:
        """The last edit of the config is taken back."""
        self._changed(f"undone: {self.draft.undo()}")

    def _changed(self, words: str) -> None:
        """Keeps the edit safe and looks again."""
        self.draft.autosave()
        self.check()
        self.say(words, "success")

    def other_name(self) -> AwaitMount:
        """Asks for a name in the command line."""
        return self.frame.open_palette(
            f"name {self.name_wanted or self.draft.value('config.name')}"
        )

    def take_name(self, text: str) -> None:
        """`:name NEW`: this start uses another name; the config keeps its own."""
        self.name_wanted = text or None
        self.check()

    def copy_command(self) -> None:
        """The command into the clipboard."""
        assert self.found is not None
        self.frame.copy_text(self.found.command)

    @on(OptionList.Moved)
    def _moved(self) -> None:
        self.redraw_frame()

    @on(OptionList.Asked)
    def _clicked(self) -> None:
        self.enter()

    # -- frame ---------------------------------------------------------------------------------

    def title_pieces(self) -> list[tuple[str, str]]:
        """File and errors."""
        errors = [f for f in self.found.findings if f.severity == "error"] if self.found else []
        words = f"{len(errors)} error{'s' if len(errors) != 1 else ''}" if errors else ""
        return [
            (" FineTUI ", "primary"), (f" {self.draft.name}", "foreground"),
            (" *" if self.draft.unsaved else "", "accent"), (f"  {words}", "error"),
        ]  # fmt: skip

    def hints(self) -> list[Key]:
        """Without what there is nothing to do for."""
        return [row for row in super().hints() if row.id != "mend" or not self.why_not("mend")]

    def resting(self) -> str:
        """The whole message of the finding under the cursor."""
        row = self.option_list.row
        if row is None or row.kind != "problem":
            return "training goes on when the app is closed"
        return f"{row.value}  ({row.note})" if row.note else row.value

    def commands(self) -> list[Command]:
        """Another name."""
        return [Command("name", "start under another name", self.take_name, "NAME")]


def _choice_row(path: str, choice: Choice) -> Row:
    off = choice.off is not None
    return Row(
        "switch", choice.label, path, None, choice.off or choice.words, "",
        "~" if off else "▶", "error" if off else "success",
    )  # fmt: skip


def _finding_row(finding: Finding) -> Row:
    info = find(finding.path) if finding.path else None
    mark, tone = MARKS[finding.severity]
    note = f"a: use {finding.suggestion}" if finding.suggestion else ""
    label = info.label if info else finding.path or "config"
    return Row("problem", label, finding.path, info, finding.message, note, mark, tone,
               finding=finding)  # fmt: skip


def _counts(findings: Sequence[Finding]) -> str:
    """`: 2 errors, 1 warning`."""
    out = []
    for severity, word in (("error", "error"), ("warning", "warning"), ("hint", "hint")):
        if count := sum(finding.severity == severity for finding in findings):
            out.append(f"{count} {word}{'s' if count > 1 else ''}")
    return f": {', '.join(out)}" if out else ""
