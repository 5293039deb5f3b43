"""One step's example, as the options of a config make it: for tests that look into the step.

`Bench` holds a tiny model with a network that says something; `seen` builds the objective from a
config, as a run does, puts one batch through it and gives back the example with everything that the
step made of it. The same step number draws the same numbers, whatever else is switched on.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.accelerator import Accelerator
from engine.assembly.objective import build_objective
from engine.data.batch import Batch
from engine.data.cache import TextTable
from engine.denoising import Denoising
from engine.example import Example
from engine.families import family_for
from engine.families.base import Conditioning, Family
from engine.flow import FlowTable
from engine.networks import Trained, build
from engine.step import Losses
from schema.sections.job import TrainerProcess
from schema.sections.model import Model
from schema.sections.network import Network
from schema.sections.train import Train

CPU = torch.device("cpu")
STEP = 5


@dataclass
class Seen:
    """What came of one micro-batch."""

    example: Example
    losses: Losses

    @property
    def total(self) -> float:
        """The loss."""
        return self.losses.total.item()


class Bench:
    """A tiny SD1 with everything loaded and a network whose delta is not zero."""

    def __init__(self, model: Path, *, flow: bool = False) -> None:
        """`flow`: the same U-Net, trained by flow matching."""
        self.path = model
        self.family: Family = family_for("sd1").open(
            Model(name_or_path=str(model), arch="sd1"), Train(), CPU, torch.float32
        )
        self.family.load_denoisers()
        self.family.load_vae()
        if flow:
            self.family.noise_table = FlowTable  # type: ignore[method-assign,assignment]
        self.network: Trained = build(self.family, Network(), Train(), "safetensors", 0)
        drawn = torch.Generator().manual_seed(1)
        state = self.network.state_dict()
        self.network.load_state_dict(
            {name: torch.randn(value.shape, generator=drawn) * 0.1 for name, value in state.items()}
        )
        self.calls = 0
        predict = self.family.predict

        def counted(*args: Any) -> Tensor:
            self.calls += 1
            return predict(*args)

        self.family.predict = counted  # type: ignore[method-assign]

    def objective(
        self,
        *,
        show: Any = None,
        dataset: dict[str, Any] | None = None,
        prompts: TextTable | None = None,
        **train: Any,
    ) -> Denoising:
        """Built from the options as a run builds it."""
        process = TrainerProcess.model_validate(
            {
                "type": "sd_trainer",
                "training_folder": "nowhere",
                "model": {"name_or_path": str(self.path), "arch": "sd1"},
                "network": {"type": "lora", "linear": 4},
                "train": train,
                "datasets": [{"folder_path": "nowhere"} | (dataset or {})],
            }
        )
        accelerator = Accelerator(CPU, torch.float32, autocast=False, scale=False)
        return build_objective(process, self.family, accelerator, self.network, 3, show, prompts)

    def seen(
        self,
        batch: Batch | None = None,
        *,
        objective: Denoising | None = None,
        number: int = STEP,
        dataset: dict[str, Any] | None = None,
        **train: Any,
    ) -> Seen:
        """One micro-batch through the step, and its gradient."""
        objective = objective or self.objective(dataset=dataset, **train)
        kept: list[Example] = []

        def keep(example: Example, total: Tensor) -> Tensor:
            kept.append(example)
            return total

        places = objective._places
        objective._places = replace(places, totals=[*places.totals, keep])
        self.calls = 0
        with ExitStack() as held:
            losses = objective(batch or make_batch(), number, 0, held)
            losses.total.backward()
        objective._places = places
        return Seen(kept[0], losses)

    def gradients(self) -> dict[str, Tensor]:
        """The network's gradients, which are forgotten by asking."""
        found: dict[str, Tensor] = {}
        for group in self.network.groups.values():
            for name, parameter in group.items():
                found[name] = torch.zeros(()) if parameter.grad is None else parameter.grad
                parameter.grad = None
        return found


def make_batch(rows: int = 4, **changes: Any) -> Batch:
    """Cached latents that are no noise: blobs with a mean, different in every channel."""
    drawn = torch.Generator().manual_seed(11)
    batch = Batch(
        captions=["a"] * rows,
        items=list(range(rows)),
        slots=list(range(rows)),
        size=(64, 64),
        latents=torch.randn(rows, 4, 8, 8, generator=drawn) * 0.7 + 0.4,
        conditioning=Conditioning({"text": torch.randn(rows, 77, 32, generator=drawn)}),
        pictures=[f"/data/{row}.png" for row in range(rows)],
    )
    return replace(batch, **changes)


def make_pixels(rows: int = 4) -> Tensor:
    """Pictures with colours, (B, 3, 64, 64) in [-1, 1]."""
    drawn = torch.Generator().manual_seed(12)
    return (torch.randn(rows, 3, 64, 64, generator=drawn) * 0.3 + 0.2).clamp(-1, 1)


def pixel_batch(rows: int = 4, **changes: Any) -> Batch:
    """The same pictures, not encoded yet."""
    return make_batch(rows, **({"latents": None, "pixels_BCHW": make_pixels(rows)} | changes))
