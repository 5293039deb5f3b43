"""What the engine does not do yet of the options of `model:` and `network:`, and which families."""

from typing import Final

from schema.families import FAMILIES

_FAMILIES: Final = {
    f"model.arch={row.arch}": f"{row.label} models" for row in FAMILIES.values() if not row.engine
}
_QUANTIZED: Final = "models in fewer bits"
_PLACES: Final = "parts of a model from other places"
_LORAS: Final = "LoRAs under the trained one"
_STREAMED: Final = "streaming layers from CPU memory"
_PARTS: Final = "precision and device of single parts"
_MODEL: Final = {
    "model.quantize": _QUANTIZED,
    "model.quantize_te": _QUANTIZED,
    "model.qtype": _QUANTIZED,
    "model.qtype_te": _QUANTIZED,
    "model.quantize_kwargs": _QUANTIZED,
    "model.accuracy_recovery_adapter": _QUANTIZED,
    "model.low_vram": "parking parts of the model on the CPU",
    "model.layer_offloading": _STREAMED,
    "model.layer_offloading_transformer_percent": _STREAMED,
    "model.layer_offloading_text_encoder_percent": _STREAMED,
    "model.split_model_over_gpus": "one model over several GPUs",
    "model.split_model_other_module_param_count_scale": "one model over several GPUs",
    "model.unconditional_lora_path": _LORAS,
    "model.te_name_or_path": _PLACES,
    "model.unet_sample_size": "another native size",
    "model.dtype": _PARTS,
    "model.vae_device": _PARTS,
    "model.vae_dtype": _PARTS,
    "model.te_device": _PARTS,
    "model.te_dtype": _PARTS,
    "model.text_encoder_bits": _QUANTIZED,
    "model.model_kwargs": "options of single families",
}
_NETWORK: Final = {
    "network.type=lokr": "LoKr networks",
    "network.type=dora": "DoRA networks",
    "network.type=lorm": "LoRM networks",
    "network.type=fullrank": "full-rank networks",
    "network.lokr_full_rank": "LoKr networks",
    "network.lokr_factor": "LoKr networks",
    "network.old_lokr_format": "LoKr networks",
    "network.split_multistage_loras": "two-expert families",
    "network.layer_offloading": _STREAMED,
    "network.lorm": "LoRM networks",
}

ROWS: Final[dict[str, str]] = {**_FAMILIES, **_MODEL, **_NETWORK}
