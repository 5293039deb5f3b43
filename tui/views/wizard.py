"""The guided set-up: a few questions, then every value with its reason, then the editor.

Each question has a usual answer under the cursor, so that Enter leads through. The machine and the
pictures are looked at in threads; advice is drawn anew at every answer and takes some milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Input

from schema.advice import Advice, Answers, Hardware, Pictures
from tui import guided
from tui.draft import Draft
from tui.form.editors import Editor, LineEditor
from tui.form.optionlist import OptionList
from tui.form.pathedit import PathEditor
from tui.form.record import Line
from tui.guided import Question
from tui.keys import WIZARD_KEYS, Key, bindings
from tui.machine import machine_words, read_machine
from tui.threads import hand_over
from tui.views.frame import View
from tui.views.wizard_panel import WizardPanel
from tui.views.wizard_pictures import PictureFolder
from tui.views.wizard_rows import advice_rows, choice_lines, choice_rows, value_lines
from tui.views.wizard_values import Values
from tui.widgets.crumb import Crumb

TIERS = {"lots": "basic", "some": "advanced", "none": "expert"}
"""Which options the form shows for the help that was asked for."""
_OWN = ("create", "reset", "toggle")
"""Keys of the page of values."""


class WizardView(View):
    """A config by a few questions."""

    NAME = "guided"
    KEYS: ClassVar[tuple[Key, ...]] = WIZARD_KEYS
    BINDINGS = bindings(WIZARD_KEYS, by_table=True)
    HELP = """
    A few questions, each with a usual answer under the cursor: enter takes it and goes on,
    backspace goes back, v goes straight to the values.

    On the last page every value stands with the reason for it. Enter changes one; what depends on
    it is advised anew. Ctrl+s writes the file and opens it in the editor.
    """
    DEFAULT_CSS = """
    WizardView #wizard { layout: vertical; height: 1fr; }
    WizardView.-w160 #wizard { layout: horizontal; }
    WizardView.-w160 #panel {
        width: 70; height: 1fr; border-top: none; border-left: solid $border;
    }
    WizardView.-asking #rows { display: none; }
    WizardView.-asking #panel { width: 1fr; height: 1fr; border: none; padding-top: 1; }
    """

    def __init__(self, base: Path | None = None) -> None:
        super().__init__()
        self.base = base or Path.cwd()
        self.answers = Answers()
        self.machine: Hardware | None = None
        self.step = 0
        self.values = Values(self)
        self.folder = PictureFolder(self)

    # -- where one is --------------------------------------------------------------------------

    @property
    def pictures(self) -> Pictures | None:
        """What was seen in the folder of pictures."""
        return self.folder.seen

    @property
    def questions(self) -> list[Question]:
        """The questions that matter, by the answers so far."""
        return list(guided.questions(self.answers))

    @property
    def question(self) -> Question | None:
        """The question on screen; None on the page of values."""
        asked = self.questions
        return asked[self.step] if self.step < len(asked) else None

    @property
    def asking(self) -> bool:
        """Whether a text is asked for."""
        return self.question is not None and not self.question.choices

    @property
    def advice(self) -> Advice:
        """The advice for the answers so far."""
        return guided.advice_of(self.answers, self.machine, self.pictures)

    @property
    def file(self) -> Path:
        """Where the config will be written."""
        name = self.advice.case.sheet.value("config.name")
        return guided.free_file(self.base, str(name))

    # -- parts ---------------------------------------------------------------------------------

    def body(self) -> ComposeResult:
        """Crumb, list, words."""
        yield Crumb()
        with Container(id="wizard"):
            yield OptionList()
            yield WizardPanel()

    @property
    def option_list(self) -> OptionList:
        """Choices or values."""
        return self.query_one(OptionList)

    @property
    def panel(self) -> WizardPanel:
        """Words and editor."""
        return self.query_one(WizardPanel)

    def on_mount(self) -> None:
        """The first question; the machine is read meanwhile."""
        self.set_focus(self.option_list)
        self.show("")
        self.run_worker(self._read_machine, thread=True, group="machine")

    def _read_machine(self) -> None:
        found = read_machine(self.base)
        hand_over(self.app, self._machine_read, found)

    @property
    def is_shown(self) -> bool:
        """Whether the parts of the view are there: not before it is composed, not when it goes."""
        return self.is_mounted and bool(self.query(WizardPanel))

    def _machine_read(self, found: Hardware) -> None:
        if self.is_shown:
            self.machine = found
            self.show()

    # -- what is shown -------------------------------------------------------------------------

    def show(self, path: str | None = None) -> None:
        """Draws the page; the cursor goes to `path` ("" for the usual answer), or stays."""
        question = self.question
        self.set_class(self.asking, "-asking")
        if question is None:
            self.option_list.show(advice_rows(self.advice, self.file.name, self._widest), path)
        else:
            current = str(getattr(self.answers, question.name) or "")
            self.option_list.show(choice_rows(question, current), current if path == "" else path)
        self.show_words()

    @property
    def _widest(self) -> int:
        """Cells for a value; more where the panel leaves room."""
        width = self.app.size.width
        return 22 if width < 110 else 40

    def on_resize(self) -> None:
        """The room for values is another one."""
        self.show()

    def show_words(self) -> None:
        """Draws everything but the list."""
        question, asked = self.question, self.questions
        place = f"{min(self.step, len(asked)) + 1} of {len(asked) + 1}"
        title = question.text if question is not None else "Values, each with its reason"
        self.query_one(Crumb).show(title, place)
        if question is None:
            self.panel.show(value_lines(self.advice, self.option_list.row), self.values.messages())
        elif self.asking:
            self.panel.show([(question.words, "foreground")], self._seen())
        else:
            self.panel.show(choice_lines(question, self.option_list.row))
        self.redraw_frame()

    def _seen(self) -> list[Line]:
        """What is known while a text is asked for."""
        lines: list[Line] = [("", "muted")]
        if self.question is not None and self.question.name == "folder":
            if self.pictures is None:
                return [
                    *lines,
                    ("Without a folder the usual number of pictures is assumed.", "muted"),
                ]
            tone = "warning" if self.pictures.problem else "success"
            lines.append((guided.pictures_words(self.pictures), tone))
            lines += [(f"  {text}", "muted") for text in self.pictures.captions[:3]]
        return lines

    async def go(self, step: int) -> None:
        """Another page."""
        await self.panel.stop()
        self.step = max(0, min(step, len(self.questions)))
        self.option_list.cursor = 0
        self.show("")
        question = self.question
        if question is not None and self.asking:
            await self.panel.edit(self._editor(question))
        else:
            self.set_focus(self.option_list)
        self.redraw_frame()

    def _editor(self, question: Question) -> Editor:
        if question.name == "folder":
            rows = max(4, self.app.size.height - 14)
            return PathEditor(self.answers.folder, self.base, folders_only=True, rows=rows)
        chosen = self.answers.trigger
        suggested = guided.suggested_trigger(self.answers, self.pictures)
        return LineEditor(suggested if chosen is None else chosen)

    # -- answering -----------------------------------------------------------------------------

    async def action_do(self, name: str) -> None:
        """The act of a key, or the reason why not."""
        if (reason := self.why_not(name)) is not None:
            self.say(reason, "warning")
            return
        acts: dict[str, Callable[[], object]] = {
            "choose": self.choose, "previous": lambda: self.go(self.step - 1),
            "values": lambda: self.go(len(self.questions)), "create": self.create,
            "reset": self.values.reset, "toggle": self.values.toggle,
        }  # fmt: skip
        result = acts[name.removeprefix("guided.")]()
        if hasattr(result, "__await__"):
            await result

    def why_not(self, key_id: str) -> str | None:
        """Reasons."""
        name = key_id.removeprefix("guided.")
        if name == "previous" and self.step == 0:
            return "this is the first question; q leaves"
        if name == "values" and self.question is None:
            return "here they are"
        if name in _OWN and self.question is not None:
            return "that is for the page of values; v goes there"
        return self.values.why_not(name) if name in ("reset", "toggle") else None

    async def choose(self) -> None:
        """Takes the choice under the cursor, or opens the value."""
        question, row = self.question, self.option_list.row
        if question is None:
            await self.values.open()
        elif self.panel.editor is not None:
            self.panel.editor.query_one(Input).focus()
        elif row is not None:
            chosen = next(one for one in question.choices if one.name == row.path)
            if chosen.off is not None:
                self.say(chosen.off, "warning")
                return
            await self.answer(chosen.name)

    async def answer(self, text: str) -> None:
        """Takes an answer and goes on."""
        assert self.question is not None
        self.answers = guided.with_answer(self.answers, self.question.name, text)
        await self.go(self.step + 1)

    @on(OptionList.Moved)
    async def _moved(self) -> None:
        if self.question is None:
            await self.values.leave()
        self.show_words()

    @on(OptionList.Asked)
    async def _clicked(self) -> None:
        await self.choose()

    @on(Editor.Typed)
    def _typed(self, event: Editor.Typed) -> None:
        if self.question is None:
            self.values.typed(event.text)
        elif self.question.name == "folder":
            self.folder.typed(event.text)

    @on(Editor.Keep)
    async def _keep(self, event: Editor.Keep) -> None:
        if self.question is None:
            await self.values.keep(event.text)
        elif event.go == "prev":
            await self.go(self.step - 1)
        else:
            is_folder = self.question.name == "folder"
            await self.answer(self.folder.kept(event.text) if is_folder else event.text.strip())

    @on(Editor.Cancel)
    async def _cancel(self) -> None:
        if self.question is None:
            await self.values.close()
            self.show()
        else:
            await self.go(self.step - 1)

    # -- the end -------------------------------------------------------------------------------

    async def create(self) -> None:
        """Writes the config and opens it in the editor."""
        file = self.file
        draft = Draft.new(self.advice.text, file)
        try:
            draft.save(file)
        except OSError as error:
            self.say(f"not saved: {error.strerror} ({file})", "error")
            return
        self.frame.remember(file)
        self.frame.settings.tier = TIERS[self.answers.help]
        self.frame.settings.save()
        self.app.call_later(self.frame.show_draft, draft)
        self.app.call_later(
            self.frame.say, f"wrote {file.name}; 2 checks and launches it", "success"
        )
        self.app.call_later(self.frame._renew, "wizard")

    # -- frame ---------------------------------------------------------------------------------

    def go_back(self) -> bool:
        """To the question before; from the first one to the home view."""
        if self.step:
            self.app.call_later(self.go, self.step - 1)
        else:
            self.frame.action_view("home")
        return True

    def title_pieces(self) -> list[tuple[str, str]]:
        """What is being made."""
        label = self.advice.case.goal.label if self.step else ""
        row = f", {self.advice.case.row.label}" if self.step > 1 else ""
        return [
            (" FineTUI ", "primary"),
            (" guided set-up", "foreground"),
            (f"  {label}{row}", "muted"),
        ]

    def resting(self) -> str:
        """What is known of the machine and the pictures."""
        parts = [machine_words(self.machine) if self.machine else "looking at this machine"]
        if self.pictures is not None and self.pictures.count and not self.asking:
            parts.append(guided.pictures_words(self.pictures))
        return "; ".join(parts)

    def hints(self) -> list[Key]:
        """The keys of the editor while one is open."""
        editor = self.panel.editor if self.is_mounted else None
        if editor is None:
            on_values = self.question is None
            hidden = () if on_values else tuple(f"guided.{name}" for name in _OWN)
            return [row for row in super().hints() if row.id not in hidden]
        named = [
            Key(f"editor.{key}", key, words, "guided", hint=words, rank=rank)
            for rank, (key, words) in enumerate(editor.HINTS, 1)
        ]
        asked = {"enter": "go on", "ctrl+g": "back"} if self.asking else {}
        return [replace(row, hint=asked.get(row.key, row.hint)) for row in named]
