"""`logging:` - what is written down beside the metrics, which are always recorded."""

from schema.option import Section, opt


class Logging(Section):
    """Everything under `logging:`."""

    log_every: int | None = opt(
        100,
        "Log every",
        "Write a line with loss and learning rate to the run's log every N steps. Empty means "
        "every step, 0 means never.",
        group="Logging",
        unit="steps",
        editable_live=True,
        detail="The run's own metrics are recorded at every step whatever this says; it sets how "
        "often the log file and the external loggers get a line.",
        ge=0,
    )
