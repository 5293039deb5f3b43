"""What every process has, and what every process with a run folder has."""

from typing import ClassVar

from schema.option import REQUIRED, Section, opt
from schema.sections.processes.names import (
    OLDER_NAMES,
    PROCESS_ROWS,
    ProcessName,
    spellings_of,
)

_JOB = "Job"
_WATCHING = "Watching"


class AnyProcess(Section):
    """One entry of `config.process:`, whatever it does."""

    kind: ClassVar[str] = ""
    kinds: ClassVar[tuple[str, ...]] = ()
    """The process types that this class holds the options of; `kind` is the first of them."""

    type: ProcessName = opt(
        REQUIRED,
        "Process type",
        "What is run. sd_trainer is the general trainer.",
        group=_JOB,
        choices={name: row.words for name, row in PROCESS_ROWS.items()},
        synonyms=OLDER_NAMES,
        on_resume="refused",
    )

    @property
    def folder(self) -> str | None:
        """The parent folder of the results, for processes that have one."""
        return None


class InFolder(AnyProcess):
    """A process whose results go into a run folder."""

    training_folder: str = opt(
        REQUIRED,
        "Output folder",
        "Parent folder of results; a subfolder with the job name is created in it.",
        group=_JOB,
        editor="folder",
        detail="In a job of the kind train it may stand once, under config:, for all processes.",
        min_length=1,
    )

    @property
    def folder(self) -> str | None:
        """The parent folder of the results."""
        return self.training_folder


class OnDevice(AnyProcess):
    """The device of a process."""

    device: str | None = opt(
        None,
        "Device",
        "Where to train, such as cuda, cuda:0, mps or cpu. Empty takes the GPU if there is one.",
        group=_JOB,
        default_note="A fixed default would leave a GPU idle or fail where there is none.",
        pattern=r"^(cpu|mps|cuda(:\d+)?)$",
        form="cpu, mps, cuda or cuda:N",
    )


class Named(AnyProcess):
    """Name and timing of a process."""

    name: str | None = opt(
        None,
        "Process name",
        "Another name for the results folder of this process. Empty takes the job's name.",
        group=_JOB,
        tier="expert",
        inherits="config.name",
        on_resume="refused",
        detail="Lets several processes of a job keep their results apart. Saved files are still "
        "named after the job, and a run is found again by the folder.",
        pattern=r'^[^/\\*?\[\]"\x00-\x1f]{1,128}$',
        form='1 to 128 characters without / \\ * ? [ ] "',
    )
    performance_log_every: int = opt(
        0,
        "Timing report interval",
        "Write how long each part of a step takes to the log every N steps. 0 turns it off.",
        group=_WATCHING,
        tier="expert",
        unit="steps",
        ge=0,
    )
    sqlite_db_path: str = opt(
        "./aitk_db.db",
        "Job database",
        "Other trainers are watched through this file. Runs here have a record of their own.",
        group=_WATCHING,
        tier="expert",
        editor="path",
        status="legacy",
        process_types=(
            *spellings_of("sd_trainer"), "concept_slider", "Qwen3VLCaptioner",
            "Qwen3OmniCaptioner", "Ideogram4Captioner", "AceStepCaptioner",
        ),
        detail="Stop, pause, save and sample at any time go through `finetui stop` and the like.",
    )  # fmt: skip


class Watched(AnyProcess):
    """Seed and outside records of a process that trains."""

    training_seed: int | None = opt(
        None,
        "Training seed",
        "Makes runs repeatable. Empty draws one at the start and records it.",
        group=_JOB,
        tier="advanced",
        on_resume="new-trajectory",
        ge=0,
        le=2**32 - 1,
    )
    log_dir: str | None = opt(
        None,
        "TensorBoard folder",
        "Also write TensorBoard logs into this folder. Empty writes none.",
        group=_WATCHING,
        tier="advanced",
        editor="folder",
        detail="Each start makes a subfolder with the job's name and the time. In a job of the "
        "kind train it may stand once, under config:, for all processes.",
        min_length=1,
    )
    torch_profiler: bool = opt(
        False,
        "Profiler",
        "Profile training steps and print where the time goes. Slow; for finding out why.",
        group=_WATCHING,
        tier="expert",
    )
