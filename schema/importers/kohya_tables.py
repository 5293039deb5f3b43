"""kohya sd-scripts: its keys, ours, and what has no equal. Data for `kohya` and `kohya_data`."""

from collections.abc import Mapping
from typing import Any, Final

from schema.importers.tables import (
    NoEqualError,
    Row,
    chosen,
    inverse,
    number,
    real,
    sampler,
    save_dtype,
    switch,
    text,
    train_dtype,
    whole,
)


def one_rate(value: Any) -> float:
    """A learning rate, or a list of equal ones for several text encoders."""
    rates = [real(item) for item in value] if isinstance(value, list) else [real(value)]
    if len(set(rates)) != 1:
        raise NoEqualError("the text encoders have one rate here")
    return rates[0]


def extension(value: Any) -> str:
    """A file extension with its dot."""
    word = text(value)
    return word if word.startswith(".") else f".{word}"


def comma_only(value: Any) -> None:
    """Tags are parted by commas here."""
    if str(value).strip() != ",":
        raise NoEqualError("tags are parted by commas here")


LOSSES: Final = {"l2": "mse", "l1": "mae", "huber": "pseudo_huber", "smooth_l1": "pseudo_huber"}
SAVED_AS: Final = {
    "safetensors": "safetensors", "ckpt": "ckpt", "diffusers": "diffusers",
    "diffusers_safetensors": "diffusers",
}  # fmt: skip

MAIN: Final[Mapping[str, Row]] = {
    "pretrained_model_name_or_path": Row("model.name_or_path", text),
    "vae": Row("model.vae_path", text),
    "ae": Row("model.vae_path", text),
    "v_parameterization": Row("model.is_v_pred", switch),
    "output_dir": Row("training_folder", text),
    "seed": Row("training_seed", whole),
    "learning_rate": Row("train.lr", real),
    "unet_lr": Row("train.unet_lr", real),
    "text_encoder_lr": Row("train.text_encoder_lr", one_rate),
    "learning_rate_te": Row("train.text_encoder_lr", real),
    "train_batch_size": Row("train.batch_size", whole),
    "gradient_accumulation_steps": Row("train.gradient_accumulation", whole),
    "gradient_checkpointing": Row("train.gradient_checkpointing", switch),
    "max_grad_norm": Row("train.max_grad_norm", real),
    "mixed_precision": Row("train.dtype", train_dtype),
    "save_precision": Row("save.dtype", save_dtype),
    "save_every_n_steps": Row("save.save_every", whole),
    "noise_offset": Row("train.noise_offset", real),
    "min_snr_gamma": Row("train.min_snr_gamma", number),
    "loss_type": Row("train.loss_type", chosen(LOSSES)),
    "prior_loss_weight": Row("train.reg_weight", real),
    "xformers": Row("train.xformers", switch),
    "sdpa": Row("train.sdp", switch),
    "cache_text_encoder_outputs": Row("train.cache_text_embeddings", switch),
    "sample_every_n_steps": Row("sample.sample_every", whole),
    "sample_at_first": Row("train.skip_first_sample", inverse),
    "sample_sampler": Row("sample.sampler", sampler),
    "log_tracker_name": Row("logging.project_name", text),
    "wandb_run_name": Row("logging.run_name", text),
}

NETWORK: Final[Mapping[str, Row]] = {
    "network_dim": Row("network.linear", whole),
    "network_alpha": Row("network.linear_alpha", number),
    "network_dropout": Row("network.dropout", real),
    "network_weights": Row("network.pretrained_lora_path", text),
}


def numbers(value: Any) -> list[int | float]:
    """`2,4,8` as a list."""
    if isinstance(value, str):
        return [number(item.strip()) for item in value.split(",")]
    items = value if isinstance(value, list | tuple) else [value]
    return [number(item) for item in items]


NETWORK_ARGS: Final[Mapping[str, Row]] = {
    "conv_dim": Row("network.conv", whole),
    "conv_alpha": Row("network.conv_alpha", number),
    "dropout": Row("network.dropout", real),
    "rank_dropout": Row("network.network_kwargs.rank_dropout", real),
    "module_dropout": Row("network.network_kwargs.module_dropout", real),
    "block_dims": Row("network.network_kwargs.block_dims", numbers),
    "block_alphas": Row("network.network_kwargs.block_alphas", numbers),
    "conv_block_dims": Row("network.network_kwargs.conv_block_dims", numbers),
    "conv_block_alphas": Row("network.network_kwargs.conv_block_alphas", numbers),
    "use_cp": Row("network.network_kwargs.use_cp", switch),
    "use_tucker": Row("network.network_kwargs.use_cp", switch),
    "factor": Row("network.lokr_factor", whole),
    "full_matrix": Row("network.lokr_full_rank", switch),
}

ALGORITHMS: Final[Mapping[str, str]] = {
    "lora": "lora", "locon": "lora", "lokr": "lokr", "dora": "dora", "full": "fullrank",
}  # fmt: skip
"""LyCORIS: its locon is our lora with a convolution rank (`conv`)."""

SUBSET: Final[Mapping[str, Row]] = {
    "image_dir": Row("folder_path", text),
    "num_repeats": Row("num_repeats", whole),
    "caption_extension": Row("caption_ext", extension),
    "caption_extention": Row("caption_ext", extension),
    "class_tokens": Row("default_caption", text),
    "is_reg": Row("is_reg", switch),
    "shuffle_caption": Row("shuffle_tokens", switch),
    "keep_tokens": Row("keep_tokens", whole),
    "caption_dropout_rate": Row("caption_dropout_rate", real),
    "caption_tag_dropout_rate": Row("token_dropout_rate", real),
    "flip_aug": Row("flip_x", switch),
    "random_crop": Row("random_crop", switch),
    "alpha_mask": Row("alpha_mask", switch),
    "enable_bucket": Row("buckets", switch),
    "bucket_reso_steps": Row("bucket_tolerance", whole),
    "network_multiplier": Row("network_weight", real),
    "cache_latents": Row("cache_latents", switch),
    "cache_latents_to_disk": Row("cache_latents_to_disk", switch),
    "max_data_loader_n_workers": Row("num_workers", whole),
    "persistent_data_loader_workers": Row("persistent_workers", switch),
}
"""Keys of a dataset; they may stand in a subset, its dataset, [general] or the main config."""

INHERITED: Final = tuple(
    key for key in SUBSET if key not in ("image_dir", "class_tokens", "is_reg")
)

_CAPTIONS = "captions are changed by replacements, trigger word, dropout and shuffling only"
_AUGMENT = "no equal; see datasets[].augmentations for colours"
_BUCKETS = "sizes of buckets follow from resolution and step here"
_MEMORY = "memory is managed by model.low_vram, model.layer_offloading and quantization here"
_RECORD = "a run keeps its metrics, log and config in its own folder"
_METADATA = "nothing is written into the file beside what loaders need"
_STATE = "every save holds the full state; a run goes on from the newest by itself"
_ENCODER = "text encoders come with the model, or from model.te_name_or_path"
_LENGTH = "captions are as long as the model's text encoder takes"
_NOISE = "no such change of the noise here"
_LEVELS = "noise levels are chosen by train.timestep_type alone"

REASONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("caption_prefix", "caption_suffix", "enable_wildcard", "token_warmup_min",
                     "token_warmup_step", "secondary_separator", "keep_tokens_separator",
                     "caption_dropout_every_n_epochs", "weighted_captions"), _CAPTIONS),
    **dict.fromkeys(("color_aug", "face_crop_aug_range", "resize_interpolation"), _AUGMENT),
    **dict.fromkeys(("min_bucket_reso", "max_bucket_reso"), _BUCKETS),
    **dict.fromkeys(("blocks_to_swap", "lowram", "highvram", "mem_eff_attn", "split_mode",
                     "cpu_offload_checkpointing", "fused_backward_pass", "vae_batch_size",
                     "text_encoder_batch_size", "fused_optimizer_groups"), _MEMORY),
    **dict.fromkeys(("logging_dir", "log_prefix", "log_config", "log_tracker_config"), _RECORD),
    **dict.fromkeys(("training_comment", "no_metadata", "metadata_title", "metadata_author",
                     "metadata_description", "metadata_license", "metadata_tags"), _METADATA),
    **dict.fromkeys(("save_state", "save_state_on_train_end", "save_last_n_steps_state",
                     "save_last_n_epochs_state", "resume", "initial_step", "initial_epoch",
                     "skip_until_initial_step"), _STATE),
    **dict.fromkeys(("clip_l", "clip_g", "t5xxl", "gemma2", "tokenizer_cache_dir"), _ENCODER),
    **dict.fromkeys(("max_token_length", "t5xxl_max_token_length", "gemma2_max_token_length"),
                    _LENGTH),
    **dict.fromkeys(("noise_offset_random_strength", "multires_noise_iterations",
                     "multires_noise_discount", "ip_noise_gamma", "adaptive_noise_scale",
                     "ip_noise_gamma_random_strength", "zero_terminal_snr"), _NOISE),
    **dict.fromkeys(("discrete_flow_shift", "sigmoid_scale", "weighting_scheme", "logit_mean",
                     "logit_std", "mode_scale", "training_shift"), _LEVELS),
    "clip_skip": "the last layer of the text encoder is used here",
    "huber_c": "pseudo_huber has c = 0.01 here",
    "huber_schedule": "pseudo_huber has the same c at every noise level here",
    "huber_scale": "pseudo_huber is not scaled here",
    "full_fp16": "trained weights are kept in float32 here",
    "full_bf16": "trained weights are kept in float32 here",
    "in_json": "datasets[].dataset_path takes a JSON file of pictures and captions, laid out "
               "differently",
    "metadata_file": "datasets[].dataset_path takes a JSON file of pictures and captions, laid out "
                     "differently",
    "debiased_estimation_loss": "no such weighting here; see train.min_snr_gamma, snr_gamma",
    "scale_v_pred_loss_like_noise_pred": "no such weighting here",
    "v_pred_like_loss": "no such weighting here",
    "scale_weight_norms": "norms are not capped here",
    "base_weights": "see model.lora_path, which merges one file before training",
    "base_weights_multiplier": "see model.lora_path, which merges one file before training",
    "dim_from_weights": "the rank is network.linear here",
    "guidance_scale": "the guidance a FLUX model is told while training is 1 here",
    "model_prediction_type": "the target is the family's own",
    "wandb_api_key": "wandb's own login is used; no key stands in a config",
    "huggingface_token": "the token comes from HF_TOKEN; none stands in a config",
    "torch_compile": "see model.compile and model.block_compile",
    "dynamo_backend": "see model.compile_mode",
    "bucket_no_upscale": "",
    "validation_split": "see train.validation_config, which takes named pictures",
    "no_half_vae": "see model.vae_dtype",
    "stop_text_encoder_training": "the text encoder trains for the whole run or not at all",
    "lr_scheduler_type": "only the schedules of train.lr_scheduler can be taken",
}  # fmt: skip

DEFAULTS: Final[Mapping[str, Any]] = {
    "clip_skip": 1, "max_token_length": 75, "huber_c": 0.1, "huber_schedule": "snr",
    "huber_scale": 1.0, "multires_noise_discount": 0.3, "min_bucket_reso": 256,
    "max_bucket_reso": 1024, "token_warmup_min": 1, "token_warmup_step": 0, "vae_batch_size": 1,
    "sigmoid_scale": 1.0, "weighting_scheme": "none", "logit_mean": 0.0, "logit_std": 1.0,
    "mode_scale": 1.29, "guidance_scale": 1.0, "caption_dropout_every_n_epochs": 0,
    "validation_split": 0.0, "blocks_to_swap": 0, "initial_step": 0, "initial_epoch": 1,
    "network_module": "networks.lora", "dynamo_backend": "no", "lr_scheduler_num_cycles": 1,
    "lr_scheduler_power": 1, "model_prediction_type": "raw", "noise_offset_random_strength": False,
}  # fmt: skip
"""Values at which a key without an equal changes nothing."""

SIGNATURE: Final = frozenset({
    "pretrained_model_name_or_path", "network_module", "network_dim", "train_data_dir",
    "dataset_config", "output_name", "max_train_steps", "max_train_epochs", "optimizer_type",
    "train_batch_size", "save_every_n_epochs", "unet_lr", "shuffle_caption", "caption_extension",
    "enable_bucket", "save_model_as",
})  # fmt: skip
"""Keys by which a kohya config is known; three of them are enough."""
