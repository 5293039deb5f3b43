"""diffusion-pipe: a main TOML with its dataset TOML, or a dataset TOML alone."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from schema.importers.companions import companion
from schema.importers.counting import Epoch, epoch_of, put_steps
from schema.importers.draft import Draft
from schema.importers.finishing import finish
from schema.importers.learning import Schedule, put_schedule
from schema.importers.optimizers import put_optimizer
from schema.importers.pipe_data import put_directories
from schema.importers.pipe_tables import (
    ADAPTER,
    DEFAULTS,
    FAMILIES,
    MAIN,
    MODEL,
    MONITORING,
    PLACES,
    REASONS,
)
from schema.importers.tables import Source, follow, list_rest, optional, real, whole

_SHIFTS: Final = ("shift", "flux_shift", "lumina_shift")
_IMPLIED: Final = (
    ("train.dtype", "bf16"), ("save.save_every", 0), ("save.max_step_saves_to_keep", 0),
    ("train.gradient_checkpointing", False), ("train.timestep_type", "sigmoid"),
    ("train.cache_text_embeddings", True),
)  # fmt: skip


def read_pipe(data: Mapping[str, Any], beside: Path) -> Draft:
    """A draft from a main config and, where it is here, the dataset file that it names."""
    draft = Draft()
    source = Source(data)
    draft.put("config.name", "")
    _model(draft, source.inner("model"))
    follow(MAIN, source, draft)
    _network(draft, source)
    if "dataset" in source:
        name = source.take("dataset")
        found, _ = companion(draft, "dataset", name, beside, "the datasets")
        if isinstance(found, dict):
            put_directories(draft, found)
            draft.took("datasets", "dataset")
    _batches(draft, source)
    epoch = epoch_of(draft, beside)
    _length(draft, source, epoch)
    _learning(draft, source)
    _saving(draft, source, epoch)
    monitoring = source.inner("monitoring")
    follow(MONITORING, monitoring, draft)
    if not draft.get("logging.use_wandb"):
        draft.drop("logging")
    list_rest(monitoring, draft, REASONS, {})
    if any(dataset.get("shuffle_tokens") for dataset in draft.datasets):
        draft.put("train.cache_text_embeddings", False)  # a cached caption cannot be shuffled
    for path, value in _IMPLIED:
        draft.imply(path, value)
    draft.imply("save.dtype", {"fp32": "float32", "fp16": "float16"}.get(
        str(draft.get("train.dtype")), "bf16"))  # fmt: skip
    list_rest(source, draft, REASONS, DEFAULTS)
    finish(draft, "adapter.rank")
    return draft


def read_pipe_dataset(data: Mapping[str, Any]) -> Draft:
    """A draft from a dataset TOML alone."""
    draft = Draft()
    put_directories(draft, data)
    draft.told("(the file)", "datasets only", "model and training are yours to fill in")
    return draft


def _model(draft: Draft, source: Source) -> None:
    kind = str(source.take("type", ""))
    draft.took("model.arch", *source.present("type"))
    places = [key for key in PLACES if key in source]
    arch = _arch(kind, " ".join(str(source.look(key)) for key in places))
    if arch is None:
        draft.lost("model.type", kind, "no such family here")
    else:
        draft.put("model.arch", arch)
    if places:
        draft.put("model.name_or_path", str(source.take(places[0])))
        draft.took("model.name_or_path", source.name(places[0]))
    for key in places[1:]:
        reason = f"the model is read from {places[0]}; single files beside it are not"
        draft.lost(source.name(key), source.take(key), reason)
    follow(MODEL, source, draft)
    if draft.get("model.dtype") == draft.get("train.dtype"):
        draft.drop("model.dtype")
    _levels(draft, source)
    _rates(draft, source)
    adapters = source.take("merge_adapters")
    if isinstance(adapters, list) and len(adapters) == 1:
        draft.put("model.assistant_lora_path", str(adapters[0]))
        draft.took("model.assistant_lora_path", source.name("merge_adapters"))
    elif adapters is not None:
        draft.lost(source.name("merge_adapters"), adapters, "one file is merged (model.lora_path)")
    list_rest(source, draft, REASONS, {"guidance": 1.0})


def _arch(kind: str, places: str) -> str | None:
    """The family; one type of theirs is several of ours, told apart by the files' names."""
    words = places.lower()
    if kind == "wan":
        image, two = "i2v" in words, re.search(r"2[._]2", words)
        if two and "5b" in words:
            return "wan22_5b"
        if two:
            return "wan22_14b_i2v" if image else "wan22_14b"
        return "wan21_i2v" if image else "wan21"
    if kind == "flux" and "kontext" in words:
        return "flux_kontext"
    if kind == "qwen_image" and "edit" in words:
        return "qwen_image_edit_plus" if re.search(r"2509|2511|plus", words) else "qwen_image_edit"
    if kind == "flux2" and "klein" in words:
        return "flux2_klein_9b" if "9b" in words else "flux2_klein_4b"
    return FAMILIES.get(kind)


def _levels(draft: Draft, source: Source) -> None:
    """Which noise levels: evenly or around the middle, shifted, between min_t and max_t."""
    method = source.take("timestep_sample_method", "logit_normal")
    draft.took("train.timestep_type", *source.present("timestep_sample_method"))
    draft.put("train.timestep_type", "linear" if method == "uniform" else "sigmoid")
    for key in _SHIFTS:
        value = source.take(key)
        if value in (None, False, 1):
            if value is not None:
                draft.off(source.name(key))
            continue
        reason = "levels are not shifted after a sigmoid draw here; see train.timestep_type shift"
        draft.lost(source.name(key), value, reason)
    for key, path, place in (
        ("max_t", "train.min_denoising_steps", 1000), ("min_t", "train.max_denoising_steps", 999)
    ):  # fmt: skip
        if key in source:
            position = place - round(1000 * source.read(key, real, float(place == 1000)))
            draft.put(path, min(max(position, 0), 999))
            draft.took(path, source.name(key))


def _rates(draft: Draft, source: Source) -> None:
    """Rates of parts; that of a text encoder above 0 means that it is trained (SDXL)."""
    keys = ("text_encoder_1_lr", "text_encoder_2_lr")
    rates = {source.name(key): source.read(key, real, 0.0) for key in keys if key in source}
    if not rates:
        return
    first = next(iter(rates.values()))
    draft.put("train.train_text_encoder", bool(first))
    if first and len(set(rates.values())) == 1:
        draft.put("train.text_encoder_lr", first)
    elif len(set(rates.values())) > 1:
        draft.lost("text encoder rates", str(rates), "the text encoders have one rate here")
    draft.took("train.text_encoder_lr", *rates)


def _network(draft: Draft, source: Source) -> None:
    if "adapter" not in source:
        return
    inner = source.inner("adapter")
    kind = str(inner.take("type", "lora"))
    draft.took("network.type", *inner.present("type"))
    if kind not in ("lora", "lokr"):
        draft.lost("adapter.type", kind, "no such network here; a LoRA stands in")
    draft.put("network.type", kind if kind == "lokr" else "lora")
    follow(ADAPTER, inner, draft)
    rank = draft.get("network.linear")
    if kind == "lokr" and isinstance(rank, int) and rank > 4096:
        draft.drop("network.linear")
        draft.told("adapter.rank", rank, "so high that whole matrices are trained: lokr_full_rank")
        draft.put("network.lokr_full_rank", True)
    elif kind == "lokr":
        draft.put("network.lokr_full_rank", False)
    draft.put("network.linear_alpha", draft.get("network.linear"))
    list_rest(inner, draft, REASONS, {})


def _batches(draft: Draft, source: Source) -> None:
    """A batch size, or [side, size] pairs of which the datasets take theirs."""
    value = source.look("micro_batch_size_per_gpu", 1)
    draft.took("train.batch_size", *source.present("micro_batch_size_per_gpu"))
    if isinstance(value, list):
        source.take("micro_batch_size_per_gpu")
        reason = "a batch size belongs to a dataset here; see datasets[].batch_size"
        draft.lost("micro_batch_size_per_gpu", value, reason)
        return
    draft.put("train.batch_size", source.read("micro_batch_size_per_gpu", whole, 1))


def _length(draft: Draft, source: Source, epoch: Epoch | None) -> None:
    """Epochs, at most max_steps."""
    most = source.read("max_steps", optional(whole), None)
    epochs = source.read("epochs", optional(real), None)
    if most is not None:
        draft.took("train.steps", "max_steps")
        draft.put("train.steps", most)
        if epochs is not None and epoch is not None and epoch.of(epochs) < most:
            put_steps(draft, "epochs", epochs, epoch, "train.steps")
        elif epochs is not None:
            draft.told("epochs", epochs, f"max_steps = {most} is taken as the length of the run")
    elif epochs is not None:
        put_steps(draft, "epochs", epochs, epoch, "train.steps")


def _learning(draft: Draft, source: Source) -> None:
    inner = source.inner("optimizer")
    name = str(inner.take("type", "adamw"))
    draft.took("train.optimizer", *inner.present("type"))
    if "lr" in inner:
        draft.put("train.lr", inner.take("lr"))
        draft.took("train.lr", inner.name("lr"))
    params = inner.rest()
    draft.took("train.optimizer_params", *(inner.name(key) for key in params))
    put_optimizer(draft, "optimizer.type", name, params, "optimizer.")
    curve = str(source.take("lr_scheduler", "constant"))
    warmup = source.read("warmup_steps", whole, 0)
    forced = source.take("force_constant_lr")
    keys = ("lr_scheduler", "warmup_steps", "force_constant_lr")
    draft.took("train.lr_scheduler", *source.present(*keys))
    if forced is not None:
        draft.put("train.lr", forced)
        draft.put("train.lr_scheduler", "constant")
        return
    schedule = Schedule(curve, warmup=warmup, total=draft.get("train.steps"))
    if curve == "constant" and schedule.warmup:
        schedule.name = "constant_with_warmup"
        words = f"it begins at 0, not at 1 / {schedule.warmup} of the rate"
        draft.told("warmup_steps", warmup, words)
    elif curve == "cosine":
        schedule.lowest = 1e-6
    put_schedule(draft, schedule)


def _saving(draft: Draft, source: Source, epoch: Epoch | None) -> None:
    path = "save.save_every"
    steps, examples, every = (
        source.read(f"save_every_n_{unit}", optional(real), None)
        for unit in ("steps", "examples", "epochs")
    )
    if steps is not None:
        draft.put(path, int(steps))
        draft.took(path, "save_every_n_steps")
    elif examples is not None:
        batch = draft.get("train.batch_size", 1) * draft.get("train.gradient_accumulation", 1)
        draft.put(path, max(1, math.floor(examples / batch)))
        draft.told(
            "save_every_n_examples", examples, f"{draft.get(path)} steps of {batch} pictures"
        )
    if every is not None and draft.get(path) is None:
        put_steps(draft, "save_every_n_epochs", every, epoch, path)
    elif every is not None:
        draft.lost("save_every_n_epochs", every, "saves have one interval here")
