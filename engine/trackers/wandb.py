"""Weights & Biases: metrics, previews and the config, to the service or into its offline files.

A resumed run goes on in the same run there. The service's own words about keys and modes hold:
WANDB_API_KEY, WANDB_MODE=offline; nothing of them is read or kept by us.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.errors import ConfigError, MissingExtraError
from engine.trackers import Values


class WandbLog:
    """One run of the service."""

    def __init__(
        self, folder: Path, run_id: str, project: str, name: str | None, config: dict[str, Any]
    ) -> None:
        """`config` is the whole process. Raises ConfigError when the service refuses."""
        try:
            import wandb
        except ImportError as error:
            raise MissingExtraError("wandb", "wandb", "logging.use_wandb") from error
        self._wandb = wandb
        self._waiting: list[tuple[int, dict[str, Any]]] = []
        self._last = 0
        settings = wandb.Settings(console="off", silent=True)
        try:
            self._run = wandb.init(
                project=project,
                name=name,
                id=run_id,
                resume="allow",
                config=config,
                dir=str(folder),
                settings=settings,
            )
        except Exception as error:  # its library has many
            raise ConfigError(
                "logging.use_wandb",
                f"Weights & Biases did not start: {error}",
                repair="Set WANDB_API_KEY, or WANDB_MODE=offline to write files only.",
            ) from error

    def log(self, step: int, at: float, values: Values) -> None:
        """The values at their step; the service takes steps in their order only."""
        self._show_until(step)
        self._run.log(dict(values), step=step)
        self._last = step

    def preview(self, step: int, index: int, path: Path, prompt: str) -> None:
        """A picture with its prompt; values of earlier steps may still be on their way."""
        picture = self._wandb.Image(str(path), caption=prompt)
        self._waiting.append((step, {f"sample_{index}": picture}))

    def _show_until(self, step: int) -> None:
        for at, pictures in [row for row in self._waiting if row[0] <= step]:
            self._run.log(pictures, step=max(at, self._last))
        self._waiting = [row for row in self._waiting if row[0] > step]

    def close(self) -> None:
        """Hand everything over."""
        for at, pictures in self._waiting:
            self._run.log(pictures, step=max(at, self._last))
        self._run.finish()
