"""kohya sd-scripts: a config TOML, a dataset TOML or a command line, as one of our configs.

Sections of the TOML only group keys, as the trainer itself reads them. Where a key is missing, what
the trainer takes then is written out wherever ours is different.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from schema.importers.companions import companion
from schema.importers.counting import Epoch, epoch_of, put_steps
from schema.importers.draft import Draft
from schema.importers.finishing import finish
from schema.importers.kohya_data import DATA_KEYS, put_datasets, put_folders
from schema.importers.kohya_family import put_family
from schema.importers.kohya_prompts import put_prompts
from schema.importers.kohya_tables import (
    ALGORITHMS,
    DEFAULTS,
    MAIN,
    NETWORK,
    NETWORK_ARGS,
    REASONS,
    SAVED_AS,
)
from schema.importers.learning import Schedule, put_schedule
from schema.importers.optimizers import arguments, put_optimizer
from schema.importers.tables import Source, follow, list_rest, optional, real, switch, whole

LAUNCHER: Final = "belongs to the launcher; finetui starts its own process"
_IMPLIED: Final = (
    ("train.lr", 2e-6), ("train.dtype", "fp32"), ("train.gradient_checkpointing", False),
    ("train.timestep_type", "linear"), ("save.dtype", "float32"), ("save.save_every", 0),
    ("save.max_step_saves_to_keep", 0),
)  # fmt: skip
"""What the trainer takes where the config says nothing."""


def flattened(data: Mapping[str, Any]) -> dict[str, Any]:
    """Sections dissolved into one mapping, as the trainer does."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat.update(value if isinstance(value, dict) else {key: value})
    return flat


def read_main(
    values: Mapping[str, Any], beside: Path, script: str = "", launcher: Mapping[str, Any] = {}
) -> Draft:
    """A draft from the keys of a main config or command line (which may name a config)."""
    draft = Draft()
    merged = dict(values)
    if isinstance(merged.get("config_file"), str):
        name = merged["config_file"]
        name = name if name.endswith(".toml") else f"{name}.toml"
        data, beside = companion(draft, "config_file", name, beside, "its options")
        if isinstance(data, dict):
            draft.took("(the file it names)", "config_file")
            merged = {**flattened(data), **merged}
    source = Source(merged)
    source.take("config_file")
    if "mixed_precision" not in source and launcher.get("mixed_precision"):
        source.values["mixed_precision"] = launcher["mixed_precision"]
    for key, value in launcher.items():
        if key != "mixed_precision":
            draft.lost(f"(launcher) {key}", value, LAUNCHER)
    put_family(source, draft, script)
    _model_and_run(draft, source)
    _network(draft, source, script)
    _data(draft, source, beside)
    epoch = epoch_of(draft, beside, mirrored=True)
    _length(draft, source, epoch)
    _learning(draft, source)
    _saving(draft, source, epoch)
    _previews(draft, source, epoch, beside)
    for path, value in _IMPLIED:
        draft.imply(path, value)
    list_rest(source, draft, REASONS, DEFAULTS)
    finish(draft, "network_alpha")
    return draft


def read_dataset(data: Mapping[str, Any]) -> Draft:
    """A draft from a dataset TOML alone."""
    draft = Draft()
    put_datasets(draft, data, {})
    draft.told("(the file)", "datasets only", "model and training are yours to fill in")
    return draft


def _model_and_run(draft: Draft, source: Source) -> None:
    follow(MAIN, source, draft)
    if "output_name" in source:
        draft.took("config.name", "output_name")
        draft.put("config.name", source.take("output_name"))
    # Both are taken, whichever is on.
    if any([_on(source.take("fp8_base")), _on(source.take("fp8_base_unet"))]):
        draft.put("model.dtype", "float8")
    draft.took("model.dtype", *source.present("fp8_base", "fp8_base_unet"))
    _noise_range(draft, source)
    sampling = source.take("timestep_sampling")
    if sampling is not None:
        draft.took("train.timestep_type", "timestep_sampling")
        _timesteps(draft, str(sampling))
    low = (source.take("log_with"), source.take("wandb_api_key"))
    if low[0] in ("wandb", "all"):
        draft.put("logging.use_wandb", True)
        draft.took("logging.use_wandb", "log_with")
    elif low[0] is not None:
        draft.lost("log_with", low[0], REASONS["logging_dir"])
    if low[1]:
        draft.lost("wandb_api_key", low[1], REASONS["wandb_api_key"])
    if source.take("cache_text_encoder_outputs_to_disk"):
        draft.put("train.cache_text_embeddings", True)
    draft.took("train.cache_text_embeddings", *source.present("cache_text_encoder_outputs_to_disk"))
    _hub(draft, source)


def _noise_range(draft: Draft, source: Source) -> None:
    """Timesteps low <= t < high, 0 clean, as positions in the descending list of 1000."""
    for key, path, place in (
        ("min_timestep", "train.max_denoising_steps", 999),
        ("max_timestep", "train.min_denoising_steps", 1000),
    ):
        if key in source:
            draft.put(path, place - source.read(key, whole, 1000 - 1 if place == 1000 else 0))
            draft.took(path, key)


_SAMPLINGS: Final = {"sigma": "linear", "uniform": "linear", "sigmoid": "sigmoid"}


def _timesteps(draft: Draft, sampling: str) -> None:
    if sampling in _SAMPLINGS:
        draft.put("train.timestep_type", _SAMPLINGS[sampling])
        return
    draft.put("train.timestep_type", "shift")
    words = "shift moves evenly spread levels by the family's own measure here, not a sigmoid"
    draft.told("timestep_sampling", sampling, words)


def _hub(draft: Draft, source: Source) -> None:
    if "huggingface_repo_id" in source:
        draft.put("save.hf_repo_id", source.take("huggingface_repo_id"))
        draft.put("save.push_to_hub", True)
        draft.put("save.hf_private", source.take("huggingface_repo_visibility") != "public")
        named = source.present("huggingface_repo_id", "huggingface_repo_visibility")
        draft.took("save.hf_repo_id", *named)


def _network(draft: Draft, source: Source, script: str) -> None:
    """A network where one is named (or the script trains nothing else), else the whole model."""
    module = source.take("network_module")
    if module is None and "network" not in script:
        if "textual_inversion" in script:
            draft.lost("(the script)", script, "embeddings are described under `embedding:` here")
        te = _on(source.take("train_text_encoder", script == "train_db"))
        draft.took("train.train_text_encoder", *source.present("train_text_encoder"))
        draft.put("train.train_text_encoder", te)
        _te_rates(draft, source)
        if not script:
            draft.told("network_module", "absent", "so the whole model is trained")
        if "save_model_as" in source:
            word = str(source.take("save_model_as"))
            draft.put("save.save_format", SAVED_AS.get(word, "safetensors"))
            draft.took("save.save_format", "save_model_as")
        return
    draft.put("network.type", "lora")
    draft.took("network.type", *source.present("network_module"))
    follow(NETWORK, source, draft)
    draft.imply("network.linear", 4)
    draft.imply("network.linear_alpha", 1)
    _network_args(draft, source, str(module or "networks.lora"))
    word = source.take("save_model_as", "safetensors")
    if word != "safetensors":
        draft.lost("save_model_as", word, "LoRAs are always saved as safetensors here")
    elif source.present("save_model_as"):
        draft.off("save_model_as")
    _trained_parts(draft, source)


def _network_args(draft: Draft, source: Source, module: str) -> None:
    args, unread = arguments(source.take("network_args", []))
    draft.took("network", *source.present("network_args"))
    for item in unread:
        draft.lost("network_args", item, "not of the form key=value")
    inner = Source(args, "network_args: ")
    algorithm = str(inner.take("algo", "lora")).lower()
    if "lycoris" in module or "algo" in args:
        if algorithm not in ALGORITHMS:
            draft.lost("network_args: algo", algorithm, "no such network here; a LoRA stands in")
        elif algorithm == "lokr":
            draft.put("network.lokr_full_rank", False)
        draft.put("network.type", ALGORITHMS.get(algorithm, "lora"))
        draft.took("network.type", "network_args: algo")
    elif not module.startswith(("networks.lora", "networks.dylora")) or "dylora" in module:
        draft.lost("network_module", module, "no such network here; a LoRA stands in")
    elif module == "networks.lora_fa":
        draft.lost("network_module", module, "both halves of a LoRA are trained here")
    if _on(inner.take("dora_wd")):
        draft.put("network.type", "dora")
    draft.took("network.type", *inner.present("dora_wd"))
    follow(NETWORK_ARGS, inner, draft)
    if draft.get("network.conv") is not None:
        draft.imply("network.conv_alpha", 1)
    list_rest(inner, draft, {}, {"train_norm": False, "bypass_mode": False})


def _on(value: Any) -> bool:
    try:
        return value is not None and switch(value)
    except ValueError:
        return False


def _trained_parts(draft: Draft, source: Source) -> None:
    only_unet = _on(source.take("network_train_unet_only"))
    only_text = _on(source.take("network_train_text_encoder_only"))
    draft.took(
        "train.train_text_encoder",
        *source.present("network_train_unet_only", "network_train_text_encoder_only"),
    )
    cached = bool(draft.get("train.cache_text_embeddings"))
    rate = draft.get("train.text_encoder_lr")
    trains = not (only_unet or cached) and rate != 0
    draft.put("train.train_text_encoder", trains)
    if only_text:
        draft.put("train.train_unet", False)
    if not trains and rate is not None:
        draft.drop("train.text_encoder_lr")


def _te_rates(draft: Draft, source: Source) -> None:
    keys = ("learning_rate_te1", "learning_rate_te2")
    given = {key: source.read(key, real, 0.0) for key in keys if key in source}
    if len(set(given.values())) == 1:
        draft.put("train.text_encoder_lr", next(iter(given.values())))
        draft.took("train.text_encoder_lr", *given)
    else:
        for key, rate in given.items():
            draft.lost(key, rate, "the text encoders have one rate here")
    if not draft.get("train.train_text_encoder"):
        draft.drop("train.text_encoder_lr")


def _data(draft: Draft, source: Source, beside: Path) -> None:
    if "dataset_config" in source:
        name = source.take("dataset_config")
        data, _ = companion(draft, "dataset_config", name, beside, "the datasets")
        if isinstance(data, dict):
            draft.took("datasets", "dataset_config")
            put_datasets(draft, data, source.values)
    elif source.present("train_data_dir", "reg_data_dir"):
        put_folders(draft, source, beside)
    for key in sorted(DATA_KEYS & set(source.rest())):
        value = source.take(key)
        if not draft.datasets:
            draft.lost(key, value, "speaks of the datasets, which are not here")


def _length(draft: Draft, source: Source, epoch: Epoch | None) -> None:
    """max_train_epochs wins over max_train_steps, which is 1600 by itself."""
    epochs = source.read("max_train_epochs", optional(real), None)
    steps = source.read("max_train_steps", whole, 1600)
    if epochs is not None and put_steps(draft, "max_train_epochs", epochs, epoch, "train.steps"):
        if source.present("max_train_steps"):
            draft.off("max_train_steps")
    elif epochs is None or source.present("max_train_steps"):
        draft.put("train.steps", steps)
        draft.took("train.steps", *source.present("max_train_steps"))


def _learning(draft: Draft, source: Source) -> None:
    args, unread = arguments(source.take("optimizer_args", []))
    draft.took("train.optimizer_params", *source.present("optimizer_args"))
    for item in unread:
        draft.lost("optimizer_args", item, "not of the form key=value")
    name = source.take("optimizer_type")
    for key, old in (("use_8bit_adam", "AdamW8bit"), ("use_lion_optimizer", "Lion")):
        name = old if _on(source.take(key)) and not name else name
        draft.took("train.optimizer", *source.present(key))
    draft.took("train.optimizer", *source.present("optimizer_type"))
    put_optimizer(draft, "optimizer_type", str(name or "AdamW"), args, "optimizer_args: ")
    _schedule(draft, source)


def _schedule(draft: Draft, source: Source) -> None:
    """Counts below 1 are shares of the run; a schedule of the optimizer's own is a constant."""
    total = draft.get("train.steps")
    name = str(source.take("lr_scheduler", "constant"))
    keys = ("lr_scheduler", "lr_warmup_steps", "lr_scheduler_num_cycles", "lr_scheduler_power")
    draft.took("train.lr_scheduler", *source.present(*keys, "lr_scheduler_min_lr_ratio"))
    schedule = Schedule(name, total=total)
    ratio = source.take("lr_scheduler_min_lr_ratio")
    try:
        schedule.warmup = _steps(source.take("lr_warmup_steps", 0), total)
        schedule.cycles = real(source.take("lr_scheduler_num_cycles", 1))
        schedule.power = real(source.take("lr_scheduler_power", 1))
        if name == "polynomial":
            schedule.lowest = 1e-7
        elif name == "cosine_with_min_lr":
            schedule.lowest = real(ratio or 0) * real(draft.get("train.lr", 2e-6))
    except ValueError as error:
        draft.lost("lr_warmup_steps", schedule.warmup, str(error) or "not a number")
    rules, _ = arguments(source.take("lr_scheduler_args", []))
    draft.took("train.lr_scheduler_params", *source.present("lr_scheduler_args"))
    if name == "piecewise_constant" and "step_rules" in rules:
        draft.put("train.lr_scheduler", name)
        draft.put("train.lr_scheduler_params", {"step_rules": str(rules.pop("step_rules"))})
    elif name.startswith("adafactor"):
        draft.put("train.lr_scheduler", "constant")
        draft.told("lr_scheduler", name, "Adafactor sets its own rate with relative_step")
    else:
        put_schedule(draft, schedule)
    for key, value in rules.items():
        draft.lost(f"lr_scheduler_args: {key}", value, "no parameter of the schedule here")


def _steps(value: Any, total: int | None) -> int:
    """A count of steps; a float is a share of the run."""
    found = real(value)
    if found >= 1 or found == 0:
        return whole(value)
    if total is None:
        raise ValueError("a share of a run whose length is not known")
    return int(found * total)


def _saving(draft: Draft, source: Source, epoch: Epoch | None) -> None:
    ratio = source.take("save_n_epoch_ratio")
    every = source.read("save_every_n_epochs", optional(real), None)
    kept = source.read("save_last_n_epochs", optional(whole), None)
    kept_steps = source.read("save_last_n_steps", optional(whole), None)
    if ratio is not None:
        draft.lost("save_n_epoch_ratio", ratio, "counts epochs; set save.save_every")
    if every is not None and draft.get("save.save_every") is None:
        put_steps(draft, "save_every_n_epochs", every, epoch, "save.save_every")
    elif every is not None:
        reason = "saves have one interval here; save_every_n_steps is taken"
        draft.lost("save_every_n_epochs", every, reason)
    keep = "save.max_step_saves_to_keep"
    step = draft.get("save.save_every")
    if kept_steps is not None and isinstance(step, int) and step > 0:
        draft.put(keep, kept_steps // step + 1)
        words = f"saves of the last {kept_steps} steps, one every {step}"
        draft.told("save_last_n_steps", kept_steps, words)
    elif kept_steps is not None:
        draft.lost("save_last_n_steps", kept_steps, "set save.max_step_saves_to_keep")
    if kept is not None and every is not None:
        draft.put(keep, kept)
        draft.took(keep, "save_last_n_epochs")
    elif kept is not None:
        draft.lost("save_last_n_epochs", kept, "nothing is saved by epochs")


def _previews(draft: Draft, source: Source, epoch: Epoch | None, beside: Path) -> None:
    every = source.read("sample_every_n_epochs", optional(real), None)
    prompts = source.take("sample_prompts")
    if prompts is None or not put_prompts(draft, "sample_prompts", prompts, beside):
        if every is not None:
            draft.lost("sample_every_n_epochs", every, "there are no prompts to draw")
        return
    if every is not None:
        put_steps(draft, "sample_every_n_epochs", every, epoch, "sample.sample_every")
    draft.imply("train.skip_first_sample", True)
    if draft.get("sample.sample_every") is None:
        draft.put("sample.sample_every", 0)
        draft.put("train.disable_sampling", every is None)
    draft.imply("sample.sampler", "ddim")
