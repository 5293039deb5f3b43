"""What waits for the engine in the options of `train:`; see `schema.pending`."""

from typing import Final

_WAITING: Final[dict[str, tuple[str, ...]]] = {
    "training in 8 bits": ("dtype=float8",),
    "training adapters": ("adapter_lr",),
    "training weights in less than 32 bits": (
        "optimizer_params.stochastic_accumulation",
        "optimizer_params.stochastic_rounding",
    ),
    "models with two experts": ("switch_boundary_every",),
    "targets from before augmentation": (
        "loss_target=unaugmented",
        "loss_target=differential_noise",
    ),
    "sound": ("audio_loss_multiplier",),
    "perceptual losses on pictures": tuple(
        f"{name}_feature_extractor_path=v{number}"
        for name in ("diffusion", "latent")
        for number in (3, 7, 8, 9, 10)
    ),
}
"""What is missing, and the options and values under `train.` that wait for it."""

_VALUES: Final[dict[tuple[str, str], str]] = {
    ("noise_scheduler", "noise process"): "mean_flow",
    ("loss_type", "loss"): "mean_flow",
}
"""Options with what a value of theirs is called, and the values that wait."""

ROWS: Final[dict[str, str]] = {
    f"train.{name}": words for words, names in _WAITING.items() for name in names
} | {
    f"train.{name}={value}": f"the {word} {value}"
    for (name, word), values in _VALUES.items()
    for value in values.split()
}
