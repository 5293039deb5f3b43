"""What the machine did while a run was at work: one row a second, from NVML and psutil.

The supervisor owns it, so that the history is there after every window was closed. A row has `cpu`
(percent), `ram` and `ram_total` (bytes), `worker.ram` (bytes of the worker and its helpers), and
per card `gpu0.util` (percent), `gpu0.memory_used`, `gpu0.memory_total` (bytes), `gpu0.temperature`
(degrees Celsius), `gpu0.power` and `gpu0.power_limit` (watts). What a card does not tell is absent,
never 0. No torch here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from schema.run.metrics import MetricsWriter

SAMPLE_SECONDS = 1.0


class Cards:
    """The NVIDIA cards as NVML shows them; none where NVML is missing or broken.

    Args:
        nvml: a module with pynvml's functions; pynvml itself when None. Tests put a stand-in here.
    """

    def __init__(self, nvml: Any = None) -> None:
        self._nvml = nvml if nvml is not None else _import_nvml()
        self._handles: dict[int, Any] = {}
        if self._nvml is not None:
            try:
                self._nvml.nvmlInit()
                count = int(self._nvml.nvmlDeviceGetCount())
            except Exception:  # NVML raises a class per error code, and the stand-ins their own
                self._nvml = None
                return
            for index in range(count):
                handle = self._ask(self._nvml.nvmlDeviceGetHandleByIndex, index)
                if handle is not None:
                    self._handles[index] = handle

    def __len__(self) -> int:
        return len(self._handles)

    def row(self) -> dict[str, float]:
        """The present values of every card that answers."""
        values: dict[str, float] = {}
        for index, handle in self._handles.items():
            for name, value in self._of_card(handle):
                values[f"gpu{index}.{name}"] = float(value)
        return values

    def close(self) -> None:
        """Let NVML go."""
        if self._nvml is not None:
            self._ask(self._nvml.nvmlShutdown)

    def _of_card(self, handle: Any) -> Iterator[tuple[str, float]]:
        nvml = self._nvml
        if (rates := self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)) is not None:
            yield "util", rates.gpu
        if (memory := self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)) is not None:
            yield "memory_used", memory.used
            yield "memory_total", memory.total
        celsius = self._ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
        if celsius is not None:
            yield "temperature", celsius
        for name, function in (
            ("power", nvml.nvmlDeviceGetPowerUsage),
            ("power_limit", nvml.nvmlDeviceGetEnforcedPowerLimit),
        ):
            if (milliwatts := self._ask(function, handle)) is not None:
                yield name, milliwatts / 1000

    @staticmethod
    def _ask(function: Callable[..., Any], *arguments: Any) -> Any:
        """The answer of one NVML call, or None: a card may be lost, or never tell this."""
        try:
            return function(*arguments)
        except Exception:
            return None


class Telemetry:
    """Samples the machine once a second in a thread of its own, until closed."""

    def __init__(
        self,
        place: Path,
        worker_pid: int,
        *,
        nvml: Any = None,
        sample_seconds: float = SAMPLE_SECONDS,
    ) -> None:
        # In a thread, because a call into a sick driver may hang, and the supervisor must not hang
        # with it.
        self._worker_pid, self._seconds = worker_pid, sample_seconds
        self._nvml = nvml
        begin = time.time_ns() // 1_000_000
        self._writer = MetricsWriter(place, begin, segment=begin)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def close(self, within: float = 2.0) -> None:
        """Write what was sampled and stop; a driver that hangs longer (seconds) is left behind."""
        self._closing.set()
        self._thread.join(timeout=within)

    def _run(self) -> None:
        cards = Cards(self._nvml)
        psutil.cpu_percent()  # the first call only starts its clock
        try:
            while not self._closing.wait(self._seconds):
                now = time.time()
                self._writer.record(int(now * 1000), {**self._host(), **cards.row()}, at=now)
                self._writer.flush()
        finally:
            self._writer.close()
            cards.close()

    def _host(self) -> dict[str, float]:
        memory = psutil.virtual_memory()
        used = float(memory.total - memory.available)
        row = {"cpu": psutil.cpu_percent(), "ram": used, "ram_total": float(memory.total)}
        resident = family_memory(self._worker_pid)
        return {**row, "worker.ram": resident} if resident else row


def family_memory(pid: int) -> float:
    """Resident bytes of a process and its children; 0.0 once it is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0.0
    total = 0.0
    for member in family:
        try:
            total += member.memory_info().rss
        except psutil.Error:
            continue
    return total


def _import_nvml() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml
