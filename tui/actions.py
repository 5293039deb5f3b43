"""The app's own commands of the `:` line, and the views' keys as commands."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tui import theme
from tui.form.pathedit import complete
from tui.fuzzy import score
from tui.keys import APP_KEYS, Key, shown
from tui.palette import Command, Completion
from tui.screenwork import screenshot, show_facts
from tui.settings import theme_folder

if TYPE_CHECKING:
    from tui.app import FineTuiApp

WITHOUT_ENTRY = {"palette", "back", "copy-or-quit"}
"""Keys that would do nothing useful from the command line."""


OF_THE_CONFIG = {
    "set": "give an option a value",
    "reset": "an option back to its default",
    "go": "to the field of an option",
    "w": "save the config",
    "wq": "save the config and quit",
}
"""Commands of the config view; elsewhere they say where they work."""


def all_commands(app: FineTuiApp) -> list[Command]:
    """The view's commands, the app's, then every key of the view and of the app."""
    view = app.view
    named = [*view.commands(), *app_commands(app)]
    taken = {name for command in named for name in (command.name, *command.aliases)}
    named += [
        Command(name, words, lambda _: None, off="that is for the config view; 1 goes there")
        for name, words in OF_THE_CONFIG.items()
        if name not in taken
    ]
    rows = [row for row in (*view.KEYS, *APP_KEYS) if row.id not in taken | WITHOUT_ENTRY]
    return [*named, *(_of_key(app, row) for row in rows)]


def _of_key(app: FineTuiApp, row: Key) -> Command:
    return Command(
        row.id,
        f"{row.words}  [{shown(row.key)}]",
        lambda _: app.run_key_later(row),
        off=app.view.why_not(row.id),
    )


def app_commands(app: FineTuiApp) -> list[Command]:
    """What can be typed in every view."""
    look, base = app.look, Path.cwd()

    def files(text: str) -> Iterable[Completion]:
        return complete(text, base, folders_only=False)

    return [
        Command("open", "open a config", app.open_text, "FILE", files, ("e", "edit")),
        Command("new", "a new config from a preset", app.new_text, "PRESET", app.preset_names),
        Command("theme", f"colours, now {look.name}", app.theme_text, "NAME", _themes),
        Command(
            "mouse", "mouse on or off; off: the terminal selects", lambda _: app.action_mouse()
        ),
        Command("terminal", "what this terminal can do", lambda _: show_facts(app)),
        Command(
            "screenshot", "the screen as an SVG file", lambda text: screenshot(app, text), "FILE"
        ),
        Command(
            "q", "quit; a running training goes on", lambda _: app.ask_quit(), aliases=("quit",)
        ),
        Command("q!", "quit without saving", lambda _: app.exit(0)),
    ]


def _themes(text: str) -> list[Completion]:
    names = theme.names(theme_folder())
    return [Completion(name, _label(name)) for name in names if score(text, name) is not None]


def _label(name: str) -> str:
    try:
        return theme.load(name, "true", theme_folder()).label
    except theme.ThemeError as error:
        return str(error)
