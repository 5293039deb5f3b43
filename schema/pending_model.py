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
    "model.ignore_if_contains": "full fine-tuning of chosen weights",
    "model.only_if_contains": "full fine-tuning of chosen weights",
    "model.model_kwargs": "options of single families",
}
_CHOSEN: Final = "networks on chosen layers"
_EXPLICIT: Final = "ranks of single layers and blocks"
_KWARGS: Final = "network.network_kwargs"
_NETWORK: Final = {
    "network.type=lokr": "LoKr networks",
    "network.type=dora": "DoRA networks",
    "network.type=locon": "LoCon networks",
    "network.type=lorm": "LoRM networks",
    "network.type=fullrank": "full-rank networks",
    "network.pretrained_lora_path": "starting from a LoRA",
    "network.all_layers": "full-size changes of layers",
    "network.lokr_full_rank": "LoKr networks",
    "network.lokr_factor": "LoKr networks",
    "network.old_lokr_format": "LoKr networks",
    "network.split_multistage_loras": "two-expert families",
    "network.layer_offloading": _STREAMED,
    "network.lorm": "LoRM networks",
    f"{_KWARGS}.ignore_if_contains": _CHOSEN,
    f"{_KWARGS}.only_if_contains": _CHOSEN,
    f"{_KWARGS}.full_if_contains": "full-size changes of layers",
    f"{_KWARGS}.parameter_threshold": _CHOSEN,
    f"{_KWARGS}.attn_only": _CHOSEN,
    f"{_KWARGS}.full_train_in_out": "full-size changes of layers",
    f"{_KWARGS}.target_lin_modules": _CHOSEN,
    f"{_KWARGS}.target_conv_modules": _CHOSEN,
    f"{_KWARGS}.modules_dim": _EXPLICIT,
    f"{_KWARGS}.modules_alpha": _EXPLICIT,
    f"{_KWARGS}.block_dims": _EXPLICIT,
    f"{_KWARGS}.block_alphas": _EXPLICIT,
    f"{_KWARGS}.conv_block_dims": _EXPLICIT,
    f"{_KWARGS}.conv_block_alphas": _EXPLICIT,
    f"{_KWARGS}.rank_dropout": "dropout of ranks and layers",
    f"{_KWARGS}.module_dropout": "dropout of ranks and layers",
    f"{_KWARGS}.use_cp": "LoCon networks",
    f"{_KWARGS}.verbose": "listing skipped layers",
}

ROWS: Final[dict[str, str]] = {**_FAMILIES, **_MODEL, **_NETWORK}
