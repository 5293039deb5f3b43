"""Where everything of a run lies: the files of `<training_folder>/<name>/`, and their creation.

The layout is ai-toolkit's (config, weights by step, samples, log) plus the run's record for
watchers. This module knows places only; what stands in the files belongs to its neighbours.
"""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from schema.atomic import write_atomic
from schema.run.files import read_json

RECORD_VERSION = 1


class FolderTaken(Exception):
    """The wanted run folder holds something already; nothing was touched."""


class RunFolder:
    """The folder of one run; cheap to make, reads nothing until asked."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).absolute()

    @classmethod
    def create(
        cls, path: Path | str, config_text: str, name: str, *, base: Path | str | None = None
    ) -> RunFolder:
        """Lay out a new run in `path`, with the config exactly as it is to be run.

        Args:
            path: the new folder; its parents are made.
            config_text: the YAML.
            name: the run's name.
            base: where relative paths in the config count from; the present folder when None.

        Raises:
            FolderTaken: when `path` holds files already.
            OSError: when it cannot be written.
        """
        folder = cls(path)
        if folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir())):
            raise FolderTaken(f"{folder.path} is not empty")
        about: dict[str, Any] = {"v": RECORD_VERSION, "id": uuid.uuid4().hex, "name": name}
        about |= {"created": time.time(), "host": socket.gethostname()}
        about["base"] = str(Path(base or Path.cwd()).absolute())
        places = (folder.events, folder.control, folder.samples, folder.metrics)
        try:
            for place in places:
                place.mkdir(parents=True, exist_ok=True)
            write_atomic(folder.config, config_text)
            # Last, because it is what makes the folder a run.
            write_atomic(folder.run_json, json.dumps(about, ensure_ascii=False))
        except OSError:
            folder._unmake(places)
            raise
        return folder

    def _unmake(self, places: Iterable[Path]) -> None:
        """Take a half-made folder away again, so that the next try does not find it taken."""
        with suppress(OSError):
            self.config.unlink(missing_ok=True)
            for place in (*places, self.path):
                place.rmdir()

    def exists(self) -> bool:
        """Whether a run was ever laid out here."""
        return self.run_json.is_file()

    def about(self) -> dict[str, Any]:
        """The run's identity as written at its creation (`id`, `name`, `created`), or {} if
        unreadable.
        """
        return read_json(self.run_json) or {}

    @property
    def name(self) -> str:
        """The run's name; the folder's own where nothing else is known."""
        return str(self.about().get("name") or self.path.name)

    @property
    def config(self) -> Path:
        """The config as run."""
        return self.path / "config.yaml"

    @property
    def run_json(self) -> Path:
        """The identity, written once."""
        return self.path / "run.json"

    @property
    def status(self) -> Path:
        """The latest status, replaced every second."""
        return self.path / "status.json"

    @property
    def lock(self) -> Path:
        """The file that the one supervisor and its worker hold locked."""
        return self.path / "lock"

    @property
    def log(self) -> Path:
        """Everything the worker printed, tracebacks included."""
        return self.path / "log.txt"

    @property
    def events(self) -> Path:
        """Folder of append-only event files, one per writing process."""
        return self.path / "events"

    @property
    def metrics(self) -> Path:
        """Folder of the recorded scalars, a segment per start of a worker."""
        return self.path / "metrics"

    @property
    def telemetry(self) -> Path:
        """What the machine did, in the form of the metrics, keyed by milliseconds of time."""
        return self.path / "telemetry"

    @property
    def control(self) -> Path:
        """Folder of commands that wait for the worker."""
        return self.path / "control"

    @property
    def samples(self) -> Path:
        """Folder of preview pictures."""
        return self.path / "samples"

    @property
    def state(self) -> Path:
        """Folder of the checkpoints for exact resume."""
        return self.path / "state"

    def state_step(self, step: int) -> Path:
        """The exact-resume checkpoint taken after `step` completed steps."""
        return self.state / f"step_{step:09d}"

    def step_file(self, step: int | None, suffix: str = ".safetensors") -> Path:
        """The user's weights after `step` steps; the final ones for None."""
        ending = "" if step is None else f"_{step:09d}"
        return self.path / f"{self.name}{ending}{suffix}"

    def __repr__(self) -> str:
        """For messages and test output."""
        return f"RunFolder({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        """Two values are the same run when they are the same folder."""
        return isinstance(other, RunFolder) and other.path == self.path

    def __hash__(self) -> int:
        """By path, as equality."""
        return hash(self.path)
