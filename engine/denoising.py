"""The objective of a denoiser: from a micro-batch to its loss, in the order of the papers.

    data -> latents -> timesteps -> noise -> noisy latents -> conditioning -> prediction -> target
         -> loss

Options take part through small objects in the lists of `Places`; nothing here knows one by name.
Everything runs in the training dtype up to the prediction, and in float32 from there on. Nothing is
copied back from the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from engine.changes.places import Change, NoiseSource, Places
from engine.data.batch import Batch
from engine.example import Example, Kit
from engine.families.base import Conditioning, Denoiser
from engine.losses import ExampleLoss, per_item
from engine.randomness import integer
from engine.step import Losses
from engine.timesteps import Timesteps


class Denoising:
    """Predict what was added to the latents."""

    def __init__(
        self,
        kit: Kit,
        *,
        timesteps: Timesteps,
        noise: NoiseSource,
        loss: ExampleLoss,
        places: Places | None = None,
        trains_text: bool = False,
    ) -> None:
        self._kit, self._timesteps, self._noise, self._loss = kit, timesteps, noise, loss
        self._places = places or Places()
        self._trains_text = trains_text

    def __call__(
        self,
        batch: Batch,
        number: int,
        micro: int,
        held: ExitStack | None = None,
        denoiser: Denoiser | None = None,
    ) -> Losses:
        """One prediction per item, compared with its target; options may ask for more."""
        kit, places = self._kit, self._places
        example = Example(kit, batch, number, micro, held, places.pixels)
        example.latents = self._latents(example)
        _apply(places.latents, example)
        example.denoiser = denoiser or self._pick_denoiser(number, micro)
        example.drawn = self._timesteps.draw(
            number,
            batch.slots,
            example.denoiser.t_range,
            example.latents.shape[1:],
            reg=batch.regularizes,
        )
        example.t_B = kit.accelerator.put(torch.tensor(example.drawn))
        example.noise = self._noise(example)
        _apply(places.noise, example)
        _apply(places.clean, example)
        example.noisy = kit.table.add_noise(example.latents, example.noise, example.t_B)
        _apply(places.noisy, example)
        self._set_strength(example)
        example.conditioning = self._conditioning(example)
        _apply(places.conditioning, example)
        _apply(places.input, example)
        example.prediction = example.predict()
        _apply(places.prediction, example)
        _apply(places.target_noise, example)
        example.target = kit.table.target(example.latents, example.noise, example.t_B).float()
        _apply(places.target, example)
        return self._compare(example)

    def _compare(self, example: Example) -> Losses:
        """Elements, then items, then the mean, then what is added to it, then what bounds it."""
        places = self._places
        elements = self._loss(example)
        for weigh_elements in places.elements:
            elements = weigh_elements(example, elements)
        loss_B = per_item(elements)
        if example.batch.loss_weight_B is not None:
            loss_B = loss_B * self._kit.accelerator.put(example.batch.loss_weight_B)
        for weigh in places.items:
            loss_B = weigh(example, loss_B)
        total = loss_B.mean()
        for term in places.terms:
            for name, value in term(example).items():
                example.parts[name] = value.detach()
                total = total + value
        for change in places.totals:
            total = change(example, total)
        seen_B = self._kit.accelerator.gather(loss_B.detach())
        return Losses(total, seen_B, example.drawn, example.parts)

    def _latents(self, example: Example) -> Tensor:
        """The cached latents, or the pictures through the VAE with a draw for each slot."""
        batch, accelerator = example.batch, self._kit.accelerator
        if batch.latents is not None:
            return accelerator.put(batch.latents, accelerator.dtype)
        assert batch.pixels_BCHW is not None, "a batch has latents or pixels"
        return example.encode(batch.pixels_BCHW)

    def _pick_denoiser(self, number: int, micro: int) -> Denoiser:
        """The expert of this micro-batch; most models have one."""
        denoisers = self._kit.family.denoisers
        if len(denoisers) == 1:
            return denoisers[0]
        last = len(denoisers) - 1
        return denoisers[integer(self._kit.seed, number, micro, "expert", 0, last)]

    def _set_strength(self, example: Example) -> None:
        """Turn the network down or up until the backward pass is over, where an option says so."""
        _apply(self._places.strength, example)
        if example.strength is not None:
            assert self._kit.trained is not None, "a strength needs something trained"
            example.hold(self._kit.trained.scaled(example.strength))

    def _conditioning(self, example: Example) -> Conditioning:
        """Cached embeddings, or the captions through the text encoders."""
        accelerator, batch = self._kit.accelerator, example.batch
        if batch.conditioning is not None:
            return batch.conditioning.to(accelerator.device, accelerator.dtype)
        with torch.set_grad_enabled(self._trains_text), accelerator.forward():
            if batch.first_captions is not None:
                return self._kit.family.encode_wordings([batch.first_captions, batch.captions])
            return self._kit.family.encode_prompts(batch.captions)

    # -- what the parts remember

    def state_dict(self) -> dict[str, Any]:
        """The memory of the parts that have one, by their name; empty for most runs."""
        return {part.name: part.state_dict() for part in self._places.kept()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Give it back; a part that is new since the checkpoint starts afresh."""
        for part in self._places.kept():
            if part.name in state:
                part.load_state_dict(state[part.name])

    def numbers(self) -> dict[str, dict[str, float]]:
        """What of it people may read, by the parts' names."""
        return {part.name: found for part in self._places.kept() if (found := part.numbers())}

    def start_from(self, name: str, numbers: dict[str, float]) -> None:
        """Give numbers to the part of that name."""
        for part in self._places.kept():
            if part.name == name:
                part.start_from(numbers)


def _apply(changes: Sequence[Change], example: Example) -> None:
    for change in changes:
        change(example)
