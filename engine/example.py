"""One micro-batch on its way through the training step.

The step fills the fields in from top to bottom; small option objects (`engine.changes`,
`engine.losses`, `engine.targets`) read what is there by then and replace what they are about.

Shapes: B items; latents are (B, C, H, W), or of any rank with the batch first and channels second.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.families.base import Conditioning
from engine.networks.dropout import has_dropout
from engine.randomness import generator

if TYPE_CHECKING:
    from engine.accelerator import Accelerator
    from engine.changes.places import PixelChange
    from engine.data.batch import Batch
    from engine.families.base import Denoiser, Family
    from engine.families.unet_residuals import Residuals
    from engine.networks import Trained
    from engine.noise import NoiseProcess
    from schema.formulas.new_words import NewWords


@dataclass(frozen=True)
class Kit:
    """What stays the same from example to example."""

    family: Family
    accelerator: Accelerator
    table: NoiseProcess
    seed: int
    trained: Trained | None = None
    """The weights that are trained; None only where nothing asks for another strength."""
    words: NewWords | None = None
    """A word that the text encoders learn, which the untrained model does not know."""

    @cached_property
    def draws_itself(self) -> bool:
        """Whether a denoiser has dropout, which has to rest while the untrained model speaks."""
        return any(has_dropout(denoiser.module) for denoiser in self.family.denoisers)


@dataclass(frozen=True)
class Question:
    """What the model is asked in one forward pass."""

    noisy: Tensor
    t_B: Tensor
    conditioning: Conditioning
    guidance_B: Tensor | None

    def beside(self, other: Conditioning) -> Question:
        """Every item twice in a row, first with the other conditioning and then with its own."""
        both = Conditioning.cat([other, self.conditioning])
        woven = {name: _woven(part) for name, part in both.parts.items()}
        guidance_B = self.guidance_B
        return Question(
            self.noisy.repeat_interleave(2, 0),
            self.t_B.repeat_interleave(2, 0),
            Conditioning(woven),
            None if guidance_B is None else guidance_B.repeat_interleave(2, 0),
        )


def _woven(part: Tensor) -> Tensor:
    """The rows of the first and the second half in turn."""
    return part.unflatten(0, (2, -1)).transpose(0, 1).flatten(0, 1)


Guide = Callable[["Example", Question], Tensor]
"""Answers a question by asking the model more than once; float32."""


@dataclass
class Example:
    """A micro-batch and all that the step made of it so far."""

    kit: Kit
    batch: Batch
    number: int  # of the step, from 1
    micro: int  # of the micro-batch within the step, from 0
    held: ExitStack | None = None  # what holds until the backward pass is over
    pixel_changes: Sequence[PixelChange] = ()  # of pictures that are encoded in the step

    latents: Tensor = field(init=False)  # x_0, in the training dtype
    denoiser: Denoiser = field(init=False)
    drawn: list[float] = field(init=False)  # the timesteps as numbers
    t_B: Tensor = field(init=False)  # the same on the device, in the units of the noise table
    noise: Tensor = field(init=False)  # eps, like the latents
    noisy: Tensor = field(init=False)  # x_t, what the model sees
    strength: float | Tensor | None = None  # of the network; None is 1
    conditioning: Conditioning = field(init=False)
    guidance_B: Tensor | None = None  # for families with a guidance embedding
    guide: Guide | None = None  # answers in the model's place, where guidance is trained
    residuals: Residuals | None = None  # of an assistant, added to the model's features
    matched: Tensor | None = None  # what the untrained model answers with the assistant's help
    prediction: Tensor = field(init=False)  # p, float32
    target: Tensor = field(init=False)  # y, float32
    parts: dict[str, Tensor] = field(default_factory=dict)  # named scalars for the record

    def predict(
        self,
        *,
        conditioning: Conditioning | None = None,
        noisy: Tensor | None = None,
        t_B: Tensor | None = None,
        guidance_B: Tensor | None = None,
        guided: bool = True,
    ) -> Tensor:
        """The model's answer in float32, for the example's own inputs or others.

        Where guidance is trained it is the guided one, unless `guided` is False.
        """
        question = Question(
            self.noisy if noisy is None else noisy,
            self.t_B if t_B is None else t_B,
            self.framed(self.conditioning if conditioning is None else conditioning),
            self.guidance_B if guidance_B is None else guidance_B,
        )
        if self.guide is not None and guided:
            return self.guide(self, question)
        return self.ask(question)

    def ask(self, question: Question) -> Tensor:
        """The model's answer to just this, float32."""
        kit, t_B = self.kit, question.t_B
        with kit.accelerator.forward():
            return kit.family.predict(
                self.denoiser,
                kit.table.model_input(question.noisy, t_B),
                t_B,
                question.conditioning,
                question.guidance_B,
            ).float()

    def framed(self, conditioning: Conditioning) -> Conditioning:
        """The conditioning with what goes with the pictures: how they were framed, where the model
        is told that, and what an assistant adds.
        """
        family: Any = self.kit.family
        if self.batch.sizes_B6 is not None:
            conditioning = family.with_sizes(conditioning, self.sizes_B6)
        if self.residuals is not None:
            conditioning = family.with_residuals(conditioning, self.residuals)
        return conditioning

    @cached_property
    def sizes_B6(self) -> Tensor:
        """How the pictures were framed, on the device."""
        assert self.batch.sizes_B6 is not None, "the family is not told sizes"
        return self.kit.accelerator.put(self.batch.sizes_B6)

    @contextlib.contextmanager
    def untrained(self) -> Iterator[None]:
        """Within it the model speaks as if nothing had been trained, without gradient or dropout.

        Raises NotImplementedError for a full fine-tune, which a rule refuses before.
        """
        assert self.kit.trained is not None, "whoever asks for the untrained model gives the kit it"
        module = self.denoiser.module
        rest = self.kit.draws_itself and module.training
        with torch.no_grad(), self.kit.trained.off():
            module.train(not rest and module.training)
            try:
                yield
            finally:
                module.train(rest or module.training)

    @cached_property
    def prior(self) -> Tensor:
        """The untrained model's answer to the same question, float32, computed once."""
        with self.untrained():
            return self.predict(conditioning=self.told_before)

    @cached_property
    def told_before(self) -> Conditioning:
        """What the untrained model is told: plain words in the place of learned ones."""
        kit, batch = self.kit, self.batch
        if kit.words is None:
            return self.conditioning.detach()
        read = (batch.first_captions or batch.captions, batch.captions)
        plain = [[kit.words.taken_from(text) for text in texts] for texts in read]
        with torch.no_grad(), kit.accelerator.forward():
            return kit.family.encode_wordings(plain[-kit.family.readers :])

    @cached_property
    def estimate(self) -> Tensor:
        """The clean latents that the prediction stands for, float32 and differentiable."""
        return self.kit.table.x0(self.noisy.float(), self.prediction, self.t_B)

    @cached_property
    def unaugmented(self) -> Tensor:
        """Latents of the pictures before augmentation, with the VAE draw of the augmented ones."""
        assert self.batch.unaugmented_BCHW is not None, "a rule sees to it that they are there"
        return self.encode(self.batch.unaugmented_BCHW)

    def encode(self, pixels_BCHW: Tensor) -> Tensor:
        """Latents of CPU pixels in the training dtype, each slot with its draw.

        Pictures that stand in the batch several times are encoded once.
        """
        kit, copies = self.kit, self.batch.copies
        slots = self.batch.slots[: len(pixels_BCHW) // copies]
        draws = [generator(kit.seed, self.number, slot, "vae") for slot in slots]
        pixels_BCHW = pixels_BCHW[: len(slots)]
        with torch.no_grad(), kit.accelerator.forward():
            pixels_BCHW = kit.accelerator.put(pixels_BCHW, kit.accelerator.dtype)
            for change in self.pixel_changes:
                pixels_BCHW = change(self, pixels_BCHW)
            latents = kit.family.encode_images(pixels_BCHW, draws).to(kit.accelerator.dtype)
        return latents if copies == 1 else torch.cat([latents] * copies)

    def put(self, tensor: Tensor) -> Tensor:
        """A drawn CPU tensor on the device and in the dtype of the latents."""
        return self.kit.accelerator.put(tensor, self.latents.dtype)

    def hold(self, setting: AbstractContextManager[None]) -> None:
        """Keep a setting of the model (a strength, a hook) until the backward pass is over."""
        assert self.held is not None, "the training step gives what holds settings"
        self.held.enter_context(setting)
