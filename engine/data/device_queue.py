"""Batches that are on the training device before the step asks for them.

A thread of its own takes the next batches from the source in their order, copies their tensors from
pinned memory on a stream beside the training's, waits for the copies and queues the batch. Without
a CUDA GPU the queue only waits in memory. What a batch holds does not change.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.data.batch import Batch
from engine.families.base import Conditioning

if TYPE_CHECKING:
    from engine.data.loader import DataSource

Take = Callable[[int, int], Batch]


class DeviceQueue:
    """At most `length` batches of a source, waiting on a device."""

    def __init__(self, take: Take, device: torch.device, length: int, micro_batches: int) -> None:
        """`take` gives a micro-batch of a step, which has `micro_batches` of them."""
        self._take, self._device, self._length = take, device, length
        self._micro_batches = micro_batches
        self._stream: Any = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="device")
        self._waiting: dict[int, Future[Batch]] = {}

    def batch(self, step: int, micro: int) -> Batch:
        """Micro-batch ``micro`` (from 0) of step ``step`` (from 1), on the device."""
        index = (step - 1) * self._micro_batches + micro
        ready = self._waiting.pop(index, None) or self._ask(index)
        # A step that is repeated asks for what has been given away: what waits is no use then.
        wanted = range(index + 1, index + 1 + self._length)
        for other in [other for other in self._waiting if other not in wanted]:
            self._waiting.pop(other).cancel()
        for other in wanted:
            if other not in self._waiting:
                self._waiting[other] = self._ask(other)
        found = ready.result()
        if self._stream is not None:
            self._belongs_to_training(found)
        return found

    def close(self) -> None:
        """Let the thread go, whatever it had in hand."""
        self._waiting.clear()
        self._thread.shutdown(cancel_futures=True)

    def _ask(self, index: int) -> Future[Batch]:
        return self._thread.submit(self._bring, index)

    def _bring(self, index: int) -> Batch:
        batch = self._take(index // self._micro_batches + 1, index % self._micro_batches)
        with torch.cuda.stream(self._stream) if self._stream is not None else nullcontext():
            values = {field.name: getattr(batch, field.name) for field in fields(batch)}
            moved = replace(batch, **{n: self._moved(value) for n, value in values.items()})
        if self._stream is not None:
            self._stream.synchronize()
        return moved

    def _moved(self, value: Any) -> Any:
        """A tensor or conditioning on the device; anything else as it is. Formats stay."""
        if isinstance(value, Conditioning):
            return Conditioning({name: self._moved(part) for name, part in value.parts.items()})
        if not isinstance(value, Tensor) or self._stream is None or value.is_cuda:
            return value
        return value.pin_memory().to(self._device, non_blocking=True)

    def _belongs_to_training(self, batch: Batch) -> None:
        """Their memory may be used again only when the training's stream is done with them."""
        current = torch.cuda.current_stream(self._device)
        for field in fields(batch):
            value = getattr(batch, field.name)
            parts = value.parts.values() if isinstance(value, Conditioning) else [value]
            for part in parts:
                if isinstance(part, Tensor) and part.is_cuda:
                    part.record_stream(current)


def bring_ahead(source: DataSource, device: torch.device, length: int, micro_batches: int) -> None:
    """Have a source give its batches on the device, this many of them ahead; 0 leaves it alone."""
    if not length:
        return
    queue, close = DeviceQueue(source.batch, device, length, micro_batches), source.close

    def closed() -> None:
        queue.close()
        close()

    setattr(source, "batch", queue.batch)  # noqa: B010
    setattr(source, "close", closed)  # noqa: B010
