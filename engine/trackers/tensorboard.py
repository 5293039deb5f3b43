"""TensorBoard event files: `lr` and the losses as scalars, a folder for every start of the run."""

from __future__ import annotations

import time
from pathlib import Path

from engine.errors import MissingExtraError
from engine.trackers import Values


class TensorBoardLog:
    """Writes `<log_dir>/<name>_<yyyymmdd-hhmmss>/`."""

    def __init__(self, log_dir: Path, name: str) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtraError("tensorboard", "tensorboard", "log_dir") from error
        folder = log_dir.expanduser() / f"{name}_{time.strftime('%Y%m%d-%H%M%S')}"
        self._writer = SummaryWriter(str(folder))  # type: ignore[no-untyped-call]

    def log(self, step: int, at: float, values: Values) -> None:
        """One scalar a value."""
        for name, value in values.items():
            short = "lr" if name == "learning_rate" else name.removeprefix("loss/")
            self._writer.add_scalar(short, value, step, walltime=at)  # type: ignore[no-untyped-call]

    def preview(self, step: int, index: int, path: Path, prompt: str) -> None:
        """Pictures stay in the run's folder."""

    def close(self) -> None:
        """Write the rest."""
        self._writer.close()  # type: ignore[no-untyped-call]
