"""What waits for the engine in the options of `train:`; see `schema.pending`."""

from typing import Final

_WAITING: Final[dict[str, tuple[str, ...]]] = {
    "automatic batch sizes": (
        "auto_scale_batch_size",
        "min_batch_size",
        "max_batch_size",
        "batch_size_warmup_steps",
    ),
    "a first step chosen by hand": ("start_step",),
    "merging the network at every save": (
        "merge_network_on_save",
        "merge_network_on_save_strength",
    ),
    "a choice of attention kernels": (
        "attention_backend",
        "xformers",
        "sdp",
    ),
    "training in 8 bits": ("dtype=float8",),
    "a cap on the loss": (
        "max_loss",
        "max_loss_debug",
    ),
    "a network strength that varies": ("weight_jitter",),
    "batches split into single items": ("single_item_batching",),
    "SDXL refiners": (
        "refiner_lr",
        "train_refiner",
    ),
    "training embeddings": ("embedding_lr",),
    "training adapters": ("adapter_lr",),
    "training weights in less than 32 bits": (
        "optimizer_params.stochastic_accumulation",
        "optimizer_params.stochastic_rounding",
    ),
    "models with two experts": ("switch_boundary_every",),
    "changes of noise and latents": (
        "dynamic_noise_offset",
        "noise_multiplier",
        "target_noise_multiplier",
        "random_noise_multiplier",
        "random_noise_shift",
        "img_multiplier",
        "latent_multiplier",
        "noisy_latent_multiplier",
        "adaptive_scaling_factor",
        "standardize_images",
        "standardize_latents",
        "optimal_noise_pairing_samples",
        "force_consistent_noise",
        "blended_blur_noise",
        "do_signal_correction_noise",
        "signal_correction_noise_scale",
        "do_batch_noise_correction",
        "batch_noise_correction_scale",
        "do_signal_amplification",
        "signal_amplification_strength",
        "do_blank_stabilization",
    ),
    "other targets of the loss": (
        "loss_target",
        "t0_loss_target",
        "t0_velocity_equiv_weight",
    ),
    "changes of the prediction": (
        "pred_scaler",
        "match_noise_norm",
        "correct_pred_norm",
        "correct_pred_norm_multiplier",
        "target_norm_std",
        "target_norm_std_value",
    ),
    "further weightings of noise levels": (
        "snr_gamma",
        "learnable_snr_gos",
    ),
    "losses on frequencies": (
        "do_fft_loss",
        "do_fft_velocity_equiv_weight",
    ),
    "sound": ("audio_loss_multiplier",),
    "preservation of what the model knows": (
        "diff_output_preservation",
        "diff_output_preservation_multiplier",
        "diff_output_preservation_class",
        "blank_prompt_preservation",
        "blank_prompt_preservation_multiplier",
        "inverted_mask_prior",
        "inverted_mask_prior_multiplier",
        "do_prior_divergence",
    ),
    "regularization images": ("reg_weight",),
    "guidance while training": (
        "do_cfg",
        "do_random_cfg",
        "max_cfg_scale",
        "cfg_rescale",
        "do_guidance_loss",
        "guidance_loss_target",
        "do_guidance_loss_cfg_zero",
        "guidance_loss_schedule",
        "unconditional_prompt",
        "do_differential_guidance",
        "differential_guidance_scale",
        "negative_prompt",
        "max_negative_prompts",
    ),
    "changes of prompts in the step": (
        "prompt_dropout_prob",
        "prompt_saturation_chance",
    ),
    "two captions an image": (
        "short_and_long_captions",
        "short_and_long_captions_encoder_split",
    ),
    "turbo training": (
        "train_turbo",
        "show_turbo_outputs",
    ),
    "FreeU": ("free_u",),
    "assistant adapters": (
        "adapter_assist_name_or_path",
        "adapter_assist_type",
        "match_adapter_chance",
        "match_adapter_assist",
    ),
    "perceptual losses": (
        "diffusion_feature_extractor_path",
        "diffusion_feature_extractor_weight",
        "latent_feature_extractor_path",
        "latent_feature_loss_weight",
    ),
    "validation": ("validation_config",),
}
"""What is missing, and the options and values under `train.` that wait for it."""

_VALUES: Final[dict[tuple[str, str], str]] = {
    ("noise_scheduler", "noise process"): "mean_flow",
    ("loss_type", "loss"): "wavelet stepped mean_flow pixelspace",
}
"""Options with what a value of theirs is called, and the values that wait."""

ROWS: Final[dict[str, str]] = {
    f"train.{name}": words for words, names in _WAITING.items() for name in names
} | {
    f"train.{name}={value}": f"the {word} {value}"
    for (name, word), values in _VALUES.items()
    for value in values.split()
}
