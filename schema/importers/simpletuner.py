"""SimpleTuner: config.json (with or without `--` in front of its keys) and its data backends."""

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Final

from schema.families import FAMILIES as OURS
from schema.importers.companions import companion
from schema.importers.counting import Epoch, epoch_of, put_steps
from schema.importers.draft import Draft
from schema.importers.finishing import finish
from schema.importers.kohya_tables import ALGORITHMS
from schema.importers.learning import Schedule, put_schedule
from schema.importers.optimizers import arguments, put_optimizer
from schema.importers.simpletuner_data import as_typed, put_backends
from schema.importers.simpletuner_tables import (
    DEFAULTS,
    FAMILIES,
    FLAVOURS,
    LORA,
    LYCORIS,
    MAIN,
    PRECISIONS,
    PREVIEW,
    REASONS,
)
from schema.importers.tables import (
    SAMPLERS,
    Source,
    follow,
    list_rest,
    optional,
    real,
    switch,
    text,
    whole,
)  # fmt: skip

_IMPLIED: Final = (
    ("train.lr", 4e-7), ("train.batch_size", 4), ("train.dtype", "bf16"),
    ("train.max_grad_norm", 2.0), ("train.gradient_checkpointing", True), ("save.dtype", "float32"),
    ("save.save_every", 500), ("save.max_step_saves_to_keep", 0),
)  # fmt: skip
_CURVES: Final = ("constant", "constant_with_warmup", "linear", "polynomial")


def read_simpletuner(data: Mapping[str, Any], beside: Path) -> Draft:
    """A draft from a config and, where they are here, the files that it names."""
    draft = Draft()
    plain = {key.removeprefix("--"): as_typed(value) for key, value in data.items()}
    source = Source(plain)
    _family(draft, source)
    follow(MAIN, source, draft)
    _model(draft, source)
    _network(draft, source, beside)
    _data(draft, source, beside)
    epoch = epoch_of(draft, beside)
    _length(draft, source, epoch)
    _learning(draft, source)
    _output(draft, source, epoch)
    _previews(draft, source, epoch, beside)
    for path, value in _IMPLIED:
        draft.imply(path, value)
    if not draft.get("train.train_text_encoder"):
        draft.put("train.cache_text_embeddings", True)
    list_rest(source, draft, REASONS, DEFAULTS)
    finish(draft, "lora_alpha")
    return draft


def read_backends(data: list[Any]) -> Draft:
    """A draft from a list of data backends alone."""
    draft = Draft()
    put_backends(draft, data, Source({}))
    draft.told("(the file)", "data backends only", "model and training are yours to fill in")
    return draft


def _family(draft: Draft, source: Source) -> None:
    name, flavour = str(source.take("model_family", "")), source.take("model_flavour")
    draft.took("model.arch", *source.present("model_family"))
    arch = FAMILIES.get(name)
    if arch is None:
        draft.lost("model_family", name, "no such family here")
        if flavour:
            draft.lost("model_flavour", flavour, "no such family here")
        return
    special = next((a for f, part, a in FLAVOURS if f == name and part in str(flavour or "")), None)
    draft.put("model.arch", special or arch)
    if special:
        draft.took("model.arch", "model_flavour")
    elif flavour:
        draft.lost("model_flavour", flavour, "set model.name_or_path to the model that is meant")
    if "pretrained_model_name_or_path" not in source:
        repository = OURS[special or arch].repository
        draft.put("model.name_or_path", repository)
        draft.told("model_family", name, f"the model is not named; {repository} is the usual one")


def _model(draft: Draft, source: Source) -> None:
    precision = source.read("base_model_precision", text, "no_change")
    draft.took("model.qtype", *source.present("base_model_precision"))
    if precision in PRECISIONS:
        draft.put("model.quantize", True)
        draft.put("model.qtype", PRECISIONS[precision])
    elif precision != "no_change":
        draft.lost("base_model_precision", precision, "no such number format; see model.qtype")
    keys = [f"text_encoder_{index}_precision" for index in range(1, 5)]
    words = {str(source.take(key)) for key in keys if key in source} - {"no_change"}
    draft.took("model.qtype_te", *source.present(*keys))
    if len(words) == 1 and (word := words.pop()) in PRECISIONS:
        draft.put("model.quantize_te", True)
        draft.put("model.qtype_te", PRECISIONS[word])
    elif words:
        reason = "all text encoders share a number format here; see model.qtype_te"
        draft.lost("text_encoder precisions", ", ".join(sorted(words)), reason)
    if source.take("prediction_type") == "v_prediction":
        draft.put("model.is_v_pred", True)
    draft.took("model.is_v_pred", *source.present("prediction_type"))
    uniform = source.take("flow_use_uniform_schedule")
    draft.took("train.timestep_type", *source.present("flow_use_uniform_schedule"))
    draft.put("train.timestep_type", "linear" if uniform is True else "sigmoid")
    if not source.look("offset_noise"):
        draft.drop("train.noise_offset")
    else:
        draft.imply("train.noise_offset", 0.1)
        source.take("offset_noise")
        draft.took("train.noise_offset", "offset_noise")
    if not draft.get("train.ema_config.use_ema"):
        draft.drop("train.ema_config")
    else:
        draft.imply("train.ema_config.ema_decay", 0.995)


def _network(draft: Draft, source: Source, beside: Path) -> None:
    kind = source.take("model_type", "full")
    draft.took("network", *source.present("model_type"))
    if kind != "lora":
        return
    draft.put("network.type", "lora")
    follow(LORA, source, draft)
    style = source.take("lora_type", "standard")
    draft.took("network.type", *source.present("lora_type"))
    if source.read("use_dora", switch, False):
        draft.put("network.type", "dora")
    draft.took("network.type", *source.present("use_dora"))
    if style == "lycoris":
        _lycoris(draft, source, beside)
    elif style != "standard":
        draft.lost("lora_type", style, "no such network here; a LoRA stands in")
    elif "lycoris_config" in source:
        source.take("lycoris_config")
        draft.off("lycoris_config")
    draft.imply("network.linear", 16)
    draft.imply("network.linear_alpha", draft.get("network.linear"))


def _lycoris(draft: Draft, source: Source, beside: Path) -> None:
    name = source.take("lycoris_config", "config/lycoris_config.json")
    data, _ = companion(draft, "lycoris_config", name, beside, "the network's settings")
    if not isinstance(data, dict):
        return
    draft.took("network", *source.present("lycoris_config"))
    inner = Source(data, "lycoris: ")
    algorithm = str(inner.take("algo", "lora")).lower()
    draft.took("network.type", *inner.present("algo"))
    if algorithm not in ALGORITHMS:
        draft.lost("lycoris: algo", algorithm, "no such network here; a LoRA stands in")
    draft.put("network.type", ALGORITHMS.get(algorithm, "lora"))
    if algorithm == "lokr":
        draft.put("network.lokr_full_rank", False)
    follow(LYCORIS, inner, draft)
    reasons = {"apply_preset": "see network.network_kwargs.only_if_contains"}
    list_rest(inner, draft, reasons, {"multiplier": 1.0})


def _data(draft: Draft, source: Source, beside: Path) -> None:
    if "data_backend_config" not in source:
        return
    name = source.take("data_backend_config")
    data, _ = companion(draft, "data_backend_config", name, beside, "the datasets")
    if isinstance(data, list):
        put_backends(draft, data, source)
        draft.took("datasets", "data_backend_config")
        shared = ("resolution", "resolution_type", "caption_dropout_probability",
                  "caption_strategy", "instance_prompt")  # fmt: skip
        draft.took("datasets", *source.present(*shared))
        for key in shared:
            source.take(key)


def _length(draft: Draft, source: Source, epoch: Epoch | None) -> None:
    """Steps count where they are given; epochs where steps are 0 or missing."""
    steps = source.read("max_train_steps", whole, 0)
    epochs = source.read("num_train_epochs", real, 1.0)
    named = source.present("max_train_steps", "num_train_epochs")
    draft.took("train.steps", *named)
    if steps > 0:
        draft.put("train.steps", steps)
    else:
        put_steps(draft, "num_train_epochs", epochs, epoch, "train.steps")


def _learning(draft: Draft, source: Source) -> None:
    params, unread = arguments(str(source.take("optimizer_config", "")).replace(",", " "))
    draft.took("train.optimizer_params", *source.present("optimizer_config"))
    for item in unread:
        draft.lost("optimizer_config", item, "not of the form key=value")
    for theirs, ours in (
        ("optimizer_beta1", "beta1"), ("optimizer_beta2", "beta2"), ("adam_beta1", "beta1"),
        ("adam_beta2", "beta2"), ("adam_weight_decay", "weight_decay"), ("adam_epsilon", "eps"),
    ):  # fmt: skip
        if theirs in source:
            params.setdefault(ours, source.take(theirs))
            draft.took("train.optimizer_params", theirs)
    name = str(source.take("optimizer", "adamw_bf16"))
    draft.took("train.optimizer", *source.present("optimizer"))
    put_optimizer(draft, "optimizer", name, params, "optimizer_config: ")
    curve = str(source.take("lr_scheduler", "constant_with_warmup"))
    keys = ("lr_warmup_steps", "lr_end", "lr_power")
    draft.took("train.lr_scheduler", *source.present("lr_scheduler", *keys))
    schedule = Schedule(curve, total=draft.get("train.steps"))
    schedule.warmup = source.read("lr_warmup_steps", whole, 0)
    end, power = source.read("lr_end", real, 4e-7), source.read("lr_power", real, 0.8)
    if curve == "polynomial":
        schedule.lowest, schedule.power = end, power
    if curve not in _CURVES:
        reason = "a curve of its own whose period is the warm-up; the rate stays constant here"
        draft.lost("lr_scheduler", curve, reason)
        schedule.name = "constant"
    put_schedule(draft, schedule)


def _output(draft: Draft, source: Source, epoch: Epoch | None) -> None:
    folder = PurePath(str(source.take("output_dir", "simpletuner-results")))
    draft.put("training_folder", str(folder.parent))
    draft.put("config.name", folder.name)
    draft.took("training_folder", *source.present("output_dir"))
    every = source.read("checkpoint_epoch_interval", optional(real), None)
    if every is not None:
        put_steps(draft, "checkpoint_epoch_interval", every, epoch, "save.save_every")
    report = source.take("report_to", "none")
    draft.took("logging.use_wandb", *source.present("report_to"))
    if report in ("wandb", "all"):
        draft.put("logging.use_wandb", True)
    elif report != "none":
        draft.lost("report_to", report, "a run keeps its metrics in its own folder")
    repository, push = source.take("hub_model_id"), source.read("push_to_hub", switch, False)
    draft.took("save.hf_repo_id", *source.present("hub_model_id", "push_to_hub"))
    if push and "/" in str(repository or ""):
        draft.put("save.push_to_hub", True)
        draft.put("save.hf_repo_id", repository)
    elif push:
        draft.lost("hub_model_id", repository, "a repository is named owner/name here")


def _previews(draft: Draft, source: Source, epoch: Epoch | None, beside: Path) -> None:
    prompts: list[Any] = []
    if "validation_prompt" in source:
        prompts.append(str(source.take("validation_prompt")))
        draft.took("sample.prompts", "validation_prompt")
    if "user_prompt_library" in source:
        name = source.take("user_prompt_library")
        data, _ = companion(draft, "user_prompt_library", name, beside, "its prompts")
        draft.took("sample.prompts", "user_prompt_library")
        items = list(data.values()) if isinstance(data, dict) else []
        prompts += [item.get("prompt") if isinstance(item, dict) else item for item in items]
    prompts = [prompt for prompt in prompts if isinstance(prompt, str)]
    if not prompts:
        return
    draft.put("sample.prompts", prompts)
    follow(PREVIEW, source, draft)
    _sizes(draft, source)
    every = source.read("validation_epoch_interval", optional(real), None)
    if every is not None:
        put_steps(draft, "validation_epoch_interval", every, epoch, "sample.sample_every")
    draft.imply("sample.sample_every", 100)
    draft.imply("sample.sample_steps", 30)
    draft.imply("sample.guidance_scale", 7.5)
    if draft.get("sample.seed") is None and draft.get("training_seed") is not None:
        draft.put("sample.seed", draft.get("training_seed"))
    sampler = source.take("validation_noise_scheduler")
    if sampler is not None and str(sampler).lower() in SAMPLERS:
        draft.put("sample.sampler", SAMPLERS[str(sampler).lower()])
        draft.took("sample.sampler", "validation_noise_scheduler")
    elif sampler is not None:
        draft.lost("validation_noise_scheduler", sampler, "there is no such sampler here")


def _sizes(draft: Draft, source: Source) -> None:
    value = str(source.take("validation_resolution", "256"))
    draft.took("sample.width", *source.present("validation_resolution"))
    first, *others = value.split(",")
    try:
        sides = [whole(side.strip()) for side in first.lower().split("x")]
        draft.put("sample.width", sides[0])
        draft.put("sample.height", sides[-1])
    except ValueError:
        draft.lost("validation_resolution", value, "not a width and height")
    if others:
        draft.lost("validation_resolution", value, "one size draws all previews; see samples")
