"""Where metrics go besides the run's own record: databases, services, event files.

A tracker gets the values of every step that is logged and every preview, under the names that
charts of other programs know: `learning_rate`, `loss/loss`, `loss/<part>`, `val/...`. One that
fails tells so once and is left alone from then on: nobody's dashboard is worth a training run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

Values = Mapping[str, float]


class Tracker(Protocol):
    """Takes what a run produces."""

    def log(self, step: int, at: float, values: Values) -> None:
        """The values of a step, by tracker names; `at` is in seconds since 1970."""
        ...

    def preview(self, step: int, index: int, path: Path, prompt: str) -> None:
        """A preview picture."""
        ...

    def close(self) -> None:
        """The run ends."""
        ...


class Trackers:
    """All of a run's trackers as one."""

    def __init__(self, trackers: Sequence[Tracker], warn: Callable[[str], None]) -> None:
        self._trackers, self._warn = list(trackers), warn

    def log(self, step: int, at: float, values: Values) -> None:
        """Tell every tracker the recorder's values of a step."""
        named = tracker_names(values)
        self._all(lambda tracker: tracker.log(step, at, named))

    def preview(self, step: int, index: int, path: Path, prompt: str) -> None:
        """Show every tracker a preview."""
        self._all(lambda tracker: tracker.preview(step, index, path, prompt))

    def close(self) -> None:
        """Close all of them."""
        self._all(lambda tracker: tracker.close())

    def _all(self, act: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                act(tracker)
            except Exception as error:  # whatever a service's library throws
                self._trackers.remove(tracker)
                name = type(tracker).__name__
                self._warn(f"{name} failed and gets nothing more: {error}")


def tracker_names(values: Values) -> dict[str, float]:
    """From the record's names to the trackers': the first learning rate, the losses, validation."""
    named: dict[str, float] = {}
    for name, value in values.items():
        if name.startswith("lr/"):
            named.setdefault("learning_rate", value)
        elif name == "loss":
            named["loss/loss"] = value
        elif name.startswith(("loss/", "val/")):
            named[name] = value
    return named
