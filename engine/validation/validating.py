"""Measuring the held-out pictures between two steps.

Each picture is predicted at all noise levels in one batch, without guidance and without gradient,
with the denoiser in eval mode and the network at full strength. The mean squared error in float32
is the loss of a level; their mean that of the picture. Nothing is drawn and nothing is copied back
from the device: the recorder reads the numbers with those of the step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.example import Kit
from engine.families.base import Conditioning, Denoiser
from engine.flow import FlowTable
from engine.noise import NoiseProcess
from engine.prompts.decorator import Decorator
from engine.randomness import global_rng_kept
from engine.step import StepResult
from engine.validation.held_out import HeldOut


@dataclass(frozen=True)
class Schedule:
    """When to measure: at the first step and at every multiple; 0 is at the first alone."""

    first: int
    every: int

    def due(self, step: int) -> bool:
        """Whether this step is one of them."""
        return step == self.first or bool(self.every and step % self.every == 0)


def timesteps(table: NoiseProcess, sigmas: Sequence[float]) -> Tensor:
    """(S,) the levels in the table's units: 1000 sigma on a straight path, else the index
    min(round(T sigma), T - 1).
    """
    if isinstance(table, FlowTable):
        return torch.tensor([1000.0 * sigma for sigma in sigmas])
    last = len(table) - 1
    return torch.tensor([min(round((last + 1) * sigma), last) for sigma in sigmas])


class Validation:
    """The held-out pictures of a run and the model that is trained."""

    def __init__(
        self,
        kit: Kit,
        pictures: Sequence[HeldOut],
        sigmas: Sequence[float],
        schedule: Schedule,
        *,
        trains_text: bool,
    ) -> None:
        """`trains_text`: prompts are read by the text encoders as they are by then."""
        self._kit, self._pictures, self._sigmas = kit, tuple(pictures), tuple(sigmas)
        self._schedule, self._trains_text = schedule, trains_text
        self._t_S = kit.accelerator.put(timesteps(kit.table, sigmas))

    def __call__(self, step: int, result: StepResult) -> None:
        """Add the losses to what the step left behind, where they are due."""
        if not self._schedule.due(step):
            return
        family, trained = self._kit.family, self._kit.trained
        modules = [family.denoisers[0].module, *family.text_encoders.values()]
        strength = contextlib.nullcontext() if trained is None else trained.scaled(1.0)
        with torch.no_grad(), global_rng_kept(), strength, _evaluating(modules):
            losses_NS = torch.stack([self._losses(picture) for picture in self._pictures])
        result.measured.update(summary(losses_NS, self._sigmas))

    def _losses(self, picture: HeldOut) -> Tensor:
        """(S,) the mean squared error at every level."""
        kit, count = self._kit, len(self._sigmas)
        put, dtype = kit.accelerator.put, kit.accelerator.dtype
        latents, noise = (
            put(one, dtype).expand(count, *one.shape) for one in (picture.latents, picture.noise)
        )
        noisy = kit.table.add_noise(latents, noise, self._t_S)
        denoiser: Denoiser = kit.family.denoisers[0]
        with kit.accelerator.forward():
            answer = kit.family.predict(
                denoiser,
                kit.table.model_input(noisy, self._t_S),
                self._t_S,
                self._conditioning(picture),
            ).float()
        target = kit.table.target(latents, noise, self._t_S).float()
        return (answer - target).square().flatten(1).mean(1)

    def _conditioning(self, picture: HeldOut) -> Conditioning:
        kit = self._kit
        found = picture.conditioning
        if self._trains_text:
            found = kit.family.encode_prompts([picture.prompt])
        found = found[[0] * len(self._sigmas)].to(kit.accelerator.device, kit.accelerator.dtype)
        if isinstance(kit.trained, Decorator):
            found = kit.trained.behind(found)
        if not kit.family.told_sizes:
            return found
        sizes_S6 = kit.accelerator.put(picture.sizes_6).expand(len(self._sigmas), 6)
        return kit.family.with_sizes(found, sizes_S6)


def summary(losses_NS: Tensor, sigmas: Sequence[float]) -> dict[str, Tensor]:
    """`val/loss`, the mean; `val/low` and `val/high`, the pictures with the least and the greatest
    loss, between which the others lie; `val/sigma_<s>`, the mean of a level.
    """
    of_pictures = losses_NS.mean(1)
    found = {
        "val/loss": of_pictures.mean(),
        "val/low": of_pictures.min(),
        "val/high": of_pictures.max(),
    }
    levels = losses_NS.mean(0)
    return found | {f"val/sigma_{s:g}": levels[i] for i, s in enumerate(sigmas)}


@contextlib.contextmanager
def _evaluating(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Eval mode, then every submodule back to the mode that it was in."""
    training = [part for module in modules for part in module.modules() if part.training]
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True
