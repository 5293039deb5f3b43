"""Families that make videos, some of them with sound."""

from dataclasses import replace
from typing import Final

from schema.families.row import Encoder, FamilyRow, Shift

_CLIPS: Final = frozenset(
    {
        "transformer", "flow", "pictures", "video", "separate_text_encoder", "separate_vae",
        "quantizable", "recovery", "one_language_model",
    }
)  # fmt: skip
_FIRST: Final = frozenset({"picture_input", "first_frame"})
_MAYBE_FIRST: Final = frozenset({"picture_input", "optional_first_frame"})
_WAN_EXCLUDED: Final = ("condition_embedder*", "proj_out*")
_RECOVERY: Final = (
    (
        "Wan 2.2 text to video, both experts",
        "ostris/accuracy_recovery_adapters/wan22_14b_t2i_torchao_uint4.safetensors",
        "uint4",
    ),
)

_WAN: Final = FamilyRow(
    arch="wan21",
    label="Wan 2.1",
    kind="video",
    repositories=("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "Wan-AI/Wan2.1-T2V-14B-Diffusers"),
    shift=Shift(3),
    timestep_type="weighted",
    temporal=4,
    frames=(4, 1),
    fps=16,
    resolution=640,
    capabilities=_CLIPS | {"old_lokr_keys", "tiled_vae", "in_out_layers"},
    denoiser_class="WanTransformer3DModel",
    target_class="WanTransformer3DModel",
    blocks=("blocks",),
    encoders=(Encoder("UMT5-XXL", 512),),
    quantization="blocks",
    offloading=True,
    adapters=("ilora", "i2v"),
    keys="wan",
    note="A single frame trains pictures.",
)
_WAN22: Final = replace(
    _WAN,
    arch="wan22_14b",
    label="Wan 2.2 14B",
    repositories=("ai-toolkit/Wan2.2-T2V-A14B-Diffusers-bf16",),
    shift=Shift(5),
    timestep_type="linear",
    capabilities=_CLIPS | {"old_lokr_keys", "tiled_vae", "two_experts"},
    target_class="DualWanTransformer3DModel",
    adapters=("ilora",),
    never_quantized=_WAN_EXCLUDED,
    recovery=_RECOVERY,
    note="The experts take over from each other at 0.875 of the noise.",
)
_LTX: Final = FamilyRow(
    arch="ltx2",
    label="LTX-2",
    kind="video",
    repositories=("Lightricks/LTX-2",),
    shift=Shift(0.95, 2.05, tokens=(1024, 4096), terminal=0.1),
    timestep_type="weighted",
    latent_channels=128,
    spatial=32,
    temporal=8,
    frames=(8, 1),
    fps=24,
    multiple=32,
    bucket_step=32,
    resolution=768,
    capabilities=_CLIPS | _MAYBE_FIRST | {"audio"},
    denoiser_class="LTX2VideoTransformer3DModel",
    target_class="LTX2VideoTransformer3DModel",
    blocks=("transformer_blocks",),
    encoders=(Encoder("Gemma 3 12B", 1024),),
    quantization="blocks",
    offloading=True,
    keys="ltx",
    note="Sound has a VAE of its own.",
)
_MINIMAX_NETWORK: Final = {
    "network.linear": 16,
    "network.network_kwargs.ignore_if_contains": ["adaln_proj"],
}
_MINIMAX: Final = FamilyRow(
    arch="minimax_h3",
    label="MiniMax-H3",
    kind="video",
    repositories=("Comfy-Org/MiniMax-H3",),
    shift=Shift(12),
    timestep_type="shift",
    latent_channels=None,
    frames=(17, 5),
    fps=24,
    multiple=32,
    bucket_step=32,
    resolution=768,
    capabilities=_CLIPS
    | _MAYBE_FIRST
    | {"audio", "prompt_limit", "encoder_elsewhere", "video_parts", "partitions"},
    denoiser_class="MiniMaxH3Transformer",
    target_class="MiniMaxH3Transformer",
    blocks=("blocks",),
    encoders=(Encoder("Qwen3-VL 32B, its first 50 layers", 512),),
    quantization="blocks",
    never_quantized=(
        "video_patch_proj*", "audio_patch_proj*", "time_embedder*", "final_layer*",
        "condition_proj*", "token_refiner*", "*adaln_proj*",
    ),
    offloading=True,
    keys="comfy",
    suggests={
        **_MINIMAX_NETWORK,
        "model.assistant_lora_path": "ostris/minimax_h3_training_adapter/"
        "minimax_h3_training_adapter_v1.safetensors",
        "train.do_guidance_loss": True,
        "train.guidance_loss_target": 3.5,
    },
    note="A first and a last frame may be given.",
)  # fmt: skip

ROWS: Final = (
    _WAN,
    replace(
        _WAN,
        arch="wan21_i2v",
        label="Wan 2.1 image to video",
        repositories=(
            "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers",
            "Wan-AI/Wan2.1-I2V-14B-720P-Diffusers",
        ),
        capabilities=_CLIPS | _FIRST | {"old_lokr_keys", "tiled_vae"},
        encoders=(*_WAN.encoders, Encoder("CLIP vision, for the first frame")),
        adapters=("ilora",),
        note="36 input channels: noise, the first frame and its mask.",
    ),
    replace(
        _WAN,
        arch="wan22_5b",
        label="Wan 2.2 5B",
        repositories=("Wan-AI/Wan2.2-TI2V-5B-Diffusers",),
        shift=Shift(5),
        latent_channels=48,
        spatial=16,
        fps=24,
        multiple=32,
        bucket_step=32,
        resolution=960,
        capabilities=_CLIPS | _MAYBE_FIRST | {"old_lokr_keys", "tiled_vae"},
        adapters=("ilora",),
        never_quantized=_WAN_EXCLUDED,
        note="A first frame has noise level 0 of its own.",
    ),
    _WAN22,
    replace(
        _WAN22,
        arch="wan22_14b_i2v",
        label="Wan 2.2 14B image to video",
        repositories=("ai-toolkit/Wan2.2-I2V-A14B-Diffusers-bf16",),
        capabilities=_WAN22.capabilities | _FIRST,
        recovery=(),
        note="The experts take over from each other at 0.9 of the noise.",
    ),
    _LTX,
    replace(
        _LTX,
        arch="ltx2.3",
        label="LTX-2.3",
        repositories=("Lightricks/LTX-2.3/ltx-2.3-22b-dev.safetensors",),
        note="A single file.",
    ),
    replace(
        _LTX,
        arch="ltx2.5",
        label="LTX-2.5",
        repositories=("Lightricks/LTX-2.5",),
        capabilities=_LTX.capabilities | {"encoder_elsewhere", "component_file", "video_parts"},
        encoders=(Encoder("Gemma 4", 1024),),
        note="Each part is a file; files that are already quantized are taken as they are.",
    ),
    _MINIMAX,
    replace(
        _MINIMAX,
        arch="minimax_h3_ref2va",
        label="MiniMax-H3 from references",
        capabilities=(_MINIMAX.capabilities - {"optional_first_frame"})
        | {"control", "multi_control", "reference_clips"},
        controls=(1, 3),
        suggests=_MINIMAX_NETWORK,
        note="References are pictures or clips; the text encoder sees them.",
    ),
)
