"""diffusion-pipe: its keys, ours, and what has no equal. Data for `diffusion_pipe`."""

from collections.abc import Mapping
from typing import Any, Final

from schema.importers.tables import (
    Row,
    number,
    real,
    save_dtype,
    switch,
    text,
    train_dtype,
    whole,
)

FAMILIES: Final[Mapping[str, str]] = {
    "sdxl": "sdxl", "flux": "flux", "lumina_2": "lumina2", "chroma": "chroma",
    "hidream": "hidream", "sd3": "sd3", "omnigen2": "omnigen2", "qwen_image": "qwen_image",
    "auraflow": "auraflow", "z_image": "zimage", "flux2": "flux2", "anima": "anima",
    "ernie_image": "ernie_image", "ltx2": "ltx2.3", "ideogram4": "ideogram4", "krea2": "krea2",
    "minimax_h3": "minimax_h3",
}  # fmt: skip

PLACES: Final = ("diffusers_path", "checkpoint_path", "ckpt_path", "single_file_path",
                 "diffusion_model", "transformer_path")  # fmt: skip
"""Where the model lies, the whole of it before parts."""


def checkpointing(value: Any) -> bool:
    """True, or a kind of it such as `unsloth`."""
    return switch(value) if isinstance(value, bool) else bool(value)


MAIN: Final[Mapping[str, Row]] = {
    "output_dir": Row("training_folder", text),
    "gradient_accumulation_steps": Row("train.gradient_accumulation", whole),
    "gradient_clipping": Row("train.max_grad_norm", real),
    "activation_checkpointing": Row("train.gradient_checkpointing", checkpointing),
    "save_dtype": Row("save.dtype", save_dtype),
    "compile": Row("model.compile", switch),
    "steps_per_print": Row("logging.log_every", whole),
}
MODEL: Final[Mapping[str, Row]] = {
    "dtype": Row("train.dtype", train_dtype),
    "transformer_dtype": Row("model.dtype", save_dtype),
    "diffusion_model_dtype": Row("model.dtype", save_dtype),
    "vae_path": Row("model.vae_path", text),
    "vae": Row("model.vae_path", text),
    "v_pred": Row("model.is_v_pred", switch),
    "min_snr_gamma": Row("train.min_snr_gamma", number),
    "unet_lr": Row("train.unet_lr", real),
    "bypass_guidance_embedding": Row("train.bypass_guidance_embedding", switch),
    "cache_text_embeddings": Row("train.cache_text_embeddings", switch),
}
ADAPTER: Final[Mapping[str, Row]] = {
    "rank": Row("network.linear", whole),
    "dropout": Row("network.dropout", real),
    "rank_dropout": Row("network.network_kwargs.rank_dropout", real),
    "decompose_factor": Row("network.lokr_factor", whole),
    "init_from_existing": Row("network.pretrained_lora_path", text),
}
MONITORING: Final[Mapping[str, Row]] = {
    "enable_wandb": Row("logging.use_wandb", switch),
    "wandb_tracker_name": Row("logging.project_name", text),
    "wandb_run_name": Row("logging.run_name", text),
}
DIRECTORY: Final[Mapping[str, Row]] = {
    "path": Row("folder_path", text),
    "num_repeats": Row("num_repeats", whole),
    "mask_path": Row("mask_path", text),
    "control_path": Row("control_path", lambda value: [text(value)]),
}

_STATE = "every save holds the full state; a run goes on from the newest by itself"
_EVAL = "see train.validation_config, which takes named pictures"
_GPUS = "one GPU is used"
_BUCKETS = "shapes of buckets follow from the pictures here"
_MEMORY = "memory is managed by model.low_vram, model.layer_offloading and quantization here"
_ENCODER = "text encoders come with the model, or from model.te_name_or_path"
_CACHE = "every readable picture is cached as it comes"

REASONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("checkpoint_every_n_epochs", "checkpoint_every_n_minutes",
                     "resume_from_checkpoint"), _STATE),
    **dict.fromkeys(("eval_datasets", "eval_every_n_epochs", "eval_every_n_steps",
                     "eval_every_n_examples", "eval_before_first_step",
                     "eval_micro_batch_size_per_gpu", "eval_gradient_accumulation_steps",
                     "image_eval_micro_batch_size_per_gpu", "disable_block_swap_for_eval"), _EVAL),
    **dict.fromkeys(("pipeline_stages", "partition_method", "partition_split"), _GPUS),
    **dict.fromkeys(("min_ar", "max_ar", "num_ar_buckets", "ar_buckets", "size_buckets"), _BUCKETS),
    **dict.fromkeys(("blocks_to_swap", "reentrant_activation_checkpointing", "gradient_release"),
                    _MEMORY),
    **dict.fromkeys(("llm_path", "clip_path", "text_encoder_path", "text_encoders",
                     "text_encoder", "byt5_path", "t5_path"), _ENCODER),
    **dict.fromkeys(("caching_batch_size", "map_num_proc", "subsample_ratio"), _CACHE),
    "image_micro_batch_size_per_gpu": "see datasets[].batch_size",
    "pseudo_huber_c": "pseudo_huber has c = 0.01 here; see train.loss_type",
    "video_clip_mode": "see datasets[].shrink_video_to_frames",
    "debiased_estimation_loss": "no such weighting here; see train.min_snr_gamma",
    "dtype": "networks are trained in float32 here",
    "fuse_adapters": "see model.lora_path, which merges one file before training",
    "x_axis_examples": "charts go by step here",
    "wandb_api_key": "wandb's own login is used; no key stands in a config",
    "skip_empty_caption": "pictures without a caption are trained with the default caption",
    "cache_shuffle_delimiter": "tags are parted by commas here",
    "caption_prefix": "see datasets[].trigger_word",
    "guidance": "the guidance a FLUX model is told while training is 1 here",
    "llm_adapter_lr": "see model.model_kwargs.train_text_conditioner",
    "uncond_fraction": "see datasets[].caption_dropout_rate",
    "max_sequence_length": "captions are as long as the model's text encoder takes",
    "cfg": "see train.do_guidance_loss",
    "audio_vae": "see model.model_kwargs.audio_vae_path",
    "first_frame_conditioning_p": "see datasets[].do_i2v",
}  # fmt: skip

DEFAULTS: Final[Mapping[str, Any]] = {
    "pipeline_stages": 1, "partition_method": "parameters", "caching_batch_size": 1,
    "eval_before_first_step": True, "eval_micro_batch_size_per_gpu": 1,
    "eval_gradient_accumulation_steps": 1, "video_clip_mode": "single_beginning",
    "logging_steps": 1,
}  # fmt: skip
DATASET_DEFAULTS: Final[Mapping[str, Any]] = {"cache_shuffle_delimiter": ", "}
"""Values at which a key without an equal changes nothing."""
