"""What waits for the engine in datasets, previews, saving, logging and job; see `pending.py`."""

from typing import Final

_DATASETS: Final[dict[str, tuple[str, ...]]] = {
    "sliders and image pairs": ("type", "unconditional_path",
                                "guidance_type"),
    "a batch size for each dataset": ("batch_size",),
    "numbers beside pictures": ("extra_values",),
    "random zoom": ("random_scale",),
    "standardized pictures": ("standardize_images",),
    "points of interest": ("poi",),
    "pixels beside cached latents": ("cache_tensors_to_disk", "load_image_when_caching_latents"),
    "reference images": ("clip_image_path", "clip_image_from_same_folder",
                         "clip_image_augmentations", "clip_image_shuffle_augmentations",
                         "cache_clip_vision_to_disk"),
    "augmentation": ("augments", "augmentations", "shuffle_augmentations", "replay_transforms"),
    "control images": ("control_from_same_folder", "num_controls_from_same_folder",
                       "full_size_control_images", "controls"),
    "inpainting": ("inpaint_path",),
    "videos": ("num_frames", "shrink_video_to_frames", "fps", "auto_frame_count",
               "trim_auto_frame_count_tail", "do_i2v", "debug"),
    "sound": ("do_audio", "audio_preserve_pitch", "audio_normalize"),
}  # fmt: skip
_PREVIEWS: Final[dict[str, tuple[str, ...]]] = {
    "adapters in previews": ("adapter_conditioning_scale", "extra_values"),
    "previews of videos": ("num_frames", "fps", "format=mp4",
                           "samples[].num_frames", "samples[].fps"),
    "previews of sound": ("format=mp3", "format=wav"),
    "normalised guidance": ("do_cfg_norm", "samples[].do_cfg_norm"),
    "pictures in previews": ("samples[].ctrl_img", "samples[].ctrl_idx", "samples[].ctrl_img_1",
                             "samples[].ctrl_img_2", "samples[].ctrl_img_3"),
}  # fmt: skip


def _paths(section: str, rows: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {f"{section}.{name}": words for words, names in rows.items() for name in names}


ROWS: Final[dict[str, str]] = {
    **_paths("datasets[]", _DATASETS), **_paths("sample", _PREVIEWS),
}  # fmt: skip
