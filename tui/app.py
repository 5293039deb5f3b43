"""The full-screen app: its modes, what they share, and the actions that work everywhere.

Screens live in `tui/views`; this file only switches between them and holds what several of them
need: the open config, the run looked at, settings and theme.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import constants
from textual.filter import NoColor
from textual.screen import Screen

from schema.home import state_dir
from tui import screenwork, theme
from tui import settings as user_settings
from tui.fuzzy import score
from tui.keys import APP_KEYS, Key, all_keys, bindings, clashes
from tui.nearest import NearestColors
from tui.palette import Completion, find
from tui.terminal import Depth, color_depth, copy
from tui.themewatch import ThemeWatch, give
from tui.threads import hand_over
from tui.typeahead import TypeAheadApp
from tui.views.frame import View
from tui.widgets.pixels import PixelApp
from tui.widgets.statusline import Question, Severity

if TYPE_CHECKING:
    from textual.widget import AwaitMount

    from schema.run.layout import RunFolder
    from tui.draft import Draft

MODES = ("opening", "home", "config", "launch", "run", "samples", "jobs", "wizard")


class FineTuiApp(TypeAheadApp, PixelApp):
    """FineTUI on the whole terminal."""

    TITLE = "FineTUI"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = bindings(APP_KEYS)

    def __init__(
        self,
        config: Path | None = None,
        *,
        run: RunFolder | None = None,
        depth: Depth | None = None,
    ) -> None:
        self.depth: Depth = depth or color_depth()
        self.settings = user_settings.load()
        self.look = self._first_look()
        # Textual hands this to Rich, which would else guess from COLORTERM alone.
        systems = {"true": "truecolor", "256": "256", "16": "standard", "none": None}
        setattr(constants, "COLOR_SYSTEM", systems[self.depth])  # noqa: B010 - Final to mypy
        super().__init__(ansi_color=True if self.depth == "none" else None)
        self.animation_level = "none"
        self.current_run = run
        self.compared: list[RunFolder] = []
        self.draft: Draft | None = None
        self._config = config
        self._quit_asked = False
        self._filters.append(NoColor() if self.depth == "none" else NearestColors(self.depth))
        self.register_theme(self.look.textual())
        self.theme = self.look.name
        for mode in MODES:
            self.add_mode(mode, self._maker(mode))

    # -- modes ---------------------------------------------------------------------------------

    def _maker(self, mode: str) -> Callable[[], Screen[None]]:
        def make() -> Screen[None]:
            from tui import views

            return views.make(self, mode)

        return make

    async def on_mount(self) -> None:
        """Opens the first view and says what was wrong with the user's files."""
        # Textual repaints only what changed, but the shell has written over everything.
        self.app_resume_signal.subscribe(self, lambda _: self.call_later(self.action_redraw))
        problems = self.settings.problems
        overrides = user_settings.load_keys(problems)
        problems += clashes(all_keys(), overrides)
        self.set_keymap(overrides)
        ThemeWatch(self).start()
        if not self.settings.mouse:
            screenwork.report_mouse(self, on=False)
        if self._config is not None:
            await self.switch_mode("opening")
            self.run_worker(partial(self._open_first, self._config), thread=True)
        else:
            await self.switch_mode("run" if self.current_run else "home")
        self._say_problems()

    def _open_first(self, path: Path) -> None:
        """In a thread: the schema takes a while to import, and the frame shows meanwhile."""
        import tui.views.config  # noqa: F401 - imported here so that the switch is quick

        mode = "config" if self._load(path) else "home"
        hand_over(self, self._opened_first, mode)

    async def _opened_first(self, mode: str) -> None:
        await screenwork.switch_with_line(self, mode)
        self._say_problems()

    def _say_problems(self) -> None:
        """What was wrong with settings, keys and themes, or with the file to open."""
        if self.settings.problems:
            self.say("; ".join(self.settings.problems), "warning")

    @property
    def view(self) -> View:
        """The view on screen."""
        assert isinstance(self.screen, View)
        return self.screen

    def action_view(self, mode: str) -> None:
        """Goes to a view."""
        self.switch_mode(mode)

    async def _renew(self, *modes: str) -> None:
        """Lets the views of these modes be built anew when they are next shown."""
        if self.current_mode in modes:
            await self.switch_mode("home")
        for mode in modes:
            await self.remove_mode(mode)
            self.add_mode(mode, self._maker(mode))

    async def open_run(self, folder: RunFolder) -> None:
        """Shows a run on the dashboard; the samples view follows."""
        if self.current_run is None or self.current_run.path != folder.path:
            self.current_run = folder
            await self._renew("run", "samples")
        await self.switch_mode("run")

    # -- configs -------------------------------------------------------------------------------

    def _load(self, path: Path) -> bool:
        from tui.draft import Draft

        try:
            self.draft = Draft.open(path)
        except OSError as error:
            self.settings.problems.append(f"{path}: {error.strerror}")
            return False
        self.remember(path)
        return True

    async def open_config(self, path: Path) -> None:
        """Opens a config in the editor; unsaved edits of the present one are kept safe first."""
        from tui.draft import Draft

        try:
            draft = Draft.open(path)
        except OSError as error:
            self.say(f"{path}: {error.strerror}", "error")
            return
        self.remember(path)
        await self.show_draft(draft)

    async def show_draft(self, draft: Draft) -> None:
        """Edits this draft from now on."""
        if self.draft is not None and self.draft.unsaved:
            self.draft.autosave()
        self.draft = draft
        await self._renew("config", "launch")
        await self.switch_mode("config")

    async def go_to_field(self, path: str) -> None:
        """The config view, cursor on a field."""
        from tui.views.config import ConfigView

        await self.switch_mode("config")
        if isinstance(self.screen, ConfigView) and not self.screen.go(path):
            self.say(f"{path} has no field; v shows the file", "warning")

    def remember(self, path: Path) -> None:
        """Puts a config at the head of the recent ones."""
        user_settings.remember(path)

    def open_text(self, text: str) -> None:
        """`:open FILE`."""
        path = Path(text).expanduser()
        self.call_later(self.open_config, path) if text else self.say("open which file?", "warning")

    def new_text(self, text: str) -> None:
        """`:new PRESET`."""
        from schema.presets import find_preset
        from tui.draft import Draft

        if (preset := find_preset(text)) is None:
            self.say(
                f"there is no preset {text!r}" if text else "new from which preset?", "warning"
            )
            return
        self.call_later(self.show_draft, Draft.new(preset.text))

    def preset_names(self, text: str) -> Iterable[Completion]:
        """Completions for `:new`."""
        from schema.presets import PRESETS

        return [Completion(p.name, p.help) for p in PRESETS if score(text, p.name) is not None]

    # -- words ---------------------------------------------------------------------------------

    def say(self, text: str, severity: Severity = "information") -> None:
        """A message in the status line of the view on screen."""
        if isinstance(self.screen, View) and self.screen.is_mounted:
            self.screen.say(text, severity)

    def notify(self, message: str, *, severity: Any = "information", **_: Any) -> None:
        """Textual's notifications go to the status line; a toast repaints too much."""
        self.say(message, severity)

    def ask(self, question: Question) -> None:
        """A question in the status line; the next key answers it."""
        self.view.ask(question)

    def copy_text(self, text: str) -> None:
        """Into the clipboard, by the route that works here; says which."""
        driver = self._driver
        write = driver.write if driver is not None else lambda _: None
        self.say(copy(text, write, state_dir() / "clipboard.txt"), "success")

    # -- command line, help --------------------------------------------------------------------

    async def action_palette(self) -> None:
        """The `:` line, mounted when this returns, so that fast typing goes into it."""
        await self.open_palette("")

    def open_palette(self, text: str) -> AwaitMount:
        """The `:` line with something typed already."""
        from tui.actions import all_commands
        from tui.widgets.commandline import CommandLine

        line = CommandLine(all_commands(self), self.run_line, text, self.view.more_completions)
        return self.view.mount_all(() if self.view.query(CommandLine) else (line,))

    def run_line(self, line: str) -> None:
        """Does what a command line says."""
        from tui.actions import all_commands
        from tui.palette import ranked

        if not line.strip():
            return
        commands = all_commands(self)
        command, rest = find(commands, line)
        if command is None:
            near = ranked(commands, line.split()[0])
            hint = f"; {near[0].name}?" if near else ""
            self.say(f"there is no command {line.split()[0]}{hint}", "warning")
        elif command.off:
            self.say(command.off, "warning")
        elif (done := command.run(rest)) is not None and hasattr(done, "__await__"):
            self.run_worker(done)

    def run_key_later(self, row: Key) -> None:
        """A key's act from the command line."""
        self.call_later(self.view.run_key, row)

    async def action_help(self) -> None:
        """The help panel, or away with it."""
        from tui.views.help import HelpPanel

        if panels := self.view.query(HelpPanel):
            panels.first().action_close()
        else:
            await self.view.mount(HelpPanel(self.view.HELP, [*self.view.help_rows(), *APP_KEYS]))

    # -- leaving -------------------------------------------------------------------------------

    def action_leave(self) -> None:
        """Closes what is open; where nothing is, asks whether to quit."""
        if not self.view.go_back():
            self.ask_quit()

    def ask_quit(self) -> None:
        """Asks when there are unsaved edits; then a second q quits, the edits kept safe."""
        draft = self.draft
        if draft is None or not draft.unsaved:
            self.ask(
                Question("Quit? A running training goes on.", {"q": ("quit", self._leave), **STAY})
            )
            return
        answers = {
            "w": ("save and quit", self._save_and_leave),
            "q": ("quit, edits kept", self._leave),
        }
        self.ask(Question(f"{draft.name} has unsaved edits.", {**answers, **STAY}))

    async def action_quit(self) -> None:
        """Quits at once, unless there are unsaved edits."""
        if self.draft is None or not self.draft.unsaved or self._quit_asked:
            self._leave()
            return
        self._quit_asked = True
        self.set_timer(8, self._forget_question)
        self.ask_quit()

    def _forget_question(self) -> None:
        self._quit_asked = False

    def _save_and_leave(self) -> None:
        assert self.draft is not None
        if self.draft.path is None:
            self.open_palette("w ")
            return
        try:
            self.draft.save()
        except OSError as error:
            self.say(f"not saved: {error.strerror}", "error")
            return
        self.exit(0)

    def _leave(self) -> None:
        if self.draft is not None and self.draft.unsaved:
            self.draft.autosave()
        self.exit(0)

    def action_copy_or_quit(self) -> None:
        """Copies the selected text; without one says how to quit."""
        if selected := self.screen.get_selected_text():
            self.copy_text(selected)
        else:
            self.ask_quit()

    def _fatal_error(self) -> None:
        """Textual's own way prints a screenful of traceback over the user's shell."""
        from tui.crash import report

        error = self._exception or RuntimeError("unknown")
        self.panic(report(self, error))

    # -- terminal ------------------------------------------------------------------------------

    def action_suspend(self) -> None:
        """Back to the shell."""
        self.action_suspend_process()

    def action_redraw(self) -> None:
        """Everything again, after something else has written over the screen."""
        screenwork.redraw(self)

    def action_mouse(self) -> None:
        """Mouse reporting on or off."""
        self.settings.mouse = not self.settings.mouse
        self.settings.save()
        screenwork.report_mouse(self, on=self.settings.mouse)
        self.say(f"mouse {'on' if self.settings.mouse else 'off: the terminal selects text'}")

    # -- theme ---------------------------------------------------------------------------------

    def read_look(self, name: str) -> theme.Look:
        """A theme in the colours that the terminal has. Raises ThemeError."""
        if self.depth == "none":
            return theme.load("ansi", "16")
        return theme.load(name, self.depth, user_settings.theme_folder())

    def _first_look(self) -> theme.Look:
        try:
            return self.read_look(self.settings.theme)
        except theme.ThemeError as error:
            self.settings.problems.append(str(error))
            return self.read_look(theme.DEFAULT)

    def theme_text(self, text: str) -> None:
        """`:theme NAME`; without a name the next one."""
        names = theme.names(user_settings.theme_folder())
        following = (
            names[(names.index(self.look.name) + 1) % len(names)]
            if self.look.name in names
            else names[0]
        )
        try:
            self.use_theme(text or following)
        except theme.ThemeError as error:
            self.say(str(error), "error")

    def use_theme(self, name: str) -> None:
        """Switches the theme and remembers it.

        Raises:
            ThemeError: no such theme, or its file is broken.
        """
        give(self, self.read_look(name))
        self.settings.theme = name
        self.settings.save()


STAY: dict[str, tuple[str, Callable[[], object]]] = {"escape": ("stay", lambda: None)}
