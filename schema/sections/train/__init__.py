"""`train:` - how the weights are trained, composed from a file per group of options."""

from schema.sections.train.assistants import Assistants
from schema.sections.train.averaging import Averaging, EmaConfig
from schema.sections.train.experiments import Experiments
from schema.sections.train.gradients import Gradients
from schema.sections.train.guidance import Guidance
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
from schema.sections.train.precision import Precision
from schema.sections.train.preservation import Preservation
from schema.sections.train.prompts import Prompts
from schema.sections.train.run import RunLength
from schema.sections.train.schedules import SchedulerParams
from schema.sections.train.timesteps import Timesteps
from schema.sections.train.validation import Validation, ValidationConfig, ValidationItem

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
    "ValidationConfig",
    "ValidationItem",
]


class Train(
    Experiments,
    Assistants,
    Validation,
    Preservation,
    Guidance,
    Prompts,
    Modes,
    Loss,
    Noise,
    Timesteps,
    Averaging,
    Precision,
    Gradients,
    Learning,
    RunLength,
):
    """Everything under `train:` (pydantic orders the fields from the last base to the first)."""

    @property
    def feature_extractor(self) -> str | None:
        """The perceptual loss by either of its names."""
        return self.diffusion_feature_extractor_path or self.latent_feature_extractor_path

    @property
    def feature_weight(self) -> float:
        """Its weight: the older name's unless that is left out."""
        if "diffusion_feature_extractor_weight" in self.model_fields_set:
            return self.diffusion_feature_extractor_weight
        return self.latent_feature_loss_weight

    @property
    def regularization_bias(self) -> str:
        """The timestep bias of regularization batches."""
        return self.content_or_style_reg or self.content_or_style

    @property
    def matching_chance(self) -> float:
        """The chance to imitate the assistant adapter; its older switch means always."""
        return (
            1.0
            if self.match_adapter_assist and not self.match_adapter_chance
            else (self.match_adapter_chance)
        )
