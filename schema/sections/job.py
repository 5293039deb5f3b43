"""The whole config: the file, the job in it, and its processes (ai-toolkit's layout and names)."""

from typing import Annotated, Any, Literal

from pydantic import Field

from schema.option import REQUIRED, Section, opt
from schema.sections.datasets import Dataset
from schema.sections.logs import Logging
from schema.sections.model import Model
from schema.sections.network import Network
from schema.sections.sample import Sample
from schema.sections.save import Save
from schema.sections.train import Train

_JOB = "Job"


class TrainerProcess(Section):
    """One entry of `config.process:` that trains."""

    type: Literal["sd_trainer"] = opt(
        REQUIRED,
        "Process type",
        "What is run. sd_trainer is the general trainer.",
        group=_JOB,
        choices={"sd_trainer": "LoRA or full fine-tuning, by the sections present"},
        synonyms={"diffusion_trainer": "sd_trainer", "ui_trainer": "sd_trainer"},
        on_resume="refused",
    )
    training_folder: str = opt(
        REQUIRED,
        "Output folder",
        "Parent folder of results; a subfolder with the job name is created in it.",
        group=_JOB,
        editor="folder",
        min_length=1,
    )
    device: str | None = opt(
        None,
        "Device",
        "Where to train, such as cuda, cuda:0, mps or cpu. Empty takes the GPU if there is one.",
        group=_JOB,
        pattern=r"^(cpu|mps|cuda(:\d+)?)$",
        form="cpu, mps, cuda or cuda:N",
    )
    trigger_word: str | None = opt(
        None,
        "Trigger word",
        "A made-up word that should call up what you train. Added to captions that lack it.",
        group=_JOB,
        on_resume="new-trajectory",
    )
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
    model: Model = opt(
        REQUIRED, "Model", "The base model.", group="Sections", container=True,
    )  # fmt: skip
    network: Network | None = opt(
        None,
        "Network",
        "The small network that is trained; without it the whole model is fine-tuned.",
        group="Sections",
        container=True,
    )
    train: Train = opt(
        Train(), "Training", "How the weights are trained.", group="Sections", container=True,
    )  # fmt: skip
    datasets: list[Dataset] = opt(
        [], "Datasets", "Folders of captioned images.", group="Sections", container=True,
    )  # fmt: skip
    sample: Sample = opt(
        Sample(), "Previews", "Pictures made while training.", group="Sections", container=True,
    )  # fmt: skip
    save: Save = opt(
        Save(), "Saving", "What is written to disk, and when.", group="Sections", container=True,
    )  # fmt: skip
    logging: Logging = opt(
        Logging(), "Logging", "What is written to the log.", group="Sections", container=True,
    )  # fmt: skip


Process = TrainerProcess
"""Any entry of `config.process`: a union of the process types once there are several."""


class JobConfig(Section):
    """Everything under `config:`."""

    name: str = opt(
        REQUIRED,
        "Job name",
        "Name of the run: output folder, file names, and the value of every [name] placeholder.",
        group=_JOB,
        on_resume="refused",
        pattern=r'^[^/\\*?\[\]"\x00-\x1f]{1,128}$',
        form='1 to 128 characters without / \\ * ? [ ] "',
    )
    process: Annotated[list[Process], Field(min_length=1)] = opt(
        REQUIRED,
        "Processes",
        "List of things to run, one after another, in this job.",
        group=_JOB,
        tier="advanced",
    )


class JobFile(Section):
    """A whole config file."""

    job: Literal["extension"] = opt(
        REQUIRED,
        "Job kind",
        'What kind of job the file describes. Training uses "extension".',
        group=_JOB,
        choices={"extension": "a list of processes: training"},
    )
    config: JobConfig = opt(
        REQUIRED, "Job", "The job itself.", group="Sections", container=True,
    )  # fmt: skip
    meta: dict[str, Any] = opt(
        {},
        "Metadata",
        "Free-form information stored inside the saved model files.",
        group="Metadata",
        tier="advanced",
    )
