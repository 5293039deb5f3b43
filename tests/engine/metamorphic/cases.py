"""For every option a value away from its default, with what it needs beside it.

Most follow from the declarations: another choice, the other truth, a number within the bounds; the
switches that an option requires are on. What cannot be derived stands in `GIVEN`, what cannot be
tried on the tiny model in `UNTRIED` with the reason. A value counts only when `check` has no error
with it and does not say that it has no effect.
"""

from __future__ import annotations

import json
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
    before: Any = None  # what the other run has, where leaving the option out is not allowed

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
    if info.path.startswith("sample."):
        beside |= {"train.disable_sampling": False, "sample.sample_every": 2}
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
        document = Document.parse(text("x", "out", "/m", "/d"))
        for path, value in settings(case, case.value).items():
            document.set(path, value)
    except (KeyError, ValueError, TypeError) as error:
        return [str(error)]
    place = case.path.replace("[]", "[0]")
    return [
        found.sentence()
        for found in check_document(document, files=False)
        if found.severity == "error" or (found.path == place and "no effect" in found.message)
    ]


def settings(case: Case, value: Any) -> dict[str, Any]:
    """What one of the two runs sets, by path in the document; a value of None leaves it out."""
    chosen = case.beside if value is None else {**case.beside, case.path: value}
    return {path.replace("[]", "[0]"): found for path, found in chosen.items()}


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


def text(name: str, folder: str, model: str, pictures: str) -> str:
    """The config that every case begins with."""
    process = {"type": KIND, "training_folder": folder, **BASE}
    process["model"] = {"name_or_path": model, **BASE["model"]}
    process["datasets"] = [{"folder_path": pictures, **BASE["datasets"][0]}]
    return json.dumps({"job": "extension", "config": {"name": name, "process": [process]}})


_PRODIGY = {"train.optimizer": "prodigy", "train.lr": 1.0}
_MAGIC = {"train.optimizer": "automagic", "train.lr": 1e-4}
_STEP = {"train.lr_scheduler": "step", "train.lr_scheduler_params.step_size": 1}
_CFG = {"train.do_cfg": True, "train.cfg_scale": 3.0}
_GUIDED = {"train.do_guidance_loss": True}
_DRAWN = {"train.disable_sampling": False, "sample.sample_every": 2}
_SAMPLES = {**_DRAWN, "sample.samples": [{"prompt": "a red circle"}]}
_WORKERS = {"datasets[].num_workers": 1, "datasets[].cache_latents": False}
_UNCACHED = {"datasets[].cache_latents": False}
_UNCAPTIONED = {"datasets[].caption_ext": "none"}
_KEPT = {
    "train.diff_output_preservation": True,
    "train.diff_output_preservation_class": "circle",
}

GIVEN: dict[str, Case] = {
    case.path: case
    for case in (
        Case("network.linear_alpha", 2.0, before=4.0),
        Case("network.network_kwargs.ignore_if_contains", ["to_q"]),
        Case("network.network_kwargs.full_if_contains", ["to_q"]),
        Case("network.network_kwargs.target_lin_modules", ["Attention"]),
        Case("network.network_kwargs.only_if_contains", ["to_q"]),
        Case("train.batch_size", 1),
        Case("train.start_step", 1),
        Case("train.noise_scheduler", "euler"),
        Case("train.optimizer_params.betas", [0.5, 0.9]),
        Case("train.optimizer_params.d0", 1e-4, _PRODIGY),
        Case(
            "train.optimizer_params.decoupled_weight_decay",
            True,
            {"train.optimizer": "lion", "train.optimizer_params.weight_decay": 0.5},
        ),
        Case("train.optimizer_params.min_lr", 5e-5, {**_MAGIC, "train.lr": 1e-5}),
        Case("train.optimizer_params.max_lr", 5e-5, _MAGIC),
        Case("train.optimizer_params.decay_rate", -0.3, {"train.optimizer": "adafactor"}),
        Case("train.lr_scheduler_params.gamma", 0.5, _STEP),
        Case("train.lr_scheduler_params.step_size", 2, {"train.lr_scheduler": "step"}, before=1),
        Case("train.lr_scheduler_params.lr_end", 1e-4, {"train.lr_scheduler": "polynomial"}),
        Case("train.lr_scheduler_params.total_iters", 2, {"train.lr_scheduler": "linear"}),
        Case("train.max_grad_norm", 0.0001),
        Case(
            "train.optimizer_params.decouple",
            False,
            {
                **_PRODIGY,
                "train.optimizer_params.weight_decay": 0.5,
                "train.optimizer_params.d0": 1e-3,
            },
        ),
        Case("train.img_multiplier", 0.5, _UNCACHED),
        Case("train.standardize_images", True, _UNCACHED),
        # Below the spread of the predictions: the penalty pulls the other way.
        Case("train.target_norm_std_value", 0.05, {"train.target_norm_std": True}),
        Case("train.do_blank_stabilization", True, {"datasets[].caption_dropout_rate": 0.9}),
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
        Case("train.negative_prompt", "blurry", _CFG),
        Case("train.guidance_loss_target", 5.0, _GUIDED),
        Case("train.unconditional_prompt", "blurry", _GUIDED),
        Case(
            "train.diff_output_preservation",
            True,
            {"train.diff_output_preservation_class": "circle"},
        ),
        Case("train.diff_output_preservation_multiplier", 2.0, _KEPT),
        Case(
            "train.diff_output_preservation_class",
            "star",
            {"train.diff_output_preservation": True},
            before="circle",
        ),
        Case("datasets[].caption_ext", "none", {"datasets[].default_caption": "a star"}),
        Case("datasets[].resolution", 32),
        Case("datasets[].trigger_word", "star"),
        Case("datasets[].random_triggers", ["star", "ring"]),
        Case("datasets[].replacements", ["a |the "]),
        Case("sample.neg", "blurry", _DRAWN),
        Case("sample.prompts", ["a star"], _DRAWN),
        Case("model.latent_space_version", "mine", {"datasets[].cache_latents": True}),
        Case("datasets[].default_caption", "a star", _UNCAPTIONED, before="a ring"),
        Case("datasets[].random_triggers_max", 2, {"datasets[].random_triggers": ["a", "b", "c"]}),
        Case("datasets[].prefetch_factor", 4, _WORKERS),
        Case("datasets[].persistent_workers", True, _WORKERS),
        Case("network.network_kwargs.parameter_threshold", 3000),
        Case("network.network_kwargs.target_conv_modules", ["ResnetBlock2D"]),
        Case("sample.samples", [{"prompt": "a star"}], _DRAWN),
        *(
            Case(f"sample.samples[].{name}", value, _SAMPLES)
            for name, value in {
                "prompt": "a star",
                "width": 128,
                "height": 128,
                "neg": "blurry",
                "seed": 7,
                "guidance_scale": 2.0,
                "sample_steps": 3,
                "network_multiplier": 0.5,
            }.items()
        ),
    )
}

_FILES = "names files; a test of its own has them"
_PARTS = "is tried through the options inside it"
_TABLE = "says what a table of single layers says; a test of its own has one"
_COMPILES = "compiles for minutes; a soak test compares the steps"
_SERVICE = "reaches for a service; a test of its own stands in for it"
_SECOND = "needs a second dataset; a test of its own has one"
_CUDA = "needs a CUDA GPU"
_WHOLE = "is for full fine-tuning; a test of its own does one"
_NO_MASKS = "the pictures have no masks; a test of its own has some"

UNTRIED: dict[str, str] = {
    "model.name_or_path": _FILES,
    "model.vae_path": _FILES,
    "model.unet_path": _FILES,
    "model.lora_path": _FILES,
    "model.assistant_lora_path": _FILES,
    "model.inference_lora_path": _FILES,
    "model.compile": _COMPILES,
    "model.block_compile": _COMPILES,
    "model.compile_mode": _COMPILES,
    "model.compile_fullgraph": _COMPILES,
    "model.compile_dynamic": _COMPILES,
    "model.cache_size_limit": _COMPILES,
    "network.network_kwargs": _PARTS,
    "train.steps": "is the length of the run, which both have to have",
    "network.alpha": "stands for linear_alpha, which counts here",
    "network.pretrained_lora_path": _FILES,
    "network.network_kwargs.modules_dim": _TABLE,
    "network.network_kwargs.modules_alpha": _TABLE,
    "network.network_kwargs.block_dims": _TABLE,
    "network.network_kwargs.block_alphas": _TABLE,
    "network.network_kwargs.conv_block_dims": _TABLE,
    "network.network_kwargs.conv_block_alphas": _TABLE,
    "model.ignore_if_contains": _WHOLE,
    "model.only_if_contains": _WHOLE,
    "datasets[].folder_path": _FILES,
    "datasets[].dataset_path": _FILES,
    "datasets[].control_path": _FILES,
    "datasets[].control_path_1": _FILES,
    "datasets[].control_path_2": _FILES,
    "datasets[].control_path_3": _FILES,
    "datasets[].control_transparent_color": _FILES,
    "datasets[].mask_path": _FILES,
    "datasets[].is_reg": _SECOND,
    "datasets[].prior_reg": _SECOND,
    "datasets[].use_short_captions": _FILES,
    "datasets[].diff_output_preservation": "follows the option of train:, which is tried",
    "datasets[].diff_output_preservation_class": "follows the option of train:, which is tried",
    "save.push_to_hub": _SERVICE,
    "save.hf_repo_id": _SERVICE,
    "save.hf_private": _SERVICE,
    "logging.use_wandb": _SERVICE,
    "logging.project_name": _SERVICE,
    "logging.run_name": _SERVICE,
    "train.optimizer_params": _PARTS,
    "train.lr_scheduler_params": _PARTS,
    "train.ema_config": _PARTS,
    "train.validation_config": _PARTS,
    "train.lr_scheduler_params.step_rules": _TABLE,
    "train.optimizer_params.use_triton": _CUDA,
    "train.xformers": _CUDA,
    "train.embedding_lr": "is for a section of its own, embedding:",
    "train.train_unet": "needs a trained text encoder; a test of its own has one",
    "train.content_or_style_reg": _SECOND,
    "train.reg_weight": _SECOND,
    "train.max_negative_prompts": _FILES,
    "train.inverted_mask_prior": _NO_MASKS,
    "train.inverted_mask_prior_multiplier": _NO_MASKS,
    "train.validation_config.validation_items": _FILES,
    "train.validation_config.validation_items[].image_path": _FILES,
    "train.validation_config.validation_items[].prompt": _FILES,
    "train.validation_config.validation_sigmas": _FILES,
    "train.adapter_assist_name_or_path": _FILES,
    "train.adapter_assist_type": _FILES,
    "train.match_adapter_chance": _FILES,
    "train.train_turbo": "needs companions that rule other options out; tests of its own",
    "train.show_turbo_outputs": "needs train_turbo",
    "train.max_batch_size": "counts when a GPU has memory left",
}
"""Options without a case here, each with the reason."""

ALIKE: dict[str, str] = {
    "train.optimizer_params.fused": "another kernel for the same numbers",
    "train.optimizer_params.safeguard_warmup": "three steps are too few for the estimate to move",
    "train.lr_scheduler_params.T_mult": "three steps are too few for a second restart",
    "train.optimizer_params.is_paged": "another place for the same numbers",
    "datasets[].shuffle_tokens": "captions of one token have one order",
    "datasets[].keep_tokens": "captions of one token have one order",
    "datasets[].square_crop": "the pictures are square",
    "datasets[].buckets": "the pictures are square",
    "datasets[].bucket_tolerance": "the pictures are square",
    "datasets[].random_crop": "the pictures are as large as the training size",
    "datasets[].alpha_mask": _NO_MASKS,
    "datasets[].invert_mask": _NO_MASKS,
    "datasets[].mask_min_value": _NO_MASKS,
    "network.network_kwargs.peft_format": "alpha is the rank already",
}
"""Options that may change the numbers, and do not on this model and these pictures."""
