"""OneTrainer: the JSON of its settings and presets, of all versions, as one of our configs.

Its steps are batches, ours are optimizer steps: counts of steps are divided by the accumulation.
Presets leave out what is at its default, so the defaults that differ from ours are written out.
"""

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Final

from schema.importers.counting import Epoch, epoch_of, put_steps
from schema.importers.draft import Draft
from schema.importers.finishing import finish
from schema.importers.learning import Schedule, put_schedule
from schema.importers.onetrainer_data import add_concepts, put_concepts, put_samples
from schema.importers.onetrainer_tables import (
    DEFAULTS,
    EMBEDDING,
    FAMILIES,
    IDLE_PARTS,
    LOKR,
    LORA,
    MAIN,
    METHODS,
    PEFT,
    REASONS,
    V_PREDICTION,
)
from schema.importers.optimizers import put_optimizer
from schema.importers.tables import SAVE_DTYPES, Source, follow, list_rest, real

_IMPLIED: Final = (
    ("model.name_or_path", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
    ("training_folder", "workspace/run"), ("train.lr", 3e-6), ("train.dtype", "fp16"),
    ("save.dtype", "float32"), ("train.gradient_checkpointing", True),
    ("train.timestep_type", "linear"),
)  # fmt: skip
_QUANTIZED: Final = {"INT_8": "qint8"}
_DENOISERS: Final = ("unet", "transformer", "prior")
_ENCODERS: Final = ("text_encoder", "text_encoder_2", "text_encoder_3", "text_encoder_4")


def read_onetrainer(data: Mapping[str, Any], beside: Path) -> Draft:
    """A draft from a config or preset."""
    draft = Draft()
    source = Source(_newer(data))
    _family(draft, source)
    follow(MAIN, source, draft)
    method = str(source.take("training_method", "FINE_TUNE"))
    draft.took("network", *source.present("training_method"))
    if method not in METHODS:
        draft.lost("training_method", method, "that part is not trained by these options")
    _parts(draft, source)
    _network(draft, source, method)
    put_concepts(draft, source, beside)
    put_samples(draft, source, beside)
    epoch = epoch_of(draft, beside)
    put_steps(draft, "epochs", source.read("epochs", real, 100.0), epoch, "train.steps")
    _learning(draft, source)
    _loss(draft, source)
    _noise(draft, source)
    _intervals(draft, source, epoch)
    _output(draft, source, method)
    for path, value in _IMPLIED:
        draft.imply(path, value)
    for key in IDLE_PARTS:
        if source.values.get(key) is not None:
            source.take(key)
            draft.off(key)
    list_rest(source, draft, REASONS, DEFAULTS)
    finish(draft, "lora_alpha")
    return draft


def read_concepts(data: list[Any]) -> Draft:
    """A draft from a file of concepts alone."""
    draft = Draft()
    add_concepts(draft, data, "concepts", {})
    draft.told("(the file)", "concepts only", "model and training are yours to fill in")
    return draft


def _newer(data: Mapping[str, Any]) -> dict[str, Any]:
    """Older files have the optimizer's keys, and those of parts, beside the others."""
    values = dict(data)
    if isinstance(values.get("optimizer"), str):
        inner = {"optimizer": values.pop("optimizer")}
        for key in [key for key in values if key.startswith("optimizer_") and key[10:]]:
            if key != "optimizer_defaults":
                inner[key.removeprefix("optimizer_")] = values.pop(key)
        values["optimizer"] = inner
    for old, new in (("save_after", "save_every"), ("save_after_unit", "save_every_unit")):
        if old in values:
            values.setdefault(new, values.pop(old))
    return values


def _family(draft: Draft, source: Source) -> None:
    kind = str(source.take("model_type", "STABLE_DIFFUSION_15"))
    draft.took("model.arch", *source.present("model_type"))
    if kind in FAMILIES:
        draft.put("model.arch", FAMILIES[kind])
    else:
        draft.lost("model_type", kind, "no such family here")
    if kind.endswith(("_INPAINTING", "_DEPTH")):
        draft.lost("model_type", kind, "the family without the extra input is taken")
    if kind in V_PREDICTION:
        draft.put("model.is_v_pred", True)
    old = source.take("gradient_checkpointing")
    if old is not None:
        draft.put("train.gradient_checkpointing", old not in (False, "OFF"))
        draft.took("train.gradient_checkpointing", "gradient_checkpointing")


def _parts(draft: Draft, source: Source) -> None:
    """The denoiser, the text encoders and the VAE."""
    for name in _DENOISERS:
        part = source.inner(name)
        _denoiser(draft, part)
        list_rest(part, draft, REASONS, {**DEFAULTS, "train": True, "model_name": ""})
    trained = False
    for index, name in enumerate(_ENCODERS):
        absent = name not in source.values
        part = source.inner(name)
        # The first text encoder is trained unless the config says otherwise.
        train = bool(part.take("train", index == 0 and not absent))
        trained = trained or (train and (index == 0 or not absent))
        draft.took("train.train_text_encoder", *part.present("train"))
        if index == 0 and "learning_rate" in part:
            draft.put("train.text_encoder_lr", part.read("learning_rate", real, 0.0))
            draft.took("train.text_encoder_lr", part.name("learning_rate"))
        if "weight_dtype" in part:
            _weight(draft, part, "model.te_dtype")
        list_rest(part, draft, REASONS, DEFAULTS)
    draft.put("train.train_text_encoder", trained)
    if not trained:
        draft.drop("train.text_encoder_lr")
    vae = source.inner("vae")
    if vae.look("model_name"):
        draft.put("model.vae_path", vae.take("model_name"))
        draft.took("model.vae_path", vae.name("model_name"))
    if "weight_dtype" in vae:
        _weight(draft, vae, "model.vae_dtype")
    list_rest(vae, draft, REASONS, {**DEFAULTS, "train": True})


def _denoiser(draft: Draft, part: Source) -> None:
    if "learning_rate" in part:
        draft.put("train.unet_lr", part.read("learning_rate", real, 0.0))
        draft.took("train.unet_lr", part.name("learning_rate"))
    if part.values.get("train") is False:
        draft.put("train.train_unet", False)
        part.take("train")
        draft.took("train.train_unet", part.name("train"))
    if part.look("gradient_checkpointing") is not None:
        draft.put("train.gradient_checkpointing", bool(part.take("gradient_checkpointing")))
        draft.took("train.gradient_checkpointing", part.name("gradient_checkpointing"))
    if "weight_dtype" in part:
        _weight(draft, part, "model.dtype")


def _weight(draft: Draft, part: Source, path: str) -> None:
    """The precision of a part: as training has it, one of its own, or fewer bits."""
    word = str(part.take("weight_dtype"))
    key = part.name("weight_dtype")
    found = SAVE_DTYPES.get(word.lower())
    current = SAVE_DTYPES.get(str(draft.get("train.dtype", "fp16")))
    if found == "float8" and path != "model.dtype":
        found = None
    if word == "NONE" or found == current:
        draft.off(key)
    elif found is not None:
        draft.imply(path, found)
        draft.took(path, key)
    elif word in _QUANTIZED and path == "model.dtype":
        draft.put("model.quantize", True)
        draft.put("model.qtype", _QUANTIZED[word])
        draft.told(key, word, "8 bit with a scale for each row here")
    else:
        draft.lost(key, word, "no such number format here; see model.quantize, qtype, quantize_te")


def _network(draft: Draft, source: Source, method: str) -> None:
    if method == "EMBEDDING":
        inner = source.inner("embedding")
        follow(EMBEDDING, inner, draft)
        inner.take("uuid")
        list_rest(inner, draft, REASONS, {**DEFAULTS, "train": True})
        return
    embedding = source.inner("embedding")
    for key in embedding.present(*embedding.values):
        draft.off(key)
    if method != "LORA":
        return
    kind = str(source.take("peft_type", "LORA"))
    draft.took("network.type", *source.present("peft_type"))
    if kind not in PEFT:
        draft.lost("peft_type", kind, "no such network here; a LoRA stands in")
    draft.put("network.type", PEFT.get(kind, "lora"))
    decomposed = "lokr_weight_decompose" if kind == "LOKR" else "lora_decompose"
    if source.take(decomposed):
        if kind == "LOKR":
            draft.lost(decomposed, True, "a LoKr does not learn lengths here")
        else:
            draft.put("network.type", "dora")
            draft.took("network.type", decomposed)
    elif source.present(decomposed):
        draft.off(decomposed)
    if kind == "LOKR":
        draft.put("network.lokr_full_rank", False)
    follow(LOKR if kind == "LOKR" else LORA, source, draft)
    draft.imply("network.linear", 16)
    draft.imply("network.linear_alpha", 1)


def _learning(draft: Draft, source: Source) -> None:
    inner = source.inner("optimizer")
    name = str(inner.take("optimizer", "ADAMW"))
    draft.took("train.optimizer", *inner.present("optimizer"))
    params = {key: value for key, value in inner.rest().items() if value is not None}
    for key, value in inner.rest().items():
        if value is None:
            draft.off(inner.name(key))
    if name.upper() == "ADAFACTOR" and isinstance(params.get("eps"), float):
        params["eps"] = [params["eps"], params.pop("eps2", 1e-3)]
    draft.took("train.optimizer_params", *(inner.name(key) for key in params))
    put_optimizer(draft, "optimizer", name, params, "optimizer.")
    _schedule(draft, source)


_CURVES: Final = {
    "CONSTANT": "constant_with_warmup", "LINEAR": "linear", "COSINE": "cosine",
    "COSINE_WITH_HARD_RESTARTS": "cosine_with_restarts",
}  # fmt: skip


def _schedule(draft: Draft, source: Source) -> None:
    keys = ("learning_rate_scheduler", "learning_rate_warmup_steps", "learning_rate_cycles",
            "learning_rate_min_factor")  # fmt: skip
    draft.took("train.lr_scheduler", *source.present(*keys))
    name, warmup, cycles, lowest = (
        source.take(key, default) for key, default in zip(keys, ("CONSTANT", 200.0, 1.0, 0.0))
    )
    total, together = draft.get("train.steps"), draft.get("train.gradient_accumulation", 1)
    schedule = Schedule(_CURVES.get(str(name), str(name).lower()), total=total, key=keys[0])
    try:
        schedule.cycles = real(cycles)
        schedule.lowest = real(lowest) * real(draft.get("train.lr", 3e-6))
        if real(warmup) > 1:
            schedule.warmup = int(real(warmup) / together)
        elif real(warmup) > 0 and total is not None:
            schedule.warmup = int(real(warmup) * total)
        elif real(warmup) > 0:
            draft.lost(keys[1], warmup, "a share of a run whose length is not known")
    except (ValueError, TypeError) as error:
        draft.lost(keys[1], warmup, str(error))
    put_schedule(draft, schedule)


def _loss(draft: Draft, source: Source) -> None:
    square, absolute = source.take("mse_strength", 1.0), source.take("mae_strength", 0.0)
    if (square, absolute) in ((1.0, 0.0), (0.0, 1.0)):
        draft.put("train.loss_type", "mse" if square else "mae")
        draft.took("train.loss_type", *source.present("mse_strength", "mae_strength"))
    else:
        reason = "one loss is taken, at strength 1: mse, mae or another of train.loss_type"
        draft.lost("mse_strength, mae_strength", f"{square}, {absolute}", reason)
    weight, gamma = source.take("loss_weight_fn", "CONSTANT"), source.take("loss_weight_strength")
    if weight == "MIN_SNR_GAMMA":
        draft.put("train.min_snr_gamma", 5.0 if gamma is None else gamma)
        draft.took("train.min_snr_gamma", *source.present("loss_weight_fn", "loss_weight_strength"))
        return
    if weight != "CONSTANT":
        draft.lost("loss_weight_fn", weight, "no such weighting of noise levels here")
    for key in source.present("loss_weight_fn", "loss_weight_strength"):
        draft.off(key)


def _noise(draft: Draft, source: Source) -> None:
    """Timesteps low <= t < high of 1000, as positions in the descending list."""
    low = source.read("min_noising_strength", real, 0.0)
    high = source.read("max_noising_strength", real, 1.0)
    places = (1000 - int(1000 * high), 999 - int(1000 * low))
    if places != (0, 999):
        draft.put("train.min_denoising_steps", places[0])
        draft.put("train.max_denoising_steps", places[1])
    named = source.present("min_noising_strength", "max_noising_strength")
    draft.took("train.min_denoising_steps", *named)
    word = source.take("timestep_distribution", "UNIFORM")
    plain = not source.look("noising_weight") and not source.look("noising_bias")
    if word == "LOGIT_NORMAL" and plain:
        draft.put("train.timestep_type", "sigmoid")
    elif word != "UNIFORM":
        draft.lost("timestep_distribution", word, "no such draw of noise levels here")
    draft.took("train.timestep_type", *source.present("timestep_distribution"))
    ema = source.take("ema", "OFF")
    draft.took("train.ema_config.use_ema", *source.present("ema"))
    if ema == "OFF":
        draft.drop("train.ema_config")
    else:
        draft.put("train.ema_config.use_ema", True)


def _intervals(draft: Draft, source: Source, epoch: Epoch | None) -> None:
    for key, path, default in (
        ("save_every", "save.save_every", 0),
        ("sample_after", "sample.sample_every", 10),
    ):
        count = source.read(key, real, float(default))
        unit = source.take(f"{key}_unit", "NEVER" if key == "save_every" else "MINUTE")
        if key == "sample_after" and draft.get("sample.samples") is None:
            for name in source.present(key, f"{key}_unit"):
                draft.off(name)
            continue
        draft.took(path, *source.present(key, f"{key}_unit"))
        if unit == "STEP":
            draft.put(path, max(1, int(count) // int(draft.get("train.gradient_accumulation", 1))))
        elif unit == "EPOCH":
            put_steps(draft, key, count, epoch, path)
        else:
            draft.put(path, 0)
            if unit != "NEVER":
                draft.lost(key, f"{count:g} {unit}", f"intervals are counted in steps; set {path}")


def _output(draft: Draft, source: Source, method: str) -> None:
    target = source.take("output_model_destination")
    if target is not None:
        draft.put("config.name", PurePath(str(target)).stem)
        words = "runs write into a folder of their own below training_folder; the name is kept"
        draft.told("output_model_destination", target, words)
    form = source.look("output_model_format")
    if method == "FINE_TUNE" and form is not None:
        source.take("output_model_format")
        draft.put("save.save_format", "diffusers" if form == "DIFFUSERS" else "safetensors")
        draft.took("save.save_format", "output_model_format")
    elif form in ("SAFETENSORS", "LEGACY_LORA"):
        source.take("output_model_format")
        draft.off("output_model_format")
