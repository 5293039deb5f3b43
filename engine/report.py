"""What a worker tells the world: status, events, and the recorder of scalars.

Events are rare and written at once. Scalars come every step as device tensors; the recorder keeps
them and reads many at a time, long after the device has finished with them, so that no step ever
waits for the host. The same reading is where a NaN is noticed.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import DivergedError
from engine.orders import Orders
from schema.run.events import EventWriter
from schema.run.layout import RunFolder
from schema.run.metrics import MetricsWriter
from schema.run.status import State, StatusWriter

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.step import StepResult
    from engine.trackers import Trackers

READ_SECONDS = 0.5
READ_STEPS = 100
PROGRESS_SECONDS = 0.25


class Report:
    """Status and events of one run; safe to use before torch is imported."""

    def __init__(
        self, folder: RunFolder, status: StatusWriter, events: EventWriter, orders: Orders
    ) -> None:
        self.folder, self.status, self.events, self.orders = folder, status, events, orders
        self.phase = State.PREPARING
        self._next_progress = 0.0

    def state(self, state: State, detail: str | None = None) -> None:
        """The run enters a phase; watchers see it at once."""
        if state != self.phase:
            self.events.emit("state", state=str(state), detail=detail)
        self.phase = state
        self.status.update(state=state, detail=detail)

    def progress(self, phase: str, done: int, total: int) -> None:
        """How far a long preparation is; raises StoppedEarly when the run shall stop instead."""
        now = time.monotonic()
        if now >= self._next_progress or done >= total:
            self._next_progress = now + PROGRESS_SECONDS
            self.events.emit("progress", phase=phase, done=done, total=total)
            self.status.update(detail=f"{phase} {done} of {total}")
        self.orders.check()

    def check(self) -> None:
        """Raises StoppedEarly when someone asked the run to stop."""
        self.orders.check()

    def warning(self, message: str) -> None:
        """Something a person should know; the run goes on."""
        self.say(f"warning: {message}")
        self.events.emit("warning", message=message)

    def say(self, line: str) -> None:
        """A line in log.txt; a full disk costs the line, not the run."""
        with suppress(OSError):
            print(line, flush=True)

    def relative(self, path: Path) -> str:
        """A path as events carry it: from the run's folder, so that the folder may move."""
        return str(path.relative_to(self.folder.path)) if path.is_absolute() else str(path)


Remark = Callable[[int, dict[str, float], list[float]], str | None]


@dataclass
class _Pending:
    step: int
    at: float
    values: dict[str, float]  # known already
    tensors: dict[str, Tensor]  # scalars on the device
    timesteps: list[float]
    loss_B: list[Tensor]
    items: list[int]


class Recorder:
    """Takes what a step left behind and writes it down once the device has it."""

    def __init__(
        self,
        metrics: MetricsWriter,
        report: Report,
        device: torch.device,
        *,
        steps: int,
        log_every: int | None,
        overflows_are_normal: bool,
        describe: Callable[[list[int]], str] = lambda items: "",
        remarks: Sequence[Remark] = (),
        trackers: Trackers | None = None,
    ) -> None:
        """`describe` names the pictures of a step for the message about a NaN; each of `remarks`
        is shown every step's values and timesteps and may have a line for the log.
        """
        self._metrics, self._report, self._device = metrics, report, device
        self._steps = steps
        self._log_every = 1 if log_every is None else log_every
        self._overflows_are_normal, self._describe = overflows_are_normal, describe
        self._remarks, self._trackers = tuple(remarks), trackers
        self._pending: deque[_Pending] = deque()
        self._reading: _Reading | None = None
        self._next_read = 0.0

    def record(self, step: int, result: StepResult, step_seconds: float) -> None:
        """Note one completed step. Raises DivergedError when an earlier one proves to be NaN."""
        values = {
            f"lr/{name}": rate for name, rate in result.rates.items() if isinstance(rate, float)
        }
        values["step_seconds"], values["data_seconds"] = step_seconds, result.data_seconds
        now = time.time()
        self._pending.append(_pending(step, now, values, result))
        first = self._pending[0].step
        every = min(self._log_every or READ_STEPS, READ_STEPS)
        # The clock keeps a watcher's picture fresh; the count keeps the promise about NaN.
        due = now >= self._next_read or step - first + 1 >= every
        if due or self._reading is not None:
            self._next_read = now + READ_SECONDS if due else self._next_read
            self.read(begin=due)

    def read(self, *, wait: bool = False, begin: bool = True) -> None:
        """Write down what the device has finished; with `wait`, everything.

        `begin` starts the transfer of what has come since the last one.
        """
        if self._reading is not None and (wait or self._reading.ready()):
            reading, self._reading = self._reading, None
            self._write(reading)
        if self._reading is None and self._pending and begin:
            rows, self._pending = list(self._pending), deque()
            self._reading = _Reading(rows, self._device)
            if wait or self._reading.ready():
                reading, self._reading = self._reading, None
                self._write(reading)
        if wait:
            self._metrics.flush()

    def _write(self, reading: _Reading) -> None:
        for row, values, losses in reading.rows():
            pairs = list(zip(map(float, row.timesteps), losses, strict=True))
            self._metrics.record(row.step, values, pairs, at=row.at)
            self._check(row, values)
            for remark in self._remarks:
                if line := remark(row.step, values, row.timesteps):
                    self._report.say(line)
            if self._log_every and row.step % self._log_every == 0:
                self._report.say(self._line(row.step, values))
                if self._trackers is not None:
                    self._trackers.log(row.step, row.at, values)
        rates = [value for name, value in values.items() if name.startswith("lr/")]
        self._report.status.update(loss=values["loss"], lr=rates[0] if rates else None)
        if reading.memory is not None:
            self._report.status.update(memory=reading.memory)

    def _line(self, step: int, values: dict[str, float]) -> str:
        rates = " ".join(f"{n}={v:.3g}" for n, v in values.items() if n.startswith("lr/"))
        return f"step {step}/{self._steps} loss={values['loss']:.5g} {rates}"

    def _check(self, row: _Pending, values: dict[str, float]) -> None:
        """Raises DivergedError with the step, the fault and the pictures of the step."""
        name = "loss"
        if math.isfinite(values["loss"]):
            name = "gradient norm"
            if self._overflows_are_normal or math.isfinite(values.get("grad_norm", 0.0)):
                return
        value = values["loss" if name == "loss" else "grad_norm"]
        self._metrics.flush()
        what = "NaN" if math.isnan(value) else "infinite"
        raise DivergedError(
            f"The {name} became {what} at step {row.step}{self._describe(row.items)}.",
            repair="Lower the learning rate, or look at those pictures.",
        )


def _pending(step: int, at: float, values: dict[str, float], result: StepResult) -> _Pending:
    tensors: dict[str, Tensor] = {}
    for name, rate in result.rates.items():
        if not isinstance(rate, float):
            tensors[f"lr/{name}"] = rate
    if result.grad_norm is not None:
        tensors["grad_norm"] = result.grad_norm
    tensors.update(result.measured)
    for index, losses in enumerate(result.losses):
        tensors[f"loss {index}"] = losses.total
        for name, part in losses.parts.items():
            tensors[f"loss/{name} {index}"] = part.detach()
    return _Pending(
        step,
        at,
        values,
        tensors,
        [t for losses in result.losses for t in losses.timesteps],
        [losses.loss_B for losses in result.losses],
        result.items,
    )


class _Reading:
    """One transfer of many scalars from the device, begun without waiting for it."""

    def __init__(self, rows: list[_Pending], device: torch.device) -> None:
        import torch

        self._rows = rows
        scalars = [tensor for row in rows for tensor in row.tensors.values()]
        per_item = [tensor for row in rows for tensor in row.loss_B]
        flat = torch.cat([torch.stack(scalars).float(), *per_item])
        self._event: Any = None
        self.memory: dict[str, int] | None = None
        if device.type == "cuda":
            host = torch.empty(flat.shape, pin_memory=True)
            self._flat = host.copy_(flat, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()
            free, total = torch.cuda.mem_get_info(device)
            self.memory = {"used": total - free, "total": total}
        else:
            self._flat = flat

    def ready(self) -> bool:
        """Whether reading would not wait."""
        return self._event is None or bool(self._event.query())

    def rows(self) -> list[tuple[_Pending, dict[str, float], list[float]]]:
        """Every row with all its values and its per-item losses."""
        if self._event is not None:
            self._event.synchronize()
        numbers = iter(self._flat.tolist())
        values = [
            self._means(row, {name: next(numbers) for name in row.tensors}) for row in self._rows
        ]
        items = [[next(numbers) for _ in row.timesteps] for row in self._rows]
        if self.memory is not None:
            values[-1]["memory"] = float(self.memory["used"])
        return list(zip(self._rows, values, items, strict=True))

    @staticmethod
    def _means(row: _Pending, read: dict[str, float]) -> dict[str, float]:
        """Named values of the step: what came once per micro-batch becomes its mean."""
        gathered: dict[str, list[float]] = {}
        for name, value in read.items():
            gathered.setdefault(name.partition(" ")[0], []).append(value)
        return row.values | {name: sum(v) / len(v) for name, v in gathered.items()}
