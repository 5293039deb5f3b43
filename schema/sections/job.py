"""The whole config: the file, the job in it, and its processes (ai-toolkit's layout and names)."""

from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from schema.findings import ConfigError, Finding
from schema.option import REQUIRED, Section, opt
from schema.sections.job_keys import ExtractJobKeys, TrainJobKeys
from schema.sections.processes import Process, TrainerProcess, process_class
from schema.sections.processes.names import JobKind

__all__ = ["JobConfig", "JobFile", "Process", "TrainerProcess"]

_JOB = "Job"
_HANDED_DOWN: Final = (
    "training_folder", "device", "log_dir", "dtype", "extract_unet", "extract_text_encoder",
)  # fmt: skip
"""Keys that stand once under `config:` and count in every process that knows and lacks them."""


class _Start(Section):
    """What every job has."""

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


class JobConfig(ExtractJobKeys, TrainJobKeys, _Start):
    """Everything under `config:`."""

    @model_validator(mode="before")
    @classmethod
    def _hand_down(cls, data: Any) -> Any:
        """Give the processes what stands once for all of them."""
        if not isinstance(data, dict) or not isinstance(data.get("process"), list):
            return data
        common = {key: data[key] for key in _HANDED_DOWN if data.get(key) is not None}
        if not common:
            return data
        return {**data, "process": [_with(common, process) for process in data["process"]]}


def _with(common: dict[str, Any], process: Any) -> Any:
    """A process with those of the common keys that its class has and it does not give."""
    if not isinstance(process, dict):
        return process
    known = process_class(process).model_fields
    given = {key: value for key, value in process.items() if value is not None}
    return {**process, **{k: v for k, v in common.items() if k in known and k not in given}}


class JobFile(Section):
    """A whole config file."""

    job: JobKind = opt(
        REQUIRED,
        "Job kind",
        'What kind of job the file describes. Training uses "extension".',
        group=_JOB,
        choices={
            "extension": "a list of processes: training, captioning and other tools",
            "train": "prompt sliders, autoencoders, upscalers",
            "extract": "a LoRA from the difference of two models",
            "mod": "a change to a LoRA file",
            "generate": "pictures from a list of prompts",
        },
        on_resume="refused",
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

    @property
    def trainer(self) -> TrainerProcess:
        """The first process, which trains a model. Raises ConfigError where it does not."""
        process = self.config.process[0]
        if not isinstance(process, TrainerProcess):
            message = f"a process of type {process.type} does not train a model"
            raise ConfigError([Finding("", "type", 1, 1, "error", "not-a-trainer", message)])
        return process
