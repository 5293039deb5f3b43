"""Bytes that live beside the weights, recorded at a few batch sizes and picture sizes.

A training step here is what every objective does at least: predict, compare in float32, go back.
With a trained text encoder its part of the graph is recorded too. The points are those of
`schema.estimate.counts.Point`; `schema.estimate.activations` reads any other size from them.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from engine.accelerator import Accelerator
from engine.counts.recording import CPU, Kept, Living
from engine.families.base import Conditioning, Family
from engine.networks import Trained
from schema.estimate.counts import Point
from schema.sections.job import TrainerProcess

Size = tuple[int, int]


def measured(
    family: Family, trained: Trained, process: TrainerProcess, row: Conditioning
) -> dict[str, Any]:
    """The JSON form of `schema.estimate.counts.Activations`; the model is `fake` already."""
    recorder = Recorder(family, trained, process, row)
    small, native, _, _ = recorder.sizes()
    asked = recorder.points()
    plain = [recorder.training(*point) for point in asked]
    recorder.checkpoint()
    checkpointed = [recorder.training(*point) for point in asked]
    return {
        "plain": _rows(plain),
        "checkpointed": _rows(checkpointed),
        "preview": _rows(
            [recorder.preview(*one) for one in ((1, small), (1, native), (2, native))]
        ),
        "encode": _rows([recorder.encode(size) for size in (small, native)]),
        "decode": _rows([recorder.decode(size) for size in (small, native)]),
        "prompt": recorder.prompt(),
    }


def _rows(points: list[Point]) -> list[list[int]]:
    return [[point.batch, point.pixels, point.kept, point.peak] for point in points]


class Recorder:
    """One model with its network, asked for steps of any size."""

    def __init__(
        self, family: Family, trained: Trained, process: TrainerProcess, row: Conditioning
    ) -> None:
        self._family, self._process, self._row = family, process, row
        self._trained = _live(family, trained)
        modules = [denoiser.module for denoiser in family.denoisers]
        if process.train.train_text_encoder:
            modules += family.trainable_text_encoders.values()
        self._learning = modules
        self._modules = [*modules, *family.text_encoders.values()]
        half = family.dtype != torch.float32
        # As engine.jobs.train: a LoRA computes beside a base in half precision, a whole model in
        # mixed precision.
        mixed = half and process.fine_tunes
        self._accelerator = Accelerator(CPU, family.dtype, autocast=mixed, scale=False)
        for module in modules:
            module.train()

    def sizes(self) -> list[Size]:
        """A half, one, two and three times the side that the model was made for.

        Far apart: what takes most is one thing for few pixels and another for many.
        """
        multiple, native = self._family.size_multiple, int(self._family.row.resolution)
        sides = [max(1, round(native * share / multiple)) * multiple for share in (0.5, 1, 2, 3)]
        return [(side, side) for side in sides]

    def points(self) -> list[tuple[int, Size]]:
        """Batches and sizes that tell the rest: see `schema.estimate.activations`."""
        small, native, large, huge = self.sizes()
        few = [(batch, size) for batch in (1, 2) for size in (small, native)]
        if self._process.network is not None:
            return few  # gradients are too small to make the peak
        return [*few, (1, large), (1, huge), (2, large)]

    def checkpoint(self) -> None:
        """Gradient checkpointing on, as training switches it on."""
        for module in self._learning:
            named: Any = module
            diffusers = getattr(named, "enable_gradient_checkpointing", None)
            (diffusers or named.gradient_checkpointing_enable)()

    # -- what is asked for

    def training(self, batch: int, size: Size) -> Point:
        """Forward, loss and backward of one micro-batch with the largest denoiser."""
        kept, living = Kept(self._modules), Living(self._modules)
        with living:
            with kept.watching():
                loss = self._loss(batch, size)
            loss.backward()
            del loss
        for parameter in self._trained:
            parameter.grad = None
        return self._point(batch, size, kept.bytes, living)

    def preview(self, batch: int, size: Size) -> Point:
        """One denoising step; under guidance a picture counts as two."""

        def step() -> None:
            self._predict(batch, size)

        return self._untracked(step, batch, size)

    def encode(self, size: Size) -> Point:
        """A picture through the VAE's encoder, as caching does: one at a time."""

        def step() -> None:
            self._family.encode_images(torch.empty(1, 3, size[1], size[0]))

        return self._untracked(step, 1, size)

    def decode(self, size: Size) -> Point:
        """A preview through the VAE's decoder."""

        def step() -> None:
            self._family.decode_latents(torch.empty(1, *self._family.latent_shape(*size)))

        return self._untracked(step, 1, size)

    def prompt(self) -> int:
        """The most that lives while one prompt is encoded."""

        def step() -> None:
            self._family.encode_prompts([""])

        return self._untracked(step, 1, (0, 0)).peak

    # -- parts

    def _loss(self, batch: int, size: Size) -> Tensor:
        with self._accelerator.forward():
            prediction = self._predict(batch, size)
        target = torch.empty_like(prediction, dtype=torch.float32)
        return (prediction.float() - target).square().mean()

    def _predict(self, batch: int, size: Size) -> Tensor:
        family, dtype = self._family, self._family.dtype
        latents = torch.empty(batch, *family.latent_shape(*size), dtype=dtype)
        flow = family.row.prediction == "flow"
        t_B = torch.full((batch,), 500, dtype=torch.float32 if flow else torch.long)
        denoiser = max(family.denoisers, key=lambda one: _numel(one.module))
        return family.predict(denoiser, latents, t_B, self._conditioning(batch, size))

    def _conditioning(self, batch: int, size: Size) -> Conditioning:
        if self._process.train.train_text_encoder and torch.is_grad_enabled():
            return self._sized(self._family.encode_prompts([""] * batch), batch, size)
        row = self._row.to(CPU, self._family.dtype)
        return self._sized(Conditioning.cat([row] * batch), batch, size)

    def _sized(self, conditioning: Conditioning, batch: int, size: Size) -> Conditioning:
        """Told how its pictures are framed, where the family asks for it."""
        if not self._family.told_sizes:
            return conditioning
        width, height = size
        framed = torch.tensor([[height, width, 0, 0, height, width]] * batch)
        return self._family.with_sizes(conditioning, framed)

    def _untracked(self, step: Callable[[], None], batch: int, size: Size) -> Point:
        modules = [*self._modules, *([self._family.vae] if self._family.vae is not None else [])]
        living = Living(modules)
        with torch.no_grad(), living:
            step()
        return self._point(batch, size, 0, living)

    def _point(self, batch: int, size: Size, kept: int, living: Living) -> Point:
        gc.collect()  # checkpointing leaves circles behind
        return Point(batch, size[0] * size[1], kept, living.peak)


def _numel(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _live(family: Family, trained: Trained) -> list[nn.Parameter]:
    """The trained parameters as they are now: `make_fake` has put others in their places."""
    modules = [d.module for d in family.denoisers] + [*family.text_encoders.values()]
    found = [p for module in modules for p in module.parameters() if p.requires_grad]
    wanted = sum(len(group) for group in trained.groups.values())
    assert len(found) == wanted, f"{len(found)} of {wanted} trained tensors are in the model"
    return found
