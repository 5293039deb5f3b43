"""Keys of the trainer that only older configs have."""

from schema.option import opt
from schema.sections.processes.base import AnyProcess
from schema.sections.processes.names import spellings_of

_GROUP = "Job"
_TRAINERS = spellings_of("sd_trainer")


class OlderLorm(AnyProcess):
    """The former way to train a LoRM network, which no trainer reads any more."""

    do_lorm: bool = opt(
        False,
        "LoRM (older switch)",
        "Older LoRM setting that nothing reads; use network.type lorm with its lorm block.",
        group=_GROUP,
        tier="expert",
        status="legacy",
        process_types=_TRAINERS,
    )
    lorm_extract_mode: str = opt(
        "ratio",
        "LoRM mode (older)",
        "Older LoRM setting that nothing reads; use network.lorm.extract_mode.",
        group=_GROUP,
        tier="expert",
        status="legacy",
        process_types=_TRAINERS,
    )
    lorm_extract_mode_param: float = opt(
        0.25,
        "LoRM parameter (older)",
        "Older LoRM setting that nothing reads; use network.lorm.extract_mode_param.",
        group=_GROUP,
        tier="expert",
        status="legacy",
        process_types=_TRAINERS,
    )
