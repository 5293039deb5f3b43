"""The screens: one file each, one class each, all on the frame of `tui.views.frame`.

`make` builds the screen of a mode when it is first shown, so that opening the config does not
import the dashboard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

if TYPE_CHECKING:
    from tui.app import FineTuiApp


def make(app: FineTuiApp, mode: str) -> Screen[None]:
    """The base screen of a mode: `home config launch run samples jobs wizard`."""
    from tui.views.empty import EmptyView

    if mode == "config" and app.draft is not None:
        from tui.views.config import ConfigView

        return ConfigView(app.draft)
    if mode == "launch" and app.draft is not None:
        from tui.views.launch import LaunchView

        return LaunchView(app.draft)
    if mode == "wizard":
        from tui.views.wizard import WizardView

        return WizardView()
    if mode == "home":
        from tui.views.home import HomeView

        return HomeView()
    if mode in ("run", "samples") and app.current_run is None:
        return EmptyView(mode)
    if mode == "run":
        from tui.views.run import RunView

        assert app.current_run is not None
        return RunView(app.current_run)
    if mode == "samples":
        from tui.views.samples import SamplesView

        assert app.current_run is not None
        return SamplesView(app.current_run)
    if mode == "jobs":
        from tui.views.jobs import JobsView

        return JobsView()
    return EmptyView(mode)
