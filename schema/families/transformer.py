"""Image families built as a transformer whose parts load as one pipeline of the older kind."""

from dataclasses import replace
from typing import Final

from schema.families.row import Betas, Encoder, FamilyRow, Shift

_PICTURES: Final = frozenset({"transformer", "pictures", "separate_text_encoder"})
_DIFFUSION: Final = _PICTURES | {"alpha_bar", "separate_vae"}
FLOW: Final = _PICTURES | {"flow", "separate_vae", "quantizable", "old_lokr_keys"}
"""What nearly every newer picture model can do."""

CLIP: Final = Encoder("CLIP-L", 77)
T5: Final = Encoder("T5-XXL", 512)
FLUX_SHIFT: Final = Shift(0.5, 1.15)

_KOHYA: Final = {"classic", "kohya_keys", "in_out_layers", "chosen_sampler", "separate_denoiser"}
_PIXART_ADAPTERS: Final = (
    "ilora", "ip+", "ip_clip_face", "text_encoder", "vision_direct", "single_value",
)  # fmt: skip

_PIXART: Final = FamilyRow(
    arch="pixart",
    label="PixArt Alpha",
    flag="is_pixart",
    repositories=("PixArt-alpha/PixArt-XL-2-1024-MS",),
    prediction="epsilon",
    target="noise",
    betas=Betas("linear", 0.0001, 0.02),
    latent_channels=4,
    capabilities=_DIFFUSION | _KOHYA | {"small_latents", "t5_in_few_bits", "size_override"},
    denoiser_class="PixArtTransformer2DModel",
    target_class="PixArtTransformer2DModel",
    blocks=("transformer_blocks",),
    encoders=(Encoder("T5-XXL", 120),),
    adapters=_PIXART_ADAPTERS,
    keys="kohya-transformer",
    note="Resolution and shape of each picture are told to the model.",
)

FLUX: Final = FamilyRow(
    arch="flux",
    label="FLUX.1",
    aliases=("flex1",),
    flag="is_flux",
    repositories=("black-forest-labs/FLUX.1-dev", "ostris/Flex.1-alpha"),
    shift=FLUX_SHIFT,
    timestep_type="sigmoid",
    packed=2,
    bucket_step=32,
    capabilities=FLOW
    | {
        "classic", "chosen_sampler", "separate_denoiser", "guidance_embedding",
        "guidance_bypass", "second_text_encoder", "trainable_text_encoder", "text_mask",
        "split_blocks", "real_guidance",
    },
    denoiser_class="FluxTransformer2DModel",
    target_class="FluxTransformer2DModel",
    blocks=("transformer_blocks", "single_transformer_blocks"),
    text_encoders=("text_encoder", "text_encoder_2"),
    encoders=(CLIP, T5),
    quantization="whole",
    adapters=(
        "ilora", "ip+", "control_lora", "llm_adapter", "vision_direct", "redux", "mean_flow",
        "subpixel",
    ),
    note="CLIP gives the pooled prompt, T5 its words; the guidance value is distilled into the "
    "model. flex1 is FLUX.1 without that distillation.",
)  # fmt: skip
CHROMA: Final = FamilyRow(
    arch="chroma",
    label="Chroma",
    repositories=("lodestones/Chroma1-Base",),
    shift=FLUX_SHIFT,
    timestep_type="sigmoid",
    bucket_step=32,
    capabilities=FLOW,
    denoiser_class="Chroma",
    target_class="Chroma",
    blocks=("double_blocks", "single_blocks"),
    encoders=(T5,),
    quantization="whole",
    keys="comfy",
    note="VAE and text encoder come from ostris/Flex.1-alpha. The padding of the prompt is masked "
    "but for one token.",
)

ROWS: Final = (
    FamilyRow(
        arch="sd3",
        label="Stable Diffusion 3",
        flag="is_v3",
        repositories=("stabilityai/stable-diffusion-3.5-large",),
        shift=Shift(3),
        timestep_type="sigmoid",
        bucket_step=32,
        capabilities=FLOW
        | {
            "classic", "chosen_sampler", "separate_denoiser", "second_text_encoder",
            "trainable_text_encoder",
        },
        denoiser_class="SD3Transformer2DModel",
        target_class="SD3Transformer2DModel",
        blocks=("transformer_blocks",),
        text_encoders=("text_encoder", "text_encoder_2", "text_encoder_3"),
        encoders=(CLIP, Encoder("OpenCLIP bigG", 77), Encoder("T5-XXL", 256)),
        quantization="whole",
    ),
    _PIXART,
    replace(
        _PIXART,
        arch="pixart_sigma",
        label="PixArt Sigma",
        flag="is_pixart_sigma",
        repositories=("PixArt-alpha/PixArt-Sigma-XL-2-1024-MS",),
        encoders=(Encoder("T5-XXL", 300),),
        note=None,
    ),
    FamilyRow(
        arch="auraflow",
        label="AuraFlow",
        flag="is_auraflow",
        repositories=("fal/AuraFlow",),
        shift=Shift(3),
        timestep_type="sigmoid",
        latent_channels=4,
        capabilities=(FLOW - {"quantizable", "old_lokr_keys"}) | _KOHYA | {"t5_in_few_bits"},
        denoiser_class="AuraFlowTransformer2DModel",
        target_class="AuraFlowTransformer2DModel",
        blocks=("joint_transformer_blocks", "single_transformer_blocks"),
        encoders=(Encoder("UMT5", 256),),
        keys="kohya-transformer",
        note="Works on the latents of the SDXL VAE.",
    ),
    replace(FLUX, engine=True, capabilities=FLUX.capabilities | {"single_file"}),
    FamilyRow(
        arch="lumina2",
        label="Lumina Image 2",
        flag="is_lumina2",
        repositories=("Alpha-VLLM/Lumina-Image-2.0",),
        shift=Shift(6),
        timestep_type="sigmoid",
        capabilities=FLOW
        | {"classic", "chosen_sampler", "separate_denoiser", "one_language_model"},
        denoiser_class="Lumina2Transformer2DModel",
        target_class="Lumina2Transformer2DModel",
        blocks=("layers", "noise_refiner", "context_refiner"),
        encoders=(Encoder("Gemma 2 2B", 256),),
        quantization="whole",
        note="Inside the model time runs the other way; the sign is turned on the way out.",
    ),
    CHROMA,
    replace(
        CHROMA,
        arch="chroma_radiance",
        label="Chroma Radiance (pixels)",
        repositories=("lodestones/Chroma1-Radiance",),
        latent_channels=3,
        spatial=1,
        capabilities=FLOW - {"separate_vae"},
        note="Works on pixels; there is no VAE.",
    ),
    FamilyRow(
        arch="cogview4",
        label="CogView4",
        repositories=("THUDM/CogView4-6B",),
        shift=Shift(0.25, 0.75, linear=True),
        timestep_type="sigmoid",
        capabilities=FLOW | {"one_language_model"},
        denoiser_class="CogView4Transformer2DModel",
        target_class="CogView4Transformer2DModel",
        blocks=("transformer_blocks",),
        encoders=(Encoder("GLM-4 9B", 1024),),
        quantization="whole",
    ),
    FamilyRow(
        arch="hidream",
        label="HiDream I1",
        repositories=("HiDream-ai/HiDream-I1-Full",),
        shift=Shift(3),
        timestep_type="shift",
        capabilities=FLOW | {"second_text_encoder", "llama"},
        denoiser_class="HiDreamImageTransformer2DModel",
        target_class="HiDreamImageTransformer2DModel",
        blocks=("double_stream_blocks", "single_stream_blocks"),
        text_encoders=("text_encoder", "text_encoder_2", "text_encoder_3", "text_encoder_4"),
        encoders=(
            Encoder("CLIP-L", 128), Encoder("OpenCLIP bigG", 128), Encoder("T5-XXL", 128),
            Encoder("Llama 3.1 8B", 128),
        ),
        quantization="whole",
        keys="comfy",
        suggests={
            "network.network_kwargs.ignore_if_contains": ["ff_i.experts", "ff_i.gate"],
        },
        recovery=(
            (
                "HiDream I1 Full",
                "ostris/accuracy_recovery_adapters/hidream_i1_full_torchao_uint3.safetensors",
                "uint3",
            ),
        ),
        note="A mixture of experts: leave the experts and their gate out of the network.",
    ),
    FamilyRow(
        arch="f-lite",
        label="F-Lite",
        repositories=("Freepik/F-Lite",),
        target="x - noise",
        shift=FLUX_SHIFT,
        timestep_type="sigmoid",
        capabilities=FLOW,
        denoiser_folder="dit_model",
        denoiser_class="DiT",
        target_class="DiT",
        blocks=("blocks",),
        encoders=(T5,),
        quantization="whole",
        keys="comfy",
    ),
)  # fmt: skip
