"""Changes of the prediction before it is compared, gradients and all."""

from __future__ import annotations

from torch import Tensor

from engine.example import Example
from engine.noise import spread


def match_noise_norm(example: Example) -> None:
    """p |eps| / |p| per item; the gradient flows through the norm."""
    noise_B, predicted_B = _norm(example.noise.float()), _norm(example.prediction)
    example.prediction = example.prediction * spread(noise_B / predicted_B, example.prediction)


def _norm(values: Tensor) -> Tensor:
    """Euclidean, over everything but the batch axis, (B,)."""
    return values.flatten(1).norm(dim=1)


class PredictionScaler:
    """p * factor: training drives the model's own answer towards y / factor."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def __call__(self, example: Example) -> None:
        """Scale the prediction."""
        example.prediction = example.prediction * self._factor
