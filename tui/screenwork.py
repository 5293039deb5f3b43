"""Acts on the screen as such: mouse reporting, redrawing, a picture of it, the terminal's facts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.widgets import Input

from tui.terminal import facts

if TYPE_CHECKING:
    from tui.app import FineTuiApp


def redraw(app: FineTuiApp) -> None:
    """Everything again, after something else has written over the screen."""
    if app._driver is not None:
        app._driver.write("\x1b[2J")
    app.screen.refresh(layout=True)
    for widget in app.screen.walk_children():
        widget.refresh()


def report_mouse(app: FineTuiApp, *, on: bool) -> None:
    """Textual has no public switch for this; where the driver has none, nothing happens."""
    name = "_enable_mouse_support" if on else "_disable_mouse_support"
    if (switch := getattr(app._driver, name, None)) is not None:
        switch()


def screenshot(app: FineTuiApp, text: str) -> None:
    """`:screenshot FILE`: the screen as an SVG file."""
    path = Path(text or "finetui.svg").expanduser()
    try:
        path.write_text(app.export_screenshot(), encoding="utf-8")
    except OSError as error:
        app.say(f"{path}: {error.strerror}", "error")
        return
    app.say(f"wrote {path}", "success")


def fact_lines(app: FineTuiApp) -> list[str]:
    """The terminal in words, one fact a line."""
    found = facts(app.depth, (app.size.width, app.size.height), app.settings.images)
    return [f"{name:<10} {value}" for name, value in found.items()]


def show_facts(app: FineTuiApp) -> None:
    """The terminal's facts in the help panel's place."""
    from tui.views.help import HelpPanel

    app.view.query(HelpPanel).remove()
    app.view.mount(HelpPanel("\n\n".join(fact_lines(app)), []))


async def switch_with_line(app: FineTuiApp, mode: str) -> None:
    """Another view; a half-typed `:` line goes along, or its rest would be keys over there."""
    from tui.widgets.commandline import CommandLine

    typed = [line.query_one(Input).value for line in app.view.query(CommandLine)]
    await app.switch_mode(mode)
    for text in typed:
        await app.open_palette(text)
