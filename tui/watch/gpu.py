"""Reading the GPUs of this machine through NVML, in a thread of its own.

NVML calls can block for a second when a driver is in trouble, a card can fall off the bus, and one
reading of a card may fail while the others work. So nothing here raises to the screen: a card that
cannot be read carries a sentence instead of numbers, and a machine without NVML carries one
sentence for all. The boundary is the module `pynvml`; tests put a stand-in in its place.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

NO_GPU: Final = "no NVIDIA GPU"
GONE: Final = "gone: the driver no longer answers for this card"


@dataclass(frozen=True)
class Gpu:
    """One reading of one card; None where that value could not be read.

    Utilisation is a share of one, memory in bytes, temperature in degrees Celsius, power in watts.
    """

    index: int
    name: str = ""
    utilisation: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    temperature: float | None = None
    power: float | None = None
    fan: float | None = None
    problem: str | None = None

    @property
    def short_name(self) -> str:
        """The name without the words that every card has."""
        words = self.name.replace("NVIDIA", "").replace("GeForce", "").split()
        return " ".join(words) or "GPU"


@dataclass(frozen=True)
class Host:
    """One reading of the machine: CPU as a share of one, memory in bytes."""

    cpu: float | None
    memory_used: int
    memory_total: int
    swap_used: int = 0


@dataclass(frozen=True)
class Readings:
    """All cards at one moment; `why` says in words why there is none."""

    gpus: tuple[Gpu, ...] = ()
    why: str = ""


class Nvml:
    """Reads all cards through a module that has pynvml's functions."""

    def __init__(self, module: Any | None = None) -> None:
        """Nothing is imported or opened before the first reading."""
        self._module = module
        self._ready = False
        self._names: dict[int, str] = {}

    def read(self) -> Readings:
        """One reading of every card. Never raises."""
        try:
            nvml = self._open()
            count = int(nvml.nvmlDeviceGetCount())
        except Exception as error:  # whatever NVML or its absence throws is a sentence
            self._ready = False
            return self._none(error)
        # A card that was there and is not counted any more is shown as gone, not left out.
        known = max(count, 1 + max(self._names, default=-1))
        gpus = tuple(self._read_one(index, index < count) for index in range(known))
        return Readings(gpus, "" if gpus else NO_GPU)

    def close(self) -> None:
        """Give NVML back."""
        if self._ready and self._module is not None:
            self._ready = False
            _try(self._module.nvmlShutdown)

    def _open(self) -> Any:
        """The module, initialised."""
        if self._module is None:
            self._module = importlib.import_module("pynvml")
        if not self._ready:
            self._module.nvmlInit()
            self._ready = True
        return self._module

    def _none(self, error: Exception) -> Readings:
        if self._names:
            gone = tuple(Gpu(i, name, problem=GONE) for i, name in sorted(self._names.items()))
            return Readings(gone, _words(error))
        return Readings((), NO_GPU if _is_absence(error) else f"{NO_GPU}: {_words(error)}")

    def _read_one(self, index: int, counted: bool) -> Gpu:
        nvml: Any = self._module
        if not counted:
            return Gpu(index, self._names.get(index, ""), problem=GONE)
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
        except Exception as error:
            known = self._names.get(index, "")
            return Gpu(index, known, problem=GONE if known else f"no reading: {_words(error)}")
        if index not in self._names and (name := _try(nvml.nvmlDeviceGetName, handle)) is not None:
            self._names[index] = name.decode() if isinstance(name, bytes) else str(name)
        memory = _try(nvml.nvmlDeviceGetMemoryInfo, handle)
        load = _try(nvml.nvmlDeviceGetUtilizationRates, handle)
        heat = _try(nvml.nvmlDeviceGetTemperature, handle, 0)
        power = _try(nvml.nvmlDeviceGetPowerUsage, handle)
        if memory is None and load is None and heat is None and power is None:
            return Gpu(index, self._names.get(index, ""), problem=GONE)
        return Gpu(
            index,
            self._names.get(index, ""),
            utilisation=None if load is None else load.gpu / 100,
            memory_used=None if memory is None else int(memory.used),
            memory_total=None if memory is None else int(memory.total),
            temperature=heat,
            power=None if power is None else power / 1000,
            fan=_try(nvml.nvmlDeviceGetFanSpeed, handle),
        )


def _try(call: Callable[..., Any], *args: Any) -> Any:
    """The value, or None where this card or driver does not tell."""
    try:
        return call(*args)
    except Exception:
        return None


def _words(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]


def _is_absence(error: Exception) -> bool:
    """Whether the error means that the machine simply has no NVIDIA driver."""
    name = type(error).__name__
    return isinstance(error, ImportError) or "LibraryNotFound" in name or "DriverNotLoaded" in name


def read_host() -> Host | None:
    """CPU load since the last call, RAM and swap; None where the system does not tell."""
    import psutil  # here: 38 ms that a start without a dashboard need not pay

    try:
        memory = psutil.virtual_memory()
        return Host(
            psutil.cpu_percent(None) / 100,
            memory.total - memory.available,
            memory.total,
            psutil.swap_memory().used,
        )
    except (OSError, psutil.Error, RuntimeError):
        return None


class MachineReader(threading.Thread):
    """Reads cards and host once a second while somebody looks; hands plain values to `notify`."""

    def __init__(
        self,
        notify: Callable[[Readings, Host | None], object],
        nvml: Nvml | None = None,
        host: Callable[[], Host | None] = read_host,
        every: float = 1.0,
    ) -> None:
        """Not started yet."""
        super().__init__(daemon=True, name="machine")
        self._notify, self._nvml, self._host, self._every = notify, nvml or Nvml(), host, every
        self._ended = threading.Event()
        self._watched = threading.Event()
        self._watched.set()

    def run(self) -> None:
        """Read until `stop()`; while paused nothing is read."""
        while not self._ended.is_set():
            self._watched.wait()
            if self._ended.is_set():
                break
            self._notify(self._nvml.read(), self._host())
            self._ended.wait(self._every)
        self._nvml.close()

    def pause(self, paused: bool) -> None:
        """Stop reading while nobody looks, or go on."""
        (self._watched.clear if paused else self._watched.set)()

    def stop(self) -> None:
        """End the thread; it is gone within one reading."""
        self._ended.set()
        self._watched.set()


def from_telemetry(values: Mapping[str, float], names: Sequence[str] = ()) -> Readings:
    """The cards as the supervisor recorded them: series `gpu0.util`, `gpu0.memory_used`, …

    `util` and `cpu` are percent there. For a run on another machine, and for one that has ended.
    """
    indices = sorted({int(k[3 : k.index(".")]) for k in values if k.startswith("gpu") and "." in k})
    gpus = []
    for index in indices:
        get = {
            key.split(".", 1)[1]: v for key, v in values.items() if key.startswith(f"gpu{index}.")
        }
        used, total = get.get("memory_used"), get.get("memory_total")
        gpus.append(
            Gpu(
                index,
                names[index] if index < len(names) else "",
                utilisation=None if (load := get.get("util")) is None else load / 100,
                memory_used=None if used is None else int(used),
                memory_total=None if total is None else int(total),
                temperature=get.get("temperature"),
                power=get.get("power"),
            )
        )
    return Readings(tuple(gpus), "" if gpus else NO_GPU)


def host_from_telemetry(values: Mapping[str, float]) -> Host | None:
    """CPU and RAM as the supervisor recorded them; None where it did not."""
    if "ram" not in values:
        return None
    cpu = values.get("cpu")
    total = int(values.get("ram_total", 0))
    return Host(None if cpu is None else cpu / 100, int(values["ram"]), total)
