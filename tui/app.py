"""The full-screen app: its modes, what they share, and the actions that work everywhere.

Screens live in `tui/views`; this file only switches between them and holds what several of them
need: the open config, the run looked at, settings and theme.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import constants
from textual.app import App
from textual.screen import Screen

from tui import settings as user_settings
from tui import theme
from tui.keys import APP_KEYS, all_keys, bindings, clashes
from tui.nearest import NearestColors
from tui.terminal import Depth, color_depth
from tui.views.frame import View
from tui.widgets.statusline import Question

if TYPE_CHECKING:
    from schema.run.layout import RunFolder

MODES = ("home", "config", "launch", "run", "samples", "jobs")


class FineTuiApp(App[int]):
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
        self.look = self._look(self.settings.theme)
        # Textual hands this to Rich, which would else guess from COLORTERM alone.
        systems = {"true": "truecolor", "256": "256", "16": "standard", "none": None}
        setattr(constants, "COLOR_SYSTEM", systems[self.depth])
        super().__init__(ansi_color=True if self.depth == "none" else None)
        self.animation_level = "none"
        self.current_run = run
        self._first_config = config
        self._filters.append(NearestColors(self.depth))
        self.register_theme(self.look.textual())
        self.theme = self.look.name
        for mode in MODES:
            self.add_mode(mode, self._maker(mode))

    # -- modes ---------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[None]:
        """Nothing is drawn before the first mode."""
        return Screen()

    def _maker(self, mode: str) -> Callable[[], Screen[None]]:
        def make() -> Screen[None]:
            from tui import views

            return views.make(self, mode)

        return make

    async def on_mount(self) -> None:
        """Opens the first view and says what was wrong with the user's files."""
        overrides = user_settings.load_keys(self.settings.problems)
        self.settings.problems += clashes(all_keys(), overrides)
        self.set_keymap(overrides)
        first = "run" if self.current_run else "config" if self._first_config else "home"
        await self.switch_mode(first)
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

    async def open_run(self, folder: RunFolder) -> None:
        """Shows a run on the dashboard; the samples view follows."""
        same = self.current_run is not None and self.current_run.path == folder.path
        self.current_run = folder
        if not same:
            if self.current_mode in ("run", "samples"):
                await self.switch_mode("home")
            for mode in ("run", "samples"):
                await self.remove_mode(mode)
                self.add_mode(mode, self._maker(mode))
        await self.switch_mode("run")

    # -- words ---------------------------------------------------------------------------------

    def say(self, text: str, severity: str = "information") -> None:
        """A message in the status line of the view on screen."""
        if isinstance(self.screen, View):
            self.screen.say(text, severity)  # type: ignore[arg-type]

    def ask(self, question: Question) -> None:
        """A question in the status line; the next key answers it."""
        self.view.ask(question)

    # -- theme ---------------------------------------------------------------------------------

    def _look(self, name: str) -> theme.Look:
        depth = "16" if self.depth == "none" else self.depth
        name = "ansi" if self.depth == "none" else name
        folder = user_settings.theme_folder()
        try:
            return theme.load(name, depth, folder)
        except theme.ThemeError as error:
            self.settings.problems.append(str(error))
            return theme.load(theme.DEFAULT, depth)

    def use_theme(self, name: str) -> None:
        """Switches the theme and remembers it.

        Raises:
            ThemeError: no such theme, or its file is broken.
        """
        depth = "16" if self.depth == "none" else self.depth
        self.look = theme.load(name, depth, user_settings.theme_folder())
        self.register_theme(self.look.textual())
        self.theme = self.look.name
        self.settings.theme = name
        self.settings.save()
        self.screen.refresh(layout=True)
