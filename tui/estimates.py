"""Getting an estimate for a config: reading the machine, asking the engine to count, keeping both.

The engine counts in a process of its own (`engine.ask counts`), first the weights (a few seconds),
then what a step needs (some more); answers are kept by the content of the model's configs, so an
edit of batch size, resolution or optimizer asks nobody. All of this is slow and runs in threads.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from schema.document import Document
from schema.estimate import pace, scope
from schema.estimate.counts import Counts, from_json
from schema.estimate.hardware import Card, Machine
from schema.estimate.report import Estimate, estimate
from schema.extras import install_command
from schema.sections.job import JobFile
from tui.launch import _environment
from tui.watch.gpu import Nvml, read_host

ASK = (sys.executable, "-P", "-m", "engine.ask", "counts")
LOOK_SECONDS = 0.05
NICE = 5
"""Counting may wait; typing may not."""

NO_MODEL = "the model is not on this disk, so nothing of it can be counted"
NO_FAMILY = "the engine does not train this family yet, so it cannot count it"

Cancelled = Callable[[], bool]
_turn = threading.Lock()
_refused: dict[str, str] = {}
"""Why the engine could not count a config, by its key: it is not asked twice."""


@dataclass(frozen=True)
class Look:
    """An estimate, and whether the engine could say more: then `missing` is what to ask for."""

    estimate: Estimate
    key: str | None
    missing: bool
    measured: bool


def look(job: JobFile, base: Path) -> Look:
    """The estimate with what is known now; nothing is asked. Takes milliseconds."""
    process = job.trainer
    key = scope.key_of(process, base)
    counts, why = None, ""
    if not scope.counted_here(process):
        why = NO_FAMILY
    elif key is None:
        why = NO_MODEL
    else:
        counts = _stored(key)
        why = _refused.get(key, "")
        if counts is None and not why and importlib.util.find_spec("torch") is None:
            why = f"counting needs the engine: {install_command('engine')}"
    measured = counts is not None and counts.activations is not None
    missing = not measured and not why and key is not None
    found = estimate(job, machine(), counts, base, why=why)
    return Look(found, key, missing, counts is not None)


def _stored(key: str) -> Counts | None:
    value = scope.cached(key)
    try:
        return None if value is None else from_json(value)
    except (KeyError, TypeError, ValueError):
        return None


def count(
    text: str,
    key: str,
    base: Path,
    *,
    measure: bool,
    cancelled: Cancelled,
    nice: int = NICE,
) -> bool:
    """Ask the engine and keep its answer; False when there is none (`look` then says why).

    `cancelled` is asked all the time; the process is ended as soon as it says so.
    """
    with _one_at_a_time(cancelled) as mine:
        if not mine:
            return False
        known = _stored(key)  # another view may have asked the same meanwhile
        if known is not None and (known.activations is not None or not measure):
            return True
        question = {"text": text, "measure": measure}
        found, reason = _ask(question, base, cancelled, nice)
        if found is not None:
            scope.store(key, found)
        elif reason:
            _refused[key] = reason
        return found is not None


@contextmanager
def _one_at_a_time(cancelled: Cancelled) -> Iterator[bool]:
    """One engine counts at a time; False when it was cancelled before its turn came."""
    mine = False
    while not mine and not cancelled():
        mine = _turn.acquire(timeout=LOOK_SECONDS)
    try:
        yield mine
    finally:
        if mine:
            _turn.release()


def _ask(
    question: dict[str, Any], base: Path, cancelled: Cancelled, nice: int
) -> tuple[dict[str, Any] | None, str]:
    """The engine's answer, or why there is none ('' when it was cancelled)."""
    environment = {**_environment(), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        ASK, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=base,
        env=environment, text=True,
    ) as child:  # fmt: skip
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, child.pid, nice)
        assert child.stdin is not None
        assert child.stdout is not None
        with suppress(BrokenPipeError):
            child.stdin.write(json.dumps(question))
            child.stdin.close()
        try:
            while child.poll() is None:
                if cancelled():
                    return None, ""
                time.sleep(LOOK_SECONDS)
            output = child.stdout.read()
        finally:
            child.kill()  # nothing to do where it has ended
    try:
        answer = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return None, f"the engine could not count the model (exit code {child.returncode})"
    return (None, str(answer["error"])) if "error" in answer else (answer, "")


@lru_cache(1)
def _nvml() -> Nvml:
    return Nvml()


def machine() -> Machine:
    """What this machine has, read now; the names of GPUs and processor do not change."""
    cards = tuple(
        Card(gpu.index, gpu.name, gpu.memory_total, gpu.memory_used)
        for gpu in _nvml().read().gpus
        if gpu.problem is None
    )
    host = read_host()
    return Machine(cards, None if host is None else host.memory_total, processor())


@lru_cache(1)
def processor() -> str:
    """The processor's name, as far as the system tells."""
    with suppress(OSError):
        for row in Path("/proc/cpuinfo").read_text().splitlines():
            if row.startswith("model name"):
                return f"CPU: {row.partition(':')[2].strip()}"
    return f"CPU: {platform.processor() or platform.machine()}"


def read_earlier_runs() -> None:
    """Take over the times of runs that have ended since; a missing or odd run is passed over."""
    with suppress(OSError):
        pace.harvest(machine())


def parsed(text: str, file: str = "") -> JobFile:
    """The typed job of a text; raises schema.findings.ConfigError."""
    return Document.parse(text, file=file).typed()
