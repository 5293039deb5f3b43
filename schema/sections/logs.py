"""`logging:` - what is written down beside the metrics, which are always recorded."""

from schema.option import Section, opt

_LOGGING = "Logging"
_WANDB = ("logging.use_wandb",)


class Logging(Section):
    """Everything under `logging:`."""

    log_every: int | None = opt(
        100,
        "Log every",
        "Write a line with loss and learning rate to the run's log every N steps. Empty means "
        "every step, 0 means never.",
        group=_LOGGING,
        unit="steps",
        editable_live=True,
        detail="The run's own metrics are recorded at every step whatever this says; it sets how "
        "often the log file and the external loggers get a line.",
        ge=0,
    )
    verbose: bool = opt(
        False,
        "Verbose logging",
        "Write more to the log: sizes of batches, timesteps, gradients, memory, and what the "
        "libraries say.",
        group=_LOGGING,
        tier="advanced",
        detail="The dashboard has most of it anyway.",
    )
    use_wandb: bool = opt(
        False,
        "Weights & Biases",
        "Send metrics, previews and the config to Weights & Biases.",
        group=_LOGGING,
        tier="advanced",
        detail="Needs the package wandb and its login. Metrics go out every log_every steps under "
        "learning_rate and loss/..., previews as sample_0, sample_1 and so on, with the prompt as "
        "caption.",
    )
    use_ui_logger: bool = opt(
        False,
        "Log to local database",
        "Also write metrics to an SQLite file loss_log.db in the run's folder, as other programs "
        "read it.",
        group=_LOGGING,
        tier="advanced",
        detail="Tables steps, metric_keys and metrics. Beside Weights & Biases and the run's own "
        "record, not in place of them; a resumed run replaces the rows behind its first step.",
    )
    project_name: str = opt(
        "ai-toolkit",
        "Project name",
        "Project that runs are grouped under in Weights & Biases.",
        group=_LOGGING,
        tier="advanced",
        requires=_WANDB,
    )
    run_name: str | None = opt(
        None,
        "Run name",
        "Name of this run in Weights & Biases; empty lets the service pick one.",
        group=_LOGGING,
        tier="advanced",
        requires=_WANDB,
        detail="[name] becomes the name of the job.",
        min_length=1,
    )
