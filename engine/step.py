"""The training step, in the order of the papers.

    data -> latents -> timesteps -> noise -> noisy latents -> conditioning -> prediction -> target
         -> loss -> backward -> clip -> optimizer -> schedule -> average

Every option of a part is an object that was built once; what is off is absent. A step copies
nothing back from the device: losses stay tensors, and the recorder reads them later. The loop runs
any `Step`; this one trains a denoiser, and an `Objective` may ask it for more than one prediction.

Shapes: B items of a micro-batch; latents are (B, C, H, W), or of any rank with the batch first.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from engine.accelerator import Accelerator
from engine.data.batch import Batch
from engine.families.base import Conditioning, Denoiser, Family
from engine.losses import ElementLoss, per_item
from engine.noise import NoiseTable, TrainingNoise
from engine.optim.ema import Ema
from engine.optim.schedule import LearningRates
from engine.randomness import generator, integer, seed_dropout
from engine.targets import ItemWeight
from engine.timesteps import Timesteps


@dataclass
class Losses:
    """What an objective says about one micro-batch."""

    total: Tensor  # scalar, differentiable
    loss_B: Tensor  # per item, after its weights
    timesteps: list[int]  # per item
    parts: dict[str, Tensor] = field(default_factory=dict)  # named scalars beside the total


@dataclass
class StepResult:
    """What one step leaves behind; tensors stay on the device until the recorder reads them."""

    losses: list[Losses]  # one per micro-batch
    grad_norm: Tensor | None  # None where nothing was updated
    rates: dict[str, float]  # the learning rates in force, by group
    items: list[int]
    data_seconds: float


class Step(Protocol):
    """Whatever the loop can repeat: number -> result."""

    def __call__(self, number: int) -> StepResult:
        """Do step `number` (counted from 1)."""
        ...


class Objective(Protocol):
    """How a micro-batch becomes a loss; it may predict several times."""

    def __call__(self, batch: Batch, number: int, micro: int) -> Losses:
        """The losses of micro-batch `micro` of step `number`."""
        ...


class Source(Protocol):
    """Where batches come from: a pure function of step and micro-batch."""

    def batch(self, step: int, micro: int) -> Batch:
        """The micro-batch."""
        ...


class Denoising:
    """Predict what was added to the latents."""

    def __init__(
        self,
        family: Family,
        accelerator: Accelerator,
        *,
        seed: int,
        timesteps: Timesteps,
        noise: TrainingNoise,
        element_loss: ElementLoss,
        weights: Sequence[ItemWeight],
        trains_text: bool,
    ) -> None:
        self._family, self._accelerator, self._seed = family, accelerator, seed
        self._table: NoiseTable = family.noise_table().to(accelerator.device)
        self._timesteps, self._noise = timesteps, noise
        self._element_loss, self._weights = element_loss, weights
        self._trains_text = trains_text

    def __call__(self, batch: Batch, number: int, micro: int) -> Losses:
        """One prediction per item, compared with its target in float32."""
        put = self._accelerator.put
        with self._accelerator.forward():
            latents = self._latents(batch, number)
            denoiser = self._pick_denoiser(number, micro)
            drawn = self._timesteps.draw(number, batch.slots, denoiser.t_range)
            t_B = put(torch.tensor(drawn))
            noise = put(self._noise.draw(number, batch.slots, latents.shape[1:]), latents.dtype)
            noisy = self._table.add_noise(latents, noise, t_B)
            conditioning = self._conditioning(batch)
            prediction = self._family.predict(denoiser, noisy, t_B, conditioning)
            target = self._table.target(latents, noise, t_B)
        loss_B = per_item(self._element_loss(prediction.float(), target.float()))
        if batch.loss_weight_B is not None:
            loss_B = loss_B * put(batch.loss_weight_B)
        for weight in self._weights:
            loss_B = loss_B * weight(t_B)
        return Losses(loss_B.mean(), self._accelerator.gather(loss_B.detach()), drawn)

    def _latents(self, batch: Batch, number: int) -> Tensor:
        """The cached latents, or the pictures through the VAE with a draw for each slot."""
        accelerator = self._accelerator
        if batch.latents is not None:
            return accelerator.put(batch.latents, accelerator.dtype)
        assert batch.pixels_BCHW is not None, "a batch has latents or pixels"
        draws = [generator(self._seed, number, slot, "vae") for slot in batch.slots]
        with torch.no_grad():
            pixels = accelerator.put(batch.pixels_BCHW, accelerator.dtype)
            return self._family.encode_images(pixels, draws).to(accelerator.dtype)

    def _pick_denoiser(self, number: int, micro: int) -> Denoiser:
        """The expert of this micro-batch; most models have one."""
        denoisers = self._family.denoisers
        if len(denoisers) == 1:
            return denoisers[0]
        last = len(denoisers) - 1
        return denoisers[integer(self._seed, number, micro, "expert", 0, last)]

    def _conditioning(self, batch: Batch) -> Conditioning:
        """Cached embeddings, or the captions through the text encoders."""
        accelerator = self._accelerator
        if batch.conditioning is not None:
            return batch.conditioning.to(accelerator.device, accelerator.dtype)
        with torch.set_grad_enabled(self._trains_text):
            return self._family.encode_prompts(batch.captions)


@dataclass
class Accumulation:
    """How many micro-batches make one update.

    `micro_batches` of them in every step (`gradient_accumulation`), or one in each of
    `steps_per_update` steps (`gradient_accumulation_steps`). Either way the gradient is their mean.
    The last update of a run closes early when the run does.
    """

    micro_batches: int = 1
    steps_per_update: int = 1
    last_step: int = 2**62

    def updates(self, number: int) -> bool:
        """Whether the weights change at the end of this step."""
        return number % self.steps_per_update == 0 or number == self.last_step

    def share(self, number: int) -> float:
        """The weight of one micro-batch's loss in the mean."""
        first = (number - 1) // self.steps_per_update * self.steps_per_update
        steps = min(first + self.steps_per_update, self.last_step) - first
        return 1.0 / (self.micro_batches * steps)


class TrainingStep:
    """Gradients of an objective, gathered over micro-batches, and one update."""

    def __init__(
        self,
        source: Source,
        objective: Objective,
        accelerator: Accelerator,
        *,
        optimizer: torch.optim.Optimizer,
        groups: Sequence[list[Tensor]],
        learning_rates: LearningRates,
        accumulation: Accumulation,
        max_norm: float | None,
        ema: Ema | None,
        dropout_seed: int | None,
    ) -> None:
        """`dropout_seed` None: no module draws; `max_norm` None: measure without clipping."""
        self._source, self._objective, self._accelerator = source, objective, accelerator
        self._optimizer, self._groups, self._max_norm = optimizer, groups, max_norm
        self._learning_rates, self._accumulation, self._ema = learning_rates, accumulation, ema
        self._dropout_seed = dropout_seed
        self._rates: dict[str, float] = {}

    def begin(self, done: int) -> None:
        """Take up the schedule after `done` completed steps."""
        self._rates = self._learning_rates.set(done)

    def __call__(self, number: int) -> StepResult:
        """Forward and backward of every micro-batch, then the update if one is due."""
        share = self._accumulation.share(number)
        result = StepResult([], None, self._rates, [], 0.0)
        for micro in range(self._accumulation.micro_batches):
            asked = time.perf_counter()
            batch = self._source.batch(number, micro)
            result.data_seconds += time.perf_counter() - asked
            if self._dropout_seed is not None:
                seed_dropout(self._dropout_seed, number, micro)
            losses = self._objective(batch, number, micro)
            self._accelerator.backward(losses.total if share == 1.0 else losses.total * share)
            losses.total = losses.total.detach()
            result.losses.append(losses)
            result.items += batch.items
        if self._accumulation.updates(number):
            result.grad_norm = self._accelerator.update(
                self._optimizer, self._groups, self._max_norm
            )
            if self._ema is not None:
                self._ema.update()
        self._rates = self._learning_rates.set(number)
        return result
