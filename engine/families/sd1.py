"""Stable Diffusion 1: one UNet, one CLIP text encoder, a KL autoencoder.

Supported: diffusers folders and single files (.safetensors, .ckpt) of any size and vocabulary,
without a network; LoRA on the UNet's attention blocks and, with a convolution rank, on its
convolutions, and on the text encoder; full fine-tuning; saving in every layout that it reads.
Not supported: inpainting UNets with more than the latent's channels, textual inversion files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from engine.errors import DataError
from engine.families import clip, lora_keys
from engine.families.base import Conditioning, Denoiser, Family, LoraTargets
from engine.families.files import locate
from engine.families.samplers import make_scheduler
from engine.families.sd_saving import SdParts, save_model
from engine.families.sd_source import Source, load_vae, open_source, vae_place
from engine.memory.placement import release
from schema.families import FAMILIES

if TYPE_CHECKING:
    from engine.noise import NoiseTable
    from schema.sections.model import Model
    from schema.sections.network import Network
    from schema.sections.train import Train

UNET, TEXT_ENCODER = "unet", "text_encoder"
ATTENTION_BLOCKS = ("Transformer2DModel",)
CONV_BLOCKS = ("ResnetBlock2D", "Downsample2D", "Upsample2D")


class StableDiffusion1(Family):
    """A Stable Diffusion 1 model; see :class:`Family` for what each method promises."""

    def __init__(
        self, model: Model, source: Source, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.row = FAMILIES["sd1"]
        self.model, self.device, self.dtype = model, device, dtype
        self.denoisers: list[Denoiser] = []
        self.text_encoders: dict[str, nn.Module] = {}
        self.vae: nn.Module | None = None
        self._source = source
        self._tokenizer: Any = None
        self._vae_path = None if model.vae_path is None else vae_place(locate(model.vae_path))
        self._noise_table: NoiseTable | None = None

    @classmethod
    def open(
        cls, model: Model, train: Train, device: torch.device, dtype: torch.dtype
    ) -> StableDiffusion1:
        """Read configs and check files."""
        del train
        source = open_source(locate(model.name_or_path))
        channels = source.configs["unet"]["in_channels"]
        if channels != source.configs["vae"]["latent_channels"]:
            raise DataError(
                f"{source.path} has a UNet with {channels} input channels; inpainting and other "
                "conditioned UNets cannot be trained."
            )
        return cls(model, source, device, dtype)

    # -- phases

    def load_text_encoders(self, dtype: torch.dtype | None = None) -> None:
        """Tokenizer and CLIP text model."""
        self.load_tokenizer()
        if not self.text_encoders:
            encoder = self._source.load(TEXT_ENCODER, dtype or self.dtype)
            self.text_encoders[TEXT_ENCODER] = _placed(encoder, self.device)

    def load_tokenizer(self) -> None:
        """The tokenizer alone."""
        if self._tokenizer is None:
            self._tokenizer = self._source.tokenizer()

    def free_text_encoders(self) -> None:
        """Forget the text encoder."""
        self.text_encoders.clear()
        release(self.device)

    def load_vae(self) -> None:
        """The autoencoder of the model, or the one that ``model.vae_path`` names."""
        if self.vae is None:
            self.vae = _placed(self._read_vae(self.dtype), self.device)

    def free_vae(self) -> None:
        """Forget the autoencoder."""
        self.vae = None
        release(self.device)

    def load_denoisers(self, dtype: torch.dtype | None = None) -> None:
        """The UNet."""
        if not self.denoisers:
            unet = self._source.load(UNET, dtype or self.dtype)
            self.denoisers.append(Denoiser(UNET, _placed(unet, self.device)))

    # -- tensors

    def encode_prompts(self, prompts: Sequence[str]) -> Conditioning:
        """``{"text": (B, N, C)}``: the last hidden states."""
        encoder = self.text_encoders[TEXT_ENCODER]
        return Conditioning({"text": clip.encode(encoder, self._tokenizer, prompts)})

    def encode_images(
        self,
        pixels_BCHW: Tensor,
        generator: torch.Generator | list[torch.Generator] | None = None,
    ) -> Tensor:
        """float32 latents (B, 4, H/8, W/8), times the VAE's scaling factor."""
        vae = self._require_vae()
        pixels_BCHW = pixels_BCHW.to(self.device, vae.dtype)
        with torch.no_grad():
            posterior = vae.encode(pixels_BCHW).latent_dist
            drawn = posterior.mode() if generator is None else posterior.sample(generator)
        latents: Tensor = (drawn.float() - self._vae_shift) * vae.config.scaling_factor
        return latents

    def decode_latents(self, latents: Tensor) -> Tensor:
        """float32 pixels."""
        vae = self._require_vae()
        plain = latents.to(self.device).float() / vae.config.scaling_factor + self._vae_shift
        with torch.no_grad():
            pixels: Tensor = vae.decode(plain.to(vae.dtype), return_dict=False)[0]
        return pixels.float()

    def predict(
        self,
        denoiser: Denoiser,
        latents: Tensor,
        timesteps_B: Tensor,
        conditioning: Conditioning,
        guidance_B: Tensor | None = None,
    ) -> Tensor:
        """The UNet's prediction of noise (or velocity, as :meth:`noise_table` says)."""
        del guidance_B  # guidance is done by a second pass in this family
        predicted: Tensor = denoiser.module(
            latents.to(self.dtype),
            timesteps_B,
            encoder_hidden_states=conditioning.parts["text"].to(self.dtype),
            return_dict=False,
        )[0]
        return predicted

    def noise_table(self) -> NoiseTable:
        """From the model's scheduler config; one table per run."""
        if self._noise_table is None:
            from engine.noise import NoiseTable

            table = NoiseTable.from_config(self._source.configs["scheduler"])
            self._noise_table = table.to(self.device)
        return self._noise_table

    # -- sizes

    @property
    def vae_factor(self) -> int:
        """How many pixels wide a latent pixel is: the autoencoder halves between its levels."""
        return int(2 ** (len(self.configs["vae"]["block_out_channels"]) - 1))

    @property
    def size_multiple(self) -> int:
        """Two latent pixels, as the reference trainer has it: 16 where the VAE's factor is 8."""
        return self.vae_factor * self.row.bucket_step // self.row.spatial

    def latent_shape(self, width: int, height: int, frames: int = 1) -> tuple[int, ...]:
        """(channels, height, width) of the latents; there is no time axis."""
        assert frames == 1, "an image family has no frames"
        channels = int(self.configs["unet"]["in_channels"])
        return channels, height // self.vae_factor, width // self.vae_factor

    @property
    def configs(self) -> dict[str, dict[str, Any]]:
        """The configs of unet, vae, text_encoder and scheduler. Read only."""
        return self._source.configs

    # -- previews

    def preview_pipeline(self, sampler: str) -> Any:
        """A StableDiffusionPipeline that takes embeddings and gives latents."""
        from diffusers import StableDiffusionPipeline

        pipeline = StableDiffusionPipeline(
            vae=self._require_vae(),
            text_encoder=None,
            tokenizer=None,
            unet=self.denoisers[0].module,
            scheduler=make_scheduler(sampler, self.configs["scheduler"]),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def pipeline_inputs(self, positive: Conditioning, negative: Conditioning) -> dict[str, Any]:
        """Embeddings in the UNet's own dtype, which is the trained weights' while these differ."""
        unet: Any = self.denoisers[0].module
        dtype = unet.conv_in.weight.dtype
        return {
            "prompt_embeds": positive.parts["text"].to(self.device, dtype),
            "negative_prompt_embeds": negative.parts["text"].to(self.device, dtype),
        }

    # -- files

    def lora_targets(self, network: Network) -> dict[str, LoraTargets]:
        """Linear layers and 1x1 convolutions of the attention blocks; with a convolution rank the
        residual and resampling blocks too; every linear layer of the text encoder's blocks.
        """
        wanted = ATTENTION_BLOCKS + (CONV_BLOCKS if network.conv else ())
        targets = {d.name: unet_targets(d.module, wanted) for d in self.denoisers}
        for name, encoder in self.text_encoders.items():
            linear = [n for n, m in encoder.named_modules() if isinstance(m, nn.Linear)]
            targets[name] = LoraTargets(tuple(n for n in linear if "encoder.layers." in n))
        return targets

    def lora_file(
        self, state: Mapping[str, Tensor], alphas: Mapping[str, float], key_format: str
    ) -> tuple[dict[str, Tensor], dict[str, str]]:
        """Text encoder layers get ``text_model.`` in front, as every reader expects."""
        state = {_file_name(key): tensor for key, tensor in state.items()}
        alphas = {_file_name(key): alpha for key, alpha in alphas.items()}
        if key_format == "diffusers":
            return lora_keys.to_diffusers(state, alphas)
        return lora_keys.to_kohya(state, alphas), {}

    def read_lora_file(
        self, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
    ) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Either format, recognised by its first key."""
        kohya = next(iter(tensors), "").startswith("lora_")
        if kohya:
            state, alphas = lora_keys.from_kohya(tensors, self._module_names())
        else:
            state, alphas = lora_keys.from_diffusers(tensors, metadata)
        return (
            {self._live_name(key): tensor for key, tensor in state.items()},
            {self._live_name(key): alpha for key, alpha in alphas.items()},
        )

    def save_full(
        self,
        path: Path,
        dtype: torch.dtype,
        save_format: str,
        metadata: Mapping[str, str] | None = None,
    ) -> list[Path]:
        """What is not loaded at the moment is read again from the base model."""
        self.load_tokenizer()
        parts = SdParts(
            unet=self.denoisers[0].module,
            vae=self.vae if self.vae is not None else self._read_vae(torch.float32),
            text_encoder=self.text_encoders.get(TEXT_ENCODER)
            or self._source.load(TEXT_ENCODER, torch.float32),
            tokenizer=self._tokenizer,
            scheduler_config=self.configs["scheduler"],
        )
        return save_model(parts, path, dtype, save_format, metadata)

    # -- details

    def _read_vae(self, dtype: torch.dtype) -> nn.Module:
        if self._vae_path is not None:
            return load_vae(self._vae_path, dtype)
        return self._source.load("vae", dtype)

    def _require_vae(self) -> Any:
        assert self.vae is not None, "load_vae() comes first"
        return self.vae

    @property
    def _vae_shift(self) -> float:
        return getattr(self._require_vae().config, "shift_factor", None) or 0.0

    def _module_names(self) -> Iterator[str]:
        """Every module of what is loaded, as it is called in LoRA files."""
        parts = {d.name: d.module for d in self.denoisers} | self.text_encoders
        for component, module in parts.items():
            for name, _ in module.named_modules():
                if name and ".lora_" not in name:
                    yield _file_name(f"{component}.{name.removesuffix('.base_layer')}")

    def _live_name(self, key: str) -> str:
        component, name = key.split(".", 1)
        encoder = self.text_encoders.get(component)
        return key if encoder is None else f"{component}.{clip.live_name(name, encoder)}"


def unet_targets(unet: nn.Module, blocks: Sequence[str]) -> LoraTargets:
    """Layers inside modules whose class is one of ``blocks``, in the model's order.

    Linear layers and 1x1 convolutions count as linear, wider convolutions as convolutions.
    """
    linear: dict[str, None] = {}
    conv: dict[str, None] = {}
    for outer, block in unet.named_modules():
        if type(block).__name__ not in blocks:
            continue
        for inner, layer in block.named_modules(prefix=outer):
            if isinstance(layer, nn.Conv2d) and layer.kernel_size != (1, 1):
                conv[inner] = None
            elif isinstance(layer, nn.Linear | nn.Conv2d):
                linear[inner] = None
    return LoraTargets(tuple(linear), tuple(conv))


def _file_name(key: str) -> str:
    component, name = key.split(".", 1)
    return f"{component}.{clip.canonical(name)}" if component == TEXT_ENCODER else key


def _placed(module: nn.Module, device: torch.device) -> nn.Module:
    return module.to(device).eval().requires_grad_(False)
