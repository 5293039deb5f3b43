"""What keeps the trained model with the untrained one, or drives it away."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from engine.example import Example
from engine.guidance.prompts import BLANK, Wording

Prompts = Callable[[Example], list[str]]


def class_captions(example: Example) -> list[str]:
    """The captions with the class in the place of the trigger word."""
    assert example.batch.class_captions is not None, "the loader makes them for this option"
    return example.batch.class_captions


def blank_prompts(example: Example) -> list[str]:
    """No words for anybody."""
    return [BLANK] * len(example.batch)


class Preservation:
    """loss += strength * mean((p_1 - p_0)^2), with p_0 and p_1 what the untrained and the trained
    model answer to another prompt about the same noisy latents.

    In float32, neither masked nor weighed by noise level. The record gets both losses.
    """

    def __init__(self, wording: Wording, prompts: Prompts, strength: float) -> None:
        self._wording, self._prompts, self._strength = wording, prompts, strength

    def __call__(self, example: Example, total: Tensor) -> Tensor:
        """Two more predictions, one of them with gradient."""
        conditioning = self._wording.fixed(self._prompts(example))
        with example.untrained():
            before = example.predict(conditioning=conditioning)
        drift = (example.predict(conditioning=conditioning) - before).square().mean()
        drift = drift * self._strength
        example.parts |= {"normal": total.detach(), "preservation": drift.detach()}
        return total + drift


def divergence(example: Example, elements: Tensor) -> Tensor:
    """Losses minus (p - p_0)^2, p_0 the untrained model's answer: the further away, the better."""
    return elements - (example.prediction - example.prior).square()
