"""Previews as the loop calls them: with the averaged weights, told to the run's record."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from engine.networks import Trained
from engine.report import Report
from engine.trackers import Trackers
from schema.run.layout import RunFolder

if TYPE_CHECKING:
    from engine.networks.beneath import Beneath
    from engine.preview import Preview, PreviewImage


def previewing(
    preview: Preview,
    trained: Trained,
    folder: RunFolder,
    report: Report,
    averaged: Callable[[], AbstractContextManager[None]],
    beneath: Beneath | None = None,
    trackers: Trackers | None = None,
) -> Callable[[int], int]:
    """Draws a round of previews after a step and says how many there are."""
    base = contextlib.nullcontext if beneath is None else beneath.previewing

    def made(image: PreviewImage) -> None:
        report.events.emit("sample", **(image.fields() | {"path": report.relative(image.path)}))
        if trackers is not None:
            trackers.preview(image.step, image.index, image.path, image.prompt)

    def failed(index: int, reason: str) -> None:
        report.warning(f"Preview {index} could not be drawn: {reason}")

    def draw(step: int) -> int:
        with averaged(), base():
            images = preview.render(
                step,
                trained.scaled,
                folder.samples,
                report.check,
                progress=report.progress,
                made=made,
                failed=failed,
            )
        return len(images)

    return draw
