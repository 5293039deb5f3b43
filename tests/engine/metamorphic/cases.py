"""For every option a value away from its default, with what it needs beside it.

Most follow from the declarations: another choice, the other truth, a number within the bounds; the
switches that an option requires are on. What cannot be derived stands in `GIVEN`, what cannot be
tried on the tiny model in `UNTRIED` with the reason. A value counts only when `check` has no error
with it and does not say that it has no effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from schema.catalogue import OptionInfo, find, options
from schema.check import check_document
from schema.conditions import needs
from schema.document import Document
from schema.families import FAMILIES
from schema.pending import waits

KIND, ARCH = "sd_trainer", "sd1"
SECTIONS = ("train", "model", "network", "sample", "save", "logging", "datasets")
NUMBERS = (0.5, 2, 1, 0.1, 3, 8, 64, 500)

BASE: dict[str, Any] = {
    "trigger_word": "sks",
    "training_seed": 7,
    "device": "cpu",
    "model": {"arch": ARCH},
    "network": {"type": "lora", "linear": 4, "linear_alpha": 4, "conv": 2},
    "train": {
        "steps": 3,
        "lr": 0.001,
        "batch_size": 2,
        "gradient_checkpointing": False,
        "disable_sampling": True,
    },
    "datasets": [{"resolution": 64, "cache_latents": True, "num_workers": 0}],
    "sample": {"prompts": ["a red circle"], "width": 64, "height": 64, "sample_steps": 2},
    "save": {"save_every": 0, "dtype": "float32"},
    "logging": {"log_every": 1},
}


@dataclass(frozen=True)
class Case:
    """An option, a value that is not its default, and companions of both runs."""

    path: str
    value: Any
    beside: dict[str, Any] = field(default_factory=dict)

    @property
    def info(self) -> OptionInfo:
        found = find(self.path, KIND)
        assert found is not None
        return found


def tried() -> list[OptionInfo]:
    """The live options that the engine does for the tiny model's family, of all sections."""
    row = FAMILIES[ARCH]
    return [
        info
        for info in options()
        if KIND in info.process_types
        and info.status == "live"
        and info.path.partition(".")[0].removesuffix("[]") in SECTIONS
        and waits(info.path, KIND) is None
        and row.can(info.applies_to)
    ]


def derived(info: OptionInfo) -> Case | None:
    """A case from the declaration alone; None where no value is accepted."""
    beside: dict[str, Any] = {}
    for condition in info.requires:
        for need in needs(condition):
            other = find(need.path, KIND)
            if other is not None and other.type == "bool":
                beside[need.path] = True
    if info.when is not None:
        beside[info.when[0]] = info.when[1][0]
    for value in _values(info):
        case = Case(info.path, value, beside)
        if not faults(case):
            return case
    return None


def faults(case: Case) -> list[str]:
    """What `check` has against a case, its words on a missing effect included."""
    try:
        document = Document.parse(_text(case))
        for path, value in {**case.beside, case.path: case.value}.items():
            document.set(path.replace("[]", "[0]"), value)
    except (KeyError, ValueError, TypeError) as error:
        return [str(error)]
    place = case.path.replace("[]", "[0]")
    return [
        found.sentence()
        for found in check_document(document, files=False)
        if found.severity == "error" or (found.path == place and "no effect" in found.message)
    ]


def _values(info: OptionInfo) -> Iterator[Any]:
    if info.type == "bool":
        yield not info.default
    elif info.choices:
        yield from (choice for choice in info.choices if choice != info.default)
    elif info.type in ("int", "float"):
        low = info.min if info.min is not None else 0
        high = info.max if info.max is not None else 1e9
        kind = int if info.type == "int" else float
        numbers = [kind(number) for number in NUMBERS if low <= number <= high]
        yield from (number for number in numbers if number != info.default)


def _text(case: Case) -> str:
    import json

    process = {"type": KIND, "training_folder": "out", **BASE}
    process["model"] = {"name_or_path": "/m", **BASE["model"]}
    process["datasets"] = [{"folder_path": "/d", **BASE["datasets"][0]}]
    del case
    return json.dumps({"job": "extension", "config": {"name": "x", "process": [process]}})


GIVEN: dict[str, Case] = {
    case.path: case
    for case in (
        Case("train.optimizer_params.betas", [0.5, 0.9]),
        Case("train.optimizer_params.min_lr", 5e-4, {"train.optimizer": "automagic"}),
        Case("train.optimizer_params.decay_rate", -0.3, {"train.optimizer": "adafactor"}),
        Case(
            "train.lr_scheduler_params.gamma",
            0.5,
            {"train.lr_scheduler": "step", "train.lr_scheduler_params.step_size": 1},
        ),
        Case("train.lr_scheduler_params.lr_end", 1e-4, {"train.lr_scheduler": "polynomial"}),
        Case("train.max_loss_debug", True, {"train.max_loss": 0.1}),
        Case("train.do_paramiter_swapping", True, {"train.optimizer": "adafactor"}),
        Case(
            "train.paramiter_swapping_factor",
            0.5,
            {"train.optimizer": "adafactor", "train.do_paramiter_swapping": True},
        ),
        Case("train.ema_config.param_multiplier", 1.01, {"train.ema_config.use_ema": True}),
        Case("train.do_cfg", True, {"train.cfg_scale": 3.0}),
        Case("train.do_random_cfg", True, {"train.max_cfg_scale": 3.0}),
        Case("train.cfg_scale", 3.0, {"train.do_cfg": True}),
        Case("train.negative_prompt", "blurry", {"train.do_cfg": True, "train.cfg_scale": 3.0}),
        Case("train.guidance_loss_target", 3.0, {"train.do_guidance_loss": True}),
        Case("train.unconditional_prompt", "blurry", {"train.do_guidance_loss": True}),
        Case(
            "train.diff_output_preservation",
            True,
            {"train.diff_output_preservation_class": "circle"},
        ),
        Case(
            "train.diff_output_preservation_multiplier",
            2.0,
            {
                "train.diff_output_preservation": True,
                "train.diff_output_preservation_class": "circle",
            },
        ),
        Case("datasets[].trigger_word", "star"),
        Case("datasets[].caption_ext", "none", {"datasets[].default_caption": "a star"}),
        Case("datasets[].resolution", 128),
        Case("sample.neg", "blurry"),
        Case("sample.prompts", ["a star"]),
        Case("model.latent_space_version", "mine", {"datasets[].cache_latents_to_disk": True}),
        Case("logging.run_name", "first"),
        Case("logging.project_name", "shapes"),
    )
}

UNTRIED: dict[str, str] = {}
