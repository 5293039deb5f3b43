"""SDXL: two text encoders, a UNet that is told the picture's sizes, and an optional refiner.

Both text encoders' second-to-last states are joined; the second one's pooled vector goes with the
sizes to the time embedding (Podell et al. 2023): height and width of the original picture, top and
left of the crop, height and width of what is trained. The refiner is a second UNet for the last,
cleaner part of the noise: it reads the second text encoder alone and is told an aesthetic score in
place of the target size. It shares the base's VAE, text encoder and noise levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import torch
from torch import Tensor

from engine.errors import DataError
from engine.families import clip
from engine.families.base import REFINER, Conditioning, Denoiser
from engine.families.files import locate
from engine.families.lora_keys import KOHYA_TWO
from engine.families.sd_layout import REFINER as REFINER_LAYOUT
from engine.families.sd_layout import SDXL
from engine.families.sd_parts import Source
from engine.families.sd_saving import refiner_path, save_model
from engine.families.sd_source import open_source
from engine.families.sdxl_previews import Refined
from engine.families.unet_family import UNET, UNetFamily, placed

if TYPE_CHECKING:
    from schema.formulas.prompts import PreviewRequest
    from schema.sections.model import Model
    from schema.sections.train import Train

AESTHETIC_SCORE = 6  # what the refiner is told of every training picture, as in its previews
TEXT, POOLED, SIZES = "text", "pooled", "sizes"


class StableDiffusionXL(UNetFamily):
    """An SDXL model, with its refiner where the config names one."""

    arch = "sdxl"
    layout = SDXL
    kohya = KOHYA_TWO
    told_sizes = True
    readers = 2

    def __init__(
        self, model: Model, source: Source, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__(model, source, device, dtype)
        self._refiner_source: Source | None = None
        self._refiner: Denoiser | None = None
        self._trains_refiner: Literal["no", "too", "alone"] = "no"
        self._start = 1.0  # the part of the noise range, from its clean end, below which it works

    @classmethod
    def open(cls, model: Model, train: Train, device: torch.device, dtype: torch.dtype) -> Self:
        """The base's configs and files, and the refiner's."""
        family = super().open(model, train, device, dtype)
        if model.refiner_name_or_path is not None:
            path = locate(model.refiner_name_or_path)
            family._refiner_source = _refiner_for(family.configs, path)
            total = len(family.noise_table())
            before = round(train.max_denoising_steps * model.refiner_start_at)
            family._start = 1 - before / total
        return family

    # -- phases

    def train_refiner(self, with_base: bool) -> None:
        """Each model gets its part of the noise range; without the base, the refiner's alone is
        trained.
        """
        if self._refiner_source is not None:
            self._trains_refiner = "too" if with_base else "alone"

    def load_denoisers(self, dtype: torch.dtype | None = None) -> None:
        """The base's UNet, and the refiner's where it is trained; else previews ask for it."""
        super().load_denoisers(dtype)
        if self._trains_refiner == "no" or self._refiner is not None:
            return
        refiner = self._load_refiner(torch.float32)
        refiner.t_range = (0.0, self._start)
        self.base.t_range = (self._start, 1.0)
        both = self._trains_refiner == "too"
        self.denoisers[:] = [self.base, refiner] if both else [refiner]

    def _load_refiner(self, dtype: torch.dtype) -> Denoiser:
        if self._refiner is None:
            assert self._refiner_source is not None
            unet = placed(self._refiner_source.load(UNET, dtype), self.device)
            self._refiner = Denoiser(REFINER, unet)
            self.arrived(REFINER, unet)
        return self._refiner

    # -- tensors

    def encode_prompts(self, prompts: Sequence[str]) -> Conditioning:
        """``text`` (B, N, C1 + C2) and ``pooled`` (B, P)."""
        return self.encode_wordings([prompts] * self.readers)

    def encode_wordings(self, wordings: Sequence[Sequence[str]]) -> Conditioning:
        """The first text encoder's prompts, and the second one's, whose vector is pooled."""
        states: list[Tensor] = []
        for part, prompts in zip(self.layout.texts, wordings, strict=True):
            inner, pooled = clip.encode_inner(*self.encoder(part.name), prompts)
            states.append(inner)
        return Conditioning({TEXT: torch.cat(states, dim=-1), POOLED: pooled})

    def with_sizes(self, conditioning: Conditioning, sizes_B6: Tensor) -> Conditioning:
        """Whole numbers, so that no half precision rounds them."""
        times = max(1, len(conditioning) // len(sizes_B6))
        return Conditioning(conditioning.parts | {SIZES: sizes_B6.repeat(times, 1)})

    def unet_inputs(
        self, denoiser: Denoiser, latents: Tensor, conditioning: Conditioning
    ) -> dict[str, Any]:
        """Text, pooled text and sizes; prompts that were not told any get the latents' own."""
        text = conditioning.parts[TEXT].to(self.dtype)
        sizes = conditioning.parts.get(SIZES)
        if sizes is None:
            sizes = self._sizes_of(latents)
        if denoiser.name == REFINER:
            text = text[..., -self._refiner_width :]
            score = sizes.new_full((len(sizes), 1), AESTHETIC_SCORE)
            sizes = torch.cat([sizes[:, :4], score], dim=1)
        told = {"text_embeds": conditioning.parts[POOLED].to(self.dtype), "time_ids": sizes}
        return {"encoder_hidden_states": text, "added_cond_kwargs": told}

    def _sizes_of(self, latents: Tensor) -> Tensor:
        """(B, 6): a picture of just this size, not cropped."""
        sides = [side * self.vae_factor for side in latents.shape[-2:]]
        row = torch.tensor([*sides, 0, 0, *sides], device=latents.device)
        return row.expand(len(latents), 6)

    @property
    def _refiner_width(self) -> int:
        assert self._refiner_source is not None
        return int(self._refiner_source.configs[UNET]["cross_attention_dim"])

    # -- previews

    def preview_pipeline(self, sampler: str) -> Any:
        """The base's pipeline, which hands over to the refiner's where there is one."""
        pipeline = super().preview_pipeline(sampler)
        if self._refiner_source is None:
            return pipeline
        unet = self._load_refiner(self.dtype).module
        refiner = self.pipeline_of(REFINER_LAYOUT, unet, sampler)
        return Refined(pipeline, refiner, self._refiner_width)

    def preview_options(self, request: PreviewRequest) -> dict[str, Any]:
        """Rescaled guidance, and where the refiner starts."""
        options: dict[str, Any] = {"guidance_rescale": request.guidance_rescale}
        if self._refiner_source is not None:
            options["refiner_start_at"] = request.refiner_start_at
        return options

    def pipeline_inputs(self, positive: Conditioning, negative: Conditioning) -> dict[str, Any]:
        """Text and pooled text of both."""
        return super().pipeline_inputs(positive, negative) | {
            "pooled_prompt_embeds": self.for_pipeline(positive, POOLED),
            "negative_pooled_prompt_embeds": self.for_pipeline(negative, POOLED),
        }

    # -- files

    def save_full(
        self,
        path: Path,
        dtype: torch.dtype,
        save_format: str,
        metadata: Mapping[str, str] | None = None,
    ) -> list[Path]:
        """The base, unless only the refiner was trained; a trained refiner beside it."""
        trained = [denoiser.name for denoiser in self.denoisers]
        files = super().save_full(path, dtype, save_format, metadata) if UNET in trained else []
        if REFINER in trained:
            assert self._refiner is not None
            parts = self.parts_of(REFINER_LAYOUT, self._refiner.module)
            files += save_model(parts, refiner_path(path), dtype, save_format, metadata)
        return files


def _refiner_for(base: Mapping[str, Mapping[str, Any]], path: Path) -> Source:
    """The refiner's files. Raises DataError when they do not go with the base's."""
    source = open_source(path, REFINER_LAYOUT)
    width = base["text_encoder_2"]["hidden_size"]
    if source.configs[UNET]["cross_attention_dim"] != width:
        raise DataError(f"{path} does not read the text encoder of the base, which gives {width}.")
    if source.configs[UNET]["in_channels"] != base[UNET]["in_channels"]:
        raise DataError(f"{path} works on latents of another number of channels than the base.")
    return source
