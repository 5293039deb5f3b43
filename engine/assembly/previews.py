"""Previews as the loop calls them: with the averaged weights, told to the run's record."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.networks import Trained
from engine.prompts.decorator import Decorator
from engine.report import Report
from engine.trackers import Trackers
from schema.run.layout import RunFolder

if TYPE_CHECKING:
    from engine.networks.beneath import Beneath
    from engine.preview import Preview, PreviewImage


@dataclass(frozen=True)
class Previews:
    """What every round of previews of a run has in common."""

    trained: Trained
    folder: RunFolder
    report: Report
    averaged: Callable[[], AbstractContextManager[None]]
    beneath: Beneath | None = None
    trackers: Trackers | None = None

    def drawing(self, preview: Preview | None) -> Callable[[int], int] | None:
        """What draws a round after a step and says how many there are; None for no previews."""
        return None if preview is None else lambda step: self._draw(preview, step)

    def _draw(self, preview: Preview, step: int) -> int:
        base = contextlib.nullcontext if self.beneath is None else self.beneath.previewing
        if isinstance(self.trained, Decorator):
            preview.decorator = self.trained
        with self.averaged(), base():
            images = preview.render(
                step,
                self.trained.scaled,
                self.folder.samples,
                self.report.check,
                progress=self.report.progress,
                made=self._made,
                failed=self._failed,
            )
        return len(images)

    def _made(self, image: PreviewImage) -> None:
        path = self.report.relative(image.path)
        self.report.events.emit("sample", **(image.fields() | {"path": path}))
        if self.trackers is not None:
            self.trackers.preview(image.step, image.index, image.path, image.prompt)

    def _failed(self, index: int, reason: str) -> None:
        self.report.warning(f"Preview {index} could not be drawn: {reason}")
