"""What a model family is to the rest of the engine.

The trainer, the data loader, the networks and the preview know a model only through the classes
of this module, so that an image model with one UNet, a video model with two experts and a
packed-latent transformer are trained by the same loop. A family file subclasses :class:`Family`
and holds everything that is particular to it: which files it reads, how text and pictures become
tensors, what the denoiser is called with, which layers an adapter may sit on and what its files
look like. Families never import the trainer, the loop or the preview.

Shapes: B batch, C channels, H and W height and width, N text tokens, F frames.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from engine.noise import NoiseProcess
    from schema.formulas.prompts import PreviewRequest
    from schema.sections.model import Model
    from schema.sections.network import Network
    from schema.sections.train import Train

MASK_SUFFIX = ".mask"
REFINER = "refiner"  # the name of a second denoiser that is trained, and saved, on its own


@dataclass(frozen=True)
class Conditioning:
    """What the denoiser is told besides noisy latents and time; opaque to the trainer.

    ``parts`` maps a name of the family's choice to a tensor whose first axis is the batch:
    ``{"text": (B, N, C), "pooled": (B, C), ...}``. A part of variable length carries a mask of
    shape (B, N) under its name plus ``.mask``; :meth:`cat` pads such parts to one length.
    """

    parts: dict[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        """The batch size; 0 without any part."""
        return next((int(part.shape[0]) for part in self.parts.values()), 0)

    def __getitem__(self, index: slice | Tensor | list[int]) -> Conditioning:
        """The rows ``index`` of every part (a slice, a list or a tensor of row numbers)."""
        return Conditioning({name: part[index] for name, part in self.parts.items()})

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Conditioning:
        """Every part on ``device``; floating-point parts in ``dtype``, the others as they are."""
        return Conditioning(
            {
                name: part.to(device, dtype if part.is_floating_point() else None)
                for name, part in self.parts.items()
            }
        )

    def detach(self) -> Conditioning:
        """The same values outside the autograd graph."""
        return Conditioning({name: part.detach() for name, part in self.parts.items()})

    @staticmethod
    def cat(rows: Sequence[Conditioning]) -> Conditioning:
        """One batch out of several, in order; masked parts are padded with zeros at their end."""
        if len(rows) == 1:
            return rows[0]
        names = rows[0].parts.keys()
        return Conditioning({name: _cat_part(name, rows) for name in names})

    def state(self) -> dict[str, Tensor]:
        """Contiguous tensors by name, ready for a safetensors file."""
        return {name: part.detach().cpu().contiguous() for name, part in self.parts.items()}

    @staticmethod
    def from_state(state: Mapping[str, Tensor]) -> Conditioning:
        """The inverse of :meth:`state`."""
        return Conditioning(dict(state))


def _cat_part(name: str, rows: Sequence[Conditioning]) -> Tensor:
    parts = [row.parts[name] for row in rows]
    variable = name.endswith(MASK_SUFFIX) or name + MASK_SUFFIX in rows[0].parts
    if not variable:
        return torch.cat(parts)
    length = max(int(part.shape[1]) for part in parts)
    return torch.cat([_pad_tokens(part, length) for part in parts])


def _pad_tokens(part: Tensor, length: int) -> Tensor:
    """Zeros after the last token, up to ``length`` tokens along axis 1."""
    missing = length - part.shape[1]
    if not missing:
        return part
    return torch.cat([part, part.new_zeros(part.shape[0], missing, *part.shape[2:])], dim=1)


@dataclass
class Denoiser:
    """One trained denoising network of a family; a model with two experts has two of them.

    ``name`` is the component's name in a diffusers folder (``unet``, ``transformer``,
    ``transformer_2``). ``t_range`` is the part of the noise range it answers for, as fractions of
    the number of training timesteps: low included, high included only when it is 1.
    """

    name: str
    module: nn.Module
    t_range: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class LoraTargets:
    """Full module names inside one component that an adapter may sit on. Never suffixes: they
    collide (a ``to_out`` is a list in one block and a layer in the next).
    """

    linear: tuple[str, ...]  # with 1x1 convolutions
    conv: tuple[str, ...] = ()  # wider kernels
    others: tuple[str, ...] = ()  # norms, embeddings: they have a weight, but no low rank


class Family(ABC):
    """A model while it is used by one run.

    :meth:`open` reads configs only. Weights come in phases (text encoders, VAE, denoisers), each
    load a no-op when that part is there already, so that cached text embeddings let a text encoder
    be gone before the denoiser comes. ``denoisers`` is empty until :meth:`load_denoisers`,
    ``text_encoders`` until :meth:`load_text_encoders`, ``vae`` is None until :meth:`load_vae`.
    """

    told_sizes = False
    """Whether the denoiser is told how each picture was framed; see :meth:`with_sizes`."""
    readers = 1  # text encoders that may be told different things; see `encode_wordings`
    patch = 2  # latent pixels along the side of an image token
    in_out: tuple[str, ...] = ()  # the denoiser's first and last layer, where they can be retrained

    row: Any  # schema.families.FamilyRow
    model: Model
    device: torch.device
    dtype: torch.dtype  # what latents, embeddings and frozen weights are computed in
    denoisers: list[Denoiser]
    text_encoders: dict[str, nn.Module]
    vae: nn.Module | None
    on_load: Callable[[str, nn.Module], None] | None = None  # see `arrived`

    @classmethod
    @abstractmethod
    def open(cls, model: Model, train: Train, device: torch.device, dtype: torch.dtype) -> Family:
        """Read the model's configs and check that its files are all there; no weights yet.

        Raises ``engine.errors.DataError`` naming what is missing or broken.
        """

    # -- phases ----------------------------------------------------------------------------

    @abstractmethod
    def load_text_encoders(self, dtype: torch.dtype | None = None) -> None:
        """Tokenizers and text encoders, in eval mode without gradients, on the device.

        ``dtype`` is the storage dtype (``self.dtype`` by default; float32 when they are trained).
        """

    @abstractmethod
    def free_text_encoders(self) -> None:
        """Give their memory back; :meth:`load_text_encoders` may be called again later."""

    @abstractmethod
    def load_vae(self) -> None:
        """The image encoder and decoder."""

    @abstractmethod
    def free_vae(self) -> None:
        """Give its memory back; :meth:`load_vae` may be called again later."""

    @abstractmethod
    def load_denoisers(self, dtype: torch.dtype | None = None) -> None:
        """The denoiser(s) in storage dtype ``dtype`` (default ``self.dtype``), all frozen."""

    def arrived(self, component: str, module: nn.Module) -> None:
        """Show a text encoder or denoiser that was just put in its place to whoever changes such
        parts on their arrival (files merged into the base model). Every load ends with this.
        """
        if self.on_load is not None:
            self.on_load(component, module)

    def train_refiner(self, with_base: bool) -> None:
        """A full fine-tune trains the refiner too, or, unless `with_base`, the refiner alone.

        Called before :meth:`load_denoisers`. Models without one have nothing to do.
        """
        del with_base

    @property
    def trainable_text_encoders(self) -> dict[str, nn.Module]:
        """The loaded text encoders that may be trained: of two, those that the config includes."""
        chosen = (self.model.use_text_encoder_1, self.model.use_text_encoder_2)
        left_out = {
            name for name, use in zip(self.row.text_encoders, chosen, strict=False) if not use
        }
        return {name: m for name, m in self.text_encoders.items() if name not in left_out}

    @property
    def clip_encoders(self) -> dict[str, tuple[nn.Module, Any]]:
        """The loaded text encoders that can learn new words, each with its tokenizer."""
        return {}

    def set_tokenizer(self, name: str, tokenizer: Any) -> None:
        """Give one of `clip_encoders` another tokenizer."""
        raise NotImplementedError(f"{self.row.label} learns no words")

    def enable_gradient_checkpointing(self) -> None:
        """Trade time for memory in every denoiser and text encoder that is loaded."""
        for denoiser in self.denoisers:
            denoiser.module.enable_gradient_checkpointing()  # type: ignore[operator]
        for encoder in self.text_encoders.values():
            encoder.gradient_checkpointing_enable()  # type: ignore[operator]

    # -- tensors ---------------------------------------------------------------------------

    @abstractmethod
    def encode_prompts(self, prompts: Sequence[str]) -> Conditioning:
        """One row per prompt, on the device; differentiable where a text encoder is trained."""

    def encode_wordings(self, wordings: Sequence[Sequence[str]]) -> Conditioning:
        """One row per prompt, worded for each of the `readers` in its own way."""
        (prompts,) = wordings
        return self.encode_prompts(prompts)

    @property
    def text_identity(self) -> str:
        """What embeddings depend on besides prompt and weights; part of their cache's names."""
        return ""

    def with_sizes(self, conditioning: Conditioning, sizes_B6: Tensor) -> Conditioning:
        """The conditioning with how its pictures were framed, whole numbers (B, 6): height and
        width of the original, top and left of the crop in what it was scaled to, height and width
        of the crop. Only where `told_sizes`; conditioning of several B rows gets them repeated.
        """
        raise NotImplementedError(f"{self.row.label} is not told sizes")

    @abstractmethod
    def encode_images(
        self,
        pixels_BCHW: Tensor,
        generator: torch.Generator | list[torch.Generator] | None = None,
    ) -> Tensor:
        """Scaled latents of pixels in [-1, 1], of whatever rank the denoiser takes.

        With ``generator`` (one, or one per row) they are drawn from the VAE's posterior, without
        one they are its mean.
        """

    @abstractmethod
    def decode_latents(self, latents: Tensor) -> Tensor:
        """Pixels (B, 3, H, W), nominally in [-1, 1], of scaled latents, differentiable in these."""

    @abstractmethod
    def predict(
        self,
        denoiser: Denoiser,
        latents: Tensor,
        timesteps_B: Tensor,
        conditioning: Conditioning,
        guidance_B: Tensor | None = None,
    ) -> Tensor:
        """The denoiser's raw output for noisy latents; same shape as ``latents``.

        ``timesteps_B`` are in the noise table's own units (one per item; per frame where a video
        family says so). ``guidance_B`` feeds a guidance embedding where the family has one.
        """

    @abstractmethod
    def noise_table(self) -> NoiseProcess:
        """The noise levels it was trained with and its prediction type."""

    def sigma_shift(self, token_count: int) -> float:
        """How far a flow model's noise levels are shifted for so many tokens; 1 for others."""
        del token_count
        return 1.0

    def image_tokens(self, latent_shape: Sequence[int]) -> int:
        """How many image tokens the denoiser makes of one item's latents (C, ..., H, W).

        Flow models lean towards noise by this number; 2x2 latent pixels are a token in most.
        """
        *frames, height, width = latent_shape[1:]
        return math.prod(frames) * (height // self.patch) * (width // self.patch)

    # -- sizes -----------------------------------------------------------------------------

    @property
    @abstractmethod
    def size_multiple(self) -> int:
        """Width and height of training pictures must be multiples of this many pixels."""

    @abstractmethod
    def latent_shape(self, width: int, height: int, frames: int = 1) -> tuple[int, ...]:
        """The shape of one item's latents, without the batch axis."""

    # -- previews --------------------------------------------------------------------------

    @abstractmethod
    def preview_pipeline(self, sampler: str) -> Any:
        """A diffusers pipeline around the live modules with the scheduler called ``sampler``."""

    @abstractmethod
    def pipeline_inputs(self, positive: Conditioning, negative: Conditioning) -> dict[str, Any]:
        """Keyword arguments that hand encoded prompts to :meth:`preview_pipeline`'s call."""

    def preview_options(self, request: PreviewRequest) -> dict[str, Any]:
        """Further keyword arguments of :meth:`preview_pipeline`'s call for one preview."""
        del request
        return {}

    # -- files -----------------------------------------------------------------------------

    @abstractmethod
    def lora_targets(self, network: Network) -> dict[str, LoraTargets]:
        """Where an adapter may sit, by component: each denoiser's name and each text encoder's.

        The network section's filters by name choose among these. Text encoders are listed when
        they are loaded; whether they are trained is the caller's business.
        """

    def layer_name(self, component: str, module: str) -> str:
        """What filters call a layer: its dotted name with the beginning that files give it."""
        return f"{component}.{module}"

    def block_numbers(self, component: str, modules: Sequence[str]) -> dict[str, int]:
        """Which of the 25 blocks of a U-Net each layer is in; those in none are left out."""
        del component, modules
        return {}

    @abstractmethod
    def lora_file(
        self, state: Mapping[str, Tensor], alphas: Mapping[str, float], key_format: str
    ) -> tuple[dict[str, Tensor], dict[str, str]]:
        """A LoRA as a file: tensors by key and the safetensors metadata.

        ``state`` has peft's short keys, ``<component>.<module>.lora_A.weight`` and ``lora_B``, and
        the other parts that :mod:`engine.families.lora_keys` names; ``alphas`` has
        ``<component>.<module>`` of low-rank layers. ``key_format`` is ``diffusers`` or ``kohya``.
        """

    @abstractmethod
    def read_lora_file(
        self, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
    ) -> tuple[dict[str, Tensor], dict[str, float]]:
        """The inverse of :meth:`lora_file`, whichever of the key formats the file has."""

    def lora_component(self, key: str) -> str | None:
        """Which component a LoRA file's key is about, in any format that is read; None for none.

        Here: the dotted names of diffusers.
        """
        first = key.partition(".")[0]
        return first if first in (self.row.denoiser_folder, *self.row.text_encoders) else None

    @abstractmethod
    def save_full(
        self,
        path: Path,
        dtype: torch.dtype,
        save_format: str,
        metadata: Mapping[str, str] | None = None,
    ) -> list[Path]:
        """The whole model with its present weights; returns the files written.

        ``save_format``: ``diffusers`` writes the folder ``path``; ``safetensors`` and ``ckpt``
        write one file in the layout of the family's original release, with ``metadata``. What is
        written is staged beside ``path`` and put in its place by one rename.
        """
