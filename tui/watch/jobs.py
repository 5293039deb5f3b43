"""All runs that this machine knows, looked at in a thread: what `finetui ps` prints, live."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schema.run import commands
from schema.run.layout import RunFolder
from schema.run.registry import known_runs
from schema.run.state import RunWatch
from schema.run.status import RunStatus
from tui.watch.facts import load_yaml

EVERY = 2.0


@dataclass(frozen=True)
class Job:
    """One known run at one moment."""

    folder: RunFolder
    status: RunStatus
    config: Mapping[str, Any] = field(default_factory=dict)
    """Its config as flat paths, for telling runs apart."""


class JobsWatcher(threading.Thread):
    """Looks at all known runs every two seconds; `notify` is called in this thread."""

    def __init__(
        self, notify: Callable[[Sequence[Job]], object], *, every: float = EVERY,
        runs: Callable[[], Sequence[RunFolder]] = known_runs,
    ) -> None:  # fmt: skip
        """Not started yet; `runs` lists the folders (the registry of this machine)."""
        super().__init__(daemon=True, name="jobs")
        self._notify, self._every, self._runs = notify, every, runs
        self._watches: dict[Path, RunWatch] = {}
        self._configs: dict[Path, Mapping[str, Any]] = {}
        self._orders: list[tuple[RunFolder, str]] = []
        self._wake, self._ended = threading.Event(), threading.Event()
        self._watched = threading.Event()
        self._watched.set()

    def order(self, folder: RunFolder, name: str) -> None:
        """Send a command to a run."""
        self._orders.append((folder, name))
        self._wake.set()

    def look_now(self) -> None:
        """Look at once."""
        self._wake.set()

    def pause(self, paused: bool) -> None:
        """Stop looking while nobody sees it, or go on."""
        (self._watched.clear if paused else self._watched.set)()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._watched.set()
        self._wake.set()

    def run(self) -> None:
        """Look until `stop()`."""
        while True:
            self._watched.wait()
            if self._ended.is_set():
                return
            self._wake.clear()
            while self._orders:
                folder, name = self._orders.pop(0)
                self._send(folder, name)
            jobs = [self._look(folder) for folder in self._runs()]
            # The newest first: it is the one that is most likely wanted.
            self._notify(sorted(jobs, key=lambda job: -(job.status.started or 0.0)))
            self._wake.wait(self._every)

    @staticmethod
    def _send(folder: RunFolder, name: str) -> None:
        try:
            commands.send(folder, name)
        except OSError:
            return  # the run's state goes on showing that nothing has happened

    def _look(self, folder: RunFolder) -> Job:
        watch = self._watches.setdefault(folder.path, RunWatch(folder))
        config = self._configs.get(folder.path)
        if config is None:
            config = self._configs[folder.path] = flatten(load_yaml(folder.config))
        return Job(folder, watch.status(), config)


def flatten(value: Any, path: str = "") -> dict[str, Any]:
    """A config as `train.lr: 1e-4` pairs; the keys of its only process stand bare."""
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for key, inner in value.items():
            found |= flatten(inner, f"{path}.{key}" if path else str(key))
        return found
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        found = {}
        for at, inner in enumerate(value):
            found |= flatten(inner, f"{path}[{at}]")
        return found
    return {path.removeprefix("config.process[0]."): value} if path else {}


def differences(configs: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Any]]]:
    """(path, value in each config) of all that is not the same everywhere, but for the name."""
    paths = sorted({path for config in configs for path in config} - {"config.name"})
    rows = [(path, [config.get(path) for config in configs]) for path in paths]
    return [(path, values) for path, values in rows if any(v != values[0] for v in values[1:])]


def changed_words(job: Job, before: Job | None) -> str:
    """What this run changed against an earlier one: `lr 0.0003  linear 32`; the config diff is the
    name of the run.
    """
    if before is None:
        return ""
    found = differences([before.config, job.config])
    words = [
        f"{path.rsplit('.', 1)[-1]} {'-' if values[1] is None else values[1]}"
        for path, values in found
    ]
    return "  ".join(words)
