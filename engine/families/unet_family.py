"""What the Stable Diffusion families share: a UNet, CLIP text encoders, a KL autoencoder.

A family file says how its files are laid out and, where it is not one text encoder's last states,
what its UNet is told; everything else is here. Supported by all of them: diffusers folders and
single files (.safetensors, .ckpt) of any size and vocabulary, without a network; LoRA on the UNet's
attention blocks and, with a convolution rank, on its convolutions, and on the text encoders; full
fine-tuning; saving in every layout that is read. Not supported: inpainting UNets with more than the
latent's channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor, nn

from engine.errors import DataError
from engine.families import clip, ldm, lora_keys, lora_places
from engine.families.base import Conditioning, Denoiser, Family, LoraTargets
from engine.families.files import locate
from engine.families.samplers import make_scheduler
from engine.families.sd_denoiser import OtherUNet
from engine.families.sd_layout import Layout
from engine.families.sd_parts import Source
from engine.families.sd_saving import SdParts, save_model
from engine.families.sd_source import load_vae, open_source, vae_place
from engine.families.unet_residuals import TakesResiduals, residual_inputs
from engine.memory.placement import release
from schema.families import FAMILIES

if TYPE_CHECKING:
    from engine.noise import NoiseTable
    from schema.sections.model import Model
    from schema.sections.network import Network
    from schema.sections.train import Train

UNET = "unet"


class UNetFamily(TakesResiduals, Family):
    """A model with a UNet; see :class:`Family` for what each method promises."""

    arch: ClassVar[str]
    layout: ClassVar[Layout]
    kohya: ClassVar[Mapping[str, str]] = lora_keys.KOHYA
    in_out = ("conv_in", "conv_out")

    def __init__(
        self, model: Model, source: Source, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.row = FAMILIES[self.arch]
        self.model, self.device, self.dtype = model, device, dtype
        self.denoisers: list[Denoiser] = []
        self._base: Denoiser | None = None
        self.text_encoders: dict[str, nn.Module] = {}
        self.vae: nn.Module | None = None
        self._source = source
        self._tokenizers: dict[str, Any] = {}
        self._vae_path = None if model.vae_path is None else vae_place(locate(model.vae_path))
        self._noise_table: NoiseTable | None = None
        if model.is_v_pred:
            source.configs["scheduler"]["prediction_type"] = "v_prediction"

    @classmethod
    def open(cls, model: Model, train: Train, device: torch.device, dtype: torch.dtype) -> Self:
        """Read configs and check files."""
        del train
        source = cls.find(locate(model.name_or_path))
        if model.unet_path is not None:
            source = OtherUNet(source, locate(model.unet_path))
        return cls(model, source, device, dtype)

    @classmethod
    def find(cls, path: Path) -> Source:
        """The model's files; raises DataError when they are not those of this family."""
        source = open_source(path, cls.layout)
        channels = source.configs["unet"]["in_channels"]
        if channels != source.configs["vae"]["latent_channels"]:
            raise DataError(
                f"{source.path} has a UNet with {channels} input channels; inpainting and other "
                "conditioned UNets cannot be trained."
            )
        return source

    # -- phases

    def load_text_encoders(self, dtype: torch.dtype | None = None) -> None:
        """Tokenizers and CLIP text models."""
        self.load_tokenizers()
        for part in self.layout.texts:
            if part.name not in self.text_encoders:
                encoder = self._source.load(part.name, dtype or self.dtype)
                self.text_encoders[part.name] = placed(encoder, self.device)
                self.arrived(part.name, encoder)

    def load_tokenizers(self) -> None:
        """The tokenizers alone, by their text encoder."""
        for part in self.layout.texts:
            if part.name not in self._tokenizers:
                self._tokenizers[part.name] = self._source.tokenizer(part.name)

    def free_text_encoders(self) -> None:
        """Forget the text encoders."""
        self.text_encoders.clear()
        release(self.device)

    def load_vae(self) -> None:
        """The autoencoder of the model, or the one that ``model.vae_path`` names.

        One that overflows in half precision, as its config says, is kept in float32 there.
        """
        if self.vae is None:
            vae: Any = self._read_vae(self.dtype)
            if self.dtype == torch.float16 and getattr(vae.config, "force_upcast", False):
                vae = self._read_vae(torch.float32)
            self.vae = placed(vae, self.device)

    def free_vae(self) -> None:
        """Forget the autoencoder."""
        self.vae = None
        release(self.device)

    def load_denoisers(self, dtype: torch.dtype | None = None) -> None:
        """The UNet."""
        if self._base is None:
            unet = self._source.load(UNET, dtype or self.dtype)
            self._base = Denoiser(UNET, placed(unet, self.device))
            self.denoisers.append(self._base)
            self.arrived(UNET, unet)

    @property
    def base(self) -> Denoiser:
        """The model itself, whether it is trained or not."""
        assert self._base is not None, "load_denoisers() comes first"
        return self._base

    # -- tensors

    def encode_prompts(self, prompts: Sequence[str]) -> Conditioning:
        """``{"text": (B, N, C)}``: the last hidden states of the one text encoder."""
        encoder, tokenizer = self.encoder(self.layout.texts[0].name)
        return Conditioning({"text": clip.encode(encoder, tokenizer, prompts)})

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
        """float32 pixels; losses on pictures send their gradient back through it."""
        vae = self._require_vae()
        plain = latents.to(self.device).float() / vae.config.scaling_factor + self._vae_shift
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
        del guidance_B  # guidance is done by a second pass in these families
        predicted: Tensor = denoiser.module(
            latents.to(self.dtype),
            timesteps_B,
            return_dict=False,
            **self.unet_inputs(denoiser, latents, conditioning),
            **residual_inputs(conditioning),
        )[0]
        return predicted

    def unet_inputs(
        self, denoiser: Denoiser, latents: Tensor, conditioning: Conditioning
    ) -> dict[str, Any]:
        """What the UNet is called with besides latents and time."""
        del denoiser, latents
        return {"encoder_hidden_states": conditioning.parts["text"].to(self.dtype)}

    def noise_table(self) -> NoiseTable:
        """From the model's scheduler config; one table per run."""
        if self._noise_table is None:
            from engine.noise import NoiseTable

            table = NoiseTable.from_config(self.configs["scheduler"])
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
        """The configs of unet, vae, the text encoders and scheduler. Read only."""
        return self._source.configs

    # -- previews

    def preview_pipeline(self, sampler: str) -> Any:
        """The family's own pipeline; it takes embeddings and gives latents."""
        return self.pipeline_of(self.layout, self.base.module, sampler)

    def pipeline_of(self, layout: Layout, unet: nn.Module, sampler: str) -> Any:
        """The pipeline of a layout around a UNet, without text encoders."""
        import diffusers

        texts = [name for part in self.layout.texts for name in (part.name, part.tokenizer)]
        pipeline = getattr(diffusers, layout.pipeline)(
            vae=self._require_vae(),
            unet=unet,
            scheduler=make_scheduler(sampler, self.configs["scheduler"]),
            **dict.fromkeys([*texts, *layout.absent]),
            **dict(layout.settings),
        )
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def pipeline_inputs(self, positive: Conditioning, negative: Conditioning) -> dict[str, Any]:
        """Embeddings in the UNet's own dtype, which is the trained weights' while these differ."""
        return {
            "prompt_embeds": self.for_pipeline(positive, "text"),
            "negative_prompt_embeds": self.for_pipeline(negative, "text"),
        }

    def for_pipeline(self, conditioning: Conditioning, part: str) -> Tensor:
        """One part as the pipeline's UNet takes it."""
        unet: Any = self.base.module
        return conditioning.parts[part].to(self.device, unet.conv_in.weight.dtype)

    # -- files

    def lora_targets(self, network: Network) -> dict[str, LoraTargets]:
        """Layers of the attention blocks, with a convolution rank of the others too; of text
        encoders the linear layers of all blocks.
        """
        targets = {d.name: lora_places.unet_targets(d.module, network) for d in self.denoisers}
        texts = self.text_encoders.items()
        return targets | {name: lora_places.in_text_blocks(encoder) for name, encoder in texts}

    def layer_name(self, component: str, module: str) -> str:
        """With the beginning of kohya's names, dotted: ``lora_unet.down_blocks...``."""
        start = self.kohya.get(component, f"{component}_").removesuffix("_")
        return f"{start}.{self._file_name(f'{component}.{module}').split('.', 1)[1]}"

    def block_numbers(self, component: str, modules: Sequence[str]) -> dict[str, int]:
        """By the names of the original release."""
        unet: Any = next((d.module for d in self.denoisers if d.name == component), None)
        return {} if unet is None else lora_places.unet_blocks(unet.config, modules)

    def lora_file(
        self, state: Mapping[str, Tensor], alphas: Mapping[str, float], key_format: str
    ) -> tuple[dict[str, Tensor], dict[str, str]]:
        """Text encoder layers get ``text_model.`` in front, as every reader expects."""
        state = {self._file_name(key): tensor for key, tensor in state.items()}
        alphas = {self._file_name(key): alpha for key, alpha in alphas.items()}
        if key_format == "diffusers":
            return lora_keys.to_diffusers(state, alphas)
        return lora_keys.to_kohya(state, alphas, self.kohya), {}

    def read_lora_file(
        self, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
    ) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Either format, recognised by its keys; the UNet's blocks by diffusers' names or by
        those of the original releases, as kohya's scripts write them for SDXL.
        """
        kohya = any(key.startswith("lora_") for key in tensors)
        if kohya:
            state, alphas = lora_keys.from_kohya(tensors, self._kohya_names())
        else:
            state, alphas = lora_keys.from_diffusers(tensors, metadata)
        return (
            {self._live_name(key): tensor for key, tensor in state.items()},
            {self._live_name(key): alpha for key, alpha in alphas.items()},
        )

    def lora_component(self, key: str) -> str | None:
        """Dotted names, and kohya's prefixes."""
        key = lora_keys.whole_key(key) or key
        found = (name for name, prefix in self.kohya.items() if key.startswith(prefix))
        return super().lora_component(key) or next(found, None)

    def save_full(
        self,
        path: Path,
        dtype: torch.dtype,
        save_format: str,
        metadata: Mapping[str, str] | None = None,
    ) -> list[Path]:
        """What is not loaded at the moment is read again from the base model."""
        parts = self.parts_of(self.layout, self.base.module)
        return save_model(parts, path, dtype, save_format, metadata)

    def parts_of(self, layout: Layout, unet: nn.Module) -> SdParts:
        """A whole model of a layout around a UNet, whose text encoders are among the family's."""
        self.load_tokenizers()
        encoders = {
            part.name: self.text_encoders.get(part.name)
            or self._source.load(part.name, torch.float32)
            for part in layout.texts
        }
        return SdParts(
            unet=unet,
            vae=self.vae if self.vae is not None else self._read_vae(torch.float32),
            text_encoders=encoders,
            tokenizers={part.tokenizer: self._tokenizers[part.name] for part in layout.texts},
            scheduler_config=self.configs["scheduler"],
            layout=layout,
        )

    # -- details

    def encoder(self, name: str) -> tuple[nn.Module, Any]:
        """A loaded text encoder and its tokenizer."""
        return self.text_encoders[name], self._tokenizers[name]

    @property
    def clip_encoders(self) -> dict[str, tuple[nn.Module, Any]]:
        """All of them."""
        return {name: self.encoder(name) for name in self.text_encoders}

    def set_tokenizer(self, name: str, tokenizer: Any) -> None:
        """Use it for every prompt from now on."""
        self._tokenizers[name] = tokenizer

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

    def _kohya_names(self) -> Iterator[tuple[str, str]]:
        """What every module of what is loaded may be called in a kohya file, and its own name."""
        parts = {d.name: d.module for d in self.denoisers} | self.text_encoders
        original = ldm.unet_table(self.configs["unet"])
        for component, module in parts.items():
            for name, _ in module.named_modules():
                if not name or ".lora_" in name:
                    continue
                plain = name.removesuffix(".base_layer")
                full = self._file_name(f"{component}.{plain}")
                yield lora_keys.kohya_name(full, self.kohya), full
                older = ldm.rename(f"{plain}.", original) if component == UNET else None
                if older is not None:
                    yield lora_keys.kohya_name(f"{UNET}.{older[:-1]}", self.kohya), full

    def _file_name(self, key: str) -> str:
        component, name = key.split(".", 1)
        known = any(component == part.name for part in self.layout.texts)
        return f"{component}.{clip.canonical(name)}" if known else key

    def _live_name(self, key: str) -> str:
        component, name = key.split(".", 1)
        encoder = self.text_encoders.get(component)
        return key if encoder is None else f"{component}.{clip.live_name(name, encoder)}"


def placed(module: nn.Module, device: torch.device) -> nn.Module:
    """On the device, frozen and in eval mode."""
    return module.to(device).eval().requires_grad_(False)
