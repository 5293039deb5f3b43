"""Classifier-free guidance in training: the guided prediction is what is trained.

The model is asked about every item twice in one batch, with the negative prompt (u) and with its
own (c), and p = u + s (c - u) takes the place of c in every pass of the step. Gradients flow
through both. Ho and Salimans 2022.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.example import Example, Question
from engine.families.base import Conditioning
from engine.guidance.prompts import NegativePrompts, Wording
from engine.randomness import uniform

TINY = 1e-8
Scale = Callable[[Example], float]
"""The guidance scale of a step."""


@dataclass(frozen=True)
class SteadyScale:
    """The same at every step."""

    scale: float

    def __call__(self, example: Example) -> float:
        """The configured scale."""
        del example
        return self.scale


@dataclass(frozen=True)
class RandomScale:
    """1 + r (highest - 1) with r uniform in 0 to 1, one draw for a step."""

    highest: float

    def __call__(self, example: Example) -> float:
        """The scale of the example's step; models with a guidance input are told it."""
        drawn = uniform(example.kit.seed, example.number, 0, "guidance scale")
        scale = 1 + drawn * (self.highest - 1)
        size, device = len(example.batch), example.kit.accelerator.device
        example.guidance_B = torch.full((size,), scale, device=device)
        return scale


class TrainedGuidance:
    """Sets the guide of an example, with its scale and negative prompts."""

    def __init__(
        self,
        wording: Wording,
        prompts: NegativePrompts,
        scale: Scale,
        rescale: float | None,
    ) -> None:
        """`rescale`: the scale whose mean and spread the answer gets; None: it keeps its own."""
        self._wording, self._prompts = wording, prompts
        self._scale, self._rescale = scale, rescale

    def __call__(self, example: Example) -> None:
        """From here on `example.predict` is guided."""
        scale = self._scale(example)
        prompts = self._prompts(example.number, example.batch.slots)
        rescale = None if self._rescale == scale else self._rescale
        example.guide = Guide(scale, rescale, self._wording.now(prompts))


@dataclass(frozen=True)
class Guide:
    """p = u + s (c - u), with the statistics of u + r (c - u) where r is given."""

    scale: float
    rescale: float | None
    unconditional: Conditioning

    def __call__(self, example: Example, question: Question) -> Tensor:
        """The guided answer; one forward pass of 2 B items."""
        both = example.ask(question.beside(example.framed(self.unconditional)))
        unconditional, conditional = both.unflatten(0, (-1, 2)).unbind(1)
        towards = conditional - unconditional
        guided = unconditional + self.scale * towards
        if self.rescale is None:
            return guided
        return like(guided, unconditional + self.rescale * towards)


def like(values: Tensor, model: Tensor) -> Tensor:
    """The values with the mean and spread of `model`, each over everything of an item."""
    axes = tuple(range(1, values.ndim))
    spread, mean = torch.std_mean(values, axes, keepdim=True)
    wanted_spread, wanted_mean = torch.std_mean(model, axes, keepdim=True)
    return (values - mean) / (spread + TINY) * wanted_spread + wanted_mean
