"""OneTrainer: its keys, ours, and what has no equal. Data for `onetrainer`."""

from collections.abc import Mapping
from typing import Any, Final

from schema.importers.tables import (
    NoEqualError,
    Row,
    chosen,
    real,
    save_dtype,
    switch,
    text,
    whole,
)

FAMILIES: Final[Mapping[str, str]] = {
    "STABLE_DIFFUSION_15": "sd1", "STABLE_DIFFUSION_15_INPAINTING": "sd1",
    "STABLE_DIFFUSION_20": "sd2", "STABLE_DIFFUSION_20_BASE": "sd2",
    "STABLE_DIFFUSION_20_INPAINTING": "sd2", "STABLE_DIFFUSION_20_DEPTH": "sd2",
    "STABLE_DIFFUSION_21": "sd2", "STABLE_DIFFUSION_21_BASE": "sd2",
    "STABLE_DIFFUSION_3": "sd3", "STABLE_DIFFUSION_35": "sd3",
    "STABLE_DIFFUSION_XL_10_BASE": "sdxl", "STABLE_DIFFUSION_XL_10_BASE_INPAINTING": "sdxl",
    "PIXART_ALPHA": "pixart", "PIXART_SIGMA": "pixart_sigma", "FLUX_DEV_1": "flux",
    "FLUX_2": "flux2", "HI_DREAM_FULL": "hidream", "CHROMA_1": "chroma", "QWEN": "qwen_image",
    "ANIMA": "anima", "KREA_2": "krea2", "Z_IMAGE": "zimage", "ERNIE": "ernie_image",
    "IDEOGRAM_4": "ideogram4",
}  # fmt: skip
V_PREDICTION: Final = ("STABLE_DIFFUSION_20", "STABLE_DIFFUSION_21")

METHODS: Final = {"LORA": "network", "FINE_TUNE": "model", "EMBEDDING": "embedding"}
PEFT: Final = {"LORA": "lora", "LOKR": "lokr"}


def train_word(value: Any) -> str:
    """A train_dtype; TFLOAT_32 is float32 on tensor cores."""
    words = {"FLOAT_32": "fp32", "TFLOAT_32": "fp32", "FLOAT_16": "fp16", "BFLOAT_16": "bf16"}
    if value not in words:
        raise NoEqualError("no such precision for training here")
    return words[str(value)]


def image_format(value: Any) -> str:
    """JPG or PNG."""
    return str(value).lower()


MAIN: Final[Mapping[str, Row]] = {
    "base_model_name": Row("model.name_or_path", text),
    "workspace_dir": Row("training_folder", text),
    "force_v_prediction": Row("model.is_v_pred", switch),
    "learning_rate": Row("train.lr", real),
    "embedding_learning_rate": Row("train.embedding_lr", real),
    "batch_size": Row("train.batch_size", whole),
    "gradient_accumulation_steps": Row("train.gradient_accumulation", whole),
    "clip_grad_norm": Row("train.max_grad_norm", real),
    "ema_decay": Row("train.ema_config.ema_decay", real),
    "train_dtype": Row("train.dtype", train_word),
    "offset_noise_weight": Row("train.noise_offset", real),
    "output_dtype": Row("save.dtype", save_dtype),
    "sample_image_format": Row("sample.format", image_format),
}
LORA: Final[Mapping[str, Row]] = {
    "lora_rank": Row("network.linear", whole),
    "lora_alpha": Row("network.linear_alpha", real),
    "dropout_probability": Row("network.dropout", real),
    "lora_model_name": Row("network.pretrained_lora_path", text),
}
LOKR: Final[Mapping[str, Row]] = {
    "lokr_dim": Row("network.linear", whole),
    "lora_alpha": Row("network.linear_alpha", real),
    "lokr_decompose_factor": Row("network.lokr_factor", whole),
    "lokr_full_matrix": Row("network.lokr_full_rank", switch),
    "lokr_use_tucker": Row("network.network_kwargs.use_cp", switch),
    "dropout_probability": Row("network.dropout", real),
    "lora_model_name": Row("network.pretrained_lora_path", text),
}
EMBEDDING: Final[Mapping[str, Row]] = {
    "placeholder": Row("embedding.trigger", text),
    "token_count": Row("embedding.tokens", whole),
    "initial_embedding_text": Row("embedding.init_words", text),
}

SAMPLE: Final[Mapping[str, Row]] = {
    "prompt": Row("prompt", text),
    "negative_prompt": Row("neg", text),
    "width": Row("width", whole),
    "height": Row("height", whole),
    "frames": Row("num_frames", whole),
    "seed": Row("seed", whole),
    "diffusion_steps": Row("sample_steps", whole),
    "cfg_scale": Row("guidance_scale", real),
}

CONCEPT: Final[Mapping[str, Row]] = {
    "path": Row("folder_path", text),
    "loss_weight": Row("loss_multiplier", real),
}
CONCEPT_IMAGE: Final[Mapping[str, Row]] = {
    "enable_crop_jitter": Row("random_crop", switch),
    "enable_random_flip": Row("flip_x", switch),
}
CONCEPT_TEXT: Final[Mapping[str, Row]] = {
    "enable_tag_shuffling": Row("shuffle_tokens", switch),
    "keep_tags_count": Row("keep_tokens", whole),
}

loss_weight = chosen({"constant": None, "min_snr_gamma": "train.min_snr_gamma"})

_RECORD = "a run keeps its metrics, log and config in its own folder"
_STATE = "every save holds the full state; a run goes on from the newest by itself"
_MEMORY = "memory is managed by model.low_vram, model.layer_offloading and quantization here"
_LEVELS = "noise levels are chosen by train.timestep_type alone"
_GPUS = "one GPU is used"
_MASK = "see datasets[].mask_path and mask_min_value"
_LAYERS = "see network.network_kwargs.only_if_contains, which takes parts of layers' names"
_PART = "the part is not trained here"
_AUGMENT = "no equal; see datasets[].augmentations for colours"
_CAPTIONS = "captions are changed by replacements, trigger word, dropout and shuffling only"

REASONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("tensorboard", "tensorboard_expose", "tensorboard_always_on",
                     "tensorboard_port", "samples_to_tensorboard", "debug_mode", "debug_dir",
                     "include_train_config", "save_filename_prefix", "cache_dir"), _RECORD),
    **dict.fromkeys(("backup_after", "backup_after_unit", "rolling_backup", "rolling_backup_count",
                     "backup_before_save", "continue_last_backup", "prevent_overwrites",
                     "save_skip_first", "sample_skip_first"), _STATE),
    **dict.fromkeys(("async_offloading", "temp_device", "enable_async_offloading",
                     "enable_activation_offloading", "layer_offload_fraction",
                     "enable_autocast_cache", "offload_fraction", "activation_offloading"),
                    _MEMORY),
    **dict.fromkeys(("noising_weight", "noising_bias", "timestep_shift",
                     "dynamic_timestep_shifting"), _LEVELS),
    **dict.fromkeys(("multi_gpu", "device_indexes", "gradient_reduce_precision",
                     "fused_gradient_reduce", "async_gradient_reduce",
                     "async_gradient_reduce_buffer"), _GPUS),
    **dict.fromkeys(("masked_training", "unmasked_probability", "unmasked_weight",
                     "normalize_masked_area_loss", "masked_prior_preservation_weight"), _MASK),
    **dict.fromkeys(("layer_filter", "layer_filter_preset", "layer_filter_regex", "lora_layers",
                     "lora_layer_preset", "lora_layers_regex"), _LAYERS),
    **dict.fromkeys(("effnet_encoder", "decoder", "decoder_text_encoder", "decoder_vqgan",
                     "unconditional_transformer"), _PART),
    **dict.fromkeys(("log_cosh_strength", "huber_strength", "huber_delta", "vb_loss_strength"),
                    "no such loss here; see train.loss_type"),
    **dict.fromkeys(("stop_training_after", "stop_training_after_unit"),
                    "a part trains for the whole run or not at all"),
    **dict.fromkeys(("loss_scaler", "learning_rate_scaler"),
                    "losses and rates are taken as they stand"),
    **dict.fromkeys(("validation", "validate_after", "validate_after_unit"),
                    "see train.validation_config, which takes named pictures"),
    **dict.fromkeys(("image_variations", "text_variations"), "drawn anew at every step here"),
    **dict.fromkeys(("generalized_offset_noise", "perturbation_noise_weight",
                     "rescale_noise_scheduler_to_zero_terminal_snr", "force_circular_padding"),
                    "no such change of the noise or model here"),
    **dict.fromkeys(("caps_randomize_enable", "caps_randomize_mode", "caps_randomize_probability",
                     "caps_randomize_lowercase", "tag_delimiter", "tag_dropout_special_tags_mode",
                     "tag_dropout_special_tags", "tag_dropout_special_tags_regex"), _CAPTIONS),
    **dict.fromkeys(("text_encoder_layer_skip", "text_encoder_2_layer_skip",
                     "text_encoder_3_layer_skip", "text_encoder_4_layer_skip"),
                    "the last layer of the text encoder is used here"),
    "weight_dtype": "parts have number formats of their own: model.dtype, te_dtype, vae_dtype",
    "lora_weight_dtype": "networks are trained in float32 here",
    "embedding_weight_dtype": "embeddings are trained in float32 here",
    "fallback_train_dtype": "all parts compute in train.dtype here",
    "output_model_format": "LoRAs have the layout of their family",
    "ema_update_step_interval": "the average moves at every step here",
    "frames": "see datasets[].num_frames",
    "secrets": "tokens come from the environment; none stands in a config",
    "compile": "see model.compile and model.block_compile",
    "attention_mechanism": "see train.attention_backend",
    "only_cache": "caching is the first part of every run",
    "clear_cache_before_training": "a cache is found again by what went into it",
    "train_device": "the GPU is used if there is one; see device",
    "dataloader_threads": "see datasets[].num_workers",
    "lora_decompose_output_axis": "DoRA learns the length of rows here",
    "quantization": "see model.quantize_kwargs",
    "optimizer_defaults": "remembered for other optimizers; of no effect there either",
    "concept_stats": "counted anew here",
    "include_subdirectories": "sub-folders are always included here",
    **dict.fromkeys(("enable_fixed_flip", "enable_random_rotate", "enable_fixed_rotate",
                     "random_rotate_max_angle", "enable_random_brightness",
                     "enable_fixed_brightness", "random_brightness_max_strength",
                     "enable_random_contrast", "enable_fixed_contrast",
                     "random_contrast_max_strength", "enable_random_saturation",
                     "enable_fixed_saturation", "random_saturation_max_strength",
                     "enable_random_hue", "enable_fixed_hue", "random_hue_max_strength",
                     "enable_random_circular_mask_shrink", "enable_random_mask_rotate_crop"),
                    _AUGMENT),
}  # fmt: skip

DEFAULTS: Final[Mapping[str, Any]] = {
    "tensorboard": True, "tensorboard_port": 6006, "debug_dir": "debug",
    "include_train_config": "NONE", "validate_after": 1, "validate_after_unit": "EPOCH",
    "rolling_backup_count": 3, "backup_before_save": True, "sample_skip_first": 0,
    "save_skip_first": 0, "samples_to_tensorboard": True, "temp_device": "cpu",
    "async_offloading": True, "enable_autocast_cache": True, "offload_fraction": 0.0,
    "layer_offload_fraction": 0.0, "noising_weight": 0.0, "noising_bias": 0.0,
    "timestep_shift": 1.0, "gradient_reduce_precision": "FLOAT_32_STOCHASTIC",
    "fused_gradient_reduce": True, "async_gradient_reduce": True, "dropout_probability": 0.0,
    "async_gradient_reduce_buffer": 100, "unmasked_probability": 0.1, "unmasked_weight": 0.1,
    "masked_prior_preservation_weight": 0.0, "layer_filter_preset": "full",
    "lora_layer_preset": "full", "log_cosh_strength": 0.0, "huber_strength": 0.0,
    "huber_delta": 1.0, "vb_loss_strength": 1.0, "stop_training_after_unit": "NEVER",
    "loss_scaler": "NONE", "learning_rate_scaler": "NONE", "perturbation_noise_weight": 0.0,
    "image_variations": 1, "text_variations": 1, "lora_weight_dtype": "FLOAT_32",
    "embedding_weight_dtype": "FLOAT_32", "fallback_train_dtype": "BFLOAT_16",
    "ema_update_step_interval": 1, "attention_mechanism": "SDP", "train_device": "cuda",
    "dataloader_threads": 2, "lora_decompose_norm_epsilon": True, "train_embedding": True,
    "text_encoder_layer_skip": 0, "text_encoder_2_layer_skip": 0, "text_encoder_3_layer_skip": 0,
    "text_encoder_4_layer_skip": 0, "guidance_scale": 1.0, "tag_delimiter": ",",
    "tag_dropout_special_tags_mode": "NONE", "caps_randomize_probability": 0.0,
    "caps_randomize_mode": "capslock, title, first, random", "prompt_source": "sample",
    "tag_dropout_mode": "FULL", "tag_dropout_probability": 0.0, "include": True,
    "random_rotate_max_angle": 0.0, "random_brightness_max_strength": 0.0,
    "random_contrast_max_strength": 0.0, "random_saturation_max_strength": 0.0,
    "random_hue_max_strength": 0.0, "resolution_override": "512", "bundle_additional_embeddings":
    True, "learning_rate_cycles": 1.0, "oft_block_size": 32, "lokr_dim": 16, "lokr_vec_trick": True,
    "lokr_decompose_factor": -1, "lokr_dora_on_output": True, "sample_video_format": "MP4",
    "sample_audio_format": "MP3", "non_ema_sampling": True, "clear_cache_before_training": True,
    "frames": "25", "include_subdirectories": True, "text_encoder_1_layer_skip": 0, "length": 10.0,
    "lora_rank": 16, "lora_alpha": 1.0, "peft_type": "LORA", "text_encoder_sequence_length": 512,
    "text_encoder_2_sequence_length": 77, "async_offload": True, "cache_dir": "workspace-cache/run",
}  # fmt: skip
"""Values at which a key without an equal changes nothing."""

IDLE_PARTS: Final = ("optimizer_defaults", "cloud", "concept_stats", "secrets")
"""Mappings that say nothing about the training."""

SIGNATURE: Final = frozenset({
    "training_method", "model_type", "base_model_name", "workspace_dir", "concept_file_name",
    "concepts", "output_model_destination", "sample_definition_file_name", "lora_rank",
    "learning_rate_scheduler", "train_dtype", "latent_caching",
})  # fmt: skip
"""Keys by which a OneTrainer config is known; two of them are enough."""
