"""SimpleTuner: its keys, ours, and what has no equal. Data for `simpletuner`."""

from collections.abc import Mapping
from typing import Any, Final

from schema.importers.tables import (
    Row,
    chosen,
    inverse,
    real,
    save_dtype,
    switch,
    text,
    train_dtype,
    whole,
)

FAMILIES: Final[Mapping[str, str]] = {
    "sd1x": "sd1", "sd2x": "sd2", "sdxl": "sdxl", "sd3": "sd3", "flux": "flux",
    "pixart": "pixart", "pixart_sigma": "pixart_sigma", "auraflow": "auraflow", "chroma": "chroma",
    "hidream": "hidream", "lumina2": "lumina2", "qwen_image": "qwen_image", "wan": "wan21",
    "z_image": "zimage", "flux2": "flux2", "ernie": "ernie_image", "anima": "anima",
    "krea2": "krea2", "ideogram": "ideogram4", "mageflow": "mageflow", "minimaxh3": "minimax_h3",
    "boogu_image": "boogu_image", "ltxvideo2": "ltx2", "ace_step": "ace_step_15",
}  # fmt: skip
FLAVOURS: Final[tuple[tuple[str, str, str], ...]] = (
    ("flux", "kontext", "flux_kontext"), ("flux2", "klein-4b", "flux2_klein_4b"),
    ("flux2", "klein-9b", "flux2_klein_9b"), ("qwen_image", "edit-v1", "qwen_image_edit"),
    ("qwen_image", "edit-v2", "qwen_image_edit_plus"), ("wan", "i2v-14b-2.2", "wan22_14b_i2v"),
    ("wan", "t2v-480p-14b-2.2", "wan22_14b"), ("wan", "i2v", "wan21_i2v"),
    ("ltxvideo2", "2.3", "ltx2.3"), ("ltxvideo2", "2.5", "ltx2.5"),
)  # fmt: skip
"""Family, what its flavour holds, ours."""

PRECISIONS: Final[Mapping[str, str]] = {
    "int8-quanto": "qint8", "int4-quanto": "qint4", "int2-quanto": "qint2",
    "fp8-quanto": "qfloat8", "int8-torchao": "int8", "fp8-torchao": "float8",
    "fp8wo-torchao": "float8",
}  # fmt: skip

LOSSES: Final = {"l2": "mse", "huber": "pseudo_huber", "smooth_l1": "pseudo_huber"}

MAIN: Final[Mapping[str, Row]] = {
    "pretrained_model_name_or_path": Row("model.name_or_path", text),
    "pretrained_vae_model_name_or_path": Row("model.vae_path", text),
    "pretrained_unet_model_name_or_path": Row("model.unet_path", text),
    "vae_dtype": Row("model.vae_dtype", save_dtype),
    "seed": Row("training_seed", whole),
    "learning_rate": Row("train.lr", real),
    "text_encoder_lr": Row("train.text_encoder_lr", real),
    "train_text_encoder": Row("train.train_text_encoder", switch),
    "train_batch_size": Row("train.batch_size", whole),
    "gradient_accumulation_steps": Row("train.gradient_accumulation", whole),
    "gradient_checkpointing": Row("train.gradient_checkpointing", switch),
    "mixed_precision": Row("train.dtype", train_dtype),
    "max_grad_norm": Row("train.max_grad_norm", real),
    "snr_gamma": Row("train.min_snr_gamma", real),
    "noise_offset": Row("train.noise_offset", real),
    "loss_type": Row("train.loss_type", chosen(LOSSES)),
    "use_ema": Row("train.ema_config.use_ema", switch),
    "ema_decay": Row("train.ema_config.ema_decay", real),
    "checkpoint_step_interval": Row("save.save_every", whole),
    "checkpointing_steps": Row("save.save_every", whole),
    "checkpoints_total_limit": Row("save.max_step_saves_to_keep", whole),
    "validation_disable": Row("train.disable_sampling", switch),
    "validation_on_startup": Row("train.skip_first_sample", inverse),
    "tracker_project_name": Row("logging.project_name", text),
    "tracker_run_name": Row("logging.run_name", text),
    "model_card_private": Row("save.hf_private", switch),
    "logging_dir": Row("log_dir", text),
    "vae_enable_tiling": Row("model.model_kwargs.vae_tiling", switch),
    "assistant_lora_path": Row("model.assistant_lora_path", text),
}
LORA: Final[Mapping[str, Row]] = {
    "lora_rank": Row("network.linear", whole),
    "lora_alpha": Row("network.linear_alpha", real),
    "lora_dropout": Row("network.dropout", real),
    "init_lora": Row("network.pretrained_lora_path", text),
}
LYCORIS: Final[Mapping[str, Row]] = {
    "linear_dim": Row("network.linear", whole),
    "linear_alpha": Row("network.linear_alpha", real),
    "conv_dim": Row("network.conv", whole),
    "conv_alpha": Row("network.conv_alpha", real),
    "dropout": Row("network.dropout", real),
    "factor": Row("network.lokr_factor", whole),
    "full_matrix": Row("network.lokr_full_rank", switch),
}
PREVIEW: Final[Mapping[str, Row]] = {
    "validation_guidance": Row("sample.guidance_scale", real),
    "validation_guidance_rescale": Row("sample.guidance_rescale", real),
    "validation_num_inference_steps": Row("sample.sample_steps", whole),
    "validation_negative_prompt": Row("sample.neg", text),
    "validation_seed": Row("sample.seed", whole),
    "validation_num_video_frames": Row("sample.num_frames", whole),
    "framerate": Row("sample.fps", whole),
    "validation_step_interval": Row("sample.sample_every", whole),
    "validation_steps": Row("sample.sample_every", whole),
}

BACKEND: Final[Mapping[str, Row]] = {
    "instance_data_dir": Row("folder_path", text),
    "train_batch_size": Row("batch_size", whole),
    "caption_dropout_probability": Row("caption_dropout_rate", real),
    "is_regularisation_data": Row("prior_reg", switch),
    "is_regularization_data": Row("prior_reg", switch),
}

_CACHE = "caches lie beside the pictures and are found again by what went into them"
_DATA = "every readable picture is used; `finetui check` names the others"
_STATE = "every save holds the full state; a run goes on from the newest by itself"
_MEMORY = "memory is managed by model.low_vram, model.layer_offloading and quantization here"
_FLOW = "noise levels are chosen by train.timestep_type alone"
_HUB = "uploads happen once, after training (save.push_to_hub)"
_BUCKETS = "sizes of buckets follow from resolution and step here"
_CAPTIONS = "captions come from a file beside each picture here; see default_caption"

REASONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("cache_dir", "cache_dir_vae", "cache_dir_text", "vae_cache_clear_each_epoch",
                     "skip_file_discovery", "preserve_data_backend_cache", "vae_batch_size",
                     "vae_cache_ondemand", "vae_cache_disable", "write_batch_size",
                     "read_batch_size", "image_processing_batch_size", "compress_disk_cache",
                     "text_embeds", "image_embeds", "metadata_backend", "text_encoder_batch_size",
                     "hash_filenames", "caption_strategy_cache", "override_dataset_config",
                     "metadata_update_interval"), _CACHE),
    **dict.fromkeys(("minimum_image_size", "maximum_image_size", "target_downsample_size",
                     "minimum_aspect_ratio", "maximum_aspect_ratio", "max_upscale_threshold",
                     "delete_unwanted_images", "delete_problematic_images", "max_num_samples",
                     "ignore_epochs", "start_epoch", "end_epoch", "start_step", "end_step"), _DATA),
    **dict.fromkeys(("resume_from_checkpoint", "checkpointing_rolling_steps",
                     "checkpoints_rolling_total_limit", "checkpointing_use_tempdir",
                     "delete_invalid_checkpoints"), _STATE),
    **dict.fromkeys(("quantize_via", "offload_during_startup", "enable_group_offload", "ramtorch",
                     "musubi_blocks_to_swap", "gradient_checkpointing_interval",
                     "delete_model_after_load", "keep_vae_loaded", "fuse_optimizer",
                     "optimizer_release_gradients", "vae_enable_slicing", "set_grads_to_none",
                     "gradient_precision", "gradient_checkpointing_backend"), _MEMORY),
    **dict.fromkeys(("flow_schedule_shift", "flow_schedule_auto_shift", "flow_sigmoid_scale",
                     "flow_use_beta_schedule", "timestep_bias_strategy"), _FLOW),
    **dict.fromkeys(("push_checkpoints_to_hub", "push_to_hub_background",
                     "model_card_safe_for_work", "model_card_note", "publishing_config"), _HUB),
    **dict.fromkeys(("aspect_bucket_rounding", "disable_bucket_pruning", "crop_style",
                     "aspect_bucket_disable_rebuild"), _BUCKETS),
    **dict.fromkeys(("prepend_instance_prompt", "only_instance_prompt", "caption_filter_list",
                     "disable_multiline_split", "caption_shuffle", "parquet"), _CAPTIONS),
    **dict.fromkeys(("resolution", "resolution_type", "caption_dropout_probability",
                     "caption_strategy", "instance_prompt"),
                    "speaks of the datasets, which are not here"),
    **dict.fromkeys(("validation_steps", "validation_step_interval", "validation_resolution",
                     "validation_guidance", "validation_num_inference_steps", "validation_seed",
                     "validation_negative_prompt", "validation_guidance_rescale",
                     "validation_num_video_frames", "framerate", "validation_epoch_interval"),
                    "speaks of previews, for which there is no prompt"),
    **dict.fromkeys(("dynamo_backend", "dynamo_mode", "dynamo_use_regional_compilation",
                     "dynamo_fullgraph", "dynamo_dynamic"), "see model.compile, block_compile"),
    **dict.fromkeys(("num_processes", "num_machines", "context_parallel_size",
                     "context_parallel_comm_strategy"), "one GPU is used"),
    **dict.fromkeys(("dataset_name", "huggingface", "aws_bucket_name", "aws_region_name",
                     "aws_endpoint_url", "aws_data_prefix"), "pictures lie in a local folder here"),
    "attention_mechanism": "see train.attention_backend",
    "probability": "see datasets[].num_repeats, which is a whole number",
    "use_soft_min_snr": "no such weighting here; see train.min_snr_gamma",
    "input_perturbation": "no such change of the noise here",
    "offset_noise": "the strength alone switches it on here (train.noise_offset)",
    "noise_offset_probability": "the offset is added at every step here",
    "grad_clip_method": "the norm of all gradients is clipped here, not each value",
    "lora_type": "see network.type",
    "lora_init_type": "a LoRA starts without any effect here",
    "lora_format": "LoRAs have the layout of their family",
    "peft_lora_target_modules": "see network.network_kwargs.only_if_contains",
    "flux_lora_target": "see network.network_kwargs.only_if_contains",
    "controlnet": "see the adapter: section",
    "num_eval_images": "see train.validation_config, which takes named pictures",
    "eval_steps_interval": "see train.validation_config.validate_every_n_steps",
    "validation_torch_compile": "see model.compile",
    "validation_disable_unconditional": "a guidance of 1 means the same here",
    "validation_prompt_library": "the prompts of a library are the trainer's own; name them here",
    "ema_update_interval": "the average moves at every step here",
    "aws_secret_access_key": "no key stands in a config",
    "lr_num_cycles": "see train.lr_scheduler_params.T_0",
    "prediction_type": "the target is the family's own; see model.is_v_pred",
    "optimizer_cpu_offload_method": "optimizers stay on the GPU here",
}  # fmt: skip

DEFAULTS: Final[Mapping[str, Any]] = {
    "grad_clip_method": "norm", "noise_offset_probability": 0.25, "probability": 1.0,
    "vae_batch_size": 4, "ema_update_interval": 1, "lora_type": "standard", "lr_num_cycles": 1,
    "lora_init_type": "default", "validation_prompt_library": False, "num_eval_images": 4,
    "flow_schedule_shift": None, "quantize_via": "accelerator", "i_know_what_i_am_doing": False,
    "minimum_image_size": 0, "disable_benchmark": True, "report_to": "none", "lr_power": 0.8,
    "lr_end": 4e-7, "aspect_bucket_rounding": 2, "noise_offset": 0.1, "huber_c": 0.1,
}  # fmt: skip
"""Values at which a key without an equal changes nothing."""

CACHE_SETS: Final = (
    "text_embeds",
    "image_embeds",
    "conditioning_image_embeds",
    "distillation_cache",
)
"""Kinds of backends that are places for caches."""

SIGNATURE: Final = ("model_family", "data_backend_config")
"""Keys by which a SimpleTuner config is known; one is enough."""
