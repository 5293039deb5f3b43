"""`train.ema_config:` - the slowly moving average of the trained weights."""

from schema.option import Section, opt

_EMA = "EMA"


class EmaConfig(Section):
    """Everything under `train.ema_config:`."""

    use_ema: bool = opt(
        False,
        "Use EMA",
        "Turn weight averaging on.",
        group=_EMA,
        on_resume="new-trajectory",
    )
    ema_decay: float = opt(
        0.999,
        "EMA decay",
        "How slowly the average moves. 0.99 follows quickly, 0.9999 very slowly.",
        group=_EMA,
        on_resume="new-trajectory",
        requires=("train.ema_config.use_ema",),
        ge=0,
        le=1,
    )
    use_feedback: bool = opt(
        False,
        "EMA feedback",
        "Also pull the live weights back toward the average.",
        group=_EMA,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train.ema_config.use_ema",),
        detail="After each update w <- w + 10 (1 - decay)(a - w), with a the average before it.",
    )
    param_multiplier: float = opt(
        1.0,
        "Weight multiplier",
        "Multiply live weights by this after every update (opposite of weight decay).",
        group=_EMA,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train.ema_config.use_ema",),
        detail="w <- factor * w after each update. Only sensible very close to 1, for networks "
        "without biases.",
        ge=0.9,
        le=1.1,
    )


class Averaging(Section):
    """The option of `train:` on averaging."""

    ema_config: EmaConfig = opt(
        EmaConfig(),
        "EMA",
        "Keeps a slowly moving average of the trained weights and uses it for saves and previews.",
        group=_EMA,
        on_resume="new-trajectory",
    )
