"""The training step, in the order of the papers.

    data -> losses -> backward -> clip -> optimizer -> schedule -> average

Every option of a part is an object that was built once; what is off is absent. A step copies
nothing back from the device: losses stay tensors, and the recorder reads them later. The loop runs
any `Step`; this one trains by the gradient of an `Objective`, such as `engine.denoising`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from engine.accelerator import Accelerator
from engine.data.batch import Batch
from engine.optim.ema import Ema
from engine.optim.schedule import LearningRates
from engine.randomness import seed_dropout
from engine.recovery import Recovery


@dataclass
class Losses:
    """What an objective says about one micro-batch."""

    total: Tensor  # scalar, differentiable
    loss_B: Tensor  # per item, after its weights
    timesteps: list[float]  # per item, in the units of the noise table
    parts: dict[str, Tensor] = field(default_factory=dict)  # named scalars beside the total


@dataclass
class StepResult:
    """What one step leaves behind; tensors stay on the device until the recorder reads them."""

    losses: list[Losses]  # one per micro-batch
    grad_norm: Tensor | None  # None where nothing was updated
    rates: Mapping[str, float | Tensor]  # the learning rates in force, by group
    items: list[int]
    data_seconds: float
    measured: dict[str, Tensor] = field(default_factory=dict)  # scalars from beside the training


class Step(Protocol):
    """Whatever the loop can repeat: number -> result."""

    def __call__(self, number: int) -> StepResult:
        """Do step `number` (counted from 1)."""
        ...


class Objective(Protocol):
    """How a micro-batch becomes a loss; it may predict several times."""

    def __call__(self, batch: Batch, number: int, micro: int, held: ExitStack) -> Losses:
        """The losses of micro-batch `micro` of step `number`.

        What must hold until its backward pass is over (a strength of the network) goes into `held`.
        """
        ...

    def state_dict(self) -> dict[str, Any]:
        """What it remembers between steps; empty for most."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it back."""
        ...

    def numbers(self) -> dict[str, dict[str, float]]:
        """What of it people may read, by name."""
        ...

    def start_from(self, name: str, numbers: dict[str, float]) -> None:
        """Start from such numbers."""
        ...


class Source(Protocol):
    """Where batches come from: a pure function of step and micro-batch."""

    def batch(self, step: int, micro: int) -> Batch:
        """The micro-batch."""
        ...


@dataclass
class Accumulation:
    """How many micro-batches make one update.

    `micro_batches` of them in every step (`gradient_accumulation`), or one in each of
    `steps_per_update` steps (`gradient_accumulation_steps`). Either way the gradient is their mean.
    The last update of a run closes early when the run does.
    """

    micro_batches: int = 1
    steps_per_update: int = 1
    last_step: int = 2**62

    def updates(self, number: int) -> bool:
        """Whether the weights change at the end of this step."""
        return number % self.steps_per_update == 0 or number == self.last_step

    def share(self, number: int) -> float:
        """The weight of one micro-batch's loss in the mean."""
        first = (number - 1) // self.steps_per_update * self.steps_per_update
        steps = min(first + self.steps_per_update, self.last_step) - first
        return 1.0 / (self.micro_batches * steps)


class TrainingStep:
    """Gradients of an objective, gathered over micro-batches, and one update."""

    def __init__(
        self,
        source: Source,
        objective: Objective,
        accelerator: Accelerator,
        *,
        optimizer: torch.optim.Optimizer,
        groups: Sequence[list[Tensor]],
        learning_rates: LearningRates,
        accumulation: Accumulation,
        max_norm: float | None,
        ema: Ema | None,
        dropout_seed: int | None,
        before: Sequence[Callable[[int], None]] = (),
        single: bool = False,
        recovery: Recovery | None = None,
    ) -> None:
        """`dropout_seed` None: no module draws; `max_norm` None: measure without clipping.

        `before` is called with the step's number when it begins. `single`: every item has a
        forward and backward pass of its own. `recovery` says what to do when memory runs out.
        """
        self._source, self.objective, self._accelerator = source, objective, accelerator
        self._optimizer, self._groups, self._max_norm = optimizer, groups, max_norm
        self._learning_rates, self._accumulation, self._ema = learning_rates, accumulation, ema
        self._dropout_seed, self._before, self._single = dropout_seed, tuple(before), single
        self._recovery = recovery or Recovery(None, "", repeatable=False)
        self._rates: Mapping[str, float | Tensor] = {}

    def begin(self, done: int) -> None:
        """Take up the schedule after `done` completed steps."""
        self._rates = self._learning_rates.set(done)

    def __call__(self, number: int) -> StepResult:
        """Forward and backward of every micro-batch, then the update if one is due."""
        for prepare in self._before:
            prepare(number)
        result = self._gradients(number)
        while isinstance(result, str):
            self._optimizer.zero_grad(set_to_none=True)
            self._recovery.failed(number, result)
            result = self._gradients(number)
        if self._accumulation.updates(number):
            result.grad_norm = self._accelerator.update(
                self._optimizer, self._groups, self._max_norm
            )
            if self._ema is not None:
                self._ema.update()
        self._rates = self._learning_rates.set(number)
        self._recovery.succeeded(number)
        return result

    def _gradients(self, number: int) -> StepResult | str:
        """Forward and backward of every micro-batch, or what was said when memory ran out.

        The error itself is let go here: its traceback holds the tensors that filled the memory.
        """
        share = self._accumulation.share(number)
        result = StepResult([], None, self._rates, [], 0.0)
        try:
            for micro in range(self._accumulation.micro_batches):
                asked = time.perf_counter()
                batch = self._source.batch(number, micro)
                result.data_seconds += time.perf_counter() - asked
                if self._dropout_seed is not None:
                    seed_dropout(self._dropout_seed, number, micro)
                pieces = batch.singles() if self._single else [batch]
                for piece in pieces:
                    result.losses.append(self._learn(piece, number, micro, share / len(pieces)))
                result.items += batch.items
        except torch.OutOfMemoryError as error:
            return str(error)
        return result

    def _learn(self, batch: Batch, number: int, micro: int, share: float) -> Losses:
        """Add the gradients of one forward and backward pass."""
        with ExitStack() as held:
            losses = self.objective(batch, number, micro, held)
            self._accelerator.backward(losses.total if share == 1.0 else losses.total * share)
        losses.total = losses.total.detach()
        return losses
