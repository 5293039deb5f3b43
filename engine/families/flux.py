"""FLUX.1: a transformer trained by flow matching, CLIP's pooled prompt, T5's words, a 16-channel
VAE.

Supported: dev (guidance distilled into an input), schnell (without that input) and their
descendants of the same architecture, such as Flex.1; diffusers folders and transformers in single
files; LoRA on the transformer and on CLIP; full fine-tuning; saving in the layouts that it reads.
Latents stay pictures (B, 16, H, W) for the trainer; :meth:`Flux.predict` packs them.
Not supported: Fill, Canny, Depth, Redux and Kontext, whose transformers take further pictures.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from engine.families import clip, flux_lora, lora_places, t5
from engine.families.base import Conditioning, Denoiser, Family, LoraTargets
from engine.families.flux_guidance import OptionalGuidance
from engine.families.flux_pack import pack, position_ids, unpack
from engine.families.flux_source import CLIP, SCHEDULER, T5, TRANSFORMER, VAE, FluxSource
from engine.families.samplers import make_scheduler
from engine.flow import FlowTable
from engine.memory.placement import release
from schema.families import FAMILIES

if TYPE_CHECKING:
    from schema.sections.model import Model
    from schema.sections.network import Network
    from schema.sections.train import Train

TOKENS_GUIDED, TOKENS_PLAIN = 512, 256  # of a prompt: as dev and schnell were made
STEPS = 1000  # timesteps are counted in thousandths of a sigma


class Flux(Family):
    """A FLUX.1 model; see :class:`Family` for what each method promises."""

    def __init__(
        self,
        model: Model,
        train: Train,
        source: FluxSource,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.row = FAMILIES["flux"]
        self.model, self.device, self.dtype = model, device, dtype
        self.denoisers: list[Denoiser] = []
        self.text_encoders: dict[str, nn.Module] = {}
        self.vae: nn.Module | None = None
        self._source = source
        self._tokenizers: tuple[Any, Any] | None = None
        self._noise_table: FlowTable | None = None
        self._denoiser_dtype = dtype
        self._ids: dict[tuple[int, int], Tensor] = {}
        self._blank_padding = model.attn_masking
        self._real_guidance = model.use_flux_cfg
        self._trains_text = train.train_text_encoder
        bypass = train.bypass_guidance_embedding or model.use_flux_cfg
        self._told_guidance = train.cfg_scale if self.has_guidance and not bypass else None

    @classmethod
    def open(cls, model: Model, train: Train, device: torch.device, dtype: torch.dtype) -> Flux:
        """Read configs and check files."""
        return cls(model, train, FluxSource(model), device, dtype)

    # -- phases

    def load_text_encoders(self, dtype: torch.dtype | None = None) -> None:
        """Tokenizers, CLIP and T5; ``dtype`` is CLIP's, since T5 is never trained."""
        self.load_tokenizers()
        for name, wanted in ((CLIP, dtype or self.dtype), (T5, self.dtype)):
            if name not in self.text_encoders:
                self.text_encoders[name] = self._placed(name, wanted)
                self.arrived(name, self.text_encoders[name])

    def load_tokenizers(self) -> tuple[Any, Any]:
        """CLIP's and T5's tokenizers alone."""
        if self._tokenizers is None:
            self._tokenizers = self._source.tokenizers()
        return self._tokenizers

    def free_text_encoders(self) -> None:
        """Forget both text encoders."""
        self.text_encoders.clear()
        release(self.device)

    @property
    def trainable_text_encoders(self) -> dict[str, nn.Module]:
        """CLIP, where it is wanted; T5 is 4.7 billion frozen weights."""
        return {name: m for name, m in super().trainable_text_encoders.items() if name != T5}

    @property
    def clip_encoders(self) -> dict[str, tuple[nn.Module, Any]]:
        """CLIP alone."""
        encoder = self.text_encoders.get(CLIP)
        return {} if encoder is None else {CLIP: (encoder, self.load_tokenizers()[0])}

    def set_tokenizer(self, name: str, tokenizer: Any) -> None:
        """CLIP's; T5 reads new words letter by letter."""
        assert name == CLIP, name
        self._tokenizers = tokenizer, self.load_tokenizers()[1]

    def load_vae(self) -> None:
        """The autoencoder of the model, or the one that ``model.vae_path`` names.

        One that overflows in half precision, as its config says, is kept in float32 there.
        """
        if self.vae is None:
            overflows = self.dtype == torch.float16 and self.configs[VAE].get("force_upcast")
            self.vae = self._placed(VAE, torch.float32 if overflows else self.dtype)

    def free_vae(self) -> None:
        """Forget the autoencoder."""
        self.vae = None
        release(self.device)

    def load_denoisers(self, dtype: torch.dtype | None = None) -> None:
        """The transformer."""
        if self.denoisers:
            return
        self._denoiser_dtype = dtype or self.dtype
        if self._denoiser_dtype != self.dtype:
            # Float32 norms beside half-precision states: exact, and torch says that it is slower.
            warnings.filterwarnings("ignore", "Mismatch dtype between input and weight")
        transformer: Any = self._placed(TRANSFORMER, self._denoiser_dtype)
        if self.has_guidance:
            transformer.time_text_embed = OptionalGuidance(
                transformer.time_text_embed, ignored=self._real_guidance
            )
        self.denoisers.append(Denoiser(TRANSFORMER, transformer))
        self.arrived(TRANSFORMER, transformer)

    def _placed(self, component: str, dtype: torch.dtype) -> nn.Module:
        module = self._source.load(component, dtype)
        return module.to(self.device).eval().requires_grad_(False)

    # -- tensors

    def encode_prompts(self, prompts: Sequence[str]) -> Conditioning:
        """``{"text": (B, N, C), "pooled": (B, P)}``: T5's states and CLIP's pooled vector."""
        for_clip, for_t5 = self.load_tokenizers()
        encoder: Any = self.text_encoders[CLIP]
        length = min(for_clip.model_max_length, encoder.config.max_position_embeddings)
        ids = clip.token_ids(for_clip, prompts, length).to(self.device)
        pooled = encoder(ids).pooler_output
        text = t5.encode(
            self.text_encoders[T5],
            for_t5,
            prompts,
            self.prompt_tokens,
            blank_padding=self._blank_padding,
        )
        return Conditioning({"text": text, "pooled": pooled})

    @property
    def prompt_tokens(self) -> int:
        """How many T5 tokens a prompt is padded or cut to."""
        return TOKENS_GUIDED if self.has_guidance else TOKENS_PLAIN

    @property
    def text_identity(self) -> str:
        """The length, and whether the padding is blank."""
        return f"{self.prompt_tokens} {'blank' if self._blank_padding else ''}".strip()

    @property
    def has_guidance(self) -> bool:
        """Whether the transformer takes the guidance scale as an input (dev does, schnell not)."""
        return bool(self.configs[TRANSFORMER]["guidance_embeds"])

    def encode_images(
        self,
        pixels_BCHW: Tensor,
        generator: torch.Generator | list[torch.Generator] | None = None,
    ) -> Tensor:
        """float32 latents (B, 16, H/8, W/8), shifted and scaled as the VAE's config says."""
        vae = self._require_vae()
        pixels_BCHW = pixels_BCHW.to(self.device, vae.dtype)
        with torch.no_grad():
            posterior = vae.encode(pixels_BCHW).latent_dist
            drawn = posterior.mode() if generator is None else posterior.sample(generator)
        latents: Tensor = (drawn.float() - vae.config.shift_factor) * vae.config.scaling_factor
        return latents

    def decode_latents(self, latents: Tensor) -> Tensor:
        """float32 pixels; losses on pictures send their gradient back through it."""
        vae = self._require_vae()
        plain = latents.to(self.device).float() / vae.config.scaling_factor
        plain = plain + vae.config.shift_factor
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
        """The velocity noise - latents (B, 16, H, W).

        A guidance-distilled model is told ``guidance_B``, by default ``train.cfg_scale``; nothing
        when the guidance input is bypassed.
        """
        height, width = latents.shape[-2:]
        told = None
        if self._told_guidance is not None:
            told = guidance_B
            if told is None:
                told = torch.full((len(latents),), self._told_guidance, device=latents.device)
        text = conditioning.parts["text"].to(self.dtype)
        predicted: Tensor = denoiser.module(
            hidden_states=pack(latents.to(self.dtype)),
            timestep=timesteps_B / STEPS,
            guidance=told,
            pooled_projections=conditioning.parts["pooled"].to(self.dtype),
            encoder_hidden_states=text,
            txt_ids=torch.zeros(text.shape[1], 3, device=text.device),
            img_ids=self._position_ids(height, width),
            return_dict=False,
        )[0]
        return unpack(predicted, height, width)

    def _position_ids(self, height: int, width: int) -> Tensor:
        """Built once per size: bucketed pictures have few."""
        if (height, width) not in self._ids:
            self._ids[height, width] = position_ids(height, width, self.device)
        return self._ids[height, width]

    def noise_table(self) -> FlowTable:
        """The straight line of flow matching, with the shift of the model's scheduler config."""
        if self._noise_table is None:
            self._noise_table = FlowTable.from_config(self.configs[SCHEDULER]).to(self.device)
        return self._noise_table

    def sigma_shift(self, token_count: int) -> float:
        """exp(mu), mu growing with the number of tokens; schnell has no shift."""
        return self.noise_table().shift.factor(token_count)

    # -- sizes

    @property
    def vae_factor(self) -> int:
        """How many pixels wide a latent pixel is: the autoencoder halves between its levels."""
        return int(2 ** (len(self.configs[VAE]["block_out_channels"]) - 1))

    @property
    def size_multiple(self) -> int:
        """Four latent pixels, as the reference trainer has it; the model itself needs two."""
        return self.vae_factor * self.row.bucket_step // self.row.spatial

    def latent_shape(self, width: int, height: int, frames: int = 1) -> tuple[int, ...]:
        """(channels, height, width) of the latents; there is no time axis."""
        assert frames == 1, "an image family has no frames"
        channels = int(self.configs[VAE]["latent_channels"])
        return channels, height // self.vae_factor, width // self.vae_factor

    @property
    def configs(self) -> dict[str, dict[str, Any]]:
        """The configs of the components and of the scheduler. Read only."""
        return self._source.configs

    # -- previews

    def preview_pipeline(self, sampler: str) -> Any:
        """diffusers' FluxPipeline, which takes embeddings and gives latents."""
        from engine.families.flux_preview import PreviewPipeline

        pipeline = PreviewPipeline(
            vae=self._require_vae(),
            text_encoder=None,
            tokenizer=None,
            text_encoder_2=None,
            tokenizer_2=None,
            transformer=self.denoisers[0].module,
            scheduler=make_scheduler(sampler, self.configs[SCHEDULER]),
        )
        pipeline.real_guidance = self._real_guidance
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def pipeline_inputs(self, positive: Conditioning, negative: Conditioning) -> dict[str, Any]:
        """Embeddings in the transformer's own dtype; the negative ones for real guidance alone."""
        inputs = self._prompt_inputs(positive, "")
        return inputs | (self._prompt_inputs(negative, "negative_") if self._real_guidance else {})

    def _prompt_inputs(self, prompt: Conditioning, prefix: str) -> dict[str, Any]:
        at = prompt.to(self.device, self._denoiser_dtype).parts
        return {f"{prefix}prompt_embeds": at["text"], f"{prefix}pooled_prompt_embeds": at["pooled"]}

    # -- files

    def lora_targets(self, network: Network) -> dict[str, LoraTargets]:
        """Every linear layer of the transformer's blocks, or of all of it; CLIP's blocks."""
        blocks = self.row.blocks if network.transformer_only else ("",)
        targets = {
            denoiser.name: lora_places.layers_where(
                denoiser.module, lambda name: any(block in name for block in blocks)
            )
            for denoiser in self.denoisers
        }
        if CLIP in self.text_encoders:
            targets[CLIP] = lora_places.in_text_blocks(self.text_encoders[CLIP])
        return targets

    def layer_name(self, component: str, module: str) -> str:
        """``transformer.`` and, for CLIP, ``lora_te1.text_model.``."""
        return (
            f"lora_te1.{clip.canonical(module)}" if component == CLIP else f"{component}.{module}"
        )

    def lora_file(
        self, state: Mapping[str, Tensor], alphas: Mapping[str, float], key_format: str
    ) -> tuple[dict[str, Tensor], dict[str, str]]:
        """``diffusers`` has our names, ``kohya`` those of the original layout with fused layers."""
        return flux_lora.write(state, alphas, key_format, self.configs[TRANSFORMER])

    def read_lora_file(
        self, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
    ) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Either format, recognised by its keys."""
        encoder = self.text_encoders.get(CLIP)
        return flux_lora.read(tensors, metadata, self.configs[TRANSFORMER], encoder)

    def lora_component(self, key: str) -> str | None:
        """By the key's beginning."""
        return flux_lora.component_of(key)

    def save_full(
        self,
        path: Path,
        dtype: torch.dtype,
        save_format: str,
        metadata: Mapping[str, str] | None = None,
    ) -> list[Path]:
        """``diffusers``: a whole folder; ``safetensors``: the transformer in the original layout.

        In the folder, parts that are not trained are the files of the base model.
        """
        from engine.families.flux_saving import save_model

        encoder = self.text_encoders.get(CLIP) if self._trains_text else None
        transformer = self.denoisers[0].module
        return save_model(transformer, encoder, self._source, path, dtype, save_format, metadata)

    # -- details

    def _require_vae(self) -> Any:
        assert self.vae is not None, "load_vae() comes first"
        return self.vae
