"""`train:` - how the weights are trained, composed from a file per group of options."""

from schema.sections.train.learning import Learning
from schema.sections.train.loss import Loss
from schema.sections.train.modes import Modes
from schema.sections.train.noise import Noise
from schema.sections.train.optimizers import (
    AdafactorParams,
    Adam8bitParams,
    AdamParams,
    AdamW8bitParams,
    AdamWParams,
    OptimizerParams,
)
from schema.sections.train.run import EmaConfig, RunLength
from schema.sections.train.schedules import SchedulerParams

__all__ = [
    "AdafactorParams",
    "Adam8bitParams",
    "AdamParams",
    "AdamW8bitParams",
    "AdamWParams",
    "EmaConfig",
    "OptimizerParams",
    "SchedulerParams",
    "Train",
]


class Train(Modes, Loss, Noise, Learning, RunLength):
    """Everything under `train:` (pydantic orders the fields from the last base to the first)."""
