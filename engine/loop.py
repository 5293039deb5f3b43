"""The loop: step after step, and what happens on the boundaries between them.

It runs any `Step` and asks nobody which family, network or device there is. A boundary is the only
place where things are saved, previewed, paused or stopped, always in that order, always after whole
steps; nothing that happens there touches what the next step will see.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.errors import StoppedEarly
from engine.orders import Orders
from engine.report import Recorder, Report
from engine.step import Step, StepResult
from schema.run.status import State

PAUSE_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Plan:
    """When things happen; every `*_every` fires on multiples, 0 is never."""

    steps: int
    save_every: int = 0
    sample_every: int = 0
    sample_from: int = 0  # no previews between the first and the last before this step
    first_sample: bool = False
    last_sample: bool = False


Draw = Callable[[int], int]
"""Draws a round of previews after a step and says how many there are."""


class Keeper(Protocol):
    """What saves a run."""

    def save(self, step: int, *, weights: bool = True) -> str:
        """Save after `step` completed steps, the weights for people too; a word on where."""
        ...

    def finish(self, step: int) -> None:
        """Write the final weights."""
        ...


class Loop:
    """A run from its first step here to its last."""

    def __init__(
        self,
        plan: Plan,
        step: Step,
        *,
        recorder: Recorder,
        report: Report,
        keeper: Keeper,
        preview: Draw | None,
        opening: Draw | None = None,
        validate: Callable[[int, StepResult], None] | None = None,
        saved_at: int | None = None,
    ) -> None:
        """`preview` draws the previews of a step and says how many; None where there are none.

        `opening` draws one more round, ahead of all others. `validate` adds to what a step
        left behind, where it is due. `saved_at` is the step of the checkpoint that the run goes on
        from.
        """
        self._plan, self._step = plan, step
        self._recorder, self._report, self._orders = recorder, report, report.orders
        self._keeper, self._preview = keeper, preview
        self._opening, self._validate = opening, validate
        self._saved_at, self._weights_saved = saved_at, saved_at is not None

    def run(self, done: int) -> bool:
        """Train from `done` completed steps to the end; False when it was stopped before."""
        plan = self._plan
        if self._opening is not None and not self._orders.stopping:
            self._draw(self._opening, done)
        if plan.first_sample and not self._orders.stopping:
            self._sample(done)
        self._obey(done)
        self._report.state(State.TRAINING)
        while done < plan.steps and not self._orders.stopping:
            done += 1
            began = time.perf_counter()
            result = self._step(done)
            seconds = time.perf_counter() - began
            if self._validate is not None:
                self._validate(done, result)
            self._recorder.record(done, result, seconds)
            self._report.status.update(step=done)
            self._boundary(done)
        self._recorder.read(wait=True)
        if done < plan.steps:
            self._stop(done)
            return False
        self._finish(done)
        return True

    def _boundary(self, done: int) -> None:
        plan = self._plan
        if plan.save_every and done % plan.save_every == 0:
            self._save(done)
        due = plan.sample_every and done % plan.sample_every == 0 and done >= plan.sample_from
        # The last step's previews come once, with the final weights.
        if due and not self._orders.stopping and not (done == plan.steps and plan.last_sample):
            self._sample(done)
        self._obey(done)

    def _obey(self, done: int) -> None:
        """Do what was asked for since the last boundary; stay here while the run is paused."""
        self._orders.look()
        self._do_waiting(done)
        if self._orders.pausing and not self._orders.stopping:
            self._pause(done)

    def _do_waiting(self, done: int) -> None:
        while not self._orders.stopping and (command := self._orders.next()):
            if command.name == "save":
                where = self._save(done) if done else None
                message = where or "nothing has been trained yet"
                self._orders.answer(command, message, done=where is not None)
            else:
                drawn = self._sample(done) if self._preview else 0
                message = f"{drawn} previews of step {done}" if drawn else "there are no previews"
                self._orders.answer(command, message, done=bool(drawn))

    def _pause(self, done: int) -> None:
        """Save the state, then stand still until told otherwise; saves and previews still work."""
        if done:
            self._save(done, weights=False, pausing=True)
        self._report.state(State.PAUSED, f"paused after step {done}")
        self._orders.paused(f"paused after step {done}")
        while self._orders.pausing and not self._orders.stopping:
            time.sleep(PAUSE_LOOK_SECONDS)
            self._orders.look()
            self._do_waiting(done)
        if not self._orders.stopping:
            self._report.state(State.TRAINING)

    def _save(self, done: int, *, weights: bool = True, pausing: bool = False) -> str:
        if self._saved_at == done and self._weights_saved >= weights:
            return f"step {done} is saved already"
        before = self._report.phase
        self._recorder.read(wait=True)
        self._report.state(State.SAVING, f"saving step {done}")
        with contextlib.nullcontext() if pausing else _Away(self._orders):
            where = self._keeper.save(done, weights=weights)
        self._saved_at, self._weights_saved = done, weights
        self._report.state(before)
        return where

    def _sample(self, done: int) -> int:
        """Draw the previews, where there are any."""
        return 0 if self._preview is None else self._draw(self._preview, done)

    def _draw(self, draw: Draw, done: int) -> int:
        """Draw a round of previews; a stop breaks it off."""
        before = self._report.phase
        self._report.state(State.SAMPLING, f"previews of step {done}")
        drawn = 0
        try:
            with _Away(self._orders):
                drawn = draw(done)
        except StoppedEarly:
            self._report.say("the previews were broken off")
        self._report.state(before)
        return drawn

    def _stop(self, done: int) -> None:
        self._report.state(State.STOPPING, self._orders.why)
        if done:
            self._save(done)

    def _finish(self, done: int) -> None:
        self._save(done)
        self._report.state(State.SAVING, "saving the final weights")
        self._keeper.finish(done)
        if self._plan.last_sample and not self._orders.stopping:
            self._sample(done)
        self._do_waiting(done)


class _Away:
    """While the main thread saves or samples, pauses are answered at once: no boundary is near."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def __enter__(self) -> None:
        self._orders.boundaries(near=False)

    def __exit__(self, *_: object) -> None:
        self._orders.boundaries(near=True)
