"""Keeping an estimate up to date with the config that is edited, without ever waiting for it.

After a change it waits until typing stops, then looks in a thread; where the engine has not counted
the model, it asks the engine and looks again. A new change ends what is under way.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.timer import Timer
from textual.worker import get_current_worker

from schema.findings import ConfigError
from tui.threads import hand_over

if TYPE_CHECKING:
    from schema.estimate.report import Estimate
    from tui.draft import Draft
    from tui.views.frame import View

QUIET_SECONDS = 0.4
"""No change for so long: then it is worth looking."""

live = True
"""Whether views look by themselves; tests of other things switch it off."""

Shown = Callable[["Estimate | None", str], object]


class Estimating:
    """The estimate of a view's draft. `shown(estimate, busy)` is called on the screen's thread."""

    def __init__(self, view: View, draft: Draft, base: Path, shown: Shown) -> None:
        self.estimate: Estimate | None = None
        self.busy = ""
        self._view, self._draft, self._base, self._shown = view, draft, base, shown
        self._seen: str | None = None
        self._timer: Timer | None = None

    def touched(self) -> None:
        """The draft may have changed; looks once it is quiet."""
        if not live:
            return
        text = self._draft.document.text()
        if text == self._seen:
            return
        self._seen = text
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._view.set_timer(QUIET_SECONDS, self.look)

    def look(self) -> None:
        """Look now, in a thread."""
        text, base = self._draft.document.text(), self._base
        self._seen = text
        self._view.run_worker(
            lambda: self._work(text, base), thread=True, exclusive=True, group="estimate",
            exit_on_error=False,
        )  # fmt: skip

    def _work(self, text: str, base: Path) -> None:
        from tui import estimates  # schema's tables and NVML: only where somebody edits

        worker = get_current_worker()
        try:
            job = estimates.parsed(text)
            estimates.read_earlier_runs()
            found = estimates.look(job, base)
        except (ConfigError, LookupError):
            self._tell(worker, self.estimate, "after the errors are repaired")
            return
        if not found.missing:
            self._tell(worker, found.estimate, "")
            return
        assert found.key is not None
        steps = [(True, "measuring a step")]
        if not found.measured:
            steps.insert(0, (False, "counting the model"))
        for measure, words in steps:
            self._tell(worker, found.estimate, words)
            done = estimates.count(
                text, found.key, base, measure=measure, cancelled=lambda: worker.is_cancelled
            )
            if worker.is_cancelled:
                return
            found = estimates.look(job, base)
            if not done:
                break
        self._tell(worker, found.estimate, "")

    def _tell(self, worker: Any, estimate: Estimate | None, busy: str) -> None:
        if not worker.is_cancelled:
            hand_over(self._view.app, self._take, estimate, busy)

    def _take(self, estimate: Estimate | None, busy: str) -> None:
        if self._view.is_mounted:
            self.estimate, self.busy = estimate, busy
            self._shown(estimate, busy)


class FormEstimate:
    """The estimate as a part of the config view: its line, its key, its panel."""

    def __init__(self, view: Any) -> None:
        self._view = view
        self.estimating = Estimating(view, view.draft, view.base, self._show)

    def table(self) -> dict[str, Callable[[], object]]:
        """Acts by key id."""
        return {"estimate": self.open}

    def why_not(self, key_id: str) -> str | None:
        """Why the panel cannot be opened now."""
        del key_id
        if self.estimating.estimate is None:
            return "nothing is estimated yet" if live else "estimates are off"
        return None

    def touched(self) -> None:
        """The form shows something new; perhaps the draft is another."""
        self.estimating.touched()

    def open(self) -> None:
        """The panel, or away with it."""
        open_panel(self._view, self.estimating.estimate)

    def _show(self, estimate: Estimate | None, busy: str) -> None:
        from tui.widgets.estimate_panel import EstimateLine, EstimatePanel

        self._view.query_one(EstimateLine).show(estimate, busy)
        for panel in self._view.query(EstimatePanel):
            if estimate is not None:
                panel.show(estimate)


def open_panel(view: View, estimate: Estimate | None) -> None:
    """The panel over a view; closes it where it is open."""
    from tui.widgets.estimate_panel import EstimatePanel

    if panels := view.query(EstimatePanel):
        panels.first().action_close()
    elif estimate is not None:
        view.mount(EstimatePanel(estimate))
