"""A run that was never trained: the real writers, driven with invented values.

Tests and the bench of the dashboard's traffic use it to lay out runs of any length, to let them
grow, and to end them in every way a run can end.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

from PIL import Image, ImageDraw

from schema.run.events import EventWriter
from schema.run.files import replace_json
from schema.run.layout import RunFolder
from schema.run.metrics import MetricsWriter
from schema.run.process import this_process

CONFIG = """\
job: extension
config:
  name: {name}
  process:
  - type: sd_trainer
    trigger_word: zvx
    train:
      steps: {steps}
      batch_size: 4
      lr: {lr}
    save:
      save_every: 250
    sample:
      sample_every: 250
      guidance_scale: 4
      sample_steps: 20
      prompts:
      - a photo of zvx on the moon
      - zvx in a red hat
"""
PROMPTS = ("a photo of zvx on the moon", "zvx in a red hat")
BEGUN = 1_763_890_000.0
"""A fixed moment, so that screens can be compared to stored ones."""


class FakeRun:
    """Lays out a run folder and writes into it as worker and supervisor would."""

    def __init__(
        self, place: Path, name: str = "dog_flux", *, steps: int = 20_000, lr: float = 1e-4,
        begun: float = BEGUN, seed: int = 1,
    ) -> None:  # fmt: skip
        self.folder = RunFolder.create(
            place / name, CONFIG.format(name=name, steps=steps, lr=lr), name
        )
        self.steps, self.lr, self.begun, self.step = steps, lr, begun, 0
        self._random = random.Random(seed)
        self.metrics = MetricsWriter(self.folder.metrics, 0)
        self.telemetry: MetricsWriter | None = None
        self._events = EventWriter(self.folder, "worker")
        self._beat = 0

    def loss(self, step: int) -> float:
        """A noisy curve that falls."""
        return 0.2 + 0.4 * math.exp(-step / 1500) + self._random.gauss(0, 0.03)

    def train(
        self, count: int, *, change: Callable[[int, dict[str, float]], None] | None = None
    ) -> None:
        """Record `count` more steps, 0.76 s apart."""
        for step in range(self.step + 1, self.step + count + 1):
            values = {
                "loss": self.loss(step), "lr/unet": self.lr,
                "grad_norm": 0.8 + self._random.random() / 10, "step_seconds": 0.76,
                "data_seconds": 0.02, "memory/allocated": 58.9 * 2**30,
            }  # fmt: skip
            if change is not None:
                change(step, values)
            self.metrics.record(step, values, at=self.begun + step * 0.76)
        self.step += count
        self.metrics.flush()

    @property
    def now(self) -> float:
        """The moment at which the run stands."""
        return self.begun + self.step * 0.76

    def tell(self, kind: str, *, at: float | None = None, **fields: Any) -> None:
        """Write an event that happened when the run stood where it stands, or at a given moment."""
        clock = Mock(time=lambda: self.now if at is None else at, time_ns=time.time_ns)
        with patch("schema.run.events.time", clock):
            self._events.emit(kind, **fields)

    def restart(self, step: int) -> None:
        """Begin a new segment after `step`, as a resumed worker does."""
        self.metrics.close()
        self.metrics = MetricsWriter(self.folder.metrics, step)
        self.step = step
        self.tell("resumed", step=step, path=f"state/step_{step:09d}")

    def status(self, state: str = "training", *, alive: bool = True, **more: Any) -> None:
        """Replace the status record; `alive` names this test's own process as the worker."""
        self._beat += 1
        me = this_process().as_json() if alive else {**this_process().as_json(), "start": "0"}
        record: Mapping[str, Any] = {
            "v": 1, "name": self.folder.name, "folder": str(self.folder.path), "state": state,
            "step": self.step, "steps": self.steps, "loss": 0.214, "lr": self.lr,
            "steps_per_second": 1.31, "eta_seconds": (self.steps - self.step) / 1.31,
            "device": "cuda:0", "started": self.begun, "updated": time.time(),
            "heartbeat": self._beat, "pid": me["pid"], "host": me["host"], "worker": me,
            "error": None, **more,
        }  # fmt: skip
        replace_json(self.folder.status, dict(record))

    def sample(self, step: int, count: int = 2, size: int = 64) -> list[Path]:
        """Draw `count` small pictures and tell of them."""
        paths = []
        for index in range(count):
            name = f"samples/{step:09d}_{index}.png"
            paths.append(picture(self.folder.path / name, index, step, size))
            self.tell(
                "sample", path=name, step=step, index=index,
                prompt=PROMPTS[index % len(PROMPTS)], seed=42 + index,
            )  # fmt: skip
        return paths

    def save(self, step: int) -> None:
        """Tell of a checkpoint."""
        weights = f"{self.folder.name}_{step:09d}.safetensors"
        self.tell(
            "checkpoint", step=step, path=f"state/step_{step:09d}", files=[weights],
            bytes=164 * 2**20,
        )  # fmt: skip

    def measure(self, gpus: int = 1, seconds: int = 60) -> None:
        """Write a minute of telemetry."""
        self.telemetry = MetricsWriter(self.folder.telemetry, 0)
        for second in range(seconds):
            at = self.begun + second
            values = {"cpu": 12.0, "ram": 88 * 2.0**30, "ram_total": 128 * 2.0**30}
            for gpu in range(gpus):
                values |= {
                    f"gpu{gpu}.util": 78.0, f"gpu{gpu}.memory_used": 61.2 * 2**30,
                    f"gpu{gpu}.memory_total": 139 * 2.0**30, f"gpu{gpu}.temperature": 64.0,
                    f"gpu{gpu}.power": 612.0,
                }  # fmt: skip
            self.telemetry.record(int(at * 1000), values, at=at)
        self.telemetry.close()


def picture(path: Path, index: int, step: int, size: int = 64) -> Path:
    """A small PNG whose colours tell prompt and step apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (size, size), (30 + 90 * (index % 3), 60, 120))
    draw = ImageDraw.Draw(image)
    edge = size // 6 + step % 7
    draw.ellipse((edge, edge, size - edge, size - edge), fill=(230, 200, 40 + 90 * (index % 3)))
    image.save(path)
    return path
