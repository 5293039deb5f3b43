"""Families that edit: a picture and an instruction go in, or both as the config says."""

from dataclasses import replace
from typing import Final

from schema.families.modern import BLOCKWISE, QWEN
from schema.families.modern import ROWS as _MODERN
from schema.families.row import Encoder, FamilyRow, Shift, Variant
from schema.families.transformer import FLOW, FLUX, FLUX_SHIFT
from schema.families.transformer import ROWS as _OLDER

_ONE: Final = frozenset({"picture_input", "control"})
_SEVERAL: Final = _ONE | {"multi_control"}
_ADAPTERS: Final = "ostris/accuracy_recovery_adapters"
_OF: Final = {row.arch: row for row in (*_OLDER, *_MODERN)}
_EDITING: Final = {
    "model.model_kwargs.edit": True,
    "model.model_kwargs.match_target_res": True,
    "model.model_kwargs.kv_cache": True,
}
_HELPER: Final = {
    "model.assistant_lora_path": "ostris/krea2_turbo_training_adapter/"
    "krea2_turbo_training_adapter_v1.safetensors",
}

_FLUX_LIKE: Final = replace(
    FLUX,
    aliases=(),
    flag=None,
    bucket_step=16,
    capabilities=FLOW
    | _ONE
    | {"guidance_embedding", "guidance_bypass", "second_text_encoder", "trainable_text_encoder"},
    adapters=("ilora",),
)

ROWS: Final = (
    replace(
        _FLUX_LIKE,
        arch="flex2",
        label="Flex.2",
        kind="image",
        repositories=("ostris/Flex.2-preview",),
        capabilities=_FLUX_LIKE.capabilities | {"inpaint_input"},
        controls=(0, 1),
        adapters=("ilora", "mean_flow"),
        note="The input is widened by 16 channels of an inpaint picture, its mask and 16 channels "
        "of a control image.",
    ),
    replace(
        _FLUX_LIKE,
        arch="flux_kontext",
        label="FLUX.1 Kontext",
        kind="edit",
        repositories=("black-forest-labs/FLUX.1-Kontext-dev",),
        timestep_type="weighted",
        controls=(1, 1),
        note="The control image joins as further tokens with positions of their own.",
    ),
    replace(
        _OF["hidream"],
        arch="hidream_e1",
        label="HiDream E1",
        kind="edit",
        repositories=("HiDream-ai/HiDream-E1-1",),
        timestep_type="weighted",
        capabilities=_OF["hidream"].capabilities | _ONE,
        controls=(1, 1),
        recovery=(),
    ),
    FamilyRow(
        arch="omnigen2",
        label="OmniGen2",
        repositories=("OmniGen2/OmniGen2",),
        target="x - noise",
        timestep_type="sigmoid",
        capabilities=FLOW | _SEVERAL | {"one_language_model", "reference_refiner"},
        denoiser_class="OmniGen2Transformer2DModel",
        target_class="OmniGen2Transformer2DModel",
        blocks=("noise_refiner", "context_refiner", "layers"),
        text_encoders=("mllm",),
        encoders=(Encoder("Qwen2.5-VL"),),
        controls=(0, 3),
        quantization="whole",
        adapters=("ilora", "mean_flow"),
        keys="comfy",
        note="Time runs from 0 (noise) to 1 (picture), with a shift that follows the size.",
    ),
    replace(
        QWEN,
        arch="qwen_image_edit",
        label="Qwen-Image-Edit",
        kind="edit",
        repositories=("Qwen/Qwen-Image-Edit",),
        resolution=1024,
        capabilities=QWEN.capabilities | _ONE | {"pictures_in_prompts"},
        controls=(1, 1),
        recovery=(
            ("Qwen-Image-Edit", f"{_ADAPTERS}/qwen_image_edit_torchao_uint3.safetensors", "uint3"),
        ),
        note="The text encoder sees the control image.",
    ),
    replace(
        QWEN,
        arch="qwen_image_edit_plus",
        label="Qwen-Image-Edit 2509 and 2511",
        kind="edit",
        repositories=("Qwen/Qwen-Image-Edit-2509", "Qwen/Qwen-Image-Edit-2511"),
        resolution=1024,
        capabilities=QWEN.capabilities
        | _SEVERAL
        | {"pictures_in_prompts", "reference_budget", "cfg_norm"},
        controls=(1, 3),
        recovery=(
            ("2509", f"{_ADAPTERS}/qwen_image_edit_2509_torchao_uint3.safetensors", "uint3"),
            ("2511", f"{_ADAPTERS}/qwen_image_edit_2511_torchao_uint3.safetensors", "uint3"),
        ),
        note="The text encoder sees the control images.",
    ),
    FamilyRow(
        arch="krea2",
        label="Krea 2",
        repositories=("krea/Krea-2-Raw", "krea/Krea-2-Turbo"),
        variants={
            "turbo": Variant("Krea 2 Turbo, trained with a helper", "krea/Krea-2-Turbo", _HELPER),
            "o_edit": Variant("Krea 2 editing", "krea/Krea-2-Raw", _EDITING),
            "o_edit_turbo": Variant(
                "Krea 2 Turbo editing", "krea/Krea-2-Turbo", {**_EDITING, **_HELPER}
            ),
        },
        shift=replace(FLUX_SHIFT, tokens=(256, 6400)),
        timestep_type="linear",
        capabilities=BLOCKWISE
        | _SEVERAL
        | {
            "reference_budget", "reference_pixels", "switchable_editing", "mmdit_overrides",
            "checkpoint_choice", "prompt_limit", "encoder_elsewhere", "vae_elsewhere",
        },
        denoiser_class="SingleStreamDiT",
        target_class="SingleStreamDiT",
        blocks=("blocks",),
        encoders=(Encoder("Qwen3-VL", 512),),
        controls=(0, 3),
        quantization="blocks",
        never_quantized=(
            "first", "tmlp*", "tproj*", "txtmlp*", "txtfusion.projector", "last*",
        ),
        offloading=True,
        keys="comfy",
        note="Works on the latents of the Qwen-Image VAE; edits with model_kwargs.edit.",
    ),
    replace(
        _OF["boogu_image"],
        arch="boogu_image_edit",
        label="Boogu Image Edit",
        kind="edit",
        repositories=("Boogu/Boogu-Image-0.1-Edit",),
        capabilities=_OF["boogu_image"].capabilities
        | _SEVERAL
        | {"pictures_in_prompts", "reference_budget", "reference_pixels", "reference_side"},
        controls=(1, 3),
        note="The text encoder sees the references.",
    ),
    replace(
        _OF["mageflow"],
        arch="mageflow_edit",
        label="Mage-Flow Edit",
        kind="edit",
        repositories=("microsoft/Mage-Flow-Edit-Base",),
        shift=Shift(6),
        capabilities=_OF["mageflow"].capabilities
        | _SEVERAL
        | {"pictures_in_prompts", "reference_edge"},
        controls=(1, 3),
        note="The text encoder sees the references.",
    ),
)  # fmt: skip
